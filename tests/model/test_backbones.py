"""Every backbone gives the embeddings of the original network, in Keras and once converted."""

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import AppError
from core.model import convert
from core.model.backbones import BACKBONES, BUNDLED, DEFAULT, Backbone
from core.model.convert import ABANDONED_SECONDS, converted, place
from core.model.embedder import Embedder

ROOT = Path(__file__).parents[2]

# Last features of `drawing`, by position: the four largest. From the Keras models while they agreed with the
# PyTorch originals (efficientnet-lite-pytorch 0.1.0, same weights, (x - 127) / 128) within 1e-5.
EXPECTED = {
    "lite0": {113: 4.7466, 897: 3.4237, 930: 3.0741, 1157: 3.2153},
    "lite1": {605: 4.5416, 667: 3.3797, 918: 3.6084, 1077: 3.6218},
    "lite2": {302: 2.8651, 966: 3.6375, 1100: 2.7881, 1145: 2.5451},
}
MEANS = {"lite0": 0.11448, "lite1": 0.12165, "lite2": 0.15099}

every_backbone = pytest.mark.parametrize(
    "backbone",
    [
        pytest.param(BACKBONES["lite0"], id="lite0"),
        pytest.param(BACKBONES["lite1"], id="lite1", marks=pytest.mark.slow),
        pytest.param(BACKBONES["lite2"], id="lite2", marks=pytest.mark.slow),
    ],
)


def drawing(side: int) -> NDArray[np.uint8]:
    """A red disc on a field of colours."""
    y, x = np.mgrid[:side, :side] / side
    picture = np.stack([x, y, 1 - x], axis=-1) * 255
    picture[(x - 0.4) ** 2 + (y - 0.55) ** 2 < 0.06] = (230, 40, 60)
    return picture.astype(np.uint8)


def parts(home: Path) -> list[Path]:
    return list((home / "backbones").glob("*.part"))


def test_every_card_has_a_key_of_its_own_that_fits_in_a_file_name() -> None:
    keys = {backbone.key for backbone in BACKBONES.values()}
    assert len(keys) == len(BACKBONES)
    assert all(re.fullmatch(r"[a-z0-9-]+-[0-9a-f]{8}", key) for key in keys)
    assert all(name == backbone.id for name, backbone in BACKBONES.items())


def test_the_bundled_ones_are_those_tried_first() -> None:
    assert set(BUNDLED) == {backbone.id for backbone in BACKBONES.values() if backbone.is_bundled}
    assert BUNDLED[0] == DEFAULT


@every_backbone
def test_embeds_as_the_original_does(backbone: Backbone, backbone_home: Path) -> None:
    (row,) = Embedder(backbone, backbone_home).embed(drawing(backbone.pixels)[np.newaxis])
    assert row.shape == (backbone.row,)
    expected, last = EXPECTED[backbone.id], row[backbone.last]
    assert last.shape == (1280,)
    np.testing.assert_allclose(last[list(expected)], list(expected.values()), atol=1e-3)
    assert last.mean() == pytest.approx(MEANS[backbone.id], abs=1e-4)


@every_backbone
def test_the_maps_average_to_the_row(backbone: Backbone, backbone_home: Path) -> None:
    embedder = Embedder(backbone, backbone_home)
    view = drawing(backbone.pixels)
    (row,) = embedder.embed(view[np.newaxis])
    maps = embedder.maps(view)
    assert [each.shape[-1] for each in maps] == [cut.features for cut in backbone.cuts]
    for each, columns in zip(maps, backbone.columns, strict=True):
        np.testing.assert_allclose(each.mean(axis=(0, 1)), row[columns], atol=1e-4)


@pytest.mark.slow
@every_backbone
def test_keras_and_the_converted_network_agree(backbone: Backbone, backbone_home: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(0).integers(0, 256, (3, backbone.pixels, backbone.pixels, 3), np.uint8)
    np.save(tmp_path / "views.npy", random)
    # A child, because what TensorFlow imports warns, and it would stay in the process of every other test.
    code = (
        "import sys, numpy as np; from core.model.backbones import BACKBONES;"
        "from pathlib import Path; from core.model.convert import build, with_cuts;"
        "card, folder = BACKBONES[sys.argv[1]], Path(sys.argv[2]); views = np.load(folder / 'views.npy');"
        "model = build(card, folder); assert model.trainable_weights == [];"
        "rows = with_cuts(model, card).predict_on_batch(views.astype('float32'))['row'];"
        "assert np.allclose(rows[:, card.last], model.predict_on_batch(views.astype('float32')), atol=1e-5);"
        "np.save(folder / 'rows.npy', rows)"
    )
    run = [sys.executable, "-c", code, backbone.id, str(tmp_path)]
    subprocess.run(run, cwd=ROOT, check=True, capture_output=True)
    rows = Embedder(backbone, backbone_home).embed(random)
    np.testing.assert_allclose(rows, np.load(tmp_path / "rows.npy"), atol=1e-4)


@pytest.mark.slow
def test_conversions_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from core.model.backbones import BACKBONES, DEFAULT;"
        "from core.model.convert import converted; converted(BACKBONES[DEFAULT], pathlib.Path(sys.argv[1]))"
    )
    run = [sys.executable, "-c", code, str(tmp_path)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: subprocess.run(run, cwd=ROOT, check=True, capture_output=True), range(2)))
    assert [path.name for path in (tmp_path / "backbones").iterdir()] == [place(BACKBONES[DEFAULT], tmp_path).name]
    assert Embedder(BACKBONES[DEFAULT], tmp_path).embed(drawing(224)[np.newaxis]).any()


def test_a_conversion_killed_half_way_is_not_taken_for_a_whole_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(backbone: Backbone, home: Path, folder: Path) -> None:
        (folder / "model.xml").write_text("<net")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(convert, "_run", killed)
        with pytest.raises(KeyboardInterrupt):
            converted(BACKBONES[DEFAULT], tmp_path)
    assert not list((tmp_path / "backbones").iterdir())


@pytest.mark.slow
def test_what_a_killed_process_left_is_cleared_once_it_is_old(tmp_path: Path) -> None:
    code = (
        "import sys, os, pathlib; from core.model import convert; from core.model.backbones import *;"
        "convert._run = lambda *_: os._exit(9);"
        "convert.converted(BACKBONES[DEFAULT], pathlib.Path(sys.argv[1]))"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT).returncode == 9
    (left,) = parts(tmp_path)
    old = time.time() - ABANDONED_SECONDS - 60
    os.utime(left, (old, old))
    path = converted(BACKBONES[DEFAULT], tmp_path)
    assert path.is_file()
    assert path.with_suffix(".bin").stat().st_size > 13_000_000  # float32: half of it would be float16
    assert parts(tmp_path) == []


def test_a_conversion_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "keras.py").write_text("raise MemoryError('no memory is left')")
    with pytest.raises(AppError, match="could not be prepared: MemoryError: no memory is left"):
        converted(BACKBONES[DEFAULT], tmp_path / "home")
    assert not list((tmp_path / "home" / "backbones").iterdir())

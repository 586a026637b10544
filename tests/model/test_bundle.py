"""A bundle gives back exactly what was trained, and refuses what it cannot answer for."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.data.dataset import from_folder
from core.data.photo import Refused, decode
from core.errors import BadInput
from core.model.bundle import FILES, Bundle, Prediction, read_folder
from core.model.embedder import Embedders
from core.model.train import train_model

ROOT = Path(__file__).parents[2]


@pytest.fixture
def bundle(photo_folder: Callable[..., Path], home: Path) -> Bundle:
    return train_model(from_folder(photo_folder("training")), Embedders(home)).bundle


@pytest.fixture
def picture(photo_folder: Callable[..., Path]) -> bytes:
    return next((photo_folder("new", first=90, count=1) / "disc").iterdir()).read_bytes()


def test_reads_back_what_it_wrote(bundle: Bundle, home: Path, picture: bytes) -> None:
    again = Bundle.from_files(bundle.to_files())
    assert again.reports == bundle.reports
    assert again.table == bundle.table
    assert again.advice == bundle.advice
    assert again.memory.sha256 == bundle.memory.sha256
    assert len(again.memory.sha256) == 16
    assert again.to_files() == bundle.to_files()
    for mode in bundle.reports:
        assert again.predict([picture], home, mode=mode) == bundle.predict([picture], home, mode=mode)


def test_scores_are_probabilities_likeliest_first(bundle: Bundle, home: Path, picture: bytes) -> None:
    (answer,) = bundle.predict([picture], home)
    assert isinstance(answer, Prediction)
    assert sum(answer.scores.values()) == pytest.approx(1, abs=1e-5)
    assert list(answer.scores.values()) == sorted(answer.scores.values(), reverse=True)
    assert answer.label == next(iter(answer.scores)) == "disc"
    assert answer.probability == answer.scores["disc"]


def test_bytes_and_their_pixels_get_the_same_answer(bundle: Bundle, home: Path, picture: bytes) -> None:
    from_bytes, from_pixels = bundle.predict([picture, decode(picture)], home)
    assert from_bytes == from_pixels


def test_one_bad_photo_does_not_stop_the_others(bundle: Bundle, home: Path, picture: bytes) -> None:
    first, bad, last = bundle.predict([picture, b"no picture", picture], home)
    assert isinstance(bad, Refused)
    assert bad.reason
    assert first == last
    assert isinstance(first, Prediction)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 99}, "Update Thimble"),
        ({"preprocessing": 99}, "Train it again"),
        ({"format": 1}, "Train it again"),
        ({"backbones": {"lite0": "00"}}, "Train it again"),
        ({"backbones": {"unheard of": "00"}}, "unheard of"),
        ({"categories": ["one", "two", "three"]}, "damaged"),
    ],
)
def test_a_model_it_cannot_answer_for_is_refused(bundle: Bundle, change: dict[str, object], words: str) -> None:
    files = bundle.to_files()
    files["bundle.json"] = json.dumps(json.loads(files["bundle.json"]) | change).encode()
    with pytest.raises(BadInput) as error:
        Bundle.from_files(files)
    assert words in str(error.value)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_or_damaged_file_is_refused(bundle: Bundle, name: str) -> None:
    files = bundle.to_files()
    with pytest.raises(BadInput, match=name):
        Bundle.from_files({other: data for other, data in files.items() if other != name})
    with pytest.raises(BadInput):
        Bundle.from_files(files | {name: files[name][: len(files[name]) // 2]})


def test_a_head_that_would_run_code_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    arrays = dict(np.load(io.BytesIO(bundle.to_files()["heads.npz"])))
    np.savez(tmp_path / "evil.npz", allow_pickle=True, **(arrays | {"fast.0.bias": np.array([print], dtype=object)}))
    with pytest.raises(BadInput, match="damaged"):
        Bundle.from_files(bundle.to_files() | {"heads.npz": (tmp_path / "evil.npz").read_bytes()})


def test_no_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="There is no model folder"):
        read_folder(tmp_path / "nowhere")


def test_a_fresh_process_predicts_without_tensorflow_in_little_memory(
    bundle: Bundle, home: Path, picture: bytes, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for name, data in bundle.to_files().items():
        (folder / name).write_bytes(data)
    (tmp_path / "photo.jpg").write_bytes(picture)
    code = """
import json, psutil, sys
from pathlib import Path
from core.model.bundle import read_folder
answer = read_folder(Path(sys.argv[1])).predict([Path(sys.argv[2]).read_bytes()], Path(sys.argv[3]))[0]
megabytes = psutil.Process().memory_info().rss / 1e6  # ru_maxrss would count the parent from before exec
print(json.dumps({"label": answer.label, "megabytes": megabytes, "tensorflow": "tensorflow" in sys.modules}))
"""
    arguments = [sys.executable, "-c", code, str(folder), str(tmp_path / "photo.jpg"), str(home)]
    done = subprocess.run(arguments, cwd=ROOT, check=True, capture_output=True, text=True)
    told = json.loads(done.stdout)
    assert told["label"] == "disc"
    assert not told["tensorflow"]
    assert told["megabytes"] < 400


def test_another_share_refuses_more_and_changes_nothing_else(bundle: Bundle, home: Path, picture: bytes) -> None:
    strict = bundle.with_share(0.4)
    (before,), (after,) = bundle.predict([picture], home), strict.predict([picture], home)
    assert isinstance(before, Prediction)
    assert isinstance(after, Prediction)
    assert (before.scores, before.nearness) == (after.scores, after.nearness)
    assert strict.novelty["fast"].threshold < bundle.novelty["fast"].threshold
    assert strict.memory is bundle.memory

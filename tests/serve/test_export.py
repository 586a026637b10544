"""A model taken along: every format made by the real converters, run by the real runtimes, used as its card says."""

import io
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from core.data.dataset import NONE_OF_THESE
from core.data.photo import Pixels, decode, encode
from core.data.store import Project, Store
from core.errors import AppError, BadInput, Cancelled, NotFound
from core.model.embedder import Embedders
from core.model.eyes import Progress
from core.serve.answers import Answers, Live
from core.serve.export import FORMATS, export_model
from core.serve.export.formats import Tolerance
from tests.serve.conftest import KINDS, PHOTOS, shape, trained_shapes

MODELS = [name for name, form in FORMATS.items() if form.model]
RUNS_FOR = 120  # seconds; a program imports TensorFlow on a busy computer
EXACT = [name for name in MODELS if name != "litert8"]


def never_seen(number: int) -> Pixels:
    """A photo of no category or of one, of any proportions."""
    random = np.random.default_rng(number)
    pixels = decode(shape(("disc", "stripes", "square")[number % 3], 1000 + number))
    height, width = random.integers(40, 641, 2)
    rows, columns = (np.arange(side) * old // side for side, old in zip((height, width), pixels.shape[:2], strict=True))
    stretched = pixels[rows][:, columns].astype(np.int64) + random.integers(-40, 41, (height, width, 3))
    return np.clip(stretched, 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Made:
    """A trained project that was exported in every format, where each is unpacked, and what the export said."""

    store: Store
    project: Project
    folder: Path
    said: dict[str, object]
    words: list[str]

    @property
    def live(self) -> Live:
        return Answers(self.store, Embedders(self.store.home)).live(self.project.id)


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory, trained_files: dict[str, bytes], backbone_home: Path
) -> Iterator[Made]:
    """The proof sees 16 photos that it learnt from and 84 that it never saw."""
    folder = tmp_path_factory.mktemp("exports")
    store = Store(backbone_home)
    project = trained_shapes(store, trained_files)
    for category in store.categories(project.id):
        for number in range(42):
            seed = 2 * number + category.position
            store.photos.add(category.id, encode(never_seen(seed)), f"{seed}.jpg")
    words: list[str] = []
    said = export_model(
        store,
        project.id,
        list(FORMATS),
        home=backbone_home,
        on_progress=lambda fraction, step: words.append(f"{fraction:.4f} {step}"),
    )
    for name in FORMATS:
        with zipfile.ZipFile(io.BytesIO(store.exports.read(project.id, 1, name))) as archive:
            archive.extractall(folder / name)
    yield Made(store, project, folder, said, words)
    store.close()


@pytest.mark.slow
def test_every_format_gives_the_same_answers_on_a_hundred_photos(made: Made) -> None:
    assert made.said["refused"] == []
    found = made.said["made"]
    assert isinstance(found, dict)
    assert list(found) == list(FORMATS)
    for name, proof in found.items():
        assert proof["photos"] == 100
        if name == "litert8":
            assert proof["same_category"] >= 0.97
            assert proof["same_none"] >= 0.97
            continue
        assert proof["same_category"] == proof["same_none"] == 1.0
        assert proof["probability"] < 1e-4, "ten times nearer than is promised"
        assert proof["strangeness"] < 5e-3


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_the_program_that_goes_along_gives_the_expected_answers(made: Made, name: str) -> None:
    expected = json.loads((made.folder / name / "photos" / "expected.json").read_text("utf-8"))
    assert len(expected) == 5
    for each in expected[:2] if name in ("keras", "savedmodel") else expected:
        done = subprocess.run(
            [sys.executable, "example.py", each["photo"]],
            cwd=made.folder / name,
            capture_output=True,
            text=True,
            timeout=RUNS_FOR,
        )
        assert done.stdout.strip() == each["answer"], done.stderr
    program = (made.folder / name / "example.py").read_text("utf-8")
    assert len(program.splitlines()) <= 15
    assert "core" not in program, "it needs no Thimble"


@pytest.mark.slow
def test_what_is_expected_is_what_thimble_says(made: Made) -> None:
    live = made.live
    for name in FORMATS:
        expected = json.loads((made.folder / name / "photos" / "expected.json").read_text("utf-8"))
        photos = [(made.folder / name / each["photo"]).read_bytes() for each in expected]
        answers = live.bundle.predict_with(Embedders(made.store.home), photos, mode=live.mode)
        for each, answer in zip(expected, answers, strict=True):
            assert each["answer"] == (NONE_OF_THESE if answer.is_none else answer.label)
            assert each["probabilities"] == pytest.approx(answer.scores, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_each_holds_its_labels_and_a_card_with_the_proof(made: Made, name: str) -> None:
    folder, live = made.folder / name, made.live
    labels = json.loads((folder / "labels.json").read_text("utf-8"))
    assert labels["categories"] == list(KINDS)
    assert labels["threshold"] == live.bundle.novelty[live.mode].threshold
    assert (labels["project"], labels["version"]) == ("Shapes", 1)
    card = (folder / ("MODEL_CARD.md" if name == "demo" else "README.md")).read_text("utf-8")
    proof = made.said["made"][name]
    assert f"largest difference of a probability | {proof['probability']:.2g}" in card
    assert "100 photos" in card
    assert "Apache-2.0" in card
    assert f"learnt from {2 * PHOTOS} photos" in card
    assert all(f"photos/{number}.jpg`" in card for number in range(1, 6))
    assert "take them out before you publish" in card


@pytest.mark.slow
def test_nothing_in_them_tells_where_they_were_made(made: Made) -> None:
    places = [str(made.store.home), str(Path(__file__).parents[2]), "thimble-export-"]
    for path in made.folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not [place for place in places if place.encode() in data], path.relative_to(made.folder)


@pytest.mark.slow
def test_the_progress_only_goes_forward_and_names_each_format(made: Made) -> None:
    fractions = [float(line.split()[0]) for line in made.words]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    for name in MODELS:
        assert any(FORMATS[name].name in line for line in made.words)


@pytest.mark.slow
def test_one_that_is_beyond_its_tolerance_or_cannot_be_made_is_refused_and_the_others_go_on(
    store_with_model: tuple[Store, Project], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, project = store_with_model
    (tmp_path / "tf2onnx.py").write_text("raise RuntimeError('this converter is out of order')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setitem(FORMATS, "openvino", replace(FORMATS["openvino"], tolerance=Tolerance(1.0, 0.0, 0.0)))
    said = export_model(store, project.id, ["onnx", "openvino", "savedmodel"], home=store.home)
    assert list(said["made"]) == ["savedmodel"]
    refused = {each["name"]: each["reason"] for each in said["refused"]}
    assert "out of order" in refused["ONNX"]
    assert "at most 0 is allowed" in refused["OpenVINO"]
    assert [export.name for export in store.exports.of(project.id, 1)] == ["savedmodel"]


@pytest.fixture
def store_with_model(home: Path, trained_files: dict[str, bytes]) -> Iterator[tuple[Store, Project]]:
    store = Store(home)
    yield store, trained_shapes(store, trained_files)
    store.close()


def stopping(at: str) -> Progress:
    def on_progress(fraction: float, words: str) -> None:
        if words == at:
            raise Cancelled("You stopped this.")

    return on_progress


@pytest.mark.parametrize("at", ["Asking Thimble itself", "Starting Keras"])
def test_stopped_it_leaves_no_process_and_no_export(store_with_model: tuple[Store, Project], at: str) -> None:
    store, project = store_with_model
    before = {child.pid for child in psutil.Process().children()}
    with pytest.raises(Cancelled):
        export_model(store, project.id, ["onnx"], home=store.home, on_progress=stopping(at))
    deadline = time.monotonic() + 10
    while {child.pid for child in psutil.Process().children()} - before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not {child.pid for child in psutil.Process().children()} - before
    assert store.exports.of(project.id, 1) == []


def test_without_keras_it_says_so(
    store_with_model: tuple[Store, Project], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, project = store_with_model
    (tmp_path / "keras.py").write_text("raise MemoryError('no memory is left')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(AppError, match="no memory is left") as raised:
        export_model(store, project.id, ["onnx"], home=store.home)
    assert raised.value.hint
    assert store.exports.of(project.id, 1) == []


def test_what_is_not_there_is_named(store_with_model: tuple[Store, Project]) -> None:
    store, project = store_with_model
    with pytest.raises(BadInput, match="'coreml'"):
        export_model(store, project.id, ["coreml"], home=store.home)
    with pytest.raises(NotFound, match="version 7"):
        export_model(store, project.id, ["onnx"], version=7, home=store.home)
    with pytest.raises(NotFound):
        export_model(store, store.create_project("Empty").id, ["onnx"], home=store.home)


def test_asking_for_it_brings_no_tensorflow_and_no_runtime_into_the_app() -> None:
    code = (
        "import sys, core.serve.export; heavy = {'tensorflow', 'keras', 'onnxruntime', 'tf2onnx', 'ai_edge_litert',"
        " 'openvino'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=True)

"""The command line, run as a person runs it: another process, real folders, and what it prints."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.hostile import make_hostile

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.usefixtures("home")


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "core", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def run_json(*arguments: object) -> Any:
    done = run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.fixture
def model(photo_folder: Callable[..., Path], tmp_path: Path) -> Path:
    run_json("train", photo_folder("training"), "--out", tmp_path / "model")
    return tmp_path / "model"


def test_train_tells_all_that_was_promised(photo_folder: Callable[..., Path], tmp_path: Path) -> None:
    told = run_json("train", photo_folder(), "--out", tmp_path / "models" / "first")
    assert told["categories"] == ["disc", "stripes"]
    assert told["photos"] == 16
    assert told["set_aside"] == []
    assert told["mode"] in {"fast", "best"}
    assert told["looks"][0].startswith("lite")
    assert told["tried"][0]["log_loss"] == min(row["log_loss"] for row in told["tried"])
    low, high = told["accuracy_interval"]
    assert 0 <= low <= told["accuracy"] <= high <= 1
    assert {"look", "look_and_choose", "fit", "advise", "total"} <= set(told["seconds"])
    assert {path.name for path in (tmp_path / "models").iterdir()} == {"first"}


def test_predict_answers_each_file_in_order(model: Path, photo_folder: Callable[..., Path], tmp_path: Path) -> None:
    new = photo_folder("new", count=1, first=70)
    bad = tmp_path / "bad.jpg"
    bad.write_text("words")
    disc, stripes = new / "disc" / "disc 70.jpg", new / "stripes" / "stripes 70.jpg"
    told = run_json("predict", model, disc, bad, stripes, tmp_path / "nowhere.jpg")
    assert [item["file"] for item in told] == [
        str(disc),
        str(bad),
        str(stripes),
        str(tmp_path / "nowhere.jpg"),
    ]
    assert [item.get("label") for item in told] == ["disc", None, "stripes", None]
    assert told[0]["probability"] == max(told[0]["scores"].values())
    assert set(told[0]["scores"]) == {"disc", "stripes"}
    assert told[1]["error"]
    assert told[3]["error"]


def test_evaluate_measures_on_other_photos(model: Path, photo_folder: Callable[..., Path]) -> None:
    told = run_json("evaluate", model, photo_folder("test", first=40, count=5))
    assert told["photos"] == 10
    assert told["categories"] == ["disc", "stripes"]
    assert sum(map(sum, told["confusion"])) == 10
    right = sum(told["confusion"][at][at] for at in range(2))
    assert told["accuracy"] == pytest.approx(right / 10)
    assert {"set_aside", "balanced_accuracy", "log_loss", "expected_calibration_error"} <= set(told)


@pytest.mark.slow
def test_hostile_files_are_listed_and_the_good_ones_learnt(photo_folder: Callable[..., Path], tmp_path: Path) -> None:
    folder = photo_folder()
    expected = make_hostile(folder / "disc")
    told = run_json("train", folder, "--out", tmp_path / "model")
    reasons = {item["file"]: item["reason"] for item in told["set_aside"]}
    expected |= {name: "zip archive" for name in expected if name.endswith(".zip")}  # not unpacked in a folder
    for name, word in expected.items():
        if word is None:
            assert f"disc/{name}" not in reasons, reasons
        else:
            assert word in reasons[f"disc/{name}"]
    assert len(reasons) == sum(word is not None for word in expected.values())
    assert told["photos"] == 16 + sum(word is None for word in expected.values())


@pytest.mark.parametrize("kind", ["no folder", "a file", "empty", "one category", "one photo"])
def test_bad_input_ends_with_2_and_one_line(kind: str, photo_folder: Callable[..., Path], tmp_path: Path) -> None:
    folder = photo_folder(kinds=("disc",) if kind == "one category" else ("disc", "stripes"), count=3)
    if kind == "no folder":
        shutil.rmtree(folder)
    elif kind == "a file":
        folder = folder / "disc" / "disc 0.jpg"
    elif kind == "empty":
        shutil.rmtree(folder)
        folder.mkdir()
    elif kind == "one photo":
        for photo in sorted((folder / "disc").iterdir())[1:]:
            photo.write_bytes(b"")
    done = run("train", folder, "--out", tmp_path / "model", "--json")
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "model").exists()


def test_a_folder_that_holds_something_else_is_not_overwritten(
    photo_folder: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "precious"
    out.mkdir()
    (out / "diary.txt").write_text("mine")
    done = run("train", photo_folder(), "--out", out)
    assert done.returncode == 2
    assert (out / "diary.txt").read_text() == "mine"


@pytest.mark.slow
def test_training_again_replaces_the_model(model: Path, photo_folder: Callable[..., Path]) -> None:
    told = run_json("train", photo_folder("more", kinds=("disc", "square", "stripes")), "--out", model)
    assert told["categories"] == ["disc", "square", "stripes"]
    assert json.loads((model / "bundle.json").read_text())["categories"] == told["categories"]


@pytest.mark.slow
def test_without_json_it_speaks_in_words(photo_folder: Callable[..., Path], tmp_path: Path) -> None:
    done = run("train", photo_folder(), "--out", tmp_path / "model")
    assert done.returncode == 0
    assert "Learnt 2 categories from 16 photos" in done.stdout

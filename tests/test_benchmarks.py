"""The benchmarks as `make bench` runs them, on a few drawn dresses: that they run and add up."""

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from benchmarks.photo_sets import VARIABLE, draw_dresses, find_sets
from core.errors import BadInput

ROOT = Path(__file__).parents[1]


def bench(*arguments: object, sets: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    if sets:
        environment[VARIABLE] = str(sets)
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.slow
@pytest.mark.usefixtures("home")
def test_every_part_runs_and_its_ratios_are_of_one_run(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    done = bench("--quick", "--out", file)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    assert told["command"] == ["python", "-m", "benchmarks", "--quick", "--out", str(file)]
    assert told["machine"]["cores"] >= 1
    assert {"python", "keras", "tensorflow", "openvino"} <= set(told["versions"])

    (dresses,) = told["sets"]
    trained = dresses["photos_to_model"]
    assert (dresses["name"], trained["photos"], trained["categories"]) == ("drawn dresses", 12, 2)
    assert set(trained["seconds"]) == {"decode_embed", "choose", "fit", "evaluate", "total"}

    embedded = dresses["embedding"]
    for precision, times in embedded["times_keras"].items():
        if times is not None:
            ours, keras = (median(embedded["rounds"][side]) for side in (precision, "keras"))
            assert times == pytest.approx(ours / keras)
    assert len(embedded["rounds"]["keras"]) == len(embedded["rounds"]["f32"]) == told["effort"]["rounds"]

    single = dresses["single_prediction"]
    assert single["predictions"] == told["effort"]["predictions"]
    assert 0 < single["p50_ms"] <= single["p99_ms"]

    compared = dresses["against_the_guide"]
    for each in (compared, *compared["splits"]):
        ours, guide = each["thimble"], each["guide"]
        assert ours["photos"] == guide["photos"]
        assert each["times_faster"] == pytest.approx(guide["seconds"]["total"] / ours["seconds"]["total"])
        assert each["points_higher"] == pytest.approx(100 * (ours["accuracy"] - guide["accuracy"]))
    assert compared["training_photos"] + compared["thimble"]["photos"] == 12

    assert f"{compared['times_faster']:.1f} × faster" in done.stdout
    assert f"{single['p99_ms']:.2f} ms" in done.stdout


@pytest.mark.slow
@pytest.mark.usefixtures("home")
def test_named_sets_and_parts_alone_are_measured(tmp_path: Path) -> None:
    sets = tmp_path / "sets"
    draw_dresses(sets, 2).folder.rename(sets / "two each")
    file = tmp_path / "results.json"
    done = bench("--quick", "--only", "a", "--out", file, sets=sets)
    assert done.returncode == 0, done.stderr
    (measured,) = json.loads(file.read_text(encoding="utf-8"))["sets"]
    assert set(measured) == {"name", "photos_to_model"}
    assert (measured["name"], measured["photos_to_model"]["photos"]) == ("two each", 4)


def test_a_folder_of_sets_and_a_set_alone_are_found(tmp_path: Path) -> None:
    drawn = draw_dresses(tmp_path, 1)
    (tmp_path / "README.md").write_text("not a set")
    (tmp_path / "empty").mkdir()
    assert find_sets(tmp_path) == [drawn]
    assert find_sets(drawn.folder) == [drawn]


@pytest.mark.parametrize("name", ["empty", "nowhere"])
def test_a_folder_without_sets_is_refused_in_words(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match=name):
        find_sets(tmp_path / name)


def test_a_folder_of_sets_is_no_set_though_licences_lie_in_it(tmp_path: Path) -> None:
    for name in ("one", "two"):
        draw_dresses(tmp_path / name, count=1)
        (tmp_path / name / "drawn dresses").rename(tmp_path / f"set {name}")
        (tmp_path / f"set {name}" / "LICENCE.txt").write_text("yours")
        (tmp_path / name).rmdir()
    assert [found.name for found in find_sets(tmp_path)] == ["set one", "set two"]

"""The benchmarks as `make bench` runs them, on a few drawn photos: that they run, deal fairly and add up."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
import pytest

from benchmarks import few_photos, forecasts, honesty
from benchmarks.draws import draw
from benchmarks.photo_sets import VARIABLE, Labelled, PhotoSet, draw_dresses, find_sets, sets_beside, split
from benchmarks.strangers import area
from core.data.dataset import Photo
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
        timeout=900,
    )


@pytest.mark.slow
@pytest.mark.usefixtures("home")
def test_parts_on_whole_sets_run_and_their_ratios_are_of_one_run(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    done = bench("--quick", "--only", "a,b,c,d,e", "--out", file)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    assert told["command"] == ["python", "-m", "benchmarks", "--quick", "--only", "a,b,c,d,e", "--out", str(file)]
    assert told["machine"]["cores"] >= 1
    assert {"python", "keras", "tensorflow", "openvino"} <= set(told["versions"])

    (dresses,) = told["sets"]
    trained = dresses["photos_to_model"]
    assert (dresses["name"], trained["photos"], trained["categories"]) == ("drawn dresses", 32, 2)
    parts = ("look", "look_and_choose", "fit", "advise")
    assert sum(trained["seconds"][part] for part in parts) == pytest.approx(trained["seconds"]["total"])

    embedded = dresses["embedding"]
    for precision, times in embedded["times_keras"].items():
        if times is not None:
            ours, keras = (median(embedded["rounds"][side]) for side in (precision, "keras"))
            assert times == pytest.approx(ours / keras)
    assert len(embedded["rounds"]["keras"]) == len(embedded["rounds"]["f32"]) == told["effort"]["rounds"]

    single = dresses["single_prediction"]
    assert single["predictions"] == told["effort"]["predictions"]
    assert set(single["modes"]) == {"fast", "best"}
    assert all(0 < each["p50_ms"] <= each["p99_ms"] for each in single["modes"].values())

    compared = dresses["against_the_guide"]
    for each in (compared, *compared["splits"]):
        ours, guide = each["thimble"], each["guide"]
        assert ours["photos"] == guide["photos"]
        assert each["times_faster"] == pytest.approx(guide["seconds"]["total"] / ours["seconds"]["total"])
        assert each["points_higher"] == pytest.approx(100 * (ours["accuracy"] - guide["accuracy"]))
    assert compared["training_photos"] + compared["thimble"]["photos"] == 32

    kinds = dresses["what_cleaning_finds"]["kinds"]
    assert kinds["suspects of a training"]["there"] == 3
    assert kinds["off-topic"]["recall"] == kinds["off-topic"]["recalled"] / kinds["off-topic"]["there"]

    assert f"{compared['times_faster']:.1f} × faster" in done.stdout
    assert f"{single['modes']['best']['p99_ms']:.2f} ms" in done.stdout


@pytest.mark.slow
@pytest.mark.usefixtures("home")
def test_parts_on_draws_run_and_are_put_together(tmp_path: Path, photo_folder: Callable[..., Path]) -> None:
    kinds = ("disc", "square", "stripes")
    photo_folder("sets/shapes", kinds=kinds, count=16)
    photo_folder("sets/more shapes", kinds=kinds, count=16, first=100)
    file = tmp_path / "results.json"
    done = bench("--quick", "--only", "f,g,h,i,j", "--out", file, sets=tmp_path / "sets")
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    assert [each["name"] for each in told["sets"]] == ["more shapes", "shapes"]
    shapes = told["sets"][1]

    (run,) = shapes["few_photos"]["runs"]
    assert (run["photos"], set(run["sides"])) == (15, {"thimble", "guide", "teachable", "tuned"})
    assert run["kept_out"] >= 9
    cell, sides = shapes["few_photos"]["sizes"]["5"], run["sides"]
    assert sides["thimble"]["accuracy"] == sides["thimble"]["modes"][sides["thimble"]["mode"]]
    for name in ("guide", "teachable", "tuned"):
        ours, theirs = sides["thimble"], sides[name]
        assert cell["against"][name]["points_higher"] == pytest.approx(100 * (ours["accuracy"] - theirs["accuracy"]))
        ratio = theirs["seconds"]["train"] / ours["seconds"]["train"]
        assert cell["against"][name]["times_faster"] == pytest.approx(ratio)
    cells = [each["few_photos"]["sizes"]["5"] for each in told["sets"]]
    overall = told["overall"]["few_photos"]["over"]["against"]["tuned"]["points_higher"]
    assert overall == pytest.approx(fmean(each["against"]["tuned"]["points_higher"] for each in cells))

    assert told["overall"]["forecasts"]["errors"]["runs"] == 2
    assert told["overall"]["honesty"]["all"]["advised"]["draws"] == 2
    assert 0 <= shapes["honesty"]["sizes"]["5"]["best"]["calibration_error"] <= 1

    strangers = shapes["none_of_these"]
    assert set(strangers["accepted_from"]) == {"more shapes"}
    assert strangers["runs"][0]["left_out"][0]["category"] in kinds
    assert 0 <= strangers["areas"]["shipped"] <= 1

    chosen = shapes["choosing_time"]
    assert (chosen["photos"], chosen["categories"]) == (18, 3)
    assert chosen["seconds"]["cached"]["look"] < chosen["seconds"]["cold"]["total"]
    assert chosen["choice"] == chosen["seconds"]["cached"]["look_and_choose"]
    assert "fine-tuning all layers" in done.stdout
    assert "2 sets together" in done.stdout


@pytest.mark.slow
@pytest.mark.usefixtures("home")
def test_named_sets_and_parts_alone_are_measured(tmp_path: Path) -> None:
    sets = tmp_path / "sets"
    draw_dresses(sets, 4).folder.rename(sets / "some each")
    file = tmp_path / "results.json"
    done = bench("--quick", "--only", "a", "--out", file, sets=sets)
    assert done.returncode == 0, done.stderr
    (measured,) = json.loads(file.read_text(encoding="utf-8"))["sets"]
    assert set(measured) == {"name", "photos_to_model"}
    assert (measured["name"], measured["photos_to_model"]["photos"]) == ("some each", 8)


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


def test_the_sets_beside_one_are_those_that_strangers_come_from(tmp_path: Path) -> None:
    for name in ("one", "two"):
        draw_dresses(tmp_path / name, count=1).folder.rename(tmp_path / f"set {name}")
    (tmp_path / "notes").mkdir()
    one, two = find_sets(tmp_path)
    assert sets_beside(one) == [PhotoSet(two.name, two.folder.resolve())]


def known(folder: Path, counts: dict[str, int], originals: int, shift: int = 0) -> Labelled:
    """Photos in pairs of look-alikes, and in pairs of one original, of which there are so many for all categories.

    The pairs are the same unless they are shifted; then they link each photo with the next, and so all of them.
    """
    names = [(category, number) for category, count in counts.items() for number in range(count)]
    return Labelled(
        folder=folder,
        photos=tuple(Photo(f"{category} {number}", f"{category}/{number}.jpg", category) for category, number in names),
        labels=np.array([list(counts).index(category) for category, _ in names]),
        groups=np.unique([f"{category} {(number + shift) // 2}" for category, number in names], return_inverse=True)[1],
        sources=np.array([number // 2 % originals for _, number in names]),
    )


@pytest.mark.parametrize(("originals", "shift"), [(40, 0), (12, 0), (40, 1)])
def test_what_belongs_together_is_never_learnt_and_kept_out(originals: int, shift: int, tmp_path: Path) -> None:
    photos = known(tmp_path, {"cat": 60, "dog": 60, "eel": 30}, originals, shift)
    place = {photo.key: at for at, photo in enumerate(photos.photos)}
    for seed in range(5):
        dealt = draw(photos, 10, 400, seed)
        learnt = [place[photo.key] for photo in dealt.training(10)]
        kept_out = [place[photo.key] for photo in dealt.kept_out]
        assert learnt
        assert kept_out
        for numbers in (photos.groups, photos.sources):
            assert not set(numbers[learnt]) & set(numbers[kept_out])


def test_a_draw_has_as_many_of_each_category_as_asked(tmp_path: Path) -> None:
    photos = known(tmp_path, {"cat": 60, "dog": 60, "eel": 12}, 60)
    dealt = draw(photos, 20, 45, 0)
    assert Counter(photo.category for photo in dealt.training(20)) == {"cat": 20, "dog": 20, "eel": 10}
    assert Counter(photo.category for photo in dealt.training(5)) == {"cat": 5, "dog": 5, "eel": 5}
    assert set(dealt.training(5)) < set(dealt.training(20))
    assert max(Counter(photo.category for photo in dealt.kept_out).values()) == 15
    assert dealt.offers(20)
    assert not dealt.offers(21)
    assert draw(photos, 20, 45, 0) == dealt
    assert draw(photos, 20, 45, 1) != dealt
    assert draw(photos, 20, 45, 0, alike=True).categories == ("cat", "dog")


def test_both_sides_of_a_split_keep_the_names_that_tell_of_originals(tmp_path: Path) -> None:
    drawn = draw_dresses(tmp_path, 10)
    names = sorted(path.relative_to(drawn.folder).as_posix() for path in drawn.folder.rglob("*.*"))
    photos = tuple(Photo(name, name, name.split("/")[0]) for name in names)
    labels = np.unique([photo.category for photo in photos], return_inverse=True)[1]
    apart = np.arange(len(photos))
    training, kept_out = split(Labelled(drawn.folder, photos, labels, apart, apart), 0, tmp_path / "split")
    copied = [[path.relative_to(part).as_posix() for path in part.rglob("*.*")] for part in (training, kept_out)]
    assert sorted(copied[0] + copied[1]) == names
    assert [len(each) for each in copied] == [16, 4]


def test_points_are_of_draws_that_both_sides_ran_and_ratios_of_all_their_seconds() -> None:
    def cell(points: float, times: float, seconds: float) -> dict[str, Any]:
        side = {"accuracy": 0.8, "seconds": seconds}
        return {
            "sides": {"thimble": side | {"seconds": seconds / times}, "tuned": side},
            "modes": {"fast": 0.7, "best": 0.8},
            "against": {"tuned": {"draws": 1, "points_higher": points, "times_faster": times}},
        }

    alone = {"sides": {"thimble": {"accuracy": 0.9, "seconds": 1.0}}, "modes": {"fast": 0.9, "best": 0.9}}
    sets = [
        {"sizes": {5: cell(2.0, 100, 100), 10: {**alone, "against": {}}, 20: cell(6.0, 50, 300)}},
        {"sizes": {5: cell(1.0, 20, 200)}},
    ]
    told = few_photos.together(sets)
    assert told["over"]["sizes"] == [5, 20]
    assert told["over"]["cells"] == 3
    tuned = told["over"]["against"]["tuned"]
    assert tuned["points_higher"] == pytest.approx(3.0)
    assert tuned["times_faster"] == pytest.approx(600 / (1 + 6 + 10))
    assert tuned["least_times_faster"] == 20
    assert told["sizes"][10]["sides"]["thimble"]["accuracy"] == 0.9


def test_forecasts_are_judged_by_their_middle_error_and_by_what_their_intervals_hold() -> None:
    def run(foretold: float, reached: float, have: int = 10) -> dict[str, Any]:
        return {
            "have": have,
            "more": 10,
            "foretold": foretold,
            "low": foretold - 2,
            "high": foretold + 2,
            "reached": reached,
        }

    told = forecasts.together([{"runs": [run(5, 4), run(4, 8)]}, {"runs": [run(1, 3, have=20)]}, {"runs": []}])
    errors = told["errors"]
    assert (errors["runs"], errors["median_error"], errors["no_change_error"]) == (3, 2, 4)
    assert errors["bias"] == pytest.approx((1 - 4 - 2) / 3)
    assert errors["inside"] == pytest.approx(2 / 3)
    assert [(each["have"], each["runs"]) for each in told["pairs"]] == [(10, 2), (20, 1)]
    assert forecasts.together([{"runs": []}])["errors"] == {"runs": 0}


def test_coverage_counts_draws_and_calibration_sets() -> None:
    def mode(draws: int, covered: int, error: float) -> dict[str, Any]:
        return {
            "draws": draws,
            "covered": covered,
            "likely": draws,
            "accuracy": 0.8,
            "said": 0.82,
            "calibration_error": error,
        }

    def cell(draws: int, covered: int, error: float) -> dict[str, Any]:
        return dict.fromkeys(("fast", "best", "advised"), mode(draws, covered, error))

    told = honesty.together([{"sizes": {5: cell(10, 9, 0.02)}}, {"sizes": {5: cell(30, 30, 0.06)}}, {"sizes": {}}])
    five = told["sizes"][5]["best"]
    assert (five["draws"], five["coverage"], five["likely"]) == (40, 39 / 40, 1)
    assert five["calibration_error"] == pytest.approx(0.04)
    assert five["worst_calibration_error"] == 0.06
    assert five["bias"] == pytest.approx(2)
    assert told["all"]["best"] == five


def test_the_area_is_how_often_a_stranger_scores_higher() -> None:
    scores = np.array([1.0, 2.0, 3.0, 2.0, 9.0])
    strange = np.array([False, False, False, True, True])
    assert area(scores, strange) == pytest.approx((1.5 / 3 + 1) / 2)
    assert area(-scores, strange) == pytest.approx(1 - (1.5 / 3 + 1) / 2)

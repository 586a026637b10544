"""Each fault is told, and no other: data with exactly one of them, against every kind of finding."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from core.data.dataset import folds
from core.data.measures import Measures
from core.model.evaluate import log_loss
from core.model.findings import ENOUGH, MOST_PHOTOS, NOTHING, Diagnosis, Kind, by_origin, diagnose
from core.model.head import cross_validate, row_space
from core.model.suspects import Suspect, robust_probabilities, suspects

Features = NDArray[np.float32]
NAMES = ("ant", "bee", "cat", "dog")
EACH, WIDTH = 40, 48
NOISE = 1.4  # a photo in ten or so is mistaken, for no reason that anyone could name
GOOD = Measures(500, 400, 20.0, 150.0, 0.3, 0.1, 30, 0, b"")


@dataclass
class World:
    """Photos as two backbones see them, and all that is known of them."""

    labels: NDArray[np.int64]
    chosen: Features
    other: Features
    measures: list[Measures]
    origins: list[str]
    gain: float | None = 0.5
    gains: list[float | None] = field(default_factory=lambda: [0.2] * len(NAMES))


def seen(labels: NDArray[np.int64], middles: NDArray[np.float64], random: np.random.Generator) -> Features:
    rows = middles[labels] + random.normal(0, NOISE / np.sqrt(WIDTH), (len(labels), WIDTH))
    return rows.astype(np.float32)


def world(seed: int, *, each: int = EACH) -> World:
    """Nothing wrong: some photos are small, blurred, or from the web, but do no worse."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(NAMES)), each)
    middles = [np.linalg.qr(random.normal(size=(WIDTH, len(NAMES))))[0].T for _ in range(2)]
    poor = random.random((2, len(labels))) < 0.12
    measures = [
        replace(GOOD, height=60 if small else 400, sharpness=1.0 if blurred else 20.0) for small, blurred in poor.T
    ]
    origins = ["own" if own else "web" for own in random.random(len(labels)) < 0.3]
    return World(labels, *(seen(labels, each, random) for each in middles), measures, origins)


def lost(rows: Features, marked: NDArray[np.bool_], random: np.random.Generator) -> None:
    """Nothing of what most of them show is left."""
    marked = marked & (random.random(len(rows)) < 0.8)
    rows[marked] = random.normal(0, 1 / np.sqrt(WIDTH), (int(marked.sum()), WIDTH))


def too_few(it: World, random: np.random.Generator) -> None:
    few = np.concatenate([np.flatnonzero(it.labels == label)[:8] for label in range(len(NAMES))])
    it.labels, it.chosen, it.other = it.labels[few], it.chosen[few], it.other[few]
    it.chosen += random.normal(0, NOISE / np.sqrt(WIDTH), it.chosen.shape).astype(np.float32)
    it.measures, it.origins = [it.measures[at] for at in few], [it.origins[at] for at in few]
    it.gain, it.gains = 6.0, [3.0, 0.5, 2.5, 0.0]


def wrong_labels(it: World, random: np.random.Generator) -> None:
    chosen = random.permutation(len(it.labels))[: len(it.labels) // 10]
    it.labels[chosen] = (it.labels[chosen] + random.integers(1, len(NAMES), len(chosen))) % len(NAMES)


def merged(rows: Features, labels: NDArray[np.int64]) -> None:
    """Bees look much like ants."""
    rows[labels == 1] += 0.65 * (rows[labels == 0].mean(axis=0) - rows[labels == 1].mean(axis=0))


def alike(it: World, random: np.random.Generator) -> None:
    merged(it.chosen, it.labels)
    merged(it.other, it.labels)


def unseen(it: World, random: np.random.Generator) -> None:
    merged(it.chosen, it.labels)


def poor(it: World, random: np.random.Generator) -> None:
    marked = np.array([each.height == 60 or each.sharpness == 1.0 for each in it.measures])
    lost(it.chosen, marked, random)
    lost(it.other, marked, random)


def own_differ(it: World, random: np.random.Generator) -> None:
    marked = np.array([each == "own" for each in it.origins])
    lost(it.chosen, marked, random)
    lost(it.other, marked, random)


FAULTS: dict[Kind, Callable[[World, np.random.Generator], None]] = {
    "too few photos": too_few,
    "labels in doubt": wrong_labels,
    "look alike": alike,
    "another backbone": unseen,
    "small or blurred": poor,
    "web and own differ": own_differ,
    "nothing stands out": lambda it, random: None,
}


def kept_out(features: Features, labels: NDArray[np.int64]) -> tuple[NDArray[np.float64], tuple[Suspect, ...]]:
    fold = folds(labels, np.arange(len(labels)), 5, seed=0)
    coordinates = row_space((features @ features.T).astype(np.float64))
    each = cross_validate(coordinates, labels, fold, len(NAMES), strengths=(0.1, 0.01, 0.001))
    robust = robust_probabilities(coordinates, labels, fold, len(NAMES))
    return each[int(np.argmin([log_loss(labels, one) for one in each]))], suspects(labels, robust)


def told(it: World, **changed: Any) -> tuple[Diagnosis, ...]:
    chosen, other = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (it.chosen, it.other))
    probabilities, doubtful = kept_out(chosen, it.labels)
    given: dict[str, Any] = {
        "suspects": doubtful,
        "gain": it.gain,
        "gains": it.gains,
        "others": {"Lite2": kept_out(other, it.labels)[0]},
        "measures": it.measures,
        "origins": it.origins,
    }
    return diagnose(it.labels, NAMES, probabilities, chosen, **(given | changed))


def with_fault(kind: Kind, seed: int) -> World:
    it = world(seed)
    FAULTS[kind](it, np.random.default_rng([seed, 1]))
    return it


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", get_args(Kind))
def test_each_fault_gives_its_own_finding_and_no_other(kind: Kind, seed: int) -> None:
    assert {each.kind for each in told(with_fault(kind, seed))} == {kind}


@pytest.mark.parametrize("kind", get_args(Kind))
def test_a_finding_says_what_it_is_about_what_to_do_and_shows_it(kind: Kind) -> None:
    it = with_fault(kind, 0)
    (finding,) = told(it)
    assert finding.title.endswith(".")
    assert finding.hint.endswith(".")
    assert len(finding.photos) <= MOST_PHOTOS
    about: dict[Kind, tuple[str, ...]] = {
        "too few photos": ("ant", "cat"),
        "look alike": ("ant", "bee"),
        "another backbone": ("ant", "bee"),
        "nothing stands out": (),
    }
    assert finding.categories == about.get(kind, finding.categories)
    if kind not in ("too few photos", "nothing stands out"):
        assert len(finding.photos) > 3
        assert {NAMES[it.labels[at]] for at in finding.photos} <= set(finding.categories)
    for name in about.get(kind, ()):
        assert f"'{name}'" in finding.title + finding.hint


@pytest.mark.parametrize("kind", ["small or blurred", "web and own differ"])
def test_the_photos_shown_are_those_at_fault(kind: Kind) -> None:
    it = with_fault(kind, 1)
    (finding,) = told(it)
    for at in finding.photos:
        at_fault = it.measures[at] != GOOD if kind == "small or blurred" else it.origins[at] == "own"
        assert at_fault


def test_the_costs_are_points_of_accuracy_and_the_dearest_comes_first() -> None:
    it = world(0)
    merged(it.chosen, it.labels)
    poor(it, np.random.default_rng(0))
    found = told(it)
    assert {each.kind for each in found} == {"another backbone", "small or blurred"}
    costs = [each.cost or 0.0 for each in found]
    assert costs == sorted(costs, reverse=True)
    sharp = [at for at, each in enumerate(it.measures) if each == GOOD]
    chosen = it.chosen / np.linalg.norm(it.chosen, axis=1, keepdims=True)
    right = kept_out(chosen, it.labels)[0].argmax(axis=1) == it.labels
    gained = {each.kind: each.cost for each in found}["small or blurred"]
    assert gained == pytest.approx(100 * (right[sharp].mean() - right.mean()), abs=0.01)


def test_one_finding_of_unknown_cost_comes_last() -> None:
    it = world(0)
    few = np.concatenate([np.flatnonzero(it.labels == label)[: 9 if label == 3 else EACH] for label in range(4)])
    it.labels, it.chosen, it.other = it.labels[few], it.chosen[few], it.other[few]
    wrong_labels(it, np.random.default_rng(0))
    found = told(it, gain=None, gains=(), measures=(), origins=())
    assert [each.kind for each in found] == ["labels in doubt", "too few photos"]
    assert found[1].cost is None
    assert "'dog'" in found[1].title


def test_labels_swapped_between_two_categories_do_not_make_them_alike() -> None:
    it = world(3)
    it.labels[:8], it.labels[EACH : EACH + 8] = 1, 0
    assert {each.kind for each in told(it)} == {"labels in doubt"}


def test_the_cost_of_wrong_labels_is_what_they_take_from_the_accuracy() -> None:
    it = with_fault("labels in doubt", 0)
    (finding,) = told(it)
    assert finding.cost == pytest.approx(10, abs=4)
    assert "photos may be in the wrong category" in finding.title


def test_a_single_label_in_doubt_is_told_where_it_is_nearly_sure() -> None:
    it = world(0)
    sure, unsure = (Suspect(5, 0, 2, doubt) for doubt in (0.95, 0.5))
    (finding,) = told(it, suspects=(sure,))
    assert finding.title == "1 photo is probably in the wrong category."
    assert (finding.photos, finding.categories) == ((5,), ("ant",))
    assert told(it, suspects=(unsure,)) == (NOTHING,)


def test_a_pair_that_more_photos_would_tell_apart_is_not_called_alike() -> None:
    it = with_fault("look alike", 0)
    (finding,) = told(it)
    cost = finding.cost or 0.0
    assert cost > 5
    for known in (
        {"gain": cost, "gains": ()},
        {"gains": [cost / 2, cost / 2, 0.0, 0.0]},
        {"gains": [None] * 4, "gain": cost},
    ):
        assert {each.kind for each in told(it, **known)} == {"too few photos"}


def test_a_pair_that_neighbours_tell_apart_is_not_called_alike_whatever_the_head_says() -> None:
    it = world(0)
    probabilities = np.eye(4)[it.labels]
    probabilities[:EACH:2] = np.eye(4)[1]
    features = np.eye(4, dtype=np.float32)[it.labels]
    assert diagnose(it.labels, NAMES, probabilities, features) == (NOTHING,)
    features[: 2 * EACH] = 0.5  # now nobody can
    assert [each.kind for each in diagnose(it.labels, NAMES, probabilities, features)] == ["look alike"]


def test_the_better_backbone_is_named_with_both_figures() -> None:
    it = with_fault("another backbone", 0)
    labels = it.labels
    chosen, other = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (it.chosen, it.other))
    mine, its = kept_out(chosen, labels)[0], kept_out(other, labels)[0]
    (finding,) = told(it, others={"Lite0": mine, "Lite2": its, "Lite1": mine})
    pair = labels < 2
    right = [int(((each[pair, 0] > each[pair, 1]) == (labels[pair] == 0)).sum()) for each in (mine, its)]
    assert "'Lite2'" in finding.title
    assert f"right for {right[1]} of {pair.sum()} photos, now for {right[0]}" in finding.title
    assert finding.cost == pytest.approx(100 * (right[1] - right[0]) / len(labels))


def test_equally_good_backbones_are_not_told_apart_by_chance() -> None:
    """Ten equally good ones, each mistaken about other photos of two hard pairs: noise, 150 times over."""
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2, 3], 30)
    features = np.eye(4, dtype=np.float32)[labels]

    def answers() -> NDArray[np.float64]:
        taken_for = np.where(random.random(len(labels)) < 0.3, labels ^ 1, labels)
        return 0.8 * np.eye(4)[taken_for] + 0.05

    alarms = sum(
        any(
            each.kind == "another backbone"
            for each in diagnose(labels, NAMES, answers(), features, others={str(at): answers() for at in range(9)})
        )
        for _ in range(150)
    )
    assert alarms <= 2


def test_a_hard_category_that_happens_to_be_blurred_is_no_proof_against_blur() -> None:
    """All its photos are blurred, sharp ones of it there are none: nobody can say."""
    it = world(0)
    it.measures = [replace(GOOD, sharpness=1.0) if label == 3 else GOOD for label in it.labels]
    it.origins = ["own" if label == 3 else "web" for label in it.labels]
    lost(it.chosen, it.labels == 3, np.random.default_rng(0))
    lost(it.other, it.labels == 3, np.random.default_rng(1))
    assert not {"small or blurred", "web and own differ"} & {each.kind for each in told(it, suspects=())}


@pytest.mark.parametrize(("usual", "blurred"), [(20.0, False), (60.0, True)])
def test_blurred_is_what_is_far_from_usual(usual: float, blurred: bool) -> None:
    it = with_fault("small or blurred", 0)
    measures = [replace(GOOD, sharpness=usual if each == GOOD else 9.0) for each in it.measures]
    kinds = {each.kind for each in told(it, measures=measures, suspects=())}
    assert ("small or blurred" in kinds) == blurred


@pytest.mark.parametrize("worse", ["own", "web"])
def test_the_origin_that_does_worse_is_named(worse: str) -> None:
    it = with_fault("web and own differ", 0)
    if worse == "web":
        it.origins = ["web" if each == "own" else "own" for each in it.origins]
    (finding,) = told(it)
    assert finding.title.startswith("Your own" if worse == "own" else "Photos from the web")
    assert all(it.origins[at] == worse for at in finding.photos)


def test_too_few_of_one_origin_are_not_compared() -> None:
    it = world(0)
    marked = np.zeros(len(it.labels), dtype=bool)
    marked[:: len(it.labels) // (ENOUGH - 1) + 1] = True
    it.origins = ["own" if each else "web" for each in marked]
    it.chosen[marked] = it.chosen[(np.flatnonzero(marked) + EACH) % len(it.labels)]
    assert "web and own differ" not in {each.kind for each in told(it, suspects=())}


def test_the_origins_are_scored_apart() -> None:
    labels = np.array([0, 0, 1, 1, 1])
    probabilities = np.eye(2)[[0, 1, 1, 1, 0]]
    scores = by_origin(labels, probabilities, ["web", "web", "own", "own", "own"])
    assert {each: score[:2] for each, score in scores.items()} == {"web": (2, 0.5), "own": (3, pytest.approx(2 / 3))}
    low, high = scores["web"][2]
    assert low == pytest.approx(0.0945, abs=1e-3)
    assert high == pytest.approx(0.9055, abs=1e-3)
    assert by_origin(labels, probabilities, ["web"] * 5) == {}
    assert by_origin(labels[:0], probabilities[:0], []) == {}


def test_with_nothing_but_photos_there_is_still_an_answer() -> None:
    it = world(0)
    probabilities, _ = kept_out(it.chosen, it.labels)
    assert diagnose(it.labels, NAMES, probabilities, it.chosen) == (NOTHING,)


def test_every_photo_right_is_no_trouble() -> None:
    it = world(0)
    perfect = np.eye(4)[it.labels]
    kinds = {each.kind for each in told(it, suspects=())}
    assert diagnose(
        it.labels, NAMES, perfect, it.chosen, others={"Lite2": perfect}, measures=it.measures, origins=it.origins
    ) == (NOTHING,)
    assert kinds == {"nothing stands out"}

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import TooFewPhotos
from core.model.novelty import Novelty, fit

Single = NDArray[np.float32]
Integers = NDArray[np.int64]

FEATURES = 160


def draw(centres: Single, each: int, seed: int) -> Single:
    """`each` unit rows around every centre, one centre after the other; some directions are far noisier than others."""
    random = np.random.default_rng([seed, 1])  # another stream than the centres'
    noise = random.normal(size=(len(centres) * each, FEATURES)) * np.geomspace(0.1, 2, FEATURES)
    rows = np.repeat(centres, each, axis=0) + noise
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def world(categories: int = 6, seed: int = 0) -> Single:
    """Centres that share much, as photos of one kind do: with `draw`, a nearest mean is right 8 times in 10."""
    random = np.random.default_rng(seed)
    return (random.normal(size=FEATURES) + 0.25 * random.normal(size=(categories, FEATURES))).astype(np.float32)


def training(centres: Single, each: int = 20, seed: int = 1) -> tuple[Single, Integers, Integers]:
    labels = np.repeat(np.arange(len(centres)), each)
    return draw(centres, each, seed), labels, np.tile(np.arange(each) % 5, len(centres))


def separation(true: NDArray[np.float64], strangers: NDArray[np.float64]) -> float:
    """Area under the ROC curve."""
    return float((strangers[:, None] > true).mean() + (strangers[:, None] == true).mean() / 2)


@pytest.mark.parametrize(
    ("each", "refuse", "off"), [(20, 0.05, 0.02), (20, 0.2, 0.03), (5, 0.05, 0.02), (5, 0.2, 0.07)]
)
def test_the_stated_share_of_new_true_photos_is_refused(each: int, refuse: float, off: float) -> None:
    refused = []
    for seed in range(30):
        centres = world(seed=seed)
        novelty = fit(*training(centres, each, seed + 100), refuse=refuse)
        refused.append(novelty.refuses(draw(centres, 50, seed + 200)).mean())
    assert np.mean(refused) == pytest.approx(refuse, abs=off)


def test_photos_of_another_world_are_refused() -> None:
    novelty = fit(*training(world()))
    assert novelty.refuses(draw(world(seed=9), 30, 3)).all()


def test_a_category_left_out_is_told_better_than_by_the_distance_to_the_nearest_mean() -> None:
    ours, nearest = [], []
    for seed in range(8):
        centres = world(seed=seed)
        features, labels, folds = training(centres[1:], seed=seed)
        novelty = fit(features, labels, folds)
        true, left_out = draw(centres[1:], 20, seed + 50), draw(centres[:1], 60, seed + 60)
        means = np.stack([features[labels == category].mean(axis=0) for category in range(5)])
        ours.append(separation(novelty.scores(true), novelty.scores(left_out)))
        far = [np.linalg.norm(rows[:, None] - means, axis=2).min(axis=1) for rows in (true, left_out)]
        nearest.append(separation(*far))
    assert np.mean(ours) > 0.8
    assert np.mean(ours) > np.mean(nearest) + 0.1


def test_it_sees_what_lies_between_categories() -> None:
    centres = world(4)
    novelty = fit(*training(centres))
    mixed = draw((centres[:1] + centres[1:2]) / 2, 60, 4)
    assert separation(novelty.scores(draw(centres, 30, 5)), novelty.scores(mixed)) > 0.85


def test_a_burst_kept_in_one_fold_does_not_make_the_threshold_too_tight() -> None:
    """Each photo stands four times in its fold: the share refused is that of the sources."""
    refused = []
    for seed in range(20):
        centres = world(3, seed=seed)
        features, labels, folds = training(centres, 20, seed)
        novelty = fit(features.repeat(4, axis=0), labels.repeat(4), folds.repeat(4))
        refused.append(novelty.refuses(draw(centres, 50, seed + 200)).mean())
    assert np.mean(refused) == pytest.approx(0.05, abs=0.03)


def test_nearness_is_the_share_of_true_photos_at_least_as_strange() -> None:
    centres = world()
    novelty = fit(*training(centres))
    new = np.sort(novelty.scores(draw(centres, 300, 7)))
    expected = 1 - np.arange(len(new)) / len(new)
    assert np.abs(novelty.nearness(new) - expected).max() < 0.12

    ladder = np.linspace(new[0] - 1, new[-1] + 50, 2000)
    nearness = novelty.nearness(ladder)
    assert (np.diff(nearness) <= 0).all()
    assert nearness[0] > 0.95
    assert 0 <= nearness[-1] < 1e-3


@pytest.mark.parametrize("refuse", [0.002, 0.05, 0.3, 0.9])
def test_nearness_at_the_threshold_is_the_share_refused(refuse: float) -> None:
    novelty = fit(*training(world()), refuse=refuse)
    assert novelty.nearness(np.array([novelty.threshold])) == pytest.approx(refuse)


def test_another_share_moves_the_threshold_and_nothing_else() -> None:
    problem = training(world())
    novelty = fit(*problem)
    stricter = novelty.with_share(0.2)
    rows = draw(world(seed=3), 10, 1)
    assert stricter.threshold < novelty.threshold
    assert stricter.threshold == fit(*problem, refuse=0.2).threshold
    assert np.array_equal(stricter.scores(rows), novelty.scores(rows))
    assert stricter.with_share(0.05).threshold == novelty.threshold


@pytest.mark.parametrize("refuse", [0.0, 1.0, -0.1, float("nan")])
def test_a_share_that_is_none_is_refused(refuse: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        fit(*training(world()), refuse=refuse)


def test_a_marked_stranger_and_what_is_like_it_are_refused() -> None:
    centres = world()
    features, labels, folds = training(centres[1:])
    strangers = draw(centres[:1], 1, 8)
    again = draw(centres[:1], 40, 9)
    before, after = fit(features, labels, folds), fit(features, labels, folds, strangers=strangers)
    assert after.refuses(strangers).all()
    assert after.refuses(again).mean() > before.refuses(again).mean()


def test_the_more_are_marked_the_better_it_tells_them() -> None:
    centres = world(seed=2)
    features, labels, folds = training(centres[1:])
    true, again = draw(centres[1:], 40, 10), draw(centres[:1], 60, 11)

    def found(marked: int) -> float:
        strangers = draw(centres[:1], 40, 12)[:marked]
        novelty = fit(features, labels, folds, strangers=strangers)
        return separation(novelty.scores(true), novelty.scores(again))

    assert found(0) < found(3) < found(40)


@pytest.mark.parametrize("marked", [1, 3, 30])
def test_marked_strangers_of_another_world_do_not_cost_true_photos(marked: int) -> None:
    kept = []
    for seed in range(10):
        centres = world(seed=seed)
        strangers = draw(world(1, seed=seed + 70), marked, 13)
        novelty = fit(*training(centres, seed=seed), strangers=strangers)
        kept.append(1 - novelty.refuses(draw(centres, 50, seed + 20)).mean())
        assert novelty.refuses(draw(world(seed=seed + 40), 5, 14)).all()
    assert np.mean(kept) == pytest.approx(0.95, abs=0.02)


def test_marked_strangers_teach_which_distance_counts() -> None:
    """All lie between two categories, and none is like another marked one: only the weights can tell."""
    centres = world(8)
    between = (centres[:, None] + centres)[np.triu_indices(8, 1)] / 2
    plain = fit(*training(centres))
    taught = fit(*training(centres), strangers=draw(between[::2], 6, 15))
    alike = replace(taught, weights=np.append(plain.weights[:-1], taught.weights[-1]))
    true, new = draw(centres, 40, 16), draw(between[1::2], 10, 17)
    assert (
        separation(taught.scores(true), taught.scores(new)) > separation(alike.scores(true), alike.scores(new)) + 0.005
    )


@pytest.mark.parametrize("categories", [1, 2])
def test_one_or_two_categories_are_enough(categories: int) -> None:
    centres = world(categories)
    novelty = fit(*training(centres, 30))
    assert novelty.refuses(draw(world(seed=5), 20, 6)).all()
    assert novelty.refuses(draw(centres, 200, 7)).mean() < 0.15


def test_a_category_with_photos_of_one_source_does_not_loosen_the_threshold() -> None:
    """Its photos are strangers to the only model that did not see them: no example of a true photo's score."""
    features, labels, folds = training(world())
    single = np.where(labels == 5, 0, folds)
    novelty = fit(features, labels, single)
    assert len(novelty.kept) == (labels < 5).sum()


def test_a_distance_that_only_some_folds_know_is_left_out() -> None:
    """One fold knows two categories of three, where there is no angle: no fold may then bring one in."""
    features, labels, folds = training(world(3), 30)
    novelty = fit(features, labels, np.where(labels == 2, 0, folds))
    unaware = replace(novelty, weights=novelty.weights * [1, 1, 0, 1, 1])
    assert np.array_equal(novelty.scores(features), unaware.scores(features))


def test_what_lies_nearer_never_counts_as_stranger() -> None:
    """Not even when photos are marked that fit a category better than most of its own do."""
    features, labels, folds = training(world())
    middles = np.stack([features[labels == category].mean(axis=0) for category in range(6)]).repeat(50, axis=0)
    assert (fit(features, labels, folds, strangers=middles).weights >= 0).all()


def test_copies_of_one_photo_do_not_break_it() -> None:
    features, labels, folds = training(world(3), 10)
    novelty = fit(features[labels * 10], labels, folds)
    assert np.isfinite(novelty.scores(features)).all()
    assert novelty.refuses(draw(world(seed=4), 5, 6)).all()


def test_without_photos_of_two_sources_nothing_can_be_scored() -> None:
    features, labels, _ = training(world(3), 4)
    with pytest.raises(TooFewPhotos):
        fit(features, labels, np.zeros(len(labels), dtype=np.int64))
    with pytest.raises(TooFewPhotos):
        fit(features, labels, labels)


def test_the_order_of_photos_and_the_names_of_categories_and_folds_change_nothing() -> None:
    features, labels, folds = training(world())
    rows = draw(world(seed=3), 5, 1)
    order = np.random.default_rng(0).permutation(len(labels))
    one, other = fit(features, labels, folds), fit(features[order], 50 - 7 * labels[order], folds[order] + 3)
    assert other.scores(rows) == pytest.approx(one.scores(rows), rel=1e-3)
    assert other.threshold == pytest.approx(one.threshold, rel=1e-3)


@pytest.mark.parametrize("strangers", [None, draw(world(1, 6), 3, 6)])
def test_stored_and_read_it_gives_the_same_scores(strangers: Single | None) -> None:
    features, labels, folds = training(world())
    novelty = fit(features, labels, folds, refuse=0.1, strangers=strangers)
    arrays = novelty.to_arrays()
    again = Novelty.from_arrays(arrays)
    rows = draw(world(seed=3), 10, 1)
    assert np.array_equal(again.scores(rows), novelty.scores(rows))
    assert (again.threshold, again.refuse) == (novelty.threshold, 0.1)
    assert sum(array.nbytes for array in arrays.values()) < 4 * features.size


def test_one_photo_is_scored_as_among_many() -> None:
    novelty = fit(*training(world()))
    rows = draw(world(seed=3), 10, 1)
    assert np.concatenate([novelty.scores(row[None]) for row in rows]) == pytest.approx(novelty.scores(rows), rel=1e-4)
    assert novelty.scores(rows[:0]).shape == (0,)


@pytest.mark.parametrize(
    "change",
    [
        {"kept": np.array([])},
        {"kept": np.array([2.0, 1.0])},
        {"kept": np.array([1.0, np.nan])},
        {"weights": np.ones(2)},
        {"spread": np.zeros(4)},
        {"refuse": np.array(2.0)},
        {"means_0": np.ones((3, 7), dtype=np.float16)},
        {"means_2": np.ones(FEATURES, dtype=np.float16)},
        {"axes_1": np.full((2, FEATURES), np.inf, dtype=np.float16)},
        {"axes_1": np.ones((9, FEATURES), dtype=np.float16)},
        {"strangers": np.ones((1, 3), dtype=np.float16)},
        {"axes_1": None},
        {"centre": None},
        {"means_0": None},
        {"weights": np.array(["a", "b", "c", "d", "e"])},
    ],
)
def test_damaged_arrays_are_told(change: dict[str, NDArray[np.float64] | None]) -> None:
    arrays = fit(*training(world())).to_arrays() | change
    with pytest.raises(ValueError, match=r".+"):
        Novelty.from_arrays({name: array for name, array in arrays.items() if array is not None})

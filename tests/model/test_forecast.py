"""Forecasts are held against what more photos really brought, on drawn photos of which there is no end."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from core.data.dataset import folds
from core.model.forecast import (
    LEAST_IN_CATEGORY,
    CategoryGain,
    Forecast,
    Gain,
    category_in_words,
    forecast,
    head_start,
    in_words,
)
from core.model.head import fit_head
from core.model.subsamples import Curve, learning_curve

Photos = tuple[NDArray[np.float32], NDArray[np.int64]]


def draw(counts: list[int], seed: int, *, noise: float = 5.0, twins: bool = False) -> Photos:
    """Rows of unit length: so many of each category, around centres that are always the same, two near if `twins`."""
    centres = np.random.default_rng(7).normal(size=(len(counts), 120))
    if twins:
        centres[1] = centres[0] + centres[1] / 2
    labels = np.repeat(np.arange(len(counts)), counts)
    random = np.random.default_rng(seed)
    rows = centres[labels] + random.normal(size=(len(labels), 120)) * noise
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), labels


def curve_of(photos: Photos, categories: int, *, accuracy: float | None = None) -> Curve:
    features, labels = photos
    alone = np.arange(len(labels))
    return learning_curve(features, labels, alone, folds(labels, alone, 5, 0), categories, accuracy=accuracy)


def reached(learnt: Photos, categories: int) -> float:
    """Accuracy of the linear head on 4,000 photos that it never saw."""
    features, labels = draw([4000 // categories] * categories, 999)
    head = fit_head(learnt[0], learnt[1], categories, strength=0.01)
    return float((head.probabilities(features).argmax(axis=1) == labels).mean())


def test_the_forecast_meets_what_more_photos_bring() -> None:
    errors, inside = [], 0
    for seed in range(8):
        few, many = draw([12] * 4, seed), draw([20] * 4, 100 + seed)
        both = np.vstack([few[0], many[0]]), np.concatenate([few[1], many[1]])
        truth = reached(both, 4) - reached(few, 4)
        assert truth > 0.04  # there was something to forecast
        gain = forecast(curve_of(few, 4), 20).everything
        assert gain is not None
        errors.append(abs(gain.expected - truth))
        inside += gain.low <= truth <= gain.high
    assert np.median(errors) <= 0.03
    assert inside >= 6


def test_the_head_start_is_what_the_photos_of_a_fold_bring() -> None:
    starts, gains = [], []
    for seed in range(8):
        features, labels = photos = draw([15] * 4, seed)
        fold = folds(labels, np.arange(60), 5, 0)
        without = np.mean([reached((features[fold != at], labels[fold != at]), 4) for at in range(5)])
        starts.append(head_start(curve_of(photos, 4)))
        gains.append(reached(photos, 4) - without)
    assert min(starts) > 0
    assert np.mean(gains) > 0.01
    assert np.mean(starts) == pytest.approx(np.mean(gains), abs=0.01)


def test_the_curve_rises_to_the_accuracy_out_of_fold() -> None:
    features, labels = draw([50] * 4, 0)
    curve = curve_of((features, labels), 4)
    assert curve.photos == (50, 50, 50, 50)
    assert curve.learnt == (10, 20, 30, 40)
    assert curve.accuracy[0] + 0.05 < curve.accuracy[-1]
    fewer = np.concatenate([np.flatnonzero(labels == category)[:10] for category in range(4)])
    assert curve.accuracy[0] == pytest.approx(reached((features[fewer], labels[fewer]), 4), abs=0.1)


def test_the_short_cut_for_a_thinned_category_is_learning_without_its_photos() -> None:
    """A category of four, three in one fold and one in the other; thinned, one is left, solved here the long way."""
    features, labels = draw([30, 4, 30], 3, noise=2)
    split = np.where(labels == 1, 0, np.arange(64) % 2)
    split[np.flatnonzero(labels == 1)[1:]] = 1  # fold 0 is judged by three photos of category 1, fold 1 by one
    curve = learning_curve(features, labels, np.arange(64), split, 3)
    own = curve.categories[1]
    assert own.photos == 4
    assert own.learnt == (1, 1.5, 2)

    centred = features.astype(np.float64) - features.mean(axis=0)
    products = centred @ centred.T + 10
    positions = np.flatnonzero(labels == 1)
    right = []
    for known in np.flatnonzero((split == 1) & (labels != 1)), np.flatnonzero((split == 0) & (labels != 1)):
        out = positions[split[positions] != split[known[0]]]
        for kept in np.setdiff1d(positions, out):
            learnt = np.append(known, kept)
            ridge = products[np.ix_(learnt, learnt)] + 0.1 * np.eye(len(learnt))
            scores = products[np.ix_(out, learnt)] @ np.linalg.solve(ridge, np.eye(3)[labels[learnt]])
            right.append((len(out), (scores.argmax(axis=1) == 1).mean()))
    assert len({each for _, each in right[:3]}) == 1, "the three must agree, or the draw decides"
    assert own.recall[0] == pytest.approx((right[0][0] * right[0][1] + right[3][0] * right[3][1]) / 4)


def test_a_scarce_category_needs_photos_most_and_adding_them_helps_all() -> None:
    curve = curve_of(draw([40, 40, 7], 1), 3)
    expected = forecast(curve)
    assert expected.neediest == (2,)
    assert expected.categories[2].recall.expected > 0.1
    assert 0 < expected.categories[2].accuracy.expected < expected.categories[2].recall.expected * 7 / 87
    words = in_words(expected, ["fox", "wolf", "coyote"])
    assert words[1] == "*coyote* needs photos most."
    assert words[2].startswith("20 more photos of *coyote* should bring about +")


def test_categories_hard_to_tell_apart_need_photos_most() -> None:
    expected = forecast(curve_of(draw([15] * 5, 3, noise=1.5, twins=True), 5))
    assert set(expected.neediest) <= {0, 1}
    assert expected.neediest
    for at in (2, 3, 4):
        assert expected.categories[at].recall.expected < expected.categories[0].recall.expected / 2


def test_the_neediest_come_best_first() -> None:
    expected = forecast(curve_of(draw([30] * 6, 2, noise=4), 6))
    gains = [expected.categories[at].recall.expected for at in expected.neediest]
    assert len(gains) > 1
    assert gains == sorted(gains, reverse=True)
    assert gains[0] - gains[-1] <= 0.01


def test_more_of_what_there_is_plenty_of_costs_the_others() -> None:
    """The border moves towards the others, so the category's own gain is not the gain of all."""
    expected = forecast(curve_of(draw([10, 10, 10], 2), 3), 40)
    for each in expected.categories:
        assert each.accuracy.expected < each.recall.expected / 3


def test_nothing_is_promised_where_nothing_is_to_be_gained() -> None:
    expected = forecast(curve_of(draw([30, 30], 4, noise=0.1), 2))
    assert expected.everything is not None
    assert expected.everything.expected < 0.005
    assert expected.neediest == ()
    first, second = in_words(expected, ["cats", "dogs"])
    assert first.startswith("20 more photos of each category would hardly help (at most ")
    assert second == "No category needs more photos than the others."


def test_too_few_photos_to_tell() -> None:
    assert forecast(curve_of(draw([5] * 4, 5), 4)).everything is not None
    for counts in ([LEAST_IN_CATEGORY - 1, 30, 30], [6, 6]):  # one category; all together
        expected = forecast(curve_of(draw(counts, 5), len(counts)))
        assert expected == Forecast(20, None, (), ())
        (words,) = in_words(expected, ["a", "b", "c"])
        assert "cannot be told yet" in words


def test_look_alikes_make_a_forecast_less_sure() -> None:
    """Photos of one source err together: twenty of them tell little more than one."""
    features, labels = draw([6] * 5, 6)
    copied = np.repeat(features, 5, axis=0), np.repeat(labels, 5)
    groups = np.repeat(np.arange(30), 5)
    split = folds(copied[1], groups, 5, 0)
    aware = learning_curve(*copied, groups, split, 5)
    unaware = learning_curve(*copied, np.arange(150), split, 5)
    assert aware.accuracy == unaware.accuracy
    assert aware.covariance[-1][-1] == pytest.approx(5 * unaware.covariance[-1][-1])


def test_the_drawn_curve_ends_at_the_accuracy_of_the_model_in_use() -> None:
    photos = draw([15] * 4, 8)
    plain = curve_of(photos, 4)
    assert plain.accuracy == plain.measured
    better = curve_of(photos, 4, accuracy=plain.accuracy[-1] + 0.1)
    assert better.accuracy[-1] == pytest.approx(plain.accuracy[-1] + 0.1)
    assert better.accuracy[0] > plain.accuracy[0]
    faultless = curve_of(photos, 4, accuracy=1.0)
    assert faultless.accuracy[-1] == pytest.approx(1.0)
    assert faultless.accuracy[0] < 1
    assert forecast(faultless) == forecast(better) == forecast(plain)


def test_the_same_photos_give_the_same_forecast_whatever_their_number() -> None:
    photos = draw([340] * 3, 9)  # more than are all tested
    once, again = curve_of(photos, 3), curve_of(photos, 3)
    assert once == again
    assert forecast(once) == forecast(again)


def test_values_survive_json() -> None:
    curve = curve_of(draw([8] * 3, 10), 3)
    assert Curve.from_json(json.loads(json.dumps(asdict(curve)))) == curve
    for expected in (forecast(curve), Forecast(20, None, (), ())):
        assert Forecast.from_json(json.loads(json.dumps(asdict(expected)))) == expected


GAIN = Gain(0.04, 0.021, 0.069)
NONE = Gain(0.001, -0.01, 0.012)
COYOTE = Forecast(20, GAIN, (CategoryGain(GAIN, Gain(0.09, 0.03, 0.15)), CategoryGain(NONE, NONE)), (0,))
NAMES = ["coyote", "wolf"]


def test_in_words() -> None:
    assert in_words(COYOTE, NAMES) == [
        "20 more photos of each category should bring about +4 points (2 to 7).",
        "*coyote* needs photos most.",
        "20 more photos of *coyote* should bring about +4 points (2 to 7); *coyote* itself gains +9 points (3 to 15).",
    ]
    assert category_in_words(COYOTE, 1, NAMES) == "20 more photos of *wolf* would hardly help (at most 2 points)."


def test_words_in_the_singular_and_never_below_nothing() -> None:
    small = replace(COYOTE, more=1, everything=Gain(0.011, -0.02, 0.03))
    assert in_words(small, NAMES)[0] == "1 more photo of each category should bring about +1 point (0 to 3)."


def test_words_tell_what_a_gain_costs_the_others() -> None:
    costly = replace(COYOTE, categories=(CategoryGain(Gain(-0.02, -0.04, 0.0), GAIN),))
    assert category_in_words(costly, 0, NAMES) == (
        "20 more photos of *coyote* should bring about +4 points (2 to 7) for *coyote* itself, "
        "but cost the others more than that: add photos of them, too."
    )
    even = replace(COYOTE, categories=(CategoryGain(NONE, GAIN),))
    assert "hardly change the accuracy over all" in category_in_words(even, 0, NAMES)


def test_words_for_several_that_need_photos() -> None:
    both = replace(COYOTE, categories=(COYOTE.categories[0],) * 2, neediest=(1, 0))
    assert in_words(both, NAMES)[1] == "*wolf* and *coyote* need photos most, about equally."
    many = replace(COYOTE, neediest=(0, 1, 2, 3))
    assert in_words(many, NAMES)[1:] == ["4 categories need photos about equally."]

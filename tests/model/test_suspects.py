"""Wrong labels are found, right ones on hard photos are let be."""

import numpy as np
import pytest
from numpy.typing import NDArray

from core.data.dataset import fold_count, folds
from core.model.evaluate import log_loss
from core.model.head import cross_validate, row_space
from core.model.suspects import LEAST_DOUBT, Suspect, _without_mistaken, robust_probabilities, suspects

Labels = NDArray[np.int64]
EACH, CATEGORIES, WIDTH = 30, 5, 40


def photos(seed: int, *, apart: float = 0.9, each: int = EACH) -> tuple[NDArray[np.float32], Labels]:
    """Features around a direction for each category; from 0.5 apart few are mistaken, at 0.3 about every third."""
    random = np.random.default_rng(seed)
    middles = np.linalg.qr(random.normal(size=(WIDTH, CATEGORIES)))[0].T
    labels = np.repeat(np.arange(CATEGORIES), each)
    rows = apart * middles[labels] + random.normal(0, 1 / np.sqrt(WIDTH), (len(labels), WIDTH))
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit.astype(np.float32), labels


def swapped(labels: Labels, share: float, seed: int) -> Labels:
    random = np.random.default_rng(seed)
    chosen = random.permutation(len(labels))[: round(share * len(labels))]
    given = labels.copy()
    given[chosen] = (given[chosen] + random.integers(1, CATEGORIES, len(chosen))) % CATEGORIES
    return given


def found(features: NDArray[np.float32], labels: Labels, *, robust: bool = True) -> tuple[Suspect, ...]:
    groups = np.arange(len(labels))
    fold = folds(labels, groups, fold_count(labels, groups), seed=0)
    coordinates = row_space((features @ features.T).astype(np.float64))
    if robust:
        return suspects(labels, robust_probabilities(coordinates, labels, fold, CATEGORIES))
    kept_out = cross_validate(coordinates, labels, fold, CATEGORIES, strengths=(0.1, 0.01, 0.001))
    return suspects(labels, kept_out[int(np.argmin([log_loss(labels, each) for each in kept_out]))])


@pytest.mark.parametrize("seed", range(3))
def test_swapped_labels_are_found_and_their_own_category_suggested(seed: int) -> None:
    features, labels = photos(seed)
    given = swapped(labels, 0.1, seed)
    wrong = set(np.flatnonzero(given != labels).tolist())
    told = found(features, given)
    right = [each for each in told if each.photo in wrong]
    assert len(right) >= 0.7 * len(wrong)
    assert len(right) >= 0.6 * len(told)
    assert all(each.given == given[each.photo] != each.suggested for each in told)
    assert np.mean([each.suggested == labels[each.photo] for each in right]) > 0.85


@pytest.mark.parametrize("apart", [0.9, 0.5, 0.3, 0.0])
def test_right_labels_are_let_be_however_hard_the_photos(apart: float) -> None:
    """Where every second photo is mistaken, some lie deep among others; where all is chance, none do."""
    told = sum(len(found(*photos(seed, apart=apart))) for seed in range(4))
    assert told <= (0.05 * 4 * EACH * CATEGORIES if apart == 0.3 else 2)


def test_doubt_is_a_probability_and_falls_from_the_first_to_the_last() -> None:
    features, labels = photos(0, apart=0.6)
    told = found(features, swapped(labels, 0.2, 0))
    doubts = [each.doubt for each in told]
    assert len(doubts) > 10
    assert doubts == sorted(doubts, reverse=True)
    assert LEAST_DOUBT <= doubts[-1] < doubts[0] <= 1


def test_doubt_says_how_many_of_the_suspects_are_wrong() -> None:
    expected = right = 0.0
    for seed in range(5):
        features, labels = photos(seed, apart=0.6)
        given = swapped(labels, 0.15, seed)
        told = found(features, given)
        expected += sum(each.doubt for each in told)
        right += sum(given[each.photo] != labels[each.photo] for each in told)
    assert right == pytest.approx(expected, rel=0.25)


def test_heads_without_the_mistaken_photos_see_two_categories_mixed_up() -> None:
    """A fifth of one category put into another looks like honest confusion to heads that learn from it."""
    features, labels = photos(1)
    given = labels.copy()
    given[:6] = 1
    with_all = {each.photo for each in found(features, given, robust=False)}
    without = {each.photo for each in found(features, given)}
    assert len(with_all & set(range(6))) <= 1
    assert len(without & set(range(6))) >= 4
    assert len(without - set(range(6))) <= 2


def test_no_photo_has_a_say_in_what_is_said_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its label decides neither what its fold's head learns nor which photos that leaves out."""
    monkeypatch.setattr("core.model.suspects._STRENGTHS", (0.03,))  # which all photos choose together
    features, labels = photos(2, apart=0.5)
    fold = np.arange(len(labels)) % 5
    coordinates = row_space((features @ features.T).astype(np.float64))
    before = robust_probabilities(coordinates, labels, fold, CATEGORIES)
    for at in (0, 40, 149):
        other = labels.copy()
        other[at] = (other[at] + 1) % CATEGORIES
        after = robust_probabilities(coordinates, other, fold, CATEGORIES)
        np.testing.assert_allclose(after[fold == fold[at]], before[fold == fold[at]], atol=1e-4)
        assert np.abs(after[fold != fold[at]] - before[fold != fold[at]]).max() > 1e-3


def test_heads_learn_without_the_clearly_mistaken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The photos of a fold are answered as if those with swapped labels in the other folds were not there."""
    monkeypatch.setattr("core.model.suspects._STRENGTHS", (0.03,))
    features, labels = photos(0, apart=1.5)
    given = swapped(labels, 0.1, 0)
    fold = np.arange(len(labels)) % 5
    right = np.flatnonzero(given == labels)
    coordinates = row_space((features @ features.T).astype(np.float64))
    with_wrong = robust_probabilities(coordinates, given, fold, CATEGORIES)
    without = robust_probabilities(coordinates[right], labels[right], fold[right], CATEGORIES)
    np.testing.assert_allclose(with_wrong[right], without, atol=0.05)


def test_of_the_clearly_mistaken_the_worst_are_left_out_but_never_most_of_a_category() -> None:
    labels = np.repeat([0, 1], 10)
    probabilities = np.where(np.arange(2) == labels[:, None], 0.8, 0.2)
    probabilities[12] = [0.9, 0.1]
    probabilities[15] = [0.6, 0.4]  # mistaken, but not clearly
    probabilities[:10] = np.linspace([0.2, 0.8], [0.02, 0.98], 10)
    assert np.flatnonzero(~_without_mistaken(labels, probabilities)).tolist() == [6, 7, 8, 9, 12]


def test_what_is_suggested_is_never_the_given_label() -> None:
    """Where two labels in five are wrong, an even chance is reason enough to doubt one."""
    labels = np.zeros(100, np.int64)
    own = np.repeat([0.99, 0.01, 0.51], [55, 40, 5])
    told = suspects(labels, np.stack([own, 1 - own], axis=1))
    assert {each.photo for each in told} == set(range(55, 100))
    assert {each.suggested for each in told} == {1}


def test_two_folds_are_enough() -> None:
    features, labels = photos(0)
    given = swapped(labels, 0.1, 0)
    coordinates = row_space((features @ features.T).astype(np.float64))
    fold = np.arange(len(labels)) % 2
    (kept_out,) = cross_validate(coordinates, given, fold, CATEGORIES, strengths=(0.01,))
    robust = robust_probabilities(coordinates, given, fold, CATEGORIES)
    assert (robust.argmax(axis=1) == kept_out.argmax(axis=1)).mean() > 0.95
    assert len(suspects(given, robust)) > 5


def test_a_category_that_no_head_could_learn_is_not_judged() -> None:
    """All its photos in one fold: nothing of it was left to learn, and its probability is 0."""
    features, labels = photos(0)
    fold = np.arange(len(labels)) % 5
    fold[labels == 2] = 0
    coordinates = row_space((features @ features.T).astype(np.float64))
    robust = robust_probabilities(coordinates, labels, fold, CATEGORIES)
    assert (robust[labels == 2, 2] == 0).all()
    assert [each for each in suspects(labels, robust) if each.given == 2] == []


def test_no_photos_and_few_photos_are_no_trouble() -> None:
    assert suspects(np.empty(0, np.int64), np.empty((0, 3))) == ()
    features, labels = photos(0, each=5)
    assert found(features, labels) == ()


def test_the_same_input_gives_the_same_answer_and_is_not_changed() -> None:
    features, labels = photos(3)
    given = swapped(labels, 0.1, 3)
    before = features.copy(), given.copy()
    assert found(features, given) == found(features, given) != ()
    np.testing.assert_array_equal(features, before[0])
    np.testing.assert_array_equal(given, before[1])

"""Choosing: the better candidate wins, the score owes nothing to the choice, and hands may fix anything."""

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from core.model.backbones import BACKBONES, BUNDLED
from core.model.candidates import Candidate, Tried
from core.model.evaluate import log_loss, losses
from core.model.features import Bank, Features, Key
from core.model.select import MOST_MEMBERS, SAMPLE, SETTLED, Choice, Fixed, _Trials, choose, sample, weights

PHOTOS, CATEGORIES = 60, 3


class Looks:
    """Made-up rows: how well a look tells the categories apart is given for each; remembers what was asked for."""

    def __init__(self, clarity: Mapping[Key, float], labels: NDArray[np.int64], seed: int = 0) -> None:
        self._clarity = clarity
        self._labels = labels
        self._seed = seed
        self.asked: list[Key] = []
        self.photos: list[int] = []

    def __call__(self, key: Key, photos: NDArray[np.int64]) -> NDArray[np.float32]:
        self.asked.append(key)
        self.photos.append(len(photos))
        return self._rows(key)[photos]

    def _rows(self, key: Key) -> NDArray[np.float32]:
        random = np.random.default_rng([self._seed, *"".join(key).encode()])
        width = BACKBONES[key[0]].row
        centres = random.normal(size=(CATEGORIES, width))
        noise = random.normal(size=(len(self._labels), width))
        return np.abs(self._clarity.get(key, 0.0) * centres[self._labels] + noise).astype(np.float32)


LABELS = np.arange(PHOTOS) % CATEGORIES
FOLDS = np.arange(PHOTOS) // CATEGORIES % 5


def chosen(
    clarity: Mapping[Key, float], *, elongated: bool = False, fixed: Fixed | None = None
) -> tuple[Choice, Looks]:
    looks = Looks(clarity, LABELS)
    options = {} if fixed is None else {"fixed": fixed}
    choice = choose(looks, LABELS, FOLDS, CATEGORIES, backbones=BUNDLED, elongated=elongated, **options)
    return choice, looks


def test_the_backbone_that_sees_the_difference_is_chosen() -> None:
    choice, looks = chosen({("lite2", "crop"): 0.3, ("lite0", "crop"): 0.02})
    (share,) = choice.fast.shares
    assert share[0].candidate.features.backbones == ("lite2",)
    assert choice.table[0].log_loss == min(row.log_loss for row in choice.table)
    assert {"lite0", "lite2"} <= {backbone for backbone, _ in looks.asked}


def test_with_nothing_left_to_win_dearer_backbones_are_not_looked_through() -> None:
    choice, looks = chosen({("lite0", "crop"): 1.0})
    assert looks.asked == [("lite0", "crop")]
    assert choice.table[0].log_loss <= SETTLED
    assert choice.fast.kept_out.argmax(axis=1).tolist() == LABELS.tolist()


def test_the_whole_photo_is_looked_at_only_where_a_crop_leaves_much_out() -> None:
    clarity = {("lite0", "squash"): 0.3, ("lite0", "crop"): 0.02}
    choice, _ = chosen(clarity, elongated=True)
    assert choice.fast.shares[0][0].candidate.features.views == ("squash",)
    _, looks = chosen(clarity)
    assert ("lite0", "squash") not in looks.asked


MANY = np.arange(240) % CATEGORIES
MANY_FOLDS = np.arange(240) // CATEGORIES % 5


def test_of_many_photos_a_few_decide_whether_the_rest_are_looked_at_again() -> None:
    useless = Looks({("lite0", "crop"): 0.05}, MANY)
    choice = choose(useless, MANY, MANY_FOLDS, CATEGORIES, backbones=BUNDLED, elongated=True)
    assert useless.photos[0] == len(MANY)
    assert useless.asked[1:] == [("lite0", "squash"), ("lite2", "crop"), ("lite1", "crop")]
    assert max(useless.photos[1:]) <= len(MANY) / 2
    assert {row.passes for row in choice.table} == {1}

    useful = Looks({("lite0", "crop"): 0.02, ("lite2", "crop"): 0.3}, MANY)
    choice = choose(useful, MANY, MANY_FOLDS, CATEGORIES, backbones=BUNDLED, elongated=False)
    assert [(key, photos) for key, photos in zip(useful.asked, useful.photos, strict=True) if photos == len(MANY)] == [
        (("lite0", "crop"), len(MANY)),
        (("lite2", "crop"), len(MANY)),
    ]
    assert choice.fast.shares[0][0].candidate.features.backbones == ("lite2",)


def test_the_sample_holds_every_category_and_fold_alike() -> None:
    labels = np.sort(np.random.default_rng(0).integers(0, 4, 900))
    taken = sample(labels, np.arange(900) % 5, 4)
    assert len(np.unique(taken)) == len(taken) == SAMPLE
    assert np.bincount(labels[taken]).tolist() == [SAMPLE // 4] * 4
    for category in range(4):
        assert np.bincount(taken[labels[taken] == category] % 5).tolist() == [SAMPLE // 20] * 5
    assert len(sample(np.arange(150) % 4, np.arange(150) % 5, 4)) == 150


def test_of_equals_the_simpler_one_is_fast() -> None:
    clarity = {(backbone, "crop"): 0.05 for backbone in BUNDLED}
    choice, _ = chosen(clarity)
    ((tried, _, weight),) = choice.fast.shares
    assert weight == 1.0
    assert len(tried.candidate.features.looks) == 1


def test_best_is_a_weighted_few_and_never_advised_when_it_did_worse() -> None:
    clarity = {(backbone, "crop"): 0.05 for backbone in BUNDLED}
    choice, _ = chosen(clarity)
    assert sum(weight for _, _, weight in choice.best.shares) == pytest.approx(1)
    better = log_loss(LABELS, choice.best.kept_out) < log_loss(LABELS, choice.fast.kept_out)
    assert (choice.advised == "best") == better


@pytest.mark.slow
def test_what_cannot_be_told_apart_gets_no_flattering_score() -> None:
    """Of many candidates on noise one always looks good by chance; its score on photos kept out must not."""
    right, lost = [], []
    for seed in range(12):
        looks = Looks({}, LABELS, seed)
        labels = np.random.default_rng(seed).permutation(LABELS)
        choice = choose(looks, labels, FOLDS, CATEGORIES, backbones=BUNDLED, elongated=True)
        right.append((choice.best.kept_out.argmax(axis=1) == labels).mean())
        lost.append(log_loss(labels, choice.best.kept_out))
    assert np.mean(right) < 1 / 3 + 0.05
    assert np.mean(lost) > 0.99 * np.log(3)


def test_a_fold_has_no_say_in_the_choice_that_scores_it() -> None:
    """Its answers stay as they were when candidates turn out good or bad on its own photos."""
    random = np.random.default_rng(0)
    features = [Features(("lite0",), (view,), "last") for view in ("crop", "squash", "mirror")]

    def scored(luck: int) -> Choice:
        trials = _Trials(LABELS, FOLDS, CATEGORIES, Fixed(), Bank())
        for at, each in enumerate(features):
            given = shares[at] / shares[at].sum(axis=1, keepdims=True)
            loss = losses(LABELS, given)
            loss[FOLDS == 1] += 50 * (at == luck)
            trials.tried.append(Tried(Candidate(each, "ridge"), (1.0,), (1.0,), given[np.newaxis], loss[np.newaxis]))
        return trials.choice()

    shares = random.uniform(0.1, 1, (3, PHOTOS, CATEGORIES))
    first, *others = (scored(luck) for luck in range(3))
    for mode in ("fast", "best"):
        one = getattr(first, mode).kept_out
        two = [getattr(other, mode).kept_out for other in others]
        for each in two:
            np.testing.assert_allclose(one[FOLDS == 1], each[FOLDS == 1])
        assert not all(np.allclose(one, each) for each in two)


def test_hands_fix_what_they_want() -> None:
    fixed = Fixed(backbone="lite1", view="mirror", cuts="late", head="means")
    choice, looks = chosen({}, fixed=fixed)
    assert looks.asked == [("lite1", "mirror")]
    assert [row.words for row in choice.table] == ["EfficientNet-Lite1, mirror, the cut before the last: nearest mean"]
    assert choice.table[0].fast == choice.table[0].best == 1.0


@pytest.mark.slow
def test_a_few_photos_are_mirrored_too_and_a_hidden_layer_waits_for_many() -> None:
    choice, looks = chosen({("lite0", "crop"): 0.02})
    assert ("lite0", "mirror") in looks.asked
    assert not any("hidden" in row.words for row in choice.table)
    labels = np.arange(130) % CATEGORIES
    many = Looks({("lite0", "crop"): 0.02}, labels)
    choice = choose(many, labels, labels * 0 + np.arange(130) // 3 % 5, CATEGORIES, backbones=BUNDLED, elongated=False)
    assert ("lite0", "mirror") not in many.asked
    assert any("hidden" in row.words for row in choice.table)


def test_the_table_counts_what_was_learnt() -> None:
    choice, _ = chosen({("lite0", "crop"): 1.0})
    last = next(row for row in choice.table if "last features: least squares" in row.words)
    assert last.parameters == (1280 + 1) * CATEGORIES
    assert last.passes == 1


def test_weights_favour_the_likelier_and_drop_the_hopeless() -> None:
    found = weights(np.array([10.0, 12.0, 10.0, 500.0]))
    assert found[0] == found[2] > found[1] > 0
    assert found[3] == 0
    assert found.sum() == pytest.approx(1)
    equals = weights(np.full(40, 3.0))
    assert (equals > 0).sum() == MOST_MEMBERS
    assert equals.sum() == pytest.approx(1)

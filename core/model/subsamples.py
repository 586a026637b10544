"""How well fewer photos would have done: features, labels and folds to the points of a learning curve."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

SHARES = (0.25, 0.5, 0.75, 1.0)  # of the photos learnt in each fold
THINNED = (0.25, 0.5)  # of one category's photos while the others keep all theirs
PENALTY = 0.1  # of the ridge; from 0.03 to 0.3 the curves run side by side on rows of unit length

_FREE_BIAS = 10.0  # variance granted to the bias: so much that it is as good as unpenalised
_MOST_DRAWS = 8  # of one share; more no longer make the points steadier
_DRAWN = 1200  # photos that the draws of one share have together, at most: then the time stays short
_THINNED_DRAWS = 3
_ENOUGH = 800  # photos to test on; with more photos than that in all, later folds add time and little else


@dataclass(frozen=True)
class CategoryCurve:
    """Recall of one category while only its own photos are thinned, fewest first.

    photos       how many it has
    learnt       how many of them were learnt from, mean of the folds, at each point
    recall       fraction of its photos that were given it, at each point
    covariance   of the recalls, a row for each point
    won, lost    photos, of its own, given their category with all its photos but not with half of them; and of the
                 others, the other way round (net, so that either may be negative)
    """

    photos: int
    learnt: tuple[float, ...]
    recall: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    won: float
    lost: float


@dataclass(frozen=True)
class Curve:
    """Out-of-fold accuracy with fewer photos of every category, fewest first.

    photos       of each category
    learnt       photos a category that were learnt from, mean of categories and folds, at each point
    accuracy     fraction right at each point, to be drawn: it ends at that of the model in use, where that was given
    measured     the same of the classifier that was tried at each point, to forecast from
    covariance   of `measured`, a row for each point: all are measured on the same photos
    categories   the same for each category alone
    """

    photos: tuple[int, ...]
    learnt: tuple[float, ...]
    accuracy: tuple[float, ...]
    measured: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    categories: tuple[CategoryCurve, ...]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Curve":
        """The curve that `dataclasses.asdict` gave; raises KeyError or TypeError for anything else."""
        return cls(
            photos=tuple(data["photos"]),
            learnt=tuple(data["learnt"]),
            accuracy=tuple(data["accuracy"]),
            measured=tuple(data["measured"]),
            covariance=tuple(tuple(row) for row in data["covariance"]),
            categories=tuple(
                CategoryCurve(
                    photos=each["photos"],
                    learnt=tuple(each["learnt"]),
                    recall=tuple(each["recall"]),
                    covariance=tuple(tuple(row) for row in each["covariance"]),
                    won=each["won"],
                    lost=each["lost"],
                )
                for each in data["categories"]
            ),
        )


def learning_curve(
    features: NDArray[np.float32],
    labels: Numbers,
    groups: Numbers,
    folds: Numbers,
    categories: int,
    *,
    accuracy: float | None = None,
    seed: int = 0,
) -> Curve:
    """The learning curve of rows of unit length (n, features), labels 0 … categories - 1, each with some photo.

    Every photo is judged by classifiers that never saw its fold; `folds` keep `groups` of look-alikes whole.
    `accuracy` is the out-of-fold one of the model in use. The same seed gives the same curve.
    """
    random = np.random.default_rng(seed)
    right, learnt, thin_right, thin_learnt, tested = _judge(features, labels, folds, categories, random)
    groups = np.unique(groups[tested], return_inverse=True)[1]
    truth = labels[tested]
    points, noise = right.mean(axis=0), _covariance(right, groups)
    curves = []
    for category in range(categories):
        own = truth == category
        judged = np.column_stack([thin_right[category], right[:, -1]])
        change = judged[:, -1] - judged[:, -2]
        recall, spread = judged[own].mean(axis=0), _covariance(judged[own], groups[own])
        curves.append(
            CategoryCurve(
                photos=int((labels == category).sum()),
                learnt=_tuple(thin_learnt[category]),
                recall=_tuple(recall),
                covariance=_matrix(spread),
                won=float(change[own].sum()),
                lost=float(-change[~own].sum()),
            )
        )
    photos = tuple(np.bincount(labels, minlength=categories).tolist())
    drawn = points if accuracy is None else _ending_at(points, accuracy, len(labels))
    return Curve(photos, _tuple(learnt), _tuple(drawn), _tuple(points), _matrix(noise), tuple(curves))


def _judge(
    features: NDArray[np.float32], labels: Numbers, folds: Numbers, categories: int, random: np.random.Generator
) -> tuple[Floats, Floats, Floats, Floats, Numbers]:
    """How often each tested photo was right (tested, SHARES) and how many photos a category were learnt (SHARES,).

    Then the same while one category is thinned, (categories, tested, THINNED) and, of its photos, (categories,
    THINNED + all of them); and the positions of the photos tested.
    """
    centred = features - features.mean(axis=0)
    products = (centred @ centred.T).astype(np.float64) + _FREE_BIAS
    targets = np.eye(categories)[labels]
    right = np.zeros((len(labels), len(SHARES)))
    thin_right = np.zeros((categories, len(labels), len(THINNED)))
    learnt: list[list[float]] = []
    thin_learnt: list[list[list[int]]] = []
    tested = np.zeros(len(labels), dtype=bool)
    for number in random.permutation(np.unique(folds)):
        if tested.sum() >= _ENOUGH:
            break
        out, known = np.flatnonzero(folds == number), np.flatnonzero(folds != number)
        tested[out] = True
        members = [np.flatnonzero(labels[known] == category) for category in range(categories)]
        sizes = []
        for at, share in enumerate(SHARES[:-1]):
            draws = int(np.clip(_DRAWN / (share * len(known)), 1, _MOST_DRAWS))
            for _ in range(draws):
                some = known[np.concatenate([_some(each, share, random) for each in members])]
                scores = products[np.ix_(out, some)] @ np.linalg.solve(_ridge(products, some), targets[some])
                right[out, at] += (scores.argmax(axis=1) == labels[out]) / draws
            sizes.append(len(some) / categories)
        learnt.append([*sizes, len(known) / categories])

        # With some photos left out, the solution follows from the whole one (block inverse): a small system each.
        inverse = np.linalg.inv(_ridge(products, known))
        weights, reach = inverse @ targets[known], products[np.ix_(out, known)] @ inverse
        scores = reach @ targets[known]
        right[out, -1] = scores.argmax(axis=1) == labels[out]
        for category, here in enumerate(members):
            for at, share in enumerate(THINNED):
                for _ in range(_THINNED_DRAWS):
                    left_out = np.setdiff1d(here, _some(here, share, random))
                    undone = np.linalg.solve(inverse[np.ix_(left_out, left_out)], weights[left_out])
                    answers = (scores - reach[:, left_out] @ undone).argmax(axis=1)
                    thin_right[category, out, at] += (answers == labels[out]) / _THINNED_DRAWS
        thin_learnt.append([[*(_size(each, share) for share in THINNED), len(each)] for each in members])
    return (
        right[tested],
        np.mean(learnt, axis=0),
        thin_right[:, tested],
        np.mean(thin_learnt, axis=0),
        np.flatnonzero(tested),
    )


def _ridge(products: Floats, known: Numbers) -> Floats:
    return products[np.ix_(known, known)] + PENALTY * np.eye(len(known))


def _size(members: Numbers, share: float) -> int:
    return min(len(members), max(1, round(share * len(members))))


def _some(members: Numbers, share: float, random: np.random.Generator) -> Numbers:
    return random.permutation(members)[: _size(members, share)]


def _covariance(right: Floats, groups: Numbers) -> Floats:
    """Covariance (points, points) of the means of `right` (n, points); photos of one group err together."""
    sums = np.zeros((groups.max(initial=0) + 1, right.shape[1]))
    np.add.at(sums, groups, right - right.mean(axis=0))
    covariance: Floats = sums.T @ sums / len(right) ** 2
    return covariance


def _ending_at(points: Floats, accuracy: float, photos: int) -> Floats:
    """The points shifted alike in log-odds, so that the last is `accuracy`: another head errs less or more throughout.

    One photo half right is added, so that a point without a mistake stays finite. Forecasts were further off from
    the shifted points, because they take on the noise of a second test.
    """
    known = (np.append(points, accuracy) * photos + 0.5) / (photos + 1)
    odds = known / (1 - known)
    shifted = odds[:-1] * odds[-1] / odds[-2]
    ending: Floats = np.clip((shifted / (1 + shifted) * (photos + 1) - 0.5) / photos, 0, 1)
    return ending


def _tuple(values: Floats) -> tuple[float, ...]:
    return tuple(float(each) for each in values)


def _matrix(values: Floats) -> tuple[tuple[float, ...], ...]:
    return tuple(_tuple(row) for row in values)

"""None of these: how strange a photo is to a model, and from where on it is refused.

Three distances, each blind to what another sees, for each photo's features x:

    mean     to the nearest category's mean: sees photos of another world, which lie far from everything
    axes     to the nearest mean along the discriminant axes (Fisher 1936, within-category covariance shrunk):
             sees what fits none of the categories in just that which tells them apart
    angle    to the nearest mean's direction there: sees what lies between categories, however far out

Each is standardised by the scores of true photos and they are summed, which finds categories left out of training;
the square of an outstanding first distance is added, so that a photo from another world cannot make up for it.

Scores of true photos come from folds: each photo is scored by a model that never saw it. A new photo's distances
are the mean over the same models, so that it meets what the threshold was set on (cross-conformal prediction:
Vovk 2015; Barber, Candès, Ramdas & Tibshirani 2021). Everything is products of matrices, roots and minima.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import TooFewPhotos

REFUSE = 0.05  # share of true photos that may be refused

_SHRINK = 0.3  # towards one variance for all directions; from 0.05 to 0.9 hardly anything changes
OUTSTANDING = 1.0  # standard deviations from which a distance counts squared as well
_DISTANCES = 3
_START = np.array([1.0, 1.0, 1.0, 3.0, 1.0])  # of `_terms`: an outstanding distance counts as all three together
_CONSTANT = 1e-6  # a spread below this is rounding error
_TRUST = 10.0  # the pull towards _START, in photos: that many strangers begin to tell which distance counts
_STEPS = 50  # of Newton's method; ten are usual

Floats = NDArray[np.float64]
Single = NDArray[np.float32]


@dataclass(frozen=True)
class Fold:
    """What one fold's model knows: category means (k, features), discriminant axes (r, features), r < k.

    Both hold numbers that float16 can hold, so that stored and read again they are the same.
    """

    means: Single
    axes: Single

    def distances(self, features: Single) -> Floats:
        """The distances named above (n, 3), the greater the stranger; 0 where there are too few categories."""
        found = np.zeros((len(features), _DISTANCES))
        found[:, 0] = np.sqrt(_squares(features, self.means, self.lengths).min(axis=1))
        if len(self.axes):
            places = (features @ self.axes.T).astype(np.float64) - self.centre
            found[:, 1] = np.sqrt(_squares(places, self.places, self.place_lengths).min(axis=1))
            if len(self.axes) > 1:  # on a single axis there are but two directions
                found[:, 2] = -(_unit(places) @ self.directions.T).max(axis=1)
        return found

    # What every answer needs of the means, worked out once.

    @cached_property
    def lengths(self) -> Single:
        """The square of each mean's length (k,)."""
        lengths: Single = np.square(self.means).sum(axis=1)
        return lengths

    @cached_property
    def centre(self) -> Floats:
        """Where the means' centre lies on the axes (r,)."""
        centre: Floats = (self.means @ self.axes.T).astype(np.float64).mean(axis=0)
        return centre

    @cached_property
    def places(self) -> Floats:
        """Where each mean lies on the axes, seen from their centre (k, r)."""
        places: Floats = (self.means @ self.axes.T).astype(np.float64) - self.centre
        return places

    @cached_property
    def place_lengths(self) -> Floats:
        """The square of each place's length (k,)."""
        lengths: Floats = np.square(self.places).sum(axis=1)
        return lengths

    @cached_property
    def directions(self) -> Floats:
        """The places, each of length 1 (k, r)."""
        return _unit(self.places)


@dataclass(frozen=True)
class Novelty:
    """A fitted score. `kept` are the out-of-fold scores of the true photos, ascending; `threshold` lies on them.

    `weights` are of the three distances, standardised, then of the squares of what stands out in the first
    and in the likeness to the nearest marked stranger; `strangers` (m, features) are the marked ones.
    """

    folds: tuple[Fold, ...]
    centre: Floats
    spread: Floats
    weights: Floats
    strangers: Single
    kept: Floats
    refuse: float
    threshold: float

    def scores(self, features: Single) -> Floats:
        """Strangeness (n,) of feature rows (n, features), normalised as for `fit`; larger is stranger."""
        distances = np.mean([fold.distances(features) for fold in self.folds], axis=0)
        raw = np.column_stack([distances, _likeness(features, self.strangers)])
        return _terms((raw - self.centre) / self.spread) @ self.weights

    def refuses(self, features: Single) -> NDArray[np.bool_]:
        """True (n,) for each row that is none of these."""
        return self.scores(features) > self.threshold

    def nearness(self, scores: Floats) -> Floats:
        """Share (n,), 0 to 1, of true photos that are at least as strange; `refuse` at the threshold.

        0.02 reads "only 2 of 100 real photos are as strange". Falls as the score rises; beyond the strangest
        true photo as an exponential tail does.
        """
        shares = _shares(len(self.kept))
        beyond = np.maximum(scores - self.kept[-1], 0) / _tail(self.kept)
        nearness: Floats = np.interp(scores, self.kept, shares) * np.exp(-beyond)
        return nearness

    def with_share(self, refuse: float) -> "Novelty":
        """The same score with the threshold that refuses another share of true photos, between 0 and 1."""
        return replace(self, refuse=refuse, threshold=_threshold(self.kept, refuse))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Everything as plain arrays; the large ones float16."""
        arrays: dict[str, NDArray[Any]] = {
            "centre": self.centre,
            "spread": self.spread,
            "weights": self.weights,
            "strangers": self.strangers.astype(np.float16),
            "kept": self.kept,
            "refuse": np.array(self.refuse),
        }
        for at, fold in enumerate(self.folds):
            arrays[f"means_{at}"] = fold.means.astype(np.float16)
            arrays[f"axes_{at}"] = fold.axes.astype(np.float16)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Novelty":
        """What `to_arrays` gave; scores are the same to the last digit. Raises ValueError for anything else."""
        try:
            refuse = float(arrays["refuse"])
            centre, spread, weights, kept = (
                arrays[name].astype(np.float64) for name in ("centre", "spread", "weights", "kept")
            )
            strangers = arrays["strangers"].astype(np.float32)
            folds = tuple(
                Fold(arrays[f"means_{at}"].astype(np.float32), arrays[f"axes_{at}"].astype(np.float32))
                for at in range(sum(name.startswith("means_") for name in arrays))
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"a part of the score for strangers is missing or no array of numbers: {error}") from error
        small = (centre, spread, weights, kept)
        wide: list[NDArray[Any]] = [strangers, *(part for fold in folds for part in (fold.means, fold.axes))]
        fits = (
            len(folds) > 0
            and all(part.ndim == 2 and part.shape[1] == strangers.shape[-1] for part in wide)
            and all(len(fold.means) > len(fold.axes) for fold in folds)
            and centre.shape == spread.shape == (_DISTANCES + 1,)
            and weights.shape == (_DISTANCES + 2,)
            and kept.ndim == 1
            and len(kept) > 0
            and all(np.isfinite(part).all() for part in (*small, *wide))
            and bool((spread > 0).all() and (np.diff(kept) >= 0).all())
        )
        if not fits:
            raise ValueError("the score for strangers is damaged: its parts do not fit together")
        return cls(folds, centre, spread, weights, strangers, kept, refuse, _threshold(kept, refuse))


def fit(
    features: Single,
    labels: NDArray[np.int64],
    folds: NDArray[np.int64],
    *,
    refuse: float = REFUSE,
    strangers: Single | None = None,
) -> Novelty:
    """The score for normalised feature rows (n, features) with their categories (n,) and fold numbers (n,).

    Photos of one source share a fold. `refuse` is the share of true photos that the threshold refuses.
    `strangers` (m, features), photos marked as none of these, teach how much each distance is worth and what
    else is a stranger; without any, all count alike.

    Raises TooFewPhotos when no photo can be scored by a model that knows its category but not the photo: a
    category needs photos in two folds.
    """
    gram = (features @ features.T).astype(np.float64)
    models, known, distances = [], [], np.zeros((len(features), _DISTANCES))
    for number in np.unique(folds):
        out = folds == number
        if out.all():
            break
        model = _fit_fold(features[~out], labels[~out], gram[np.ix_(~out, ~out)])
        distances[out] = model.distances(features[out])
        known.append(np.flatnonzero(out)[np.isin(labels[out], labels[~out])])
        models.append(model)
    scored = np.concatenate(known) if known else np.empty(0, dtype=np.int64)
    if not len(scored):
        raise TooFewPhotos("Each category has photos of one source only.", hint="Add photos of another source.")
    fewest = min(len(model.axes) for model in models)
    known_to_all = np.ones(len(_START))
    known_to_all[1 + fewest : _DISTANCES] = 0  # a distance that only some folds know cannot be compared among them
    marked = np.empty((0, features.shape[1])) if strangers is None else strangers
    marked = marked.astype(np.float16).astype(np.float32)
    raw = np.column_stack([distances, _likeness(features, marked)])[scored]
    centre, spread = raw.mean(axis=0), raw.std(axis=0)
    spread[spread < _CONSTANT] = 1.0
    true = _terms((raw - centre) / spread) * known_to_all
    weights = _START * known_to_all
    if len(marked):
        others = np.full(len(marked), centre[-1])
        if len(marked) > 1:
            others = _likeness(marked, marked, itself=False)
        false = np.column_stack([np.mean([model.distances(marked) for model in models], axis=0), others])
        weights = _learn(true, _terms((false - centre) / spread) * known_to_all, weights)
    kept = np.sort(true @ weights)
    return Novelty(tuple(models), centre, spread, weights, marked, kept, refuse, _threshold(kept, refuse))


def _learn(true: Floats, false: Floats, usual: Floats) -> Floats:
    """Weights (5,), none below 0, that tell the terms of true photos (n, 5) from those of strangers (m, 5).

    Logistic regression drawn towards the `usual` ones, which a few strangers hardly move. Newton's method, steps halved
    while they do not lead down.
    """
    rows = np.column_stack([np.vstack([true, false]), np.ones(len(true) + len(false))])
    rows[:, :-1] /= max((true @ usual).std(), _CONSTANT)
    sign = np.repeat([1.0, -1.0], [len(true), len(false)])
    start = np.append(usual, 0.0)
    penalty = np.append(np.full(len(usual), _TRUST), 1e-3)

    def objective(weights: Floats) -> float:
        losses = np.logaddexp(0, sign * (rows @ weights))
        return float(losses.sum() + (penalty * (weights - start) ** 2).sum() / 2)

    weights, value = start, objective(start)
    for _ in range(_STEPS):
        share = np.exp(-np.logaddexp(0, -sign * (rows @ weights)))
        gradient = rows.T @ (sign * share) + penalty * (weights - start)
        hessian = (rows.T * (share * (1 - share))) @ rows + np.diag(penalty)
        step = np.linalg.solve(hessian, gradient)
        for length in 0.5 ** np.arange(12):
            trial = weights - length * step
            trial[:-1] = np.maximum(trial[:-1], 0)
            if objective(trial) < value:
                break
        else:
            break
        weights, value = trial, objective(trial)
    return weights[:-1]


def _fit_fold(features: Single, labels: NDArray[np.int64], gram: Floats) -> Fold:
    """Means and discriminant axes, from the photos' inner products `gram` (n, n): n numbers an axis suffice.

    The axes are whitened: along each the shrunk covariance within categories is the same. The inverse of the
    covariance, a multiple of the identity plus n outer products, is found in n dimensions (Woodbury 1950).
    """
    numbers, category = np.unique(labels, return_inverse=True)
    members = np.eye(len(numbers))[category]
    shares = members / members.sum(axis=0)
    means = shares.T @ features
    within = gram - members @ (shares.T @ gram)
    between = shares - shares.mean(axis=1, keepdims=True)
    mixed = within @ between
    within = within - (within @ shares) @ members.T
    trace = within.trace()
    combination = between
    if trace > 1e-9 * gram.trace():
        ridge = _SHRINK / (1 - _SHRINK) * trace / features.shape[1]
        solved = np.linalg.solve(within + ridge * np.eye(len(within)), mixed)
        combination = between - (solved - members @ (shares.T @ solved))
    variance, vectors = np.linalg.eigh(between.T @ gram @ combination)
    large = variance > max(variance[-1], 1e-12) * 1e-6
    axes = (combination @ (vectors[:, large] / np.sqrt(variance[large]))).T @ features
    length = np.sqrt(np.square(axes).sum(axis=1).max(initial=1e-12))
    return Fold(*(part.astype(np.float16).astype(np.float32) for part in (means, axes / length)))


def _terms(standard: Floats) -> Floats:
    """What `weights` weigh (n, 5), from standardised distances and likeness to strangers (n, 4)."""
    outstanding = np.maximum(standard[:, [0, _DISTANCES]] - OUTSTANDING, 0) ** 2
    return np.column_stack([standard[:, :_DISTANCES], outstanding])


def _likeness(features: Single, strangers: Single, *, itself: bool = True) -> Floats:
    """Largest inner product (n,) with a marked stranger, 0 when there is none; without `itself`, with another one."""
    if not len(strangers):
        return np.zeros(len(features))
    products = features @ strangers.T
    if not itself:
        np.fill_diagonal(products, -np.inf)
    likeness: Floats = products.max(axis=1).astype(np.float64)
    return likeness


def _squares(rows: NDArray[Any], targets: NDArray[Any], lengths: NDArray[Any]) -> Floats:
    """Squared distance of each row to each target (n, k), whose squared `lengths` (k,) are known."""
    lengths = np.square(rows).sum(axis=1)[:, None] + lengths
    squares: Floats = np.maximum(lengths - 2 * rows @ targets.T, 0).astype(np.float64)
    return squares


def _unit(rows: Floats) -> Floats:
    unit: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit


def _shares(count: int) -> Floats:
    """Share of new photos expected above each of `count` ascending scores: the m-th has m of count + 1 below."""
    shares: Floats = np.arange(count, 0, -1) / (count + 1)
    return shares


def _tail(kept: Floats) -> float:
    """Mean excess of the strangest quarter over the rest: the scale of an exponential tail beyond the last."""
    few = max(1, len(kept) // 4)
    return max(float(kept[-few:].mean() - kept[-few - 1 :][0]), 1e-6)


def _threshold(kept: Floats, refuse: float) -> float:
    """The score above which a new true photo is expected to lie with probability `refuse`.

    Raises ValueError when that is not between 0 and 1.
    """
    if not 0 < refuse < 1:
        raise ValueError(f"the share to refuse lies between 0 and 1, not at {refuse}")
    shares = _shares(len(kept))
    if refuse < shares[-1]:
        return float(kept[-1] + _tail(kept) * np.log(shares[-1] / refuse))
    return float(np.interp(-refuse, -shares, kept))

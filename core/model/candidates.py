"""A candidate: features, the kind of head that stands on them, and how it does on photos that the head never saw."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.model.evaluate import log_loss, losses
from core.model.features import Features, Matrix
from core.model.head import Floats, Head, cross_validate, fit_head, row_space
from core.model.hidden import UNITS, HiddenHead, cross_validate_hidden, fit_hidden
from core.model.nearest import cross_validate_means, fit_means
from core.model.ridge import PENALTIES, cross_validate_ridge, fit_ridge

Kind = Literal["ridge", "linear", "means", "hidden"]
Labels = NDArray[np.int64]

KINDS: dict[Kind, str] = {
    "ridge": "least squares",
    "linear": "logistic regression",
    "means": "nearest mean",
    "hidden": "a hidden layer",
}

# Between two of these the accuracy hardly changes, and how sure the answers are is set right afterwards.
STRENGTHS = (0.003, 0.0003)
# Tried only where the stronger of the above is the better one: categories hard to tell apart.
STRONGER = (10.0, 1.0, 0.1, 0.02)


@dataclass(frozen=True)
class Candidate:
    """Features and the kind of head that stands on them."""

    features: Features
    kind: Kind

    @property
    def words(self) -> str:
        """As in "EfficientNet-Lite0, crop, all cuts: linear"."""
        return f"{self.features.words}: {KINDS[self.kind]}"

    def parameters(self, categories: int) -> int:
        """How many numbers its head learns."""
        width = self.features.width
        return (width + 1) * UNITS + (UNITS + 1) * categories if self.kind == "hidden" else (width + 1) * categories

    def fit(self, matrix: Matrix, labels: Labels, categories: int, strength: float, scale: float) -> Head | HiddenHead:
        """The head learnt from all photos."""
        if self.kind == "ridge":
            return fit_ridge(matrix, labels, categories, strength, scale)
        if self.kind == "means":
            return fit_means(matrix, labels, categories, strength)
        if self.kind == "hidden":
            return fit_hidden(matrix, labels, categories)
        return fit_head(matrix, labels, categories, strength=strength)


@dataclass(frozen=True)
class Tried:
    """A candidate that was tried, and its out-of-fold probabilities (n, categories) at each strength.

    `scales` are of the outputs, one for each strength, where the head has any.
    """

    candidate: Candidate
    strengths: tuple[float, ...]
    scales: tuple[float, ...]
    kept_out: Floats
    losses: Floats = field(repr=False)  # (strengths, n), of each photo

    def best(self, photos: NDArray[np.bool_]) -> int:
        """Position of the strength with the least log loss on these photos."""
        return int(self.losses[:, photos].mean(axis=1).argmin())

    @property
    def least(self) -> float:
        """The log loss at the best strength."""
        return float(self.losses.mean(axis=1).min())

    @property
    def least_losses(self) -> Floats:
        """The loss of each photo (n,) at the best strength."""
        least: Floats = self.losses[self._best]
        return least

    @property
    def best_kept_out(self) -> Floats:
        """The probabilities (n, categories) at the best strength."""
        best: Floats = self.kept_out[self._best]
        return best

    @property
    def _best(self) -> int:
        """Position of the best strength."""
        return int(self.losses.mean(axis=1).argmin())


def cross_validated(candidate: Candidate, products: Floats, labels: Labels, folds: Labels, categories: int) -> "Tried":
    """The candidate tried on photos whose features have these inner `products` (n, n)."""
    given = (labels, folds, categories)
    strengths: tuple[float, ...] = STRENGTHS
    scales: tuple[float, ...] = ()
    if candidate.kind == "ridge":
        strengths = PENALTIES
        scales, kept_out = cross_validate_ridge(products, *given)
    elif candidate.kind == "means":
        strengths, kept_out = cross_validate_means(row_space(products), *given)
    elif candidate.kind == "hidden":
        strengths, kept_out = (1.0,), cross_validate_hidden(row_space(products), *given)[np.newaxis]
    else:
        coordinates = row_space(products)
        kept_out = cross_validate(coordinates, *given, strengths=strengths)
        if np.argmin([log_loss(labels, each) for each in kept_out]) == 0:
            more = cross_validate(coordinates, *given, strengths=STRONGER)
            strengths, kept_out = (*STRONGER, *strengths), np.concatenate([more, kept_out])
    each = np.array([losses(labels, probabilities) for probabilities in kept_out])
    return Tried(candidate, strengths, scales or (1.0,) * len(strengths), kept_out, each)

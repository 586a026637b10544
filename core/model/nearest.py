"""The nearest class mean: the simplest head, hard to beat with a photo or two a category."""

import numpy as np
from numpy.typing import NDArray

from core.model.head import Floats, Head, softmax

SCALES = (4.0, 8.0, 16.0, 32.0)  # how fast the probability falls with the distance; the place of a strength


def fit_means(features: NDArray[np.float32], labels: NDArray[np.int64], categories: int, scale: float) -> Head:
    """A linear head that prefers the category whose mean the photo's features (n, d) point to.

    (Nearest class mean: Mensink et al. 2013. Both are seen from the mean of all photos.)
    """
    centre = features.mean(axis=0, dtype=np.float64)
    means = _means((features - centre), labels, np.ones(len(labels), dtype=np.bool_), categories)
    kernel = scale * means.T
    return Head(kernel.astype(np.float32), (-centre @ kernel).astype(np.float32))


def cross_validate_means(
    coordinates: Floats, labels: NDArray[np.int64], folds: NDArray[np.int64], categories: int
) -> tuple[tuple[float, ...], Floats]:
    """SCALES, and out-of-fold probabilities (len(SCALES), n, categories) from `row_space`'s coordinates."""
    seen = coordinates[:, :-1]
    towards = np.empty((len(labels), categories))
    for fold in np.unique(folds):
        here = folds == fold
        towards[here] = seen[here] @ _means(seen, labels, ~here, categories).T
    return SCALES, np.array([softmax(scale * towards) for scale in SCALES])


def _means(seen: Floats, labels: NDArray[np.int64], learnt: NDArray[np.bool_], categories: int) -> Floats:
    """The mean of each category's learnt photos (categories, d), at unit length; zeros where there is none."""
    sums = np.zeros((categories, seen.shape[1]))
    np.add.at(sums, labels[learnt], seen[learnt])
    means: Floats = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    return means

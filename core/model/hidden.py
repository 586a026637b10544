"""A head with one small hidden layer, for when there are photos enough for more than straight lines."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from core.model.head import Floats, one_hot, principal, softmax

ENOUGH = 40  # photos in the smallest category: with fewer there is too little to learn bends from
UNITS = 64
DIRECTIONS = 128  # principal ones that the layer sees; what lies beyond is noise to tens of photos
DECAY = 1e-2  # of the squared weights, beside the mean log loss

_STEPS = 150


@dataclass(frozen=True)
class HiddenHead:
    """Kernel float32 (features, units) and bias, ReLU, then kernel (units, categories) and bias, softmax."""

    kernel_1: NDArray[np.float32]
    bias_1: NDArray[np.float32]
    kernel_2: NDArray[np.float32]
    bias_2: NDArray[np.float32]
    kind: ClassVar[str] = "hidden"

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probability of each category, float32 (n, categories), from features (n, d)."""
        hidden = np.maximum(features @ self.kernel_1 + self.bias_1, 0)
        return softmax(hidden @ self.kernel_2 + self.bias_2)

    @property
    def width(self) -> int:
        """How many features it takes."""
        return len(self.kernel_1)

    @property
    def categories(self) -> int:
        """How many categories it tells apart."""
        return len(self.bias_2)

    @property
    def parameters(self) -> int:
        """(features + 1) × units + (units + 1) × categories."""
        return self.kernel_1.size + self.bias_1.size + self.kernel_2.size + self.bias_2.size

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Its numbers by name."""
        return {
            "kernel_1": self.kernel_1,
            "bias_1": self.bias_1,
            "kernel_2": self.kernel_2,
            "bias_2": self.bias_2,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "HiddenHead":
        """The head that `to_arrays` gave; raises KeyError or ValueError for anything else."""
        head = cls(*(arrays[name] for name in ("kernel_1", "bias_1", "kernel_2", "bias_2")))
        units, categories = head.kernel_2.shape
        if head.kernel_1.shape[1:] != (units,) or head.bias_1.shape != (units,) or head.bias_2.shape != (categories,):
            raise ValueError("its layers do not fit each other")
        return head


def fit_hidden(
    features: NDArray[np.float32], labels: NDArray[np.int64], categories: int, *, seed: int = 0
) -> HiddenHead:
    """The head learnt from features (n, d); the same seed gives the same head."""
    centre = features.mean(axis=0, dtype=np.float64)
    centred = features - centre
    tall = len(centred) > centred.shape[1]
    variance, vectors = principal(centred.T @ centred if tall else centred @ centred.T)
    variance, vectors = variance[-DIRECTIONS:], vectors[:, -DIRECTIONS:]
    directions = vectors if tall else centred.T @ (vectors / np.sqrt(variance))
    coordinates = centred @ directions
    scale = _scale(coordinates)
    first, bias_1, second, bias_2 = _learn(coordinates * scale, one_hot(labels, categories), seed)
    kernel_1 = directions @ first * scale
    return HiddenHead(
        *(each.astype(np.float32) for each in (kernel_1, bias_1 - centre @ kernel_1, second, bias_2)),
    )


def cross_validate_hidden(
    coordinates: Floats, labels: NDArray[np.int64], folds: NDArray[np.int64], categories: int, *, seed: int = 0
) -> Floats:
    """Out-of-fold probabilities (n, categories), from `row_space`'s coordinates, as `head.cross_validate` for one
    strength. The order of the coordinates matters: the principal ones are last, before the ones of the bias.
    """
    seen = coordinates[:, :-1][:, -DIRECTIONS:]
    seen = seen * _scale(seen)
    targets = one_hot(labels, categories)
    probabilities = np.empty(targets.shape)
    for fold in np.unique(folds):
        kept_out = folds == fold
        first, bias_1, second, bias_2 = _learn(seen[~kept_out], targets[~kept_out], seed)
        hidden = np.maximum(seen[kept_out] @ first + bias_1, 0)
        probabilities[kept_out] = softmax(hidden @ second + bias_2)
    return probabilities


def _scale(coordinates: Floats) -> float:
    """What brings the coordinates to a mean square of 1, so that one weight decay suits all features."""
    return float(1 / np.sqrt(np.mean(coordinates**2)))


def _learn(inputs: Floats, targets: Floats, seed: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Kernels and biases that minimise mean log loss + DECAY / 2 · squared weights, by L-BFGS from a random start."""
    from scipy.optimize import minimize

    random = np.random.default_rng(seed)
    photos, directions = inputs.shape
    categories = targets.shape[1]
    shapes = ((directions, UNITS), (UNITS,), (UNITS, categories), (categories,))
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
    # He et al. 2015: so that signals keep their size through a ReLU.
    start = [random.normal(0, np.sqrt(2 / shape[0]), shape) if len(shape) == 2 else np.zeros(shape) for shape in shapes]

    def unpacked(flat: Floats) -> list[Floats]:
        return [each.reshape(shape) for each, shape in zip(np.split(flat, ends), shapes, strict=True)]

    def objective(flat: Floats) -> tuple[float, Floats]:
        first, bias_1, second, bias_2 = unpacked(flat)
        before = inputs @ first + bias_1
        hidden = np.maximum(before, 0)
        given = softmax(hidden @ second + bias_2)
        loss = -np.log(np.maximum((given * targets).sum(axis=1), 1e-300)).mean()
        loss += DECAY / 2 * ((first**2).sum() + (second**2).sum())
        wrong = (given - targets) / photos
        back = (wrong @ second.T) * (before > 0)
        gradient = (inputs.T @ back + DECAY * first, back.sum(0), hidden.T @ wrong + DECAY * second, wrong.sum(0))
        return float(loss), np.concatenate([each.ravel() for each in gradient])

    flat = np.concatenate([each.ravel() for each in start])
    found = minimize(objective, flat, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS})
    first, bias_1, second, bias_2 = unpacked(found.x)
    return first, bias_1, second, bias_2

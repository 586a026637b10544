"""The linear head: multinomial logistic regression on a frozen backbone's features, solved exactly.

With x the features of one photo (see `core.model.features`), the head minimises over kernel W and bias b

    Σ −log softmax(x W + b)[label]  +  strength / 2 · ‖W‖²        (the bias is not penalised)

This is convex: there is one answer, found to rounding error, and no seed, run or learning rate changes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from core.errors import TooFewPhotos

# With more threads each of the many small products waits for the slowest one: on a busy computer that takes ten
# times as long, on an idle one it gains nothing. Set once for the process: two trainings that each set and restored
# it would restore each other's.
threadpool_limits(limits=1, user_api="blas")

Float = TypeVar("Float", np.float32, np.float64)
Floats = NDArray[np.float64]

WEAKEST = 1e-4  # below, steps in float32 (see `_newton_step`) no longer always lead to the solution

EXACT = 1e-10  # how far above its minimum the objective may stay: probabilities are then right to 1e-6
NEAR = 1e-4  # for choosing and scoring, where probabilities right to 1e-3 will do: a third quicker
_NOISE = 1e-13  # share of the variance below which a direction is rounding error
_NEWTON_STEPS = 100  # five are usual; so many mean that the input is broken
_GRADIENT_STEPS = 500  # within one of Newton's; a hundred are usual, and a step cut short still leads down
_FLAT = np.float32(1e-12)  # least curvature to divide by: with one category left, the bias has none
_NEVER = -1e4  # logit of a category that a fold has nothing to learn from: its probability is 0


@dataclass(frozen=True)
class Head:
    """A fitted head: kernel float32 (features, categories), bias float32 (categories,)."""

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]
    kind: ClassVar[str] = "linear"

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probability of each category, float32 (n, categories), from features (n, d)."""
        return softmax(features @ self.kernel + self.bias)

    @property
    def width(self) -> int:
        """How many features it takes."""
        return len(self.kernel)

    @property
    def categories(self) -> int:
        """How many categories it tells apart."""
        return len(self.bias)

    @property
    def parameters(self) -> int:
        """(features + 1) × categories."""
        return self.kernel.size + self.bias.size

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Its numbers by name."""
        return {"kernel": self.kernel, "bias": self.bias}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Head":
        """The head that `to_arrays` gave; raises KeyError or ValueError for anything else."""
        kernel, bias = arrays["kernel"], arrays["bias"]
        if kernel.ndim != 2 or bias.shape != kernel.shape[1:]:
            raise ValueError(f"a kernel of shape {kernel.shape} and a bias of shape {bias.shape} are no head")
        return cls(kernel, bias)


def fit_head(features: NDArray[np.float32], labels: NDArray[np.int64], categories: int, *, strength: float) -> Head:
    """The head that minimises the objective above on features (n, d), labels 0 … categories - 1.

    `strength` is at least WEAKEST; the greater, the less sure the answers. Raises TooFewPhotos for an empty
    category.
    """
    counts = np.bincount(labels, minlength=categories)
    if not counts.all():
        raise TooFewPhotos(f"Category {counts.argmin() + 1} of {categories} has no photo.", hint="Add some.")
    centre = features.mean(axis=0, dtype=np.float64)
    centred = features - centre
    photos, width = centred.shape
    tall = photos > width  # then the smaller of the two matrices of products has the same directions
    variance, vectors = principal(centred.T @ centred if tall else centred @ centred.T)
    coordinates = centred @ vectors if tall else vectors * np.sqrt(variance)
    everything = np.ones((photos, 1))
    weights = solve(_with_bias(coordinates), one_hot(labels, categories), everything, strength)[:, 0]
    # In this order no product is larger than the features.
    kernel = vectors @ weights[:-1] if tall else centred.T @ ((vectors / np.sqrt(variance)) @ weights[:-1])
    bias = weights[-1] - centre @ kernel
    return Head(kernel.astype(np.float32), bias.astype(np.float32))


def row_space(products: Floats) -> Floats:
    """Coordinates (n, r + 1) of n photos, the last one 1 for the bias, from their inner products (n, n).

    The best kernel is a combination of the photos' own features (representer theorem: Kimeldorf & Wahba
    1971), so n photos need r ≤ n numbers a category, not one a feature. The directions are the principal
    ones: there the second derivative is nearly diagonal, which makes `solve` quick. The mean is taken out,
    which only shifts the bias.
    """
    means = products.mean(axis=0)
    variance, vectors = principal(products - means - means[:, None] + means.mean())
    return _with_bias(vectors * np.sqrt(variance))


def cross_validate(
    coordinates: Floats,
    labels: NDArray[np.int64],
    folds: NDArray[np.int64],
    categories: int,
    *,
    strengths: Sequence[float],
    gap: float = NEAR,
) -> Floats:
    """Out-of-fold probabilities (len(strengths), n, categories): each by a head that never saw the photo.

    The same numbers as fitting each fold and strength apart, to within `gap`, but all share one decomposition,
    `row_space`'s `coordinates`, and the folds are solved side by side. A category with no photo outside a fold gets
    probability 0 there: nothing was left to learn it from. At least two folds are needed.
    """
    targets = one_hot(labels, categories)
    numbers, fold = np.unique(folds, return_inverse=True)
    learnt = (fold[:, None] != np.arange(len(numbers))).astype(np.float64)
    probabilities = np.empty((len(strengths), *targets.shape))
    weights = None
    for at, strength in enumerate(strengths):
        weights = solve(coordinates, targets, learnt, strength, weights, gap=gap)  # the last solution is a good start
        logits = _times(coordinates, weights) + unlearnable(targets, learnt)
        probabilities[at] = softmax(logits[np.arange(len(labels)), fold])
    return probabilities


def principal(products: Floats) -> tuple[Floats, Floats]:
    """Variances (r,) and directions (n, r) of a symmetric matrix, without those that are rounding error."""
    variance, vectors = np.linalg.eigh(products)
    kept = variance > max(variance[-1], 1.0) * _NOISE
    return variance[kept], vectors[:, kept]


def _with_bias(coordinates: Floats) -> Floats:
    return np.column_stack([coordinates, np.ones(len(coordinates))])


def solve(
    rows: Floats,
    targets: Floats,
    learnt: Floats,
    strength: float,
    start: Floats | None = None,
    *,
    gap: float = EXACT,
) -> Floats:
    """Weights (columns of rows, folds, categories) of the heads for several folds, which never mix.

    `rows` (n, columns) ends in a column of ones, the bias; `targets` (n, categories) is one-hot; `learnt`
    (n, folds) is 1 where a fold's head learns from the photo. Newton's method with steps from conjugate
    gradients (Nocedal & Wright 2006, algorithm 7.1), halved while they lead too little down (Armijo). All
    folds share each product with `rows`, which is where the time goes.
    """
    if not strength >= WEAKEST:
        raise ValueError(f"strength must be at least {WEAKEST}, not {strength}")
    penalty = np.full((rows.shape[1], 1, 1), strength)
    penalty[-1] = 0
    hopeless = unlearnable(targets, learnt)
    light = rows.astype(np.float32)
    # The objective bends at least as much as its penalty, so |gradient|² / (2 strength) is all it can fall.
    goal = np.sqrt(2 * strength * gap)

    def objective(logits: Floats, weights: Floats) -> Floats:
        top = logits.max(axis=2)
        normaliser = top + np.log(np.exp(logits - top[:, :, None]).sum(axis=2))
        losses = learnt * (normaliser - np.einsum("nfk,nk->nf", logits, targets))
        total: Floats = losses.sum(axis=0) + strength / 2 * _dot(weights[:-1], weights[:-1])
        return total

    weights = np.zeros((rows.shape[1], *hopeless.shape)) if start is None else start
    for _ in range(_NEWTON_STEPS):
        logits = _times(rows, weights) + hopeless
        probabilities = softmax(logits)
        gradient = _times(rows.T, learnt[:, :, None] * (probabilities - targets[:, None])) + penalty * weights
        if (np.sqrt(_dot(gradient, gradient)) <= goal).all():
            return weights
        step = _newton_step(light, learnt, probabilities, gradient, penalty, goal)
        change, slope = _times(rows, step), _dot(gradient, step)
        value = objective(logits, weights)
        allowed = value * (1 + 1e-12)  # for rounding
        length = np.ones((learnt.shape[1], 1))
        while (
            too_high := objective(logits + length * change, weights + length * step)
            > allowed + 1e-4 * length[:, 0] * slope
        ).any():
            length[too_high] /= 2
        weights = weights + length * step
    raise ArithmeticError(f"no solution after {_NEWTON_STEPS} steps; are all embeddings finite?")


def _newton_step(
    rows: NDArray[np.float32],
    learnt: Floats,
    probabilities: Floats,
    gradient: Floats,
    penalty: Floats,
    goal: float,
) -> Floats:
    """Steps that nearly solve Hessian · step = -gradient, by conjugate gradients, each fold till near enough.

    In float32, twice as fast: a step need not be exact, only the gradient that it starts from. The nearer the
    solution, the more exactly it is solved, so that the steps converge faster than linearly; `goal` is the
    gradient's length below which none is needed.
    """
    curvature = learnt[:, :, None] * probabilities * (1 - probabilities)
    squares = np.square(rows).sum(axis=0)[:, None, None]
    diagonal = (curvature.mean(axis=(0, 2))[:, None] * squares + penalty).astype(np.float32)
    diagonal = np.maximum(diagonal, _FLAT)
    penalty = penalty.astype(np.float32)
    weighted = learnt[:, :, None] * probabilities
    residual = -gradient.astype(np.float32)
    size = np.sqrt(_dot(residual, residual))
    enough = np.maximum(size * np.minimum(0.1, np.sqrt(size / len(rows))), goal / 2)
    step = np.zeros_like(residual)
    direction = scaled = residual / diagonal
    product = _dot(residual, scaled)
    for _ in range(_GRADIENT_STEPS):
        going = np.sqrt(_dot(residual, residual)) > enough
        if not going.any():
            break
        slope = _times(rows, direction)
        # In float64, because nothing would be left in float32 where the probabilities are near 0 and 1.
        pull = weighted * (slope - (probabilities * slope).sum(axis=2, keepdims=True))
        bent = _times(rows.T, pull.astype(np.float32)) + penalty * direction
        length = np.divide(product, _dot(direction, bent), where=going, out=np.zeros_like(product))[:, None]
        step += length * direction
        residual -= length * bent
        scaled = residual / diagonal
        before, product = product, _dot(residual, scaled)
        turn = np.divide(product, before, where=going, out=np.zeros_like(product))[:, None]
        direction = scaled + turn * direction
    return step.astype(np.float64)


def unlearnable(targets: Floats, learnt: Floats) -> Floats:
    """Logits to add (folds, categories): 0, or _NEVER where a fold has no photo of it to learn from."""
    return np.where(learnt.T @ targets > 0, 0.0, _NEVER)


def _times(matrix: NDArray[Float], weights: NDArray[Float]) -> NDArray[Float]:
    """(a, b) times (b, folds, categories), as one product of matrices."""
    return (matrix @ weights.reshape(len(weights), -1)).reshape(len(matrix), *weights.shape[1:])


def _dot(one: NDArray[Float], other: NDArray[Float]) -> NDArray[Float]:
    """Inner product of two arrays (columns, folds, categories) for each fold."""
    product: NDArray[Float] = np.einsum("cfk,cfk->f", one, other)
    return product


def one_hot(labels: NDArray[np.int64], categories: int) -> Floats:
    return np.eye(categories)[labels]


def softmax(logits: NDArray[Float]) -> NDArray[Float]:
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: NDArray[Float] = raised / raised.sum(axis=-1, keepdims=True)
    return shares

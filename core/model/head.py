"""The linear head: multinomial logistic regression on a frozen backbone's embeddings, solved exactly.

With x the features of one photo, after `normalise`, the head minimises over kernel W and bias b

    Σ −log softmax(x W + b)[label]  +  strength / 2 · ‖W‖²        (the bias is not penalised)

This is convex: there is one answer, found to rounding error, and no seed, run or learning rate changes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from core.errors import TooFewPhotos
from core.model.evaluate import log_loss

if TYPE_CHECKING:
    import keras

# With more threads each of the many small products waits for the slowest one: on a busy computer that takes ten
# times as long, on an idle one it gains nothing. Set once for the process: two trainings that each set and restored
# it would restore each other's.
threadpool_limits(limits=1, user_api="blas")

Float = TypeVar("Float", np.float32, np.float64)
Floats = NDArray[np.float64]

# Measured on four photo sets: with 5, 20 or 100 photos a category the log loss was least at 0.003 or 0.001,
# and from 0.03 down the accuracy changed by a point at most. The strong end is for categories that cannot
# be told apart, where a head should say so. Weaker than 0.001 is surer than tens of photos can justify.
STRENGTHS = (10.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
WEAKEST = 1e-4  # below, steps in float32 (see `_newton_step`) no longer always lead to the solution

_GAP = 1e-10  # how far above its minimum the objective may stay: probabilities are then right to 1e-6
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

    def probabilities(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probability of each category, float32 (n, categories), from raw embeddings (n, features)."""
        return _softmax(normalise(embeddings) @ self.kernel + self.bias)


def normalise(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """The square root of each feature, sign kept, then each row at unit length: float32 (n, features).

    A few large features drown the rest; the root evens them out (power normalisation: Perronnin, Sánchez &
    Mensink 2010; RootSIFT: Arandjelović & Zisserman 2012). A row of zeros stays zeros.
    """
    root = np.copysign(np.sqrt(np.abs(embeddings)), embeddings).astype(np.float32, copy=False)
    length = np.linalg.norm(root, axis=1, keepdims=True)
    unit: NDArray[np.float32] = root / np.maximum(length, np.float32(1e-6))
    return unit


def fit_head(embeddings: NDArray[np.float32], labels: NDArray[np.int64], categories: int, *, strength: float) -> Head:
    """The head that minimises the objective above on raw embeddings (n, features), labels 0 … categories - 1.

    `strength` is at least WEAKEST; the greater, the less sure the answers. Raises TooFewPhotos for an empty
    category.
    """
    counts = np.bincount(labels, minlength=categories)
    if not counts.all():
        raise TooFewPhotos(f"Category {counts.argmin() + 1} of {categories} has no photo.", hint="Add some.")
    unit = normalise(embeddings)
    coordinates, directions = _row_space(unit)
    everything = np.ones((len(labels), 1))
    weights = _solve(coordinates, _one_hot(labels, categories), everything, strength)[:, 0]
    kernel = directions @ weights[:-1]
    bias = weights[-1] - unit.mean(axis=0, dtype=np.float64) @ kernel
    return Head(kernel.astype(np.float32), bias.astype(np.float32))


def cross_validate(
    embeddings: NDArray[np.float32],
    labels: NDArray[np.int64],
    folds: NDArray[np.int64],
    categories: int,
    *,
    strengths: Sequence[float],
) -> Floats:
    """Out-of-fold probabilities (len(strengths), n, categories): each by a head that never saw the photo.

    The same numbers as fitting each fold and strength apart, but all share one decomposition, and the folds
    are solved side by side. A category with no photo outside a fold gets probability 0 there: nothing was
    left to learn it from. At least two folds are needed.
    """
    coordinates, _ = _row_space(normalise(embeddings))
    targets = _one_hot(labels, categories)
    numbers, fold = np.unique(folds, return_inverse=True)
    learnt = (fold[:, None] != np.arange(len(numbers))).astype(np.float64)
    probabilities = np.empty((len(strengths), *targets.shape))
    weights = None
    for at, strength in enumerate(strengths):
        weights = _solve(coordinates, targets, learnt, strength, weights)  # the last solution is a good start
        logits = _times(coordinates, weights) + _unlearnable(targets, learnt)
        probabilities[at] = _softmax(logits[np.arange(len(labels)), fold])
    return probabilities


def select_strength(probabilities: Floats, labels: NDArray[np.int64], strengths: Sequence[float]) -> int:
    """Index of the strength with the least out-of-fold log loss; the greatest strength where several tie.

    `probabilities` are `cross_validate`'s, (len(strengths), n, categories).
    """
    losses = [log_loss(labels, each) for each in probabilities]
    return min(range(len(strengths)), key=lambda at: (losses[at], -strengths[at]))


def keras_head(head: Head) -> "keras.Model":
    """The same head as a Keras model, raw embeddings (n, features) to probabilities (n, categories).

    Only built-in layers and operations, so that it loads with `safe_mode=True` and exports anywhere.
    """
    import keras

    features, categories = head.kernel.shape
    embedding = keras.Input((features,), name="embedding")
    root = keras.ops.sign(embedding) * keras.ops.sqrt(keras.ops.abs(embedding))
    unit = keras.layers.UnitNormalization(name="unit_length")(root)
    dense = keras.layers.Dense(categories, activation="softmax", name="probabilities")
    model = keras.Model(embedding, dense(unit), name="head")
    dense.set_weights([head.kernel, head.bias])
    return model


def _row_space(unit: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Coordinates (n, r + 1) of each photo, the last one 1 for the bias, and their directions (features, r).

    The best kernel is a combination of the photos' own features (representer theorem: Kimeldorf & Wahba
    1971), so n photos need r ≤ n numbers a category, not one a feature. The directions are the principal
    ones: there the second derivative is nearly diagonal, which makes `_solve` quick. The mean is taken out,
    which only shifts the bias.
    """
    centred = unit - unit.mean(axis=0, dtype=np.float64)
    photos, features = centred.shape
    tall = photos > features
    variance, vectors = np.linalg.eigh(centred.T @ centred if tall else centred @ centred.T)
    kept = variance > max(variance[-1], 1.0) * _NOISE
    variance, vectors = variance[kept], vectors[:, kept]
    directions = vectors if tall else centred.T @ (vectors / np.sqrt(variance))
    coordinates = centred @ vectors if tall else vectors * np.sqrt(variance)
    return np.column_stack([coordinates, np.ones(photos)]), directions


def _solve(rows: Floats, targets: Floats, learnt: Floats, strength: float, start: Floats | None = None) -> Floats:
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
    unlearnable = _unlearnable(targets, learnt)
    light = rows.astype(np.float32)
    # The objective bends at least as much as its penalty, so |gradient|² / (2 strength) is all it can fall.
    goal = np.sqrt(2 * strength * _GAP)

    def objective(logits: Floats, weights: Floats) -> Floats:
        top = logits.max(axis=2)
        normaliser = top + np.log(np.exp(logits - top[:, :, None]).sum(axis=2))
        losses = learnt * (normaliser - np.einsum("nfk,nk->nf", logits, targets))
        total: Floats = losses.sum(axis=0) + strength / 2 * _dot(weights[:-1], weights[:-1])
        return total

    weights = np.zeros((rows.shape[1], *unlearnable.shape)) if start is None else start
    for _ in range(_NEWTON_STEPS):
        logits = _times(rows, weights) + unlearnable
        probabilities = _softmax(logits)
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


def _unlearnable(targets: Floats, learnt: Floats) -> Floats:
    """Logits to add (folds, categories): 0, or _NEVER where a fold has no photo of it to learn from."""
    return np.where(learnt.T @ targets > 0, 0.0, _NEVER)


def _times(matrix: NDArray[Float], weights: NDArray[Float]) -> NDArray[Float]:
    """(a, b) times (b, folds, categories), as one product of matrices."""
    return (matrix @ weights.reshape(len(weights), -1)).reshape(len(matrix), *weights.shape[1:])


def _dot(one: NDArray[Float], other: NDArray[Float]) -> NDArray[Float]:
    """Inner product of two arrays (columns, folds, categories) for each fold."""
    product: NDArray[Float] = np.einsum("cfk,cfk->f", one, other)
    return product


def _one_hot(labels: NDArray[np.int64], categories: int) -> Floats:
    return np.eye(categories)[labels]


def _softmax(logits: NDArray[Float]) -> NDArray[Float]:
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: NDArray[Float] = raised / raised.sum(axis=-1, keepdims=True)
    return shares

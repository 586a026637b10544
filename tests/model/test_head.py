import os
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize

from core.errors import TooFewPhotos
from core.model.evaluate import log_loss
from core.model.features import normalise
from core.model.head import (
    EXACT,
    NEAR,
    WEAKEST,
    Head,
    cross_validate,
    fit_head,
    row_space,
)

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

STRENGTHS = (10.0, 1.0, 0.1, 0.01, 0.001, 0.0003)

Floats = NDArray[np.float64]
Problem = tuple[NDArray[np.float32], NDArray[np.int64]]


def problem(photos: int, features: int, categories: int, seed: int = 0) -> Problem:
    """Features as a backbone gives them, at least 0 and bursty, normalised, of categories that overlap; and labels."""
    random = np.random.default_rng(seed)
    labels = np.arange(photos) % categories
    centres = random.normal(size=(categories, features))
    values = np.maximum(centres[labels] * 0.5 + random.normal(size=(photos, features)), 0)
    return normalise((values * random.uniform(0, 2, features) ** 3).astype(np.float32)), labels


def objective_and_gradient(
    weights: Floats, unit: NDArray[Any], labels: NDArray[np.int64], categories: int, strength: float
) -> tuple[float, Floats]:
    """What a head minimises, in plain feature space; the last row of `weights` is the bias."""
    rows = np.column_stack([unit.astype(np.float64), np.ones(len(unit))])
    weights = weights.reshape(-1, categories)
    logits = rows @ weights
    logs = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    kernel = weights.copy()
    kernel[-1] = 0
    value = -logs[np.arange(len(labels)), labels].sum() + strength / 2 * (kernel**2).sum()
    gradient = rows.T @ (np.exp(logs) - np.eye(categories)[labels]) + strength * kernel
    return float(value), gradient.ravel()


def out_of_fold(
    features: NDArray[np.float32], labels: NDArray[np.int64], folds: NDArray[np.int64], categories: int, **options: Any
) -> Floats:
    """`cross_validate` from features, to the last digit unless told otherwise."""
    wide = features.astype(np.float64)
    return cross_validate(row_space(wide @ wide.T), labels, folds, categories, **({"gap": EXACT} | options))


def stacked(head: Head) -> Floats:
    return np.vstack([head.kernel, head.bias]).astype(np.float64)


@pytest.mark.parametrize("shape", [(30, 80, 3), (80, 30, 3), (60, 60, 2), (40, 500, 10)])
@pytest.mark.parametrize("strength", STRENGTHS)
def test_nothing_is_left_to_gain(shape: tuple[int, int, int], strength: float) -> None:
    embeddings, labels = problem(*shape)
    head = fit_head(embeddings, labels, shape[2], strength=strength)
    value, gradient = objective_and_gradient(stacked(head), embeddings, labels, shape[2], strength)
    assert np.abs(gradient).max() < 2e-5  # kernel and bias are float32
    start, steepest = objective_and_gradient(np.zeros_like(stacked(head)), embeddings, labels, shape[2], strength)
    assert np.abs(steepest).max() > 1e-2
    assert value < start


@pytest.mark.parametrize(("photos", "features"), [(25, 60), (60, 25)])
def test_the_row_space_has_the_full_spaces_solution(photos: int, features: int) -> None:
    embeddings, labels = problem(photos, features, 3)
    unit = embeddings
    direct = minimize(
        objective_and_gradient,
        np.zeros((features + 1) * 3),
        args=(unit, labels, 3, 0.1),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 20_000, "maxfun": 20_000, "ftol": 0, "gtol": 1e-9},
    )
    found = stacked(fit_head(embeddings, labels, 3, strength=0.1))
    np.testing.assert_allclose(found[:-1], direct.x.reshape(-1, 3)[:-1], atol=1e-5)
    np.testing.assert_allclose(found[-1] - found[-1].mean(), direct.x[-3:] - direct.x[-3:].mean(), atol=1e-5)


def test_one_photo_each_has_its_closed_form() -> None:
    # By symmetry the bias is 0 and the kernel w on the diagonal, -w beside it, which leaves one equation:
    # strength · w = 1 - sigmoid(2 w).
    embeddings = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    strength = 0.5
    head = fit_head(embeddings, np.array([0, 1]), 2, strength=strength)
    sure = head.probabilities(embeddings)[0, 0]
    weight = head.kernel[0, 0]
    np.testing.assert_allclose(head.kernel, weight * np.array([[1, -1], [-1, 1]]), atol=1e-6)
    assert sure == pytest.approx(1 / (1 + np.exp(-2 * weight)), abs=1e-6)
    assert strength * weight == pytest.approx(1 - sure, abs=1e-6)


def test_without_anything_to_tell_them_apart_the_answer_is_how_common_each_is() -> None:
    embeddings = np.ones((8, 5), np.float32)
    head = fit_head(embeddings, np.array([0, 0, 0, 0, 0, 1, 1, 2]), 3, strength=0.01)
    np.testing.assert_allclose(head.probabilities(embeddings[:1])[0], [5 / 8, 2 / 8, 1 / 8], atol=1e-5)


def test_the_same_photos_give_the_same_head_in_any_order() -> None:
    embeddings, labels = problem(40, 90, 4)
    one, other = (fit_head(embeddings, labels, 4, strength=0.1) for _ in range(2))
    np.testing.assert_array_equal(one.kernel, other.kernel)
    np.testing.assert_array_equal(one.bias, other.bias)
    order = np.random.default_rng(0).permutation(40)
    shuffled = fit_head(embeddings[order], labels[order], 4, strength=0.1)
    np.testing.assert_allclose(shuffled.kernel, one.kernel, atol=1e-5)


@pytest.mark.parametrize(("photos", "features"), [(40, 90), (90, 40)])
def test_cross_validation_is_fitting_each_fold_apart(photos: int, features: int) -> None:
    embeddings, labels = problem(photos, features, 3)
    folds = np.random.default_rng(1).permutation(photos) % 4 * 7  # numbers need not be 0, 1, 2, …
    found = out_of_fold(embeddings, labels, folds, 3, strengths=STRENGTHS)
    assert found.shape == (len(STRENGTHS), photos, 3)
    for at, strength in enumerate(STRENGTHS):
        for fold in set(folds):
            out = folds == fold
            head = fit_head(embeddings[~out], labels[~out], 3, strength=strength)
            np.testing.assert_allclose(found[at, out], head.probabilities(embeddings[out]), atol=2e-5)


def test_a_nearer_enough_solution_is_near() -> None:
    embeddings, labels = problem(90, 40, 3)
    given = (embeddings, labels, np.arange(90) // 3 % 5, 3)
    exact, near = (out_of_fold(*given, strengths=STRENGTHS, **told) for told in ({}, {"gap": NEAR}))
    assert 0 < np.abs(near - exact).max() < 1e-2
    assert [log_loss(labels, each) for each in near] == pytest.approx(
        [log_loss(labels, each) for each in exact], abs=1e-3
    )


def test_a_category_wholly_in_one_fold_is_never_guessed_there() -> None:
    embeddings, labels = problem(30, 50, 3)
    folds = np.where(labels == 2, 0, np.arange(30) // 3 % 3)
    found = out_of_fold(embeddings, labels, folds, 3, strengths=[1.0, 0.01])
    assert (found[:, folds == 0, 2] == 0).all()
    assert (found[:, folds != 0, 2] > 0).all()
    np.testing.assert_allclose(found.sum(axis=2), 1)
    out = folds == 0
    pair = fit_head(embeddings[~out & (labels < 2)], labels[~out & (labels < 2)], 2, strength=0.01)
    np.testing.assert_allclose(found[1, out, :2], pair.probabilities(embeddings[out]), atol=2e-5)


def test_one_category_left_to_learn_is_the_only_answer() -> None:
    embeddings, labels = problem(4, 6, 2)
    found = out_of_fold(embeddings, labels, labels, 2, strengths=[0.1])
    np.testing.assert_array_equal(found[0], np.eye(2)[1 - labels])


@settings(max_examples=40, deadline=None)
@given(
    st.integers(2, 20),
    st.integers(1, 30),
    st.integers(2, 4),
    st.sampled_from([WEAKEST, *STRENGTHS, 1e4]),
    st.integers(0, 1000),
)
def test_odd_problems_are_solved_too(repeats: int, features: int, categories: int, strength: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(categories * repeats) % categories)
    embeddings = random.integers(0, 3, (len(labels), features)).astype(np.float32)  # many rows equal or zero
    found = out_of_fold(embeddings, labels, np.arange(len(labels)) % 2, categories, strengths=[strength])
    np.testing.assert_allclose(found.sum(axis=2), 1, atol=1e-9)
    head = fit_head(embeddings, labels, categories, strength=strength)
    value, _ = objective_and_gradient(stacked(head), embeddings, labels, categories, strength)
    random_step = stacked(head) + 1e-2 * random.normal(size=(features + 1, categories))
    elsewhere, _ = objective_and_gradient(random_step, embeddings, labels, categories, strength)
    assert value <= elsewhere + 1e-4


def test_probabilities_are_float32_and_sum_to_1_however_far_the_photo() -> None:
    embeddings, labels = problem(30, 50, 3)
    head = fit_head(embeddings, labels, 3, strength=0.001)
    found = head.probabilities(np.vstack([embeddings, embeddings * 1e6, np.zeros((1, 50), np.float32)]))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    assert head.probabilities(embeddings[:0]).shape == (0, 3)


def test_what_cannot_be_fitted_is_told() -> None:
    embeddings, labels = problem(10, 5, 2)
    with pytest.raises(TooFewPhotos, match="Category 3 of 3"):
        fit_head(embeddings, labels, 3, strength=1.0)
    for strength in (0.0, -1.0, np.nan):
        with pytest.raises(ValueError, match="at least"):
            fit_head(embeddings, labels, 2, strength=strength)


# Keras 3.15 hands NumPy 2 arrays that know no `copy`; the remark is for Keras's authors.
keras_remarks = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.mark.slow
@keras_remarks
def test_keras_training_would_end_where_the_exact_solution_is() -> None:
    import keras

    embeddings, labels = problem(24, 12, 3)
    strength = 0.3
    head = fit_head(embeddings, labels, 3, strength=strength)
    # Keras takes the mean of the log losses and the sum of the penalty, so ours is divided by the photos.
    penalty = keras.regularizers.L2(strength / 2 / len(labels))

    def model(kernel: str | keras.Initializer, bias: str | keras.Initializer) -> keras.Model:
        dense = keras.layers.Dense(
            3, "softmax", kernel_initializer=kernel, bias_initializer=bias, kernel_regularizer=penalty
        )
        built = keras.Sequential([keras.Input((12,)), dense])
        built.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy")
        return built

    unit = embeddings
    trained = model("zeros", "zeros")
    steps = 600  # in one epoch: starting an epoch takes Keras longer than a step
    trained.fit(np.tile(unit, (steps, 1)), np.tile(labels, steps), batch_size=len(labels), shuffle=False, verbose=0)
    np.testing.assert_allclose(trained.predict(unit, verbose=0), head.probabilities(embeddings), atol=1e-2)

    exact = model("zeros", "zeros")
    exact.layers[-1].set_weights([head.kernel, head.bias])
    assert exact.evaluate(unit, labels, verbose=0) <= trained.evaluate(unit, labels, verbose=0) + 1e-6


def test_the_head_learns_what_there_is_to_learn() -> None:
    embeddings, labels = problem(400, 60, 4)
    head = fit_head(embeddings[:200], labels[:200], 4, strength=0.03)
    found = head.probabilities(embeddings[200:])
    assert (found.argmax(axis=1) == labels[200:]).mean() > 0.8
    assert log_loss(labels[200:], found) < np.log(4) / 2

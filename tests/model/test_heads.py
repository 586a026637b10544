"""The heads beside logistic regression: each against its definition, and out of fold as when fitted apart."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from core.model.evaluate import log_loss
from core.model.features import normalise
from core.model.head import Head, row_space, softmax
from core.model.hidden import HiddenHead, cross_validate_hidden, fit_hidden
from core.model.nearest import SCALES, cross_validate_means, fit_means
from core.model.ridge import PENALTIES, cross_validate_ridge, fit_ridge

Problem = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]


def problem(photos: int = 60, width: int = 40, categories: int = 3, seed: int = 0) -> Problem:
    random = np.random.default_rng(seed)
    labels = np.arange(photos) % categories
    centres = random.normal(size=(categories, width))
    values = np.maximum(centres[labels] + random.normal(size=(photos, width)), 0)
    return normalise(values.astype(np.float32)), labels, np.arange(photos) // categories % 5


def products(features: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = features.astype(np.float64)
    return wide @ wide.T


@pytest.mark.parametrize("width", [20, 200])
def test_ridge_is_the_least_squares_solution(width: int) -> None:
    features, labels, _ = problem(width=width)
    head = fit_ridge(features, labels, 3, 0.1, 7.0)
    rows = np.column_stack([features.astype(np.float64), np.ones(len(features))])
    penalty = 0.1 * np.eye(width + 1)
    penalty[-1, -1] = 0
    exact = 7.0 * np.linalg.solve(rows.T @ rows + penalty, rows.T @ np.eye(3)[labels])
    np.testing.assert_allclose(head.kernel, exact[:-1], atol=1e-4)
    np.testing.assert_allclose(head.bias, exact[-1], atol=1e-4)


def test_ridge_out_of_fold_is_fitting_each_fold_apart() -> None:
    features, labels, folds = problem()
    scales, found = cross_validate_ridge(products(features), labels, folds, 3)
    assert len(scales) == len(PENALTIES)
    for at, penalty in enumerate(PENALTIES):
        for fold in range(5):
            out = folds == fold
            plain = fit_ridge(features[~out], labels[~out], 3, penalty, 1.0)
            logits = features[out] @ plain.kernel + plain.bias
            # The scale is learnt from other folds, so it is found here from one photo and holds for the rest.
            one = np.log(found[at, out][0])
            scale = (one[0] - one[1]) / (logits[0, 0] - logits[0, 1])
            np.testing.assert_allclose(found[at, out], softmax((scale * logits).astype(np.float64)), atol=1e-3)


def test_a_photo_has_no_say_in_how_sure_its_fold_is() -> None:
    features, labels, folds = problem()
    _, before = cross_validate_ridge(products(features), labels, folds, 3)
    swapped = np.where(folds == 2, (labels + 1) % 3, labels)
    _, after = cross_validate_ridge(products(features), swapped, folds, 3)
    # Only the other folds' heads learn from the swapped labels.
    ratio = np.log(after[:, folds == 2]) / np.log(before[:, folds == 2])
    assert np.isfinite(ratio).all()
    assert (after[:, folds == 2].argmax(axis=2) == before[:, folds == 2].argmax(axis=2)).all()


def test_a_category_with_nothing_to_learn_is_never_guessed_by_ridge() -> None:
    features, labels, _ = problem()
    folds = np.where(labels == 2, 0, np.arange(60) // 3 % 5)
    _, found = cross_validate_ridge(products(features), labels, folds, 3)
    assert (found[:, folds == 0, 2] == 0).all()
    np.testing.assert_allclose(found.sum(axis=2), 1)


def test_the_nearest_mean_wins() -> None:
    features, labels, folds = problem()
    head = fit_means(features, labels, 3, 8.0)
    centred = features - features.mean(axis=0)
    means = normalise_plain(np.array([centred[labels == at].mean(axis=0) for at in range(3)]))
    assert (head.probabilities(features).argmax(axis=1) == (centred @ means.T).argmax(axis=1)).all()
    scales, found = cross_validate_means(row_space(products(features)), labels, folds, 3)
    assert scales == SCALES
    np.testing.assert_allclose(found.sum(axis=2), 1)
    assert min(log_loss(labels, each) for each in found) < 0.7 * np.log(3)


def normalise_plain(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def rings(photos: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Two categories that no straight line tells apart: one around the other."""
    random = np.random.default_rng(0)
    labels = np.arange(photos) % 2
    angle, radius = random.uniform(0, 2 * np.pi, photos), 1.0 + 1.5 * labels + random.normal(0, 0.15, photos)
    place = np.stack([np.cos(angle) * radius, np.sin(angle) * radius], axis=1)
    return np.column_stack([place, random.normal(0, 0.1, (photos, 6))]).astype(np.float32), labels


def test_a_hidden_layer_learns_what_no_line_can() -> None:
    features, labels = rings(200)
    folds = np.arange(200) // 2 % 5
    bent = cross_validate_hidden(row_space(products(features)), labels, folds, 2)
    _, straight = cross_validate_ridge(products(features), labels, folds, 2)
    assert log_loss(labels, bent) < 0.2 < min(log_loss(labels, each) for each in straight)
    head = fit_hidden(features, labels, 2)
    new, truth = rings(400)
    assert (head.probabilities(new[200:]).argmax(axis=1) == truth[200:]).mean() > 0.95
    assert head.to_arrays().keys() == fit_hidden(features, labels, 2).to_arrays().keys()
    np.testing.assert_array_equal(head.kernel_1, fit_hidden(features, labels, 2).kernel_1)


@pytest.mark.parametrize("fit", [lambda *given: fit_ridge(*given, 0.1, 5.0), fit_hidden])
def test_a_head_reads_back_from_its_arrays_and_refuses_broken_ones(fit: Callable[..., Head | HiddenHead]) -> None:
    features, labels, _ = problem()
    head = fit(features, labels, 3)
    again = type(head).from_arrays(head.to_arrays())
    np.testing.assert_array_equal(again.probabilities(features), head.probabilities(features))
    assert (again.width, again.categories) == (40, 3)
    first = next(iter(head.to_arrays()))
    with pytest.raises(ValueError, match=r"head|shape|layers|unpack"):
        type(head).from_arrays(head.to_arrays() | {first: np.zeros((3, 2), np.float32)})
    with pytest.raises(KeyError):
        type(head).from_arrays({name: each for name, each in head.to_arrays().items() if name != first})


def test_parameters_are_counted() -> None:
    features, labels, _ = problem()
    assert fit_ridge(features, labels, 3, 0.1, 5.0).parameters == (40 + 1) * 3
    assert fit_hidden(features, labels, 3).parameters == (40 + 1) * 64 + (64 + 1) * 3

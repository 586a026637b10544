"""Which two categories are taken for each other, and whether their photos look alike."""

import numpy as np
import pytest

from core.model.pairs import confused, most_confused, neighbours_differ, told_apart


def test_mistakes_of_a_pair_are_counted_in_both_directions_and_the_most_come_first() -> None:
    labels = np.array([0, 0, 1, 1, 1, 2, 2])
    answers = np.array([0, 1, 0, 0, 1, 2, 1])
    counts = confused(labels, np.eye(3)[answers])
    assert counts.tolist() == [[0, 3, 0], [0, 0, 1], [0, 0, 0]]
    assert most_confused(counts, 5) == [(0, 1), (1, 2)]
    assert most_confused(counts, 1) == [(0, 1)]
    assert most_confused(np.zeros((3, 3), np.int64), 3) == []


def test_of_two_only_the_two_count() -> None:
    labels = np.array([0, 0, 2])
    probabilities = np.array([[0.2, 0.7, 0.1], [0.1, 0.1, 0.8], [0.3, 0.3, 0.4]])
    assert told_apart(labels, probabilities, (0, 2)).tolist() == [True, False, True]


@pytest.mark.parametrize("few", [10, 60])
def test_neighbours_are_of_the_same_category_where_photos_differ_and_of_either_where_they_do_not(few: int) -> None:
    """However unequal their numbers: of photos all alike, about half of each category's are led astray."""
    random = np.random.default_rng(0)
    labels = np.repeat([3, 1], [60, few])
    rows = random.normal(size=(len(labels), 16))
    for apart, least, most in ((8.0, 0.0, 0.0), (0.0, 0.3, 0.75)):
        moved = rows + apart * np.outer(labels == 1, np.eye(16)[0]) - apart * np.outer(labels == 3, np.eye(16)[0])
        features = (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)
        astray = neighbours_differ(labels, features, (1, 3))
        for label in (1, 3):
            assert least <= astray[labels == label].mean() <= most

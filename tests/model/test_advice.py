"""What the person is shown of a model's memory: which categories are mixed up, by which photos, and like what."""

import numpy as np

from core.model.advice import MixUp, mix_ups, most_alike

LABELS = np.array([0, 0, 0, 1, 1, 2, 2])
PROBABILITIES = np.array(
    [
        [0.9, 0.1, 0.0],
        [0.4, 0.6, 0.0],
        [0.1, 0.9, 0.0],
        [0.7, 0.3, 0.0],
        [0.0, 1.0, 0.0],
        [0.0, 0.8, 0.2],
        [0.0, 0.1, 0.9],
    ]
)


def test_pairs_come_worst_first_with_the_mistakes_of_both_sides_surest_first() -> None:
    assert mix_ups(LABELS, PROBABILITIES, 5) == (MixUp((0, 1), (2, 3, 1)), MixUp((1, 2), (5,)))
    assert mix_ups(LABELS, PROBABILITIES, 1) == (MixUp((0, 1), (2, 3, 1)),)


def test_without_a_mistake_nothing_is_mixed_up() -> None:
    assert mix_ups(LABELS, np.eye(3)[LABELS], 5) == ()


def test_the_most_alike_photo_is_of_the_category_asked_for_and_length_does_not_matter() -> None:
    features = np.array([[1, 0], [1, 0.1], [9, 9], [2, 1], [0, 1], [5, 0], [0, 0]], dtype=np.float16)
    assert most_alike(features, LABELS, 0, 1) == 3
    assert most_alike(features, LABELS, 0, 2) == 5
    assert most_alike(features, LABELS, 4, 0) == 2

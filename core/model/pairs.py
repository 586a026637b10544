"""Two categories that are taken for each other: which they are, by whom, and whether their photos look alike."""

import numpy as np
from numpy.typing import NDArray

from core.model.evaluate import Probabilities

Numbers = NDArray[np.int64]
Marks = NDArray[np.bool_]
Pair = tuple[int, int]

_NEIGHBOURS = 5


def confused(labels: Numbers, probabilities: Probabilities) -> Numbers:
    """How many photos of two categories are taken for the other one, in either direction: (categories, categories).

    Only the upper triangle is filled; labels are (n,), probabilities (n, categories).
    """
    number = probabilities.shape[1]
    cells = labels * number + probabilities.argmax(axis=1)
    table = np.bincount(cells, minlength=number**2).reshape(number, number)
    return np.triu(table + table.T, 1)


def most_confused(counts: Numbers, most: int) -> list[Pair]:
    """The pairs with the greatest counts, at most so many, none without a mistake; counts as from `confused`."""
    pairs = [divmod(int(at), len(counts)) for at in np.argsort(-counts, axis=None, kind="stable")[:most]]
    return [pair for pair in pairs if counts[pair]]


def told_apart(labels: Numbers, probabilities: Probabilities, pair: Pair) -> Marks:
    """For photos of the two categories (n,): true where, of the two, its own is the likelier one."""
    first_is_likelier = probabilities[:, pair[0]] > probabilities[:, pair[1]]
    right: Marks = first_is_likelier == (labels == pair[0])
    return right


def neighbours_differ(labels: Numbers, features: NDArray[np.float32], pair: Pair) -> Marks:
    """For photos of the two categories (n,): true where most of its nearest ones among them are of the other.

    Nearest by cosine; features (n, d) have rows of length 1. Votes are weighed as if both had as many photos.
    """
    first = labels == pair[0]
    likeness = features @ features.T
    np.fill_diagonal(likeness, -np.inf)
    near = np.argsort(-likeness, axis=1, kind="stable")[:, :_NEIGHBOURS]
    votes = [marks[near].sum(axis=1) / max(1, marks.sum()) for marks in (first, ~first)]
    other: Marks = np.where(first, votes[1] > votes[0], votes[0] > votes[1])
    return other

"""A photo set dealt at random into a few photos a category to learn from, and photos kept out of all learning."""

from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from benchmarks.photo_sets import Labelled
from core.data.dataset import Photo
from core.data.sources import merge_groups

LEAST_KEPT_OUT = 3  # photos of a category
SHARE_KEPT_OUT = 4  # one photo of a category in so many, at least
LARGEST_UNIT = 1 / 3  # of all photos, dealt to one side together

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Draw:
    """`learnt` are each category's photos to learn from, in the order in which they come: five first, then more."""

    folder: Path
    categories: tuple[str, ...]
    learnt: tuple[tuple[Photo, ...], ...]
    kept_out: tuple[Photo, ...]

    def training(self, size: int) -> tuple[Photo, ...]:
        """The first `size` photos of each category, or as many as it has; more of them begin with the same ones."""
        return tuple(photo for photos in self.learnt for photo in photos[:size])

    def offers(self, size: int) -> bool:
        """Whether `size` photos can be learnt from in half of the categories or more, and two in each."""
        counts = [len(photos) for photos in self.learnt]
        return len(counts) >= 2 and median(counts) >= size and min(counts) >= 2 and bool(self.kept_out)


def draw(labelled: Labelled, largest: int, kept_out: int, seed: int, *, alike: bool = False) -> Draw:
    """Up to `largest` photos a category to learn from, and up to `kept_out` photos from about equally many of each.

    Look-alikes and photos of one original are never on both sides. With `alike`, categories that have fewer than
    `largest` to learn from are left out. The same seed gives the same draw.
    """
    random = np.random.default_rng(seed)
    names = np.array([photo.category for photo in labelled.photos])
    labels = labelled.labels
    learning = _deal(labelled, largest, random)
    held = ~learning
    for numbers in (labelled.groups, labelled.sources):
        held &= ~np.isin(numbers, numbers[learning])
    learnt: dict[str, list[int]] = {}
    for label in np.unique(labels):
        chosen = random.permutation(np.flatnonzero(learning & (labels == label)))[:largest].tolist()
        if chosen and (len(chosen) == largest or not alike):
            learnt[str(names[chosen[0]])] = chosen
    each = kept_out // max(1, len(learnt))
    rest = [
        int(at)
        for name in learnt
        for at in sorted(random.permutation(np.flatnonzero(held & (names == name)))[:each].tolist())
    ]
    return Draw(
        folder=labelled.folder,
        categories=tuple(learnt),
        learnt=tuple(tuple(labelled.photos[at] for at in chosen) for chosen in learnt.values()),
        kept_out=tuple(labelled.photos[at] for at in rest),
    )


def _deal(labelled: Labelled, largest: int, random: np.random.Generator) -> NDArray[np.bool_]:
    """True for the photos to learn from: whole units in random order, until each category has enough of them."""
    labels, units = labelled.labels, _units(labelled)
    counts = np.bincount(labels)
    wanted = np.minimum(largest, counts - np.maximum(LEAST_KEPT_OUT, counts // SHARE_KEPT_OUT))
    learning = np.zeros(len(labels), dtype=np.bool_)
    have = np.zeros(len(counts), dtype=np.int64)
    for unit in random.permutation(np.unique(units)):
        members = np.flatnonzero(units == unit)
        if (have[labels[members]] < wanted[labels[members]]).any():
            learning[members] = True
            have += np.bincount(labels[members], minlength=len(counts))
    return learning


def _units(labelled: Labelled) -> Numbers:
    """What is dealt together: look-alikes and originals, as long as these do not link nearly everything."""
    together = merge_groups(labelled.groups, labelled.sources)
    _, sizes = np.unique(together, return_counts=True)
    return together if sizes.max() <= LARGEST_UNIT * len(together) else labelled.sources

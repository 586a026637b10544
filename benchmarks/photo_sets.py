"""Which photos are measured on, and how they are split into a training part and a part kept out."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.data.dataset import Photo, folds
from core.data.example import photos
from core.errors import BadInput

VARIABLE = "THIMBLE_PHOTO_SETS"
KEPT_OUT = 5  # one photo in so many
PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic"}


@dataclass(frozen=True)
class PhotoSet:
    """A folder whose sub-folders name the categories."""

    name: str
    folder: Path


@dataclass(frozen=True)
class Labelled:
    """Usable photos of one set, no two the same; of each its label, and its group of look-alikes in its category.

    A photo's key is its SHA-256 and its name the path inside `folder`. `sources` number the originals that the file
    names tell of, also where crops of one original are in several categories.
    """

    folder: Path
    photos: tuple[Photo, ...]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    sources: NDArray[np.int64]


def find_sets(folder: Path) -> list[PhotoSet]:
    """The photo sets in `folder`, by name, or `folder` itself if it is one. Raises BadInput without any."""
    if _is_set(folder):
        return [PhotoSet(folder.resolve().name, folder)]
    found = sorted(inner for inner in _folders(folder) if _is_set(inner))
    if not found:
        raise BadInput(
            f"'{folder}' holds no photo sets.",
            hint=f"{VARIABLE} names a folder of sets; in a set, each category has a folder with its photos.",
        )
    return [PhotoSet(inner.name, inner) for inner in found]


def sets_beside(photo_set: PhotoSet) -> list[PhotoSet]:
    """The other sets in the folder that holds this one; none if it stands alone."""
    own = photo_set.folder.resolve()
    return [PhotoSet(path.name, path) for path in sorted(_folders(own.parent)) if path != own and _is_set(path)]


def draw_dresses(folder: Path, count: int) -> PhotoSet:
    """The built-in example as a photo set inside `folder`: `count` drawn dresses of each category."""
    drawn = folder / "drawn dresses"
    for drawing in photos(count):
        path = drawn / drawing.category / drawing.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(drawing.data)
    return PhotoSet(drawn.name, drawn)


def split(labelled: Labelled, number: int, folder: Path) -> tuple[Path, Path]:
    """Copies the photos into two photo sets inside `folder`: for training, and kept out (one in KEPT_OUT).

    Each category is split alike, and look-alikes stay together. Splits 0 to KEPT_OUT - 1 keep each photo out once,
    the next ones deal anew.
    """
    seed, fold = divmod(number, KEPT_OUT)
    kept_out = folds(labelled.labels, labelled.groups, KEPT_OUT, seed) == fold
    parts = folder / "training", folder / "kept out"
    for part, chosen in zip(parts, (~kept_out, kept_out), strict=True):
        _copy(labelled, np.flatnonzero(chosen).tolist(), part)
    return parts


def _copy(labelled: Labelled, chosen: Sequence[int], folder: Path) -> None:
    for category in {photo.category for photo in labelled.photos}:
        (folder / category).mkdir(parents=True)
    for at in chosen:
        name = labelled.photos[at].name
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        # Names are kept: they tell Thimble which photos are crops of one original.
        shutil.copyfile(labelled.folder / name, folder / name)


def _is_set(folder: Path) -> bool:
    """Whether two folders or more hold pictures themselves; a folder of sets holds folders, and perhaps a licence."""
    return sum(any(path.suffix.lower() in PICTURES for path in inner.iterdir()) for inner in _folders(folder)) >= 2


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise BadInput(f"There is no folder '{folder}'.", hint=f"Check {VARIABLE}.")
    return [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]

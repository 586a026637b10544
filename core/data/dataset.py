"""Photos with their categories, where they are read from, and how they are split for testing."""

import os
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.data.photo import MAX_BYTES
from core.data.upload import is_ignored
from core.errors import BadInput, BadPhoto

NONE_OF_THESE = "None of these"
NAME_LIMIT = 60  # characters of a category's name; a longer one fits no button and no chart
MOST_FOLDS = 5  # more cost time and, with many photos, hardly change the estimate (Kohavi 1995) …
FEW, MORE_FOLDS = 200, 10  # … but with so few each photo that is left out of learning costs accuracy

LAYOUT = """Make one folder for each category and put its photos inside, like this:
photos/
  cats/   one.jpg  two.jpg  …
  dogs/   one.jpg  two.jpg  …"""

# Characters nobody sees. Marks of writing direction and zero-width blanks come along when text is pasted;
# the person could not find one to delete it, so it is taken out rather than refused. They must not stay:
# an override reverses the words drawn after it, and "cat" and "cat + zero-width blank" look the same.
# The joiners U+200C and U+200D stay: Persian words and many emoji are spelled with them.
_UNSEEN = dict.fromkeys([0x061C, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF])


@dataclass(frozen=True)
class Photo:
    """One photo: `key` is what `Dataset.read` needs, `name` is how the person knows it.

    `source` says which page or camera it comes from (`core.data.sources` reads it); "" where that is not known.
    """

    key: str
    name: str
    category: str
    origin: Literal["own", "web"] = "own"
    source: str = ""


@dataclass(frozen=True)
class Dataset:
    """Photos of some categories; `read` gives a photo's bytes, not yet decoded, or raises BadPhoto.

    `strangers` show none of the categories: those of the category that is named NONE_OF_THESE, which is no answer.
    """

    categories: tuple[str, ...]
    photos: tuple[Photo, ...]
    read: Callable[[Photo], bytes]
    strangers: tuple[Photo, ...] = ()


def dataset_of(categories: Sequence[str], photos: Sequence[Photo], read: Callable[[Photo], bytes]) -> Dataset:
    """The dataset of all these, its strangers apart."""
    return Dataset(
        tuple(name for name in categories if not is_none(name)),
        tuple(photo for photo in photos if not is_none(photo.category)),
        read,
        tuple(photo for photo in photos if is_none(photo.category)),
    )


def is_none(name: str) -> bool:
    """Whether a category of this name holds photos that show none of the others."""
    return name.casefold() == NONE_OF_THESE.casefold()


def category_name(text: str) -> str:
    """The name as typed, composed (Unicode NFC), without outer blanks and unseen direction marks.

    Raises BadInput when nothing readable is left, when it holds a control character or a line break,
    or when it is longer than NAME_LIMIT characters.
    """
    name = unicodedata.normalize("NFC", text).translate(_UNSEEN).strip()
    if all(unicodedata.category(char)[0] in "ZCM" for char in name):
        raise BadInput("A category needs a name.", hint="Type a word or two, like 'cats'.")
    if len(name) > NAME_LIMIT:
        raise BadInput(
            f"'{name[:20]}…' has {len(name)} characters; a category's name has at most {NAME_LIMIT}.",
            hint="Shorten it.",
        )
    if any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in name):
        raise BadInput(f"The name {name!r} holds a control character or a line break.", hint="Type it on one line.")
    return name


def from_folder(folder: Path) -> Dataset:
    """Every file under each sub-folder, however deep; the sub-folders, sorted by name, are the categories.

    Each file is a Photo, also one that will turn out to be no picture: it is refused where it is decoded, by
    name and with a reason. Left out are what systems add by themselves (dot files, Thumbs.db), files beside
    the sub-folders, and symbolic links that are folders or lead outside `folder`. `Photo.name` is the path
    relative to `folder`. `read` is as `read_file`.

    Raises BadInput when `folder` is missing, is no folder, cannot be opened or has no sub-folder, and for a
    sub-folder whose name is no category name.
    """
    if not folder.exists():
        raise BadInput(f"There is no folder '{folder}'.", hint="Check the spelling of the path.")
    if not folder.is_dir():
        raise BadInput(f"'{folder}' is a file, not a folder.", hint=LAYOUT)
    root = folder.resolve()
    photos: dict[str, list[Photo]] = {}
    for entry in _entries(root):
        if entry.is_dir() and not entry.is_symlink() and not is_ignored(entry.name):
            category = category_name(_readable(entry.name))
            paths = (path for path in _files(entry) if _stays_inside(path, root))
            photos.setdefault(category, []).extend(
                Photo(str(path), _readable(path.relative_to(root).as_posix()), category) for path in paths
            )
    if not photos:
        raise BadInput(f"'{folder}' has no folder inside that could be a category.", hint=LAYOUT)
    categories = tuple(sorted(photos))
    ordered = tuple(photo for name in categories for photo in sorted(photos[name], key=lambda photo: photo.key))
    return dataset_of(categories, ordered, _read)


def fold_count(labels: NDArray[np.int64], groups: NDArray[np.int64]) -> int:
    """How many folds suit: MOST_FOLDS, MORE_FOLDS for FEW photos, or as few as the smallest category has groups.

    At least 2.
    """
    one_per_group = np.unique(np.stack([labels, groups]), axis=1)
    _, groups_in_category = np.unique(one_per_group[0], return_counts=True)
    most = MORE_FOLDS if len(labels) <= FEW else MOST_FOLDS
    return max(2, min(most, int(groups_in_category.min())))


def folds(labels: NDArray[np.int64], groups: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """Fold number (0 … count - 1) of each photo; a group is never split, the same seed gives the same folds.

    Each category is spread over the folds as evenly as its groups allow: the groups are dealt one by one,
    first those that several categories share, then the largest, each to the fold that has least of its
    category. So a category with a group of its own and at least one more is never wholly in one fold.

    A category with a single group is: while that fold is tested, nothing of the category is left to learn
    from, and its photos count as mistakes. The caller has to say so.
    """
    _, category = np.unique(labels, return_inverse=True)
    numbers, group = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(numbers), category.max(initial=0) + 1))
    np.add.at(counts, (group, category), 1)
    shares = counts / counts.sum(axis=0)

    shuffled = np.random.default_rng(seed).permutation(len(numbers))
    sizes = counts.sum(axis=1)
    mixed = (counts > 0).sum(axis=1)
    main = counts.argmax(axis=1)  # one category after the other, so that the folds are of one size, too
    order = shuffled[np.lexsort((main[shuffled], -sizes[shuffled], -mixed[shuffled]))]

    fold_of = np.zeros(len(numbers), dtype=np.int64)
    held = np.zeros((count, counts.shape[1]))
    total = np.zeros(count)
    for number in order:
        crowding = held @ shares[number]
        fold = np.lexsort((total, crowding))[0]
        fold_of[number] = fold
        held[fold] += counts[number]
        total[fold] += sizes[number]
    return fold_of[group]


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise BadInput(f"The folder '{folder}' cannot be opened: {error.strerror}.") from error


def _files(folder: Path) -> Iterator[Path]:
    """Files at any depth, without what systems add by themselves; links to folders are not entered."""
    for parent, inner, names in os.walk(folder):
        inner[:] = [name for name in inner if not is_ignored(name)]
        yield from (Path(parent, name) for name in names if not is_ignored(name))


def _stays_inside(path: Path, root: Path) -> bool:
    """True for a plain file, or a link to one, under `root`; a pipe or device would never end."""
    return path.is_file() and (not path.is_symlink() or path.resolve().is_relative_to(root))


def _readable(name: str) -> str:
    """The file name as text; bytes that are no UTF-8 become U+FFFD, so that it can be shown and stored."""
    return os.fsencode(name).decode("utf-8", "replace")


def read_file(path: Path) -> bytes:
    """The file's bytes, at most one past MAX_BYTES: enough for the decoder to see that it is too much.

    Raises BadPhoto when it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadPhoto(f"'{_readable(path.name)}' cannot be read: {error.strerror}.") from error


def _read(photo: Photo) -> bytes:
    return read_file(Path(photo.key))

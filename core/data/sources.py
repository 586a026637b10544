"""Which photos are shots or crops of one original, told by where they come from rather than by how they look.

Three signs: the page that shows a web photo, the camera and the moment of an own one, and the names of own files.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from core.data.dataset import Photo
from core.data.photo import open_picture

BURST_SECONDS = 10.0  # between two shots of one camera; walking on to another thing takes longer
FEWEST_SOURCES = 3  # of a category, or else a sign tells too little of it: as many folds as that need something to test
LARGEST_SHARE = 1 / 3  # of a category's photos, in one source; a pair may be more

_MAKE, _MODEL, _EXIF, _SERIAL, _TAKEN, _SUBSECONDS = 271, 272, 0x8769, 42033, 36867, 37521
_SHOT = re.compile(r"([0-9a-f]{8}) (\d+(?:\.\d+)?)")

# A day is no id, since many things are photographed in one; a moment is: IMG_20240131_123456.
_DAY = re.compile(
    r"(?<!\d)(?:19|20)\d\d([-_.]?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])"
    r"(?P<time>(?:[-_ .T]{1,3}|[-_ ]at[-_ ])?(?:[01]\d|2[0-3])([-_.:h]?)[0-5]\d\3[0-5]\d+)?(?!\d)",
    re.ASCII,
)
_NUMBERED = re.compile(r"(?P<stem>.*[^-_ .(~])[-_ .(~]+(?P<number>\d+)\)?", re.ASCII)
_LONGEST_NUMBER = 3  # digits of the number of a crop; four are a camera's own counting, six a time
_RANDOM = re.compile(r"(?=.*[a-z])(?=(?:.*\d){2})[0-9a-z]{8,}", re.IGNORECASE | re.ASCII)
_YEAR = re.compile(r"(?:19|20)\d\d", re.ASCII)


def camera_source(data: bytes) -> str:
    """Which camera took this picture and when, as "<8 hexadecimal digits> <seconds>"; "" unless it says both.

    The digits stand for maker, model and serial number, the seconds count from 1970 by the camera's own clock.
    Never raises, whatever the bytes.
    """
    with suppress(Exception):  # broken or lying tags tell nothing
        tags = open_picture(data).getexif()
        inner = tags.get_ifd(_EXIF)
        camera = [str(value).strip("\0 ") for value in (tags.get(_MAKE), tags.get(_MODEL), inner.get(_SERIAL))]
        if tags.get(_MODEL):
            taken = datetime.strptime(str(inner[_TAKEN]).strip("\0 "), "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC)
            part = re.match(r"\d*", str(inner.get(_SUBSECONDS, "")), re.ASCII)
            seconds = taken.timestamp() + float(f"0.{part[0] or 0}" if part else 0)
            return f"{hashlib.sha256('|'.join(camera).encode()).hexdigest()[:8]} {seconds:.3f}"
    return ""


def source_groups(photos: Sequence[Photo]) -> NDArray[np.int64]:
    """Group number of each photo (n,), from 0 in order of appearance; photos of one source in a category share one.

    A sign that would leave a category fewer than FEWEST_SOURCES groups, or put more than LARGEST_SHARE of its photos
    into one, is not heeded there: it tells of a way of naming or working rather than of originals.
    """
    of_category: defaultdict[str, list[int]] = defaultdict(list)
    for at, photo in enumerate(photos):
        of_category[photo.category].append(at)
    groups = np.arange(len(photos), dtype=np.int64)
    for positions in of_category.values():
        here = [photos[at] for at in positions]
        for sign in (_pages, _bursts, _crops):
            found = _numbered(sign(here))
            if _is_credible(found):
                groups[positions] = merge_groups(groups[positions], found)
    return _numbered(groups.tolist())


def merge_groups(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """Group number of each photo (n,): photos that share a group in either share one, and so on through others.

    The numbers are the smallest that `one` gave to any of the group.
    """
    merged = one.copy()
    while True:
        before = merged.copy()
        for numbers in (one, other):
            _, inverse = np.unique(numbers, return_inverse=True)
            least = np.full(inverse.max(initial=-1) + 1, np.iinfo(np.int64).max)
            np.minimum.at(least, inverse, merged)
            merged = least[inverse]
        if np.array_equal(merged, before):
            return merged


Keys = list[Hashable]  # one for each photo; photos with equal ones are of one source


def _pages(photos: Sequence[Photo]) -> Keys:
    """Whatever says the very same of where it comes from."""
    return [photo.source or at for at, photo in enumerate(photos)]


def _bursts(photos: Sequence[Photo]) -> Keys:
    """Shots of one camera, each at most BURST_SECONDS after the one before."""
    keys: Keys = list(range(len(photos)))
    shots = [
        (found[1], float(found[2]), at) for at, photo in enumerate(photos) if (found := _SHOT.fullmatch(photo.source))
    ]
    shots.sort()
    for (camera, seconds, at), (next_camera, next_seconds, next_at) in pairwise(shots):
        if camera == next_camera and next_seconds - seconds <= BURST_SECONDS:
            keys[next_at] = keys[at]
    return keys


def _crops(photos: Sequence[Photo]) -> Keys:
    """Own files whose names differ in a last number only, after a part that is an id itself: scan_11_1, scan_11_2.

    A number after a mere word counts things (fork_1, fork_2), and so does one after a year or a day.
    """
    keys: Keys = list(range(len(photos)))
    crops: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    longest: Counter[tuple[str, str]] = Counter()
    whole: dict[tuple[str, str], int] = {}
    for at, photo in enumerate(photos):
        if photo.origin == "own":
            path = PurePosixPath(photo.name)
            whole[str(path.parent), path.stem] = at
            stem, number = _split(path.stem)
            if stem:
                crops[str(path.parent), stem].append(at)
                longest[str(path.parent), stem] = max(longest[str(path.parent), stem], len(number))
    if all(_YEAR.fullmatch(_last_part(stem)) for _, stem in crops):
        return keys
    for stem_of_folder, positions in crops.items():
        if longest[stem_of_folder] <= _LONGEST_NUMBER:
            original = [whole[stem_of_folder]] if stem_of_folder in whole else []
            for at in [*positions, *original]:
                keys[at] = stem_of_folder
    return keys


def _split(name: str) -> tuple[str, str]:
    """What identifies the original, and the number after it; both empty when the name is not made so."""
    found = _NUMBERED.fullmatch(name)
    days = [*_DAY.finditer(name)]
    if not found or any(day.end() > found.end("stem") for day in days):
        return "", ""
    stem = found["stem"]
    if any(day.end() == len(stem) and not day["time"] for day in days):
        return "", ""
    last = _last_part(stem)
    is_id = last[-1].isdigit() or _RANDOM.fullmatch(last)
    return (stem, found["number"]) if is_id else ("", "")


def _last_part(stem: str) -> str:
    return re.split(r"[-_ .()~]+", stem)[-1]


def _is_credible(groups: NDArray[np.int64]) -> bool:
    sizes = np.bincount(groups)
    return len(sizes) >= FEWEST_SOURCES and sizes.max() <= max(2, LARGEST_SHARE * len(groups))


def _numbered(keys: Sequence[Hashable]) -> NDArray[np.int64]:
    """Numbers from 0 in order of appearance, equal for equal keys."""
    number: dict[Hashable, int] = {}
    return np.array([number.setdefault(key, len(number)) for key in keys], dtype=np.int64)

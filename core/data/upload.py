"""From an uploaded file to the photos in it: a plain file is one, a zip archive as many as it holds.

Member names are only ever shown or read for a category; none becomes a path on this machine. Every bound
counts bytes as they are really read, since what an archive says of itself may be a lie.
"""

import re
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import takewhile
from typing import IO

from core.data.archive import SPLIT, ZIP_MAGIC, is_zip, open_zip, unpacked
from core.data.photo import MAX_BYTES, Refused
from core.errors import BadInput

MAX_FILES = 10_000  # more photos than a model made from tens needs
MAX_TOTAL_BYTES = 2_000_000_000  # all members together, unpacked

_ARCHIVE_MAGIC = (*ZIP_MAGIC, b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b")
_IGNORED_FILES = {"thumbs.db", "desktop.ini"}
_DRIVE = re.compile(r"[A-Za-z]:")

_OUTSIDE = "Its name leads out of its own folder, so it was not opened. Rename it and add it again."
_SIZE_LIMIT = f"{MAX_BYTES // 1_000_000} MB, the most a photo may have. Save it smaller and add it again."


@dataclass(frozen=True)
class Upload:
    """One file as it came, not yet decoded: its name with its folders and the category they name, if any."""

    name: str
    category: str | None
    data: bytes


def unpack(name: str, file: IO[bytes]) -> Iterator[Upload | Refused]:
    """What a seekable uploaded file holds, in order, read one at a time; what cannot be used says why.

    `name` may carry folders ("cats/1.jpg"), as browsers send them for a folder. The folder that directly
    holds a file names its category; a file at the root, or in the folder that all files of an archive share
    while others lie deeper, has none. Files that `is_ignored` are left out. Whatever the contents, nothing is
    raised.
    """
    if is_zip(file):
        yield from _unpack_zip(name, file)
    elif not is_ignored(name):
        yield _plain(name, file)


def unpack_all(files: Sequence[tuple[str, bytes]]) -> Iterator[tuple[float, Upload | Refused]]:
    """What files chosen together (name, bytes) hold, as `unpack` gives it, and the fraction of all that came before.

    A browser sends a folder as the files in it, so which folder only wraps the categories shows in all names
    together.
    """
    loose = [name for name, data in files if not data.startswith(ZIP_MAGIC)]
    categories = dict(zip(loose, _categories(loose), strict=True))
    counts = [_most_in(data) for _, data in files]
    done = 0
    for (name, data), count in zip(files, counts, strict=True):
        for number, item in enumerate(unpack(name, BytesIO(data))):
            if isinstance(item, Upload) and name in categories:
                item = replace(item, category=categories[name])
            yield (done + min(number, count)) / sum(counts), item
        done += count


def _most_in(data: bytes) -> int:
    """How many files there are at most; 1 for what is no readable archive."""
    if data.startswith(ZIP_MAGIC):
        with suppress(Exception), open_zip(BytesIO(data)) as archive:
            return max(1, min(len(archive.infolist()), MAX_FILES))
    return 1


def is_ignored(name: str) -> bool:
    """Whether a file is the system's own and no one's photo: .DS_Store, __MACOSX, Thumbs.db, dot files, …"""
    parts = _parts(name)
    hidden = any(part == "__MACOSX" or (part.startswith(".") and part != "..") for part in parts)
    return hidden or (bool(parts) and parts[-1].lower() in _IGNORED_FILES)


def _plain(name: str, file: IO[bytes]) -> Upload | Refused:
    if _leads_outside(name):
        return Refused(name, _OUTSIDE)
    file.seek(0)
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        return Refused(name, f"It is larger ({file.seek(0, 2) / 1e6:.1f} MB) than {_SIZE_LIMIT}")
    return Upload("/".join(_parts(name)), _categories([name])[0], data)


def _unpack_zip(name: str, file: IO[bytes]) -> Iterator[Upload | Refused]:
    try:
        archive = open_zip(file)
    except BadInput as error:
        yield Refused(name, str(error))
        return
    with archive:
        members = [m for m in archive.infolist() if not _is_folder(m) and not is_ignored(m.filename)]
        safe = [m.filename for m in members if not _leads_outside(m.filename)]
        categories = dict(zip(safe, _categories(safe), strict=True))
        left = MAX_TOTAL_BYTES
        for number, member in enumerate(members):
            if number == MAX_FILES:
                reason = f"It holds {len(members):,} files; the first {MAX_FILES:,} were looked at. {SPLIT}"
                yield Refused(name, reason)
                return
            if left <= 0:
                size = f"{MAX_TOTAL_BYTES / 1e9:g} GB"
                yield Refused(name, f"Unpacked it is larger than {size}; the rest was left out. {SPLIT}")
                return
            item, read = _member(archive, member, categories.get(member.filename))
            # Packed bytes count too: members may share them, and empty blocks unpack to nothing at all.
            left -= max(read, member.compress_size)
            yield item


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, category: str | None) -> tuple[Upload | Refused, int]:
    """One member and how many bytes were unpacked to get it."""
    name = member.filename
    if _leads_outside(name):
        return Refused(name, _OUTSIDE), 0
    data, read = unpacked(archive, member, MAX_BYTES)
    if isinstance(data, str):
        return Refused(name, data), read
    if read > MAX_BYTES:
        return Refused(name, f"It is larger than {_SIZE_LIMIT}"), read
    if data.startswith(_ARCHIVE_MAGIC):
        return Refused(name, "It is an archive inside the archive. Unpack it and add what it holds."), read
    return Upload("/".join(_parts(name)), category, data), read


def _is_folder(member: zipfile.ZipInfo) -> bool:
    return member.filename.endswith(("/", "\\"))


def _parts(name: str) -> list[str]:
    return [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]


def _leads_outside(name: str) -> bool:
    parts = _parts(name)
    return name.startswith(("/", "\\")) or ".." in parts or any(_DRIVE.match(part) for part in parts)


def _categories(names: Sequence[str]) -> list[str | None]:
    """The category each name's folders give: the folder that directly holds it.

    None at the root, and in the folder that all names share where others lie deeper: that one only wraps the
    categories ("my_photos" around "my_photos/cats/1.jpg").
    """
    folders = [_parts(name)[:-1] for name in names]
    shared = sum(1 for _ in takewhile(lambda level: len(set(level)) == 1, zip(*folders, strict=False)))
    wrapped = any(len(folder) > shared for folder in folders)
    return [folder[-1] if len(folder) > (shared if wrapped else 0) else None for folder in folders]

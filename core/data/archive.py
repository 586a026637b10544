"""Zip archives from strangers: opened, and read a member at a time, with a bound on everything.

What an archive says of itself may be a lie, so every bound counts bytes as they are really read.
"""

import stat
import zipfile
from typing import IO

from core.errors import BadInput

MAX_LISTING_BYTES = 8_000_000  # an archive's list of contents; tens of thousands of names fit

ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_COMPRESSION = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the rest are rare and can unpack without a bound
_ENCRYPTED = 0x41  # flag bits: any encryption, strong encryption
_CHUNK = 65_536

SPLIT = "Split it into smaller archives."


def is_zip(file: IO[bytes]) -> bool:
    """Whether a seekable file begins as a zip archive does."""
    file.seek(0)
    return file.read(4) in ZIP_MAGIC


def open_zip(file: IO[bytes]) -> zipfile.ZipFile:
    """The archive in a seekable file. Raises BadInput when it is damaged or lists too much."""
    try:
        return zipfile.ZipFile(_Bounded(file))
    except BadInput:
        raise
    except Exception as error:  # zipfile stumbles in many ways over a damaged archive
        raise BadInput("The zip archive is damaged or was cut short.", hint="Make or upload it again.") from error


def unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> tuple[bytes | str, int]:
    """A member's bytes, or in words why there are none; and how many bytes were unpacked to tell.

    One of more than `limit` bytes gives `limit + 1` of them or a few more.
    """
    reason = why_not_opened(member)
    if reason is not None:
        return reason, 0
    chunks: list[bytes] = []
    read = 0
    try:
        with archive.open(member) as file:
            while read <= limit and (chunk := file.read(_CHUNK)):
                chunks.append(chunk)
                read += len(chunk)
    except Exception:  # a wrong checksum, a broken stream, a header that contradicts the list of contents, …
        return "It is damaged inside the zip archive. Make the archive again.", read
    return b"".join(chunks), read


def why_not_opened(member: zipfile.ZipInfo) -> str | None:
    """In words; None for a plain member."""
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
        return "It is a link to another place, not a file. Put the file itself into the archive."
    if member.flag_bits & _ENCRYPTED:
        return "It is locked with a password. Make the archive again without one."
    if member.compress_type not in _COMPRESSION:
        return "It is packed in an unusual way. Make the zip archive again with your system's own tool."
    return None


class _Bounded:
    """A file that will not hand zipfile a list of contents so long that it alone would fill memory."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek = file.seek
        self.tell = file.tell
        self.seekable = file.seekable

    def read(self, size: int = -1, /) -> bytes:
        wanted = size if 0 <= size <= MAX_LISTING_BYTES else MAX_LISTING_BYTES + 1
        data = self._file.read(wanted)
        if len(data) > MAX_LISTING_BYTES:
            raise BadInput("The archive lists far more than 10,000 files.", hint=SPLIT)
        return data

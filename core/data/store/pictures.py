"""The pictures themselves, each stored once by the SHA-256 of its bytes, whoever holds it."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from PIL.JpegImagePlugin import JpegImageFile
from sqlalchemy import Connection, Engine

from core.data.photo import STORED_SIDE, Pixels, decode, encode, open_picture
from core.data.photo import thumbnail as draw_thumbnail
from core.data.store.files import Files
from core.data.store.loose import note_loose, sweep, withdraw_loose
from core.data.store.paths import photo_path, thumbnails_path
from core.errors import BadPhoto, NotFound

_BARE = [("APP0", 14)]  # the segments, with their bytes, that say something about a picture `encode` wrote: no metadata
_SCAN, _END = b"\xff\xda", b"\xff\xd9"


def stored_size(jpeg: bytes) -> tuple[int, int]:
    """Width and height of a picture that `encode` made. Raises BadPhoto for any other, and for one that is damaged."""
    decode(jpeg)
    image = open_picture(jpeg)
    ends = jpeg.find(_END, jpeg.find(_SCAN)) + len(_END) == len(jpeg)  # nothing hides behind its end
    if (
        not isinstance(image, JpegImageFile)
        or image.mode != "RGB"
        or max(image.size) > STORED_SIDE
        or [(name, len(said)) for name, said in image.applist] != _BARE
        or not ends
    ):
        raise BadPhoto("This is not a picture as Thimble stores them.", hint="Add it as a new photo.")
    return image.size


class Pictures:
    """A file is written before the row that refers to it, and removed after it; safe to share."""

    def __init__(self, engine: Engine, files: Files) -> None:
        self._engine = engine
        self._files = files

    def read(self, sha256: str) -> bytes:
        """The picture as stored, a JPEG. Raises NotFound."""
        try:
            return self._files.read(photo_path(sha256))
        except FileNotFoundError as error:
            raise NotFound("This photo is no longer there.", hint="Reload the page.") from error

    def thumbnail(self, sha256: str, side: int) -> bytes:
        """A square JPEG of the picture, drawn once and kept. Raises NotFound."""
        path = f"{thumbnails_path(sha256)}/{side}.jpg"
        try:
            return self._files.read(path)
        except FileNotFoundError:
            drawn = draw_thumbnail(self.read(sha256), side)
        self._files.write(path, drawn)
        if not self._files.exists(photo_path(sha256)):  # deleted meanwhile, and its thumbnails before this one
            self._files.remove(path)
        return drawn

    @contextmanager
    def filed(self, pixels: Pixels) -> Iterator[tuple[Connection, str, dict[str, object]]]:
        """A transaction for adding a photo whose file is written; with its SHA-256 and what the row says of it."""
        height, width = pixels.shape[:2]
        stored = encode(pixels)
        sha256 = hashlib.sha256(stored).hexdigest()
        with self._engine.begin() as connection:
            note_loose(connection, "photo", sha256)
        self._write(sha256, stored)
        with self._engine.begin() as connection:
            withdraw_loose(connection, "photo", sha256)
            yield connection, sha256, {"width": width, "height": height, "added_at": datetime.now(UTC)}
            self._write(sha256, stored)  # again, if a sweep took it before the note was withdrawn

    def sweep(self) -> None:
        """Remove those that nobody holds any more."""
        sweep(self._engine, self._files)

    def _write(self, sha256: str, data: bytes) -> None:
        path = photo_path(sha256)
        if not self._files.exists(path):
            self._files.write(path, data)

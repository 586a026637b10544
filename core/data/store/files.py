"""Files under one root, a folder or a bucket: each is there whole or not at all."""

import os
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from core.errors import AppError

UNFINISHED = "unfinished"  # what is being written lies here until it is renamed into place
ABANDONED_SECONDS = 86_400  # no writing takes a day: what is older was left by a program that died


class Files:
    """Reads and writes by paths relative to `url` (a folder, or anything fsspec opens); safe to share."""

    def __init__(self, url: str) -> None:
        self._fs, root = url_to_fs(url, use_listings_cache=False)
        self._root = root.rstrip("/")
        self._is_local = isinstance(self._fs, LocalFileSystem)

    def exists(self, path: str) -> bool:
        return bool(self._fs.exists(self._at(path)))

    def read(self, path: str) -> bytes:
        """Raises FileNotFoundError."""
        return bytes(self._fs.cat_file(self._at(path)))

    def read_folder(self, path: str) -> dict[str, bytes]:
        """Every file under `path`, by its path inside; empty when there is no such folder."""
        start = self._at(path) + "/"
        return {at.removeprefix(start): bytes(self._fs.cat_file(at)) for at in self._fs.find(start)}

    def write(self, path: str, data: bytes) -> None:
        """Raises AppError when the disk takes no more."""
        if self._is_local:
            beside = self._beside()
            self._write_durably(beside, data)
            self._into_place(beside, path)
        else:
            self._fs.pipe_file(self._at(path), data)  # a bucket shows a whole object or none

    def sizes(self, path: str) -> dict[str, tuple[int, datetime]]:
        """Bytes of each file in a folder and when it was written, by its name; empty when there is no such folder."""
        start = self._at(path) + "/"
        found: dict[str, tuple[int, datetime]] = {}
        for at in self._fs.find(start, maxdepth=1):
            with suppress(FileNotFoundError):  # removed meanwhile
                found[at.removeprefix(start)] = int(self._fs.size(at)), self._fs.modified(at)
        return found

    def stage(self, files: Mapping[str, bytes]) -> str:
        """Write a folder of files where nobody looks; `publish` or `discard` what is returned."""
        for name in files:
            if not name or PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\\" in name:
                raise ValueError(f"{name!r} does not stay inside its folder")
        staged = self._beside()
        for name, data in files.items():
            if self._is_local:
                self._write_durably(f"{staged}/{name}", data)
            else:
                self._fs.pipe_file(self._at(f"{staged}/{name}"), data)
        return staged

    def stage_file(self, file: Path) -> str:
        """As `stage`, for one file of this computer, however large."""
        staged = self._beside()
        if self._is_local:
            with file.open("rb") as source:
                self._write_durably(staged, source)
        else:
            self._fs.put_file(str(file), self._at(staged))
        return staged

    def publish(self, staged: str, path: str) -> None:
        """Rename what was staged to `path`, over a file that is there, or a folder that a program that died left."""
        if self._fs.isdir(self._at(path)):
            self.remove(path)
        if self._is_local:
            self._into_place(staged, path)
        else:
            self._fs.mv(self._at(staged), self._at(path), recursive=True)

    def remove(self, path: str) -> None:
        """Remove a file or a whole folder; nothing happens when there is none."""
        if self.exists(path):
            self._fs.rm(self._at(path), recursive=True)

    def sweep(self) -> None:
        """Remove what programs that died left unfinished, a day after."""
        if self.exists(UNFINISHED):
            for at in self._fs.ls(self._at(UNFINISHED), detail=False):
                name = PurePosixPath(at).name
                if time.time() - int(name.partition("-")[0]) > ABANDONED_SECONDS:
                    self.remove(f"{UNFINISHED}/{name}")

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"

    def _beside(self) -> str:
        return f"{UNFINISHED}/{int(time.time())}-{uuid.uuid4().hex}"

    def _write_durably(self, path: str, data: bytes | BinaryIO) -> None:
        at = self._at(path)
        with _plain_words(self._root):
            os.makedirs(os.path.dirname(at), exist_ok=True)
            with open(at, "wb") as file:
                if isinstance(data, bytes):
                    file.write(data)
                else:
                    shutil.copyfileobj(data, file)
                file.flush()
                os.fsync(file.fileno())  # renamed without it, a file may be empty after a power cut

    def _into_place(self, beside: str, path: str) -> None:
        at = self._at(path)
        with _plain_words(self._root):
            os.makedirs(os.path.dirname(at), exist_ok=True)
            os.replace(self._at(beside), at)


@contextmanager
def _plain_words(root: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AppError(
            f"A file could not be saved: {error.strerror}.",
            hint=f"Check that the disk has space left and that Thimble may write to {root}.",
        ) from error

"""What the tests of the store share: pictures by number, and stores that are closed at the end."""

import hashlib
import io
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.photo import decode, encode
from core.data.store import Store


@cache
def picture(seed: int) -> bytes:
    """A picture that no other seed draws."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(coarse).resize((64, 48)).save(file, "PNG")
    return file.getvalue()


@cache
def sha256(seed: int) -> str:
    """Of the picture as it is stored."""
    return hashlib.sha256(encode(decode(picture(seed)))).hexdigest()


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Callable[..., Store]]:
    opened: list[Store] = []

    def open_(home: str = "home", **urls: str) -> Store:
        opened.append(Store(tmp_path / home, **urls))
        return opened[-1]

    yield open_
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[..., Store]) -> Store:
    return open_store()


def files_under(store: Store, folder: str) -> list[Path]:
    return [path for path in (store.home / "files" / folder).rglob("*") if path.is_file()]

"""Photos in, rows of numbers out: decode once, cut to each network's views, run the frozen backbones."""

import hashlib
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.data.dataset import Photo
from core.data.lookalikes import fingerprint
from core.data.photo import Pixels, Refused, decode_image
from core.errors import BadPhoto, NotFound
from core.model.embedder import Embedder, usable_cores
from core.model.views import PREPROCESSING, VIEWS

BATCH = 32  # photos between two reports of progress, and between two writes to the cache
LOOK_AHEAD = 2 * BATCH  # photos decoded but not yet embedded: 10 MB of views for each look, at most

Row = tuple[NDArray[np.float32], int]  # embedding (backbone.row,), fingerprint


class EmbeddingCache(Protocol):
    """Remembers rows by recipe (what computed them) and SHA-256 (of which bytes)."""

    def get(self, recipe: str, sha256s: Sequence[str]) -> Mapping[str, Row]:
        """The rows that are known, by SHA-256."""

    def put(self, recipe: str, rows: Mapping[str, Row]) -> None:
        """Keeps the rows."""


@dataclass(frozen=True)
class Look:
    """One way of looking at a photo: a backbone, and which view it is shown."""

    embedder: Embedder
    view: str

    @property
    def key(self) -> tuple[str, str]:
        """Backbone id and view."""
        return self.embedder.backbone.id, self.view

    @property
    def recipe(self) -> str:
        """Names everything that a row depends on besides the photo."""
        return f"{self.embedder.backbone.key}-{self.view}-p{PREPROCESSING}"

    def at(self, photo: Image.Image) -> Pixels:
        """What the backbone is shown of this photo."""
        return VIEWS[self.view](photo, self.embedder.backbone.pixels)


@dataclass(frozen=True)
class Embedded:
    """What became of a sequence of photos: a row for each usable one, in their order, and the rest refused.

    rows (n, backbone.row) float32 for each look's key; index (n,) int64, the position of each row in the photos
    given; sha256, of each row's bytes; fingerprints (n,) uint64, for finding look-alikes.
    """

    rows: dict[tuple[str, str], NDArray[np.float32]]
    index: NDArray[np.int64]
    sha256: tuple[str, ...]
    fingerprints: NDArray[np.uint64]
    refused: tuple[Refused, ...]


@dataclass(frozen=True)
class _Prepared:
    """A photo ready for the networks, small: the full picture is gone. `views` are of the looks not yet known."""

    sha256: str
    fingerprint: int
    views: dict[Look, Pixels]


def embed_photos(
    photos: Sequence[Photo],
    read: Callable[[Photo], bytes],
    looks: Sequence[Look],
    *,
    cache: EmbeddingCache | None = None,
    on_pixels: Callable[[Photo, Pixels], None] = lambda photo, pixels: None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Embedded:
    """Every usable photo's rows, one for each look, in the order of `photos`; an unusable one is refused, not raised.

    Memory beyond the result does not grow with the number of photos. A photo whose key is its SHA-256, as in
    the store, is neither read nor decoded if `cache` knows all its rows. New rows are put there after every batch,
    so a run cut short goes on where it stopped. `on_pixels` is called, by several threads, with each photo that had to
    be decoded, so that nobody need decode it again. `on_progress(done, total)` is called after every batch; what it
    raises (Cancelled) ends the work and leaves no thread running.
    """
    # A path is no SHA-256, so for photos from a folder the cache knows nothing, and they are read.
    keys = [photo.key for photo in photos]
    known = {look: cache.get(look.recipe, keys) if cache else {} for look in looks}
    rows: dict[Look, dict[int, Row]] = {
        look: {at: known[look][key] for at, key in enumerate(keys) if key in known[look]} for look in looks
    }
    sha256 = {at: key for at, key in enumerate(keys) if all(at in rows[look] for look in looks)}
    refused: list[Refused] = []
    on_progress(len(sha256), len(photos))
    todo = [
        (at, photo, [look for look in looks if at not in rows[look]])
        for at, photo in enumerate(photos)
        if at not in sha256
    ]
    with closing(_prepared(todo, read, on_pixels)) as prepared:
        while batch := list(islice(prepared, BATCH)):
            refused += [item for _, item in batch if isinstance(item, Refused)]
            good = [(at, item) for at, item in batch if isinstance(item, _Prepared)]
            sha256 |= {at: item.sha256 for at, item in good}
            for look in looks:
                new = [(at, item) for at, item in good if look in item.views]
                if not new:
                    continue
                matrix = look.embedder.embed(np.stack([item.views[look] for _, item in new]))
                fresh = {at: (row, item.fingerprint) for (at, item), row in zip(new, matrix, strict=True)}
                rows[look] |= fresh
                if cache:
                    cache.put(look.recipe, {sha256[at]: row for at, row in fresh.items()})
            on_progress(len(sha256) + len(refused), len(photos))
    return _collect(sha256, rows, refused)


def _prepared(
    photos: Sequence[tuple[int, Photo, Sequence[Look]]],
    read: Callable[[Photo], bytes],
    on_pixels: Callable[[Photo, Pixels], None],
) -> Generator[tuple[int, _Prepared | Refused], None, None]:
    """The photos made ready in order by as many threads as there are cores, at most LOOK_AHEAD in advance."""
    pool = ThreadPoolExecutor(usable_cores(), thread_name_prefix="decode")
    pending: deque[tuple[int, Future[_Prepared | Refused]]] = deque()
    try:
        for position, photo, looks in photos:
            pending.append((position, pool.submit(_prepare, photo, read, looks, on_pixels)))
            if len(pending) == LOOK_AHEAD:
                position, first = pending.popleft()
                yield position, first.result()
        for position, future in pending:
            yield position, future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _prepare(
    photo: Photo, read: Callable[[Photo], bytes], looks: Sequence[Look], on_pixels: Callable[[Photo, Pixels], None]
) -> _Prepared | Refused:
    try:
        data = read(photo)
        image = decode_image(data)
    except (BadPhoto, NotFound) as error:
        return Refused(photo.name, error.message)
    except OSError as error:
        return Refused(photo.name, f"It cannot be read: {error.strerror or error}.")
    pixels = np.asarray(image)
    on_pixels(photo, pixels)
    views = {look: look.at(image) for look in looks}
    return _Prepared(hashlib.sha256(data).hexdigest(), fingerprint(pixels), views)


def _collect(sha256: Mapping[int, str], rows: Mapping[Look, Mapping[int, Row]], refused: Sequence[Refused]) -> Embedded:
    order = sorted(sha256)
    fingerprints = [next(rows[look][at][1] for look in rows) for at in order]
    return Embedded(
        rows={
            look.key: np.array([found[at][0] for at in order], np.float32).reshape(
                len(order), look.embedder.backbone.row
            )
            for look, found in rows.items()
        },
        index=np.array(order, np.int64),
        sha256=tuple(sha256[at] for at in order),
        fingerprints=np.array(fingerprints, np.uint64),
        refused=tuple(refused),
    )

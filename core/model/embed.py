"""Photos in, one row of numbers each out: decode, cut to the network's view, run the frozen backbone.

OpenVINO runs the backbone; nothing here imports TensorFlow.
"""

import hashlib
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.data.dataset import Photo
from core.data.lookalikes import fingerprint
from core.data.photo import Pixels, Refused, decode
from core.errors import BadPhoto, NotFound
from core.model.backbones import Backbone
from core.model.convert import converted, refuse_telemetry

if TYPE_CHECKING:
    import openvino

PREPROCESSING = 1  # version of the way from Pixels to the network's input; embeddings of another do not mix
BATCH = 32  # photos between two reports of progress, and between two writes to the cache
LOOK_AHEAD = 3 * BATCH  # photos decoded but not yet embedded: 20 MB of views at most

Row = tuple[NDArray[np.float32], int]  # embedding (features,), fingerprint


class EmbeddingCache(Protocol):
    """Remembers rows by recipe (what computed them) and SHA-256 (of which bytes)."""

    def get(self, recipe: str, sha256s: Sequence[str]) -> Mapping[str, Row]:
        """The rows that are known, by SHA-256."""

    def put(self, recipe: str, rows: Mapping[str, Row]) -> None:
        """Keeps the rows."""


@dataclass(frozen=True)
class Embedded:
    """What became of a sequence of photos: a row for each usable one, in their order, and the rest refused.

    matrix (n, features) float32; index (n,) int64, the position of each row in the photos given; sha256, of
    each row's bytes; fingerprints (n,) uint64, for finding look-alikes.
    """

    matrix: NDArray[np.float32]
    index: NDArray[np.int64]
    sha256: tuple[str, ...]
    fingerprints: NDArray[np.uint64]
    refused: tuple[Refused, ...]


def view(pixels: Pixels, side: int) -> Pixels:
    """What the network sees: the largest centred square, (side, side, 3), antialiased bilinear."""
    height, width = pixels.shape[:2]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    # Cut first: told to cut while resizing, Pillow blends in pixels from beyond the edge.
    square = Image.fromarray(pixels[top : top + short, left : left + short])
    return np.asarray(square.resize((side, side), Image.Resampling.BILINEAR))


def usable_cores() -> int:
    """The processor cores this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Embedder:
    """Runs a frozen backbone; ready at once, loaded at the first use, safe to share between threads.

    `bulk` trades the time to a single answer for throughput, and computes in bfloat16 where the processor has
    it; otherwise float32. Photos go through one by one, on as many streams as suit the processor: measured as
    fast as batches, and a row then never depends on its neighbours.
    """

    def __init__(self, backbone: Backbone, home: Path, *, bulk: bool = False) -> None:
        self.backbone = backbone
        self.recipe = f"{backbone.key}-p{PREPROCESSING}"
        self._home = home
        self._bulk = bulk
        self._lock = threading.Lock()
        self._queue: openvino.AsyncInferQueue | None = None

    def prepare(self) -> None:
        """Load the backbone now rather than at the first use. Raises AppError as `embed` does."""
        self.embed(np.empty((0, self.backbone.pixels, self.backbone.pixels, 3), np.uint8))

    def embed(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Views (n, pixels, pixels, 3), raw RGB -> (n, features). The first call may take seconds.

        Raises AppError when the backbone cannot be prepared (see `converted`).
        """
        rows = np.empty((len(batch), self.backbone.features), np.float32)
        with self._lock:
            if self._queue is None:
                self._queue = _compile(converted(self.backbone, self._home), self.backbone, bulk=self._bulk)
            queue = self._queue

            def keep(request: "openvino.InferRequest", number: int) -> None:
                rows[number] = request.get_output_tensor().data

            queue.set_callback(keep)
            for number in range(len(batch)):
                queue.start_async(batch[number : number + 1], number)
            queue.wait_all()
        return rows


def _compile(path: Path, backbone: Backbone, *, bulk: bool) -> "openvino.AsyncInferQueue":
    refuse_telemetry()
    # Imported on first use: with its libraries it takes 60 MB, and many a page never embeds anything.
    import openvino

    core = openvino.Core()
    model = core.read_model(path)
    model.reshape([1, backbone.pixels, backbone.pixels, 3])
    bfloat16 = bulk and "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    config = {
        "PERFORMANCE_HINT": "THROUGHPUT" if bulk else "LATENCY",
        "INFERENCE_PRECISION_HINT": "bf16" if bfloat16 else "f32",
        "INFERENCE_NUM_THREADS": usable_cores(),
    }
    return openvino.AsyncInferQueue(core.compile_model(model, "CPU", config))


@dataclass(frozen=True)
class _Prepared:
    """A photo ready for the network, small: the full picture is gone."""

    sha256: str
    fingerprint: int
    view: Pixels


def embed_photos(
    photos: Sequence[Photo],
    read: Callable[[Photo], bytes],
    embedder: Embedder,
    *,
    cache: EmbeddingCache | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Embedded:
    """Every usable photo's embedding, in the order of `photos`; an unusable one is refused, not raised.

    Memory beyond the result does not grow with the number of photos. A photo whose key is its SHA-256, as in
    the store, is neither read nor decoded if `cache` knows it. New rows are put there after every batch, so a
    run cut short goes on where it stopped. `on_progress(done, total)` is called after every batch; what it
    raises (Cancelled) ends the work and leaves no thread running.
    """
    # A path is no SHA-256, so for photos from a folder the cache knows nothing, and they are read.
    known = cache.get(embedder.recipe, [photo.key for photo in photos]) if cache else {}
    found = {i: (photo.key, known[photo.key]) for i, photo in enumerate(photos) if photo.key in known}
    refused: list[Refused] = []
    on_progress(len(found), len(photos))
    todo = [(i, photo) for i, photo in enumerate(photos) if i not in found]
    with closing(_prepared(todo, read, embedder.backbone.pixels)) as prepared:
        while batch := list(islice(prepared, BATCH)):
            refused += [item for _, item in batch if isinstance(item, Refused)]
            good = [(i, item) for i, item in batch if isinstance(item, _Prepared)]
            if good:
                matrix = embedder.embed(np.stack([item.view for _, item in good]))
                for (i, item), row in zip(good, matrix, strict=True):
                    found[i] = (item.sha256, (row, item.fingerprint))
                if cache:
                    cache.put(embedder.recipe, dict(found[i] for i, _ in good))
            on_progress(len(found) + len(refused), len(photos))
    return _collect(found, refused, embedder.backbone.features)


def _prepared(
    photos: Sequence[tuple[int, Photo]], read: Callable[[Photo], bytes], side: int
) -> Generator[tuple[int, _Prepared | Refused], None, None]:
    """The photos made ready in order by as many threads as there are cores, at most LOOK_AHEAD in advance."""
    pool = ThreadPoolExecutor(usable_cores(), thread_name_prefix="decode")
    pending: deque[tuple[int, Future[_Prepared | Refused]]] = deque()
    try:
        for position, photo in photos:
            pending.append((position, pool.submit(_prepare, photo, read, side)))
            if len(pending) == LOOK_AHEAD:
                position, first = pending.popleft()
                yield position, first.result()
        for position, future in pending:
            yield position, future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _prepare(photo: Photo, read: Callable[[Photo], bytes], side: int) -> _Prepared | Refused:
    try:
        data = read(photo)
        pixels = decode(data)
    except (BadPhoto, NotFound) as error:
        return Refused(photo.name, error.message)
    except OSError as error:
        return Refused(photo.name, f"It cannot be read: {error.strerror or error}.")
    return _Prepared(hashlib.sha256(data).hexdigest(), fingerprint(pixels), view(pixels, side))


def _collect(found: Mapping[int, tuple[str, Row]], refused: Sequence[Refused], features: int) -> Embedded:
    order = sorted(found)
    rows = [found[i][1] for i in order]
    return Embedded(
        matrix=np.array([embedding for embedding, _ in rows], np.float32).reshape(len(order), features),
        index=np.array(order, np.int64),
        sha256=tuple(found[i][0] for i in order),
        fingerprints=np.array([number for _, number in rows], np.uint64),
        refused=tuple(refused),
    )

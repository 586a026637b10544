"""Names to a model in one go: collect from the web, clean, train; photos are embedded while others still arrive."""

import queue
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from core.data.clean import SET_ASIDE, find, measure
from core.data.collect import collect
from core.data.dataset import Photo
from core.data.download import Downloader
from core.data.photo import Pixels, decode
from core.data.search import PROVIDERS
from core.data.store import KEPT_BY_PERSON, Store
from core.errors import AppError
from core.model.embed import BATCH, Embedder, embed_photos, usable_cores
from core.model.train import Progress, train_project

COLLECT_SHARE, CLEAN_SHARE = 0.75, 0.05  # of the progress bar


def build_model(
    store: Store,
    project_id: str,
    embedder: Embedder,
    downloader: Downloader[Pixels],
    *,
    on_progress: Progress = lambda fraction, words: None,
) -> dict[str, object]:
    """Collect what the project's plan asks for, set aside what is no use, and train.

    Returns what `train_project` does, and the doubts of `clean_project`.
    Stopped or killed at any moment it goes on from there when called again. Raises as `collect` and `train_project`.
    """
    with _Ahead(store, embedder) as ahead:
        collect(
            store,
            project_id,
            downloader=downloader,
            on_photo=lambda category_id, sha256: ahead.put(sha256),
            on_progress=lambda fraction, words: on_progress(COLLECT_SHARE * fraction, words),
        )
    on_progress(COLLECT_SHARE, "Looking for photos that do not belong")
    doubts = clean_project(store, project_id, embedder)
    rest = COLLECT_SHARE + CLEAN_SHARE
    trained = train_project(
        store,
        project_id,
        embedder,
        on_progress=lambda fraction, words: on_progress(rest + (1 - rest) * fraction, words),
    )
    return trained | {"doubts": [{"photo": photo_id, "reason": reason} for photo_id, reason in doubts]}


def clean_project(store: Store, project_id: str, embedder: Embedder) -> list[tuple[int, str]]:
    """Set aside the web photos that are surely no use, each with its reason.

    Returns the photos (id, reason) that only a person can judge. Their own ones, and those that they brought back,
    are not touched.
    """
    numbers = {category.id: number for number, category in enumerate(store.categories(project_id))}
    names = [category.name for category in store.categories(project_id)]
    photos = store.photos(project_id, kept=True)

    def read(photo: Photo) -> bytes:
        return store.photo_bytes(photo.key)

    wanted = [Photo(photo.sha256, photo.name, names[numbers[photo.category_id]]) for photo in photos]
    embedded = embed_photos(wanted, read, embedder, cache=store.embeddings)
    seen = [photos[at] for at in embedded.index]
    with ThreadPoolExecutor(usable_cores()) as pool:
        measures = list(pool.map(lambda photo: measure(decode(store.photo_bytes(photo.sha256))), seen))
    labels = np.array([numbers[photo.category_id] for photo in seen], dtype=np.int64)
    found = find(embedded.sha256, labels, embedded.matrix, embedded.fingerprints, measures, names)
    doubts: list[tuple[int, str]] = []
    for finding in found:
        photo = seen[finding.photo]
        if photo.reason == KEPT_BY_PERSON:
            continue
        if SET_ASIDE[finding.kind] and photo.provider in PROVIDERS:
            store.set_kept([photo.id], False, finding.reason)
        else:
            doubts.append((photo.id, finding.reason))
    return doubts


class _Ahead:
    """Embeds photos in a thread of its own as they are stored, so that training finds them done."""

    def __init__(self, store: Store, embedder: Embedder) -> None:
        self._store = store
        self._embedder = embedder
        self._waiting: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="embed-ahead", daemon=True)

    def put(self, sha256: str) -> None:
        """Embed this picture of the store before long."""
        self._waiting.put(sha256)

    def __enter__(self) -> "_Ahead":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting.put(None)
        self._thread.join()

    def _work(self) -> None:
        for batch in iter(self._batch, []):
            try:
                embed_photos(batch, self._read, self._embedder, cache=self._store.embeddings)
            except AppError:
                return  # training meets the same error where the person can read it

    def _batch(self) -> list[Photo]:
        """What is waiting, at least one and at most BATCH; empty when no more will come."""
        batch: list[Photo] = []
        while len(batch) < BATCH and not (batch and self._waiting.empty()):
            sha256 = self._waiting.get()
            if sha256 is None:
                self._waiting.put(None)  # for the next call, which then gives the empty one
                break
            batch.append(Photo(sha256, sha256, ""))
        return batch

    def _read(self, photo: Photo) -> bytes:
        return self._store.photo_bytes(photo.key)

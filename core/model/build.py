"""Names to a model in one go: collect from the web, clean, train; photos are embedded while others still arrive."""

import queue
import threading

import numpy as np

from core.data.clean import SET_ASIDE, find
from core.data.collect import collect
from core.data.dataset import Photo
from core.data.download import Downloader
from core.data.photo import Pixels
from core.data.search import PROVIDERS
from core.data.store import KEPT_BY_PERSON, Store
from core.errors import AppError
from core.model.backbones import DEFAULT
from core.model.embed import BATCH, Look, embed_photos
from core.model.embedder import Embedders
from core.model.eyes import Progress
from core.model.measured import measured
from core.model.versions import train_project

COLLECT_SHARE, CLEAN_SHARE = 0.75, 0.05  # of the progress bar


def build_model(
    store: Store,
    project_id: str,
    embedders: Embedders,
    downloader: Downloader[Pixels],
    *,
    only: int | None = None,
    on_progress: Progress = lambda fraction, words: None,
) -> dict[str, object]:
    """Collect what the project's plan asks for, set aside what is no use, and train.

    With `only`, a category's id, photos are collected for that one alone.

    Returns what `train_project` does, and the doubts of `clean_project`.
    Stopped or killed at any moment it goes on from there when called again. Raises as `collect` and `train_project`.
    """
    with _Ahead(store, embedders) as ahead:
        collect(
            store,
            project_id,
            downloader=downloader,
            only=only,
            on_photo=lambda category_id, sha256: ahead.put(sha256),
            on_progress=lambda fraction, words: on_progress(COLLECT_SHARE * fraction, words),
        )
    on_progress(COLLECT_SHARE, "Looking for photos that do not belong")
    doubts = clean_project(store, project_id, embedders)
    rest = COLLECT_SHARE + CLEAN_SHARE
    trained = train_project(
        store,
        project_id,
        embedders,
        on_progress=lambda fraction, words: on_progress(rest + (1 - rest) * fraction, words),
    )
    return trained | {"doubts": [{"photo": photo_id, "reason": reason} for photo_id, reason in doubts]}


def clean_project(store: Store, project_id: str, embedders: Embedders) -> list[tuple[int, str]]:
    """Set aside the web photos that are surely no use, each with its reason.

    Returns the photos (id, reason) that only a person can judge. Their own ones, and those that they brought back,
    are not touched.
    """
    categories = [category for category in store.categories(project_id) if not category.is_none]
    numbers = {category.id: number for number, category in enumerate(categories)}
    names = [category.name for category in categories]
    photos = [photo for photo in store.photos.of(project_id, kept=True) if photo.category_id in numbers]

    def read(photo: Photo) -> bytes:
        return store.photos.read(photo.key)

    wanted = [Photo(photo.sha256, photo.name, names[numbers[photo.category_id]]) for photo in photos]
    look = first_look(embedders)
    embedded = embed_photos(wanted, read, [look], cache=store.embeddings)
    seen = [photos[at] for at in embedded.index]
    measures = measured([wanted[at] for at in embedded.index], read, cache=store.embeddings)
    labels = np.array([numbers[photo.category_id] for photo in seen], dtype=np.int64)
    features = embedded.rows[look.key][:, look.embedder.backbone.last]
    found = find(embedded.sha256, labels, features, embedded.fingerprints, measures, names)
    doubts: list[tuple[int, str]] = []
    for finding in found:
        photo = seen[finding.photo]
        if photo.reason == KEPT_BY_PERSON:
            continue
        if SET_ASIDE[finding.kind] and photo.provider in PROVIDERS:
            store.photos.set_kept([photo.id], False, finding.reason)
        else:
            doubts.append((photo.id, finding.reason))
    return doubts


def first_look(embedders: Embedders) -> Look:
    """What training looks with first, whatever it comes to choose."""
    return Look(embedders[DEFAULT], "crop")


class _Ahead:
    """Embeds photos in a thread of its own as they are stored, so that training finds them done."""

    def __init__(self, store: Store, embedders: Embedders) -> None:
        self._store = store
        self._look = first_look(embedders)
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
                embed_photos(batch, self._read, [self._look], cache=self._store.embeddings)
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
        return self._store.photos.read(photo.key)

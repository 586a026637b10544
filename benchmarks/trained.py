"""Thimble trained on draws, each photo looked at once only. Runs in a worker process, which keeps what it has seen."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.thimble import embedders
from core.data.dataset import Dataset, Photo, read_file
from core.model.bundle import Bundle
from core.model.embed import Look, Row, embed_photos
from core.model.features import Key, Matrix
from core.model.train import Trained, train_model


@dataclass(frozen=True)
class MemoryCache:
    """An EmbeddingCache that lives as long as the process."""

    known: dict[str, dict[str, Row]] = field(default_factory=dict)

    def get(self, recipe: str, sha256s: Sequence[str]) -> Mapping[str, Row]:
        """The rows that are known, by SHA-256."""
        rows = self.known.get(recipe, {})
        return {sha256: rows[sha256] for sha256 in sha256s if sha256 in rows}

    def put(self, recipe: str, rows: Mapping[str, Row]) -> None:
        """Keeps the rows."""
        self.known.setdefault(recipe, {}).update(rows)


@functools.cache
def cache() -> MemoryCache:
    """The one of this process."""
    return MemoryCache()


def dataset(folder: Path, photos: Sequence[Photo]) -> Dataset:
    """A dataset of photos whose names are paths inside `folder` and whose keys are their SHA-256."""
    categories = tuple(dict.fromkeys(photo.category for photo in photos))
    return Dataset(categories, tuple(photos), lambda photo: read_file(folder / photo.name))


def train(folder: Path, photos: Sequence[Photo], home: Path, seed: int = 0) -> Trained:
    """Trained on these photos, what this process has seen before not looked at again."""
    return train_model(dataset(folder, photos), embedders(home), cache=cache(), seed=seed)


def look(folder: Path, photos: Sequence[Photo], keys: Sequence[Key], home: Path) -> dict[Key, Matrix]:
    """The rows (n, backbone.row) of these photos, unusable ones left out, under each look."""
    looks = [Look(embedders(home)[backbone], view) for backbone, view in keys]
    return embed_photos(photos, dataset(folder, photos).read, looks, cache=cache()).rows


def labels(bundle: Bundle, photos: Sequence[Photo]) -> NDArray[np.int64]:
    """The photos' categories, by their numbers in the bundle."""
    return np.array([bundle.categories.index(photo.category) for photo in photos], np.int64)

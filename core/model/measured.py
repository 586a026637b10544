"""The measures of many photos, kept like embeddings so that none is taken twice."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from core.data.dataset import Photo
from core.data.measures import Measures, measure
from core.data.photo import decode
from core.model.embed import EmbeddingCache, Row
from core.model.embedder import usable_cores

RECIPE = "measures-1"  # another number when `measure` gives other values


def measured(
    photos: Sequence[Photo],
    read: Callable[[Photo], bytes],
    *,
    cache: EmbeddingCache | None = None,
    taken: Mapping[str, Measures] | None = None,
) -> list[Measures]:
    """The measures of usable photos, in their order. A photo that `cache` knows is neither read nor decoded.

    `taken` are measures, by the photo's key, of photos that were decoded just now. Raises BadPhoto for a photo that
    cannot be used.
    """
    keys = [photo.key for photo in photos]
    known = dict(cache.get(RECIPE, keys)) if cache else {}
    fresh = {key: _row(told) for key, told in (taken or {}).items() if key not in known}
    left = [photo for photo in photos if photo.key not in known and photo.key not in fresh]
    with ThreadPoolExecutor(usable_cores()) as pool:
        rows = pool.map(lambda photo: _row(measure(decode(read(photo)))), left)
        fresh |= dict(zip((photo.key for photo in left), rows, strict=True))
    if cache:
        cache.put(RECIPE, fresh)
    known |= fresh
    return [_measures(known[key]) for key in keys]


def _row(told: Measures) -> Row:
    numbers = (told.width, told.height, told.sharpness, told.contrast, told.flatness, told.edges, told.colours)
    return np.array([*numbers, *told.look], np.float32), told.mirrored_fingerprint


def _measures(row: Row) -> Measures:
    (width, height, sharpness, contrast, flatness, edges, colours), look = row[0][:7].tolist(), row[0][7:]
    return Measures(
        width=int(width),
        height=int(height),
        sharpness=sharpness,
        contrast=contrast,
        flatness=flatness,
        edges=edges,
        colours=int(colours),
        mirrored_fingerprint=row[1],
        look=look.astype(np.uint8).tobytes(),
    )

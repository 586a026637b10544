"""Photos looked at by one backbone after another: which can be learnt from, which belong together, and their rows."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from core.data.dataset import Dataset, Photo
from core.data.lookalikes import group
from core.data.measures import Measures, measure
from core.data.photo import Pixels, Refused
from core.data.sources import merge_groups, source_groups
from core.errors import AppError
from core.model.backbones import BACKBONES
from core.model.embed import Embedded, EmbeddingCache, Look, embed_photos
from core.model.embedder import Embedders
from core.model.features import Key, Matrix
from core.model.measured import measured

LOOK_SHARE = 0.9  # of the progress bar: looking at the photos is nearly all of the work

Progress = Callable[[float, str], None]  # fraction done and words; raises Cancelled when asked to stop


class Eyes:
    """The photos that can be learnt from, and their rows under the looks that were asked for so far.

    The first look decides which photos those are. `plain` are its last features (n, features), raw.
    """

    def __init__(
        self, dataset: Dataset, embedders: Embedders, first: Key, cache: EmbeddingCache | None, on_progress: Progress
    ) -> None:
        self._dataset = dataset
        self._embedders = embedders
        self._cache = cache
        self._on_progress = on_progress
        self._done = 0.0
        self._taken: dict[str, Measures] = {}
        embedded = self._embed(dataset.photos, [first], self._measure)
        kept, repeated = tell_repeats_apart([dataset.photos[at] for at in embedded.index], embedded.sha256)
        self.photos = [dataset.photos[embedded.index[at]] for at in kept]
        self.sha256 = tuple(embedded.sha256[at] for at in kept)
        self.fingerprints = embedded.fingerprints[kept]
        self._rows = {first: embedded.rows[first][kept]}
        self._known = {first: np.ones(len(kept), dtype=np.bool_)}
        self.plain = self._rows[first][:, BACKBONES[first[0]].last]
        self.set_aside = (*embedded.refused, *repeated)

    def look(self, key: Key, photos: NDArray[np.int64]) -> Matrix:
        """The rows (m, backbone.row) of the photos at these positions (m,) under a look; none is looked at twice.

        Raises AppError if one has gone meanwhile.
        """
        if key not in self._rows:
            self._rows[key] = np.empty((len(self.photos), BACKBONES[key[0]].row), np.float32)
            self._known[key] = np.zeros(len(self.photos), dtype=np.bool_)
        rows, known = self._rows[key], self._known[key]
        new = photos[~known[photos]]
        if len(new):
            embedded = self._embed([self.photos[at] for at in new], [key])
            if embedded.refused:
                name = embedded.refused[0].name
                raise AppError(f"'{name}' was deleted or changed during the training.", hint="Train again.")
            rows[new], known[new] = embedded.rows[key], True
        return rows[photos]

    def measures(self) -> list[Measures]:
        """What the photos' pixels say of them. Raises BadPhoto if one has changed meanwhile."""
        return measured(self.photos, self._dataset.read, cache=self._cache, taken=self._taken)

    def strangers(self, keys: Sequence[Key]) -> Mapping[Key, Matrix]:
        """The rows (m, backbone.row) of the photos that show none of the categories."""
        return self._embed(self._dataset.strangers, list(dict.fromkeys(keys))).rows

    def _measure(self, photo: Photo, pixels: Pixels) -> None:
        self._taken[photo.key] = measure(pixels)

    def _embed(
        self,
        photos: Sequence[Photo],
        keys: Sequence[Key],
        on_pixels: Callable[[Photo, Pixels], None] = lambda photo, pixels: None,
    ) -> Embedded:
        """Each time the bar goes half of what is left of its way: how often is decided by what is found."""
        start, share = self._done, (LOOK_SHARE - self._done) / 2
        self._done += share
        for embedder in {self._embedders[backbone] for backbone, _ in keys}:
            if not embedder.is_ready:
                self._on_progress(start, f"Preparing {embedder.backbone.name}, once for this computer")
                embedder.prepare()
        words = "Looking at your photos" if not start else "Looking again, with other eyes"

        def progress(done: int, total: int) -> None:
            self._on_progress(start + share * done / max(total, 1), f"{words}: {done} of {total}")

        looks = [Look(self._embedders[backbone], view) for backbone, view in keys]
        return embed_photos(
            photos, self._dataset.read, looks, cache=self._cache, on_pixels=on_pixels, on_progress=progress
        )


def tell_repeats_apart(photos: Sequence[Photo], sha256: Sequence[str]) -> tuple[NDArray[np.int64], list[Refused]]:
    """Positions of the photos to train on, and those left out because the same picture stands elsewhere.

    Within a category the first is kept. In two categories all are left out: only the person knows which is right.
    """
    holders: defaultdict[str, list[int]] = defaultdict(list)
    for at, digest in enumerate(sha256):
        holders[digest].append(at)
    kept: list[int] = []
    repeated: list[Refused] = []
    for positions in holders.values():
        first, *others = (photos[at] for at in positions)
        if len({photo.category for photo in (first, *others)}) == 1:
            kept.append(positions[0])
            repeated += [Refused(photo.name, f"the same picture as '{first.name}'") for photo in others]
        else:
            for at in positions:
                rival = next(photos[other] for other in positions if photos[other].category != photos[at].category)
                reason = f"the same picture is in '{rival.category}' as '{rival.name}'; keep it in one category"
                repeated.append(Refused(photos[at].name, reason))
    return np.array(sorted(kept), dtype=np.int64), repeated


def groups_to_keep_whole(
    photos: Sequence[Photo], labels: NDArray[np.int64], fingerprints: NDArray[np.uint64], embeddings: Matrix
) -> tuple[NDArray[np.int64], list[int]]:
    """Group number of each photo (n,), which folds must not split, and the labels whose photos are all alike.

    Near-identical photos of one category, and photos of one source, one learnt and one tested, would flatter the score;
    of two categories they only make it harder, and stay apart. A category that is one single group could not be tested
    at all, so its photos are split all the same and it is named.
    """
    source = source_groups(photos)
    groups = np.empty_like(labels)
    alike: list[int] = []
    for label in np.unique(labels):
        here = np.flatnonzero(labels == label)
        inner = merge_groups(group(fingerprints[here], embeddings[here]), source[here])
        inner = np.unique(inner, return_inverse=True)[1]
        if inner.max() == 0:
            alike.append(int(label))
            inner = np.arange(len(here))
        groups[here] = inner + groups[labels < label].max(initial=-1) + 1
    return groups, alike

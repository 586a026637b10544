"""Photos to a trained, tested model: embed, choose, fit, evaluate, bundle."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from core.data.dataset import Dataset, Photo, fold_count, folds
from core.data.lookalikes import group
from core.data.photo import Refused
from core.data.store import Store, training_fingerprint
from core.errors import BadInput, TooFewPhotos
from core.model.bundle import Bundle
from core.model.embed import Embedder, EmbeddingCache, embed_photos
from core.model.evaluate import Report, evaluate
from core.model.head import STRENGTHS, cross_validate, fit_head, select_strength

MIN_PHOTOS = 2  # in a category: one to learn from while the other is kept out
EMBED_SHARE = 0.9  # of the progress bar: embedding is nearly all of the work

Progress = Callable[[float, str], None]  # fraction done and words; raises Cancelled when asked to stop


@dataclass(frozen=True)
class Trained:
    """A trained bundle, and the seconds that each part of the work took."""

    bundle: Bundle
    seconds: dict[str, float]


def train_model(
    dataset: Dataset,
    embedder: Embedder,
    *,
    cache: EmbeddingCache | None = None,
    seed: int = 0,
    on_progress: Progress = lambda fraction, words: None,
) -> Trained:
    """Learn to tell the dataset's categories apart, and measure how well on photos kept out.

    The head is a regularised linear one on the backbone's embeddings. Its strength is chosen, and its accuracy
    measured, by cross-validation in which near-identical photos are never on both sides. The same photos, seed
    and machine give the same bundle. Raises BadInput for fewer than two categories, TooFewPhotos for a category
    with fewer than MIN_PHOTOS usable photos, Cancelled when `on_progress` does.
    """
    check_enough(dataset.categories, Counter(photo.category for photo in dataset.photos))
    clock = _Clock()

    def embedding(done: int, total: int) -> None:
        on_progress(EMBED_SHARE * done / max(total, 1), f"Looking at your photos: {done} of {total}")

    embedded = embed_photos(dataset.photos, dataset.read, embedder, cache=cache, on_progress=embedding)
    kept, repeated = tell_repeats_apart([dataset.photos[at] for at in embedded.index], embedded.sha256)
    embeddings, fingerprints = embedded.matrix[kept], embedded.fingerprints[kept]
    labels = _labels([dataset.photos[embedded.index[at]] for at in kept], dataset.categories)
    check_enough(dataset.categories, Counter(dataset.categories[label] for label in labels))
    clock.lap("decode_embed")

    on_progress(EMBED_SHARE, "Learning to tell them apart")
    groups, alike = groups_to_keep_whole(labels, fingerprints, embeddings)
    fold = folds(labels, groups, fold_count(labels, groups), seed)
    kept_out = cross_validate(embeddings, labels, fold, len(dataset.categories), strengths=STRENGTHS)
    strength = STRENGTHS[select_strength(kept_out, labels, STRENGTHS)]
    clock.lap("choose")

    head = fit_head(embeddings, labels, len(dataset.categories), strength=strength)
    clock.lap("fit")

    on_progress(0.97, "Testing on photos kept out")
    report = evaluate(labels, untouched_by_choice(kept_out, labels, fold), dataset.categories)
    clock.lap("evaluate")

    bundle = Bundle(
        categories=dataset.categories,
        backbone=embedder.backbone,
        head=head,
        strength=strength,
        report=report,
        photos=tuple(embedded.sha256[at] for at in kept),
        set_aside=(*embedded.refused, *repeated),
        all_alike=tuple(dataset.categories[label] for label in alike),
    )
    on_progress(1.0, "Done")
    return Trained(bundle, clock.seconds())


def evaluate_model(
    bundle: Bundle,
    dataset: Dataset,
    embedder: Embedder,
    *,
    on_progress: Progress = lambda fraction, words: None,
) -> tuple[Report, tuple[Refused, ...]]:
    """How well a bundle does on other photos, and which could not be used for that.

    Photos of a category that the model does not know are left out and named. Raises BadInput when none is left.
    """
    known = [photo for photo in dataset.photos if photo.category in bundle.categories]
    strangers = tuple(
        Refused(photo.name, f"the model knows no category '{photo.category}'")
        for photo in dataset.photos
        if photo.category not in bundle.categories
    )
    embedded = embed_photos(
        known,
        dataset.read,
        embedder,
        on_progress=lambda done, total: on_progress(done / max(total, 1), f"Testing: {done} of {total}"),
    )
    labels = _labels([known[at] for at in embedded.index], bundle.categories)
    probabilities = bundle.head.probabilities(embedded.matrix)
    return evaluate(labels, probabilities, bundle.categories), (*embedded.refused, *strangers)


def train_project(
    store: Store, project_id: str, embedder: Embedder, *, on_progress: Progress = lambda fraction, words: None
) -> dict[str, object]:
    """Train on a project's kept photos and store the result as its next version.

    Returns the version's number and the seconds, ready for JSON. Raises as `train_model` does.
    """
    dataset = store.dataset(project_id)
    trained = train_model(dataset, embedder, cache=store.embeddings, on_progress=on_progress)
    report = trained.bundle.report
    version = store.add_version(
        project_id,
        trained.bundle.to_files(),
        accuracy=report.accuracy,
        photos=report.photos,
        fingerprint=training_fingerprint(dataset),
    )
    return {"version": version.number, "seconds": trained.seconds}


def check_enough(categories: Sequence[str], counts: Counter[str]) -> None:
    """Raise BadInput or TooFewPhotos when these usable photos cannot be learnt from; the hint says how many to add."""
    if len(categories) < 2:
        there = "There is 1 category" if categories else "There are no categories"
        raise BadInput(f"{there}; telling things apart needs at least 2.", hint="Add another one.")
    for category in categories:
        if counts[category] < MIN_PHOTOS:
            raise TooFewPhotos(
                f"'{category}' has {counts[category]} usable photo{'' if counts[category] == 1 else 's'}; "
                f"training needs at least {MIN_PHOTOS}.",
                hint=f"Add {MIN_PHOTOS - counts[category]} more; 20 make a good start.",
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
    labels: NDArray[np.int64], fingerprints: NDArray[np.uint64], embeddings: NDArray[np.float32]
) -> tuple[NDArray[np.int64], list[int]]:
    """Group number of each photo (n,), which folds must not split, and the labels whose photos are all alike.

    Near-identical photos of one category, one learnt and one tested, would flatter the score; of two categories
    they only make it harder, and stay apart. A category that is one single group could not be tested at all, so
    its photos are split all the same and it is named.
    """
    groups = np.empty_like(labels)
    alike: list[int] = []
    for label in np.unique(labels):
        here = np.flatnonzero(labels == label)
        inner = group(fingerprints[here], embeddings[here])
        if inner.max() == 0:
            alike.append(int(label))
            inner = np.arange(len(here))
        groups[here] = inner + groups[labels < label].max(initial=-1) + 1
    return groups, alike


def untouched_by_choice(
    kept_out: NDArray[np.float64], labels: NDArray[np.int64], fold: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Out-of-fold probabilities (n, categories), each fold scored with the strength that the other folds chose.

    Choosing and scoring on the same photos would flatter the score (Cawley & Talbot 2010).
    """
    scored = np.empty(kept_out.shape[1:])
    for number in np.unique(fold):
        here = fold == number
        chosen = select_strength(kept_out[:, ~here], labels[~here], STRENGTHS)
        scored[here] = kept_out[chosen, here]
    return scored


def _labels(photos: Sequence[Photo], categories: Sequence[str]) -> NDArray[np.int64]:
    number = {category: at for at, category in enumerate(categories)}
    return np.array([number[photo.category] for photo in photos], dtype=np.int64)


class _Clock:
    """Seconds of each lap, and of all together."""

    def __init__(self) -> None:
        self._started = self._last = perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = perf_counter()
        self._laps[name], self._last = now - self._last, now

    def seconds(self) -> dict[str, float]:
        return {**self._laps, "total": self._last - self._started}

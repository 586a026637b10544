"""What the pretrained backbone is worth: a model beside a small network trained from nothing on the same photos.

The network learns from all folds but one, and both are compared on that one. The model's answers there are those of
its cross-validation, from heads that learnt from the same other folds.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from time import monotonic, perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.dataset import Dataset, Photo, fold_count, folds
from core.data.lookalikes import fingerprint
from core.data.photo import Pixels, decode_image
from core.errors import BadInput, BadPhoto, NotFound
from core.model.backbones import BACKBONES
from core.model.bundle import Bundle
from core.model.chance import mcnemar
from core.model.embedder import usable_cores
from core.model.evaluate import wilson
from core.model.eyes import Progress, groups_to_keep_whole
from core.model.scratch_net import SIDE, Message, learn, scratch_size
from core.model.select import Mode
from core.model.views import VIEWS

__all__ = ["ScratchResult", "Side", "epochs_for", "scratch_seconds", "scratch_size", "train_from_scratch"]

LOOKS = 14_400  # at photos, in all epochs together: about a minute's work on two cores
FEWEST_EPOCHS, MOST_EPOCHS = 15, 100
START_SECONDS = 8.0  # until TensorFlow is ready
LOOKS_A_SECOND = 150.0  # on each core, with some other work going on
MOST_CORES = 4  # that batches so small keep busy
CHANCE = 0.05  # a difference that chance alone gives more often than this shows nothing
PREPARED = 0.1  # of the progress bar


@dataclass(frozen=True)
class Side:
    """How many numbers were learnt; the share of photos kept out that were right, and its 95 % interval (`wilson`)."""

    parameters: int
    accuracy: float
    accuracy_interval: tuple[float, float]


@dataclass(frozen=True)
class ScratchResult:
    """Both networks on the same `photos` kept out; each learnt from the other photos, of which there are `learnt_from`.

    `curve` has, for each epoch, the shares right (0 to 1) of the photos learnt from, shifted and dropped out as they
    were seen, and of those kept out. The last epoch counts and not the best, which would flatter. `gained` photos
    only the transferred network got right, `lost` only the one from nothing; always answering the commonest category
    gets the share `guessing` right.
    """

    scratch: Side
    transfer: Side
    photos: int
    learnt_from: int
    gained: int
    lost: int
    guessing: float
    seconds: float
    curve: tuple[tuple[float, float], ...]

    @property
    def epochs(self) -> int:
        """How often each photo was learnt from."""
        return len(self.curve)

    @property
    def words(self) -> str:
        """Whether these photos show that a pretrained network is needed, in plain words."""
        if mcnemar(self.gained, self.lost) > CHANCE:
            return (
                "The difference may be chance: these photos do not show that transfer learning is needed here. More "
                "photos would tell."
            )
        if self.lost > self.gained:
            return (
                "The difference is more than chance: these photos are better learnt from nothing, and what the "
                "backbone has seen before does not suit them."
            )
        if self.scratch.accuracy_interval[0] <= self.guessing:
            taught = f"From {self.learnt_from:,} photos alone a network learns hardly more than guessing"
        else:
            taught = f"From {self.learnt_from:,} photos alone a network learns something, but not enough"
        return (
            f"The difference is more than chance. {taught}; the same photos suffice for the last step of one that "
            "already knows edges, textures and parts. That is why Thimble learns by transfer."
        )

    def to_json(self) -> dict[str, Any]:
        """The result as plain dicts, lists and numbers."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ScratchResult":
        """The result that `to_json` gave, whatever lies beside it; raises KeyError, TypeError or ValueError."""
        known = {field.name: data[field.name] for field in fields(cls)}
        known |= {name: _side(data[name]) for name in ("scratch", "transfer")}
        return cls(**known | {"curve": tuple((float(seen), float(new)) for seen, new in data["curve"])})


def epochs_for(photos: int) -> int:
    """How often the network sees each of so many photos that it learns from: the fewer they are, the more often."""
    return min(MOST_EPOCHS, max(FEWEST_EPOCHS, round(LOOKS / max(1, photos))))


def scratch_seconds(photos: int) -> float:
    """About how long `train_from_scratch` takes with so many photos, all folds together, on this computer's cores."""
    learnt_from = round(photos * 0.8)
    return START_SECONDS + learnt_from * epochs_for(learnt_from) / LOOKS_A_SECOND / min(usable_cores(), MOST_CORES)


def train_from_scratch(
    dataset: Dataset,
    bundle: Bundle,
    *,
    mode: Mode | None = None,
    seed: int = 0,
    on_progress: Progress = lambda fraction, words: None,
) -> dict[str, Any]:
    """A ScratchResult, as JSON: a network trained from nothing beside the bundle in `mode` (the advised one).

    Both learn from, and are tested on, the photos that the bundle learnt from and that are still in the dataset in
    the same category; near-identical photos, and photos of one source, are never on both sides. `seed` is the one that
    the bundle was trained with. Raises BadInput when too few photos are left, AppError when the training fails, and
    whatever `on_progress` raises; no child process is left behind.
    """
    started = perf_counter()
    mode = mode or bundle.mode
    shared = shared_photos(dataset, bundle, on_progress=on_progress)
    labels = bundle.memory.labels[shared.at]
    kept_out = first_fold(shared, bundle, seed)
    heard = _Heard(epochs_for(int((~kept_out).sum())), on_progress)
    learn(shared.views, labels, kept_out, len(bundle.categories), epochs=heard.epochs, seed=seed, hear=heard)

    truth = labels[kept_out]
    scratch = np.array(heard.answers) == truth
    transfer = bundle.memory.kept_out[mode][shared.at[kept_out]].argmax(axis=1) == truth
    result = ScratchResult(
        scratch=_marked(scratch_size(len(bundle.categories)), scratch),
        transfer=_marked(bundle.classifiers[mode].parameters, transfer),
        photos=len(truth),
        learnt_from=int((~kept_out).sum()),
        gained=int((transfer & ~scratch).sum()),
        lost=int((scratch & ~transfer).sum()),
        guessing=float((truth == np.bincount(labels[~kept_out]).argmax()).mean()),
        seconds=perf_counter() - started,
        curve=tuple(heard.curve),
    )
    on_progress(1.0, "Done")
    return result.to_json()


@dataclass(frozen=True)
class Shared:
    """Photos that both learn from: their positions `at` in the bundle's memory (n,), in order, what the network is
    shown of them (n, SIDE, SIDE, 3), and their fingerprints (n,).
    """

    at: NDArray[np.int64]
    photos: tuple[Photo, ...]
    views: Pixels
    fingerprints: NDArray[np.uint64]


def shared_photos(dataset: Dataset, bundle: Bundle, *, on_progress: Progress = lambda fraction, words: None) -> Shared:
    """The photos that the bundle learnt from, as far as they are still in the dataset in the same category.

    Raises BadInput when fewer than two of a category are.
    """
    place = {sha256: at for at, sha256 in enumerate(bundle.memory.sha256)}
    view = VIEWS[bundle.reference[1]]

    def look(photo: Photo) -> tuple[int, Pixels, int] | None:
        try:
            data = dataset.read(photo)
            at = place.get(hashlib.sha256(data).hexdigest())
            if at is None or bundle.categories[bundle.memory.labels[at]] != photo.category:
                return None
            image = decode_image(data)
        except (BadPhoto, NotFound):
            return None
        return at, view(image, SIDE), fingerprint(np.asarray(image))

    found: dict[int, tuple[Photo, Pixels, int]] = {}
    pool = ThreadPoolExecutor(usable_cores(), thread_name_prefix="decode")
    try:
        for number, (photo, seen) in enumerate(zip(dataset.photos, pool.map(look, dataset.photos), strict=True)):
            on_progress(PREPARED * number / len(dataset.photos), "Preparing your photos")
            if seen is not None:
                found.setdefault(seen[0], (photo, *seen[1:]))
    finally:
        pool.shutdown(cancel_futures=True)
    counts = Counter(photo.category for photo, _, _ in found.values())
    for category in bundle.categories:
        if counts[category] < 2:
            raise BadInput(
                f"Of the photos of '{category}' that this model learnt from, {counts[category]} can still be used; "
                "the comparison needs at least 2.",
                hint="Train your model again, then compare.",
            )
    order = sorted(found)
    return Shared(
        at=np.array(order, np.int64),
        photos=tuple(found[at][0] for at in order),
        views=np.stack([found[at][1] for at in order]),
        fingerprints=np.array([found[at][2] for at in order], np.uint64),
    )


def first_fold(shared: Shared, bundle: Bundle, seed: int = 0) -> NDArray[np.bool_]:
    """Which photos (n,) are kept out: the first of the folds that training makes of these photos."""
    labels = bundle.memory.labels[shared.at]
    last = BACKBONES[bundle.reference[0]].cuts[-1].features
    rooted = bundle.memory.features[shared.at, -last:].astype(np.float32)
    # Look-alikes are told by the features before their root was taken.
    groups, _ = groups_to_keep_whole(shared.photos, labels, shared.fingerprints, rooted * np.abs(rooted))
    kept_out: NDArray[np.bool_] = folds(labels, groups, fold_count(labels, groups), seed) == 0
    return kept_out


class _Heard:
    """What the child has said so far, told on as progress."""

    def __init__(self, epochs: int, on_progress: Progress) -> None:
        self.epochs = epochs
        self.curve: list[tuple[float, float]] = []
        self.answers: list[int] = []
        self._on_progress = on_progress
        self._last = (PREPARED, "Getting ready to learn from nothing")
        self._began: tuple[float, float] | None = None

    def __call__(self, message: Message | None) -> None:
        message = message or {}
        if "learnt" in message:
            self.curve.append((message["learnt"], message["kept_out"]))
        if "share" in message:
            share = message["share"]
            self._last = (PREPARED + (1 - PREPARED) * share, self._words(share))
        self.answers = message.get("answers", self.answers)
        self._on_progress(*self._last)

    def _words(self, share: float) -> str:
        epoch = min(len(self.curve) + 1, self.epochs)
        words = f"Learning from nothing, round {epoch} of {self.epochs}"
        if self._began is None:
            self._began = share, monotonic()
        first, began = self._began
        if share == first:
            return words
        left = (monotonic() - began) / (share - first) * (1 - share)
        return f"{words}, about {left:.0f} seconds left"


def _marked(parameters: int, right: NDArray[np.bool_]) -> Side:
    return Side(parameters, float(right.mean()), wilson(int(right.sum()), len(right)))


def _side(data: Mapping[str, Any]) -> Side:
    low, high = data["accuracy_interval"]
    return Side(int(data["parameters"]), float(data["accuracy"]), (float(low), float(high)))

"""Photos to a trained, tested model: embed, choose, fit, evaluate, advise, bundle."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from core.data.dataset import Dataset, Photo, fold_count, folds
from core.data.measures import Measures
from core.data.photo import Refused
from core.errors import AppError, BadInput, TooFewPhotos
from core.model.advice import advise
from core.model.backbones import BACKBONES, BUNDLED
from core.model.bundle import Bundle, Memory, reference_features
from core.model.classifier import Classifier
from core.model.embed import EmbeddingCache, Look, embed_photos
from core.model.embedder import Embedders
from core.model.evaluate import Report, evaluate, of_the_model_in_use
from core.model.eyes import LOOK_SHARE, Eyes, Progress, groups_to_keep_whole
from core.model.features import Bank, Features, Key
from core.model.forecast import head_start
from core.model.novelty import REFUSE
from core.model.novelty import fit as fit_novelty
from core.model.select import UNFIXED, Choice, Fixed, Mode, choose

ELONGATED = 1.15  # longer side against shorter, in the middle photo: a crop then leaves out a seventh or more
MIN_PHOTOS = 2  # in a category: one to learn from while the other is kept out


@dataclass(frozen=True)
class Wishes:
    """What the person may decide; empty, or the usual, where Thimble is to."""

    fixed: Fixed = UNFIXED
    mode: Mode | None = None
    refuse: float = REFUSE  # share of true photos that may be called none of these
    backbones: tuple[str, ...] = BUNDLED  # that may be tried, cheapest first


USUAL = Wishes()


@dataclass(frozen=True)
class Trained:
    """A trained bundle, and the seconds that each part of the work took."""

    bundle: Bundle
    seconds: dict[str, float]


def train_model(
    dataset: Dataset,
    embedders: Embedders,
    *,
    wishes: Wishes = USUAL,
    cache: EmbeddingCache | None = None,
    seed: int = 0,
    on_progress: Progress = lambda fraction, words: None,
) -> Trained:
    """Learn to tell the dataset's categories apart, and measure how well on photos kept out.

    What looks at the photos, and what stands on it, is chosen by cross-validation in which near-identical photos, and
    photos of one source, are never on both sides. The same photos, seed and machine give the same bundle. Raises
    BadInput for fewer than two categories, TooFewPhotos for a category with fewer than MIN_PHOTOS usable photos,
    Cancelled when `on_progress` does.
    """
    check_enough(dataset.categories, Counter(photo.category for photo in dataset.photos))
    clock = _Clock()
    backbones, notes = _at_hand(wishes, embedders)
    eyes = Eyes(dataset, embedders, (backbones[0], wishes.fixed.view or "crop"), cache, on_progress)
    photos, labels = eyes.photos, _labels(eyes.photos, dataset.categories)
    check_enough(dataset.categories, Counter(dataset.categories[label] for label in labels))
    groups, alike = groups_to_keep_whole(photos, labels, eyes.fingerprints, eyes.plain)
    fold = folds(labels, groups, fold_count(labels, groups), seed)
    measures = eyes.measures()
    clock.lap("look")

    bank = Bank()
    number = len(dataset.categories)
    choice = choose(
        eyes.look,
        labels,
        fold,
        number,
        backbones=backbones,
        elongated=_elongated(measures),
        fixed=wishes.fixed,
        bank=bank,
    )
    clock.lap("look_and_choose")

    reports: dict[Mode, Report] = {
        "fast": evaluate(labels, choice.fast.kept_out, dataset.categories),
        "best": evaluate(labels, choice.best.kept_out, dataset.categories),
    }
    reference = choice.fast.shares[0][0].candidate.features.looks[0]
    seen = reference_features(reference).matrix(bank.rows)
    classifiers: dict[Mode, Classifier] = {
        "fast": choice.fast.fit(bank.rows, labels, number),
        "best": choice.best.fit(bank.rows, labels, number),
    }
    strange = {mode: strange_features(classifier, reference) for mode, classifier in classifiers.items()}
    strangers = eyes.strangers([look for features in strange.values() for look in features.looks])
    on_progress(LOOK_SHARE, "Learning to tell them apart")
    novelty = {
        mode: fit_novelty(
            features.matrix(bank.rows), labels, fold, refuse=wishes.refuse, strangers=features.matrix(strangers)
        )
        for mode, features in strange.items()
    }
    clock.lap("fit")

    on_progress(0.95, "Finding out what would help")
    mode = wishes.mode or choice.advised
    advice = advise(
        seen,
        bank.products(reference_features(reference)),
        labels,
        groups,
        fold,
        dataset.categories,
        (choice.best if mode == "best" else choice.fast).kept_out,
        others=_others(choice),
        measures=measures,
        origins=[photo.origin for photo in photos],
        seed=seed,
    )
    clock.lap("advise")

    bundle = Bundle(
        categories=dataset.categories,
        classifiers=classifiers,
        mode=mode,
        reference=reference,
        strange=strange,
        novelty=novelty,
        memory=Memory(
            sha256=eyes.sha256,
            labels=labels,
            features=seen.astype(np.float16),
            kept_out={
                "fast": choice.fast.kept_out.astype(np.float32),
                "best": choice.best.kept_out.astype(np.float32),
            },
        ),
        reports={mode: of_the_model_in_use(report, head_start(advice.curve)) for mode, report in reports.items()},
        table=choice.table,
        advice=advice,
        set_aside=eyes.set_aside,
        all_alike=tuple(dataset.categories[label] for label in alike),
        tried=tuple(dict.fromkeys(backbone for backbone, _ in bank.rows)),
        notes=notes,
    )
    on_progress(1.0, "Done")
    return Trained(bundle, clock.seconds())


def evaluate_model(
    bundle: Bundle,
    dataset: Dataset,
    embedders: Embedders,
    *,
    mode: Mode | None = None,
    on_progress: Progress = lambda fraction, words: None,
) -> tuple[Report, tuple[Refused, ...]]:
    """How well a bundle does on other photos, and which could not be used for that.

    Photos of a category that the model does not know are left out and named. Raises BadInput when none is left.
    """
    mode = mode or bundle.mode
    known = [photo for photo in dataset.photos if photo.category in bundle.categories]
    strangers = tuple(
        Refused(photo.name, f"the model knows no category '{photo.category}'")
        for photo in dataset.photos
        if photo.category not in bundle.categories
    )
    embedded = embed_photos(
        known,
        dataset.read,
        [Look(embedders[backbone], view) for backbone, view in bundle.classifiers[mode].looks],
        on_progress=lambda done, total: on_progress(done / max(total, 1), f"Testing: {done} of {total}"),
    )
    labels = _labels([known[at] for at in embedded.index], bundle.categories)
    probabilities = bundle.classifiers[mode].probabilities(embedded.rows)
    return evaluate(labels, probabilities, bundle.categories), (*embedded.refused, *strangers)


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


def _at_hand(wishes: Wishes, embedders: Embedders) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The backbones that can be used, cheapest first, and why others cannot: one may be out of reach.

    Raises AppError when the one that the person fixed is.
    """
    if wishes.fixed.backbone:
        embedders[wishes.fixed.backbone].prepare()
        return (wishes.fixed.backbone,), ()
    usable, notes = [], []
    for name in wishes.backbones:
        try:
            if name not in BUNDLED:
                embedders[name].prepare()
        except AppError as error:
            notes.append(str(error))
        else:
            usable.append(name)
    return tuple(usable), tuple(notes)


def strange_features(classifier: Classifier, reference: Key) -> Features:
    """What strangers are told by: all cuts of every backbone that answers, in the view of the reference look.

    More backbones see more: of photos of a category left out of training, two told 1 more in 100 than one, on average.
    """
    backbone, view = reference
    others = [name for name, shown in classifier.looks if shown == view]
    return Features(tuple(dict.fromkeys([backbone, *others])), (view,), "all")


def _others(choice: Choice) -> dict[str, NDArray[np.float64]]:
    """For each backbone alone, the out-of-fold probabilities (n, categories) of its best candidate, by its name."""
    alone = [tried for tried in choice.tried if len(tried.candidate.features.looks) == 1]
    names = dict.fromkeys(BACKBONES[tried.candidate.features.backbones[0]].name for tried in alone)
    return {
        name: min(
            (tried for tried in alone if BACKBONES[tried.candidate.features.backbones[0]].name == name),
            key=lambda tried: tried.least,
        ).best_kept_out
        for name in names
    }


def _elongated(measures: Sequence[Measures]) -> bool:
    """Whether most photos are far from square."""
    ratios = [max(each.width, each.height) / min(each.width, each.height) for each in measures]
    return float(np.median(ratios)) > ELONGATED


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

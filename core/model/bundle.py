"""A trained model as one immutable set of files, and the only thing that predicts.

    bundle.json      format, categories, backbones and their weights' hashes, preprocessing version, both classifiers
    heads.npz        the numbers of their heads
    novelty.npz      what tells none of these
    photos.npz       what the model remembers of each training photo: its label, its features, how it was answered
                     while it was kept out
    report.json      how good it is, measured on photos kept out, and what was tried
    advice.json      what would make it better

Plain JSON and arrays: nothing in a bundle is ever executed, and reading one needs no TensorFlow.
"""

import functools
import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.data.photo import Pixels, Refused, decode_image
from core.errors import BadInput, BadPhoto
from core.model.advice import Advice
from core.model.backbones import BACKBONES
from core.model.classifier import Classifier
from core.model.embedder import Embedders
from core.model.evaluate import Report
from core.model.features import Features, Key, Matrix
from core.model.novelty import Novelty
from core.model.select import Mode, Row
from core.model.views import PREPROCESSING, VIEWS

FORMAT = 2
BATCH = 32  # photos whose views are in memory at once
FILES = ("bundle.json", "heads.npz", "novelty.npz", "photos.npz", "report.json", "advice.json")

Shown = dict[Key, Pixels]  # the views of one photo, by look


@dataclass(frozen=True)
class Prediction:
    """The likeliest category, its probability, and every category's probability (0 to 1), likeliest first.

    `is_none` says that the photo shows none of the categories, whichever is the likeliest; `nearness` is the share
    of real photos that are at least as strange (0 to 1).
    """

    label: str
    probability: float
    scores: dict[str, float]
    is_none: bool
    nearness: float


@dataclass(frozen=True)
class Memory:
    """What is known of each training photo: SHA-256, label (n,), features (n, d) float16 from the reference look, and
    the probabilities (n, categories) that either mode gave it while it was kept out.
    """

    sha256: tuple[str, ...]
    labels: NDArray[np.int64]
    features: NDArray[np.float16]
    kept_out: dict[Mode, NDArray[np.float32]]


@dataclass(frozen=True)
class Bundle:
    """A trained classifier in two modes, fast and best, with its categories in the heads' order.

    `reference` is the look by which like photos are found; `strange`, by mode, what strangers are told by; `mode` is
    the one that is advised.
    """

    categories: tuple[str, ...]
    classifiers: dict[Mode, Classifier]
    mode: Mode
    reference: Key
    strange: dict[Mode, Features]
    novelty: dict[Mode, Novelty] = field(repr=False)
    memory: Memory = field(repr=False)
    reports: dict[Mode, Report]
    table: tuple[Row, ...]
    advice: Advice
    set_aside: tuple[Refused, ...] = ()  # what was left out of training, and why
    all_alike: tuple[str, ...] = ()  # categories whose photos look nearly the same: the report may flatter them
    tried: tuple[str, ...] = ()  # ids of the backbones that were tried
    notes: tuple[str, ...] = ()  # what could not be done, and why

    @property
    def report(self) -> Report:
        """How good the advised mode is."""
        return self.reports[self.mode]

    def with_share(self, refuse: float) -> "Bundle":
        """The same model, refusing another share (a fraction) of true photos as none of these."""
        return replace(self, novelty={mode: each.with_share(refuse) for mode, each in self.novelty.items()})

    def looks(self, mode: Mode) -> tuple[Key, ...]:
        """The rows that an answer needs: one forward pass each."""
        needed = [self.reference, *self.classifiers[mode].looks, *self.strange[mode].looks]
        return tuple(dict.fromkeys(needed))

    def predict(
        self, photos: Sequence[bytes | Pixels], home: Path, *, mode: Mode | None = None
    ) -> list[Prediction | Refused]:
        """One answer a photo, in order; a photo that cannot be used gives Refused instead, and the rest go on.

        `home` is where the backbones, converted once for this machine, are kept.
        """
        return self.predict_with(_embedders(home), photos, mode=mode)

    def predict_with(
        self, embedders: Embedders, photos: Sequence[bytes | Pixels], *, mode: Mode | None = None
    ) -> list[Prediction | Refused]:
        """As `predict`, on embedders that are at hand."""
        mode = mode or self.mode
        answers: list[Prediction | Refused] = []
        for shown in self.batches(photos, mode):
            answers += self.answer_shown(embedders, shown, mode)
        return answers

    def batches(self, photos: Sequence[bytes | Pixels], mode: Mode) -> Iterator[list[Shown | Refused]]:
        """What the backbones are shown of the photos, in order, BATCH of them at a time."""
        for start in range(0, len(photos), BATCH):
            batch = enumerate(photos[start : start + BATCH], start=start + 1)
            yield [self.shown(photo, mode, f"photo {number}") for number, photo in batch]

    def shown(self, photo: bytes | Pixels, mode: Mode, name: str) -> Shown | Refused:
        """What the backbones are shown of a photo, by look of the mode; why it cannot be used, if so."""
        try:
            image = decode_image(photo) if isinstance(photo, bytes) else Image.fromarray(photo)
        except BadPhoto as error:
            return Refused(name, str(error))
        return {(backbone, view): VIEWS[view](image, BACKBONES[backbone].pixels) for backbone, view in self.looks(mode)}

    def answer_shown(
        self, embedders: Embedders, photos: Sequence[Shown | Refused], mode: Mode
    ) -> list[Prediction | Refused]:
        """One answer for each photo, in order, of which `shown` said what to look at; Refused is passed on."""
        usable = [photo for photo in photos if not isinstance(photo, Refused)]
        answers = iter(self.answer(self.rows(embedders, usable, mode), mode) if usable else ())
        return [photo if isinstance(photo, Refused) else next(answers) for photo in photos]

    def rows(self, embedders: Embedders, photos: Sequence[Shown], mode: Mode) -> dict[Key, Matrix]:
        """The rows (n, backbone.row) of n > 0 photos for every look of the mode."""
        return {
            (backbone, view): embedders[backbone].embed(np.stack([photo[backbone, view] for photo in photos]))
            for backbone, view in self.looks(mode)
        }

    def answer(self, rows: Mapping[Key, Matrix], mode: Mode) -> list[Prediction]:
        """One answer for each photo whose rows (n, backbone.row) are given for every look of the mode."""
        probabilities = self.classifiers[mode].probabilities(rows)
        novelty = self.novelty[mode]
        strangeness = novelty.scores(self.strange[mode].matrix(rows))
        refused = strangeness > novelty.threshold
        nearness = novelty.nearness(strangeness)
        return [
            self._prediction(each, bool(none), float(near))
            for each, none, near in zip(probabilities, refused, nearness, strict=True)
        ]

    def seen(self, rows: Mapping[Key, Matrix]) -> Matrix:
        """The features (n, d) by which like photos are found."""
        return reference_features(self.reference).matrix(rows)

    def _prediction(self, probabilities: NDArray[np.float64], is_none: bool, nearness: float) -> Prediction:
        order = np.argsort(-probabilities, kind="stable")
        scores = {self.categories[at]: float(probabilities[at]) for at in order}
        label = self.categories[order[0]]
        return Prediction(label, scores[label], scores, is_none, nearness)

    def to_files(self) -> dict[str, bytes]:
        """The bundle's files by name; the same bundle gives the same bytes."""
        parts = {mode: classifier.to_arrays() for mode, classifier in self.classifiers.items()}
        backbones = sorted({backbone for mode in self.classifiers for backbone, _ in self.looks(mode)})
        about = {
            "format": FORMAT,
            "categories": self.categories,
            "backbones": {name: BACKBONES[name].weights_hash for name in backbones},
            "preprocessing": PREPROCESSING,
            "mode": self.mode,
            "reference": self.reference,
            "strange": {mode: asdict(features) for mode, features in self.strange.items()},
            "classifiers": {mode: about for mode, (about, _) in parts.items()},
            "photos": self.memory.sha256,
            "set_aside": [asdict(item) for item in self.set_aside],
            "all_alike": self.all_alike,
            "tried": self.tried,
            "notes": self.notes,
        }
        heads = _by_mode({mode: arrays for mode, (_, arrays) in parts.items()})
        remembered: dict[str, NDArray[Any]] = {"labels": self.memory.labels, "features": self.memory.features}
        remembered |= {f"kept_out.{mode}": array for mode, array in self.memory.kept_out.items()}
        return {
            "bundle.json": _json(about),
            "heads.npz": _arrays(heads),
            "novelty.npz": _arrays(_by_mode({mode: each.to_arrays() for mode, each in self.novelty.items()})),
            "photos.npz": _arrays(remembered),
            "report.json": _json(
                {
                    "modes": {mode: report.to_json() for mode, report in self.reports.items()},
                    "table": [asdict(row) for row in self.table],
                }
            ),
            "advice.json": _json(self.advice.to_json()),
        }

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "Bundle":
        """The bundle that `to_files` wrote.

        Raises BadInput when a file is missing or damaged, or when it was made by a version of Thimble whose
        backbones or preprocessing differ from this one's, because its answers would differ silently.
        """
        if "bundle.json" not in files:
            raise BadInput("This is no Thimble model: bundle.json is missing.", hint="Train it again.")
        try:
            return cls._read(files)
        except (ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile, EOFError) as error:
            raise BadInput(f"This model is damaged ({error}).", hint="Train it again.") from error

    @classmethod
    def _read(cls, files: Mapping[str, bytes]) -> "Bundle":
        about = json.loads(files["bundle.json"])
        _check_versions(about)
        missing = [name for name in FILES if name not in files]
        if missing:
            raise BadInput(f"This is no Thimble model: {', '.join(missing)} is missing.", hint="Train it again.")
        heads, strangeness, remembered = (
            _read_arrays(files[name]) for name in ("heads.npz", "novelty.npz", "photos.npz")
        )
        reported = json.loads(files["report.json"])
        categories = tuple(about["categories"])
        memory = Memory(
            sha256=tuple(about["photos"]),
            labels=remembered["labels"],
            features=remembered["features"],
            kept_out={mode: remembered[f"kept_out.{mode}"] for mode in about["classifiers"]},
        )
        classifiers: dict[Mode, Classifier] = {
            mode: Classifier.from_arrays(told, _of_mode(heads, mode)) for mode, told in about["classifiers"].items()
        }
        if any(classifier.categories != len(categories) for classifier in classifiers.values()):
            raise ValueError(f"its heads do not fit {len(categories)} categories")
        backbone, view = about["reference"]
        return cls(
            categories=categories,
            classifiers=classifiers,
            mode=about["mode"],
            reference=(backbone, view),
            strange={
                mode: Features(tuple(told["backbones"]), tuple(told["views"]), told["cuts"])
                for mode, told in about["strange"].items()
            },
            novelty={mode: Novelty.from_arrays(_of_mode(strangeness, mode)) for mode in about["classifiers"]},
            memory=memory,
            reports={mode: Report.from_json(report) for mode, report in reported["modes"].items()},
            table=tuple(Row(**row) for row in reported["table"]),
            advice=Advice.from_json(json.loads(files["advice.json"])),
            set_aside=tuple(Refused(**item) for item in about["set_aside"]),
            all_alike=tuple(about["all_alike"]),
            tried=tuple(about["tried"]),
            notes=tuple(about["notes"]),
        )


def reference_features(look: Key) -> Features:
    """What like photos are found by: all cuts of one look."""
    backbone, view = look
    return Features((backbone,), (view,), "all")


def read_folder(folder: Path) -> Bundle:
    """The bundle in `folder`; raises BadInput when there is none."""
    if not folder.is_dir():
        raise BadInput(f"There is no model folder '{folder}'.", hint="Give the folder that train --out wrote.")
    found = {name: (folder / name).read_bytes() for name in FILES if (folder / name).is_file()}
    return Bundle.from_files(found)


def _check_versions(about: Mapping[str, Any]) -> None:
    if about["format"] != FORMAT:
        hint = "Update Thimble." if about["format"] > FORMAT else "Train it again."
        raise BadInput(f"This model has format {about['format']}; this Thimble reads format {FORMAT}.", hint=hint)
    for name, sha256 in about["backbones"].items():
        if name not in BACKBONES or BACKBONES[name].weights_hash != sha256:
            raise BadInput(
                f"This model needs the backbone '{name}' as another version of Thimble has it.",
                hint="Train it again.",
            )
    if about["preprocessing"] != PREPROCESSING:
        raise BadInput(
            f"This model prepares photos in way {about['preprocessing']}; this Thimble in way {PREPROCESSING}.",
            hint="Train it again.",
        )


@functools.cache
def _embedders(home: Path) -> Embedders:
    return Embedders(home)


def _arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()


def _read_arrays(data: bytes) -> dict[str, NDArray[Any]]:
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _by_mode(arrays: Mapping[Mode, Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    return {f"{mode}.{name}": array for mode, each in arrays.items() for name, array in each.items()}


def _of_mode(arrays: Mapping[str, NDArray[Any]], mode: str) -> dict[str, NDArray[Any]]:
    return {name.partition(".")[2]: array for name, array in arrays.items() if name.startswith(f"{mode}.")}


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode()

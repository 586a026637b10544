"""A trained model as one immutable set of files, and the only thing that predicts.

    bundle.json    format, categories, backbone and its weights' hash, preprocessing version, training photos' hashes
    head.npz       the head's kernel and bias
    report.json    how good it is, measured on photos kept out

Plain JSON and arrays: nothing in a bundle is ever executed, and reading one needs no TensorFlow.
"""

import functools
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from core.data.photo import Pixels, Refused, decode
from core.errors import BadInput, BadPhoto
from core.model.backbones import BACKBONES, Backbone
from core.model.embed import PREPROCESSING, Embedder, view
from core.model.evaluate import Report
from core.model.head import Head

FORMAT = 1
FILES = ("bundle.json", "head.npz", "report.json")


@dataclass(frozen=True)
class Prediction:
    """The likeliest category, its probability, and every category's probability (0 to 1), likeliest first."""

    label: str
    probability: float
    scores: dict[str, float]


@dataclass(frozen=True)
class Bundle:
    """A trained classifier: backbone, head, categories in the head's order, and how good it is."""

    categories: tuple[str, ...]
    backbone: Backbone
    head: Head
    strength: float
    report: Report
    photos: tuple[str, ...] = field(repr=False)  # SHA-256 of each training photo
    set_aside: tuple[Refused, ...] = ()  # what was left out of training, and why
    all_alike: tuple[str, ...] = ()  # categories whose photos look nearly the same: the report may flatter them

    def predict(self, photos: Sequence[bytes | Pixels], home: Path) -> list[Prediction | Refused]:
        """One answer a photo, in order; a photo that cannot be used gives Refused instead, and the rest go on.

        `home` is where the backbone, converted once for this machine, is kept.
        """
        return self.predict_with(_embedder(self.backbone, home), photos)

    def predict_with(self, embedder: Embedder, photos: Sequence[bytes | Pixels]) -> list[Prediction | Refused]:
        """As `predict`, on an embedder that is at hand."""
        answers: list[Prediction | Refused] = []
        for number, photo in enumerate(photos, start=1):
            try:
                pixels = decode(photo) if isinstance(photo, bytes) else photo
            except BadPhoto as error:
                answers.append(Refused(f"photo {number}", str(error)))
                continue
            batch = view(pixels, self.backbone.pixels)[np.newaxis]
            answers.append(self._answer(self.head.probabilities(embedder.embed(batch))[0]))
        return answers

    def _answer(self, probabilities: np.ndarray[Any, np.dtype[np.float32]]) -> Prediction:
        order = np.argsort(-probabilities, kind="stable")
        scores = {self.categories[at]: float(probabilities[at]) for at in order}
        label = self.categories[order[0]]
        return Prediction(label, scores[label], scores)

    def to_files(self) -> dict[str, bytes]:
        """The bundle's files by name; the same bundle gives the same bytes."""
        head = io.BytesIO()
        np.savez(head, kernel=self.head.kernel, bias=self.head.bias)
        about = {
            "format": FORMAT,
            "categories": self.categories,
            "backbone": {"id": self.backbone.id, "weights_sha256": self.backbone.weights_sha256},
            "preprocessing": PREPROCESSING,
            "strength": self.strength,
            "photos": self.photos,
            "set_aside": [asdict(item) for item in self.set_aside],
            "all_alike": self.all_alike,
        }
        return {
            "bundle.json": _json(about),
            "head.npz": head.getvalue(),
            "report.json": _json(self.report.to_json()),
        }

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "Bundle":
        """The bundle that `to_files` wrote.

        Raises BadInput when a file is missing or damaged, or when it was made by a version of Thimble whose
        backbone or preprocessing differ from this one's, because its answers would differ silently.
        """
        missing = [name for name in FILES if name not in files]
        if missing:
            raise BadInput(f"This is no Thimble model: {', '.join(missing)} is missing.", hint="Train it again.")
        try:
            return cls._read(files)
        except (ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile, EOFError) as error:
            raise BadInput(f"This model is damaged ({error}).", hint="Train it again.") from error

    @classmethod
    def _read(cls, files: Mapping[str, bytes]) -> "Bundle":
        about = json.loads(files["bundle.json"])
        if about["format"] > FORMAT:
            raise BadInput(
                f"This model has format {about['format']}; this Thimble reads up to {FORMAT}.",
                hint="Update Thimble.",
            )
        backbone = BACKBONES.get(about["backbone"]["id"])
        if backbone is None or backbone.weights_sha256 != about["backbone"]["weights_sha256"]:
            raise BadInput(
                f"This model needs the backbone '{about['backbone']['id']}' as another version of Thimble has it.",
                hint="Train it again.",
            )
        if about["preprocessing"] != PREPROCESSING:
            raise BadInput(
                f"This model prepares photos in way {about['preprocessing']}; this Thimble in way {PREPROCESSING}.",
                hint="Train it again.",
            )
        with np.load(io.BytesIO(files["head.npz"]), allow_pickle=False) as arrays:
            head = Head(kernel=arrays["kernel"], bias=arrays["bias"])
        categories = tuple(about["categories"])
        if head.kernel.shape != (backbone.features, len(categories)) or head.bias.shape != (len(categories),):
            raise ValueError(f"its head has shape {head.kernel.shape} for {len(categories)} categories")
        return cls(
            categories=categories,
            backbone=backbone,
            head=head,
            strength=float(about["strength"]),
            report=Report.from_json(json.loads(files["report.json"])),
            photos=tuple(about["photos"]),
            set_aside=tuple(Refused(**item) for item in about["set_aside"]),
            all_alike=tuple(about["all_alike"]),
        )


@functools.cache
def _embedder(backbone: Backbone, home: Path) -> Embedder:
    return Embedder(backbone, home)


def read_folder(folder: Path) -> Bundle:
    """The bundle in `folder`; raises BadInput when there is none."""
    if not folder.is_dir():
        raise BadInput(f"There is no model folder '{folder}'.", hint="Give the folder that train --out wrote.")
    found = {name: (folder / name).read_bytes() for name in FILES if (folder / name).is_file()}
    return Bundle.from_files(found)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode()

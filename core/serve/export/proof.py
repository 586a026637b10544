"""Whether an export gives the same answers as the model that it was made of."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.data.photo import Pixels, Refused
from core.model.bundle import Bundle, Prediction
from core.model.embedder import Embedders
from core.model.select import Mode
from core.serve.export.formats import Tolerance

Floats = NDArray[np.float32] | NDArray[np.float64]


@dataclass(frozen=True)
class Expected:
    """What the bundle says of some photos: its predictions, and in its order of categories their probabilities
    (n, categories), how strange each photo is (n,), and from where on one is none of these.
    """

    predictions: tuple[Prediction, ...]
    probabilities: Floats
    strangeness: Floats
    threshold: float


@dataclass(frozen=True)
class Proof:
    """How an export compares with its bundle: the largest differences over `photos`, and on what share (0 to 1) of
    them the likeliest category is the same, and whether it is none of these.
    """

    photos: int
    probability: float
    strangeness: float
    same_category: float
    same_none: float

    def complaint(self, tolerance: Tolerance) -> str:
        """Why the export must not be used, in words; "" when it may."""
        if not np.isfinite([self.probability, self.strangeness]).all():
            return "it gives answers that are no numbers"
        agree = min(self.same_category, self.same_none)
        if agree < tolerance.agreement:
            return (
                f"it gives the same answer on {agree:.1%} of {self.photos} photos; {tolerance.agreement:.0%} is asked"
            )
        for words, found, most in (
            ("a probability", self.probability, tolerance.probability),
            ("how strange a photo is", self.strangeness, tolerance.strangeness),
        ):
            if most is not None and found > most:
                return f"{words} differs by {found:.2g}; at most {most:g} is allowed"
        return ""


def expected(bundle: Bundle, mode: Mode, embedders: Embedders, photos: Iterable[Pixels]) -> Expected:
    """What `bundle.predict_with` says of the photos, and the strangeness that it goes by."""
    predictions: list[Prediction] = []
    strangeness: list[float] = []
    for photo in photos:
        shown = bundle.shown(photo, mode, "photo")
        assert not isinstance(shown, Refused)  # it is decoded already
        rows = bundle.rows(embedders, [shown], mode)
        predictions += bundle.answer(rows, mode)
        strangeness += bundle.novelty[mode].scores(bundle.strange[mode].matrix(rows)).tolist()
    return Expected(
        tuple(predictions),
        np.array([[each.scores[name] for name in bundle.categories] for each in predictions]),
        np.array(strangeness),
        bundle.novelty[mode].threshold,
    )


def compare(told: Expected, probabilities: Floats, strangeness: Floats, tolerance: Tolerance) -> Proof:
    """How an export's answers (n, categories), (n,) compare with those told.

    Nearer to the threshold than the tolerance, either answer to whether a photo is none of these counts as the same.
    """
    apart = np.abs(strangeness - told.strangeness)
    margin = tolerance.strangeness or 0.0
    same_none = (strangeness > told.threshold) == (told.strangeness > told.threshold)
    same_none |= np.abs(told.strangeness - told.threshold) <= margin
    return Proof(
        photos=len(apart),
        probability=float(np.abs(probabilities - told.probabilities).max()),
        strangeness=float(apart.max()),
        same_category=float((probabilities.argmax(axis=1) == told.probabilities.argmax(axis=1)).mean()),
        same_none=float(same_none.mean()),
    )

"""What would make a model better: the forecast, the labels in doubt and the findings, kept with the model."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.measures import Measures
from core.model.findings import Diagnosis, by_origin, diagnose
from core.model.forecast import Forecast, forecast
from core.model.head import row_space
from core.model.pairs import Pair, confused, most_confused
from core.model.subsamples import Curve, learning_curve
from core.model.suspects import Suspect, robust_probabilities, suspects

Labels = NDArray[np.int64]
Probabilities = NDArray[np.float32] | NDArray[np.float64]


@dataclass(frozen=True)
class Advice:
    """Positions of photos, here and in its parts, are those of the bundle's memory.

    `origins` are the photos, the accuracy and its 95 % interval (fractions) of photos from the web and of one's own,
    where there are both.
    """

    curve: Curve
    forecast: Forecast
    suspects: tuple[Suspect, ...]
    findings: tuple[Diagnosis, ...]
    origins: dict[str, tuple[int, float, tuple[float, float]]]

    def to_json(self) -> dict[str, Any]:
        """The advice as plain dicts, lists, numbers and None."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Advice":
        """The advice that `to_json` gave; raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            curve=Curve.from_json(data["curve"]),
            forecast=Forecast.from_json(data["forecast"]),
            suspects=tuple(Suspect(**each) for each in data["suspects"]),
            findings=tuple(
                Diagnosis(**{**each, "categories": tuple(each["categories"]), "photos": tuple(each["photos"])})
                for each in data["findings"]
            ),
            origins={
                origin: (int(photos), float(accuracy), (float(low), float(high)))
                for origin, (photos, accuracy, (low, high)) in data["origins"].items()
            },
        )


def advise(
    features: NDArray[np.float32],
    products: NDArray[np.float64],
    labels: Labels,
    groups: Labels,
    folds: Labels,
    names: Sequence[str],
    probabilities: NDArray[np.float64],
    *,
    others: Mapping[str, NDArray[np.float64]],
    measures: Sequence[Measures],
    origins: Sequence[str],
    seed: int = 0,
) -> Advice:
    """All advice on photos with `features` (n, d), rows of length 1, and out-of-fold `probabilities` (n, categories).

    `products` (n, n) are the inner products of the features.
    `others` are the out-of-fold probabilities of other backbones, by name; `measures` and `origins` are the photos'.
    """
    accuracy = float((probabilities.argmax(axis=1) == labels).mean())
    curve = learning_curve(features, labels, groups, folds, len(names), accuracy=accuracy, seed=seed)
    expected = forecast(curve)
    robust = robust_probabilities(row_space(products), labels, folds, len(names))
    doubted = suspects(labels, robust)
    return Advice(
        curve=curve,
        forecast=expected,
        suspects=doubted,
        findings=diagnose(
            labels,
            names,
            probabilities,
            features,
            suspects=doubted,
            gain=None if expected.everything is None else 100 * expected.everything.expected,
            gains=[100 * each.accuracy.expected for each in expected.categories],
            others=others,
            measures=measures,
            origins=origins,
        ),
        origins=by_origin(labels, probabilities, origins),
    )


@dataclass(frozen=True)
class MixUp:
    """Two categories, by number, and the photos of either, by position, that are taken for the other, surest first."""

    pair: Pair
    photos: tuple[int, ...]


def mix_ups(labels: Labels, probabilities: Probabilities, most: int) -> tuple[MixUp, ...]:
    """The pairs of categories that are mixed up most, at most so many, from probabilities (n, categories) kept out."""
    answers, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    found = []
    for pair in most_confused(confused(labels, probabilities), most):
        here = np.flatnonzero(np.isin(labels, pair) & np.isin(answers, pair) & (labels != answers))
        found.append(MixUp(pair, tuple(here[np.argsort(-sure[here], kind="stable")].tolist())))
    return tuple(found)


def most_alike(features: NDArray[np.float16], labels: Labels, photo: int, category: int) -> int:
    """The position of the photo of this category that is nearest by cosine to another one; features (n, d)."""
    theirs = np.flatnonzero(labels == category)
    near = features[theirs].astype(np.float32)
    likeness = near @ features[photo].astype(np.float32) / np.maximum(np.linalg.norm(near, axis=1), 1e-6)
    return int(theirs[likeness.argmax()])

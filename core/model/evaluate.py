"""How good a classifier is: labels and probabilities of photos it never saw, to a Report."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import ceil, floor, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput

BINS = 15  # of the calibration error, as in Guo et al. 2017
LEAST_PROBABILITY = 1e-15  # log loss takes a smaller one for this, so that one sure mistake stays finite
# Variance of a cross-validated accuracy around that of the model in use, as a multiple of that of independent tests.
# Measured on eight photo sets with 5, 10 and 20 photos of each category: 0.9, 1.7 and 1.5.
LUCK = 1.7
Z95 = 1.959963984540054  # standard normal quantile of 97.5 %: 95 % lie between its two sides

Probabilities = NDArray[np.float32] | NDArray[np.float64]


@dataclass(frozen=True)
class CategoryReport:
    """One category: its number of photos, and as fractions (None where there is nothing to divide by)

    recall      of its photos, those given this category
    precision   of the photos given this category, those that are of it
    """

    name: str
    photos: int
    recall: float | None
    precision: float | None


@dataclass(frozen=True)
class Bin:
    """Answers that were about equally sure: mean probability, share that were right (fractions), how many."""

    sure: float
    right: float
    photos: int


@dataclass(frozen=True)
class Report:
    """All rates are fractions from 0 to 1; log loss is in nats, the mean over the photos.

    accuracy_interval            95 % for the model in use, see `wilson` and `of_the_model_in_use`; it takes the
                                 photos for independent draws
    balanced_accuracy            mean recall of the categories that have photos
    confusion                    photo counts, a row for each true category, a column for each given one
    expected_calibration_error   how far "90 % sure" is from right 9 times in 10, see `calibration_error`
    reliability                  the same in bins, from unsure to sure, empty ones left out
    separation                   0 to 100, how far apart the categories are, see `separation`
    """

    photos: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    balanced_accuracy: float
    log_loss: float
    expected_calibration_error: float
    reliability: tuple[Bin, ...]
    separation: float
    categories: tuple[CategoryReport, ...]
    confusion: tuple[tuple[int, ...], ...]

    def to_json(self) -> dict[str, Any]:
        """The report as plain dicts, lists, numbers and None."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Report":
        """The report that `to_json` gave; raises KeyError, TypeError or ValueError for anything else."""
        low, high = data["accuracy_interval"]
        return cls(
            **{
                **data,
                "accuracy_interval": (low, high),
                "reliability": tuple(Bin(**each) for each in data["reliability"]),
                "categories": tuple(CategoryReport(**category) for category in data["categories"]),
                "confusion": tuple(tuple(row) for row in data["confusion"]),
            }
        )


def evaluate(labels: NDArray[np.int64], probabilities: Probabilities, categories: Sequence[str]) -> Report:
    """The report on photos with true `labels` (n,) and `probabilities` (n, categories).

    The likeliest category is the answer. Raises BadInput when there is no photo.
    """
    if not len(labels):
        raise BadInput("There is no photo to test on.", hint="Add photos to the categories.")
    number = len(categories)
    answers = probabilities.argmax(axis=1)
    confusion = np.bincount(labels * number + answers, minlength=number**2).reshape(number, number)
    right, present, given = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    return Report(
        photos=len(labels),
        accuracy=float(right.sum() / len(labels)),
        accuracy_interval=wilson(int(right.sum()), len(labels)),
        balanced_accuracy=float((right[present > 0] / present[present > 0]).mean()),
        log_loss=log_loss(labels, probabilities),
        expected_calibration_error=calibration_error(probabilities.max(axis=1), answers == labels),
        reliability=reliability(probabilities.max(axis=1), answers == labels),
        separation=separation(labels, probabilities),
        categories=tuple(
            CategoryReport(name, int(present[at]), _share(right[at], present[at]), _share(right[at], given[at]))
            for at, name in enumerate(categories)
        ),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
    )


def wilson(right: float, photos: float) -> tuple[float, float]:
    """95 % score interval of a share (Wilson 1927): it holds for few photos, and for a share of 0 or 1.

    (Brown, Cai & DasGupta 2001 compare it with others and recommend it.)
    """
    share = right / photos
    centre = share + Z95**2 / (2 * photos)
    half = Z95 * sqrt(share * (1 - share) / photos + Z95**2 / (4 * photos**2))
    scale = 1 + Z95**2 / photos
    low = 0.0 if right == 0 else (centre - half) / scale
    high = 1.0 if right == photos else (centre + half) / scale
    return low, high


def of_the_model_in_use(report: Report, gain: float) -> Report:
    """A cross-validated report with the 95 % interval of the model that learnt from all its photos.

    That one may do better than those that were tested, by `gain` (a fraction, at least 0), so the interval reaches up
    as far. And how good it is depends on which photos it happened to learn from, not only on which tested it, so that
    plain intervals of cross-validation are too narrow (Bates, Hastie & Tibshirani 2021): they are taken here as from
    fewer photos, LUCK times fewer.
    """
    photos = report.photos / LUCK
    low, _ = wilson(report.accuracy * photos, photos)
    _, high = wilson(min(1.0, report.accuracy + max(gain, 0.0)) * photos, photos)
    return replace(report, accuracy_interval=(low, high))


def losses(labels: NDArray[np.int64], probabilities: Probabilities) -> NDArray[np.float64]:
    """-log of the true category's probability (n,), in nats; no probability counts for less than LEAST_PROBABILITY."""
    true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    each: NDArray[np.float64] = -np.log(np.maximum(true, LEAST_PROBABILITY))
    return each


def log_loss(labels: NDArray[np.int64], probabilities: Probabilities) -> float:
    """The mean of `losses`."""
    return float(losses(labels, probabilities).mean())


def calibration_error(sure: Probabilities, right: NDArray[np.bool_]) -> float:
    """Mean distance of how sure answers were from how often they were right, in BINS equal steps of `sure`.

    The expected calibration error of Guo, Pleiss, Sun & Weinberger 2017. With few photos it is too high, by
    chance alone: read it as an upper bound.
    """
    bins = np.minimum((sure * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(bins, weights=sure.astype(np.float64) - right, minlength=BINS)
    return float(np.abs(gaps).sum() / len(right))


def reliability(sure: Probabilities, right: NDArray[np.bool_], bins: int = 5) -> tuple[Bin, ...]:
    """How often answers were right, by how sure they were: equal steps of `sure`, few enough to hold photos each."""
    at = np.minimum((sure * bins).astype(np.int64), bins - 1)
    return tuple(
        Bin(float(sure[at == each].mean()), float(right[at == each].mean()), int((at == each).sum()))
        for each in range(bins)
        if (at == each).any()
    )


def separation(labels: NDArray[np.int64], probabilities: Probabilities) -> float:
    """100 where the answers leave no doubt, 0 where they say no more than how common each category is.

    1 less the mean entropy of the answers as a share of the entropy of the labels: how much of the doubt about a
    photo's category looking at it takes away (the uncertainty coefficient: Theil 1970, estimated from calibrated
    out-of-fold probabilities, where being sure and wrong has been paid for).
    """
    counts = np.bincount(labels)
    before = _entropy(counts[counts > 0] / len(labels))
    left = _entropy(probabilities.astype(np.float64)).mean()
    return float(100 * min(1.0, max(0.0, 1 - left / before))) if before > 0 else 0.0


def _entropy(shares: NDArray[np.float64]) -> Any:
    """In nats, along the last axis."""
    return -(shares * np.log(np.maximum(shares, LEAST_PROBABILITY))).sum(axis=-1)


def in_words(report: Report) -> str:
    """As in "right about 9 times in 10; with new photos like these, between 83 and 95 of 100".

    The round figure lies inside the interval, whose ends are rounded outwards; "every time" is said only of
    the test that was made.
    """
    low, high = report.accuracy_interval
    least, most = outwards(report.accuracy_interval)
    photos = "1 photo" if report.photos == 1 else f"{report.photos:,} photos"
    right = round(report.accuracy * report.photos)
    if right in (0, report.photos):
        how_often = f"{'right' if right else 'wrong'} every time in this test of {photos}"
    else:
        how_often = f"right {_round_figure(right, report.photos, low, high)}"
    return f"{how_often}; with new photos like these, between {least} and {most} of 100"


def outwards(interval: tuple[float, float]) -> tuple[int, int]:
    """The interval in whole hundredths, rounded so that it never seems narrower than it is."""
    low, high = interval
    return floor(low * 100), ceil(high * 100)


def most_confused(report: Report) -> tuple[str, str, int] | None:
    """The commonest mistake: the true category, the answer given, and how often; None when there is none."""
    mistakes = np.array(report.confusion)
    np.fill_diagonal(mistakes, 0)
    truth, answer = np.unravel_index(mistakes.argmax(), mistakes.shape)
    times = int(mistakes[truth, answer])
    return (report.categories[truth].name, report.categories[answer].name, times) if times else None


def _round_figure(right: int, photos: int, low: float, high: float) -> str:
    """As in "about 9 times in 10": the roundest figure in the interval that is neither never nor always."""
    for whole in (10, 20, 100):
        part = round(right / photos * whole)
        if whole < photos and low <= part / whole <= high:
            return f"about {_times(part)} in {whole}"
    return f"{_times(right)} in {photos:,}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _share(part: np.int64, whole: np.int64) -> float | None:
    return float(part / whole) if whole else None

"""What more photos would bring: a learning curve from fewer photos, and a forecast with its uncertainty.

The curve is measured with a ridge classifier, least squares on one-hot labels: it has a closed form, so that
hundreds of subsamples take a tenth of a second, and on eight photo sets its accuracy grew with more photos as that
of the logistic head did. The forecast takes the error to fall as a power of the number of photos (Cortes, Jackel &
Solla 1994; Figueroa et al. 2012). A plain fit through a few noisy points is wild, so every such curve in a wide grid
is weighted by how well it explains the points, noise and all, and by how plausible it was before (Bayes).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.model.subsamples import CategoryCurve, Curve

Floats = NDArray[np.float64]

MORE = 20  # photos: an evening's work, and as much again as makes a good start
LEAST_IN_CATEGORY = 5  # photos; with fewer, a curve has steps of one or two photos
LEAST_IN_ALL = 20  # photos; with fewer, a single mistake is more than 5 points
WORTH = 0.005  # half a point: a smaller gain reads as 0
INTERVAL = 0.8  # share of the probability between the two ends of an interval

# Before any photo is seen. Over eight sets, the least error with ever more photos came out below a fifth of that of
# guessing in nine cases of ten, the exponents anywhere in this range, and half of them with fewer photos to `bend`
# than 1. The forecasts hardly change (a tenth of a point in the median) with each of the widths halved or doubled.
_FLOORS = np.linspace(0, 0.45, 10)  # the least error, as a share of the error with no photo
_BENDS = np.exp(np.linspace(np.log(0.02), np.log(60), 30))  # photos from which on the error falls as a power
_EXPONENTS = np.array([0.2, 0.35, 0.5, 0.7, 1.0, 1.4])
_FLOOR_SCALE = 0.08
_BEND_SPREAD = 1.5  # standard deviation of log bend around 0
_CATEGORY_SPREAD = 0.8  # the same, of one category around all of them
_MISFIT = 0.015  # no real curve is quite a power law

# How far the accuracy reached strays from the curve because of which photos happen to come, as a share of the
# sampling error of an accuracy measured on as many photos as are learnt from.
_STRAY = 0.6
_CATEGORY_STRAY = 0.8  # the same of a category's recall

# More photos of one category alone move the border towards the others. What they lose for each photo won grows with
# how many it has beside them: measured on eight sets, from 5 photos beside 5 to 40 beside 20.
_LOSS = 0.45  # for each won while it grows from half as many as the others to as many
_LOSS_POWER = 1.4
_LOSS_WEIGHT = 20.0  # photos won that _LOSS counts for, beside those measured
_LOSS_DOUBT = 0.5  # standard deviation, as a share

_NORMAL = np.array([NormalDist().inv_cdf((at + 0.5) / 15) for at in range(15)])


@dataclass(frozen=True)
class Gain:
    """An expected change (the median) and an 80 % interval around it, as fractions: 0.04 is four points."""

    expected: float
    low: float
    high: float


@dataclass(frozen=True)
class CategoryGain:
    """What more photos of one category alone would change.

    accuracy   that of all photos, mixed as they are now: the others lose some of what the category gains
    recall     of the category's own photos, those given it
    """

    accuracy: Gain
    recall: Gain


@dataclass(frozen=True)
class Forecast:
    """What `more` photos would change, of every category (`everything`) and of each one alone (`categories`).

    neediest   the categories whose recall would gain most, best first, others within a point included; empty where
               none would gain half a point
    Nothing can be told (`everything` None, the rest empty) below LEAST_IN_CATEGORY photos in any category or below
    LEAST_IN_ALL together.
    """

    more: int
    everything: Gain | None
    categories: tuple[CategoryGain, ...]
    neediest: tuple[int, ...]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Forecast":
        """The forecast that `dataclasses.asdict` gave; raises KeyError or TypeError for anything else."""
        everything = data["everything"]
        return cls(
            more=data["more"],
            everything=None if everything is None else Gain(**everything),
            categories=tuple(
                CategoryGain(Gain(**each["accuracy"]), Gain(**each["recall"])) for each in data["categories"]
            ),
            neediest=tuple(data["neediest"]),
        )


def forecast(curve: Curve, more: int = MORE) -> Forecast:
    """What `more` photos, of the same kind as those there are, should change."""
    counts = np.array(curve.photos)
    if counts.min() < LEAST_IN_CATEGORY or counts.sum() < LEAST_IN_ALL:
        return Forecast(more, None, (), ())
    number, total = len(counts), int(counts.sum())
    guessing = 1 - 1 / number
    likely = _likelihood(curve.learnt, curve.measured, curve.covariance, total, guessing) * _prior()
    mean = total / number
    before, after = _error(guessing, mean), _error(guessing, mean + more)
    everything = _gain(before - after, likely, _STRAY * _sampling_error(before, likely, total))

    prior = _category_prior(curve.categories)
    categories = tuple(_category_gain(curve, at, more, prior) for at in range(number))
    recalls = [each.recall.expected for each in categories]
    best = max(recalls)
    order = sorted(range(number), key=lambda at: -recalls[at])
    neediest = tuple(at for at in order if recalls[at] >= max(best - 0.01, WORTH))
    return Forecast(more, everything, categories, neediest)


def head_start(curve: Curve) -> float:
    """How much better (a fraction, expected) a model learnt from all photos is than those that left out a fold each.

    An accuracy measured by cross-validation is theirs, so with few photos it is too low for the model that is used.
    """
    total, number = sum(curve.photos), len(curve.photos)
    guessing = 1 - 1 / number
    likely = _likelihood(curve.learnt, curve.measured, curve.covariance, total, guessing) * _prior()
    gain = _error(guessing, curve.learnt[-1]) - _error(guessing, total / number)
    return float(likely @ gain / likely.sum())


def in_words(forecast: Forecast, names: Sequence[str]) -> list[str]:
    """Sentences for the person: all categories together, then the one that needs photos most.

    As in "20 more photos of each category should bring about +4 points (2 to 7)."
    """
    if forecast.everything is None:
        return [
            "What more photos would bring cannot be told yet: that takes "
            f"{LEAST_IN_CATEGORY} photos of each category, and {LEAST_IN_ALL} in all."
        ]
    lines = [_brings(forecast.more, "of each category", forecast.everything)]
    worst = forecast.neediest
    if not worst:
        lines.append("No category needs more photos than the others.")
    elif len(worst) == 1:
        name = f"*{names[worst[0]]}*"
        lines += [f"{name} needs photos most.", category_in_words(forecast, worst[0], names)]
    elif len(worst) <= 3:
        listed = [f"*{names[at]}*" for at in worst]
        lines.append(f"{', '.join(listed[:-1])} and {listed[-1]} need photos most, about equally.")
        lines += [category_in_words(forecast, at, names) for at in worst]
    else:
        lines.append(f"{len(worst)} categories need photos about equally.")
    return lines


def category_in_words(forecast: Forecast, category: int, names: Sequence[str]) -> str:
    """What more photos of this category alone would bring; IndexError where nothing can be told."""
    gain, name = forecast.categories[category], f"*{names[category]}*"
    if gain.recall.expected < WORTH:
        return _brings(forecast.more, f"of {name}", gain.recall)
    if gain.accuracy.expected >= WORTH:
        own = f"{name} itself gains {_points(gain.recall)}"
        return f"{_brings(forecast.more, f'of {name}', gain.accuracy)[:-1]}; {own}."
    rest = (
        "but cost the others more than that: add photos of them, too"
        if gain.accuracy.expected <= -WORTH
        else "and hardly change the accuracy over all, because the others lose a little"
    )
    return f"{_brings(forecast.more, f'of {name}', gain.recall)[:-1]} for {name} itself, {rest}."


def _brings(more: int, of: str, gain: Gain) -> str:
    photos = f"{more} more photo{'' if more == 1 else 's'} {of}"
    if gain.expected < WORTH:
        return f"{photos} would hardly help (at most {_at_most(gain)})."
    return f"{photos} should bring about {_points(gain)}."


def _points(gain: Gain) -> str:
    """As in "+4 points (2 to 7)": the ends rounded outwards, and never below 0, which is no promise."""
    expected = round(100 * gain.expected)
    low = max(0, int(np.floor(100 * gain.low)))
    return f"+{expected} point{'' if expected == 1 else 's'} ({low} to {int(np.ceil(100 * gain.high))})"


def _at_most(gain: Gain) -> str:
    high = max(1, int(np.ceil(100 * gain.high)))
    return f"{high} point{'' if high == 1 else 's'}"


@cache
def _grid() -> tuple[Floats, Floats, Floats]:
    """Every curve considered, as arrays (curves,): floor, bend, exponent; the bend varies along the middle axis."""
    floors, bends, exponents = np.meshgrid(_FLOORS, _BENDS, _EXPONENTS, indexing="ij")
    return floors.ravel(), bends.ravel(), exponents.ravel()


@cache
def _prior() -> Floats:
    floors, bends, _ = _grid()
    prior: Floats = np.exp(-floors / _FLOOR_SCALE - np.square(np.log(bends) / _BEND_SPREAD) / 2)
    return prior


def _error(start: float, photos: float) -> Floats:
    """Error of every curve (curves,) with so many photos of a category; `start` with none."""
    floors, bends, exponents = _grid()
    error: Floats = start * (floors + (1 - floors) * (1 + photos / bends) ** -exponents)
    return error


def _likelihood(
    learnt: Sequence[float],
    accuracy: Sequence[float],
    covariance: Sequence[Sequence[float]],
    photos: int,
    start: float,
) -> Floats:
    """How likely each curve makes the measured points (curves,), up to a factor.

    The points share their photos, so they err together: `covariance` says how. One photo half right is added, so
    that a test without a mistake is not taken for proof that there never will be one.
    """
    measured = (np.array(accuracy) * photos + 0.5) / (photos + 1)
    noise = np.array(covariance) + 0.25 / (photos + 1) ** 2 + np.eye(len(measured)) * _MISFIT**2
    away = np.stack([1 - _error(start, each) for each in learnt], axis=1) - measured
    misfit = np.einsum("gi,ij,gj->g", away, np.linalg.inv(noise), away) / 2
    likely: Floats = np.exp(misfit.min() - misfit)
    return likely


def _category_prior(categories: Sequence[CategoryCurve]) -> Floats:
    """Plausibility of each recall curve (curves,) before a category's own photos are seen: as all of them together.

    A category has too few photos to show the shape of its curve, and shares that with the others; where it bends is
    its own.
    """
    number = len(categories)
    learnt = np.mean([each.learnt for each in categories], axis=0)
    recall = np.mean([each.recall for each in categories], axis=0)
    covariance = np.sum([each.covariance for each in categories], axis=0) / number**2
    photos = sum(each.photos for each in categories)
    likely = _likelihood(learnt, recall, covariance, photos, 1.0) * _prior()
    apart = np.log(_BENDS)[:, None] - np.log(_BENDS)
    spread = np.exp(-np.square(apart / _CATEGORY_SPREAD) / 2)
    shape = len(_FLOORS), len(_BENDS), len(_EXPONENTS)
    prior: Floats = np.einsum("fbe,ab->fae", likely.reshape(shape), spread).ravel()
    return prior


def _category_gain(curve: Curve, at: int, more: int, prior: Floats) -> CategoryGain:
    own, photos = curve.categories[at], np.array(curve.photos)
    here, share = int(photos[at]), photos[at] / photos.sum()
    likely = _likelihood(own.learnt, own.recall, own.covariance, here, 1.0) * prior
    before, after = _error(1.0, here), _error(1.0, here + more)
    stray = _CATEGORY_STRAY * _sampling_error(before, likely, here)
    recall = _gain(before - after, likely, stray)

    lost = _LOSS_WEIGHT * _LOSS + sum(each.lost for each in curve.categories)
    won = _LOSS_WEIGHT + sum(each.won for each in curve.categories)
    others = np.delete(photos, at).mean()
    beside = np.sqrt(here * (here + more)) / others  # halfway, on a scale of logarithms
    loss = float(np.clip(lost / won, 0, 1) * (beside / np.sqrt(0.5)) ** _LOSS_POWER)
    mean = float(likely @ (before - after) / likely.sum())
    doubt = _LOSS_DOUBT * loss * mean
    net = _gain(
        (before - after) * share * (1 - loss),
        likely,
        float(share * np.sqrt((1 + loss**2) * stray**2 + doubt**2)),
    )
    return CategoryGain(net, recall)


def _sampling_error(error: Floats, likely: Floats, photos: int) -> float:
    """Standard deviation of an accuracy measured on so many photos, where the expected one of all curves is true."""
    expected = float(likely @ error / likely.sum())
    return float(np.sqrt(expected * (1 - expected) / photos))


def _gain(changes: Floats, likely: Floats, stray: float) -> Gain:
    """Median and interval of the changes (curves,), blurred by a normal error of this standard deviation."""
    values = (changes[:, None] + stray * _NORMAL).ravel()
    order = values.argsort()
    reached = np.repeat(likely, len(_NORMAL))[order].cumsum()
    shares = np.array([0.5, (1 - INTERVAL) / 2, (1 + INTERVAL) / 2])
    expected, low, high = values[order[np.searchsorted(reached, shares * reached[-1])]].tolist()
    return Gain(expected, low, high)

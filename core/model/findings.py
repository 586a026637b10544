"""Which part is at fault: plain findings, with what each costs, from how photos fared with heads that never saw them.

Each needs evidence that chance does not give, and what one explains is not held against another. Photos whose labels
are in doubt are left out of all other findings; photos of a kind found to do worse, because small or blurred or because
of where they come from, are left out where labels are doubted and categories compared.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.data.clean import BLUR_SHARE, LEAST_SHARPNESS
from core.data.measures import Measures
from core.model.chance import mcnemar, more_among
from core.model.evaluate import Probabilities, wilson
from core.model.pairs import Marks, Numbers, Pair, confused, most_confused, neighbours_differ, told_apart
from core.model.suspects import Suspect

Kind = Literal[
    "too few photos",
    "labels in doubt",
    "look alike",
    "another backbone",
    "small or blurred",
    "web and own differ",
    "nothing stands out",
]

LEAST_GAIN = 2.0  # points that more photos should bring; with less, there are enough
FEW = 10  # photos of a category; fewer say little, and nothing can be forecast from them
LEAST_WRONG = 0.8  # wrong labels expected among all suspects; one that is nearly sure is worth a word
ALPHA = 0.01  # what chance gives less often than this is a finding
LEAST_CONFUSED = 0.1  # of a pair's photos, lower end of the 95 % interval: below, a pair is told apart well enough
SMALL_SIDE = 128  # pixels; the networks look at 224 and more, so at something drawn out to nearly twice its size
ENOUGH = 8  # photos on each side of a comparison
MOST_PAIRS = 3  # of categories, those confused most
MOST_PHOTOS = 12  # shown with a finding


@dataclass(frozen=True)
class Diagnosis:
    """One finding, in a sentence, with what to do, and its cost in points of accuracy, about, where that is known.

    `categories` are the names that it is about, none if all are; `photos` the positions that show it, the best first.
    """

    kind: Kind
    categories: tuple[str, ...]
    title: str
    hint: str
    cost: float | None
    photos: tuple[int, ...]


NOTHING = Diagnosis(
    "nothing stands out",
    (),
    "Nothing stands out: no part is clearly at fault.",
    "More photos of every category are the surest way to do better.",
    None,
    (),
)


@dataclass(frozen=True)
class _Evidence:
    """What every finding looks at; `clear` (n,) marks the photos that no other finding explains."""

    labels: Numbers
    names: Sequence[str]
    probabilities: Probabilities
    wrong: Marks
    clear: Marks

    def of(self, pair: Pair) -> Numbers:
        """Positions of the clear photos of two categories."""
        return np.flatnonzero(self.clear & np.isin(self.labels, pair))

    def points(self, photos: float) -> float:
        """So many photos as points of accuracy."""
        return float(100 * photos / len(self.labels))


def diagnose(
    labels: Numbers,
    names: Sequence[str],
    probabilities: Probabilities,
    features: NDArray[np.float32],
    *,
    suspects: Sequence[Suspect] = (),
    gain: float | None = None,
    gains: Sequence[float | None] = (),
    others: Mapping[str, Probabilities] | None = None,
    measures: Sequence[Measures] = (),
    origins: Sequence[str] = (),
) -> tuple[Diagnosis, ...]:
    """All findings, those that cost most first and those of unknown cost last; NOTHING where there is none.

    labels (n,) number the `names`; probabilities (n, categories) are out-of-fold; features (n, d) are normalised.
    `gain` is the forecast for 20 more photos of each category, in points of accuracy, `gains` for 20 more of that one
    alone. `others` are the out-of-fold probabilities of other candidates, by names that the person knows. `measures`
    and `origins` ("web" or "own"), if given, are those of each photo.
    """
    wrong = probabilities.argmax(axis=1) != labels
    clear = np.ones(len(labels), dtype=bool)
    clear[[each.photo for each in suspects]] = False
    evidence = _Evidence(labels, names, probabilities, wrong, clear)
    found = [*_too_few(evidence, gain, gains)]
    explained = np.zeros(len(labels), dtype=bool)
    for marks, diagnosis in (*_small_or_blurred(evidence, measures), *_origins_differ(evidence, origins)):
        found.append(diagnosis)
        explained |= marks
    found += _labels_in_doubt(evidence, [each for each in suspects if not explained[each.photo]])
    evidence = replace(evidence, clear=clear & ~explained)
    better = dict(_another_backbone(evidence, others or {}))
    found += better.values()
    found += _look_alike(evidence, features, better, gain, gains)
    return tuple(sorted(found, key=lambda each: float("inf") if each.cost is None else -each.cost)) or (NOTHING,)


def by_origin(
    labels: Numbers, probabilities: Probabilities, origins: Sequence[str]
) -> dict[str, tuple[int, float, tuple[float, float]]]:
    """Photos, accuracy and its 95 % interval (fractions) of each origin apart; empty where all photos are of one."""
    right = probabilities.argmax(axis=1) == labels
    apart = {origin: right[np.array(origins) == origin] for origin in sorted(set(origins))}
    if len(apart) < 2:
        return {}
    return {
        origin: (len(here), float(here.mean()), wilson(int(here.sum()), len(here))) for origin, here in apart.items()
    }


def _too_few(evidence: _Evidence, gain: float | None, gains: Sequence[float | None]) -> Iterator[Diagnosis]:
    """By the forecast where there is one, else by the count."""
    helpful = sorted(((each or 0.0, at) for at, each in enumerate(gains)), key=lambda each: (-each[0], each[1]))
    neediest = tuple(evidence.names[at] for each, at in helpful if each >= LEAST_GAIN)
    if gain is not None and gain >= LEAST_GAIN:
        title = f"There are too few photos: 20 more of each category should bring about {gain:.0f} points."
        hint = f"Begin with {_listed(neediest)}." if neediest else "Add some to every category."
        yield Diagnosis("too few photos", neediest, title, hint, gain, ())
    elif neediest:
        title = (
            f"There are too few photos of {_listed(neediest)}: 20 more should bring about {helpful[0][0]:.0f} points."
        )
        yield Diagnosis("too few photos", neediest, title, "Add photos of that first.", helpful[0][0], ())
    elif gain is None and all(each is None for each in gains):
        counts = np.bincount(evidence.labels, minlength=len(evidence.names))
        small = tuple(name for name, count in zip(evidence.names, counts, strict=True) if count < FEW)
        if small:
            title = f"There are fewer than {FEW} photos of {_listed(small)}."
            yield Diagnosis("too few photos", small, title, "Add more; 20 of each make a good start.", None, ())


def _labels_in_doubt(evidence: _Evidence, suspects: Sequence[Suspect]) -> Iterator[Diagnosis]:
    expected = sum(each.doubt for each in suspects)
    if expected < LEAST_WRONG:
        return
    concerned = np.bincount([each.given for each in suspects], minlength=len(evidence.names))
    names = tuple(evidence.names[at] for at in np.argsort(-concerned, kind="stable") if concerned[at])
    title = "1 photo is probably in the wrong category."
    if len(suspects) > 1:
        wrong = max(1, round(expected))
        title = (
            f"{len(suspects)} photos may be in the wrong category; "
            f"about {wrong} of them probably {'is' if wrong == 1 else 'are'}."
        )
    hint = "Look at them, and move those that are: they mislead the model, and count as its mistakes."
    cost = evidence.points(sum(each.doubt for each in suspects if evidence.wrong[each.photo]))
    worst = sorted(suspects, key=lambda each: (-each.doubt, each.photo))
    yield Diagnosis("labels in doubt", names, title, hint, cost, _first([each.photo for each in worst]))


def _small_or_blurred(evidence: _Evidence, measures: Sequence[Measures]) -> Iterator[tuple[Marks, Diagnosis]]:
    if not measures:
        return
    sharpness = np.array([each.sharpness for each in measures])
    blurred = sharpness < max(LEAST_SHARPNESS, BLUR_SHARE * float(np.median(sharpness)))
    poor = blurred | np.array([min(each.width, each.height) < SMALL_SIDE for each in measures])
    here, rest = evidence.wrong[evidence.clear & poor], evidence.wrong[evidence.clear & ~poor]
    if min(len(here), len(rest)) < ENOUGH or _by_chance(evidence, poor) >= ALPHA:
        return
    title = f"Small or blurred photos are mistaken more often: {_of(here)} of them, {_of(rest)} others."
    hint = "Put larger, sharper ones in their place. If new photos will be like them, add more of them instead."
    yield poor, _worse("small or blurred", evidence, poor, title, hint)


def _origins_differ(evidence: _Evidence, origins: Sequence[str]) -> Iterator[tuple[Marks, Diagnosis]]:
    own = np.array([each == "own" for each in origins], dtype=bool)
    if not own.any() or own.all():
        return
    mine, web = evidence.wrong[evidence.clear & own], evidence.wrong[evidence.clear & ~own]
    if min(len(mine), len(web)) < ENOUGH:
        return
    own_is_worse = mine.mean() > web.mean()
    worse = own if own_is_worse else ~own
    if 2 * _by_chance(evidence, worse) >= ALPHA:  # twice, because either could have come out worse
        return
    if own_is_worse:
        title = f"Your own photos are mistaken more often: {_of(mine)}, and {_of(web)} from the web."
        hint = "New photos will be like your own: add more of those, and go by their accuracy."
    else:
        title = f"Photos from the web are mistaken more often: {_of(web)}, and {_of(mine)} of your own."
        hint = "Drop those that do not show what you will ask about, and go by the accuracy of your own."
    yield worse, _worse("web and own differ", evidence, worse, title, hint)


def _another_backbone(evidence: _Evidence, others: Mapping[str, Probabilities]) -> Iterator[tuple[Pair, Diagnosis]]:
    """Pairs that another candidate tells apart better, by McNemar's test on the photos of both categories.

    Each is asked about the pairs that it and the chosen one, together, confuse most: on the worst pairs of the chosen
    one alone, any other would look better by chance.
    """
    clear, labels = evidence.clear, evidence.labels
    best: dict[Pair, tuple[int, str]] = {}
    for name, other in others.items():
        together = sum(confused(labels[clear], each[clear]) for each in (evidence.probabilities, other))
        for pair in most_confused(np.asarray(together), MOST_PAIRS):
            mine, its = _both_told_apart(evidence, other, pair)
            mended, spoilt = int((its & ~mine).sum()), int((mine & ~its).sum())
            sure = mcnemar(mended, spoilt) < ALPHA / (MOST_PAIRS * len(others))  # Bonferroni
            if sure and mended - spoilt > best.get(pair, (0, ""))[0]:
                best[pair] = mended - spoilt, name
    for pair, (gained, name) in best.items():
        mine, its = _both_told_apart(evidence, others[name], pair)
        one, two = (evidence.names[at] for at in pair)
        title = f"'{name}' tells '{one}' from '{two}' better: right for {_of(its)} photos, now for {int(mine.sum()):,}."
        hint = f"Train with '{name}', or with several together, and compare."
        photos = _first(evidence.of(pair)[its & ~mine])
        yield pair, Diagnosis("another backbone", (one, two), title, hint, evidence.points(gained), photos)


def _look_alike(
    evidence: _Evidence,
    features: NDArray[np.float32],
    better: Collection[Pair],
    gain: float | None,
    gains: Sequence[float | None],
) -> Iterator[Diagnosis]:
    """Pairs confused by the head and by the nearest neighbours that neither another backbone nor more photos mend."""
    counts = confused(evidence.labels[evidence.clear], evidence.probabilities[evidence.clear])
    for pair in most_confused(counts, MOST_PAIRS):
        here = evidence.of(pair)
        labels = evidence.labels[here]
        cost = evidence.points(counts[pair])
        known = [gains[at] for at in pair if gains and gains[at] is not None]
        share = counts[pair] / evidence.wrong.sum()  # of what more photos of all categories bring
        mended = sum(each or 0.0 for each in known) if known else (gain or 0.0) * share
        if pair in better or mended >= cost / 2 or min((labels == at).sum() for at in pair) < ENOUGH:
            continue
        mistaken = ~told_apart(labels, evidence.probabilities[here], pair)
        astray = neighbours_differ(labels, features[here], pair)
        if min(wilson(int(each.sum()), len(here))[0] for each in (mistaken, astray)) < LEAST_CONFUSED:
            continue
        one, two = (evidence.names[at] for at in pair)
        title = (
            f"'{one}' and '{two}' look alike: {_of(mistaken)} photos are taken for the other, "
            f"and {int(astray.sum()):,} have the other's photos as their nearest."
        )
        hint = "Add photos that show what sets them apart, closer or from one side, or make them one category."
        order = np.argsort(-(2 * mistaken + astray), kind="stable")[: (mistaken | astray).sum()]
        yield Diagnosis("look alike", (one, two), title, hint, cost, _first(here[order]))


def _both_told_apart(evidence: _Evidence, other: Probabilities, pair: Pair) -> tuple[Marks, Marks]:
    here = evidence.of(pair)
    labels = evidence.labels[here]
    return told_apart(labels, evidence.probabilities[here], pair), told_apart(labels, other[here], pair)


def _by_chance(evidence: _Evidence, marked: Marks) -> float:
    """How easily chance, within each category, gives the marked clear photos so many mistakes."""
    clear = evidence.clear
    return more_among(evidence.wrong[clear], marked[clear], evidence.labels[clear])


def _worse(kind: Kind, evidence: _Evidence, marked: Marks, title: str, hint: str) -> Diagnosis:
    """The finding that the marked photos do worse than the others, and the mistakes that they have in excess."""
    here, rest = evidence.clear & marked, evidence.clear & ~marked
    wrong = np.flatnonzero(here & evidence.wrong)
    excess = (evidence.wrong[here].mean() - evidence.wrong[rest].mean()) * here.sum()
    names = tuple(evidence.names[at] for at in np.unique(evidence.labels[wrong]))
    return Diagnosis(kind, names, title, hint, evidence.points(float(excess)), _first(wrong))


def _first(photos: Sequence[int] | Numbers) -> tuple[int, ...]:
    return tuple(int(at) for at in photos[:MOST_PHOTOS])


def _of(marks: Marks) -> str:
    return f"{int(marks.sum()):,} of {len(marks):,}"


def _listed(names: Sequence[str]) -> str:
    *most, last = (f"'{name}'" for name in names)
    return f"{', '.join(most)} and {last}" if most else last

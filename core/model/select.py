"""Chooses what suits these photos: which backbones, views and cuts, which head, alone or a few together.

No recipe wins everywhere, so each candidate is judged by its log loss on photos that its head never saw. Cheap
candidates come first; what needs another look at the photos is tried on a sample of them, and on the rest only where
that promises something (after successive halving: Jamieson & Talwalkar 2016). What chose does not score: `Chosen`
gives probabilities in which each photo was kept out of the choice as well.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.model.calibrate import fit_sharpness
from core.model.candidates import Candidate, Kind, Labels, Tried, cross_validated
from core.model.classifier import Classifier, Member, sharpen
from core.model.embedder import usable_cores
from core.model.evaluate import losses
from core.model.features import Bank, Features, Key, Matrix
from core.model.head import Floats
from core.model.hidden import ENOUGH

Mode = Literal["fast", "best"]
Seen = tuple[tuple[str, ...], tuple[str, ...]]  # backbones and views
Looking = Callable[[Key, Labels], Matrix]  # a look and positions of photos (m,) -> their rows

EVERY_CUT, FEW_CUTS = ("last", "all", "late"), ("last", "all")

SETTLED = 0.02  # log loss, in nats: where no more is left, or on a sample won, another look is not worth its seconds
FEW = 120  # photos: with no more, a mirrored view costs little and each look counts
SAMPLE = 100  # photos that a further look is tried on first; fewer tell too little
LEAST_EACH = 5  # photos of each category in that sample
SURE = 3.0  # standard errors by which a dearer backbone must be better to answer alone: it takes twice as long
LEADERS = 4  # features that other heads are tried on
FORGETTING = 8.0  # of differences in total log loss, which are partly chance: see `weights`
MOST_MEMBERS = 8  # of an answer; with twice as many accuracy rose by a tenth of a point
LEAST_WEIGHT = 0.03  # a smaller share of an answer changes little and costs as much as a large one


@dataclass(frozen=True)
class Row:
    """A line of the table of candidates. Log loss in nats and accuracy are out of fold; `passes` are forward passes
    a photo; `shares` in the answers of both modes, 0 to 1.
    """

    words: str
    strength: float
    log_loss: float
    accuracy: float
    parameters: int
    passes: int
    fast: float
    best: float


@dataclass(frozen=True)
class Chosen:
    """What one mode came to, and its probabilities (n, categories) for photos kept out of fitting and of choosing."""

    shares: tuple[tuple[Tried, int, float], ...]  # candidate, position of its strength, weight
    sharpness: float
    kept_out: Floats

    def fit(self, rows: Mapping[Key, Matrix], labels: Labels, categories: int) -> Classifier:
        """The classifier, its heads learnt from all photos, as many at a time as there are cores."""

        def member(share: tuple[Tried, int, float]) -> Member:
            tried, at, weight = share
            features = tried.candidate.features
            matrix = features.matrix(rows)
            head = tried.candidate.fit(matrix, labels, categories, tried.strengths[at], tried.scales[at])
            return Member(features, head, weight)

        with ThreadPoolExecutor(usable_cores()) as pool:
            return Classifier(tuple(pool.map(member, self.shares)), self.sharpness)


@dataclass(frozen=True)
class Choice:
    """Both modes, which of them is advised, and the table of all that was tried, best first."""

    fast: Chosen
    best: Chosen
    advised: Mode
    table: tuple[Row, ...]
    tried: tuple[Tried, ...]


@dataclass(frozen=True)
class Fixed:
    """Choices made by hand; empty where Thimble is to choose."""

    backbone: str = ""
    view: str = ""
    cuts: str = ""
    head: Kind | Literal[""] = ""


UNFIXED = Fixed()


def choose(
    look: Looking,
    labels: Labels,
    folds: Labels,
    categories: int,
    *,
    backbones: Sequence[str],
    elongated: bool,
    fixed: Fixed = UNFIXED,
    bank: Bank | None = None,
) -> Choice:
    """The choice for photos with `labels` (n,) in `folds` (n,).

    `look` gives the rows of the photos at some positions for another look, which is where the time goes; `backbones`
    are ids, cheapest first; `elongated` says that a crop leaves out much of the photos, so that seeing them whole is
    worth a try.
    """
    trials = _Trials(labels, folds, categories, fixed, bank or Bank())
    first, *others = [fixed.backbone] if fixed.backbone else backbones
    view = fixed.view or "crop"
    trials.look(look, (first, view), [((first,), (view,))], *EVERY_CUT)
    if elongated and not fixed.view:
        trials.look(look, (first, "squash"), [((first,), ("squash",))], *EVERY_CUT)
        view = trials.leader.candidate.features.views[0]
    together = [first]
    for backbone in others:
        if trials.settled:
            break
        seen = [((backbone,), (view,)), ((*together, backbone), (view,))]
        if trials.look(look, (backbone, view), seen, *FEW_CUTS):
            together.append(backbone)
    if not fixed.view and view == "crop" and len(labels) <= FEW and not trials.settled:
        trials.look(look, (first, "mirror"), [((first,), ("crop", "mirror"))], *FEW_CUTS)
    trials.add_heads()
    return trials.choice()


class _Trials:
    """The candidates tried so far on these photos, whose rows are in the bank."""

    def __init__(self, labels: Labels, folds: Labels, categories: int, fixed: Fixed, bank: Bank) -> None:
        self._labels = labels
        self._folds = folds
        self._categories = categories
        self._fixed = fixed
        self._bank = bank
        self._all = np.ones(len(labels), dtype=np.bool_)
        self.tried: list[Tried] = []

    def look(self, look: Looking, key: Key, seen: Sequence[Seen], *cuts: str) -> bool:
        """Have the photos looked at in this way and try what `seen` says, unless a sample of them promises nothing.

        Whether it came to that.
        """
        if key not in self._bank.rows:
            if self.tried and not self._promising(look, key, seen, *cuts):
                return False
            self._bank.add({key: look(key, np.flatnonzero(self._all))})
        self._try(self._candidates(seen, *cuts))
        return True

    def _promising(self, look: Looking, key: Key, seen: Sequence[Seen], *cuts: str) -> bool:
        """Whether on a sample the best candidate stands on this look, and saves loss that matters and is not noise."""
        photos = sample(self._labels, self._folds, self._categories)
        if len(photos) == len(self._labels):
            return True
        bank = Bank()
        bank.add({known: rows[photos] for known, rows in self._bank.rows.items()})
        trials = _Trials(self._labels[photos], self._folds[photos], self._categories, self._fixed, bank)
        trials._try(tried.candidate for tried in self.tried)
        before = trials.leader
        bank.add({key: look(key, photos)})
        trials._try(self._candidates(seen, *cuts))
        gain = before.least_losses - trials.leader.least_losses
        return bool(gain.mean() > max(SETTLED, gain.std() / np.sqrt(len(gain))))

    def _candidates(self, seen: Sequence[Seen], *cuts: str) -> list[Candidate]:
        """A head on each of these backbones and views, at each of these cuts."""
        return [
            Candidate(Features(backbones, views, which), self._fixed.head or "ridge")
            for backbones, views in seen
            for which in ([self._fixed.cuts] if self._fixed.cuts else cuts)
        ]

    def add_heads(self) -> None:
        """Try other heads on the most promising features, unless the person has fixed one."""
        if self._fixed.head:
            return
        leaders = sorted(self.tried, key=lambda tried: tried.least)[:LEADERS]
        single = min(self._single(), key=lambda tried: tried.least).candidate.features
        features = dict.fromkeys([*(tried.candidate.features for tried in leaders), single])
        heads = [Candidate(each, "linear") for each in features]
        heads.append(Candidate(single, "means"))
        if np.bincount(self._labels).min() >= ENOUGH:
            heads.append(Candidate(single, "hidden"))
        self._try(heads)

    @property
    def leader(self) -> Tried:
        """The candidate with the least log loss."""
        return min(self.tried, key=lambda tried: tried.least)

    @property
    def settled(self) -> bool:
        """There is nothing left to win."""
        return self.leader.least <= SETTLED

    def choice(self) -> Choice:
        """Both modes, scored on photos that had no part in choosing."""
        fast, best = (self._chosen(shares) for shares in (self._simplest, self._weighted))
        difference = losses(self._labels, fast.kept_out) - losses(self._labels, best.kept_out)
        advised: Mode = "best" if difference.mean() > 0 else "fast"
        return Choice(fast, best, advised, self._table(fast, best), tuple(self.tried))

    def _try(self, candidates: Iterable[Candidate]) -> None:
        """Cross-validate those that are new, as many at a time as there are cores."""
        known = {tried.candidate for tried in self.tried}
        new = [(each, self._bank.products(each.features)) for each in candidates if each not in known]
        given = (self._labels, self._folds, self._categories)
        with ThreadPoolExecutor(usable_cores()) as pool:
            self.tried += pool.map(lambda each: cross_validated(each[0], each[1], *given), new)

    def _single(self) -> list[Tried]:
        return [tried for tried in self.tried if len(tried.candidate.features.looks) == 1]

    def _simplest(self, photos: NDArray[np.bool_]) -> list[tuple[Tried, int, float]]:
        """The candidate of one forward pass that does best on these photos, of a dearer backbone only if surely so."""
        by_backbone: dict[str, list[tuple[Tried, int]]] = {}
        for tried in self._single():
            by_backbone.setdefault(tried.candidate.features.backbones[0], []).append((tried, tried.best(photos)))
        leaders = [
            min(found, key=lambda each: float(each[0].losses[each[1], photos].mean())) for found in by_backbone.values()
        ]
        tried, at = leaders[0]  # they were tried cheapest first
        for other, position in leaders[1:]:
            gain = tried.losses[at, photos] - other.losses[position, photos]
            if gain.mean() > SURE * gain.std() / np.sqrt(photos.sum()):
                tried, at = other, position
        return [(tried, at, 1.0)]

    def _weighted(self, photos: NDArray[np.bool_]) -> list[tuple[Tried, int, float]]:
        """A few candidates, weighted by how likely they make the labels of these photos."""
        found = [(tried, tried.best(photos)) for tried in self.tried]
        shares = weights(np.array([tried.losses[at, photos].sum() for tried, at in found]))
        return [(tried, at, share) for (tried, at), share in zip(found, shares.tolist(), strict=True) if share]

    def _chosen(self, choose: Callable[[NDArray[np.bool_]], list[tuple[Tried, int, float]]]) -> Chosen:
        """The choice from all photos; its probabilities by choices from the other folds, sharpened by them too."""
        kept_out = np.empty((len(self._labels), self._categories))
        for number in np.unique(self._folds):
            here = self._folds == number
            shares = choose(~here)
            others = _averaged(shares, ~here)
            kept_out[here] = sharpen(_averaged(shares, here), fit_sharpness(self._labels[~here], others))
        shares = choose(self._all)
        sharpness = fit_sharpness(self._labels, _averaged(shares, slice(None)))
        return Chosen(tuple(shares), sharpness, kept_out)

    def _table(self, fast: Chosen, best: Chosen) -> tuple[Row, ...]:
        def share(chosen: Chosen, tried: Tried) -> float:
            return sum(weight for each, _, weight in chosen.shares if each is tried)

        rows = []
        for tried in self.tried:
            at = tried.best(self._all)
            features = tried.candidate.features
            rows.append(
                Row(
                    words=tried.candidate.words,
                    strength=tried.strengths[at],
                    log_loss=float(tried.losses[at].mean()),
                    accuracy=float((tried.kept_out[at].argmax(axis=1) == self._labels).mean()),
                    parameters=tried.candidate.parameters(self._categories),
                    passes=len(features.looks),
                    fast=share(fast, tried),
                    best=share(best, tried),
                )
            )
        return tuple(sorted(rows, key=lambda row: row.log_loss))


def sample(labels: Labels, folds: Labels, categories: int) -> Labels:
    """Positions of SAMPLE photos or more, as many of each category as there are, in every fold; or of all of them.

    All, where hardly fewer would do.
    """
    each = max(LEAST_EACH, SAMPLE // categories)
    taken: list[int] = []
    for category in range(categories):
        own = np.flatnonzero(labels == category)
        turn = np.array([(folds[own][:at] == folds[own][at]).sum() for at in range(len(own))])
        taken += own[np.lexsort((folds[own], turn))][:each].tolist()
    return np.array(sorted(taken)) if len(taken) <= len(labels) / 2 else np.arange(len(labels))


def weights(losses: Floats) -> Floats:
    """Shares (candidates,) that add up to 1, from the total log loss of each.

    exp(-loss) is how likely a candidate makes the labels, so these would be Bayesian weights but for FORGETTING:
    out-of-fold losses of the same photos rise and fall together, and full weights would nearly always be all or
    nothing. All but MOST_MEMBERS, and shares below LEAST_WEIGHT, are left out.
    """
    raw = np.exp(-(losses - losses.min()) / FORGETTING)
    raw[np.argsort(losses, kind="stable")[MOST_MEMBERS:]] = 0
    raw[raw < LEAST_WEIGHT * raw.sum()] = 0
    shares: Floats = raw / raw.sum()
    return shares


def _averaged(shares: Sequence[tuple[Tried, int, float]], photos: NDArray[np.bool_] | slice) -> Floats:
    averaged: Floats = np.sum([weight * tried.kept_out[at, photos] for tried, at, weight in shares], axis=0)
    return averaged

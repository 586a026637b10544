"""Which photos probably stand in the wrong category, by what heads that never saw them say.

Confident learning (Northcutt, Jiang & Chuang 2021) counts labels against out-of-fold probabilities. With tens of photos
a category most of what it counts are honest mistakes on hard photos: of 300 clothes with one label in ten swapped, four
in ten suggestions were right, and with all labels right 30 photos were suspected. Here the same probabilities enter a
model of the noise that asks whether honest mistakes explain what is seen. The true category has probabilities p,
sharpened by τ; the label is the true one with probability 1 − ε, else any other one alike. How many labels are wrong
(ε) and how sure the heads may be (τ) are learnt from all photos together, as a posterior over a grid; the doubt is the
posterior probability that a label is wrong. Where the labels are right ε is small, and hardly anything is suspected.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from core.model.head import one_hot, softmax, solve, unlearnable

# Precision and recall with one label in ten swapped, 30 photos a category, means of six draws: clothes 85 and 76 %,
# drawn letters 84 and 88, coins 79 and 77, stamps 68 and 82, furniture 80 and 67, nebulae and galaxies 85 and 52,
# textures 43 and 54. As they are, 5 of the 2,263 photos are suspected.
LEAST_DOUBT = 0.3

_FIRST_STRENGTH = 0.03
_STRENGTHS = (1.0, 0.1, 0.01)  # where labels can be told from photos at all the last is the surest, and quickly found
_AS_GOOD = 1.0  # nats of evidence: a weaker head that is no worse than this is taken, since it is surer
_USUAL_NOISE = 0.05  # expected share of wrong labels before anything is seen; its prior falls exponentially
_CLEARLY = 3.0  # times as likely as its own another category must be for a photo to be left out, …
_MOST_LEFT_OUT = 0.4  # … and this share of a category at most, or little would be left to learn from
_SHARPEST = 0.5  # standard deviation of log τ before anything is seen: calibrated within a factor of two or so
_LEAST = 1e-12  # probability; a head is never surer than this
_NOISES = np.array([0.0, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3, 0.35, 0.4])
_SHARPNESSES = np.exp(np.linspace(np.log(0.4), np.log(3.0), 17))

Floats = NDArray[np.float64]
Probabilities = NDArray[np.float32] | NDArray[np.float64]
Marks = NDArray[np.bool_]


@dataclass(frozen=True)
class Suspect:
    """A photo, by position, its label, the likeliest other one, and how probably its own is wrong (0 to 1)."""

    photo: int
    given: int
    suggested: int
    doubt: float


def suspects(labels: NDArray[np.int64], probabilities: Probabilities) -> tuple[Suspect, ...]:
    """Photos whose labels (n,) are in doubt, the most doubtful first.

    `probabilities` (n, categories) are out-of-fold, best those of `robust_probabilities`. A photo whose own category
    has probability 0, because no head could learn it, is not judged.
    """
    logs = np.log(np.maximum(probabilities.astype(np.float64), _LEAST))
    own = np.arange(len(labels)), labels
    judged = probabilities[own] > 0
    evidence = _evidence(labels[judged], logs[judged])
    weights = np.exp(evidence - evidence.max())
    weights /= weights.sum()
    doubt = np.zeros(len(labels))
    for weight, sharpness in zip(weights, _SHARPNESSES, strict=True):
        true = _sharpened(logs, sharpness)[own][:, None]
        right, wrong = true * (1 - _NOISES), (1 - true) * _NOISES / (logs.shape[1] - 1)
        doubt += (weight * wrong / (right + wrong + _LEAST)).sum(axis=1)
    doubt[~judged] = 0.0
    logs[own] = -np.inf
    order = np.argsort(-doubt, kind="stable")
    return tuple(
        Suspect(int(at), int(labels[at]), int(logs[at].argmax()), float(doubt[at]))
        for at in order[doubt[order] >= LEAST_DOUBT]
    )


def robust_probabilities(
    coordinates: Floats, labels: NDArray[np.int64], folds: NDArray[np.int64], categories: int
) -> Floats:
    """Out-of-fold probabilities (n, categories) by heads that learn only from photos not clearly mistaken by others.

    For each fold the other photos are cross-validated among themselves, and its head learns without those that were
    clearly mistaken: so wrong labels do not speak for themselves, and those of two categories mixed up are seen at all.
    Had the photos of a fold a say in what its head learns from, any guess would confirm itself. `coordinates` are
    `row_space`'s. At least two folds are needed; with two there is nobody to ask, and the heads learn from all.
    """
    targets = one_hot(labels, categories)
    numbers, fold = np.unique(folds, return_inverse=True)
    learnt = (fold[:, None] != np.arange(len(numbers))) & _trusted(coordinates, labels, fold, targets)
    best, most = np.empty_like(targets), -np.inf
    weights = None
    for strength in _STRENGTHS:
        weights = solve(coordinates, targets, learnt.astype(np.float64), strength, weights)
        probabilities = _answers(coordinates, weights, targets, learnt)[np.arange(len(labels)), fold]
        judged = probabilities[np.arange(len(labels)), labels] > 0
        evidence = float(_evidence(labels[judged], np.log(np.maximum(probabilities[judged], _LEAST))).max())
        if evidence > most - _AS_GOOD:
            best, most = probabilities, max(most, evidence)
    return best


def _trusted(coordinates: Floats, labels: NDArray[np.int64], fold: NDArray[np.int64], targets: Floats) -> Marks:
    """For each fold (n, folds): False for photos clearly mistaken by a head that saw neither them nor the fold.

    Of each category the worst, but never too many. A head that leaves out two folds serves both.
    """
    count = fold.max() + 1
    couples = np.array(list(combinations(range(count), 2)))
    serves = np.zeros((count, count), dtype=np.int64)
    serves[couples[:, 0], couples[:, 1]] = serves[couples[:, 1], couples[:, 0]] = np.arange(len(couples))
    learnt = (fold[:, None, None] != couples).all(axis=2)
    weights = solve(coordinates, targets, learnt.astype(np.float64), _FIRST_STRENGTH)
    answers = _answers(coordinates, weights, targets, learnt)
    trusted = np.ones((len(labels), count), dtype=bool)
    for left_out in range(count):
        asked = np.flatnonzero(fold != left_out)
        trusted[asked, left_out] = _without_mistaken(labels[asked], answers[asked, serves[left_out, fold[asked]]])
    return trusted


def _answers(coordinates: Floats, weights: Floats, targets: Floats, learnt: Marks) -> Floats:
    """Probabilities (n, heads, categories) by each of several heads."""
    logits = np.tensordot(coordinates, weights, 1) + unlearnable(targets, learnt.astype(np.float64))
    return softmax(logits)


def _without_mistaken(labels: NDArray[np.int64], probabilities: Floats) -> Marks:
    kept = np.ones(len(labels), dtype=bool)
    own = probabilities[np.arange(len(labels)), labels]
    mistaken = probabilities.max(axis=1) > _CLEARLY * own
    for label in np.unique(labels):
        here = np.flatnonzero((labels == label) & mistaken)
        most = int(_MOST_LEFT_OUT * (labels == label).sum())
        kept[here[np.argsort(own[here], kind="stable")][:most]] = False
    return kept


def _evidence(labels: NDArray[np.int64], logs: Floats) -> Floats:
    """Log posterior, up to a constant, of each sharpness and share of wrong labels, from log probabilities."""
    evidence = np.empty((len(_SHARPNESSES), len(_NOISES)))
    prior = np.log(np.gradient(_NOISES)) - _NOISES / _USUAL_NOISE
    for at, sharpness in enumerate(_SHARPNESSES):
        own = _sharpened(logs, sharpness)[np.arange(len(labels)), labels][:, None]
        seen = np.log(own * (1 - _NOISES) + (1 - own) * _NOISES / (logs.shape[1] - 1) + _LEAST)
        evidence[at] = seen.sum(axis=0) + prior - np.log(sharpness) ** 2 / (2 * _SHARPEST**2)
    return evidence


def _sharpened(logs: Floats, sharpness: float) -> Floats:
    raised = np.exp(sharpness * (logs - logs.max(axis=1, keepdims=True)))
    shares: Floats = raised / raised.sum(axis=1, keepdims=True)
    return shares

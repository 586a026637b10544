"""What is wrong with which photo, and how that was measured. Nothing is deleted here, nor set aside.

A finding names one photo, one thing about it, and the two numbers behind: what was measured, and the limit it
passed. `SET_ASIDE` says which kinds are sure enough to act on without asking.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.data.lookalikes import NEAR_BITS
from core.data.measures import LOOK, Measures

Kind = Literal[
    "duplicate",
    "near duplicate",
    "in two categories",
    "too small",
    "banner",
    "blank",
    "blurred",
    "drawing",
    "off-topic",
]

# True: set aside unless the person says otherwise; False: only pointed out. A good photo lost is worse than a bad one
# kept, so only those with hardly a good photo among them are acted on. Precision measured by `python -m benchmarks`.
SET_ASIDE: dict[Kind, bool] = {
    "duplicate": True,
    "near duplicate": True,
    "in two categories": False,  # only the person knows where it belongs
    "too small": True,
    "banner": True,
    "blank": True,
    "blurred": False,  # still shows what it shows, and photos to be told apart later are blurred, too
    "drawing": False,  # things cut out on white look drawn now and then
    "off-topic": True,
}

# Measured on five photo sets, 1,460 photos of clothes, coins, leaves, cutlery and drawn dresses.
SHORTEST_SIDE = 64  # pixels; the networks look at 224 and more
LONGEST_SHAPE = 3.0  # long side to short side; the networks see the middle square, here a third of the picture
LEAST_CONTRAST = 20.0  # of 255; the palest photo has 79
# The softest photo has 7.5. Blurred over 5 of 640 pixels (standard deviation), 19 in 20 fall below 5; over 3, half.
LEAST_SHARPNESS = 5.0
BLUR_SHARE = 0.25  # of the usual sharpness: where all are soft, soft is not a fault
# A drawing has large even areas, hardly a shade between them, and a handful of colours. No photo has all three; of
# photos cut out and pasted on white, one or two in a hundred.
DRAWN_FLAT = 0.6
DRAWN_EDGES = 0.5
DRAWN_COLOURS = 12
# Besides near fingerprints. Copies resized to a third, recompressed and mirrored agree in 0.98 and more; of 52,000
# pairs of different clothes and dresses none, of 480,000 of coins 24, most of them one coin taken twice.
SAME_LOOK = 0.975
# Likeness of a photo to the category that it fits best, as a share of what is usual in it. Measured with one, two,
# three and ten categories of 10 to 60 photos: of true photos one in a hundred falls below where they vary most
# (clothes), else one in a thousand; of photos from another set, 10 or 25 % mixed in, 95 to 100 % do. Another category
# of the same kind (hats among shoes) is too near: of clothes one in ten, of coins none.
OFF_TOPIC_SHARE = 0.75
ENOUGH_TO_JUDGE = 6  # photos; in a smaller category nobody can say what is usual

_CORE = 0.6  # share of a category that describes it: strangers and wrong labels may make up the rest
_ROUNDS = 10  # for the core to settle; three or four are usual
_CELLS = 2_000_000  # similarities held at a time, whatever the number of photos

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Finding:
    """One thing about one photo, by position: in words, what was measured, and the limit it is beyond.

    `other` is the photo that it repeats (duplicate, near duplicate, in two categories).
    """

    photo: int
    kind: Kind
    reason: str
    measure: float
    limit: float
    other: int | None = None


def find(
    photos: Sequence[str],
    labels: NDArray[np.int64],
    embeddings: Floats,
    fingerprints: NDArray[np.uint64],
    measures: Sequence[Measures],
    categories: Sequence[str],
) -> list[Finding]:
    """Everything found, by photo, then in the order of `Kind`; the same input gives the same list.

    `photos` are keys, equal for the same file (SHA-256); labels (n,) number the categories; embeddings (n, features)
    and fingerprints (n,) are raw. Labels in doubt need a head: see `core.model.suspects`.
    """
    if not photos:
        return []
    repeats = list(_repeats(photos, labels, fingerprints, measures, categories))
    single = np.ones(len(photos), dtype=bool)
    single[[each.photo for each in repeats if each.kind != "in two categories"]] = False
    fit = _fit(_unit(embeddings), labels, single, len(categories))
    strangers = list(_strangers(fit, labels, single))
    findings = [*repeats, *_pixel_findings(measures), *strangers]
    order = {kind: number for number, kind in enumerate(SET_ASIDE)}
    return sorted(findings, key=lambda each: (each.photo, order[each.kind]))


def _repeats(
    photos: Sequence[str],
    labels: NDArray[np.int64],
    fingerprints: NDArray[np.uint64],
    measures: Sequence[Measures],
    categories: Sequence[str],
) -> Iterator[Finding]:
    """Copies within a category, all but the largest and sharpest, and the photos that stand in two categories.

    From the best photo down, each is compared with those kept before it, so a thousand alike cost no more memory.
    """
    copies = _Copies(photos, fingerprints, measures)
    kept = np.empty(len(photos), dtype=np.int64)
    count = 0
    rivals: dict[int, tuple[int, int]] = {}
    for at in sorted(range(len(photos)), key=lambda at: (-_area(measures[at]), -measures[at].sharpness, at)):
        alike, bits = copies.among(kept[:count], at)
        here = np.flatnonzero(labels[alike] == labels[at])
        if not len(here):
            kept[count] = at
            count += 1
            for other, differing in zip(alike.tolist(), bits.tolist(), strict=True):
                rivals.setdefault(at, (other, differing))
                rivals.setdefault(other, (at, differing))
            continue
        original, differing = int(alike[here[0]]), int(bits[here[0]])
        if photos[at] == photos[original]:
            yield Finding(at, "duplicate", "the same file as another photo in this category", 0, 0, original)
        else:
            words = f"nearly the same as another, better photo in this category ({_in_bits(differing)})"
            yield Finding(at, "near duplicate", words, differing, NEAR_BITS, original)
    for at, (rival, differing) in rivals.items():
        words = f"the same photo is in '{categories[labels[rival]]}', too ({_in_bits(differing)})"
        yield Finding(at, "in two categories", words, differing, NEAR_BITS, rival)


class _Copies:
    """Tells which photos are one: the same file, or near in fingerprint and look, as they are or mirrored."""

    def __init__(self, photos: Sequence[str], fingerprints: NDArray[np.uint64], measures: Sequence[Measures]) -> None:
        looks = np.frombuffer(b"".join(each.look for each in measures), np.uint8).reshape(-1, LOOK, LOOK, 3)
        mirrored = np.array([each.mirrored_fingerprint for each in measures], dtype=np.uint64)
        self._file = np.unique(np.array(photos, dtype=str), return_inverse=True)[1]
        self._fingerprints = fingerprints
        self._looks = _centred(looks)
        self._sides = (fingerprints, self._looks), (mirrored, _centred(looks[:, :, ::-1]))

    def among(self, others: NDArray[np.int64], at: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Those of `others` that are the same photo as `at`, and the bits in which their fingerprints differ."""
        best = np.where(self._file[others] == self._file[at], 0, NEAR_BITS + 1)
        for fingerprints, looks in self._sides:
            bits = np.bitwise_count(self._fingerprints[others] ^ fingerprints[at])
            near = np.flatnonzero(bits < best)
            near = near[self._looks[others[near]] @ looks[at] >= SAME_LOOK]
            best[near] = bits[near]
        found = np.flatnonzero(best <= NEAR_BITS)
        return others[found], best[found]


def _pixel_findings(measures: Sequence[Measures]) -> Iterator[Finding]:
    sharpness = np.array([each.sharpness for each in measures])
    usual = float(np.median(sharpness)) if len(sharpness) else 0.0
    softest = min(LEAST_SHARPNESS, BLUR_SHARE * usual)
    clear = sharpness[sharpness >= softest]
    colours = np.array([each.colours for each in measures if not _is_drawn(each)])
    photographs = 2 * len(colours) > len(measures)  # drawings among drawings are no fault
    for at, each in enumerate(measures):
        short, long = sorted((each.width, each.height))
        if short < SHORTEST_SIDE:
            words = f"too small ({each.width}×{each.height} pixels; at least {SHORTEST_SIDE} on each side are needed)"
            yield Finding(at, "too small", words, short, SHORTEST_SIDE)
        if long > LONGEST_SHAPE * short:
            words = f"too long and narrow ({long / short:.1f} times as long as wide; at most {LONGEST_SHAPE:.0f} times)"
            yield Finding(at, "banner", words, long / short, LONGEST_SHAPE)
        if each.contrast < LEAST_CONTRAST:
            words = f"blank or nearly so (contrast {each.contrast:.0f} of 255; at least {LEAST_CONTRAST:.0f} is usual)"
            yield Finding(at, "blank", words, each.contrast, LEAST_CONTRAST)
        elif each.sharpness < softest:
            low, high = np.percentile(clear, [5, 95])
            words = f"blurred (sharpness {each.sharpness:.1f}; clear photos here have {low:.0f} to {high:.0f})"
            yield Finding(at, "blurred", words, each.sharpness, softest)
        elif photographs and _is_drawn(each):
            low, high = np.percentile(colours, [5, 95])
            few = f"{each.colours} colour{'' if each.colours == 1 else 's'} and {each.flatness:.0%} even areas"
            words = f"looks drawn (hardly more than {few}; photos here have {low:.0f} to {high:.0f} colours)"
            yield Finding(at, "drawing", words, each.colours, DRAWN_COLOURS)


def _is_drawn(each: Measures) -> bool:
    return each.flatness >= DRAWN_FLAT and each.edges >= DRAWN_EDGES and each.colours <= DRAWN_COLOURS


@dataclass(frozen=True)
class _Fit:
    """Likeness of each photo to each category (n, categories), what is usual there, and which can be judged."""

    likeness: Floats
    usual: Floats
    judged: NDArray[np.bool_]


def _fit(unit: Floats, labels: NDArray[np.int64], single: NDArray[np.bool_], categories: int) -> _Fit:
    """Cosine of every photo to the mean of each category's core: its photos that are most like one another.

    The core is found as a trimmed mean is: start from the photos with the greatest median cosine to the rest, then
    in turns take the mean of the core and as core the photos nearest to it (least trimmed squares: Rousseeuw 1984).
    A photo is never compared with a mean that it is part of. Measured against the nearest photos, a shrunk
    Mahalanobis distance and medians, on five sets, none told strangers better.
    """
    likeness = np.full((len(unit), categories), -1.0, dtype=np.float32)
    usual = np.ones(categories, dtype=np.float32)
    judged = np.zeros(categories, dtype=bool)
    for category in range(categories):
        here = np.flatnonzero(single & (labels == category))
        if len(here) < ENOUGH_TO_JUDGE:
            continue
        own = unit[here]
        near = np.concatenate([np.median(own[rows] @ own.T, axis=1) for rows in _blocks(len(own), len(own))])
        core = np.zeros(len(here), dtype=bool)
        for _ in range(_ROUNDS):
            before, core = core, np.zeros(len(here), dtype=bool)
            core[np.argsort(-near, kind="stable")[: ceil(_CORE * len(here))]] = True
            if np.array_equal(before, core):
                break
            total = own[core].sum(axis=0)
            near = np.einsum("nf,nf->n", own, _to_unit(total - own * core[:, None]))
        likeness[:, category] = unit @ _to_unit(total[None])[0]
        likeness[here, category] = near
        usual[category] = np.median(near[core])
        judged[category] = usual[category] > 0  # photos with nothing in common have no usual
    return _Fit(likeness, usual, judged)


def _strangers(fit: _Fit, labels: NDArray[np.int64], single: NDArray[np.bool_]) -> Iterator[Finding]:
    """Photos unlike every category. Those of categories too small to be judged are let be, as are copies."""
    share = fit.likeness / np.where(fit.judged, fit.usual, 1)
    best = share.argmax(axis=1)
    for at in np.flatnonzero(single & fit.judged[labels] & (share.max(axis=1, initial=-1.0) < OFF_TOPIC_SHARE)):
        value, limit = float(fit.likeness[at, best[at]]), float(OFF_TOPIC_SHARE * fit.usual[best[at]])
        where = "the rest of its category" if best[at] == labels[at] else "any category"
        words = f"unlike {where} (likeness {value:.0%}; {limit:.0%} is the least expected)"
        yield Finding(int(at), "off-topic", words, value, limit)


def _unit(embeddings: Floats) -> Floats:
    """Square root of each feature, sign kept, at unit length, as the head has them: a few large ones drown the rest."""
    return _to_unit(np.copysign(np.sqrt(np.abs(embeddings)), embeddings).astype(np.float32, copy=False))


def _centred(looks: NDArray[np.uint8]) -> Floats:
    """Rows without their mean, at unit length (n, 768): their products are correlations, and 0 for an even picture."""
    rows = looks.reshape(len(looks), -1).astype(np.float32)
    return _to_unit(rows - rows.mean(axis=1, keepdims=True))


def _to_unit(rows: Floats) -> Floats:
    """Each row at length 1; a row of zeros stays zeros."""
    unit: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-6))
    return unit


def _blocks(rows: int, columns: int) -> Iterator[slice]:
    """Slices of `rows` rows, as many at a time as hold _CELLS values of `columns` each."""
    step = max(1, _CELLS // max(1, columns))
    return (slice(start, start + step) for start in range(0, rows, step))


def _area(each: Measures) -> int:
    return each.width * each.height


def _in_bits(differing: int) -> str:
    return f"{differing} of the 64 bits of their fingerprints differ; up to {NEAR_BITS} make a copy"

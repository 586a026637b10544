"""Near-identical photos: resized, recompressed, mirrored or cropped copies, and shots of one burst."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.data.photo import Pixels

# Measured on 330 photos (clothes, coins, leaves, cutlery) with EfficientNet-Lite0, each beside nine altered
# copies. Found: recompressed 100 %, mirrored 100 %, 5 % cropped away 99.7 %, brightened 99 %, squashed 99 %,
# a third the size 93 %, mirrored and cropped 87 %, 10 % cropped away 82 %. Different photos taken for the
# same: 0 of 45,040 pairs of clothes and of leaves, 12 of 780 of cutlery (one fork, moved a little), 0.04 % of
# the pairs of coins, which differ in little but the number on them.
NEAR_BITS = 8  # of 64: whole copies differ in 6 or fewer, as do some pictures of like layout
NEAR_COSINE = 0.7  # so the network has to see a likeness too
SAME_COSINE = 0.92  # alone enough: a mirrored or cropped copy changes half of the bits

_CELLS = 4_000_000  # similarities held at a time: 16 MB, whatever the number of photos

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]


def fingerprint(pixels: Pixels) -> int:
    """64-bit perceptual hash of the whole picture (`imagehash.phash`); copies differ in a few bits."""
    from imagehash import phash  # brings SciPy along, which only this needs

    # Squashed as phash would itself, but roughly first, which is several times as fast.
    small = Image.fromarray(pixels).resize((32, 32), Image.Resampling.LANCZOS, reducing_gap=1.0)
    return int(str(phash(small)), 16)


def pairs(fingerprints: NDArray[np.uint64], embeddings: NDArray[np.float32]) -> NDArray[np.int64]:
    """Near-identical photos as pairs of positions (pairs, 2), the smaller first, in order.

    `fingerprints` (n,), `embeddings` (n, features), raw.
    """
    found = [np.stack(block, axis=1) for block in _blocks(fingerprints, embeddings)]
    return np.concatenate([np.empty((0, 2), dtype=np.int64), *found])


def group(fingerprints: NDArray[np.uint64], embeddings: NDArray[np.float32]) -> NDArray[np.int64]:
    """Group number of each photo (n,), from 0 in order of appearance; near-identical photos share one.

    Likeness is passed on: if a is like b and b like c, all three are one group.
    """
    leader = np.arange(len(embeddings))
    for one, other in _blocks(fingerprints, embeddings):
        _join(leader, one, other)
    return np.unique(leader, return_inverse=True)[1].astype(np.int64)


def _blocks(fingerprints: NDArray[np.uint64], embeddings: NDArray[np.float32]) -> Iterator[Pairs]:
    """Near-identical pairs, some rows at a time; every pair once, the smaller position first."""
    length = np.linalg.norm(embeddings, axis=1, keepdims=True)
    unit = embeddings / np.maximum(length, np.finfo(np.float32).tiny)
    rows = max(1, _CELLS // max(1, len(unit)))
    for start in range(0, len(unit), rows):
        cosine = unit[start : start + rows] @ unit[start:].T
        one, other = np.nonzero(np.triu(cosine >= NEAR_COSINE, k=1))
        bits = np.bitwise_count(fingerprints[start + one] ^ fingerprints[start + other])
        near = (bits <= NEAR_BITS) | (cosine[one, other] >= SAME_COSINE)
        yield one[near] + start, other[near] + start


def _join(leader: NDArray[np.int64], one: NDArray[np.int64], other: NDArray[np.int64]) -> None:
    """Give both ends of each pair, and all that they lead, the smallest of their leaders, in place."""
    while True:
        before = leader.copy()
        least = np.minimum(leader[one], leader[other])
        np.minimum.at(leader, leader[one], least)
        np.minimum.at(leader, leader[other], least)
        leader[:] = leader[leader]
        if np.array_equal(leader, before):
            return

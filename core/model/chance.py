"""How easily chance alone gives a difference as large as the one seen: exact tests for few photos."""

from math import comb

import numpy as np
from numpy.typing import NDArray

Marks = NDArray[np.bool_]


def more_among(events: Marks, marked: Marks, strata: NDArray[np.int64]) -> float:
    """Probability of at least so many `events` among the `marked` if marks fell anywhere within each of the strata.

    Fisher's exact test, one-sided; over several strata their counts add up (exact test of Mantel and Haenszel 1959), so
    that a stratum with many events and many marks is no evidence by itself. All arrays are (n,).
    """
    chances = np.ones(1)
    for stratum in np.unique(strata):
        here = strata == stratum
        size, happened, drawn = int(here.sum()), int(events[here].sum()), int(marked[here].sum())
        ways = comb(size, drawn)
        one = [comb(happened, k) * comb(size - happened, drawn - k) / ways for k in range(min(happened, drawn) + 1)]
        chances = np.convolve(chances, one)
    return float(min(1.0, chances[int((events & marked).sum()) :].sum()))


def mcnemar(gained: int, lost: int) -> float:
    """Probability of so uneven a split, or more, of what two classifiers answered differently, were they equally good.

    Exact and two-sided (McNemar 1947): `gained` photos only the one got right, `lost` ones only the other.
    """
    total = gained + lost
    tail = sum(comb(total, k) for k in range(min(gained, lost) + 1))
    return min(1.0, 2 * tail / (1 << total))

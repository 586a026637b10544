"""The exact tests agree with counting every way in which chance could have fallen."""

from itertools import combinations, product

import numpy as np
import pytest

from core.model.chance import mcnemar, more_among


def test_more_among_is_the_share_of_all_ways_to_mark_that_mark_as_many() -> None:
    strata = np.array([0] * 6 + [1] * 5)
    events = np.array([1, 1, 0, 0, 0, 0, 1, 1, 1, 0, 0], dtype=bool)
    marked = np.array([1, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0], dtype=bool)
    ways = list(product(combinations(range(6), 3), combinations(range(6, 11), 2)))
    as_many = sum(events[[*one, *two]].sum() >= (events & marked).sum() for one, two in ways)
    assert more_among(events, marked, strata) == pytest.approx(as_many / len(ways))


def test_marks_that_fill_a_stratum_say_nothing() -> None:
    strata = np.repeat([0, 1], 20)
    assert more_among(strata == 1, strata == 1, strata) == pytest.approx(1)
    assert more_among(strata == 1, strata == 1, np.zeros(40, np.int64)) < 1e-9


def test_thousands_of_photos_overflow_nothing() -> None:
    marked = np.arange(4000) % 2 == 0
    events = np.arange(4000) % 4 == 0
    assert more_among(events, marked, np.zeros(4000, np.int64)) < 1e-100
    assert more_among(~marked, marked, np.zeros(4000, np.int64)) == pytest.approx(1)
    assert mcnemar(2000, 2000) == 1
    assert mcnemar(3000, 1000) < 1e-100


@pytest.mark.parametrize(
    ("gained", "lost", "chance"), [(0, 0, 1), (1, 0, 1), (5, 5, 1), (6, 0, 2 / 64), (8, 1, 20 / 512)]
)
def test_mcnemar_is_a_coin_tossed_for_each_photo_answered_differently(gained: int, lost: int, chance: float) -> None:
    assert mcnemar(gained, lost) == mcnemar(lost, gained) == pytest.approx(chance)

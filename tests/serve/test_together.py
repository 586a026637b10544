"""Work that comes together: few at a time, in order, every answer to whoever asked, and no error to anybody else."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from core.serve.together import Together


def holds(together: Together[int, int], number: int) -> bool:
    return len(together._waiting) == number


def waits_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_what_waits_is_worked_on_together_in_the_order_in_which_it_came() -> None:
    go = threading.Event()
    worked: list[list[int]] = []

    def work(questions: Sequence[int]) -> list[int]:
        worked.append(list(questions))
        assert go.wait(10)
        return [10 * question for question in questions]

    together = Together(work, most=4, at_once=1)
    with ThreadPoolExecutor(16) as pool:
        asked = []
        for number in range(10):
            asked.append(pool.submit(together.ask, number))
            waits_for(partial(holds, together, number))
        go.set()
        assert [each.result(10) for each in asked] == [10 * number for number in range(10)]
    assert worked == [[0], [1, 2, 3, 4], [5, 6, 7, 8], [9]]
    assert together.ask(10) == 100


def test_no_more_calls_run_at_once_than_allowed_and_nobody_is_forgotten() -> None:
    lock = threading.Lock()
    running, most_running, longest = 0, 0, 0

    def work(questions: Sequence[int]) -> list[int]:
        nonlocal running, most_running, longest
        with lock:
            running += 1
            most_running, longest = max(most_running, running), max(longest, len(questions))
        time.sleep(0.001)
        with lock:
            running -= 1
        return [-question for question in questions]

    together = Together(work, most=3, at_once=2)
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(together.ask, range(500), timeout=60)) == [-number for number in range(500)]
    assert most_running == 2
    assert longest == 3
    assert together._idle == 2


def test_what_fails_fails_for_those_who_asked_then_and_for_nobody_else() -> None:
    def work(questions: Sequence[int]) -> list[int]:
        time.sleep(0.001)
        return [12 // question for question in questions]

    together = Together(work, most=1, at_once=2)

    def ask(question: int) -> int | None:
        try:
            return together.ask(question)
        except ZeroDivisionError:
            return None

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, [0, 1, 2, 3] * 20, timeout=60)) == [None, 12, 6, 4] * 20
    with pytest.raises(ZeroDivisionError):
        together.ask(0)

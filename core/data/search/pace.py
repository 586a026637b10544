"""Polite rates: how often, and how many at once, a service is asked by everything that runs in this process."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from core.data.search.hit import Pause
from core.errors import SearchFailed

LONGEST_WAIT = 60.0  # seconds; past that a person is better told than kept waiting


class Pace:
    """Guards the limits of one service: each `(count, seconds)` allows that many starts in any such span."""

    def __init__(self, *limits: tuple[int, float], at_once: int = 1) -> None:
        self._limits = limits
        self._starts: deque[float] = deque(maxlen=max(count for count, _ in limits))
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(at_once)

    @contextmanager
    def turn(self, title: str, pause: Pause) -> Iterator[None]:
        """Waits for a turn with `pause` and holds a place; raises SearchFailed when none comes soon."""
        pause_for = self._reserve(title)
        if pause_for > 0:
            pause(pause_for)
        with self._places:
            yield

    def _reserve(self, title: str) -> float:
        with self._lock:
            now = time.monotonic()
            start = max([now, *(self._starts[-n] + span for n, span in self._limits if len(self._starts) >= n)])
            if start - now > LONGEST_WAIT:
                raise SearchFailed(
                    f"{title} has been asked as often as it allows for now.",
                    hint=f"It may be asked again in {spoken(start - now)}.",
                    kind="throttled",
                )
            self._starts.append(start)
            return start - now


def spoken(seconds: float) -> str:
    """A waiting time as people say it: "40 seconds", "5 minutes", "3 hours"."""
    for span, name in ((3600, "hour"), (60, "minute")):
        if seconds > 1.5 * span:
            return f"{round(seconds / span)} {name}s"
    return f"{max(1, round(seconds))} seconds"

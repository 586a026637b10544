"""How often somebody may ask."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

MOST_KEYS = 10_000  # remembered; the one used longest ago, whose bucket is likeliest to be full again, is forgotten


class Buckets:
    """A token bucket for each key, in memory: `burst` at once, then `rate_per_second`; safe to share."""

    def __init__(self, rate_per_second: float, burst: float, *, now: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate_per_second
        self._burst = burst
        self._now = now
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # key -> tokens, and when there were

    def take(self, key: str) -> float:
        """0 when this one may go on, else the seconds after which it might; nothing is taken then."""
        with self._lock:
            now = self._now()
            tokens, then = self._buckets.pop(key, (self._burst, now))
            tokens = min(self._burst, tokens + (now - then) * self._rate)
            wait = max(0.0, (1 - tokens) / self._rate)
            self._buckets[key] = (tokens if wait else tokens - 1, now)
            if len(self._buckets) > MOST_KEYS:
                self._buckets.popitem(last=False)
            return wait

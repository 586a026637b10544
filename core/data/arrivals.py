"""Work on many items at once, its results as they arrive, stopped at once when nobody wants them any more."""

import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from core.errors import Cancelled

Item = TypeVar("Item")
Result = TypeVar("Result")

POLL_SECONDS = 0.05  # between two looks at whether to stop


def arrivals(
    items: Iterable[Item],
    start: Callable[[Item], Future[Result]],
    *,
    ahead: int,
    should_stop: Callable[[], bool] = lambda: False,
) -> Generator[Result]:
    """The results of `start` on each item, in the order in which they are ready.

    At most `ahead` items are taken from `items` whose results have not been taken from here. `items` is read, and
    closed, in a thread of its own, so that results arrive while it waits, for a search service say. What it raises
    is raised here after the results of the items before; what a result raises is raised at its turn. When
    `should_stop()` holds Cancelled is raised, within a moment, whatever `items` and the work are busy with; then,
    and when the caller stops taking, the work begun is cancelled.
    """
    feeder = _Feeder(items, start, ahead)
    try:
        taken = 0
        while taken != feeder.fed:
            if should_stop():
                raise Cancelled("The download was stopped.")
            try:
                future = feeder.ready.get(timeout=POLL_SECONDS)
            except Empty:
                continue
            if future is None:
                continue
            taken += 1
            result = future.result()
            feeder.release(future)
            yield result
        if feeder.error is not None:
            raise feeder.error
    finally:
        feeder.stop()


class _Feeder(Generic[Item, Result]):
    """Takes items, begins the work on them, and collects the finished; `fed` counts them once all are taken."""

    def __init__(self, items: Iterable[Item], start: Callable[[Item], Future[Result]], ahead: int) -> None:
        self.ready: SimpleQueue[Future[Result] | None] = SimpleQueue()  # None: all items are taken
        self.fed: int | None = None
        self.error: Exception | None = None
        self._items = items
        self._start = start
        self._places = threading.Semaphore(ahead)
        self._lock = threading.Lock()  # so that nothing is begun once all has been cancelled
        self._begun: set[Future[Result]] = set()
        self._is_stopped = False
        threading.Thread(target=self._feed, name="download-feeder", daemon=True).start()

    def release(self, future: Future[Result]) -> None:
        """The caller has this result: there is room for another item."""
        with self._lock:
            self._begun.discard(future)
        self._places.release()

    def stop(self) -> None:
        """Cancel what is begun and begin nothing more; does not wait for it."""
        with self._lock:
            self._is_stopped = True
            begun = list(self._begun)
        for future in begun:
            future.cancel()
        self._places.release()

    def _feed(self) -> None:
        iterator = iter(self._items)
        count = 0
        try:
            self._places.acquire()
            for item in iterator:
                if not self._begin(item):
                    break
                count += 1
                self._places.acquire()
                if self._is_stopped:
                    break
        except Exception as error:
            self.error = error
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()
            self.fed = count
            self.ready.put(None)

    def _begin(self, item: Item) -> bool:
        with self._lock:
            if self._is_stopped:
                return False
            future = self._start(item)
            self._begun.add(future)
        future.add_done_callback(self.ready.put)
        return True

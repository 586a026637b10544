"""Photos of each category from the web: searched, fetched and stored until there are as many as wanted.

What a search found is kept before any of it is fetched, and what became of each find as soon as it is known. Finds
are tried best first, never more at once than photos are missing, so that the same ones end up stored in whatever
order they arrive and however often the program is stopped or killed in between.
"""

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from core.data.download import Downloader, Outcome, Wanted
from core.data.photo import Pixels
from core.data.search import PROVIDERS, Hit, Provider, ProviderOutcome, search_all
from core.data.store import Find, SearchRound, Store
from core.errors import Cancelled, NotFound, SearchFailed

AT_ONCE = 6  # categories
MOST_ROUNDS = 3  # searches for one category in one collection
SURPLUS = 1.5  # hits to ask for in the place of each missing photo: some addresses never give one
FEWEST_ASKED = 10
TICK = 0.1  # seconds between two reports of progress


@dataclass(frozen=True)
class CollectedCategory:
    """What there is after collecting.

    `stored` counts the category's photos from the web, `failed` the finds that gave none, by reason. `problem` says
    why no search could be made (empty when one could).
    """

    stored: int
    failed: dict[str, int]
    rounds: tuple[SearchRound, ...]
    problem: str


@dataclass(frozen=True)
class Collected:
    """By category, in their order."""

    categories: dict[int, CollectedCategory]


def collect(
    store: Store,
    project_id: str,
    *,
    downloader: Downloader[Pixels],
    only: int | None = None,
    providers: Mapping[str, Provider] = PROVIDERS,
    on_photo: Callable[[int, str], None] = lambda category_id, sha256: None,
    on_progress: Callable[[float, str], None] = lambda fraction, words: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Collected:
    """Bring every category of the project to as many photos from the web as its plan wants, or as can be found.

    With `only`, a category's id, that one alone.

    Stopped or killed at any moment it goes on from there when called again. Both callbacks are called in this thread:
    `on_photo` with category and SHA-256 as each photo is stored, `on_progress` about ten times a second, and what
    they raise ends the collection at once, as `should_stop()` does with Cancelled; what has come stays. Raises
    SearchFailed when there is no network, and BadInput when the plan names no search that could be asked.
    """
    plan = store.web.plan(project_id)
    run = _Run(
        store,
        project_id,
        downloader,
        [providers[name] for name in plan.providers if name in providers],
        safe=plan.safe,
        openly_licensed=plan.openly_licensed,
        only=only,
    )
    try:
        run.work(on_photo, on_progress, should_stop)
    except SearchFailed:
        run.halt()
        run.forgive()
        raise
    finally:
        run.halt()
    store.web.end_rounds(project_id)
    collected = _collected(store, project_id, run.lines)
    stored = sum(category.stored for category in collected.categories.values())
    on_progress(1.0, f"Collected: {stored} photos")
    return collected


@dataclass
class _Line:
    """The work on one category. Its lock is held while the store is written to, and then nothing is halted."""

    category_id: int
    lock: threading.Lock = field(default_factory=threading.Lock)
    failed: list[int] = field(default_factory=list)
    problem: str = ""
    is_done: bool = False


@dataclass(frozen=True)
class _Stored:
    category_id: int
    sha256: str


@dataclass(frozen=True)
class _Ended:
    error: BaseException | None


class _Run:
    """One collection: some threads that each work on one category after another, and the caller's, which waits."""

    def __init__(
        self,
        store: Store,
        project_id: str,
        downloader: Downloader[Pixels],
        providers: Sequence[Provider],
        *,
        safe: bool,
        openly_licensed: bool,
        only: int | None,
    ) -> None:
        self._store = store
        self._project_id = project_id
        self._downloader = downloader
        self._providers = providers
        self._safe = safe
        self._openly_licensed = openly_licensed
        self._stopped = threading.Event()
        self._online = threading.Event()  # something was had from the web
        self._events: SimpleQueue[_Stored | _Ended] = SimpleQueue()
        self._waiting: SimpleQueue[_Line] = SimpleQueue()
        wanted = [category.id for category in store.categories(project_id) if not category.is_none]
        self.lines = [_Line(number) for number in wanted if only in (None, number)]

    def work(
        self,
        on_photo: Callable[[int, str], None],
        on_progress: Callable[[float, str], None],
        should_stop: Callable[[], bool],
    ) -> None:
        """Returns when all is done; raises what ends it early, without waiting for what still goes on."""
        for line in self.lines:
            self._waiting.put(line)
        left = min(AT_ONCE, len(self.lines))
        for _ in range(left):
            # A daemon: a search in the middle of its answer is not waited for.
            threading.Thread(target=self._fill_all, name="collect", daemon=True).start()
        reported = -math.inf
        while left:
            if should_stop():
                raise Cancelled("Collecting was stopped.")
            with suppress(Empty):
                event = self._events.get(timeout=TICK)
                if isinstance(event, _Stored):
                    on_photo(event.category_id, event.sha256)
                elif event.error is not None:
                    raise event.error
                else:
                    left -= 1
            if time.monotonic() - reported >= TICK:
                on_progress(*self._progress())
                reported = time.monotonic()

    def halt(self) -> None:
        """From here on nothing is stored."""
        self._stopped.set()
        for line in self.lines:
            with line.lock:
                pass

    def forgive(self) -> None:
        """Without a network, that nothing came of a find tells nothing about it: have it tried again."""
        if not self._online.is_set():
            self._store.web.reopen([find_id for line in self.lines for find_id in line.failed])

    def _fill_all(self) -> None:
        try:
            with suppress(Empty):
                while not self._stopped.is_set():
                    line = self._waiting.get_nowait()
                    with suppress(NotFound):  # deleted by the person meanwhile
                        self._fill(line)
                    line.is_done = True
            self._events.put(_Ended(None))
        except BaseException as error:  # whatever it is, it is the caller's to see
            self._events.put(_Ended(error))

    def _fill(self, line: _Line) -> None:
        """Try what was found, search when nothing is left of it, until there is enough."""
        while not self._stopped.is_set():
            states = self._store.web.collection(self._project_id)
            state = next((state for state in states if state.category_id == line.category_id), None)
            if state is None or state.stored >= state.wanted:
                return
            missing = state.wanted - state.stored
            wave = self._store.web.pending(line.category_id, missing)
            if wave:
                self._fetch(line, wave)
            elif not _may_search(state.rounds) or not self._search(line, missing):
                return

    def _fetch(self, line: _Line, wave: Sequence[Find]) -> None:
        finds = {find.image: find for find in wave}
        with closing(self._downloader.fetch_many(self._wanted(wave))) as outcomes:
            for outcome in outcomes:
                with line.lock:
                    self._check()
                    self._settle(line, finds[outcome.url], outcome)

    def _wanted(self, wave: Sequence[Find]) -> Iterator[Wanted]:
        for find in wave:
            if self._stopped.is_set():
                return
            yield Wanted(find.image, find.thumbnail)

    def _settle(self, line: _Line, find: Find, outcome: Outcome[Pixels]) -> None:
        if outcome.data is None:
            self._store.web.fail(find.id, outcome.reason)
            line.failed.append(find.id)
            return
        self._online.set()
        settled = self._store.web.store(find.id, outcome.data)
        if settled and settled.state == "stored":
            self._events.put(_Stored(line.category_id, settled.sha256))

    def _search(self, line: _Line, missing: int) -> bool:
        """One round; False when it could not be made, while others could."""
        asked = max(FEWEST_ASKED, math.ceil(SURPLUS * missing))
        hits: list[Hit] = []
        outcomes: list[ProviderOutcome] = []
        found = search_all(
            self._store.web.phrases(line.category_id),
            asked,
            providers=self._providers,
            safe=self._safe,
            openly_licensed=self._openly_licensed,
            seen=self._store.web.seen(line.category_id),
            pause=self._pause,
        )
        try:
            for item in found:
                if isinstance(item, Hit):
                    hits.append(item)
                else:
                    outcomes.append(item)
        except SearchFailed as failure:
            if not self._online.is_set():
                raise
            line.problem = str(failure)
        else:
            self._online.set()
        with line.lock:
            self._check()
            self._store.web.add_round(line.category_id, asked, hits, outcomes)
        return not line.problem

    def _pause(self, seconds: float) -> None:
        self._stopped.wait(seconds)
        self._check()

    def _check(self) -> None:
        if self._stopped.is_set():
            raise Cancelled("Collecting was stopped.")

    def _progress(self) -> tuple[float, str]:
        """Fraction done and words, over all categories; one that has all there is counts as full."""
        states = self._store.web.collection(self._project_id)
        done = {line.category_id for line in self.lines if line.is_done}
        full = sum(state.wanted for state in states)
        stored = sum(state.stored for state in states)
        failed = sum(state.failed for state in states)
        have = sum(state.wanted if state.category_id in done else min(state.stored, state.wanted) for state in states)
        if not any(state.rounds for state in states):
            return 0.0, "Searching for photos"
        words = f"Collecting photos: {stored} of {full} stored" + (f", {failed} not usable" if failed else "")
        return have / full, words


def _may_search(rounds: Sequence[SearchRound]) -> bool:
    """Not when the last search of this collection already had all there is."""
    current = [searched for searched in rounds if not searched.is_over]
    return len(current) < MOST_ROUNDS and not (current and current[-1].found < current[-1].asked)


def _collected(store: Store, project_id: str, lines: Sequence[_Line]) -> Collected:
    problems = {line.category_id: line.problem for line in lines}
    reasons: dict[int, Counter[str]] = {}
    for find in store.web.finds(project_id, state="failed"):
        reasons.setdefault(find.category_id, Counter())[find.reason] += 1
    return Collected(
        {
            state.category_id: CollectedCategory(
                state.stored,
                dict(reasons.get(state.category_id, {})),
                state.rounds,
                problems.get(state.category_id, ""),
            )
            for state in store.web.collection(project_id)
        }
    )

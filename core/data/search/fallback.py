"""One search after another until there are enough pictures, and how each of them went."""

import time
from collections import deque
from collections.abc import Container, Iterator, Sequence

from core.data.search.ask import UNREACHED_HINT
from core.data.search.hit import Hit, Pause, Provider, ProviderOutcome
from core.errors import BadInput, SearchFailed

LONGEST_LIST = 1_000  # hits taken of one phrase at one provider, the known ones among them


def search_all(
    queries: Sequence[str],
    wanted: int,
    *,
    providers: Sequence[Provider],
    safe: bool = True,
    openly_licensed: bool = False,
    seen: Container[str] = (),
    pause: Pause = time.sleep,
) -> Iterator[Hit | ProviderOutcome]:
    """Up to `wanted` hits, and after the last hit of each provider that was asked its outcome.

    The providers are asked in order, each for every phrase in turns, page by page as the caller pulls; a caller
    that has enough just stops. An image address in `seen` or met before in this run is left out. `pause` waits
    between requests and may raise. Raises BadInput when there is nothing to ask or nobody to be asked, and, after
    the outcomes, SearchFailed when not one provider could be reached.
    """
    phrases = list(dict.fromkeys(phrase for query in queries if (phrase := " ".join(query.split()))))
    if not phrases:
        raise BadInput("There is no phrase to search for.", hint="Type what the photos should show.")
    asked = [provider for provider in providers if provider.openly_licensed or not openly_licensed]
    if not asked:
        raise BadInput(
            "None of the chosen searches gives openly licensed pictures only.",
            hint="Choose Openverse or Wikimedia Commons, or allow any licence.",
        )
    met: set[str] = set()
    unreached: list[str] = []
    found = 0
    for provider in asked:
        if found >= wanted:
            return
        failures: list[SearchFailed] = []
        before, drawn = found, 0
        searches = [provider.search(phrase, LONGEST_LIST, safe=safe, pause=pause) for phrase in phrases]
        for hit in _in_turns(searches, failures):
            drawn += 1
            if hit.image in met:
                continue
            met.add(hit.image)
            if hit.image in seen:
                continue
            found += 1
            yield hit
            if found >= wanted:
                break
        yield _outcome(provider, found - before, drawn, failures)
        if any(failure.kind == "unreachable" for failure in failures) and not drawn:
            unreached.append(provider.title)
    if len(unreached) == len(asked):
        names = " and ".join(filter(None, (", ".join(unreached[:-1]), unreached[-1])))
        words = f"No network, it seems: {names} could not be reached."
        raise SearchFailed(words, hint=UNREACHED_HINT, kind="unreachable")


def _in_turns(searches: list[Iterator[Hit]], failures: list[SearchFailed]) -> Iterator[Hit]:
    """One hit of each search in turns; after a failure, which is noted, none is begun that has not begun."""
    waiting = deque((search, False) for search in searches)
    while waiting:
        search, has_begun = waiting.popleft()
        if failures and not has_begun:
            continue
        try:
            hit = next(search, None)
        except SearchFailed as failure:
            failures.append(failure)
            continue
        if hit is not None:
            yield hit
            waiting.append((search, True))


def _outcome(provider: Provider, found: int, drawn: int, failures: list[SearchFailed]) -> ProviderOutcome:
    """`drawn` counts the hits that were known already as well."""
    if failures:
        failure = failures[0]
        words = f"{provider.title}: {found} found, then it ended: {failure.message}" if found else failure.message
        return ProviderOutcome(provider.name, found, "throttled" if failure.kind == "throttled" else "failed", words)
    if found:
        return ProviderOutcome(provider.name, found, "found", f"{provider.title}: {found} found.")
    return ProviderOutcome(provider.name, 0, "nothing", f"{provider.title}: nothing{' new' if drawn else ''}.")

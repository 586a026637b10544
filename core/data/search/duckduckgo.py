"""DuckDuckGo's picture search, through the package `ddgs`; licences are not known."""

import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import primp
from ddgs import DDGS
from ddgs.exceptions import DDGSException, TimeoutException

from core.data.network import network
from core.data.search.ask import UNREACHED_HINT, UNTRUSTED, UNTRUSTED_HINT
from core.data.search.hit import Hit, Pause, address_of, size_of, text_of
from core.data.search.pace import Pace
from core.errors import BadInput, SearchFailed

PAGE = 100  # the most that one page gives
MAX_PAGES = 10
SECONDS = 10  # for each of the two requests behind a page
BACK_OFF = 2.0  # seconds before the second try

_NOTHING = "No results found."
_RETRY_HINT = "Try again in some minutes, or with another phrase."


class DuckDuckGo:
    """Asked one page at a time, 20 a minute."""

    name = "duckduckgo"
    title = "DuckDuckGo"
    openly_licensed = False

    def __init__(self) -> None:
        self._pace = Pace((20, 60.0))

    def search(self, query: str, limit: int, *, safe: bool = True, pause: Pause = time.sleep) -> Iterator[Hit]:
        """At most `limit` photos, page by page; raises SearchFailed.

        An empty first page counts as throttling, since `ddgs` tells the two apart nowhere.
        """
        return islice(self._hits(query, safe, pause), limit)

    def _hits(self, query: str, safe: bool, pause: Pause) -> Iterator[Hit]:
        settings = network()
        client = DDGS(settings.proxy, SECONDS, verify=settings.ca_file or True)
        met: set[str] = set()
        for page in range(1, MAX_PAGES + 1):
            hits = [hit for row in self._page(client, query, page, safe, pause) if (hit := _hit(row))]
            fresh = [hit for hit in hits if hit.image not in met]
            if not fresh:  # past its last page the service may repeat it for ever
                return
            met.update(hit.image for hit in fresh)
            yield from fresh

    def _page(self, client: DDGS, query: str, page: int, safe: bool, pause: Pause) -> list[dict[str, Any]]:
        """The rows of one page; tried twice, but not when there is no way to the service."""
        try:
            return self._ask(client, query, page, safe, pause)
        except SearchFailed as failure:
            if failure.kind == "unreachable":
                raise
        pause(BACK_OFF)
        return self._ask(client, query, page, safe, pause)

    def _ask(self, client: DDGS, query: str, page: int, safe: bool, pause: Pause) -> list[dict[str, Any]]:
        try:
            with self._pace.turn(self.title, pause):
                return client.images(
                    query,
                    region="wt-wt",  # no country's results above another's
                    safesearch="on" if safe else "off",
                    type_image="photo",
                    max_results=PAGE,
                    page=page,
                    backend="duckduckgo",  # the other one ignores safe search and every filter
                )
        except DDGSException as error:
            if str(error) == _NOTHING and page > 1:
                return []
            raise _failure(error) from error
        except primp.BuilderError as error:
            raise BadInput(
                "The search cannot use the proxy or the certificates that it was given.",
                hint="Check THIMBLE_PROXY and THIMBLE_CA_FILE.",
            ) from error
        except (TypeError, AttributeError) as error:  # what ddgs raises when a title is null
            raise _failure(DDGSException(error)) from error


def _failure(error: DDGSException) -> SearchFailed:
    """The same in words. ddgs wraps what happened: its client's error, or what reading the answer raised."""
    reason = error.args[0] if error.args else None
    cause = reason.__cause__ if isinstance(reason, Exception) else None
    if str(error) == _NOTHING:
        return SearchFailed("DuckDuckGo: nothing, perhaps throttled.", hint=_RETRY_HINT, kind="throttled")
    if "Could not extract vqd" in str(error):
        return SearchFailed("DuckDuckGo asks for fewer searches.", hint=_RETRY_HINT, kind="throttled")
    if isinstance(error, TimeoutException):
        words = f"DuckDuckGo did not answer within {SECONDS} seconds."
        return SearchFailed(words, hint=UNREACHED_HINT, kind="unreachable")
    if isinstance(cause, primp.RequestError):
        if "certificate" in str(cause):
            return SearchFailed(f"DuckDuckGo{UNTRUSTED}", hint=UNTRUSTED_HINT)
        return SearchFailed("DuckDuckGo could not be reached.", hint=UNREACHED_HINT, kind="unreachable")
    return SearchFailed("DuckDuckGo answered with something that is no search result.", hint=_RETRY_HINT)


def _hit(row: dict[str, Any]) -> Hit | None:
    thumbnail = address_of(row.get("thumbnail"))
    original = address_of(row.get("image"))
    if not (original or thumbnail):
        return None
    return Hit(
        provider=DuckDuckGo.name,
        image=original or thumbnail,
        thumbnail=thumbnail,
        page=address_of(row.get("url")),
        title=text_of(row.get("title")),
        creator="",
        licence="",
        licence_url="",
        width=size_of(row.get("width")) if original else None,
        height=size_of(row.get("height")) if original else None,
    )

"""Openverse: openly licensed pictures of many collections (https://api.openverse.org/v1/)."""

import time
from collections.abc import Iterator
from itertools import islice

from core.data.network import network
from core.data.search.ask import ask_json, http_client
from core.data.search.hit import Hit, Pause, address_of, size_of, text_of
from core.data.search.pace import Pace
from core.errors import SearchFailed

ADDRESS = "https://api.openverse.org/v1/images/"
PAGE = 20  # the most that a caller without a key may ask for; more answers 401
MOST = 240  # results of one query that such a caller gets to see

_NAMES = {"cc0": "CC0", "pdm": "Public Domain Mark"}
_DRAWN = {"svg", "gif"}  # never photos


class Openverse:
    """Asked without a key: 20 times a minute, 200 times a day."""

    name = "openverse"
    title = "Openverse"
    openly_licensed = True

    def __init__(self) -> None:
        self._pace = Pace((20, 60.0), (200, 86_400.0))

    def search(self, query: str, limit: int, *, safe: bool = True, pause: Pause = time.sleep) -> Iterator[Hit]:
        """At most `limit` photos, page by page; raises SearchFailed."""
        return islice(self._hits(query, safe, pause), limit)

    def _hits(self, query: str, safe: bool, pause: Pause) -> Iterator[Hit]:
        fixed = {
            "q": query,
            "page_size": str(PAGE),
            "category": "photograph",
            "mature": "false" if safe else "true",
        }
        with http_client(network()) as client:
            for page in range(1, MOST // PAGE + 1):
                params = fixed | {"page": str(page)}
                answer = ask_json(client, self.title, ADDRESS, params, pace=self._pace, pause=pause)
                results = answer.get("results")
                if not isinstance(results, list):
                    raise SearchFailed(f"{self.title} answered with something that is no search result.")
                yield from filter(None, map(_hit, results))
                if not results or page >= (size_of(answer.get("page_count")) or page):
                    return


def _hit(result: object) -> Hit | None:
    if not isinstance(result, dict) or result.get("filetype") in _DRAWN:
        return None
    image = address_of(result.get("url"))
    if not image:
        return None
    return Hit(
        provider=Openverse.name,
        image=image,
        thumbnail=address_of(result.get("thumbnail")),
        page=address_of(result.get("foreign_landing_url")),
        title=text_of(result.get("title")),
        creator=text_of(result.get("creator")),
        licence=_licence(text_of(result.get("license")), text_of(result.get("license_version"))),
        licence_url=address_of(result.get("license_url")),
        width=size_of(result.get("width")),
        height=size_of(result.get("height")),
    )


def _licence(code: str, version: str) -> str:
    """ "by-sa", "4.0" -> "CC BY-SA 4.0"."""
    name = _NAMES.get(code.lower()) or (f"CC {code.upper()}" if code.lower().startswith("by") else code)
    return f"{name} {version}".strip()

"""Wikimedia Commons: freely licensed pictures (https://www.mediawiki.org/wiki/API:Search, API:Imageinfo)."""

import time
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import islice
from typing import Any

import httpx2

from core.data.network import network
from core.data.search.ask import ask_json, http_client
from core.data.search.hit import Hit, Pause, address_of, size_of, text_of
from core.data.search.pace import Pace
from core.errors import SearchFailed

ADDRESS = "https://commons.wikimedia.org/w/api.php"
PAGE = 50
MAX_PAGES = 20
WIDTH = 500  # pixels; a width that Wikimedia keeps ready, and more than any backbone sees

# Commons has no safe search: these words in a description, and its own list of bad images, stand in for it.
_UNSAFE = "-nude -nudity -naked -erotic -erotica -porn -pornography -fetish -genitals -masturbation"
_PHOTOS = {"image/jpeg", "image/png", "image/webp", "image/tiff"}
_FIXED = {
    "action": "query",
    "format": "json",
    "formatversion": "2",
    "generator": "search",
    "gsrnamespace": "6",
    "gsrlimit": str(PAGE),
    "prop": "imageinfo",
    "iiprop": "url|size|mime|extmetadata|badfile",
    "iiextmetadatafilter": "LicenseShortName|LicenseUrl|Artist",
    "iiurlwidth": str(WIDTH),
}


class Commons:
    """Asked at most three times at once, as Wikimedia wishes; pictures come 500 pixels wide."""

    name = "commons"
    title = "Wikimedia Commons"
    openly_licensed = True

    def __init__(self) -> None:
        self._pace = Pace((60, 60.0), at_once=3)

    def search(self, query: str, limit: int, *, safe: bool = True, pause: Pause = time.sleep) -> Iterator[Hit]:
        """At most `limit` photos, page by page; raises SearchFailed."""
        return islice(self._hits(query, safe, pause), limit)

    def _hits(self, query: str, safe: bool, pause: Pause) -> Iterator[Hit]:
        params = _FIXED | {"gsrsearch": f"filetype:bitmap {query}" + (f" {_UNSAFE}" if safe else "")}
        further: dict[str, str] = {}
        with http_client(network()) as client:
            for _ in range(MAX_PAGES):
                answer = self._ask(client, params | further, pause)
                # The order of the list is that of the pages' numbers; the rank stands in `index`.
                pages = sorted(_pages(answer), key=lambda page: size_of(page.get("index")) or 0)
                yield from (hit for page in pages if (hit := _hit(page, safe)))
                onward = answer.get("continue")
                if not isinstance(onward, dict) or not onward:
                    return
                further = {str(key): str(value) for key, value in onward.items()}

    def _ask(self, client: httpx2.Client, params: dict[str, str], pause: Pause) -> dict[str, Any]:
        """One answer; MediaWiki reports faults of its own with HTTP 200 and an `error`."""
        answer = ask_json(client, self.title, ADDRESS, params, pace=self._pace, pause=pause)
        if "error" not in answer:
            return answer
        error = answer["error"] if isinstance(answer["error"], dict) else {}
        if error.get("code") in {"ratelimited", "maxlag"}:
            hint = "Try again in some minutes."
            raise SearchFailed(f"{self.title} asks for fewer searches.", hint=hint, kind="throttled")
        raise SearchFailed(f"{self.title} refuses the search: {text_of(error.get('info'))[:200] or 'no reason given'}")


def _pages(answer: dict[str, Any]) -> list[dict[str, Any]]:
    query = answer.get("query", {"pages": []})  # no hits: no query
    pages = query.get("pages") if isinstance(query, dict) else None
    if not isinstance(pages, list):
        raise SearchFailed(f"{Commons.title} answered with something that is no search result.")
    return [page for page in pages if isinstance(page, dict)]


def _hit(page: dict[str, Any], safe: bool) -> Hit | None:
    infos = page.get("imageinfo")
    info = infos[0] if isinstance(infos, list) and infos else None
    if not isinstance(info, dict) or info.get("mime") not in _PHOTOS or (safe and info.get("badfile")):
        return None
    small = address_of(info.get("thumburl"))
    image = small or address_of(info.get("url"))
    if not image:
        return None
    return Hit(
        provider=Commons.name,
        image=image,
        thumbnail="",
        page=address_of(info.get("descriptionurl")),
        title=text_of(page.get("title")).removeprefix("File:").rpartition(".")[0],
        creator=plain_text(_extra(info, "Artist")),
        licence=plain_text(_extra(info, "LicenseShortName")),
        licence_url=address_of(_extra(info, "LicenseUrl")),
        width=size_of(info.get("thumbwidth" if small else "width")),
        height=size_of(info.get("thumbheight" if small else "height")),
    )


def _extra(info: dict[str, Any], field: str) -> str:
    entries = info.get("extmetadata")
    entry = entries.get(field) if isinstance(entries, dict) else None
    return text_of(entry.get("value")) if isinstance(entry, dict) else ""


class _Words(HTMLParser):
    """Gathers the text between the tags, but not styles and scripts."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in {"style", "script"}
        if tag in {"br", "p", "div", "li", "td", "tr"}:
            self.words.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"style", "script"} and self._hidden > 0

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)


def plain_text(html: str) -> str:
    """What a reader of the HTML sees, in one line."""
    parser = _Words()
    parser.feed(html)
    parser.close()
    return text_of("".join(parser.words))

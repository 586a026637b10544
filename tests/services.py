"""Handlers for the stand-in internet that answer as DuckDuckGo, Openverse and Wikimedia Commons do.

    Internet({DUCKDUCKGO: duckduckgo(catalogue), OPENVERSE: openverse(catalogue), COMMONS: commons(catalogue)})

A catalogue names the pictures for each phrase; a phrase that it lacks finds nothing. A service is dead when its
host is left out, and unwell for a while with `first(answers, then=handler)`, or for good with `always(answer)`.
"""

import hashlib
import html
import json
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.internet import Handler, Request, Response

DUCKDUCKGO = "duckduckgo.com"
OPENVERSE = "api.openverse.org"
COMMONS = "commons.wikimedia.org"


@dataclass(frozen=True)
class Picture:
    """One picture as a service knows it; a `mature` one is shown only where safe search is off."""

    title: str
    image: str
    thumbnail: str = ""
    page: str = ""
    creator: str = ""
    licence: str = "CC BY-SA 4.0"
    licence_url: str = "https://creativecommons.org/licenses/by-sa/4.0/"
    width: int = 800
    height: int = 600
    mature: bool = False


Catalogue = Mapping[str, Sequence[Picture]]


def duckduckgo(pictures: Catalogue) -> Handler:
    """The page that holds a vqd, and i.js, which wants it back and gives 100 results from `s` on."""

    def answer(request: Request) -> Response:
        query = request.query.get("q", "")
        vqd = f"4-{hashlib.md5(query.encode()).hexdigest()}"
        if request.path == "/":
            return Response(body=f'<html><script>x={{vqd="{vqd}"}}</script></html>'.encode())
        if request.path != "/i.js" or request.query.get("vqd") != vqd:
            return Response(status=403)
        found = _shown(pictures, query, safe=request.query.get("p") == "1")
        start = int(request.query.get("s", "0"))
        return _json({"results": [_duckduckgo_row(picture) for picture in found[start : start + 100]]})

    return answer


def openverse(pictures: Catalogue) -> Handler:
    """The image search as a caller without a key meets it: 401 for more than 20 a page or past 240 results."""

    def answer(request: Request) -> Response:
        size = int(request.query.get("page_size", "20"))
        page = int(request.query.get("page", "1"))
        if size > 20 or size * page > 240:
            return _json({"detail": "page_size must be between 1 & 20 for anonymous requests."}, status=401)
        found = _shown(pictures, request.query["q"], safe=request.query.get("mature") != "true")
        rows = [_openverse_row(number, picture) for number, picture in enumerate(found)]
        return _json(
            {
                "result_count": len(rows),
                "page_count": -(-len(rows) // size),
                "page_size": size,
                "page": page,
                "results": rows[(page - 1) * size : page * size],
            }
        )

    return answer


def commons(pictures: Catalogue) -> Handler:
    """MediaWiki's search generator: pages sorted by number with their rank in `index`, `continue` while more."""

    def answer(request: Request) -> Response:
        if "contact" not in request.headers.get("user-agent", ""):
            return Response(status=403, body=b"Please set a user-agent and respect our robot policy")
        terms = re.sub(r"(?<!\S)(-\S+|\w+:\S+)", "", request.query["gsrsearch"])
        found = _shown(pictures, " ".join(terms.split()), safe=False)
        size, start = int(request.query["gsrlimit"]), int(request.query.get("gsroffset", "0"))
        ranked = list(enumerate(found))[start : start + size]
        if not ranked:
            return _json({"batchcomplete": True})
        pages = [_commons_page(rank, picture) for rank, picture in ranked]
        body: dict[str, Any] = {"query": {"pages": sorted(pages, key=lambda page: page["pageid"])}}
        if start + size < len(found):
            body["continue"] = {"gsroffset": start + size, "continue": "gsroffset||"}
        return _json(body)

    return answer


def first(answers: Sequence[Response], *, then: Handler, path: str = "") -> Handler:
    """These answers to the first requests (for that path only, if one is named), then the handler's."""
    left = list(answers)
    lock = threading.Lock()

    def answer(request: Request) -> Response:
        with lock:
            if left and path in ("", request.path):
                return left.pop(0)
        return then(request)

    return answer


def always(response: Response, *, but: Handler | None = None, path: str = "") -> Handler:
    """This answer to every request; with `path`, the handler `but` answers for every other path."""

    def answer(request: Request) -> Response:
        return response if but is None or request.path == path else but(request)

    return answer


def throttled(status: int = 429, retry_after: str | None = None) -> Response:
    """What a service says that is asked too often."""
    return Response(status=status, headers={} if retry_after is None else {"Retry-After": retry_after})


def broken(status: int = 500) -> Response:
    """A fault of the service's own."""
    return Response(status=status, body=b"<h1>Internal error</h1>")


def malformed(body: bytes = b'{"results": [') -> Response:
    """HTTP 200 with something that is no JSON."""
    return Response(headers={"Content-Type": "application/json"}, body=body)


def _shown(pictures: Catalogue, query: str, *, safe: bool) -> list[Picture]:
    return [picture for picture in pictures.get(query, ()) if not (safe and picture.mature)]


def _json(body: Any, status: int = 200) -> Response:
    return Response(status, {"Content-Type": "application/json"}, json.dumps(body).encode())


def _duckduckgo_row(picture: Picture) -> dict[str, Any]:
    return {
        "title": picture.title,
        "image": picture.image,
        "thumbnail": picture.thumbnail,
        "url": picture.page,
        "height": str(picture.height),  # sizes come as text now and then
        "width": picture.width,
        "source": "Bing",
        "image_token": "0",
    }


def _openverse_row(number: int, picture: Picture) -> dict[str, Any]:
    code, _, version = picture.licence.removeprefix("CC ").rpartition(" ")
    return {
        "id": f"00000000-0000-0000-0000-{number:012}",
        "title": picture.title,
        "url": picture.image,
        "thumbnail": picture.thumbnail or None,
        "foreign_landing_url": picture.page or None,
        "creator": picture.creator or None,
        "creator_url": None,
        "license": {"CC0": "cc0", "Public Domain Mark": "pdm"}.get(code, code.lower()),
        "license_version": version,
        "license_url": picture.licence_url,
        "provider": "flickr",
        "filetype": "jpg",
        "width": picture.width,
        "height": picture.height,
        "mature": picture.mature,
    }


def _commons_page(rank: int, picture: Picture) -> dict[str, Any]:
    artist = (
        f'<a href="//commons.wikimedia.org/wiki/User:X" title="User:X"><bdi>{html.escape(picture.creator)}</bdi></a>'
    )
    fields = {"LicenseShortName": picture.licence, "LicenseUrl": picture.licence_url, "Artist": artist}
    info = {
        "size": 1_234_567,
        "width": picture.width * 4,
        "height": picture.height * 4,
        "url": picture.image,
        "thumburl": picture.thumbnail or picture.image,
        "thumbwidth": picture.width,
        "thumbheight": picture.height,
        "descriptionurl": picture.page,
        "mime": "image/jpeg",
        "badfile": picture.mature,
        "extmetadata": {name: {"value": value, "source": "commons-desc-page"} for name, value in fields.items()},
    }
    number = int(hashlib.md5(picture.image.encode()).hexdigest()[:6], 16)
    return {"pageid": number, "ns": 6, "title": f"File:{picture.title}.jpg", "index": rank + 1, "imageinfo": [info]}

"""A small web of drawn photos behind the stand-in internet: what the services know, and the hosts that serve it."""

import io

from tests.conftest import draw_shape
from tests.internet import Internet, Request, Response
from tests.services import COMMONS, DUCKDUCKGO, OPENVERSE, Picture, commons, duckduckgo, openverse

HOST = "pictures.example"


def jpeg(kind: str, number: int) -> bytes:
    """A drawn photo as its host sends it."""
    data = io.BytesIO()
    draw_shape(kind, number).resize((320, 240)).save(data, "JPEG", quality=90)
    return data.getvalue()


def picture(kind: str, number: int) -> Picture:
    """What a search says of a drawn photo."""
    return Picture(
        title=f"{kind} number {number}",
        image=f"https://{HOST}/{kind}/{number}.jpg",
        page=f"https://www.{HOST}/page/{kind}/{number}",
        creator="A. Maker",
    )


def serve(request: Request) -> Response:
    """The photo at /kind/number.jpg; every fifth is a web page that only calls itself one."""
    kind, name = request.path.strip("/").split("/")
    number = int(name.removesuffix(".jpg"))
    if number % 5 == 4:
        return Response(headers={"Content-Type": "image/jpeg"}, body=b"<html><body>No such picture</body></html>")
    return Response(headers={"Content-Type": "image/jpeg"}, body=jpeg(kind, number))


def web_of(kinds: tuple[str, ...], count: int, *, latency: float = 0.02) -> Internet:
    """An internet whose three searches know `count` drawn photos of each kind, under the kind's name."""
    catalogue = {kind: [picture(kind, number) for number in range(count)] for kind in kinds}
    hosts = {
        DUCKDUCKGO: duckduckgo(catalogue),
        OPENVERSE: openverse({}),
        COMMONS: commons({}),
        HOST: serve,
    }
    return Internet(hosts, latency=latency)

"""Every way in which strangers' servers misbehave, through the real HTTP stack; nothing private is ever asked."""

import gzip
import itertools
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TypeVar

import httpcore2
import numpy as np
import pytest
from PIL import Image

from core.data.download import Downloader, Limits, Outcome, Wanted, decode_thumbnail
from core.data.photo import decode
from core.errors import BadInput, BadPhoto, Cancelled
from tests.internet import CutShort, Internet, Request, Response

T = TypeVar("T")

PUBLIC = "93.184.216.34"
PUBLIC_6 = "2606:2800:220:1::1"
QUICK = Limits(connect=2, read=2, whole=5, bytes=200_000)
HANG = 30.0  # seconds that a server would keep us, and far more than any test may take


def picture(width: int = 64, height: int = 48, kind: str = "JPEG") -> bytes:
    file = BytesIO()
    Image.new("RGB", (width, height), (200, 90, 30)).save(file, kind)
    return file.getvalue()


JPEG = picture()


@dataclass
class World:
    """The stand-in internet, reached whatever address is connected to; remembers every address asked for."""

    internet: Internet
    names: dict[str, list[list[str]]] = field(default_factory=dict)  # answers one after another, the last for ever
    dead: set[str] = field(default_factory=set)
    port: int = 0
    asked: list[tuple[str, int]] = field(default_factory=list)
    looked_up: list[str] = field(default_factory=list)

    def resolve(self, host: str) -> list[str]:
        self.looked_up.append(host)
        answers = self.names.get(host) or ([[PUBLIC]] if host in self.internet.hosts else [])
        if not answers:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async def connect(self, address: str, port: int, timeout: float | None) -> httpcore2.AsyncNetworkStream:
        self.asked.append((address, port))
        if address in self.dead:
            raise httpcore2.ConnectError("nobody there")
        here = self.port or self.internet.port
        return await httpcore2.AnyIOBackend().connect_tcp("127.0.0.1", here, timeout=timeout)

    def downloader(
        self,
        read: Callable[[bytes], T],
        *,
        limits: Limits = QUICK,
        proxy: str = "",
        read_fallback: Callable[[bytes], T] | None = None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Downloader[T]:
        return Downloader(
            read,
            read_fallback=read_fallback,
            limits=limits,
            proxy=proxy,
            ca_file=self.internet.ca_file,
            should_stop=should_stop,
            resolve=self.resolve,
            connect=self.connect,
        )


@pytest.fixture
def world() -> Iterator[World]:
    with Internet() as internet:
        world = World(internet)
        yield world
    assert {address for address, _ in world.asked} <= {PUBLIC, PUBLIC_6}, "a private address was connected to"


def serve(response: Response) -> Callable[[Request], Response]:
    return lambda request: response


def fetched(world: World, url: str, *, fallback: str = "", limits: Limits = QUICK) -> Outcome[bytes]:
    with world.downloader(bytes, limits=limits) as downloader:
        return downloader.fetch(url, fallback=fallback)


def endless(piece: bytes, sent: list[int], *, pause: Callable[[], object] = lambda: None) -> Iterator[bytes]:
    """The same piece for ever; `sent` gets the number of bytes that were taken, and the end of it, if any, as -1."""
    sent.append(0)
    try:
        while True:
            yield piece
            sent[0] += len(piece)
            pause()
    finally:
        sent.append(-1)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + HANG
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


# What goes well


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_picture_arrives(world: World, scheme: str) -> None:
    world.internet.hosts["cats.example"] = serve(Response(body=JPEG))
    outcome = fetched(world, f"{scheme}://cats.example/a%20cat.jpg?size=2")
    assert (outcome.data, outcome.reason) == (JPEG, "")
    assert outcome.url == outcome.final_url == f"{scheme}://cats.example/a%20cat.jpg?size=2"
    assert outcome.seconds > 0
    (request,) = world.internet.log
    assert (request.scheme, request.host, request.path) == (scheme, "cats.example", "/a%20cat.jpg")
    assert request.query == {"size": "2"}
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["user-agent"].startswith("Thimble/")
    assert world.asked == [(PUBLIC, 443 if scheme == "https" else 80)]
    assert world.internet.connections == {"direct": 1}


def test_badly_quoted_addresses_are_mended(world: World) -> None:
    world.internet.hosts["cats.example"] = serve(Response(body=JPEG))
    world.internet.hosts["xn--ktzchen-5wa.example"] = serve(Response(body=JPEG))
    assert fetched(world, " http://cats.example/a cat \u2014 big.jpg?q=é|x#top\n").data == JPEG
    assert fetched(world, "http://kätzchen.example").data == JPEG
    first, second = world.internet.log
    assert (first.path, first.query) == ("/a%20cat%20%E2%80%94%20big.jpg", {"q": "é|x"})
    assert second.path == "/"


def test_a_host_is_asked_again_on_the_line_that_is_open(world: World) -> None:
    world.internet.hosts["cats.example"] = serve(Response(body=JPEG))
    with world.downloader(bytes) as downloader:
        for _ in range(3):
            assert downloader.fetch("https://cats.example/").data == JPEG
    assert len(world.asked) == 1
    assert len(world.internet.log) == 3


def test_what_counts_is_the_picture_and_not_its_label(world: World) -> None:
    world.internet.hosts["cats.example"] = lambda request: Response(
        body=picture(kind=request.query["kind"]), headers={"Content-Type": request.query["type"]}
    )
    with world.downloader(decode) as downloader:
        for kind, label in [("WEBP", "image/jpeg"), ("PNG", "text/html"), ("JPEG", "application/octet-stream")]:
            outcome = downloader.fetch(f"http://cats.example/a.jpg?kind={kind}&type={label}")
            assert outcome.data is not None
            assert outcome.data.shape == (48, 64, 3)


# Where it may go

PRIVATE = [
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "10.1.2.3",
    "172.31.255.255",
    "192.168.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.127.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "203.0.113.1",
    "224.0.0.251",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:a00:1::1",
    "2002:808:808::1",
    "2606:2800:220:1:0:5efe:10.0.0.1",
    "2606:2800:220:1:200:5efe:127.0.0.1",
    "3fff::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%lo",
    f"{PUBLIC_6}%lo",
    "fec0::1",
    "ff02::1",
    "not an address",
]
FORBIDDEN = [
    "",
    "cats.jpg",
    "//cats.example/a.jpg",
    "file:///etc/passwd",
    "ftp://cats.example/a.jpg",
    "data:image/png;base64,iVBORw0KGgo=",
    "javascript:alert(1)",
    "gopher://cats.example/",
    "http://",
    "http:///a.jpg",
    "http://cats.example:22/",
    "http://cats.example:6379/",
    "http://cats.example:0/",
    "http://cats.example:99999/",
    "http://cats.example:x/",
    "http://person@cats.example/",
    "http://person:secret@cats.example/",
    "http://cats.example@127.0.0.1/",
    "http://127.0.0.1\\@cats.example/",
    "http://cats.example\\@127.0.0.1/",
    "http://cats..example/",
    "http://cats.example%2f.evil.example/",
    "http://" + "a" * 64 + ".example/",
    "http://" + "a." * 130 + "example/",
    "http://cats.example/" + "a" * 10_000,
    "http://cats.example:80:80/",
    "http://[::1/",
    "http://[v1.fe]/",
    "http://127.0.0.1/",
    "http://127.0.0.1:8080/",
    "http://127.0.0.1./",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7F.0.0.1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://127.0.0.1.:80/",
    "http://0/",
    "http://0.0.0.0/",
    "http://１２７.0.0.1/",
    "http://127。0。0。1/",
    "http://①②⑦.0.0.1/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://[::1]/",
    "http://[::]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fd00::1]/",
    "http://[ff02::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::127.0.0.1]/",
    "http://[2002:7f00:1::]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://localhost/",
    "http://LOCALHOST./",
    "http://cats.localhost/",
    "http://router/",
    "http://printer.local/",
    "http://metadata.google.internal/",
]


@pytest.mark.parametrize("is_proxied", [False, True])
def test_an_address_that_must_not_be_asked_is_refused_unseen(world: World, is_proxied: bool) -> None:
    proxy = world.internet.proxy_url if is_proxied else ""
    with world.downloader(bytes, proxy=proxy) as downloader:
        reasons = {o.url: o.reason for o in downloader.fetch_many(map(Wanted, FORBIDDEN)) if o.data is None}
    assert reasons.keys() == set(FORBIDDEN)
    for url, reason in reasons.items():
        assert reason.startswith("The address "), url
    assert (world.asked, world.looked_up, world.internet.connections) == ([], [], {})


@pytest.mark.parametrize("is_proxied", [False, True])
def test_a_name_of_a_private_place_is_refused(world: World, is_proxied: bool) -> None:
    world.internet.hosts["*.example"] = serve(Response(body=JPEG))
    world.names = {f"h{number}.example": [[address]] for number, address in enumerate(PRIVATE)}
    proxy = world.internet.proxy_url if is_proxied else ""
    with world.downloader(bytes, proxy=proxy) as downloader:
        reasons = {
            world.names[o.url.split("/")[2]][0][0]: o.reason
            for o in downloader.fetch_many(Wanted(f"http://{host}/a.jpg") for host in world.names)
            if o.data is None
        }
    assert reasons.keys() == set(PRIVATE)
    for address, reason in reasons.items():
        assert reason.startswith("The address leads to a private place"), address
    assert (world.asked, world.internet.connections) == ([], {})


@pytest.mark.parametrize("address", [PUBLIC, PUBLIC_6])
def test_public_addresses_are_asked_by_name_and_by_number(world: World, address: str) -> None:
    world.internet.hosts.update({"cats.example": serve(Response(body=JPEG)), address: serve(Response(body=JPEG))})
    world.names["cats.example"] = [[address]]
    number = f"[{address}]" if ":" in address else address
    assert fetched(world, "https://cats.example/").data == JPEG
    assert fetched(world, f"http://{number}/").data == JPEG
    assert world.asked == [(address, 443), (address, 80)]
    assert world.looked_up == ["cats.example"]


def test_of_a_names_addresses_only_the_public_are_tried(world: World) -> None:
    world.internet.hosts["cats.example"] = serve(Response(body=JPEG))
    world.names["cats.example"] = [["127.0.0.1", PUBLIC, "10.0.0.1", PUBLIC_6, "::1"]]
    world.dead = {PUBLIC}
    assert fetched(world, "http://cats.example/").data == JPEG
    assert world.asked == [(PUBLIC, 80), (PUBLIC_6, 80)]
    world.dead = {PUBLIC, PUBLIC_6}
    assert fetched(world, "http://cats.example/").reason == "The server cannot be reached."
    assert len(world.asked) == 4


@pytest.mark.parametrize("private", ["127.0.0.1", "169.254.169.254", "::1"])
def test_a_name_that_is_public_first_and_private_then(world: World, private: str) -> None:
    """Each connection is made to the very address that was checked, so there is no second answer to fall for."""
    world.internet.hosts["turncoat.example"] = lambda request: Response(
        status=302, headers={"Location": "/again", "Connection": "close"}
    )
    world.names["turncoat.example"] = [[PUBLIC], [private]]
    outcome = fetched(world, "http://turncoat.example/")
    assert outcome.reason == "The address leads to a private place (turncoat.example)."
    assert world.looked_up == ["turncoat.example"] * 2
    assert world.asked == [(PUBLIC, 80)]


# Redirects


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1/secret",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://0x7f.1/",
        "http://localhost/",
        "//127.0.0.1/",
        "file:///etc/passwd",
        "ftp://cats.example/",
        "http://inside.example/",
        "http://cats.example:22/",
        "http://[/",
        "http://\xff\xfe/",
    ],
)
def test_a_redirect_to_what_must_not_be_asked_is_not_followed(world: World, location: str) -> None:
    world.internet.hosts["cats.example"] = serve(Response(status=302, headers={"Location": location}))
    world.names["inside.example"] = [["10.0.0.1"]]
    for proxy in ("", world.internet.proxy_url):
        with world.downloader(bytes, proxy=proxy) as downloader:
            outcome = downloader.fetch("http://cats.example/")
        assert outcome.data is None
        assert "expect" not in outcome.reason
    assert world.asked == [(PUBLIC, 80)]
    assert world.internet.connections == {"direct": 1, "cats.example:80": 1}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_to_the_picture(world: World, status: int) -> None:
    world.internet.hosts["cats.example"] = serve(Response(status=status, headers={"Location": "../b?c=d e"}))
    world.internet.hosts["cats.example"] = lambda request: {
        "/x/a": Response(status=status, headers={"Location": "../b"}),
        "/b": Response(status=status, headers={"Location": "https://dogs.example/c"}),
    }[request.path]
    world.internet.hosts["dogs.example"] = serve(Response(body=JPEG))
    outcome = fetched(world, "http://cats.example/x/a")
    assert (outcome.data, outcome.url) == (JPEG, "http://cats.example/x/a")
    assert outcome.final_url == "https://dogs.example/c"
    assert world.looked_up[-1] == "dogs.example"


def test_five_redirects_are_followed_and_no_more(world: World) -> None:
    def count_down(request: Request) -> Response:
        left = int(request.path[1:])
        return Response(status=302, headers={"Location": f"/{left - 1}"}) if left else Response(body=JPEG)

    world.internet.hosts["cats.example"] = count_down
    assert fetched(world, "http://cats.example/5").data == JPEG
    assert fetched(world, "http://cats.example/6").reason == "The server redirects more than 5 times."


def test_a_redirect_loop_ends(world: World) -> None:
    world.internet.hosts["a.example"] = serve(Response(status=302, headers={"Location": "http://b.example/"}))
    world.internet.hosts["b.example"] = serve(Response(status=302, headers={"Location": "http://a.example/"}))
    assert fetched(world, "http://a.example/").reason == "The server redirects more than 5 times."
    assert len(world.internet.log) == 6


# Servers that are not there, or not well


def test_no_such_name_and_nobody_there(world: World) -> None:
    assert fetched(world, "http://gone.example/").reason == "No server of the name gone.example is known."
    world.internet.hosts["dead.example"] = serve(Response(body=JPEG))
    world.names["empty.example"] = [[]]
    assert fetched(world, "http://empty.example/").reason == "No server of the name empty.example is known."
    world.dead = {PUBLIC}
    assert fetched(world, "https://dead.example/").reason == "The server cannot be reached."


def test_a_resolver_that_hangs_is_given_up(world: World) -> None:
    hang = threading.Event()

    def resolve(host: str) -> list[str]:
        hang.wait(HANG)
        return [PUBLIC]

    limits = Limits(connect=0.2)
    with Downloader(bytes, limits=limits, proxy="", ca_file="", resolve=resolve) as downloader:
        assert downloader.fetch("http://slow.example/").reason == "No server of the name slow.example is known."
    hang.set()


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (404, "The server answered 404 (Not Found)."),
        (403, "The server answered 403 (Forbidden)."),
        (429, "The server answered 429 (Too Many Requests)."),
        (500, "The server answered 500 (Internal Server Error)."),
        (503, "The server answered 503 (Service Unavailable)."),
        (204, "The server answered 204 (No Content)."),
        (304, "The server answered 304 (Not Modified)."),
        (302, "The server answered 302 (Found)."),
        (599, "The server answered 599."),
    ],
)
def test_an_answer_that_is_no_picture_is_named(world: World, status: int, reason: str) -> None:
    world.internet.hosts["cats.example"] = serve(Response(status=status))
    assert fetched(world, "http://cats.example/").reason == reason


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0\1\2 what?\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nhello!!",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100\r\nhalf",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        b"220 mail.example ESMTP\r\n",
    ],
)
def test_what_is_not_http_or_breaks_off_is_a_reason(world: World, raw: bytes) -> None:
    world.internet.hosts["cats.example"] = lambda request: Response(raw=iter([raw]))
    outcome = fetched(world, "http://cats.example/")
    assert outcome.data is None
    assert outcome.reason.startswith("The server ")


def test_a_body_cut_short_is_a_reason(world: World) -> None:
    def half() -> Iterator[bytes]:
        yield JPEG[:100]
        raise CutShort

    world.internet.hosts["a.example"] = lambda request: Response(body=half())
    world.internet.hosts["b.example"] = serve(Response(body=JPEG[:100], headers={"Content-Length": str(len(JPEG))}))
    for host in ("a", "b"):
        outcome = fetched(world, f"https://{host}.example/")
        assert outcome.reason == "The server broke off, or does not answer as a web server does."


@pytest.mark.parametrize("fault", ["misnamed", "untrusted"])
def test_a_server_that_cannot_prove_its_name_is_asked_nothing(world: World, fault: str) -> None:
    world.internet.hosts["bank.example"] = serve(Response(body=JPEG))
    getattr(world.internet, fault).add("bank.example")
    outcome = fetched(world, "https://bank.example/")
    assert outcome.reason.startswith("The server cannot prove that it is who it says")
    assert (world.internet.log, world.internet.connections) == ([], {"direct": 1})


def test_authorities_are_trusted_only_when_named(world: World) -> None:
    world.internet.hosts["cats.example"] = serve(Response(body=JPEG))
    with Downloader(bytes, proxy="", ca_file="", resolve=world.resolve, connect=world.connect) as downloader:
        assert "certificate" in downloader.fetch("https://cats.example/").reason
    assert world.internet.log == []


def test_plain_text_where_tls_should_be(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        world.port = server.getsockname()[1]
        threading.Thread(target=lambda: server.accept()[0].close(), daemon=True).start()
        world.names["cats.example"] = [[PUBLIC]]
        assert fetched(world, "https://cats.example/").reason == "The server cannot be reached."


# Servers without end


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_says_nothing_is_given_up(world: World, scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        world.port = server.getsockname()[1]
        world.names["silent.example"] = [[PUBLIC]]
        outcome = fetched(world, f"{scheme}://silent.example/", limits=Limits(connect=0.3, read=0.3))
        assert outcome.reason == "The server did not answer in time."
        assert outcome.seconds < HANG / 2


def test_a_server_that_stops_in_the_middle_is_given_up(world: World) -> None:
    def stuck() -> Iterator[bytes]:
        yield JPEG[:10]
        world.internet.stopping.wait(HANG)

    world.internet.hosts["cats.example"] = lambda request: Response(body=stuck())
    outcome = fetched(world, "https://cats.example/", limits=Limits(read=0.3))
    assert outcome.reason == "The server did not answer in time."
    assert outcome.seconds < HANG / 2


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_a_steady_drip_is_given_up(world: World, start: bytes) -> None:
    """Head or body: each byte comes in time, the whole never does."""
    sent: list[int] = []
    drip = partial(world.internet.stopping.wait, 0.05)
    world.internet.hosts["drip.example"] = lambda request: Response(
        raw=itertools.chain([start], endless(b"H", sent, pause=drip))
    )
    outcome = fetched(world, "http://drip.example/", limits=Limits(whole=0.5))
    assert outcome.reason == "It took longer than 0.5 seconds."
    assert outcome.seconds < HANG / 2


@pytest.mark.slow
def test_all_hops_share_one_time(world: World) -> None:
    world.internet.hosts["cats.example"] = lambda request: Response(status=302, headers={"Location": "/"}, delay=0.4)
    outcome = fetched(world, "http://cats.example/", limits=Limits(whole=1.0))
    assert outcome.reason == "It took longer than 1 seconds."
    assert len(world.internet.log) < 6


@pytest.mark.slow
def test_waiting_for_its_turn_counts_as_nobodys_slowness(world: World) -> None:
    world.internet.latency = 0.4
    world.internet.hosts["*.example"] = serve(Response(body=JPEG))
    world.names |= {f"h{number}.example": [[PUBLIC]] for number in range(5)}
    with (
        world.downloader(bytes, limits=Limits(whole=1.5, at_once=1)) as downloader,
        ThreadPoolExecutor(5) as threads,
    ):
        outcomes = threads.map(downloader.fetch, [f"http://h{number}.example/" for number in range(5)])
        assert [outcome.reason for outcome in outcomes] == [""] * 5


@pytest.mark.parametrize("length", [{}, {"Content-Length": "190000"}], ids=["chunked", "cut at its length"])
def test_an_endless_body_is_not_read_on(world: World, length: dict[str, str]) -> None:
    sent: list[int] = []
    world.internet.hosts["cats.example"] = lambda request: Response(
        body=endless(b"\xff" * 60_000, sent), headers=length
    )
    outcome = fetched(world, "https://cats.example/")
    if length:
        assert len(outcome.data or b"") == 190_000  # as promised; what lies beyond is never looked at
    else:
        assert outcome.reason == "The file is larger than 0.2 MB."
    wait_until(lambda: sent[-1] == -1)
    assert sent[0] < 20_000_000  # what the machine's own buffers swallow


def test_a_body_that_says_how_much_too_large_it_is_is_not_begun(world: World) -> None:
    sent: list[int] = []
    world.internet.hosts["cats.example"] = lambda request: Response(
        body=endless(b"\xff" * 60_000, sent), headers={"Content-Length": "9999999999999"}
    )
    assert fetched(world, "http://cats.example/", limits=Limits()).reason == "The file is larger than 25 MB."
    wait_until(lambda: sent[-1] == -1)
    assert sent[0] < 20_000_000


@pytest.mark.parametrize("piece", [b"X" * 65_536, b"X-Header: " + b"x" * 1000 + b"\r\n", b"HTTP/1.1 100 Go\r\n\r\n"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_head_without_end_fills_no_memory(world: World, piece: bytes, scheme: str) -> None:
    sent: list[int] = []
    start = b"HTTP/1.1 200 OK\r\nX-First: " if piece.startswith(b"X") else b""
    world.internet.hosts["cats.example"] = lambda request: Response(raw=itertools.chain([start], endless(piece, sent)))
    outcome = fetched(world, f"{scheme}://cats.example/", limits=Limits(whole=1))
    assert outcome.data is None
    wait_until(lambda: sent[-1] == -1)
    if start:
        assert sent[0] < 20_000_000
        assert outcome.reason == "The server broke off, or does not answer as a web server does."
    else:
        assert outcome.reason == "It took longer than 1 seconds."


def test_a_decompression_bomb_is_not_unpacked_to_its_end(world: World) -> None:
    bomb = gzip.compress(bytes(150_000_000), 9)
    assert len(bomb) < QUICK.bytes
    world.internet.hosts["cats.example"] = serve(Response(body=bomb, headers={"Content-Encoding": "gzip"}))
    tracemalloc.start()
    try:
        assert fetched(world, "http://cats.example/").reason == "The file is larger than 0.2 MB."
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 10_000_000


def test_a_packing_nobody_asked_for_is_undone(world: World) -> None:
    world.internet.hosts["cats.example"] = serve(
        Response(body=gzip.compress(JPEG), headers={"Content-Encoding": "gzip"})
    )
    world.internet.hosts["liar.example"] = serve(Response(body=JPEG, headers={"Content-Encoding": "gzip"}))
    world.internet.hosts["torn.example"] = serve(
        Response(body=b"\x1f\x8b" + JPEG, headers={"Content-Encoding": "gzip"})
    )
    assert fetched(world, "http://cats.example/").data == JPEG
    assert fetched(world, "http://liar.example/").data == JPEG
    assert fetched(world, "http://torn.example/").reason == "What the server sent is damaged."


def test_a_web_page_called_jpg_is_not_read_to_its_end(world: World) -> None:
    sent: list[int] = []
    world.internet.hosts["cats.example"] = lambda request: Response(
        body=itertools.chain([b"\xef\xbb\xbf\n <!DOCTYPE html>"], endless(b" " * 1000, sent)),
        headers={"Content-Type": "image/jpeg"},
    )
    outcome = fetched(world, "http://cats.example/cat.jpg", limits=Limits())
    assert outcome.reason == "The address leads to a web page or a drawing (SVG), not to a photo."
    wait_until(lambda: sent[-1] == -1)
    assert sent[0] < 20_000_000


# Busy servers


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again_once_when_it_says_when(world: World, status: int) -> None:
    def busy(times: int, after: str) -> Callable[[Request], Response]:
        answers = itertools.chain(
            itertools.repeat(Response(status=status, headers={"Retry-After": after}), times),
            itertools.repeat(Response(body=JPEG)),
        )
        return lambda request: next(answers)

    soon = format_datetime(datetime.now(UTC) - timedelta(seconds=5), usegmt=True)
    world.internet.hosts |= {
        "once.example": busy(1, "0"),
        "date.example": busy(1, soon),
        "twice.example": busy(2, "0"),
        "long.example": busy(1, "3600"),
        "odd.example": busy(1, "tomorrow"),
        "older.example": busy(1, "Mon, 01 Jan 2024 10:00:00"),
    }
    assert fetched(world, "http://once.example/").data == JPEG
    assert fetched(world, "http://date.example/").data == JPEG
    for host, times in {"twice": 2, "long": 1, "odd": 1, "older": 1}.items():
        assert f"answered {status}" in fetched(world, f"http://{host}.example/").reason
        assert len(world.internet.asked(f"{host}.example")) == times


# Thumbnails in place of originals


def test_the_thumbnail_is_tried_when_the_original_fails(world: World) -> None:
    world.internet.hosts["dead.example"] = serve(Response(status=404))
    world.internet.hosts["html.example"] = serve(Response(body=b"<html>no more</html>"))
    world.internet.hosts["torn.example"] = serve(Response(body=JPEG[: len(JPEG) // 4]))
    world.internet.hosts["good.example"] = serve(Response(body=picture()))
    world.internet.hosts["thumbs.example"] = lambda request: Response(
        body=picture(int(request.query["w"]), int(request.query["h"]))
    )
    fits, small = "http://thumbs.example/?w=300&h=200", "http://thumbs.example/?w=300&h=199"
    with world.downloader(decode, read_fallback=decode_thumbnail) as downloader:
        for url in ("http://dead.example/", "http://html.example/", "http://torn.example/", "http://127.0.0.1/", ""):
            outcome = downloader.fetch(url, fallback=fits)
            assert outcome.data is not None
            assert outcome.data.shape == (200, 300, 3)
            assert (outcome.url, outcome.final_url, outcome.reason) == (url, fits, "")
        asked = len(world.internet.asked("thumbs.example"))
        assert downloader.fetch("http://good.example/", fallback=fits).final_url == "http://good.example/"
        assert len(world.internet.asked("thumbs.example")) == asked

        outcome = downloader.fetch("http://dead.example/", fallback=small)
        first, second = "The server answered 404 (Not Found).", "The picture is too small (300×199 pixels)."
        assert (outcome.data, outcome.reason) == (None, f"{first} Its thumbnail: {second}")
        assert downloader.fetch("http://dead.example/").reason == first


def test_decode_thumbnail_wants_a_picture_of_some_size() -> None:
    assert decode_thumbnail(picture(200, 640)).shape == (640, 200, 3)
    for data in (picture(199, 640), picture(199, 199), b"text"):
        with pytest.raises(BadPhoto):
            decode_thumbnail(data)


# Many at once


def test_many_arrive_each_with_its_own_end(world: World) -> None:
    world.internet.hosts["*.example"] = lambda request: (
        Response(status=404) if int(request.path[1:]) % 5 == 0 else Response(body=JPEG)
    )
    world.names |= {f"h{number}.example": [[PUBLIC]] for number in range(7)}
    urls = [f"https://h{number % 7}.example/{number}" for number in range(60)]
    with world.downloader(decode) as downloader:
        outcomes = list(downloader.fetch_many(Wanted(url) for url in urls))
    assert sorted(outcome.url for outcome in outcomes) == sorted(urls)
    failed = {outcome.url for outcome in outcomes if outcome.data is None}
    assert failed == {url for number, url in enumerate(urls) if number % 5 == 0}
    assert all(np.array_equal(o.data, decode(JPEG)) for o in outcomes if o.data is not None)


def test_a_host_is_not_crowded(world: World) -> None:
    release = threading.Event()
    world.internet.hosts["cats.example"] = lambda request: Response(body=JPEG if release.wait(HANG) else b"")
    with world.downloader(bytes, limits=Limits()) as downloader:
        outcomes = downloader.fetch_many(Wanted(f"http://cats.example/{number}") for number in range(20))
        threading.Thread(target=release_when_full, args=(world, 4, release), daemon=True).start()
        assert [outcome.data for outcome in outcomes] == [JPEG] * 20
    assert world.internet.peak["cats.example"] == 4


def test_the_world_is_not_crowded_by_all_threads_together(world: World) -> None:
    release = threading.Event()
    world.internet.hosts["*.example"] = lambda request: Response(body=JPEG if release.wait(HANG) else b"")
    world.names |= {f"h{number}.example": [[PUBLIC]] for number in range(8)}
    done: list[bytes | None] = []
    with world.downloader(bytes, limits=Limits()) as downloader:

        def fetch_all() -> None:
            wanted = [Wanted(f"http://h{number % 8}.example/{number}") for number in range(40)]
            done.extend(outcome.data for outcome in downloader.fetch_many(wanted))

        threads = [threading.Thread(target=fetch_all) for _ in range(2)]
        for thread in threads:
            thread.start()
        release_when_full(world, 16, release)
        for thread in threads:
            thread.join(HANG)
    assert done == [JPEG] * 80
    assert world.internet.peak[""] == 16
    assert max(peak for host, peak in world.internet.peak.items() if host) <= 4


def release_when_full(world: World, many: int, release: threading.Event) -> None:
    """Lets the requests go once so many are open, and a moment more in which too many would show."""
    wait_until(lambda: world.internet.peak[""] >= many)
    time.sleep(0.2)
    release.set()


def test_one_slow_host_holds_the_others_up_not(world: World) -> None:
    release = threading.Event()

    def slow(request: Request) -> Response:
        release.wait(HANG)
        return Response(body=JPEG)

    world.internet.hosts |= {"slow.example": slow, "quick.example": serve(Response(body=JPEG))}
    wanted = [Wanted(f"http://slow.example/{number}") for number in range(20)] + [Wanted("http://quick.example/")]
    with world.downloader(bytes, limits=Limits()) as downloader:
        outcomes = downloader.fetch_many(wanted)
        assert next(outcomes).url == "http://quick.example/"
        release.set()
        assert len(list(outcomes)) == 20


def test_wanted_pictures_are_taken_as_there_is_room_and_left_when_nobody_asks(world: World) -> None:
    world.internet.hosts["cats.example"] = serve(Response(body=JPEG))
    taken: list[int] = []
    closed = threading.Event()

    def wanted() -> Iterator[Wanted]:
        try:
            for number in itertools.count():
                taken.append(number)
                yield Wanted(f"http://cats.example/{number}")
        finally:
            closed.set()

    source = wanted()  # held on to, so that nothing but a call closes it
    with world.downloader(bytes) as downloader:
        with closing(downloader.fetch_many(source)) as outcomes:
            for _ in range(3):
                assert next(outcomes).data == JPEG
            wait_until(lambda: len(taken) == 3 + 32)
        assert closed.wait(HANG)
        assert len(taken) <= 3 + 32
        assert downloader.fetch("http://cats.example/again").data == JPEG


def test_an_error_of_the_search_comes_after_what_was_found(world: World) -> None:
    world.internet.hosts["cats.example"] = serve(Response(body=JPEG))

    def wanted() -> Iterator[Wanted]:
        yield Wanted("http://cats.example/1")
        yield Wanted("http://cats.example/2")
        raise BadInput("The search failed.")

    with world.downloader(bytes) as downloader:
        outcomes = downloader.fetch_many(wanted())
        assert {next(outcomes).url, next(outcomes).url} == {"http://cats.example/1", "http://cats.example/2"}
        with pytest.raises(BadInput, match="The search failed"):
            next(outcomes)
        assert list(downloader.fetch_many([])) == []


def test_a_fault_in_reading_is_one_pictures_fault(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.internet.hosts["cats.example"] = lambda request: Response(body=request.path.encode())

    def read(data: bytes) -> bytes:
        if data == b"/1":
            raise ZeroDivisionError
        return data

    with world.downloader(read) as downloader:
        outcomes = downloader.fetch_many(Wanted(f"http://cats.example/{number}") for number in range(3))
        data = {outcome.url[-1]: outcome.data for outcome in outcomes}
    assert data == {"0": b"/0", "1": None, "2": b"/2"}
    assert "ZeroDivisionError" in caplog.text


# Stopping


@pytest.mark.parametrize("busy", ["transfer", "silence", "name", "reading", "search"])
def test_stopped_at_once_whatever_it_is_busy_with(world: World, busy: str) -> None:
    begun, stop = threading.Event(), threading.Event()
    sent: list[int] = []

    def hang() -> None:
        begun.set()
        world.internet.stopping.wait(HANG)

    def dripping() -> None:
        begun.set()
        world.internet.stopping.wait(0.05)

    def stop_when_begun() -> None:
        begun.wait(HANG)
        stop.set()

    def drip(request: Request) -> Response:
        if busy == "silence":
            hang()
        if busy == "transfer":
            return Response(body=endless(b"x", sent, pause=dripping))
        return Response(body=JPEG)

    def resolve(host: str) -> list[str]:
        if busy == "name":
            hang()
        return [PUBLIC]

    def read(data: bytes) -> bytes:
        if busy == "reading":
            hang()
        return data

    def wanted() -> Iterator[Wanted]:
        yield from (Wanted(f"https://slow.example/{number}") for number in range(5))
        if busy == "search":
            hang()

    world.internet.hosts["slow.example"] = drip
    world.resolve = resolve  # type: ignore[method-assign]
    threading.Thread(target=stop_when_begun, daemon=True).start()
    with world.downloader(read, limits=Limits(), should_stop=stop.is_set) as downloader:
        with pytest.raises(Cancelled):
            list(downloader.fetch_many(wanted()))
        stopped_at = time.monotonic()
        if busy == "transfer":
            wait_until(lambda: -1 in sent)  # the line is cut: the server cannot send on
    assert time.monotonic() - stopped_at < HANG / 3


def test_leaving_the_downloader_leaves_nothing_running(world: World) -> None:
    sent: list[int] = []
    drip = partial(world.internet.stopping.wait, 0.02)
    world.internet.hosts["slow.example"] = lambda request: Response(
        body=itertools.chain([JPEG], endless(b"x", sent, pause=drip))
    )
    world.internet.hosts["cats.example"] = serve(Response(body=JPEG))
    with world.downloader(bytes, limits=Limits()) as downloader:
        outcomes = downloader.fetch_many([Wanted("http://cats.example/"), Wanted("http://slow.example/")])
        assert next(outcomes).data == JPEG
        wait_until(lambda: bool(sent))
    wait_until(lambda: -1 in sent)


def test_leaving_the_downloader_waits_for_no_name(world: World) -> None:
    asked, hang = threading.Event(), threading.Event()

    def resolve(host: str) -> list[str]:
        asked.set()
        hang.wait(HANG)
        return [PUBLIC]

    world.internet.hosts["*.example"] = serve(Response(body=JPEG))
    world.resolve = resolve  # type: ignore[method-assign]
    with world.downloader(bytes, limits=Limits(connect=HANG)) as downloader:
        outcomes = downloader.fetch_many([Wanted("http://127.0.0.1/"), Wanted("http://slow.example/")])
        assert next(outcomes).url == "http://127.0.0.1/"
        asked.wait(HANG)
        left_at = time.monotonic()
    assert time.monotonic() - left_at < HANG / 3
    hang.set()


def test_a_line_given_up_while_agreeing_on_tls_is_closed(world: World) -> None:
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        world.port = server.getsockname()[1]
        world.names["slow.example"] = [[PUBLIC]]
        lines: list[socket.socket] = []
        threading.Thread(target=lambda: lines.append(accepted(server, stop)), daemon=True).start()
        with world.downloader(bytes, limits=Limits(connect=HANG), should_stop=stop.is_set) as downloader:
            with pytest.raises(Cancelled):
                downloader.fetch("https://slow.example/")
            wait_until(lambda: bool(lines))
            with lines[0] as line:
                line.settimeout(HANG / 2)
                assert line.recv(65536) == b""


def accepted(server: socket.socket, stop: threading.Event) -> socket.socket:
    """The next line, when its first words are read; then says stop."""
    line, _ = server.accept()
    line.recv(65536)
    stop.set()
    return line


# Through a proxy


def through_proxy(world: World, url: str) -> Outcome[bytes]:
    with world.downloader(bytes, proxy=world.internet.proxy_url) as downloader:
        return downloader.fetch(url)


def test_a_proxy_fetches_what_this_machine_cannot_resolve(world: World) -> None:
    world.internet.hosts["cats.example"] = serve(Response(body=JPEG))
    world.names["cats.example"] = []
    world.resolve = partial(World.resolve, World(Internet({})))  # type: ignore[method-assign]
    assert through_proxy(world, "http://cats.example/1").data == JPEG
    assert through_proxy(world, "https://cats.example/2").data == JPEG
    assert world.internet.connections == {"cats.example:80": 1, "cats.example:443": 1}
    assert world.asked == []


def test_what_a_proxy_cannot_reach_is_a_reason(world: World) -> None:
    assert through_proxy(world, "https://gone.example/").reason == (
        "The proxy could not reach the server (502 no such host)."
    )
    assert through_proxy(world, "http://gone.example/").reason == "The server answered 502 (Bad Gateway)."
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with world.downloader(bytes, proxy=f"http://127.0.0.1:{port}") as downloader:
        assert downloader.fetch("https://cats.example/").reason == "The server cannot be reached."


def test_certificates_are_checked_through_a_proxy_too(world: World) -> None:
    world.internet.hosts["bank.example"] = serve(Response(body=JPEG))
    world.internet.untrusted.add("bank.example")
    assert through_proxy(world, "https://bank.example/").reason.startswith("The server cannot prove")
    assert world.internet.log == []


def test_proxy_and_authorities_come_from_the_environment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.internet.hosts["cats.example"] = serve(Response(body=JPEG))
    monkeypatch.setenv("THIMBLE_PROXY", world.internet.proxy_url.replace("//", "//person:p%40ss@"))
    monkeypatch.setenv("THIMBLE_CA_FILE", world.internet.ca_file)
    with Downloader(bytes, resolve=world.resolve) as downloader:
        assert downloader.fetch("https://cats.example/").data == JPEG
    assert world.internet.connections == {"cats.example:443": 1}


@pytest.mark.parametrize(("name", "value"), [("THIMBLE_PROXY", "nonsense"), ("THIMBLE_CA_FILE", "/no/such/file")])
def test_settings_of_the_environment_that_cannot_be_used_are_named(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadInput, match=name):
        Downloader(bytes)


@pytest.mark.parametrize("proxy", ["nonsense", "socks5://127.0.0.1:1", "http://", "http://127.0.0.1:99999"])
def test_a_proxy_that_cannot_be_used_is_said_at_once(proxy: str) -> None:
    with pytest.raises(BadInput, match="proxy"):
        Downloader(bytes, proxy=proxy, ca_file="")


def test_certificates_that_cannot_be_read_are_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    for name in ("gone.pem", "empty.pem"):
        with pytest.raises(BadInput, match=name):
            Downloader(bytes, proxy="", ca_file=str(tmp_path / name))

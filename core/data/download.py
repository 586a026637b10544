"""The only opener of strangers' addresses: pictures from anywhere, of any size, at any speed, by any server.

with Downloader(decode, read_fallback=decode_thumbnail) as downloader:
    for outcome in downloader.fetch_many(Wanted(hit.image, hit.thumbnail) for hit in hits):
        ...
"""

import logging
import os
import ssl
import time
import zlib
from collections.abc import AsyncIterator, Callable, Generator, Iterable
from concurrent.futures import Future
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import TracebackType
from typing import Generic, Self, TypeVar
from weakref import WeakValueDictionary

import anyio
import anyio.to_thread
import httpcore2
from anyio.from_thread import start_blocking_portal

from core.data.addresses import Address, parse, redirected
from core.data.arrivals import arrivals
from core.data.network import network
from core.data.photo import MAX_BYTES, Pixels, decode
from core.data.transport import Connect, ProxyNetwork, PublicNetwork, Resolve, connect, look_up, proxy_at, tls_trusting
from core.errors import AppError, BadInput, BadPhoto

T = TypeVar("T")

USER_AGENT = "Thimble/0.1 (collects photos to train an image classifier; python-httpcore2)"
ACCEPT = "image/avif,image/webp,image/*,*/*;q=0.5"
THUMBNAIL_SIDE = 200  # a search service's thumbnail with a shorter side is no use in the original's place
REDIRECTS = frozenset({301, 302, 303, 307, 308})
LATER = frozenset({429, 503})

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """Seconds, bytes and numbers; what exceeds them is given up."""

    connect: float = 5.0  # seconds to look up a name, to connect, to agree on TLS: each
    read: float = 10.0  # seconds without a byte
    whole: float = 30.0  # seconds for one address with its redirects, however steadily it drips
    bytes: int = MAX_BYTES  # as read, and as unpacked
    redirects: int = 5
    at_once: int = 16
    per_host: int = 4
    patience: float = 5.0  # the longest wait that a busy server may ask for, once


@dataclass(frozen=True)
class Wanted:
    """One picture to fetch: its address, and the one to try when that fails ("": none)."""

    url: str
    fallback: str = ""


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What came of one wanted picture; `data` is None when it could not be had, and then `reason` says why."""

    url: str  # as wanted
    data: T | None  # what `read` made of the bytes
    final_url: str  # where the bytes came from, after redirects; "" when there are none
    reason: str  # sentences for a person; "" when all went well
    seconds: float  # from its start to here, waiting for its turn included


def decode_thumbnail(data: bytes) -> Pixels:
    """As `decode`, for a thumbnail: raises BadPhoto also when its shorter side is below THUMBNAIL_SIDE."""
    pixels = decode(data)
    height, width = pixels.shape[:2]
    if min(height, width) < THUMBNAIL_SIDE:
        raise BadPhoto(f"The picture is too small ({width}×{height} pixels).")
    return pixels


class Downloader(Generic[T]):
    """Fetches pictures, and has `read` make of their bytes what the caller wants; a context manager.

    `read` judges by decoding, and raises AppError for what is no usable picture; it runs in worker threads.
    `read_fallback` is the same for fallbacks (default: `read`). `proxy` and `ca_file` (of authorities trusted
    besides the usual ones) are as `network()` says when None; "" is none. The limits hold over
    all threads that share one Downloader. Raises BadInput for a proxy or a file that cannot be used.
    """

    def __init__(
        self,
        read: Callable[[bytes], T],
        *,
        read_fallback: Callable[[bytes], T] | None = None,
        limits: Limits | None = None,
        proxy: str | None = None,
        ca_file: str | None = None,
        user_agent: str = USER_AGENT,
        should_stop: Callable[[], bool] = lambda: False,
        resolve: Resolve = look_up,
        connect: Connect = connect,
    ) -> None:
        self._read = read
        self._read_fallback = read_fallback or read
        self._limits = limits or Limits()
        if proxy is None or ca_file is None:
            settings = network()
            proxy = (settings.proxy or "") if proxy is None else proxy
            ca_file = (settings.ca_file or "") if ca_file is None else ca_file
        self._proxy = proxy_at(proxy)
        self._tls = tls_trusting(ca_file)
        self._headers: dict[str | bytes, str | bytes] = {
            "User-Agent": user_agent,
            "Accept": ACCEPT,
            "Accept-Encoding": "identity",  # pictures are packed already, and a packed bomb needs no asking for
        }
        self._should_stop = should_stop
        self._begun: set[Future[Outcome[T]]] = set()
        self._network = PublicNetwork(resolve, connect, self._limits.connect)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._portal = stack.enter_context(start_blocking_portal(name="downloader"))
            stack.enter_context(self._portal.wrap_async_context_manager(self._opened()))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What an abandoned iterator left behind is to be cancelled, not waited for.
        for future in self._begun.copy():
            future.cancel()
        self._stack.close()

    def fetch(self, url: str, *, fallback: str = "") -> Outcome[T]:
        """One picture. Raises Cancelled."""
        with closing(self.fetch_many([Wanted(url, fallback)])) as outcomes:
            return next(outcomes)

    def fetch_many(self, wanted: Iterable[Wanted]) -> Generator[Outcome[T]]:
        """The outcome of each wanted picture as it arrives, in any order; failures are outcomes like others.

        `wanted` is taken from as there is room, in a thread of its own, and closed when the caller stops taking.
        Raises Cancelled, at once, when the Downloader's `should_stop()` holds, and what `wanted` raises after the
        outcomes of what came before.
        """
        return arrivals(
            wanted,
            self._begin,
            ahead=2 * self._limits.at_once,  # so that a queue for one busy host leaves others to go on with
            should_stop=self._should_stop,
        )

    def _begin(self, wanted: Wanted) -> Future[Outcome[T]]:
        future = self._portal.start_task_soon(self._outcome, wanted)
        self._begun.add(future)
        future.add_done_callback(self._begun.discard)
        return future

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[None]:
        self._all = anyio.Semaphore(self._limits.at_once)
        self._hosts: WeakValueDictionary[str, anyio.Semaphore] = WeakValueDictionary()
        self._readers = anyio.CapacityLimiter(os.cpu_count() or 1)
        async with httpcore2.AsyncConnectionPool(
            ssl_context=self._tls,
            proxy=self._proxy,
            max_connections=self._limits.at_once,
            keepalive_expiry=5.0,
            network_backend=ProxyNetwork() if self._proxy else self._network,
        ) as self._pool:
            yield

    async def _outcome(self, wanted: Wanted) -> Outcome[T]:
        started = time.monotonic()
        reasons: list[str] = []
        for url, read in ((wanted.url, self._read), (wanted.fallback, self._read_fallback)):
            if not url and reasons:
                continue
            try:
                data, final = await self._follow(url)
                value = await anyio.to_thread.run_sync(read, data, limiter=self._readers, abandon_on_cancel=True)
                return Outcome(wanted.url, value, str(final), "", time.monotonic() - started)
            except AppError as error:
                reasons.append(error.message)
            except Exception:  # one odd server among hundreds must not end the work on all
                log.exception("fetching %s", url)
                reasons.append("Something went wrong that Thimble did not expect; its log says what.")
        return Outcome(wanted.url, None, "", " Its thumbnail: ".join(reasons), time.monotonic() - started)

    async def _follow(self, url: str) -> tuple[bytes, Address]:
        """The bytes found at the end of all redirects, and where that is; raises BadInput with the reason."""
        address = parse(url)
        left = self._limits.whole
        redirects = waits = 0
        while True:
            async with self._turn(address.host):
                started = time.monotonic()
                answer = await self._ask(address, left)
                left -= time.monotonic() - started
            if isinstance(answer, bytes):
                return answer, address
            if isinstance(answer, _Later):
                if waits or answer.seconds > self._limits.patience:
                    raise BadInput(answer.reason)
                waits += 1
                await anyio.sleep(answer.seconds)
                continue
            if redirects == self._limits.redirects:
                raise BadInput(f"The server redirects more than {redirects} times.")
            redirects += 1
            address = redirected(address, answer)

    @asynccontextmanager
    async def _turn(self, host: str) -> AsyncIterator[None]:
        # The host's turn first, so that waiting for it holds nobody else up.
        of_host = self._hosts.setdefault(host, anyio.Semaphore(self._limits.per_host))
        async with of_host, self._all:
            yield

    async def _ask(self, address: Address, seconds: float) -> "bytes | str | _Later":
        """The body, the address that the server redirects to, or its wish to be asked later."""
        try:
            with anyio.fail_after(seconds):
                if self._proxy:
                    await self._network.check_for_proxy(address.host)
                return await self._answer(address)
        except TimeoutError as error:
            raise BadInput(f"It took longer than {self._limits.whole:g} seconds.") from error
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException) as error:
            raise BadInput(_words(error)) from error
        except httpcore2.ProxyError as error:
            raise BadInput(f"The proxy could not reach the server ({error}).") from error

    async def _answer(self, address: Address) -> "bytes | str | _Later":
        connect, read = self._limits.connect, self._limits.read
        async with self._pool.stream(
            "GET",
            httpcore2.URL(scheme=address.scheme, host=address.host, port=address.port, target=address.target),
            headers={"Host": address.authority, **self._headers},
            extensions={"timeout": {"connect": connect, "read": read, "write": read}},
        ) as response:
            headers = {name.lower(): value for name, value in response.headers}
            location = headers.get(b"location")
            if response.status in REDIRECTS and location:
                return location.decode(errors="replace")
            if response.status in LATER and b"retry-after" in headers:
                return _Later(_seconds(headers[b"retry-after"]), _status(response.status))
            if response.status != HTTPStatus.OK:
                raise BadInput(_status(response.status))
            if int(headers.get(b"content-length", b"0")) > self._limits.bytes:
                raise BadInput(self._too_large)
            return await self._body(response)

    async def _body(self, response: httpcore2.Response) -> bytes:
        data = bytearray()
        received = 0
        unpacker = None
        async for piece in response.aiter_stream():
            # Judged by the bytes, since servers name packings that they do not use; no picture begins so.
            if not received and piece.startswith(b"\x1f\x8b"):
                unpacker = zlib.decompressobj(wbits=31)
            received += len(piece)
            if unpacker:
                try:
                    piece = unpacker.decompress(piece, self._limits.bytes + 1 - len(data))
                except zlib.error as error:
                    raise BadInput("What the server sent is damaged.") from error
            data += piece
            if max(received, len(data)) > self._limits.bytes:
                raise BadInput(self._too_large)
            if _is_markup(bytes(data[:256])):
                raise BadInput("The address leads to a web page or a drawing (SVG), not to a photo.")
        return bytes(data)

    @property
    def _too_large(self) -> str:
        return f"The file is larger than {self._limits.bytes / 1e6:g} MB."


@dataclass(frozen=True)
class _Later:
    seconds: float
    reason: str


def _status(status: int) -> str:
    try:
        return f"The server answered {status} ({HTTPStatus(status).phrase})."
    except ValueError:
        return f"The server answered {status}."


def _seconds(retry_after: bytes) -> float:
    """Until when a server wants to be left alone; RFC 9110 allows a number and a date. Infinity if neither."""
    text = retry_after.decode(errors="replace").strip()
    try:
        if text.isdecimal():
            return float(text)
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):  # TypeError: a date without a zone
        return float("inf")


def _is_markup(head: bytes) -> bool:
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")


def _words(error: Exception) -> str:
    if isinstance(error, httpcore2.TimeoutException):
        return "The server did not answer in time."
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"The server cannot prove that it is who it says ({cause.verify_message})."
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpcore2.ConnectError):
        return "The server cannot be reached."
    if isinstance(error, httpcore2.ProtocolError):
        return "The server broke off, or does not answer as a web server does."
    return "The server broke off."

"""How strangers are reached: at public addresses only, directly or through a proxy, with TLS that is checked.

A name is resolved once for each connection, its addresses are checked, and a checked one is connected to: a name
cannot be public when it is checked and private when it is used. With a proxy it is the proxy that resolves and
connects, so what may be reached is in the end for its keeper to say. A name that this machine can resolve is
checked here as well; one that it cannot is left to the proxy.
"""

import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from urllib.parse import unquote, urlsplit

import anyio
import anyio.to_thread
import certifi
import httpcore2

from core.data.addresses import is_public
from core.data.network import is_proxy
from core.errors import BadInput

Resolve = Callable[[str], Sequence[str]]  # a host name's numeric addresses; raises OSError when it has none
Connect = Callable[[str, int, float | None], Awaitable[httpcore2.AsyncNetworkStream]]  # address, port, seconds

MAX_TRIED = 4  # of a name's addresses, before it is given up
NEVER_REGISTERED = (".test", ".example", ".invalid")  # RFC 2606: no use in asking for them

log = logging.getLogger(__name__)


def proxy_at(url: str) -> httpcore2.Proxy | None:
    """The HTTP proxy at this address, which may carry a name and a password; None for "". Raises BadInput."""
    if not url:
        return None
    if not is_proxy(url):
        shown = url.rpartition("@")[2]  # without a password
        raise BadInput(f"The proxy '{shown}' cannot be used.", hint="Give it as http://host:port.")
    parts = urlsplit(url)
    auth = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return httpcore2.Proxy(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", auth=auth)


def tls_trusting(ca_file: str) -> ssl.SSLContext:
    """Settings that check certificates by this system's authorities, the usual ones (certifi) and those in the file.

    Raises BadInput for a file that cannot be read; "" names none.
    """
    context = httpcore2.default_ssl_context()
    context.load_verify_locations(certifi.where())
    if ca_file:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:  # ssl.SSLError is one too
            hint = "Name a file of certificates in PEM form."
            raise BadInput(f"The certificates in '{ca_file}' cannot be read.", hint=hint) from error
    return context


def look_up(host: str) -> list[str]:
    """The numeric addresses of a host name, as this machine's resolver gives them. Raises OSError."""
    if host.endswith(NEVER_REGISTERED):
        raise socket.gaierror(socket.EAI_NONAME, "a name that is never registered")
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, "not a host name") from error
    return [str(address[0]) for *_, address in found]


async def connect(address: str, port: int, timeout: float | None) -> httpcore2.AsyncNetworkStream:
    """A line to a numeric address."""
    return await httpcore2.AnyIOBackend().connect_tcp(address, port, timeout=timeout)


class Line(httpcore2.AsyncNetworkStream):
    """An open line; closed, which httpcore forgets, also when it is given up while agreeing on TLS."""

    def __init__(self, line: httpcore2.AsyncNetworkStream) -> None:
        self._line = line

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._line.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._line.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._line.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        try:
            return await self._line.start_tls(ssl_context, server_hostname, timeout)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._line.aclose()
            raise

    def get_extra_info(self, info: str) -> object:
        return self._line.get_extra_info(info)


class ProxyNetwork(httpcore2.AnyIOBackend):
    """Connects to the proxy, wherever that is."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        return Line(await super().connect_tcp(host, port, timeout, local_address, socket_options))


class PublicNetwork(httpcore2.AsyncNetworkBackend):
    """Connects to public addresses only."""

    def __init__(self, resolve: Resolve, connect: Connect, seconds: float) -> None:
        self._resolve = resolve
        self._connect = connect
        self._seconds = seconds
        self._passed: set[str] = set()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """A line to the first of the host's public addresses that answers; raises BadInput when it has none."""
        try:
            addresses = await self._addresses(host)
        except OSError as error:  # TimeoutError is one too
            raise BadInput(f"No server of the name {host} is known.") from error
        for address in addresses[:MAX_TRIED]:
            try:
                return Line(await self._connect(address, port, timeout))
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    async def check_for_proxy(self, host: str) -> None:
        """Raises BadInput for a name that this machine can resolve, and to nothing public."""
        if host in self._passed:  # a resolver that does not answer costs seconds, and the proxy asks its own
            return
        try:
            await self._addresses(host)
        except OSError:
            log.debug("%s is left to the proxy to resolve", host)
        self._passed.add(host)

    async def _addresses(self, host: str) -> list[str]:
        if is_public(host):
            return [host]
        with anyio.fail_after(self._seconds):
            found = await anyio.to_thread.run_sync(self._resolve, host, abandon_on_cancel=True)
        if not found:
            raise OSError("no addresses")
        public = [address for address in found if is_public(address)]
        if not public:
            raise BadInput(f"The address leads to a private place ({host}).")
        return public

"""A stand-in internet on loopback: real HTTP and TLS for any host name, answered by plain functions.

    with Internet({"pictures.example": lambda request: Response(body=jpeg)}) as internet:
        client(proxy=internet.proxy_url, verify=internet.ca_file)

One port serves whatever comes: a proxy (CONNECT and plain), and a server asked directly, with TLS or without.
It never connects to anything.
"""

import contextlib
import fnmatch
import io
import socket
import ssl
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingTCPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import trustme

TLS_HANDSHAKE = b"\x16"


@dataclass(frozen=True)
class Request:
    """What a client asked; the names of the headers are in lower case."""

    method: str
    host: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    scheme: str = "http"
    body: bytes = b""


@dataclass
class Response:
    """What a handler answers.

    A body in pieces may be slow or endless; with a Content-Length it is sent as is, cut short if it ends early,
    and without one it is chunked. `raw` is sent in place of everything, head and all, and then the line is cut.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Iterator[bytes] = b""
    delay: float = 0.0  # seconds before the head
    raw: Iterator[bytes] | None = None


Handler = Callable[[Request], Response]


class CutShort(Exception):
    """Raised by a body in pieces to cut the line in the middle."""


class Internet:
    """Hosts by name (exact, or "*.example") and what was asked of them; a context manager.

    `connections` counts every connection asked for, refused ones too: those asked of the proxy under their target
    ("host:port" in lower case), those made directly under "direct". `peak` is the largest number of requests open
    at once, by host, and under "" over all hosts. An error in a handler is raised again at the end.
    """

    def __init__(self, hosts: dict[str, Handler] | None = None, *, latency: float = 0.0) -> None:
        self.hosts = hosts if hosts is not None else {}
        self.latency = latency  # seconds before each answer
        self.misnamed: set[str] = set()  # hosts whose certificate is another's
        self.untrusted: set[str] = set()  # hosts whose certificate is of an unknown authority
        self.log: list[Request] = []
        self.connections: Counter[str] = Counter()
        self.peak: Counter[str] = Counter()
        self.faults: list[BaseException] = []
        self.lock = threading.Lock()
        self.stopping = threading.Event()  # a slow body may wait on it instead of sleeping
        self._open: Counter[str] = Counter()
        self._lines: set[socket.socket] = set()
        self._authority = trustme.CA()
        self._stranger = trustme.CA()
        self._contexts: dict[str, ssl.SSLContext] = {}

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        self.ca_file = str(Path(self._folder.name) / "ca.pem")
        self._authority.cert_pem.write_to_path(self.ca_file)
        self._server = _Server(self)
        self.port: int = self._server.server_address[1]
        self.proxy_url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._thread.join()
        with self.lock:
            for line in self._lines:
                with contextlib.suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        self._folder.cleanup()
        if self.faults and error is None:
            raise self.faults[0]

    def asked(self, host: str) -> list[Request]:
        """The requests that this host has had so far."""
        with self.lock:
            return [request for request in self.log if request.host == host]

    def handler(self, host: str) -> Handler | None:
        """What answers for this host; None when there is no such host."""
        exact = self.hosts.get(host)
        return exact or next((h for name, h in self.hosts.items() if fnmatch.fnmatchcase(host, name)), None)

    def context(self, host: str) -> ssl.SSLContext:
        """The TLS settings with this host's certificate, made when first asked for."""
        with self.lock:
            if host not in self._contexts:
                authority = self._stranger if host in self.untrusted else self._authority
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                authority.issue_cert("misnamed.example" if host in self.misnamed else host).configure_cert(context)
                self._contexts[host] = context
            return self._contexts[host]

    @contextlib.contextmanager
    def line(self, line: socket.socket) -> Iterator[None]:
        """Keeps the open connection where the end of the context can cut it."""
        with self.lock:
            self._lines.add(line)
        try:
            yield
        finally:
            with self.lock:
                self._lines.discard(line)

    @contextlib.contextmanager
    def request(self, request: Request) -> Iterator[None]:
        """Logs a request, and counts it among the open ones while it is answered."""
        with self.lock:
            self.log.append(request)
            for name in (request.host, ""):
                self._open[name] += 1
                self.peak[name] = max(self.peak[name], self._open[name])
        try:
            yield
        finally:
            with self.lock:
                self._open.subtract((request.host, ""))


class _Server(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, internet: Internet) -> None:
        self.internet = internet
        super().__init__(("127.0.0.1", 0), _Line)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is part of the play; what reaches this point is its broken line."""


class _Line(BaseHTTPRequestHandler):
    """One connection: requests on it one after another, until it is cut or the client goes."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        self._internet = self.server.internet
        self._tunnel = ""
        self._is_counted = False
        self._secured: ssl.SSLSocket | None = None
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def handle(self) -> None:
        with contextlib.suppress(OSError), self._internet.line(self.connection):
            self._is_counted = self._secure_if_asked("misnamed.example")
            super().handle()

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()
        if self._secured is not None:
            self._secured.close()

    def _secure_if_asked(self, host: str) -> bool:
        """TLS from here on, if that is what the client begins with; the name it asks for picks the certificate."""
        if self.connection.recv(1, socket.MSG_PEEK) != TLS_HANDSHAKE:
            return False
        if not self._tunnel:
            self._count("direct")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sni_callback = self._choose_certificate
        context = self._internet.context(host) if _is_address(host) else context
        # A duplicate, since wrapping takes the socket away from the server, which closes the first one.
        self._secured = context.wrap_socket(self.connection.dup(), server_side=True)
        self.connection = self._secured
        self.rfile = self.connection.makefile("rb")
        self.wfile = _Writer(self.connection)
        return True

    def _choose_certificate(self, line: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        line.context = self._internet.context(name or "misnamed.example")

    def do_CONNECT(self) -> None:
        """The proxy's tunnel, which ends right here."""
        self._count(self.path)
        host = self.path.rpartition(":")[0].lower()
        if self._internet.handler(host) is None:
            self.send_error(502, "no such host")
            self.close_connection = True
            return
        self._tunnel = host
        self.close_connection = False  # not even for HTTP/1.0
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self._secure_if_asked(host)

    def _answer(self) -> None:
        target = urlsplit(self.path)
        if target.scheme:
            self._count(f"{target.hostname}:{target.port or 80}")
        elif not self._tunnel and not self._is_counted:
            self._count("direct")
            self._is_counted = True
        host = (self.headers.get("host") or self._tunnel).lower()
        request = Request(
            method=self.command,
            host=host.partition(":")[0] if not host.startswith("[") else host.partition("]")[0][1:],
            path=target.path,
            query=dict(parse_qsl(target.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            scheme="https" if self._secured else "http",
            body=self.rfile.read(int(self.headers.get("content-length") or 0)),
        )
        handler = self._internet.handler(request.host)
        if handler is None:
            self._internet.log.append(request)
            self.close_connection = True
            if target.scheme:
                self.send_error(502, "no such host")
            return
        with self._internet.request(request):
            try:
                self._send(request, handler(request))
            except OSError:
                raise
            except Exception as error:
                self._internet.faults.append(error)
                self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - these names are BaseHTTPRequestHandler's

    def _send(self, request: Request, response: Response) -> None:
        self._internet.stopping.wait(self._internet.latency + response.delay)
        if response.raw is not None:
            self.close_connection = True
            for piece in response.raw:
                self.wfile.write(piece)
            return
        named = {name.lower() for name in response.headers}
        is_chunked = not isinstance(response.body, bytes) and "content-length" not in named
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if is_chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif isinstance(response.body, bytes) and "content-length" not in named:
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if request.method == "HEAD":
            return
        if isinstance(response.body, bytes):
            self.wfile.write(response.body)
            claimed = response.headers.get("Content-Length", str(len(response.body)))
            self.close_connection |= claimed != str(len(response.body))
            return
        self.close_connection = True
        with contextlib.suppress(CutShort):
            for piece in response.body:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
            self.wfile.write(b"0\r\n\r\n" if is_chunked else b"")

    def _count(self, asked_for: str) -> None:
        with self._internet.lock:
            self._internet.connections[asked_for.lower()] += 1

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the log is in `Internet`."""


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


class _Writer(io.BufferedIOBase):
    """What BaseHTTPRequestHandler writes to: every byte at once."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._line.sendall(data)
        return len(data)

"""The stand-in internet is itself under test where a fault of its own would let other tests pass for nothing."""

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator

import pytest

from tests.internet import CutShort, Internet, Request, Response


@pytest.fixture
def internet() -> Iterator[Internet]:
    with Internet({"cats.example": lambda request: Response(body=b"meow")}) as internet:
        yield internet


def ask(internet: Internet, *lines: str) -> bytes:
    """What comes back for these lines of a request, sent as they are, until the line is cut."""
    with socket.create_connection(("127.0.0.1", internet.port)) as line:
        line.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        return b"".join(iter(lambda: line.recv(65536), b""))


def tunnel(internet: Internet, host: str) -> http.client.HTTPSConnection:
    context = ssl.create_default_context(cafile=internet.ca_file)
    connection = http.client.HTTPSConnection("127.0.0.1", internet.port, context=context)
    connection.set_tunnel(host, 443)
    return connection


@pytest.mark.parametrize("target", ["127.0.0.1:80", "169.254.169.254:80", "[::1]:443", "gone.example:443"])
def test_a_tunnel_to_where_nobody_answers_is_refused_and_counted(internet: Internet, target: str) -> None:
    assert ask(internet, f"CONNECT {target} HTTP/1.1", f"Host: {target}").startswith(b"HTTP/1.1 502 ")
    assert internet.connections == {target: 1}


def test_a_plain_request_for_a_private_address_is_refused_counted_and_logged(internet: Internet) -> None:
    assert ask(internet, "GET http://127.0.0.1:9/x HTTP/1.1", "Host: 127.0.0.1:9").startswith(b"HTTP/1.1 502 ")
    assert internet.connections == {"127.0.0.1:9": 1}
    assert [(request.host, request.path) for request in internet.log] == [("127.0.0.1", "/x")]


def test_direct_connections_are_counted_answered_or_not(internet: Internet) -> None:
    assert ask(internet, "GET / HTTP/1.1", "Host: cats.example").endswith(b"\r\n\r\nmeow")
    assert ask(internet, "GET / HTTP/1.1", "Host: gone.example") == b""
    assert internet.connections == {"direct": 2}


def test_a_tunnel_ends_at_a_host_that_proves_its_name(internet: Internet) -> None:
    connection = tunnel(internet, "cats.example")
    connection.request("POST", "/a?b=c", body=b"purr")
    response = connection.getresponse()
    assert (response.status, response.read()) == (200, b"meow")
    connection.close()
    assert internet.connections == {"cats.example:443": 1}
    (request,) = internet.asked("cats.example")
    assert (request.method, request.scheme, request.path, request.query) == ("POST", "https", "/a", {"b": "c"})
    assert request.body == b"purr"


@pytest.mark.parametrize(
    ("fault", "words"), [("misnamed", "Hostname mismatch"), ("untrusted", "unable to get local issuer")]
)
def test_bad_certificates_are_bad_in_the_way_they_say(internet: Internet, fault: str, words: str) -> None:
    getattr(internet, fault).add("cats.example")
    connection = tunnel(internet, "cats.example")
    with pytest.raises(ssl.SSLCertVerificationError, match=words):
        connection.request("GET", "/")
    connection.close()


def test_peak_is_what_is_open_at_once() -> None:
    meeting = threading.Barrier(3)

    def meet(request: Request) -> Response:
        if request.path == "/together":
            meeting.wait(20)
        return Response(body=b"met")

    with Internet({"*.example": meet}) as internet:
        for path, times in (("alone", 2), ("together", 3)):
            threads = [
                threading.Thread(target=ask, args=(internet, f"GET /{path} HTTP/1.1", f"Host: h{number % 2}.example"))
                for number in range(times)
            ]
            for thread in threads:
                thread.start()
                if path == "alone":
                    thread.join()
            for thread in threads:
                thread.join()
            assert internet.peak == (
                {"": 1, "h0.example": 1, "h1.example": 1}
                if path == "alone"
                else {"": 3, "h0.example": 2, "h1.example": 1}
            )


def test_bodies_are_chunked_cut_or_as_long_as_they_claim(internet: Internet) -> None:
    def cut() -> Iterator[bytes]:
        yield b"me"
        raise CutShort

    internet.hosts |= {
        "chunked.example": lambda request: Response(body=iter([b"me", b"ow"])),
        "cut.example": lambda request: Response(body=cut()),
        "claim.example": lambda request: Response(body=b"me", headers={"Content-Length": "4"}),
        "raw.example": lambda request: Response(raw=iter([b"any", b"thing"])),
    }
    assert ask(internet, "GET / HTTP/1.1", "Host: chunked.example").endswith(b"\r\n\r\n2\r\nme\r\n2\r\now\r\n0\r\n\r\n")
    assert ask(internet, "GET / HTTP/1.1", "Host: cut.example").endswith(b"\r\n\r\n2\r\nme\r\n")
    assert ask(internet, "GET / HTTP/1.1", "Host: claim.example").endswith(b"\r\n\r\nme")
    assert ask(internet, "GET / HTTP/1.1", "Host: raw.example") == b"anything"


def test_an_error_in_a_handler_is_raised_at_the_end() -> None:
    def broken(request: Request) -> Response:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), Internet({"cats.example": broken}) as internet:
        assert ask(internet, "GET / HTTP/1.1", "Host: cats.example") == b""

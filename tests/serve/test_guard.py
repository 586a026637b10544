"""What stands before every operation: how often a key may ask, how often a wrong one is tried, and what a body is."""

import socket
from urllib.parse import urlsplit

import httpx2
import pytest

from core.data.store import Project
from core.errors import BadInput
from core.serve.guard import FAILURES, Guard
from core.serve.state import State
from tests.serve.conftest import serving


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_a_key_may_ask_so_often_and_then_waits(
    state: State, owner_key: str, trained_project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THIMBLE_RATE", "2")
    other = state.store.access.add_key(trained_project.id, "another")[1]
    with serving(state) as server, httpx2.Client() as client:
        address = f"{server}/api/v1/models/{trained_project.id}"
        answers = [client.get(address, headers=bearer(owner_key)) for _ in range(20)]
        assert client.get(address, headers=bearer(other)).status_code == 200
    assert [answer.status_code for answer in answers[:4]] == [200] * 4
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) >= 10
    assert int(refused[0].headers["Retry-After"]) >= 1
    assert refused[0].headers["content-type"] == "application/problem+json"
    assert "Wait" in refused[0].json()["hint"]


def test_wrong_keys_are_tried_only_so_often_and_a_right_one_still_opens(server: str, owner_key: str) -> None:
    address = f"{server}/api/v1/projects"
    with httpx2.Client() as client:
        tries = [client.get(address, headers=bearer("thimble_" + "0" * 43)).status_code for _ in range(FAILURES + 5)]
        assert tries[:FAILURES] == [401] * FAILURES
        assert tries[-1] == 429
        assert client.get(address, headers=bearer(owner_key)).status_code == 200
        assert client.get(address).status_code == 401  # a request without a key tries none


@pytest.mark.parametrize("value", ["fast", "0", "-1", "inf", "nan"])
def test_a_rate_that_is_none_is_refused_in_words(state: State, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("THIMBLE_RATE", value)
    with pytest.raises(BadInput, match="THIMBLE_RATE"):
        Guard(state.store)


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", "Basic dGhpbWJsZQ==", "thimble_secret", "Bearer \xff"])
def test_an_odd_authorization_is_no_key(server: str, header: str) -> None:
    answer = httpx2.get(f"{server}/api/v1/projects", headers={"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_body_is_refused_before_it_is_read_without_a_right_key(server: str, trained_project: Project) -> None:
    """A stranger is answered although the body that was announced never comes."""
    head = (
        f"POST /api/v1/projects/{trained_project.id}/photos HTTP/1.1\r\nHost: localhost\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 400000000\r\n\r\n"
    )
    assert first_line(server, head.encode()).startswith("HTTP/1.1 401")


def test_a_body_is_measured_as_it_comes_whatever_its_length_is_said_to_be(server: str, owner_key: str) -> None:
    head = (
        "POST /api/v1/projects HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {owner_key}\r\n"
    )
    piece = b"%x\r\n%b\r\n" % (65_536, b" " * 65_536)
    chunked = (head + "Transfer-Encoding: chunked\r\n\r\n").encode() + piece * 20  # and never an end
    assert first_line(server, chunked).startswith("HTTP/1.1 413")
    claimed = (head + "Content-Length: 1000001\r\n\r\n").encode()
    assert first_line(server, claimed).startswith("HTTP/1.1 413")


def first_line(server: str, request: bytes) -> str:
    """How the server answers these very bytes."""
    where = urlsplit(server)
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=30) as connection:
        connection.sendall(request)
        return connection.recv(4096).split(b"\r\n")[0].decode()


def test_other_sites_may_not_ask_unless_they_are_named(
    state: State, server: str, owner_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"Origin": "https://shop.example", **bearer(owner_key)}
    assert "access-control-allow-origin" not in httpx2.get(f"{server}/api/v1/projects", headers=asked).headers
    monkeypatch.setenv("THIMBLE_CORS", "https://shop.example, https://other.example")
    with serving(state) as named:
        answer = httpx2.get(f"{named}/api/v1/projects", headers=asked)
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"
        preflight = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
        preflight["Access-Control-Request-Headers"] = "authorization"
        assert httpx2.options(f"{named}/api/v1/projects", headers=preflight).status_code == 200
        stranger = httpx2.get(f"{named}/api/v1/projects", headers={**asked, "Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in stranger.headers

"""Who may see the pages: the rule on its own, then a real Streamlit behind the door, over real HTTP and websockets."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection as Connection
from pathlib import Path
from urllib.parse import urlencode

import pytest
from starlette.requests import HTTPConnection
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from core.data.store import Store
from core.serve.door import COOKIE, address_of, is_local

ROOT = Path(__file__).parents[2]
APP = """
import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Mount
from core.serve.api import create_api
from core.serve.door import Door, door_routes
from core.serve.share import share_routes
from core.serve.state import state

opened = state()
app = st.App(
    "page.py",
    routes=[Mount("/api", create_api(opened)), *share_routes(opened), *door_routes(opened)],
    middleware=[Middleware(Door, access=opened.store.access)],
)
"""
BROWSER = {"Accept": "text/html,application/xhtml+xml"}
STRANGER = {"X-Forwarded-For": "203.0.113.7"}  # as a proxy on this computer passes one on


def caller(peer: str | None = "127.0.0.1", host: str | None = "localhost:8501", **headers: str) -> HTTPConnection:
    sent = {"host": host} | {name.replace("_", "-"): value for name, value in headers.items()}
    raw = [(name.encode(), value.encode()) for name, value in sent.items() if value is not None]
    return HTTPConnection({"type": "http", "client": None if peer is None else (peer, 50_000), "headers": raw})


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8501", "LOCALHOST:8501", "127.0.0.1:8501", "[::1]:8501", "[::1]"]
)
def test_whoever_sits_at_this_computer_is_local(peer: str, host: str) -> None:
    assert is_local(caller(peer, host))


@pytest.mark.parametrize(
    "peer", ["192.168.1.20", "203.0.113.7", "2001:db8::7", "::ffff:192.168.1.20", "", "nonsense", None]
)
def test_another_computer_is_not_local_whatever_it_says(peer: str | None) -> None:
    assert not is_local(caller(peer, "localhost"))


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8501", "localhost.evil.example", "127.0.0.1.evil.example", "evil@localhost"),
        *("localhost:8501:1", "localhost.", "0.0.0.0:8501", "[::]:8501", "[", "", None),
    ],
)
def test_a_name_that_points_here_is_not_this_computers_name(host: str | None) -> None:
    assert not is_local(caller("127.0.0.1", host))


@pytest.mark.parametrize(
    "name",
    [
        *("x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "forwarded", "via"),
        *("x-real-ip", "cf-connecting-ip", "true-client-ip"),
    ],
)
def test_what_a_proxy_passes_on_is_not_local(name: str) -> None:
    assert not is_local(caller(**{name: "127.0.0.1"}))
    assert not is_local(caller(**{name: ""}))


def test_two_host_headers_are_not_local() -> None:
    raw = [(b"host", b"localhost"), (b"host", b"evil.example")]
    assert not is_local(HTTPConnection({"type": "http", "client": ("127.0.0.1", 1), "headers": raw}))


def test_with_the_policy_key_nobody_is_local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THIMBLE_DOOR", "key")
    assert not is_local(caller())


def test_tries_are_counted_by_address_and_by_ipv6_network() -> None:
    assert address_of(caller("192.0.2.1")) == address_of(caller("::ffff:192.0.2.1")) != address_of(caller("192.0.2.2"))
    assert address_of(caller("2001:db8:1:2:3::4")) == address_of(caller("2001:db8:1:2:9::9"))
    assert address_of(caller("2001:db8:1:2::4")) != address_of(caller("2001:db8:1:3::4"))


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str


class Served:
    """The app on a free port, and ways to ask it."""

    def __init__(self, folder: Path, policy: str = "") -> None:
        (folder / "app.py").write_text(APP)
        (folder / "page.py").write_text("import streamlit as st\nst.title('Mine alone')\n")
        self.store = Store(folder / "home")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = folder / "log"
        options = {"headless": "true", "address": "127.0.0.1", "fileWatcherType": "none", "port": str(self.port)}
        environment = {"THIMBLE_HOME": str(folder / "home"), "THIMBLE_DOOR": policy, "PYTHONPATH": str(ROOT)}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "streamlit",
                    "run",
                    "app.py",
                    *(f"--server.{k}={v}" for k, v in options.items()),
                ],
                cwd=folder,
                env=os.environ | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        end = time.monotonic() + 60
        while time.monotonic() < end and "Traceback" not in self.log.read_text():
            try:
                if self.ask("/_stcore/health").status == 200:
                    return
            except OSError:
                time.sleep(0.1)
        self.close()
        pytest.fail(f"the app did not start:\n{self.log.read_text()}")

    def ask(self, path: str, method: str = "GET", body: str = "", **headers: str) -> Answer:
        connection = Connection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, text)
        finally:
            connection.close()

    def sign_in(self, secret: str, **fields: str) -> Answer:
        body = urlencode({"key": secret, "next": "/train?project=7"} | fields)
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("/door", "POST", body, **form, **STRANGER)

    def socket(self, origin: str | None = None, **headers: str) -> ClientConnection:
        url = f"ws://127.0.0.1:{self.port}/_stcore/stream"
        return connect(url, origin=origin, subprotocols=["streamlit"], additional_headers=headers)

    def close(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    running = Served(tmp_path_factory.mktemp("served"))
    yield running
    running.close()
    assert "Traceback" not in running.log.read_text(), running.log.read_text()


def draws_the_page(websocket: ClientConnection) -> bool:
    """Whether Streamlit runs the page for this websocket, as it does for a browser."""
    websocket.send(BackMsg(rerun_script={"query_string": ""}).SerializeToString())
    end = time.monotonic() + 30
    while time.monotonic() < end:
        message = ForwardMsg.FromString(websocket.recv(timeout=30))
        if "Mine alone" in str(message.delta):
            return True
    return False


def test_the_owner_at_this_computer_sees_the_pages(served: Served) -> None:
    answer = served.ask("/", **BROWSER)
    assert answer.status == 200
    assert "streamlit" in answer.text.lower()
    with served.socket(origin=f"http://127.0.0.1:{served.port}") as websocket:
        assert draws_the_page(websocket)


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/train", "/index.html", "/static/js/index.js", "/media/a.png", "/_stcore/host-config"),
        *("/_stcore/metrics", "/_stcore/health/x", "/api", "/s", "/doors", "/door/", "//api/v1/projects", "/apis/x"),
    ],
)
@pytest.mark.parametrize("says", [STRANGER, {"Host": "evil.example"}, {COOKIE: "thimble_guess"}])
def test_a_stranger_sees_no_page(served: Served, path: str, says: dict[str, str]) -> None:
    headers = STRANGER | {"Cookie": f"{COOKIE}={says[COOKIE]}"} if COOKIE in says else says
    shown = served.ask(path, **headers, **BROWSER)
    assert (shown.status, shown.headers["location"].partition("?")[0]) == (303, "/door")
    fetched = served.ask(path, **headers)
    assert (fetched.status, "/door" in fetched.text) == (401, True)
    assert served.ask(path, "PUT", "x", **headers).status == 401
    assert "streamlit" not in (shown.text + fetched.text).lower()


@pytest.mark.parametrize(
    "headers", [STRANGER, {"Forwarded": "for=192.0.2.1"}, {"Cookie": f"{COOKIE}=thimble_guess", "Via": "x"}]
)
def test_a_strangers_websocket_is_refused(served: Served, headers: dict[str, str]) -> None:
    with pytest.raises(InvalidStatus) as refused:
        served.socket(**headers)
    assert refused.value.response.status_code == 403


def test_a_name_that_was_made_to_point_here_opens_nothing(served: Served) -> None:
    """DNS rebinding: the browser sits at this computer, and so does the server, but the site is another's."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as raw:
        raw.sendall(
            b"GET /_stcore/stream HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\n"
            b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: streamlit\r\n\r\n"
        )
        assert b" 403 " in raw.recv(1000).splitlines()[0]


@pytest.mark.parametrize("origin", ["http://evil.example", "http://localhost:1", "null", "http://["])
def test_another_sites_page_cannot_act_in_the_owners_name(served: Served, origin: str) -> None:
    with pytest.raises(InvalidStatus):
        served.socket(origin=origin)
    assert served.ask("/_stcore/upload_file/a/b", "PUT", "x", Origin=origin).status == 403
    assert served.ask("/door", "POST", "out=yes", Origin=origin).status == 403
    assert served.ask("/", Origin=origin).status == 200  # it may be led there


def test_what_is_open_is_open_to_a_stranger(served: Served) -> None:
    assert served.ask("/_stcore/health", **STRANGER).status == 200
    assert served.ask("/api/docs", **STRANGER).status == 200
    assert served.ask("/api/openapi.json", **STRANGER).status == 200
    assert served.ask("/api/v1/projects", **STRANGER).status == 401
    assert served.ask("/s/" + "a" * 32, **STRANGER).status == 404
    door = served.ask("/door?next=/train", **STRANGER)
    assert (door.status, "python -m core key" in door.text) == (200, True)
    assert "frame-ancestors 'none'" in door.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path", ["/api/../", "/s/../train", "/s/a/../../", "/api/%2e%2e/", "/s/%2e%2e/train", "/s/a/b/c", "/s/"]
)
def test_no_way_leads_through_what_is_open_to_the_pages(served: Served, path: str) -> None:
    answer = served.ask(path, **STRANGER, **BROWSER)
    assert answer.status in (400, 404)
    assert "streamlit" not in answer.text.lower()


def test_the_owners_key_opens_the_pages_until_it_is_revoked(served: Served) -> None:
    key, secret = served.store.access.add_key(None, "my phone")
    answer = served.sign_in(f" {secret} ")
    assert (answer.status, answer.headers["location"]) == (303, "/train?project=7")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert "secure" not in cookie.lower()
    held = STRANGER | {"Cookie": cookie.partition(";")[0]}
    assert served.ask("/", **held).status == 200
    with pytest.raises(InvalidStatus):
        served.socket(origin="http://evil.example", **held)
    with served.socket(**held) as websocket:
        assert draws_the_page(websocket)
        served.store.access.revoke_key(key.id)
        assert served.ask("/", **held).status == 401
        websocket.send(BackMsg(rerun_script={"query_string": ""}).SerializeToString())
        with suppress(ConnectionClosed):
            while True:
                websocket.recv(timeout=30)
    assert websocket.close_code == 1008


def test_over_https_the_cookie_is_for_https_alone(served: Served) -> None:
    _, secret = served.store.access.add_key(None, "my phone")
    body = urlencode({"key": secret})
    said = {"X-Forwarded-For": "198.51.100.1", "X-Forwarded-Proto": "https"}
    answer = served.ask("/door", "POST", body, **said)
    assert "; Secure" in answer.headers["set-cookie"]
    assert "not encrypted" not in served.ask("/door", **said).text
    assert "not encrypted" in served.ask("/door", **STRANGER).text


def test_other_keys_open_no_page(served: Served) -> None:
    project = served.store.create_project("Shapes")
    _, manage = served.store.access.add_key(project.id, "a program", "manage")
    stranger = {"X-Forwarded-For": "198.51.100.2"}
    for secret in (manage, "thimble_" + "a" * 43, "", "x" * 3000):
        answer = served.ask("/door", "POST", urlencode({"key": secret}), **stranger)
        assert (answer.status, "set-cookie" in answer.headers) == (403, False)
        assert "not a key of this Thimble" in answer.text
        assert manage not in answer.text
    held = stranger | {"Cookie": f"{COOKIE}={manage}"}
    assert served.ask("/", **held).status == 401


def test_no_more_than_ten_keys_are_tried_in_a_minute(served: Served) -> None:
    def attempt(address: str) -> Answer:
        return served.ask("/door", "POST", "key=thimble_guess", **{"X-Forwarded-For": address})

    answers = [attempt("198.51.100.3") for _ in range(11)]
    assert {answer.status for answer in answers[:5]} == {403}
    assert answers[-1].status == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    assert "Wait" in answers[-1].text
    assert attempt("198.51.100.4").status == 403


@pytest.mark.parametrize(
    "goal", ["https://evil.example/", "//evil.example", "/\\evil.example", "evil.example", "/\tx", "/door", ""]
)
def test_signing_in_leads_nowhere_else(served: Served, goal: str) -> None:
    _, secret = served.store.access.add_key(None, "my phone")
    body = urlencode({"key": secret, "next": goal})
    answer = served.ask("/door", "POST", body, **{"X-Forwarded-For": f"198.51.100.{100 + len(goal)}"})
    assert (answer.status, answer.headers["location"]) == (303, "/")


def test_signing_out_takes_the_key_away(served: Served) -> None:
    _, secret = served.store.access.add_key(None, "my phone")
    held = {"X-Forwarded-For": "198.51.100.5", "Cookie": f"{COOKIE}={secret}"}
    assert "Sign out" in served.ask("/door", **held).text
    answer = served.ask("/door", "POST", "out=yes", **held)
    assert answer.status == 303
    assert f'{COOKIE}="";' in answer.headers["set-cookie"]
    assert "Max-Age=0" in answer.headers["set-cookie"]


def test_nothing_odd_breaks_the_door(served: Served) -> None:
    for host in ("[", "a b", "localhost:port", "x" * 5000, "%00", "münchen"):
        raw = f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
        with socket.create_connection(("127.0.0.1", served.port), timeout=30) as connection:
            connection.sendall(raw)
            assert connection.recv(1000).split()[1] in (b"400", b"401")
    assert served.ask("/door", "POST", "a=1&" * 2000, **STRANGER).status == 413
    assert served.ask("/door", "POST", "\xff\x00=&&==%", **STRANGER).status in (403, 429)
    assert served.ask("/door", "DELETE", **STRANGER).status == 405


@pytest.mark.slow
@pytest.mark.parametrize(("policy", "stranger", "owner"), [("open", 200, 200), ("key", 401, 401), ("opne", 401, 200)])
def test_the_policy_says_who_comes_in(tmp_path: Path, policy: str, stranger: int, owner: int) -> None:
    served = Served(tmp_path, policy)
    try:
        assert served.ask("/", **STRANGER).status == stranger
        assert served.ask("/").status == owner
    finally:
        served.close()

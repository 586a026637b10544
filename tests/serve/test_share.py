"""The shared page over real HTTP: what a visitor may do, what is kept, and what nobody may."""

import io
import json
import os
import re
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
import uvicorn
from PIL import Image
from starlette.applications import Starlette

from core.data.dataset import NONE_OF_THESE
from core.data.photo import MAX_BYTES
from core.data.store import Link, Project, Store
from core.serve import share
from core.serve.share import share_routes
from core.serve.state import State, open_state
from tests.serve.conftest import shape

PHOTO = shape("disc", 99)


@pytest.fixture(scope="module")
def state(backbone_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[State]:
    """As the state of all these tests, but one for this file: the backbones are loaded once."""
    home = tmp_path_factory.mktemp("home")
    os.symlink(backbone_home / "backbones", home / "backbones")
    opened = open_state(Store(home))
    yield opened
    opened.jobs.shutdown()
    opened.store.close()


@pytest.fixture(scope="module")
def server(state: State) -> Iterator[str]:
    listening = socket.create_server(("127.0.0.1", 0))
    running = uvicorn.Server(uvicorn.Config(Starlette(routes=share_routes(state)), log_level="warning", lifespan="off"))
    thread = threading.Thread(target=running.run, args=([listening],), daemon=True)
    thread.start()
    while not running.started:
        time.sleep(0.005)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    running.should_exit = True
    thread.join()
    listening.close()


@pytest.fixture
def project(state: State, trained_files: dict[str, bytes]) -> Project:
    """A project with a live version, of which no photo is here: none is needed to answer."""
    project = state.store.create_project("Shapes")
    state.store.models.add(project.id, trained_files, accuracy=1.0, photos=16, fingerprint="")
    return project


@pytest.fixture
def link(state: State, project: Project) -> Link:
    return state.store.access.add_link(project.id)


class Visitor(httpx2.Client):
    """A visitor's browser, on the shared page: paths are below the link's address."""

    def __init__(self, page: str) -> None:
        super().__init__(trust_env=False, timeout=60)
        self.page = page

    def below(self, method: str, path: str, **sent: Any) -> httpx2.Response:
        return self.request(method, self.page + path, **sent)


@pytest.fixture
def visitor(server: str, link: Link) -> Iterator[Visitor]:
    with Visitor(f"{server}/s/{link.token}") as client:
        yield client


def ask(visitor: Visitor, photo: bytes = PHOTO, name: str = "my secret.jpg", **fields: str) -> httpx2.Response:
    return visitor.below("POST", "/predict", files={"photo": (name, photo)}, data=fields)


def correct(visitor: Visitor, photo: bytes = PHOTO, name: str = "my secret.jpg", **fields: str) -> httpx2.Response:
    return visitor.below("POST", "/correct", files={"photo": (name, photo)}, data=fields)


def noise() -> bytes:
    data = io.BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (120, 160, 3), np.uint8)).save(data, "PNG")
    return data.getvalue()


def kept(state: State) -> set[str]:
    """Every file under the store's home."""
    return {str(path) for path in (state.store.home / "files").rglob("*") if path.is_file()}


def test_the_page_says_what_it_knows_how_good_it_is_and_when_it_was_made(visitor: Visitor) -> None:
    page = visitor.below("GET", "")
    assert page.status_code == 200
    text = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", page.text))
    assert '<h1 dir="auto">Shapes</h1>' in page.text
    assert "disc stripes" in text
    assert re.search(r"Right .* of 100", text)
    assert f"learnt from 16 photos on {datetime.now(UTC).day} " in text
    assert "Made with Thimble" in text


def test_the_page_names_its_maker_if_there_is_a_name(visitor: Visitor, state: State, project: Project) -> None:
    state.store.rename_project(project.id, project.name, "Ana <the owner>")
    page = visitor.below("GET", "").text
    assert "Made by <bdi>Ana &lt;the owner&gt;</bdi> with Thimble." in page
    assert "Only then is it sent to Ana &lt;the owner&gt; and kept" in page


def test_an_upload_that_never_ends_is_ended(visitor: Visitor, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share, "UPLOAD_SECONDS", 0.2)
    host, port = server.removeprefix("http://").split(":")
    path = visitor.page.removeprefix(server)
    with socket.create_connection((host, int(port)), timeout=30) as slow:
        head = f"POST {path}/predict HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000\r\n"
        slow.sendall(head.encode() + b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b")
        assert b" 400 " in slow.recv(1000).splitlines()[0]


def test_a_photo_is_answered_as_everywhere_else(visitor: Visitor, state: State, project: Project) -> None:
    live = state.answers.live(project.id)
    (expected,) = live.bundle.predict([PHOTO], state.store.home, mode=live.mode)
    answer = ask(visitor).json()
    assert (answer["label"], answer["is_none"], answer["most_like"]) == ("disc", False, "disc")
    assert answer["scores"][0]["share"] == pytest.approx(expected.probability, abs=1e-4)
    assert [score["name"] for score in answer["scores"]] == list(expected.scores)
    assert answer["sure"] in ("almost certain", "quite sure", "rather sure", "not sure")
    assert answer["percent"].endswith("%")
    assert "picture" not in answer


def test_a_stranger_gets_no_figures(visitor: Visitor) -> None:
    answer = ask(visitor, noise()).json()
    assert (answer["label"], answer["is_none"]) == (None, True)
    assert "as unusual as this" in answer["note"]
    assert not any(score["percent"] for score in answer["scores"])
    assert answer["sure"] == answer["percent"] == ""


def test_nothing_that_is_only_tried_is_kept_or_logged(
    visitor: Visitor,
    state: State,
    project: Project,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_file(*args: object, **kwargs: object) -> None:
        raise AssertionError("a visitor's photo was on its way to the disk")

    monkeypatch.setattr(tempfile, "TemporaryFile", no_file)
    monkeypatch.setattr(tempfile, "_TemporaryFileWrapper", no_file)
    large = PHOTO + bytes(5_000_000)  # beyond what a form reader keeps in memory unless told to
    before = kept(state)
    assert ask(visitor, large, picture="yes").status_code == 200
    assert visitor.below("POST", "", files={"photo": ("my secret.jpg", large)}).status_code == 200
    assert correct(visitor, right="stripes").status_code == 422
    assert correct(visitor, right="stripes", agreed="false").status_code == 422
    assert kept(state) == before
    assert state.store.corrections.count(project.id) == 0
    assert "secret" not in caplog.text


def test_what_is_agreed_to_waits_for_the_owner_without_its_name(
    visitor: Visitor, state: State, project: Project
) -> None:
    before = kept(state)
    answer = correct(visitor, right="stripes", agreed="true")
    assert (answer.status_code, answer.json()) == (201, {"kept": True})
    (waiting,) = state.store.corrections.waiting(project.id)
    assert (waiting.answered, waiting.right, waiting.origin, waiting.version) == ("disc", "stripes", "link", 1)
    assert (waiting.is_none, waiting.probability > 0.5) == (False, True)
    assert "secret" not in waiting.name
    assert len(kept(state) - before) == 1
    assert correct(visitor, right=NONE_OF_THESE, agreed="true").status_code == 201
    assert [each.right for each in state.store.corrections.waiting(project.id)] == [NONE_OF_THESE]


@pytest.mark.parametrize("right", ["", "wolf", "DISC", "none of these", "stripes\0", "../stripes", "disc"])
def test_only_another_answer_that_it_knows_is_taken(
    visitor: Visitor, state: State, project: Project, right: str
) -> None:
    answer = correct(visitor, right=right, agreed="true")
    assert answer.status_code == 422
    assert "Nothing was kept" in answer.json()["detail"]
    assert state.store.corrections.count(project.id) == 0


def test_a_none_of_these_that_is_one_teaches_nothing(visitor: Visitor, state: State, project: Project) -> None:
    assert correct(visitor, noise(), right=NONE_OF_THESE, agreed="true").status_code == 422
    assert correct(visitor, noise(), right="disc", agreed="true").status_code == 201
    assert state.store.corrections.waiting(project.id)[0].is_none


def test_no_room_for_more_corrections_is_said_to_the_visitor(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.data.store.correction_rows.MOST_WAITING", 0)
    answer = correct(visitor, right="stripes", agreed="true")
    assert answer.status_code == 503
    assert "no room for another" in answer.json()["detail"]


@pytest.mark.parametrize("ending", ["revoked", "expired", "deleted"])
def test_a_link_that_ended_answers_nothing_from_then_on(
    visitor: Visitor,
    state: State,
    link: Link,
    project: Project,
    ending: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert visitor.below("GET", "").status_code == 200
    assert ask(visitor).status_code == 200
    if ending == "revoked":
        state.store.access.revoke_link(link.id)
    elif ending == "deleted":
        state.store.delete_project(project.id)
    else:
        soon = state.store.access.add_link(project.id, expires_at=datetime.now(UTC) + timedelta(seconds=0.3))
        visitor.page = visitor.page.replace(link.token, soon.token)
        while state.store.access.link(soon.token):
            pass
    page = visitor.below("GET", "")
    assert (page.status_code, "This link leads nowhere" in page.text) == (404, True)
    assert "Shapes" not in page.text
    assert visitor.below("POST", "", files={"photo": ("a.jpg", PHOTO)}).status_code == 404
    assert ask(visitor).status_code == 404
    assert correct(visitor, right="stripes", agreed="true").status_code == 404


def test_a_link_revoked_during_an_upload_is_revoked(server: str, state: State, link: Link, project: Project) -> None:
    form = b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
    parts = [form % (b"right", b"", b"stripes"), form % (b"agreed", b"", b"true")]
    body = b"".join([*parts, form % (b"photo", b'; filename="a.jpg"', PHOTO), b"--b--\r\n"])
    host, port = server.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as slow:
        head = f"POST /s/{link.token}/correct HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n"
        slow.sendall(head.encode() + b"Content-Type: multipart/form-data; boundary=b\r\n\r\n" + body[:50])
        assert httpx2.get(f"{server}/s/{link.token}", trust_env=False).status_code == 200
        state.store.access.revoke_link(link.id)
        slow.sendall(body[50:])
        assert b" 404 " in slow.recv(1000).splitlines()[0]
    assert state.store.corrections.count(project.id) == 0


@pytest.mark.parametrize("token", ["a" * 32, "a", "%2e%2e", "static", "a" * 5000, "%00", "é"])
@pytest.mark.parametrize("end", ["", "/predict", "/correct", "/versions", "/../../api/v1/projects"])
def test_nobody_guesses_a_link(server: str, token: str, end: str) -> None:
    for method in ("GET", "POST"):
        answer = httpx2.request(method, f"{server}/s/{token}{end}", files={"photo": ("a.jpg", PHOTO)}, trust_env=False)
        assert answer.status_code in (401, 404, 405)


def test_the_page_leads_nowhere_else(visitor: Visitor, link: Link, project: Project) -> None:
    page = visitor.below("GET", "").text
    addresses = re.findall(r'(?:href|src|action)="([^"]*)"', page)
    assert {address.partition("?")[0] for address in addresses} == {
        "#about",
        *(f"/s/static/{name}" for name in ("icon.svg", "share.js", "style.css")),
    }
    answers = page + ask(visitor).text + correct(visitor, right="stripes", agreed="true").text
    assert project.id not in answers
    for path in ("/versions", "/photos", "/predict", "/correct"):
        assert visitor.below("GET", path).status_code in (404, 405)


def test_every_answer_has_the_headers_of_a_page_for_strangers(visitor: Visitor, server: str) -> None:
    answers = [
        visitor.below("GET", ""),
        visitor.below("GET", "/x"),
        ask(visitor),
        ask(visitor, b""),
        httpx2.get(f"{server}/s/{'a' * 32}"),
    ]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "noindex" in answer.headers["x-robots-tag"]


def test_the_pages_files_hold_nothing_from_elsewhere_and_nothing_inline() -> None:
    folder = Path(share.__file__).parent / "pages"
    for path in folder.iterdir():
        if path.suffix in (".html", ".css", ".js"):
            text = path.read_text()
            assert "http://" not in text, path
            assert "https://" not in text, path
            assert not re.search(r"<[^>]+\s(style|on\w+)=|<style|<script(?![^>]*src)|innerHTML|eval\(", text), path


@pytest.mark.parametrize("name", ["style.css", "share.js", "icon.svg"])
def test_the_pages_files_are_kept_by_browsers_until_they_change(visitor: Visitor, server: str, name: str) -> None:
    addresses = re.findall(rf'"(/s/static/{name}\?[0-9a-f]+)"', visitor.below("GET", "").text)
    file = httpx2.get(server + addresses[0], trust_env=False)
    assert (file.status_code, "immutable" in file.headers["cache-control"]) == (200, True)
    assert httpx2.get(f"{server}/s/static/__init__.py", trust_env=False).status_code == 404


@pytest.mark.parametrize("photo", [b"", b"hello", b"\xff\xd8\xff", b"PK\x03\x04", b"<svg/>", PHOTO[:500]])
def test_a_bad_photo_is_named_in_words(visitor: Visitor, photo: bytes) -> None:
    answer = ask(visitor, photo)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"].endswith(".")
    page = visitor.below("POST", "", files={"photo": ("a.jpg", photo)})
    assert (page.status_code, "That did not work" in page.text, "Back to the page" in page.text) == (422, True, True)


def test_a_photo_may_be_as_large_as_everywhere_and_no_larger(visitor: Visitor) -> None:
    fits = PHOTO + bytes(MAX_BYTES - len(PHOTO))
    assert ask(visitor, fits).status_code == 200
    assert ask(visitor, fits + b"1").status_code == 422
    large = ask(visitor, fits + bytes(1_000_000))
    assert (large.status_code, "25" in large.json()["detail"]) == (413, True)


def test_a_large_body_of_unknown_length_is_cut_off(visitor: Visitor) -> None:
    def endless() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
        for _ in range(30):
            yield bytes(1_000_000)

    try:
        answer = visitor.below(
            "POST", "/predict", content=endless(), headers={"Content-Type": "multipart/form-data; boundary=b"}
        )
    except (httpx2.WriteError, httpx2.ReadError):
        return  # hung up on, which is as good
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "application/json", 415),
        (PHOTO, "image/jpeg", 415),
        (b"", "", 415),
        (b"nonsense", "multipart/form-data", 400),
        (b"nonsense", "multipart/form-data; boundary=b", 400),
        (b"--b--\r\n", "multipart/form-data; boundary=b", 422),
        (
            b'--b\r\nContent-Disposition: form-data; name="photo"\r\n\r\nx\r\n--b--\r\n',
            "multipart/form-data; boundary=b",
            422,
        ),
        (b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n", "multipart/form-data; boundary=b", 400),
    ],
)
@pytest.mark.parametrize("end", ["/predict", "/correct", ""])
def test_a_broken_form_is_told_so(visitor: Visitor, content: bytes, kind: str, status: int, end: str) -> None:
    answer = visitor.below("POST", end, content=content, headers={"Content-Type": kind})
    assert answer.status_code == status


def test_two_photos_in_one_form_and_many_fields_are_refused(visitor: Visitor) -> None:
    two = [("photo", ("a.jpg", PHOTO)), ("photo", ("b.jpg", PHOTO))]
    assert visitor.below("POST", "/predict", files=two).status_code == 400
    assert ask(visitor, **{f"field{number}": "x" for number in range(50)}).status_code == 400


def test_one_visitor_cannot_take_all_the_time(visitor: Visitor, server: str, state: State, project: Project) -> None:
    statuses = [visitor.below("POST", "/predict").status_code for _ in range(share.VISITOR_BURST)]
    assert set(statuses) == {415}
    assert any(visitor.below("POST", "/predict").status_code == 429 for _ in range(3 * share.VISITOR_BURST))
    refused = ask(visitor)
    assert int(refused.headers["retry-after"]) >= 1
    assert "Wait" in refused.json()["hint"]
    another = state.store.access.add_link(project.id)
    photo = {"photo": ("a.jpg", PHOTO)}
    assert httpx2.post(f"{server}/s/{another.token}/predict", files=photo, trust_env=False).status_code == 200


def test_names_are_text_and_never_markup(server: str, state: State, project: Project) -> None:
    name = "<img src=x onerror=alert(1)> & \"'{{7*7}}"
    state.store.rename_project(project.id, name)
    page = httpx2.get(f"{server}/s/{state.store.access.add_link(project.id).token}", trust_env=False).text
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt; &amp; &#34;&#39;{{7*7}}" in page


def test_a_project_without_a_model_says_so_without_its_name(server: str, state: State) -> None:
    project = state.store.create_project("Not yet public")
    page = httpx2.get(f"{server}/s/{state.store.access.add_link(project.id).token}", trust_env=False)
    assert (page.status_code, "Nothing to try just now" in page.text) == (503, True)
    assert "Not yet public" not in page.text


def test_another_version_answers_as_soon_as_it_is_live(
    visitor: Visitor, state: State, project: Project, trained_files: dict[str, bytes]
) -> None:
    state.store.models.add(project.id, trained_files, accuracy=1.0, photos=99, fingerprint="", live=True)
    assert "learnt from 99 photos" in re.sub(r"\s+", " ", visitor.below("GET", "").text)
    assert correct(visitor, right="stripes", agreed="true").status_code == 201
    assert state.store.corrections.waiting(project.id)[0].version == 2


def test_without_script_one_photo_is_answered_on_the_page(visitor: Visitor) -> None:
    page = visitor.below("POST", "", files={"photo": ("a.jpg", PHOTO)})
    assert page.status_code == 200
    assert re.search(r"<h2><bdi>disc</bdi></h2>\s*<p class=\"sure\">[a-z ]+ \((over )?\d+%\)</p>", page.text)
    assert 'src="data:image/jpeg;base64,' in page.text
    stranger = visitor.below("POST", "", files={"photo": ("a.jpg", noise())})
    assert f"<h2>{NONE_OF_THESE}</h2>" in stranger.text


def test_what_a_browser_cannot_draw_comes_back_as_it_was_understood(visitor: Visitor) -> None:
    answer = ask(visitor, picture="yes").json()
    assert answer["picture"].startswith("data:image/jpeg;base64,")
    assert json.dumps(answer)

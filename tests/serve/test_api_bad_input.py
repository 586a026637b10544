"""Bad input to each operation: the right status, words that say what was wrong, and nothing changed."""

import base64
import io
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from core.data.store import Project
from core.serve.state import State
from tests.hostile import huge_png, zip_bomb, zip_of
from tests.serve.conftest import Shared, all_rows, shape

LARGE = b"\xff\xd8\xff\xe0" + bytes(26_000_000)  # begins as a JPEG does, and is 26 MB
BROKEN = {"content": b'{"name": ', "headers": {"Content-Type": "application/json"}}
TEXT = {"content": b"name=x", "headers": {"Content-Type": "text/plain"}}
MEGABYTES = {"content": b" " * 1_000_001, "headers": {"Content-Type": "application/json"}}
EMPTY_JSON: dict[str, Any] = {"json": {}}


@dataclass(frozen=True)
class Case:
    """A request that is refused: with which status, and a word that its answer must hold."""

    operation: str  # method and path below /api/v1; {project} and {category} stand for ids of the trained project
    request: dict[str, Any]
    status: int
    word: str


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def on_each(operation: str) -> list[Case]:
    """What every operation with a JSON body refuses."""
    return [
        Case(operation, BROKEN, 400, "no JSON"),
        Case(operation, TEXT, 415, "application/json"),
        Case(operation, {"json": [1, 2]}, 422, "Input should be"),
        Case(operation, {"json": {"surprise": 1}}, 422, "surprise"),
    ]


PROJECT = "/projects/{project}"
PREDICT = "POST /models/{project}/predict"
PHOTOS = f"POST {PROJECT}/photos"
CASES = [
    *(
        case
        for operation in (
            "POST /projects",
            f"PATCH {PROJECT}",
            f"POST {PROJECT}/categories",
            f"PATCH {PROJECT}/categories/{{category}}",
            f"POST {PROJECT}/photos/addresses",
            f"POST {PROJECT}/collect",
            f"POST {PROJECT}/exports",
            f"POST {PROJECT}/keys",
            f"POST {PROJECT}/links",
            f"POST {PROJECT}/corrections/accept",
            f"POST {PROJECT}/corrections/reject",
            PREDICT,
        )
        for case in on_each(operation)
        if operation != PREDICT or case.request is not TEXT
    ),
    # Fields that hold what they cannot.
    Case("POST /projects", {"json": {"name": ""}}, 422, "name"),
    Case("POST /projects", {"json": {"name": "x" * 61}}, 422, "name"),
    Case("POST /projects", {"json": {"name": 7}}, 422, "name"),
    Case("POST /projects", {"json": {"name": "two\nlines"}}, 422, "line"),
    Case("POST /projects", MEGABYTES, 413, "1 MB"),
    Case("POST /restore", {"files": {"file": b"no backup"}}, 422, "no photo"),
    Case("POST /restore", {"files": {"file": zip_bomb(50)}}, 422, "larger than"),
    Case(f"PATCH {PROJECT}", EMPTY_JSON, 422, "at least one"),
    Case(f"PATCH {PROJECT}", {"json": {"name": None}}, 422, "name"),
    Case(f"PATCH {PROJECT}", {"json": {"mode": "slow"}}, 422, "mode"),
    Case(f"PATCH {PROJECT}", {"json": {"share_refused": 0.9}}, 422, "share_refused"),
    Case(f"PATCH {PROJECT}", {"json": {"mode": "best", "name": "a\x01b"}}, 422, "control"),
    Case(f"POST {PROJECT}/categories", {"json": {"name": "Disc"}}, 422, "already a category"),
    Case(f"PATCH {PROJECT}/categories/{{category}}", {"json": {"name": "stripes"}}, 422, "already a category"),
    Case(f"PATCH {PROJECT}/categories/{2**53 + 1}", {"json": {"name": "x"}}, 422, "category_id"),
    Case(f"DELETE {PROJECT}/categories/none", {}, 404, "nothing at"),
    Case(f"DELETE {PROJECT}/categories/987654", {}, 404, "category"),
    Case(f"GET {PROJECT}/photos", {"params": {"limit": 100_000}}, 422, "limit"),
    Case(f"GET {PROJECT}/photos", {"params": {"offset": -1}}, 422, "offset"),
    Case(f"GET {PROJECT}/photos", {"params": {"category_id": 987_654}}, 404, "category"),
    Case(f"PATCH {PROJECT}/photos/1", {"json": {"category_id": 987_654, "kept": False}}, 404, "category"),
    Case(f"DELETE {PROJECT}/photos/987654", {}, 404, "photo"),
    Case(f"POST {PROJECT}/collect", {"json": {"per_category": 0}}, 422, "per_category"),
    Case(f"POST {PROJECT}/collect", {"json": {"per_category": 10**9}}, 422, "per_category"),
    Case(f"POST {PROJECT}/collect", {"json": {"providers": ["ask jeeves"]}}, 422, "providers"),
    Case(f"POST {PROJECT}/collect", {"json": {"category_id": 987_654}}, 404, "category"),
    Case(f"GET {PROJECT}/versions/99", {}, 404, "version 99"),
    Case(f"POST {PROJECT}/versions/99/live", {}, 404, "version 99"),
    Case(f"POST {PROJECT}/exports", {"json": {"formats": ["word"]}}, 422, "no format 'word'"),
    Case(f"POST {PROJECT}/exports", {"json": {"formats": []}}, 422, "formats"),
    Case(f"GET {PROJECT}/exports/..%2F..%2Fthimble.db", {}, 404, "nothing at"),
    Case(f"GET {PROJECT}/exports/thimble.db", {}, 404, "export"),
    Case(f"GET {PROJECT}/credits", {"params": {"format": "xml"}}, 422, "format"),
    Case(f"POST {PROJECT}/keys", {"json": {"name": "x", "scope": "owner"}}, 422, "scope"),
    Case(f"DELETE {PROJECT}/keys/987654", {}, 404, "key"),
    Case(f"POST {PROJECT}/links", {"json": {"expires_at": "2001-01-01T00:00:00Z"}}, 422, "expired"),
    Case(f"POST {PROJECT}/links", {"json": {"expires_at": "2031-01-01T00:00:00"}}, 422, "timezone"),
    Case(f"DELETE {PROJECT}/links/987654", {}, 404, "link"),
    Case(f"POST {PROJECT}/corrections/accept", {"json": {"ids": [987_654]}}, 404, "987654"),
    Case(f"POST {PROJECT}/corrections/reject", {"json": {"ids": []}}, 422, "ids"),
    Case("GET /jobs/none", {}, 404, "no longer known"),
    Case("POST /jobs/none/cancel", {}, 404, "no longer known"),
    Case("GET /projects/none", {}, 404, "project"),
    Case("GET /models/none", {}, 404, "project"),
    # Photos that are none.
    *(
        Case(operation, {"files": {name: content}, "data": data}, status, word)
        for operation, name, data in (
            (PREDICT, "file", {}),
            (PHOTOS, "files", {"category_id": "{category}"}),
            ("POST /models/{project}/corrections", "file", {"right": "disc"}),
        )
        for content, status, word in (
            (b"", 422, "empty"),
            (b"no picture", 422, "text"),
            (LARGE, 413 if "corrections" in operation else 422, "MB"),
            (huge_png(20_000), 422, "too large"),
        )
    ),
    Case(PREDICT, {"files": {"file": zip_of({"a.jpg": b"x"})}}, 422, "zip"),
    Case(PREDICT, {"files": {"photo": b"x"}}, 422, "'file'"),
    Case(PREDICT, {"files": {"file": b"x"}, "data": {"more": "1"}}, 422, "'file'"),
    Case(PREDICT, {"data": {"file": "x"}, "files": {"other": b""}}, 422, "'file'"),
    Case(PREDICT, {"files": [("files", b"x")] * 101}, 422, "101 photos"),
    Case(PREDICT, {"json": {}}, 422, "exactly one"),
    Case(PREDICT, {"json": {"image": "x", "address": "y"}}, 422, "exactly one"),
    Case(PREDICT, {"json": {"image": "not base64"}}, 422, "base64"),
    Case(PREDICT, {"json": {"image": base64_of(LARGE)}}, 422, "26.0 MB"),
    Case(PREDICT, {"json": {"image": base64_of(LARGE + bytes(1_000_000))}}, 413, "35 MB"),
    Case(PREDICT, {"json": {"images": ["eA=="] * 101}}, 422, "images"),
    Case(PREDICT, {"json": {"address": "http://127.0.0.1/a.jpg"}}, 422, "private"),
    Case(PREDICT, {"json": {"address": "http://169.254.169.254/latest"}}, 422, "private"),
    Case(PREDICT, {"json": {"address": "file:///etc/passwd"}}, 422, "http"),
    Case(PREDICT, TEXT, 415, "multipart/form-data or application/json"),
    Case(PREDICT, {"files": {"file": b"x"}, "params": {"nearest": 6}}, 422, "nearest"),
    Case(PREDICT, {"files": {"file": b"x"}, "params": {"mode": "slow"}}, 422, "mode"),
    Case(
        PREDICT, {"content": b"junk", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 400, "multipart"
    ),
    Case(PREDICT, {"content": b"junk", "headers": {"Content-Type": "multipart/form-data"}}, 400, "boundary"),
    Case("POST /models/{project}/corrections", {"files": {"file": shape("disc", 0)}}, 422, "right"),
    Case(
        "POST /models/{project}/corrections",
        {"files": {"file": shape("disc", 0)}, "data": {"right": "a cat"}},
        422,
        "no category 'a cat'",
    ),
    Case(PHOTOS, {"data": {"category_id": "{category}"}, "files": {"wrong": b"x"}}, 422, "files"),
    Case(PHOTOS, {"files": {"files": shape("disc", 0)}, "data": {"category_id": "987654"}}, 404, "category"),
    Case(PHOTOS, {"files": {"files": ("a.jpg", shape("disc", 0))}}, 422, "no folder"),
    Case(PHOTOS, {"files": {"files": ("cats/a.jpg", b"no picture")}}, 422, "text"),
    Case(PHOTOS, {"files": {"files": ("a.zip", zip_bomb(50))}, "data": {"category_id": "{category}"}}, 422, "25 MB"),
    Case(PHOTOS, {"files": {"files": ("a.zip", zip_of({"../a.jpg": shape("disc", 0)}))}}, 422, "leads out"),
    Case(PHOTOS, {"files": {"files": ("a.zip", zip_of({}))}}, 422, "no photo"),
    Case(PHOTOS, {"files": {"files": ("a.zip", b"PK\x03\x04 and no more")}}, 422, "damaged"),
    Case(
        f"{PHOTOS}/addresses",
        {"json": {"category_id": "{category}", "addresses": ["http://[::1]/a.jpg"]}},
        422,
        "private",
    ),
    Case(f"{PHOTOS}/addresses", {"json": {"category_id": "{category}", "addresses": []}}, 422, "addresses"),
]


def filled(value: Any, ids: dict[str, Any]) -> Any:
    """The value with ids where a test could not know them yet."""
    if isinstance(value, dict):
        return {name: filled(each, ids) for name, each in value.items()}
    return ids["category"] if value == "{category}" else value


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case.operation} {case.status} {case.word}".replace("{project}", "…")
)
def test_bad_input_is_refused_in_words_and_changes_nothing(case: Case, shared: Shared) -> None:
    store = shared.state.store
    ids = {"project": shared.project.id, "category": store.categories(shared.project.id)[0].id}
    method, path = case.operation.format(**ids).split(" ")
    request = filled(case.request, ids)
    request["headers"] = {"Authorization": f"Bearer {shared.owner_key}", **request.get("headers", {})}
    before = all_rows(store)
    answer = httpx2.request(method, f"{shared.address}/api/v1{path}", timeout=60, **request)
    assert answer.status_code == case.status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == case.status
    assert problem["type"].startswith("/api/docs#")
    said = problem["detail"] + str(problem.get("errors", ""))
    assert case.word in said
    assert "Traceback" not in answer.text
    assert all_rows(store) == before


def test_what_is_not_there_and_what_cannot_be_done_there(server: str) -> None:
    for path in (
        "/api/",
        "/api/v1",
        "/api/v1/projects/",
        "/api/v2/projects",
        "/api/v1/projects/a%0Ab/x",
        "/api/v1/projects/x/photos/" + "9" * 5000,
    ):
        answer = httpx2.get(server + path)
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"
    answer = httpx2.put(f"{server}/api/v1/projects")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, POST"
    assert answer.headers["content-type"] == "application/problem+json"
    for path, allowed in (("keys/1", "DELETE"), ("photos/addresses", "POST"), ("photos/1", "DELETE, GET, PATCH")):
        assert httpx2.put(f"{server}/api/v1/projects/x/{path}").headers["Allow"] == allowed
    assert httpx2.post(f"{server}/api/docs").headers["Allow"] == "GET, HEAD"


def test_a_mistake_of_our_own_says_nothing_of_what_is_inside(
    server: str, owner_key: str, state: State, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr(state.store, "projects", broken)
    answer = httpx2.get(f"{server}/api/v1/projects", headers={"Authorization": f"Bearer {owner_key}"})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
    assert "the secret inside" in caplog.text


def test_a_zip_of_ten_thousand_files_is_looked_through(
    server: str, owner_key: str, state: State, trained_project: Project
) -> None:
    members = {f"disc/{number}.jpg": b"\xff\xd8\xff and no more" for number in range(10_000)}
    members["disc/good.jpg"] = shape("disc", 300)
    members = {"disc/good.jpg": members.pop("disc/good.jpg"), **members}
    answer = httpx2.post(
        f"{server}/api/v1/projects/{trained_project.id}/photos",
        headers={"Authorization": f"Bearer {owner_key}"},
        files={"files": ("many.zip", io.BytesIO(zip_of(members)))},
        timeout=120,
    )
    told = answer.json()
    assert answer.status_code == 200
    assert (told["added"], told["refused"]) == (1, 10_000)
    assert "10,001 files" in told["items"][-1]["reason"]


def test_more_files_than_are_looked_at_are_refused_at_once(
    server: str, owner_key: str, trained_project: Project
) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n\r\n'
    answer = httpx2.post(
        f"{server}/api/v1/projects/{trained_project.id}/photos",
        headers={"Authorization": f"Bearer {owner_key}", "Content-Type": "multipart/form-data; boundary=x"},
        content=part * 10_001 + b"--x--\r\n",
        timeout=60,
    )
    assert answer.status_code == 400
    assert "10000" in answer.json()["detail"]

"""Who may do what through the API: the table, and a test of each of its cells."""

import io
import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from core.data.store import Project, Store
from core.jobs import Progress
from core.serve.backup import backup
from core.serve.state import State
from tests.serve.conftest import Shared, all_rows, shape

WHO = ("no key", "unknown", "revoked", "other's predict", "other's manage", "predict", "manage", "owner")
OK = 200  # or another status of success

# What each of WHO gets, by what an operation needs. Of another's project it is not even told that it is there.
ROWS = {
    "predict": (401, 401, 401, 404, 404, OK, OK, OK),
    "manage": (401, 401, 401, 404, 404, 403, OK, OK),
    "job": (401, 401, 401, 403, 404, 403, OK, OK),
    "own list": (401, 401, 401, 403, OK, 403, OK, OK),
    "owner": (401, 401, 401, 403, 403, 403, 403, OK),
}

TABLE = {
    ("GET", "/v1/models/{project_id}"): "predict",
    ("POST", "/v1/models/{project_id}/predict"): "predict",
    ("POST", "/v1/models/{project_id}/corrections"): "predict",
    ("GET", "/v1/projects"): "own list",
    ("POST", "/v1/projects"): "owner",
    ("POST", "/v1/restore"): "owner",
    ("GET", "/v1/projects/{project_id}"): "manage",
    ("PATCH", "/v1/projects/{project_id}"): "manage",
    ("DELETE", "/v1/projects/{project_id}"): "manage",
    ("GET", "/v1/projects/{project_id}/backup"): "manage",
    ("GET", "/v1/projects/{project_id}/categories"): "manage",
    ("POST", "/v1/projects/{project_id}/categories"): "manage",
    ("PATCH", "/v1/projects/{project_id}/categories/{category_id}"): "manage",
    ("DELETE", "/v1/projects/{project_id}/categories/{category_id}"): "manage",
    ("GET", "/v1/projects/{project_id}/photos"): "manage",
    ("POST", "/v1/projects/{project_id}/photos"): "manage",
    ("POST", "/v1/projects/{project_id}/photos/addresses"): "manage",
    ("GET", "/v1/projects/{project_id}/photos/{photo_id}"): "manage",
    ("GET", "/v1/projects/{project_id}/photos/{photo_id}/file"): "manage",
    ("PATCH", "/v1/projects/{project_id}/photos/{photo_id}"): "manage",
    ("DELETE", "/v1/projects/{project_id}/photos/{photo_id}"): "manage",
    ("POST", "/v1/projects/{project_id}/collect"): "manage",
    ("POST", "/v1/projects/{project_id}/train"): "manage",
    ("GET", "/v1/jobs/{job_id}"): "job",
    ("POST", "/v1/jobs/{job_id}/cancel"): "job",
    ("GET", "/v1/projects/{project_id}/versions"): "manage",
    ("GET", "/v1/projects/{project_id}/versions/{number}"): "manage",
    ("POST", "/v1/projects/{project_id}/versions/{number}/live"): "manage",
    ("GET", "/v1/projects/{project_id}/exports"): "manage",
    ("POST", "/v1/projects/{project_id}/exports"): "manage",
    ("GET", "/v1/projects/{project_id}/exports/{name}"): "manage",
    ("GET", "/v1/projects/{project_id}/credits"): "manage",
    ("GET", "/v1/projects/{project_id}/keys"): "manage",
    ("POST", "/v1/projects/{project_id}/keys"): "manage",
    ("DELETE", "/v1/projects/{project_id}/keys/{key_id}"): "manage",
    ("GET", "/v1/projects/{project_id}/links"): "manage",
    ("POST", "/v1/projects/{project_id}/links"): "manage",
    ("DELETE", "/v1/projects/{project_id}/links/{link_id}"): "manage",
    ("GET", "/v1/projects/{project_id}/corrections"): "manage",
    ("GET", "/v1/projects/{project_id}/corrections/{correction_id}/file"): "manage",
    ("POST", "/v1/projects/{project_id}/corrections/accept"): "manage",
    ("POST", "/v1/projects/{project_id}/corrections/reject"): "manage",
}


@dataclass
class World:
    """A server, a trained project in its store, and a key for each of WHO."""

    state: State
    address: str
    project: Project
    keys: dict[str, str]
    jobs: dict[str, str]  # work that waits to be told to end, by its kind

    @property
    def store(self) -> Store:
        return self.state.store

    def bearer(self, who: str) -> dict[str, str]:
        """The headers that show the key of one of WHO."""
        return {"Authorization": f"Bearer {self.keys[who]}"}

    def category(self) -> int:
        return self.store.categories(self.project.id)[0].id

    def fresh_photo(self) -> int:
        numbers = len(self.store.photos.of(self.project.id))
        return self.store.photos.add(self.category(), shape("square", 1000 + numbers), "fresh.jpg").photo.id

    def fresh_correction(self) -> int:
        return self.store.corrections.add(
            self.project.id,
            shape("square", 5000),
            name="wrong.jpg",
            answered="disc",
            probability=0.6,
            is_none=False,
            right="stripes",
            origin="api",
            version=1,
        ).id


@pytest.fixture(scope="module")
def world(shared: Shared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    state, store, project = shared.state, shared.state.store, shared.project
    export = tmp_path_factory.mktemp("export") / "onnx.zip"
    export.write_bytes(b"PK")
    store.exports.add(project.id, 1, "onnx", export)
    other = store.create_project("Another's")
    end = threading.Event()

    def wait(progress: Progress) -> dict[str, object]:
        end.wait()
        return {}

    jobs = {kind: state.jobs.start(project.id, kind, wait) for kind in ("build", "train", "export-onnx")}
    revoked, secret = store.access.add_key(project.id, "revoked", "manage")
    store.access.revoke_key(revoked.id)
    keys = {
        "unknown": "thimble_" + "x" * 43,
        "revoked": secret,
        "other's predict": store.access.add_key(other.id, "other's")[1],
        "other's manage": store.access.add_key(other.id, "other's", "manage")[1],
        "predict": store.access.add_key(project.id, "predict")[1],
        "manage": store.access.add_key(project.id, "manage", "manage")[1],
        "owner": shared.owner_key,
    }
    yield World(state, shared.address, project, keys, jobs)
    end.set()


def a_category(world: World) -> dict[str, Any]:
    return {"json": {"name": f"another {len(world.store.categories(world.project.id))}"}}


def nothing_but_photos(world: World) -> dict[str, Any]:
    """Trains only while every category has photos; other cells made some without."""
    counts = world.store.photos.counts(world.project.id)
    for category_id, count in counts.items():
        if count.kept < 2:
            world.store.delete_category(category_id)
    return {}


def a_backup(world: World) -> dict[str, Any]:
    file = io.BytesIO()
    backup(world.store, world.project.id, file)
    return {"files": {"file": file.getvalue()}}


# How each operation is asked so that it succeeds: the parts of its path, and the rest of the request.
Part = Callable[[World], object]
PARTS: dict[str, Part] = {
    "category_id": lambda world: world.store.add_category(world.project.id, f"fresh {secrets.token_hex(8)}").id,
    "photo_id": lambda world: world.fresh_photo(),
    "job_id": lambda world: world.jobs["build"],
    "number": lambda world: 1,
    "name": lambda world: "onnx",
    "key_id": lambda world: world.store.access.add_key(world.project.id, "to be revoked")[0].id,
    "link_id": lambda world: world.store.access.add_link(world.project.id).id,
    "correction_id": lambda world: world.fresh_correction(),
}
BODIES: dict[tuple[str, str], Callable[[World], dict[str, Any]]] = {
    ("POST", "/v1/models/{project_id}/predict"): lambda world: {"files": {"file": shape("disc", 0)}},
    ("POST", "/v1/models/{project_id}/corrections"): lambda world: {
        "files": {"file": shape("disc", 700)},
        "data": {"right": "stripes"},
    },
    ("POST", "/v1/projects"): lambda world: {"json": {"name": "New"}},
    ("POST", "/v1/restore"): a_backup,
    ("PATCH", "/v1/projects/{project_id}"): lambda world: {"json": {"name": "Renamed"}},
    ("POST", "/v1/projects/{project_id}/categories"): a_category,
    ("PATCH", "/v1/projects/{project_id}/categories/{category_id}"): a_category,
    ("POST", "/v1/projects/{project_id}/photos"): lambda world: {
        "files": [("files", shape("disc", 800))],
        "data": {"category_id": world.category()},
    },
    ("PATCH", "/v1/projects/{project_id}/photos/{photo_id}"): lambda world: {"json": {"kept": False}},
    ("POST", "/v1/projects/{project_id}/collect"): lambda world: {"json": {}},
    ("POST", "/v1/projects/{project_id}/train"): nothing_but_photos,
    ("POST", "/v1/projects/{project_id}/exports"): lambda world: {"json": {"formats": ["onnx"]}},
    ("POST", "/v1/projects/{project_id}/keys"): lambda world: {"json": {"name": "new"}},
    ("POST", "/v1/projects/{project_id}/links"): lambda world: {"json": {}},
    ("POST", "/v1/projects/{project_id}/corrections/accept"): lambda world: {
        "json": {"ids": [world.fresh_correction()]}
    },
    ("POST", "/v1/projects/{project_id}/corrections/reject"): lambda world: {
        "json": {"ids": [world.fresh_correction()]}
    },
}
ADDRESSES = ("POST", "/v1/projects/{project_id}/photos/addresses")  # reaches the check of addresses, no further
DELETE_PROJECT = ("DELETE", "/v1/projects/{project_id}")


def test_the_table_names_every_operation(world: World) -> None:
    document = httpx2.get(f"{world.address}/api/openapi.json").json()
    operations = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert operations == set(TABLE)


@pytest.mark.slow
@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("operation", TABLE, ids=lambda operation: " ".join(operation))
def test_each_may_do_what_the_table_says(world: World, operation: tuple[str, str], who: str) -> None:
    expected = ROWS[TABLE[operation]][WHO.index(who)]
    key, project_id = world.keys.get(who), world.project.id
    if expected == OK and operation == DELETE_PROJECT:
        project_id = world.store.create_project("Short-lived").id
        key = key if who == "owner" else world.store.access.add_key(project_id, who, "manage")[1]
    method, path = operation
    parts = {name: make(world) for name, make in PARTS.items() if f"{{{name}}}" in path}
    request = BODIES[operation](world) if operation in BODIES else {}
    if operation == ADDRESSES:
        request = {"json": {"category_id": world.category(), "addresses": ["http://127.0.0.1/photo.jpg"]}}
    before = all_rows(world.store)
    answer = httpx2.request(
        method,
        f"{world.address}/api{path.format(project_id=project_id, **parts)}",
        headers={"Authorization": f"Bearer {key}"} if key else {},
        timeout=60,
        **request,
    )
    if expected == OK:
        assert answer.status_code == (422 if operation == ADDRESSES else answer.status_code)
        assert operation == ADDRESSES or answer.is_success, answer.text
        return
    assert answer.status_code == expected, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert ("WWW-Authenticate" in answer.headers) == (expected == 401)
    assert answer.json()["hint"]
    assert all_rows(world.store) == before


def test_another_project_and_none_look_the_same(world: World) -> None:
    headers = world.bearer("other's manage")
    answers = [
        httpx2.get(f"{world.address}/api/v1/projects/{project_id}", headers=headers)
        for project_id in (world.project.id, "0" * 32)
    ]
    assert answers[0].status_code == answers[1].status_code == 404
    assert answers[0].json() == answers[1].json()


def test_a_list_of_projects_holds_only_those_that_the_key_opens(world: World) -> None:
    def names(who: str) -> set[str]:
        headers = world.bearer(who)
        return {
            each["name"] for each in httpx2.get(f"{world.address}/api/v1/projects", headers=headers).json()["projects"]
        }

    assert names("other's manage") == {"Another's"}
    assert "Another's" not in names("manage")
    assert {"Another's", *names("manage")} <= names("owner")


@pytest.mark.parametrize(
    ("path", "make"),
    [
        ("categories/{}", lambda world, other: world.store.add_category(other, "theirs").id),
        ("keys/{}", lambda world, other: world.store.access.add_key(other, "theirs")[0].id),
        ("links/{}", lambda world, other: world.store.access.add_link(other).id),
        ("photos/{}", lambda world, other: _photo(world, other)),
    ],
)
def test_what_belongs_to_another_project_is_not_reached_through_ones_own(
    world: World, path: str, make: Callable[[World, str], int]
) -> None:
    other = world.store.create_project("Theirs").id
    address = f"{world.address}/api/v1/projects/{world.project.id}/{path.format(make(world, other))}"
    before = all_rows(world.store)
    answer = httpx2.delete(address, headers=world.bearer("manage"))
    assert answer.status_code == 404
    assert all_rows(world.store) == before


def _photo(world: World, project_id: str) -> int:
    category = world.store.add_category(project_id, "theirs")
    return world.store.photos.add(category.id, shape("square", 9000), "theirs.jpg").photo.id


def test_a_correction_of_another_project_is_neither_seen_nor_settled(world: World) -> None:
    correction = world.fresh_correction()
    project = world.store.create_project("Theirs, too")
    headers = {"Authorization": f"Bearer {world.store.access.add_key(project.id, 'mine', 'manage')[1]}"}
    address = f"{world.address}/api/v1/projects/{project.id}/corrections"
    before = all_rows(world.store)
    assert httpx2.get(address, headers=headers).json() == {"corrections": []}
    assert httpx2.get(f"{address}/{correction}/file", headers=headers).status_code == 404
    for what in ("accept", "reject"):
        answer = httpx2.post(f"{address}/{what}", headers=headers, json={"ids": [correction]})
        assert answer.status_code == 404
    assert all_rows(world.store) == before


def test_a_revoked_key_stops_at_once(world: World) -> None:
    key, secret = world.store.access.add_key(world.project.id, "soon gone")
    address = f"{world.address}/api/v1/models/{world.project.id}"
    with httpx2.Client(headers={"Authorization": f"Bearer {secret}"}) as client:
        assert client.get(address).status_code == 200
        revoke = f"{world.address}/api/v1/projects/{world.project.id}/keys/{key.id}"
        httpx2.delete(revoke, headers=world.bearer("manage")).raise_for_status()
        assert client.get(address).status_code == 401


def test_a_key_ends_with_its_project(world: World) -> None:
    project = world.store.create_project("Gone soon")
    headers = {"Authorization": f"Bearer {world.store.access.add_key(project.id, 'mine', 'manage')[1]}"}
    address = f"{world.address}/api/v1/projects/{project.id}"
    assert httpx2.delete(address, headers=headers).status_code == 204
    assert httpx2.get(address, headers=headers).status_code == 401


def test_a_secret_is_shown_once_and_never_again(world: World) -> None:
    address = f"{world.address}/api/v1/projects/{world.project.id}/keys"
    headers = world.bearer("manage")
    made = httpx2.post(address, headers=headers, json={"name": "laptop", "scope": "predict"}).json()
    assert made["secret"].startswith(made["start"])
    listed = httpx2.get(address, headers=headers)
    assert made["id"] in {key["id"] for key in listed.json()["keys"]}
    assert made["secret"] not in listed.text
    database = (world.store.home / "thimble.db").read_bytes() + (world.store.home / "thimble.db-wal").read_bytes()
    assert made["secret"].encode() not in database
    assert world.project.id.encode() in database


def test_the_documents_are_open_to_everybody(world: World) -> None:
    for path in ("/api/openapi.json", "/api/docs"):
        assert httpx2.get(f"{world.address}{path}").status_code == 200

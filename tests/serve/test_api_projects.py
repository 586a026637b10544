"""The whole path over HTTP but for training itself: projects, categories, photos, work, versions, what leaves."""

import csv
import io
import threading
import time
from typing import Any

import httpx2
import pytest
from PIL import Image

from core.data.store import Credit, Project
from core.jobs import Progress
from core.serve.state import State
from tests.hostile import zip_of
from tests.serve.conftest import PHOTOS, shape
from tests.web import web_of


class Api:
    """Asks below /api/v1 with a key; what is answered, which must be a success."""

    def __init__(self, server: str, key: str) -> None:
        self.base = f"{server}/api/v1"
        self.headers = {"Authorization": f"Bearer {key}"}

    def raw(self, method: str, path: str, **request: Any) -> httpx2.Response:
        return httpx2.request(method, self.base + path, headers=self.headers, timeout=60, **request)

    def __call__(self, method: str, path: str, **request: Any) -> Any:
        answer = self.raw(method, path, **request)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


@pytest.fixture
def api(server: str, owner_key: str) -> Api:
    return Api(server, owner_key)


def test_a_project_is_made_changed_and_deleted(api: Api) -> None:
    made = api("POST", "/projects", json={"name": "Pets"})
    path = f"/projects/{made['id']}"
    assert (made["name"], made["mode"], made["share_refused"]) == ("Pets", "auto", 0.05)
    changed = api("PATCH", path, json={"name": "Animals", "mode": "fast", "share_refused": 0.1})
    assert (changed["name"], changed["mode"], changed["share_refused"]) == ("Animals", "fast", 0.1)
    assert (made["maker"], changed["maker"]) == ("", "")
    changed = api("PATCH", path, json={"maker": " Ana "})
    assert (changed["name"], changed["maker"]) == ("Animals", "Ana")
    wrong = {"name": "Zoo", "maker": "two\nlines"}
    assert api.raw("PATCH", path, json=wrong).status_code == 422
    assert api.raw("PATCH", path, json={"name": "two\nlines", "maker": "Eve"}).status_code == 422
    assert api("PATCH", path, json={"mode": "auto"}) == {**changed, "mode": "auto"}
    told = api("GET", path)
    assert (told["categories"], told["photos"], told["version"], told["changed"]) == (0, 0, None, False)
    assert [each["name"] for each in api("GET", "/projects")["projects"]] == ["Animals"]
    api("DELETE", path)
    assert api("GET", "/projects") == {"projects": []}


def test_categories_are_named_searched_for_and_deleted(api: Api, trained_project: Project) -> None:
    path = f"/projects/{trained_project.id}/categories"
    made = api("POST", path, json={"name": "square", "search_for": ["red square", "tile"]})
    assert made["search_for"] == ["red square", "tile"]
    assert not made["is_none"]
    assert api("POST", path, json={"name": "None of these"})["is_none"]
    renamed = api("PATCH", f"{path}/{made['id']}", json={"name": "quadrat", "search_for": []})
    assert (renamed["name"], renamed["search_for"]) == ("quadrat", ["quadrat"])
    listed = {each["name"]: each["photos"] for each in api("GET", path)["categories"]}
    assert listed == {"disc": PHOTOS, "stripes": PHOTOS, "quadrat": 0, "None of these": 0}
    api("DELETE", f"{path}/{made['id']}")
    assert "quadrat" not in {each["name"] for each in api("GET", path)["categories"]}


def test_many_files_and_a_zip_are_sorted_and_each_outcome_is_told(api: Api, trained_project: Project) -> None:
    project = f"/projects/{trained_project.id}"
    disc = next(each for each in api("GET", f"{project}/categories")["categories"] if each["name"] == "disc")
    archive = zip_of(
        {"disc/new.jpg": shape("disc", 50), "square/new.jpg": shape("square", 50), "rest/x.jpg": b"no photo"}
    )
    told = api(
        "POST",
        f"{project}/photos",
        files=[("files", ("all.zip", archive)), ("files", ("disc/old.jpg", shape("disc", 0)))],
    )
    outcomes = {item["name"]: item for item in told["items"]}
    assert (told["added"], told["repeated"], told["refused"]) == (2, 1, 1)
    assert outcomes["disc/new.jpg"]["category_id"] == disc["id"]
    assert outcomes["disc/old.jpg"]["outcome"] == "repeated"
    assert "text" in outcomes["rest/x.jpg"]["reason"]
    # A folder in which nothing is a photo makes no category.
    assert {each["name"] for each in api("GET", f"{project}/categories")["categories"]} == {"disc", "stripes", "square"}
    told = api(
        "POST",
        f"{project}/photos",
        files=[("files", ("one.zip", zip_of({"a.jpg": shape("disc", 60)}))), ("files", ("two.zip", archive))],
        data={"category_id": disc["id"]},
    )
    assert [(item["name"], item["outcome"]) for item in told["items"]] == [("a.jpg", "added"), ("two.zip", "refused")]


def test_photos_are_paged_moved_set_aside_and_deleted(api: Api, state: State, trained_project: Project) -> None:
    path = f"/projects/{trained_project.id}/photos"
    disc, stripes = (each.id for each in state.store.categories(trained_project.id))
    first = api("GET", path, params={"limit": 5})
    rest = api("GET", path, params={"offset": 5})
    assert first["total"] == rest["total"] == 2 * PHOTOS
    assert (len(first["photos"]), len(rest["photos"])) == (5, 2 * PHOTOS - 5)
    photo = f"{path}/{first['photos'][0]['id']}"
    assert api("PATCH", photo, json={"kept": False})["reason"]
    assert api("GET", path, params={"kept": False, "category_id": disc})["total"] == 1
    assert api("GET", path, params={"kept": True, "category_id": disc})["total"] == PHOTOS - 1
    moved = api("PATCH", photo, json={"category_id": stripes, "kept": True})
    assert (moved["category_id"], moved["kept"]) == (stripes, True)
    assert api("GET", photo) == moved
    picture = Image.open(io.BytesIO(api.raw("GET", f"{photo}/file").content))
    assert (picture.format, picture.size) == ("JPEG", (moved["width"], moved["height"]))
    api("DELETE", photo)
    assert api.raw("GET", photo).status_code == 404
    assert api("GET", path)["total"] == 2 * PHOTOS - 1


def test_a_photo_moved_onto_its_twin_becomes_one_with_it(api: Api, state: State, trained_project: Project) -> None:
    disc, stripes = (each.id for each in state.store.categories(trained_project.id))
    twin = state.store.photos.add(stripes, shape("disc", 0), "twin.jpg").photo
    here = state.store.photos.of(trained_project.id, category_id=disc)[0]
    moved = api("PATCH", f"/projects/{trained_project.id}/photos/{here.id}", json={"category_id": stripes})
    assert moved["id"] == twin.id


def test_photos_are_fetched_from_addresses(
    api: Api, trained_project: Project, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    category = state.store.categories(trained_project.id)[0].id
    with web_of(("disc",), 10) as internet:
        monkeypatch.setenv("THIMBLE_PROXY", internet.proxy_url)
        monkeypatch.setenv("THIMBLE_CA_FILE", internet.ca_file)
        good, bad = "https://pictures.example/disc/60.jpg?size=large", "https://pictures.example/disc/64.jpg"
        told = api(
            "POST",
            f"/projects/{trained_project.id}/photos/addresses",
            json={"category_id": category, "addresses": [good, bad, "http://10.0.0.1/a.jpg"]},
        )
        answer = api("POST", f"/models/{trained_project.id}/predict", json={"address": good})
    assert [item["outcome"] for item in told["items"]] == ["added", "refused", "refused"]
    assert "web page" in told["items"][1]["reason"]
    assert "private" in told["items"][2]["reason"]
    photo = api("GET", f"/projects/{trained_project.id}/photos/{told['items'][0]['photo_id']}")
    assert (photo["name"], photo["page"]) == ("60.jpg", good)
    assert answer["predictions"][0]["name"] == good


def test_work_is_started_seen_on_the_pages_and_cancelled(api: Api, state: State, trained_project: Project) -> None:
    def slow(progress: Progress) -> dict[str, object]:
        while True:
            progress(0.5, "Half way")
            time.sleep(0.01)

    running = state.jobs.start(trained_project.id, "train", slow)
    job = api("POST", f"/projects/{trained_project.id}/train")
    assert job["id"] == running  # the one that a page started is not started again
    assert job["state"] in ("queued", "running")
    api("POST", f"/jobs/{running}/cancel")
    end = time.monotonic() + 30
    while api("GET", f"/jobs/{running}")["state"] != "cancelled":
        assert time.monotonic() < end
        time.sleep(0.02)


def test_training_without_enough_photos_is_refused_before_it_starts(api: Api, state: State) -> None:
    project = state.store.create_project("Few")
    for name in ("one", "two"):
        state.store.add_category(project.id, name)
    answer = api.raw("POST", f"/projects/{project.id}/train")
    assert answer.status_code == 422
    assert answer.json()["type"].endswith("#too-few-photos")
    assert "Add 2 more" in answer.json()["hint"]
    assert state.jobs.latest(project.id, "train") is None


def test_versions_are_listed_told_of_and_made_live(
    api: Api, state: State, trained_project: Project, trained_files: dict[str, bytes]
) -> None:
    path = f"/projects/{trained_project.id}/versions"
    state.store.models.add(trained_project.id, trained_files, accuracy=0.5, photos=16, fingerprint="", live=False)
    assert [(each["number"], each["is_live"]) for each in api("GET", path)["versions"]] == [(2, False), (1, True)]
    told = api("GET", f"{path}/1")
    report = told["reports"][told["advised"]]
    assert sum(map(sum, report["confusion"])) == report["photos"] == 2 * PHOTOS
    assert [each["name"] for each in report["categories"]] == ["disc", "stripes"]
    assert api("POST", f"{path}/2/live")["is_live"]
    assert api("GET", f"/models/{trained_project.id}")["version"] == 2


def test_a_correction_comes_in_is_seen_and_joins_the_photos(api: Api, state: State, trained_project: Project) -> None:
    path = f"/projects/{trained_project.id}/corrections"
    for number, right in ((70, "stripes"), (71, "none of these"), (72, "disc")):
        file = {"file": (f"{number}.jpg", shape("disc", number))}
        told = api("POST", f"/models/{trained_project.id}/corrections", files=file, data={"right": right})
        assert (told["answered"], told["right"].casefold(), told["origin"]) == ("disc", right, "api")
    waiting = {each["name"]: each["id"] for each in api("GET", path)["corrections"]}
    picture = Image.open(io.BytesIO(api.raw("GET", f"{path}/{waiting['70.jpg']}/file").content))
    assert picture.format == "JPEG"
    assert api("POST", f"{path}/accept", json={"ids": [waiting["70.jpg"], waiting["71.jpg"]]}) == {"count": 2}
    assert api("POST", f"{path}/reject", json={"ids": [waiting["72.jpg"]]}) == {"count": 1}
    assert api("GET", path) == {"corrections": []}
    names = {each.id: each.name for each in state.store.categories(trained_project.id)}
    joined = [each for each in state.store.photos.of(trained_project.id) if each.provider == "correction"]
    assert [(each.name, names[each.category_id]) for each in joined] == [
        ("70.jpg", "stripes"),
        ("71.jpg", "None of these"),
    ]


def test_credits_come_as_json_and_as_a_table(api: Api, state: State, trained_project: Project) -> None:
    category = state.store.categories(trained_project.id)[0]
    credit = Credit("openverse", "https://example.org/1", "=A. Maker", "CC BY 4.0")
    state.store.photos.add(category.id, shape("square", 1), "web.jpg", credit)
    path = f"/projects/{trained_project.id}/credits"
    (row,) = api("GET", path)["credits"]
    assert (row["creator"], row["licence"], row["site"]) == ("=A. Maker", "CC BY 4.0", "example.org")
    table = api.raw("GET", path, params={"format": "csv"})
    assert table.headers["content-type"].startswith("text/csv")
    (line,) = csv.DictReader(io.StringIO(table.content.decode("utf-8-sig")))
    assert line["creator"] == "'=A. Maker"


def test_a_backup_restored_gives_the_same_answers(api: Api, trained_project: Project) -> None:
    file = api.raw("GET", f"/projects/{trained_project.id}/backup")
    assert file.headers["content-type"] == "application/zip"
    assert int(file.headers["content-length"]) == len(file.content)
    restored = api("POST", "/restore", files={"file": file.content})
    again = restored["project"]
    assert again["id"] != trained_project.id
    assert (restored["added"] > 0, restored["refused"]) == (True, [])
    photo = {"file": shape("stripes", 80)}
    first, second = (
        api("POST", f"/models/{each}/predict", files=photo)["predictions"] for each in (trained_project.id, again["id"])
    )
    assert first == second


def test_a_zip_of_folders_becomes_a_project_and_what_is_no_photo_is_named(api: Api) -> None:
    packed = zip_of({"discs/1.jpg": shape("disc", 81), "stripes/1.jpg": shape("stripes", 82), "discs/2.jpg": b"none"})
    restored = api("POST", "/restore", files={"file": ("shapes.zip", packed)})
    assert (restored["project"]["name"], restored["added"]) == ("shapes", 2)
    assert [each["name"] for each in restored["refused"]] == ["discs/2.jpg"]


def test_an_export_that_was_made_is_listed_and_fetched(
    api: Api, state: State, trained_project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = f"/projects/{trained_project.id}/exports"
    file = tmp_path_factory.mktemp("made") / "onnx.zip"
    file.write_bytes(zip_of({"model.onnx": b"model"}))
    state.store.exports.add(trained_project.id, 1, "onnx", file)
    told = api("GET", path)
    assert {"keras", "onnx", "litert"} <= {each["name"] for each in told["formats"]}
    assert [(each["name"], each["version"], each["size"]) for each in told["exports"]] == [
        ("onnx", 1, file.stat().st_size)
    ]
    fetched = api.raw("GET", f"{path}/onnx")
    assert fetched.headers["content-type"] == "application/zip"
    assert fetched.content == file.read_bytes()
    assert api.raw("GET", f"{path}/keras").status_code == 404


def test_a_link_leads_to_the_shared_page_until_it_is_revoked(api: Api, trained_project: Project) -> None:
    path = f"/projects/{trained_project.id}/links"
    made = api("POST", path, json={})
    assert httpx2.get(made["address"]).status_code == 200
    assert [each["id"] for each in api("GET", path)["links"]] == [made["id"]]
    api("DELETE", f"{path}/{made['id']}")
    assert httpx2.get(made["address"]).status_code == 404
    until = api("POST", path, json={"expires_at": "2099-01-01T00:00:00+02:00"})
    assert until["expires_at"].startswith("2098-12-31T22:00:00")


def test_a_link_begins_with_the_address_that_people_know(
    api: Api, trained_project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THIMBLE_PUBLIC_URL", "https://thimble.example.org/")
    made = api("POST", f"/projects/{trained_project.id}/links", json={})
    assert made["address"] == f"https://thimble.example.org/s/{made['token']}"


def test_an_export_in_the_making_is_the_one_that_the_pages_show(
    api: Api, state: State, trained_project: Project
) -> None:
    end = threading.Event()

    def wait(progress: Progress) -> dict[str, object]:
        end.wait()
        return {}

    running = state.jobs.start(trained_project.id, "export-onnx", wait)
    path = f"/projects/{trained_project.id}/exports"
    assert api("POST", path, json={"formats": ["onnx"]})["id"] == running
    others = [api("POST", path, json={"formats": ["keras", "onnx"], "version": 99})["id"] for _ in range(2)]
    assert len({running, *others}) == 3
    end.set()
    for job in others:
        while (told := api("GET", f"/jobs/{job}"))["state"] in ("queued", "running"):
            time.sleep(0.02)
        assert told["state"] == "failed"
        assert "99" in told["message"]

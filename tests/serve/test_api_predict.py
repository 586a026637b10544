"""Asking a model over HTTP, as a program does."""

import base64
import io
from typing import Any

import httpx2
import pytest
from PIL import Image

from core.data.store import Project
from core.model.bundle import Prediction
from core.serve.answers import Live
from core.serve.state import State
from tests.serve.conftest import KINDS, PHOTOS, shape

NEW = 500  # numbers of shapes that nobody has seen


@pytest.fixture
def ask(server: str, owner_key: str, trained_project: Project) -> "Ask":
    return Ask(f"{server}/api/v1/models/{trained_project.id}/predict", owner_key)


class Ask:
    """Sends one request to predict; the answer, or the problem."""

    def __init__(self, address: str, key: str) -> None:
        self.address = address
        self.headers = {"Authorization": f"Bearer {key}"}

    def __call__(self, **request: Any) -> httpx2.Response:
        return httpx2.post(self.address, headers=self.headers, timeout=60, **request)


def test_a_photo_gets_the_answer_that_the_model_gives_it(ask: Ask, state: State, trained_project: Project) -> None:
    live = state.answers.live(trained_project.id)
    for kind in KINDS:
        photo = shape(kind, NEW)
        told = ask(files={"file": ("new.jpg", photo, "image/jpeg")}).json()
        (answer,) = told["predictions"]
        expected = state.answers.predict(live, [photo])[0]
        assert told["model"] == {"id": trained_project.id, "version": 1, "mode": live.mode}
        assert told["milliseconds"] > 0
        assert (answer["name"], answer["most_like"]) == ("new.jpg", kind)
        assert answer["label"] == (None if answer["is_none"] else kind)
        assert answer["scores"] == pytest.approx(expected.scores)
        assert answer["probability"] == max(answer["scores"].values())
        assert answer["nearness"] == pytest.approx(expected.nearness)
        assert "nearest" not in answer
        assert "heat_map" not in answer


@pytest.mark.parametrize("way", ["file", "files", "image", "images", "data uri"])
def test_every_way_to_send_a_photo_gives_the_same_answer(ask: Ask, way: str) -> None:
    photo = shape("disc", NEW)
    text = base64.b64encode(photo).decode()
    requests: dict[str, dict[str, Any]] = {
        "file": {"files": {"file": photo}},
        "files": {"files": [("files", ("one.jpg", photo)), ("files", ("two.jpg", photo))]},
        "image": {"json": {"image": text}},
        "images": {"json": {"images": [text, text]}},
        "data uri": {"json": {"image": f"data:image/jpeg;base64,{text}"}},
    }
    plain = ask(files={"file": photo}).json()["predictions"][0]["scores"]
    answer = ask(**requests[way])
    assert answer.status_code == 200
    scores = [each["scores"] for each in answer.json()["predictions"]]
    assert scores == [pytest.approx(plain, rel=1e-4)] * (2 if way in ("files", "images") else 1)


def test_what_is_none_of_the_categories_has_no_label(ask: Ask) -> None:
    noise = io.BytesIO()
    Image.effect_noise((300, 200), 90).convert("RGB").save(noise, "PNG")
    answer = ask(files={"file": noise.getvalue()}).json()["predictions"][0]
    assert answer["is_none"]
    assert answer["label"] is None
    assert answer["most_like"] in KINDS


def test_one_bad_photo_among_several_is_named_and_the_others_are_answered(ask: Ask) -> None:
    photo = shape("stripes", NEW)
    told = ask(files=[("files", ("good.jpg", photo)), ("files", ("bad.jpg", b"no picture"))])
    assert told.status_code == 200
    good, bad = told.json()["predictions"]
    assert good["most_like"] == "stripes"
    assert bad["name"] == "bad.jpg"
    assert "not a picture" in bad["error"]
    told = ask(json={"images": ["no base64!", base64.b64encode(photo).decode()]})
    assert "base64" in told.json()["predictions"][0]["error"]
    assert told.json()["predictions"][1]["most_like"] == "stripes"


def test_why_is_told_on_request(ask: Ask, state: State, trained_project: Project) -> None:
    known = shape("disc", 0)
    answer = ask(files={"file": known}, params={"nearest": 3, "heat_map": "true"}).json()["predictions"][0]
    pictures = {photo.sha256: photo for photo in state.store.photos.of(trained_project.id)}
    assert [each["category"] for each in answer["nearest"]] == ["disc"] * 3
    assert answer["nearest"][0]["similarity"] == pytest.approx(1, abs=0.01)
    assert pictures[answer["nearest"][0]["sha256"]].name == "disc 0.jpg"
    for uri, size in ((answer["nearest"][0]["thumbnail"], (160, 160)), (answer["heat_map"], (160, 120))):
        head, data = uri.split(",")
        assert head == "data:image/jpeg;base64"
        assert Image.open(io.BytesIO(base64.b64decode(data))).size == size


def test_a_deleted_photo_is_not_among_the_nearest(ask: Ask, state: State, trained_project: Project) -> None:
    disc = next(photo for photo in state.store.photos.of(trained_project.id) if photo.name == "disc 0.jpg")
    state.store.photos.delete([disc.id])
    answer = ask(files={"file": shape("disc", 0)}, params={"nearest": 5}).json()["predictions"][0]
    assert disc.sha256 not in {each["sha256"] for each in answer["nearest"]}
    assert len(answer["nearest"]) == 4


def test_a_version_and_a_mode_can_be_asked_for(ask: Ask, state: State, trained_project: Project) -> None:
    photo = {"file": shape("disc", NEW)}
    assert ask(files=photo, params={"version": 1, "mode": "fast"}).json()["model"]["mode"] == "fast"
    assert ask(files=photo, params={"version": 1, "mode": "best"}).json()["model"]["mode"] == "best"
    missing = ask(files=photo, params={"version": 2})
    assert missing.status_code == 404
    assert "version 2" in missing.json()["detail"]


def test_what_its_owner_picks_counts_at_once(ask: Ask, state: State, trained_project: Project) -> None:
    photo = {"file": shape("disc", NEW)}
    for mode in ("fast", "best"):
        state.store.set_mode(trained_project.id, mode)
        assert ask(files=photo).json()["model"]["mode"] == mode
    live = state.answers.live(trained_project.id)
    edge = next(photo for photo in map(unusual, range(100)) if 0.02 < nearness(state, live, photo) < 0.4)
    for share, is_none in ((0.01, False), (0.5, True), (0.01, False)):
        state.store.set_share_refused(trained_project.id, share)
        assert ask(files={"file": edge}).json()["predictions"][0]["is_none"] == is_none


def unusual(number: int) -> bytes:
    """A drawn photo, more or less like those of the project."""
    return shape("disc" if number % 2 else "square", NEW + number)


def nearness(state: State, live: Live, photo: bytes) -> float:
    answer = state.answers.predict(live, [photo])[0]
    assert isinstance(answer, Prediction)
    return answer.nearness


def test_the_model_says_what_it_knows(server: str, owner_key: str, trained_project: Project) -> None:
    address = f"{server}/api/v1/models/{trained_project.id}"
    told = httpx2.get(address, headers={"Authorization": f"Bearer {owner_key}"}).json()
    assert told["name"] == "Shapes"
    assert told["categories"] == list(KINDS)
    assert told["photos"] == len(KINDS) * PHOTOS
    low, high = told["accuracy_interval"]
    assert low <= told["accuracy"] <= high
    assert "right" in told["in_words"]


def test_a_project_without_a_model_says_so(server: str, owner_key: str, state: State) -> None:
    project = state.store.create_project("Empty")
    headers = {"Authorization": f"Bearer {owner_key}"}
    address = f"{server}/api/v1/models/{project.id}"
    for answer in (
        httpx2.get(address, headers=headers),
        httpx2.post(f"{address}/predict", headers=headers, files={"file": shape("disc", NEW)}),
    ):
        assert answer.status_code == 404
        assert "no trained model" in answer.json()["detail"]
        assert "Train" in answer.json()["hint"]

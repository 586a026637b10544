"""Names to a model in one go: what is set aside and why, what stays the person's, and that it goes on after a stop."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.data.download import Downloader, decode_thumbnail
from core.data.photo import Pixels, decode
from core.data.store import KEPT_BY_PERSON, Plan, Project, Store
from core.errors import Cancelled
from core.model.build import build_model, clean_project
from core.model.embedder import Embedders
from tests.conftest import draw_shape
from tests.internet import Internet, Response
from tests.web import HOST, jpeg, web_of


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Internet]:
    with web_of(("disc", "stripes"), 40, latency=0.0) as internet:
        monkeypatch.setenv("THIMBLE_PROXY", internet.proxy_url)
        monkeypatch.setenv("THIMBLE_CA_FILE", internet.ca_file)
        yield internet


@pytest.fixture
def embedders(home: Path) -> Embedders:
    return Embedders(home, bulk=True)


@pytest.fixture
def project(home: Path) -> Project:
    store = Store(home)
    project = store.create_project("Shapes")
    for name in ("disc", "stripes"):
        store.add_category(project.id, name)
    store.web.set_plan(project.id, Plan(wanted=10))
    return project


def downloader() -> Downloader[Pixels]:
    return Downloader(decode, read_fallback=decode_thumbnail)


def test_names_become_a_model(web: Internet, home: Path, project: Project, embedders: Embedders) -> None:
    store = Store(home)
    seen: list[float] = []
    with downloader() as fetching:
        result = build_model(
            store, project.id, embedders, fetching, on_progress=lambda fraction, words: seen.append(fraction)
        )
    assert result["version"] == 1
    summary = store.summary(project.id)
    assert summary.photos + summary.set_aside == 20
    assert summary.accuracy is not None
    assert summary.accuracy >= 0.9
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_what_came_before_a_stop_stays_and_is_not_fetched_again(
    web: Internet, home: Path, project: Project, embedders: Embedders
) -> None:
    store = Store(home)

    def stop_once_some_have_come(fraction: float, words: str) -> None:
        if store.summary(project.id).photos >= 5:
            raise Cancelled("Stopped.")

    with downloader() as fetching, pytest.raises(Cancelled):
        build_model(store, project.id, embedders, fetching, on_progress=stop_once_some_have_come)
    before = {find.image for find in store.web.finds(project.id) if find.state != "found"}
    web.log.clear()
    with downloader() as fetching:
        build_model(store, project.id, embedders, fetching)
    again = {f"https://{request.host}{request.path}" for request in web.log if request.host == HOST}
    assert len(before) >= 5
    assert not before & again
    assert store.summary(project.id).version == 1


def test_a_near_copy_is_set_aside_with_its_reason_and_comes_back_for_good(
    web: Internet, home: Path, project: Project, embedders: Embedders
) -> None:
    serve = web.hosts[HOST]
    copy = io.BytesIO()
    draw_shape("disc", 1).resize((400, 300)).save(copy, "JPEG", quality=70)
    web.hosts[HOST] = lambda asked: Response(body=copy.getvalue()) if asked.path == "/disc/2.jpg" else serve(asked)
    store = Store(home)
    own = store.photos.add(store.categories(project.id)[0].id, jpeg("disc", 3), "mine.jpg").photo
    with downloader() as fetching:
        build_model(store, project.id, embedders, fetching)
    aside = store.photos.of(project.id, kept=False)
    assert any("copy" in photo.reason or "same" in photo.reason for photo in aside), [photo.reason for photo in aside]
    assert own.id not in {photo.id for photo in aside}

    store.photos.set_kept([photo.id for photo in aside], True, KEPT_BY_PERSON)
    clean_project(store, project.id, embedders)
    assert store.photos.of(project.id, kept=False) == []

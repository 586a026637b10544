"""Names in, model out: a collection from the stand-in internet, watched in a real browser."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.data.store import Plan, Store
from tests.browser.conftest import App
from tests.browser.test_paths import LONG, create_project
from tests.internet import Internet
from tests.web import web_of

pytestmark = [pytest.mark.browser, pytest.mark.slow]
NewPage = Callable[..., Page]


@pytest.fixture
def web() -> Iterator[Internet]:
    with web_of(("disc", "square", "stripes"), 60) as internet:
        yield internet


@pytest.fixture
def app(home: Path, web: Internet, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    monkeypatch.setenv("THIMBLE_PROXY", web.proxy_url)
    monkeypatch.setenv("THIMBLE_CA_FILE", web.ca_file)
    running = App(home)
    yield running
    running.kill()
    assert "Traceback" not in running.log.read_text(), running.log.read_text()


def test_names_become_a_tried_model(app: App, web: Internet, new_page: NewPage) -> None:
    page = new_page()
    create_project(page, app, "Shapes", "disc, square, stripes")
    store = Store(app.home)
    project = store.projects()[0]
    store.web.set_plan(project.id, Plan(wanted=20))
    page.get_by_role("button", name="Build my model").click()
    expect(page.get_by_text(re.compile(r"\d+ of 20"))).not_to_have_count(0)
    expect(page.get_by_role("heading", name="Try it")).to_be_visible(timeout=LONG)

    assert store.summary(project.id).version == 1
    assert store.summary(project.id).photos >= 50
    failed = store.web.finds(project.id, state="failed")
    assert failed
    assert all("web page" in find.reason for find in failed), [find.reason for find in failed]

    page.get_by_role("link", name=re.compile("Photos")).click()
    page.get_by_text("How the searches went").click()
    expect(page.get_by_text("DuckDuckGo").first).to_be_visible()
    page.goto(f"{app.url}/credits?project={project.id}")
    expect(page.get_by_role("link", name=re.compile("^disc number")).first).to_be_visible()
    expect(page.get_by_role("button", name="Download credits.csv")).to_be_visible()


def test_without_a_network_it_is_said_at_once(home: Path, new_page: NewPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THIMBLE_PROXY", "http://127.0.0.1:9")  # nothing listens there
    app = App(home)
    page = new_page()
    create_project(page, app, "Shapes", "disc, square")
    page.get_by_role("button", name="Build my model").click()
    expect(page.get_by_text(re.compile("No network, it seems"))).to_be_visible(timeout=LONG)
    expect(page.get_by_label("Photos of disc", exact=True)).to_be_attached()
    app.kill()

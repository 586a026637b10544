"""Trying a trained model in a real browser: a known photo, a stranger, and the reasons for both."""

import re
from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import FilePayload, Page, expect

from core.data.dataset import NONE_OF_THESE
from core.data.store import Project, Store
from core.model.bundle import Prediction
from core.model.embedder import Embedders
from core.model.versions import live_model, train_project
from tests.browser.conftest import App
from tests.browser.test_paths import make_project, picture, step

pytestmark = [pytest.mark.browser, pytest.mark.slow]
NewPage = Callable[..., Page]


def stranger() -> FilePayload:
    """Coloured noise: neither a disc nor stripes."""
    data = BytesIO()
    noise = np.random.default_rng(1).integers(0, 256, (120, 160, 3), np.uint8)
    Image.fromarray(noise).save(data, "PNG")
    return {"name": "noise.png", "mimeType": "image/png", "buffer": data.getvalue()}


def trained(store: Store) -> Project:
    project = make_project(store, "Shapes", 20)
    train_project(store, project.id, Embedders(store.home, bulk=True))
    return project


def unusual(store: Store, project: Project) -> FilePayload:
    """A photo of a category that is accepted, but would not be if a fifth of the true ones might be refused."""
    live = live_model(store, project.id)
    assert live is not None
    bundle = live[1]
    for number in range(100, 200):
        photo = picture("disc", number)
        (answer,) = bundle.predict([photo["buffer"]], store.home)
        if isinstance(answer, Prediction) and 0.06 < answer.nearness < 0.18:
            return photo
    pytest.fail("no photo is as unusual as that")


def give(page: Page, *photos: FilePayload) -> None:
    page.locator("input[type=file]").first.set_input_files(list(photos))


def test_a_known_photo_and_a_stranger_are_told_apart_with_reasons(app: App, new_page: NewPage) -> None:
    project = trained(Store(app.home))
    page = new_page()
    page.goto(f"{app.url}/try?project={project.id}")
    give(page, picture("disc", 99))
    expect(page.get_by_role("heading", name=re.compile(r"^disc · .* \((over )?\d+%\)$"))).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("^(disc|stripes)$"))).to_have_count(5)
    page.get_by_role("tab", name=re.compile("Where it looked")).click()
    expect(page.get_by_role("img", name="Where it looked in disc 99.jpg")).to_be_visible()

    give(page, stranger())
    answers = page.locator("[class*=st-key-answer-]")
    expect(answers).to_have_count(2)
    refused = answers.nth(1)
    expect(refused.get_by_text(NONE_OF_THESE, exact=True)).to_be_visible()
    expect(refused.get_by_text(re.compile("^Most like .* as unusual as this"))).to_be_visible()
    expect(refused.get_by_text(re.compile(r"certain|sure|%"))).to_have_count(0)
    refused.get_by_role("button", name="Why?").click()
    window = page.get_by_role("dialog")
    expect(window.get_by_role("img", name="Where it looked in noise.png")).to_be_visible()
    expect(window.get_by_role("img", name=re.compile("^(disc|stripes)$"))).to_have_count(5)


def test_how_easily_it_refuses_counts_at_once_and_lasts(app: App, new_page: NewPage) -> None:
    store = Store(app.home)
    project = trained(store)
    page = new_page()
    page.goto(f"{app.url}/try?project={project.id}")
    give(page, unusual(store, project))
    heading = page.get_by_role("heading", name=NONE_OF_THESE)
    expect(page.get_by_role("heading", name=re.compile("^(disc|stripes) · "))).to_be_visible()
    page.get_by_text("How easily it says").click()
    page.get_by_role("slider").press("End")
    expect(heading).to_be_visible()
    page.reload()
    page.get_by_text("How easily it says").click()
    expect(page.get_by_role("slider")).to_have_value("20")
    assert len(store.models.versions(project.id)) == 1


def test_none_of_these_is_added_apart_from_the_answers(app: App, new_page: NewPage) -> None:
    store = Store(app.home)
    project = store.create_project("Shapes")
    store.add_category(project.id, "disc")
    page = new_page()
    page.goto(f"{app.url}/categories?project={project.id}")
    page.get_by_role("button", name="Add it").click()
    page.get_by_role("button", name="Give it photos").wait_for()
    expect(page.get_by_text("Add one more category first.")).to_be_visible()
    expect(page.get_by_label("Search the web for photos of")).to_have_count(1)
    page.get_by_role("button", name="Give it photos").click()
    expect(page.get_by_text("No photos here yet.")).to_be_visible()
    expect(page.get_by_role("tab", name=re.compile("From the web"))).to_have_count(0)
    give(page, stranger())
    expect(page.get_by_role("radio", name=f"{NONE_OF_THESE} · 1")).to_be_visible()
    assert [photo.category for photo in store.dataset(project.id).strangers] == [NONE_OF_THESE]

    step(page, "Categories")
    page.locator(".st-key-none-of-these").get_by_role("button", name="edit").click()
    page.get_by_role("button", name="Remove it and its 1 photo").click()
    expect(page.get_by_role("button", name="Add it")).to_be_visible()
    assert [category.name for category in store.categories(project.id)] == ["disc"]


def test_what_was_done_in_the_gallery_is_undone_there(app: App, new_page: NewPage) -> None:
    project = make_project(Store(app.home), "Shapes", 3)
    page = new_page()
    page.goto(f"{app.url}/photos?project={project.id}")
    page.get_by_text("disc 1", exact=True).click()
    page.get_by_role("button", name=re.compile("Move to")).click()
    page.get_by_role("button", name="stripes", exact=True).click()
    expect(page.get_by_role("radio", name="stripes · 4")).to_be_visible()
    expect(page.get_by_text("Moved 1 photo to 'stripes'.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("radio", name="stripes · 3")).to_be_visible()
    expect(page.get_by_text("Moved 1 photo to 'stripes'.")).to_have_count(0)

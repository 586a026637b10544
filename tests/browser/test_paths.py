"""A person's ways through the app, in a real browser: from nothing to an answer, and back after what goes wrong."""

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect

from core.data.store import Project, Store
from tests.browser.conftest import App
from tests.conftest import draw_shape

pytestmark = [pytest.mark.browser, pytest.mark.slow]
NewPage = Callable[..., Page]
LONG = 90_000  # milliseconds; a backbone may have to be converted first


def picture(kind: str, number: int) -> FilePayload:
    data = BytesIO()
    draw_shape(kind, number).save(data, "JPEG", quality=90)
    return {"name": f"{kind} {number}.jpg", "mimeType": "image/jpeg", "buffer": data.getvalue()}


def make_project(store: Store, name: str, count: int) -> Project:
    project = store.create_project(name)
    for kind in ("disc", "stripes"):
        category = store.add_category(project.id, kind)
        for number in range(count):
            store.photos.add(category.id, picture(kind, number)["buffer"], f"{kind} {number}.jpg")
    return project


def create_project(page: Page, app: App, name: str, categories: str) -> None:
    page.goto(app.url)
    page.get_by_label("Name of your new project").fill(name)
    page.get_by_role("button", name="Create project").click()
    page.get_by_label("Add categories, separated by commas").fill(categories)
    page.get_by_role("button", name="Add", exact=True).click()


def upload(page: Page, category: str, files: list[FilePayload]) -> None:
    page.get_by_role("radio", name=re.compile(f"^{category} ·")).click()
    expect(page.get_by_label(f"Photos of {category}", exact=True)).to_be_attached()
    page.locator("input[type=file]").first.set_input_files(files)
    expect(page.get_by_role("radio", name=f"{category} · {len(files)}")).to_be_visible()


def step(page: Page, name: str) -> None:
    page.get_by_role("link", name=re.compile(f"^(\\S+ )?{name}")).click()


def test_example_from_an_empty_home_to_an_answer(app_from_nothing: App, new_page: NewPage) -> None:
    page = new_page()
    page.goto(app_from_nothing.url)
    page.get_by_role("button", name="Open the example").click()
    page.get_by_role("button", name="Train my model").click()
    expect(page.get_by_text(re.compile("^Right .* of 100"))).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Next: try it").click()
    page.get_by_role("button", name="Draw new dresses").click()
    expect(page.get_by_text(re.compile(r"(blue and black|white and gold) · .*\((over )?\d+%\)"))).to_have_count(4)


def test_own_photos_from_names_to_an_answer(app: App, new_page: NewPage) -> None:
    page = new_page()
    create_project(page, app, "Shapes", "disc, stripes")
    page.get_by_role("button", name="Use my own photos").click()
    expect(page.get_by_role("button", name="Next: train")).to_be_disabled()
    upload(page, "disc", [picture("disc", number) for number in range(8)])
    upload(page, "stripes", [picture("stripes", number) for number in range(8)])

    step(page, "Categories")
    expect(page.get_by_text("8 photos")).to_have_count(2)
    page.reload()
    expect(page.get_by_text("8 photos")).to_have_count(2)

    step(page, "Photos")
    page.get_by_role("button", name="Next: train").click()
    page.get_by_role("button", name="Train my model").click()
    expect(page.get_by_text(re.compile("of 100"))).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Next: try it").click()
    page.locator("input[type=file]").first.set_input_files([picture("stripes", 99)])
    expect(page.get_by_role("heading", name=re.compile("^stripes · "))).to_be_visible()


def test_a_bad_file_is_named_with_its_reason_and_the_rest_is_kept(app: App, new_page: NewPage) -> None:
    page = new_page()
    create_project(page, app, "Shapes", "disc, stripes")
    page.get_by_role("button", name="Use my own photos").click()
    bad: FilePayload = {"name": "notes.jpg", "mimeType": "image/jpeg", "buffer": b"only words"}
    page.locator("input[type=file]").first.set_input_files([picture("disc", 1), bad, picture("disc", 2)])
    expect(page.get_by_role("radio", name="disc · 2")).to_be_visible()
    page.get_by_text("1 file could not be used").click()
    store = Store(app.home)
    (refused,) = store.refused(store.projects()[0].id)
    assert refused.name == "notes.jpg"
    assert "not a picture" in refused.reason


def test_photos_are_dropped_brought_back_and_moved(app: App, new_page: NewPage) -> None:
    project = make_project(Store(app.home), "Shapes", 3)
    page = new_page()
    page.goto(f"{app.url}/photos?project={project.id}")
    page.get_by_text("disc 1", exact=True).click()
    page.get_by_role("button", name="Drop").click()
    expect(page.get_by_role("radio", name="disc · 2")).to_be_visible()
    page.get_by_role("radio", name=re.compile("^Set aside · 1")).click()
    expect(page.get_by_text("dropped by you")).to_be_visible()
    page.get_by_role("button", name="Select all").click()
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.get_by_role("radio", name="disc · 3")).to_be_visible()
    page.get_by_role("button", name="Select all").click()
    expect(page.get_by_text("3 photos selected")).to_be_visible()
    # What is still being drawn would close the list again.
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    page.get_by_role("button", name=re.compile("Move to")).click()
    page.get_by_role("button", name="stripes", exact=True).click()
    expect(page.get_by_role("radio", name="stripes · 6")).to_be_visible()
    expect(page.get_by_text("No photos of disc yet")).to_be_visible()


def test_training_goes_on_through_reload_page_switch_and_another_tab(app: App, new_page: NewPage) -> None:
    project = make_project(Store(app.home), "Many", 250)
    page = new_page()
    page.goto(f"{app.url}/train?project={project.id}")
    page.get_by_role("button", name="Train my model").click()
    expect(page.get_by_text(re.compile("Looking at your photos"))).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    other = new_page()
    other.goto(f"{app.url}/train?project={project.id}")
    step(page, "Photos")
    expect(page.get_by_role("heading", name="Show it some photos")).to_be_visible()
    step(page, "Train")
    for window in (page, other):
        expect(window.get_by_text(re.compile("of 100"))).to_be_visible(timeout=LONG)


def test_training_can_be_stopped_and_started_again(app: App, new_page: NewPage) -> None:
    project = make_project(Store(app.home), "Many", 250)
    page = new_page()
    page.goto(f"{app.url}/train?project={project.id}")
    page.get_by_role("button", name="Train my model").click()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("You stopped it")).to_be_visible()
    assert Store(app.home).models.versions(project.id) == []
    page.get_by_role("button", name="Train my model").click()
    expect(page.get_by_text(re.compile("of 100"))).to_be_visible(timeout=LONG)


def test_after_a_crash_training_says_so_and_continues(app: App, new_page: NewPage) -> None:
    project = make_project(Store(app.home), "Many", 250)
    page = new_page()
    page.goto(f"{app.url}/train?project={project.id}")
    page.get_by_role("button", name="Train my model").click()
    expect(page.get_by_text(re.compile("Looking at your photos"))).to_be_visible()
    app.kill()
    app.start()
    page.goto(f"{app.url}/train?project={project.id}")
    expect(page.get_by_text("Thimble was closed in the middle of this")).to_be_visible()
    page.get_by_role("button", name="Continue training").click()
    expect(page.get_by_text(re.compile("of 100"))).to_be_visible(timeout=LONG)


def test_two_people_at_once_do_not_disturb_each_other(app: App, new_page: NewPage) -> None:
    first, second = new_page(), new_page()
    create_project(first, app, "First", "disc, stripes")
    create_project(second, app, "Second", "square, stripes")
    for page, kind in ((first, "disc"), (second, "square")):
        page.get_by_role("button", name="Use my own photos").click()
        upload(page, kind, [picture(kind, number) for number in range(5)])
        upload(page, "stripes", [picture("stripes", number) for number in range(5)])
    for page in (first, second):
        page.get_by_role("button", name="Next: train").click()
        page.get_by_role("button", name="Train my model").click()
    for page, kind in ((first, "disc"), (second, "square")):
        expect(page.get_by_text(re.compile("of 100"))).to_be_visible(timeout=LONG)
        page.get_by_role("button", name="Next: try it").click()
        page.locator("input[type=file]").first.set_input_files([picture(kind, 77)])
        expect(page.get_by_role("heading", name=re.compile(f"^{kind} · "))).to_be_visible()


@pytest.mark.parametrize(
    "name",
    [
        "<img src=x onerror=alert(1)>",
        "../../x",
        "🦊 fox",
        "ثعلب",
        "*bold* _it_ [a](b)",
        ":material/home: $x^2$ :red[a]",
    ],
)
def test_strange_names_are_shown_as_typed(app: App, new_page: NewPage, name: str, tmp_path: Path) -> None:
    page = new_page()
    alerts: list[str] = []
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    create_project(page, app, name, f"{name}, stripes")
    # An unseen joiner keeps a colon from being read as markup; a leading emoji becomes the button's icon.
    shown = re.compile("".join(r"\s*" if char == " " else re.escape(char) + "\u2060?" for char in name))
    expect(page.get_by_text(shown)).to_have_count(3)  # the project, the category, and what to search for
    page.get_by_role("button", name="Use my own photos").click()
    expect(page.get_by_role("radio").filter(has_text=shown)).to_be_visible()
    assert not alerts
    assert not (tmp_path / "x").exists()


def test_a_name_too_long_is_refused_in_words(app: App, new_page: NewPage) -> None:
    page = new_page()
    create_project(page, app, "Shapes", "x" * 300)
    expect(page.get_by_text("300 characters")).to_be_visible()
    expect(page.get_by_role("button", name="Use my own photos")).to_be_disabled()


def test_a_project_that_is_gone_is_said_with_a_way_on(app: App, new_page: NewPage) -> None:
    page = new_page()
    page.goto(f"{app.url}/photos?project=0123456789abcdef0123456789abcdef")
    expect(page.get_by_role("link", name=re.compile("To my projects"))).to_be_visible()
    page.goto(f"{app.url}/train")
    expect(page.get_by_text("No project is open")).to_be_visible()

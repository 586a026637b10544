"""The shared page as a new visitor uses it, at a desk and on a phone, and the page to sign in at."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import FilePayload, Locator, Page, Route, expect

from core.data.dataset import NONE_OF_THESE
from core.data.store import Link, Project, Store
from core.model.embedder import Embedders
from core.model.versions import train_project
from tests.browser.conftest import App
from tests.browser.test_paths import picture
from tests.browser.test_try import stranger

pytestmark = [pytest.mark.browser, pytest.mark.slow]
NewPage = Callable[..., Page]
DESK, PHONE = {}, {"width": 390, "height": 844, "has_touch": True, "is_mobile": True}
LONG = "discs that are round, as far as can be told from where I sit"  # 60 characters
RIGHT_TO_LEFT = "خطوط مائلة"
ANSWERED = re.compile(r"^(almost certain|quite sure|rather sure|not sure) \((over |under )?\d+%\)$")


@dataclass(frozen=True)
class Shared:
    """A project with a live model, a link to it, and the link's address."""

    store: Store
    project: Project
    link: Link
    url: str


@pytest.fixture(scope="module")
def running(backbone_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[App, dict[str, bytes]]]:
    """One app for all these tests, and the files of a model that was trained once."""
    home = tmp_path_factory.mktemp("shared") / "home"
    home.mkdir()
    os.symlink(backbone_home / "backbones", home / "backbones")
    store = Store(home)
    project = store.create_project("Trained once")
    for kind, name in (("disc", LONG), ("stripes", RIGHT_TO_LEFT)):
        category = store.add_category(project.id, name)
        for number in range(12):
            store.photos.add(category.id, picture(kind, number)["buffer"], f"{kind} {number}.jpg")
    store.set_fixed(project.id, {"backbone": "lite0"})  # the one that is ready; others take their time
    train_project(store, project.id, Embedders(home, bulk=True))
    app = App(home)
    yield app, store.models.files(project.id, 1)
    app.kill()
    assert "Traceback" not in app.log.read_text(), app.log.read_text()


@pytest.fixture
def shared(running: tuple[App, dict[str, bytes]]) -> Shared:
    app, files = running
    store = Store(app.home)
    project = store.create_project("Shapes on my desk")
    store.models.add(project.id, files, accuracy=1.0, photos=24, fingerprint="")
    link = store.access.add_link(project.id)
    return Shared(store, project, link, f"{app.url}/s/{link.token}")


@pytest.fixture
def open_link(new_page: NewPage) -> Callable[..., Page]:
    """Opens a shared page as a visitor would, and minds what it asks for and what its browser says of it."""

    def open_page(shared: Shared, **options: object) -> Page:
        page = new_page(**options)
        page.on("request", lambda request: asked(request.url, shared.link))
        page.on("console", lambda message: quiet(message.text))
        page.on("pageerror", lambda error: pytest.fail(str(error)))
        page.goto(shared.url)
        return page

    return open_page


def asked(url: str, link: Link) -> None:
    own = (f"/s/{link.token}", "/s/static/")
    assert url.startswith(("blob:", "data:")) or urlsplit(url).path.startswith(own), f"the page asked for {url}"


def quiet(words: str) -> None:
    assert "Content Security Policy" not in words, words


def choose(page: Page, *photos: FilePayload) -> None:
    page.get_by_label("Choose photos").set_input_files(list(photos))


def answers(page: Page) -> Locator:
    return page.get_by_role("article")


@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_a_visitor_asks_and_says_what_was_wrong(
    shared: Shared, open_link: Callable[..., Page], screen: dict[str, object], colours: str
) -> None:
    page = open_link(shared, color_scheme=colours, **screen)
    expect(page.get_by_role("heading", name="Shapes on my desk")).to_be_visible()
    expect(page.get_by_role("list", name="What it knows").get_by_role("listitem")).to_have_text([LONG, RIGHT_TO_LEFT])
    expect(page.get_by_text(re.compile("^Right .* of 100")).first).to_be_visible()

    choose(page, picture("disc", 99), picture("stripes", 99))
    expect(page.get_by_role("heading", name=LONG)).to_be_visible()
    expect(page.get_by_role("heading", name=RIGHT_TO_LEFT)).to_be_visible()
    expect(answers(page).get_by_text(ANSWERED)).to_have_count(2)
    expect(answers(page).get_by_role("img")).to_have_count(2)
    expect(page.get_by_role("status")).to_have_text(re.compile(r"^(disc|stripes) 99.jpg: .*, .*%$"))

    choose(page, stranger())
    newest = answers(page).first
    expect(newest.get_by_role("heading", name=NONE_OF_THESE)).to_be_visible()
    expect(newest.get_by_text("as unusual as this")).to_be_visible()
    expect(newest.get_by_text("%")).to_have_count(0)
    assert shared.store.corrections.count(shared.project.id) == 0

    newest.get_by_text("Wrong? Say what it is").click()
    expect(newest.get_by_label("It is").get_by_role("option", name=NONE_OF_THESE, include_hidden=True)).to_be_disabled()
    newest.get_by_role("button", name="Send").click()
    newest.get_by_label("It is").select_option(LONG)
    newest.get_by_role("button", name="Send").click()
    assert shared.store.corrections.count(shared.project.id) == 0  # not yet agreed
    newest.get_by_label("You may keep this photo").check()
    newest.get_by_role("button", name="Send").click()
    expect(newest.get_by_text("Thank you.")).to_be_focused()
    (kept,) = shared.store.corrections.waiting(shared.project.id)
    assert (kept.right, kept.is_none, kept.origin) == (LONG, True, "link")

    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, "the page is wider than the screen"


def test_a_phone_offers_its_camera(shared: Shared, open_link: Callable[..., Page]) -> None:
    page = open_link(shared, **PHONE)
    camera = page.get_by_label("Take a photo")
    expect(camera).to_have_attribute("capture", "environment")
    expect(page.get_by_text("Take a photo")).to_be_visible()
    camera.set_input_files([picture("disc", 99)])
    expect(answers(page).get_by_role("heading", name=LONG)).to_be_visible()
    camera.set_input_files([picture("disc", 99)])  # the same again
    expect(answers(page).get_by_role("heading", name=LONG)).to_have_count(2)


def test_nothing_jumps_when_an_answer_comes(shared: Shared, open_link: Callable[..., Page]) -> None:
    page = open_link(shared)
    held: list[Route] = []
    page.route("**/predict", lambda route: held.append(route))
    with page.expect_request("**/predict"):
        choose(page, picture("stripes", 99))
    expect(answers(page).get_by_role("heading", name="Looking …")).to_be_visible()
    below = page.get_by_role("heading", name="How good is it?")
    before = below.bounding_box()
    held[0].continue_()
    expect(answers(page).get_by_text(ANSWERED)).to_be_visible()
    assert below.bounding_box() == before


@pytest.mark.parametrize("how", ["drop", "paste"])
def test_photos_may_be_dropped_or_pasted(shared: Shared, open_link: Callable[..., Page], how: str) -> None:
    page = open_link(shared)
    page.evaluate(
        """async ([how, bytes]) => {
            const files = new DataTransfer();
            files.items.add(new File([new Uint8Array(bytes)], "disc.jpg", {type: "image/jpeg"}));
            const event = how === "drop"
                ? new DragEvent("drop", {dataTransfer: files, bubbles: true, cancelable: true})
                : new ClipboardEvent("paste", {clipboardData: files, bubbles: true, cancelable: true});
            document.body.dispatchEvent(event);
        }""",
        [how, list(picture("disc", 99)["buffer"])],
    )
    expect(answers(page).get_by_role("heading", name=LONG)).to_be_visible()


def test_what_cannot_be_used_is_said_and_the_rest_goes_on(shared: Shared, open_link: Callable[..., Page]) -> None:
    page = open_link(shared)
    broken: FilePayload = {"name": "broken.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8\xff"}
    words: FilePayload = {"name": "words.txt", "mimeType": "text/plain", "buffer": b"words"}
    large: FilePayload = {"name": "large.jpg", "mimeType": "image/jpeg", "buffer": bytes(25_000_001)}
    choose(page, broken, words, large, picture("disc", 99))
    expect(page.get_by_text("1 file is no picture. 1 photo is larger than 25 MB.")).to_be_visible()
    expect(answers(page).get_by_role("heading", name=LONG)).to_be_visible()
    expect(answers(page).get_by_text("broken.jpg: The picture is damaged")).to_be_visible()
    expect(answers(page)).to_have_count(2)

    choose(page, *(picture("disc", number) for number in range(100, 122)))
    expect(page.get_by_text("At most 20 at once: these are the first 20.")).to_be_visible()
    expect(answers(page)).to_have_count(22)
    expect(answers(page).get_by_text(ANSWERED)).to_have_count(21)


def test_a_lost_connection_is_said_and_tried_again(shared: Shared, open_link: Callable[..., Page]) -> None:
    page = open_link(shared)
    page.context.set_offline(True)
    choose(page, picture("disc", 99))
    expect(answers(page).get_by_text("Check your connection")).to_be_visible()
    page.context.set_offline(False)
    answers(page).get_by_role("button", name="Try again").click()
    expect(answers(page).get_by_role("heading", name=LONG)).to_be_visible()
    expect(answers(page).get_by_text("Check your connection")).to_have_count(0)


def test_the_keyboard_is_enough(shared: Shared, open_link: Callable[..., Page]) -> None:
    page = open_link(shared)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Choose photos")).to_be_focused()
    choose(page, picture("disc", 99))
    expect(answers(page).get_by_text(ANSWERED)).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("It is")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Thank you.")).to_be_focused()
    assert shared.store.corrections.waiting(shared.project.id)[0].right == RIGHT_TO_LEFT


def test_a_link_that_is_revoked_stops_the_open_page(shared: Shared, open_link: Callable[..., Page]) -> None:
    page = open_link(shared)
    choose(page, picture("disc", 99))
    expect(answers(page).get_by_text(ANSWERED)).to_be_visible()
    shared.store.access.revoke_link(shared.link.id)
    choose(page, picture("disc", 98))
    expect(page.get_by_role("alert").get_by_text("This link leads nowhere any more.")).to_be_visible()
    expect(page.get_by_label("Choose photos")).to_be_hidden()
    page.reload()
    expect(page.get_by_role("heading", name="This link leads nowhere")).to_be_visible()


def test_without_script_one_photo_can_be_asked_about(shared: Shared, new_page: NewPage) -> None:
    page = new_page(java_script_enabled=False)
    page.goto(shared.url)
    choose(page, picture("disc", 99))
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("heading", name=LONG)).to_be_visible()
    expect(page.get_by_role("img", name="Your photo")).to_be_visible()


def test_another_computer_signs_in_with_the_owners_key(
    running: tuple[App, dict[str, bytes]], new_page: NewPage
) -> None:
    app, _ = running
    store = Store(app.home)
    key, secret = store.access.add_key(None, "my phone")
    page = new_page(extra_http_headers={"X-Forwarded-For": "203.0.113.7"}, **PHONE)
    page.goto(app.url)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("The owner’s key").fill("thimble_guess")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not a key of this Thimble")
    page.get_by_label("The owner’s key").fill(secret)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Create project")).to_be_visible()

    page.goto(f"{app.url}/door")
    page.get_by_role("button", name="Sign out").click()
    page.goto(app.url)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

    page.get_by_label("The owner’s key").fill(secret)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Create project")).to_be_visible()
    store.access.revoke_key(key.id)
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

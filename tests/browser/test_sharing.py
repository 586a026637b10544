"""Sharing in a real browser: a visitor's link and correction, keys and snippets, exports, and a project as one file."""

import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import Locator, Page, expect

from core.data.store import Project, Store
from core.serve.snippets import PHOTO, snippets
from tests.browser.conftest import App
from tests.browser.test_paths import LONG, picture, step
from tests.browser.test_try import give, trained

pytestmark = [pytest.mark.browser, pytest.mark.slow]
NewPage = Callable[..., Page]

SNIPPET = """<script type="importmap">{"imports": {"node:fs": "/node-fs.js"}}</script>
<script type="module" src="/snippet.mjs"></script>"""
# What a web page has in place of Node's: here the photo comes from the server, as it would from a file input.
NODE_FS = "export const openAsBlob = async (path) => (await fetch(path)).blob();"


@pytest.fixture
def project(app: App) -> Project:
    return trained(Store(app.home))


def open_share(page: Page, app: App, project: Project, tab: str) -> None:
    page.goto(f"{app.url}/share?project={project.id}")
    page.get_by_role("tab", name=re.compile(tab)).click()


def make_link(page: Page, app: App, project: Project) -> str:
    """The address that the page shows."""
    open_share(page, app, project, "A link")
    page.get_by_role("button", name="Make a link").click()
    return page.get_by_test_id("stCode").inner_text().strip()


def cards(page: Page) -> Locator:
    return page.locator("[class*=st-key-correction-]:not(.st-key-correction-actions)")


def status(request: urllib.request.Request | str) -> int:
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def asked(app: App, project: Project, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    return status(urllib.request.Request(f"{app.url}/api/v1/models/{project.id}", headers=headers))


def test_what_a_visitor_corrects_is_reviewed_and_learnt_from(app: App, new_page: NewPage, project: Project) -> None:
    store, owner = Store(app.home), new_page()
    address = make_link(owner, app, project)
    visitor = new_page(width=390, height=844)
    visitor.goto(address)
    visitor.locator("input[type=file]").first.set_input_files(picture("disc", 99))
    answer = visitor.locator("#answers article")
    expect(answer.get_by_role("heading", name="disc")).to_be_visible()
    assert store.corrections.count(project.id) == 0  # trying keeps nothing

    answer.get_by_text("Wrong? Say what it is").click()
    answer.get_by_role("combobox").select_option("stripes")
    answer.get_by_role("checkbox").check()
    answer.get_by_role("button", name="Send").click()
    expect(answer.get_by_text("Thank you")).to_be_visible()

    owner.goto(f"{app.url}/try?project={project.id}")
    step(owner, "Corrections · 1")
    card = cards(owner)
    expect(card.get_by_text("Answered disc")).to_be_visible()
    expect(card.get_by_text("Through a link")).to_be_visible()
    expect(owner.get_by_role("button", name="Train again")).to_be_disabled()
    card.get_by_role("button", name="Accept as stripes").click()
    expect(owner.get_by_text("Nothing waits.")).to_be_visible()
    accepted = [photo for photo in store.photos.of(project.id) if photo.provider == "correction"]
    names = {category.id: category.name for category in store.categories(project.id)}
    assert [names[photo.category_id] for photo in accepted] == ["stripes"]

    owner.get_by_role("button", name="Train with 1 correction").click()
    expect(owner.get_by_text(re.compile("^Version 2 (answers now|came out worse)"))).to_be_visible(timeout=2 * LONG)
    assert store.models.versions(project.id)[0].photos == store.models.versions(project.id)[1].photos + 1
    owner.goto(f"{app.url}/photos?project={project.id}")
    owner.get_by_role("radio", name=re.compile("^stripes")).click()
    expect(owner.get_by_text(re.compile("correction$"))).to_be_visible()


def test_a_revoked_link_stops_at_once(app: App, new_page: NewPage, project: Project) -> None:
    owner = new_page()
    address = make_link(owner, app, project)
    expect(owner.get_by_role("img", name=f"QR code of {address}")).to_be_visible()
    expect(owner.get_by_text("Only this computer can open this address")).to_be_visible()
    assert status(address) == 200
    owner.get_by_role("button", name="Revoke").click()
    owner.get_by_role("button", name="Revoke this link").click()
    expect(owner.get_by_role("button", name="Make a link")).to_be_visible()
    assert status(address) == 404


@pytest.mark.parametrize("public", ["https://thimble.example.org/", "thimble"])
def test_the_address_that_people_know_is_named_or_said_to_be_none(
    home: Path, new_page: NewPage, monkeypatch: pytest.MonkeyPatch, public: str
) -> None:
    monkeypatch.setenv("THIMBLE_PUBLIC_URL", public)
    project, page, running = trained(Store(home)), new_page(), App(home)
    try:
        if public.startswith("https"):
            assert make_link(page, running, project).startswith("https://thimble.example.org/s/")
            expect(page.get_by_text("Only this computer")).to_have_count(0)
        else:
            page.goto(f"{running.url}/share?project={project.id}")
            expect(page.get_by_text("THIMBLE_PUBLIC_URL is 'thimble', which is no address.")).to_be_visible()
    finally:
        running.kill()


def test_the_page_says_who_made_it_once_there_is_a_name(app: App, new_page: NewPage, project: Project) -> None:
    owner, visitor = new_page(), new_page()
    address = make_link(owner, app, project)
    visitor.goto(address)
    expect(visitor.get_by_text("Made with Thimble.")).to_be_visible()
    name = owner.get_by_role("textbox", name="Made by")
    name.fill("Ana <b>Example</b>")
    name.press("Enter")
    store, end = Store(app.home), time.monotonic() + 30
    while not store.project(project.id).maker:
        assert time.monotonic() < end
        time.sleep(0.1)
    visitor.reload()
    expect(visitor.get_by_text("Made by Ana <b>Example</b> with Thimble.")).to_be_visible()
    owner.reload()
    expect(name).to_have_value("Ana <b>Example</b>")
    store.rename_project(project.id, maker="Eve")  # elsewhere, while this page is open
    owner.get_by_role("button", name="Make another link").click()
    expect(owner.get_by_test_id("stCode")).to_have_count(2)
    assert store.project(project.id).maker == "Eve"


def test_a_link_says_when_it_ends(app: App, new_page: NewPage, project: Project) -> None:
    page = new_page()
    open_share(page, app, project, "A link")
    page.get_by_role("combobox", name=re.compile("The link ends")).click()
    page.get_by_role("option", name="After a week").click()
    page.get_by_role("button", name="Make a link").click()
    expect(page.get_by_text(re.compile(r"· ends \d+ "))).to_be_visible()
    (link,) = Store(app.home).access.links(project.id)
    assert link.expires_at is not None
    assert round((link.expires_at - link.created_at).total_seconds() / 86_400) == 7


def test_a_key_is_shown_once_and_opens_what_it_may_until_it_is_revoked(
    app: App, new_page: NewPage, project: Project
) -> None:
    page = new_page()
    open_share(page, app, project, "Programs")
    page.get_by_label("What is the key for?").fill("Door camera")
    page.get_by_role("button", name="Make a key").click()
    key = page.locator(".st-key-made-key").get_by_test_id("stCode").inner_text().strip()
    assert asked(app, project, key) == 200
    texts = snippets(app.url, project.id, key)
    for language, text in texts.items():
        page.get_by_role("tab", name=language, exact=True).click()
        expect(page.get_by_role("tabpanel", name=language, exact=True).locator("pre")).to_have_text(text.rstrip())

    page.reload()
    page.get_by_role("tab", name=re.compile("Programs")).click()
    expect(page.get_by_text("Door camera")).to_be_visible()
    expect(page.get_by_text(key[:14])).to_be_visible()
    assert key not in page.content()
    page.get_by_role("button", name="Revoke").click()
    page.get_by_role("button", name="Revoke this key").click()
    expect(page.get_by_text("Door camera")).to_have_count(0)
    assert asked(app, project, key) == 401


def test_an_owners_key_is_made_with_a_warning(app: App, new_page: NewPage, project: Project) -> None:
    page = new_page()
    open_share(page, app, project, "Programs")
    page.get_by_text("Sign in from another computer").click()
    expect(page.get_by_text("can do all that you can, in every project")).to_be_visible()
    page.get_by_label("Which computer is it for?").fill("My laptop")
    page.get_by_role("button", name="Make an owner's key").click()
    key = page.locator(".st-key-made-key").get_by_test_id("stCode").inner_text().strip()
    headers = {"Authorization": f"Bearer {key}"}
    assert status(urllib.request.Request(f"{app.url}/api/v1/projects", headers=headers)) == 200
    assert Store(app.home).access.keys(project.id) == []


def test_a_wrong_answer_is_told_on_try_and_can_be_undone_and_rejected(
    app: App, new_page: NewPage, project: Project
) -> None:
    store, page = Store(app.home), new_page()
    page.goto(f"{app.url}/try?project={project.id}")
    give(page, picture("disc", 99))
    page.get_by_role("button", name="Wrong? Tell me").click()
    page.get_by_role("button", name="None of these").click()
    expect(page.get_by_text("You said: None of these. It waits in Corrections.")).to_be_visible()
    step(page, "Corrections · 1")
    card = cards(page)
    expect(card.get_by_text("From Try")).to_be_visible()
    card.get_by_role("button", name="As another").click()
    page.get_by_role("button", name="stripes", exact=True).click()
    page.get_by_role("button", name="Undo").click()
    expect(card.get_by_role("button", name="Accept as None of these")).to_be_visible()
    assert store.summary(project.id).photos == 40
    card.get_by_role("button", name="Reject").click()
    expect(page.get_by_text("Nothing waits.")).to_be_visible()
    assert store.corrections.count(project.id) == 0


def test_all_shown_are_accepted_at_once_and_a_lost_category_is_said(
    app: App, new_page: NewPage, project: Project
) -> None:
    store, page = Store(app.home), new_page()
    for number in range(14):
        store.corrections.add(
            project.id,
            picture("stripes", 100 + number)["buffer"],
            name=f"{number}.jpg",
            answered="disc",
            probability=0.5 + number / 100,
            is_none=False,
            right="stripes" if number else "spots",
            origin="api",
            version=1,
        )
    page.goto(f"{app.url}/review?project={project.id}")
    expect(cards(page)).to_have_count(12)
    expect(cards(page).first.get_by_text("There is no category spots any more")).to_be_visible()
    page.get_by_role("button", name="Accept all 11 shown").click()
    expect(cards(page)).to_have_count(3)
    expect(page.get_by_role("button", name="Train with 11 corrections")).to_be_enabled()
    page.get_by_role("button", name="Reject all 3 shown").click()
    page.get_by_role("button", name="Reject 3", exact=True).click()
    expect(page.get_by_text("Nothing waits.")).to_be_visible()


def test_the_javascript_runs_on_a_web_page_too(app: App, new_page: NewPage, project: Project) -> None:
    key = Store(app.home).access.add_key(project.id, "Web page")[1]
    page, script = new_page(), "text/javascript"
    text = snippets(app.url, project.id, key)["JavaScript"]
    page.route("**/page.html", lambda route: route.fulfill(content_type="text/html", body=SNIPPET))
    page.route("**/snippet.mjs", lambda route: route.fulfill(content_type=script, body=text))
    page.route("**/node-fs.js", lambda route: route.fulfill(content_type=script, body=NODE_FS))
    page.route(f"**/{PHOTO}", lambda route: route.fulfill(body=picture("disc", 99)["buffer"]))
    with page.expect_console_message(timeout=LONG) as said:
        page.goto(f"{app.url}/page.html")
    assert said.value.text.startswith("disc ")


def test_an_export_is_made_proven_and_downloaded(app: App, new_page: NewPage, project: Project, tmp_path: Path) -> None:
    page = new_page()
    open_share(page, app, project, "Take it with you")
    row = page.locator(".st-key-export-onnx")
    row.get_by_role("button", name="Make it").click()
    expect(row.get_by_role("button", name=re.compile("Download"))).to_be_visible(timeout=2 * LONG)
    expect(row.get_by_text("the same answer on all; the largest difference")).to_be_visible()
    with page.expect_download() as download:
        row.get_by_role("button", name=re.compile("Download")).click()
    file = tmp_path / "export.zip"
    download.value.save_as(file)
    with ZipFile(file) as archive:
        assert {"model.onnx", "labels.json", "README.md"} <= {Path(name).name for name in archive.namelist()}


def test_a_project_is_taken_elsewhere_as_one_file(
    app: App, new_page: NewPage, project: Project, tmp_path: Path
) -> None:
    page, store = new_page(), Store(app.home)
    open_share(page, app, project, "Backup")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the backup").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    page.goto(app.url)
    page.get_by_text("Bring a project").click()
    give(page, {"name": "torn.thimble", "mimeType": "application/zip", "buffer": file.read_bytes()[:5000]})
    expect(page.get_by_text(re.compile("damaged|cut short"))).to_be_visible()
    assert len(store.projects()) == 1
    give(page, {"name": file.name, "mimeType": "application/zip", "buffer": file.read_bytes()})
    expect(page.get_by_role("heading", name="Show it some photos")).to_be_visible()
    restored = next(each for each in store.projects() if each.id != project.id)
    assert restored.name == project.name
    assert store.summary(restored.id).version == 1


def test_folders_in_a_zip_become_a_project_and_what_is_no_photo_is_named(app: App, new_page: NewPage) -> None:
    data = BytesIO()
    with ZipFile(data, "w") as archive:
        for kind in ("disc", "stripes"):
            for number in range(3):
                archive.writestr(f"{kind}/{number}.jpg", picture(kind, number)["buffer"])
        archive.writestr("disc/words.jpg", "only words")
    page = new_page()
    page.goto(app.url)
    page.get_by_text("Bring a project").click()
    give(page, {"name": "shapes.zip", "mimeType": "application/zip", "buffer": data.getvalue()})
    expect(page.get_by_text("1 thing in the file could not be used")).to_be_visible()
    page.get_by_role("button", name="Open it").click()
    expect(page.get_by_role("radio", name="disc · 3")).to_be_visible()


def test_without_a_model_there_is_a_way_to_one_and_the_backup(app: App, new_page: NewPage) -> None:
    project = Store(app.home).create_project("Empty")
    page = new_page()
    page.goto(f"{app.url}/share?project={project.id}")
    expect(page.get_by_text("There is no trained model yet.")).to_be_visible()
    expect(page.get_by_role("button", name="Download the backup")).to_be_visible()
    expect(page.get_by_role("tab")).to_have_count(0)

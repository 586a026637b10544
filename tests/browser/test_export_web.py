"""The exported web page in a real Chromium, opened from disk with the network off."""

import base64
import io
import re
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from core.data import example
from core.data.photo import Pixels, decode
from core.serve.export.web import web_files
from tests.serve.small_onnx import THRESHOLD, seen_onnx, small_onnx

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CRUEL = "<b>gold</b> & 'white'"
CATEGORIES = ("blue and black", CRUEL, "neither")
ABOUT = {
    "project": "The dress <i>again</i>",
    "version": 3,
    "categories": CATEGORIES,
    "threshold": THRESHOLD,
    "words": "Right for 96 of 100 photos that it had never seen.",
}
ASK = """async ([type, text]) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt());
    return (await ask({ photo: new File([bytes], "photo", { type }) })).answer;
}"""


@pytest.fixture(scope="session")
def model() -> bytes:
    return small_onnx(CATEGORIES)


@pytest.fixture(scope="session")
def folder(model: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page, unpacked on disk."""
    return written(web_files(model, ABOUT), tmp_path_factory.mktemp("a web page"))


@pytest.fixture
def opened(new_page: Callable[..., Page], folder: Path) -> Iterator[Callable[..., Page]]:
    """Opens the page from disk, with the network off; a complaint in its console fails the test."""
    complaints = []

    def open_page(path: Path = folder, **options: object) -> Page:
        page = offline(new_page, **options)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(error.message))
        page.goto((path / "index.html").as_uri())
        expect(page.get_by_role("status")).to_have_text("Ready.")
        return page

    yield open_page
    assert complaints == []


def offline(new_page: Callable[..., Page], **options: object) -> Page:
    page = new_page(**options)
    page.context.set_offline(True)
    return page


def written(files: dict[str, bytes], folder: Path) -> Path:
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def jpeg(name: str, data: bytes) -> dict[str, object]:
    return {"name": name, "mimeType": "image/jpeg", "buffer": data}


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def green() -> bytes:
    return saved(Image.new("RGB", (200, 150), (20, 200, 30)), "JPEG")


def asked(page: Page, data: bytes, kind: str = "jpeg") -> dict[str, list[float]]:
    """What the page's model answers, in full precision."""
    return page.evaluate(ASK, [f"image/{kind}", base64.b64encode(data).decode()])


def test_answers_with_the_network_off_are_those_of_python(opened: Callable[..., Page], model: bytes) -> None:
    page = opened()
    session = onnxruntime.InferenceSession(model)
    drawn = list(example.held_back(6))
    page.get_by_label("Choose photos").set_input_files([jpeg(each.name, each.data) for each in drawn])
    expect(page.get_by_role("status")).to_have_text("All 6 photos are answered.")
    assert {CATEGORIES[0], CATEGORIES[1]} == set(page.locator("h3").all_inner_texts())
    for each, card in zip(drawn, page.locator("#cards > li").all(), strict=True):
        probabilities, strangeness = session.run(None, {"photo": decode(each.data)[np.newaxis]})
        answer = asked(page, each.data)
        np.testing.assert_allclose(answer["probabilities"], probabilities[0], atol=1e-4)
        assert answer["strangeness"] == pytest.approx(strangeness[0], abs=1e-3)
        expect(card.get_by_role("heading")).to_have_text(CATEGORIES[int(probabilities[0].argmax())])
        expect(card).to_contain_text(each.name)
        figure = re.search(r"\((?:over )?(\d+)%\)", card.inner_text())[1]
        assert int(figure) == pytest.approx(100 * probabilities.max(), abs=1)


def test_the_model_is_shown_the_very_pixels_that_training_saw(opened: Callable[..., Page], tmp_path: Path) -> None:
    page = opened(written(web_files(seen_onnx(), ABOUT), tmp_path))
    picture = Image.fromarray(example.draw("white and gold", 3))
    clear = picture.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(picture.size))
    turned = Image.Exif()
    turned[274] = 6
    cases = {
        "jpeg": saved(picture, "JPEG", quality=85),
        "turned jpeg": saved(picture, "JPEG", exif=turned),
        "grey jpeg": saved(picture.convert("L"), "JPEG"),
        "png": saved(picture, "PNG"),
        "transparent png": saved(clear, "PNG"),
        "webp": saved(picture, "WEBP"),
    }
    for name, data in cases.items():
        np.testing.assert_array_equal(pixels_seen(page, name, data), decode(data), err_msg=name)


def test_a_large_photo_is_made_small_as_thimble_does_it(opened: Callable[..., Page], tmp_path: Path) -> None:
    page = opened(written(web_files(seen_onnx(), ABOUT), tmp_path))
    picture = Image.fromarray(example.draw("white and gold", 3))
    for size, kind, options, most in (
        ((1000, 1250), "png", {}, 0.1),
        ((1300, 1700), "jpeg", {"quality": 90}, 1.0),
        ((3024, 4032), "jpeg", {"quality": 90}, 1.0),
    ):
        data = saved(picture.resize(size, Image.Resampling.BICUBIC), kind.upper(), **options)
        wanted = decode(data).astype(int)
        assert max(wanted.shape) == 640
        difference = np.abs(pixels_seen(page, kind, data).astype(int) - wanted)
        assert difference.mean() < most, (size, kind, difference.mean(), difference.max())


def pixels_seen(page: Page, name: str, data: bytes) -> Pixels:
    """The pixels that the model was given, in the shape that they should have."""
    numbers = asked(page, data, name.split()[-1])["probabilities"]
    return np.array(numbers, dtype=np.uint8).reshape(decode(data).shape)


def test_a_stranger_is_none_of_these(opened: Callable[..., Page]) -> None:
    page = opened()
    page.get_by_label("Choose photos").set_input_files([jpeg("lawn.jpg", green())])
    expect(page.get_by_role("heading", name="None of these")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("lawn.jpg: None of these")
    assert "%" not in page.locator("#cards").inner_text()


def test_what_is_no_photo_is_refused_in_words_and_the_rest_go_on(opened: Callable[..., Page]) -> None:
    page = opened()
    good = next(example.held_back(1))
    tiny = saved(Image.new("RGB", (9, 300)), "PNG")
    thin = saved(Image.new("RGB", (40, 900)), "PNG")
    names = ("letter.pdf", "empty.jpg", "tiny.png", "thin.png", "huge.jpg")
    datas = (b"%PDF-1.4", b"", tiny, thin, green() + bytes(25_000_000))
    bad = [jpeg(name, data) for name, data in zip(names, datas, strict=True)]
    page.get_by_label("Choose photos").set_input_files([*bad, jpeg(good.name, good.data)])
    expect(page.get_by_role("status")).to_have_text("All 6 photos are answered.")
    shown = page.locator("#cards > li").all_inner_texts()
    wanted = ("no picture that this browser can open", "is empty", "too small (9×300", "too long and narrow (40×900")
    for text, name, words in zip(shown, names, (*wanted, "too large (25.0 MB)"), strict=False):
        assert name in text
        assert words in text
    expect(page.locator("#cards img")).to_have_count(1)


def test_the_camera_answers_live_and_keeps_a_photo(opened: Callable[..., Page]) -> None:
    page = opened(permissions=["camera"])
    page.get_by_role("button", name="Use the camera").click()
    dialog = page.get_by_role("dialog", name="Camera")
    expect(dialog.locator(".label")).not_to_be_empty()
    dialog.get_by_role("button", name="Keep this photo").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("#cards img")).to_have_count(1)
    assert page.evaluate("stream.getTracks().every(({ readyState }) => readyState === 'ended')")


def test_without_a_camera_it_says_so(opened: Callable[..., Page]) -> None:
    page = opened()
    page.evaluate("() => { navigator.mediaDevices.getUserMedia = async () => { throw { name: 'NotFoundError' } } }")
    page.get_by_role("button", name="Use the camera").click()
    expect(page.get_by_role("status")).to_contain_text("camera was not found. Choose photos instead.")


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_photos_are_dropped_and_pasted(opened: Callable[..., Page], way: str) -> None:
    page = opened()
    give = """([way, files]) => {
        const transfer = new DataTransfer();
        for (const text of files)
            transfer.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt())], "a.jpg"));
        const options = { bubbles: true, cancelable: true, dataTransfer: transfer, clipboardData: transfer };
        document.body.dispatchEvent(new (way === "drop" ? DragEvent : ClipboardEvent)(way, options));
    }"""
    photos = [base64.b64encode(each.data).decode() for each in example.held_back(2)]
    page.evaluate(give, [way, photos])
    expect(page.locator("#cards img")).to_have_count(2)
    page.evaluate(give, [way, []])
    expect(page.get_by_role("status")).to_contain_text("no file" if way == "drop" else "no picture to paste")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#answers")).to_be_hidden()


def test_photos_chosen_while_it_gets_ready_are_answered(new_page: Callable[..., Page], folder: Path) -> None:
    page = offline(new_page)
    page.goto((folder / "index.html").as_uri(), wait_until="commit")
    each = next(example.held_back(1))
    page.wait_for_function("typeof ask === 'function'")
    page.get_by_label("Choose photos").set_input_files([jpeg(each.name, each.data)])
    expect(page.locator("#cards img")).to_have_count(1)


def test_names_are_shown_as_text_and_fit_a_phone(opened: Callable[..., Page]) -> None:
    page = opened(width=390, height=844, color_scheme="dark")
    expect(page.get_by_role("heading", level=1)).to_have_text("The dress <i>again</i>")
    expect(page.locator(".categories li")).to_have_text(list(CATEGORIES))
    page.get_by_label("Choose photos").set_input_files([jpeg(d.name, d.data) for d in example.held_back(2)])
    expect(page.locator("#cards dt").filter(has_text=CRUEL)).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("lost", ["model.js", "runtime.js"])
def test_a_folder_that_is_not_whole_says_what_is_missing(
    new_page: Callable[..., Page], folder: Path, tmp_path: Path, lost: str
) -> None:
    for file in folder.iterdir():
        if file.name != lost:
            (tmp_path / file.name).symlink_to(file)
    page = offline(new_page)
    page.goto((tmp_path / "index.html").as_uri())
    expect(page.get_by_role("status")).to_contain_text(f"{lost} is missing. Put the whole unpacked folder in one place")


def test_the_page_alone_says_what_to_do(new_page: Callable[..., Page], folder: Path, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_bytes((folder / "index.html").read_bytes())
    page = offline(new_page)
    page.goto((tmp_path / "index.html").as_uri())
    expect(page.get_by_role("status")).to_contain_text("put the whole unpacked folder in one place")


def test_a_browser_that_is_too_old_says_so(new_page: Callable[..., Page], folder: Path) -> None:
    page = offline(new_page)
    page.add_init_script("WebAssembly.validate = () => false")
    page.goto((folder / "index.html").as_uri())
    expect(page.get_by_role("status")).to_contain_text("This browser is too old for this page.")
    each = next(example.held_back(1))
    page.get_by_label("Choose photos").set_input_files([jpeg(each.name, each.data)])
    expect(page.locator("#cards")).to_contain_text("This browser is too old")


class _Host(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        self.server.asked.append(self.path)


@pytest.fixture
def host(folder: Path) -> Iterator[ThreadingHTTPServer]:
    """A plain web server that gives out the folder, and remembers what was asked of it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Host, directory=str(folder)))
    server.asked = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_any_static_host_will_do_and_nothing_goes_back_to_it(
    new_page: Callable[..., Page], host: ThreadingHTTPServer
) -> None:
    page = new_page()
    page.goto(f"http://127.0.0.1:{host.server_port}/index.html")
    expect(page.get_by_role("status")).to_have_text("Ready.")
    loaded = len(host.asked)
    page.get_by_label("Choose photos").set_input_files([jpeg(d.name, d.data) for d in example.held_back(2)])
    expect(page.locator("#cards img")).to_have_count(2)
    sent = page.evaluate(
        """async () => {
            const tries = [
                () => fetch("/stolen?fetch"),
                () => new Promise((done, fail) => {
                    const image = new Image();
                    [image.onload, image.onerror, image.src] = [done, fail, "/stolen?image"];
                }),
            ];
            const results = await Promise.allSettled(tries.map((attempt) => attempt()));
            return results.map(({ status }) => status);
        }"""
    )
    assert sent == ["rejected", "rejected"]
    assert host.asked[loaded:] == []

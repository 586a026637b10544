"""The demo that is ready to push, run as its host runs it, in a real Chromium."""

import io
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from core.data import example
from core.data.photo import decode
from core.serve.export.demo import demo_files
from tests.serve.small_onnx import THRESHOLD, small_onnx

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CATEGORIES = ("blue and black", ":red[gold] *& _white_ $x$")
ABOUT = {
    "project": "The dress",
    "version": 3,
    "categories": CATEGORIES,
    "threshold": THRESHOLD,
    "words": "Right for 96 of 100 photos.",
}


@pytest.fixture
def model() -> bytes:
    return small_onnx(CATEGORIES)


@pytest.fixture
def folder(model: bytes, tmp_path: Path) -> Path:
    """The demo, unpacked."""
    for name, data in demo_files(model, ABOUT).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return tmp_path


def green() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (200, 150), (20, 200, 30)).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def running(folder: Path) -> Iterator[str]:
    """The address of the demo as `streamlit run app.py` starts it in its own folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--server.headless=true", f"--server.port={port}", "--server.address=127.0.0.1"]
    log = (folder / "log.txt").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "app.py", *options],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2).close()
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        log.close()
    assert "Traceback" not in (folder / "log.txt").read_text()


def test_it_answers_as_the_model_does(running: str, new_page: Callable[..., Page], model: bytes) -> None:
    page = new_page()
    page.goto(running)
    drawn = list(example.held_back(4))
    lawn = green()
    given = [("lawn.jpg", lawn), ("letter.jpg", b"Dear Sir"), *((each.name, each.data) for each in drawn)]
    expect(page.get_by_text("Photos go to the computer this runs on")).to_be_visible()
    page.locator("input[type=file]").set_input_files(
        [{"name": name, "mimeType": "image/jpeg", "buffer": data} for name, data in given]
    )
    expect(page.get_by_role("heading", level=3)).to_have_count(5)
    session = onnxruntime.InferenceSession(model)
    for each in drawn:
        probabilities, _ = session.run(None, {"photo": decode(each.data)[np.newaxis]})
        place = page.get_by_test_id("stHorizontalBlock").filter(has_text=each.name)
        order = np.argsort(-probabilities[0])
        shown = [f"{CATEGORIES[at]}: {probabilities[0][at]:.1%}" for at in order]
        texts = [text.replace("\u2060", "") for text in place.get_by_test_id("stProgress").all_inner_texts()]
        assert texts == shown
    expect(page.get_by_role("heading", name="None of these")).to_be_visible()
    expect(page.get_by_text("cannot be used")).to_be_visible()

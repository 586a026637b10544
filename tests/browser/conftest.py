"""A real app in a process of its own, with an empty home, and a real Chromium to use it with."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
expect.set_options(timeout=30_000)  # milliseconds; a busy machine draws a page in seconds, and right is right
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests; without one they are skipped, or fail where THIMBLE_REQUIRE_BROWSER is set."""
    if CHROMIUM is None:
        words = "no Chromium on this machine (Debian: apt install chromium); the browser tests did not run"
        if os.environ.get("THIMBLE_REQUIRE_BROWSER"):
            pytest.fail(words)
        pytest.skip(words)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page in a browser window of its own, as another person would."""
    contexts = []

    def open_page(width: int = 1280, height: int = 900, **options: object) -> Page:
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        return page

    yield open_page
    for context in contexts:
        context.close()


class App:
    """The app as `streamlit run` starts it, on a free port of this machine."""

    def __init__(self, home: Path) -> None:
        self.home = home
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.headless=true"]
        self.home.parent.mkdir(parents=True, exist_ok=True)
        self.log = self.home.parent / f"app-{self.port}.log"
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [
                    *command,
                    f"--server.port={self.port}",
                    "--server.address=127.0.0.1",
                    "--server.fileWatcherType=none",
                ],
                cwd=ROOT,
                env=os.environ | {"THIMBLE_HOME": str(self.home)},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        pytest.fail(f"the app did not start:\n{self.log.read_text()}")

    def kill(self) -> None:
        """End it and all it started at once, as a power cut would."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def app(home: Path) -> Iterator[App]:
    running = App(home)
    yield running
    running.kill()
    assert "Traceback" not in running.log.read_text(), running.log.read_text()


@pytest.fixture
def app_from_nothing(tmp_path: Path) -> Iterator[App]:
    """As `app`, but with a home in which not even the backbone is ready."""
    running = App(tmp_path / "empty" / "home")
    yield running
    running.kill()
    assert "Traceback" not in running.log.read_text(), running.log.read_text()

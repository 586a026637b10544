"""k: predictions over HTTP, from one client and from many at once, beside the plain way of serving a Keras model."""

import io
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil
from PIL import Image

from benchmarks import clients
from benchmarks.effort import Effort, Say
from benchmarks.photo_sets import PhotoSet
from benchmarks.worker import worker
from core.data.dataset import from_folder
from core.data.photo import decode
from core.data.store import Store
from core.model.embedder import Embedders
from core.model.versions import train_project

ROOT = Path(__file__).parents[1]
CLIENTS = 16
SIDE = 500  # pixels, the longest side of the photos that are sent
PHOTOS = 64  # different ones that are sent
UP_SECONDS = 120  # until a server must answer
PAUSE = 5.0  # seconds between two page loads


def serving(photos: PhotoSet, home: Path, effort: Effort, say: Say) -> dict[str, Any]:
    """Rates, latencies, errors and memory in either mode, also with a person at the pages; the plain way beside."""
    sent = _sent(photos.folder)
    modes = {}
    with TemporaryDirectory() as folder:
        place = Path(folder)
        say("training the project to serve")
        with worker() as ours:
            project_id, secret, categories = ours(make_project, photos.folder, home, place)
        with _server(_app(), {"THIMBLE_HOME": str(place), "THIMBLE_RATE": "100000"}, "/_stcore/health") as (
            port,
            process,
        ):
            for mode in ("fast", "best"):
                path = f"/api/v1/models/{project_id}/predict?mode={mode}"
                requests = [clients.multipart(path, each, {"Authorization": f"Bearer {secret}"}) for each in sent]
                say(f"serving, {mode}")
                page = f"http://127.0.0.1:{port}/try?project={project_id}"
                modes[mode] = _measured(port, requests, process, effort, page)
    say("serving the plain way")
    plain = {"KERAS_BACKEND": "tensorflow", "PLAIN_SERVER_CATEGORIES": str(categories), "CUDA_VISIBLE_DEVICES": "-1"}
    with _server(_plain(), plain, "/docs") as (port, process):
        requests = [clients.multipart("/predict", each, {}) for each in sent]
        other = _measured(port, requests, process, effort, None)
    return {
        "clients": CLIENTS,
        "seconds": effort.load_seconds,
        "longest_side": SIDE,
        "modes": modes,
        "plain": other,
        "times_plain": {mode: each["per_second"] / other["per_second"] for mode, each in modes.items()},
    }


def make_project(folder: Path, home: Path, place: Path) -> tuple[str, str, int]:
    """A trained project in the home `place`: its id, a key to it, its number of categories. In a worker process."""
    shutil.copytree(home / "backbones", place / "backbones")
    store = Store(place)
    dataset = from_folder(folder)
    project = store.create_project("load")
    known = {name: store.add_category(project.id, name) for name in dataset.categories}
    for photo in dataset.photos:
        store.photos.add(known[photo.category].id, dataset.read(photo), photo.name)
    train_project(store, project.id, Embedders(place, bulk=True))
    _, secret = store.access.add_key(project.id, "load")
    store.close()
    return project.id, secret, len(dataset.categories)


def _measured(
    port: int, requests: Sequence[bytes], process: psutil.Process, effort: Effort, page: str | None
) -> dict[str, Any]:
    with worker() as asker:
        single, _ = asker(clients.ask, port, requests, 1, effort.load_seconds / 6, effort.load_warm_up)

        def many() -> dict[str, Any]:
            weighed: list[float] = []
            with _meanwhile(_weigh, process, weighed):
                timed = asker(clients.ask, port, requests, CLIENTS, effort.load_seconds, effort.load_warm_up)
            return _told(timed, effort) | {"memory_mb": [weighed[len(weighed) // 4], weighed[-1]]}

        told = many() | {"single_p50_ms": float(np.median(single)) * 1000}
        if page is not None:
            loads: list[float] = []
            with _meanwhile(_load, page, loads):
                told["with_pages"] = many() | {"pages_s": loads}
    return told


def _told(timed: clients.Timed, effort: Effort) -> dict[str, Any]:
    taken, statuses = timed
    p50, p99 = (np.percentile(np.array(taken) * 1000, [50, 99])).tolist()
    return {
        "per_second": len(taken) / effort.load_seconds,
        "p50_ms": p50,
        "p99_ms": p99,
        "statuses": {str(status): number for status, number in statuses.items()},
    }


@contextmanager
def _meanwhile(work: Callable[..., None], *args: Any) -> Iterator[None]:
    """Runs `work(over, *args)` beside what is done here, until `over` is set."""
    over = threading.Event()
    thread = threading.Thread(target=work, args=(over, *args))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _weigh(over: threading.Event, process: psutil.Process, megabytes: list[float]) -> None:
    """The server's memory, second by second."""
    while True:
        megabytes.append(process.memory_info().rss / 1e6)
        if over.wait(1):
            return


def _load(over: threading.Event, page: str, seconds: list[float]) -> None:
    """How long a page takes in a browser, every few seconds."""
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page()
        while not over.wait(PAUSE):
            started = time.perf_counter()
            tab.goto(page)
            tab.get_by_role("heading", name="Try it").wait_for()
            seconds.append(time.perf_counter() - started)
        browser.close()


def _sent(folder: Path) -> list[bytes]:
    dataset = from_folder(folder)
    chosen = np.random.default_rng(0).permutation(len(dataset.photos))[:PHOTOS]
    files = []
    for at in chosen.tolist():
        image = Image.fromarray(decode(dataset.read(dataset.photos[at])))
        scale = SIDE / max(image.size)
        file = io.BytesIO()
        image.resize((round(image.width * scale), round(image.height * scale))).save(file, "JPEG", quality=90)
        files.append(file.getvalue())
    return files


def _app() -> list[str]:
    return ["-m", "streamlit", "run", "streamlit_app.py", "--server.headless=true", "--server.fileWatcherType=none",
            "--server.address=127.0.0.1", "--server.port"]  # fmt: skip


def _plain() -> list[str]:
    return ["-m", "uvicorn", "benchmarks.plain_server:app", "--log-level", "warning", "--port"]


@contextmanager
def _server(command: list[str], environment: dict[str, str], health: str) -> Iterator[tuple[int, psutil.Process]]:
    """A server in a process of its own, on a free port, once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3"}
    child = subprocess.Popen(
        [sys.executable, *command, str(port)],
        cwd=ROOT,
        env=os.environ | quiet | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + UP_SECONDS
        while not _answers(f"http://127.0.0.1:{port}{health}"):
            if time.monotonic() > end or child.poll() is not None:
                raise RuntimeError(f"{command[1]} did not start")
            time.sleep(0.2)
        yield port, psutil.Process(child.pid)
    finally:
        child.terminate()
        child.wait()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False

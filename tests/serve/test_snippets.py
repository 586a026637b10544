"""Every snippet, run exactly as the Share page shows it, against a running server."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn

from core.data.store import Store
from core.model.embedder import Embedders
from core.model.versions import train_project
from core.serve.api import create_app
from core.serve.snippets import NO_KEY, PHOTO, snippets
from core.serve.state import open_state
from tests.conftest import draw_shape

SECONDS = 60  # a busy machine answers in one; beyond this something hangs


@dataclass(frozen=True)
class Running:
    """A server with one trained project, and a key of it."""

    address: str
    project_id: str
    key: str


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, backbone_home: Path) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("serving")
    os.symlink(backbone_home / "backbones", home / "backbones")
    store = Store(home)
    project = store.create_project("Shapes")
    for kind in ("disc", "stripes"):
        category = store.add_category(project.id, kind)
        for number in range(8):
            store.photos.add(category.id, jpeg(kind, number, home / "made.jpg"), f"{kind} {number}.jpg")
    train_project(store, project.id, Embedders(home, bulk=True))
    key = store.access.add_key(project.id, "Snippets")[1]
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()  # who connects before the server is up, waits
        server = uvicorn.Server(uvicorn.Config(create_app(open_state(store)), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield Running(f"http://127.0.0.1:{listening.getsockname()[1]}", project.id, key)
        server.should_exit = True
        thread.join()


def jpeg(kind: str, number: int, path: Path) -> bytes:
    draw_shape(kind, number).save(path, quality=92)
    return path.read_bytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a person would run a snippet: the photo lies there."""
    jpeg("disc", 99, tmp_path / PHOTO)
    return tmp_path


@pytest.fixture(params=["curl", "Python", "JavaScript"])
def run(request: pytest.FixtureRequest, folder: Path) -> Callable[[dict[str, str]], subprocess.CompletedProcess[str]]:
    """Runs the snippet of one language."""
    language = request.param
    program = {"curl": "curl", "Python": sys.executable, "JavaScript": "node"}[language]
    if shutil.which(program) is None:
        pytest.skip(f"no {program} on this machine")
    file, start = {
        "curl": ("snippet.sh", ["bash", "-e"]),
        "Python": ("snippet.py", [sys.executable]),
        "JavaScript": ("snippet.mjs", ["node"]),
    }[language]

    def run_(texts: dict[str, str]) -> subprocess.CompletedProcess[str]:
        (folder / file).write_text(texts[language])
        return subprocess.run([*start, file], cwd=folder, capture_output=True, text=True, timeout=SECONDS)

    return run_


@pytest.mark.slow
def test_each_snippet_answers_as_shown(
    running: Running, run: Callable[[dict[str, str]], subprocess.CompletedProcess[str]]
) -> None:
    done = run(snippets(running.address, running.project_id, running.key))
    assert done.returncode == 0, done.stderr
    assert "disc" in done.stdout
    if done.stdout.startswith("{"):
        (prediction,) = json.loads(done.stdout)["predictions"]
        assert prediction["label"] == "disc"
    else:
        assert "%" in done.stdout


@pytest.mark.slow
def test_each_snippet_says_what_is_wrong_while_it_has_no_key(
    running: Running, run: Callable[[dict[str, str]], subprocess.CompletedProcess[str]]
) -> None:
    texts = snippets(running.address, running.project_id)
    assert all(NO_KEY in text for text in texts.values())
    done = run(texts)
    assert "401" in done.stdout + done.stderr
    assert "disc" not in done.stdout


def test_an_address_cannot_break_out_of_a_snippet() -> None:
    texts = snippets("https://a.example/x'\";$(id)`id`", "0" * 32)
    shell = subprocess.run(["bash", "-c", texts["curl"].replace("curl", "printf '%s\\n'", 1)], capture_output=True)
    assert f"https://a.example/x'\";$(id)`id`/api/v1/models/{'0' * 32}/predict" in shell.stdout.decode().splitlines()
    compile(texts["Python"], "snippet.py", "exec")


def test_a_slash_at_the_end_of_the_address_is_one_too_many() -> None:
    for text in snippets("https://a.example/", "1").values():
        assert "https://a.example/api/v1/models/1/predict" in text

"""The commands on the app's own projects; the quick ones run in this process, since each start takes a second."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request

import pytest

from core.__main__ import main
from core.data.store import Store
from core.model.embedder import Embedders
from core.model.versions import train_project

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str


class Shell:
    """Runs commands in this process."""

    def __init__(self, printed: pytest.CaptureFixture[str]) -> None:
        self._printed = printed

    def run(self, *arguments: object) -> Done:
        self._printed.readouterr()
        status = main([str(argument) for argument in arguments])
        return Done(status, *self._printed.readouterr())

    def run_json(self, *arguments: object) -> Any:
        done = self.run(*arguments, "--json")
        assert (done.status, done.err) == (0, "")
        return json.loads(done.out)

    def refused(self, *arguments: object) -> str:
        """The one line that a command ends with that cannot be done."""
        done = self.run(*arguments)
        assert (done.status, done.out) == (2, "")
        (line,) = done.err.splitlines()
        return line


@pytest.fixture
def shell(home: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    """What the commands work on."""
    opened = Store(home)
    yield opened
    opened.close()


def test_a_project_comes_in_goes_out_and_comes_back(
    shell: Shell, store: Store, photo_folder: Callable[..., Path], tmp_path: Path
) -> None:
    made = shell.run_json("restore", photo_folder("Shapes", count=3))
    assert (made["name"], made["photos"], made["set_aside"]) == ("Shapes", 6, [])
    told = shell.run_json("backup", "shapes", tmp_path / "shapes.thimble")
    assert told["bytes"] == (tmp_path / "shapes.thimble").stat().st_size
    again = shell.run("restore", tmp_path / "shapes.thimble")
    assert again.status == 0
    assert "Made 'Shapes' with 6 photos" in again.out
    listed = shell.run_json("projects")
    assert [each["name"] for each in listed] == ["Shapes", "Shapes"]
    assert listed[1]["id"] == made["project"]
    first, second = (store.photos.of(each["id"]) for each in listed)
    assert {photo.sha256 for photo in first} == {photo.sha256 for photo in second}

    assert "2 projects are named" in shell.refused("backup", "Shapes", tmp_path / "shapes.thimble")
    assert shell.run("backup", made["project"], tmp_path / "shapes.thimble").status == 0  # over an older backup


def test_nothing_precious_is_overwritten_and_nothing_half_is_written(
    shell: Shell, store: Store, tmp_path: Path
) -> None:
    store.create_project("Shapes")
    diary = tmp_path / "diary.txt"
    diary.write_text("mine")
    assert "is no backup" in shell.refused("backup", "Shapes", diary)
    assert "is no backup" in shell.refused("backup", "Shapes", tmp_path)
    assert "cannot be written" in shell.refused("backup", "Shapes", tmp_path / "nowhere" / "x.thimble")
    assert diary.read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"diary.txt", "home"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["backup", "nothing", "x.thimble"], "no project 'nothing'"),
        (["restore", "nowhere.zip"], "cannot be opened"),
        (["restore", __file__], "no photo"),
        (["key", "--revoke", "7"], "no key 7"),
        (["key", "--scope", "predict"], "owner's key"),
        (["key", "--project", "nothing"], "no project"),
        (["export", "--project", "nothing", "--out", "x"], "no project"),
    ],
)
def test_bad_input_ends_with_2_and_one_line(shell: Shell, arguments: list[str], words: str) -> None:
    assert words in shell.refused(*arguments)
    assert shell.run_json("projects") == []


def test_keys_are_made_shown_once_listed_and_revoked(shell: Shell, store: Store) -> None:
    project = store.create_project("Shapes")
    owner = shell.run_json("key", "--name", "my phone")
    known = store.access.key(owner["secret"])
    assert known is not None
    assert (known.project_id, known.name, known.id) == (None, "my phone", owner["id"])

    printed = shell.run("key", "--project", "Shapes", "--scope", "manage").out
    secret = printed.splitlines()[0]
    managing = store.access.key(secret)
    assert managing is not None
    assert (managing.project_id, managing.scope) == (project.id, "manage")

    listed = shell.run("key", "--list", "--project", "Shapes").out
    assert managing.start in listed
    assert secret not in listed
    assert [each["id"] for each in shell.run_json("key", "--list")] == [owner["id"]]

    assert "no key" in shell.refused("key", "--project", "Shapes", "--revoke", owner["id"])
    assert shell.run("key", "--revoke", managing.id).status == 0
    assert store.access.key(secret) is None
    assert store.access.key(owner["secret"]) is not None


@pytest.mark.slow
def test_exports_are_copied_to_a_folder(
    shell: Shell, store: Store, photo_folder: Callable[..., Path], tmp_path: Path
) -> None:
    shell.run_json("restore", photo_folder("Shapes"))
    (project,) = store.projects()
    assert "no trained model" in shell.refused("export", "--project", "Shapes", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    store.set_fixed(project.id, {"backbone": "lite0"})
    train_project(store, project.id, Embedders(store.home, bulk=True))
    assert "no format 'tape'" in shell.refused(
        "export", "--project", "Shapes", "--format", "tape", "--out", tmp_path / "out"
    )
    told = shell.run_json("export", "--project", "Shapes", "--format", "onnx", "--out", tmp_path / "out")
    assert told["version"] == 1
    assert set(told["files"]) == {"onnx"}
    copied = (tmp_path / "out" / "onnx.zip").read_bytes()
    kept = store.exports.read(project.id, 1, "onnx")
    assert hashlib.sha256(copied).digest() == hashlib.sha256(kept).digest()
    with zipfile.ZipFile(tmp_path / "out" / "onnx.zip") as archive:
        assert "labels.json" in archive.namelist()


def status(address: str, key: str = "none") -> int | None:
    """Of the answer there; None while nobody listens."""
    try:
        with urllib.request.urlopen(Request(address, headers={"Authorization": f"Bearer {key}"})) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except urllib.error.URLError:
        return None


@pytest.mark.slow
def test_serve_answers_until_it_is_stopped(shell: Shell) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "core", "serve", "--port", str(port)]
    serving = subprocess.Popen(command, cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        address = f"http://127.0.0.1:{port}/api/v1/projects"
        for _ in range(600):
            if status(address) is not None:
                break
            assert serving.poll() is None, serving.communicate()[0]
            time.sleep(0.1)
        assert status(address) == 401
        key = shell.run_json("key")["secret"]
        assert status(address, key) == 200
    finally:
        serving.send_signal(signal.SIGINT)
        serving.communicate(timeout=30)
    assert serving.returncode in (0, 130)

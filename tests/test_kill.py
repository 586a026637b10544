"""A program killed at any moment loses nothing that it had said was done, and leaves nothing half made."""

import hashlib
import multiprocessing
import random
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from core.data.photo import decode
from core.data.store import Store
from core.jobs import Jobs

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL and a fork server")

TIMES = [25, pytest.param(100, marks=pytest.mark.slow)]
LONGEST = 0.04  # seconds from the last thing said to the kill: about what the next one takes
GIVE_UP = 20.0  # seconds; far more than anything here takes

# What the children run, as text: a child that had to import this file would import pytest first.
CHILD = """
import hashlib, io, time
from itertools import islice
import numpy as np
from PIL import Image
from core.data.store import Store
from core.jobs import Jobs

def pictures(seed):
    draw = np.random.default_rng(seed)
    while True:
        file = io.BytesIO()
        Image.fromarray(draw.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize((160, 120)).save(file, "PNG")
        yield file.getvalue()

def add_photos(home, categories, seed, say):
    store = Store(home)
    for file in pictures(seed):
        for category in categories:
            say(store.photos.add(category, file, "drawn.png").photo.sha256)

def add_and_delete(home, project, seed, say):
    store = Store(home)
    kept = store.add_category(project, f"kept {seed}").id
    while True:
        passing = store.create_project("passing")
        category = store.add_category(passing.id, "passing").id
        for file in islice(pictures(seed), 2):
            store.photos.add(category, file, "drawn.png")
        say(store.photos.add(kept, file, "drawn.png").photo.sha256)
        store.delete_project(passing.id)

def add_versions(home, project, seed, say):
    store = Store(home)
    draw = np.random.default_rng(seed)
    while True:
        blocks = [draw.bytes(1_000_000) for _ in range(3)]
        files = {f"part/{hashlib.sha256(block).hexdigest()}": block for block in blocks}
        say(store.models.add(project, files, accuracy=0.5, photos=1, fingerprint="").number)

def work(home, project, seed, say):
    def count(progress):
        for number in range(10_000):
            progress(number / 10_000, f"photo {number}")
            time.sleep(0.01)
        return {}
    jobs = Jobs(Store(home))
    say(jobs.start(project, "train", count))
    time.sleep(60)

globals()[what](*arguments, pipe.send)
"""


@pytest.fixture(scope="module")
def spawn() -> Iterator[Callable[..., tuple[ForkServerProcess, Connection]]]:
    """Start a child within milliseconds: it is forked from a process that has imported everything."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["core.jobs"])
    children: list[ForkServerProcess] = []

    def spawn_(what: str, *arguments: object) -> tuple[ForkServerProcess, Connection]:
        ours, theirs = context.Pipe(duplex=False)
        names = {"what": what, "arguments": arguments, "pipe": theirs}
        child = context.Process(target=exec, args=(CHILD, names), daemon=True)
        child.start()
        theirs.close()
        children.append(child)
        return child, ours

    yield spawn_
    for child in children:
        child.kill()
        child.join()
        child.close()


def kill_at_random_moments(
    spawn: Callable[..., tuple[ForkServerProcess, Connection]],
    look: Callable[[], None],
    what: str,
    times: int,
    *arguments: object,
) -> list[object]:
    """Run the child again and again, killed each time, and look at what is left; all they said was done."""
    moments = random.Random(what)
    said: list[object] = []
    for number in range(times):
        child, pipe = spawn(what, *arguments, number)
        for _ in range(moments.randrange(3)):
            assert pipe.poll(GIVE_UP), "the child does not get on"
            said.append(pipe.recv())
        time.sleep(moments.uniform(0, LONGEST))
        child.kill()
        child.join()
        with pipe, suppress(EOFError, OSError):  # the end, or the kill fell into a message
            while True:
                said.append(pipe.recv())
        look()
    return said


def look_at_photos(home: Path) -> set[str]:
    """See that the database is sound and that each row has its file, whole; the SHA-256 of all rows."""
    with sqlite3.connect(home / "thimble.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        rows = {sha256 for (sha256,) in database.execute("SELECT sha256 FROM photos")}
    database.close()
    for sha256 in rows:
        data = (home / "files" / "photos" / sha256[:2] / f"{sha256[2:]}.jpg").read_bytes()
        assert hashlib.sha256(data).hexdigest() == sha256
        decode(data)
    return rows


def reopen(home: Path) -> Store:
    """Open what the killed programs left, and see that no photo's file is left that nobody knows."""
    store = Store(home)
    files = {path.parent.name + path.stem for path in (home / "files" / "photos").rglob("*.*")}
    assert files == look_at_photos(home)
    return store


def look_at_newest_version(models: Path) -> None:
    """See that the newest folder with a version's number is whole, whether it has a row yet or not."""
    numbers = [int(folder.name) for folder in models.glob("*")]
    if numbers:
        parts = list((models / str(max(numbers)) / "part").iterdir())
        assert len(parts) == 3
        assert all(hashlib.sha256(part.read_bytes()).hexdigest() == part.name for part in parts)


@pytest.mark.parametrize("times", TIMES)
def test_every_photo_that_was_stored_is_there(
    times: int, spawn: Callable[..., tuple[ForkServerProcess, Connection]], tmp_path: Path
) -> None:
    store = Store(tmp_path)
    project = store.create_project("Pets").id
    categories = [store.add_category(project, name).id for name in ("cats", "dogs")]
    store.close()
    look = partial(look_at_photos, tmp_path)
    said = kill_at_random_moments(spawn, look, "add_photos", times, tmp_path, categories)
    store = reopen(tmp_path)
    assert len(said) > times / 2
    assert {photo.sha256 for photo in store.photos.of(project)} >= set(said)
    store.close()


@pytest.mark.slow
@pytest.mark.parametrize("times", TIMES)
def test_deleting_and_adding_leave_no_photo_without_its_file(
    times: int, spawn: Callable[..., tuple[ForkServerProcess, Connection]], tmp_path: Path
) -> None:
    store = Store(tmp_path)
    project = store.create_project("Pets").id
    store.close()
    look = partial(look_at_photos, tmp_path)
    said = kill_at_random_moments(spawn, look, "add_and_delete", times, tmp_path, project)
    store = reopen(tmp_path)
    assert len(said) > times / 2
    assert {photo.sha256 for photo in store.photos.of(project)} >= set(said)
    for passing in store.projects():
        store.delete_project(passing.id)
    store.close()
    reopen(tmp_path).close()


@pytest.mark.slow
@pytest.mark.parametrize("times", TIMES)
def test_every_version_is_whole(
    times: int, spawn: Callable[..., tuple[ForkServerProcess, Connection]], tmp_path: Path
) -> None:
    store = Store(tmp_path)
    project = store.create_project("Pets").id
    store.close()
    models = tmp_path / "files" / "models" / project
    look = partial(look_at_newest_version, models)
    said = kill_at_random_moments(spawn, look, "add_versions", times, tmp_path, project)
    store = reopen(tmp_path)
    numbers = [version.number for version in store.models.versions(project)]
    assert len(said) > times / 2
    assert set(numbers) >= set(said)
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    for number in numbers:
        files = store.models.files(project, number)
        assert len(files) == 3
        assert all(f"part/{hashlib.sha256(part).hexdigest()}" == name for name, part in files.items())
    version = store.models.add(project, {"a": b"1"}, accuracy=1, photos=1, fingerprint="")
    assert store.models.files(project, version.number) == {"a": b"1"}
    store.close()


def until(ask: Callable[[], object]) -> None:
    """Wait for `ask` to say something true."""
    end = time.monotonic() + GIVE_UP
    while not ask():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


@pytest.mark.parametrize("is_watched", [True, False])
def test_a_job_that_was_killed_is_interrupted_and_can_go_on(
    is_watched: bool, spawn: Callable[..., tuple[ForkServerProcess, Connection]], tmp_path: Path
) -> None:
    """Both a process that watched it and one that is started afterwards know at once."""
    store = Store(tmp_path)
    project = store.create_project("Pets").id
    watching = Jobs(store) if is_watched else None
    child, pipe = spawn("work", tmp_path, project, 0)
    job_id = pipe.recv()
    if watching:
        until(lambda: watching.get(job_id).words.startswith("photo"))
        assert watching.start(project, "train", lambda progress: {}) == job_id
        assert [job.id for job in watching.live(project, "train")] == [job_id]
    child.kill()
    child.join()
    pipe.close()
    jobs = watching or Jobs(store)
    interrupted = jobs.latest(project, "train")
    assert interrupted is not None
    assert (interrupted.id, interrupted.state) == (job_id, "interrupted")
    assert interrupted.message
    assert jobs.live(project, "train") == []

    again = jobs.start(project, "train", lambda progress: {"version": 1})
    assert again != job_id
    until(lambda: not jobs.get(again).is_live)
    assert jobs.get(again).result == {"version": 1}
    assert jobs.get(job_id).state == "interrupted"
    jobs.shutdown()
    store.close()


def test_the_work_of_a_killed_process_can_be_dismissed(
    spawn: Callable[..., tuple[ForkServerProcess, Connection]], tmp_path: Path
) -> None:
    store = Store(tmp_path)
    project = store.create_project("Pets").id
    jobs = Jobs(store)
    child, pipe = spawn("work", tmp_path, project, 0)
    job_id = pipe.recv()
    child.kill()
    child.join()
    pipe.close()
    jobs.cancel(job_id)
    assert jobs.get(job_id).state == "interrupted"
    jobs.dismiss(job_id)
    assert jobs.latest(project, "train") is None
    jobs.shutdown()
    store.close()


def test_cancel_reaches_another_process(
    spawn: Callable[..., tuple[ForkServerProcess, Connection]], tmp_path: Path
) -> None:
    store = Store(tmp_path)
    project = store.create_project("Pets").id
    jobs = Jobs(store)
    _, pipe = spawn("work", tmp_path, project, 0)
    job_id = pipe.recv()
    until(lambda: jobs.get(job_id).words.startswith("photo"))
    jobs.cancel(job_id)
    until(lambda: jobs.get(job_id).state == "cancelled")
    pipe.close()
    jobs.shutdown()
    store.close()

"""A collection killed at any moment and started again ends as if it had never been disturbed, and repeats nothing."""

import io
import os
import random
import sqlite3
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.store import Plan, Store
from tests.internet import Internet, Request, Response
from tests.services import DUCKDUCKGO, OPENVERSE, Picture, duckduckgo, openverse

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")

ROOT = Path(__file__).parents[1]
ANIMALS = ("fox", "wolf", "coyote")
WANTED = 12
LONGEST = 1.2  # seconds from its start to the kill: about what a whole run takes
GIVE_UP = 60.0  # seconds; far more than a run takes

CHILD = """
import sys
from pathlib import Path
from core.data.collect import collect
from core.data.download import Downloader, decode_thumbnail
from core.data.photo import decode
from core.data.store import Store

store = Store(Path(sys.argv[1]))
print("begun", flush=True)
with Downloader(decode, read_fallback=decode_thumbnail) as downloader:
    collect(store, store.projects()[0].id, downloader=downloader)
print("done", flush=True)
"""

Find = tuple[str, str, str, str]  # category, address, state, SHA-256


def picture(request: Request) -> Response:
    """One in five is broken, two pictures have two addresses each, and some come late."""
    number = int(request.path.rpartition("/")[2].removesuffix(".jpg"))
    if number % 5 == 3:
        return Response(status=404) if number % 2 else Response(body=b"<html>no photo")
    same = {7: 2, 10: 9}.get(number, number)
    seed = zlib.crc32(f"{request.path.split('/')[1]} {same}".encode())
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(coarse).resize((160, 120)).save(file, "PNG")
    return Response(body=file.getvalue(), delay=number % 4 * 0.05)


@pytest.fixture(scope="module")
def internet() -> Iterator[Internet]:
    """DuckDuckGo knows ten photos of each animal, Openverse twenty-five others."""

    def known(first: int, count: int) -> dict[str, list[Picture]]:
        numbers = range(first, first + count)
        return {
            name: [Picture(f"{name} {n}", f"https://photos{n % 3}.example/{name}/{n}.jpg") for n in numbers]
            for name in ANIMALS
        }

    hosts = {DUCKDUCKGO: duckduckgo(known(0, 10)), OPENVERSE: openverse(known(10, 25)), "*.example": picture}
    with Internet(hosts, latency=0.03) as net:
        yield net


MakeHome = Callable[[], Path]


@pytest.fixture
def make_home(tmp_path: Path) -> MakeHome:
    """A home with three categories that no photo was collected for."""

    def make() -> Path:
        home = tmp_path / str(len(list(tmp_path.iterdir())))
        store = Store(home)
        project_id = store.create_project("Animals").id
        for name in ANIMALS:
            store.add_category(project_id, name)
        store.web.set_plan(project_id, Plan(wanted=WANTED, providers=("duckduckgo", "openverse")))
        store.close()
        return home

    return make


@pytest.fixture
def begin(internet: Internet) -> Iterator[Callable[[Path], subprocess.Popen[str]]]:
    """Start a collection in a process of its own; returns once it has begun."""
    environment = {**os.environ, "THIMBLE_PROXY": internet.proxy_url, "THIMBLE_CA_FILE": internet.ca_file}
    children: list[subprocess.Popen[str]] = []

    def begin_(home: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", CHILD, str(home)]
        child = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        children.append(child)
        assert child.stdout is not None
        assert child.stdout.readline() == "begun\n"
        return child

    yield begin_
    for child in children:
        child.kill()
        child.communicate()


def read(home: Path) -> list[Find]:
    """All finds, and that the database is sound: each stored find has its photo, each photo its file and find."""
    with closing(sqlite3.connect(home / "thimble.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        finds = database.execute(
            "SELECT name, image, state, sha256 FROM finds JOIN categories ON categories.id = category_id"
        ).fetchall()
        photos = database.execute("SELECT category_id, sha256, title FROM photos ORDER BY 1, 2").fetchall()
        stored = "SELECT category_id, sha256, title FROM finds WHERE state = 'stored' ORDER BY 1, 2"
        assert database.execute(stored).fetchall() == photos
        rounds = "SELECT category_id, number, found FROM rounds ORDER BY 1, 2"
        for category_id, number, found in database.execute(rounds).fetchall():
            here = "SELECT count(*) FROM finds WHERE category_id = ? AND round = ?"
            assert database.execute(here, (category_id, number)).fetchone() == (found,)
    for _, sha256, _ in photos:
        assert (home / "files" / "photos" / sha256[:2] / f"{sha256[2:]}.jpg").is_file()
    return sorted(finds)


def settled(finds: list[Find]) -> set[str]:
    return {image for _, image, state, _ in finds if state != "found"}


def addresses(internet: Internet) -> list[str]:
    """Every photo asked for so far, in order."""
    with internet.lock:
        return [f"https://{request.host}{request.path}" for request in internet.log]


@pytest.mark.slow
@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_again_and_again_it_ends_as_if_undisturbed(
    kills: int,
    internet: Internet,
    make_home: MakeHome,
    begin: Callable[[Path], subprocess.Popen[str]],
) -> None:
    home = make_home()
    assert begin(home).wait(GIVE_UP) == 0
    undisturbed = read(home)
    states = [state for _, _, state, _ in undisturbed]
    assert states.count("stored") == WANTED * len(ANIMALS)
    assert states.count("failed") >= 2 * len(ANIMALS)

    moments = random.Random(kills)
    killed = 0
    while killed < kills:
        home = make_home()
        first = len(addresses(internet))
        known: dict[str, int] = {}  # when it was seen that the outcome of an address is recorded
        while True:
            child = begin(home)
            if killed < kills:
                time.sleep(moments.uniform(0, LONGEST))
                child.kill()
            if child.wait(GIVE_UP) == 0:
                break
            killed += 1
            moment = len(addresses(internet))
            for image in settled(read(home)):
                known.setdefault(image, moment)
        assert read(home) == undisturbed
        requests = addresses(internet)
        repeated = [image for image, moment in known.items() if image in requests[max(moment, first) :]]
        assert repeated == []
        store = Store(home)  # it sweeps what the killed ones left
        store.close()
        files = {path.parent.name + path.stem for path in (home / "files" / "photos").rglob("*.jpg")}
        assert files == {sha256 for _, _, _, sha256 in undisturbed if sha256}

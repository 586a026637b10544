"""A real server on loopback over a real store, and a project that is trained."""

import io
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn

from core.data.store import Project, Store, training_fingerprint
from core.jobs import Jobs
from core.model.backbones import DEFAULT
from core.model.bundle import Bundle
from core.model.embedder import Embedders
from core.model.train import Wishes, train_model
from core.serve.answers import Answers
from core.serve.api import create_app
from core.serve.state import State
from tests.conftest import draw_shape

KINDS = ("disc", "stripes")
PHOTOS = 8  # of each kind
SIGNS_OF_LIFE = {"used_at", "heartbeat_at", "updated_at"}  # columns that change by themselves


def shape(kind: str, number: int) -> bytes:
    """A drawn photo of KINDS, a JPEG; below PHOTOS those that the project holds."""
    file = io.BytesIO()
    draw_shape(kind, number).save(file, "JPEG", quality=92)
    return file.getvalue()


def make_shapes(store: Store) -> Project:
    """A project with drawn discs and stripes, not yet trained."""
    project = store.create_project("Shapes")
    for kind in KINDS:
        category = store.add_category(project.id, kind)
        for number in range(PHOTOS):
            store.photos.add(category.id, shape(kind, number), f"{kind} {number}.jpg")
    return project


def trained_shapes(store: Store, files: dict[str, bytes]) -> Project:
    """The project of `make_shapes` with a live version, whose files these are."""
    project = make_shapes(store)
    report = Bundle.from_files(files).report
    fingerprint = training_fingerprint(store.dataset(project.id))
    store.models.add(project.id, files, accuracy=report.accuracy, photos=report.photos, fingerprint=fingerprint)
    return project


@contextmanager
def serving(state: State) -> Iterator[str]:
    """A server of this state in a thread; its address, without a slash at its end."""
    running = uvicorn.Server(
        uvicorn.Config(create_app(state), host="127.0.0.1", port=0, log_level="warning", lifespan="off")
    )
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started:
        time.sleep(0.005)
    yield f"http://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}"
    running.should_exit = True
    thread.join()


def all_rows(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """All that the database holds, but for signs of life: the same before and after, if nothing changed."""
    with closing(sqlite3.connect(store.home / "thimble.db")) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {}
        for table in tables:
            columns = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")} - SIGNS_OF_LIFE
            found[table] = connection.execute(f"SELECT {', '.join(sorted(columns))} FROM {table}").fetchall()
        return found


@pytest.fixture(scope="session")
def trained_files(backbone_home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a model of `make_shapes`: trained once for all tests."""
    store = Store(tmp_path_factory.mktemp("trained"))
    project = make_shapes(store)
    wishes = Wishes(backbones=(DEFAULT,))
    trained = train_model(store.dataset(project.id), Embedders(backbone_home, bulk=True), wishes=wishes)
    store.close()
    return trained.bundle.to_files()


@pytest.fixture(scope="session")
def predictors(backbone_home: Path) -> Embedders:
    """Loaded once for all tests."""
    return Embedders(backbone_home)


@pytest.fixture
def state(home: Path, predictors: Embedders) -> Iterator[State]:
    """What a process has open, on an empty store of its own."""
    store = Store(home)
    opened = State(store, Jobs(store), Embedders(home, bulk=True), Answers(store, predictors))
    yield opened
    opened.jobs.shutdown()
    store.close()


@pytest.fixture
def server(state: State) -> Iterator[str]:
    """The address of a server of this state, without a slash at its end."""
    with serving(state) as address:
        yield address


@pytest.fixture
def owner_key(state: State) -> str:
    """The secret of a key to everything."""
    return state.store.access.add_key(None, "the owner's")[1]


@pytest.fixture
def trained_project(state: State, trained_files: dict[str, bytes]) -> Project:
    """The project of `make_shapes` in the store of `state`, with a live version."""
    return trained_shapes(state.store, trained_files)


@dataclass(frozen=True)
class Shared:
    """A server that the tests of a file share, its state, a trained project in it, and the owner's key."""

    state: State
    address: str
    project: Project
    owner_key: str


@pytest.fixture(scope="module")
def shared(
    tmp_path_factory: pytest.TempPathFactory, trained_files: dict[str, bytes], predictors: Embedders
) -> Iterator[Shared]:
    """For tests that leave it as it was, or do not mind."""
    store = Store(tmp_path_factory.mktemp("shared"))
    state = State(store, Jobs(store), Embedders(store.home, bulk=True), Answers(store, predictors))
    project = trained_shapes(store, trained_files)
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setattr("core.serve.guard.FAILURES", 10_000)  # tests with a wrong key come faster than it allows
        address = stack.enter_context(serving(state))
        yield Shared(state, address, project, store.access.add_key(None, "the owner's")[1])
    state.jobs.shutdown()
    store.close()

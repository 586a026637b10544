"""A database of any age becomes one of today, or stays as it was."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import IntegrityError, OperationalError

from core.data.store import Plan, Store, database, tables
from core.errors import BadInput
from tests.data.store.conftest import picture


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A database of its own, with nothing in it."""
    engine = database.connect(f"sqlite:///{tmp_path / 'other.db'}")
    yield engine
    engine.dispose()


def test_an_empty_database_is_brought_to_the_latest_version(engine: Engine) -> None:
    database.migrate(engine)
    database.migrate(engine)
    assert described(engine) == {
        table.name: {column.name for column in table.columns} for table in tables.metadata.tables.values()
    }
    assert stored_version(engine) == [len(database.MIGRATIONS)]


def described(engine: Engine) -> dict[str, set[str]]:
    found = inspect(engine)
    return {name: {column["name"] for column in found.get_columns(name)} for name in found.get_table_names()}


def stored_version(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        return list(connection.scalars(text("SELECT number FROM schema_version")))


def make_pets(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE pets (name TEXT)"))


def add_age(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE pets ADD COLUMN age INTEGER"))


def fail(connection: Connection) -> None:
    connection.execute(text("INSERT INTO nowhere VALUES (1)"))


def test_an_older_database_takes_only_the_steps_it_lacks(engine: Engine) -> None:
    with engine.begin() as connection:  # version 0, made by hand
        connection.execute(text("CREATE TABLE schema_version (number INTEGER NOT NULL)"))
        connection.execute(text("INSERT INTO schema_version VALUES (0)"))
    database.migrate(engine, [make_pets])
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO pets VALUES ('Minka')"))
    database.migrate(engine, [make_pets, add_age])
    with engine.connect() as connection:
        assert connection.execute(text("SELECT name, age FROM pets")).all() == [("Minka", None)]
    assert stored_version(engine) == [2]


def test_projects_of_the_first_version_are_all_there(tmp_path: Path) -> None:
    """Made by its own tables, with what they held; then used as if they were new."""
    engine = database.connect(f"sqlite:///{tmp_path / 'thimble.db'}")
    database.migrate(engine, database.MIGRATIONS[:1])
    rows = (
        "INSERT INTO projects VALUES ('p', 'Pets', 1.5, 0)",
        "INSERT INTO categories VALUES (7, 'p', 'cats', 'cats', 0)",
        f"INSERT INTO photos VALUES (3, 'p', 7, '{64 * '0'}', 'tom.jpg', 0, 'dropped by you', 64, 48, 'upload', "
        "'https://pages.example/tom', 'Ada', 'CC0', 'Tom', 2)",
    )
    with engine.begin() as connection:
        for row in rows:
            connection.execute(text(row))
    engine.dispose()
    store = Store(tmp_path)
    (photo,) = store.photos.of("p")
    assert (photo.id, photo.name, photo.kept, photo.reason) == (3, "tom.jpg", False, "dropped by you")
    assert (photo.page, photo.creator, photo.licence) == ("https://pages.example/tom", "Ada", "CC0")
    assert (photo.title, photo.licence_url, photo.added_at.timestamp()) == ("Tom", "", 2)
    assert store.web.plan("p") == Plan()
    (state,) = store.web.collection("p")
    assert (state.category_id, state.stored, state.rounds) == (7, 0, ())
    store.delete_project("p")
    store.close()


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_database_that_an_older_program_left_is_used_as_if_it_were_new(number: int, tmp_path: Path) -> None:
    """Saved by the very programs: two projects, one of them trained twice."""
    with sqlite3.connect(tmp_path / "thimble.db") as old:
        old.executescript((Path(__file__).parent / f"version_{number}.sql").read_text())
    old.close()
    store = Store(tmp_path)
    trained, untrained = sorted(store.projects(), key=lambda project: project.id)
    assert (trained.name, trained.mode, trained.fixed, trained.share_refused) == ("Pets", "", {}, 0.05)
    picked = ("fast", {"backbone": "lite2"}, 0.1) if number >= 3 else ("", {}, 0.05)
    assert (untrained.mode, untrained.fixed, untrained.share_refused) == picked
    newest = 3 if number >= 3 else 2
    summary = store.summary(trained.id)
    assert (summary.version, summary.accuracy, summary.newest, summary.changed) == (2, 0.75, newest, True)
    *_, second, first = store.models.versions(trained.id)
    assert store.models.live(trained.id) == second
    said = ("It is better.", "best", {"before": 1}) if number >= 3 else ("", "", {})
    assert (second.note, second.mode, second.comparison) == said
    assert (first.number, first.accuracy, first.photos, first.fingerprint) == (1, 0.625, 2, f"{1:064x}")
    assert (first.note, first.mode, first.comparison, first.is_live) == ("", "", {}, False)
    assert store.models.live(untrained.id) is None
    from_web = ["1.jpg"] if number >= 2 else []
    assert [photo.name for photo in store.photos.of(trained.id)] == [*from_web, "tom.png", "rex.png"]
    photos = {photo.name: (photo.origin, photo.source) for photo in store.dataset(trained.id).photos}
    assert photos == {"rex.png": ("own", "")} | dict.fromkeys(from_web, ("web", "https://pages.example/1"))
    (dog,) = (photo for photo in store.photos.of(trained.id) if photo.name == "rex.png")
    store.photos.set_kept([dog.id], False, undoable=True)
    change = store.changes.last(trained.id)
    assert change is not None
    assert change.live == 2
    store.changes.undo(change.id)
    assert [photo for photo in store.photos.of(trained.id) if photo.id == dog.id] == [dog]
    older = store.changes.last(trained.id)
    assert (older.words if older else "") == ("moved 1 photo to 'dogs'" if number >= 3 else "")
    if older:
        assert store.changes.undo(older.id).lost == 0
    assert store.models.set_live(trained.id, 1).is_live
    assert (trained.maker, store.rename_project(trained.id, "Pets", "Ana").maker) == ("", "Ana")
    assert [key.name for key in store.access.keys(trained.id)] == (["my shop"] if number >= 4 else [])
    assert [waiting.name for waiting in store.corrections.waiting(trained.id)] == (["five.png"] if number >= 4 else [])
    key, secret = store.access.add_key(trained.id, "my website")
    link = store.access.add_link(trained.id)
    assert (store.access.key(secret), store.access.link(link.token)) == (key, link)
    values: dict[str, Any] = {
        "name": "four.png",
        "answered": "cats",
        "probability": 0.9,
        "is_none": False,
        "version": 2,
    }
    sent = store.corrections.add(trained.id, picture(4), right="dogs", origin="link", **values)
    assert store.corrections.accept([sent.id]) == 1
    assert "four.png" in [photo.name for photo in store.photos.of(trained.id)]
    store.delete_project(trained.id)
    assert store.projects() == [untrained]
    store.close()


def test_an_older_database_gets_the_very_columns_of_a_new_one(tmp_path: Path, engine: Engine) -> None:
    database.migrate(engine)
    for number in (1, 2, 3, 4):
        old = database.connect(f"sqlite:///{tmp_path / str(number)}")
        with sqlite3.connect(tmp_path / str(number)) as raw:
            raw.executescript((Path(__file__).parent / f"version_{number}.sql").read_text())
        raw.close()
        database.migrate(old)
        assert described(old) == described(engine)
        old.dispose()


def test_the_first_versions_had_no_table_of_later_ones(engine: Engine) -> None:
    """Or the tests of the steps between them would prove nothing."""
    later = [{"plans", "goals", "phrases", "finds", "rounds"}, {"changes", "changed_photos"}]
    later.append({"api_keys", "links", "corrections"})
    for number in range(len(later)):
        database.migrate(engine, database.MIGRATIONS[: number + 1])
        found = described(engine)
        assert not set().union(*later[number:]) & set(found)
        assert ("licence_url" in found["photos"]) is (number > 0)


def test_a_step_that_fails_leaves_the_database_as_it_was(engine: Engine) -> None:
    database.migrate(engine, [make_pets])
    with pytest.raises(OperationalError):
        database.migrate(engine, [make_pets, add_age, fail])
    assert described(engine)["pets"] == {"name"}
    assert stored_version(engine) == [1]


def test_a_newer_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    store.create_project("Pets")
    store.close()
    with sqlite3.connect(store.home / "thimble.db") as database:
        database.execute("UPDATE schema_version SET number = 99")
    database.close()
    before = (store.home / "thimble.db").read_bytes()
    with pytest.raises(BadInput, match="99") as caught:
        Store(store.home)
    assert "Update Thimble" in caught.value.hint
    assert (store.home / "thimble.db").read_bytes() == before


def test_rows_that_refer_to_nothing_are_refused(engine: Engine) -> None:
    database.migrate(engine)
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(tables.categories.insert().values(project_id="none", name="cats", folded="cats", position=0))

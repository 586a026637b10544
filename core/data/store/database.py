"""Opening the database, and the way from any older version of its tables to this one."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, insert, select, text, update

from core.data.store import version_1 as first
from core.data.store.share_tables import api_keys, corrections, links
from core.data.store.tables import (
    changed_photos,
    changes,
    finds,
    goals,
    metadata,
    phrases,
    plans,
    rounds,
    schema_version,
)
from core.errors import BadInput

CONNECTIONS = 20  # kept open, for as many threads; beyond, each use opens one, which takes longer than most reads
BUSY_SECONDS = 30  # how long a writer waits for another one before it gives up


def connect(url: str | URL) -> Engine:
    """An engine whose transactions take SQLite's write lock at once, unless marked `reading=True`.

    A transaction that reads first and writes later fails in SQLite when another one wrote in between,
    whatever the busy timeout; taken at the start, the lock is waited for.
    """
    engine = create_engine(url, pool_size=CONNECTIONS)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
    return engine


def version_1(connection: Connection) -> None:
    """What a person makes by hand."""
    first.metadata.create_all(connection)


def version_2(connection: Connection) -> None:
    """Collecting from the web. When one of these tables changes, this gets a copy of them as they were."""
    connection.execute(text("ALTER TABLE photos ADD COLUMN licence_url TEXT NOT NULL DEFAULT ''"))
    metadata.create_all(connection, [plans, goals, phrases, finds, rounds])


def version_3(connection: Connection) -> None:
    """A live version, choices of the person's, sources of photos, and undo; what `version_2` says holds here too."""
    for column in (
        "projects ADD COLUMN mode TEXT NOT NULL DEFAULT ''",
        "projects ADD COLUMN fixed TEXT NOT NULL DEFAULT '{}'",
        "projects ADD COLUMN share_refused DOUBLE PRECISION NOT NULL DEFAULT 0.05",
        "projects ADD COLUMN live INTEGER",
        "versions ADD COLUMN note TEXT NOT NULL DEFAULT ''",
        "versions ADD COLUMN mode TEXT NOT NULL DEFAULT ''",
        "versions ADD COLUMN comparison TEXT NOT NULL DEFAULT '{}'",
        "photos ADD COLUMN source TEXT NOT NULL DEFAULT ''",
    ):
        connection.execute(text(f"ALTER TABLE {column}"))
    newest = "(SELECT MAX(number) FROM versions WHERE versions.project_id = projects.id)"
    connection.execute(text(f"UPDATE projects SET live = {newest}"))
    metadata.create_all(connection, [changes, changed_photos])


def version_4(connection: Connection) -> None:
    """Sharing: keys, links, and corrections that come back; what `version_2` says holds here too."""
    metadata.create_all(connection, [api_keys, links, corrections])


def version_5(connection: Connection) -> None:
    """Who made a model."""
    connection.execute(text("ALTER TABLE projects ADD COLUMN maker TEXT NOT NULL DEFAULT ''"))


Migration = Callable[[Connection], None]

MIGRATIONS: tuple[Migration, ...] = (version_1, version_2, version_3, version_4, version_5)


def migrate(engine: Engine, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring the tables to version `len(migrations)`: all steps that are missing, in order, or none of them.

    Raises BadInput when the database was made by a newer program.
    """
    with engine.begin() as connection:
        schema_version.create(connection, checkfirst=True)
        found = connection.scalar(select(schema_version.c.number))
        if found is None:
            connection.execute(insert(schema_version).values(number=0))
        done = found or 0
        if done > len(migrations):
            raise BadInput(
                f"These projects were saved by a newer Thimble (storage version {done}; this one knows "
                f"{len(migrations)}).",
                hint="Update Thimble, or set THIMBLE_HOME to another folder to start afresh.",
            )
        for step in migrations[done:]:
            step(connection)
        connection.execute(update(schema_version).values(number=len(migrations)))


def _prepare(connection: sqlite3.Connection, record: Any) -> None:
    # The driver's own transactions begin late and not before DDL; without them, _begin decides.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: Connection) -> None:
    reading = connection.get_execution_options().get("reading", False)
    connection.execute(text("BEGIN" if reading else "BEGIN IMMEDIATE"))

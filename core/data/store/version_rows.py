"""Rows of versions, and which of them is live: what the store does in a transaction."""

import json
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from core.data.store.project_rows import lock_project, read_project
from core.data.store.records import Version
from core.data.store.tables import plain, projects, versions
from core.errors import NotFound

_VERSION = select(versions, projects.c.live).join(projects, projects.c.id == versions.c.project_id)


def next_version(connection: Connection, project_id: str) -> int:
    """The number of a new version, nobody else's until this transaction ends. Raises NotFound."""
    lock_project(connection, project_id)
    last = connection.scalar(select(func.max(versions.c.number)).where(versions.c.project_id == project_id))
    return (last or 0) + 1


def insert_version(connection: Connection, version: Version) -> None:
    row = {**vars(version), "note": plain(version.note), "comparison": json.dumps(version.comparison)}
    del row["is_live"]
    connection.execute(insert(versions).values(row))
    if version.is_live:
        _go_live(connection, version.project_id, version.number)


def read_versions(connection: Connection, project_id: str) -> list[Version]:
    """Newest first."""
    here = _VERSION.where(versions.c.project_id == project_id).order_by(versions.c.number.desc())
    return [_version(row) for row in connection.execute(here)]


def read_version(connection: Connection, project_id: str, number: int) -> Version:
    """Raises NotFound."""
    here = _VERSION.where(versions.c.project_id == project_id, versions.c.number == number)
    row = connection.execute(here).one_or_none()
    if row is None:
        raise NotFound(f"This project has no version {number}.", hint="Choose another one.")
    return _version(row)


def read_live(connection: Connection, project_id: str) -> Version | None:
    """The version that is live; None where there is none. Raises NotFound."""
    here = _VERSION.where(versions.c.project_id == project_id, versions.c.number == projects.c.live)
    row = connection.execute(here).one_or_none()
    if row is None:
        read_project(connection, project_id)
        return None
    return _version(row)


def live_number(connection: Connection, project_id: str) -> int | None:
    """Of the version that is live; None before the first training."""
    return connection.scalar(select(projects.c.live).where(projects.c.id == project_id))


def set_live(connection: Connection, project_id: str, number: int, note: str) -> Version:
    """Raises NotFound."""
    here = (versions.c.project_id == project_id) & (versions.c.number == number)
    connection.execute(update(versions).where(here).values(note=plain(note)))
    _go_live(connection, project_id, number)
    return read_version(connection, project_id, number)


def _go_live(connection: Connection, project_id: str, number: int) -> None:
    connection.execute(update(projects).where(projects.c.id == project_id).values(live=number))


def _version(row: Row[*tuple[Any, ...]]) -> Version:
    values = row._asdict()
    values["is_live"] = values.pop("live") == row.number
    return Version(**{**values, "comparison": json.loads(row.comparison)})

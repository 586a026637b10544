"""Rows of keys and links: what the store does in a transaction."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from core.data.store.project_rows import read_project
from core.data.store.share_records import ApiKey, Link, Scope
from core.data.store.share_tables import api_keys, links
from core.errors import NotFound

_KEY = select(*(column for column in api_keys.columns if column.name != "secret"))


def insert_key(
    connection: Connection, project_id: str | None, name: str, scope: Scope, start: str, sha256: str, now: datetime
) -> ApiKey:
    """Raises NotFound."""
    if project_id is not None:
        read_project(connection, project_id)
    row = {"project_id": project_id, "name": name, "scope": scope, "start": start, "created_at": now, "secret": sha256}
    connection.execute(insert(api_keys).values(row))
    key = read_key(connection, sha256)
    assert key is not None
    return key


def read_keys(connection: Connection, project_id: str | None) -> list[ApiKey]:
    """Newest first. Raises NotFound."""
    if project_id is not None:
        read_project(connection, project_id)
    here = _KEY.where(api_keys.c.project_id == project_id)
    return [_key(row) for row in connection.execute(here.order_by(api_keys.c.id.desc()))]


def read_key(connection: Connection, sha256: str) -> ApiKey | None:
    row = connection.execute(_KEY.where(api_keys.c.secret == sha256)).one_or_none()
    return None if row is None else _key(row)


def note_used(connection: Connection, key_id: int, now: datetime) -> None:
    connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(used_at=now))


def delete_key(connection: Connection, key_id: int) -> None:
    """Raises NotFound."""
    if not connection.execute(delete(api_keys).where(api_keys.c.id == key_id)).rowcount:
        raise NotFound("This key is no longer there.", hint="It was revoked already.")


def insert_link(
    connection: Connection, project_id: str, token: str, now: datetime, expires_at: datetime | None
) -> Link:
    """Raises NotFound."""
    read_project(connection, project_id)
    row = {"project_id": project_id, "token": token, "created_at": now, "expires_at": expires_at}
    connection.execute(insert(links).values(row))
    return Link(*connection.execute(select(links).where(links.c.token == token)).one())


def read_links(connection: Connection, project_id: str) -> list[Link]:
    """Newest first. Raises NotFound."""
    read_project(connection, project_id)
    here = select(links).where(links.c.project_id == project_id)
    return [Link(*row) for row in connection.execute(here.order_by(links.c.id.desc()))]


def read_link(connection: Connection, token: str) -> Link | None:
    row = connection.execute(select(links).where(links.c.token == token)).one_or_none()
    return None if row is None else Link(*row)


def delete_link(connection: Connection, link_id: int) -> None:
    """Raises NotFound."""
    if not connection.execute(delete(links).where(links.c.id == link_id)).rowcount:
        raise NotFound("This link is no longer there.", hint="It was revoked already.")


def _key(row: Row[*tuple[Any, ...]]) -> ApiKey:
    return ApiKey(*row)

"""Files that perhaps no row refers to: noted before they could be, looked at and removed afterwards."""

import logging
from collections.abc import Sequence

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Table,
    and_,
    delete,
    exists,
    insert,
    literal,
    not_,
    or_,
    select,
)

from core.data.store.files import Files
from core.data.store.paths import exports_path, models_path, photo_path, thumbnails_path
from core.data.store.share_tables import corrections
from core.data.store.tables import chunks, embeddings, loose_files, photos

SWEEP = 100  # files removed while the write lock is held: others wait milliseconds

log = logging.getLogger(__name__)


def note_loose(connection: Connection, kind: str, key: str) -> None:
    """Have the next sweep look whether this file is used; `kind` and `key` are as in the table."""
    row = select(literal(kind), literal(key)).where(not_(exists().where(_is_loose(kind, key))))
    connection.execute(insert(loose_files).from_select(["kind", "key"], row))


def note_all_loose(connection: Connection, kind: str, keys: Sequence[str]) -> None:
    """The same for all these."""
    for some in chunks(keys):
        noted = set(connection.scalars(select(loose_files.c.key).where(_are_loose(kind, some))))
        rows = [{"kind": kind, "key": key} for key in some if key not in noted]
        if rows:
            connection.execute(insert(loose_files), rows)


def note_loose_photos(connection: Connection, condition: ColumnElement[bool], table: Table = photos) -> None:
    """The same for the pictures of all these photos, or of what else `table` holds."""
    noted = select(loose_files.c.key).where(loose_files.c.kind == "photo")
    pictures = select(literal("photo"), table.c.sha256).where(condition, table.c.sha256.not_in(noted)).distinct()
    connection.execute(insert(loose_files).from_select(["kind", "key"], pictures))


def withdraw_loose(connection: Connection, kind: str, key: str) -> None:
    """This file is used, or gone. A sweep that is at it is waited for."""
    connection.execute(delete(loose_files).where(_is_loose(kind, key)))


def withdraw_all_loose(connection: Connection, kind: str, keys: Sequence[str]) -> None:
    """The same for all these."""
    for some in chunks(keys):
        connection.execute(delete(loose_files).where(_are_loose(kind, some)))


def is_used(connection: Connection, sha256: str) -> bool:
    """A photo of some project shows this picture, or a correction that waits does."""
    shown = (exists().where(table.c.sha256 == sha256) for table in (photos, corrections))
    return bool(connection.scalar(select(or_(*shown))))


def sweep(engine: Engine, files: Files) -> None:
    """Remove the loose files that no row refers to; what cannot be removed is tried again next time."""
    try:
        while _sweep_some(engine, files):
            pass
    except OSError:
        log.warning("files that are no longer used could not be removed", exc_info=True)


def _sweep_some(engine: Engine, files: Files) -> int:
    # Whoever files a picture waits for the lock that this holds, then writes a file again that was taken away here.
    with engine.begin() as connection:
        loose = connection.execute(
            select(loose_files.c.kind, loose_files.c.key).limit(SWEEP).with_for_update()  # nobody else's meanwhile
        ).all()
        for kind, key in loose:
            if kind == "project":
                files.remove(models_path(key))
                files.remove(exports_path(key))
            elif not is_used(connection, key):
                files.remove(photo_path(key))
                files.remove(thumbnails_path(key))
                connection.execute(delete(embeddings).where(embeddings.c.sha256 == key))
            withdraw_loose(connection, kind, key)
    return len(loose)


def _are_loose(kind: str, keys: Sequence[str]) -> ColumnElement[bool]:
    return and_(loose_files.c.kind == kind, loose_files.c.key.in_(keys))


def _is_loose(kind: str, key: str) -> ColumnElement[bool]:
    return and_(loose_files.c.kind == kind, loose_files.c.key == key)

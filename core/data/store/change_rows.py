"""Rows of what the person may undo: what the store does in a transaction."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, select, update

from core.data.store.photo_rows import delete_photos
from core.data.store.project_rows import lock_project
from core.data.store.records import Change
from core.data.store.share_tables import corrections
from core.data.store.tables import categories, changed_photos, changes, chunks, photos, plain
from core.data.store.version_rows import live_number
from core.errors import BadInput, NotFound

MOST_CHANGES = 20  # of a project that can be undone

PhotoRow = dict[str, Any]


def pictures_of(connection: Connection, photo_ids: Sequence[int]) -> dict[int, PhotoRow]:
    """The rows, by id, of these photos and of all others of their project with the same pictures."""
    named = photos.alias("named")
    same = and_(named.c.project_id == photos.c.project_id, named.c.sha256 == photos.c.sha256)
    found: dict[int, PhotoRow] = {}
    for some in chunks(photo_ids):
        rows = connection.execute(select(photos).join(named, same).where(named.c.id.in_(some)))
        found |= {row.id: row._asdict() for row in rows}
    return found


def record_change(
    connection: Connection, before: Mapping[int, PhotoRow], words: str, added: Sequence[int] = ()
) -> list[int]:
    """Have it undoable that these rows are now other than they were, and that these photos were added.

    The new changes, one for each project; none when nothing is other than it was.
    """
    now = _rows(connection, [*before, *added])
    by_project: dict[str, list[PhotoRow]] = {}
    for photo_id, row in before.items():
        if now.get(photo_id) != row:
            record = {"photo_id": photo_id, "sha256": row["sha256"], "gone": photo_id not in now}
            touched = by_project.setdefault(row["project_id"], [])
            touched.append({**record, "before": json.dumps(row, default=datetime.timestamp)})
    for photo_id in added:
        record = {"photo_id": photo_id, "sha256": now[photo_id]["sha256"], "gone": False, "before": None}
        by_project.setdefault(now[photo_id]["project_id"], []).append(record)
    return [_insert_change(connection, project_id, words, records) for project_id, records in by_project.items()]


def read_last(connection: Connection, project_id: str) -> Change | None:
    """The change that would be undone first."""
    newest = select(func.max(changes.c.id)).where(changes.c.project_id == project_id)
    change_id = connection.scalar(newest)
    return None if change_id is None else read_change(connection, change_id)


def read_change(connection: Connection, change_id: int) -> Change:
    """Raises NotFound."""
    row = connection.execute(select(changes).where(changes.c.id == change_id)).one_or_none()
    if row is None:
        raise NotFound("This can no longer be undone.", hint="Reload the page.")
    back, added = _plan(connection, change_id, row.project_id)
    return Change(**row._asdict(), lost=row.photos - len(back) - len(added))


def undo_change(connection: Connection, change_id: int) -> Change:
    """Put back what can be, and forget the change. Raises NotFound, and BadInput unless it is the last one."""
    change = read_change(connection, change_id)
    lock_project(connection, change.project_id)
    last = read_last(connection, change.project_id)
    if last is None or last.id != change_id:
        raise BadInput("Something else was changed after this.", hint="Undo that first.")
    back, added = _plan(connection, change_id, change.project_id)
    for some in chunks(list(back)):
        # All leave before any returns: two photos of one picture may have changed places.
        connection.execute(delete(photos).where(photos.c.id.in_(some)))
    for row in back.values():
        _put_back(connection, row)
    # Before its photos go, so that their pictures are used all the while.
    accepted = corrections.c.change_id == change_id
    connection.execute(update(corrections).where(accepted).values(change_id=None))
    for some in chunks(added):
        delete_photos(connection, photos.c.id.in_(some))
    connection.execute(delete(changes).where(changes.c.id == change_id))
    return change


def _insert_change(connection: Connection, project_id: str, words: str, records: Sequence[PhotoRow]) -> int:
    lock_project(connection, project_id)
    row = {
        "project_id": project_id,
        "at": datetime.now(UTC),
        "words": plain(words),
        "live": live_number(connection, project_id),
        "photos": len(records),
    }
    key = connection.execute(insert(changes).values(row)).inserted_primary_key
    assert key is not None
    change_id: int = key[0]
    common = {"change_id": change_id, "project_id": project_id}
    connection.execute(insert(changed_photos), [{**common, **record} for record in records])
    kept = select(changes.c.id).where(changes.c.project_id == project_id).order_by(changes.c.id.desc())
    oldest = connection.scalar(kept.offset(MOST_CHANGES - 1).limit(1))
    if oldest is not None:
        connection.execute(delete(changes).where(changes.c.project_id == project_id, changes.c.id < oldest))
    return change_id


def _plan(connection: Connection, change_id: int, project_id: str) -> tuple[dict[int, PhotoRow], list[int]]:
    """The rows to be had again, by photo, and the photos that were added and are to go."""
    records = connection.execute(select(changed_photos).where(changed_photos.c.change_id == change_id)).all()
    now = _rows(connection, [record.photo_id for record in records])
    there = set(connection.scalars(select(categories.c.id).where(categories.c.project_id == project_id)))
    back: dict[int, PhotoRow] = {}
    for record in records:
        before = json.loads(record.before or "{}")
        if before.get("category_id") not in there:
            continue
        if record.photo_id in now:  # what else became known of it since stays
            changed = {name: before[name] for name in ("category_id", "kept", "reason")}
            back[record.photo_id] = now[record.photo_id] | changed
        elif record.gone:
            back[record.photo_id] = before | {"added_at": datetime.fromtimestamp(before["added_at"], UTC)}
    return back, [record.photo_id for record in records if record.before is None and record.photo_id in now]


def _put_back(connection: Connection, row: PhotoRow) -> None:
    """The row; or, where its category got the picture anew meanwhile, what the person had decided about it."""
    same = (photos.c.category_id == row["category_id"]) & (photos.c.sha256 == row["sha256"])
    decided = update(photos).where(same).values(kept=row["kept"], reason=row["reason"])
    if not connection.execute(decided).rowcount:
        connection.execute(insert(photos).values(row))


def _rows(connection: Connection, photo_ids: Sequence[int]) -> dict[int, PhotoRow]:
    found: dict[int, PhotoRow] = {}
    for some in chunks(photo_ids):
        rows = connection.execute(select(photos).where(photos.c.id.in_(some)))
        found |= {row.id: row._asdict() for row in rows}
    return found

"""Rows of photos that were answered wrongly: what the store does in a transaction."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, case, delete, func, insert, select, update

from core.data.dataset import NONE_OF_THESE, is_none
from core.data.store.change_rows import pictures_of, record_change
from core.data.store.loose import note_loose_photos
from core.data.store.photo_rows import insert_photo, move_photos
from core.data.store.project_rows import find_category, insert_category, lock_project, read_project
from core.data.store.records import KEPT_BY_PERSON, Category, Credit
from core.data.store.share_records import Correction
from core.data.store.share_tables import corrections
from core.data.store.tables import chunks, photos
from core.errors import BadInput

MOST_WAITING = 1_000  # of a project: more than a person looks through, and strangers may send them

CorrectionRow = Row[*tuple[Any, ...]]

ACCEPTED = Credit(provider="correction")

_CORRECTION = select(
    corrections.c.id,
    corrections.c.project_id,
    corrections.c.sha256,
    corrections.c.name,
    corrections.c.answered,
    corrections.c.probability,
    corrections.c.is_none,
    corrections.c.right,
    corrections.c.origin,
    corrections.c.version,
    corrections.c.at,
)
_WAITS = corrections.c.change_id.is_(None)


def insert_correction(connection: Connection, project_id: str, sha256: str, values: Mapping[str, object]) -> Correction:
    """In place of an earlier one with the same picture. Raises NotFound, and BadInput when too many wait already."""
    lock_project(connection, project_id)
    same = (corrections.c.project_id == project_id) & (corrections.c.sha256 == sha256)
    connection.execute(delete(corrections).where(same))
    if count_waiting(connection, project_id) >= MOST_WAITING:
        raise BadInput(
            f"{MOST_WAITING:,} corrections wait to be looked at already; there is no room for another.",
            hint="The owner of the project has to accept or reject some of them first.",
        )
    connection.execute(insert(corrections).values({**values, "project_id": project_id, "sha256": sha256}))
    return Correction(*connection.execute(_CORRECTION.where(same)).one())


def read_waiting(connection: Connection, project_id: str) -> list[Correction]:
    """Least sure first. Raises NotFound."""
    read_project(connection, project_id)
    sure = case((corrections.c.is_none, 0.0), else_=corrections.c.probability)
    here = _CORRECTION.where(corrections.c.project_id == project_id, _WAITS)
    return [Correction(*row) for row in connection.execute(here.order_by(sure, corrections.c.id))]


def count_waiting(connection: Connection, project_id: str) -> int:
    here = select(func.count()).where(corrections.c.project_id == project_id, _WAITS)
    return connection.scalar(here) or 0


def accept(connection: Connection, correction_ids: Sequence[int], right: str | None) -> int:
    """How many of them waited. Raises BadInput when one names a category that is not there."""
    for project_id in sorted({row.project_id for row in _waiting(connection, correction_ids)}):
        lock_project(connection, project_id)  # whoever accepts the same ones waits, and then finds none
    by_project: dict[str, list[CorrectionRow]] = defaultdict(list)
    for row in _waiting(connection, correction_ids):
        by_project[row.project_id].append(row)
    for project_id, rows in by_project.items():
        _accept_of_project(connection, project_id, rows, right)
    return sum(map(len, by_project.values()))


def reject(connection: Connection, correction_ids: Sequence[int]) -> int:
    """How many of them waited; their files are loose from now on."""
    rejected = 0
    for some in chunks(correction_ids):
        rejected += delete_corrections(connection, corrections.c.id.in_(some) & _WAITS)
    return rejected


def delete_corrections(connection: Connection, condition: ColumnElement[bool]) -> int:
    """How many there were; their files are loose from now on."""
    note_loose_photos(connection, condition, corrections)
    return connection.execute(delete(corrections).where(condition)).rowcount


def _waiting(connection: Connection, correction_ids: Sequence[int]) -> list[CorrectionRow]:
    found: list[CorrectionRow] = []
    for some in chunks(correction_ids):
        here = select(corrections).where(corrections.c.id.in_(some), _WAITS)
        found += connection.execute(here.order_by(corrections.c.id))
    return found


def _accept_of_project(
    connection: Connection, project_id: str, rows: Sequence[CorrectionRow], right: str | None
) -> None:
    held = _photo_ids(connection, project_id, [row.sha256 for row in rows])
    before = pictures_of(connection, [photo_id for ids in held.values() for photo_id in ids])
    by_name: dict[str, list[CorrectionRow]] = defaultdict(list)
    for row in rows:
        by_name[row.right if right is None else right].append(row)
    added: list[int] = []
    for name, named in by_name.items():
        category = _category(connection, project_id, name)
        there = [photo_id for row in named for photo_id in held.get(row.sha256, ())]
        move_photos(connection, there, category)
        _keep(connection, there)
        new = (row for row in named if row.sha256 not in held)
        added += [insert_photo(connection, category, row.sha256, _photo_values(row))[0].id for row in new]
    changed = record_change(connection, before, f"accepted {_count(len(rows))}", added)
    for some in chunks([row.id for row in rows]):
        these = corrections.c.id.in_(some)
        if changed:
            connection.execute(update(corrections).where(these).values(change_id=changed[0]))
        else:  # each lay where it belongs already
            connection.execute(delete(corrections).where(these))


def _photo_ids(connection: Connection, project_id: str, sha256s: Sequence[str]) -> dict[str, list[int]]:
    """Of the photos that show these pictures, by picture."""
    found: dict[str, list[int]] = defaultdict(list)
    for some in chunks(sha256s):
        here = select(photos.c.sha256, photos.c.id).where(photos.c.project_id == project_id)
        for sha256, photo_id in connection.execute(here.where(photos.c.sha256.in_(some)).order_by(photos.c.id)):
            found[sha256].append(photo_id)
    return found


def _category(connection: Connection, project_id: str, name: str) -> Category:
    category = find_category(connection, project_id, name)
    if category is not None:
        return category
    if is_none(name):
        return insert_category(connection, project_id, NONE_OF_THESE)
    raise BadInput(
        f"There is no category '{name}' any more.", hint="Choose another category for it, or make one of that name."
    )


def _keep(connection: Connection, photo_ids: Sequence[int]) -> None:
    """Those that were set aside are kept from now on: the person has seen them and says what they are."""
    for some in chunks(photo_ids):
        aside = photos.c.id.in_(some) & ~photos.c.kept
        connection.execute(update(photos).where(aside).values(kept=True, reason=KEPT_BY_PERSON))


def _photo_values(row: CorrectionRow) -> dict[str, object]:
    measures = {"width": row.width, "height": row.height, "source": row.source, "name": row.name}
    return {**vars(ACCEPTED), **measures, "added_at": datetime.now(UTC)}


def _count(corrections: int) -> str:
    return "a correction" if corrections == 1 else f"{corrections:,} corrections"

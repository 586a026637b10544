"""Rows of photos: what the store does in a transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Table,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    not_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from core.data.dataset import Photo
from core.data.search import PROVIDERS
from core.data.store.loose import note_loose_photos
from core.data.store.records import Category, Counts, StoredPhoto
from core.data.store.share_tables import corrections
from core.data.store.tables import categories, changed_photos, changes, chunks, photos
from core.errors import NotFound

_OTHER = photos.alias("other")
_KEPT_ELSEWHERE = exists().where(
    _OTHER.c.project_id == photos.c.project_id,
    _OTHER.c.sha256 == photos.c.sha256,
    _OTHER.c.category_id != photos.c.category_id,
    _OTHER.c.kept,
)
_IN_CONFLICT = and_(photos.c.kept, _KEPT_ELSEWHERE)
_PHOTO = select(
    photos.c.id,
    photos.c.category_id,
    photos.c.sha256,
    photos.c.name,
    photos.c.kept,
    photos.c.reason,
    photos.c.width,
    photos.c.height,
    photos.c.provider,
    photos.c.page,
    photos.c.creator,
    photos.c.licence,
    photos.c.title,
    photos.c.added_at,
    photos.c.licence_url,
    _IN_CONFLICT.label("conflicts"),
)


def insert_photo(
    connection: Connection, category: Category, sha256: str, values: Mapping[str, object]
) -> tuple[StoredPhoto, bool]:
    """The photo as it lies in the category, and whether it is new there."""
    place = {"project_id": category.project_id, "category_id": category.id, "sha256": sha256}
    try:
        with connection.begin_nested():
            connection.execute(insert(photos).values({**place, "kept": True, "reason": "", **values}))
        is_new = True
    except IntegrityError:
        is_new = False
    photo = read_photo(connection, category.id, sha256)
    assert photo is not None
    return photo, is_new


def read_photo(connection: Connection, category_id: int, sha256: str) -> StoredPhoto | None:
    """The picture as it lies in the category, if it does."""
    here = _PHOTO.where(photos.c.category_id == category_id, photos.c.sha256 == sha256)
    row = connection.execute(here).one_or_none()
    return None if row is None else _photo(row)


def read_one(connection: Connection, project_id: str, photo_id: int) -> StoredPhoto:
    """Raises NotFound also for a photo of another project."""
    row = connection.execute(_PHOTO.where(photos.c.project_id == project_id, photos.c.id == photo_id)).one_or_none()
    if row is None:
        raise NotFound("This photo is no longer there.", hint="Perhaps it was deleted, or merged with one like it.")
    return _photo(row)


def read_photos(
    connection: Connection,
    project_id: str,
    *,
    category_id: int | None = None,
    kept: bool | None = None,
    licence: str | None = None,
    offset: int = 0,
    limit: int | None = None,
) -> list[StoredPhoto]:
    """Oldest first."""
    here = _PHOTO.where(photos.c.project_id == project_id)
    if category_id is not None:
        here = here.where(photos.c.category_id == category_id)
    if kept is not None:
        here = here.where(photos.c.kept == kept)
    if licence is not None:
        here = here.where(photos.c.licence == licence)
    here = here.order_by(photos.c.id).offset(offset).limit(limit)
    return [_photo(row) for row in connection.execute(here)]


def count_licences(connection: Connection, category_id: int, *, kept: bool) -> dict[str, int]:
    """Photos by licence, the commonest first; "" for those without one."""
    here = select(photos.c.licence, func.count()).where(photos.c.category_id == category_id, photos.c.kept == kept)
    ordered = here.group_by(photos.c.licence).order_by(func.count().desc(), photos.c.licence)
    return {row[0]: row[1] for row in connection.execute(ordered)}


def read_newest(connection: Connection, category_id: int, limit: int) -> list[StoredPhoto]:
    """The kept ones, newest first."""
    here = _PHOTO.where(photos.c.category_id == category_id, photos.c.kept)
    return [_photo(row) for row in connection.execute(here.order_by(photos.c.id.desc()).limit(limit))]


def read_training_photos(connection: Connection, project_id: str) -> list[Photo]:
    """Every kept photo that is in one category only, by SHA-256; oldest first."""
    columns = (photos.c.sha256, photos.c.name, categories.c.name, photos.c.provider, photos.c.page, photos.c.source)
    here = (
        select(*columns)
        .join(categories, categories.c.id == photos.c.category_id)
        .where(photos.c.project_id == project_id, photos.c.kept, not_(_KEPT_ELSEWHERE))
        .order_by(photos.c.id)
    )
    return [
        Photo(sha256, name, category, "web", page)
        if provider in PROVIDERS
        else Photo(sha256, name, category, "own", source)
        for sha256, name, category, provider, page, source in connection.execute(here)
    ]


def read_conflicts(connection: Connection, project_id: str) -> list[StoredPhoto]:
    """Every photo whose picture is also kept in another category, the same pictures together."""
    here = _PHOTO.where(photos.c.project_id == project_id, _IN_CONFLICT)
    return [_photo(row) for row in connection.execute(here.order_by(photos.c.sha256, photos.c.id))]


def count_conflicts(connection: Connection, project_id: str) -> int:
    """How many pictures are kept in several categories."""
    here = select(func.count(photos.c.sha256.distinct())).where(photos.c.project_id == project_id, _IN_CONFLICT)
    return connection.scalar(here) or 0


def other_categories(connection: Connection, photo: StoredPhoto) -> tuple[str, ...]:
    """Names of the other categories of its project that keep the same picture."""
    same = and_(photos.c.project_id == _OTHER.c.project_id, photos.c.sha256 == _OTHER.c.sha256)
    names = (
        select(categories.c.name)
        .join(_OTHER, _OTHER.c.category_id == categories.c.id)
        .join(photos, same)
        .where(photos.c.id == photo.id, _OTHER.c.id != photo.id, _OTHER.c.kept)
        .order_by(categories.c.position)
    )
    return tuple(connection.scalars(names))


def count_photos(connection: Connection, project_id: str) -> dict[int, Counts]:
    """By category, empty ones included, in their order."""

    def how_many(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    here = (
        select(categories.c.id, how_many(photos.c.kept), how_many(~photos.c.kept), how_many(_IN_CONFLICT))
        .outerjoin(photos, photos.c.category_id == categories.c.id)
        .where(categories.c.project_id == project_id)
        .group_by(categories.c.id, categories.c.position)
        .order_by(categories.c.position)
    )
    return {category_id: Counts(*counts) for category_id, *counts in connection.execute(here)}


def set_kept(connection: Connection, photo_ids: Sequence[int], kept: bool, reason: str) -> int:
    """How many of them there are."""
    found = 0
    for some in chunks(photo_ids):
        change = update(photos).where(photos.c.id.in_(some)).values(kept=kept, reason=reason)
        found += connection.execute(change).rowcount
    return found


def move_photos(connection: Connection, photo_ids: Sequence[int], target: Category) -> int:
    """How many left another category of the project for `target`.

    A picture that the target holds already becomes one with it, kept if either was.
    """
    return sum(_move_some(connection, some, target) for some in chunks(photo_ids))


def _move_some(connection: Connection, photo_ids: Sequence[int], target: Category) -> int:
    leaving = connection.execute(
        select(photos.c.id, photos.c.sha256, photos.c.kept)
        .where(photos.c.id.in_(photo_ids), photos.c.project_id == target.project_id)
        .where(photos.c.category_id != target.id)
        .order_by(photos.c.id)
    ).all()
    alike = photos.c.sha256.in_({row.sha256 for row in leaving})
    there = connection.execute(select(photos.c.sha256, photos.c.id).where(photos.c.category_id == target.id, alike))
    holder = {row.sha256: row.id for row in there}
    arriving: set[int] = set()
    doubles: set[int] = set()
    kept: set[int] = set()
    for photo_id, sha256, is_kept in leaving:
        held = holder.setdefault(sha256, photo_id)
        (arriving if held == photo_id else doubles).add(photo_id)
        if is_kept:
            kept.add(held)
    connection.execute(delete(photos).where(photos.c.id.in_(doubles)))
    connection.execute(update(photos).where(photos.c.id.in_(arriving)).values(category_id=target.id))
    connection.execute(update(photos).where(photos.c.id.in_(kept)).values(kept=True, reason=""))
    return len(leaving)


def delete_photos(connection: Connection, condition: ColumnElement[bool]) -> int:
    """How many there were; their files are loose from now on, and no undoing brings them back."""
    note_loose_photos(connection, condition)
    deleted = connection.execute(delete(photos).where(condition)).rowcount
    connection.execute(delete(changed_photos).where(not_(_held_by_project(changed_photos))))
    accepted = corrections.c.change_id.is_not(None)
    connection.execute(delete(corrections).where(accepted, not_(_held_by_project(corrections))))
    left = exists().where(changed_photos.c.change_id == changes.c.id)
    connection.execute(delete(changes).where(not_(left)))
    return deleted


def _held_by_project(table: Table) -> ColumnElement[bool]:
    """Its row's project has a photo of its row's picture."""
    return exists().where(photos.c.project_id == table.c.project_id, photos.c.sha256 == table.c.sha256)


def _photo(row: Row[*tuple[Any, ...]]) -> StoredPhoto:
    return StoredPhoto(*row)

"""Rows of projects, their categories and refused files: what the store does in a transaction."""

import json
import unicodedata
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from core.data.dataset import NAME_LIMIT, category_name
from core.data.store.records import Category, Project, RefusedFile
from core.data.store.tables import categories, plain, projects, refused
from core.errors import BadInput, NotFound

_CATEGORY = select(categories.c.id, categories.c.project_id, categories.c.name, categories.c.position)
_PROJECT = select(*(column for column in projects.columns if column.name != "live"))


def project_name(text: str) -> str:
    """The name as typed, tidied as a category's is. Raises BadInput."""
    return _name(text, "project", "Type a word or two, like 'My pets'.")


def key_name(text: str) -> str:
    """As `project_name`."""
    return _name(text, "key", "Say what it is for, like 'my website'.")


def maker_name(text: str) -> str:
    """As `project_name`; nobody need be named."""
    return _name(text, "maker", "Type your name, or nothing.") if text.strip() else ""


def insert_project(connection: Connection, project: Project) -> None:
    connection.execute(insert(projects).values({**vars(project), "fixed": json.dumps(project.fixed)}))


def change_project(connection: Connection, project_id: str, **values: object) -> Project:
    """The project with other values in these columns. Raises NotFound."""
    connection.execute(update(projects).where(projects.c.id == project_id).values(values))
    return read_project(connection, project_id)


def delete_project(connection: Connection, project_id: str) -> None:
    """With its categories, versions, jobs and refused files; its photos go by `photo_rows.delete_photos`."""
    connection.execute(delete(projects).where(projects.c.id == project_id))


def read_projects(connection: Connection) -> list[Project]:
    """Newest first."""
    rows = connection.execute(_PROJECT.order_by(projects.c.created_at.desc(), projects.c.id))
    return [_project(row) for row in rows]


def read_project(connection: Connection, project_id: str) -> Project:
    """Raises NotFound."""
    row = connection.execute(_PROJECT.where(projects.c.id == project_id)).one_or_none()
    if row is None:
        raise NotFound(
            "This project is no longer there.",
            hint="Perhaps it was deleted in another tab. Choose one from your projects.",
        )
    return _project(row)


def lock_project(connection: Connection, project_id: str) -> None:
    """Raises NotFound. Whoever locks it too waits; SQLite lets only one writer in anyway."""
    read_project(connection, project_id)
    connection.execute(select(projects.c.id).where(projects.c.id == project_id).with_for_update())


def find_category(connection: Connection, project_id: str, name: str) -> Category | None:
    """The category of this name, whatever its case."""
    here = _CATEGORY.where(categories.c.project_id == project_id, categories.c.folded == folded(name))
    row = connection.execute(here).one_or_none()
    return None if row is None else Category(*row)


def insert_category(connection: Connection, project_id: str, name: str) -> Category:
    """After the others. Raises BadInput for a name that is unusable or taken, and NotFound."""
    name = category_name(name)
    lock_project(connection, project_id)
    last = connection.scalar(select(func.max(categories.c.position)).where(categories.c.project_id == project_id))
    position = 0 if last is None else last + 1
    row = {"project_id": project_id, "name": name, "folded": folded(name), "position": position}
    try:
        connection.execute(insert(categories).values(row))
    except IntegrityError as error:
        raise _taken(name) from error
    here = _CATEGORY.where(categories.c.project_id == project_id, categories.c.position == position)
    return Category(*connection.execute(here).one())


def rename_category(connection: Connection, category_id: int, name: str) -> Category:
    """Raises BadInput for a name that is unusable or taken, and NotFound."""
    name = category_name(name)
    change = update(categories).where(categories.c.id == category_id)
    try:
        connection.execute(change.values(name=name, folded=folded(name)))
    except IntegrityError as error:
        raise _taken(name) from error
    return read_category(connection, category_id)


def delete_category(connection: Connection, category_id: int) -> None:
    """With its refused files; its photos go by `photo_rows.delete_photos`."""
    connection.execute(delete(categories).where(categories.c.id == category_id))


def read_categories(connection: Connection, project_id: str) -> list[Category]:
    """In their order."""
    here = _CATEGORY.where(categories.c.project_id == project_id)
    return [Category(*row) for row in connection.execute(here.order_by(categories.c.position))]


def read_category(connection: Connection, category_id: int) -> Category:
    """Raises NotFound."""
    row = connection.execute(_CATEGORY.where(categories.c.id == category_id)).one_or_none()
    if row is None:
        raise NotFound(
            "This category is no longer there.",
            hint="Perhaps it was deleted in another tab. Choose another category.",
        )
    return Category(*row)


def insert_refused(connection: Connection, project_id: str, category_id: int | None, name: str, reason: str) -> None:
    """Raises NotFound."""
    read_project(connection, project_id)
    if category_id is not None:
        read_category(connection, category_id)
    row = {"project_id": project_id, "category_id": category_id, "added_at": datetime.now(UTC)}
    connection.execute(insert(refused).values({**row, "name": plain(name), "reason": plain(reason)}))


def read_refused(connection: Connection, project_id: str) -> list[RefusedFile]:
    """Oldest first."""
    rows = (
        select(refused.c.id, refused.c.name, refused.c.reason, categories.c.name, refused.c.added_at)
        .outerjoin(categories, categories.c.id == refused.c.category_id)
        .where(refused.c.project_id == project_id)
        .order_by(refused.c.id)
    )
    return [RefusedFile(*row) for row in connection.execute(rows)]


def delete_refused(connection: Connection, project_id: str) -> None:
    connection.execute(delete(refused).where(refused.c.project_id == project_id))


def _project(row: Row[*tuple[Any, ...]]) -> Project:
    return Project(**{**row._mapping, "fixed": json.loads(row.fixed)})


def _name(text: str, of_what: str, hint: str) -> str:
    name = text.strip()
    if not name:
        raise BadInput(f"A {of_what} needs a name.", hint=hint)
    if len(name) > NAME_LIMIT:
        raise BadInput(
            f"'{name[:20]}…' has {len(name)} characters; a {of_what}'s name has at most {NAME_LIMIT}.",
            hint="Shorten it.",
        )
    return category_name(name)


def folded(name: str) -> str:
    """Names that differ by case or width only fold to the same text."""
    return unicodedata.normalize("NFKC", name).casefold()


def _taken(name: str) -> BadInput:
    return BadInput(
        f"There is already a category named '{name}' (capital letters make no difference).",
        hint="Choose another name, or add your photos to the category that is there.",
    )

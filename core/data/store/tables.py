"""The tables, as SQLAlchemy describes them."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

CHUNK = 500  # values in one statement: databases limit them (SQLite: 999 in older builds)

TEXT_LIMIT = 2000  # characters kept of a file's name, a title or an address from outside


class Moment(TypeDecorator[datetime]):
    """A point in time: aware UTC datetimes in Python, seconds since 1970 in the database."""

    impl = Double
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> float | None:
        return None if value is None else value.timestamp()

    def process_result_value(self, value: float | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromtimestamp(value, UTC)


Value = TypeVar("Value")

metadata = MetaData()

schema_version = Table("schema_version", metadata, Column("number", Integer, nullable=False))

projects = Table(
    "projects",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("is_example", Boolean, nullable=False),
    Column("mode", Text, nullable=False, server_default=""),
    Column("fixed", Text, nullable=False, server_default="{}"),  # JSON
    Column("share_refused", Double, nullable=False, server_default="0.05"),
    Column("live", Integer),  # the number of the version that answers; none before the first training
    Column("maker", Text, nullable=False, server_default=""),
)

# Numbers are never used again (autoincrement): a page left open cannot act on a newer row by an old id.
categories = Table(
    "categories",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("folded", Text, nullable=False),  # the name without case: two names that differ by case are one
    Column("position", Integer, nullable=False),
    UniqueConstraint("project_id", "folded"),
    UniqueConstraint("project_id", "id"),  # what photos.(project_id, category_id) refers to
    sqlite_autoincrement=True,
)

photos = Table(
    "photos",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", String(32), nullable=False),
    Column("category_id", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("kept", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("provider", Text, nullable=False),
    Column("page", Text, nullable=False),
    Column("creator", Text, nullable=False),
    Column("licence", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("added_at", Moment, nullable=False),
    Column("licence_url", Text, nullable=False, server_default=""),
    Column("source", Text, nullable=False, server_default=""),  # camera and moment, as `core.data.sources` reads them
    ForeignKeyConstraint(["project_id", "category_id"], ["categories.project_id", "categories.id"], ondelete="CASCADE"),
    UniqueConstraint("category_id", "sha256"),
    Index("photos_by_picture", "sha256"),
    Index("photos_by_project", "project_id", "id"),
    Index("photos_in_conflict", "project_id", "sha256", "kept", "category_id"),
    Index("photos_by_category", "category_id", "kept", "id"),
    sqlite_autoincrement=True,
)

refused = Table(
    "refused",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("category_id", ForeignKey("categories.id", ondelete="CASCADE"), index=True),
    Column("name", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("added_at", Moment, nullable=False),
    sqlite_autoincrement=True,
)

embeddings = Table(
    "embeddings",
    metadata,
    Column("recipe", String(200), primary_key=True),
    Column("sha256", String(64), primary_key=True, index=True),
    Column("vector", LargeBinary, nullable=False),  # float32, little-endian
    Column("fingerprint", BigInteger, nullable=False),  # 64 bits, read as a signed number
)

versions = Table(
    "versions",
    metadata,
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("created_at", Moment, nullable=False),
    Column("accuracy", Double, nullable=False),
    Column("photos", Integer, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("mode", Text, nullable=False, server_default=""),
    Column("comparison", Text, nullable=False, server_default="{}"),  # JSON
)

# What the person did to photos and may undo, and each photo that it touched as it was before. No photo that was
# deleted for good is remembered here, so no file is kept for the sake of these rows.
changes = Table(
    "changes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", Moment, nullable=False),
    Column("words", Text, nullable=False),
    Column("live", Integer),  # the number of the version that was live
    Column("photos", Integer, nullable=False),  # how many it touched
    sqlite_autoincrement=True,
)

changed_photos = Table(
    "changed_photos",
    metadata,
    Column("change_id", ForeignKey("changes.id", ondelete="CASCADE"), primary_key=True),
    Column("photo_id", Integer, primary_key=True, autoincrement=False),
    Column("project_id", String(32), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("gone", Boolean, nullable=False),  # the change itself removed it, since its new category had its picture
    Column("before", Text),  # its row as it was, as JSON; none for a photo that the change added
    Index("changed_photos_by_picture", "project_id", "sha256"),
)

# Files that perhaps no row refers to: noted before a file is written and when its rows are deleted, looked at
# (and removed, if so) afterwards. Whatever moment the program dies at, nothing is left lying about unknown.
loose_files = Table(
    "loose_files",
    metadata,
    Column("kind", String(10), primary_key=True),  # "photo" or "project"
    Column("key", String(64), primary_key=True),  # the SHA-256 or the project's id
)

jobs = Table(
    "jobs",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("state", String(20), nullable=False),
    Column("live", Boolean, nullable=False),  # queued or running
    Column("only", String(80), unique=True),  # while live: what no other job may hold; empty binds nobody
    Column("fraction", Double, nullable=False),
    Column("words", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("result", Text, nullable=False),  # JSON
    Column("owner", String(32), nullable=False),
    Column("cancel_asked", Boolean, nullable=False),
    Column("dismissed", Boolean, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("heartbeat_at", Moment, nullable=False),
    Index("jobs_by_kind", "project_id", "kind"),
    Index("jobs_by_owner", "owner", "live"),
    sqlite_autoincrement=True,
)

plans = Table(
    "plans",
    metadata,
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    Column("wanted", Integer, nullable=False),  # photos a category
    Column("openly_licensed", Boolean, nullable=False),
    Column("safe", Boolean, nullable=False),
    Column("providers", Text, nullable=False),  # JSON
)

# Where the person asked for more photos of one category than the plan says.
goals = Table(
    "goals",
    metadata,
    Column("category_id", ForeignKey("categories.id", ondelete="CASCADE"), primary_key=True),
    Column("wanted", Integer, nullable=False),
)

phrases = Table(
    "phrases",
    metadata,
    Column("category_id", ForeignKey("categories.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
)

# What a search found, and what became of it: an address is tried once in a category, whatever happens.
finds = Table(
    "finds",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", String(32), nullable=False),
    Column("category_id", Integer, nullable=False),
    Column("round", Integer, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("provider", Text, nullable=False),
    Column("image", Text, nullable=False),
    Column("thumbnail", Text, nullable=False),
    Column("page", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("creator", Text, nullable=False),
    Column("licence", Text, nullable=False),
    Column("licence_url", Text, nullable=False),
    Column("width", Integer),
    Column("height", Integer),
    Column("state", String(10), nullable=False),  # found, stored or failed
    Column("reason", Text, nullable=False),
    Column("sha256", String(64), nullable=False),  # of the picture as stored; empty in the other states
    ForeignKeyConstraint(["project_id", "category_id"], ["categories.project_id", "categories.id"], ondelete="CASCADE"),
    UniqueConstraint("category_id", "image"),
    Index("finds_by_state", "category_id", "state", "round", "rank"),
    Index("finds_by_picture", "project_id", "sha256"),
    sqlite_autoincrement=True,
)

rounds = Table(
    "rounds",
    metadata,
    Column("category_id", ForeignKey("categories.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("asked", Integer, nullable=False),
    Column("found", Integer, nullable=False),
    Column("outcomes", Text, nullable=False),  # JSON
    Column("over", Boolean, nullable=False),  # a later collection may search again
)


def chunks(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    """The values in order, at most CHUNK at a time."""
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]


def plain(text: str) -> str:
    """Text from outside as any database takes it: valid Unicode, no NUL, not endless."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")[:TEXT_LIMIT]

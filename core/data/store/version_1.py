"""The tables as the first version of the database had them; not a line of this ever changes.

Left out is `schema_version`, which every version has. Moments are seconds since 1970.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
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
    UniqueConstraint,
)

metadata = MetaData()

Table(
    "projects",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("is_example", Boolean, nullable=False),
)

Table(
    "categories",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("folded", Text, nullable=False),
    Column("position", Integer, nullable=False),
    UniqueConstraint("project_id", "folded"),
    UniqueConstraint("project_id", "id"),
    sqlite_autoincrement=True,
)

Table(
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
    Column("added_at", Double, nullable=False),
    ForeignKeyConstraint(["project_id", "category_id"], ["categories.project_id", "categories.id"], ondelete="CASCADE"),
    UniqueConstraint("category_id", "sha256"),
    Index("photos_by_picture", "sha256"),
    Index("photos_by_project", "project_id", "id"),
    Index("photos_in_conflict", "project_id", "sha256", "kept", "category_id"),
    Index("photos_by_category", "category_id", "kept", "id"),
    sqlite_autoincrement=True,
)

Table(
    "refused",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("category_id", ForeignKey("categories.id", ondelete="CASCADE"), index=True),
    Column("name", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("added_at", Double, nullable=False),
    sqlite_autoincrement=True,
)

Table(
    "embeddings",
    metadata,
    Column("recipe", String(200), primary_key=True),
    Column("sha256", String(64), primary_key=True, index=True),
    Column("vector", LargeBinary, nullable=False),
    Column("fingerprint", BigInteger, nullable=False),
)

Table(
    "versions",
    metadata,
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("created_at", Double, nullable=False),
    Column("accuracy", Double, nullable=False),
    Column("photos", Integer, nullable=False),
    Column("fingerprint", Text, nullable=False),
)

Table(
    "loose_files",
    metadata,
    Column("kind", String(10), primary_key=True),
    Column("key", String(64), primary_key=True),
)

Table(
    "jobs",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("state", String(20), nullable=False),
    Column("live", Boolean, nullable=False),
    Column("only", String(80), unique=True),
    Column("fraction", Double, nullable=False),
    Column("words", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("owner", String(32), nullable=False),
    Column("cancel_asked", Boolean, nullable=False),
    Column("dismissed", Boolean, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("heartbeat_at", Double, nullable=False),
    Index("jobs_by_kind", "project_id", "kind"),
    Index("jobs_by_owner", "owner", "live"),
    sqlite_autoincrement=True,
)

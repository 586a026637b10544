"""The tables of what is shared with others, and of what they send back."""

from sqlalchemy import Boolean, Column, Double, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from core.data.store.tables import Moment, metadata

# A secret is only ever compared, so that its hash is enough; it is long and random, so that a plain hash is, too.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), index=True),  # none: the owner's, for all
    Column("name", Text, nullable=False),
    Column("scope", String(10), nullable=False),
    Column("start", String(20), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("used_at", Moment),
    Column("secret", String(64), nullable=False, unique=True),  # SHA-256
    sqlite_autoincrement=True,
)

links = Table(
    "links",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("token", String(64), nullable=False, unique=True),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),
    sqlite_autoincrement=True,
)

# Photos that were answered wrongly. One that was accepted stays until its change is forgotten, and waits again when
# that is undone; like `changed_photos` it keeps no file.
corrections = Table(
    "corrections",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("answered", Text, nullable=False),
    Column("probability", Double, nullable=False),
    Column("is_none", Boolean, nullable=False),
    Column("right", Text, nullable=False),
    Column("origin", String(10), nullable=False),
    Column("version", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("source", Text, nullable=False),  # as in `photos`
    Column("change_id", ForeignKey("changes.id", ondelete="CASCADE"), index=True),  # that accepted it; none: it waits
    UniqueConstraint("project_id", "sha256"),
    Index("corrections_by_picture", "sha256"),
    sqlite_autoincrement=True,
)

"""Who may use a project from outside: keys for programs, links for people."""

import hashlib
import logging
import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import get_args

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from core.data.store import access_rows, project_rows
from core.data.store.kept import Kept
from core.data.store.share_records import ApiKey, Link, Scope
from core.errors import BadInput

KEY_START = "thimble_"  # so that a person, or a scanner of published code, knows a key by its look
SHOWN = len(KEY_START) + 6  # characters of a secret that are kept, to recognise it by

NOTED_EVERY = timedelta(minutes=1)  # a key that asks a hundred times a second is not written down as often

_SECRET = re.compile(KEY_START + "[A-Za-z0-9_-]{43}")
_TOKEN = re.compile("[A-Za-z0-9_-]{32}")

log = logging.getLogger(__name__)


class Access:
    """Each change is one transaction; methods raise NotFound for a project that is no longer there.

    Keys and links end with their project.
    """

    def __init__(self, engine: Engine, kept: Kept) -> None:
        self._engine = engine
        self._kept = kept
        self._reading = engine.execution_options(reading=True)

    def add_key(self, project_id: str | None, name: str, scope: Scope = "predict") -> tuple[ApiKey, str]:
        """A new key and its secret, which cannot be had again; one for no project is the owner's, and may all.

        Raises BadInput for a name that is empty, too long or holds control characters.
        """
        name = project_rows.key_name(name)
        if scope not in get_args(Scope):
            raise BadInput(f"There is no scope '{scope}'.", hint="Choose 'predict' or 'manage'.")
        secret = KEY_START + secrets.token_urlsafe(32)
        with self._engine.begin() as connection:
            key = access_rows.insert_key(
                connection,
                project_id,
                name,
                "manage" if project_id is None else scope,
                secret[:SHOWN],
                _sha256(secret),
                datetime.now(UTC),
            )
        return key, secret

    def keys(self, project_id: str | None) -> list[ApiKey]:
        """Of a project, or the owner's; newest first."""
        with self._reading.connect() as connection:
            return access_rows.read_keys(connection, project_id)

    def revoke_key(self, key_id: int) -> None:
        """Have it open nothing from now on. Raises NotFound."""
        with self._engine.begin() as connection:
            access_rows.delete_key(connection, key_id)

    def key(self, secret: str) -> ApiKey | None:
        """Whose secret this is; None for one that is unknown or revoked. Its use is noted, once a minute at most."""
        if not _SECRET.fullmatch(secret):
            return None
        key = self._kept.read(access_rows.read_key, _sha256(secret))
        now = datetime.now(UTC)
        if key is not None and (key.used_at is None or key.used_at <= now - NOTED_EVERY):
            try:
                with self._engine.begin() as connection:
                    access_rows.note_used(connection, key.id, now)
            except OperationalError:  # a full disk or a long write elsewhere is no reason to turn the caller away
                log.warning("the use of a key could not be noted", exc_info=True)
        return key

    def add_link(self, project_id: str, *, expires_at: datetime | None = None) -> Link:
        """A new link; it is good for nothing from `expires_at` on."""
        with self._engine.begin() as connection:
            return access_rows.insert_link(
                connection, project_id, secrets.token_urlsafe(24), datetime.now(UTC), expires_at
            )

    def links(self, project_id: str) -> list[Link]:
        """Newest first, expired ones too."""
        with self._reading.connect() as connection:
            return access_rows.read_links(connection, project_id)

    def revoke_link(self, link_id: int) -> None:
        """Have it lead nowhere from now on. Raises NotFound."""
        with self._engine.begin() as connection:
            access_rows.delete_link(connection, link_id)

    def link(self, token: str) -> Link | None:
        """None for one that is unknown, revoked or expired."""
        if not _TOKEN.fullmatch(token):
            return None
        link = self._kept.read(access_rows.read_link, token)
        return None if link is None or link.has_expired(datetime.now(UTC)) else link


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()

"""The trained versions of each project, and which of them is live."""

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import Engine

from core.data.store import project_rows, version_rows
from core.data.store.files import Files
from core.data.store.kept import Kept
from core.data.store.paths import version_path
from core.data.store.records import Version

CHOSEN_BY_PERSON = "chosen by you"


class Models:
    """A version is an immutable folder of files and a row; methods raise NotFound for what is no longer there."""

    def __init__(self, engine: Engine, files: Files, kept: Kept) -> None:
        self._engine = engine
        self._kept = kept
        self._reading = engine.execution_options(reading=True)
        self._files = files

    def add(
        self,
        project_id: str,
        files: Mapping[str, bytes],
        *,
        accuracy: float,
        photos: int,
        fingerprint: str,
        live: bool = True,
        note: str = "",
        mode: str = "",
        comparison: Mapping[str, object] | None = None,
    ) -> Version:
        """Keep a model for good, and have it answer from now on if it is to be `live`; a first one always is.

        `fingerprint` is `training_fingerprint` of the dataset it learnt from, `comparison` is ready for JSON.
        """
        with self._reading.connect() as connection:
            project_rows.read_project(connection, project_id)
        staged = self._files.stage(files)
        try:
            with self._engine.begin() as connection:
                number = version_rows.next_version(connection, project_id)
                self._files.publish(staged, version_path(project_id, number))
                version = Version(
                    project_id,
                    number,
                    datetime.now(UTC),
                    accuracy,
                    photos,
                    fingerprint,
                    note,
                    mode,
                    dict(comparison or {}),
                    is_live=live or version_rows.live_number(connection, project_id) is None,
                )
                version_rows.insert_version(connection, version)
        finally:
            self._files.remove(staged)
        return version

    def versions(self, project_id: str) -> list[Version]:
        """Newest first."""
        with self._reading.connect() as connection:
            return version_rows.read_versions(connection, project_id)

    def version(self, project_id: str, number: int) -> Version:
        return self._kept.read(version_rows.read_version, project_id, number)

    def live(self, project_id: str) -> Version | None:
        """The version that Try, the API and links answer with; None before the first training."""
        return self._kept.read(version_rows.read_live, project_id)

    def set_live(self, project_id: str, number: int, note: str = CHOSEN_BY_PERSON) -> Version:
        """Have this version answer from now on; `note` says why, in place of what its note said."""
        with self._engine.begin() as connection:
            return version_rows.set_live(connection, project_id, number, note)

    def files(self, project_id: str, number: int) -> dict[str, bytes]:
        """What `add` was given."""
        with self._reading.connect() as connection:
            version_rows.read_version(connection, project_id, number)
        return self._files.read_folder(version_path(project_id, number))

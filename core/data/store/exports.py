"""What was made of each version for other programs: one file a format, beside the version."""

from pathlib import Path

from sqlalchemy import Engine

from core.data.store import version_rows
from core.data.store.files import Files
from core.data.store.paths import export_path, version_exports_path
from core.data.store.share_records import Export
from core.errors import NotFound


class Exports:
    """The files are all there is, so that none is listed and missing; methods raise NotFound for what is gone."""

    def __init__(self, engine: Engine, files: Files) -> None:
        self._engine = engine
        self._reading = engine.execution_options(reading=True)
        self._files = files

    def add(self, project_id: str, version: int, name: str, file: Path) -> Export:
        """Keep a copy of `file` as this version in the format `name`, in place of an earlier one."""
        path = export_path(project_id, version, name)
        staged = self._files.stage_file(file)
        try:
            with self._engine.begin() as connection:  # while this lasts, the project is not swept away
                version_rows.read_version(connection, project_id, version)
                self._files.publish(staged, path)
        finally:
            self._files.remove(staged)
        return next(export for export in self.of(project_id, version) if export.name == name)

    def of(self, project_id: str, version: int) -> list[Export]:
        """By name."""
        with self._reading.connect() as connection:
            version_rows.read_version(connection, project_id, version)
        found = self._files.sizes(version_exports_path(project_id, version))
        return [Export(Path(name).stem, version, size, at) for name, (size, at) in sorted(found.items())]

    def read(self, project_id: str, version: int, name: str) -> bytes:
        with self._reading.connect() as connection:
            version_rows.read_version(connection, project_id, version)
        try:
            return self._files.read(export_path(project_id, version, name))
        except FileNotFoundError as error:
            raise NotFound("This export is no longer there.", hint="Make it again on the Share page.") from error

    def remove(self, project_id: str, version: int, name: str) -> None:
        """Nothing happens when there is none."""
        with self._reading.connect() as connection:
            version_rows.read_version(connection, project_id, version)
        self._files.remove(export_path(project_id, version, name))

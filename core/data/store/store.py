"""One door to everything: projects with their categories, and what the other files here know of them."""

import hashlib
import json
import os
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock
from platformdirs import user_data_dir
from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError

from core.data.dataset import Dataset, Photo, dataset_of
from core.data.store import correction_rows, photo_rows, project_rows, version_rows
from core.data.store.access import Access
from core.data.store.changes import Changes
from core.data.store.corrections import Corrections
from core.data.store.database import connect, migrate
from core.data.store.embeddings import StoredEmbeddings
from core.data.store.exports import Exports
from core.data.store.files import Files
from core.data.store.job_rows import JobRows
from core.data.store.kept import Kept
from core.data.store.loose import note_loose
from core.data.store.models import Models
from core.data.store.photos import Photos
from core.data.store.pictures import Pictures
from core.data.store.records import Category, Project, RefusedFile, Summary
from core.data.store.share_tables import corrections
from core.data.store.tables import photos, plain
from core.data.store.web import Web
from core.data.store.whole import Whole
from core.errors import BadInput, BadPhoto, NotFound

MODES = ("", "fast", "best")
MOST_REFUSED = 0.5  # of true photos; beyond, "none of these" would be the usual answer


def home_folder() -> Path:
    """Where everything of this person is kept: THIMBLE_HOME, or the platform's folder for user data."""
    return Path(os.environ.get("THIMBLE_HOME") or user_data_dir("thimble", appauthor=False))


def training_fingerprint(dataset: Dataset) -> str:
    """SHA-256 of what a model learns from: the categories' names, and which pictures lie in each."""
    pairs = sorted((photo.category, photo.key) for photo in (*dataset.photos, *dataset.strangers))
    return hashlib.sha256(json.dumps([sorted(dataset.categories), pairs]).encode()).hexdigest()


class Store:
    """Everything a person has made, under `home`; threads and processes may share it.

    `photos`, `web` (what is collected from there), `models`, `changes` (what can be undone), `embeddings`, `jobs`,
    `access` (keys and links), `corrections`, `exports` and `whole` (projects read and made as one) are rooms of it.
    Every change is one transaction. A file is written before the row that refers to it and removed after it.
    Methods raise NotFound for a project, category or version that is no longer there.
    """

    def __init__(self, home: Path, *, database_url: str | None = None, files_url: str | None = None) -> None:
        """Open it, made or brought up to date if need be. Raises BadInput when that is not possible."""
        self.home = home.expanduser().absolute()
        self.locks = self.home / "run"
        try:
            self.locks.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(
                f"Thimble cannot write to {self.home}: {error.strerror}.",
                hint="Set THIMBLE_HOME to a folder of yours.",
            ) from error
        try:
            self._engine = connect(database_url or URL.create("sqlite", database=str(self.home / "thimble.db")))
            try:
                # Two programs that open a fresh home at once would both switch it to WAL, and one fail.
                with FileLock(self.locks / "open.lock"):
                    migrate(self._engine)
            except BaseException:
                self._engine.dispose()
                raise
        except (SQLAlchemyError, ImportError) as error:  # ImportError: the driver is not installed
            raise BadInput(
                f"The database of your projects cannot be opened: {str(error).splitlines()[0]}",
                hint="Check THIMBLE_DATABASE_URL, or set THIMBLE_HOME to another folder to start afresh.",
            ) from error
        self._reading = self._engine.execution_options(reading=True)
        self._kept = Kept(self._engine)
        files = Files(files_url or str(self.home / "files"))
        self._pictures = Pictures(self._engine, files)
        self.photos = Photos(self._engine, self._pictures)
        self.web = Web(self._engine, self._pictures)
        self.models = Models(self._engine, files, self._kept)
        self.changes = Changes(self._engine, self._pictures)
        self.embeddings = StoredEmbeddings(self._engine)
        self.jobs = JobRows(self._engine)
        self.access = Access(self._engine, self._kept)
        self.corrections = Corrections(self._engine, self._pictures)
        self.exports = Exports(self._engine, files)
        self.whole = Whole(self._engine, files)
        files.sweep()
        self._pictures.sweep()

    @classmethod
    def from_environment(cls) -> "Store":
        """The store that THIMBLE_HOME, THIMBLE_DATABASE_URL and THIMBLE_FILES_URL name."""
        return cls(
            home_folder(),
            database_url=os.environ.get("THIMBLE_DATABASE_URL"),
            files_url=os.environ.get("THIMBLE_FILES_URL"),
        )

    def close(self) -> None:
        """Give the database connections back; used again, the store opens new ones."""
        self._kept.close()
        self._engine.dispose()

    def create_project(self, name: str, *, is_example: bool = False) -> Project:
        """Raises BadInput for a name that is empty, too long or holds control characters."""
        project = Project(uuid.uuid4().hex, project_rows.project_name(name), datetime.now(UTC), is_example)
        with self._engine.begin() as connection:
            project_rows.insert_project(connection, project)
        return project

    def projects(self) -> list[Project]:
        """All of them, newest first."""
        with self._reading.connect() as connection:
            return project_rows.read_projects(connection)

    def project(self, project_id: str) -> Project:
        return self._kept.read(project_rows.read_project, project_id)

    def rename_project(self, project_id: str, name: str | None = None, maker: str | None = None) -> Project:
        """Or say who made it, "" for nobody; None is for no change. Raises BadInput as create_project does."""
        values: dict[str, str] = {}
        if name is not None:
            values["name"] = project_rows.project_name(name)
        if maker is not None:
            values["maker"] = project_rows.maker_name(maker)
        with self._engine.begin() as connection:
            return project_rows.change_project(connection, project_id, **values)

    def set_mode(self, project_id: str, mode: str) -> Project:
        """How to choose a model: one of MODES, "" to leave it open. Raises BadInput."""
        if mode not in MODES:
            raise BadInput(f"There is no mode '{mode}'.", hint="Choose 'fast' or 'best'.")
        with self._engine.begin() as connection:
            return project_rows.change_project(connection, project_id, mode=mode)

    def set_fixed(self, project_id: str, fixed: Mapping[str, str]) -> Project:
        """The choices that the person made by hand, like {"backbone": "lite2"}; what is not named is left open."""
        values = json.dumps({plain(name): plain(value) for name, value in fixed.items()})
        with self._engine.begin() as connection:
            return project_rows.change_project(connection, project_id, fixed=values)

    def set_share_refused(self, project_id: str, share: float) -> Project:
        """How many true photos may be refused as none of the categories, above 0 to MOST_REFUSED. Raises BadInput."""
        if not 0 < share <= MOST_REFUSED:
            raise BadInput(
                f"{share:.0%} of the photos cannot be refused.",
                hint=f"Choose a share above 0 and up to {MOST_REFUSED:.0%}; 5 % is usual.",
            )
        with self._engine.begin() as connection:
            return project_rows.change_project(connection, project_id, share_refused=share)

    def delete_project(self, project_id: str) -> None:
        """Delete it with all it holds; pictures that other projects hold too stay with those."""
        with self._engine.begin() as connection:
            project_rows.read_project(connection, project_id)
            photo_rows.delete_photos(connection, photos.c.project_id == project_id)
            correction_rows.delete_corrections(connection, corrections.c.project_id == project_id)
            note_loose(connection, "project", project_id)
            project_rows.delete_project(connection, project_id)
        self._pictures.sweep()

    def summary(self, project_id: str) -> Summary:
        """The project at a glance."""
        with self._reading.connect() as connection:
            project_rows.read_project(connection, project_id)
            answers = [each for each in project_rows.read_categories(connection, project_id) if not each.is_none]
            counts = photo_rows.count_photos(connection, project_id).values()
            conflicts = photo_rows.count_conflicts(connection, project_id)
            versions = version_rows.read_versions(connection, project_id)
        live = next((version for version in versions if version.is_live), None)
        newest = versions[0] if versions else None
        return Summary(
            categories=len(answers),
            photos=sum(count.kept for count in counts),
            set_aside=sum(count.set_aside for count in counts),
            conflicts=conflicts,
            version=live.number if live else None,
            accuracy=live.accuracy if live else None,
            newest=newest.number if newest else None,
            changed=live is not None
            and newest is not None
            and training_fingerprint(self.dataset(project_id)) not in (live.fingerprint, newest.fingerprint),
        )

    def add_category(self, project_id: str, name: str) -> Category:
        """The new category, after the others. Raises BadInput for a name that is unusable or taken."""
        with self._engine.begin() as connection:
            return project_rows.insert_category(connection, project_id, name)

    def rename_category(self, category_id: int, name: str) -> Category:
        """Raises BadInput as add_category does."""
        with self._engine.begin() as connection:
            return project_rows.rename_category(connection, category_id, name)

    def delete_category(self, category_id: int) -> None:
        """Delete it with its photos."""
        with self._engine.begin() as connection:
            project_rows.read_category(connection, category_id)
            photo_rows.delete_photos(connection, photos.c.category_id == category_id)
            project_rows.delete_category(connection, category_id)
        self._pictures.sweep()

    def categories(self, project_id: str) -> list[Category]:
        """In their order."""
        with self._reading.connect() as connection:
            project_rows.read_project(connection, project_id)
            return project_rows.read_categories(connection, project_id)

    def add_refused(self, project_id: str, category_id: int | None, name: str, reason: str) -> None:
        """Remember a file that could not be used."""
        with self._engine.begin() as connection:
            project_rows.insert_refused(connection, project_id, category_id, name, reason)

    def refused(self, project_id: str) -> list[RefusedFile]:
        """Files that could not be used, oldest first."""
        with self._reading.connect() as connection:
            return project_rows.read_refused(connection, project_id)

    def clear_refused(self, project_id: str) -> None:
        """Forget them."""
        with self._engine.begin() as connection:
            project_rows.delete_refused(connection, project_id)

    def dataset(self, project_id: str) -> Dataset:
        """What to learn from: kept photos by SHA-256, without conflicts; all categories, also empty ones."""
        with self._reading.connect() as connection:
            project_rows.read_project(connection, project_id)
            names = tuple(category.name for category in project_rows.read_categories(connection, project_id))
            kept = photo_rows.read_training_photos(connection, project_id)
        return dataset_of(names, kept, self._read)

    def _read(self, photo: Photo) -> bytes:
        try:
            return self._pictures.read(photo.key)
        except NotFound as error:
            raise BadPhoto(f"'{photo.name}' was deleted meanwhile.") from error

"""Projects with their categories, photos and models: builds every path, opens every transaction."""

import hashlib
import json
import logging
import os
import re
import uuid
from collections.abc import Collection as Several
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock
from platformdirs import user_data_dir
from sqlalchemy import URL, Connection
from sqlalchemy.exc import SQLAlchemyError

from core.data.dataset import Dataset, Photo
from core.data.photo import Pixels, decode, encode
from core.data.photo import thumbnail as draw_thumbnail
from core.data.search.hit import Hit, ProviderOutcome
from core.data.store import find_rows, photo_rows, project_rows
from core.data.store.embeddings import StoredEmbeddings
from core.data.store.files import Files
from core.data.store.job_rows import JobRows
from core.data.store.records import (
    DROPPED_BY_PERSON,
    Added,
    Category,
    Collection,
    Counts,
    Find,
    FindState,
    Plan,
    Project,
    RefusedFile,
    StoredPhoto,
    Summary,
    Version,
)
from core.data.store.tables import connect, migrate, photos, plain
from core.errors import BadInput, BadPhoto, NotFound

MOST_WANTED = 1_000  # photos a category: no search gives more
SWEEP = 100  # files removed while the write lock is held: others wait milliseconds

log = logging.getLogger(__name__)


def home_folder() -> Path:
    """Where everything of this person is kept: THIMBLE_HOME, or the platform's folder for user data."""
    return Path(os.environ.get("THIMBLE_HOME") or user_data_dir("thimble", appauthor=False))


def training_fingerprint(dataset: Dataset) -> str:
    """SHA-256 of what a model learns from: the categories' names, and which pictures lie in each."""
    pairs = sorted((photo.category, photo.key) for photo in dataset.photos)
    return hashlib.sha256(json.dumps([sorted(dataset.categories), pairs]).encode()).hexdigest()


class Store:
    """Everything a person has made, under `home`; threads and processes may share it.

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
        self._files = Files(files_url or str(self.home / "files"))
        self.embeddings = StoredEmbeddings(self._engine)
        self.jobs = JobRows(self._engine)
        self._files.sweep()
        self._sweep()

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
        self._engine.dispose()

    def create_project(self, name: str, *, is_example: bool = False) -> Project:
        """Raises BadInput for a name that is empty, too long or holds control characters."""
        project = Project(uuid.uuid4().hex, project_rows.project_name(name), _now(), is_example)
        with self._engine.begin() as connection:
            project_rows.insert_project(connection, project)
        return project

    def projects(self) -> list[Project]:
        """All of them, newest first."""
        with self._reading.connect() as connection:
            return project_rows.read_projects(connection)

    def project(self, project_id: str) -> Project:
        with self._reading.connect() as connection:
            return project_rows.read_project(connection, project_id)

    def rename_project(self, project_id: str, name: str) -> Project:
        """Raises BadInput as create_project does."""
        name = project_rows.project_name(name)
        with self._engine.begin() as connection:
            return project_rows.rename_project(connection, project_id, name)

    def delete_project(self, project_id: str) -> None:
        """Delete it with all it holds; pictures that other projects hold too stay with those."""
        with self._engine.begin() as connection:
            project_rows.read_project(connection, project_id)
            photo_rows.delete_photos(connection, photos.c.project_id == project_id)
            photo_rows.note_loose(connection, "project", project_id)
            project_rows.delete_project(connection, project_id)
        self._sweep()

    def summary(self, project_id: str) -> Summary:
        """The project at a glance."""
        with self._reading.connect() as connection:
            project_rows.read_project(connection, project_id)
            counts = photo_rows.count_photos(connection, project_id).values()
            conflicts = photo_rows.count_conflicts(connection, project_id)
            version = next(iter(project_rows.read_versions(connection, project_id)), None)
            learnt_from = project_rows.latest_fingerprint(connection, project_id)
        return Summary(
            categories=len(counts),
            photos=sum(count.kept for count in counts),
            set_aside=sum(count.set_aside for count in counts),
            conflicts=conflicts,
            version=version.number if version else None,
            accuracy=version.accuracy if version else None,
            changed=learnt_from is not None and learnt_from != training_fingerprint(self.dataset(project_id)),
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
        self._sweep()

    def categories(self, project_id: str) -> list[Category]:
        """In their order."""
        with self._reading.connect() as connection:
            project_rows.read_project(connection, project_id)
            return project_rows.read_categories(connection, project_id)

    def add_photo(
        self,
        category_id: int,
        data: bytes,
        name: str,
        *,
        provider: str = "upload",
        page: str = "",
        creator: str = "",
        licence: str = "",
        licence_url: str = "",
        title: str = "",
    ) -> Added:
        """Keep a picture in a category, once; one that was set aside there stays so. Raises BadPhoto."""
        with self._reading.connect() as connection:
            project_rows.read_category(connection, category_id)
        return self.add_pixels(
            category_id,
            decode(data),
            name,
            provider=provider,
            page=page,
            creator=creator,
            licence=licence,
            licence_url=licence_url,
            title=title,
        )

    def add_pixels(
        self,
        category_id: int,
        pixels: Pixels,
        name: str,
        *,
        provider: str = "upload",
        page: str = "",
        creator: str = "",
        licence: str = "",
        licence_url: str = "",
        title: str = "",
    ) -> Added:
        """As `add_photo`, for a picture that is decoded already."""
        texts = {"name": name, "provider": provider, "page": page, "title": title}
        texts |= {"creator": creator, "licence": licence, "licence_url": licence_url}
        with self._filed(pixels) as (connection, sha256, values):
            category = project_rows.read_category(connection, category_id)
            values |= {field: plain(text) for field, text in texts.items()}
            photo, is_new = photo_rows.insert_photo(connection, category, sha256, values)
            others = photo_rows.other_categories(connection, photo) if photo.kept else ()
        return Added(photo, is_new, others)

    def photos(
        self,
        project_id: str,
        *,
        category_id: int | None = None,
        kept: bool | None = None,
        licence: str | None = None,
        offset: int = 0,
        limit: int | None = None,
    ) -> list[StoredPhoto]:
        """Oldest first, so that a page stays as it is while photos are added."""
        with self._reading.connect() as connection:
            return photo_rows.read_photos(
                connection,
                project_id,
                category_id=category_id,
                kept=kept,
                licence=licence,
                offset=offset,
                limit=limit,
            )

    def licences(self, category_id: int, *, kept: bool) -> dict[str, int]:
        """Photos of a category by licence, the commonest first; "" for those that state none."""
        with self._reading.connect() as connection:
            return photo_rows.count_licences(connection, category_id, kept=kept)

    def newest(self, category_id: int, limit: int = 6) -> list[StoredPhoto]:
        """The photos of a category that were kept last, newest first."""
        with self._reading.connect() as connection:
            return photo_rows.read_newest(connection, category_id, limit)

    def counts(self, project_id: str) -> dict[int, Counts]:
        """Photos of each category, by its id and in their order."""
        with self._reading.connect() as connection:
            return photo_rows.count_photos(connection, project_id)

    def conflicts(self, project_id: str) -> list[StoredPhoto]:
        """Photos whose picture another category keeps too, same ones together; `dataset` leaves them out."""
        with self._reading.connect() as connection:
            return photo_rows.read_conflicts(connection, project_id)

    def set_kept(self, photo_ids: Several[int], kept: bool, reason: str | None = None) -> int:
        """Keep photos, or set them aside for a reason; how many of them there are.

        Without one they are kept for none, and set aside because the person dropped them.
        """
        if reason is None:
            reason = "" if kept else DROPPED_BY_PERSON
        with self._engine.begin() as connection:
            return photo_rows.set_kept(connection, list(photo_ids), kept, plain(reason))

    def move(self, photo_ids: Several[int], category_id: int) -> int:
        """Move photos to another category of their project; how many left their old one.

        A picture that the new category holds already becomes one with it, kept if either was.
        """
        with self._engine.begin() as connection:
            category = project_rows.read_category(connection, category_id)
            return photo_rows.move_photos(connection, list(photo_ids), category)

    def delete_dropped(self, project_id: str) -> int:
        """Delete for good the photos that are set aside; how many there were."""
        with self._engine.begin() as connection:
            dropped = (photos.c.project_id == project_id) & ~photos.c.kept
            deleted = photo_rows.delete_photos(connection, dropped)
        self._sweep()
        return deleted

    def photo_bytes(self, sha256: str) -> bytes:
        """The picture as stored, a JPEG."""
        try:
            return self._files.read(_photo_path(sha256))
        except FileNotFoundError as error:
            raise NotFound("This photo is no longer there.", hint="Reload the page.") from error

    def thumbnail(self, sha256: str, side: int = 160) -> bytes:
        """A square JPEG of the picture, drawn once and kept."""
        path = f"{_thumbnails_path(sha256)}/{side}.jpg"
        try:
            return self._files.read(path)
        except FileNotFoundError:
            drawn = draw_thumbnail(self.photo_bytes(sha256), side)
        self._files.write(path, drawn)
        if not self._files.exists(_photo_path(sha256)):  # deleted meanwhile, and its thumbnails before this one
            self._files.remove(path)
        return drawn

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

    def plan(self, project_id: str) -> Plan:
        """What to collect from the web."""
        with self._reading.connect() as connection:
            project_rows.read_project(connection, project_id)
            return find_rows.read_plan(connection, project_id)

    def set_plan(self, project_id: str, plan: Plan) -> None:
        """Raises BadInput for a number of photos that cannot be had."""
        if not 1 <= plan.wanted <= MOST_WANTED:
            raise BadInput(
                f"{plan.wanted} photos a category cannot be collected.",
                hint=f"Choose a number from 1 to {MOST_WANTED:,}; 60 is a good start.",
            )
        with self._engine.begin() as connection:
            find_rows.write_plan(connection, project_id, plan)

    def phrases(self, category_id: int) -> tuple[str, ...]:
        """What to search for; the category's name unless other phrases were set."""
        with self._reading.connect() as connection:
            return find_rows.read_phrases(connection, category_id)

    def set_phrases(self, category_id: int, phrases: Sequence[str]) -> None:
        """None, or blank ones only, stand for the category's name."""
        with self._engine.begin() as connection:
            find_rows.write_phrases(connection, category_id, phrases)

    def want_more(self, category_id: int, count: int) -> None:
        """Have the next collection bring so many photos more than the category has from the web now."""
        with self._engine.begin() as connection:
            find_rows.want_more(connection, category_id, count)

    def collection(self, project_id: str) -> list[Collection]:
        """How far collecting is for each category, in their order; cheap enough to ask each second."""
        with self._reading.connect() as connection:
            project_rows.read_project(connection, project_id)
            return find_rows.read_collection(connection, project_id)

    def finds(self, project_id: str, *, category_id: int | None = None, state: FindState | None = None) -> list[Find]:
        """What searches found and what became of it: by category, in the order in which it was found."""
        with self._reading.connect() as connection:
            return find_rows.read_finds(connection, project_id, category_id, state)

    def pending(self, category_id: int, limit: int) -> list[Find]:
        """The finds to try next."""
        with self._reading.connect() as connection:
            return find_rows.read_pending(connection, category_id, limit)

    def seen(self, category_id: int) -> set[str]:
        """The image addresses of all finds of the category, whatever became of them."""
        with self._reading.connect() as connection:
            return find_rows.read_seen(connection, category_id)

    def add_round(self, category_id: int, asked: int, hits: Sequence[Hit], outcomes: Sequence[ProviderOutcome]) -> None:
        """Keep what one search brought, none of it in `seen`; `asked` is how many hits it was to bring."""
        with self._engine.begin() as connection:
            find_rows.insert_round(connection, category_id, asked, hits, outcomes)

    def end_rounds(self, project_id: str) -> None:
        """The collection came to its end; the rounds before do not count for the next one."""
        with self._engine.begin() as connection:
            find_rows.end_rounds(connection, project_id)

    def store_find(self, find_id: int, pixels: Pixels) -> Find | None:
        """Keep the picture of a pending find; the find as it then is, or None when it is no longer pending.

        A picture that is in the category, or was, does not come again: then the find failed, for that reason.
        """
        with self._filed(pixels) as (connection, sha256, values):
            find = find_rows.settle_stored(connection, find_id, sha256, values)
            if not photo_rows.is_used(connection, sha256):
                photo_rows.note_loose(connection, "photo", sha256)
        return find

    def fail_find(self, find_id: int, reason: str) -> None:
        """Nothing came of this find."""
        with self._engine.begin() as connection:
            find_rows.settle_failed(connection, find_id, reason)

    def reopen_finds(self, find_ids: Sequence[int]) -> None:
        """Have those of them that failed tried again."""
        with self._engine.begin() as connection:
            find_rows.reopen(connection, find_ids)

    def dataset(self, project_id: str) -> Dataset:
        """What to learn from: kept photos by SHA-256, without conflicts; all categories, also empty ones."""
        with self._reading.connect() as connection:
            project_rows.read_project(connection, project_id)
            names = tuple(category.name for category in project_rows.read_categories(connection, project_id))
            rows = photo_rows.read_training_photos(connection, project_id)
        return Dataset(names, tuple(Photo(*row) for row in rows), self._read)

    def add_version(
        self, project_id: str, files: Mapping[str, bytes], *, accuracy: float, photos: int, fingerprint: str
    ) -> Version:
        """Keep a model for good; `fingerprint` is `training_fingerprint` of the dataset it learnt from."""
        self.project(project_id)
        staged = self._files.stage(files)
        try:
            with self._engine.begin() as connection:
                number = project_rows.next_version(connection, project_id)
                self._files.publish(staged, _version_path(project_id, number))
                version = Version(project_id, number, _now(), accuracy, photos)
                project_rows.insert_version(connection, version, fingerprint)
        finally:
            self._files.remove(staged)
        return version

    def versions(self, project_id: str) -> list[Version]:
        """Newest first."""
        with self._reading.connect() as connection:
            return project_rows.read_versions(connection, project_id)

    def version_files(self, project_id: str, number: int) -> dict[str, bytes]:
        """What add_version was given."""
        if number not in {version.number for version in self.versions(project_id)}:
            raise NotFound(f"Version {number} is no longer there.", hint="Choose another one.")
        return self._files.read_folder(_version_path(project_id, number))

    def _read(self, photo: Photo) -> bytes:
        try:
            return self.photo_bytes(photo.key)
        except NotFound as error:
            raise BadPhoto(f"'{photo.name}' was deleted meanwhile.") from error

    @contextmanager
    def _filed(self, pixels: Pixels) -> Iterator[tuple[Connection, str, dict[str, object]]]:
        """A transaction for adding a photo whose file is written; with its SHA-256 and what the row says of it."""
        height, width = pixels.shape[:2]
        stored = encode(pixels)
        sha256 = hashlib.sha256(stored).hexdigest()
        with self._engine.begin() as connection:
            photo_rows.note_loose(connection, "photo", sha256)
        self._write_photo(sha256, stored)
        with self._engine.begin() as connection:
            photo_rows.withdraw_loose(connection, "photo", sha256)
            yield connection, sha256, {"width": width, "height": height, "added_at": _now()}
            self._write_photo(sha256, stored)  # again, if a sweep took it before the note was withdrawn

    def _write_photo(self, sha256: str, data: bytes) -> None:
        path = _photo_path(sha256)
        if not self._files.exists(path):
            self._files.write(path, data)

    def _sweep(self) -> None:
        """Remove the loose files that no row refers to; what cannot be removed is tried again next time."""
        try:
            while self._sweep_some():
                pass
        except OSError:
            log.warning("files that are no longer used could not be removed", exc_info=True)

    def _sweep_some(self) -> int:
        # _filed waits for the lock that this holds, then writes a file again that was taken away here.
        with self._engine.begin() as connection:
            loose = photo_rows.read_loose(connection, SWEEP)
            for kind, key in loose:
                if kind == "project":
                    self._files.remove(_models_path(key))
                elif not photo_rows.is_used(connection, key):
                    self._files.remove(_photo_path(key))
                    self._files.remove(_thumbnails_path(key))
                    photo_rows.forget_embeddings(connection, key)
                photo_rows.withdraw_loose(connection, kind, key)
        return len(loose)


def _photo_path(sha256: str) -> str:
    """Raises NotFound for what is no SHA-256, so that no address leads to another file."""
    return f"photos/{_shard(sha256)}.jpg"


def _thumbnails_path(sha256: str) -> str:
    return f"thumbnails/{_shard(sha256)}"


def _shard(sha256: str) -> str:
    # Folders with hundreds of thousands of files are slow to list.
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise NotFound("There is no such photo.", hint="Reload the page.")
    return f"{sha256[:2]}/{sha256[2:]}"


def _models_path(project_id: str) -> str:
    return f"models/{project_id}"


def _version_path(project_id: str, number: int) -> str:
    return f"{_models_path(project_id)}/{number}"


def _now() -> datetime:
    return datetime.now(UTC)

"""A project that is put together out of sight: it is there whole, or it was never there."""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, insert

from core.data.dataset import category_name
from core.data.photo import decode, encode
from core.data.sources import camera_source
from core.data.store import find_rows, project_rows, version_rows
from core.data.store.correction_rows import MOST_WAITING
from core.data.store.files import Files
from core.data.store.loose import note_all_loose, note_loose, withdraw_all_loose, withdraw_loose
from core.data.store.paths import photo_path, version_path
from core.data.store.pictures import stored_size
from core.data.store.records import Plan, Project, Version
from core.data.store.share_records import Origin
from core.data.store.share_tables import corrections
from core.data.store.tables import chunks, photos, plain, refused
from core.errors import BadInput, BadPhoto

MOST_PHOTOS = 50_000  # while they are published other writers wait


@dataclass(frozen=True)
class PhotoRecord:
    """All that the store knows of a photo but its picture; `category` is its category's place, from 0."""

    category: int
    sha256: str
    name: str
    kept: bool
    reason: str
    added_at: datetime
    provider: str = "upload"
    page: str = ""
    creator: str = ""
    licence: str = ""
    licence_url: str = ""
    title: str = ""
    source: str = ""


@dataclass(frozen=True)
class CorrectionRecord:
    """All that the store knows of a correction that waits, but its picture."""

    sha256: str
    name: str
    answered: str
    probability: float
    is_none: bool
    right: str
    origin: Origin
    version: int
    at: datetime
    source: str = ""


class Draft:
    """Categories, photos, versions and corrections of a project to be; `Whole.draft` makes one.

    Its files lie where nobody looks, its rows in memory, until `publish` makes it a project in one transaction. If
    it comes to nothing, or the program dies, no project is left; files of a program that died go within a day.
    """

    def __init__(self, engine: Engine, files: Files, staged: str) -> None:
        self._engine = engine
        self._files = files
        self._staged = staged
        self._categories: list[tuple[str, tuple[str, ...]]] = []
        self._places: dict[str, int] = {}
        self._photos: dict[tuple[int, str], dict[str, object]] = {}
        self._corrections: dict[str, dict[str, object]] = {}
        self._refused: list[dict[str, object]] = []
        self._versions: dict[int, tuple[Version, str]] = {}
        self._pictures: dict[str, tuple[int, int]] = {}  # width and height by SHA-256

    @property
    def photos(self) -> int:
        """How many there are."""
        return len(self._photos)

    def category(self, name: str, phrases: Sequence[str] = ()) -> int:
        """The place, from 0, of the category of this name, made if need be; `phrases` are what to search for.

        Raises BadInput for a name that is unusable.
        """
        name = category_name(name)
        place = self._places.setdefault(project_rows.folded(name), len(self._categories))
        if place == len(self._categories):
            self._categories.append((name, tuple(phrases)))
        return place

    def add(self, category: str, data: bytes, name: str) -> bool:
        """Keep a picture of any kind in the category of this name; False when that has it already.

        Raises BadPhoto, and BadInput for a name that is unusable or too many photos.
        """
        jpeg = encode(decode(data))
        sha256 = hashlib.sha256(jpeg).hexdigest()
        place = self.category(category)
        record = PhotoRecord(place, sha256, name, True, "", datetime.now(UTC), source=camera_source(data))
        return self.add_stored(record, jpeg)

    def add_stored(self, record: PhotoRecord, jpeg: bytes) -> bool:
        """Keep a picture as the store gave it, to the last bit; False when the category has it already.

        Raises BadPhoto for what the store does not give, or not by this SHA-256, and BadInput for too many.
        """
        place = (record.category, record.sha256)
        if place in self._photos:
            return False
        if len(self._photos) == MOST_PHOTOS:
            raise BadInput(f"It has more than {MOST_PHOTOS:,} photos.", hint="Make several projects of it.")
        row = self._row(record, jpeg)
        del row["category"]
        self._photos[place] = row
        return True

    def add_correction(self, record: CorrectionRecord, jpeg: bytes) -> None:
        """As `add_stored`, for one that waits."""
        if len(self._corrections) == MOST_WAITING:
            raise BadInput(f"More than {MOST_WAITING:,} corrections wait.", hint="Look through them before.")
        self._corrections[record.sha256] = self._row(record, jpeg)

    def refuse(self, name: str, reason: str) -> None:
        """Remember a file that could not be used."""
        self._refused.append({"name": plain(name), "reason": plain(reason), "added_at": datetime.now(UTC)})

    def add_version(self, version: Version, files: Mapping[str, bytes]) -> None:
        """Keep a trained model under its number; where none is live, the newest will be."""
        path = f"{self._staged}/versions/{version.number}"
        for name, data in files.items():
            self._files.write(f"{path}/{name}", data)
        self._versions[version.number] = version, path

    def publish(self, project: Project, plan: Plan | None = None) -> Project:
        """Make it this project, whose names, picks and time it takes; it gets an id of its own.

        Raises BadInput for a name that is unusable.
        """
        name, maker = project_rows.project_name(project.name), project_rows.maker_name(project.maker)
        project = replace(project, id=uuid.uuid4().hex, name=name, maker=maker)
        pictures = sorted(self._pictures)
        with self._engine.begin() as connection:
            note_loose(connection, "project", project.id)
            note_all_loose(connection, "photo", pictures)
        with self._engine.begin() as connection:
            withdraw_loose(connection, "project", project.id)
            withdraw_all_loose(connection, "photo", pictures)
            for sha256 in pictures:
                self._file_picture(sha256)
            self._insert(connection, project, plan)
        return project

    def discard(self) -> None:
        """Remove what was not published."""
        self._files.remove(self._staged)

    def _insert(self, connection: Connection, project: Project, plan: Plan | None) -> None:
        project_rows.insert_project(connection, project)
        ids = []
        for name, phrases in self._categories:
            category = project_rows.insert_category(connection, project.id, name)
            find_rows.write_phrases(connection, category.id, phrases)
            ids.append(category.id)
        if plan is not None:
            find_rows.write_plan(connection, project.id, plan)
        here = {"project_id": project.id}
        placed = [{**here, "category_id": ids[place], **row} for (place, _), row in self._photos.items()]
        for table, rows in ((photos, placed), (corrections, self._corrections.values()), (refused, self._refused)):
            for some in chunks([{**here, **row} for row in rows]):
                connection.execute(insert(table), some)
        live = max((number for number, (version, _) in self._versions.items() if version.is_live), default=None)
        for number, (version, staged) in sorted(self._versions.items()):
            self._files.publish(staged, version_path(project.id, number))
            is_live = number == (live or max(self._versions))
            version_rows.insert_version(connection, replace(version, project_id=project.id, is_live=is_live))

    def _row(self, record: PhotoRecord | CorrectionRecord, jpeg: bytes) -> dict[str, object]:
        width, height = self._add_picture(record.sha256, jpeg)
        values = {name: plain(value) if isinstance(value, str) else value for name, value in vars(record).items()}
        return values | {"width": width, "height": height}

    def _add_picture(self, sha256: str, jpeg: bytes) -> tuple[int, int]:
        """Its width and height."""
        if sha256 not in self._pictures:
            if hashlib.sha256(jpeg).hexdigest() != sha256:
                raise BadPhoto("The picture is not the one that it is said to be.", hint="Make the file again.")
            size = stored_size(jpeg)
            self._files.write(self._picture_path(sha256), jpeg)
            self._pictures[sha256] = size
        return self._pictures[sha256]

    def _picture_path(self, sha256: str) -> str:
        return f"{self._staged}/{photo_path(sha256)}"

    def _file_picture(self, sha256: str) -> None:
        path = photo_path(sha256)
        if not self._files.exists(path):
            self._files.publish(self._picture_path(sha256), path)

"""The photos of each project: added, looked through, kept or set aside, moved, deleted."""

from collections.abc import Collection as Several
from collections.abc import Sequence

from sqlalchemy import Engine

from core.data.photo import Pixels, decode
from core.data.sources import camera_source
from core.data.store import change_rows, photo_rows, project_rows
from core.data.store.pictures import Pictures
from core.data.store.records import DROPPED_BY_PERSON, Added, Counts, Credit, StoredPhoto
from core.data.store.tables import chunks, photos, plain

UPLOADED = Credit()


class Photos:
    """Each change is one transaction; methods raise NotFound for a project or category that is no longer there.

    What is `undoable` can be undone by `Changes`.
    """

    def __init__(self, engine: Engine, pictures: Pictures) -> None:
        self._engine = engine
        self._reading = engine.execution_options(reading=True)
        self._pictures = pictures

    def add(
        self, category_id: int, data: bytes, name: str, credit: Credit = UPLOADED, *, undoable: bool = False
    ) -> Added:
        """Keep a picture in a category, once; one that was set aside there stays so. Raises BadPhoto."""
        with self._reading.connect() as connection:
            project_rows.read_category(connection, category_id)
        return self.add_pixels(category_id, decode(data), name, credit, camera_source(data), undoable=undoable)

    def add_pixels(
        self,
        category_id: int,
        pixels: Pixels,
        name: str,
        credit: Credit = UPLOADED,
        source: str = "",
        *,
        undoable: bool = False,
    ) -> Added:
        """As `add`, for a picture that is decoded already; `source` is what `camera_source` read of it."""
        with self._pictures.filed(pixels) as (connection, sha256, values):
            category = project_rows.read_category(connection, category_id)
            values |= {field: plain(text) for field, text in {"name": name, "source": source, **vars(credit)}.items()}
            photo, is_new = photo_rows.insert_photo(connection, category, sha256, values)
            others = photo_rows.other_categories(connection, photo) if photo.kept else ()
            if undoable and is_new:
                words = f"added a photo to '{category.name}'"
                change_rows.record_change(connection, {}, words, added=[photo.id])
        return Added(photo, is_new, others)

    def of(
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

    def one(self, project_id: str, photo_id: int) -> StoredPhoto:
        """Raises NotFound also for a photo of another project."""
        with self._reading.connect() as connection:
            return photo_rows.read_one(connection, project_id, photo_id)

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

    def set_kept(
        self, photo_ids: Several[int], kept: bool, reason: str | None = None, *, undoable: bool = False
    ) -> int:
        """Keep photos, or set them aside for a reason; how many of them there are.

        Without one they are kept for none, and set aside because the person dropped them.
        """
        if reason is None:
            reason = "" if kept else DROPPED_BY_PERSON
        ids = list(photo_ids)
        with self._engine.begin() as connection:
            before = change_rows.pictures_of(connection, ids) if undoable else {}
            found = photo_rows.set_kept(connection, ids, kept, plain(reason))
            change_rows.record_change(connection, before, f"{'kept' if kept else 'dropped'} {_count(found)}")
        return found

    def move(self, photo_ids: Several[int], category_id: int, *, undoable: bool = False) -> int:
        """Move photos to another category of their project; how many left their old one.

        A picture that the new category holds already becomes one with it, kept if either was.
        """
        ids = list(photo_ids)
        with self._engine.begin() as connection:
            category = project_rows.read_category(connection, category_id)
            before = change_rows.pictures_of(connection, ids) if undoable else {}
            moved = photo_rows.move_photos(connection, ids, category)
            change_rows.record_change(connection, before, f"moved {_count(moved)} to '{category.name}'")
        return moved

    def move_each(self, pairs: Sequence[tuple[int, int]], words: str) -> int:
        """Move each photo to its category, (photo id, category id), as one change to undo, which `words` tell of.

        How many left their old category; otherwise as `move`.
        """
        by_category: dict[int, list[int]] = {}
        for photo_id, category_id in pairs:
            by_category.setdefault(category_id, []).append(photo_id)
        with self._engine.begin() as connection:
            before = change_rows.pictures_of(connection, [photo_id for photo_id, _ in pairs])
            moved = 0
            for category_id, ids in by_category.items():
                category = project_rows.read_category(connection, category_id)
                moved += photo_rows.move_photos(connection, ids, category)
            change_rows.record_change(connection, before, words)
        return moved

    def delete(self, photo_ids: Several[int]) -> int:
        """Delete photos for good; how many of them there were."""
        with self._engine.begin() as connection:
            deleted = sum(
                photo_rows.delete_photos(connection, photos.c.id.in_(some)) for some in chunks(list(photo_ids))
            )
        self._pictures.sweep()
        return deleted

    def delete_dropped(self, project_id: str) -> int:
        """Delete for good the photos that are set aside; how many there were."""
        with self._engine.begin() as connection:
            dropped = (photos.c.project_id == project_id) & ~photos.c.kept
            deleted = photo_rows.delete_photos(connection, dropped)
        self._pictures.sweep()
        return deleted

    def read(self, sha256: str) -> bytes:
        """The picture as stored, a JPEG."""
        return self._pictures.read(sha256)

    def thumbnail(self, sha256: str, side: int = 160) -> bytes:
        """A square JPEG of the picture, drawn once and kept."""
        return self._pictures.thumbnail(sha256, side)


def _count(photos: int) -> str:
    return f"{photos:,} photo{'' if photos == 1 else 's'}"

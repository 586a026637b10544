"""Whole projects: read row by row to be kept elsewhere, and put together out of sight."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, select

from core.data.store import project_rows
from core.data.store.draft import CorrectionRecord, Draft, PhotoRecord
from core.data.store.files import Files
from core.data.store.share_tables import corrections
from core.data.store.tables import CHUNK, photos


class Whole:
    """What keeping a project as one file needs; methods raise NotFound for one that is no longer there."""

    def __init__(self, engine: Engine, files: Files) -> None:
        self._engine = engine
        self._reading = engine.execution_options(reading=True)
        self._files = files

    def photos(self, project_id: str) -> Iterator[PhotoRecord]:
        """Every photo, also those set aside, oldest first; read some at a time, so that any number fits in memory."""
        with self._reading.connect() as connection:
            project_rows.read_project(connection, project_id)
            places = {
                category.id: place
                for place, category in enumerate(project_rows.read_categories(connection, project_id))
            }
        columns = [photos.c[name] for name in PhotoRecord.__dataclass_fields__ if name != "category"]
        here = select(photos.c.id, photos.c.category_id, *columns).where(photos.c.project_id == project_id)
        last = 0
        while True:
            with self._reading.connect() as connection:
                rows = connection.execute(here.where(photos.c.id > last).order_by(photos.c.id).limit(CHUNK)).all()
            for _, category_id, *values in rows:
                if category_id in places:  # or it came while this was read
                    yield PhotoRecord(places[category_id], *values)
            if not rows:
                return
            last = rows[-1].id

    def corrections(self, project_id: str) -> list[CorrectionRecord]:
        """Those that wait, oldest first."""
        columns = [corrections.c[name] for name in CorrectionRecord.__dataclass_fields__]
        here = select(*columns).where(corrections.c.project_id == project_id, corrections.c.change_id.is_(None))
        with self._reading.connect() as connection:
            project_rows.read_project(connection, project_id)
            return [CorrectionRecord(*row) for row in connection.execute(here.order_by(corrections.c.id))]

    @contextmanager
    def draft(self) -> Iterator[Draft]:
        """A project to be; nothing of it is left unless it is published before the block ends."""
        draft = Draft(self._engine, self._files, self._files.stage({}))
        try:
            yield draft
        finally:
            draft.discard()

"""What the person did to photos and may undo."""

from datetime import datetime

from sqlalchemy import Engine

from core.data.store import change_rows, project_rows
from core.data.store.pictures import Pictures
from core.data.store.records import Change


class Changes:
    """The last `change_rows.MOST_CHANGES` of each project; each method is one transaction."""

    def __init__(self, engine: Engine, pictures: Pictures) -> None:
        self._engine = engine
        self._reading = engine.execution_options(reading=True)
        self._pictures = pictures

    def last(self, project_id: str) -> Change | None:
        """The one that can be undone now. Raises NotFound when the project is gone."""
        with self._reading.connect() as connection:
            project_rows.read_project(connection, project_id)
            return change_rows.read_last(connection, project_id)

    def undo(self, change_id: int) -> Change:
        """Have its photos as they were before, but for those `lost`; then it is forgotten.

        A photo that it added is deleted. Which version is live stays as it is; `live` says which one was. Raises
        NotFound when it was undone already, and BadInput when another change came after it.
        """
        with self._engine.begin() as connection:
            change = change_rows.undo_change(connection, change_id)
        self._pictures.sweep()
        return change

    def undo_since(self, project_id: str, moment: datetime) -> None:
        """Undo every change that was made after this moment, the last one first."""
        while (change := self.last(project_id)) is not None and change.at > moment:
            self.undo(change.id)

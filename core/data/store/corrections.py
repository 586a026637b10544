"""Photos that were answered wrongly: sent by whoever tried a model, then accepted or rejected by the person."""

from collections.abc import Collection as Several
from datetime import UTC, datetime

from sqlalchemy import Engine

from core.data.dataset import category_name
from core.data.photo import Pixels, decode
from core.data.sources import camera_source
from core.data.store import correction_rows, project_rows
from core.data.store.pictures import Pictures
from core.data.store.share_records import Correction, Origin
from core.data.store.tables import plain
from core.errors import BadInput


class Corrections:
    """Each method is one transaction, and raises NotFound for a project that is no longer there.

    What is accepted can be undone by `Changes`: then it waits again.
    """

    def __init__(self, engine: Engine, pictures: Pictures) -> None:
        self._engine = engine
        self._reading = engine.execution_options(reading=True)
        self._pictures = pictures

    def add(
        self,
        project_id: str,
        photo: bytes | Pixels,
        *,
        name: str,
        answered: str,
        probability: float,
        is_none: bool,
        right: str,
        origin: Origin,
        version: int,
    ) -> Correction:
        """Have a photo wait for the person, in place of an earlier correction of the same picture.

        `right` need not be a category by now: it is what a version, older perhaps than a new name, knows. Raises
        BadPhoto, and BadInput for what can be no category's name or while too many wait.
        """
        values = {
            "name": plain(name),
            "answered": plain(answered),
            "probability": probability,
            "is_none": is_none,
            "right": category_name(right),
            "origin": origin,
            "version": version,
            "at": datetime.now(UTC),
            "source": camera_source(photo) if isinstance(photo, bytes) else "",
        }
        with self._reading.connect() as connection:
            project_rows.read_project(connection, project_id)
        pixels = decode(photo) if isinstance(photo, bytes) else photo
        height, width = pixels.shape[:2]
        values |= {"width": width, "height": height}
        try:
            with self._pictures.filed(pixels) as (connection, sha256, _):
                return correction_rows.insert_correction(connection, project_id, sha256, values)
        except BadInput:
            self._pictures.sweep()  # nobody may fill the disk with what is turned away
            raise

    def waiting(self, project_id: str) -> list[Correction]:
        """Least sure first; those answered as none of the categories before all others."""
        with self._reading.connect() as connection:
            return correction_rows.read_waiting(connection, project_id)

    def count(self, project_id: str) -> int:
        """How many wait; cheap."""
        with self._reading.connect() as connection:
            return correction_rows.count_waiting(connection, project_id)

    def accept(self, correction_ids: Several[int], *, right: str | None = None) -> int:
        """Have their photos join the categories that they name, or this one; how many of them still waited.

        A picture that the project has already moves there, and is kept even if it was set aside. A category
        NONE_OF_THESE is made when it is missing; any other that is missing is BadInput, and nothing changes.
        """
        right = None if right is None else category_name(right)
        with self._engine.begin() as connection:
            return correction_rows.accept(connection, list(correction_ids), right)

    def reject(self, correction_ids: Several[int]) -> int:
        """Forget them with their pictures; how many of them still waited."""
        with self._engine.begin() as connection:
            rejected = correction_rows.reject(connection, list(correction_ids))
        self._pictures.sweep()
        return rejected

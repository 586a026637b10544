"""What is to be collected from the web for each category, what searches found, and what became of it."""

from collections.abc import Sequence

from sqlalchemy import Engine

from core.data.photo import Pixels
from core.data.search.hit import Hit, ProviderOutcome
from core.data.store import find_rows, project_rows
from core.data.store.loose import is_used, note_loose
from core.data.store.pictures import Pictures
from core.data.store.records import Collection, Find, FindState, Plan
from core.errors import BadInput

MOST_WANTED = 1_000  # photos a category: no search gives more


class Web:
    """Each method is one transaction, and raises NotFound for a project or category that is no longer there."""

    def __init__(self, engine: Engine, pictures: Pictures) -> None:
        self._engine = engine
        self._reading = engine.execution_options(reading=True)
        self._pictures = pictures

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

    def store(self, find_id: int, pixels: Pixels) -> Find | None:
        """Keep the picture of a pending find; the find as it then is, or None when it is no longer pending.

        A picture that is in the category, or was, does not come again: then the find failed, for that reason.
        """
        with self._pictures.filed(pixels) as (connection, sha256, values):
            find = find_rows.settle_stored(connection, find_id, sha256, values)
            if not is_used(connection, sha256):
                note_loose(connection, "photo", sha256)
        return find

    def fail(self, find_id: int, reason: str) -> None:
        """Nothing came of this find."""
        with self._engine.begin() as connection:
            find_rows.settle_failed(connection, find_id, reason)

    def reopen(self, find_ids: Sequence[int]) -> None:
        """Have those of them that failed tried again."""
        with self._engine.begin() as connection:
            find_rows.reopen(connection, find_ids)

"""Rows of background work; `core.jobs` is their one user."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from core.data.store.records import Job, JobState
from core.data.store.tables import jobs, plain, projects
from core.errors import NotFound

_JOB = select(
    jobs.c.id,
    jobs.c.project_id,
    jobs.c.kind,
    jobs.c.state,
    jobs.c.fraction,
    jobs.c.words,
    jobs.c.message,
    jobs.c.result,
    jobs.c.started_at,
    jobs.c.updated_at,
    jobs.c.owner,
    jobs.c.heartbeat_at,
    jobs.c.dismissed,
)


@dataclass(frozen=True)
class OwnedJob:
    """A job as its row says, and who works on it: `owner` showed a sign of life at `heartbeat_at`."""

    job: Job
    owner: str
    heartbeat_at: datetime
    dismissed: bool


class JobRows:
    """Each method is one transaction; a job that has ended never changes again, but for being dismissed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reading = engine.execution_options(reading=True)

    def claim(
        self,
        project_id: str,
        kind: str,
        *,
        alone: bool,
        job_id: str,
        owner: str,
        is_alive: Callable[[OwnedJob], bool],
        interrupted: str,
    ) -> str:
        """`job_id`, now queued; or, if it is to be alone, the id of the one of its kind that is live already.

        One whose owner is dead is marked as interrupted, with the words given. Raises NotFound.
        """
        now = datetime.now(UTC)
        only = f"{project_id} {kind}" if alone else None
        holder = _JOB.where(jobs.c.only == only)
        row = {
            "id": job_id,
            "project_id": project_id,
            "kind": kind,
            "state": "queued",
            "live": True,
            "only": only,
            "fraction": 0.0,
            "words": "",
            "message": "",
            "result": "{}",
            "owner": owner,
            "cancel_asked": False,
            "dismissed": False,
            "started_at": now,
            "updated_at": now,
            "heartbeat_at": now,
        }
        with self._engine.begin() as connection:
            if not connection.scalar(select(exists().where(projects.c.id == project_id))):
                raise NotFound("This project is no longer there.", hint="Choose one from your projects.")
            found = _one(connection, holder) if alone else None
            if found and is_alive(found):
                return found.job.id
            if found:
                _end(connection, found.job.id, "interrupted", interrupted)
            try:
                with connection.begin_nested():
                    connection.execute(insert(jobs).values(row))
            except IntegrityError:  # another process was first, on a database that lets two writers in
                return str(connection.execute(holder).one().id)
        return job_id

    def read(self, job_id: str) -> OwnedJob | None:
        with self._reading.connect() as connection:
            return _one(connection, _JOB.where(jobs.c.id == job_id))

    def latest(self, project_id: str, kind: str) -> OwnedJob | None:
        """The one that was started last."""
        here = _JOB.where(jobs.c.project_id == project_id, jobs.c.kind == kind)
        with self._reading.connect() as connection:
            return _one(connection, here.order_by(jobs.c.number.desc()).limit(1))

    def live(self, project_id: str, kind: str) -> list[OwnedJob]:
        """Those that are queued or running, oldest first."""
        here = _JOB.where(jobs.c.project_id == project_id, jobs.c.kind == kind, jobs.c.live)
        with self._reading.connect() as connection:
            return [_owned(row) for row in connection.execute(here.order_by(jobs.c.number))]

    def begin(self, job_id: str) -> bool:
        """Its turn has come; False when it is no longer wanted."""
        now = datetime.now(UTC)
        waiting = update(jobs).where(jobs.c.id == job_id, jobs.c.state == "queued")
        change = waiting.values(state="running", started_at=now, updated_at=now)
        with self._engine.begin() as connection:
            return connection.execute(change).rowcount == 1

    def advance(self, job_id: str, fraction: float, words: str) -> bool:
        """How far it is; False when it is to stop."""
        wanted = update(jobs).where(jobs.c.id == job_id, jobs.c.live, ~jobs.c.cancel_asked)
        change = wanted.values(fraction=fraction, words=plain(words), updated_at=datetime.now(UTC))
        with self._engine.begin() as connection:
            return connection.execute(change).rowcount == 1

    def end(
        self,
        job_id: str,
        state: JobState,
        message: str,
        result: str = "{}",
        last: tuple[float, str] | None = None,
    ) -> None:
        """It is over; `result` is JSON, `last` the fraction and words that it ended with."""
        with self._engine.begin() as connection:
            _end(connection, job_id, state, message, result, last)

    def end_all(self, owner: str, message: str) -> None:
        """This owner is no more: what it had not finished is interrupted."""
        with self._engine.begin() as connection:
            unfinished = select(jobs.c.id).where(jobs.c.owner == owner, jobs.c.live)
            for job_id in connection.scalars(unfinished).all():
                _end(connection, job_id, "interrupted", message)

    def ask_cancel(self, job_id: str, words: str, message: str) -> None:
        """Have it stop when it next reports; one that still waits is cancelled at once."""
        here = jobs.c.id == job_id
        with self._engine.begin() as connection:
            if connection.scalar(select(jobs.c.state).where(here)) == "queued":
                _end(connection, job_id, "cancelled", message)
            connection.execute(update(jobs).where(here, jobs.c.live).values(cancel_asked=True, words=words))

    def dismiss(self, job_id: str) -> None:
        """The person has seen how it ended; nothing happens while it is live."""
        over = update(jobs).where(jobs.c.id == job_id, ~jobs.c.live)
        with self._engine.begin() as connection:
            connection.execute(over.values(dismissed=True))

    def beat(self, owner: str) -> None:
        """A sign of life for all that this owner works on."""
        mine = update(jobs).where(jobs.c.owner == owner, jobs.c.live)
        with self._engine.begin() as connection:
            connection.execute(mine.values(heartbeat_at=datetime.now(UTC)))


def _one(connection: Connection, query: Select[*tuple[Any, ...]]) -> OwnedJob | None:
    row = connection.execute(query).one_or_none()
    return None if row is None else _owned(row)


def _owned(row: Row[*tuple[Any, ...]]) -> OwnedJob:
    values = row._asdict()
    owner, heartbeat_at, dismissed = (values.pop(name) for name in ("owner", "heartbeat_at", "dismissed"))
    return OwnedJob(Job(**values | {"result": json.loads(row.result)}), owner, heartbeat_at, dismissed)


def _end(
    connection: Connection,
    job_id: str,
    state: JobState,
    message: str,
    result: str = "{}",
    last: tuple[float, str] | None = None,
) -> None:
    values: dict[str, object] = {
        "state": state,
        "live": False,
        "only": None,
        "message": plain(message),
        "result": result,
        "updated_at": datetime.now(UTC),
    }
    if last is not None:
        values |= {"fraction": last[0], "words": plain(last[1])}
    connection.execute(update(jobs).where(jobs.c.id == job_id, jobs.c.live).values(values))

"""Long work in the background: progress, cancel, found again from any tab or process, honest after a crash.

Each process that works holds a lock on a file of its own. The operating system gives the lock back when the
process dies, however it dies, so that nobody takes dead work for live. On another machine that shares only
the database, where that file is not to be seen, a recent sign of life has to do.
"""

import json
import logging
import math
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from core.data.store import Store
from core.data.store.job_rows import JobRows, OwnedJob
from core.data.store.records import Job, JobState
from core.errors import AppError, Cancelled, NotFound

__all__ = ["Job", "JobState", "Jobs", "Progress", "Work"]

WRITE_SECONDS = 0.2  # between two writes of progress: the eye sees no more
BEAT_SECONDS = 1.0  # between two signs of life
DEAD_SECONDS = 10.0  # without one, and without a lock to try, the owner is dead
SUFFIX = ".owner"  # of the lock files

STOPPING = "Stopping …"
CANCELLED = "You stopped this."
INTERRUPTED = "Thimble was closed in the middle of this. Start it again: it goes on from where it was."
UNEXPECTED = "Something went wrong that Thimble did not expect. Try again; if it happens again, its log says why."

log = logging.getLogger(__name__)


class Progress:
    """How work says how far it is, and learns that it is to stop; safe to share, and cheap to call often."""

    def __init__(self, rows: JobRows, job_id: str) -> None:
        self._rows = rows
        self._job_id = job_id
        self._lock = threading.Lock()
        self._written_at = -math.inf
        self._is_written = True
        self._is_stopped = False
        self.last = (0.0, "")

    def __call__(self, fraction: float, words: str) -> None:
        """`fraction` is from 0 to 1. Raises Cancelled when the person asked to stop."""
        with self._lock:
            self.last = (min(max(float(fraction), 0.0), 1.0), words)
            self._is_written = False
            if time.monotonic() - self._written_at >= WRITE_SECONDS:
                self._write()
        if self._is_stopped:
            raise Cancelled(CANCELLED)

    def flush(self) -> None:
        """Write what was too soon to be written."""
        with self._lock:
            if not self._is_written:
                self._write()

    def _write(self) -> None:
        if not self._rows.advance(self._job_id, *self.last):
            self._is_stopped = True
        self._is_written = True
        self._written_at = time.monotonic()


Work = Callable[[Progress], dict[str, object]]


class Jobs:
    """Runs work in `workers` threads of this process; one object a process, shared by all its threads.

    The threads do not keep the process from ending: what they leave unfinished is interrupted.
    """

    def __init__(self, store: Store, *, workers: int = 2) -> None:
        self._rows = store.jobs
        self._locks = store.locks
        self._owner = uuid.uuid4().hex
        self._lock = FileLock(self._lock_of(self._owner), thread_local=False)
        self._lock.acquire()
        self._slots = threading.Semaphore(workers)
        self._guard = threading.Lock()
        self._trial = threading.Lock()
        self._progress: dict[str, Progress] = {}
        self._threads: set[threading.Thread] = set()
        self._is_closed = threading.Event()
        self._bury_the_dead()
        self._heart = threading.Thread(target=self._beat, name="jobs-heartbeat", daemon=True)
        self._heart.start()

    def start(self, project_id: str, kind: str, work: Work, *, alone: bool = True) -> str:
        """Begin `work`, or queue it while all threads are busy; the job's id.

        Alone of its kind in the project, it is not started while another is live: the id is that one's. Work
        that must not be dropped, such as storing an upload, is started with `alone=False`. Raises NotFound.
        """
        if self._is_closed.is_set():
            raise RuntimeError("these jobs were shut down")
        job_id = uuid.uuid4().hex
        progress = Progress(self._rows, job_id)
        with self._guard:
            self._progress[job_id] = progress
        try:
            claimed = self._rows.claim(
                project_id,
                kind,
                alone=alone,
                job_id=job_id,
                owner=self._owner,
                is_alive=self._is_alive,
                interrupted=INTERRUPTED,
            )
        except BaseException:
            self._forget(job_id)
            raise
        if claimed != job_id:
            self._forget(job_id)
            return claimed
        thread = threading.Thread(target=self._run, args=(job_id, progress, work), name=f"job-{kind}", daemon=True)
        with self._guard:
            self._threads.add(thread)
        thread.start()
        return job_id

    def latest(self, project_id: str, kind: str) -> Job | None:
        """The one that was started last, from whatever tab or process; None when it was dismissed."""
        found = self._seen(lambda: self._rows.latest(project_id, kind))
        return None if found is None or found.dismissed else found.job

    def live(self, project_id: str, kind: str) -> list[Job]:
        """Those that are queued or running, oldest first."""
        return [owned.job for owned in self._rows.live(project_id, kind) if self._is_alive(owned)]

    def get(self, job_id: str) -> Job:
        """Raises NotFound."""
        found = self._seen(lambda: self._rows.read(job_id))
        if found is None:
            raise NotFound("This work is no longer known.", hint="Perhaps its project was deleted.")
        return found.job

    def cancel(self, job_id: str) -> None:
        """Have it stop when it next reports; one that still waits for its turn is cancelled at once."""
        if self.get(job_id).state == "interrupted":
            self._rows.end(job_id, "interrupted", INTERRUPTED)
        self._rows.ask_cancel(job_id, STOPPING, CANCELLED)

    def dismiss(self, job_id: str) -> None:
        """The person has seen how it ended, `latest` no longer tells; nothing happens while it is live."""
        if self.get(job_id).state == "interrupted":
            self._rows.end(job_id, "interrupted", INTERRUPTED)
        self._rows.dismiss(job_id)

    def shutdown(self, wait: bool = True) -> None:
        """Start nothing more. With `wait` all that was started ends first; else it is interrupted now."""
        self._is_closed.set()
        if wait:
            with self._guard:
                threads = list(self._threads)
            for thread in threads:
                thread.join()
        self._heart.join()
        self._rows.end_all(self._owner, INTERRUPTED)
        self._lock.release()
        with suppress(OSError):
            self._lock_of(self._owner).unlink(missing_ok=True)

    def _run(self, job_id: str, progress: Progress, work: Work) -> None:
        try:
            with self._slots:
                if self._rows.begin(job_id):
                    state, message, result = _outcome(work, progress)
                    self._rows.end(job_id, state, message, result, progress.last)
        finally:
            self._forget(job_id)
            with self._guard:
                self._threads.discard(threading.current_thread())

    def _forget(self, job_id: str) -> None:
        with self._guard:
            del self._progress[job_id]

    def _beat(self) -> None:
        while not self._is_closed.wait(BEAT_SECONDS):
            with self._guard:
                reporting = list(self._progress.values())
            try:
                for progress in reporting:
                    progress.flush()
                if reporting:
                    self._rows.beat(self._owner)
            except Exception:  # whatever ails the database for a moment, the heart goes on
                log.warning("a sign of life could not be written", exc_info=True)

    def _seen(self, read: Callable[[], OwnedJob | None]) -> OwnedJob | None:
        """The job as it truly stands: one whose owner died in the middle of it is interrupted."""
        found = read()
        if found is None or not found.job.is_live or self._is_alive(found):
            return found
        found = read()  # it may have ended well between the first look and the owner's end
        if found is None or not found.job.is_live:
            return found
        return replace(found, job=replace(found.job, state="interrupted", message=INTERRUPTED))

    def _is_alive(self, owned: OwnedJob) -> bool:
        if owned.owner == self._owner:
            with self._guard:
                return owned.job.id in self._progress
        silence = (datetime.now(UTC) - owned.heartbeat_at).total_seconds()
        if not self._lock_of(owned.owner).exists():
            return silence < DEAD_SECONDS
        # Another process may be trying a dead owner's lock at this very moment, so that it looks held.
        return not self._try_lock(owned.owner, patience=0.1 if silence > 2 * BEAT_SECONDS else 0)

    def _try_lock(self, owner: str, *, patience: float, then: Callable[[], None] = lambda: None) -> bool:
        """True when nobody holds this owner's lock; `then` is done while nobody else can."""
        with self._trial:
            try:
                with FileLock(self._lock_of(owner)).acquire(timeout=patience, poll_interval=0.01):
                    then()
            except Timeout:
                return False
        return True

    def _bury_the_dead(self) -> None:
        """Lock files of processes that died would pile up; their work is interrupted for good."""
        for path in self._locks.glob(f"*{SUFFIX}"):
            owner = path.name.removesuffix(SUFFIX)
            if owner != self._owner:
                self._try_lock(owner, patience=0, then=partial(self._bury, owner))

    def _bury(self, owner: str) -> None:
        self._rows.end_all(owner, INTERRUPTED)
        with suppress(OSError):  # Windows removes no file that is open; the next process tries again
            self._lock_of(owner).unlink(missing_ok=True)

    def _lock_of(self, owner: str) -> Path:
        return self._locks / f"{owner}{SUFFIX}"


def _outcome(work: Work, progress: Progress) -> tuple[JobState, str, str]:
    """State, message and result (JSON) of the work, whatever becomes of it."""
    try:
        return "done", "", json.dumps(work(progress))
    except Cancelled:
        return "cancelled", CANCELLED, "{}"
    except AppError as error:
        return "failed", str(error), "{}"
    except BaseException:  # also what is meant to end a process: here it would leave the job running for ever
        log.exception("work in the background failed")
        return "failed", UNEXPECTED, "{}"

"""Background work can be watched, stopped and found again from anywhere, and says how it ended."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.data.store import Store
from core.errors import BadInput, Cancelled, NotFound
from core.jobs import Job, Jobs, Progress

GIVE_UP = 20.0  # seconds; far more than anything here takes


def until(ask: Callable[[], object]) -> None:
    """Wait for `ask` to say something true."""
    end = time.monotonic() + GIVE_UP
    while not ask():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "home")
    yield store
    store.close()


@pytest.fixture
def project(store: Store) -> str:
    return store.create_project("Pets").id


@pytest.fixture
def open_jobs(store: Store) -> Iterator[Callable[..., Jobs]]:
    opened: list[Jobs] = []

    def open_(workers: int = 2) -> Jobs:
        opened.append(Jobs(store, workers=workers))
        return opened[-1]

    yield open_
    for jobs in opened:
        jobs.shutdown(wait=False)


@pytest.fixture
def jobs(open_jobs: Callable[..., Jobs]) -> Jobs:
    return open_jobs()


class Slow:
    """Work that goes on, reporting, until it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.stopped_by: list[BaseException] = []

    def __call__(self, progress: Progress) -> dict[str, object]:
        try:
            while not self.let_go.wait(0.005):
                progress(0.25, "Looking at your photos")
        except BaseException as error:
            self.stopped_by.append(error)
            raise
        return {"photos": 7}


@pytest.fixture
def slow() -> Iterator[Slow]:
    slow = Slow()
    yield slow
    slow.let_go.set()


def ended(jobs: Jobs, job_id: str) -> Job:
    until(lambda: not jobs.get(job_id).is_live)
    return jobs.get(job_id)


def test_work_is_watched_from_another_process_to_its_end(
    open_jobs: Callable[..., Jobs], project: str, slow: Slow
) -> None:
    here, elsewhere = open_jobs(), open_jobs()
    job_id = here.start(project, "train", slow)
    until(lambda: elsewhere.get(job_id).words == "Looking at your photos")
    running = elsewhere.latest(project, "train")
    assert running is not None
    assert (running.id, running.state, running.fraction) == (job_id, "running", 0.25)
    assert [job.id for job in elsewhere.live(project, "train")] == [job_id]
    slow.let_go.set()
    done = ended(elsewhere, job_id)
    assert (done.state, done.result, done.message) == ("done", {"photos": 7}, "")
    assert done.started_at <= running.updated_at <= done.updated_at
    assert elsewhere.live(project, "train") == here.live(project, "train") == []


def test_a_job_is_found_after_a_restart(store: Store, project: str) -> None:
    first = Jobs(store)
    job_id = first.start(project, "train", lambda progress: {"version": 3})
    first.shutdown()
    second = Jobs(Store(store.home))
    found = second.latest(project, "train")
    second.shutdown()
    assert found is not None
    assert (found.id, found.state, found.result) == (job_id, "done", {"version": 3})


def test_the_last_words_are_kept_however_fast_they_came(jobs: Jobs, project: str) -> None:
    def hasty(progress: Progress) -> dict[str, object]:
        for number in range(1_000):
            progress(number / 1_000, f"photo {number}")
        return {}

    done = ended(jobs, jobs.start(project, "train", hasty))
    assert (done.fraction, done.words) == (0.999, "photo 999")


def test_words_before_a_long_silence_are_seen(jobs: Jobs, project: str) -> None:
    quiet = threading.Event()

    def work(progress: Progress) -> dict[str, object]:
        progress(0.1, "reading")
        progress(0.2, "thinking")  # too soon after the first to be written at once
        quiet.wait(GIVE_UP)
        return {}

    job_id = jobs.start(project, "train", work)
    until(lambda: jobs.get(job_id).words == "thinking")
    quiet.set()
    assert ended(jobs, job_id).state == "done"


@pytest.mark.parametrize(("fraction", "seen"), [(-1, 0), (2, 1), (0.5, 0.5)])
def test_progress_stays_between_nothing_and_all(jobs: Jobs, project: str, fraction: float, seen: float) -> None:
    def work(progress: Progress) -> dict[str, object]:
        progress(fraction, "odd \udcff words \0")
        return {}

    done = ended(jobs, jobs.start(project, "train", work))
    assert (done.state, done.fraction) == ("done", seen)


def test_cancelling_from_another_process_stops_the_work(
    open_jobs: Callable[..., Jobs], project: str, slow: Slow
) -> None:
    here, elsewhere = open_jobs(), open_jobs()
    job_id = here.start(project, "train", slow)
    until(lambda: here.get(job_id).words)
    elsewhere.cancel(job_id)
    cancelled = ended(here, job_id)
    assert (cancelled.state, cancelled.words) == ("cancelled", "Looking at your photos")
    assert [type(error) for error in slow.stopped_by] == [Cancelled]


def test_work_that_waits_for_its_turn_is_cancelled_at_once(
    open_jobs: Callable[..., Jobs], project: str, slow: Slow
) -> None:
    jobs = open_jobs(workers=1)
    first = jobs.start(project, "train", slow)
    until(lambda: jobs.get(first).state == "running")
    never = threading.Event()
    waiting = jobs.start(project, "upload", lambda progress: {"ran": never.set()})
    assert jobs.get(waiting).state == "queued"
    jobs.cancel(waiting)
    assert jobs.get(waiting).state == "cancelled"
    slow.let_go.set()
    jobs.shutdown()
    assert jobs.get(first).state == "done"
    assert jobs.get(waiting).state == "cancelled"
    assert not never.is_set()


def test_cancelling_what_has_ended_changes_nothing(jobs: Jobs, project: str) -> None:
    job_id = jobs.start(project, "train", lambda progress: {"version": 1})
    done = ended(jobs, job_id)
    jobs.cancel(job_id)
    assert jobs.get(job_id) == done


def test_only_one_of_a_kind_is_live_in_a_project(
    open_jobs: Callable[..., Jobs], store: Store, project: str, slow: Slow
) -> None:
    here, elsewhere = open_jobs(workers=4), open_jobs(workers=4)
    job_id = here.start(project, "train", slow)
    assert here.start(project, "train", slow) == job_id
    assert elsewhere.start(project, "train", slow) == job_id
    others = {here.start(project, "upload", slow), here.start(store.create_project("Zoo").id, "train", slow)}
    assert len(others | {job_id}) == 3
    slow.let_go.set()
    assert ended(here, job_id).state == "done"
    assert here.start(project, "train", slow) != job_id


def test_starting_from_many_threads_at_once_starts_one(jobs: Jobs, project: str, slow: Slow) -> None:
    started: list[str] = []
    threads = [threading.Thread(target=lambda: started.append(jobs.start(project, "train", slow))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(started) == 6
    assert len(set(started)) == 1


def test_uploads_are_never_dropped_for_another(open_jobs: Callable[..., Jobs], project: str, slow: Slow) -> None:
    jobs = open_jobs(workers=1)
    ids = [jobs.start(project, "upload", slow, alone=False) for _ in range(3)]
    assert [job.id for job in jobs.live(project, "upload")] == ids
    slow.let_go.set()
    assert [ended(jobs, job_id).result for job_id in ids] == [{"photos": 7}] * 3


def test_a_mistake_of_the_person_is_said_in_words(jobs: Jobs, project: str) -> None:
    def work(progress: Progress) -> dict[str, object]:
        progress(0.5, "Half way")
        raise BadInput("There is 1 category.", hint="Add another one.")

    failed = ended(jobs, jobs.start(project, "train", work))
    assert (failed.state, failed.message) == ("failed", "There is 1 category. Add another one.")
    assert (failed.fraction, failed.words) == (0.5, "Half way")


@pytest.mark.parametrize("error", [ZeroDivisionError("x = secret"), SystemExit(3), MemoryError()])
def test_what_nobody_expected_goes_to_the_log_only(
    jobs: Jobs, project: str, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    def work(progress: Progress) -> dict[str, object]:
        raise error

    with caplog.at_level(logging.ERROR):
        failed = ended(jobs, jobs.start(project, "train", work))
    assert failed.state == "failed"
    assert "Try again" in failed.message
    assert "secret" not in failed.message
    assert type(error).__name__ in caplog.text
    assert ended(jobs, jobs.start(project, "train", lambda progress: {})).state == "done"


def test_a_result_that_is_no_json_is_a_failure(jobs: Jobs, project: str) -> None:
    assert ended(jobs, jobs.start(project, "train", lambda progress: {"it": object()})).state == "failed"


def test_a_dismissed_job_is_not_told_again(open_jobs: Callable[..., Jobs], project: str, slow: Slow) -> None:
    here, elsewhere = open_jobs(), open_jobs()
    assert here.latest(project, "train") is None
    older = here.start(project, "train", lambda progress: {})
    ended(here, older)
    newer = here.start(project, "train", slow)
    here.dismiss(newer)
    latest = here.latest(project, "train")
    assert latest is not None
    assert (latest.id, latest.is_live) == (newer, True)
    slow.let_go.set()
    ended(here, newer)
    elsewhere.dismiss(newer)
    assert here.latest(project, "train") is None
    assert here.get(newer).state == "done"


def test_what_a_closed_program_left_is_interrupted(store: Store, project: str, slow: Slow) -> None:
    closed, watching = Jobs(store, workers=1), Jobs(store)
    running = closed.start(project, "train", slow)
    waiting = closed.start(project, "upload", slow)
    until(lambda: closed.get(running).state == "running")
    closed.shutdown(wait=False)
    for job_id in (running, waiting):
        assert watching.get(job_id).state == "interrupted"
        assert "Start it again" in watching.get(job_id).message
    until(lambda: slow.stopped_by)
    again = watching.start(project, "train", lambda progress: {})
    assert again != running
    assert ended(watching, again).state == "done"
    assert watching.get(running).state == "interrupted"
    watching.shutdown()
    assert list(store.locks.glob("*.owner")) == []


def test_after_shutdown_nothing_starts(jobs: Jobs, project: str) -> None:
    jobs.shutdown()
    with pytest.raises(RuntimeError):
        jobs.start(project, "train", lambda progress: {})


def test_work_for_a_deleted_project_stops(jobs: Jobs, store: Store, project: str, slow: Slow) -> None:
    job_id = jobs.start(project, "train", slow)
    until(lambda: jobs.get(job_id).words)
    store.delete_project(project)
    until(lambda: slow.stopped_by)
    assert isinstance(slow.stopped_by[0], Cancelled)
    with pytest.raises(NotFound):
        jobs.get(job_id)
    with pytest.raises(NotFound):
        jobs.start(project, "train", slow)
    assert jobs.live(project, "train") == []

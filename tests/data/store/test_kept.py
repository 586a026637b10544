"""What is kept of the database is never older than the last thing that anybody wrote."""

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from time import sleep

import pytest
from sqlalchemy import Connection, text

from core.data.store import Store
from core.errors import NotFound


class Names:
    """Reads a project's name, and counts how often."""

    def __init__(self) -> None:
        self.reads = 0

    def read(self, connection: Connection, project_id: str) -> str:
        self.reads += 1
        found = connection.execute(text("SELECT name FROM projects WHERE id = :id"), {"id": project_id}).scalar()
        if found is None:
            raise NotFound("no such project", hint="")
        return str(found)


def test_nothing_is_read_twice_until_somebody_writes(store: Store, open_store: Callable[..., Store]) -> None:
    pets, zoo = store.create_project("Pets"), store.create_project("Zoo")
    names = Names()
    for _ in range(5):
        assert store._kept.read(names.read, pets.id) == "Pets"
        assert store._kept.read(names.read, zoo.id) == "Zoo"
    assert names.reads == 2
    open_store().rename_project(pets.id, "Cats")
    assert store._kept.read(names.read, pets.id) == "Cats"
    store.rename_project(pets.id, "Dogs")
    assert store._kept.read(names.read, pets.id) == "Dogs"
    with closing(sqlite3.connect(store.home / "thimble.db")) as connection, connection:
        connection.execute("UPDATE projects SET name = 'Birds' WHERE id = ?", [pets.id])
    assert store._kept.read(names.read, pets.id) == "Birds"


def test_what_was_not_there_is_found_once_it_is(store: Store) -> None:
    project = store.create_project("Pets")
    store.delete_project(project.id)
    for _ in range(2):
        with pytest.raises(NotFound):
            store.project(project.id)
    assert store.access.key("thimble_" + "x" * 43) is None
    again = store.create_project("Pets")
    assert store.project(again.id) == again


def test_who_was_told_that_a_change_is_done_never_reads_what_was_before(
    store: Store, open_store: Callable[..., Store]
) -> None:
    project = store.create_project("0")
    other = open_store()
    done = 0
    over = threading.Event()

    def watch(of: Store) -> int:
        looked = 0
        while not over.is_set():
            least = done
            assert int(of.project(project.id).name) >= least
            looked += 1
        return looked

    with ThreadPoolExecutor(8) as pool:
        watching = [pool.submit(watch, of) for of in (store, other) * 3]
        for number in range(1, 60):
            (store if number % 2 else other).rename_project(project.id, str(number))
            done = number
            sleep(0.002)
        over.set()
        assert all(each.result(30) for each in watching)


def test_wrong_keys_do_not_fill_the_memory(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.data.store.kept.MOST", 10)
    for number in range(100):
        assert store.access.key(f"thimble_{number:043}") is None
    assert all(len(reader.answers) <= 10 for reader in store._kept._idle)


def test_a_link_ends_at_its_time_though_nobody_writes(store: Store) -> None:
    project = store.create_project("Pets")
    link = store.access.add_link(project.id, expires_at=datetime.now(UTC) + timedelta(seconds=0.5))
    assert store.access.link(link.token) == link
    sleep(0.6)
    assert store.access.link(link.token) is None


def test_a_store_that_was_closed_keeps_nothing_open_and_can_be_used_again(store: Store) -> None:
    project = store.create_project("Pets")
    assert store.project(project.id) == project
    store.close()
    assert store._kept._idle == []
    assert store.project(project.id) == project

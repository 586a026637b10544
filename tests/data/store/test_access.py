"""Who has a key or a link gets in, until it is revoked, and nobody else does."""

import dataclasses
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from core.data.store import Scope, Store
from core.errors import BadInput, NotFound


def test_a_key_opens_for_its_secret_until_it_is_revoked(store: Store, open_store: Callable[..., Store]) -> None:
    project = store.create_project("Pets")
    key, secret = store.access.add_key(project.id, "  my website ", "manage")
    assert (key.project_id, key.name, key.scope, key.used_at) == (project.id, "my website", "manage", None)
    assert secret.startswith("thimble_")
    assert secret.startswith(key.start)
    assert len(secret) - len(key.start) > 30
    elsewhere = open_store().access
    assert elsewhere.keys(project.id) == [key]
    assert elsewhere.key(secret) == key
    store.access.revoke_key(key.id)
    assert elsewhere.key(secret) is None
    assert elsewhere.keys(project.id) == []
    with pytest.raises(NotFound) as caught:
        store.access.revoke_key(key.id)
    assert caught.value.hint


def test_keys_are_apart_and_newest_first(store: Store) -> None:
    pets, zoo = store.create_project("Pets"), store.create_project("Zoo")
    made = [store.access.add_key(owner, name) for owner in (pets.id, zoo.id, None) for name in ("one", "two")]
    assert len({secret for _, secret in made}) == len(made)
    for at, owner in enumerate((pets.id, zoo.id, None)):
        assert store.access.keys(owner) == [made[2 * at + 1][0], made[2 * at][0]]
        assert [store.access.key(secret) for _, secret in made[2 * at : 2 * at + 2]] == [
            key for key, _ in made[2 * at : 2 * at + 2]
        ]


def test_a_key_may_only_predict_unless_more_was_asked_for_and_the_owner_s_may_all(store: Store) -> None:
    project = store.create_project("Pets")
    assert store.access.add_key(project.id, "shop")[0].scope == "predict"
    assert store.access.add_key(None, "my laptop", "predict")[0].scope == "manage"
    scope: Scope = "all"
    with pytest.raises(BadInput, match="'all'") as caught:
        store.access.add_key(project.id, "shop", scope)
    assert caught.value.hint


@pytest.mark.parametrize("name", ["", " \n", "k" * 61, "line\nbreak", "bad\udcff"])
def test_a_key_has_a_name_to_know_it_by(name: str, store: Store) -> None:
    with pytest.raises(BadInput) as caught:
        store.access.add_key(None, name)
    assert caught.value.hint
    assert store.access.keys(None) == []


def test_no_secret_is_kept(store: Store) -> None:
    """Whoever steals the database cannot use a key."""
    project = store.create_project("Pets")
    key, secret = store.access.add_key(project.id, "shop")
    store.access.key(secret)
    store.close()
    kept = b"".join(path.read_bytes() for path in store.home.rglob("*") if path.is_file())
    assert key.start.encode() in kept
    assert secret.encode() not in kept
    assert secret.removeprefix(key.start).encode() not in kept


def test_what_is_no_key_and_no_link_opens_nothing(store: Store) -> None:
    project = store.create_project("Pets")
    key, secret = store.access.add_key(project.id, "shop")
    link = store.access.add_link(project.id)
    with closing(sqlite3.connect(store.home / "thimble.db")) as database:
        (stored,) = database.execute("SELECT secret FROM api_keys").fetchone()
    for wrong in (
        "",
        key.start,
        secret[:-1],
        secret + "A",
        secret + "\n",
        secret + "\0",
        secret + "\udcff",
        secret.upper(),
        f" {secret}",
        secret.removeprefix("thimble_"),
        stored,
        f"thimble_{stored[:43]}",
        "thimble_" + "\udcff" * 43,
        "thimble_" + "é" * 43,
        "%' OR '1'='1",
        "x" * 1_000_000,
    ):
        assert store.access.key(wrong) is None
    for wrong in ("", link.token[:-1], link.token + "\n", link.token + "\0", link.token.swapcase(), "\udcff" * 32, "%"):
        assert store.access.link(wrong) is None
    assert store.access.link(link.token) == link


def test_the_use_of_a_key_is_noted_once_a_minute(store: Store) -> None:
    key, secret = store.access.add_key(None, "my laptop")

    def used_at() -> datetime:
        (read,) = store.access.keys(None)
        assert read.used_at is not None
        return read.used_at

    before = datetime.now(UTC)
    assert store.access.key(secret) == key
    first = used_at()
    assert before <= first <= datetime.now(UTC)
    for seconds, is_noted in ((50, False), (70, True)):
        earlier = datetime.now(UTC) - timedelta(seconds=seconds)
        with closing(sqlite3.connect(store.home / "thimble.db")) as database, database:
            database.execute("UPDATE api_keys SET used_at = ?", [earlier.timestamp()])
        earlier = used_at()
        assert store.access.key(secret) == dataclasses.replace(key, used_at=earlier)
        assert (used_at() > earlier) is is_noted


def test_a_key_opens_although_its_use_cannot_be_noted(
    open_store: Callable[..., Store], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Since somebody else writes for longer than it is waited for."""
    monkeypatch.setattr("core.data.store.database.BUSY_SECONDS", 0)
    store = open_store()
    key, secret = store.access.add_key(None, "my laptop")
    with closing(sqlite3.connect(store.home / "thimble.db", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert store.access.key(secret) == key
    assert "could not be noted" in caplog.text
    assert store.access.keys(None) == [key]


def test_a_key_opens_for_many_at_once(store: Store) -> None:
    key, secret = store.access.add_key(None, "my laptop")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(store.access.key, [secret] * 64))
    assert {each.id for each in found if each} == {key.id}


def test_a_link_leads_there_until_it_is_revoked(store: Store, open_store: Callable[..., Store]) -> None:
    project, other = store.create_project("Pets"), store.create_project("Zoo")
    first, second = store.access.add_link(project.id), store.access.add_link(project.id)
    elsewhere = store.access.add_link(other.id)
    assert len({link.token for link in (first, second, elsewhere)}) == 3
    assert len(first.token) >= 32
    assert (first.project_id, first.expires_at) == (project.id, None)
    assert open_store().access.links(project.id) == [second, first]
    assert open_store().access.link(first.token) == first
    store.access.revoke_link(first.id)
    assert open_store().access.link(first.token) is None
    assert open_store().access.link(second.token) == second
    assert store.access.links(project.id) == [second]
    with pytest.raises(NotFound) as caught:
        store.access.revoke_link(first.id)
    assert caught.value.hint


def test_a_link_ends_when_its_time_has_come(store: Store) -> None:
    project = store.create_project("Pets")
    now = datetime.now(UTC)
    lasting = store.access.add_link(project.id, expires_at=now + timedelta(hours=1))
    over = store.access.add_link(project.id, expires_at=now - timedelta(seconds=1))
    assert store.access.link(lasting.token) == lasting
    assert lasting.expires_at is not None
    assert abs(lasting.expires_at - now - timedelta(hours=1)) < timedelta(milliseconds=1)
    assert store.access.link(over.token) is None
    assert store.access.links(project.id) == [over, lasting]


def test_keys_and_links_end_with_their_project(store: Store) -> None:
    project, other = store.create_project("Pets"), store.create_project("Zoo")
    (_, secret), (kept, kept_secret) = (store.access.add_key(each.id, "shop") for each in (project, other))
    link, kept_link = store.access.add_link(project.id), store.access.add_link(other.id)
    owner, owner_secret = store.access.add_key(None, "my laptop")
    store.delete_project(project.id)
    assert store.access.key(secret) is None
    assert store.access.link(link.token) is None
    assert store.access.key(kept_secret) == kept
    assert store.access.link(kept_link.token) == kept_link
    assert store.access.key(owner_secret) == owner
    gone: list[Callable[[], object]] = [
        lambda: store.access.add_key(project.id, "shop"),
        lambda: store.access.keys(project.id),
        lambda: store.access.add_link(project.id),
        lambda: store.access.links(project.id),
    ]
    for ask in gone:
        with pytest.raises(NotFound) as caught:
            ask()
        assert caught.value.hint


def test_a_key_is_found_by_one_look_into_an_index(store: Store) -> None:
    """However many keys there are, and so that the time it takes says nothing about them."""
    with closing(sqlite3.connect(store.home / "thimble.db")) as database:
        for query in ("api_keys WHERE secret", "links WHERE token"):
            (plan,) = database.execute(f"EXPLAIN QUERY PLAN SELECT * FROM {query} = 'x'")
            assert "USING INDEX" in plan[3]

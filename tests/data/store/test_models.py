"""Versions are kept for good, and one of them is live."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.data.store import CHOSEN_BY_PERSON, Store, Version, training_fingerprint
from core.errors import BadInput, NotFound
from tests.data.store.conftest import picture


def add(store: Store, project_id: str, *, live: bool = True, accuracy: float = 0.5, **more: object) -> Version:
    return store.models.add(project_id, {"a": b"1"}, accuracy=accuracy, photos=2, fingerprint="", live=live, **more)


def test_versions_are_numbered_and_never_change(store: Store, open_store: Callable[..., Store]) -> None:
    project, other = store.create_project("Pets"), store.create_project("Zoo")
    files = [{"head.npz": bytes([number]) * 1000, "keras/model.json": b"{}"} for number in range(3)]
    for number, content in enumerate(files):
        store.models.add(project.id, content, accuracy=number / 4, photos=10 + number, fingerprint="")
    store.models.add(other.id, {"a": b""}, accuracy=1, photos=1, fingerprint="")
    again = open_store()
    known = [(version.number, version.accuracy, version.photos) for version in again.models.versions(project.id)]
    assert known == [(3, 0.5, 12), (2, 0.25, 11), (1, 0.0, 10)]
    assert [again.models.files(project.id, number) for number in (1, 2, 3)] == files
    assert [version.number for version in again.models.versions(other.id)] == [1]
    with pytest.raises(NotFound, match="4"):
        again.models.files(project.id, 4)


@pytest.mark.parametrize("name", ["../escape", "/etc/escape", "a/../../escape", "..\\escape", ""])
def test_a_model_stays_inside_its_folder(name: str, store: Store) -> None:
    project = store.create_project("Pets")
    with pytest.raises(ValueError, match="inside"):
        store.models.add(project.id, {name: b"x"}, accuracy=1, photos=1, fingerprint="")
    assert store.models.versions(project.id) == []


def test_a_folder_without_a_row_is_written_over(store: Store) -> None:
    """What a program leaves that dies between the renaming and the row."""
    project = store.create_project("Pets")
    leftover = store.home / "files" / "models" / project.id / "1"
    leftover.mkdir(parents=True)
    (leftover / "old").write_bytes(b"old")
    store.models.add(project.id, {"new": b"new"}, accuracy=1, photos=1, fingerprint="")
    assert store.models.files(project.id, 1) == {"new": b"new"}


def test_threads_adding_versions_get_numbers_of_their_own(store: Store) -> None:
    project = store.create_project("Pets")

    def add(content: int) -> tuple[int, bytes]:
        data = bytes([content]) * 100_000
        version = store.models.add(project.id, {"a": data}, accuracy=1, photos=1, fingerprint="")
        return version.number, data

    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(add, range(8)))
    assert sorted(number for number, _ in added) == list(range(1, 9))
    assert all(store.models.files(project.id, number) == {"a": data} for number, data in added)


def test_the_first_version_goes_live_and_a_later_one_only_if_it_is_to(
    store: Store, open_store: Callable[..., Store]
) -> None:
    project, other = store.create_project("Pets"), store.create_project("Zoo")
    assert store.models.live(project.id) is None
    first = add(store, project.id, live=False, accuracy=0.8)
    assert first.is_live
    worse = add(store, project.id, live=False, accuracy=0.7, note="Worse than version 1.")
    assert not worse.is_live
    assert store.models.live(project.id) == first
    summary = store.summary(project.id)
    assert (summary.version, summary.accuracy, summary.newest) == (1, 0.8, 2)
    better = add(store, project.id, live=True, accuracy=0.9)
    assert open_store().models.live(project.id) == better
    assert [version.is_live for version in store.models.versions(project.id)] == [True, False, False]
    assert store.models.live(other.id) is None


def test_back_to_an_older_version_in_one_step(store: Store) -> None:
    project = store.create_project("Pets")
    for accuracy in (0.8, 0.9):
        add(store, project.id, accuracy=accuracy, note="Better.")
    assert store.models.set_live(project.id, 1).note == CHOSEN_BY_PERSON
    assert store.models.live(project.id) == store.models.versions(project.id)[1]
    assert store.models.versions(project.id)[0].note == "Better."
    assert (store.summary(project.id).version, store.summary(project.id).newest) == (1, 2)
    for project_id, number in ((project.id, 3), ("none", 1)):
        with pytest.raises(NotFound):
            store.models.set_live(project_id, number)
    assert store.summary(project.id).version == 1


def test_what_a_version_was_measured_against_comes_back_as_it_was(
    store: Store, open_store: Callable[..., Store]
) -> None:
    project = store.create_project("Pets")
    comparison = {"photos": 20, "before": {"version": 1, "accuracy": 0.75}, "pairs": [["猫", "dog", 3]]}
    added = add(store, project.id, mode="best", note="The first.", comparison=comparison)
    (version,) = open_store().models.versions(project.id)
    assert version == added
    assert (version.mode, version.note, version.comparison) == ("best", "The first.", comparison)


def test_whether_photos_changed_is_about_the_newest_version_not_the_live_one(store: Store) -> None:
    project = store.create_project("Pets")
    category = store.add_category(project.id, "cats")
    add(store, project.id)
    store.photos.add(category.id, picture(1), "one.png")
    fingerprint = training_fingerprint(store.dataset(project.id))
    store.models.add(project.id, {"a": b"1"}, accuracy=0.5, photos=1, fingerprint=fingerprint, live=False)
    assert store.summary(project.id).version == 1
    assert not store.summary(project.id).changed


def test_what_the_person_picks_is_kept(store: Store, open_store: Callable[..., Store]) -> None:
    project = store.create_project("Pets")
    assert (project.mode, project.fixed, project.share_refused) == ("", {}, 0.05)
    store.set_mode(project.id, "best")
    store.set_fixed(project.id, {"backbone": "lite2", "view": "squash"})
    changed = store.set_share_refused(project.id, 0.5)
    assert (changed.mode, changed.fixed) == ("best", {"backbone": "lite2", "view": "squash"})
    assert open_store().projects() == [changed]
    assert changed.share_refused == 0.5
    with pytest.raises(BadInput, match="'quick'"):
        store.set_mode(project.id, "quick")
    for share in (-0.01, 0.0, 0.51, float("nan")):
        with pytest.raises(BadInput) as caught:
            store.set_share_refused(project.id, share)
        assert caught.value.hint
    assert store.rename_project(project.id, "Animals", " Ana  ").maker == "Ana"
    assert store.rename_project(project.id, "Beasts").maker == "Ana"
    with pytest.raises(BadInput, match="61"):
        store.rename_project(project.id, "Fish", 61 * "A")
    assert store.project(project.id).name == "Beasts"
    assert store.rename_project(project.id, "Beasts", " ").maker == ""
    assert store.set_fixed(project.id, {}).fixed == {}
    assert store.project(project.id).share_refused == 0.5

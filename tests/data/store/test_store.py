"""What a person has made is kept, whole and apart, whatever the names, the threads and the processes."""

import hashlib
import io
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.photo import decode
from core.data.store import Credit, Store, home_folder, training_fingerprint
from core.errors import BadInput, BadPhoto, NotFound
from tests.data.store.conftest import files_under, picture, sha256

ROOT = Path(__file__).parents[3]
ODD_NAMES = [
    "<img onerror=alert(1)>",
    "../../x",
    "'); DROP TABLE photos; --",
    'quo"te\\back%slash_?:1',
    "🐈‍⬛ café 猫",
    "قطط صغيرة",
    "a" * 60,
]


# Where it is kept


def test_the_environment_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THIMBLE_HOME", str(tmp_path / "mine"))
    monkeypatch.setenv("THIMBLE_DATABASE_URL", f"sqlite:///{tmp_path / 'elsewhere.db'}")
    monkeypatch.setenv("THIMBLE_FILES_URL", (tmp_path / "bucket").as_uri())
    store = Store.from_environment()
    category = store.add_category(store.create_project("Pets").id, "cats")
    store.photos.add(category.id, picture(1), "one.png")
    store.close()
    assert home_folder() == store.home == tmp_path / "mine"
    assert (tmp_path / "elsewhere.db").exists()
    assert not (tmp_path / "mine" / "thimble.db").exists()
    assert len(list((tmp_path / "bucket" / "photos").rglob("*.jpg"))) == 1


def test_without_an_environment_it_is_the_folder_for_user_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THIMBLE_HOME", "")
    assert home_folder().is_absolute()
    assert home_folder().name == "thimble"


@pytest.mark.parametrize("files_url", [None, "file", "memory"])
def test_files_may_lie_anywhere(files_url: str | None, tmp_path: Path, open_store: Callable[..., Store]) -> None:
    urls = {"file": (tmp_path / "bucket").as_uri(), "memory": f"memory://{tmp_path.name}", None: None}
    store = open_store(files_url=urls[files_url])
    project = store.create_project("Pets")
    category = store.add_category(project.id, "cats")
    added = store.photos.add(category.id, picture(1), "one.png")
    files = {"head.npz": b"numbers", "keras/model.json": b"{}"}
    store.models.add(project.id, files, accuracy=0.9, photos=1, fingerprint="")
    again = open_store(files_url=urls[files_url])
    assert decode(again.photos.read(added.photo.sha256)).shape == (48, 64, 3)
    assert again.photos.thumbnail(added.photo.sha256) == again.photos.thumbnail(added.photo.sha256)
    assert again.models.files(project.id, 1) == files
    again.delete_project(project.id)
    with pytest.raises(NotFound):
        again.photos.read(added.photo.sha256)
    with pytest.raises(NotFound):
        again.models.files(project.id, 1)


def test_a_home_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(BadInput, match="taken") as caught:
        Store(tmp_path / "taken")
    assert "THIMBLE_HOME" in caught.value.hint


@pytest.mark.parametrize("url", ["nonsense", "sqlite:////no/such/folder/x.db", "postgresql+psycopg2://127.0.0.1:9/x"])
def test_a_database_that_does_not_open_is_said_in_words(url: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        Store(tmp_path, database_url=url)
    assert "THIMBLE_DATABASE_URL" in caught.value.hint


def test_a_file_that_is_no_database_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "thimble.db").write_bytes(b"not a database" * 100)
    with pytest.raises(BadInput):
        Store(tmp_path)
    assert (tmp_path / "thimble.db").read_bytes().startswith(b"not a database")


# Projects and categories


def test_projects_are_kept_newest_first(store: Store, open_store: Callable[..., Store]) -> None:
    first, second = store.create_project("Pets"), store.create_project("Dresses", is_example=True)
    store.rename_project(first.id, "  My pets ")
    again = open_store().projects()
    assert [(project.id, project.name) for project in again] == [
        (second.id, "Dresses"),
        (first.id, "My pets"),
    ]
    assert again[0] == second
    assert again[0].is_example
    assert again[0].created_at.tzinfo is not None


@pytest.mark.parametrize("name", ["", "  \n ", "a" * 300, "line\nbreak"])
def test_unusable_names_are_refused(name: str, store: Store) -> None:
    project = store.create_project("Pets")
    with pytest.raises(BadInput) as caught:
        store.create_project(name)
    assert caught.value.hint
    with pytest.raises(BadInput):
        store.rename_project(project.id, name)
    with pytest.raises(BadInput):
        store.add_category(project.id, name)
    assert [project.name for project in store.projects()] == ["Pets"]
    assert store.categories(project.id) == []


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_come_back_as_they_were(name: str, store: Store) -> None:
    project = store.create_project(name)
    category = store.add_category(project.id, name)
    photo = store.photos.add(category.id, picture(1), name + ".png", Credit(title=name, creator=name, page=name)).photo
    store.add_refused(project.id, category.id, name, name)
    store.photos.set_kept([photo.id], kept=False, reason=name)
    assert store.project(project.id).name == name
    assert [category.name for category in store.categories(project.id)] == [name]
    (photo,) = store.photos.of(project.id)
    assert (photo.name, photo.title, photo.creator, photo.page) == (name + ".png", name, name, name)
    assert photo.reason == name
    (refused,) = store.refused(project.id)
    assert (refused.name, refused.reason, refused.category) == (name, name, name)
    assert {path.parent.parent.name for path in files_under(store, "photos")} == {"photos"}


@pytest.mark.parametrize("name", ["n" * 300, "bad\udcffbytes.png", "nul\0.png", ""])
def test_a_photo_is_kept_whatever_its_file_was_called(name: str, store: Store) -> None:
    project = store.create_project("Pets")
    category = store.add_category(project.id, "cats")
    added = store.photos.add(category.id, picture(1), name)
    assert [photo.id for photo in store.photos.of(project.id)] == [added.photo.id]
    assert added.photo.name[:3] == name[:3]


def test_category_names_are_unique_whatever_their_case(store: Store) -> None:
    project, other = store.create_project("Pets"), store.create_project("Zoo")
    cats, dogs = store.add_category(project.id, "Straße"), store.add_category(project.id, "dogs")
    with pytest.raises(BadInput, match="'STRASSE'") as caught:
        store.add_category(project.id, "STRASSE")
    assert caught.value.hint
    with pytest.raises(BadInput, match="DOGS"):
        store.rename_category(cats.id, "DOGS")
    assert store.rename_category(dogs.id, "Dogs").name == "Dogs"
    store.add_category(other.id, "dogs")
    assert [category.name for category in store.categories(project.id)] == ["Straße", "Dogs"]


def test_categories_keep_their_order(store: Store) -> None:
    project = store.create_project("Pets")
    names = ["zebra", "ant", "mole"]
    made = [store.add_category(project.id, name) for name in names]
    store.delete_category(made[1].id)
    store.add_category(project.id, "bee")
    assert [category.name for category in store.categories(project.id)] == ["zebra", "mole", "bee"]
    assert list(store.photos.counts(project.id)) == [category.id for category in store.categories(project.id)]


def test_what_is_gone_is_named_with_a_way_on(store: Store) -> None:
    project = store.create_project("Pets")
    category = store.add_category(project.id, "cats")
    store.delete_project(project.id)
    gone: list[Callable[[], object]] = [
        lambda: store.project(project.id),
        lambda: store.rename_project(project.id, "Zoo"),
        lambda: store.delete_project(project.id),
        lambda: store.summary(project.id),
        lambda: store.categories(project.id),
        lambda: store.add_category(project.id, "dogs"),
        lambda: store.rename_category(category.id, "dogs"),
        lambda: store.delete_category(category.id),
        lambda: store.photos.add(category.id, picture(1), "one.png"),
        lambda: store.add_refused(project.id, None, "one.txt", "no picture"),
        lambda: store.dataset(project.id),
        lambda: store.photos.move([1], category.id),
        lambda: store.models.add(project.id, {"a": b"1"}, accuracy=1, photos=1, fingerprint=""),
        lambda: store.models.files(project.id, 1),
        lambda: store.photos.read("0" * 64),
    ]
    for ask in gone:
        with pytest.raises(NotFound) as caught:
            ask()
        assert caught.value.hint
    assert files_under(store, "") == []


def test_an_id_is_never_used_again(store: Store) -> None:
    project = store.create_project("Pets")
    old = store.add_category(project.id, "cats")
    old_photo = store.photos.add(old.id, picture(1), "one.png").photo
    store.delete_category(old.id)
    new = store.add_category(project.id, "dogs")
    new_photo = store.photos.add(new.id, picture(1), "one.png").photo
    assert new.id != old.id
    assert new_photo.id != old_photo.id


# Photos


def test_a_photo_is_stored_by_the_hash_of_its_bytes_with_where_it_came_from(store: Store) -> None:
    project = store.create_project("Pets")
    category = store.add_category(project.id, "cats")
    source = {
        "provider": "openverse",
        "page": "https://example.org/cat?a=1&b=2",
        "creator": "Ann",
        "licence": "CC BY 4.0",
        "title": "A cat",
    }
    added = store.photos.add(category.id, picture(1), "cat.png", Credit(**source))
    data = store.photos.read(added.photo.sha256)
    assert added.is_new
    assert hashlib.sha256(data).hexdigest() == added.photo.sha256
    assert (store.home / f"files/photos/{sha256(1)[:2]}/{sha256(1)[2:]}.jpg").read_bytes() == data
    assert store.photos.of(project.id) == [added.photo]
    assert {field: getattr(added.photo, field) for field in source} == source
    assert (added.photo.width, added.photo.height, added.photo.name) == (64, 48, "cat.png")
    assert added.photo.kept
    assert added.photo.reason == ""


def test_the_same_picture_is_kept_once_in_a_category(store: Store) -> None:
    project = store.create_project("Pets")
    category = store.add_category(project.id, "cats")
    first = store.photos.add(category.id, picture(1), "first.png")
    second = store.photos.add(category.id, picture(1), "second.png")
    assert (first.is_new, second.is_new) == (True, False)
    assert second.photo == first.photo
    assert not second.stays_dropped
    assert len(store.photos.of(project.id)) == 1


def test_a_dropped_picture_stays_dropped_when_it_comes_again(store: Store) -> None:
    project = store.create_project("Pets")
    category = store.add_category(project.id, "cats")
    photo = store.photos.add(category.id, picture(1), "one.png").photo
    assert store.photos.set_kept([photo.id], kept=False) == 1
    again = store.photos.add(category.id, picture(1), "one.png")
    assert again.stays_dropped
    assert again.photo.reason == "dropped by you"
    store.photos.set_kept([photo.id], kept=True)
    assert store.photos.of(project.id) == [photo]


def test_what_is_no_photo_leaves_nothing_behind(store: Store) -> None:
    project = store.create_project("Pets")
    category = store.add_category(project.id, "cats")
    with pytest.raises(BadPhoto):
        store.photos.add(category.id, b"no picture", "one.png")
    assert store.photos.of(project.id) == []
    assert files_under(store, "") == []


def test_photos_come_a_page_at_a_time_oldest_first(store: Store) -> None:
    project = store.create_project("Pets")
    cats, dogs = store.add_category(project.id, "cats"), store.add_category(project.id, "dogs")
    added = [store.photos.add([cats, dogs][seed % 2].id, picture(seed), f"{seed}").photo for seed in range(10)]
    store.photos.set_kept([added[0].id, added[4].id, added[5].id], kept=False, reason="blurred")
    pages = [store.photos.of(project.id, offset=offset, limit=4) for offset in (0, 4, 8, 12)]
    assert [photo.name for page in pages for photo in page] == [str(seed) for seed in range(10)]
    assert [len(page) for page in pages] == [4, 4, 2, 0]
    assert [photo.name for photo in store.photos.of(project.id, category_id=cats.id, kept=True)] == [
        "2",
        "6",
        "8",
    ]
    assert [photo.name for photo in store.photos.of(project.id, kept=False, offset=1)] == ["4", "5"]
    assert [(count.kept, count.set_aside) for count in store.photos.counts(project.id).values()] == [(3, 2), (4, 1)]


def test_more_photos_than_a_database_takes_variables(store: Store) -> None:
    category = store.add_category(store.create_project("Pets").id, "cats")
    photo = store.photos.add(category.id, picture(1), "one.png").photo
    everything = [*range(photo.id + 1, photo.id + 40_000), photo.id]
    assert store.photos.set_kept(everything, kept=False) == 1
    assert store.photos.move(everything, category.id) == 0


def test_thumbnails_are_square_and_drawn_once(store: Store) -> None:
    category = store.add_category(store.create_project("Pets").id, "cats")
    photo = store.photos.add(category.id, picture(1), "one.png").photo
    assert Image.open(io.BytesIO(store.photos.thumbnail(photo.sha256, 40))).size == (40, 40)
    assert Image.open(io.BytesIO(store.photos.thumbnail(photo.sha256))).size[0] == 160
    (store.home / "files/photos" / photo.sha256[:2] / f"{photo.sha256[2:]}.jpg").unlink()
    assert Image.open(io.BytesIO(store.photos.thumbnail(photo.sha256, 40))).size == (40, 40)


@pytest.mark.parametrize("name", ["../../thimble.db", "a/../../../thimble.db", "", "A" * 64, "0" * 63 + "\n"])
def test_no_name_leads_to_another_file(name: str, store: Store) -> None:
    with pytest.raises(NotFound):
        store.photos.read(name)
    with pytest.raises(NotFound):
        store.photos.thumbnail(name)


def test_refused_files_are_remembered_until_cleared(store: Store, open_store: Callable[..., Store]) -> None:
    project, other = store.create_project("Pets"), store.create_project("Zoo")
    category = store.add_category(project.id, "cats")
    store.add_refused(project.id, category.id, "one.txt", "This is no picture.")
    store.add_refused(project.id, None, "two.zip", "This archive is damaged.")
    store.add_refused(other.id, None, "three.txt", "This is no picture.")
    refused = open_store().refused(project.id)
    assert [(item.name, item.category) for item in refused] == [("one.txt", "cats"), ("two.zip", None)]
    store.clear_refused(project.id)
    assert store.refused(project.id) == []
    assert len(store.refused(other.id)) == 1


# The same picture in two categories


def test_a_picture_in_two_categories_is_a_conflict_until_one_is_dropped(store: Store) -> None:
    project = store.create_project("Pets")
    cats, dogs, cows = (store.add_category(project.id, name) for name in ("cats", "dogs", "cows"))
    in_cats = store.photos.add(cats.id, picture(1), "a.png")
    in_cows = store.photos.add(cows.id, picture(1), "c.png")
    in_dogs = store.photos.add(dogs.id, picture(1), "b.png")
    store.photos.add(dogs.id, picture(2), "d.png")
    assert (in_cats.conflicts_with, in_cows.conflicts_with) == ((), ("cats",))
    assert in_dogs.conflicts_with == ("cats", "cows")
    assert [photo.name for photo in store.photos.conflicts(project.id)] == ["a.png", "c.png", "b.png"]
    assert [photo.conflicts for photo in store.photos.of(project.id)] == [True, True, True, False]
    assert [count.conflicts for count in store.photos.counts(project.id).values()] == [1, 1, 1]
    assert store.summary(project.id).conflicts == 1
    assert [photo.name for photo in store.dataset(project.id).photos] == ["d.png"]

    store.photos.set_kept([in_cats.photo.id, in_cows.photo.id], kept=False)
    assert store.photos.conflicts(project.id) == []
    assert not any(photo.conflicts for photo in store.photos.of(project.id))
    assert [photo.name for photo in store.dataset(project.id).photos] == ["b.png", "d.png"]
    assert store.photos.add(cats.id, picture(1), "again.png").conflicts_with == ()


def test_other_projects_are_no_conflict(store: Store) -> None:
    for name in ("Pets", "Zoo"):
        project = store.create_project(name)
        added = store.photos.add(store.add_category(project.id, name).id, picture(1), "one.png")
        assert added.is_new
        assert added.conflicts_with == ()
        assert store.photos.conflicts(project.id) == []
        assert store.summary(project.id).conflicts == 0
    assert len(files_under(store, "photos")) == 1


def test_moving_settles_a_conflict(store: Store) -> None:
    project = store.create_project("Pets")
    cats, dogs, cows = (store.add_category(project.id, name) for name in ("cats", "dogs", "cows"))
    kept = store.photos.add(cats.id, picture(1), "kept.png").photo
    target = store.photos.add(dogs.id, picture(1), "target.png").photo
    plain = store.photos.add(cats.id, picture(2), "plain.png").photo
    twin = store.photos.add(cows.id, picture(2), "twin.png").photo
    store.photos.set_kept([target.id], kept=False, reason="blurred")
    assert store.photos.move([kept.id, plain.id, twin.id, target.id], dogs.id) == 3
    moved = store.photos.of(project.id)
    assert {photo.category_id for photo in moved} == {dogs.id}
    assert sorted(photo.name for photo in moved) == ["plain.png", "target.png"]
    assert all(photo.kept and not photo.reason and not photo.conflicts for photo in moved)


def test_a_dropped_photo_stays_dropped_when_moved(store: Store) -> None:
    project = store.create_project("Pets")
    cats, dogs = store.add_category(project.id, "cats"), store.add_category(project.id, "dogs")
    photo = store.photos.add(cats.id, picture(1), "one.png").photo
    store.photos.set_kept([photo.id], kept=False)
    store.photos.move([photo.id], dogs.id)
    (moved,) = store.photos.of(project.id)
    assert (moved.category_id, moved.kept, moved.reason) == (dogs.id, False, "dropped by you")


def test_photos_of_another_project_do_not_move(store: Store) -> None:
    pets, zoo = store.create_project("Pets"), store.create_project("Zoo")
    cats, lions = store.add_category(pets.id, "cats"), store.add_category(zoo.id, "lions")
    photo = store.photos.add(cats.id, picture(1), "one.png").photo
    assert store.photos.move([photo.id], lions.id) == 0
    assert store.photos.of(pets.id) == [photo]


# Deleting


def test_deleting_a_project_leaves_what_others_share(store: Store) -> None:
    pets, zoo = store.create_project("Pets"), store.create_project("Zoo")
    cats, lions = store.add_category(pets.id, "cats"), store.add_category(zoo.id, "lions")
    for seed in (1, 2):
        store.photos.add(cats.id, picture(seed), f"{seed}.png")
    store.photos.add(lions.id, picture(2), "shared.png")
    for seed in (1, 2):
        store.photos.thumbnail(sha256(seed))
        store.embeddings.put("recipe", {sha256(seed): (np.ones(3, np.float32), seed)})
    store.models.add(pets.id, {"a": b"1"}, accuracy=1, photos=2, fingerprint="")
    store.delete_project(pets.id)
    assert store.projects() == [zoo]
    assert decode(store.photos.read(sha256(2))).shape == (48, 64, 3)
    assert list(store.embeddings.get("recipe", [sha256(1), sha256(2)])) == [sha256(2)]
    assert len(files_under(store, "photos")) == len(files_under(store, "thumbnails")) == 1
    assert files_under(store, "models") == []
    store.delete_project(zoo.id)
    assert files_under(store, "") == []


def test_deleting_a_category_takes_its_photos(store: Store) -> None:
    project = store.create_project("Pets")
    cats, dogs = store.add_category(project.id, "cats"), store.add_category(project.id, "dogs")
    store.photos.add(cats.id, picture(1), "one.png")
    store.photos.add(cats.id, picture(2), "two.png")
    both = store.photos.add(dogs.id, picture(2), "two.png").photo
    store.add_refused(project.id, cats.id, "three.txt", "This is no picture.")
    store.delete_category(cats.id)
    (left,) = store.photos.of(project.id)
    assert (left.id, left.conflicts) == (both.id, False)
    assert [path.stem for path in files_under(store, "photos")] == [sha256(2)[2:]]
    assert store.refused(project.id) == []


def test_only_what_was_dropped_is_emptied(store: Store) -> None:
    project, other = store.create_project("Pets"), store.create_project("Zoo")
    cats, lions = store.add_category(project.id, "cats"), store.add_category(other.id, "lions")
    photos = [store.photos.add(cats.id, picture(seed), f"{seed}.png").photo for seed in (1, 2, 3)]
    elsewhere = store.photos.add(lions.id, picture(3), "three.png").photo
    store.photos.set_kept([photos[1].id, photos[2].id, elsewhere.id], kept=False)
    assert store.photos.delete_dropped(project.id) == 2
    assert store.photos.delete_dropped(project.id) == 0
    assert store.photos.of(project.id) == [photos[0]]
    assert {path.stem for path in files_under(store, "photos")} == {sha256(1)[2:], sha256(3)[2:]}
    assert store.photos.add(cats.id, picture(2), "two.png").is_new


def test_a_picture_deleted_here_while_added_there_keeps_its_file(store: Store) -> None:
    """A sweep must not take the file that another thread has just counted on."""
    keeper = store.create_project("Keeper")

    def delete_again_and_again() -> None:
        for number in range(25):
            project = store.create_project(str(number))
            store.photos.add(store.add_category(project.id, "cats").id, picture(1), "one.png")
            store.delete_project(project.id)

    def add_again_and_again() -> None:
        for number in range(25):
            category = store.add_category(keeper.id, str(number))
            photo = store.photos.add(category.id, picture(1), "one.png").photo
            assert store.photos.read(photo.sha256)
            store.delete_category(category.id)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(delete_again_and_again), pool.submit(add_again_and_again)]:
            done.result()
    assert files_under(store, "photos") == []


# Embeddings


def test_embeddings_come_back_as_they_were(store: Store, open_store: Callable[..., Store]) -> None:
    keys = [f"{number:064x}" for number in range(1_200)]
    vectors = np.random.default_rng(0).normal(size=(len(keys), 5)).astype(np.float32)
    prints = [0, 2**63 - 1, 2**63, 2**64 - 1, *range(4, len(keys))]
    store.embeddings.put("lite0", {key: (vectors[at], prints[at]) for at, key in enumerate(keys)})
    known = open_store().embeddings.get("lite0", [*keys, "f" * 64])
    assert list(known) == keys
    np.testing.assert_array_equal(np.stack([known[key][0] for key in keys]), vectors)
    assert [known[key][1] for key in keys] == prints
    assert known[keys[0]][0].dtype == np.float32
    assert store.embeddings.get("lite1", keys) == {}


def test_an_embedding_put_again_replaces_the_old_one(store: Store) -> None:
    key = "a" * 64
    for value in (1, 2):
        store.embeddings.put("lite0", {key: (np.full(3, value, np.float32), value)})
    store.embeddings.put("lite0", {})
    vector, fingerprint = store.embeddings.get("lite0", [key])[key]
    assert (vector.tolist(), fingerprint) == ([2, 2, 2], 2)


# The dataset and the versions that learnt from it


def test_the_dataset_names_all_categories_and_reads_its_photos(store: Store) -> None:
    project = store.create_project("Pets")
    cats, _ = store.add_category(project.id, "cats"), store.add_category(project.id, "dogs")
    added = store.photos.add(cats.id, picture(1), "one.png").photo
    dataset = store.dataset(project.id)
    assert dataset.categories == ("cats", "dogs")
    (photo,) = dataset.photos
    assert (photo.key, photo.name, photo.category) == (added.sha256, "one.png", "cats")
    assert dataset.read(photo) == store.photos.read(added.sha256)
    store.delete_category(cats.id)
    with pytest.raises(BadPhoto, match=r"one\.png"):
        dataset.read(photo)


def test_the_summary_says_whether_training_again_would_change_anything(store: Store) -> None:
    project = store.create_project("Pets")
    cats, dogs = store.add_category(project.id, "cats"), store.add_category(project.id, "dogs")
    photo = store.photos.add(cats.id, picture(1), "one.png").photo
    store.photos.add(dogs.id, picture(2), "two.png")
    assert not store.summary(project.id).changed

    def train() -> None:
        fingerprint = training_fingerprint(store.dataset(project.id))
        store.models.add(project.id, {"a": b"1"}, accuracy=0.75, photos=2, fingerprint=fingerprint)

    changes: list[Callable[[], object]] = [
        lambda: store.photos.set_kept([photo.id], kept=False),
        lambda: store.photos.set_kept([photo.id], kept=True),
        lambda: store.photos.move([photo.id], dogs.id),
        lambda: store.rename_category(dogs.id, "hounds"),
        lambda: store.photos.add(cats.id, picture(3), "three.png"),
        lambda: store.photos.add(cats.id, picture(2), "conflict.png"),
        lambda: store.delete_category(cats.id),
    ]
    for change in changes:
        train()
        assert not store.summary(project.id).changed
        change()
        assert store.summary(project.id).changed
    store.photos.set_kept([photo.id], kept=False)
    summary = store.summary(project.id)
    assert (summary.categories, summary.photos, summary.set_aside) == (1, 1, 1)
    assert (summary.version, summary.accuracy) == (len(changes), 0.75)


# Many at once


def test_threads_adding_the_same_pictures_all_end_well(store: Store) -> None:
    project = store.create_project("Pets")
    cats, dogs = store.add_category(project.id, "cats"), store.add_category(project.id, "dogs")
    jobs = [(category.id, seed) for seed in range(6) for category in (cats, dogs) for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(lambda job: store.photos.add(job[0], picture(job[1]), "x.png"), jobs))
    assert sum(one.is_new for one in added) == 12
    assert [(count.kept, count.conflicts) for count in store.photos.counts(project.id).values()] == [(6, 6), (6, 6)]
    assert len(files_under(store, "photos")) == 6
    assert files_under(store, "unfinished") == []


FRESH_HOME = """
import sys
from pathlib import Path
from core.data.store import Store
print("ready", flush=True)
sys.stdin.readline()
store = Store(Path(sys.argv[1]))
print(store.create_project("mine").id)
for category in store.categories(sys.argv[2]) if len(sys.argv) > 2 else []:
    for file in sorted(Path(sys.argv[3]).iterdir()):
        print(store.photos.add(category.id, file.read_bytes(), file.name).is_new)
store.close()
"""


def run_at_once(count: int, *arguments: object) -> list[list[str]]:
    """Start processes, let them go together when all are ready, and give the lines that each printed."""
    command = [sys.executable, "-W", "error", "-c", FRESH_HOME, *map(str, arguments)]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    lines = [process.communicate(timeout=60)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0] * count
    return lines


def test_processes_opening_a_fresh_home_at_once_all_succeed(open_store: Callable[..., Store], tmp_path: Path) -> None:
    printed = run_at_once(3, tmp_path / "home")
    assert {project.id for project in open_store().projects()} == {line for (line,) in printed}


def test_processes_adding_the_same_pictures_all_end_well(store: Store, tmp_path: Path) -> None:
    project = store.create_project("Pets")
    store.add_category(project.id, "cats")
    (tmp_path / "given").mkdir()
    for seed in range(8):
        (tmp_path / "given" / f"{seed}.png").write_bytes(picture(seed))
    printed = run_at_once(2, store.home, project.id, tmp_path / "given")
    assert sum(lines.count("True") for lines in printed) == 8
    assert {photo.sha256 for photo in store.photos.of(project.id)} == {sha256(seed) for seed in range(8)}
    assert len(store.photos.of(project.id)) == 8
    assert len(files_under(store, "photos")) == 8


def test_a_reader_is_not_kept_waiting_by_a_writer(store: Store) -> None:
    project = store.create_project("Pets")
    with sqlite3.connect(store.home / "thimble.db", isolation_level=None) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        writer.execute("UPDATE projects SET name = 'half done'")
        assert store.project(project.id).name == "Pets"
        writer.execute("ROLLBACK")
    writer.close()

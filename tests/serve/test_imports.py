"""One door for whatever holds a project: told by what is in it, and either a project or nothing."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.data.photo import decode, encode
from core.data.store import Store
from core.errors import BadInput, Cancelled
from core.serve.backup import backup
from core.serve.imports import Imported, import_folder, import_project
from tests.hostile import make_hostile, zip_of
from tests.serve.conftest import make_shapes, shape


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "home")
    yield opened
    opened.close()


def zipped(*names: str, extra: dict[str, bytes] | None = None) -> io.BytesIO:
    """Photos under these names, all different."""
    photos = {name: shape("disc", number) for number, name in enumerate(names)}
    return io.BytesIO(zip_of({**photos, **(extra or {})}))


def found(store: Store, imported: Imported) -> dict[str, set[str]]:
    """The names of the photos by category."""
    names = {category.id: category.name for category in store.categories(imported.project.id)}
    photos: dict[str, set[str]] = {name: set() for name in names.values()}
    for photo in store.photos.of(imported.project.id, kept=True):
        photos[names[photo.category_id]].add(photo.name)
    return photos


def nothing_of(store: Store) -> bool:
    return store.projects() == [] and not [path for path in (store.home / "files").rglob("*") if path.is_file()]


def test_a_zip_of_folders_becomes_a_project_named_after_it(store: Store) -> None:
    file = zipped("pets/Cat/1.jpg", "pets/cat/2.jpg", "pets/dog/1.jpg", extra={"pets/dog/notes.txt": b"words"})
    imported = import_project(store, file, "My pets.zip")
    assert imported.project.name == "My pets"
    assert imported.added == 3
    assert [(item.name, "not a picture" in item.reason) for item in imported.refused] == [("pets/dog/notes.txt", True)]
    assert found(store, imported) == {"Cat": {"pets/Cat/1.jpg", "pets/cat/2.jpg"}, "dog": {"pets/dog/1.jpg"}}
    assert [item.name for item in store.refused(imported.project.id)] == ["pets/dog/notes.txt"]
    assert store.projects() == [imported.project]


def test_photos_are_stored_as_those_that_are_uploaded(store: Store) -> None:
    imported = import_project(store, zipped("cat/1.jpg", "dog/2.jpg"), "pets.zip")
    project = store.create_project("By hand")
    category = store.add_category(project.id, "cat")
    by_hand = store.photos.add(category.id, shape("disc", 0), "cat/1.jpg").photo
    same = store.photos.of(imported.project.id)[0]
    for name in ("sha256", "name", "kept", "reason", "width", "height", "provider", "page", "conflicts"):
        assert getattr(same, name) == getattr(by_hand, name), name


def test_a_folder_becomes_a_project(store: Store, photo_folder: Callable[..., Path]) -> None:
    folder = photo_folder("Shapes", count=2)
    (folder / "disc" / "broken.jpg").write_bytes(b"")
    imported = import_folder(store, folder)
    assert imported.project.name == "Shapes"
    assert found(store, imported) == {
        "disc": {"disc/disc 0.jpg", "disc/disc 1.jpg"},
        "stripes": {"stripes/stripes 0.jpg", "stripes/stripes 1.jpg"},
    }
    assert [item.name for item in imported.refused] == ["disc/broken.jpg"]


def test_a_teachable_machine_project_becomes_one(store: Store) -> None:
    manifest = {"manifest.json": json.dumps({"type": "image", "classes": ["Cat", "Dog"]}).encode()}
    imported = import_project(store, zipped("Cat-0.jpg", "Cat-1.jpg", "Dog-0.jpg", extra=manifest), "project.tm")
    assert found(store, imported) == {"Cat": {"Cat-0.jpg", "Cat-1.jpg"}, "Dog": {"Dog-0.jpg"}}
    assert imported.refused == ()


def test_a_backup_is_known_by_what_it_holds_whatever_its_name(store: Store) -> None:
    project = make_shapes(store)
    file = io.BytesIO()
    backup(store, project.id, file)
    imported = import_project(store, file, "photos.zip")
    assert (imported.project.name, imported.added, imported.refused) == ("Shapes", 16, ())
    with pytest.raises(BadInput, match="backup is damaged"):
        import_project(store, zipped("cat/1.jpg"), "mine.thimble")


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.zip", zip_of({}), "no photo"),
        ("a.zip", zip_of({"loose.jpg": shape("disc", 0)}), "no folder"),
        ("a.zip", zip_of({"cat/1.jpg": b"words", "dog/2.jpg": b""}), "not a picture"),
        ("a.zip", zip_of({"x" * 99 + "/1.jpg": shape("disc", 0)}), "99 characters"),
        ("a.zip", zip_of({"cat/1.jpg": shape("disc", 0)})[:-30], "damaged"),
        ("a.jpg", shape("disc", 0), "no folder"),
        ("a.txt", b"words", "no photo"),
        ("", b"", "no photo"),
        ("project.tm", zip_of({"manifest.json": b'{"type": "audio"}', "a/1.jpg": shape("disc", 0)}), "sounds"),
    ],
)
def test_where_nothing_can_be_used_nothing_is_left(store: Store, name: str, data: bytes, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        import_project(store, io.BytesIO(data), name)
    assert words in str(caught.value)
    assert nothing_of(store)


def test_a_folder_without_photos_is_refused(store: Store, tmp_path: Path) -> None:
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    with pytest.raises(BadInput, match="no photo"):
        import_folder(store, tmp_path / "photos")
    with pytest.raises(BadInput):
        import_folder(store, tmp_path / "nowhere")
    assert nothing_of(store)


@pytest.mark.slow
def test_strangers_files_are_named_and_the_good_ones_kept(store: Store, tmp_path: Path) -> None:
    (tmp_path / "photos" / "odd").mkdir(parents=True)
    expected = make_hostile(tmp_path / "photos" / "odd")
    imported = import_folder(store, tmp_path / "photos")
    refused = {item.name for item in imported.refused}
    assert refused == {f"odd/{name}" for name, word in expected.items() if word is not None or name.endswith(".zip")}
    good = [tmp_path / "photos" / "odd" / name for name in expected if f"odd/{name}" not in refused]
    pictures = {encode(decode(path.read_bytes())) for path in good}
    stored = store.photos.of(imported.project.id)
    assert {store.photos.read(photo.sha256) for photo in stored} == pictures
    assert imported.added == len(pictures) == len(stored)


@pytest.mark.parametrize("name", ["", "/", "..", "a\x00\n.zip", "C:\\photos\\pets.zip", "x" * 300 + ".zip", ".zip"])
def test_whatever_the_file_is_called_the_project_gets_a_name(store: Store, name: str) -> None:
    assert import_project(store, zipped("cat/1.jpg"), name).project.name


def test_stopped_by_the_person_it_leaves_nothing(store: Store) -> None:
    seen: list[float] = []

    def stop(fraction: float, words: str) -> None:
        seen.append(fraction)
        if "2 stored" in words:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        import_project(store, zipped("cat/1.jpg", "cat/2.jpg", "dog/3.jpg", "dog/4.jpg"), "pets.zip", on_progress=stop)
    assert seen == [0, 0.25, 0.5]
    assert nothing_of(store)

"""What the person did to photos is undone as if it had not been."""

from collections.abc import Callable

import numpy as np
import pytest

from core.data.store import Change, Project, Store, StoredPhoto, change_rows, tables
from core.errors import BadInput, NotFound
from tests.data.store.conftest import files_under, picture, sha256


class Kennel:
    """A project with three categories, and photos by number in them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.project: Project = store.create_project("Pets")
        self.cats, self.dogs, self.cows = (
            store.add_category(self.project.id, name).id for name in ("cats", "dogs", "cows")
        )

    def add(self, category_id: int, *numbers: int) -> list[int]:
        return [self.store.photos.add(category_id, picture(number), f"{number}.png").photo.id for number in numbers]

    def photos(self) -> list[StoredPhoto]:
        return self.store.photos.of(self.project.id)

    def undo(self) -> Change:
        change = self.store.changes.last(self.project.id)
        assert change is not None
        return self.store.changes.undo(change.id)


@pytest.fixture
def kennel(store: Store) -> Kennel:
    return Kennel(store)


def test_a_move_comes_back(kennel: Kennel) -> None:
    ids = kennel.add(kennel.cats, 1, 2, 3)
    kennel.store.photos.set_kept(ids[:1], False, "blurred")
    before = kennel.photos()
    kennel.store.photos.move(ids, kennel.dogs, undoable=True)
    change = kennel.store.changes.last(kennel.project.id)
    assert change is not None
    assert (change.words, change.photos, change.lost, change.live) == ("moved 3 photos to 'dogs'", 3, 0, None)
    assert kennel.store.changes.undo(change.id) == change
    assert kennel.photos() == before
    assert kennel.store.changes.last(kennel.project.id) is None
    with pytest.raises(NotFound) as caught:
        kennel.store.changes.undo(change.id)
    assert caught.value.hint


def test_dropping_and_keeping_come_back_with_their_reasons(kennel: Kennel) -> None:
    ids = kennel.add(kennel.cats, 1, 2, 3)
    kennel.store.photos.set_kept(ids[:2], False, "nearly the same as another")
    before = kennel.photos()
    kennel.store.photos.set_kept(ids[1:], False, "dropped by you", undoable=True)
    middle = kennel.photos()
    kennel.store.photos.set_kept(ids, True, "kept by you", undoable=True)
    assert kennel.undo().words == "kept 3 photos"
    assert kennel.photos() == middle
    assert kennel.undo().words == "dropped 2 photos"
    assert kennel.photos() == before


def test_all_changes_since_a_moment_come_back_and_older_ones_stay(kennel: Kennel) -> None:
    ids = kennel.add(kennel.cats, 1, 2, 3)
    kennel.store.photos.move(ids[:1], kennel.dogs, undoable=True)
    older = kennel.store.changes.last(kennel.project.id)
    assert older is not None
    before = kennel.photos()
    kennel.store.photos.move(ids, kennel.cows, undoable=True)
    kennel.store.photos.set_kept(ids, False, undoable=True)
    kennel.store.changes.undo_since(kennel.project.id, older.at)
    assert kennel.photos() == before
    assert kennel.store.changes.last(kennel.project.id) == older


def test_a_photo_that_became_one_with_another_comes_back(kennel: Kennel) -> None:
    """With its embedding and its file, and the other is set aside again as it was."""
    (cat,) = kennel.add(kennel.cats, 1)
    dog, cow = kennel.add(kennel.dogs, 1), kennel.add(kennel.cows, 1)
    kennel.store.photos.set_kept(dog, False, "blurred")
    kennel.store.embeddings.put("lite0", {sha256(1): (np.ones(3, np.float32), 1)})
    before = kennel.photos()
    kennel.store.photos.move([cat, *cow], kennel.dogs, undoable=True)
    assert [(photo.id, photo.kept) for photo in kennel.photos()] == [(dog[0], True)]
    kennel.store.photos.delete_dropped(kennel.project.id)
    change = kennel.undo()
    assert (change.photos, change.lost) == (3, 0)
    assert kennel.photos() == before
    assert kennel.store.photos.read(sha256(1))
    assert sha256(1) in kennel.store.embeddings.get("lite0", [sha256(1)])


def test_moves_to_several_categories_are_one_change(kennel: Kennel) -> None:
    """Also where two photos of one picture change places."""
    cats, dogs = kennel.add(kennel.cats, 1, 2), kennel.add(kennel.dogs, 1, 3)
    before = kennel.photos()
    pairs = [(cats[0], kennel.dogs), (cats[1], kennel.cows), (dogs[0], kennel.cats), (dogs[1], kennel.dogs)]
    assert kennel.store.photos.move_each(pairs, "followed 3 suggestions") == 3
    names = {category.id: category.name for category in kennel.store.categories(kennel.project.id)}
    assert sorted((names[photo.category_id], photo.name) for photo in kennel.photos()) == [
        ("cats", "1.png"),
        ("cows", "2.png"),
        ("dogs", "3.png"),
    ]
    assert kennel.undo().words == "followed 3 suggestions"
    assert kennel.photos() == before


def test_an_added_photo_goes_again_with_its_file(kennel: Kennel) -> None:
    kennel.add(kennel.cats, 1)
    kennel.store.photos.add(kennel.dogs, picture(2), "corrected.png", undoable=True)
    assert len(files_under(kennel.store, "photos")) == 2
    assert kennel.undo().words == "added a photo to 'dogs'"
    assert [photo.name for photo in kennel.photos()] == ["1.png"]
    assert [path.stem for path in files_under(kennel.store, "photos")] == [sha256(1)[2:]]
    kennel.store.photos.add(kennel.cats, picture(1), "again.png", undoable=True)
    assert kennel.store.changes.last(kennel.project.id) is None


def test_what_cannot_be_undone_and_what_changes_nothing_is_not_remembered(kennel: Kennel) -> None:
    ids = kennel.add(kennel.cats, 1)
    kennel.store.photos.move(ids, kennel.dogs)
    kennel.store.photos.set_kept(ids, False)
    kennel.store.photos.move(ids, kennel.dogs, undoable=True)
    kennel.store.photos.set_kept(ids, False, undoable=True)
    kennel.store.photos.move([999], kennel.cats, undoable=True)
    kennel.store.photos.move_each([], "nothing")
    assert kennel.store.changes.last(kennel.project.id) is None


def test_the_last_change_is_undone_first(kennel: Kennel) -> None:
    ids = kennel.add(kennel.cats, 1, 2)
    kennel.store.photos.move(ids[:1], kennel.dogs, undoable=True)
    first = kennel.store.changes.last(kennel.project.id)
    assert first is not None
    kennel.store.photos.move(ids, kennel.cows, undoable=True)
    with pytest.raises(BadInput) as caught:
        kennel.store.changes.undo(first.id)
    assert caught.value.hint
    assert {photo.category_id for photo in kennel.photos()} == {kennel.cows}
    kennel.undo()
    assert kennel.store.changes.last(kennel.project.id) == first
    kennel.undo()
    assert {photo.category_id for photo in kennel.photos()} == {kennel.cats}


def test_photos_deleted_meanwhile_stay_deleted_and_the_rest_comes_back(kennel: Kennel) -> None:
    ids = kennel.add(kennel.cats, 1, 2, 3, 4)
    (twin,) = kennel.add(kennel.cows, 2)  # keeps the picture, not the photo
    kennel.store.photos.move(ids, kennel.dogs, undoable=True)
    kennel.store.photos.set_kept(ids[:2], False)
    kennel.store.photos.delete_dropped(kennel.project.id)
    change = kennel.undo()
    assert (change.photos, change.lost) == (4, 2)
    assert {photo.id: photo.category_id for photo in kennel.photos()} == {
        ids[2]: kennel.cats,
        ids[3]: kennel.cats,
        twin: kennel.cows,
    }
    assert len(files_under(kennel.store, "photos")) == 3


def test_a_change_of_which_nothing_is_left_is_forgotten(kennel: Kennel) -> None:
    """Deleted for good is deleted for good: no undoing keeps the file."""
    cat, dog = kennel.add(kennel.cats, 1), kennel.add(kennel.dogs, 1)
    kennel.store.photos.move(cat, kennel.dogs, undoable=True)
    kennel.store.photos.set_kept(dog, False, undoable=True)
    kennel.store.photos.delete_dropped(kennel.project.id)
    assert kennel.store.changes.last(kennel.project.id) is None
    assert files_under(kennel.store, "photos") == []


def test_photos_of_a_category_that_is_gone_stay_where_they_are(kennel: Kennel) -> None:
    cats, cows = kennel.add(kennel.cats, 1), kennel.add(kennel.cows, 2)
    kennel.store.photos.move_each([(cats[0], kennel.dogs), (cows[0], kennel.dogs)], "two moved")
    kennel.store.delete_category(kennel.cats)
    assert kennel.undo().lost == 1
    assert {photo.id: photo.category_id for photo in kennel.photos()} == {cats[0]: kennel.dogs, cows[0]: kennel.cows}


def test_a_picture_that_came_anew_meanwhile_is_not_doubled(kennel: Kennel) -> None:
    cats = kennel.add(kennel.cats, 1)
    kennel.store.photos.set_kept(cats, False, "blurred")
    kennel.store.photos.move(cats, kennel.dogs, undoable=True)
    (anew,) = kennel.add(kennel.cats, 1)
    assert kennel.undo().lost == 0
    (photo,) = kennel.photos()
    assert (photo.id, photo.category_id, photo.kept, photo.reason) == (anew, kennel.cats, False, "blurred")


def test_only_so_many_changes_of_a_project_are_kept(kennel: Kennel) -> None:
    other = Kennel(kennel.store)
    elsewhere = other.add(other.cats, 1)
    other.store.photos.move(elsewhere, other.dogs, undoable=True)
    ids = kennel.add(kennel.cats, 1)
    for number in range(change_rows.MOST_CHANGES + 3):
        kennel.store.photos.set_kept(ids, bool(number % 2), undoable=True)
    for _ in range(change_rows.MOST_CHANGES):
        kennel.undo()
    assert kennel.store.changes.last(kennel.project.id) is None
    assert other.undo().photos == 1


def test_a_change_knows_which_version_was_live(kennel: Kennel) -> None:
    ids = kennel.add(kennel.cats, 1)
    for live in (True, True, False):
        kennel.store.models.add(kennel.project.id, {"a": b""}, accuracy=1, photos=1, fingerprint="", live=live)
    kennel.store.photos.move(ids, kennel.dogs, undoable=True)
    assert kennel.undo().live == 2


def test_changes_outlast_the_program_and_end_with_the_project(kennel: Kennel, open_store: Callable[..., Store]) -> None:
    ids = kennel.add(kennel.cats, 1)
    kennel.store.photos.move(ids, kennel.dogs, undoable=True)
    again = open_store()
    assert again.changes.last(kennel.project.id) == kennel.store.changes.last(kennel.project.id)
    change = again.changes.last(kennel.project.id)
    assert change is not None
    again.delete_project(kennel.project.id)
    with pytest.raises(NotFound):
        again.changes.undo(change.id)
    with pytest.raises(NotFound):
        again.changes.last(kennel.project.id)


@pytest.mark.slow
def test_a_change_of_more_photos_than_a_database_takes_variables(kennel: Kennel) -> None:
    pixels = np.zeros((40, 40, 3), np.uint8)
    ids = []
    for number in range(tables.CHUNK + 10):
        pixels[16:32, 16:32] = 31 * (number % 8), 31 * (number // 8 % 8), 25 * (number // 64)
        ids.append(kennel.store.photos.add_pixels(kennel.cats, pixels, f"{number}").photo.id)
    before = kennel.photos()
    assert len(before) > tables.CHUNK
    everything = [*range(ids[-1] + 1, ids[-1] + 40_000), *ids]
    kennel.store.photos.move(everything, kennel.dogs, undoable=True)
    assert kennel.undo().photos == len(before)
    assert kennel.photos() == before

"""A photo that was answered wrongly waits for the person, and then is learnt from or gone."""

import io
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.data.dataset import NONE_OF_THESE
from core.data.photo import Pixels, decode
from core.data.sources import camera_source
from core.data.store import Change, Correction, Project, Store, StoredPhoto, correction_rows
from core.errors import BadInput, BadPhoto, NotFound
from tests.data.store.conftest import files_under, picture, sha256

ROOT = Path(__file__).parents[3]


class Kennel:
    """A project with two categories, and corrections by number."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.project: Project = store.create_project("Pets")
        self.cats, self.dogs = (store.add_category(self.project.id, name).id for name in ("cats", "dogs"))

    def send(self, number: int, right: str = "dogs", photo: bytes | Pixels | None = None, **values: Any) -> Correction:
        given = {"name": f"{number}.png", "answered": "cats", "probability": 0.9, "is_none": False}
        common = {"right": right, "origin": "link", "version": 3}
        return self.store.corrections.add(
            self.project.id, picture(number) if photo is None else photo, **{**given, **common, **values}
        )

    def waiting(self) -> list[str]:
        return [correction.name for correction in self.store.corrections.waiting(self.project.id)]

    def photos(self) -> list[tuple[str, str]]:
        names = {category.id: category.name for category in self.store.categories(self.project.id)}
        return [(names[photo.category_id], photo.name) for photo in self.rows()]

    def rows(self) -> list[StoredPhoto]:
        return self.store.photos.of(self.project.id)

    def undo(self) -> Change:
        change = self.store.changes.last(self.project.id)
        assert change is not None
        return self.store.changes.undo(change.id)


@pytest.fixture
def kennel(store: Store) -> Kennel:
    return Kennel(store)


# Waiting


def test_a_correction_waits_as_it_was_sent(kennel: Kennel, open_store: Callable[..., Store]) -> None:
    sent = kennel.send(1, origin="api", probability=0.625, answered="cats", version=2)
    assert (sent.project_id, sent.sha256, sent.name) == (kennel.project.id, sha256(1), "1.png")
    assert (sent.answered, sent.probability, sent.is_none, sent.right) == ("cats", 0.625, False, "dogs")
    assert (sent.origin, sent.version) == ("api", 2)
    assert sent.at.tzinfo is not None
    again = open_store()
    assert again.corrections.waiting(kennel.project.id) == [sent]
    assert again.corrections.count(kennel.project.id) == 1
    assert decode(again.photos.read(sent.sha256)).shape == (48, 64, 3)
    assert again.photos.thumbnail(sent.sha256)
    assert again.dataset(kennel.project.id).photos == ()


def test_the_least_sure_come_first(kennel: Kennel) -> None:
    for number, (probability, is_none) in enumerate([(0.9, False), (0.2, False), (0.99, True), (0.2, False)]):
        kennel.send(number, probability=probability, is_none=is_none)
    assert kennel.waiting() == ["2.png", "1.png", "3.png", "0.png"]


def test_the_same_picture_waits_once_as_it_was_sent_last(kennel: Kennel) -> None:
    kennel.send(1, "dogs")
    other = Kennel(kennel.store)
    other.send(1)
    last = kennel.send(1, "cows", name="again.png")
    assert kennel.store.corrections.waiting(kennel.project.id) == [last]
    assert last.right == "cows"
    assert other.waiting() == ["1.png"]
    assert len(files_under(kennel.store, "photos")) == 1


def test_pixels_will_do(kennel: Kennel) -> None:
    assert kennel.send(1, photo=decode(picture(1))).sha256 == sha256(1)


@pytest.mark.parametrize(
    "name", ["<img onerror=alert(1)>", "'); DROP TABLE corrections; --", "猫" * 3_000, "a\0\udcff"]
)
def test_a_stranger_may_call_it_anything(name: str, kennel: Kennel) -> None:
    sent = kennel.send(1, name=name, answered=name)
    assert sent.name[:1] == name[:1]
    assert len(sent.name) <= 2_000
    assert kennel.store.corrections.accept([sent.id]) == 1
    assert kennel.rows()[0].name == sent.name


def test_what_cannot_be_a_correction_leaves_nothing_behind(kennel: Kennel) -> None:
    for right in ("", "\n", "c" * 61, "do\0gs"):
        with pytest.raises(BadInput) as caught:
            kennel.send(1, right)
        assert caught.value.hint
    with pytest.raises(BadPhoto):
        kennel.send(1, photo=b"no picture")
    assert kennel.waiting() == []
    assert files_under(kennel.store, "") == []


def test_only_so_many_wait(kennel: Kennel, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is turned away fills no disk; one that waits can still be sent again."""
    monkeypatch.setattr(correction_rows, "MOST_WAITING", 3)
    for number in range(3):
        kennel.send(number)
    Kennel(kennel.store).send(7)
    with pytest.raises(BadInput, match="3 corrections wait") as caught:
        kennel.send(4)
    assert caught.value.hint
    assert len(files_under(kennel.store, "photos")) == 4
    last = kennel.send(2, "cats")
    assert kennel.store.corrections.accept([last.id]) == 1
    kennel.send(4)
    assert kennel.store.corrections.count(kennel.project.id) == 3


# Accepted


def test_an_accepted_photo_joins_the_category_that_it_names(kennel: Kennel) -> None:
    sent = [kennel.send(1, "dogs"), kennel.send(2, "CATS"), kennel.send(3, "dogs")]
    assert kennel.store.corrections.accept([each.id for each in sent[:2]]) == 2
    assert kennel.photos() == [("dogs", "1.png"), ("cats", "2.png")]
    assert kennel.waiting() == ["3.png"]
    photo = kennel.rows()[0]
    assert (photo.provider, photo.kept, photo.reason) == ("correction", True, "")
    assert (photo.width, photo.height, photo.page, photo.licence) == (64, 48, "", "")
    learnt = kennel.store.dataset(kennel.project.id).photos
    assert [(each.name, each.category, each.origin) for each in learnt] == [
        ("1.png", "dogs", "own"),
        ("2.png", "cats", "own"),
    ]
    assert kennel.store.corrections.accept([each.id for each in sent[:2]]) == 0
    assert kennel.store.corrections.reject([each.id for each in sent[:2]]) == 0
    assert len(kennel.rows()) == 2


def test_the_person_may_know_better_than_the_sender(kennel: Kennel) -> None:
    sent = [kennel.send(1, "dogs"), kennel.send(2, "long gone")]
    assert kennel.store.corrections.accept([each.id for each in sent], right=" Cats ") == 2
    assert kennel.photos() == [("cats", "1.png"), ("cats", "2.png")]


def test_the_category_for_none_of_these_is_made_when_it_is_missing(kennel: Kennel) -> None:
    sent = [kennel.send(1, NONE_OF_THESE), kennel.send(2, "dogs"), kennel.send(3, NONE_OF_THESE.upper())]
    assert kennel.store.corrections.accept([each.id for each in sent]) == 3
    assert sorted(kennel.photos()) == [(NONE_OF_THESE, "1.png"), (NONE_OF_THESE, "3.png"), ("dogs", "2.png")]
    assert [category.name for category in kennel.store.categories(kennel.project.id)] == ["cats", "dogs", NONE_OF_THESE]
    kennel.store.corrections.accept([kennel.send(4).id], right=NONE_OF_THESE)
    assert len(kennel.store.dataset(kennel.project.id).strangers) == 3


def test_a_category_that_is_gone_is_named_and_nothing_changes(kennel: Kennel) -> None:
    sent = [kennel.send(1, NONE_OF_THESE), kennel.send(2, "dogs"), kennel.send(3, "cats")]
    kennel.store.delete_category(kennel.cats)
    for right, named in ((None, "cats"), ("cows", "cows")):
        with pytest.raises(BadInput, match=f"'{named}'") as caught:
            kennel.store.corrections.accept([each.id for each in sent], right=right)
        assert caught.value.hint
        assert sorted(kennel.waiting()) == ["1.png", "2.png", "3.png"]
        assert kennel.photos() == []
        assert [category.name for category in kennel.store.categories(kennel.project.id)] == ["dogs"]
        assert kennel.store.changes.last(kennel.project.id) is None


def test_a_picture_of_the_project_moves_and_is_kept(kennel: Kennel) -> None:
    """The person has seen it and says what it is: also one that lies in several categories, or was set aside."""
    photos = kennel.store.photos
    in_cats, in_cats_too, aside = (photos.add(kennel.cats, picture(n), f"{n}.png").photo for n in (1, 2, 3))
    photos.add(kennel.dogs, picture(2), "twin.png")
    photos.set_kept([aside.id], False, "blurred")
    before = kennel.rows()
    sent = [kennel.send(number, "dogs") for number in (1, 2, 3)]
    assert kennel.store.corrections.accept([each.id for each in sent]) == 3
    assert sorted(kennel.photos()) == [("dogs", "1.png"), ("dogs", "3.png"), ("dogs", "twin.png")]
    now = {photo.id: photo for photo in kennel.rows()}
    assert (now[aside.id].kept, now[aside.id].reason) == (True, "kept by you")
    assert (now[in_cats.id].provider, now[in_cats.id].reason) == ("upload", "")
    assert kennel.store.summary(kennel.project.id).conflicts == 0
    assert in_cats_too.id not in now
    assert kennel.undo().words == "accepted 3 corrections"
    assert kennel.rows() == before


def test_a_picture_that_lies_there_already_is_nothing_new(kennel: Kennel) -> None:
    photo = kennel.store.photos.add(kennel.dogs, picture(1), "one.png").photo
    assert kennel.store.corrections.accept([kennel.send(1, "dogs").id]) == 1
    assert kennel.rows() == [photo]
    assert kennel.waiting() == []
    assert kennel.store.changes.last(kennel.project.id) is None


def test_other_projects_keep_their_photos_and_their_corrections(kennel: Kennel) -> None:
    other = Kennel(kennel.store)
    photo = kennel.store.photos.add(other.cats, picture(1), "one.png").photo
    sent, theirs = kennel.send(1, "dogs"), other.send(1, "dogs")
    kennel.store.corrections.accept([sent.id])
    assert kennel.photos() == [("dogs", "1.png")]
    assert other.rows() == [photo]
    assert other.store.corrections.waiting(other.project.id) == [theirs]
    assert kennel.store.corrections.accept([kennel.send(2).id, theirs.id]) == 2
    assert other.photos() == [("dogs", "one.png")]
    assert other.undo().words == kennel.undo().words == "accepted a correction"
    assert other.rows() == [photo]


def test_photos_of_one_camera_are_known_to_be(kennel: Kennel) -> None:
    """So that a burst is not split between learning and testing."""
    image = Image.open(io.BytesIO(picture(1)))
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0132] = "Maker", "Model", "2026:11:21 10:00:00"
    exif.get_ifd(0x8769)[0x9003] = "2026:11:21 10:00:00"
    file = io.BytesIO()
    image.save(file, "JPEG", exif=exif)
    assert camera_source(file.getvalue())
    kennel.store.corrections.accept([kennel.send(1, photo=file.getvalue()).id])
    (photo,) = kennel.store.dataset(kennel.project.id).photos
    assert photo.source == camera_source(file.getvalue())


# Undone


def test_undone_they_wait_again(kennel: Kennel) -> None:
    sent = [kennel.send(1, "dogs"), kennel.send(2, "cats")]
    ids = [each.id for each in sent]
    kennel.store.corrections.accept(ids, right="cats")
    change = kennel.undo()
    assert (change.words, change.photos, change.lost) == ("accepted 2 corrections", 2, 0)
    assert kennel.rows() == []
    assert kennel.store.corrections.waiting(kennel.project.id) == sent
    assert all(kennel.store.photos.read(each.sha256) for each in sent)
    assert kennel.store.corrections.accept(ids) == 2
    assert kennel.photos() == [("dogs", "1.png"), ("cats", "2.png")]


def test_what_was_deleted_for_good_does_not_wait_again(kennel: Kennel) -> None:
    """No undoing keeps a file."""
    sent = [kennel.send(1), kennel.send(2)]
    kennel.store.corrections.accept([each.id for each in sent])
    first, second = kennel.rows()
    kennel.store.photos.set_kept([first.id], False)
    kennel.store.photos.delete_dropped(kennel.project.id)
    assert len(files_under(kennel.store, "photos")) == 1
    assert (kennel.undo().lost, kennel.rows()) == (1, [])
    assert kennel.store.corrections.waiting(kennel.project.id) == [sent[1]]
    assert kennel.store.photos.read(second.sha256)


def test_one_that_was_sent_again_meanwhile_waits_as_it_was_sent_last(kennel: Kennel) -> None:
    kennel.store.corrections.accept([kennel.send(1, "dogs").id])
    again = kennel.send(1, "cats")
    kennel.undo()
    assert kennel.store.corrections.waiting(kennel.project.id) == [again]
    assert kennel.rows() == []
    assert kennel.store.photos.read(again.sha256)


def test_accepted_ones_are_forgotten_with_their_change(kennel: Kennel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.data.store.change_rows.MOST_CHANGES", 2)
    for number in range(3):
        kennel.store.corrections.accept([kennel.send(number).id])
    assert [kennel.undo().photos, kennel.undo().photos] == [1, 1]
    assert kennel.store.changes.last(kennel.project.id) is None
    assert kennel.photos() == [("dogs", "0.png")]
    assert sorted(kennel.waiting()) == ["1.png", "2.png"]


# Rejected


def test_a_rejected_picture_is_gone_unless_it_is_used(kennel: Kennel, open_store: Callable[..., Store]) -> None:
    kennel.store.photos.add(kennel.cats, picture(2), "two.png")
    other = Kennel(kennel.store)
    other.send(3)
    sent = [kennel.send(number).id for number in (1, 2, 3)]
    kennel.store.photos.thumbnail(sha256(1))
    kennel.store.embeddings.put("lite0", {sha256(n): (np.ones(3, np.float32), 1) for n in (1, 2, 3)})
    open_store()  # sweeps
    assert len(files_under(kennel.store, "photos")) == 3
    assert kennel.store.corrections.reject([*sent, 999]) == 3
    assert kennel.store.corrections.count(kennel.project.id) == 0
    assert {path.stem for path in files_under(kennel.store, "photos")} == {sha256(2)[2:], sha256(3)[2:]}
    assert files_under(kennel.store, "thumbnails") == []
    assert set(kennel.store.embeddings.get("lite0", [sha256(n) for n in (1, 2, 3)])) == {sha256(2), sha256(3)}
    assert kennel.store.changes.last(kennel.project.id) is None


def test_a_waiting_picture_outlasts_the_photo_of_it(kennel: Kennel) -> None:
    kennel.store.photos.add(kennel.cats, picture(1), "one.png")
    sent = kennel.send(1, "dogs")
    kennel.store.delete_category(kennel.cats)
    assert kennel.store.photos.read(sha256(1))
    assert kennel.store.corrections.accept([sent.id]) == 1
    assert kennel.photos() == [("dogs", "1.png")]


def test_corrections_end_with_their_project(kennel: Kennel) -> None:
    other = Kennel(kennel.store)
    kept = other.send(2)
    sent = [kennel.send(number) for number in (1, 2, 3)]
    kennel.store.corrections.accept([sent[2].id])
    kennel.store.delete_project(kennel.project.id)
    assert [path.stem for path in files_under(kennel.store, "photos")] == [sha256(2)[2:]]
    assert kennel.store.corrections.accept([sent[0].id]) == 0
    assert other.store.corrections.waiting(other.project.id) == [kept]
    with pytest.raises(NotFound) as caught:
        kennel.send(1)
    assert caught.value.hint
    with pytest.raises(NotFound):
        kennel.store.corrections.waiting(kennel.project.id)
    kennel.store.delete_project(other.project.id)
    assert files_under(kennel.store, "") == []


# Many at once, and cut short


def test_accepted_twice_at_once_it_is_added_once(kennel: Kennel, open_store: Callable[..., Store]) -> None:
    ids = [kennel.send(number).id for number in range(6)]
    stores = [kennel.store, open_store(), open_store(), open_store()]
    with ThreadPoolExecutor(8) as pool:
        accepted = list(pool.map(lambda at: stores[at % 4].corrections.accept(ids), range(8)))
    assert sorted(accepted) == [0] * 7 + [6]
    assert [name for _, name in kennel.photos()] == [f"{number}.png" for number in range(6)]
    assert kennel.undo().photos == 6
    assert kennel.store.changes.last(kennel.project.id) is None


def test_sent_rejected_and_accepted_at_once_no_picture_is_lost_and_none_left_over(kennel: Kennel) -> None:
    """A sweep must not take the file that another thread has just counted on."""

    def send_and_reject() -> None:
        for _ in range(25):
            kennel.store.corrections.reject([kennel.send(1).id])

    def send_and_accept() -> None:
        other = Kennel(kennel.store)
        for _ in range(25):
            kennel.store.corrections.accept([other.send(1).id])
            (photo,) = other.rows()
            assert kennel.store.photos.read(photo.sha256)
            kennel.store.photos.set_kept([photo.id], False)
            kennel.store.photos.delete_dropped(other.project.id)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(send_and_reject), pool.submit(send_and_accept)]:
            done.result()
    assert files_under(kennel.store, "") == []


DIE = """
import os, sys
from pathlib import Path
from core.data.store import Store, correction_rows
from tests.data.store.conftest import picture
home, project, what = sys.argv[1:]
store = Store(Path(home))
setattr(correction_rows, "insert_correction" if what == "send" else "record_change", lambda *_: os._exit(9))
if what == "send":
    values = {"name": "x", "answered": "", "probability": 0.5, "is_none": False, "right": "dogs", "version": 1}
    store.corrections.add(project, picture(2), origin="link", **values)
store.corrections.accept([each.id for each in store.corrections.waiting(project)])
"""


@pytest.mark.parametrize("what", ["send", "accept"])
def test_a_program_that_dies_meanwhile_changes_nothing(
    what: str, kennel: Kennel, open_store: Callable[..., Store]
) -> None:
    sent = kennel.send(1)
    died = subprocess.run([sys.executable, "-c", DIE, str(kennel.store.home), kennel.project.id, what], cwd=ROOT)
    assert died.returncode == 9
    again = open_store()
    assert again.corrections.waiting(kennel.project.id) == [sent]
    assert again.photos.of(kennel.project.id) == []
    assert len(files_under(again, "photos")) == 1
    assert again.corrections.accept([sent.id]) == 1


def test_more_corrections_than_a_database_takes_variables(kennel: Kennel) -> None:
    sent = kennel.send(1)
    everything = [*range(sent.id + 1, sent.id + 40_000), sent.id]
    assert kennel.store.corrections.accept(everything) == 1
    kennel.undo()
    assert kennel.store.corrections.reject(everything) == 1

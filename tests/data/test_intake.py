"""A person's own files into a project: sorted by folder, kept once, and each one that cannot be used is named."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from core.data.intake import Taken, take_in
from core.data.store import Store
from core.errors import Cancelled
from tests.conftest import draw_shape


def jpeg(kind: str, number: int) -> bytes:
    data = io.BytesIO()
    draw_shape(kind, number).save(data, "JPEG")
    return data.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


class Desk:
    """A project with one category, "disc", and a way to put files into it."""

    def __init__(self, home: Path) -> None:
        self.store = Store(home)
        self.project = self.store.create_project("Shapes")
        self.disc = self.store.add_category(self.project.id, "disc")
        self.progress: list[float] = []

    def put(self, files: Sequence[tuple[str, bytes]], category_id: int | None = None) -> Taken:
        return take_in(
            self.store,
            self.project.id,
            category_id,
            files,
            on_progress=lambda fraction, words: self.progress.append(fraction),
        )

    def photos(self) -> dict[str, set[str]]:
        """The kept photos' names by category."""
        names = {category.id: category.name for category in self.store.categories(self.project.id)}
        found: dict[str, set[str]] = {name: set() for name in names.values()}
        for photo in self.store.photos.of(self.project.id, kept=True):
            found[names[photo.category_id]].add(photo.name)
        return found


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_files_for_a_category_go_there_whatever_their_folder(desk: Desk) -> None:
    taken = desk.put([("a.jpg", jpeg("disc", 1)), ("stripes/b.jpg", jpeg("disc", 2))], desk.disc.id)
    assert taken == Taken(added=2)
    assert desk.photos() == {"disc": {"a.jpg", "stripes/b.jpg"}}


def test_a_zip_is_sorted_by_its_folders_and_makes_new_categories(desk: Desk) -> None:
    archive = zipped({"DISC/1.jpg": jpeg("disc", 1), "stripes/1.jpg": jpeg("stripes", 1), "loose.jpg": jpeg("disc", 9)})
    assert desk.put([("photos.zip", archive)]) == Taken(added=2, refused=1)
    assert desk.photos() == {"disc": {"DISC/1.jpg"}, "stripes": {"stripes/1.jpg"}}
    (refused,) = desk.store.refused(desk.project.id)
    assert refused.name == "loose.jpg"
    assert "folder" in refused.reason


def test_a_folder_sent_by_a_browser_is_sorted_by_what_lies_inside(desk: Desk) -> None:
    files = [("mine/disc/1.jpg", jpeg("disc", 1)), ("mine/stripes/1.jpg", jpeg("stripes", 1))]
    taken = desk.put([*files, ("mine/loose.jpg", jpeg("disc", 5))])
    assert taken == Taken(added=2, refused=1)
    assert set(desk.photos()) == {"disc", "stripes"}


def test_one_bad_file_does_not_stop_the_others(desk: Desk) -> None:
    files = [("good.jpg", jpeg("disc", 1)), ("bad.jpg", b"words"), ("again.jpg", jpeg("disc", 1))]
    assert desk.put(files, desk.disc.id) == Taken(added=1, repeated=1, refused=1)
    (refused,) = desk.store.refused(desk.project.id)
    assert (refused.name, refused.category) == ("bad.jpg", "disc")
    assert "not a picture" in refused.reason


def test_a_folder_whose_name_is_no_category_is_refused_in_words(desk: Desk) -> None:
    assert desk.put([("x" * 100 + "/1.jpg", jpeg("disc", 1))]) == Taken(refused=1)
    assert "100 characters" in desk.store.refused(desk.project.id)[0].reason


def test_progress_moves_within_one_archive(desk: Desk) -> None:
    desk.put([("photos.zip", zipped({f"disc/{number}.jpg": jpeg("disc", number) for number in range(4)}))])
    assert desk.progress == [0, 0.25, 0.5, 0.75, 1]


def test_what_was_stored_before_a_stop_stays(desk: Desk) -> None:
    def stop_at_half(fraction: float, words: str) -> None:
        if fraction >= 0.5:
            raise Cancelled("Stopped.")

    files = [(f"{number}.jpg", jpeg("disc", number)) for number in range(4)]
    with pytest.raises(Cancelled):
        take_in(desk.store, desk.project.id, desk.disc.id, files, on_progress=stop_at_half)
    assert desk.photos() == {"disc": {"0.jpg", "1.jpg"}}

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.dataset import NAME_LIMIT, category_name, fold_count, folds, from_folder
from core.data.photo import MAX_BYTES
from core.errors import BadInput, BadPhoto

labelled_groups = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 30)), min_size=1, max_size=80)


def put(path: Path, data: bytes = b"bytes") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def names(folder: Path) -> list[str]:
    return [photo.name for photo in from_folder(folder).photos]


def test_sub_folders_name_the_categories_in_order(tmp_path: Path) -> None:
    put(tmp_path / "dogs" / "b.jpg")
    put(tmp_path / "dogs" / "a.jpg", b"the first dog")
    put(tmp_path / "cats" / "tabby" / "kitten" / "c.jpg")
    dataset = from_folder(tmp_path)
    assert dataset.categories == ("cats", "dogs")
    assert [(photo.name, photo.category) for photo in dataset.photos] == [
        ("cats/tabby/kitten/c.jpg", "cats"),
        ("dogs/a.jpg", "dogs"),
        ("dogs/b.jpg", "dogs"),
    ]
    assert dataset.read(dataset.photos[1]) == b"the first dog"


def test_what_systems_and_authors_leave_beside_photos_is_no_photo(tmp_path: Path) -> None:
    put(tmp_path / "cats" / "a.jpg")
    for stray in ("SOURCE.txt", "LICENSE", ".DS_Store", "cats/.DS_Store", "cats/Thumbs.db", "cats/._a.jpg"):
        put(tmp_path / stray)
    put(tmp_path / "__MACOSX" / "cats" / "a.jpg")
    put(tmp_path / ".git" / "HEAD")
    put(tmp_path / "cats" / ".cache" / "a.jpg")
    dataset = from_folder(tmp_path)
    assert dataset.categories == ("cats",)
    assert [photo.name for photo in dataset.photos] == ["cats/a.jpg"]


def test_a_file_that_is_no_picture_is_listed_so_that_it_can_be_refused_by_name(tmp_path: Path) -> None:
    put(tmp_path / "cats" / "notes.txt")
    put(tmp_path / "cats" / "empty.jpg", b"")
    assert names(tmp_path) == ["cats/empty.jpg", "cats/notes.txt"]


def test_a_folder_without_photos_is_still_a_category(tmp_path: Path) -> None:
    put(tmp_path / "cats" / "a.jpg")
    (tmp_path / "dogs").mkdir()
    assert from_folder(tmp_path).categories == ("cats", "dogs")


def test_links_never_lead_outside_the_folder(tmp_path: Path) -> None:
    secret = put(tmp_path / "outside" / "secret.jpg")
    photo = put(tmp_path / "photos" / "cats" / "a.jpg")
    (photo.parent / "inside.jpg").symlink_to(photo)
    (photo.parent / "secret.jpg").symlink_to(secret)
    (photo.parent / "folder").symlink_to(secret.parent)
    (photo.parent / "round").symlink_to(tmp_path / "photos")
    (photo.parent / "dangling.jpg").symlink_to(tmp_path / "nowhere")
    (tmp_path / "photos" / "dogs").symlink_to(secret.parent)
    assert names(tmp_path / "photos") == ["cats/a.jpg", "cats/inside.jpg"]
    assert from_folder(tmp_path / "photos").categories == ("cats",)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_which_would_never_end_is_no_photo(tmp_path: Path) -> None:
    put(tmp_path / "cats" / "a.jpg")
    os.mkfifo(tmp_path / "cats" / "pipe.jpg")
    assert names(tmp_path) == ["cats/a.jpg"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_name_that_is_no_text_can_still_be_shown_and_read(tmp_path: Path) -> None:
    try:
        put(tmp_path / "cats" / os.fsdecode(b"caf\xe9.jpg"))
    except OSError:
        pytest.skip("this file system takes only text")
    dataset = from_folder(tmp_path)
    assert dataset.photos[0].name == "cats/caf\ufffd.jpg"
    assert dataset.read(dataset.photos[0]) == b"bytes"


def test_two_spellings_of_one_name_are_one_category(tmp_path: Path) -> None:
    put(tmp_path / "caf\u00e9" / "a.jpg")
    put(tmp_path / "cafe\u0301" / "b.jpg")
    dataset = from_folder(tmp_path)
    assert dataset.categories == ("caf\u00e9",)
    assert {photo.category for photo in dataset.photos} == {"caf\u00e9"}


def test_reading_stops_where_the_decoder_would_refuse(tmp_path: Path) -> None:
    path = put(tmp_path / "cats" / "huge.jpg")
    os.truncate(path, MAX_BYTES * 2)
    dataset = from_folder(tmp_path)
    assert len(dataset.read(dataset.photos[0])) == MAX_BYTES + 1


def test_a_photo_that_is_gone_is_a_bad_photo_with_its_name(tmp_path: Path) -> None:
    path = put(tmp_path / "cats" / "a.jpg")
    dataset = from_folder(tmp_path)
    path.unlink()
    with pytest.raises(BadPhoto, match=r"a\.jpg.*No such file"):
        dataset.read(dataset.photos[0])


def test_a_folder_that_cannot_be_used_is_refused_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no folder.*missing"):
        from_folder(tmp_path / "missing")
    with pytest.raises(BadInput, match="is a file"):
        from_folder(put(tmp_path / "one.jpg"))
    with pytest.raises(BadInput, match="no folder inside") as refusal:
        from_folder(tmp_path)
    assert "cats/" in refusal.value.hint


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  cats \n", "cats"),
        ("cafe\u0301", "caf\u00e9"),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f468\u200d\U0001f469\u200d\U0001f467"),
        ("\u0633\u06af\u200c\u0647\u0627", "\u0633\u06af\u200c\u0647\u0627"),
        ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
        ("\u202acats\u202c", "cats"),
        ("\u202estac", "stac"),
        ("\u2067cats\u2069", "cats"),
        ("ca\u200bts\ufeff", "cats"),
        ("../../etc", "../../etc"),
        ("x" * NAME_LIMIT, "x" * NAME_LIMIT),
    ],
)
def test_a_category_keeps_its_name_as_typed_without_what_nobody_sees(typed: str, kept: str) -> None:
    assert category_name(typed) == kept


@pytest.mark.parametrize("typed", ["", "   ", "\t\n", "\u200b", "\u202e \u202c", "\u200d", "\u00a0\u3000"])
def test_a_name_with_nothing_to_read_is_refused(typed: str) -> None:
    with pytest.raises(BadInput, match="needs a name"):
        category_name(typed)


@pytest.mark.parametrize("typed", ["cats\ndogs", "cats\x00", "a\tb", "\x1b[31mred", "a\u2028b", "\ud800x"])
def test_a_name_with_control_characters_is_refused(typed: str) -> None:
    with pytest.raises(BadInput, match="control character"):
        category_name(typed + "!")


def test_a_long_name_is_refused_with_the_limit() -> None:
    with pytest.raises(BadInput, match=f"300 characters; .*at most {NAME_LIMIT}") as refusal:
        category_name("x" * 300)
    assert len(refusal.value.message) < 120


@given(st.text(max_size=80))
def test_a_name_once_accepted_stays_as_it_is(text: str) -> None:
    try:
        name = category_name(text)
    except BadInput:
        return
    assert category_name(name) == name
    assert 1 <= len(name) <= NAME_LIMIT
    name.encode()


@given(labelled_groups, st.integers(2, 6), st.integers(0, 3))
def test_folds_never_split_a_group_and_are_the_same_each_time(
    photos: list[tuple[int, int]], count: int, seed: int
) -> None:
    labels, groups = np.array(photos).T
    fold = folds(labels, groups, count, seed)
    assert fold.shape == labels.shape
    assert set(fold) <= set(range(count))
    for number in set(groups):
        assert len(set(fold[groups == number])) == 1
    np.testing.assert_array_equal(fold, folds(labels, groups, count, seed))


@given(labelled_groups, st.integers(2, 6))
def test_a_category_with_a_group_of_its_own_and_another_is_never_wholly_held_out(
    photos: list[tuple[int, int]], count: int
) -> None:
    labels, groups = np.array(photos).T
    fold = folds(labels, groups, count, 0)
    for label in set(labels):
        mine = set(groups[labels == label])
        own = [number for number in mine if set(labels[groups == number]) == {label}]
        if own and len(mine) > 1:
            assert len(set(fold[labels == label])) > 1


@given(st.lists(st.integers(0, 4), min_size=1, max_size=80), st.integers(2, 6))
def test_single_photos_are_spread_evenly(listed: list[int], count: int) -> None:
    labels = np.array(listed)
    fold = folds(labels, np.arange(len(labels)), count, 0)
    for label in set(listed):
        sizes = np.bincount(fold[labels == label], minlength=count)
        assert sizes.max() - sizes.min() <= 1
    sizes = np.bincount(fold, minlength=count)
    assert sizes.max() - sizes.min() <= 1


def test_another_seed_gives_other_folds() -> None:
    labels, groups = np.repeat([0, 1], 30), np.arange(60)
    assert (folds(labels, groups, 5, 0) != folds(labels, groups, 5, 1)).any()


def test_a_category_with_one_group_is_held_out_whole() -> None:
    fold = folds(np.array([0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 2]), 2, 0)
    assert len(set(fold[:3])) == 1
    assert set(fold[3:]) == {0, 1}


@pytest.mark.parametrize(
    ("labels", "groups", "count"),
    [
        ([0] * 120 + [1] * 120, range(240), 5),
        ([0] * 30 + [1] * 30, range(60), 10),
        ([0] * 30 + [1] * 3, range(33), 3),
        ([0] * 30 + [1] * 30, [*range(30), *[30, 31] * 15], 2),
        ([0] * 30 + [1] * 30, [*range(30), *[30] * 30], 2),
        ([0, 0, 1, 1], range(4), 2),
    ],
)
def test_no_more_folds_than_the_smallest_category_has_groups(labels: list[int], groups: list[int], count: int) -> None:
    assert fold_count(np.array(labels), np.array(groups)) == count

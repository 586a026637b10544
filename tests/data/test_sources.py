"""Shots and crops of one original are told by where they come from; other photos are left alone."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.dataset import Photo, from_folder
from core.data.sources import camera_source, merge_groups, source_groups
from core.data.store import Store
from tests.conftest import draw_shape


def named(*names: str, category: str = "any") -> list[Photo]:
    return [Photo(name, name, category) for name in names]


def sizes(photos: list[Photo]) -> list[int]:
    """Photos of each group, largest first."""
    return sorted(np.bincount(source_groups(photos)).tolist(), reverse=True)


def together(photos: list[Photo]) -> set[frozenset[str]]:
    """The names of the groups of more than one photo."""
    groups = source_groups(photos)
    found = (frozenset(photos[at].name for at in np.flatnonzero(groups == number)) for number in set(groups.tolist()))
    return {names for names in found if len(names) > 1}


FILLER = ("apple.jpg", "pear.jpg", "plum.jpg", "fig.jpg", "lime.jpg", "kiwi.jpg", "nut.jpg")

# Names of one original


@pytest.mark.parametrize(
    "names",
    [
        ("scan_11_1.jpg", "scan_11_19.jpg", "scan_11_3.png"),
        ("test__test_11_1.jpg", "test__test_11_19.jpg"),
        ("scan_11.jpg", "scan_11_1.jpg"),
        ("IMG_0001.jpg", "IMG_0001 (1).jpg", "IMG_0001 (2).jpg"),
        ("IMG_20240131_123456_1.jpg", "IMG_20240131_123456_2.jpg"),
        ("IMG_20240131_123456.jpg", "IMG_20240131_123456~2.jpg"),
        ("WhatsApp Image 2024-01-31 at 10.11.12.jpg", "WhatsApp Image 2024-01-31 at 10.11.12 (1).jpg"),
        ("1706696096123-1.jpg", "1706696096123-2.jpg"),
        ("a1b2c3d4e5f6_1.jpg", "a1b2c3d4e5f6_2.jpg"),
        ("550e8400-e29b-41d4-a716-44665544000a_3.jpg", "550e8400-e29b-41d4-a716-44665544000a_12.jpg"),
        ("fruit/scan_3_1.jpg", "fruit/scan_3_2.jpg"),
    ],
)
def test_crops_of_one_original_are_one_source(names: tuple[str, ...]) -> None:
    assert together(named(*names, *FILLER)) == {frozenset(names)}


@pytest.mark.parametrize(
    "names",
    [
        ("IMG_0001.jpg", "IMG_0002.jpg"),
        ("fork_1.jpg", "fork_2.jpg", "fork_3.jpg"),
        ("dress (1).jpg", "dress (2).jpg"),
        ("japanese_cherry_1.jpg", "japanese_cherry_2.jpg"),
        ("photograph_1.jpg", "photograph_2.jpg"),
        ("00001.jpg", "00002.jpg"),
        ("IMG_20240131_123456.jpg", "IMG_20240131_123501.jpg"),
        ("20240131_123456.jpg", "20240131_123501.jpg"),
        ("PXL_20240131_123456789.jpg", "PXL_20240131_123456790.jpg"),
        ("photo_2024-01-31_10-11-12.jpg", "photo_2024-01-31_10-11-13.jpg"),
        ("2024-01-31 10.11.12.jpg", "2024-01-31 10.11.13.jpg"),
        ("WhatsApp Image 2024-01-31 at 10.11.12.jpg", "WhatsApp Image 2024-01-31 at 10.11.13.jpg"),
        ("IMG-20240131-WA0001.jpg", "IMG-20240131-WA0002.jpg"),
        ("2024-01-30.jpg", "2024-01-31.jpg"),
        ("2024-01-31_1.jpg", "2024-01-31_2.jpg"),
        ("IMG_20240131_001.jpg", "IMG_20240131_002.jpg"),
        ("DSC_5100_0001.jpg", "DSC_5100_0002.jpg"),
        ("trip_2023_1.jpg", "trip_2023_2.jpg", "trip_2024_1.jpg", "trip_2024_2.jpg"),
        ("n02085620_1055.jpg", "n02085620_107.jpg"),
        ("one/scan_11_1.jpg", "two/scan_11_2.jpg"),
        ("scan_11_1.jpg", "scan_12_1.jpg"),
        ("_1.jpg", "(2).jpg", ".jpg"),
    ],
)
def test_names_that_only_count_say_nothing(names: tuple[str, ...]) -> None:
    assert together(named(*names, *FILLER)) == set()


@pytest.mark.parametrize(
    "names",
    [
        [f"set_1_{number}.jpg" for number in range(30)],  # one way of naming, and nothing of originals
        [f"2 ({number}).jpg" for number in range(30)],
        [f"set_1_{number}.jpg" for number in range(15)] + [f"set_2_{number}.jpg" for number in range(15)],
        [f"set_1_{number}.jpg" for number in range(11)] + [f"thing {number}.jpg" for number in range(19)],
        ["scan_1_1.jpg", "scan_1_2.jpg", "scan_2_1.jpg"],
        ["scan_1_1.jpg", "scan_1_2.jpg"],
    ],
)
def test_a_category_is_never_glued_together(names: list[str]) -> None:
    assert together(named(*names)) == set()


def test_a_third_of_a_category_may_be_one_source_and_a_pair_always() -> None:
    assert sizes(named(*[f"set_1_{number}.jpg" for number in range(10)], *"abcdefghijklmnopqrst")) == [10] + [1] * 20
    assert sizes(named("scan_1_1.jpg", "scan_1_2.jpg", "a.jpg", "b.jpg")) == [2, 1, 1]


def test_each_category_is_judged_by_itself() -> None:
    """What one of them makes of its names leaves the others alone, and no source spans two of them."""
    coins = [name for scan in range(4) for name in (f"scan_{scan}_1.jpg", f"scan_{scan}_2.jpg")]
    photos = named(*coins, category="coins") + named(*[f"scan_1_{n}.jpg" for n in range(8)], category="scans")
    assert sizes(photos) == [2] * 4 + [1] * 8
    assert source_groups(photos).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, *range(4, 12)]


def test_names_of_web_photos_say_nothing() -> None:
    photos = [Photo(str(n), f"image_12_{n}.jpg", "any", "web", "") for n in range(2)] + named(*FILLER)
    assert together(photos) == set()


# Pages and cameras


def test_photos_of_one_page_are_one_source() -> None:
    pages = ["https://a.example/1", "https://a.example/1", "https://b.example/1", "", "", "https://a.example/2"]
    photos = [Photo(str(at), str(at), "any", "web", page) for at, page in enumerate(pages)]
    assert source_groups(photos).tolist() == [0, 0, 1, 2, 3, 4]


def test_shots_of_one_camera_within_seconds_are_one_source() -> None:
    """One follows the other: the last may be far from the first. Another camera's are apart."""
    moments = {"aaaaaaaa": [100.5, 200, 110.5, 120.4, 131.0], "bbbbbbbb": [101, 300, 900, 1200]}
    shots = [f"{camera} {seconds}" for camera, each in moments.items() for seconds in each]
    photos = [Photo(shot, f"{at}.jpg", "any", "own", shot) for at, shot in enumerate(shots)]
    assert source_groups(photos).tolist() == [0, 1, 0, 0, 2, 3, 4, 5, 6]


def test_a_category_shot_in_one_go_is_not_one_source() -> None:
    photos = [Photo(str(n), f"{n}.jpg", "any", "own", f"aaaaaaaa {n * 5}") for n in range(20)]
    assert sizes(photos) == [1] * 20


def test_a_photo_that_two_signs_join_joins_both_groups() -> None:
    photos = named("scan_1_1.jpg", "scan_1_2.jpg", *FILLER)
    shots = {"scan_1_2.jpg": "aaaaaaaa 5", "fig.jpg": "aaaaaaaa 6"}
    photos = [Photo(p.key, p.name, p.category, "own", shots.get(p.name, "")) for p in photos]
    assert together(photos) == {frozenset({"scan_1_1.jpg", "scan_1_2.jpg", "fig.jpg"})}


def test_groups_are_merged_through_others() -> None:
    one, other = np.array([0, 0, 1, 1, 2, 3, 4]), np.array([0, 1, 1, 2, 2, 3, 3])
    assert merge_groups(one, other).tolist() == [0, 0, 0, 0, 0, 3, 3]
    assert merge_groups(np.arange(3), np.arange(3)).tolist() == [0, 1, 2]
    assert source_groups([]).tolist() == merge_groups(np.arange(0), np.arange(0)).tolist() == []


# What a camera writes


def shot(taken: str = "2024:01:31 10:11:12", *, model: str = "X100", serial: str = "", part: str = "") -> bytes:
    tags = Image.Exif()
    tags[271], tags[272] = "Maker", model
    tags.get_ifd(0x8769).update({36867: taken, 42033: serial, 37521: part})
    data = io.BytesIO()
    draw_shape("disc", 1).save(data, "JPEG", exif=tags)
    return data.getvalue()


def test_camera_and_moment_are_read_and_nothing_else_is_told() -> None:
    camera, seconds = camera_source(shot()).split()
    assert float(seconds) == 1_706_695_872
    assert len(camera) == 8
    assert camera_source(shot("2024:01:31 10:11:13", part="25")) == f"{camera} {1_706_695_873.25:.3f}"
    assert camera_source(shot(model="X200")).split()[0] != camera
    assert camera_source(shot(serial="12345")).split()[0] != camera


@pytest.mark.parametrize("taken", ["", "0000:00:00 00:00:00", "yesterday", "2024:13:01 10:11:12"])
def test_a_photo_that_does_not_say_when_has_no_source(taken: str) -> None:
    assert camera_source(shot(taken)) == ""


def test_what_is_no_camera_photo_has_no_source() -> None:
    plain = io.BytesIO()
    draw_shape("disc", 1).save(plain, "PNG")
    for data in (b"", b"words", plain.getvalue(), shot()[:200], shot(model="")):
        assert camera_source(data) == ""


# From where photos are kept to their groups


def test_an_uploaded_burst_is_one_source_in_the_projects_dataset(tmp_path: Path) -> None:
    store = Store(tmp_path)
    category = store.add_category(store.create_project("Shapes").id, "disc")
    for number in range(6):
        tags = Image.Exif()
        tags[272] = "Phone"
        tags.get_ifd(0x8769)[36867] = f"2024:01:31 10:{11 + number // 2}:{20 + number % 2}"
        data = io.BytesIO()
        draw_shape("disc", number).save(data, "JPEG", exif=tags)
        added = store.photos.add(category.id, data.getvalue(), f"{number}.jpg").photo
        assert b"Phone" not in store.photos.read(added.sha256)
    photos = store.dataset(category.project_id).photos
    assert {photo.origin for photo in photos} == {"own"}
    assert source_groups(photos).tolist() == [0, 0, 1, 1, 2, 2]
    store.close()


def test_a_folder_of_crops_is_grouped_by_its_names(tmp_path: Path) -> None:
    (tmp_path / "coins").mkdir()
    for name in ("scan_1_1.jpg", "scan_1_2.jpg", "scan_2_1.jpg", "scan_3_7.jpg"):
        (tmp_path / "coins" / name).write_bytes(b"")
    dataset = from_folder(tmp_path)
    assert {(photo.origin, photo.source) for photo in dataset.photos} == {("own", "")}
    assert source_groups(dataset.photos).tolist() == [0, 0, 1, 2]

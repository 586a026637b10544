import io
import stat
import struct
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data import archive, upload
from core.data.photo import MAX_BYTES, Refused, decode
from core.data.upload import Upload, is_ignored, unpack
from core.errors import BadPhoto
from tests.hostile import encoded, make_hostile, scene, zip_bomb, zip_of


def from_zip(data: bytes) -> list[Upload | Refused]:
    return list(unpack("photos.zip", io.BytesIO(data)))


def reasons(items: list[Upload | Refused]) -> dict[str, str]:
    return {item.name: item.reason for item in items if isinstance(item, Refused)}


def names(items: list[Upload | Refused]) -> list[str]:
    return [item.name for item in items if isinstance(item, Upload)]


def entry(name: str, *, mode: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def patched(data: bytes, at_local: int, at_listed: int, value: int) -> bytes:
    """The archive with a 16-bit field of its first member changed, both before the member and in the list."""
    listed = data.index(b"PK\x01\x02")
    changed = bytearray(data)
    struct.pack_into("<H", changed, at_local, value)
    struct.pack_into("<H", changed, listed + at_listed, value)
    return bytes(changed)


def test_a_plain_file_is_one_upload() -> None:
    assert list(unpack("1.jpg", io.BytesIO(b"abc"))) == [Upload("1.jpg", None, b"abc")]
    assert list(unpack("1.jpg", io.BytesIO(b""))) == [Upload("1.jpg", None, b"")]


def test_a_file_read_before_is_read_from_its_start() -> None:
    file = io.BytesIO(zip_of({"cats/1.jpg": b"a"}))
    file.read()
    assert list(unpack("photos.zip", file)) == [Upload("cats/1.jpg", "cats", b"a")]


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("1.jpg", None),
        ("cats/1.jpg", "cats"),
        ("my_photos/cats/1.jpg", "cats"),
        ("my_photos\\cats\\1.jpg", "cats"),
        ("./cats//1.jpg", "cats"),
        ("café au lait/été 1.jpg", "café au lait"),
    ],
)
def test_the_folder_that_holds_a_file_names_its_category(name: str, category: str | None) -> None:
    (plain,) = unpack(name, io.BytesIO(b"a"))
    (member,) = from_zip(zip_of({name: b"a"}))
    assert isinstance(plain, Upload)
    assert plain == member
    assert plain.category == category
    assert "\\" not in plain.name


@pytest.mark.parametrize(
    ("members", "categories"),
    [
        (["cats/1.jpg", "dogs/1.jpg"], ["cats", "dogs"]),
        (["1.jpg", "cats/1.jpg"], [None, "cats"]),
        (["cats/1.jpg", "cats/2.jpg"], ["cats", "cats"]),
        (["my/cats/1.jpg", "my/dogs/1.jpg", "my/loose.jpg"], ["cats", "dogs", None]),
        (["my/cats/1.jpg", "my/cats/2.jpg"], ["cats", "cats"]),
        (["a/my/cats/1.jpg", "a/my/dogs/1.jpg"], ["cats", "dogs"]),
        (["cats/1.jpg", "cats/kittens/1.jpg", "dogs/1.jpg"], ["cats", "kittens", "dogs"]),
        (["__MACOSX/x", "my/cats/1.jpg", "my/1.jpg"], ["cats", None]),
    ],
)
def test_a_folder_around_all_the_others_names_no_category(members: list[str], categories: list[str | None]) -> None:
    items = from_zip(zip_of(dict.fromkeys(members, b"a")))
    assert [item.category for item in items if isinstance(item, Upload)] == categories


def test_members_come_in_order_and_two_may_have_one_name() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("z.jpg", b"1")
        archive.writestr("a.jpg", b"2")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("z.jpg", b"3")
    items = from_zip(file.getvalue())
    assert [(item.name, item.data) for item in items if isinstance(item, Upload)] == [
        ("z.jpg", b"1"),
        ("a.jpg", b"2"),
        ("z.jpg", b"3"),
    ]


def test_members_are_read_one_at_a_time() -> None:
    file = io.BytesIO(zip_of({f"{number}.jpg": b"a" for number in range(5)}))
    items = unpack("photos.zip", file)
    assert isinstance(next(items), Upload)
    damaged = bytearray(file.getvalue())
    damaged[40:200] = bytes(160)
    file.seek(0)
    file.write(damaged)
    assert isinstance(next(items), Refused)


def test_names_in_utf8_and_in_the_old_code_page_are_read() -> None:
    data = zip_of({"Äpfel/grün.jpg": b"a"})
    assert names(from_zip(data)) == ["Äpfel/grün.jpg"]
    old = zip_of({"Xpfel/1.jpg": b"a"}).replace(b"Xpfel", b"\x8epfel")
    assert from_zip(old) == [Upload("Äpfel/1.jpg", "Äpfel", b"a")]


@pytest.mark.parametrize(
    ("name", "ignored"),
    [
        (".DS_Store", True),
        ("cats/.DS_Store", True),
        ("__MACOSX/cats/._1.jpg", True),
        ("cats\\Thumbs.db", True),
        ("cats/desktop.ini", True),
        ("Desktop.ini", True),
        (".thumbnails/1.jpg", True),
        ("._1.jpg", True),
        ("1.jpg", False),
        ("./1.jpg", False),
        ("../1.jpg", False),
        ("cats.v2/1.jpg", False),
        ("Thumbs.db/1.jpg", False),
        ("", False),
    ],
)
def test_the_systems_own_files_are_ignored(name: str, ignored: bool) -> None:
    assert is_ignored(name) is ignored


def test_ignored_files_and_folders_leave_no_trace() -> None:
    data = zip_of({".DS_Store": b"x", "cats/": b"", "dogs\\": b"", "__MACOSX/._1": b"x", "cats/1.jpg": b"a"})
    assert from_zip(data) == [Upload("cats/1.jpg", "cats", b"a")]
    assert list(unpack("cats/.DS_Store", io.BytesIO(b"x"))) == []
    assert from_zip(zip_of({})) == []


@pytest.mark.parametrize(
    "name",
    [
        "../1.jpg",
        "cats/../../1.jpg",
        "/etc/1.jpg",
        "\\\\server\\1.jpg",
        "..\\1.jpg",
        "C:\\1.jpg",
        "c:1.jpg",
        "x/C:/1.jpg",
    ],
)
def test_a_name_that_leads_outside_is_refused_and_the_rest_go_on(name: str) -> None:
    items = from_zip(zip_of({name: b"a", "cats/2.jpg": b"b"}))
    assert "leads out" in reasons(items)[name]
    assert items[1:] == [Upload("cats/2.jpg", "cats", b"b")]
    (plain,) = unpack(name, io.BytesIO(b"a"))
    assert plain == items[0]


def test_a_file_larger_than_the_limit_is_refused_with_its_size() -> None:
    assert "31.5 MB" in reasons(list(unpack("big.jpg", io.BytesIO(bytes(31_500_000)))))["big.jpg"]
    (kept,) = unpack("just.jpg", io.BytesIO(bytes(MAX_BYTES)))
    assert isinstance(kept, Upload)
    items = from_zip(zip_of({"big.jpg": bytes(MAX_BYTES + 1), "just.jpg": bytes(MAX_BYTES)}))
    assert "25 MB" in reasons(items)["big.jpg"]
    assert names(items) == ["just.jpg"]


def test_a_zip_bomb_fills_no_memory() -> None:
    bomb = io.BytesIO(zip_bomb(150))
    tracemalloc.start()
    try:
        items = list(unpack("bomb.zip", bomb))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "larger than 25 MB" in reasons(items)["bomb.jpg"]
    assert peak < 2.5 * MAX_BYTES


def test_a_bomb_that_lies_about_its_size_is_stopped_where_it_lied() -> None:
    data = bytearray(zip_bomb(40))
    listed = data.index(b"PK\x01\x02")
    struct.pack_into("<I", data, listed + 24, 1_000)
    tracemalloc.start()
    try:
        items = from_zip(bytes(data))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "damaged" in reasons(items)["bomb.jpg"]
    assert peak < 5_000_000


def test_the_total_is_bounded_by_what_is_really_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "MAX_TOTAL_BYTES", 2_500)
    items = from_zip(zip_of({f"{number}.jpg": bytes(1_000) for number in range(9)}))
    assert names(items) == ["0.jpg", "1.jpg", "2.jpg"]
    assert "rest was left out" in reasons(items)["photos.zip"]
    assert len(items) == 4


def test_members_that_share_their_bytes_or_unpack_to_nothing_count_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(upload, "MAX_TOTAL_BYTES", 2_500)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("0.jpg", b"\0\0\0\xff\xff" * 400)
        first = archive.infolist()[0]
        for _ in range(5):
            archive.filelist.append(first)
    data = bytearray(file.getvalue())
    at = data.index(b"PK\x01\x02")
    struct.pack_into("<H", data, 8, zipfile.ZIP_DEFLATED)
    while at >= 0:
        struct.pack_into("<H", data, at + 10, zipfile.ZIP_DEFLATED)
        at = data.find(b"PK\x01\x02", at + 1)
    items = from_zip(bytes(data))
    assert [item.name for item in items] == ["0.jpg", "0.jpg", "photos.zip"]
    assert "rest was left out" in reasons(items)["photos.zip"]


def test_more_than_ten_thousand_files_are_cut_off() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(10_003):
            archive.writestr(f"{number}.jpg", b"a")
    items = from_zip(file.getvalue())
    assert len(names(items)) == 10_000
    assert "10,003 files" in reasons(items)["photos.zip"]


def test_a_list_of_contents_that_would_fill_memory_is_refused() -> None:
    listed = zip_of({"1.jpg": b""})
    one = listed[listed.index(b"PK\x01\x02") : listed.index(b"PK\x05\x06")]
    listing = one * (archive.MAX_LISTING_BYTES // len(one) + 1)
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 0xFFFE, 0xFFFE, len(listing), 35, 0)
    items = from_zip(listed[:35] + listing + end)
    assert "far more than 10,000 files" in reasons(items)["photos.zip"]


def test_an_encrypted_member_is_refused_and_the_rest_go_on() -> None:
    data = patched(zip_of({"locked.jpg": b"a", "2.jpg": b"b"}), 6, 8, 1)
    items = from_zip(data)
    assert "password" in reasons(items)["locked.jpg"]
    assert names(items) == ["2.jpg"]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 9])
def test_unusual_packing_is_refused_and_the_rest_go_on(method: int) -> None:
    items = from_zip(patched(zip_of({"odd.jpg": b"a", "2.jpg": b"b"}), 8, 10, method))
    assert "unusual" in reasons(items)["odd.jpg"]
    assert names(items) == ["2.jpg"]


def test_a_link_is_refused_and_the_rest_go_on() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(entry("link.jpg", mode=stat.S_IFLNK | 0o777), "/etc/passwd")
        archive.writestr(entry("2.jpg", mode=stat.S_IFREG | 0o644), b"b")
    items = from_zip(file.getvalue())
    assert "link" in reasons(items)["link.jpg"]
    assert names(items) == ["2.jpg"]


def test_an_archive_in_the_archive_is_refused_and_the_rest_go_on() -> None:
    inner = zip_of({"cats/1.jpg": b"a"})
    items = from_zip(zip_of({"inner.zip": inner, "named.jpg": inner, "x.tgz": b"\x1f\x8b\x08", "2.jpg": b"b"}))
    assert set(reasons(items)) == {"inner.zip", "named.jpg", "x.tgz"}
    assert all("archive inside" in reason for reason in reasons(items).values())
    assert names(items) == ["2.jpg"]


def test_a_wrong_checksum_is_refused_and_the_rest_go_on() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("1.jpg", b"CATCATCAT")
        archive.writestr("2.jpg", b"b")
    items = from_zip(file.getvalue().replace(b"CATCATCAT", b"CATCOTCAT"))
    assert "damaged" in reasons(items)["1.jpg"]
    assert names(items) == ["2.jpg"]


@pytest.mark.parametrize("part", [0.1, 0.5, 0.95])
def test_a_zip_cut_short_is_refused_in_words(part: float) -> None:
    data = zip_of({"cats/1.jpg": bytes(range(256)) * 9})
    items = from_zip(data[: int(len(data) * part)])
    assert "damaged or was cut short" in reasons(items)["photos.zip"]
    assert len(items) == 1


def test_a_photo_with_a_zip_behind_it_is_a_photo() -> None:
    jpeg = encoded(scene(64, 48), "JPEG")
    both = jpeg + zip_of({"cats/1.jpg": b"a"})
    assert zipfile.is_zipfile(io.BytesIO(both))
    assert list(unpack("1.jpg", io.BytesIO(both))) == [Upload("1.jpg", None, both)]


def test_a_zip_is_known_by_its_content_and_not_its_name() -> None:
    (item,) = unpack("photo.jpg", io.BytesIO(zip_of({"cats/1.jpg": b"a"})))
    assert item == Upload("cats/1.jpg", "cats", b"a")


def outcomes(name: str, data: bytes) -> Iterator[str | None]:
    for item in unpack(name, io.BytesIO(data)):
        if isinstance(item, Refused):
            yield item.reason
            continue
        try:
            decode(item.data)
        except BadPhoto as error:
            yield str(error)
        else:
            yield None


def test_every_hostile_file_has_its_reason_and_every_odd_one_comes_through(tmp_path: Path) -> None:
    expected = make_hostile(tmp_path)
    for name, word in expected.items():
        (reason,) = outcomes(name, (tmp_path / name).read_bytes())
        assert (reason is None) == (word is None), name
        assert word is None or word in (reason or ""), name
    together = zip_of({f"mixed/{n}": (tmp_path / n).read_bytes() for n in expected if not n.endswith(".zip")})
    good = [word for name, word in expected.items() if not name.endswith(".zip")]
    assert [reason is None for reason in outcomes("all.zip", together)] == [word is None for word in good]


VALID = zip_of({"cats/1.jpg": b"a" * 50, "Äpfel/2.jpg": b"b" * 50, "3.jpg": b""})


@given(st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 255)), min_size=1, max_size=6))
@settings(max_examples=400, deadline=None)
def test_a_changed_zip_gives_uploads_and_reasons_and_nothing_else(changes: list[tuple[int, int]]) -> None:
    data = bytearray(VALID)
    for at, value in changes:
        data[at] = value
    for item in from_zip(bytes(data)):
        assert isinstance(item, Upload | Refused)
        assert isinstance(item, Upload) or item.reason

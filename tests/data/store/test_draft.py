"""Pictures that come back from elsewhere are stored as they were, or not at all."""

import hashlib
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from PIL import Image, ImageCms

from core.data.photo import decode, encode
from core.data.store import Project, Store
from core.data.store.draft import PhotoRecord
from core.errors import BadPhoto
from tests.data.store.conftest import files_under, picture

THEN = datetime(2026, 1, 2, tzinfo=UTC)


def jpeg(size: tuple[int, int] = (64, 48), mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, 100).save(file, "JPEG", **options)
    return file.getvalue()


def add(store: Store, data: bytes) -> str:
    """The id of a project that holds this picture."""
    record = PhotoRecord(0, hashlib.sha256(data).hexdigest(), "one.jpg", False, "dropped by you", THEN, "openverse")
    with store.whole.draft() as draft:
        draft.category("cats")
        assert draft.add_stored(record, data)
        return draft.publish(Project("", "Pets", THEN, False)).id


def test_a_stored_picture_comes_again_to_the_last_bit(store: Store) -> None:
    source = store.photos.add(store.add_category(store.create_project("Zoo").id, "cats").id, picture(1), "one.png")
    stored = store.photos.read(source.photo.sha256)
    assert encode(decode(stored)) != stored  # so that stored anew it would be another picture
    (photo,) = store.photos.of(add(store, stored))
    assert store.photos.read(photo.sha256) == stored
    assert (photo.sha256, photo.width, photo.height) == (source.photo.sha256, 64, 48)
    assert (photo.kept, photo.reason, photo.provider, photo.added_at) == (False, "dropped by you", "openverse", THEN)
    assert store.photos.of(add(store, jpeg((640, 32))))


def not_as_stored() -> dict[str, bytes]:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    whole = jpeg()
    return {
        "no picture": b"no picture",
        "a PNG": picture(1),
        "cut short": encode(decode(picture(1)))[:-400],
        "its beginning": whole[:30],
        "no scan": whole[: whole.index(b"\xff\xda")] + b"\xff\xd9",
        "too large": jpeg((641, 480)),
        "too small": jpeg((31, 31)),
        "grey": jpeg(mode="L"),
        "in inks": jpeg(mode="CMYK"),
        "where it was taken": jpeg(exif=exif),
        "a remark": jpeg(comment=b"secret"),
        "a colour profile": jpeg(icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()),
        "unknown data": whole[:2] + b"\xff\xe9\0\x06data" + whole[2:],
        "something behind it": whole + b"PK\3\4",
        "a picture behind it": whole + whole,
    }


@pytest.mark.parametrize("what", list(not_as_stored()))
def test_what_is_not_as_stored_is_not_taken(what: str, store: Store) -> None:
    with pytest.raises(BadPhoto) as caught:
        add(store, not_as_stored()[what])
    assert caught.value.hint
    assert store.projects() == []
    assert files_under(store, "") == []

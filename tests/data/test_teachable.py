"""Teachable Machine's files: each sample comes out with its class, however the archive is laid out."""

import io
import json

import pytest

from core.data.photo import Refused
from core.data.teachable import is_teachable, unpack_teachable
from core.data.upload import Upload
from core.errors import BadInput
from tests.hostile import zip_of

IMAGE = b"\xff\xd8\xff the bytes of a photo"


def project(names: list[str], manifest: object = None) -> io.BytesIO:
    files = dict.fromkeys(names, IMAGE)
    return io.BytesIO(zip_of({"manifest.json": json.dumps(manifest or {"type": "image"}).encode(), **files}))


def classes(file: io.BytesIO, name: str = "project.tm") -> list[str | None]:
    """Of each sample, in order."""
    assert is_teachable(name, file)
    items = list(unpack_teachable(name, file))
    assert all(isinstance(item, Upload) for item in items), items
    return [item.category for item in items if isinstance(item, Upload)]


LISTED = ["Cat", "Big dog-like thing", "7"]


@pytest.mark.parametrize(
    ("names", "manifest", "expected"),
    [
        (["Cat-0.jpg", "Cat-1.jpg", "Class 2-0.jpg"], None, ["Cat", "Cat", "Class 2"]),
        (["Big dog-like thing-12.jpg"], {"classes": LISTED}, ["Big dog-like thing"]),
        (["Cat/0.jpg", "Big dog-like thing/0.jpg"], None, ["Cat", "Big dog-like thing"]),
        (["project/Cat/0.jpg", "project/Dog/0.jpg"], None, ["Cat", "Dog"]),
        (["0/0.jpg", "1/a.jpg", "7/1.jpg"], {"classes": LISTED}, ["Cat", "Big dog-like thing", "7"]),
        (["0-0.jpg", "1-3.jpg"], {"classes": LISTED}, ["Cat", "Big dog-like thing"]),
        (["samples/Cat-0.jpg", "samples/7-0.jpg"], {"classes": [{"name": each} for each in LISTED]}, ["Cat", "7"]),
        (["1/0.jpg"], {"project": {"labels": LISTED}}, ["Big dog-like thing"]),
        (["9/0.jpg"], {"classes": LISTED}, ["9"]),
        (["photo.jpg"], {"classes": LISTED}, [None]),
        (["Cat-0.jpg"], {"classes": [1, None, {"name": 3}]}, ["Cat"]),
        (["Cat-0.jpg"], ["no", "object"], ["Cat"]),
    ],
)
def test_the_class_is_what_folder_name_and_manifest_say(
    names: list[str], manifest: object, expected: list[str | None]
) -> None:
    assert classes(project(names, manifest)) == expected


def test_the_samples_of_one_class_are_named_by_their_file() -> None:
    samples = zip_of({"0.jpg": IMAGE, "1.jpg": IMAGE})
    for name in ("Big cat-samples.zip", "Big cat-samples (1).zip"):
        assert classes(io.BytesIO(samples), name) == ["Big cat", "Big cat"]
    assert not is_teachable("holiday.zip", io.BytesIO(samples))


@pytest.mark.parametrize(("kind", "words"), [("audio", "sounds"), ("pose", "poses"), ("Audio", "sounds")])
def test_projects_of_other_kinds_are_refused_in_words(kind: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        list(unpack_teachable("project.tm", project(["Cat-0.jpg"], {"type": kind})))


def test_an_exported_model_is_told_from_a_project() -> None:
    model = io.BytesIO(zip_of({"model.json": b"{}", "metadata.json": b"{}", "weights.bin": b"0"}))
    assert is_teachable("converted.zip", model)
    with pytest.raises(BadInput, match="Download project as file"):
        list(unpack_teachable("converted.zip", model))


@pytest.mark.parametrize("manifest", [b"{", b"[" * 100_000, b"\xff", b'{"classes": ' + b" " * 5_000_000 + b"[]}"])
def test_a_manifest_that_cannot_be_read_hides_no_sample(manifest: bytes) -> None:
    file = io.BytesIO(zip_of({"manifest.json": manifest, "Cat-0.jpg": IMAGE}))
    assert classes(file) == ["Cat"]


def test_bad_members_say_why_and_others_go_on() -> None:
    file = project(["../Cat-0.jpg", "Cat-1.jpg"])
    refused, sample = unpack_teachable("project.tm", file)
    assert isinstance(refused, Refused)
    assert "leads out" in refused.reason
    assert isinstance(sample, Upload)
    assert (sample.name, sample.category, sample.data) == ("Cat-1.jpg", "Cat", IMAGE)


def test_what_is_no_archive_is_none_of_these_and_a_damaged_one_is_refused() -> None:
    assert not is_teachable("project.tm", io.BytesIO(IMAGE))
    with pytest.raises(BadInput, match="damaged"):
        is_teachable("project.tm", io.BytesIO(project(["Cat-0.jpg"]).getvalue()[:50]))

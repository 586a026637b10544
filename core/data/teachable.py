"""Photos from a Teachable Machine project file (.tm), a zip archive with a manifest and the samples of each class.

Its layout is documented nowhere, so this reads several: the class of a sample is what its folder or the beginning of
its name ("Class 1-12.jpg") says, as a class's name or as its number among those that the manifest lists.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import PurePosixPath
from typing import IO, Any

from core.data.archive import is_zip, open_zip, unpacked
from core.data.photo import Refused
from core.data.upload import Upload, unpack
from core.errors import BadInput

MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 4_000_000

_OTHER_KINDS = {"audio": "sounds", "pose": "poses"}
_MODEL_FILES = {"weights.bin", "keras_model.h5", "model_unquant.tflite"}
_CLASS_LISTS = ("classes", "labels", "classNames", "wordLabels")
_CLASS_NAMES = ("name", "label", "className", "title")
_NUMBERED = re.compile(r"(?P<name>.+?)[-_ ]+\d+")
_SAMPLES = re.compile(r"(?P<name>.+)-samples( ?\(\d+\))?\.zip", re.IGNORECASE)


def is_teachable(name: str, file: IO[bytes]) -> bool:
    """Whether a seekable file of this name is a project, a model or a class's samples from Teachable Machine.

    Raises BadInput for a damaged archive.
    """
    if not is_zip(file):
        return False
    with open_zip(file) as archive:
        names = {PurePosixPath(member).name for member in archive.namelist()}
    return MANIFEST in names or not names.isdisjoint(_MODEL_FILES) or _SAMPLES.fullmatch(name) is not None


def unpack_teachable(name: str, file: IO[bytes]) -> Iterator[Upload | Refused]:
    """The samples, each with its class, one read at a time; what cannot be used says why.

    Raises BadInput for a project of another kind than photos, and for a model without its photos.
    """
    manifest = _manifest(file)
    kind = str(manifest.get("type", "image")).lower()
    if kind in _OTHER_KINDS:
        raise BadInput(
            f"'{name}' is a Teachable Machine project of {_OTHER_KINDS[kind]}.", hint="Thimble learns photos."
        )
    with open_zip(file) as archive:
        names = {PurePosixPath(member).name for member in archive.namelist()}
    if not names.isdisjoint(_MODEL_FILES):
        raise BadInput(
            f"'{name}' is a model from Teachable Machine; the photos that it learnt from are not in it.",
            hint="In Teachable Machine choose 'Download project as file', and bring that in.",
        )
    whole = _SAMPLES.fullmatch(name)
    classes = _classes(manifest)
    for item in unpack(name, file):
        if isinstance(item, Refused):
            yield item
        elif not item.name.endswith(".json"):
            yield replace(item, category=whole["name"] if whole else _class_of(item, classes))


def _manifest(file: IO[bytes]) -> dict[str, Any]:
    """Empty where there is none that can be read."""
    with suppress(ValueError, RecursionError), open_zip(file) as archive:
        for member in archive.infolist():
            if PurePosixPath(member.filename).name == MANIFEST:
                data, read = unpacked(archive, member, MAX_MANIFEST_BYTES)
                found = json.loads(data) if read <= MAX_MANIFEST_BYTES else None
                return found if isinstance(found, dict) else {}
    return {}


def _classes(manifest: dict[str, Any]) -> list[str]:
    """The names of the classes in their order, wherever the manifest lists them."""
    places = [manifest, *(value for value in manifest.values() if isinstance(value, dict))]
    for place in places:
        for key in _CLASS_LISTS:
            listed = place.get(key)
            if isinstance(listed, list):
                names = [_name(each) for each in listed]
                if names and all(names):
                    return names
    return []


def _name(entry: object) -> str:
    if isinstance(entry, dict):
        entry = next((entry[key] for key in _CLASS_NAMES if isinstance(entry.get(key), str)), "")
    return entry if isinstance(entry, str) else ""


def _class_of(item: Upload, classes: list[str]) -> str | None:
    numbered = _NUMBERED.fullmatch(PurePosixPath(item.name).stem)
    said = [each for each in (item.category, numbered["name"] if numbered else None) if each]
    for each in said:
        if each in classes:
            return each
    for each in said:
        if each.isdecimal() and int(each) < len(classes):
            return classes[int(each)]
    return said[0] if said else None

"""A whole project as one file, and a new project with the same content from it; `backup_format` says what is in it."""

import hashlib
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from typing import IO

from core.data.store import Store, Version
from core.data.store.draft import MOST_PHOTOS
from core.errors import BadInput, NotFound
from core.model.compare import Comparison
from core.serve.backup_format import (
    ABOUT,
    CORRECTIONS,
    FORMAT,
    PHOTOS,
    VERSIONS,
    About,
    CategoryLine,
    ComparisonLine,
    CorrectionLine,
    Line,
    PhotoLine,
    PlanLine,
    VersionLine,
    file_name,
    picture_name,
)
from core.serve.restore import restore

__all__ = ["SUFFIX", "backup", "restore"]

SUFFIX = ".thimble"


def backup(store: Store, project_id: str, file: IO[bytes]) -> None:
    """Write all of a project to `file`, a zip; the same project gives the same bytes.

    One picture at a time is in memory, and a line of names for each. Photos that are deleted meanwhile are left
    out. Raises NotFound, and BadInput for a project that is too large to be brought in again.
    """
    counts = store.photos.counts(project_id).values()
    if sum(count.kept + count.set_aside for count in counts) > MOST_PHOTOS:
        raise BadInput(f"A backup holds at most {MOST_PHOTOS:,} photos.", hint="Delete those that were set aside.")
    with zipfile.ZipFile(file, "w") as archive:
        _write(archive, ABOUT, _about(store, project_id).model_dump_json(indent=1).encode())
        written: set[str] = set()
        for photo in store.whole.photos(project_id):
            _write_picture(store, archive, photo.sha256, written)
        again = store.whole.photos(project_id)
        _write_lines(archive, PHOTOS, (PhotoLine(**vars(photo)) for photo in again if photo.sha256 in written))
        versions = [_version(store, archive, version) for version in store.models.versions(project_id)]
        _write_lines(archive, VERSIONS, versions)
        waiting = store.whole.corrections(project_id)
        for correction in waiting:
            _write_picture(store, archive, correction.sha256, written)
        lines = (CorrectionLine(**vars(each)) for each in waiting if each.sha256 in written)
        _write_lines(archive, CORRECTIONS, lines)


def _about(store: Store, project_id: str) -> About:
    project = store.project(project_id)
    categories = []
    for category in store.categories(project_id):
        phrases = store.web.phrases(category.id)
        categories.append(CategoryLine(name=category.name, phrases=() if phrases == (category.name,) else phrases))
    about = {"name": project.name, "is_example": project.is_example, "mode": project.mode, "fixed": project.fixed}
    return About.model_validate(
        {
            **about,
            "thimble": FORMAT,
            "share_refused": project.share_refused,
            "maker": project.maker,
            "plan": PlanLine(**vars(store.web.plan(project_id))),
            "categories": tuple(categories),
        }
    )


def _version(store: Store, archive: zipfile.ZipFile, version: Version) -> VersionLine:
    """Its line, once its files are written."""
    hashes = {}
    for name, data in sorted(store.models.files(version.project_id, version.number).items()):
        _write(archive, file_name(version.number, name), data)
        hashes[name] = hashlib.sha256(data).hexdigest()
    known = {name: value for name, value in vars(version).items() if name not in ("project_id", "comparison")}
    compared = ComparisonLine(**vars(Comparison.from_json(version.comparison))) if version.comparison else None
    return VersionLine(**known, comparison=compared, files=hashes)


def _write_picture(store: Store, archive: zipfile.ZipFile, sha256: str, written: set[str]) -> None:
    if sha256 not in written:
        with suppress(NotFound):
            _write(archive, picture_name(sha256), store.photos.read(sha256))
            written.add(sha256)


def _write_lines(archive: zipfile.ZipFile, name: str, lines: Iterable[Line]) -> None:
    with archive.open(_entry(name), "w") as file:
        for line in lines:
            file.write(line.model_dump_json().encode() + b"\n")


def _write(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    archive.writestr(_entry(name), data)


def _entry(name: str) -> zipfile.ZipInfo:
    """Text is packed; pictures and arrays would hardly get smaller. No moment is written, since none matters."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED if name.endswith((".json", ".jsonl")) else zipfile.ZIP_STORED
    return entry

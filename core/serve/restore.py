"""A new project from a backup, all of it or nothing. Nothing in the file is trusted.

Its names are only looked up, never used as paths; all that it holds is bounded before it is read; pictures are told
by their SHA-256 and decoded, and models are read and tried out before they are kept.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO, TypeVar

from pydantic import ValidationError

from core.data.archive import is_zip, open_zip, unpacked, why_not_opened
from core.data.photo import Refused
from core.data.search import PROVIDERS
from core.data.store import Plan, Project, Store
from core.data.store.draft import Draft
from core.errors import BadInput, BadPhoto
from core.model.backbones import BACKBONES
from core.model.bundle import FILES
from core.model.candidates import KINDS
from core.model.features import CUTS
from core.model.views import VIEWS
from core.serve.backup_format import (
    ABOUT,
    CORRECTIONS,
    FORMAT,
    PHOTOS,
    VERSIONS,
    About,
    CorrectionLine,
    Line,
    PhotoLine,
    VersionLine,
    file_name,
    picture_name,
)
from core.serve.foreign_model import read_foreign

MAX_ABOUT_BYTES = 4_000_000
MAX_LINE_BYTES = 4_000_000  # the longest name photos that a version had right
MAX_PICTURE_BYTES = 4_000_000  # 640 × 640 pixels of noise take a third of it
MAX_MODEL_BYTES = 500_000_000  # of one file of a model
MAX_RATIO = 20  # all that is unpacked to the whole file; only text gets smaller by being packed
SMALL_BYTES = 64_000_000  # may be unpacked whatever the ratio

_AGAIN = "Make the backup again, or copy it again if that went wrong."
_CHOICES: dict[str, frozenset[str]] = {
    "backbone": frozenset(BACKBONES),
    "view": frozenset(VIEWS),
    "cuts": frozenset(CUTS),
    "head": frozenset(KINDS),
}

Progress = Callable[[float, str], None]
LineT = TypeVar("LineT", bound=Line)


@dataclass(frozen=True)
class Imported:
    """A project that was brought in, how many photos it got, and what could not be used."""

    project: Project
    added: int
    refused: tuple[Refused, ...]


def is_backup(file: IO[bytes]) -> bool:
    """Whether a seekable file is a backup, perhaps a damaged one. Raises BadInput for a damaged archive."""
    if not is_zip(file):
        return False
    with open_zip(file) as archive:
        return PHOTOS in archive.namelist()


def restore(store: Store, file: IO[bytes]) -> Project:
    """A new project with the content of a backup, which gives the same answers; as `read_backup`."""
    return read_backup(store, file).project


def read_backup(store: Store, file: IO[bytes], *, on_progress: Progress = lambda fraction, words: None) -> Imported:
    """A new project with the content of a backup, and the versions that only an older Thimble could use, left out.

    Raises BadInput, and leaves nothing behind, when anything in it is damaged or made by a newer Thimble.
    `on_progress` gets the fraction done and words, and may raise Cancelled, which leaves nothing behind either.
    """
    source = _Source(file)
    about = source.about()
    with store.whole.draft() as draft:
        for place, category in enumerate(about.categories):
            if draft.category(category.name, category.phrases) != place:
                raise _damaged(f"there are two categories named '{category.name}'")
        for line in source.lines(PHOTOS, PhotoLine):
            on_progress(source.share_read, f"Restoring: {draft.photos:,} photos")
            _restore_photo(draft, source, line, len(about.categories))
        left_out = [*_restore_versions(draft, source)]
        for waiting in source.lines(CORRECTIONS, CorrectionLine):
            with _blaming(waiting.name):
                draft.add_correction(waiting.record(), source.read(picture_name(waiting.sha256), MAX_PICTURE_BYTES))
        on_progress(1.0, "Restored")
        added = draft.photos
        return Imported(draft.publish(_known_only(about.project()), _plan(about)), added, tuple(left_out))


class _Source:
    """The members of an archive by name, each bounded, and all together by the size of the file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._archive = open_zip(file)
        members = self._archive.infolist()
        self._members = {member.filename: member for member in members}
        if len(self._members) < len(members):
            raise _damaged("it holds two files of one name")
        self._size = file.seek(0, io.SEEK_END)
        self._left = SMALL_BYTES + MAX_RATIO * self._size

    @property
    def share_read(self) -> float:
        """Of the file, about: 0 to 1."""
        return min(1.0, (SMALL_BYTES + MAX_RATIO * self._size - self._left) / max(1, self._size))

    def about(self) -> About:
        """Raises BadInput for a backup that a newer Thimble made."""
        data = self.read(ABOUT, MAX_ABOUT_BYTES)
        try:
            made_by = int(json.loads(data)["thimble"])
        except Exception as error:  # strangers' files break in any way at all
            raise _damaged(f"{ABOUT} cannot be read") from error
        if made_by > FORMAT:
            raise BadInput(
                f"This backup was made by a newer Thimble (format {made_by}; this one reads format {FORMAT}).",
                hint="Update Thimble.",
            )
        return _checked(About, data, ABOUT)

    def read(self, name: str, limit: int) -> bytes:
        """Raises BadInput when it is missing, damaged or larger than `limit` bytes."""
        data, read = unpacked(self._archive, self._member(name), limit)
        self._count(read)
        if isinstance(data, str):
            raise _damaged(f"{name}: {_first(data)}")
        if read > limit:
            raise _damaged(f"{name} is too large")
        return data

    def lines(self, name: str, kind: type[LineT]) -> Iterator[LineT]:
        """One at a time. Raises BadInput as `read`."""
        member = self._member(name)
        reason = why_not_opened(member)
        if reason is not None:
            raise _damaged(f"{name}: {_first(reason)}")
        with self._archive.open(member) as file:
            number = 0
            while line := self._line(file, name):
                number += 1
                yield _checked(kind, line, f"{name}, line {number}")

    def _line(self, file: IO[bytes], name: str) -> bytes:
        try:
            line = file.readline(MAX_LINE_BYTES + 1)
        except Exception as error:  # as in `unpacked`
            raise _damaged(f"{name} breaks off") from error
        self._count(len(line))
        if len(line) > MAX_LINE_BYTES:
            raise _damaged(f"{name} has a line that is too long")
        return line

    def _member(self, name: str) -> zipfile.ZipInfo:
        if name not in self._members:
            raise _damaged(f"{name} is missing")
        return self._members[name]

    def _count(self, read: int) -> None:
        self._left -= read
        if self._left < 0:
            raise _damaged("it unpacks to far more than it takes")


def _restore_photo(draft: Draft, source: _Source, line: PhotoLine, categories: int) -> None:
    if line.category >= categories:
        raise _damaged(f"'{line.name}' is in no category")
    with _blaming(line.name):
        is_new = draft.add_stored(line.record(), source.read(picture_name(line.sha256), MAX_PICTURE_BYTES))
    if not is_new:
        raise _damaged(f"'{line.name}' is there twice")


def _restore_versions(draft: Draft, source: _Source) -> Iterator[Refused]:
    """Those that are left out."""
    numbers: set[int] = set()
    for line in source.lines(VERSIONS, VersionLine):
        if line.number in numbers:
            raise _damaged(f"version {line.number} is there twice")
        numbers.add(line.number)
        files = {name: source.read(file_name(line.number, name), MAX_MODEL_BYTES) for name in line.files}
        if any(hashlib.sha256(files[name]).hexdigest() != sha256 for name, sha256 in line.files.items()):
            raise _damaged(f"the files of version {line.number} are not those that were written")
        bundle = read_foreign(files)
        if isinstance(bundle, str):
            yield Refused(f"version {line.number}", bundle)
        else:
            draft.add_version(line.version(), {name: files[name] for name in FILES})


def _known_only(project: Project) -> Project:
    """Without choices that this Thimble does not offer."""
    fixed = {name: value for name, value in project.fixed.items() if value in _CHOICES.get(name, ())}
    return replace(project, fixed=fixed)


def _plan(about: About) -> Plan:
    plan = about.plan.plan()
    known = tuple(name for name in dict.fromkeys(plan.providers) if name in PROVIDERS)
    return replace(plan, providers=known or Plan().providers)


def _checked(kind: type[LineT], data: bytes, where: str) -> LineT:
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        place = error.errors(include_input=False, include_url=False)[0]["loc"]
        field = f": '{str(place[0])[:40]}' is not what it may be" if place else " cannot be read"
        raise _damaged(where + field) from error


@contextmanager
def _blaming(name: str) -> Iterator[None]:
    """A picture that is none is the backup's fault."""
    try:
        yield
    except BadPhoto as error:
        raise _damaged(f"'{name}': {_first(error.message)}") from error


def _first(words: str) -> str:
    """The first sentence: the next tells what to do with a single file."""
    return words.partition(".")[0]


def _damaged(what: str) -> BadInput:
    return BadInput(f"This backup is damaged: {what}.", hint=_AGAIN)

"""A project from whatever holds one: a backup, a Teachable Machine project, a zip or a folder of folders of photos."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO

from core.data.archive import is_zip, open_zip
from core.data.dataset import LAYOUT, NAME_LIMIT, from_folder
from core.data.photo import Refused
from core.data.store import Project, Store
from core.data.teachable import is_teachable, unpack_teachable
from core.data.upload import Upload, unpack
from core.errors import BadInput, BadPhoto
from core.serve.backup import SUFFIX
from core.serve.restore import Imported, is_backup, read_backup

__all__ = ["Imported", "import_folder", "import_project"]

Progress = Callable[[float, str], None]


def import_project(
    store: Store, file: IO[bytes], name: str, *, on_progress: Progress = lambda fraction, words: None
) -> Imported:
    """A new project from a seekable file; what it is shows in what it holds. `name` is the file's.

    A backup gives the project that was kept, anything else one named after the file. Photos that cannot be used are
    named with the reason. Raises BadInput, and leaves nothing behind, when nothing can be used; `on_progress` gets
    the fraction done and words, and may raise Cancelled, which leaves nothing behind either.
    """
    if is_backup(file) or name.lower().endswith(SUFFIX):
        return read_backup(store, file, on_progress=on_progress)
    items = unpack_teachable(name, file) if is_teachable(name, file) else unpack(name, file)
    return _project_of(store, name, items, _count(file), on_progress)


def import_folder(store: Store, folder: Path, *, on_progress: Progress = lambda fraction, words: None) -> Imported:
    """As `import_project`, from a folder whose sub-folders name the categories."""
    dataset = from_folder(folder)
    found = (*dataset.photos, *dataset.strangers)

    def read() -> Iterator[Upload | Refused]:
        for photo in found:
            try:
                yield Upload(photo.name, photo.category, dataset.read(photo))
            except BadPhoto as error:
                yield Refused(photo.name, str(error))

    return _project_of(store, f"{folder.resolve().name}/", read(), len(found), on_progress)


def _project_of(
    store: Store, name: str, items: Iterable[Upload | Refused], count: int, on_progress: Progress
) -> Imported:
    refused: list[Refused] = []
    with store.whole.draft() as draft:
        for number, item in enumerate(items):
            on_progress(min(1.0, number / max(1, count)), f"Storing your photos: {draft.photos:,} stored")
            try:
                if isinstance(item, Refused):
                    raise BadInput(item.reason)
                if item.category is None:
                    raise BadInput("It lies in no folder, so its category is not known.", hint="Put it in a folder.")
                draft.add(item.category, item.data, item.name)
            except (BadInput, BadPhoto) as error:
                refused.append(Refused(item.name, str(error)))
                draft.refuse(item.name, str(error))
        if not draft.photos:
            why = f" {refused[0].name}: {refused[0].reason}" if refused else ""
            raise BadInput(f"'{name}' holds no photo that can be used.{why}", hint=LAYOUT)
        added = draft.photos
        project = draft.publish(Project("", _project_name(name), datetime.now(UTC), is_example=False))
    return Imported(project, added, tuple(refused))


def _count(file: IO[bytes]) -> int:
    if not is_zip(file):
        return 1
    with open_zip(file) as archive:
        return len(archive.infolist())


def _project_name(name: str) -> str:
    """After a file or folder, as well as it can be read."""
    stem = PurePosixPath(name.replace("\\", "/")).stem
    readable = "".join(char for char in stem if char.isprintable()).strip()
    return readable[:NAME_LIMIT] or "My project"

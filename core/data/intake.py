"""A person's own files into a project: every usable photo kept, every other one named with its reason."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.data.dataset import category_name
from core.data.photo import Refused
from core.data.store import Store
from core.data.upload import Upload, unpack_all
from core.errors import AppError, BadInput


@dataclass(frozen=True)
class Taken:
    """How many photos are new, how many were there already, and how many files could not be used."""

    added: int = 0
    repeated: int = 0
    refused: int = 0


def take_in(
    store: Store,
    project_id: str,
    category_id: int | None,
    files: Sequence[tuple[str, bytes]],
    *,
    on_progress: Callable[[float, str], None],
) -> Taken:
    """Store the photos in `files` (name, bytes), zips unpacked, and remember the files that could not be used.

    With a category all go there. Without one each goes to the category that its folder names, made if need be;
    one in no folder is refused. `on_progress` gets the fraction done and words, and may raise Cancelled: what was
    stored before stays.
    """
    sort = Sorter(store, project_id, category_id)
    added = repeated = refused = 0
    for fraction, item in unpack_all(files):
        words = f"Storing your photos: {added + repeated} stored"
        on_progress(fraction, words + (f", {refused} not usable" if refused else ""))
        if isinstance(item, Refused):
            store.add_refused(project_id, category_id, item.name, item.reason)
            refused += 1
            continue
        try:
            stored = store.photos.add(sort.category(item), item.data, item.name)
        except AppError as error:
            store.add_refused(project_id, category_id, item.name, str(error))
            refused += 1
        else:
            added += stored.is_new
            repeated += not stored.is_new
    on_progress(1.0, "Stored")
    return Taken(added, repeated, refused)


class Sorter:
    """Which category an upload goes to; remembers the categories that its folders named."""

    def __init__(self, store: Store, project_id: str, category_id: int | None) -> None:
        self._store = store
        self._project_id = project_id
        self._category_id = category_id
        self._by_name = {category.name.casefold(): category.id for category in store.categories(project_id)}

    def category(self, upload: Upload) -> int:
        """The category's id; raises BadInput for a photo in no folder or in one whose name is no category's."""
        if self._category_id is not None:
            return self._category_id
        if upload.category is None:
            raise BadInput("It lies in no folder, so its category is not known.", hint="Put it in a folder.")
        name = category_name(upload.category)
        if name.casefold() not in self._by_name:
            self._by_name[name.casefold()] = self._store.add_category(self._project_id, name).id
        return self._by_name[name.casefold()]

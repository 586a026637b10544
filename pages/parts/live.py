"""The live version as a page shows it: its bundle, the mode in use, and where its photos are now."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.data.store import KEPT_BY_PERSON, Category, Project, Store, StoredPhoto, Version
from core.model.bundle import Bundle
from core.model.evaluate import Probabilities, Report
from core.model.select import Mode
from core.model.suspects import Suspect
from core.serve.answers import mode_of
from pages.parts import session


@dataclass(frozen=True)
class Live:
    """`photos` are the project's kept ones by SHA-256, `categories` its answers by name; positions are the memory's."""

    project: Project
    version: Version
    bundle: Bundle
    mode: Mode
    photos: Mapping[str, StoredPhoto]
    categories: Mapping[str, Category]

    @property
    def report(self) -> Report:
        """How good the mode in use is."""
        return self.bundle.reports[self.mode]

    @property
    def kept_out(self) -> Probabilities:
        """What the mode in use said of each photo while it was kept out (n, categories)."""
        return self.bundle.memory.kept_out[self.mode]

    def name(self, at: int) -> str:
        """The category that a photo was in when the model learnt from it."""
        return self.bundle.categories[int(self.bundle.memory.labels[at])]

    def photo(self, at: int) -> StoredPhoto | None:
        """The photo, if it is still in the category that it was learnt in."""
        photo, category = self.photos.get(self.bundle.memory.sha256[at]), self.categories.get(self.name(at))
        return photo if photo and category and photo.category_id == category.id else None

    def suspects(self) -> list[tuple[StoredPhoto, Suspect, Category]]:
        """Photos still where they are in doubt, the doubt, and where each would go; not those the person has judged."""
        found = []
        for suspect in self.bundle.advice.suspects:
            photo = self.photo(suspect.photo)
            target = self.categories.get(self.bundle.categories[suspect.suggested])
            if photo and target and photo.reason != KEPT_BY_PERSON:
                found.append((photo, suspect, target))
        return found


def read(store: Store, project: Project) -> Live | None:
    """The live version; None before the first training. Raises BadInput for one that this Thimble cannot read."""
    version = store.models.live(project.id)
    if version is None:
        return None
    bundle = session.answers().bundle(project.id, version.number)
    return Live(
        project=project,
        version=version,
        bundle=bundle,
        mode=mode_of(project, bundle),
        photos={photo.sha256: photo for photo in store.photos.of(project.id, kept=True)},
        categories={category.name: category for category in store.categories(project.id) if not category.is_none},
    )

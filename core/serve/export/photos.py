"""Which photos an export is proven on, and which of them go along with it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from core.data import example
from core.data.store import Store, StoredPhoto

PROOF_PHOTOS = 100
SHIPPED = 5
DRAWN = "drawn by Thimble"
_OPEN = re.compile(r"cc0|cc by(-sa)? [\d.]+|public domain|pdm", re.IGNORECASE)  # may be passed on, also changed


@dataclass(frozen=True)
class ProofPhoto:
    """A photo as stored, a JPEG; `credit` says whose it is, `is_own` that it is the person's."""

    data: bytes
    credit: str = ""
    is_own: bool = False


def proof_photos(store: Store, project_id: str) -> tuple[list[ProofPhoto], list[ProofPhoto]]:
    """SHIPPED photos to go along, and others, up to PROOF_PHOTOS in all; of every category about as many.

    Those that go along are the person's own, or openly licensed, filled up with drawn dresses where there are too few.
    What visitors sent as corrections does not go along: they agreed to training, not to being passed on.
    """
    kept = {photo.sha256: photo for photo in store.photos.of(project_id, kept=True)}
    ranked = _categories_in_turn(kept.values())
    going = [photo for photo in ranked if may_go_along(photo)][:SHIPPED]
    staying = [photo for photo in ranked if photo not in going]
    shipped = [ProofPhoto(store.photos.read(photo.sha256), credit_of(photo), not photo.page) for photo in going]
    drawn = example.held_back(SHIPPED - len(shipped)) if len(shipped) < SHIPPED else ()
    shipped += [ProofPhoto(drawing.data, DRAWN) for drawing in drawn]
    others = [ProofPhoto(store.photos.read(photo.sha256)) for photo in staying[: PROOF_PHOTOS - SHIPPED]]
    return shipped, others


def may_go_along(photo: StoredPhoto) -> bool:
    """Whether the photo may be passed on: it is the person's own, drawn, or under an open licence."""
    if photo.page:
        return bool(_OPEN.match(photo.licence))
    return photo.provider != "correction"


def credit_of(photo: StoredPhoto) -> str:
    """Whose the photo is, in one line."""
    if not photo.page:
        return DRAWN if photo.provider == "example" else "from the maker of this model"
    parts = (photo.title, photo.creator and f"by {photo.creator}", photo.licence, photo.licence_url, photo.page)
    return ", ".join(part for part in parts if part)


def _categories_in_turn(photos: Iterable[StoredPhoto]) -> Sequence[StoredPhoto]:
    categories: dict[int, list[StoredPhoto]] = {}
    for photo in photos:
        categories.setdefault(photo.category_id, []).append(photo)
    return [photo for turn in zip_longest(*categories.values()) for photo in turn if photo is not None]

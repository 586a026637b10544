"""Two versions of a model on the same photos, each as it answered while that photo was kept out of it."""

from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

import numpy as np

from core.model.bundle import Bundle


@dataclass(frozen=True)
class Comparison:
    """On `photos` that both learnt from: how many each had right, and which (SHA-256) only one of them had.

    `against` is the number of the older version. Photos are judged by the category that they are in now.
    """

    against: int
    photos: int
    right_before: int
    right_now: int
    mended: tuple[str, ...]
    spoilt: tuple[str, ...]

    @property
    def is_worse(self) -> bool:
        """More was spoilt than mended, by more than chance would often do: one standard error of the difference."""
        return len(self.spoilt) - len(self.mended) > sqrt(len(self.spoilt) + len(self.mended))

    @property
    def words(self) -> str:
        """As in "On the same 120 photos: right for 108 before (version 3), for 111 now."."""
        if not self.photos:
            return f"It has no photo in common with version {self.against}, so the two cannot be compared."
        photos = "1 photo" if self.photos == 1 else f"{self.photos:,} photos"
        return (
            f"On the same {photos}: right for {self.right_before:,} before (version {self.against}), "
            f"for {self.right_now:,} now."
        )

    def to_json(self) -> dict[str, Any]:
        """The comparison as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Comparison":
        """The comparison that `to_json` gave; raises KeyError or TypeError for anything else."""
        return cls(**{**data, "mended": tuple(data["mended"]), "spoilt": tuple(data["spoilt"])})


def compare(older: Bundle, newer: Bundle, *, against: int) -> Comparison:
    """`newer` beside `older`, version number `against`, on photos of both kept out of each, in the mode of each."""
    place = {sha256: at for at, sha256 in enumerate(older.memory.sha256)}
    common = [(at, place[sha256]) for at, sha256 in enumerate(newer.memory.sha256) if sha256 in place]
    truth = [newer.categories[newer.memory.labels[at]] for at, _ in common]
    answers_now = newer.memory.kept_out[newer.mode].argmax(axis=1)
    answers_before = older.memory.kept_out[older.mode].argmax(axis=1)
    is_right = np.array([newer.categories[answers_now[at]] for at, _ in common], dtype=object) == truth
    was_right = np.array([older.categories[answers_before[at]] for _, at in common], dtype=object) == truth
    names = np.array([newer.memory.sha256[at] for at, _ in common], dtype=object)
    return Comparison(
        against=against,
        photos=len(common),
        right_before=int(was_right.sum()),
        right_now=int(is_right.sum()),
        mended=tuple(names[is_right & ~was_right]) if common else (),
        spoilt=tuple(names[was_right & ~is_right]) if common else (),
    )

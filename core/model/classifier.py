"""What answers: one head, or a few heads whose probabilities are averaged, and how sure they may be."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.model.features import Features, Key, Matrix
from core.model.head import Head
from core.model.hidden import HiddenHead

Probabilities = NDArray[np.float32] | NDArray[np.float64]

HEADS: dict[str, type[Head] | type[HiddenHead]] = {"linear": Head, "hidden": HiddenHead}


@dataclass(frozen=True)
class Member:
    """A head, the features that it sees, and its share of the answer."""

    features: Features
    head: Head | HiddenHead
    weight: float


@dataclass(frozen=True)
class Classifier:
    """Probabilities of the members, averaged by weight, then raised to `sharpness` (1 leaves them as they are).

    Sharpening is temperature scaling (Guo et al. 2017) of the averaged probabilities; temperature 1 / sharpness.
    """

    members: tuple[Member, ...]
    sharpness: float

    @property
    def looks(self) -> tuple[Key, ...]:
        """The rows that an answer needs, one forward pass each, cheapest first."""
        return tuple(sorted({look for member in self.members for look in member.features.looks}))

    @property
    def categories(self) -> int:
        """How many categories it tells apart."""
        return self.members[0].head.categories

    @property
    def parameters(self) -> int:
        """How many numbers were learnt."""
        return sum(member.head.parameters for member in self.members)

    def probabilities(self, rows: Mapping[Key, Matrix]) -> NDArray[np.float64]:
        """Probability of each category (n, categories) for photos whose rows are given, one matrix for each look."""
        averaged = sum(
            member.weight * member.head.probabilities(member.features.matrix(rows)).astype(np.float64)
            for member in self.members
        )
        return sharpen(np.asarray(averaged), self.sharpness)

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """What it is made of, as plain JSON and as named arrays."""
        about = {
            "sharpness": self.sharpness,
            "members": [
                {
                    "backbones": member.features.backbones,
                    "views": member.features.views,
                    "cuts": member.features.cuts,
                    "kind": member.head.kind,
                    "weight": member.weight,
                }
                for member in self.members
            ],
        }
        arrays = {
            f"{at}.{name}": array
            for at, member in enumerate(self.members)
            for name, array in member.head.to_arrays().items()
        }
        return about, arrays

    @classmethod
    def from_arrays(cls, about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> "Classifier":
        """The classifier that `to_arrays` gave; raises KeyError, TypeError or ValueError for anything else."""
        members = []
        for at, each in enumerate(about["members"]):
            features = Features(tuple(each["backbones"]), tuple(each["views"]), each["cuts"])
            own = {name.partition(".")[2]: array for name, array in arrays.items() if name.startswith(f"{at}.")}
            head = HEADS[each["kind"]].from_arrays(own)
            if head.width != features.width:
                raise ValueError(f"a head of {head.width} features stands on {features.width}")
            members.append(Member(features, head, float(each["weight"])))
        if len({member.head.categories for member in members}) != 1:
            raise ValueError("it has no head, or heads that do not fit each other")
        return cls(tuple(members), float(about["sharpness"]))


def sharpen(probabilities: Probabilities, sharpness: float) -> NDArray[np.float64]:
    """Each row's probabilities to the power of `sharpness`, adding up to 1 again."""
    powers = np.asarray(probabilities, np.float64) ** sharpness
    scaled: NDArray[np.float64] = powers / powers.sum(axis=-1, keepdims=True)
    return scaled

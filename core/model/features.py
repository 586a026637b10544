"""What a head sees of a photo: cuts of one or more backbones, evened out and put side by side."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.model.backbones import BACKBONES, Backbone

Matrix = NDArray[np.float32]
Key = tuple[str, str]  # backbone id and view, as `Look.key`

# Which cuts: the network's own last features, those of the layer before them, or all of the card's.
CUTS: dict[str, Callable[[Backbone], tuple[int, ...]]] = {
    "last": lambda backbone: (len(backbone.cuts) - 1,),
    "late": lambda backbone: (max(0, len(backbone.cuts) - 2),),
    "all": lambda backbone: tuple(range(len(backbone.cuts))),
}


@dataclass(frozen=True)
class Features:
    """The `cuts` (a key of CUTS) of each backbone, averaged over the views."""

    backbones: tuple[str, ...]
    views: tuple[str, ...]
    cuts: str

    @property
    def looks(self) -> tuple[Key, ...]:
        """The rows that are needed: one forward pass each."""
        return tuple((backbone, view) for backbone in self.backbones for view in self.views)

    @property
    def parts(self) -> tuple[tuple[str, int], ...]:
        """Backbone and position of the cut, for each block of columns of `matrix`."""
        return tuple((name, at) for name in self.backbones for at in CUTS[self.cuts](BACKBONES[name]))

    @property
    def width(self) -> int:
        """How many features a photo has."""
        return sum(BACKBONES[name].cuts[at].features for name, at in self.parts)

    @property
    def words(self) -> str:
        """As in "EfficientNet-Lite0 + EfficientNet-Lite2, crop, all cuts"."""
        names = " + ".join(BACKBONES[name].name for name in self.backbones)
        which = {"last": "last features", "late": "the cut before the last", "all": "all cuts"}[self.cuts]
        return f"{names}, {' + '.join(self.views)}, {which}"

    def matrix(self, rows: Mapping[Key, Matrix]) -> Matrix:
        """The features (n, width) float32 of photos whose `rows` (n, backbone.row) are given; each row of length 1."""
        parts = [part(rows, name, self.views, at) for name, at in self.parts]
        joined: Matrix = np.concatenate(parts, axis=1) / np.sqrt(np.float32(len(parts)))
        return joined


def normalise(features: Matrix) -> Matrix:
    """The square root of each feature, sign kept, then each row at unit length: float32 (n, features).

    A few large features drown the rest; the root evens them out (power normalisation: Perronnin, Sánchez &
    Mensink 2010; RootSIFT: Arandjelović & Zisserman 2012). A row of zeros stays zeros.
    """
    root = np.copysign(np.sqrt(np.abs(features)), features).astype(np.float32, copy=False)
    return _unit(root)


def part(rows: Mapping[Key, Matrix], backbone: str, views: tuple[str, ...], cut: int) -> Matrix:
    """One cut's features (n, features), normalised, averaged over the views, each row of length 1."""
    columns = BACKBONES[backbone].columns[cut]
    seen = [normalise(rows[backbone, view][:, columns]) for view in views]
    return seen[0] if len(seen) == 1 else _unit(np.mean(seen, axis=0, dtype=np.float32))


class Bank:
    """The rows of the same photos under more and more looks, and the inner products of what heads see of them.

    Inner products of joined features are the mean of their parts', so each part's are computed once.
    """

    def __init__(self) -> None:
        self.rows: dict[Key, Matrix] = {}
        self._products: dict[tuple[str, tuple[str, ...], int], NDArray[np.float64]] = {}

    def add(self, rows: Mapping[Key, Matrix]) -> None:
        """Rows (n, backbone.row) of all photos under some more looks."""
        self.rows |= rows

    def products(self, features: Features) -> NDArray[np.float64]:
        """The inner products (n, n) of `features.matrix(rows)`."""
        for name, at in features.parts:
            if (name, features.views, at) not in self._products:
                seen = part(self.rows, name, features.views, at).astype(np.float64)
                self._products[name, features.views, at] = seen @ seen.T
        joined: NDArray[np.float64] = np.mean(
            [self._products[name, features.views, at] for name, at in features.parts], axis=0
        )
        return joined


def _unit(rows: Matrix) -> Matrix:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Matrix = rows / np.maximum(length, np.float32(1e-6))
    return unit

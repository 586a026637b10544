"""What heads see: evened out, of length 1, and with inner products that need no joining."""

import numpy as np
import pytest
from numpy.typing import NDArray

from core.model.backbones import BACKBONES
from core.model.features import CUTS, Bank, Features, Key, normalise


def rows_of(*looks: Key, photos: int = 6) -> dict[Key, NDArray[np.float32]]:
    random = np.random.default_rng(0)
    return {look: random.exponential(size=(photos, BACKBONES[look[0]].row)).astype(np.float32) for look in looks}


def test_normalise_is_the_signed_root_at_unit_length() -> None:
    found = normalise(np.array([[9, 16, 0], [-4, 0, 0], [0, 0, 0]], np.float32))
    np.testing.assert_allclose(found, [[3 / 5, 4 / 5, 0], [-1, 0, 0], [0, 0, 0]], atol=1e-6)
    assert found.dtype == np.float32


def test_joined_features_are_of_length_one_and_as_wide_as_promised() -> None:
    rows = rows_of(("lite0", "crop"), ("lite2", "crop"), ("lite0", "mirror"))
    for features in (
        Features(("lite0",), ("crop",), "last"),
        Features(("lite0", "lite2"), ("crop",), "all"),
        Features(("lite0",), ("crop", "mirror"), "late"),
    ):
        matrix = features.matrix(rows)
        assert matrix.shape == (6, features.width)
        np.testing.assert_allclose(np.linalg.norm(matrix, axis=1), 1, atol=1e-5)


def test_each_part_of_joined_features_has_an_equal_say() -> None:
    rows = rows_of(("lite0", "crop"))
    rows["lite0", "crop"][:, BACKBONES["lite0"].columns[0]] *= 1000
    matrix = Features(("lite0",), ("crop",), "all").matrix(rows)
    lengths = [np.linalg.norm(matrix[:, columns], axis=1) for columns in BACKBONES["lite0"].columns]
    np.testing.assert_allclose(lengths, 0.5, atol=1e-5)


def test_the_last_cut_is_the_networks_own_features() -> None:
    rows = rows_of(("lite0", "crop"))
    last = Features(("lite0",), ("crop",), "last").matrix(rows)
    np.testing.assert_array_equal(last, normalise(rows["lite0", "crop"][:, BACKBONES["lite0"].last]))
    assert CUTS["late"](BACKBONES["lite0"]) == (2,)


@pytest.mark.parametrize("cuts", CUTS)
def test_products_are_those_of_the_joined_matrix(cuts: str) -> None:
    rows = rows_of(("lite0", "crop"), ("lite2", "crop"), ("lite0", "mirror"), ("lite2", "mirror"))
    bank = Bank()
    bank.add(rows)
    for features in (
        Features(("lite0",), ("crop",), cuts),
        Features(("lite0", "lite2"), ("crop", "mirror"), cuts),
    ):
        matrix = features.matrix(rows).astype(np.float64)
        np.testing.assert_allclose(bank.products(features), matrix @ matrix.T, atol=1e-5)

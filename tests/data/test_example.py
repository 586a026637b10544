"""The drawn example: the same everywhere, varied, and not to be solved by colour alone."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.data.example import CATEGORIES, draw, held_back, photos
from core.data.lookalikes import NEAR_BITS, fingerprint
from core.data.photo import Pixels, decode

ROOT = Path(__file__).parents[2]
PRINT_DIGESTS = """
import hashlib
from core.data.example import held_back, photos
for drawing in [*photos(2, seed=5), *held_back(2, seed=5)]:
    print(drawing.category, drawing.name, hashlib.sha256(drawing.data).hexdigest())
"""


@pytest.fixture(scope="module")
def pictures() -> list[Pixels]:
    """Eighty photos as stored, the two categories in turn."""
    return [decode(drawing.data) for drawing in photos(40, seed=7)]


def middle(pixels: Pixels) -> Pixels:
    height, width, _ = pixels.shape
    return pixels[height // 3 : 2 * height // 3, width // 3 : 2 * width // 3]


@pytest.mark.slow
def test_every_process_draws_the_same_bytes() -> None:
    def digests(hash_seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", PRINT_DIGESTS]
        return subprocess.run(command, env=environment, cwd=ROOT, check=True, capture_output=True, text=True).stdout

    here = [
        f"{drawing.category} {drawing.name} {hashlib.sha256(drawing.data).hexdigest()}"
        for drawing in [*photos(2, seed=5), *held_back(2, seed=5)]
    ]

    assert digests("1").splitlines() == here
    assert digests("2").splitlines() == here


def test_more_photos_begin_with_the_same_ones() -> None:
    assert list(photos(3, seed=1))[:4] == list(photos(2, seed=1))


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_dress_is_a_portrait_of_ordinary_size(category: str) -> None:
    for seed in range(6):
        pixels = draw(category, seed)
        height, width, channels = pixels.shape
        assert pixels.dtype == np.uint8
        assert channels == 3
        assert 350 <= width < height <= 520


def test_the_jpegs_come_back_as_they_were_drawn() -> None:
    drawings = list(photos(4, seed=2))

    assert [drawing.category for drawing in drawings] == list(CATEGORIES) * 4
    assert len({drawing.name for drawing in drawings}) == 8
    for drawing in drawings:
        pixels = decode(drawing.data)
        assert 350 <= pixels.shape[1] < pixels.shape[0] <= 520
        assert pixels.std() > 10


def test_another_category_is_refused() -> None:
    with pytest.raises(ValueError, match="tuple"):
        draw("red and green", 0)


@pytest.mark.slow
def test_no_two_dresses_are_alike(pictures: list[Pixels]) -> None:
    others = [decode(drawing.data) for drawing in [*photos(3, seed=8), *held_back(4, seed=7)]]
    prints = [fingerprint(one) for one in pictures + others]
    apart = [(prints[i] ^ prints[j]).bit_count() for i in range(len(prints)) for j in range(i)]

    assert min(apart) > NEAR_BITS


def test_held_back_dresses_are_new_and_do_not_tell() -> None:
    trained_on = {drawing.data for drawing in photos(5, seed=0)}
    to_try = list(held_back(4, seed=0))

    assert {drawing.category for drawing in to_try} == set(CATEGORIES)
    assert not trained_on & {drawing.data for drawing in to_try}
    for drawing in to_try:
        assert not any(word in drawing.name for word in ("blue", "black", "white", "gold"))


@pytest.mark.parametrize("centre", [False, True])
def test_average_colour_does_not_tell_the_categories_apart(pictures: list[Pixels], centre: bool) -> None:
    """A linear discriminant on the mean colour, cross-validated in four folds."""
    colours = np.array([(middle(one) if centre else one).reshape(-1, 3).mean(axis=0) for one in pictures])
    is_white = np.arange(len(colours)) % 2 == 1
    fold = np.arange(len(colours)) // 2 % 4
    right = []
    for part in range(4):
        known, asked = colours[fold != part], colours[fold == part]
        white, blue = known[is_white[fold != part]], known[~is_white[fold != part]]
        direction = np.linalg.solve(np.cov(white.T) + np.cov(blue.T), white.mean(axis=0) - blue.mean(axis=0))
        halfway = (white.mean(axis=0) + blue.mean(axis=0)) / 2
        right.extend(((asked - halfway) @ direction > 0) == is_white[fold == part])

    assert np.mean(right) < 0.8


def test_the_lace_still_tells(pictures: list[Pixels]) -> None:
    """Whatever the light, black lies further from blue cloth than gold from white."""
    contrasts = [np.divide(*np.percentile(middle(one).mean(axis=-1), [95, 5])) for one in pictures]

    assert np.median(contrasts[0::2]) > 1.2 * np.median(contrasts[1::2])

import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from core.data import lookalikes
from core.data.lookalikes import NEAR_BITS, fingerprint, group, pairs

Picture = Image.Image


def drawn(seed: int) -> Picture:
    """A picture of overlapping soft shapes, another one for each seed."""
    random = np.random.default_rng(seed)
    picture = Image.new("RGB", (480, 360), tuple(random.integers(0, 256, 3).tolist()))
    pen = ImageDraw.Draw(picture)
    for _ in range(12):
        x, y, size = random.integers(-40, 440), random.integers(-40, 320), random.integers(60, 200)
        pen.ellipse((x, y, x + size, y + size * 0.7), fill=tuple(random.integers(0, 256, 3).tolist()))
    return picture.filter(ImageFilter.GaussianBlur(2))


def bits_between(one: Picture, other: Picture) -> int:
    return (fingerprint(np.asarray(one)) ^ fingerprint(np.asarray(other))).bit_count()


def recompressed(picture: Picture) -> Picture:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=30)
    return Image.open(file)


@pytest.mark.parametrize(
    "copy",
    [
        recompressed,
        lambda picture: picture.resize((160, 120)),
        lambda picture: picture.resize((640, 480)),
        lambda picture: picture.resize((300, 300)),
        lambda picture: picture.point(lambda value: min(255, value * 1.2)),
    ],
    ids=["recompressed", "smaller", "larger", "squashed", "brighter"],
)
def test_copies_have_nearly_the_same_fingerprint(copy: Callable[[Picture], Picture]) -> None:
    assert max(bits_between(drawn(seed), copy(drawn(seed))) for seed in range(10)) <= NEAR_BITS


def test_different_pictures_have_different_fingerprints() -> None:
    pictures = [drawn(seed) for seed in range(12)]
    apart = [bits_between(one, other) for i, one in enumerate(pictures) for other in pictures[:i]]
    assert min(apart) > NEAR_BITS


def test_the_whole_picture_counts_not_only_its_middle() -> None:
    wide = drawn(0).resize((640, 160))
    changed = wide.copy()
    changed.paste(0, (0, 0, 200, 160))
    assert bits_between(wide, changed) > NEAR_BITS


def test_a_fingerprint_fits_64_bits_and_one_colour_has_one_too() -> None:
    for pixels in (np.asarray(drawn(0)), np.full((32, 640, 3), 255, np.uint8)):
        assert fingerprint(pixels) == int(np.uint64(fingerprint(pixels)))


def at_angle(degrees: float) -> list[float]:
    return [np.cos(np.radians(degrees)), np.sin(np.radians(degrees)), 0.0]


def test_which_photos_are_alike() -> None:
    embeddings = np.array(
        [
            at_angle(0),
            [5 * value for value in at_angle(10)],  # cosine 0.98 to the first, whatever the length
            at_angle(40),  # cosine 0.77 to the first: alike only if the fingerprint is, too
            at_angle(85),  # cosine 0.71 to the third
            [0.0, 0.0, 1.0],  # nothing in common
            [0.0, 0.0, 0.0],  # nothing at all
        ],
        np.float32,
    )
    far = np.array([0, 2**32 - 1, 2**63, 2**60 - 1, 0, 0], np.uint64)
    assert pairs(far, embeddings).tolist() == [[0, 1], [0, 2]]
    assert group(far, embeddings).tolist() == [0, 0, 0, 1, 2, 3]
    assert pairs(np.array([0, 2**32 - 1, 2**40 - 1, 0, 0, 0], np.uint64), embeddings).tolist() == [
        [0, 1],
        [1, 2],
    ]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 40), st.integers(1, 300), st.integers(0, 10_000))
def test_groups_are_the_connected_photos_whatever_the_block(photos: int, cells: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    embeddings = random.normal(size=(photos, 3)).astype(np.float32)
    fingerprints = random.integers(0, 2**64, photos, dtype=np.uint64)
    near = pairs(fingerprints, embeddings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookalikes, "_CELLS", cells)
        np.testing.assert_array_equal(pairs(fingerprints, embeddings), near)
        found = group(fingerprints, embeddings)

    reach = np.eye(photos, dtype=bool)
    reach[near[:, 0], near[:, 1]] = reach[near[:, 1], near[:, 0]] = True
    for _ in range(photos):
        reach = reach @ reach
    np.testing.assert_array_equal(found[:, None] == found, reach)
    assert sorted(set(found)) == list(range(len(set(found))))


def test_a_chain_is_one_group() -> None:
    degrees = np.random.default_rng(0).permutation(np.arange(0, 90, 3))
    embeddings = np.array([at_angle(angle) for angle in degrees], np.float32)
    fingerprints = np.random.default_rng(1).integers(0, 2**64, len(degrees), dtype=np.uint64)
    assert set(group(fingerprints, embeddings)) == {0}


def test_no_photos_are_no_groups() -> None:
    nothing = np.empty(0, np.uint64), np.empty((0, 3), np.float32)
    assert pairs(*nothing).shape == (0, 2)
    assert group(*nothing).shape == (0,)

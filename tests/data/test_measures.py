"""What is measured of a photo's pixels, on drawn pictures of every shape."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from core.data.example import CATEGORIES, draw
from core.data.lookalikes import fingerprint
from core.data.measures import LOOK, measure
from core.data.photo import Pixels


@pytest.fixture(scope="module")
def dresses() -> list[Image.Image]:
    return [Image.fromarray(draw(CATEGORIES[seed % 2], seed)) for seed in range(6)]


@pytest.mark.parametrize("size", [(32, 32), (32, 640), (640, 32), (640, 640)])
@pytest.mark.parametrize("shade", [0, 255])
def test_every_size_and_even_colour_can_be_measured(size: tuple[int, int], shade: int) -> None:
    pixels: Pixels = np.full((*size, 3), shade, np.uint8)
    told = measure(pixels)
    assert (told.height, told.width) == size
    assert (told.contrast, told.sharpness, told.flatness, told.edges, told.colours) == (0, 0, 1, 0, 0)
    assert told.look == bytes([shade]) * (LOOK * LOOK * 3)


def test_the_mirrored_fingerprint_is_that_of_the_mirrored_picture(dresses: list[Image.Image]) -> None:
    for picture in dresses:
        mirrored = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        told = measure(np.asarray(picture)).mirrored_fingerprint
        assert (told ^ fingerprint(np.asarray(mirrored))).bit_count() <= 2


def test_the_more_blurred_the_less_sharp_and_a_soft_background_does_no_harm(dresses: list[Image.Image]) -> None:
    for picture in dresses:
        blurred = [picture.filter(ImageFilter.GaussianBlur(radius)) for radius in (0, 2, 4, 8)]
        sharpness = [measure(np.asarray(each)).sharpness for each in blurred]
        assert sharpness == sorted(sharpness, reverse=True)
        middle = Image.new("L", picture.size)
        width, height = picture.size
        ImageDraw.Draw(middle).rectangle((width // 4, height // 4, width * 3 // 4, height * 3 // 4), fill=255)
        portrait = Image.composite(picture, blurred[-1], middle)
        assert measure(np.asarray(portrait)).sharpness > 0.6 * sharpness[0]

"""What is done to photos on purpose: copies as they come about, and pictures spoilt in ways that cleaning looks for."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Random = np.random.Generator
Change = Callable[[Image.Image, Random], Image.Image]


def _resized(image: Image.Image, random: Random) -> Image.Image:
    scale = random.uniform(0.35, 0.75)
    return image.resize((max(32, round(image.width * scale)), max(32, round(image.height * scale))))


def _recompressed(image: Image.Image, random: Random) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=int(random.integers(20, 70)))
    return Image.open(file)


def _mirrored(image: Image.Image, random: Random) -> Image.Image:
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def _shrunk(image: Image.Image, random: Random) -> Image.Image:
    scale = random.uniform(36, 60) / min(image.size)
    return image.resize((max(32, round(image.width * scale)), max(32, round(image.height * scale))))


def _strip(image: Image.Image, random: Random) -> Image.Image:
    high = image.width / random.uniform(3.2, 4.5)
    top = random.uniform(0, max(0.0, image.height - high))
    strip = image.crop((0, round(top), image.width, round(top + high)))
    return strip.resize((640, round(640 * strip.height / strip.width)))


def _blank(image: Image.Image, random: Random) -> Image.Image:
    shade = random.integers(0, 256, 3) + random.normal(0, 2, (*image.size[::-1], 1))
    return Image.fromarray(np.clip(shade, 0, 255).astype(np.uint8))


def _blurred(image: Image.Image, random: Random) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(max(image.size) * random.uniform(0.006, 0.015)))


def _drawing(image: Image.Image, random: Random) -> Image.Image:
    """Outlines, or areas with outlines, in a few colours on white or a pale ground."""
    drawn = Image.new("RGB", (1000, 1000), tuple(random.integers(225, 256, 3).tolist()))
    pen, filled = ImageDraw.Draw(drawn), random.random() < 0.5
    inks = [tuple(random.integers(0, 256, 3).tolist()) for _ in range(4)]
    for _ in range(int(random.integers(4, 12))):
        x, y, wide, high = random.integers(0, 700, 4).tolist()
        box = (x, y, x + 60 + wide, y + 60 + high)
        shape: Callable[..., None] = pen.ellipse if random.random() < 0.6 else pen.rectangle
        shape(box, fill=inks[int(random.integers(4))] if filled else None, outline="black", width=8)
    return drawn.resize((500, 500), Image.Resampling.LANCZOS)


SPOILERS: dict[str, Change] = {
    "too small": _shrunk,
    "banner": _strip,
    "blank": _blank,
    "blurred": _blurred,
    "drawing": _drawing,
}

COPIERS: tuple[Change, ...] = (
    _resized,
    _recompressed,
    _mirrored,
    lambda image, random: _resized(_mirrored(image, random), random),
)

"""What stands behind the drawn dresses of `example.py`: one function a place, each painting it whole."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Choice = TypeVar("Choice")
Brush = ImageDraw.ImageDraw
Random = np.random.Generator

WALLS = (
    "#e9dfd0",
    "#cfd8dc",
    "#d8c3a5",
    "#a3b8a0",
    "#c98f7a",
    "#8fa7bf",
    "#e4b9b0",
    "#5f7470",
    "#7d6b8a",
    "#d9c36c",
)
FLOORS = ("#9c7350", "#c4a37b", "#6f5646", "#b9b4aa", "#857f7a", "#d8cbb8")
BRIGHTS = (
    "#d1495b",
    "#edae49",
    "#66a182",
    "#2e4057",
    "#8d5a97",
    "#f4e9d8",
    "#e07a5f",
    "#3d8da8",
    "#f2b5a7",
    "#4a4e3a",
)
SKIES = ("#bcdcec", "#f5d9b5", "#9fb7cf", "#e9e4dc")
LEAVES = ("#4f7a4a", "#6a9455", "#37603f")
PAINT = "#f4f0e8"
STEEL = "#55504c"


def scene(size: tuple[int, int], rng: Random) -> Image.Image:
    """An RGB picture of a random place, in its true colours, a little out of focus."""
    image = Image.new("RGB", size, pick(WALLS, rng))
    pick(PLACES, rng)(ImageDraw.Draw(image), *size, rng)
    return image.filter(ImageFilter.BoxBlur(rng.uniform(0.6, 2.6)))


def pick(options: Sequence[Choice], rng: Random) -> Choice:
    return options[int(rng.integers(len(options)))]


def _room(brush: Brush, w: int, h: int, rng: Random) -> None:
    line = h * rng.uniform(0.68, 0.88)
    brush.rectangle((0, line, w, h), fill=pick(FLOORS, rng))
    for x in np.arange(-w, 2 * w, w / 9):
        brush.line((w / 2 + (x - w / 2) * 0.7, line, w / 2 + (x - w / 2) * 1.3, h), fill="#4a3a2e")
    brush.rectangle((0, line - h * 0.035, w, line), fill=PAINT)
    for x in rng.uniform(0, 0.85, size=int(rng.integers(1, 4))) * w:
        y, wide, high = h * rng.uniform(0.06, 0.3), w * rng.uniform(0.12, 0.26), h * rng.uniform(0.12, 0.24)
        brush.rectangle((x, y, x + wide, y + high), fill=pick(BRIGHTS, rng))
        brush.rectangle((x + 5, y + 5, x + wide - 5, y + high - 5), fill=PAINT)
        oval = (x + wide * 0.25, y + high * 0.3, x + wide * 0.75, y + high * 0.75)
        brush.ellipse(oval, fill=pick(BRIGHTS, rng))
    if rng.random() < 0.6:
        _plant(brush, w * rng.choice([0.1, 0.9]), line + h * 0.06, h * 0.2, rng)


def _plant(brush: Brush, x: float, y: float, tall: float, rng: Random) -> None:
    for angle in np.linspace(-1.1, 1.1, 7):
        out, up = tall * np.sin(angle), tall * (0.5 + np.cos(angle))
        left, right = (x + out / 2 - tall * 0.12, y - tall), (x + out / 2 + tall * 0.12, y - tall * 0.8)
        brush.polygon([(x, y - tall * 0.4), left, (x + out, y - up), right], fill=pick(LEAVES, rng))
    rim, foot = tall * 0.3, tall * 0.2
    pot = [(x - rim, y - tall / 2), (x + rim, y - tall / 2), (x + foot, y), (x - foot, y)]
    brush.polygon(pot, fill=pick(("#c46f4b", "#e8e2d6", "#5b6f80"), rng))


def _window(brush: Brush, w: int, h: int, rng: Random) -> None:
    left, right = w * rng.uniform(-0.1, 0.3), w * rng.uniform(0.65, 1.1)
    top, bottom = h * rng.uniform(0.0, 0.12), h * rng.uniform(0.6, 0.8)
    brush.rectangle((left - 8, top - 8, right + 8, bottom + 8), fill=PAINT)
    brush.rectangle((left, top, right, bottom), fill=pick(("#e8f3fa", "#cfe6f5", "#fdf0d0", "#f6cfa8"), rng))
    brush.ellipse((left - w * 0.1, bottom - h * 0.17, right * 0.6, bottom + h * 0.2), fill="#a9c29a")
    brush.ellipse((left + w * 0.2, bottom - h * 0.11, right + w * 0.2, bottom + h * 0.2), fill="#8fb086")
    brush.rectangle((0, bottom + 8, w, h), fill=pick(WALLS, rng))
    brush.rectangle((left - 20, bottom, right + 20, bottom + 15), fill=PAINT)
    for x in np.linspace(left, right, 4)[1:-1]:
        brush.rectangle((x - 3, top, x + 3, bottom), fill=PAINT)
    brush.rectangle((left, (top + bottom) / 2 - 3, right, (top + bottom) / 2 + 3), fill=PAINT)
    curtain = pick(BRIGHTS, rng)
    for x in (left - w * 0.05, right - w * 0.13):
        brush.rectangle((x, 0, x + w * 0.18, h * 0.9), fill=curtain)
        for fold in np.linspace(x, x + w * 0.18, 6):
            brush.line((fold, 0, fold, h * 0.9), fill="#6b5f5a", width=2)


def _shop(brush: Brush, w: int, h: int, rng: Random) -> None:
    brush.rectangle((0, h * 0.85, w, h), fill=pick(FLOORS, rng))
    for rail in (h * rng.uniform(0.05, 0.12), h * rng.uniform(0.48, 0.56)):
        brush.line((0, rail, w, rail), fill=STEEL, width=5)
        x = -w * rng.uniform(0, 0.1)
        while x < w:
            wide, high = w * rng.uniform(0.05, 0.12), h * rng.uniform(0.25, 0.38)
            brush.line((x + wide / 2, rail, x + wide / 2, rail + 15), fill=STEEL, width=2)
            garment = (x, rail + 12, x + wide, rail + high)
            brush.rounded_rectangle(garment, radius=9, fill=pick(BRIGHTS + WALLS, rng))
            x += wide + w * rng.uniform(0.0, 0.03)


def _bokeh(brush: Brush, w: int, h: int, rng: Random) -> None:
    brush.rectangle((0, 0, w, h), fill=pick(("#2b2f45", "#4a3b45", "#5b6a63", "#8a7566", "#c8b8a6"), rng))
    for _ in range(int(rng.integers(18, 34))):
        x, y, r = rng.uniform(0, w), rng.uniform(0, h), w * rng.uniform(0.02, 0.09)
        brush.ellipse((x - r, y - r, x + r, y + r), fill=pick(WALLS + BRIGHTS, rng))


def _wallpaper(brush: Brush, w: int, h: int, rng: Random) -> None:
    ink, step, kind = pick(WALLS + BRIGHTS, rng), int(w * rng.uniform(0.07, 0.14)), int(rng.integers(3))
    r = step * 0.2
    for row, y in enumerate(range(0, h + step, step)):
        for x in range(-step * (row % 2) // 2, w + step, step):
            if kind == 0:
                brush.ellipse((x - r, y - r, x + r, y + r), fill=ink)
            elif kind == 1:
                brush.polygon([(x, y - 2 * r), (x + r, y), (x, y + 2 * r), (x - r, y)], fill=ink)
            elif row == 0:
                brush.rectangle((x, 0, x + step * 0.45, h), fill=ink)
    if rng.random() < 0.6:
        brush.rectangle((0, h * 0.82, w, h), fill=pick(FLOORS, rng))
        brush.rectangle((0, h * 0.8, w, h * 0.82), fill=PAINT)


def _studio(brush: Brush, w: int, h: int, rng: Random) -> None:
    brush.ellipse((-w * 0.6, h * rng.uniform(0.72, 0.86), w * 1.6, h * 1.5), fill=pick(FLOORS + WALLS, rng))


def _garden(brush: Brush, w: int, h: int, rng: Random) -> None:
    brush.rectangle((0, 0, w, h), fill=pick(SKIES, rng))
    for level, green in zip(np.sort(rng.uniform(0.45, 0.85, 3)), ("#9db88a", "#7d9f6b", "#5f8453"), strict=True):
        x = rng.uniform(-0.5, 0.5) * w
        brush.ellipse((x - w, h * level, x + w * 1.4, h * 2), fill=green)
    for _ in range(int(rng.integers(2, 6))):
        x, y, r = rng.uniform(0, w), h * rng.uniform(0.3, 0.55), w * rng.uniform(0.07, 0.15)
        brush.rectangle((x - r * 0.12, y, x + r * 0.12, y + r * 2.4), fill="#6a4c38")
        brush.ellipse((x - r, y - r * 1.2, x + r, y + r * 1.2), fill=pick((*LEAVES, "#c98a4b"), rng))


PLACES: tuple[Callable[[Brush, int, int, Random], None], ...]
PLACES = (_room, _window, _shop, _bokeh, _wallpaper, _studio, _garden)

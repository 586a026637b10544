"""The built-in example: is the dress blue and black, or white and gold?

After the photograph of 2015 that people could not agree on. Every picture is drawn here, so it needs no
network. As in the photograph, the light works against the eye: warm and over-exposed on most blue and black
dresses, cool and dim on most white and gold ones, so that the cloths end in the same pale blue and the laces
in the same brown. What stays true is the contrast of lace to cloth, the glitter of gold, and the light on
everything around.
"""

import io
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from core.data.example.dress import Cut, Pen, cut, draw_dress, draw_folds, draw_stand, lace
from core.data.example.scenes import Random, pick, scene
from core.data.photo import Pixels
from core.data.store import Credit, Project, Store

CATEGORIES = ("blue and black", "white and gold")
SIZES = ((400, 500), (360, 480), (380, 500))
PHOTOS = 40  # of each category, in the example project
HIGHEST = 100_000  # numbers of pictures under one seed; `held_back` counts down from it

Array = NDArray[np.float32]
UNIT = np.float32(255)
STRIP = 50  # rows lit at once: small enough to stay in the processor's cache, which is several times faster


class Drawing(NamedTuple):
    """One drawn photo: its true category, a file name, and the bytes of a JPEG."""

    category: str
    name: str
    data: bytes


class Layers(NamedTuple):
    """What is in front: a figure and where it covers, where cloth and lace lie, and (at half size) folds."""

    figure: Image.Image
    cover: Image.Image
    cloth: Image.Image
    bands: Image.Image
    folds: Image.Image


def photos(count_per_category: int, seed: int = 0) -> Iterator[Drawing]:
    """The example's photos, categories in turn; the same seed gives the same photos."""
    for number in range(1, count_per_category + 1):
        for category in CATEGORIES:
            name = f"{category.replace(' ', '-')}-{number:03}.jpg"
            yield Drawing(category, name, _jpeg(category, seed * HIGHEST + number))


def held_back(count: int = 4, seed: int = 0) -> Iterator[Drawing]:
    """Dresses to try a model on: never among `photos`, of both categories, and no name tells which."""
    order = np.random.default_rng(seed).permutation(np.arange(count) % len(CATEGORIES))
    for number, index in enumerate(order.tolist(), start=1):
        category = CATEGORIES[index]
        yield Drawing(category, f"new-dress-{number}.jpg", _jpeg(category, (seed + 1) * HIGHEST - number))


def make_project(store: Store, *, count_per_category: int = PHOTOS) -> Project:
    """A project with the example's categories and drawn photos."""
    project = store.create_project("The dress: blue and black, or white and gold?", is_example=True)
    ids = {category: store.add_category(project.id, category).id for category in CATEGORIES}
    for drawing in photos(count_per_category):
        store.photos.add(ids[drawing.category], drawing.data, drawing.name, Credit("example"))
    return project


def draw(category: str, seed: int) -> Pixels:
    """A dress of one of `CATEGORIES`: uint8 (height, width, 3), sRGB, about 400 by 500.

    Raises ValueError for another category.
    """
    rng = np.random.default_rng([CATEGORIES.index(category), seed])
    width, height = pick(SIZES, rng)
    fine = (width * 2, height * 2)  # shapes are drawn twice as large and reduced, for smooth edges
    dress = cut(rng)
    view = _view(*fine, dress, rng)
    figure, cover, cloth, bands = (Image.new(mode, fine) for mode in ("RGB", "L", "L", "L"))
    folds = Image.new("L", (width // 2, height // 2), 128)
    draw_stand(Pen(view, figure, cover), dress, rng)
    draw_dress(Pen(view, cloth), Pen(view, bands), dress, rng)
    draw_folds(Pen(np.diag([0.25, 0.25, 1.0]) @ view, folds), dress, rng)
    parts = Layers(figure.reduce(2), cover.reduce(2), cloth.reduce(2), bands.reduce(2), folds)
    return _photograph(category, scene((width, height), rng), parts, rng)


def _view(width: int, height: int, dress: Cut, rng: Random) -> NDArray[np.float64]:
    """The 3×3 projective matrix from dress units to pixels: where the camera stands and how it leans."""
    person = dress.stand == "person"
    zoom = height * rng.uniform(0.5, 0.72) / max(dress.length, 2.0)
    x, y = (
        width * rng.uniform(0.42, 0.58),
        height * (rng.uniform(0.18, 0.28) if person else rng.uniform(0.14, 0.22)),
    )
    angle, lean_x, lean_y, shear = rng.normal(0, (0.045, 0.03, 0.03, 0.02)).tolist()
    turn = np.array([[np.cos(angle), shear - np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    lean = np.array([[1, 0, 0], [0, 1, 0], [lean_x, lean_y, 1]])
    place = np.array([[zoom, 0, x], [0, zoom, y], [0, 0, 1]])
    view: NDArray[np.float64] = place @ turn @ lean
    return view


def _materials(category: str, rng: Random) -> tuple[Array, Array]:
    """The true colours of cloth and lace under plain daylight, as linear red, green, blue."""
    blue = category == "blue and black"
    pair = ((46, 72, 160), (20, 18, 20)) if blue else ((236, 231, 221), (178, 132, 54))
    jitter = rng.uniform(0.88, 1.1) * rng.uniform(0.95, 1.05, size=(2, 3))
    cloth, lacing = _linear(np.minimum(np.array(pair) * jitter, 248))
    return cloth, lacing


def _light(category: str, rng: Random) -> tuple[Array, Array, Array, Array]:
    """Light on the dress, the figure and the scene, and a veil of stray light; linear red, green, blue."""
    strength = rng.beta(1.8, 1.2)
    if category == "blue and black":
        full, veil = np.array([9.0, 6.0, 2.2]), np.array([0.06, 0.045, 0.025])
    else:
        full, veil = np.array([0.23, 0.32, 0.74]), np.array([0.0, 0.003, 0.012])
    warmth, *odd = rng.normal(0, (0.12, 0.03, 0.03, 0.03)).tolist()
    balance = np.exp(warmth * np.array([1, 0.3, -1]) + odd)  # a camera's white balance errs from yellow to blue
    dress = full**strength * rng.uniform(0.75, 1.5) * balance
    tint = dress / dress.mean()
    figure = tint**0.35 * dress.mean() ** 0.35
    around = tint ** rng.uniform(0.2, 0.8) * balance * rng.uniform(0.5, 1.6)
    return _single(dress), _single(figure), _single(around), _single(veil * strength)


def _shades(parts: Layers, rng: Random) -> tuple[Array, Array]:
    """How much light falls on the front and on the scene behind it, both (height, width), about 1."""
    width, height = parts.folds.size
    body = _single(parts.cloth.reduce(2).filter(ImageFilter.GaussianBlur(6))) / UNIT
    across, down = _single(np.linspace(-1, 1, width)), _single(np.linspace(-1, 1, height))[:, None]
    angle, slope, corner = rng.uniform(0, (2 * np.pi, 0.35, 0.25)).tolist()
    fall = 1 + slope * (across * math.cos(angle) + down * math.sin(angle)) - corner * (across**2 + down**2)
    side = math.copysign(0.45, math.cos(angle)) * (_moved(body, -6, 0) - _moved(body, 6, 0))
    pleats = _single(parts.folds.filter(ImageFilter.BoxBlur(3))) / np.float32(128)
    front = fall * (0.5 + 0.5 * body + side) * pleats
    shadow = _moved(body, int(rng.integers(-18, 18)), int(rng.integers(0, 12)))
    back = fall * (1 - rng.uniform(0.1, 0.5) * shadow)
    return _enlarged(front, parts.cloth.size), _enlarged(back, parts.cloth.size)


def _photograph(category: str, backdrop: Image.Image, parts: Layers, rng: Random) -> Pixels:
    """Everything lit and laid over one another in linear light, then lens and film."""
    cloth, lacing = _materials(category, rng)
    on_dress, on_figure, around, veil = _light(category, rng)
    front, back = _shades(parts, rng)
    behind, figure = ([np.asarray(plane) for plane in image.split()] for image in (backdrop, parts.figure))
    cover, dress = np.asarray(parts.cover), np.asarray(parts.cloth)
    bands, net = np.asarray(parts.bands), lace(parts.cloth.size, rng)
    grain = _single(rng.normal(0, rng.uniform(0.5, 5), (STRIP, net.shape[1])))
    glint = _glints(category, net.shape, rng)
    photo = np.empty((*net.shape, 3), dtype=np.uint8)
    for top in range(0, len(photo), STRIP):
        rows = slice(top, top + STRIP)
        laced = net[rows] * (bands[rows] / UNIT)
        person, clothed = cover[rows] / UNIT, dress[rows] / UNIT
        for colour in range(3):
            light = _linear(behind[colour][rows]) * (back[rows] * around[colour])
            light += (_linear(figure[colour][rows]) * (front[rows] * on_figure[colour]) - light) * person
            fabric = cloth[colour] + laced * (lacing[colour] * glint[rows] - cloth[colour])
            light += (fabric * (front[rows] * on_dress[colour]) - light) * clothed
            light = np.maximum(light, 0) + veil[colour]
            tone = 255 * np.sqrt(1 - np.exp(-1.35 * light)) + grain[: len(light)]
            photo[rows, :, colour] = np.clip(tone, 0, 255)
    if rng.random() < 0.5:
        return photo
    return np.asarray(Image.fromarray(photo).filter(ImageFilter.BoxBlur(rng.uniform(0.3, 0.9))))


def _glints(category: str, shape: tuple[int, ...], rng: Random) -> Array:
    """How much brighter the lace is here and there: gold thread glitters, black thread hardly."""
    shine = rng.uniform(2, 5) if category == "white and gold" else rng.uniform(0, 0.4)
    speck = np.kron(rng.random((40, 40), dtype=np.float32) ** 6, np.ones((2, 2), dtype=np.float32))
    return 0.8 + np.float32(shine) * np.tile(speck, (7, 5))[: shape[0], : shape[1]]


def _single(values: Image.Image | NDArray[Any]) -> Array:
    return np.asarray(values, dtype=np.float32)


def _linear(values: NDArray[Any]) -> Array:
    """Linear light from sRGB 0 to 255, with the exponent rounded to 2 for speed."""
    value = _single(values) / UNIT
    return value * value


def _moved(field: Array, right: int, down: int) -> Array:
    rows, columns = (np.arange(length) for length in field.shape)
    kept = np.clip(rows - down, 0, rows[-1])[:, None], np.clip(columns - right, 0, columns[-1])
    return field[kept]


def _enlarged(field: Array, size: tuple[int, int]) -> Array:
    return _single(Image.fromarray(field).resize(size, Image.Resampling.BILINEAR))


def _jpeg(category: str, seed: int) -> bytes:
    out = io.BytesIO()
    quality = 72 + seed * 7 % 22
    Image.fromarray(draw(category, seed)).save(out, "JPEG", quality=quality)
    return out.getvalue()

"""The dresses of `example.py` and what holds them up, as shapes: where cloth, lace, folds and figure lie."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from core.data.example.scenes import BRIGHTS, Random, pick

Points = Sequence[tuple[float, float]] | NDArray[np.float64]
SKINS = ("#f1c9a9", "#d9a47a", "#b67b52", "#8a5637", "#5c3a28")
HAIRS = ("#2b1f1b", "#5b3a24", "#a8703a", "#d8b26a", "#8c3b1f", "#9a9a9a")
LINENS = ("#e3d5bd", "#c9b79c", "#efe9e1", "#4b4643")
HANGERS = ("#a9764a", "#2f2a28", "#e8e4dc", "#c98b9b")
STANDS = ("hanger", "mannequin", "person", "person")


TURN = np.linspace(0, 2 * np.pi, 25)[:-1]
CIRCLE = np.column_stack([np.cos(TURN), np.sin(TURN)])


class Pen:
    """Draws on `images` in dress units: x 0 at the middle, y 0 at the shoulders and 1 at the waist.

    `view` is a 3×3 projective matrix from dress units to pixels.
    """

    def __init__(self, view: NDArray[np.float64], *images: Image.Image) -> None:
        self.view = view
        self.brushes = [(ImageDraw.Draw(image), image.mode == "L") for image in images]

    def area(self, points: Points, fill: str | int) -> None:
        """Fills a polygon; where a colour goes onto several images, a mask among them gets 255."""
        placed = np.asarray(points, dtype=np.float64) @ self.view[:, :2].T + self.view[:, 2]
        corners = (placed[:, :2] / placed[:, 2:]).ravel().tolist()
        for brush, is_mask in self.brushes:
            brush.polygon(corners, fill=255 if is_mask and isinstance(fill, str) else fill)

    def disc(self, x: float, y: float, radius: float, fill: str | int, tall: float = 1.0) -> None:
        self.area(CIRCLE * (radius, radius * tall) + (x, y), fill)

    def stroke(self, points: Points, thick: float, fill: str | int) -> None:
        """A line of even thickness with round ends and joints."""
        line = np.asarray(points, dtype=np.float64)
        for start, end in pairwise(line):
            x, y = (end - start) * (thick / 2 / max(float(np.hypot(*(end - start))), 1e-6))
            across = np.array([-y, x])
            self.area(np.array([start + across, end + across, end - across, start - across]), fill)
        for point in line:
            self.area(CIRCLE * (thick / 2) + point, fill)


@dataclass(frozen=True)
class Cut:
    """How one dress is made; lengths in dress units, arms and sleeves left then right."""

    stand: str
    outline: NDArray[np.float64]
    arms: tuple[NDArray[np.float64], ...]
    sleeves: tuple[NDArray[np.float64], ...]
    shoulder: float
    top: float
    waist: float
    hem: float
    length: float


def smooth(points: Points, rounds: int = 3) -> NDArray[np.float64]:
    """The closed outline with its corners cut (Chaikin 1974); a corner given twice stays crisp."""
    curve = np.asarray(points, dtype=np.float64)
    for _ in range(rounds):
        after = np.roll(curve, -1, axis=0)
        curve = np.stack([0.75 * curve + 0.25 * after, 0.25 * curve + 0.75 * after], axis=1).reshape(-1, 2)
    return curve


def mirrored(right: Points) -> NDArray[np.float64]:
    """The smooth outline whose right half, top to bottom, is given."""
    half = np.asarray(right, dtype=np.float64)
    return smooth(np.vstack([half, half[::-1] * (-1, 1)]))


def cut(rng: Random) -> Cut:
    """A dress of random shape on a random stand."""
    stand = pick(STANDS, rng)
    shoulder, bust, waist, hip = rng.uniform((0.38, 0.39, 0.27, 0.43), (0.45, 0.45, 0.34, 0.54)).tolist()
    length = rng.uniform(1.75, 3.0)
    hem = hip - 0.06 + (length - 1.5) * pick((0.02, 0.12, 0.4, 0.6), rng) * rng.uniform(0.8, 1.2)
    neck, top = rng.uniform(0.16, 0.26), rng.uniform(0.14, 0.42)
    edge = min(neck + pick((0.07, 0.12, 0.2), rng), shoulder)
    bend = pick((0.35, 0.65, 0.95), rng)
    bodice = [(0, top), (neck * bend, top * 0.97), (neck, 0), (neck, 0), (edge, 0.02), (edge, 0.02)]
    side = [(min(edge, bust - 0.06), 0.3), (bust, 0.42), (bust - 0.02, 0.62), (waist, 0.97), (waist, 1.03)]
    skirt = [
        (hip - 0.05, 1.35),
        (hip + (hem - hip) * 0.2, 1.6),
        (hem, length),
        (hem, length),
        (0, length + 0.1),
    ]
    arms = tuple(_arm(stand, shoulder, waist, rng) * (sign, 1) for sign in (-1, 1))
    reach = pick((0.0, 0.0, 0.4, 0.8, 1.25), rng)
    sleeves = tuple(_sleeve(arm, reach) for arm in arms) if reach else ()
    return Cut(stand, mirrored(bodice + side + skirt), arms, sleeves, shoulder, top, waist, hem, length)


def _arm(stand: str, shoulder: float, waist: float, rng: Random) -> NDArray[np.float64]:
    out = rng.uniform(0.1, 0.22)
    hand = (shoulder + out * rng.uniform(0.4, 1.6), 1.5)
    if stand == "person" and rng.random() < 0.35:
        out, hand = 0.42, (waist + 0.02, 1.08)
    return np.array([(shoulder - 0.07, 0.09), (shoulder + out, 0.8), hand])


def _sleeve(arm: NDArray[np.float64], reach: float) -> NDArray[np.float64]:
    """Sixteen points around the first `reach` of the arm, the cuff in the middle of them."""
    along = np.linspace(0, reach, 8)
    middle = np.column_stack([np.interp(along, [0, 0.7, 1.4], arm[:, axis]) for axis in (0, 1)])
    thick = np.linspace(0.115, 0.1 if reach > 0.5 else 0.15, 8)[:, None] * (1, 0.25)
    return np.vstack([middle + thick * (1, -1), (middle + thick * (-1, 1))[::-1]])


def draw_stand(pen: Pen, cut: Cut, rng: Random) -> None:
    """The hanger, mannequin or person that the dress is put on."""
    if cut.stand == "hanger":
        turn = np.linspace(1.0, 2.5, 12) * np.pi
        hook = np.column_stack([0.09 * np.cos(turn), -0.32 + 0.09 * np.sin(turn)])
        pen.stroke([(-3, -0.42), (3, -0.42)], 0.05, "#6d6a68")
        pen.stroke(np.vstack([hook, [(0, -0.1)]]), 0.03, "#9a9894")
        pen.stroke([(-cut.shoulder, 0.07), (0, -0.1), (cut.shoulder, 0.07)], 0.07, pick(HANGERS, rng))
        return
    shoulder = cut.shoulder - 0.03
    trunk = mirrored([(0.09, -0.25), (0.1, -0.05), (shoulder, 0.04), (shoulder - 0.05, 0.5), (0.22, 1.0)])
    if cut.stand == "mannequin":
        pen.area(trunk, pick(LINENS, rng))
        for radius, y, tall in ((0.105, -0.22, 0.45), (0.05, -0.29, 1.0)):
            pen.disc(0, y, radius, "#8a5a35", tall)
        foot = cut.length + 0.6
        pen.stroke([(0, 1), (0, foot)], 0.07, "#6b4a32")
        pen.stroke([(-0.4, foot + 0.25), (0, foot), (0.4, foot + 0.25)], 0.06, "#6b4a32")
        return
    skin, hair, long_hair = pick(SKINS, rng), pick(HAIRS, rng), rng.random() < 0.45
    if long_hair:
        pen.area(mirrored([(0.1, -0.7), (0.3, -0.6), (0.36, 0.25), (0.15, 0.4)]), hair)
    pen.area(trunk, skin)
    foot, shoe = max(3.3, cut.length + 0.45), pick(BRIGHTS, rng)
    for side in (-1, 1):
        pen.stroke([(side * 0.17, 1.4), (side * 0.17, 2.4), (side * 0.15, foot)], 0.2, skin)
        toe = np.array([(0.05, foot - 0.03), (0.25, foot - 0.03), (0.33, foot + 0.14), (0.08, foot + 0.14)])
        pen.area(smooth(toe * (side, 1)), shoe)
    for arm in cut.arms:
        pen.stroke(arm, 0.15, skin)
        pen.disc(float(arm[-1, 0]), float(arm[-1, 1]), 0.09, skin)
    _head(pen, skin, hair, rng)


def _head(pen: Pen, skin: str, hair: str, rng: Random) -> None:
    if rng.random() < 0.4:
        pen.disc(0, -0.87, 0.13, hair)
    pen.disc(0, -0.5, 0.275, hair, 1.08)
    pen.disc(0, -0.44, 0.22, skin, 1.18)
    parting = (rng.uniform(-0.15, 0.15), -0.64)
    pen.area(smooth([(-0.24, -0.5), (-0.2, -0.76), (0.2, -0.76), (0.24, -0.5), parting]), hair)
    for side in (-1, 1):
        pen.disc(side * 0.085, -0.44, 0.02, "#2a2020", 1.4)
        pen.disc(side * 0.13, -0.36, 0.035, "#e08d80")
    smile = np.linspace(0.2, 0.8, 7) * np.pi
    pen.stroke(np.column_stack([0.075 * np.cos(smile), -0.38 + 0.075 * np.sin(smile)]), 0.018, "#a63d40")


def draw_dress(cloth: Pen, bands: Pen, cut: Cut, rng: Random) -> None:
    """The whole dress onto `cloth`; stripes, belt, yoke, cuffs and edges of lace onto `bands`."""
    for sleeve in cut.sleeves:
        cloth.area(sleeve, 255)
        bands.area(sleeve[6:10], 255)
    cloth.area(cut.outline, 255)
    x = np.linspace(-1.8, 1.8, 181)
    bend = rng.normal(0, 0.06) * x + rng.uniform(0, 0.2) * x**2 + pick((0.0, 0.0, 0.4, -0.35), rng) * np.abs(x)
    bend += rng.uniform(0, 0.03) * np.sin(x * rng.uniform(4, 12) + rng.uniform(0, 6))
    lobes = rng.uniform(0.015, 0.05) * np.abs(np.sin(x * rng.uniform(14, 26)))
    count, start = int(rng.integers(3, 9)), pick((cut.top + 0.1, 0.95, 1.15), rng)
    period, share = (cut.length - start) / count, rng.uniform(0.35, 0.6)
    for level in start + period * (np.arange(1, count + 1) - share):
        upper, lower = level + bend, level + period * share + bend + lobes
        bands.area(np.column_stack([np.append(x, x[::-1]), np.append(upper, lower[::-1])]), 255)
    for chance, upper, lower in ((0.35, -0.2, cut.top + 0.12), (0.5, 0.94, 1.06)):
        if rng.random() < chance:
            bands.area([(-1, upper), (1, upper), (1, lower), (-1, lower)], 255)
    if rng.random() < 0.35:
        wide = cut.shoulder
        front = [
            (wide, 0.02),
            (wide, 0.02),
            (wide + 0.03, 0.3),
            (0.43, 0.8),
            (0.43, 0.8),
            (0.26, 0.86),
            (0.12, 0.6),
        ]
        for side in (-1, 1):
            jacket = smooth(np.array([(0.18, -0.01), (0.18, -0.01), *front]) * (side, 1))
            cloth.area(jacket, 255)
            bands.area(jacket, 0)
            bands.stroke(np.vstack([jacket[40:], jacket[:4]])[::3], 0.07, 255)


def draw_folds(pen: Pen, cut: Cut, rng: Random) -> None:
    """Pleats falling from the waist and creases above it; 128 is flat, darker lies deeper."""
    for _ in range(int(rng.integers(8, 15))):
        at, thick, begin = rng.uniform(-0.95, 0.95), rng.uniform(0.03, 0.13), rng.uniform(1.0, 1.6)
        foot, end = at * cut.hem, cut.length + 0.1
        pen.area(
            [(at * cut.waist, begin), (foot - thick, end), (foot + thick, end)],
            pick((45, 65, 85, 160, 185), rng),
        )
    for _ in range(int(rng.integers(3, 7))):
        x, y, run = rng.uniform(-0.3, 0.3), rng.uniform(0.4, 1.0), rng.uniform(-0.25, 0.25)
        pen.stroke([(x, y), (x + run, y + 0.12)], 0.035, pick((65, 85, 170), rng))
    for sleeve in cut.sleeves:
        pen.stroke(sleeve[8::3], 0.06, 75)


def lace(size: tuple[int, int], rng: Random) -> NDArray[np.float32]:
    """How much of a tiled net of flowers covers the cloth beneath: (height, width), 0 to 1."""
    side = 3 * int(rng.integers(10, 19))
    tile = Image.new("L", (side, side), int(rng.integers(140, 200)))
    brush = ImageDraw.Draw(tile)
    petals = np.arange(6) * np.pi / 3
    for x, y in ((0, 0), (side, 0), (0, side), (side, side), (side / 2, side / 2)):
        for angle in petals.tolist():
            px, py, r = x + side * 0.2 * np.cos(angle), y + side * 0.2 * np.sin(angle), side * 0.12
            brush.ellipse((px - r, py - r, px + r, py + r), fill=255)
        brush.ellipse((x - r / 2, y - r / 2, x + r / 2, y + r / 2), fill=120)
    small = np.asarray(tile.reduce(3), dtype=np.float32) / np.float32(255)
    rows, columns = size[1] // small.shape[0] + 1, size[0] // small.shape[1] + 1
    return np.tile(small, (rows, columns))[: size[1], : size[0]]

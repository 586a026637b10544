"""What one photo's pixels say of it: its size, how sharp and how colourful it is, and how it looks when tiny."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.data.lookalikes import fingerprint
from core.data.photo import Pixels

LOOK = 16  # side of the tiny picture by which copies are confirmed

_EVEN, _HARD = 4, 24  # of 255, from pixel to pixel: less is hidden by compression, more is an edge
_SIDE = 320  # longest side at which pixels are measured: more than the networks see, and quick


@dataclass(frozen=True)
class Measures:
    """What one photo's pixels say.

    Sharpness: root mean square of the Laplacian of grey, in the eighth of the picture where it is greatest, so a soft
    background does no harm (after Pech-Pacheco et al. 2000). Contrast: range that holds 98 % of the values, 0 to 255.
    Flatness: share of pixels nearly equal to their neighbours. Edges: share of the others that are hard. Colours: how
    many (of 32,768) make up half of what is not background. Look: 16 × 16 RGB.
    """

    width: int
    height: int
    sharpness: float
    contrast: float
    flatness: float
    edges: float
    colours: int
    mirrored_fingerprint: int
    look: bytes


def measure(pixels: Pixels) -> Measures:
    """All of it, in about two milliseconds."""
    image = Image.fromarray(pixels)
    tiny = image.resize((64, 64), Image.Resampling.BOX, reducing_gap=2.0)
    # As `fingerprint` shrinks it, so that only the mirroring is left to differ.
    mirrored = image.resize((32, 32), Image.Resampling.LANCZOS, reducing_gap=1.0).transpose(
        Image.Transpose.FLIP_LEFT_RIGHT
    )
    scale = min(1.0, _SIDE / max(image.size))
    size = max(3, round(image.width * scale)), max(3, round(image.height * scale))
    grey = np.asarray(image.convert("L").resize(size, Image.Resampling.BOX)).astype(np.int16)
    step = np.maximum(np.abs(np.diff(grey, axis=1)[:-1]), np.abs(np.diff(grey, axis=0)[:, :-1]))
    every = max(1, max(image.size) // (_SIDE // 2))
    flat, hard = int((step <= _EVEN).sum()), int((step > _HARD).sum())
    return Measures(
        width=image.width,
        height=image.height,
        sharpness=_sharpness(grey),
        contrast=_contrast(tiny),
        flatness=flat / step.size,
        edges=hard / max(1, step.size - flat),
        colours=_colours(pixels[::every, ::every]),
        mirrored_fingerprint=fingerprint(np.asarray(mirrored)),
        look=tiny.resize((LOOK, LOOK), Image.Resampling.BOX).tobytes(),
    )


def _contrast(image: Image.Image) -> float:
    counts = np.cumsum(np.array(image.histogram()).reshape(-1, 256), axis=1)
    ends = np.array([np.searchsorted(each, (0.01 * each[-1], 0.99 * each[-1])) for each in counts])
    return float((ends[:, 1] - ends[:, 0]).max())


def _sharpness(grey: NDArray[np.int16]) -> float:
    bend = 4 * grey[1:-1, 1:-1] - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]
    high, wide = (max(1, length // 8) for length in bend.shape)
    rows, columns = bend.shape[0] // high, bend.shape[1] // wide
    whole = bend[: rows * high, : columns * wide].reshape(rows, high, columns, wide).astype(np.float32)
    tiles = np.sort(np.square(whole).mean(axis=(1, 3)), axis=None)
    return float(np.sqrt(tiles[-max(1, tiles.size // 8)]))


def _colours(colour: Pixels) -> int:
    """How many colours, the commonest first, make up half of the pixels unlike the commonest of all."""
    coarse = np.ascontiguousarray(colour.reshape(-1, 3).T >> 3).astype(np.int32)
    code = coarse[0] << 10 | coarse[1] << 5 | coarse[2]
    commonest = int(np.bincount(code).argmax())
    background = np.array([[commonest >> 10], [commonest >> 5 & 31], [commonest & 31]])
    subject = code[(np.abs(coarse - background) > 3).any(axis=0)]
    counts = np.bincount(subject)
    largest_first = np.sort(counts[counts > 0])[::-1]
    return int(np.searchsorted(np.cumsum(largest_first), len(subject) / 2)) + 1 if len(subject) else 0

"""What the network is shown of a photo: one of several views, each a square of raw RGB."""

from collections.abc import Callable

import numpy as np
from PIL import Image

from core.data.photo import Pixels

PREPROCESSING = 3  # version of the way from Pixels to the network's input; embeddings of another do not mix


def crop(pixels: Pixels, side: int) -> Pixels:
    """The largest centred square, (side, side, 3), antialiased bilinear."""
    height, width = pixels.shape[:2]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    # Cut first: told to cut while resizing, Pillow blends in pixels from beyond the edge.
    return _resized(pixels[top : top + short, left : left + short], side)


def squash(pixels: Pixels, side: int) -> Pixels:
    """The whole photo, its proportions lost, (side, side, 3), antialiased bilinear."""
    return _resized(pixels, side)


def mirror(pixels: Pixels, side: int) -> Pixels:
    """The largest centred square with left and right exchanged."""
    return np.ascontiguousarray(crop(pixels, side)[:, ::-1])


VIEWS: dict[str, Callable[[Pixels, int], Pixels]] = {"crop": crop, "squash": squash, "mirror": mirror}


def _resized(pixels: Pixels, side: int) -> Pixels:
    # Each direction by itself: left to choose, Pillow begins with the height of tall photos, and rounds otherwise than
    # exported models do, which begin with the width.
    narrowed = Image.fromarray(pixels).resize((side, len(pixels)), Image.Resampling.BILINEAR)
    return np.asarray(narrowed.resize((side, side), Image.Resampling.BILINEAR))

"""What the network is shown of a photo (`decode_image`): one of several views, each a square of raw RGB."""

from collections.abc import Callable

import numpy as np
from PIL import Image

from core.data.photo import Pixels

PREPROCESSING = 3  # version of the way from a photo to the network's input; embeddings of another do not mix


def crop(photo: Image.Image, side: int) -> Pixels:
    """The largest centred square, (side, side, 3), antialiased bilinear."""
    short = min(photo.size)
    left, top = (photo.width - short) // 2, (photo.height - short) // 2
    # Cut first: told to cut while resizing, Pillow blends in pixels from beyond the edge.
    return _resized(photo.crop((left, top, left + short, top + short)), side)


def squash(photo: Image.Image, side: int) -> Pixels:
    """The whole photo, its proportions lost, (side, side, 3), antialiased bilinear."""
    return _resized(photo, side)


def mirror(photo: Image.Image, side: int) -> Pixels:
    """The largest centred square with left and right exchanged."""
    return np.ascontiguousarray(crop(photo, side)[:, ::-1])


VIEWS: dict[str, Callable[[Image.Image, int], Pixels]] = {"crop": crop, "squash": squash, "mirror": mirror}


def _resized(photo: Image.Image, side: int) -> Pixels:
    # Each direction by itself: left to choose, Pillow begins with the height of tall photos, and rounds otherwise than
    # exported models do, which begin with the width.
    narrowed = photo.resize((side, photo.height), Image.Resampling.BILINEAR)
    return np.asarray(narrowed.resize((side, side), Image.Resampling.BILINEAR))

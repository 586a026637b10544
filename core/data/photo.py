"""From a stranger's bytes to upright RGB pixels, and back to the JPEG that is stored.

Everything enters here, whether downloaded, uploaded, from a camera or through the API, so that training and
prediction see the same pixels. Whatever the bytes, `decode` gives pixels or raises `BadPhoto`.
"""

import io
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from core.errors import BadPhoto

Pixels = NDArray[np.uint8]

MAX_BYTES = 25_000_000  # larger files are rarely photos and fill memory
MAX_PIXELS = 80_000_000  # above any phone's usual setting; a few bytes can claim far more
MIN_SIDE = 32  # below this there is little left to recognise
STORED_SIDE = 640  # well above the input of every backbone
MAX_SCANS = 100  # a progressive JPEG has about ten; each costs a pass over the whole picture
MAX_PROFILE_BYTES = 4_000_000  # the largest printing profiles are about half of this

# Pillow's remarks about odd files are for programmers; a person reads the reason in BadPhoto.
warnings.filterwarnings("ignore", module=r"PIL\.")
logging.getLogger("PIL").addHandler(logging.NullHandler())

Opener = Callable[[IO[bytes]], ImageFile]

# Named one by one, and not left to Image.open, so that no other decoder (PostScript, …) is ever reached.
OPENERS: dict[tuple[bytes, ...], Opener] = {
    (b"\xff\xd8\xff",): JpegImageFile,
    (b"\x89PNG\r\n\x1a\n",): PngImageFile,
    (b"GIF87a", b"GIF89a"): GifImageFile,
    (b"BM",): BmpImageFile,
    (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"): TiffImageFile,
}
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")

OTHER_FILES: dict[tuple[bytes, ...], str] = {
    (b"PK\x03\x04", b"PK\x05\x06"): "a zip archive",
    (b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b"): "an archive",
    (b"%PDF",): "a PDF document",
    (b"8BPS",): "a Photoshop file",
    (b"\0\0\0\x0cjP  ",): "a JPEG 2000 picture",
    (b"\0\0\0\x0cJXL ", b"\xff\x0a"): "a JPEG XL picture",
    (b"\0\0\x01\0",): "an icon",
    (b"\x1aE\xdf\xa3",): "a video",
    (b"ID3", b"OggS"): "a sound file",
}

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_LARGEST = f"{MAX_PIXELS // 1_000_000} megapixels"
_USE_SMALLER = f"Use one of at most {_LARGEST}."
_ORIENTATION_TAG = 274
_JPEG_MARKER = re.compile(rb"\xff+[^\x00\x01\xd0-\xd8\xff]")
_CONTROL_BYTE = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_PROFILE_MODES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}
_SRGB = ImageCms.createProfile("sRGB")
_PROBE = Image.fromarray(51 * np.indices((6, 6, 6), dtype=np.uint8).reshape(3, 1, -1).transpose(1, 2, 0))


@dataclass(frozen=True)
class Refused:
    """One item that cannot be used: its name as the person knows it, and why, in words."""

    name: str
    reason: str


def decode(data: bytes) -> Pixels:
    """The picture's pixels: uint8 (height, width, 3), upright, sRGB, transparency on white, read-only.

    Of an animation the first frame. The longest side is at most STORED_SIDE and nothing is enlarged, so every
    side lies between MIN_SIDE and STORED_SIDE. Raises BadPhoto, and nothing else, for whatever is no JPEG,
    PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC picture of a usable size.
    """
    return np.asarray(decode_image(data))


def decode_image(data: bytes) -> Image.Image:
    """As `decode`, in Pillow's own memory: for whoever resizes it at once, every pixel is copied twice less."""
    with _bad_photo_only():
        image = open_picture(data)
        size = _stored_size(image)
        if isinstance(image, JpegImageFile):
            image.draft(None, size)
        image.load()
        orientation = _orientation(image)
        profile = image.info.get("icc_profile")
        small = _on_white(_resized(image, size))
        if orientation in _TURNS:
            small = small.transpose(_TURNS[orientation])
        return _srgb(small, profile)


def encode(pixels: Pixels) -> bytes:
    """The JPEG that is stored: quality 95, no metadata, the same bytes for the same pixels."""
    return _jpeg(Image.fromarray(pixels), quality=95)


def thumbnail(data: bytes, side: int) -> bytes:
    """The centre of a stored photo (as `encode` gave it): a square JPEG of `side` pixels. Raises BadPhoto."""
    with _bad_photo_only():
        image = JpegImageFile(io.BytesIO(data))
        image.draft(None, (side, side))
        short = min(image.size)
        left, top = (image.width - short) / 2, (image.height - short) / 2
        box = (left, top, left + short, top + short)
        square = image.resize((side, side), Image.Resampling.BICUBIC, box, reducing_gap=2.0)
        return _jpeg(square, quality=80)


def _jpeg(image: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


@contextmanager
def _bad_photo_only() -> Iterator[None]:
    try:
        yield
    except BadPhoto:
        raise
    except Image.DecompressionBombError as error:
        raise BadPhoto(f"The picture is too large (far over {_LARGEST}).", hint=_USE_SMALLER) from error
    except Exception as error:  # decoders raise anything at all on hostile bytes
        raise BadPhoto(
            "The picture is damaged, cut short or of a rare kind.",
            hint="If it opens in a picture viewer, save it again as JPEG or PNG and add that.",
        ) from error


def open_picture(data: bytes) -> ImageFile:
    """The picture with its header read and its size checked, but no pixel decoded; may raise anything at all."""
    if not data:
        raise BadPhoto("The file is empty.", hint="Copy or download it again.")
    if len(data) > MAX_BYTES:
        hint = f"Use one of at most {MAX_BYTES // 1_000_000} MB."
        raise BadPhoto(f"The file is too large ({len(data) / 1e6:.1f} MB).", hint=hint)
    opener = _opener(data)
    if opener is None:
        hint = "Use a JPEG, PNG, WebP, HEIC, AVIF, GIF, BMP or TIFF picture."
        raise BadPhoto(f"This is not a picture; it looks like {_looks_like(data)}.", hint=hint)
    if opener is JpegImageFile and data.count(b"\xff\xda") > MAX_SCANS and _jpeg_scans(data) > MAX_SCANS:
        hint = "Save it again as an ordinary JPEG."
        raise BadPhoto(f"The picture is damaged: it is drawn in more than {MAX_SCANS} passes.", hint=hint)
    image = opener(io.BytesIO(data))
    _check_size(*image.size)
    return image


def _opener(data: bytes) -> Opener | None:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WebPImageFile
    if data[4:8] == b"ftyp":
        brands = data[8 : min(int.from_bytes(data[:4]), 256)]
        if b"avif" in brands or b"avis" in brands:
            return AvifImageFile
        return _open_heif if brands.startswith(HEIF_BRANDS) else None
    return next((opener for magics, opener in OPENERS.items() if data.startswith(magics)), None)


def _open_heif(file: IO[bytes]) -> ImageFile:
    from pillow_heif import HeifImageFile  # only those who bring a HEIC picture wait for the import

    opener: Opener = HeifImageFile
    return opener(file)


def _looks_like(data: bytes) -> str:
    if data[4:8] == b"ftyp" or (data[:4] == b"RIFF" and data[8:12] == b"AVI "):
        return "a video"
    known = next((words for magics, words in OTHER_FILES.items() if data.startswith(magics)), None)
    if known is not None:
        return known
    head = data[:4096]
    markup = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if markup.startswith(b"<"):
        if b"<svg" in markup:
            return "an SVG drawing"
        if b"<html" in markup or b"<!doctype html" in markup:
            return "a web page"
    return "some other kind of file" if _CONTROL_BYTE.search(head) else "text"


def _jpeg_scans(data: bytes) -> int:
    scans, at = 0, 2
    while found := _JPEG_MARKER.search(data, at):
        at = found.end()
        marker = data[at - 1]
        if marker == 0xD9:  # the end of the picture; phones append videos after it
            break
        scans += marker == 0xDA
        at += int.from_bytes(data[at : at + 2])
    return scans


def _check_size(width: int, height: int) -> None:
    size = f"{width}×{height} pixels"
    if width * height > MAX_PIXELS:
        raise BadPhoto(f"The picture is too large ({size}).", hint=_USE_SMALLER)
    if min(width, height) < MIN_SIDE:
        hint = f"Use one of at least {MIN_SIDE} pixels on each side."
        raise BadPhoto(f"The picture is too small ({size}).", hint=hint)
    if min(width, height) * STORED_SIDE < max(width, height) * MIN_SIDE:
        # Brought to STORED_SIDE, its short side would fall below MIN_SIDE.
        hint = "Crop it to the part that matters."
        raise BadPhoto(f"The picture is too long and narrow ({size}).", hint=hint)


def _stored_size(image: Image.Image) -> tuple[int, int]:
    scale = min(1.0, STORED_SIDE / max(image.size))
    return round(image.width * scale), round(image.height * scale)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # a broken tag block says nothing about the pixels
        return 1


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture at `size`, in a mode of 8 bits a channel: L, RGB, RGBA or CMYK."""
    if image.mode.startswith("I") or image.mode == "F":
        # Bilinear, since a filter that overshoots could leave the full scale.
        return _grey(image.resize(size, Image.Resampling.BILINEAR))
    mode = image.mode if image.mode in ("L", "RGB", "CMYK") else "L" if image.mode == "1" else "RGB"
    if image.has_transparency_data:
        mode = "RGBA"
    if image.mode != mode:  # converting to the same mode would copy every pixel
        image = image.convert(mode)
    return image if image.size == size else image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def _grey(image: Image.Image) -> Image.Image:
    """8-bit grey from 16 bits, 32 bits or floating point.

    Such files do not say what white is. Taken is the smallest usual full scale that holds every value (1 for
    fractions, 8, 12 or 16 bits: cameras and microscopes store 12 bits in 16); beyond those, the lowest value
    is black and the highest white.
    """
    values = np.nan_to_num(np.asarray(image, dtype=np.float64), posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    scales = (1.0, 255.0, 4095.0, 65535.0) if image.mode == "F" else (255.0, 4095.0, 65535.0)
    white = next((scale for scale in scales if low >= 0 and high <= scale), None)
    if white is None:
        values, white = values - low, (high - low) or 1.0
    return Image.fromarray(np.rint(values * (255.0 / white)).astype(np.uint8))


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def _srgb(image: Image.Image, profile: object) -> Image.Image:
    if isinstance(profile, bytes) and len(profile) <= MAX_PROFILE_BYTES:
        conversion = _conversion(profile)
        if conversion is not None:
            if image.mode == "L" and conversion.input_mode == "RGB":
                image = image.convert("RGB")
            if image.mode == conversion.input_mode:
                return conversion.apply(image)
    return image if image.mode == "RGB" else image.convert("RGB")  # which would copy every pixel


@lru_cache(maxsize=8)
def _conversion(profile: bytes) -> ImageCms.ImageCmsTransform | None:
    """The way from this colour profile to sRGB; None if it is sRGB already, broken or of an unknown kind."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _PROFILE_MODES[source.profile.xcolor_space]
        conversion = ImageCms.buildTransform(source, _SRGB, mode, "RGB")
    except (ImageCms.PyCMSError, OSError, KeyError):
        return None
    if mode == "CMYK":
        return conversion
    # sRGB comes under many names and in many versions, so what counts is whether it changes colours visibly.
    probe = _PROBE.convert(mode)
    before, after = (np.asarray(i, dtype=np.int16) for i in (probe.convert("RGB"), conversion.apply(probe)))
    return conversion if np.abs(after - before).max() > 3 else None

"""Files such as strangers send: broken, lying and enormous ones, and odd ones that are perfectly good."""

import io
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image

ORIENTATIONS = range(1, 9)


def scene(width: int, height: int, seed: int = 0) -> Image.Image:
    """A picture with no symmetry: two gradients, noise, and a bright square at the upper left."""
    noise = np.random.default_rng(seed).integers(0, 24, (height, width, 3))
    across, down = np.linspace(0, 160, width)[None, :], np.linspace(0, 160, height)[:, None]
    pixels = noise + np.stack([across + 0 * down, 0 * across + down, 160 - across / 2 - down / 2], axis=-1)
    pixels[: height // 4, : width // 4] += 70
    return Image.fromarray(pixels.astype(np.uint8))


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """The picture as a file of this kind ("JPEG", "PNG", "HEIF", …)."""
    if kind == "HEIF":
        pillow_heif.register_heif_opener()
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def oriented(image: Image.Image, orientation: int, kind: str, **options: object) -> bytes:
    """The picture as a camera held another way stores it: turned, with the tag that sets it upright."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    exif = Image.Exif()
    exif[274] = orientation
    stored = image.transpose(undo[orientation]) if orientation in undo else image
    return encoded(stored, kind, exif=exif.tobytes(), **options)


def png_chunk(name: bytes, body: bytes) -> bytes:
    """One chunk of a PNG file, with its length and checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def huge_png(side: int) -> bytes:
    """A valid black RGB PNG of side × side pixels, made without holding it: one packed band again and again.

    `side` must be a multiple of 100.
    """
    row = 1 + 3 * side  # a filter byte, then the pixels, all zero
    packer = zlib.compressobj(9, wbits=-15)
    band = packer.compress(bytes(100 * row)) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = (row * side % 65521) << 16 | 1  # Adler-32 of that many zeros
    packed = b"\x78\x9c" + band * (side // 100) + b"\x03\x00" + struct.pack(">I", checksum)
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", packed) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def with_png_chunk(png: bytes, name: bytes, body: bytes) -> bytes:
    """The PNG with one more chunk right after its header."""
    return png[:33] + png_chunk(name, body) + png[33:]


def zip_of(members: dict[str, bytes]) -> bytes:
    """A zip archive of these names and contents."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def zip_bomb(megabytes: int) -> bytes:
    """A small zip archive whose one member, bomb.jpg, unpacks to this many megabytes of zeros."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("bomb.jpg", "w") as member:
        for _ in range(megabytes):
            member.write(bytes(1_000_000))
    return file.getvalue()


def make_hostile(folder: Path) -> dict[str, str | None]:
    """Write the files into `folder`; each name with a word its refusal must hold, or None where it is good.

    The .zip ones are for `unpack`, the others for `decode`.
    """
    photo = scene(320, 240)
    jpeg = encoded(photo, "JPEG", quality=90)
    png = encoded(photo, "PNG")
    frames = [scene(96, 64, seed).quantize(64) for seed in range(4)] * 25
    palette = photo.quantize(64)
    sixteen_bit = Image.fromarray((np.asarray(photo.convert("L")).astype(np.uint16)) * 257)
    large = scene(500, 375).resize((4000, 3000), Image.Resampling.BICUBIC)
    svg = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="90" height="90"/>'
    files: dict[str, tuple[bytes, str | None]] = {
        "truncated.jpg": (jpeg[: len(jpeg) // 2], "cut short"),
        "text.jpg": (b"It was a bright cold day in April, and the clocks were striking.\n" * 9, "text"),
        "page.jpg": (b"<!DOCTYPE html>\n<html><head><title>404</title></head></html>", "web page"),
        "drawing.svg": (svg, "SVG"),
        "empty.jpg": (b"", "empty"),
        "tiny.png": (encoded(Image.new("RGB", (1, 1), "red"), "PNG"), "1×1"),
        "huge.png": (huge_png(30_000), "30000×30000"),
        "text_bomb.png": (
            with_png_chunk(png, b"zTXt", b"Comment\0\0" + zlib.compress(bytes(20_000_000), 9)),
            "damaged",
        ),
        "bomb.zip": (zip_bomb(60), "25 MB"),
        "climbing.zip": (zip_of({"../climbing.jpg": jpeg}), "leads out"),
        "animated.gif": (
            encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=20),
            None,
        ),
        "cmyk.jpg": (encoded(photo.convert("CMYK"), "JPEG"), None),
        "phone.heic": (encoded(photo, "HEIF"), None),
        "modern.avif": (encoded(photo, "AVIF", speed=10), None),
        "webp_named.jpg": (encoded(photo, "WEBP"), None),
        "large.jpg": (encoded(large, "JPEG", quality=85), None),
        "sixteen_bit.png": (encoded(sixteen_bit, "PNG"), None),
        "palette.png": (encoded(palette, "PNG", transparency=bytes([0, 128, 255])), None),
    }
    files |= {f"orientation_{tag}.jpg": (oriented(photo, tag, "JPEG"), None) for tag in ORIENTATIONS}
    for name, (data, _) in files.items():
        (folder / name).write_bytes(data)
    return {name: expected for name, (_, expected) in files.items()}

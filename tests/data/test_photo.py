import io
import struct
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from core.data import photo
from core.data.photo import Pixels, decode, encode, thumbnail
from core.errors import BadPhoto
from tests.hostile import (
    ORIENTATIONS,
    encoded,
    huge_png,
    make_hostile,
    oriented,
    png_chunk,
    scene,
    with_png_chunk,
)

SCENE = scene(96, 64)
KINDS: dict[str, dict[str, object]] = {
    "JPEG": {"quality": 90},
    "PNG": {},
    "WEBP": {},
    "GIF": {},
    "BMP": {},
    "TIFF": {},
    "AVIF": {"speed": 10},
    "HEIF": {},
}


def difference(one: Pixels, other: Pixels) -> float:
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


def refusal(data: bytes) -> str:
    with pytest.raises(BadPhoto) as caught:
        decode(data)
    assert caught.value.hint
    return str(caught.value)


def run_apart(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh Python, in `folder`, with the filters for warnings that people have."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(root)!r})\n{code}"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str | None]]:
    folder = tmp_path_factory.mktemp("hostile")
    return folder, make_hostile(folder)


def test_every_hostile_file_is_refused_in_words_and_every_odd_one_read(
    hostile: tuple[Path, dict[str, str | None]],
) -> None:
    folder, expected = hostile
    for name, word in expected.items():
        if name.endswith(".zip"):
            continue
        data = (folder / name).read_bytes()
        if word is None:
            pixels = decode(data)
            assert pixels.dtype == np.uint8, name
            assert pixels.std() > 10, name
            assert max(pixels.shape[:2]) <= photo.STORED_SIDE, name
        else:
            assert word in refusal(data), name


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_of_every_kind_looks_like_the_original(kind: str) -> None:
    pixels = decode(encoded(SCENE, kind, **KINDS[kind]))
    assert pixels.shape == (64, 96, 3)
    assert pixels.flags["C_CONTIGUOUS"]
    assert difference(pixels, np.asarray(SCENE)) < (12 if kind == "GIF" else 8)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [0.02, 0.5, 0.9])
def test_a_truncated_picture_is_refused(kind: str, part: float) -> None:
    data = encoded(scene(400, 300), kind, **KINDS[kind])
    assert "cut short" in refusal(data[: int(len(data) * part)])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_turned_photo_comes_out_upright(kind: str, orientation: int) -> None:
    options = {"lossless": True} if kind == "WEBP" else KINDS[kind]
    pixels = decode(oriented(SCENE, orientation, kind, **options))
    assert pixels.shape == (64, 96, 3)
    assert difference(pixels, np.asarray(SCENE)) < (8 if kind in {"JPEG", "AVIF", "HEIF"} else 0.001)


def test_a_large_turned_photo_is_scaled_along_its_upright_side() -> None:
    assert decode(oriented(scene(1500, 1000), 6, "JPEG")).shape == (427, 640, 3)
    assert decode(oriented(scene(1000, 1500), 6, "TIFF")).shape == (640, 427, 3)


def test_a_broken_orientation_tag_is_ignored(tmp_path: Path) -> None:
    data = encoded(SCENE, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\x01\x03\0" * 9)
    (tmp_path / "photo.jpg").write_bytes(data)
    code = "from core.data.photo import decode\nprint(decode(open('photo.jpg', 'rb').read()).shape)"
    done = run_apart(code, tmp_path)
    assert (done.stdout, done.stderr) == ("(64, 96, 3)\n", "")
    text = b"Raw profile type exif\0\nexif\n4\nno hexadecimal"
    assert np.array_equal(decode(with_png_chunk(encoded(SCENE, "PNG"), b"tEXt", text)), np.asarray(SCENE))


def test_where_and_how_it_was_taken_is_gone_from_what_is_stored() -> None:
    exif = Image.Exif()
    exif[271] = "SECRETCAMERA"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 29.0), 3: "E", 4: (2.0, 17.0, 40.0)})
    data = encoded(SCENE, "JPEG", exif=exif, comment=b"SECRETNOTE", icc_profile=gamma_profile(ADOBE))
    assert dict(Image.open(io.BytesIO(data)).getexif().get_ifd(0x8825))
    stored = encode(decode(data))
    image = Image.open(io.BytesIO(stored))
    assert not dict(image.getexif())
    assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert b"SECRET" not in stored


def test_encode_is_deterministic_and_faithful() -> None:
    pixels = np.asarray(scene(300, 200))
    assert encode(pixels) == encode(pixels.copy())
    assert difference(decode(encode(pixels)), pixels) < 6


def test_a_large_photo_is_brought_to_640_pixels_and_a_small_one_never_enlarged() -> None:
    large = scene(2000, 1200)
    for kind in ("JPEG", "PNG"):
        pixels = decode(encoded(large, kind))
        assert pixels.shape == (384, 640, 3)
        wanted = np.asarray(large.resize((640, 384), Image.Resampling.LANCZOS))
        assert difference(pixels, wanted) < 4
    assert decode(encoded(scene(40, 33), "PNG")).shape == (33, 40, 3)


def test_thumbnail_is_the_centre_as_a_square() -> None:
    strip = np.zeros((100, 300, 3), np.uint8)
    strip[:, :100], strip[:, 100:200], strip[:, 200:] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    image = Image.open(io.BytesIO(thumbnail(encode(strip), 50)))
    assert (image.format, image.size) == ("JPEG", (50, 50))
    assert (np.abs(np.asarray(image).astype(int) - (0, 255, 0)) < 40)[:, 4:-4].all()
    with pytest.raises(BadPhoto, match="damaged"):
        thumbnail(b"no picture", 50)


# Colours


def test_transparency_lies_on_white() -> None:
    red = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    red.paste((255, 0, 0, 255), (0, 0, 32, 64))
    red.paste((255, 0, 0, 128), (0, 32, 64, 64))
    palette = Image.new("P", (64, 64), 0)
    palette.putpalette([0, 0, 255, 255, 0, 0])
    palette.paste(1, (0, 0, 32, 64))
    key = Image.new("RGB", (64, 64), (1, 2, 3))
    key.paste((255, 0, 0), (0, 0, 32, 64))
    for data in (
        encoded(red, "PNG"),
        encoded(red, "WEBP", lossless=True),
        encoded(palette, "PNG", transparency=0),
        encoded(palette, "GIF", transparency=0),
        encoded(key, "PNG", transparency=(1, 2, 3)),
    ):
        pixels = decode(data)
        assert tuple(pixels[5, 5]) == (255, 0, 0)
        assert tuple(pixels[5, 60]) == (255, 255, 255)
    assert tuple(decode(encoded(red, "PNG"))[60, 60]) == (255, 127, 127)
    grey = Image.merge("LA", (Image.new("L", (64, 64), 10), Image.linear_gradient("L").resize((64, 64))))
    assert decode(encoded(grey, "PNG"))[0, 0].min() > 240
    assert decode(encoded(grey, "PNG"))[-1, 0].max() < 20


def test_cmyk_is_read_inverted_as_in_jpeg_and_plain_as_in_tiff() -> None:
    inks = Image.new("CMYK", (64, 64), (0, 255, 255, 0))
    data = encoded(inks, "JPEG", quality=95)
    assert b"Adobe" in data
    assert difference(decode(data), np.full((64, 64, 3), (255, 0, 0), np.uint8)) < 3
    assert difference(decode(encoded(inks, "TIFF")), np.full((64, 64, 3), (255, 0, 0), np.uint8)) < 3


def test_lab_is_converted() -> None:
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    pixels = decode(encoded(to_lab.apply(Image.new("RGB", (64, 64), (200, 60, 30))), "TIFF"))
    assert difference(pixels, np.full((64, 64, 3), (200, 60, 30), np.uint8)) < 4


RAMP = np.linspace(0, 1, 100)[None, :].repeat(50, axis=0)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ((RAMP * 65535).astype(np.uint16), "PNG"),
        ((RAMP * 65535).astype(np.uint16), "TIFF"),
        ((RAMP * 4095).astype(np.uint16), "TIFF"),
        ((RAMP * 65535).astype(np.int32), "TIFF"),
        ((RAMP * 2e9).astype(np.int32), "TIFF"),
        (RAMP.astype(np.float32), "TIFF"),
        ((RAMP * 255).astype(np.float32), "TIFF"),
        ((RAMP * 5000 - 300).astype(np.float32), "TIFF"),
    ],
    ids=["png16", "tiff16", "tiff12in16", "int16in32", "int32", "fraction", "float255", "heights"],
)
def test_deep_grey_keeps_its_shades(values: np.ndarray, kind: str) -> None:
    # Image.fromarray widens unsigned 16 bits to 32, so those are written as raw 16-bit rows.
    image = Image.fromarray(values)
    if values.dtype == np.uint16:
        image = Image.frombytes("I;16", (values.shape[1], values.shape[0]), values.astype("<u2").tobytes())
    pixels = decode(encoded(image, kind))
    assert difference(pixels, np.rint(RAMP[:, :, None] * 255).repeat(3, axis=2).astype(np.uint8)) < 1


@pytest.mark.parametrize("value", [0.0, -7.0, float("nan"), 3e38])
def test_a_flat_float_picture_is_no_error(value: float) -> None:
    assert decode(encoded(Image.new("F", (40, 40), value), "TIFF")).std() == 0


def test_values_that_are_no_numbers_are_black_and_spoil_no_others() -> None:
    values = RAMP.astype(np.float32)
    values[0, 50:53] = [float("inf"), float("-inf"), float("nan")]
    pixels = decode(encoded(Image.fromarray(values), "TIFF"))
    assert not pixels[0, 50:53].any()
    assert np.array_equal(pixels[1:, :, 0], np.rint(RAMP[1:] * 255))


def test_large_deep_grey_is_scaled_down() -> None:
    values = np.tile(np.linspace(0, 65535, 1000).astype("<u2"), (700, 1))
    pixels = decode(encoded(Image.frombytes("I;16", (1000, 700), values.tobytes()), "PNG"))
    assert pixels.shape == (448, 640, 3)
    assert pixels[0, 0, 0] < 3
    assert pixels[-1, -1, 0] > 252
    assert 120 < pixels[:, 320].mean() < 136


def test_black_and_white_and_palettes_are_read() -> None:
    dots = SCENE.convert("1")
    assert np.array_equal(decode(encoded(dots, "PNG")), np.asarray(dots.convert("RGB")))
    few = SCENE.quantize(16)
    assert np.array_equal(decode(encoded(few, "PNG")), np.asarray(few.convert("RGB")))


ADOBE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))


def gamma_profile(primaries: tuple[tuple[float, float, float], ...], gamma: float = 2.2) -> bytes:
    """An ICC version 2 profile: primaries as XYZ under D50 and one gamma for all (ICC.1:2001-04)."""

    def xyz(values: tuple[float, float, float]) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in values))

    curve = b"curv\0\0\0\0" + struct.pack(">IHH", 1, round(gamma * 256), 0)
    title = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(79)
    tags = {b"desc": title, b"cprt": b"text\0\0\0\0none\0\0\0\0", b"wtpt": xyz((0.9642, 1.0, 0.82491))}
    tags |= {name: xyz(value) for name, value in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, body, start = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = struct.pack(">I4sI12s", start + len(body), b"none", 0x02400000, b"mntrRGB XYZ ")
    header = header.ljust(36, b"\0") + b"acsp" + bytes(28) + xyz((0.9642, 1.0, 0.82491))[8:]
    return header.ljust(128, b"\0") + table + body


def adobe_as_srgb(pixels: Pixels) -> Pixels:
    linear = (pixels / 255.0) ** 2.2 @ np.array(ADOBE) @ np.linalg.inv(np.array(SRGB))
    linear = linear.clip(0, 1)
    return np.rint(255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "HEIF", "AVIF"])
def test_a_wide_gamut_profile_is_converted(kind: str) -> None:
    image = Image.new("RGB", (64, 64), (110, 180, 90))
    options = {"lossless": True} if kind == "WEBP" else KINDS[kind]
    pixels = decode(encoded(image, kind, icc_profile=gamma_profile(ADOBE), **options))
    wanted = adobe_as_srgb(np.asarray(image))
    assert difference(wanted, np.asarray(image)) > 10
    assert np.abs(pixels.astype(int) - wanted).max() <= (8 if kind in {"HEIF", "AVIF"} else 2)


def test_an_srgb_profile_a_broken_one_and_one_for_other_colours_change_nothing() -> None:
    plain = decode(encoded(SCENE, "PNG"))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for profile in (
        srgb,
        b"no profile at all",
        gamma_profile(ADOBE)[:200],
        lab,
        gamma_profile(ADOBE) + bytes(5_000_000),
    ):
        assert np.array_equal(decode(encoded(SCENE, "TIFF", icc_profile=profile)), plain)


def test_grey_with_a_colour_profile_is_converted() -> None:
    image = Image.new("L", (64, 64), 40)
    pixels = decode(encoded(image, "PNG", icc_profile=gamma_profile(SRGB, gamma=1.0)))
    assert (pixels > 100).all()


def test_many_threads_see_the_same_pixels() -> None:
    files = [encoded(scene(700, 500, seed), "JPEG", icc_profile=gamma_profile(ADOBE)) for seed in range(4)]
    wanted = [decode(data) for data in files]
    with ThreadPoolExecutor(8) as pool:
        for index, pixels in enumerate(pool.map(decode, files * 5)):
            assert np.array_equal(pixels, wanted[index % 4])


# Refused


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"PK\x03\x04rest", "zip archive"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "video"),
        (b"RIFF\0\0\0\0AVI LIST", "video"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n", "text"),
        (b"8BPS\0\x01", "Photoshop"),
        (b"\n\n <html><body>Not found</body></html>", "web page"),
        (b"<svg width='90' height='90'></svg>", "SVG"),
        ("Größe ".encode() * 1000, "text"),
        (bytes(range(256)), "some other kind"),
    ],
)
def test_what_is_no_picture_is_named(data: bytes, words: str) -> None:
    assert "not a picture" in refusal(data) or not data
    assert words in refusal(data)


def test_sizes_are_named() -> None:
    assert "too small (80×20 pixels)" in refusal(encoded(scene(80, 20), "PNG"))
    assert "too long and narrow (20000×40 pixels)" in refusal(encoded(Image.new("L", (20_000, 40)), "PNG"))
    assert "too large (25.0 MB)" in refusal(b"\xff\xd8\xff" + bytes(25_000_000))
    assert decode(encoded(scene(1280, 64), "PNG")).shape == (32, 640, 3)
    assert "too long" in refusal(encoded(scene(1280, 63), "PNG"))


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_more_than_80_megapixels_are_refused_from_the_header(kind: str) -> None:
    small = encoded(scene(64, 48), kind, **({"lossless": True} if kind == "WEBP" else {}))
    if kind == "PNG":
        data = huge_png(9_000)
    elif kind == "GIF":
        data = small[:6] + struct.pack("<HH", 9000, 9000) + small[10:]
    elif kind == "BMP":
        data = small[:18] + struct.pack("<ii", 9000, 9000) + small[26:]
    elif kind == "WEBP":
        data = animated_webp(9_000, small)
    else:
        data = struct.pack("<2sHIH", b"II", 42, 8, 4)
        for tag, value in ((256, 9000), (257, 9000), (258, 8), (273, 8)):
            data += struct.pack("<HHII", tag, 4, 1, value)
        data += bytes(8)
    assert "too large (9000×9000 pixels)" in refusal(data)


def animated_webp(canvas: int, frame: bytes) -> bytes:
    """An animated WebP of canvas × canvas pixels whose one frame is the 64 × 48 picture in `frame`."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)

    def three(value: int) -> bytes:
        return value.to_bytes(3, "little")

    head = chunk(b"VP8X", struct.pack("<I", 2) + three(canvas - 1) * 2) + chunk(b"ANIM", bytes(6))
    body = head + chunk(b"ANMF", bytes(6) + three(63) + three(47) + three(20) + b"\0" + frame[12:])
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def test_an_animated_canvas_within_bounds_is_read() -> None:
    data = animated_webp(200, encoded(scene(64, 48), "WEBP", lossless=True))
    assert np.array_equal(decode(data)[:48, :64], np.asarray(scene(64, 48)))


def test_an_animation_costs_no_more_than_its_first_frame() -> None:
    # Counting a million frames would take minutes.
    gif = encoded(scene(64, 48), "GIF")
    frame = b"\x21\xf9\x04\0\0\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0"
    assert decode(gif[:-1] + frame * 1_000_000 + b";").shape == (48, 64, 3)
    apng = with_png_chunk(encoded(SCENE, "PNG"), b"acTL", struct.pack(">II", 2**31 - 1, 0))
    assert decode(apng).shape == (64, 96, 3)
    webp = encoded(SCENE, "WEBP", save_all=True, append_images=[scene(96, 64, s) for s in range(1, 5)], lossless=True)
    assert np.array_equal(decode(webp), np.asarray(SCENE))


def test_a_jpeg_drawn_in_endless_passes_is_refused() -> None:
    data = encoded(scene(200, 200), "JPEG", progressive=True)
    assert decode(data).shape == (200, 200, 3)
    first = data.index(b"\xff\xda")
    second = data.index(b"\xff\xc4", first)
    passes = data[:second] + data[first:second] * 200 + data[second:]
    assert "passes" in refusal(passes)


def test_a_video_after_the_photo_does_not_count_as_passes() -> None:
    assert decode(encoded(SCENE, "JPEG") + b"\0\x02" + b"\xff\xda\0\x02" * 500).shape == (64, 96, 3)


@pytest.mark.parametrize("name", [b"zTXt", b"iTXt", b"iCCP"])
def test_packed_text_that_explodes_is_refused(name: bytes) -> None:
    packed = zlib.compress(bytes(20_000_000), 9)
    start = {b"zTXt": b"Comment\0\0", b"iTXt": b"Comment\0\x01\0\0\0", b"iCCP": b"profile\0\0"}[name]
    assert "damaged" in refusal(with_png_chunk(encoded(SCENE, "PNG"), name, start + packed))


def test_many_texts_that_explode_together_are_refused() -> None:
    data = encoded(SCENE, "PNG")
    chunk = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(1_000_000), 9))
    assert "damaged" in refusal(data[:33] + chunk * 100 + data[33:])


def tiff_with_absurd_tags() -> bytes:
    entries = [
        (256, 4, 1, 64),
        (257, 4, 1, 64),
        (258, 3, 1, 8),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        (277, 4, 1, 2**31),
    ]
    entries += [(700, 7, 2**32 - 1, 8), (34675, 7, 2**31, 8)]
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + body + bytes(4)


def test_a_tiff_with_absurd_tags_is_refused_and_nothing_is_printed(tmp_path: Path) -> None:
    (tmp_path / "absurd.tif").write_bytes(tiff_with_absurd_tags())
    (tmp_path / "huge.gif").write_bytes(
        b"GIF89a" + struct.pack("<HHBBB", 10_000, 10_000, 0, 0, 0) + b"\x2c" + bytes(20)
    )
    code = """
from pathlib import Path
from core.data.photo import decode
from core.errors import BadPhoto
for name in ("absurd.tif", "huge.gif"):
    try:
        decode(Path(name).read_bytes())
    except BadPhoto:
        print("refused")
"""
    done = run_apart(code, tmp_path)
    assert (done.stdout, done.stderr) == ("refused\n" * 2, "")


def test_a_picture_of_900_megapixels_takes_no_memory(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="memory limits are for Unix")
    assert resource.RLIMIT_AS
    (tmp_path / "huge.png").write_bytes(huge_png(30_000))
    code = """
import resource
from pathlib import Path
from core.data.photo import decode
from core.errors import BadPhoto
data = Path("huge.png").read_bytes()
pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 500_000
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 100_000_000, resource.RLIM_INFINITY))
try:
    decode(data)
except BadPhoto as error:
    print(error)
"""
    done = run_apart(code, tmp_path)
    assert "30000×30000" in done.stdout, done.stderr


# Whatever the bytes


def answers(data: bytes) -> None:
    """Pixels or BadPhoto, and nothing else."""
    try:
        pixels = decode(data)
    except BadPhoto:
        return
    assert pixels.ndim == 3
    assert pixels.dtype == np.uint8
    assert min(pixels.shape[:2]) >= photo.MIN_SIDE
    assert max(pixels.shape[:2]) <= photo.STORED_SIDE


MAGICS = [
    b"",
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"GIF89a",
    b"BM",
    b"II*\0",
    b"MM\0*",
    b"RIFF\0\0\0\0WEBPVP8 ",
]
MAGICS += [b"\0\0\0\x1cftypavif", b"\0\0\0\x1cftypheic"]


@given(st.sampled_from(MAGICS), st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
def test_random_bytes_give_a_reason(magic: bytes, rest: bytes) -> None:
    answers(magic + rest)


@pytest.fixture(scope="module")
def valid_files() -> list[bytes]:
    small = scene(48, 40)
    tagged = [kind for kind in KINDS if kind not in ("GIF", "BMP")]
    files = [oriented(small, 6, kind, icc_profile=gamma_profile(ADOBE), **KINDS[kind]) for kind in tagged]
    files += [encoded(small, "GIF"), encoded(small, "BMP"), encoded(small, "JPEG", progressive=True)]
    assert len(files) == 9
    return files


# Headers steer the decoders, so half of the changes fall there.
PLACES = st.integers(0, 300) | st.integers(0, 10_000)
VALUES = st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]) | st.integers(0, 255)
CHANGES = st.tuples(st.sampled_from(["set", "set", "set", "cut", "repeat", "drop"]), PLACES, VALUES)


@given(st.integers(0, 8), st.lists(CHANGES, min_size=1, max_size=8))
@settings(max_examples=400, deadline=None)
def test_a_valid_file_with_changed_bytes_gives_pixels_or_a_reason(
    valid_files: list[bytes], which: int, changes: list[tuple[str, int, int]]
) -> None:
    file = bytearray(valid_files[which])
    for change, place, value in changes:
        at = place % max(1, len(file))
        if change == "set":
            file[at : at + 1] = bytes([value])
        elif change == "cut":
            del file[at:]
        elif change == "repeat":
            file[at:at] = file[at : at + value]
        else:
            del file[at : at + value]
    answers(bytes(file))

"""Photos become rows: the same every time, none lost, none computed twice, in memory that does not grow."""

import hashlib
import io
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.data.dataset import Photo
from core.data.lookalikes import fingerprint
from core.data.measures import measure
from core.data.photo import decode
from core.errors import AppError, Cancelled, NotFound
from core.model.backbones import BACKBONES, DEFAULT
from core.model.embed import BATCH, LOOK_AHEAD, Embedded, Look, Row, embed_photos
from core.model.embedder import Embedder, Embedders
from core.model.measured import measured
from core.model.views import crop, mirror, squash

ROOT = Path(__file__).parents[2]


def jpeg(seed: int) -> bytes:
    """A photo of coarse random patches, (120, 160)."""
    patches = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(patches).resize((160, 120), Image.Resampling.BICUBIC).save(file, "JPEG")
    return file.getvalue()


def as_stored(files: Sequence[bytes]) -> tuple[list[Photo], dict[str, bytes]]:
    """Photos whose key is the SHA-256 of their bytes, and the bytes by key."""
    data = {hashlib.sha256(file).hexdigest(): file for file in files}
    return [Photo(key, f"photo {number}", "any") for number, key in enumerate(data)], data


class Memory:
    """A cache in a dict, counting."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Row] = {}
        self.puts: list[int] = []

    def get(self, recipe: str, sha256s: Sequence[str]) -> Mapping[str, Row]:
        return {sha256: self.rows[recipe, sha256] for sha256 in sha256s if (recipe, sha256) in self.rows}

    def put(self, recipe: str, rows: Mapping[str, Row]) -> None:
        self.puts.append(len(rows))
        self.rows |= {(recipe, sha256): row for sha256, row in rows.items()}


@pytest.fixture(scope="module")
def embedder(backbone_home: Path) -> Embedder:
    return Embedder(BACKBONES[DEFAULT], backbone_home, bulk=True)


@pytest.fixture(scope="module")
def look(embedder: Embedder) -> Look:
    return Look(embedder, "crop")


def matrix(embedded: Embedded) -> NDArray[np.float32]:
    """The rows under the only look."""
    (rows,) = embedded.rows.values()
    return rows


@pytest.fixture(scope="module")
def files() -> list[bytes]:
    return [jpeg(seed) for seed in range(BATCH + 8)]


def test_view_is_the_centred_square_of_a_photo_of_any_shape() -> None:
    for height, width in ((300, 500), (500, 300), (101, 640), (32, 33), (224, 224)):
        pixels = np.zeros((height, width, 3), np.uint8)
        short = min(height, width)
        top, left = (height - short) // 2, (width - short) // 2
        pixels[top : top + short, left : left + short] = (10, 200, 90)
        square = crop(Image.fromarray(pixels), 224)
        assert square.shape == (224, 224, 3)
        assert (square == (10, 200, 90)).all(), (height, width)


def test_view_is_antialiased() -> None:
    stripes = np.zeros((640, 640, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.abs(crop(Image.fromarray(stripes), 64).astype(int) - 127).max() < 40


def test_squash_keeps_the_whole_photo_and_mirror_turns_the_crop_round() -> None:
    pixels = np.zeros((100, 300, 3), np.uint8)
    pixels[:, :50] = 250  # beyond what a crop sees
    pixels[:, 100:140] = 90
    assert squash(Image.fromarray(pixels), 60)[:, :8].min() == 250
    assert crop(Image.fromarray(pixels), 60).max() == 90
    np.testing.assert_array_equal(mirror(Image.fromarray(pixels), 60), crop(Image.fromarray(pixels), 60)[:, ::-1])


def test_the_maps_of_a_view_average_to_its_row(embedder: Embedder) -> None:
    view = np.random.default_rng(2).integers(0, 256, (224, 224, 3), np.uint8)
    row = embedder.embed(view[np.newaxis])[0]
    maps = embedder.maps(view)
    assert [each.shape for each in maps] == [(14, 14, 672), (7, 7, 1152), (7, 7, 1152), (7, 7, 1280)]
    pooled = np.concatenate([each.mean(axis=(0, 1)) for each in maps])
    np.testing.assert_allclose(pooled, row, atol=1e-4)


def test_a_row_is_the_same_alone_in_a_batch_and_in_either_mode(embedder: Embedder, backbone_home: Path) -> None:
    views = np.random.default_rng(0).integers(0, 256, (BATCH, 224, 224, 3), np.uint8)
    rows = embedder.embed(views)
    assert rows.shape == (BATCH, 4256)
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(embedder.embed(views[5:6]), rows[5:6])
    np.testing.assert_array_equal(embedder.embed(views[::-1])[::-1], rows)
    # A bulk embedder computes in bfloat16 where the processor has it.
    single = Embedder(BACKBONES[DEFAULT], backbone_home).embed(views[:4])
    cosine = (single * rows[:4]).sum(1) / np.linalg.norm(single, axis=1) / np.linalg.norm(rows[:4], axis=1)
    assert cosine.min() > 0.95
    assert embedder.embed(views[:0]).shape == (0, 4256)


def test_threads_that_embed_at_once_each_get_their_own_rows(backbone_home: Path) -> None:
    embedder = Embedder(BACKBONES[DEFAULT], backbone_home)
    views = np.random.default_rng(4).integers(0, 256, (12, 224, 224, 3), np.uint8)
    rows = embedder.embed(views)
    parts = [slice(at % 11, at % 11 + 1 + at % 3) for at in range(48)]
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda part: embedder.embed(views[part]), parts))
    for part, each in zip(parts, found, strict=True):
        # Alone on all cores, sums are added up in another order.
        np.testing.assert_allclose(each, rows[part], atol=1e-4)


def test_a_batch_that_fails_takes_nothing_from_those_after_it(backbone_home: Path) -> None:
    embedder = Embedder(BACKBONES[DEFAULT], backbone_home)
    views = np.random.default_rng(5).integers(0, 256, (3, 224, 224, 3), np.uint8)
    rows = embedder.embed(views)
    for _ in range(10):  # more often than photos are at work at once
        with pytest.raises(RuntimeError):
            embedder.embed(np.zeros((3, 100, 100, 3), np.uint8))
    np.testing.assert_array_equal(embedder.embed(views), rows)


def test_what_cannot_be_prepared_fails_each_time_and_is_not_called_ready(tmp_path: Path) -> None:
    embedder = Embedder(BACKBONES[DEFAULT], tmp_path)
    (tmp_path / "backbones").write_text("a file where the folder should be")
    for _ in range(2):
        with pytest.raises((AppError, OSError)):
            embedder.embed(np.zeros((1, 224, 224, 3), np.uint8))
    assert not embedder.is_ready


def test_each_photo_that_is_decoded_is_handed_on_and_what_is_known_is_not_decoded(look: Look) -> None:
    photos, data = as_stored([jpeg(seed) for seed in range(3)])
    cache = Memory()
    embed_photos(photos[:1], lambda photo: data[photo.key], [look], cache=cache)
    handed: dict[str, tuple[int, ...]] = {}
    embed_photos(
        photos,
        lambda photo: data[photo.key],
        [look],
        cache=cache,
        on_pixels=lambda photo, pixels: handed.__setitem__(photo.key, pixels.shape),
    )
    assert handed == {photo.key: (120, 160, 3) for photo in photos[1:]}


def test_what_was_measured_while_embedding_is_not_read_again(look: Look) -> None:
    photos, data = as_stored([jpeg(seed) for seed in range(3)])
    plain = measured(photos, lambda photo: data[photo.key])
    cache = Memory()
    taken = {photo.key: measure(decode(data[photo.key])) for photo in photos}
    assert measured(photos, lambda photo: pytest.fail("read again"), cache=cache, taken=taken) == plain
    assert measured(photos, lambda photo: pytest.fail("read again"), cache=cache) == plain


def test_one_embedder_serves_many_threads(embedder: Embedder) -> None:
    views = np.random.default_rng(1).integers(0, 256, (12, 224, 224, 3), np.uint8)
    rows = embedder.embed(views)
    found: dict[int, bool] = {}

    def work(number: int) -> None:
        found[number] = np.array_equal(embedder.embed(views[number : number + 3]), rows[number : number + 3])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict.fromkeys(range(9), True)


def test_rows_belong_to_their_photos_in_any_order(look: Look, files: list[bytes]) -> None:
    photos, data = as_stored(files)
    forth = embed_photos(photos, lambda photo: data[photo.key], [look])
    back = embed_photos(photos[::-1], lambda photo: data[photo.key], [look])
    assert forth.index.tolist() == list(range(len(photos)))
    assert forth.sha256 == tuple(photo.key for photo in photos)
    np.testing.assert_array_equal(matrix(forth), matrix(back)[::-1])
    np.testing.assert_array_equal(forth.fingerprints, back.fingerprints[::-1])
    pixels = decode(files[3])
    (row,) = look.embedder.embed(crop(Image.fromarray(pixels), 224)[np.newaxis])
    np.testing.assert_array_equal(matrix(forth)[3], row)
    assert int(forth.fingerprints[3]) == fingerprint(pixels)


def test_what_cannot_be_used_is_refused_by_name_and_the_rest_goes_on(look: Look, files: list[bytes]) -> None:
    def missing() -> bytes:
        raise FileNotFoundError(2, "No such file or directory")

    def deleted() -> bytes:
        raise NotFound("This photo has been deleted.")

    reads: dict[str, Callable[[], bytes]] = {
        "good one": lambda: files[0],
        "not a picture": lambda: b"<html>",
        "cut short": lambda: files[1][:200],
        "gone": missing,
        "deleted": deleted,
        "another good one": lambda: files[1],
    }
    photos = [Photo(name, name, "any") for name in reads]
    embedded = embed_photos(photos, lambda photo: reads[photo.key](), [look])
    assert embedded.index.tolist() == [0, 5]
    assert embedded.sha256 == tuple(hashlib.sha256(file).hexdigest() for file in files[:2])
    assert [item.name for item in embedded.refused] == ["not a picture", "cut short", "gone", "deleted"]
    assert embedded.refused[2].reason == "It cannot be read: No such file or directory."
    assert all(item.reason for item in embedded.refused)


@pytest.mark.parametrize("data", [None, b"no picture"])
def test_no_usable_photo_makes_an_empty_matrix(look: Look, data: bytes | None) -> None:
    photos = [] if data is None else [Photo("a", "a", "any")]
    embedded = embed_photos(photos, lambda photo: data or b"", [look])
    assert matrix(embedded).shape == (0, 4256)
    assert embedded.index.shape == embedded.fingerprints.shape == (0,)
    assert len(embedded.refused) == len(photos)


def test_what_the_cache_knows_is_not_read_again(look: Look, files: list[bytes]) -> None:
    photos, data = as_stored(files)
    cache, reads = Memory(), []

    def read(photo: Photo) -> bytes:
        reads.append(photo.key)
        return data[photo.key]

    first = embed_photos(photos, read, [look], cache=cache)
    assert len(reads) == len(photos)
    assert cache.puts == [BATCH, len(photos) - BATCH]
    again = embed_photos(photos, read, [look], cache=cache)
    assert len(reads) == len(photos)
    np.testing.assert_array_equal(matrix(first), matrix(again))
    np.testing.assert_array_equal(first.fingerprints, again.fingerprints)
    assert first.sha256 == again.sha256

    extra, more = as_stored([jpeg(1000)])
    data |= more
    mixed = embed_photos([photos[0], *extra, photos[1]], read, [look], cache=cache)
    assert reads[len(photos) :] == [extra[0].key]
    np.testing.assert_array_equal(matrix(mixed)[[0, 2]], matrix(first)[:2])
    assert mixed.index.tolist() == [0, 1, 2]


def test_a_photo_known_under_one_look_is_embedded_under_the_other_only(look: Look, files: list[bytes]) -> None:
    photos, data = as_stored(files[:3])
    cache = Memory()
    other = Look(look.embedder, "squash")
    embed_photos(photos[:1], lambda photo: data[photo.key], [look], cache=cache)
    embed_photos(photos[1:], lambda photo: data[photo.key], [other], cache=cache)
    both = embed_photos(photos, lambda photo: data[photo.key], [look, other], cache=cache)
    assert set(both.rows) == {("lite0", "crop"), ("lite0", "squash")}
    assert cache.puts == [1, 2, 2, 1]
    for each in (look, other):
        alone = embed_photos(photos, lambda photo: data[photo.key], [each])
        np.testing.assert_array_equal(both.rows[each.key], matrix(alone))


def test_embedders_are_made_once_each(backbone_home: Path) -> None:
    embedders = Embedders(backbone_home)
    assert embedders["lite0"] is embedders["lite0"] is not embedders["lite2"]
    assert not embedders["lite0"].is_ready


def test_rows_of_another_recipe_are_not_mixed_in(look: Look, files: list[bytes]) -> None:
    photos, data = as_stored(files[:2])
    cache = Memory()
    cache.put("lite0-57934424-squash-p2", {photo.key: (np.zeros(4256, np.float32), 0) for photo in photos})
    assert matrix(embed_photos(photos, lambda photo: data[photo.key], [look], cache=cache)).any()


def test_a_cancelled_run_stops_at_once_and_goes_on_from_there(look: Look) -> None:
    photos, data = as_stored([jpeg(seed) for seed in range(LOOK_AHEAD + 3 * BATCH)])
    cache, reads = Memory(), []

    def read(photo: Photo) -> bytes:
        reads.append(photo.key)
        return data[photo.key]

    def cancel(done: int, total: int) -> None:
        assert total == len(photos)
        if done:
            raise Cancelled("Stopped.")

    before = threading.active_count()
    with pytest.raises(Cancelled):
        embed_photos(photos, read, [look], cache=cache, on_progress=cancel)
    assert threading.active_count() == before
    stopped_at = len(reads)
    assert stopped_at < len(photos)

    steps: list[tuple[int, int]] = []
    whole = embed_photos(photos, read, [look], cache=cache, on_progress=lambda *step: steps.append(step))
    assert len(reads) == stopped_at + len(photos) - BATCH
    assert steps == [(done, len(photos)) for done in range(BATCH, len(photos) + 1, BATCH)]
    assert whole.sha256 == tuple(photo.key for photo in photos)


CHILD = """
import io, sys
from pathlib import Path
import numpy as np
from PIL import Image
from core.data.dataset import Photo
from core.model.backbones import BACKBONES, DEFAULT
from core.model.embed import Look, embed_photos
from core.model.embedder import Embedder

file = io.BytesIO()
noise = np.random.default_rng(0).integers(0, 256, (640, 640, 3), np.uint8)
Image.fromarray(noise).save(file, "JPEG", quality=40)
data = file.getvalue()
embedder = Embedder(BACKBONES[DEFAULT], Path(sys.argv[1]), bulk=True)
photos = [Photo(str(number), str(number), "any") for number in range(int(sys.argv[2]))]
assert len(embed_photos(photos, lambda photo: data, [Look(embedder, 'crop')]).index) == len(photos)
heavy = {"tensorflow", "keras", "torch", "openvino_telemetry.main"} & set(sys.modules)
assert not heavy, heavy
# Not getrusage: its peak starts from that of the process that started this one.
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_does_not_grow_with_the_photos_and_nothing_heavy_is_loaded(backbone_home: Path) -> None:
    def peak(count: int) -> float:
        run = [sys.executable, "-c", CHILD, str(backbone_home), str(count)]
        return int(subprocess.run(run, cwd=ROOT, check=True, capture_output=True, text=True).stdout) / 1024

    few, many = peak(60), peak(600)
    # 540 photos more take 663 MB as decoded, 81 MB as views, 2.8 MB as rows. 37 MB more are let wait at once.
    assert many < few + 40, (few, many)
    assert few < 400, few

"""What cleaning finds, on drawn pictures and on embeddings with strangers among them."""

import io
import tracemalloc
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from core.data import clean
from core.data.clean import SET_ASIDE, Finding, Kind, find
from core.data.example import CATEGORIES, draw
from core.data.lookalikes import fingerprint
from core.data.measures import Measures, measure

Picture = Image.Image
FEATURES = 64


@pytest.fixture(scope="module")
def dresses() -> list[Picture]:
    """Sixteen drawn photos of dresses, the two categories in turn."""
    return [Image.fromarray(draw(CATEGORIES[seed % 2], seed)) for seed in range(16)]


def cluster(count: int, direction: int, seed: int, spread: float = 0.5) -> NDArray[np.float32]:
    """Embeddings around one of FEATURES directions, all features positive, as a network's are."""
    random = np.random.default_rng([seed, direction])
    middle = np.random.default_rng(direction).gamma(0.5, 1.0, FEATURES)
    return (middle * random.lognormal(0, spread, (count, FEATURES))).astype(np.float32)


def photographed(count: int, seed: int = 0) -> list[Measures]:
    """Measures of ordinary photos, each with a look and fingerprints of its own."""
    random = np.random.default_rng(seed)
    return [
        Measures(
            width=500,
            height=400,
            sharpness=20.0,
            contrast=150.0,
            flatness=0.3,
            edges=0.1,
            colours=30,
            mirrored_fingerprint=int(random.integers(2**63)),
            look=random.bytes(16 * 16 * 3),
        )
        for _ in range(count)
    ]


def looked_at(pictures: Sequence[Picture], *, labels: Sequence[int] | None = None) -> list[Finding]:
    """`find` on pictures whose embeddings are all usual."""
    pixels = [np.asarray(picture) for picture in pictures]
    return find(
        [str(at) for at in range(len(pixels))],
        np.array(labels or [0] * len(pixels)),
        cluster(len(pixels), 0, 0, spread=0.1),
        np.array([fingerprint(each) for each in pixels], np.uint64),
        [measure(each) for each in pixels],
        ["dress", "hat"],
    )


def judged(
    embeddings: NDArray[np.float32], labels: NDArray[np.int64], categories: Sequence[str] = ("dress", "hat", "shoe")
) -> list[Finding]:
    """`find` on embeddings whose pictures are all ordinary and unlike one another."""
    count = len(labels)
    keys = np.random.default_rng(1).integers(2**63, size=count, dtype=np.uint64)
    return find([str(at) for at in range(count)], labels, embeddings, keys, photographed(count), categories)


def photos_with(findings: Sequence[Finding], kind: Kind) -> list[int]:
    return [each.photo for each in findings if each.kind == kind]


def mirrored(picture: Picture) -> Picture:
    return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def smaller(picture: Picture) -> Picture:
    return picture.resize((picture.width * 2 // 5, picture.height * 2 // 5))


def recompressed(picture: Picture, quality: int = 25) -> Picture:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file)


def clip_art(seed: int) -> Picture:
    random = np.random.default_rng(seed)
    picture = Image.new("RGB", (900, 900), "white")
    pen = ImageDraw.Draw(picture)
    for ink in ("#d03020", "#f0c020", "#2050a0"):
        x, y = random.integers(0, 400, 2).tolist()
        pen.ellipse((x, y, x + 450, y + 400), fill=ink, outline="black", width=16)
    return recompressed(picture.resize((450, 450)), quality=85)


def test_nothing_is_found_in_good_photos(dresses: list[Picture]) -> None:
    assert looked_at(dresses) == []


@pytest.mark.parametrize(
    "copy",
    [smaller, recompressed, mirrored, lambda picture: recompressed(smaller(mirrored(picture)))],
    ids=["smaller", "recompressed", "mirrored", "all three"],
)
def test_of_copies_the_largest_and_sharpest_is_kept(copy: Callable[[Picture], Picture], dresses: list[Picture]) -> None:
    originals = dresses[:8]
    findings = looked_at([*map(copy, originals), *originals])
    if copy in (mirrored, recompressed):  # as large and about as sharp: either may be kept
        assert {frozenset((each.photo, each.other)) for each in findings} == {frozenset((i, i + 8)) for i in range(8)}
    else:
        assert [(each.photo, each.other) for each in findings] == [(at, at + 8) for at in range(8)]
    for each in findings:
        assert each.kind == "near duplicate"
        assert each.measure <= each.limit == clean.NEAR_BITS
        assert f"{each.measure:.0f} of the 64 bits" in each.reason


def test_the_same_file_twice_is_a_duplicate(dresses: list[Picture]) -> None:
    pixels = [np.asarray(dresses[at]) for at in (0, 1, 0)]
    findings = find(
        ["a", "b", "a"],
        np.zeros(3, np.int64),
        cluster(3, 0, 0),
        np.array([fingerprint(each) for each in pixels], np.uint64),
        [measure(each) for each in pixels],
        ["dress"],
    )
    assert [(each.photo, each.kind, each.other) for each in findings] == [(2, "duplicate", 0)]


def test_one_photo_in_two_categories_is_found_in_both(dresses: list[Picture]) -> None:
    findings = looked_at([*dresses[:4], smaller(dresses[2])], labels=[0, 0, 0, 0, 1])
    assert [(each.photo, each.kind, each.other) for each in findings] == [
        (2, "in two categories", 4),
        (4, "in two categories", 2),
    ]
    assert "'hat'" in findings[0].reason
    assert "'dress'" in findings[1].reason


def test_many_copies_all_point_to_one_that_is_kept(dresses: list[Picture]) -> None:
    findings = looked_at([smaller(dresses[0])] * 5 + [dresses[0]] * 2)
    kept = set(range(7)) - {each.photo for each in findings}
    assert kept == {5}
    assert {each.other for each in findings} == {5}


def test_photos_alike_in_outline_only_are_no_copies() -> None:
    """Near fingerprints are not enough: the colours have to agree, too."""
    measures = [replace(each, mirrored_fingerprint=0) for each in photographed(3)]
    measures[2] = replace(measures[2], look=measures[0].look)
    keys = np.zeros(3, np.uint64)
    findings = find(["a", "b", "c"], np.zeros(3, np.int64), cluster(3, 0, 0), keys, measures, ["dress"])
    assert [(each.photo, each.kind, each.other) for each in findings] == [(2, "near duplicate", 0)]


def spoilt(kind: str, picture: Picture) -> Picture:
    width, height = picture.size
    if kind == "too small":
        return picture.resize((50, 60))
    if kind == "banner":
        return picture.crop((0, 100, width, 100 + width // 4)).resize((600, 150))
    if kind == "blank":
        noise = np.random.default_rng(0).normal(200, 2, (height, width, 3))
        return Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8))
    if kind == "blurred":
        return picture.filter(ImageFilter.GaussianBlur(7))
    return clip_art(0)


@pytest.mark.parametrize("kind", ["too small", "banner", "blank", "blurred", "drawing"])
def test_a_spoilt_picture_is_found_and_no_other(kind: Kind, dresses: list[Picture]) -> None:
    findings = looked_at([*dresses[:5], spoilt(kind, dresses[5]), *dresses[6:]])
    assert [(each.photo, each.kind) for each in findings] == [(5, kind)]


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        ("too small", ["50×60", "64"]),
        ("banner", ["4.0 times", "at most 3"]),
        ("blank", ["contrast {measure:.0f} of 255", "20"]),
        ("blurred", ["sharpness {measure:.1f}", "clear photos here have {low:.0f} to {high:.0f}"]),
        ("drawing", ["{measure:.0f} colour", "photos here have"]),
    ],
)
def test_the_reason_names_the_numbers(kind: str, numbers: list[str], dresses: list[Picture]) -> None:
    (finding,) = looked_at([*dresses[:8], spoilt(kind, dresses[8])])
    low, high = np.percentile([measure(np.asarray(each)).sharpness for each in dresses[:8]], [5, 95])
    for number in numbers:
        assert number.format(measure=finding.measure, low=low, high=high) in finding.reason


def test_what_all_share_is_no_fault(dresses: list[Picture]) -> None:
    assert looked_at([each.filter(ImageFilter.GaussianBlur(4)) for each in dresses]) == []
    drawings = [clip_art(seed) for seed in range(8)]
    assert all(clean._is_drawn(measure(np.asarray(each))) for each in drawings)
    assert photos_with(looked_at(drawings), "drawing") == []


def test_sharpness_is_that_of_the_sharpest_part(dresses: list[Picture]) -> None:
    sharp = dresses[0]
    width, height = sharp.size
    middle = Image.new("L", sharp.size)
    ImageDraw.Draw(middle).rectangle((width // 4, height // 4, width * 3 // 4, height * 3 // 4), fill=255)
    portrait = Image.composite(sharp, sharp.filter(ImageFilter.GaussianBlur(8)), middle)
    assert photos_with(looked_at([portrait, *dresses[1:]]), "blurred") == []


@pytest.mark.parametrize("count", [10, 30, 60])
@pytest.mark.parametrize("share", [0.1, 0.25])
def test_strangers_are_found_wherever_they_lie(count: int, share: float) -> None:
    strangers = int(share / (1 - share) * count)
    labels = np.repeat([0, 1, 2], count)
    embeddings = np.concatenate([cluster(count, label, 0) for label in range(3)])
    for where in (np.zeros(strangers, np.int64), np.arange(strangers) % 3):
        findings = judged(
            np.concatenate([embeddings, cluster(strangers, 9, 1)]), np.concatenate([labels, where]).astype(np.int64)
        )
        assert photos_with(findings, "off-topic") == list(range(3 * count, 3 * count + strangers))
        assert len(findings) == strangers
        for each in findings:
            assert each.measure < each.limit
            assert f"{each.measure:.0%}" in each.reason
            assert f"{each.limit:.0%}" in each.reason


def test_strangers_are_found_in_a_single_category() -> None:
    embeddings = np.concatenate([cluster(20, 0, 0), cluster(5, 9, 0)])
    findings = judged(embeddings, np.zeros(25, np.int64), ["dress"])
    assert photos_with(findings, "off-topic") == [20, 21, 22, 23, 24]


def test_a_varied_category_beside_a_narrow_one_is_let_be() -> None:
    embeddings = np.concatenate([cluster(30, 0, 0, spread=0.1), cluster(30, 1, 0, spread=1.2)])
    assert judged(embeddings, np.repeat([0, 1], 30)) == []


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_small_categories_are_not_judged(count: int) -> None:
    """Whatever lies in them; and photos of a larger one are not moved there."""
    few = np.concatenate([cluster(1, 20 + at, 0) for at in range(count)])
    findings = judged(np.concatenate([few, cluster(20, 0, 0)]), np.repeat([0, 1], [count, 20]))
    assert findings == []
    assert judged(few, np.zeros(count, np.int64)) == []


def test_length_of_embeddings_does_not_matter() -> None:
    embeddings = np.concatenate([cluster(20, 0, 0), cluster(3, 9, 0)])
    labels = np.zeros(23, np.int64)
    scaled = embeddings * np.random.default_rng(0).uniform(0.1, 10, (23, 1)).astype(np.float32)
    assert photos_with(judged(scaled, labels), "off-topic") == photos_with(judged(embeddings, labels), "off-topic")


def test_the_same_input_gives_the_same_list_and_nothing_is_changed(dresses: list[Picture]) -> None:
    pixels = [np.asarray(each) for each in (*dresses, smaller(dresses[0]), clip_art(1), spoilt("blank", dresses[0]))]
    labels = np.arange(len(pixels)) % 2
    embeddings = np.concatenate([cluster(len(pixels) - 2, 0, 0), cluster(2, 9, 0)])
    fingerprints = np.array([fingerprint(each) for each in pixels], np.uint64)
    measures = [measure(each) for each in pixels]
    keys = [str(at) for at in range(len(pixels))]
    before = [array.copy() for array in (labels, embeddings, fingerprints)]
    once = find(keys, labels, embeddings, fingerprints, measures, ["dress", "hat"])
    again = find(keys, labels, embeddings, fingerprints, measures, ["dress", "hat"])
    assert once == again
    assert len({each.kind for each in once}) >= 4
    order = list(SET_ASIDE)
    places = [(each.photo, order.index(each.kind)) for each in once]
    assert places == sorted(places)
    for now, then in zip((labels, embeddings, fingerprints), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_photos_under_the_wrong_label_are_left_to_the_head() -> None:
    """They are like another category, so no strangers; which one is theirs is not for likeness to say."""
    labels = np.repeat([0, 1], 20)
    labels[[3, 30]] = [1, 0]
    assert judged(np.concatenate([cluster(20, 0, 0), cluster(20, 1, 0)]), labels) == []


def test_the_order_of_the_photos_changes_no_finding() -> None:
    embeddings = np.concatenate([cluster(20, 0, 0), cluster(20, 1, 0), cluster(4, 9, 0)])
    labels = np.concatenate([np.repeat([0, 1], 20), [0, 1, 0, 1]])
    shuffled = np.random.default_rng(3).permutation(len(labels))
    findings = {(each.photo, each.kind) for each in judged(embeddings, labels)}
    again = {(int(shuffled[each.photo]), each.kind) for each in judged(embeddings[shuffled], labels[shuffled])}
    assert again == findings
    assert len(findings) == 4


def test_every_kind_says_whether_it_sets_photos_aside() -> None:
    assert set(SET_ASIDE) == set(get_args(Kind))


def test_no_photos_give_no_findings() -> None:
    nothing = np.empty(0, np.int64)
    assert find([], nothing, np.empty((0, 8), np.float32), nothing.astype(np.uint64), [], ["dress"]) == []


def test_photos_with_nothing_in_common_are_not_judged() -> None:
    """Each is unlike the rest, but like a mean that it is itself part of."""
    assert judged(np.eye(8, FEATURES, dtype=np.float32), np.zeros(8, np.int64)) == []


def test_a_photo_without_any_feature_is_off_topic_and_breaks_nothing() -> None:
    embeddings = np.concatenate([cluster(10, 0, 0), np.zeros((1, FEATURES), np.float32)])
    assert photos_with(judged(embeddings, np.zeros(11, np.int64)), "off-topic") == [10]
    assert judged(np.zeros((8, FEATURES), np.float32), np.zeros(8, np.int64)) == []


@pytest.mark.parametrize("alike", [False, True])
def test_three_thousand_photos_fit_into_little_memory(alike: bool) -> None:
    count, features = 3000, 256
    random = np.random.default_rng(0)
    embeddings = random.gamma(0.5, 1.0, (count, features)).astype(np.float32)
    fingerprints = np.zeros(count, np.uint64) if alike else random.integers(2**63, size=count, dtype=np.uint64)
    measures = photographed(count)
    if alike:  # as from a camera left running
        measures = [replace(measures[0], mirrored_fingerprint=2**62)] * count
    labels = np.zeros(count, np.int64)
    keys = [str(at) for at in range(count)]
    tracemalloc.start()
    findings = find(keys, labels, embeddings, fingerprints, measures, ["dress"])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert Counter(each.kind for each in findings)["near duplicate"] == (count - 1 if alike else 0)
    assert peak < 60e6  # 39 MB; with every likeness at once 78 MB

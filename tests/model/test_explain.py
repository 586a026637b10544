"""Heat lies on what made the answer, adds up to it, and is where the person sees it in the photo."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core.data.dataset import from_folder
from core.data.photo import Pixels, decode
from core.errors import BadInput
from core.model.bundle import Bundle
from core.model.classifier import Classifier, Member
from core.model.embed import Look
from core.model.embedder import Embedders
from core.model.explain import Explanation, Maps, contrast, evidence, explain, overlay, row_of, stretch
from core.model.features import Features, Key
from core.model.head import Head
from core.model.hidden import HiddenHead
from core.model.select import Mode
from core.model.train import Wishes, train_model

SIZE = 64  # of a painted shape
KINDS = ("disc", "cross")
OUTLINE = 2  # pixels, of each line of a box on a photo of 320


def ground(width: int, height: int, random: np.random.Generator) -> Image.Image:
    """Coarse coloured patches."""
    patches = random.integers(40, 200, (5, 5, 3), np.uint8)
    return Image.fromarray(patches).resize((width, height), Image.Resampling.BICUBIC)


def paint(picture: Image.Image, kind: str, left: int, top: int, random: np.random.Generator) -> None:
    pen = ImageDraw.Draw(picture)
    ink = tuple(random.integers(0, 256, 3).tolist())
    right, bottom = left + SIZE, top + SIZE
    if kind == "disc":
        pen.ellipse((left, top, right, bottom), fill=ink, outline="white", width=3)
    else:
        for ends in ((left, top, right, bottom), (left, bottom, right, top)):
            pen.line(ends, fill="white", width=16)
            pen.line(ends, fill=ink, width=10)


def scene(kind: str, seed: int, width: int = 240, height: int = 200) -> tuple[Pixels, tuple[float, float]]:
    """One shape anywhere in the centred square, and its centre in fractions of the photo."""
    random = np.random.default_rng([seed, *kind.encode()])
    short = min(width, height)
    left = (width - short) // 2 + int(random.integers(0, short - SIZE))
    top = (height - short) // 2 + int(random.integers(0, short - SIZE))
    picture = ground(width, height, random)
    paint(picture, kind, left, top, random)
    return np.asarray(picture), ((left + SIZE / 2) / width, (top + SIZE / 2) / height)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("scenes")
    for kind in KINDS:
        (made / kind).mkdir()
        for seed in range(14):
            Image.fromarray(scene(kind, seed)[0]).save(made / kind / f"{seed}.png")
    return made


@pytest.fixture(scope="module")
def embedders(backbone_home: Path) -> Embedders:
    return Embedders(backbone_home)


@pytest.fixture(scope="module")
def bundle(folder: Path, embedders: Embedders) -> Bundle:
    return train_model(from_folder(folder), embedders, wishes=Wishes(backbones=("lite0",))).bundle


@pytest.fixture(scope="module")
def seen_as(bundle: Bundle, folder: Path, embedders: Embedders) -> Callable[[str], Bundle]:
    """The bundle with one head, learnt from crops, that is shown another view."""
    wishes = replace(Wishes(), fixed=replace(Wishes().fixed, backbone="lite0", view="crop", cuts="last"))
    learnt = train_model(from_folder(folder), embedders, wishes=wishes).bundle
    head = learnt.classifiers["fast"].members[0].head

    def make(view: str) -> Bundle:
        one = Classifier((Member(Features(("lite0",), (view,), "last"), head, 1.0),), 1.0)
        return replace(learnt, classifiers={"fast": one, "best": one})

    return make


def inside(explanation: Explanation, point: tuple[float, float]) -> bool:
    left, top, right, bottom = explanation.box
    return left <= point[0] <= right and top <= point[1] <= bottom


def area(explanation: Explanation) -> float:
    left, top, right, bottom = explanation.box
    return (right - left) * (bottom - top)


@pytest.mark.parametrize("mode", ["fast", "best"])
def test_the_box_is_around_the_shape(bundle: Bundle, embedders: Embedders, mode: Mode) -> None:
    found = []
    for kind in KINDS:
        for seed in range(100, 108):
            pixels, centre = scene(kind, seed)
            why = explain(bundle, embedders, pixels, mode=mode, answer=kind)
            found.append((inside(why, centre), area(why)))
    hits, areas = np.array(found).T
    assert hits.mean() >= 0.75
    assert np.median(areas) < 0.35  # a box around everything would hit, too


def test_heat_follows_the_category_that_is_asked_for(seen_as: Callable[[str], Bundle], embedders: Embedders) -> None:
    bundle = seen_as("squash")
    right = 0
    for seed in range(8):
        random = np.random.default_rng(seed)
        picture = ground(320, 200, random)
        paint(picture, "disc", 20, 70, random)
        paint(picture, "cross", 236, 70, random)
        pixels = np.asarray(picture)
        disc, cross = (explain(bundle, embedders, pixels, answer=kind).heat for kind in KINDS)
        right += disc[:, :160].sum() > disc[:, 160:].sum()
        right += cross[:, 160:].sum() > cross[:, :160].sum()
    assert right >= 14


def test_without_an_answer_the_likeliest_is_explained(bundle: Bundle, embedders: Embedders) -> None:
    for kind in KINDS:
        pixels, _ = scene(kind, 200)
        for mode in bundle.classifiers:
            (answer,) = bundle.predict_with(embedders, [pixels], mode=mode)
            assert explain(bundle, embedders, pixels, mode=mode).answer == answer.label == kind


def test_an_unknown_category_is_refused(bundle: Bundle, embedders: Embedders) -> None:
    with pytest.raises(BadInput, match="no category 'zebra'"):
        explain(bundle, embedders, scene("disc", 0)[0], answer="zebra")


# Evidence adds up


@pytest.fixture(scope="module")
def maps(embedders: Embedders) -> dict[Key, Maps]:
    looks = [Look(embedders["lite0"], view) for view in ("crop", "mirror", "squash")]
    pixels, _ = scene("cross", 7)
    return {look.key: look.embedder.maps(look.at(Image.fromarray(pixels))) for look in looks}


def test_maps_average_to_the_row(maps: dict[Key, Maps], embedders: Embedders) -> None:
    look = Look(embedders["lite0"], "crop")
    row = embedders["lite0"].embed(look.at(Image.fromarray(scene("cross", 7)[0]))[np.newaxis])
    np.testing.assert_allclose(row_of(maps[look.key]), row, atol=2e-3)


@pytest.mark.parametrize("cuts", ["last", "late", "all"])
@pytest.mark.parametrize("views", [("crop",), ("squash",), ("crop", "mirror")])
def test_evidence_adds_up_to_the_difference_of_logits(maps: dict[Key, Maps], cuts: str, views: tuple[str, ...]) -> None:
    features = Features(("lite0",), views, cuts)
    random = np.random.default_rng(1)
    head = Head(random.normal(0, 1, (features.width, 3)).astype(np.float32), np.float32([3, -2, 5]))
    rows = {key: row_of(each) for key, each in maps.items()}
    logits = (features.matrix(rows) @ head.kernel)[0]
    towards = np.array([-0.4, 1, -0.6])
    found = evidence(Member(features, head, 1.0), maps, towards)
    assert set(found) == set(features.looks)
    assert all(place.shape in {(7, 7), (14, 14)} for places in found.values() for place in places)
    total = sum(place.sum() for places in found.values() for place in places)
    assert total == pytest.approx(logits @ towards, abs=1e-4)


def test_evidence_of_a_hidden_head_adds_up_but_for_its_biases(maps: dict[Key, Maps]) -> None:
    features = Features(("lite0",), ("crop", "mirror"), "all")
    random = np.random.default_rng(2)

    def normal(*shape: int) -> np.ndarray:
        return random.normal(0, 1, shape).astype(np.float32)

    head = HiddenHead(normal(features.width, 16), normal(16), normal(16, 3), normal(3))
    seen = features.matrix({key: row_of(each) for key, each in maps.items()})
    before = (seen @ head.kernel_1 + head.bias_1)[0]
    assert 0 < (before > 0).sum() < 16
    towards = np.array([1, -0.5, -0.5])
    wanted = (np.maximum(before, 0) - (before > 0) * head.bias_1) @ head.kernel_2 @ towards
    found = evidence(Member(features, head, 1.0), maps, towards)
    total = sum(place.sum() for places in found.values() for place in places)
    assert total == pytest.approx(wanted, abs=1e-4)


def test_contrast_weighs_the_others_by_how_likely_they_are() -> None:
    np.testing.assert_allclose(contrast(np.array([0.2, 0.5, 0.3]), 1), [-0.4, 1, -0.6])
    np.testing.assert_allclose(contrast(np.array([0.0, 1.0, 0.0]), 1), [-0.5, 1, -0.5])


def test_members_count_by_their_weights(seen_as: Callable[[str], Bundle], embedders: Embedders) -> None:
    bundle = seen_as("crop")
    (member,) = bundle.classifiers["fast"].members
    other = Head(-3 * member.head.kernel, member.head.bias)

    def heat(*weights: float) -> np.ndarray:
        members = tuple(
            Member(member.features, head, weight) for head, weight in zip((member.head, other), weights, strict=True)
        )
        classifiers = {"fast": Classifier(members, 1.0)}
        pixels, _ = scene("disc", 302)
        return explain(replace(bundle, classifiers=classifiers), embedders, pixels, mode="fast", answer="disc").heat

    alone, mostly, half = heat(1, 0), heat(0.99999, 0.00001), heat(0.5, 0.5)
    assert np.abs(mostly - alone).max() < 0.01
    assert np.abs(half - alone).max() > 0.2


# Where it is


@pytest.mark.parametrize(("cells", "length"), [(7, 200), (14, 200), (9, 9), (7, 3), (7, 1), (1, 5)])
def test_spread_over_pixels_a_map_keeps_its_sum_and_its_place(cells: int, length: int) -> None:
    weights = stretch(cells, length)
    np.testing.assert_allclose(weights.sum(axis=0), 1)
    middles = (np.arange(length) + 0.5) / length @ weights
    inner = slice(1, -1)  # beyond the outermost cells' middles there is nothing to lean towards
    np.testing.assert_allclose(middles[inner], ((np.arange(cells) + 0.5) / cells)[inner], atol=0.5 / length)


def test_a_mirrored_view_is_mirrored_back(seen_as: Callable[[str], Bundle], embedders: Embedders) -> None:
    picture = ground(200, 200, np.random.default_rng(0))
    paint(picture, "disc", 10, 60, np.random.default_rng(0))
    pixels = np.asarray(picture)
    mirrored = explain(seen_as("mirror"), embedders, pixels)
    plain = explain(seen_as("crop"), embedders, np.ascontiguousarray(pixels[:, ::-1]))
    np.testing.assert_allclose(mirrored.heat, plain.heat[:, ::-1], atol=1e-3)
    assert np.abs(mirrored.heat - plain.heat).max() > 0.2  # it was no symmetric photo


@pytest.mark.parametrize(("width", "height"), [(200, 500), (500, 200), (333, 240)])
def test_a_crop_lies_in_its_square_and_the_rest_was_not_looked_at(
    seen_as: Callable[[str], Bundle], embedders: Embedders, width: int, height: int
) -> None:
    pixels, centre = scene("cross", 301, width, height)
    why = explain(seen_as("crop"), embedders, pixels)
    left, top, right, bottom = np.multiply(why.seen, [width, height, width, height]).round().astype(int)
    assert (right - left, bottom - top) == (min(width, height), min(width, height))
    unseen = np.ones((height, width), dtype=bool)
    unseen[top:bottom, left:right] = False
    assert not why.heat[unseen].any()
    assert inside(why, centre)
    other = pixels.copy()
    other[unseen] = 255 - other[unseen]
    np.testing.assert_array_equal(explain(seen_as("crop"), embedders, other).heat, why.heat)


@pytest.mark.parametrize(("width", "height"), [(200, 320), (320, 200)])
def test_a_squashed_view_covers_the_whole_photo(
    seen_as: Callable[[str], Bundle], embedders: Embedders, width: int, height: int
) -> None:
    random = np.random.default_rng(5)
    picture = ground(width, height, random)
    left, top = width - SIZE - 4, height - SIZE - 4
    paint(picture, "cross", left, top, random)
    why = explain(seen_as("squash"), embedders, np.asarray(picture), answer="cross")
    assert why.seen == (0, 0, 1, 1)
    row, column = np.unravel_index(why.heat.argmax(), why.heat.shape)
    assert row > top - 20
    assert column > left - 20


@pytest.mark.parametrize("shape", [(1, 640), (640, 1), (32, 32), (640, 640)])
@pytest.mark.parametrize("view", ["crop", "squash"])
def test_heat_is_on_the_photos_own_pixels_whatever_its_shape(
    seen_as: Callable[[str], Bundle], embedders: Embedders, shape: tuple[int, int], view: str
) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (*shape, 3), np.uint8)
    for answer in KINDS:
        why = explain(seen_as(view), embedders, pixels, answer=answer)
        assert why.heat.shape == shape
        assert why.heat.dtype == np.float32
        assert why.heat.min() == 0
        # A single pixel is no region that stands out from the rest.
        assert why.heat.max() == (0 if view == "crop" and min(shape) == 1 else 1)
        for left, top, right, bottom in (why.box, why.seen):
            assert 0 <= left < right <= 1
            assert 0 <= top < bottom <= 1
        assert overlay(pixels, why).shape == pixels.shape


# The most alike


def test_a_training_photo_is_most_like_itself(bundle: Bundle, folder: Path, embedders: Embedders) -> None:
    for kind in KINDS:
        data = (folder / kind / "3.png").read_bytes()
        alike = explain(bundle, embedders, decode(data)).alike
        assert len(alike) == 5
        assert bundle.memory.sha256[alike[0].position] == hashlib.sha256(data).hexdigest()
        assert alike[0].likeness == pytest.approx(1, abs=1e-3)
        assert alike[0].category == kind
        assert [each.likeness for each in alike] == sorted((each.likeness for each in alike), reverse=True)
        assert 0 <= alike[-1].likeness < alike[1].likeness < 0.999
        for each in alike:
            assert each.category == bundle.categories[bundle.memory.labels[each.position]]


def test_with_few_training_photos_all_are_named(bundle: Bundle, embedders: Embedders) -> None:
    few = replace(bundle.memory, labels=bundle.memory.labels[:3], features=bundle.memory.features[:3])
    why = explain(replace(bundle, memory=few), embedders, scene("disc", 400)[0])
    assert sorted(each.position for each in why.alike) == [0, 1, 2]


# The picture


def drawn(pixels: Pixels, box: tuple[float, float, float, float]) -> Explanation:
    """Heat in the middle; the left tenth was not looked at."""
    height, width = pixels.shape[:2]
    heat = np.zeros((height, width), np.float32)
    heat[height // 3 : height // 2, width // 3 : width // 2] = 1
    return Explanation("disc", heat, (0.1, 0, 1, 1), box, ())


def test_overlay_draws_heat_and_leaves_the_rest_of_what_was_seen() -> None:
    pixels, _ = scene("disc", 500, 320, 200)
    before = pixels.copy()
    over = overlay(pixels, drawn(pixels, (0.3, 0.2, 0.7, 0.8)))
    assert over.dtype == np.uint8
    assert (pixels == before).all()
    np.testing.assert_array_equal(over[:30, 32:], pixels[:30, 32:])
    assert (over[80, 130] != pixels[80, 130]).any()
    assert over[80, 130].astype(int)[0] > over[80, 130].astype(int)[2] + 40  # hot is yellow
    np.testing.assert_allclose(over[:, :32], (pixels[:, :32] + 128.0) / 2, atol=1)


@pytest.mark.parametrize("shade", [0, 255, 128])
def test_the_outline_shows_on_dark_and_on_light(shade: int) -> None:
    pixels = np.full((200, 320, 3), shade, np.uint8)
    over = overlay(pixels, drawn(pixels, (0.5, 0.2, 0.75, 0.8)))
    edge = over[100, 160 : 160 + 2 * OUTLINE]
    assert (edge[:OUTLINE] == 0).all()
    assert (edge[OUTLINE:] == 255).all()
    assert (over[100, 160 + 2 * OUTLINE : 230] == shade).all()
    assert (over[100, 239] == 0).all()
    assert (over[100, 240] == shade).all()


def test_the_outline_of_a_tiny_box_stays_there() -> None:
    pixels = np.full((200, 320, 3), 90, np.uint8)
    explanation = replace(drawn(pixels, (0, 0, 1 / 320, 1 / 200)), heat=np.zeros((200, 320), np.float32))
    over = overlay(pixels, replace(explanation, seen=(0, 0, 1, 1)))
    assert (over[0, 0] == 0).all()
    assert (over[1:] == 90).all()
    assert (over[:, 1:] == 90).all()

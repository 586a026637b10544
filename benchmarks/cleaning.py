"""A photo set spoilt on purpose, cleaned, and what was found of it. Runs in a worker process.

First collection: the set with one label in ten swapped; copies of one photo in ten (resized, recompressed, mirrored, or
mirrored and resized), some put into another category; strangers, one for ten photos, scattered over the categories.
Second: the set as it is, with photos spoilt as pictures: shrunk, cut to a strip, blank, blurred, replaced by a drawing.
"""

import functools
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from benchmarks.photo_sets import PhotoSet, find_sets
from benchmarks.thimble import BACKBONE, embedder
from core.data.clean import Finding, Kind, Measures, find, measure
from core.data.dataset import from_folder
from core.data.example.scenes import scene
from core.data.lookalikes import fingerprint
from core.data.photo import Pixels, decode, encode
from core.errors import BadInput, BadPhoto
from core.model.embed import view
from core.model.head import cross_validate

SHARE = 10  # one photo in so many has its label swapped, is copied, or is joined by a stranger
ACROSS = 5  # one copy in so many is put into another category
SPOILT = 20  # one photo in so many is spoilt, in each of the ways
STRENGTH = 0.1  # of the head that gives the probabilities
DUPLICATES = ("duplicate", "near duplicate", "in two categories")
Random = np.random.Generator


@dataclass(frozen=True)
class Item:
    """One photo of a collection as `find` sees it, and what is true of it.

    `source` is the position, in the set, of the photo that it shows; `planted` what was done to it.
    """

    label: int
    source: int
    planted: str
    embedding: Any
    fingerprint: int
    measures: Measures


def other_sets(photos: PhotoSet) -> list[Path]:
    """Folders that strangers are taken from: the sets beside this one; none if it stands alone."""
    own = photos.folder.resolve()
    beside = sorted(path for path in own.parent.iterdir() if path.is_dir() and path != own and path.name[0] != ".")
    return [path for path in beside if _is_set(path)]


def _is_set(folder: Path) -> bool:
    try:
        return [each.folder for each in find_sets(folder)] == [folder]
    except BadInput:
        return False


def cleaned(folder: Path, strangers: Path | None, home: Path, seed: int) -> dict[str, Any]:
    """For each kind of finding: how many were found, were right, and were there to be found.

    `strangers` None takes drawn places, without a dress.
    """
    random = np.random.default_rng(seed)
    photos, categories, untouched = _clean_set(folder, home)
    mixed = [*_swapped(photos, len(categories), random)]
    copies = _copied(mixed, folder, len(categories), home, random)
    wanted = max(1, len(photos) // SHARE)
    others = _strangers(strangers, wanted, len(categories), home, random)
    told = _score_contents([*mixed, *copies, *others], categories)
    told |= _score_pictures(_spoilt(photos, folder, home, random), categories)
    kinds = cast(tuple[Kind, ...], get_args(Kind))
    return {
        "photos": len(photos),
        "categories": len(categories),
        "strangers_from": strangers.name if strangers else "drawn places",
        "kinds": told,
        "untouched": {kind: sum(each.kind == kind for each in untouched) for kind in kinds},
    }


@functools.lru_cache(maxsize=1)
def _clean_set(folder: Path, home: Path) -> tuple[list[Item], tuple[str, ...], list[Finding]]:
    """The set, its categories, and what is found in it as it is.

    Without the look-alikes found in it: nobody has said which of them are copies, so they would be neither right nor
    wrong. How many they are stands beside the results.
    """
    categories, pictures = _pictures(folder)
    labels = [label for label, _ in pictures]
    items = _items([pixels for _, pixels in pictures], labels, range(len(pictures)), "", home)
    found = _found(items, categories)
    alike = {each.photo for each in found if each.kind in DUPLICATES}
    return [item for item in items if item.source not in alike], categories, found


@functools.lru_cache(maxsize=2)
def _pictures(folder: Path) -> tuple[tuple[str, ...], list[tuple[int, Pixels]]]:
    dataset = from_folder(folder)
    pictures = []
    for photo in dataset.photos:
        try:
            pictures.append((dataset.categories.index(photo.category), decode(dataset.read(photo))))
        except BadPhoto:
            continue
    return dataset.categories, pictures


def _items(
    pictures: Sequence[Pixels], labels: Sequence[int], sources: Sequence[int], planted: str, home: Path
) -> list[Item]:
    """The pictures as they come back from the store, with all that is measured of them."""
    stored = [decode(encode(pixels)) for pixels in pictures]
    views = np.array([view(pixels, BACKBONE.pixels) for pixels in stored], np.uint8)
    rows = embedder(home).embed(views.reshape(-1, BACKBONE.pixels, BACKBONE.pixels, 3))
    return [
        Item(label, source, planted, row, fingerprint(pixels), measure(pixels))
        for label, source, row, pixels in zip(labels, sources, rows, stored, strict=True)
    ]


def _found(items: Sequence[Item], categories: Sequence[str], *, by_probability: bool = False) -> list[Finding]:
    labels = np.array([item.label for item in items], np.int64)
    embeddings = np.stack([item.embedding for item in items])
    probabilities = None
    if by_probability:
        # Copies of a photo stay in its fold, or it would be judged by itself.
        folds = np.array([item.source % 5 if item.source >= 0 else at % 5 for at, item in enumerate(items)])
        (probabilities,) = cross_validate(embeddings, labels, folds, len(categories), strengths=(STRENGTH,))
    fingerprints = np.array([item.fingerprint for item in items], np.uint64)
    measures = [item.measures for item in items]
    keys = [str(at) for at in range(len(items))]
    return find(keys, labels, embeddings, fingerprints, measures, categories, probabilities=probabilities)


def _swapped(photos: Sequence[Item], categories: int, random: Random) -> list[Item]:
    chosen = set(random.permutation(len(photos))[: len(photos) // SHARE].tolist())
    return [
        replace(item, label=_another(item.label, categories, random), planted="swapped") if at in chosen else item
        for at, item in enumerate(photos)
    ]


def _copied(photos: Sequence[Item], folder: Path, categories: int, home: Path, random: Random) -> list[Item]:
    _, pictures = _pictures(folder)
    ways = (_resized, _recompressed, _mirrored, lambda image, random: _resized(_mirrored(image, random), random))
    made, labels, sources = [], [], []
    for number, at in enumerate(random.permutation(len(photos))[: max(1, len(photos) // SHARE)].tolist()):
        item = photos[at]
        image = ways[number % len(ways)](Image.fromarray(pictures[item.source][1]), random)
        made.append(np.asarray(image))
        labels.append(_another(item.label, categories, random) if number % ACROSS == ACROSS - 1 else item.label)
        sources.append(item.source)
    return _items(made, labels, sources, "copy", home)


def _resized(image: Image.Image, random: Random) -> Image.Image:
    scale = random.uniform(0.35, 0.75)
    return image.resize((max(32, round(image.width * scale)), max(32, round(image.height * scale))))


def _recompressed(image: Image.Image, random: Random) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=int(random.integers(20, 70)))
    return Image.open(file)


def _mirrored(image: Image.Image, random: Random) -> Image.Image:
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def _strangers(folder: Path | None, count: int, categories: int, home: Path, random: Random) -> list[Item]:
    if folder is None:
        made = [np.asarray(scene((400, 500), random)) for _ in range(count)]
    else:
        _, pictures = _pictures(folder)
        made = [pictures[at][1] for at in random.permutation(len(pictures))[:count].tolist()]
    labels = random.integers(0, categories, len(made)).tolist()
    return _items(made, labels, [-1] * len(made), "stranger", home)


def _another(label: int, categories: int, random: Random) -> int:
    return int(label + random.integers(1, categories)) % categories


def _score_contents(items: Sequence[Item], categories: Sequence[str]) -> dict[str, Any]:
    """Duplicates count as right where both photos show the same; the strangers' own copies are left out."""
    found = _found(items, categories)
    told = {}
    by_source: dict[int, list[Item]] = {}
    for item in items:
        by_source.setdefault(item.source, []).append(item)
    pairs = [same for source, same in by_source.items() if source >= 0 and len(same) > 1]
    for kind, across in (("near duplicate", False), ("in two categories", True)):
        named = [each for each in found if each.kind == kind and items[each.photo].source >= 0]
        right = [each for each in named if items[each.photo].source == items[each.other or 0].source]
        there = {same[0].source for same in pairs if (same[0].label != same[1].label) == across}
        told[kind] = {
            "found": len(named),
            "right": len(right),
            "recalled": len({items[each.photo].source for each in right} & there),
            "there": len(there),
        }
    told["off-topic"] = _counted(items, found, "off-topic", "stranger")
    told["other category"] = _counted(items, found, "other category", "swapped")
    told["other category, by probability"] = _counted(
        items, _found(items, categories, by_probability=True), "other category", "swapped"
    )
    return told


def _spoilt(photos: Sequence[Item], folder: Path, home: Path, random: Random) -> list[Item]:
    _, pictures = _pictures(folder)
    count = max(1, len(photos) // SPOILT)
    order = random.permutation(len(photos)).tolist()
    items = list(photos)
    for number, (kind, spoil) in enumerate(SPOILERS.items()):
        chosen = order[number * count : (number + 1) * count]
        made = [np.asarray(spoil(Image.fromarray(pictures[photos[at].source][1]), random)) for at in chosen]
        labels = [photos[at].label for at in chosen]
        spoilt = _items(made, labels, [photos[at].source for at in chosen], kind, home)
        for at, item in zip(chosen, spoilt, strict=True):
            items[at] = item
    return items


def _score_pictures(items: Sequence[Item], categories: Sequence[str]) -> dict[str, Any]:
    found = _found(items, categories)
    return {kind: _counted(items, found, cast(Kind, kind), kind) for kind in SPOILERS}


def _counted(items: Sequence[Item], found: Sequence[Finding], kind: Kind, planted: str) -> dict[str, int]:
    named = [items[each.photo].planted == planted for each in found if each.kind == kind]
    there = sum(item.planted == planted for item in items)
    return {"found": len(named), "right": sum(named), "recalled": sum(named), "there": there}


def _shrunk(image: Image.Image, random: Random) -> Image.Image:
    scale = random.uniform(36, 60) / min(image.size)
    return image.resize((max(32, round(image.width * scale)), max(32, round(image.height * scale))))


def _strip(image: Image.Image, random: Random) -> Image.Image:
    high = image.width / random.uniform(3.2, 4.5)
    top = random.uniform(0, max(0.0, image.height - high))
    strip = image.crop((0, round(top), image.width, round(top + high)))
    return strip.resize((640, round(640 * strip.height / strip.width)))


def _blank(image: Image.Image, random: Random) -> Image.Image:
    shade = random.integers(0, 256, 3) + random.normal(0, 2, (*image.size[::-1], 1))
    return Image.fromarray(np.clip(shade, 0, 255).astype(np.uint8))


def _blurred(image: Image.Image, random: Random) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(max(image.size) * random.uniform(0.006, 0.015)))


def _drawing(image: Image.Image, random: Random) -> Image.Image:
    """Outlines, or areas with outlines, in a few colours on white or a pale ground."""
    drawn = Image.new("RGB", (1000, 1000), tuple(random.integers(225, 256, 3).tolist()))
    pen, filled = ImageDraw.Draw(drawn), random.random() < 0.5
    inks = [tuple(random.integers(0, 256, 3).tolist()) for _ in range(4)]
    for _ in range(int(random.integers(4, 12))):
        x, y, wide, high = random.integers(0, 700, 4).tolist()
        box = (x, y, x + 60 + wide, y + 60 + high)
        shape: Callable[..., None] = pen.ellipse if random.random() < 0.6 else pen.rectangle
        shape(box, fill=inks[int(random.integers(4))] if filled else None, outline="black", width=8)
    return drawn.resize((500, 500), Image.Resampling.LANCZOS)


SPOILERS: dict[str, Callable[[Image.Image, Random], Image.Image]] = {
    "too small": _shrunk,
    "banner": _strip,
    "blank": _blank,
    "blurred": _blurred,
    "drawing": _drawing,
}

"""e: a photo set spoilt on purpose, cleaned, and what was found of it.

First collection: the set with one label in ten swapped; copies of one photo in ten (resized, recompressed, mirrored, or
mirrored and resized), some put into another category; strangers, one for ten photos, scattered over the categories.
Second: the set as it is, with photos spoilt as pictures: shrunk, cut to a strip, blank, blurred, replaced by a drawing.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks import thimble, trained
from benchmarks.effort import Effort, Say
from benchmarks.photo_sets import Labelled, PhotoSet, sets_beside
from benchmarks.spoiling import COPIERS, SPOILERS
from benchmarks.thimble import BACKBONE, VIEW
from benchmarks.worker import peak_memory, worker
from core.data.clean import SET_ASIDE, Finding, Kind, find
from core.data.dataset import from_folder
from core.data.example.scenes import scene
from core.data.lookalikes import fingerprint
from core.data.measures import Measures, measure
from core.data.photo import Pixels, decode, encode
from core.errors import BadPhoto
from core.model.bundle import reference_features
from core.model.head import row_space
from core.model.suspects import robust_probabilities, suspects
from core.model.views import VIEWS

SHARE = 10  # one photo in so many has its label swapped, is copied, or is joined by a stranger
ACROSS = 5  # one copy in so many is put into another category
SPOILT = 20  # one photo in so many is spoilt, in each of the ways
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
    row: NDArray[np.float32]
    fingerprint: int
    measures: Measures


def what_cleaning_finds(photos: PhotoSet, home: Path, effort: Effort, say: Say) -> dict[str, Any]:
    """Precision and recall of each finding on the set spoilt on purpose, with strangers from each other set in turn.

    And of the labels in doubt that a training names when one in ten is swapped and nothing else is wrong.
    """
    others: Sequence[Path | None] = [other.folder for other in sets_beside(photos)] or [None]
    runs: list[dict[str, Any]] = []
    with worker() as ours:
        known = ours(thimble.labelled, photos.folder, home)
        for seed in range(effort.spoilings):
            say(f"spoiling and cleaning, {seed + 1} of {effort.spoilings}")
            run = ours(cleaned, photos.folder, others[seed % len(others)], home, seed)
            run["kinds"]["suspects of a training"] = ours(suspected_in_training, known, home, seed)
            runs.append(run)
        memory = ours(peak_memory)
    for run in runs:
        run["kinds"] = {kind: _rates(told) for kind, told in run["kinds"].items()}
    names = ("found", "right", "recalled", "there")
    return {
        "photos": runs[0]["photos"],
        "categories": runs[0]["categories"],
        "untouched": runs[0]["untouched"],
        "kinds": {
            kind: _rates({name: sum(run["kinds"][kind][name] for run in runs) for name in names})
            for kind in runs[0]["kinds"]
        },
        "runs": runs,
        "peak_memory_mb": memory,
    }


def suspected_in_training(known: Labelled, home: Path, seed: int) -> dict[str, int]:
    """Of one label in ten swapped, how many a training doubts, as `cleaned` tells it. In a worker process."""
    random = np.random.default_rng(seed)
    categories = tuple(dict.fromkeys(photo.category for photo in known.photos))
    swapped = {known.photos[at].key for at in random.permutation(len(known.photos))[: len(known.photos) // SHARE]}
    photos = []
    for photo in known.photos:
        if photo.key in swapped:
            other = categories[_another(categories.index(photo.category), len(categories), random)]
            photos.append(replace(photo, category=other))
        else:
            photos.append(photo)
    bundle = trained.train(known.folder, photos, home).bundle
    found = [bundle.memory.sha256[each.photo] in swapped for each in bundle.advice.suspects]
    return {"found": len(found), "right": sum(found), "recalled": sum(found), "there": len(swapped)}


def cleaned(folder: Path, strangers: Path | None, home: Path, seed: int) -> dict[str, Any]:
    """For each kind of finding: how many were found, were right, and were there to be found.

    `strangers` None takes drawn places, without a dress. In a worker process.
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
    views = np.array([VIEWS[VIEW](Image.fromarray(pixels), BACKBONE.pixels) for pixels in stored], np.uint8)
    rows = thimble.embedders(home)[BACKBONE.id].embed(views.reshape(-1, BACKBONE.pixels, BACKBONE.pixels, 3))
    return [
        Item(label, source, planted, row, fingerprint(pixels), measure(pixels))
        for label, source, row, pixels in zip(labels, sources, rows, stored, strict=True)
    ]


def _found(items: Sequence[Item], categories: Sequence[str]) -> list[Finding]:
    labels = np.array([item.label for item in items], np.int64)
    embeddings = np.stack([item.row for item in items])[:, BACKBONE.last]
    fingerprints = np.array([item.fingerprint for item in items], np.uint64)
    measures = [item.measures for item in items]
    keys = [str(at) for at in range(len(items))]
    return find(keys, labels, embeddings, fingerprints, measures, categories)


def _suspected(items: Sequence[Item], found: Sequence[Finding], categories: Sequence[str]) -> list[int]:
    """Positions of the photos whose labels are in doubt, copies and strangers left aside as in a project."""
    aside = {each.photo for each in found if SET_ASIDE[each.kind]}
    asked = [at for at in range(len(items)) if at not in aside]
    labels = np.array([items[at].label for at in asked], np.int64)
    look = BACKBONE.id, VIEW
    features = reference_features(look).matrix({look: np.stack([items[at].row for at in asked])})
    # Copies of a photo in two categories stay in one fold, or it would be judged by itself.
    folds = np.array([items[at].source % 5 if items[at].source >= 0 else at % 5 for at in asked])
    coordinates = row_space((features @ features.T).astype(np.float64))
    probabilities = robust_probabilities(coordinates, labels, folds, len(categories))
    return [asked[each.photo] for each in suspects(labels, probabilities)]


def _swapped(photos: Sequence[Item], categories: int, random: Random) -> list[Item]:
    chosen = set(random.permutation(len(photos))[: len(photos) // SHARE].tolist())
    return [
        replace(item, label=_another(item.label, categories, random), planted="swapped") if at in chosen else item
        for at, item in enumerate(photos)
    ]


def _copied(photos: Sequence[Item], folder: Path, categories: int, home: Path, random: Random) -> list[Item]:
    _, pictures = _pictures(folder)
    made, labels, sources = [], [], []
    for number, at in enumerate(random.permutation(len(photos))[: max(1, len(photos) // SHARE)].tolist()):
        item = photos[at]
        image = COPIERS[number % len(COPIERS)](Image.fromarray(pictures[item.source][1]), random)
        made.append(np.asarray(image))
        labels.append(_another(item.label, categories, random) if number % ACROSS == ACROSS - 1 else item.label)
        sources.append(item.source)
    return _items(made, labels, sources, "copy", home)


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
    told["off-topic"] = _counted(items, _with_kind(found, "off-topic"), "stranger")
    told["other category"] = _counted(items, _suspected(items, found, categories), "swapped")
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
    return {kind: _counted(items, _with_kind(found, cast(Kind, kind)), kind) for kind in SPOILERS}


def _with_kind(found: Sequence[Finding], kind: Kind) -> list[int]:
    return [each.photo for each in found if each.kind == kind]


def _counted(items: Sequence[Item], named: Sequence[int], planted: str) -> dict[str, int]:
    right = sum(items[at].planted == planted for at in named)
    there = sum(item.planted == planted for item in items)
    return {"found": len(named), "right": right, "recalled": right, "there": there}


def _rates(told: dict[str, Any]) -> dict[str, Any]:
    """With precision and recall; None where nothing was found, or nothing there to find."""
    return told | {
        "precision": told["right"] / told["found"] if told["found"] else None,
        "recall": told["recalled"] / told["there"] if told["there"] else None,
    }

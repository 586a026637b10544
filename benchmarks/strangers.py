"""i: none of these: which photos kept out are still known, and which strangers are not."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import thimble, trained
from benchmarks.draws import Draw, draw
from benchmarks.effort import Effort, Say
from benchmarks.photo_sets import PhotoSet, sets_beside
from benchmarks.worker import worker
from core.data.dataset import Dataset, Photo, from_folder
from core.data.example.scenes import scene
from core.data.photo import encode
from core.model.bundle import Bundle
from core.model.embed import Look, embed_photos
from core.model.features import Key, Matrix
from core.model.novelty import REFUSE

DRAWN = "drawn places"  # the strangers where there is no other set
Scores = NDArray[np.float64]


def met(dealt: Draw, size: int, others: Sequence[tuple[str, Path, Sequence[Photo]]], home: Path) -> dict[str, Any]:
    """Photos kept out that are kept as known, and strangers that are accepted, for each other set. In a worker."""
    bundle = trained.train(dealt.folder, dealt.training(size), home).bundle
    looks = bundle.looks(bundle.mode)
    refused = _refused(bundle, trained.look(dealt.folder, dealt.kept_out, looks, home))
    accepted = {}
    for name, folder, photos in others:
        rows = trained.look(folder, photos, looks, home) if photos else _drawn(looks, home)
        each = _refused(bundle, rows)
        accepted[name] = {"strangers": len(each), "accepted": int((~each).sum())}
    return {"known": len(refused), "kept": int((~refused).sum()), "accepted": accepted}


def left_out(dealt: Draw, size: int, category: str, home: Path) -> dict[str, Any]:
    """Area under the ROC curve of one category, never learnt, against the kept-out photos of the others."""
    photos = [photo for photo in dealt.training(size) if photo.category != category]
    bundle = trained.train(dealt.folder, photos, home).bundle
    rows = trained.look(dealt.folder, dealt.kept_out, bundle.looks(bundle.mode), home)
    strange = np.array([photo.category == category for photo in dealt.kept_out])
    shipped = -np.array([answer.nearness for answer in bundle.answer(rows, bundle.mode)])
    softmax = -bundle.classifiers[bundle.mode].probabilities(rows).max(axis=1)
    return {"category": category, "shipped": area(shipped, strange), "softmax": area(softmax, strange)}


def strangers(photos: PhotoSet, home: Path, effort: Effort, say: Say) -> dict[str, Any]:
    """Strangers come from the sets beside this one that share no picture with it."""
    runs: list[dict[str, Any]] = []
    with worker() as ours:
        known = ours(thimble.labelled, photos.folder, home)
        others = []
        for other in sets_beside(photos):
            theirs = _all(other)
            if not {photo.key for photo in theirs} & {photo.key for photo in known.photos}:
                others.append((other.name, other.folder.resolve(), _some(theirs, effort.strangers)))
        size = effort.stranger_size
        for number in range(effort.stranger_draws):
            dealt = draw(known, size, effort.large_kept_out, number)
            if len(dealt.categories) < 2 or not dealt.kept_out:
                continue
            say(f"none of these, draw {number + 1} of {effort.stranger_draws}")
            run = ours(met, dealt, size, others or [(DRAWN, Path(), ())], home)
            run["left_out"] = [
                ours(left_out, dealt, size, category, home)
                for category in _turn(dealt, number, effort.left_out)
                if len(dealt.categories) > 2
            ]
            runs.append(run)
    return {"photos_a_category": size, **_summed(runs), "runs": runs}


def together(sets: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means over the sets, each counting alike."""
    near = [each for each in sets if each.get("areas")]
    met_any = [each for each in sets if "kept" in each]
    return {
        "sets": len(met_any),
        "kept": fmean(each["kept"] for each in met_any) if met_any else None,
        "accepted": fmean(each["accepted"] for each in met_any) if met_any else None,
        "worst_accepted": max((each["accepted"] for each in met_any), default=None),
        "areas": {name: fmean(each["areas"][name] for each in near) for name in ("shipped", "softmax")}
        if near
        else None,
    }


def area(scores: Scores, strange: NDArray[np.bool_]) -> float:
    """How often a stranger scores higher than a known photo, ties counted half: the area under the ROC curve."""
    known = np.sort(scores[~strange])
    below, not_above = (np.searchsorted(known, scores[strange], side) for side in ("left", "right"))
    return float((below + not_above).mean() / (2 * len(known)))


def _all(photos: PhotoSet) -> list[Photo]:
    dataset = from_folder(photos.folder.resolve())
    return [replace(photo, key=hashlib.sha256(dataset.read(photo)).hexdigest()) for photo in dataset.photos]


def _some(photos: Sequence[Photo], count: int) -> tuple[Photo, ...]:
    order = np.random.default_rng(0).permutation(len(photos))[:count].tolist()
    return tuple(photos[at] for at in order)


def _turn(dealt: Draw, number: int, count: int) -> tuple[str, ...]:
    """Each category in its turn, over the draws, as long as there are photos kept out of it and of others."""
    tested = sorted({photo.category for photo in dealt.kept_out})
    if len(tested) < 2:
        return ()
    return tuple(dict.fromkeys(tested[(number * count + at) % len(tested)] for at in range(count)))


def _drawn(looks: Sequence[Key], home: Path) -> dict[Key, Matrix]:
    photos = [Photo(str(number), f"place {number}", "") for number in range(20)]
    places = Dataset(
        (), tuple(photos), lambda photo: encode(np.asarray(scene((400, 500), np.random.default_rng(int(photo.key)))))
    )
    made = thimble.embedders(home)
    return embed_photos(photos, places.read, [Look(made[backbone], view) for backbone, view in looks]).rows


def _refused(bundle: Bundle, rows: dict[Key, Matrix]) -> NDArray[np.bool_]:
    return np.array([answer.is_none for answer in bundle.answer(rows, bundle.mode)], dtype=np.bool_)


def _summed(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Shares over all draws; the sets that strangers come from count alike."""
    if not runs:
        return {}
    accepted = {
        name: sum(run["accepted"][name]["accepted"] for run in runs)
        / sum(run["accepted"][name]["strangers"] for run in runs)
        for name in runs[0]["accepted"]
    }
    areas = [each for run in runs for each in run["left_out"]]
    return {
        "kept": sum(run["kept"] for run in runs) / sum(run["known"] for run in runs),
        "stated": 1 - REFUSE,
        "accepted": fmean(accepted.values()),
        "accepted_from": accepted,
        "areas": {name: fmean(each[name] for each in areas) for name in ("shipped", "softmax")} if areas else None,
    }

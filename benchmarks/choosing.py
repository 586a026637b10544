"""j: click to report, with nothing looked at before and with everything; and the choice alone."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import thimble, trained
from benchmarks.effort import Effort, Say
from benchmarks.photo_sets import Labelled, PhotoSet
from benchmarks.worker import worker
from core.data.dataset import Photo
from core.model.backbones import BUNDLED
from core.model.train import train_model


def timed(folder: Path, photos: Sequence[Photo], home: Path, *, cached: bool) -> dict[str, Any]:
    """The seconds of one training, in its parts, and what was chosen. In a worker process."""
    made = thimble.embedders(home)
    known = trained.cache() if cached else None
    done = train_model(trained.dataset(folder, photos), made, cache=known)
    return {"seconds": done.seconds, "mode": done.bundle.mode, "candidates": len(done.bundle.table)}


def choosing_time(photos: PhotoSet, home: Path, effort: Effort, say: Say) -> dict[str, Any]:
    """Medians over runs in one process, the backbones loaded. The choice alone is what is left when all is cached."""
    with worker() as ours:
        prepared = ours(thimble.prepare, home)
        some = _some(ours(thimble.labelled, photos.folder, home), effort)
        ours(timed, photos.folder, some, home, cached=True)
        runs: dict[str, list[dict[str, Any]]] = {"cold": [], "cached": []}
        for number in range(effort.repeats):
            say(f"choosing, run {number + 1} of {effort.repeats}")
            for name, each in runs.items():
                each.append(ours(timed, photos.folder, some, home, cached=name == "cached"))
    seconds = {
        name: {part: median(run["seconds"][part] for run in each) for part in each[0]["seconds"]}
        for name, each in runs.items()
    }
    return {
        "photos": len(some),
        "categories": len({photo.category for photo in some}),
        "backbones": BUNDLED,
        "prepare": prepared,
        "seconds": seconds,
        "choice": seconds["cached"]["look_and_choose"],
        "mode": runs["cold"][0]["mode"],
        "candidates": runs["cold"][0]["candidates"],
        "runs": runs,
    }


def _some(labelled: Labelled, effort: Effort) -> tuple[Photo, ...]:
    """Photos of the largest categories, equally many of each if there are enough."""
    random = np.random.default_rng(0)
    by_category: defaultdict[str, list[Photo]] = defaultdict(list)
    for at in random.permutation(len(labelled.photos)).tolist():
        by_category[labelled.photos[at].category].append(labelled.photos[at])
    largest = sorted(by_category.values(), key=len, reverse=True)[: effort.chosen_categories]
    return tuple(photo for category in largest for photo in category[: effort.chosen_photos])

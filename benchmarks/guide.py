"""d: Thimble beside the Keras transfer-learning guide, on the same photos and scored on the same ones kept out."""

import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import peers, thimble
from benchmarks.effort import Effort, Say
from benchmarks.photo_sets import PhotoSet, split
from benchmarks.worker import peak_memory, worker


def against_the_guide(photos: PhotoSet, home: Path, effort: Effort, say: Say) -> dict[str, Any]:
    """Both sides train on the same photos and are scored on the same ones kept out, split after split."""
    with worker() as ours:
        labelled = ours(thimble.labelled, photos.folder, home, thimble.PEER_READS)
    splits: list[dict[str, Any]] = []
    for number in range(effort.splits):
        with tempfile.TemporaryDirectory() as folder:
            training, kept_out = split(labelled, number, Path(folder))
            say(f"split {number + 1} of {effort.splits}: Thimble")
            with worker() as ours:
                ours(thimble.prepare, home)
                our = ours(thimble.train_and_score, training, kept_out, home)
                our["peak_memory_mb"] = ours(peak_memory)
            say(f"split {number + 1} of {effort.splits}: the guide's recipe, {effort.epochs} epochs")
            with worker() as keras:
                prepared = keras(peers.prepare)
                their = keras(peers.train_and_score, training, kept_out, effort.epochs, number)
                their |= {"prepare": prepared, "peak_memory_mb": keras(peak_memory)}
        splits.append({"split": number, "thimble": our, "guide": their, **_compared(our, their)})
    together = {side: _together([each[side] for each in splits]) for side in ("thimble", "guide")}
    return {
        "splits": splits,
        "training_photos": len(labelled.photos) - splits[0]["thimble"]["photos"],
        **together,
        **_compared(together["thimble"], together["guide"]),
    }


def _together(sides: list[dict[str, Any]]) -> dict[str, Any]:
    """Of one side over all splits: median seconds and memory, accuracy over all photos kept out."""
    right, photos = (sum(side[name] for side in sides) for name in ("right", "photos"))
    memory = [side["peak_memory_mb"] for side in sides if side["peak_memory_mb"] is not None]
    return {
        "seconds": {part: median(side["seconds"][part] for side in sides) for part in sides[0]["seconds"]},
        "right": right,
        "photos": photos,
        "accuracy": right / photos,
        "peak_memory_mb": median(memory) if memory else None,
    }


def _compared(our: dict[str, Any], their: dict[str, Any]) -> dict[str, float]:
    return {
        "times_faster": their["seconds"]["total"] / our["seconds"]["total"],
        "points_higher": 100 * (our["accuracy"] - their["accuracy"]),
    }

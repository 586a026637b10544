"""The five measurements: who runs when, and what is compared. Everything returned is ready for JSON.

A ratio is always of two sides measured in this run, and above 1 where Thimble is the faster one.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import cleaning, peers, thimble
from benchmarks.photo_sets import PhotoSet, split
from benchmarks.worker import peak_memory, worker

Say = Callable[[str], None]


@dataclass(frozen=True)
class Effort:
    """How much is measured; `splits` is how many both sides train on; five test each photo once."""

    dresses: int = 60  # of each category
    repeats: int = 3
    views: int = 256
    rounds: int = 5
    predictions: int = 400
    epochs: int = 20
    splits: int = 5
    spoilings: int = 6


QUICK = Effort(dresses=6, repeats=1, views=8, rounds=2, predictions=10, epochs=2, splits=1, spoilings=1)


def photos_to_model(photos: PhotoSet, home: Path, effort: Effort, say: Say) -> dict[str, Any]:
    """Seconds of each part of `train_model`, medians over runs in one process; loading the network apart."""
    with worker() as ours:
        prepared = ours(thimble.prepare, home)
        runs = []
        for number in range(effort.repeats):
            say(f"training, run {number + 1} of {effort.repeats}")
            runs.append(ours(thimble.photos_to_model, photos.folder, home))
        memory = ours(peak_memory)
    seconds = {part: median(run["seconds"][part] for run in runs) for part in runs[0]["seconds"]}
    about = {name: value for name, value in runs[0].items() if name != "seconds"}
    return {
        **about,
        "prepare": prepared,
        "seconds": seconds,
        "photos_per_second": about["photos"] / seconds["total"],
        "runs": [run["seconds"] for run in runs],
        "peak_memory_mb": memory,
    }


def embedding(photos: PhotoSet, home: Path, effort: Effort, say: Say) -> dict[str, Any]:
    """Images a second on the same ready-made views, the sides in turn; medians over the rounds.

    Bulk embedding takes bfloat16 where the processor has it. Its 32-bit rate is then that of the embedder for
    single answers, which always computes in 32 bits.
    """
    with tempfile.TemporaryDirectory() as folder, worker() as ours, worker() as keras:
        file = Path(folder, "views.npy")
        count = ours(thimble.save_views, photos.folder, file, effort.views)
        bfloat16 = ours(thimble.has_bfloat16)
        sides: dict[str, Callable[[], float]] = {
            "keras": lambda: keras(peers.predict_rate, file),
            "f32": lambda: ours(thimble.embed_rate, file, home, bulk=not bfloat16),
        }
        if bfloat16:
            sides["bf16"] = lambda: ours(thimble.embed_rate, file, home, bulk=True)
        say("embedding, warming up")
        for measure in sides.values():
            measure()
        rates: dict[str, list[float]] = {name: [] for name in sides}
        for number in range(effort.rounds):
            say(f"embedding, round {number + 1} of {effort.rounds}")
            for name, measure in sides.items():
                rates[name].append(measure())
        memory = {"thimble": ours(peak_memory), "keras": keras(peak_memory)}
    middle = {name: median(each) for name, each in rates.items()}
    return {
        "photos": count,
        "images_per_second": middle | ({} if bfloat16 else {"bf16": None}),
        "times_keras": {
            "f32": middle["f32"] / middle["keras"],
            "bf16": middle["bf16"] / middle["keras"] if bfloat16 else None,
        },
        "rounds": rates,
        "peak_memory_mb": memory,
    }


def single_prediction(photos: PhotoSet, home: Path, effort: Effort, say: Say) -> dict[str, Any]:
    """Milliseconds from a file's bytes to an answer, after warming up, one at a time."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, "model")
        say("training the model to predict with")
        with worker() as ours:
            ours(thimble.save_model, photos.folder, home, model)
        say(f"{effort.predictions} single predictions")
        with worker() as ours:
            seconds = ours(thimble.single_predictions, model, photos.folder, home, effort.predictions)
            memory = ours(peak_memory)
    p50, p99 = np.percentile(np.array(seconds) * 1000, [50, 99]).tolist()
    return {"predictions": len(seconds), "p50_ms": p50, "p99_ms": p99, "peak_memory_mb": memory}


def against_the_guide(photos: PhotoSet, home: Path, effort: Effort, say: Say) -> dict[str, Any]:
    """Both sides train on the same photos and are scored on the same ones kept out, split after split."""
    with worker() as ours:
        labelled = ours(thimble.labelled, photos.folder, home)
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
        "training_photos": len(labelled.paths) - splits[0]["thimble"]["photos"],
        **together,
        **_compared(together["thimble"], together["guide"]),
    }


def what_cleaning_finds(photos: PhotoSet, home: Path, effort: Effort, say: Say) -> dict[str, Any]:
    """Precision and recall of each finding on the set spoilt on purpose, with strangers from each other set in turn."""
    others: Sequence[Path | None] = cleaning.other_sets(photos) or [None]
    runs: list[dict[str, Any]] = []
    with worker() as ours:
        for seed in range(effort.spoilings):
            say(f"spoiling and cleaning, {seed + 1} of {effort.spoilings}")
            runs.append(ours(cleaning.cleaned, photos.folder, others[seed % len(others)], home, seed))
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


def _rates(told: dict[str, Any]) -> dict[str, Any]:
    """With precision and recall; None where nothing was found, or nothing there to find."""
    return told | {
        "precision": told["right"] / told["found"] if told["found"] else None,
        "recall": told["recalled"] / told["there"] if told["there"] else None,
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


PARTS: dict[str, tuple[str, Callable[[PhotoSet, Path, Effort, Say], dict[str, Any]]]] = {
    "a": ("photos_to_model", photos_to_model),
    "b": ("embedding", embedding),
    "c": ("single_prediction", single_prediction),
    "d": ("against_the_guide", against_the_guide),
    "e": ("what_cleaning_finds", what_cleaning_finds),
}

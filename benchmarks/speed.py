"""a, b, c: how fast photos become a model, rows and answers. Everything returned is ready for JSON.

A ratio is always of two sides measured in this run, and above 1 where Thimble is the faster one.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import peers, thimble
from benchmarks.effort import Effort, Say
from benchmarks.photo_sets import PhotoSet
from benchmarks.worker import peak_memory, worker


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

    Both sides compute the same network to its last features; Thimble's gives those of the other cuts besides.

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
    """Milliseconds from a file's bytes to an answer, after warming up, one at a time, in either mode."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, "model")
        say("training the model to predict with")
        with worker() as ours:
            ours(thimble.save_model, photos.folder, home, model)
        say(f"{effort.predictions} single predictions")
        with worker() as ours:
            seconds = ours(thimble.single_predictions, model, photos.folder, home, effort.predictions)
            memory = ours(peak_memory)
    modes = {}
    for mode, each in seconds.items():
        p50, p99 = np.percentile(np.array(each) * 1000, [50, 99]).tolist()
        modes[mode] = {"p50_ms": p50, "p99_ms": p99}
    return {"predictions": effort.predictions, "modes": modes, "peak_memory_mb": memory}

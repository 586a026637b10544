"""f: accuracy with few photos a category, Thimble beside other ways to learn from the same photos."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median
from time import perf_counter
from typing import Any, get_args

from benchmarks import rivals, thimble, trained
from benchmarks.draws import Draw, draw
from benchmarks.effort import Effort, Say
from benchmarks.photo_sets import PhotoSet
from benchmarks.worker import worker
from core.model.select import Mode
from core.model.train import evaluate_model, train_model

MODES: tuple[Mode, ...] = get_args(Mode)
RIVALS = ("guide", "teachable", "tuned")


def learn(dealt: Draw, size: int, home: Path) -> dict[str, Any]:
    """Thimble on a draw with nothing looked at before: accuracy in either mode, and seconds. In a worker process."""
    embedders = thimble.embedders(home)
    started = perf_counter()
    bundle = train_model(trained.dataset(dealt.folder, dealt.training(size)), embedders).bundle
    learnt = perf_counter()
    kept_out = trained.dataset(dealt.folder, dealt.kept_out)
    report, _ = evaluate_model(bundle, kept_out, embedders)
    scored = perf_counter()
    reports = {mode: evaluate_model(bundle, kept_out, embedders, mode=mode)[0] for mode in MODES}
    return {
        "seconds": {"train": learnt - started, "score": scored - learnt},
        "accuracy": report.accuracy,
        "mode": bundle.mode,
        "modes": {mode: each.accuracy for mode, each in reports.items()},
    }


def few_photos(photos: PhotoSet, home: Path, effort: Effort, say: Say) -> dict[str, Any]:
    """Every side learns from the same photos of each draw and is scored on the same ones kept out."""
    runs: list[dict[str, Any]] = []
    with worker() as ours, worker() as keras:
        ours(thimble.prepare, home)
        known = ours(thimble.labelled, photos.folder, home)
        keras(rivals.prepare)
        for number in range(effort.draws):
            dealt = draw(known, max(effort.sizes), effort.kept_out, number)
            for size in effort.sizes:
                if not dealt.offers(size):
                    continue
                say(f"{size} photos a category, draw {number + 1} of {effort.draws}")
                sides = {"thimble": ours(learn, dealt, size, home)}
                sides |= keras(rivals.on_features, dealt, size, effort.epochs, effort.teachable_epochs, number)
                if number < effort.tuned_draws and size in effort.tuned_sizes:
                    say(f"{size} photos a category, fine-tuning, {effort.tuned_epochs} epochs")
                    sides["tuned"] = keras(rivals.fine_tuned, dealt, size, effort.epochs, effort.tuned_epochs, number)
                about = {"photos": len(dealt.training(size)), "kept_out": len(dealt.kept_out)}
                runs.append({"size": size, "draw": number, **about, "sides": sides})
    return {"sizes": {size: _compared(here) for size in effort.sizes if (here := _of_size(runs, size))}, "runs": runs}


def together(sets: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means over the sets, at each size, and over the sizes at which everything ran."""
    sizes = dict.fromkeys(size for each in sets for size in each["sizes"])
    told = {size: _means([each["sizes"][size] for each in sets if size in each["sizes"]]) for size in sizes}
    tuned = [size for size in told if "tuned" in told[size]["against"]]
    cells = [each["sizes"][size] for each in sets for size in tuned if size in each["sizes"]]
    return {"sizes": told, "over": {"sizes": tuned, **_means(cells)} if cells else None}


def _of_size(runs: Sequence[dict[str, Any]], size: int) -> list[dict[str, Any]]:
    return [run for run in runs if run["size"] == size]


def _compared(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Each side's mean accuracy and median seconds, and Thimble beside each rival in the draws that both ran."""
    sides = {name: [run["sides"][name] for run in runs if name in run["sides"]] for name in ("thimble", *RIVALS)}
    against = {}
    for name in RIVALS:
        pairs = [(run["sides"]["thimble"], run["sides"][name]) for run in runs if name in run["sides"]]
        if pairs:
            against[name] = {
                "draws": len(pairs),
                "points_higher": fmean(100 * (our["accuracy"] - their["accuracy"]) for our, their in pairs),
                "times_faster": sum(their["seconds"]["train"] for _, their in pairs)
                / sum(our["seconds"]["train"] for our, _ in pairs),
            }
    return {
        "photos": runs[0]["photos"],
        "kept_out": runs[0]["kept_out"],
        "sides": {
            name: {
                "accuracy": fmean(each["accuracy"] for each in ran),
                "seconds": median(each["seconds"]["train"] for each in ran),
            }
            for name, ran in sides.items()
            if ran
        },
        "modes": {mode: fmean(each["modes"][mode] for each in sides["thimble"]) for mode in MODES},
        "against": against,
    }


def _means(cells: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of several sets or sizes: means of accuracies, points and seconds; the ratio is of all seconds together."""
    names = [name for name in ("thimble", *RIVALS) if any(name in cell["sides"] for cell in cells)]
    sides = {name: [cell["sides"][name] for cell in cells if name in cell["sides"]] for name in names}
    against = {name: [cell for cell in cells if name in cell["against"]] for name in names[1:]}
    return {
        "cells": len(cells),
        "sides": {
            name: {part: fmean(each[part] for each in ran) for part in ("accuracy", "seconds")}
            for name, ran in sides.items()
        },
        "modes": {mode: fmean(cell["modes"][mode] for cell in cells) for mode in MODES},
        "against": {
            name: {
                "cells": len(ran),
                "points_higher": fmean(cell["against"][name]["points_higher"] for cell in ran),
                "times_faster": sum(cell["sides"][name]["seconds"] for cell in ran)
                / sum(cell["sides"][name]["seconds"] / cell["against"][name]["times_faster"] for cell in ran),
                "least_times_faster": min(cell["against"][name]["times_faster"] for cell in ran),
            }
            for name, ran in against.items()
        },
    }

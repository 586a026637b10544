"""g: what more photos were said to bring, beside what they brought."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

from benchmarks import thimble, trained
from benchmarks.draws import Draw, draw
from benchmarks.effort import Effort, Say
from benchmarks.photo_sets import PhotoSet
from benchmarks.worker import worker
from core.model.evaluate import evaluate
from core.model.forecast import INTERVAL, forecast


def foretold(dealt: Draw, pairs: Sequence[tuple[int, int]], home: Path) -> list[dict[str, float]]:
    """For each pair of photos a category and how many more: gains in points, foretold and reached on the photos kept
    out. Empty where nothing could be told. In a worker process.
    """
    reached, curves = {}, {}
    for size in sorted({size for have, more in pairs for size in (have, have + more)}):
        bundle = trained.train(dealt.folder, dealt.training(size), home).bundle
        classifier = bundle.classifiers[bundle.mode]
        rows = trained.look(dealt.folder, dealt.kept_out, classifier.looks, home)
        truth = trained.labels(bundle, dealt.kept_out)
        reached[size] = evaluate(truth, classifier.probabilities(rows), bundle.categories).accuracy
        curves[size] = bundle.advice.curve
    told = []
    for have, more in pairs:
        gain = forecast(curves[have], more).everything
        if gain is not None:
            ends = {"foretold": 100 * gain.expected, "low": 100 * gain.low, "high": 100 * gain.high}
            told.append({"have": have, "more": more, **ends, "reached": 100 * (reached[have + more] - reached[have])})
    return told


def forecasts(photos: PhotoSet, home: Path, effort: Effort, say: Say) -> dict[str, Any]:
    """Draws in which every category has photos enough for the larger training; none for a set without."""
    runs: list[dict[str, Any]] = []
    with worker() as ours:
        known = ours(thimble.labelled, photos.folder, home)
        for number in range(effort.forecast_draws):
            say(f"forecasts, draw {number + 1} of {effort.forecast_draws}")
            by_largest: dict[int, list[tuple[int, int]]] = {}
            for have, more in effort.forecasts:
                by_largest.setdefault(have + more, []).append((have, more))
            for largest, pairs in by_largest.items():
                dealt = draw(known, largest, effort.large_kept_out, number, alike=True)
                if dealt.offers(largest):
                    runs += [{"draw": number, **each} for each in ours(foretold, dealt, pairs, home)]
    return {"errors": _errors(runs), "runs": runs}


def together(sets: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The same over all runs of all sets, and for each pair."""
    runs = [run for each in sets for run in each["runs"]]
    pairs = dict.fromkeys((run["have"], run["more"]) for run in runs)
    return {
        "errors": _errors(runs),
        "pairs": [
            {"have": have, "more": more, **_errors([run for run in runs if (run["have"], run["more"]) == (have, more)])}
            for have, more in pairs
        ],
    }


def _errors(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """In points: the middle error, that of foretelling no change, and the bias; and the share inside the interval."""
    if not runs:
        return {"runs": 0}
    return {
        "runs": len(runs),
        "median_error": median(abs(run["foretold"] - run["reached"]) for run in runs),
        "no_change_error": median(abs(run["reached"]) for run in runs),
        "bias": fmean(run["foretold"] - run["reached"] for run in runs),
        "stated": INTERVAL,
        "inside": fmean(run["low"] <= run["reached"] <= run["high"] for run in runs),
    }

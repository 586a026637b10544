"""h: whether the report holds: its interval, and how sure the answers are, on photos kept out of everything."""

from collections.abc import Sequence
from math import hypot, sqrt
from pathlib import Path
from statistics import fmean
from typing import Any, get_args

import numpy as np

from benchmarks import thimble, trained
from benchmarks.draws import Draw, draw
from benchmarks.effort import Effort, Say
from benchmarks.photo_sets import PhotoSet
from benchmarks.worker import worker
from core.model.evaluate import Z95, calibration_error
from core.model.select import Mode

MODES: tuple[Mode, ...] = get_args(Mode)


def reported(dealt: Draw, size: int, home: Path) -> dict[str, Any]:
    """What the reports say, and how sure and how right the answers on the photos kept out are. In a worker process."""
    bundle = trained.train(dealt.folder, dealt.training(size), home).bundle
    told: dict[str, Any] = {"mode": bundle.mode}
    for mode, classifier in bundle.classifiers.items():
        rows = trained.look(dealt.folder, dealt.kept_out, classifier.looks, home)
        probabilities = classifier.probabilities(rows)
        right = probabilities.argmax(axis=1) == trained.labels(bundle, dealt.kept_out)
        report = bundle.reports[mode]
        told[mode] = {
            "said": report.accuracy,
            "interval": report.accuracy_interval,
            "said_calibration_error": report.expected_calibration_error,
            "sure": probabilities.max(axis=1),
            "right": right,
        }
    return told


def honesty(photos: PhotoSet, home: Path, effort: Effort, say: Say) -> dict[str, Any]:
    """For each number of photos a category and either mode, over the draws."""
    sizes: dict[int, list[dict[str, Any]]] = {}
    with worker() as ours:
        known = ours(thimble.labelled, photos.folder, home)
        for number in range(effort.honest_draws):
            say(f"honesty, draw {number + 1} of {effort.honest_draws}")
            dealt = draw(known, max(effort.sizes), effort.large_kept_out, number)
            for size in effort.sizes:
                if dealt.offers(size) and len(dealt.kept_out) >= effort.least_kept_out:
                    sizes.setdefault(size, []).append(ours(reported, dealt, size, home))
    return {"sizes": {size: _over_draws(draws) for size, draws in sizes.items()}}


def together(sets: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Coverage over all draws of all sets; the mean and the worst of the sets' calibration errors."""
    sizes = dict.fromkeys(size for each in sets for size in each["sizes"])
    told = {size: _over_sets([each["sizes"][size] for each in sets if size in each["sizes"]]) for size in sizes}
    return {"sizes": told, "all": _over_sets([cell for each in sets for cell in each["sizes"].values()])}


def _over_draws(draws: Sequence[dict[str, Any]]) -> dict[str, Any]:
    advised = _mode([each[each["mode"]] for each in draws])
    return {**{str(mode): _mode([each[mode] for each in draws]) for mode in MODES}, "advised": advised}


def _mode(draws: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """`covered` are the draws whose interval holds what was reached, `likely` those where it does so but for chance.

    The part kept out is a sample too: its own 95 % margin is added in quadrature. `calibration_error` is of all photos
    kept out in all draws together, since that of few photos is too high by chance.
    """
    reached = [float(each["right"].mean()) for each in draws]
    covered, likely = 0, 0
    for each, got in zip(draws, reached, strict=True):
        low, high = each["interval"]
        chance = Z95 * sqrt(got * (1 - got) / len(each["right"]))
        covered += low <= got <= high
        said = each["said"]
        likely += said - hypot(said - low, chance) <= got <= said + hypot(high - said, chance)
    sure, right = (np.concatenate([each[part] for each in draws]) for part in ("sure", "right"))
    return {
        "draws": len(draws),
        "covered": covered,
        "likely": likely,
        "accuracy": fmean(reached),
        "said": fmean(each["said"] for each in draws),
        "calibration_error": calibration_error(sure, right),
        "sure": float(sure.mean()),
        "said_calibration_error": fmean(each["said_calibration_error"] for each in draws),
        "runs": [
            {"said": each["said"], "interval": each["interval"], "reached": got}
            for each, got in zip(draws, reached, strict=True)
        ],
    }


def _over_sets(cells: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {name: _pooled([cell[name] for cell in cells]) for name in (*MODES, "advised")} if cells else {}


def _pooled(sets: Sequence[dict[str, Any]]) -> dict[str, Any]:
    draws = sum(each["draws"] for each in sets)
    errors = [each["calibration_error"] for each in sets]
    return {
        "draws": draws,
        "covered": sum(each["covered"] for each in sets),
        "coverage": sum(each["covered"] for each in sets) / draws,
        "likely": sum(each["likely"] for each in sets) / draws,
        "bias": fmean(100 * (each["said"] - each["accuracy"]) for each in sets),
        "calibration_error": fmean(errors),
        "worst_calibration_error": max(errors),
    }

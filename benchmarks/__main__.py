"""Run the benchmarks: a table on standard output, a JSON file beside, progress on standard error.

    python -m benchmarks [--only a,b,…] [--splits N] [--quick] [--out FILE]

THIMBLE_PHOTO_SETS=DIR names a folder of photo sets, or one set, whose sub-folders are the categories; without
it the drawn dresses are used.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.effort import QUICK, Effort
from benchmarks.machine import facts, versions
from benchmarks.parts import PARTS
from benchmarks.photo_sets import VARIABLE, PhotoSet, draw_dresses, find_sets
from benchmarks.table import lines
from core.data.store import home_folder
from core.errors import AppError

RESULTS = Path(__file__).parent / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 2 for input that cannot be used."""
    options = _parser().parse_args(arguments)
    effort = QUICK if options.quick else Effort()
    if options.splits:
        effort = replace(effort, splits=options.splits)
    started = datetime.now().astimezone()
    results: dict[str, Any] = {
        "date": started.isoformat(timespec="seconds"),
        "command": ["python", "-m", "benchmarks", *(sys.argv[1:] if arguments is None else arguments)],
        "machine": facts(),
        "versions": versions(),
        "effort": asdict(effort),
    }
    results["sets"] = []
    out = options.out or RESULTS / f"{started:%Y-%m-%d-%H%M%S}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory() as drawn:
            for photos in _sets(Path(drawn), effort):
                results["sets"].append(measure(photos, options.only, effort))
                results["overall"] = together(results["sets"], options.only)
                # After every set, so that a run cut short has not been for nothing.
                out.write_text(json.dumps(results, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    except AppError as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(lines(results)))
    print(f"\nThe figures are in {out}")
    return 0


def measure(photos: PhotoSet, letters: Sequence[str], effort: Effort) -> dict[str, Any]:
    """The chosen parts on one photo set."""

    def say(words: str) -> None:
        print(f"{photos.name}: {words}", file=sys.stderr, flush=True)

    parts = [PARTS[letter] for letter in letters]
    return {"name": photos.name, **{part.name: part.measure(photos, home_folder(), effort, say) for part in parts}}


def together(sets: Sequence[dict[str, Any]], letters: Sequence[str]) -> dict[str, Any]:
    """The chosen parts over all photo sets."""
    parts = [PARTS[letter] for letter in letters]
    return {part.name: part.together([each[part.name] for each in sets]) for part in parts if part.together}


def _sets(drawn: Path, effort: Effort) -> list[PhotoSet]:
    named = os.environ.get(VARIABLE)
    return find_sets(Path(named)) if named else [draw_dresses(drawn, effort.dresses)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Speed and accuracy, side by side.")
    parser.add_argument("--only", type=_letters, default=list(PARTS), metavar="a,b,…", help=_described())
    parser.add_argument(
        "--splits", type=_at_least_one, metavar="N", help="for part d; default: 2; 5 test each photo once"
    )
    parser.add_argument("--quick", action="store_true", help="a moment of each, to see that it runs")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the JSON file; default: in benchmarks/results")
    return parser


def _described() -> str:
    return "; ".join(f"{letter}: {part.name.replace('_', ' ')}" for letter, part in PARTS.items())


def _letters(text: str) -> list[str]:
    letters = text.split(",")
    unknown = [letter for letter in letters if letter not in PARTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no part '{unknown[0]}', only {', '.join(PARTS)}")
    return letters


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is too few; at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())

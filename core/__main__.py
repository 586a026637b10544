"""Thimble from a shell.

    python -m core collect CATEGORY… --out PHOTOS_DIR    photos of each from the web
    python -m core train PHOTOS_DIR --out MODEL_DIR      folders in PHOTOS_DIR name the categories
    python -m core predict MODEL_DIR FILE…
    python -m core evaluate MODEL_DIR PHOTOS_DIR
    python -m core serve [--host HOST] [--port PORT]     the HTTP API and the shared pages
    python -m core projects                              what projects the app knows
    python -m core key [--project PROJECT]               a key for programs; --list, --revoke ID
    python -m core export --project PROJECT --out FOLDER --format FORMAT
    python -m core backup PROJECT FILE
    python -m core restore FILE                          a backup, a zip or folder of folders, or Teachable Machine

With --json, one JSON value on standard output and nothing else there. Exit status 2, with one line on standard
error, for input that cannot be used.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import get_args

from core.data.collect import collect as collect_photos
from core.data.credits import credit_rows, credits_csv
from core.data.dataset import category_name, from_folder, read_file
from core.data.download import Downloader, decode_thumbnail
from core.data.network import user_agent
from core.data.photo import Refused, decode
from core.data.search import PROVIDERS
from core.data.store import Plan, Store, home_folder
from core.errors import AppError, BadInput, Cancelled
from core.model.backbones import BACKBONES, BUNDLED
from core.model.bundle import Bundle, Prediction, read_folder
from core.model.candidates import Kind
from core.model.embedder import Embedders
from core.model.evaluate import in_words
from core.model.features import CUTS
from core.model.forecast import in_words as expected
from core.model.novelty import REFUSE
from core.model.select import Fixed, Mode
from core.model.train import Wishes, evaluate_model, train_model
from core.model.views import VIEWS
from core.serve.console import add_commands
from core.serve.terminal import Bar, Said, left_out, set_aside


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit status: 0 done, 2 bad input, 130 interrupted."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], Said] = options.run
    try:
        run(options).say(as_json=options.json)
        return 0
    except (KeyboardInterrupt, Cancelled):
        print("Stopped.", file=sys.stderr)
        return 130
    except AppError as error:
        Bar.clear()
        print(" ".join(f"{error.message} {error.hint}".split()), file=sys.stderr)
        return 2


def train(options: argparse.Namespace) -> Said:
    """Train on a folder of photos and write the model's folder, whole or not at all."""
    out = Path(options.out)
    if out.exists() and not (out.is_dir() and (not any(out.iterdir()) or (out / "bundle.json").exists())):
        raise BadInput(f"'{out}' exists and holds no Thimble model.", hint="Give another --out.")
    dataset = from_folder(Path(options.photos))
    started = perf_counter()
    embedders = Embedders(home_folder(), bulk=True)
    wishes = Wishes(
        fixed=Fixed(options.backbone, options.view, options.cuts, options.head),
        mode=options.mode,
        refuse=options.none_of_these,
        backbones=(*BUNDLED[:1], *options.also, *BUNDLED[1:]),
    )
    embedders[options.backbone or BUNDLED[0]].prepare()
    prepared = perf_counter() - started
    trained = train_model(dataset, embedders, wishes=wishes, seed=options.seed, on_progress=Bar.draw)
    Bar.clear()
    _write(out, trained.bundle.to_files())

    bundle, report = trained.bundle, trained.bundle.report
    result = {
        "categories": list(dataset.categories),
        "photos": report.photos,
        "set_aside": set_aside(bundle.set_aside),
        "mode": bundle.mode,
        "looks": ["/".join(look) for look in bundle.looks(bundle.mode)],
        "accuracy": report.accuracy,
        "accuracy_interval": list(report.accuracy_interval),
        "modes": {mode: each.accuracy for mode, each in bundle.reports.items()},
        "tried": [asdict(row) for row in bundle.table],
        "advice": bundle.advice.to_json(),
        "seconds": {**trained.seconds, "prepare": prepared},
    }
    words = [
        f"Learnt {len(dataset.categories)} categories from {report.photos} photos "
        f"in {trained.seconds['total']:.1f} seconds: {in_words(report)}.",
        *_other_mode(bundle),
        *expected(bundle.advice.forecast, bundle.categories),
        *(f"{finding.title} {finding.hint}" for finding in bundle.advice.findings),
        *bundle.notes,
        *left_out(bundle.set_aside),
        f"The model is in {out}.",
    ]
    return Said(result, words)


def collect(options: argparse.Namespace) -> Said:
    """Collect photos of each category from the web into folders that `train` takes; again, it goes on from there."""
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    categories = [category_name(name) for name in options.categories]
    for name in categories:
        if name.startswith(".") or set(name) & set('/\\:*?"<>|'):
            raise BadInput(f"'{name}' can be no folder's name.", hint='Leave out dots before it and / \\ : * ? " < > |')
    store = Store(out / ".thimble")  # what was searched and fetched, so that nothing is fetched twice
    project = next(iter(store.projects()), None) or store.create_project("collect")
    known = {category.name for category in store.categories(project.id)}
    for name in dict.fromkeys(categories):
        if name not in known:
            store.add_category(project.id, name)
    providers = tuple(options.provider or PROVIDERS)
    store.web.set_plan(project.id, Plan(options.per_category, options.openly_licensed, not options.unsafe, providers))
    with Downloader(decode, read_fallback=decode_thumbnail, user_agent=user_agent()) as downloader:
        collected = collect_photos(store, project.id, downloader=downloader, on_progress=Bar.draw)
    Bar.clear()
    names = {category.id: category.name for category in store.categories(project.id)}
    photos = store.photos.of(project.id, kept=True)
    for photo in photos:
        path = out / names[photo.category_id] / f"{photo.sha256[:16]}.jpg"
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            path.write_bytes(store.photos.read(photo.sha256))
    (out / "credits.csv").write_bytes(credits_csv(credit_rows(photos, names)))
    result = {
        names[number]: {
            "stored": category.stored,
            "failed": category.failed,
            "searches": [asdict(outcome) for searched in category.rounds for outcome in searched.outcomes],
            "problem": category.problem,
        }
        for number, category in collected.categories.items()
    }
    words = [f"{name}: {told['stored']} photos" for name, told in result.items()]
    return Said({"photos": len(photos), "categories": result}, [*words, f"They are in {out}."])


def predict(options: argparse.Namespace) -> Said:
    """Say what each file shows."""
    bundle = read_folder(Path(options.model))
    results: list[dict[str, object]] = []
    words: list[str] = []
    for file in options.files:
        answer: Prediction | Refused
        try:
            answer = bundle.predict([read_file(Path(file))], home_folder(), mode=options.mode)[0]
        except AppError as error:
            answer = Refused(file, str(error))
        if isinstance(answer, Refused):
            results.append({"file": file, "error": answer.reason})
            words.append(f"{file}: {answer.reason}")
        else:
            results.append({"file": file, **asdict(answer)})
            label = f"none of these, most like {answer.label}" if answer.is_none else answer.label
            words.append(f"{file}: {label} ({answer.probability:.0%})")
    return Said(results, words)


def evaluate(options: argparse.Namespace) -> Said:
    """Test a model on a folder of labelled photos."""
    bundle = read_folder(Path(options.model))
    dataset = from_folder(Path(options.photos))
    embedders = Embedders(home_folder(), bulk=True)
    report, refused = evaluate_model(bundle, dataset, embedders, mode=options.mode, on_progress=Bar.draw)
    Bar.clear()
    result = {
        "photos": report.photos,
        "set_aside": set_aside(refused),
        "accuracy": report.accuracy,
        "balanced_accuracy": report.balanced_accuracy,
        "log_loss": report.log_loss,
        "expected_calibration_error": report.expected_calibration_error,
        "categories": list(bundle.categories),
        "confusion": [list(row) for row in report.confusion],
    }
    return Said(result, [f"On {report.photos} photos: {in_words(report)}.", *left_out(refused)])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m core", description="Train an image classifier from folders of photos, and use it."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("collect", help="photos of each category from the web")
    command.add_argument("categories", metavar="CATEGORY", nargs="+")
    command.add_argument("--out", metavar="PHOTOS_DIR", required=True, help="a folder for each category is made here")
    command.add_argument("--per-category", type=int, default=Plan().wanted, metavar="N", help="default: %(default)s")
    command.add_argument("--provider", action="append", choices=list(PROVIDERS), help="default: all, in this order")
    command.add_argument("--openly-licensed", action="store_true", help="only photos under an open licence")
    command.add_argument("--unsafe", action="store_true", help="turn safe search off")
    command.set_defaults(run=collect)

    command = commands.add_parser("train", help="photos in folders → a model")
    command.add_argument("photos", metavar="PHOTOS_DIR", help="a folder whose sub-folders name the categories")
    command.add_argument("--out", metavar="MODEL_DIR", required=True, help="where the model is written")
    command.add_argument("--backbone", choices=sorted(BACKBONES), default="", help="look with this one only")
    command.add_argument("--also", action="append", choices=sorted(set(BACKBONES) - set(BUNDLED)), default=[])
    command.add_argument("--view", choices=sorted(VIEWS), default="", help="show it this view only")
    command.add_argument("--cuts", choices=sorted(CUTS), default="", help="take these features only")
    command.add_argument("--head", choices=get_args(Kind), default="", help="learn this kind of head only")
    command.add_argument(
        "--none-of-these",
        type=float,
        default=REFUSE,
        metavar="SHARE",
        help="share of true photos that may be called none of these; default: %(default)s",
    )
    command.add_argument("--seed", type=int, default=0, help="of the split into folds; default: %(default)s")
    command.set_defaults(run=train)

    command = commands.add_parser("predict", help="what do these photos show?")
    command.add_argument("model", metavar="MODEL_DIR")
    command.add_argument("files", metavar="FILE", nargs="+")
    command.set_defaults(run=predict)

    command = commands.add_parser("evaluate", help="test a model on photos it has not seen")
    command.add_argument("model", metavar="MODEL_DIR")
    command.add_argument("photos", metavar="PHOTOS_DIR")
    command.set_defaults(run=evaluate)

    add_commands(commands)
    for name in ("train", "predict", "evaluate"):
        commands.choices[name].add_argument("--mode", choices=get_args(Mode), help="default: what suits these photos")
    for command in commands.choices.values():
        command.add_argument("--json", action="store_true", help="print one JSON value and nothing else")
    return parser


def _other_mode(bundle: Bundle) -> list[str]:
    """What the mode that is not advised would give, where it differs."""
    fast, best = (bundle.reports[mode].accuracy for mode in ("fast", "best"))
    passes = len(bundle.looks("best"))
    if passes == 1:
        return []
    return [f"Mode: {bundle.mode}. Fast is right for {fast:.1%}, best for {best:.1%} at {passes} times the work."]


def _write(out: Path, files: dict[str, bytes]) -> None:
    """All files or none: written beside, then renamed into place; an older model there is replaced."""
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        for name, data in files.items():
            (beside / name).write_bytes(data)
        beside.chmod(0o755)
        if out.exists():
            shutil.rmtree(out)
        beside.rename(out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())

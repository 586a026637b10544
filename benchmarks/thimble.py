"""What is measured of Thimble's speed. Runs in a worker process, which never imports TensorFlow."""

import functools
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any, get_args

import numpy as np

from benchmarks.photo_sets import Labelled
from core.data.dataset import from_folder
from core.data.lookalikes import fingerprint
from core.data.photo import decode_image
from core.data.sources import source_groups
from core.errors import BadPhoto
from core.model.backbones import BACKBONES, BUNDLED, DEFAULT
from core.model.bundle import read_folder
from core.model.convert import converted, refuse_telemetry
from core.model.embed import Look, embed_photos
from core.model.embedder import Embedders
from core.model.eyes import groups_to_keep_whole, tell_repeats_apart
from core.model.select import Mode
from core.model.train import evaluate_model, train_model
from core.model.views import VIEWS

BACKBONE = BACKBONES[DEFAULT]
VIEW = "crop"
WARM_UP = 20  # predictions before the first that counts
PEER_READS = {".jpg", ".jpeg", ".png", ".gif", ".bmp"}  # `keras.utils.image_dataset_from_directory`, by name


@functools.cache
def embedders(home: Path, *, bulk: bool = True) -> Embedders:
    """Each loaded and compiled when first used."""
    return Embedders(home, bulk=bulk)


def prepare(home: Path) -> dict[str, float]:
    """Seconds to convert the backbones (next to none if this machine has done it before) and to load all."""
    started = perf_counter()
    for name in BUNDLED:
        converted(BACKBONES[name], home)
    done = perf_counter()
    for name in BUNDLED:
        embedders(home)[name].prepare()
    fingerprint(np.zeros((BACKBONE.pixels, BACKBONE.pixels, 3), np.uint8))  # the first one imports SciPy
    return {"convert": done - started, "load": perf_counter() - done}


def photos_to_model(folder: Path, home: Path) -> dict[str, Any]:
    """`train_model` on a folder: its seconds, and what came out."""
    trained = train_model(from_folder(folder), embedders(home))
    bundle, report = trained.bundle, trained.bundle.report
    return {
        "seconds": trained.seconds,
        "photos": report.photos,
        "categories": len(report.categories),
        "set_aside": len(bundle.set_aside),
        "candidates": len(bundle.table),
        "mode": bundle.mode,
        "accuracy": report.accuracy,
    }


def save_model(folder: Path, home: Path, out: Path) -> None:
    """Train on a folder and write the model's files into `out`."""
    out.mkdir()
    for name, data in train_model(from_folder(folder), embedders(home)).bundle.to_files().items():
        (out / name).write_bytes(data)


def save_views(folder: Path, file: Path, limit: int) -> int:
    """Writes what the network sees of up to `limit` photos as one array (n, side, side, 3); gives n."""
    dataset = from_folder(folder)
    order = np.random.default_rng(0).permutation(len(dataset.photos)).tolist()
    views = []
    for at in order[:limit]:
        try:
            views.append(VIEWS[VIEW](decode_image(dataset.read(dataset.photos[at])), BACKBONE.pixels))
        except BadPhoto:
            continue
    np.save(file, np.stack(views))
    return len(views)


def has_bfloat16() -> bool:
    """True if the processor computes in bfloat16, which bulk embedding then does."""
    refuse_telemetry()
    import openvino

    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def embed_rate(file: Path, home: Path, *, bulk: bool) -> float:
    """Images a second from ready-made views to rows: the last features, and those of the other cuts besides."""
    views = np.load(file)
    loaded = embedders(home, bulk=bulk)[DEFAULT]
    loaded.prepare()
    started = perf_counter()
    loaded.embed(views)
    return len(views) / (perf_counter() - started)


def single_predictions(model: Path, folder: Path, home: Path, count: int) -> dict[Mode, list[float]]:
    """In either mode the seconds of each of `count` predictions, one by one, from a file's bytes to an answer."""
    bundle = read_folder(model)
    loaded = embedders(home, bulk=False)
    known = labelled(folder, home)
    files = [(folder / photo.name).read_bytes() for photo in known.photos[:count]]
    told: dict[Mode, list[float]] = {}
    for mode in get_args(Mode):
        for at in range(WARM_UP):
            bundle.predict_with(loaded, [files[at % len(files)]], mode=mode)
        told[mode] = []
        for at in range(count):
            started = perf_counter()
            bundle.predict_with(loaded, [files[at % len(files)]], mode=mode)
            told[mode].append(perf_counter() - started)
    return told


def labelled(folder: Path, home: Path, suffixes: Collection[str] = ()) -> Labelled:
    """The photos of a set that can be used, those with other suffixes left out if any are given."""
    root = folder.resolve()
    dataset = from_folder(root)
    photos = [photo for photo in dataset.photos if not suffixes or Path(photo.key).suffix.lower() in suffixes]
    look = Look(embedders(home)[DEFAULT], VIEW)
    embedded = embed_photos(photos, dataset.read, [look])
    single, _ = tell_repeats_apart([photos[at] for at in embedded.index], embedded.sha256)
    kept = [replace(photos[embedded.index[at]], key=embedded.sha256[at]) for at in single]
    labels = np.array([dataset.categories.index(photo.category) for photo in kept], np.int64)
    features = embedded.rows[look.key][single][:, BACKBONE.last]
    groups, _ = groups_to_keep_whole(kept, labels, embedded.fingerprints[single], features)
    across = [replace(photo, category="", name=Path(photo.name).name) for photo in kept]
    return Labelled(root, tuple(kept), labels, groups, source_groups(across))


def train_and_score(training: Path, kept_out: Path, home: Path) -> dict[str, Any]:
    """Photos on disk to a trained, cross-validated model, then its score on photos kept out."""
    started = perf_counter()
    bundle = train_model(from_folder(training), embedders(home)).bundle
    trained = perf_counter()
    report, _ = evaluate_model(bundle, from_folder(kept_out), embedders(home))
    scored = perf_counter()
    return {
        "seconds": {"train": trained - started, "score": scored - trained, "total": scored - started},
        "right": round(report.accuracy * report.photos),
        "photos": report.photos,
        "accuracy": report.accuracy,
    }

"""What is measured of Thimble. Runs in a worker process, which never imports TensorFlow."""

import functools
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.photo_sets import Labelled
from core.data.dataset import from_folder
from core.data.lookalikes import fingerprint
from core.data.photo import decode
from core.errors import BadPhoto
from core.model.backbones import BACKBONES, DEFAULT
from core.model.bundle import read_folder
from core.model.convert import converted, refuse_telemetry
from core.model.embed import Embedder, embed_photos, view
from core.model.train import evaluate_model, groups_to_keep_whole, train_model

BACKBONE = BACKBONES[DEFAULT]
WARM_UP = 20  # predictions before the first that counts
PEER_READS = {".jpg", ".jpeg", ".png", ".gif", ".bmp"}  # `keras.utils.image_dataset_from_directory`, by name


@functools.cache
def embedder(home: Path, *, bulk: bool = True) -> Embedder:
    """Loaded and compiled."""
    made = Embedder(BACKBONE, home, bulk=bulk)
    made.prepare()
    return made


def prepare(home: Path) -> dict[str, float]:
    """Seconds to convert the backbone (next to none if this machine has done it before) and to load all."""
    started = perf_counter()
    converted(BACKBONE, home)
    done = perf_counter()
    embedder(home)
    fingerprint(np.zeros((BACKBONE.pixels, BACKBONE.pixels, 3), np.uint8))  # the first one imports SciPy
    return {"convert": done - started, "load": perf_counter() - done}


def photos_to_model(folder: Path, home: Path) -> dict[str, Any]:
    """`train_model` on a folder: its seconds, and what came out."""
    loaded = embedder(home)
    trained = train_model(from_folder(folder), loaded)
    report = trained.bundle.report
    return {
        "seconds": trained.seconds,
        "photos": report.photos,
        "categories": len(report.categories),
        "set_aside": len(trained.bundle.set_aside),
        "accuracy": report.accuracy,
        "strength": trained.bundle.strength,
    }


def save_model(folder: Path, home: Path, out: Path) -> None:
    """Train on a folder and write the model's files into `out`."""
    out.mkdir()
    for name, data in train_model(from_folder(folder), embedder(home)).bundle.to_files().items():
        (out / name).write_bytes(data)


def save_views(folder: Path, file: Path, limit: int) -> int:
    """Writes what the network sees of up to `limit` photos as one array (n, side, side, 3); gives n."""
    dataset = from_folder(folder)
    order = np.random.default_rng(0).permutation(len(dataset.photos)).tolist()
    views = []
    for at in order[:limit]:
        try:
            views.append(view(decode(dataset.read(dataset.photos[at])), BACKBONE.pixels))
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
    """Images a second from ready-made views to embeddings."""
    views = np.load(file)
    loaded = embedder(home, bulk=bulk)
    started = perf_counter()
    loaded.embed(views)
    return len(views) / (perf_counter() - started)


def single_predictions(model: Path, folder: Path, home: Path, count: int) -> list[float]:
    """Seconds of each of `count` predictions, one after another, from a file's bytes to an answer."""
    bundle = read_folder(model)
    loaded = embedder(home, bulk=False)
    usable = _usable(folder, home).paths[:count]
    files = [path.read_bytes() for path in usable]
    for at in range(WARM_UP):
        bundle.predict_with(loaded, [files[at % len(files)]])
    seconds = []
    for at in range(count):
        started = perf_counter()
        bundle.predict_with(loaded, [files[at % len(files)]])
        seconds.append(perf_counter() - started)
    return seconds


def labelled(folder: Path, home: Path) -> Labelled:
    """The photos that Thimble and the peer can both read, with their groups of look-alikes."""
    return _usable(folder, home, PEER_READS)


def train_and_score(training: Path, kept_out: Path, home: Path) -> dict[str, Any]:
    """Photos on disk to a trained, cross-validated model, then its score on photos kept out."""
    loaded = embedder(home)
    started = perf_counter()
    bundle = train_model(from_folder(training), loaded).bundle
    trained = perf_counter()
    report, _ = evaluate_model(bundle, from_folder(kept_out), loaded)
    scored = perf_counter()
    return {
        "seconds": {"train": trained - started, "score": scored - trained, "total": scored - started},
        "right": round(report.accuracy * report.photos),
        "photos": report.photos,
        "accuracy": report.accuracy,
    }


def _usable(folder: Path, home: Path, suffixes: Sequence[str] | set[str] = ()) -> Labelled:
    dataset = from_folder(folder)
    photos = [photo for photo in dataset.photos if not suffixes or Path(photo.key).suffix.lower() in suffixes]
    embedded = embed_photos(photos, dataset.read, embedder(home))
    kept = [photos[at] for at in embedded.index]
    labels = np.array([dataset.categories.index(photo.category) for photo in kept], np.int64)
    groups, _ = groups_to_keep_whole(labels, embedded.fingerprints, embedded.matrix)
    return Labelled(tuple(Path(photo.key) for photo in kept), labels, groups)

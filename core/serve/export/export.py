"""From a version of a project to the files that other programs use, each proven equal first."""

import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from core.data.photo import Pixels, Refused, decode
from core.data.store import Store
from core.errors import BadInput
from core.model.embedder import Embedders
from core.model.eyes import Progress
from core.serve.answers import Answers, Live
from core.serve.export.card import about, as_json, model_card, photo_files
from core.serve.export.child import Order, answers_path, model_path
from core.serve.export.demo import demo_files
from core.serve.export.example import example_program
from core.serve.export.formats import FORMATS
from core.serve.export.photos import ProofPhoto, proof_photos
from core.serve.export.process import run
from core.serve.export.proof import Expected, Proof, compare, expected
from core.serve.export.web import web_files

ASKING = 0.1  # of the progress bar: what Thimble itself says of the photos
WRAPPED = {"demo": demo_files, "web": web_files}  # what is built around a model, by the id of the format
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the same files give the same zip


def export_model(
    store: Store,
    project_id: str,
    formats: Sequence[str],
    *,
    version: int | None = None,
    home: Path,
    on_progress: Progress = lambda fraction, words: None,
) -> dict[str, object]:
    """Make a version (the live one, if None) in these formats, ids of FORMATS, and keep each that is proven equal.

    Each becomes a zip in `store.exports`, in place of an earlier one. Returns, ready for JSON: "version"; "made", by
    format what the proof found; "refused", the name and reason of those that could not be made or answer otherwise.
    All are kept at the end, or, when `on_progress` raises, none.

    Raises BadInput for a format that there is not, NotFound when there is no such version, and AppError when Keras
    could not be run at all.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise BadInput(f"There is no format '{unknown[0]}'.", hint=f"Choose from {', '.join(FORMATS)}.")
    embedders = Embedders(home)
    live = Answers(store, embedders).live(project_id, version)
    shipped, others = proof_photos(store, project_id)
    photos = [photo.data for photo in (*shipped, *others)]
    told = expected(live.bundle, live.mode, embedders, _decoded(photos, on_progress))
    made: dict[str, Proof] = {}
    refused: list[Refused] = []
    with tempfile.TemporaryDirectory(prefix="thimble-export-") as scratch:
        folder = Path(scratch)
        bases = tuple(dict.fromkeys(FORMATS[name].made_of for name in formats))
        Order(live.mode, bases, str(home.absolute())).put(folder, live.bundle, photos)
        failed = run(folder, lambda fraction, words: on_progress(ASKING + (1 - ASKING) * fraction, words))
        for name in dict.fromkeys(formats):
            base = FORMATS[name].made_of
            proof = None if base in failed else _proof(folder, base, told)
            complaint = failed.get(base, "") if proof is None else proof.complaint(FORMATS[name].tolerance)
            if proof is None or complaint:
                refused.append(Refused(FORMATS[name].name, f"It was not made: {complaint.rstrip('.')}."))
                continue
            made[name] = proof
            _zip(_files(folder, name, store, live, told, proof, shipped), folder / f"{name}.zip")
        on_progress(1.0, "Done")
        for name in made:
            store.exports.add(project_id, live.version.number, name, folder / f"{name}.zip")
    return {
        "version": live.version.number,
        "made": {name: asdict(proof) for name, proof in made.items()},
        "refused": [asdict(item) for item in refused],
    }


def _decoded(photos: Sequence[bytes], on_progress: Progress) -> Iterator[Pixels]:
    for number, photo in enumerate(photos):
        on_progress(ASKING * number / len(photos), "Asking Thimble itself")
        yield decode(photo)


def _proof(folder: Path, base: str, told: Expected) -> Proof:
    with np.load(answers_path(folder, base), allow_pickle=False) as found:
        return compare(told, found["probabilities"], found["strangeness"], FORMATS[base].tolerance)


def _files(
    folder: Path,
    name: str,
    store: Store,
    live: Live,
    told: Expected,
    proof: Proof,
    shipped: Sequence[ProofPhoto],
) -> dict[str, bytes]:
    """Everything in the zip, by path."""
    labels = about(live)
    known = set(live.bundle.memory.sha256)
    kept = {photo.sha256: photo for photo in store.photos.of(live.project.id)}
    card = model_card(live, name, proof, shipped, [photo for sha256, photo in kept.items() if sha256 in known])
    path = model_path(folder, FORMATS[name].made_of)
    if name in WRAPPED:
        files = WRAPPED[name](path.read_bytes(), labels)
    else:
        files = {"example.py": example_program(name, FORMATS[name].needs).encode()} | _model_files(path)
    # A demo brings a README.md that its host reads.
    files["MODEL_CARD.md" if "README.md" in files else "README.md"] = card.encode()
    return files | {"labels.json": as_json(labels)} | photo_files(shipped, told)


def _model_files(path: Path) -> dict[str, bytes]:
    """The model's file or folder with all beside it, by path."""
    found = sorted(each for each in path.parent.rglob("*") if each.is_file())
    return {each.relative_to(path.parent).as_posix(): each.read_bytes() for each in found}


def _zip(files: dict[str, bytes], path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED, compresslevel=1)

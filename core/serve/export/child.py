"""The process that runs Keras for an export: it writes the formats asked for, and runs each on the photos.

`python -m core.serve.export.child FOLDER`, where FOLDER holds what `Order.put` put there. It writes one JSON value a
line: {"fraction", "words"} while it goes on, {"failed", "reason"} for a format that could not be made, and at the end,
if nothing at all could be made, {"message", "hint"}. TensorFlow stays in it, and so do the runtimes.
"""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from core.data.photo import decode
from core.errors import AppError
from core.model.bundle import Bundle, read_folder
from core.model.convert import REFUSED, refuse_telemetry
from core.model.select import Mode
from core.serve.export.formats import FORMATS

ORDER, BUNDLE, PHOTOS, MODELS, ANSWERS = "order.json", "bundle", "photos", "models", "answers"


@dataclass(frozen=True)
class Order:
    """What is to be made: which mode of the bundle, in which formats; `home` is where backbones' weights are kept."""

    mode: Mode
    formats: tuple[str, ...]
    home: str

    def put(self, folder: Path, bundle: Bundle, photos: Sequence[bytes]) -> None:
        """Lay the order, the bundle and the photos (as stored) into an empty folder."""
        for name in (BUNDLE, PHOTOS, MODELS, ANSWERS):
            (folder / name).mkdir()
        for name, data in bundle.to_files().items():
            (folder / BUNDLE / name).write_bytes(data)
        for number, data in enumerate(photos):
            (folder / PHOTOS / f"{number:03}.jpg").write_bytes(data)
        (folder / ORDER).write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, folder: Path) -> "Order":
        about = json.loads((folder / ORDER).read_text())
        return cls(about["mode"], tuple(about["formats"]), about["home"])


def model_path(folder: Path, name: str) -> Path:
    """Where the model in the format of this id lies, in a folder of its own."""
    return folder / MODELS / name / FORMATS[name].model


def answers_path(folder: Path, name: str) -> Path:
    """The .npz file with the answers of that model: "probabilities" (n, categories), "strangeness" (n,)."""
    return folder / ANSWERS / f"{name}.npz"


def _make(folder: Path, out: TextIO) -> None:
    order = Order.read(folder)
    steps = 2 * len(order.formats) + 2

    def say(**value: object) -> None:
        print(json.dumps(value), file=out, flush=True)

    def begin(step: int, words: str) -> None:
        say(fraction=step / steps, words=words)

    begin(0, "Starting Keras")
    refuse_telemetry()
    import keras  # noqa: F401  # first, so that the step that is named is the one that takes the time

    from core.serve.export.graph import keras_graph
    from core.serve.export.run import answers
    from core.serve.export.write import Writer

    begin(1, "Putting the model together")
    writer = Writer(keras_graph(read_folder(folder / BUNDLE), order.mode, Path(order.home)), folder)
    photos = [decode(path.read_bytes()) for path in sorted((folder / PHOTOS).iterdir())]
    for number, name in enumerate(order.formats):
        title = FORMATS[name].name
        path = model_path(folder, name)
        path.parent.mkdir()
        try:
            begin(2 * number + 2, f"{title}: writing")
            writer.write(name, path)
            begin(2 * number + 3, f"{title}: comparing its answers")
            probabilities, strangeness = answers(name, path, photos)
        except Exception as error:  # converters and runtimes raise anything; the other formats go on
            say(failed=name, reason=_reason(error))
            continue
        found: dict[str, Any] = {"probabilities": probabilities, "strangeness": strangeness}
        np.savez(answers_path(folder, name), allow_pickle=False, **found)


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__


def _main() -> int:
    # What libraries print must not get between the lines that are read on the other side.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)
        try:
            _make(Path(sys.argv[1]), out)
        except AppError as error:
            print(json.dumps({"message": error.message, "hint": error.hint}), file=out)
            return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(_main())

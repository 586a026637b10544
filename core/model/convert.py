"""Turns a backbone's Keras model into OpenVINO's format, once, in a process of its own.

`python -m core.model.convert HOME FOLDER`, given a pickled card, writes FOLDER/model.xml and FOLDER/model.bin. It runs
as a child, so that a long-lived app never imports TensorFlow, which takes two seconds and half a gigabyte.
"""

import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import AppError
from core.model import applications, efficientnet_lite
from core.model.backbones import Backbone

if TYPE_CHECKING:
    import keras

FORMAT = 2  # version of the converted files; another number makes every home convert anew
SILENT_SECONDS = 300  # a child that writes nothing for so long is given up: its download hangs, or it does
ABANDONED_SECONDS = 3600  # an unfinished conversion in which nothing was written for so long was killed
REFUSED = 3  # exit status of a child whose last line of output is an AppError

_PROJECT = Path(__file__).resolve().parents[2]
_locks: dict[Path, threading.Lock] = {}  # one for each target: a long download holds up no other backbone


def place(backbone: Backbone, home: Path) -> Path:
    """The folder under `home` in which the converted backbone lies, once it is converted."""
    return home.resolve() / "backbones" / f"{backbone.key}-{FORMAT}"


def converted(backbone: Backbone, home: Path) -> Path:
    """The path of the backbone's model.xml under `home`/backbones, converting it first if need be.

    That takes seconds, and minutes where weights are downloaded. Safe to call from several threads and processes at
    once; a killed conversion leaves nothing that a later call would use. Raises AppError when the weights are missing
    or damaged, cannot be downloaded, or the conversion fails.
    """
    target = place(backbone, home)
    with _locks.setdefault(target, threading.Lock()):
        if not target.exists():
            folder = target.parent
            folder.mkdir(parents=True, exist_ok=True)
            _clear_abandoned(folder)
            part = Path(tempfile.mkdtemp(dir=folder, prefix=f"{target.name}-", suffix=".part"))
            try:
                _run(backbone, home.resolve(), part)
                _put_in_place(part, target)
            finally:
                shutil.rmtree(part, ignore_errors=True)
    return target / "model.xml"


def _run(backbone: Backbone, home: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "core.model.convert", str(home), str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=_PROJECT, env=keras_environment(), stdin=pipe, stdout=pipe, stderr=pipe
    ) as child:
        try:
            output, complaint = _wait(child, backbone, folder)
        finally:
            child.kill()  # does nothing to one that has ended
    if child.returncode == REFUSED:
        raise AppError(**json.loads(output.splitlines()[-1]))
    if child.returncode:
        last = (complaint.decode(errors="replace").strip() or f"exit status {child.returncode}").splitlines()[-1]
        raise AppError(
            f"{backbone.name} could not be prepared: {last}",
            hint="Check that memory and disk space are left, then try again.",
        )


def keras_environment() -> dict[str, str]:
    """The environment of a child process that uses Keras, on TensorFlow and the processor, and does not chatter."""
    return os.environ | {
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",  # a minute's work needs no graphics card, and must not claim one
    }


def _wait(child: subprocess.Popen[bytes], backbone: Backbone, folder: Path) -> tuple[bytes, bytes]:
    """What the child wrote on its two outputs. Raises AppError when nothing new lies in `folder` for too long."""
    card: bytes | None = pickle.dumps(backbone)
    while True:
        try:
            return child.communicate(card, timeout=SILENT_SECONDS / 10)
        except subprocess.TimeoutExpired as error:
            card = None  # it has that now
            if time.time() - _last_written(folder) > SILENT_SECONDS:
                raise AppError(
                    f"{backbone.name} could not be prepared: nothing moved for {SILENT_SECONDS} seconds.",
                    hint="Try again when the computer is less busy or the network is better.",
                ) from error


def _last_written(folder: Path) -> float:
    """When something in the folder was last written."""
    try:
        return max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
    except FileNotFoundError:
        return time.time()  # it was moved while being looked at


def _put_in_place(part: Path, target: Path) -> None:
    try:
        part.rename(target)
    except OSError:
        # Another process was faster; its files are the same.
        if not target.exists():
            raise


def _clear_abandoned(folder: Path) -> None:
    for part in folder.glob("*.part"):
        if time.time() - _last_written(part) > ABANDONED_SECONDS:
            shutil.rmtree(part, ignore_errors=True)


def export(backbone: Backbone, home: Path, folder: Path) -> None:
    """Writes model.xml and model.bin into `folder`: uint8 (n, pixels, pixels, 3) -> what `with_cuts` gives."""
    refuse_telemetry()
    model = with_cuts(build(backbone, home, input_dtype="uint8", scratch=folder), backbone)
    model.export(str(folder / "model.xml"), format="openvino", verbose=False)


def build(
    backbone: Backbone, home: Path, *, input_dtype: str = "float32", scratch: Path | None = None
) -> "keras.Model":
    """The pretrained network, frozen: (n, pixels, pixels, 3) raw RGB 0..255 -> the last features (n, features).

    Weights are downloaded to `home` if need be, by way of `scratch`. Raises AppError when they cannot be had.
    """
    if backbone.is_bundled:
        return efficientnet_lite.build(backbone, input_dtype=input_dtype)
    return applications.build(backbone, home, input_dtype=input_dtype, scratch=scratch)


def with_cuts(model: "keras.Model", backbone: Backbone) -> "keras.Model":
    """The network with two kinds of outputs: "row" (n, backbone.row), the features of all cuts side by side, and for
    the cut at each position "map0", "map1", … (n, height, width, features), the maps that were averaged.
    """
    import keras

    maps = [model.get_layer(cut.layer).output for cut in backbone.cuts]
    pooled = [keras.layers.GlobalAveragePooling2D(name=f"cut{at}")(each) for at, each in enumerate(maps)]
    row = keras.layers.Concatenate(name="row")(pooled) if len(pooled) > 1 else pooled[0]
    return keras.Model(model.input, {"row": row} | {f"map{at}": each for at, each in enumerate(maps)})


def refuse_telemetry() -> None:
    """Keeps OpenVINO from reporting its use to Google Analytics, which it does at import unless it cannot.

    Call before importing openvino. It leaves a file in the person's home folder otherwise, too.
    """
    # None makes `import openvino_telemetry` fail, and OpenVINO then takes its own stub.
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # documented, yet not in the stubs


def _main() -> int:
    home, folder = map(Path, sys.argv[1:])
    backbone = pickle.load(sys.stdin.buffer)  # from `_run`: the card itself, which need not be among BACKBONES
    try:
        export(backbone, home, folder)
    except AppError as error:
        print(json.dumps({"message": error.message, "hint": error.hint}))
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(_main())

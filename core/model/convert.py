"""Turns a backbone's Keras model into OpenVINO's format, once, in a process of its own.

`python -m core.model.convert lite0 FOLDER` writes FOLDER/model.xml and FOLDER/model.bin. It runs as a
child, so that a long-lived app never imports TensorFlow, which takes two seconds and half a gigabyte.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from core.errors import AppError
from core.model.backbones import BACKBONES, Backbone
from core.model.efficientnet_lite import build
from core.model.weights import weights_data

FORMAT = 1  # version of the converted files; another number makes every home convert anew
TIMEOUT_SECONDS = 600
ABANDONED_SECONDS = 3600  # an unfinished conversion this old was killed

_PROJECT = Path(__file__).resolve().parents[2]
_one_at_a_time = threading.Lock()


def converted(backbone: Backbone, home: Path) -> Path:
    """The path of the backbone's model.xml under `home`/backbones, converting it first if need be (seconds).

    Safe to call from several threads and processes at once; a killed conversion leaves nothing that a later
    call would use. Raises AppError when the weights are missing or damaged, or the conversion fails.
    """
    folder = home.resolve() / "backbones"
    target = folder / f"{backbone.key}-{FORMAT}"
    with _one_at_a_time:
        if not target.exists():
            folder.mkdir(parents=True, exist_ok=True)
            _clear_abandoned(folder)
            weights_data(backbone)  # missing or damaged weights are better told from here than from the child
            part = Path(tempfile.mkdtemp(dir=folder, prefix=f"{target.name}-", suffix=".part"))
            try:
                _run(backbone, part)
                _put_in_place(part, target)
            finally:
                shutil.rmtree(part, ignore_errors=True)
    return target / "model.xml"


def _run(backbone: Backbone, folder: Path) -> None:
    environment = os.environ | {
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",  # a few seconds' work needs no graphics card, and must not claim one
    }
    command = [sys.executable, "-m", "core.model.convert", backbone.id, str(folder)]
    try:
        subprocess.run(
            command,
            cwd=_PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=TIMEOUT_SECONDS,
        )
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip() or f"exit status {error.returncode}").splitlines()[-1]
        raise AppError(
            f"{backbone.name} could not be prepared: {last}",
            hint="Check that memory and disk space are left, then try again.",
        ) from error
    except subprocess.TimeoutExpired as error:
        raise AppError(
            f"{backbone.name} could not be prepared within {TIMEOUT_SECONDS // 60} minutes.",
            hint="Try again when the computer is less busy.",
        ) from error


def _put_in_place(part: Path, target: Path) -> None:
    try:
        part.rename(target)
    except OSError:
        # Another process was faster; its files are the same.
        if not target.exists():
            raise


def _clear_abandoned(folder: Path) -> None:
    for part in folder.glob("*.part"):
        if time.time() - part.stat().st_mtime > ABANDONED_SECONDS:
            shutil.rmtree(part, ignore_errors=True)


def export(backbone: Backbone, folder: Path) -> None:
    """Writes model.xml and model.bin into `folder`: uint8 (n, pixels, pixels, 3) -> float32 (n, features)."""
    refuse_telemetry()
    build(backbone, input_dtype="uint8").export(str(folder / "model.xml"), format="openvino", verbose=False)


def refuse_telemetry() -> None:
    """Keeps OpenVINO from reporting its use to Google Analytics, which it does at import unless it cannot.

    Call before importing openvino. It leaves a file in the person's home folder otherwise, too.
    """
    # None makes `import openvino_telemetry` fail, and OpenVINO then takes its own stub.
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # documented, yet not in the stubs


if __name__ == "__main__":
    export(BACKBONES[sys.argv[1]], Path(sys.argv[2]))

"""Starts the process that runs Keras, listens to it, and stops it when the person does."""

import json
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

from core.errors import AppError
from core.model.convert import REFUSED, keras_environment
from core.model.eyes import Progress

SILENT_SECONDS = 600  # a step that takes so long hangs; the longest takes half a minute
ASK_SECONDS = 0.3  # between two looks whether the person wants it stopped
_PROJECT = Path(__file__).resolve().parents[3]


def run(folder: Path, on_progress: Progress) -> dict[str, str]:
    """Have the order in `folder` carried out (see `child`); the formats that could not be made, and why.

    What `on_progress` raises ends the process at once. Raises AppError when nothing could be made.
    """
    command = [sys.executable, "-m", "core.serve.export.child", str(folder)]
    log = folder / "log.txt"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            command, cwd=_PROJECT, env=keras_environment(), stdout=subprocess.PIPE, stderr=errors, text=True
        ) as child,
    ):
        try:
            said = _listen(child, on_progress)
        finally:
            child.kill()  # does nothing to one that has ended
    if child.returncode == REFUSED:
        raise AppError(**said[-1])
    if child.returncode:
        lines = log.read_text(errors="replace").strip().splitlines()
        raise AppError(
            f"The model could not be exported: {lines[-1] if lines else f'exit status {child.returncode}'}",
            hint="Check that memory and disk space are left, then try again.",
        )
    return {each["failed"]: each["reason"] for each in said if "failed" in each}


def _listen(child: subprocess.Popen[str], on_progress: Progress) -> list[dict[str, Any]]:
    """Everything that the child says but its progress, which is passed on as it comes."""
    assert child.stdout is not None
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read, args=(child.stdout, lines), daemon=True).start()
    said: list[dict[str, Any]] = []
    step, heard = (0.0, "Starting"), time.monotonic()
    while True:
        on_progress(*step)
        try:
            line = lines.get(timeout=ASK_SECONDS)
        except queue.Empty:
            if time.monotonic() - heard > SILENT_SECONDS:
                raise AppError(
                    f"The export was given up: nothing moved for {SILENT_SECONDS} seconds ({step[1]}).",
                    hint="Try again when the computer is less busy.",
                ) from None
            continue
        if line is None:
            child.wait()
            return said
        value, heard = json.loads(line), time.monotonic()
        if "fraction" in value:
            step = value["fraction"], value["words"]
        else:
            said.append(value)


def _read(stream: IO[str], lines: "queue.Queue[str | None]") -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)

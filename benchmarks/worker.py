"""A fresh process to measure in."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")


class Worker(Protocol):
    """Runs a function of a module there and gives its result; what the module caches stays."""

    def __call__(self, function: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Result: ...


@contextmanager
def worker() -> Iterator[Worker]:
    """A new Python process, ended when the block ends. What it says is shown only if it dies."""
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder, "said.txt")
        said.touch()

        def run(function: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Result:
            try:
                return pool.submit(function, *given, **named).result()
            except BrokenProcessPool:
                print(said.read_text(errors="replace"), file=sys.stderr)
                raise

        with ProcessPoolExecutor(1, get_context("spawn"), _prepare, (said,)) as pool:
            yield run


def peak_memory() -> float | None:
    """The most memory this process has held at once, in megabytes (10⁶ bytes); None on Windows."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def _prepare(said: Path) -> None:
    """Runs before TensorFlow is imported: it shall use the processor, as Thimble does, and chatter apart."""
    os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    os.dup2(os.open(said, os.O_WRONLY | os.O_APPEND), sys.stderr.fileno())

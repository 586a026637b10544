"""A fresh process to measure in."""

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import ParamSpec, Protocol, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")


class Worker(Protocol):
    """Runs a function of a module there and gives its result; what the module caches stays."""

    def __call__(
        self, function: Callable[Given, Result], *given: Given.args, **named: Given.kwargs
    ) -> Result: ...


@contextmanager
def worker() -> Iterator[Worker]:
    """A new Python process, ended when the block ends."""

    def run(function: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Result:
        return pool.submit(function, *given, **named).result()

    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_quiet) as pool:
        yield run


def peak_memory() -> float | None:
    """The most memory this process has held at once, in megabytes (10⁶ bytes); None on Windows."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def _quiet() -> None:
    """Runs before TensorFlow is imported: it shall use the processor, as Thimble does, and not chatter."""
    os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    # Some of it comes whatever the level. Exceptions do not pass through here: they reach the caller.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())

"""Runs a frozen backbone on ready-made views. OpenVINO does the work; nothing here imports TensorFlow."""

import os
import threading
from collections import deque
from importlib import import_module
from pathlib import Path
from queue import Empty, SimpleQueue
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.data.photo import Pixels
from core.model.backbones import BACKBONES, Backbone
from core.model.convert import converted, refuse_telemetry

if TYPE_CHECKING:
    import openvino

_importing = threading.Lock()


class Embedder:
    """Runs one frozen backbone; ready at once, loaded at the first use, safe to share between threads.

    Photos go through one by one, on as many streams as suit the processor: measured as fast as batches, and a row then
    never depends on its neighbours. `bulk` computes in bfloat16 where the processor has it; otherwise float32, and a
    photo that comes while no other is at work has all cores to itself.
    """

    def __init__(self, backbone: Backbone, home: Path, *, bulk: bool = False) -> None:
        self.backbone = backbone
        self._home = home
        self._bulk = bulk
        self._lock = threading.Lock()  # of everything below
        self._calls = 0  # of `embed`, at work now
        self._streams: _Streams | None = None
        self._alone: openvino.CompiledModel | None = None
        self._mapping: openvino.CompiledModel | None = None

    @property
    def is_ready(self) -> bool:
        """Loaded, so that embedding begins at once."""
        return self._streams is not None or self._alone is not None

    def prepare(self) -> None:
        """Load the backbone now rather than at the first use. Raises AppError as `embed` does."""
        self.embed(np.empty((0, self.backbone.pixels, self.backbone.pixels, 3), np.uint8))

    def embed(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Views (n, pixels, pixels, 3), raw RGB -> (n, backbone.row), the features of every cut side by side.

        The first call may take seconds. Raises AppError when the backbone cannot be prepared (see `converted`).
        """
        with self._lock:
            self._calls += 1
            is_alone = self._calls == 1 and len(batch) <= 1 and not self._bulk
        try:
            rows = np.empty((len(batch), self.backbone.row), np.float32)
            if not is_alone:
                self._on_streams().run(batch, rows)
                return rows
            on_all_cores = self._on_all_cores()
            if len(batch):
                rows[:] = on_all_cores(batch)["row"]
            return rows
        finally:
            with self._lock:
                self._calls -= 1

    def maps(self, view: Pixels) -> tuple[NDArray[np.float32], ...]:
        """For each cut the maps (height, width, features) whose averages are the row of this one view."""
        names = [f"map{at}" for at in range(len(self.backbone.cuts))]
        with self._lock:
            if self._mapping is None:
                self._mapping = self._compiled(names, "LATENCY")
            found = self._mapping(view[np.newaxis])
            return tuple(np.array(found[name][0], np.float32) for name in names)

    # Each takes tens of megabytes, and many a program never needs the other.

    def _on_all_cores(self) -> "openvino.CompiledModel":
        with self._lock:
            if self._alone is None:
                self._alone = self._compiled(["row"], "LATENCY")
            return self._alone

    def _on_streams(self) -> "_Streams":
        with self._lock:
            if self._streams is None:
                self._streams = _Streams(self._compiled(["row"], "THROUGHPUT"))
            return self._streams

    def _compiled(self, outputs: list[str], hint: str) -> "openvino.CompiledModel":
        openvino = _openvino()
        core = openvino.Core()
        model = core.read_model(converted(self.backbone, self._home))
        model.reshape([1, self.backbone.pixels, self.backbone.pixels, 3])
        # Of the other outputs nothing is computed or copied.
        wanted = openvino.Model([model.output(name) for name in outputs], model.get_parameters())
        bfloat16 = self._bulk and "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        config = {
            "PERFORMANCE_HINT": hint,
            "INFERENCE_PRECISION_HINT": "bf16" if bfloat16 else "f32",
            "INFERENCE_NUM_THREADS": usable_cores(),
            # Other threads decode meanwhile; one that is tied to a core waits for them there.
            "ENABLE_CPU_PINNING": False,
        }
        return core.compile_model(wanted, "CPU", config)


def _openvino() -> ModuleType:
    """OpenVINO, imported on first use: with its libraries it takes 60 MB, and many a page never embeds anything."""
    refuse_telemetry()
    with _importing:
        openvino = import_module("openvino")
        # When its bindings first look at an array they set themselves up, and two threads that have them do so at the
        # same moment wait for each other for ever: one has the lock of the setting up, the other Python's.
        openvino.Tensor(np.zeros(1, np.uint8)).data.fill(0)
    return openvino


class _Streams:
    """Runs a compiled model on single photos, several at a time; threads share what it can do at once."""

    def __init__(self, compiled: "openvino.CompiledModel") -> None:
        self._compiled = compiled
        # Two for each stream, so that one whose photo is done finds the next without waiting for Python.
        number = 2 * compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        self._free: SimpleQueue[openvino.InferRequest] = SimpleQueue()
        for _ in range(number):
            self._free.put(compiled.create_infer_request())

    def run(self, batch: NDArray[np.uint8], rows: NDArray[np.float32]) -> None:
        """Writes the row of each view."""
        started: deque[tuple[openvino.InferRequest, int]] = deque()
        try:
            for number in range(len(batch)):
                request = self._next(started, rows)
                started.append((request, number))
                request.start_async([batch[number : number + 1]])
            while started:
                self._free.put(_finished(started, rows))
        finally:
            for _ in started:  # only after an error; what may still be at work is not used again
                self._free.put(self._compiled.create_infer_request())

    def _next(
        self, started: "deque[tuple[openvino.InferRequest, int]]", rows: NDArray[np.float32]
    ) -> "openvino.InferRequest":
        """One that is free, or the oldest of the caller's own, once it is: who waits for others holds none back."""
        try:
            return self._free.get(block=not started)
        except Empty:
            return _finished(started, rows)


def _finished(
    started: "deque[tuple[openvino.InferRequest, int]]", rows: NDArray[np.float32]
) -> "openvino.InferRequest":
    request, number = started[0]
    request.wait()
    rows[number] = request.get_output_tensor().data
    started.popleft()
    return request


class Embedders:
    """An embedder for each backbone, made when first asked for; safe to share between threads."""

    def __init__(self, home: Path, *, bulk: bool = False) -> None:
        self.home = home
        self._bulk = bulk
        self._lock = threading.Lock()
        self._made: dict[str, Embedder] = {}

    def __getitem__(self, backbone_id: str) -> Embedder:
        with self._lock:
            if backbone_id not in self._made:
                self._made[backbone_id] = Embedder(BACKBONES[backbone_id], self.home, bulk=self._bulk)
            return self._made[backbone_id]


def usable_cores() -> int:
    """The processor cores this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

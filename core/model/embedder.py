"""Runs a frozen backbone on ready-made views. OpenVINO does the work; nothing here imports TensorFlow."""

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.data.photo import Pixels
from core.model.backbones import BACKBONES, Backbone
from core.model.convert import converted, refuse_telemetry

if TYPE_CHECKING:
    import openvino


class Embedder:
    """Runs one frozen backbone; ready at once, loaded at the first use, safe to share between threads.

    What several threads ask for at the same moment is embedded together. Photos go through one by one, on as many
    streams as suit the processor: measured as fast as batches, and a row never depends on its neighbours. `bulk`
    computes in bfloat16 where the processor has it; otherwise float32, and a single photo has all cores to itself.
    """

    def __init__(self, backbone: Backbone, home: Path, *, bulk: bool = False) -> None:
        self.backbone = backbone
        self._home = home
        self._bulk = bulk
        self._lock = threading.Lock()
        self._guard = threading.Lock()
        self._asked: list[_Asked] = []
        self._streams: openvino.AsyncInferQueue | None = None
        self._single: openvino.CompiledModel | None = None
        self._mapping: openvino.CompiledModel | None = None

    @property
    def is_ready(self) -> bool:
        """Loaded, so that embedding begins at once."""
        return self._streams is not None

    def prepare(self) -> None:
        """Load the backbone now rather than at the first use. Raises AppError as `embed` does."""
        self.embed(np.empty((0, self.backbone.pixels, self.backbone.pixels, 3), np.uint8))

    def embed(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Views (n, pixels, pixels, 3), raw RGB -> (n, backbone.row), the features of every cut side by side.

        The first call may take seconds. Raises AppError when the backbone cannot be prepared (see `converted`).
        """
        asked = _Asked(batch, np.empty((len(batch), self.backbone.row), np.float32))
        with self._guard:
            self._asked.append(asked)
        with self._lock:
            # While this thread waited, the one before it may have embedded for both.
            with self._guard:
                together, self._asked = self._asked, []
            try:
                self._embed(together)
            except BaseException as error:
                for each in together:
                    each.error = error
        if asked.error is not None:
            raise asked.error
        return asked.rows

    def _embed(self, together: "list[_Asked]") -> None:
        if self._streams is None:
            if not self._bulk:
                self._single = self._compiled(["row"], "LATENCY")
            self._streams = _queue(self._compiled(["row"], "THROUGHPUT"))
        views = [(each, number) for each in together for number in range(len(each.views))]
        if len(views) == 1 and self._single is not None:
            each, number = views[0]
            each.rows[number] = self._single(each.views[number : number + 1])["row"]
            return

        def keep(request: "openvino.InferRequest", place: "tuple[_Asked, int]") -> None:
            each, number = place
            each.rows[number] = request.get_output_tensor().data

        self._streams.set_callback(keep)
        for each, number in views:
            self._streams.start_async(each.views[number : number + 1], (each, number))
        self._streams.wait_all()

    def maps(self, view: Pixels) -> tuple[NDArray[np.float32], ...]:
        """For each cut the maps (height, width, features) whose averages are the row of this one view."""
        names = [f"map{at}" for at in range(len(self.backbone.cuts))]
        with self._lock:
            if self._mapping is None:
                self._mapping = self._compiled(names, "LATENCY")
            found = self._mapping(view[np.newaxis])
            return tuple(np.array(found[name][0], np.float32) for name in names)

    def _compiled(self, outputs: list[str], hint: str) -> "openvino.CompiledModel":
        refuse_telemetry()
        # Imported on first use: with its libraries it takes 60 MB, and many a page never embeds anything.
        import openvino

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
        }
        return core.compile_model(wanted, "CPU", config)


@dataclass
class _Asked:
    """What one thread wants embedded: views (n, pixels, pixels, 3), the rows to fill, and what went wrong."""

    views: NDArray[np.uint8]
    rows: NDArray[np.float32]
    error: BaseException | None = None


def _queue(compiled: "openvino.CompiledModel") -> "openvino.AsyncInferQueue":
    import openvino  # after `_compiled`, which first keeps it from reporting its use

    return openvino.AsyncInferQueue(compiled)


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

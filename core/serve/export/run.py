"""How a file of each format is run: as a program elsewhere would; only for the process that runs Keras."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.photo import Pixels
from core.model.embedder import usable_cores

Outputs = Mapping[str, Any]
Runner = Callable[[NDArray[np.uint8]], Outputs]  # a photo (1, height, width, 3) -> "probabilities", "strangeness"


def answers(name: str, model: Path, photos: list[Pixels]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Probabilities (n, categories) and strangeness (n,) that the file of this format gives."""
    run = RUNNERS[name](model)
    found = [run(photo[np.newaxis]) for photo in photos]
    return (
        np.array([np.asarray(each["probabilities"])[0] for each in found], np.float32),
        np.array([np.asarray(each["strangeness"])[0] for each in found], np.float32),
    )


def _keras(model: Path) -> Runner:
    import keras
    import tensorflow as tf

    loaded = keras.saving.load_model(model, safe_mode=True)
    photo = tf.TensorSpec((1, None, None, 3), tf.uint8)
    traced: Runner = tf.function(lambda photo: loaded(photo, training=False), input_signature=[photo])
    return traced


def _savedmodel(model: Path) -> Runner:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(model))

    def run(photo: NDArray[np.uint8]) -> Outputs:
        found: Outputs = loaded.signatures["serving_default"](photo=tf.constant(photo))
        return found

    return run


def _litert(model: Path) -> Runner:
    from ai_edge_litert.interpreter import Interpreter

    signature = Interpreter(str(model), num_threads=usable_cores()).get_signature_runner()
    return lambda photo: {name: np.array(value) for name, value in signature(photo=photo).items()}


def _onnx(model: Path) -> Runner:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    names = ["probabilities", "strangeness"]
    return lambda photo: dict(zip(names, session.run(names, {"photo": photo}), strict=True))


def _openvino(model: Path) -> Runner:
    import openvino

    compiled = openvino.compile_model(str(model), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def run(photo: NDArray[np.uint8]) -> Outputs:
        found = compiled(photo)
        return {name: found[name] for name in ("probabilities", "strangeness")}

    return run


RUNNERS: dict[str, Callable[[Path], Runner]] = {
    "keras": _keras,
    "savedmodel": _savedmodel,
    "litert": _litert,
    "litert8": _litert,
    "onnx": _onnx,
    "openvino": _openvino,
}

"""How the Keras graph becomes a file of each format; only for the process that runs Keras."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.serve.export.eight_bit import in_eight_bits

if TYPE_CHECKING:
    import keras

OPSET = 17  # of ONNX: old enough for runtimes in use, new enough for everything here


class Writer:
    """Writes one graph in several formats; `scratch` is an empty folder for what they share.

    Keras' own `export` gives the same files, but traces the graph anew for each, and stores the weights twice.
    """

    def __init__(self, graph: "keras.Model", scratch: Path) -> None:
        import tensorflow as tf

        self._graph = graph
        self._photo = tf.TensorSpec((1, None, None, 3), tf.uint8, name="photo")
        self._function = tf.function(lambda photo: graph(photo, training=False), input_signature=[self._photo])
        self._saved = scratch / "saved"

    def write(self, name: str, target: Path) -> None:
        """Write the format of this id to `target`, a path that does not exist; raises whatever converters raise."""
        WRITERS[name](self, target)

    def keras(self, target: Path) -> None:
        """One .keras file, of built-in layers only."""
        self._graph.save(target)

    def savedmodel(self, target: Path) -> None:
        """A folder with the signature "serving_default"."""
        shutil.copytree(self._saved_model(), target)

    def litert(self, target: Path) -> None:
        """One .tflite file of 32-bit floats."""
        target.write_bytes(self._tflite_converter().convert())

    def litert8(self, target: Path) -> None:
        """One .tflite file whose large weights are stored in 8 bits; see `eight_bit`."""
        import tensorflow as tf

        converter = self._tflite_converter()
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
        target.write_bytes(in_eight_bits(converter.convert()))

    def onnx(self, target: Path) -> None:
        """One .onnx file."""
        import tf2onnx

        tf2onnx.convert.from_function(self._function, [self._photo], opset=OPSET, output_path=str(target))

    def openvino(self, target: Path) -> None:
        """An .xml file with a .bin file beside it."""
        import openvino

        model = openvino.convert_model(str(self._saved_model()))
        model.set_rt_info(target.name, ["conversion_parameters", "input_model"])  # was the path on this machine
        openvino.save_model(model, target, compress_to_fp16=False)

    def _saved_model(self) -> Path:
        """The SavedModel that other formats are made from, written when first asked for."""
        import tensorflow as tf

        if not self._saved.exists():
            module = tf.Module()
            module.weights = [variable.value for variable in self._graph.variables]
            tf.saved_model.save(module, str(self._saved), signatures=self._function.get_concrete_function())
        return self._saved

    def _tflite_converter(self) -> Any:
        import tensorflow as tf

        return tf.lite.TFLiteConverter.from_saved_model(str(self._saved_model()))


WRITERS: dict[str, Callable[[Writer, Path], None]] = {
    "keras": Writer.keras,
    "savedmodel": Writer.savedmodel,
    "litert": Writer.litert,
    "litert8": Writer.litert8,
    "onnx": Writer.onnx,
    "openvino": Writer.openvino,
}

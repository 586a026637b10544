"""The ten-line program that goes along with an export: a photo's path in, the answer out."""

from string import Template

# Photos are prepared as in `core.data.photo`, as far as ten lines go.
_PROGRAM = Template("""\
# pip install numpy pillow $needs; then: python example.py photos/1.jpg
import json, sys
import numpy as np
from PIL import Image, ImageOps
$load
about = json.load(open("labels.json", encoding="utf-8"))
photo = ImageOps.exif_transpose(Image.open(sys.argv[1])).convert("RGB")
scale = min(1, 640 / max(photo.size))
photo = photo.resize([round(side * scale) for side in photo.size], Image.Resampling.BICUBIC, reducing_gap=2)
answer = $answer
is_none = np.ravel(answer["strangeness"])[0] > about["threshold"]
print(about["none_of_these"] if is_none else about["categories"][np.argmax(answer["probabilities"])])
""")
_PHOTO = "np.asarray(photo)[np.newaxis]"

# What loads the model, and what asks it.
_WAYS = {
    "keras": (
        'import keras\nmodel = keras.saving.load_model("model.keras")',
        f"{{name: np.asarray(value) for name, value in model({_PHOTO}).items()}}",
    ),
    "savedmodel": (
        'import tensorflow as tf\nmodel = tf.saved_model.load("1")',
        f'model.signatures["serving_default"](photo=tf.constant({_PHOTO}))',
    ),
    "litert": (
        "from ai_edge_litert.interpreter import Interpreter\n"
        'model = Interpreter("model.tflite").get_signature_runner()',
        f"model(photo={_PHOTO})",
    ),
    "onnx": (
        "import onnxruntime\n"
        'model, names = onnxruntime.InferenceSession("model.onnx"), ["probabilities", "strangeness"]',
        f'dict(zip(names, model.run(names, {{"photo": {_PHOTO}}})))',
    ),
    "openvino": (
        'import openvino\nmodel = openvino.compile_model("model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})',
        f"model({_PHOTO})",
    ),
}
_WAYS["litert8"] = _WAYS["litert"]


def example_program(name: str, needs: tuple[str, ...]) -> str:
    """The program for the format of this id, run by these packages from the folder that it lies in."""
    load, answer = _WAYS[name]
    return _PROGRAM.substitute(needs=" ".join(needs), load=load, answer=answer)

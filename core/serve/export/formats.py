"""The forms that a trained model can leave in, one frozen card each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tolerance:
    """How far an export's answers may lie from Thimble's own, over the photos that it is proven on.

    `agreement` is the least share (0 to 1) of photos with the same likeliest category, and of those with the same
    answer to whether it is none of these; `probability` and `strangeness` are the largest differences, None for any.
    """

    agreement: float
    probability: float | None = None
    strangeness: float | None = None


EXACT = Tolerance(agreement=1.0, probability=1e-3, strangeness=1e-2)
ROUGH = Tolerance(agreement=0.97)


@dataclass(frozen=True)
class Format:
    """A form: its name and what it is for, in words; `made_of` is the id of the graph's format that it is built on.

    `model` is the path of the model in the zip, `needs` the packages that run it from Python; both are empty where
    the form is more than a model file.
    """

    name: str
    words: str
    made_of: str
    tolerance: Tolerance = EXACT
    model: str = ""
    needs: tuple[str, ...] = ()


FORMATS: dict[str, Format] = {
    "keras": Format(
        "Keras",
        "To go on with in Keras: look inside, change it, train it further.",
        made_of="keras",
        model="model.keras",
        needs=("keras", "tensorflow"),
    ),
    "savedmodel": Format(
        "TensorFlow SavedModel",
        "For TensorFlow Serving and everything else of TensorFlow's.",
        made_of="savedmodel",
        model="1",
        needs=("tensorflow",),
    ),
    "litert": Format(
        "LiteRT, 32-bit",
        "For phones and small computers (TensorFlow Lite), with the same answers to the last digit that matters.",
        made_of="litert",
        model="model.tflite",
        needs=("ai-edge-litert",),
    ),
    "litert8": Format(
        "LiteRT, 8-bit",
        "A third of the size, for phones and small computers; now and then it answers otherwise.",
        made_of="litert8",
        tolerance=ROUGH,
        model="model.tflite",
        needs=("ai-edge-litert",),
    ),
    "onnx": Format(
        "ONNX",
        "For programs in almost any language, through ONNX Runtime.",
        made_of="onnx",
        model="model.onnx",
        needs=("onnxruntime",),
    ),
    "openvino": Format(
        "OpenVINO",
        "The fastest on Intel processors.",
        made_of="openvino",
        model="model.xml",
        needs=("openvino",),
    ),
    "demo": Format(
        "A demo to publish",
        "A small app in a folder, ready to push to Streamlit Community Cloud or a Hugging Face Space.",
        made_of="onnx",
    ),
    "web": Format(
        "A web page",
        "One page that classifies in the browser: no server, and no photo leaves the computer.",
        made_of="onnx",
    ),
}

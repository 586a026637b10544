"""EfficientNet-Lite in Keras, carrying the weights that its card names.

Architecture: M. Tan and Q. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks"
(ICML 2019), in its Lite form (R. Liu, "Higher accuracy on vision models with EfficientNet-Lite", TensorFlow
blog, 2020): no squeeze-and-excitation, ReLU6 for swish, and a stem and head that are never scaled.

Keras, and TensorFlow with it, is imported only when a model is built.
"""

import math
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from core.model.backbones import Backbone, Lite
from core.model.weights import load_weights

if TYPE_CHECKING:
    import keras

# repeats, kernel, stride, expansion, output filters of each stage of Lite0
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM_FILTERS = 32
HEAD_FILTERS = 1280
EPSILON = 1e-3  # of every batch normalisation, as in training

# What PyTorch calls each layer, within its block.
_TORCH_NAMES = {
    "stem": "_conv_stem",
    "stem_norm": "_bn0",
    "expand": "_expand_conv",
    "expand_norm": "_bn0",
    "depthwise": "_depthwise_conv",
    "depthwise_norm": "_bn1",
    "project": "_project_conv",
    "project_norm": "_bn2",
    "head": "_conv_head",
    "head_norm": "_bn1",
}


def build(backbone: Backbone, *, input_dtype: str = "float32") -> "keras.Model":
    """The pretrained network, frozen: (n, pixels, pixels, 3) raw RGB 0..255 -> the last features (n, 1280).

    The scaling (x - 127) / 128 is inside. Layers are named `stem…`, `block0…` to `blockN…` and `head…`; the
    layer `block{i}` is the output of a whole block. Raises AppError as `load_weights` does.
    """
    import keras
    from keras import layers

    made = backbone.made
    assert isinstance(made, Lite)
    inputs = keras.Input((backbone.pixels, backbone.pixels, 3), dtype=input_dtype, name="photos")
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="scale")(inputs)
    x = layers.Conv2D(STEM_FILTERS, 3, 2, "same", use_bias=False, name="stem")(x)
    x = _norm_relu(x, "stem")
    number = 0
    for stage, (repeats, kernel, stride, expansion, filters) in enumerate(STAGES):
        if 0 < stage < len(STAGES) - 1:
            repeats = math.ceil(repeats * made.depth)
        filters = _round_to_8(filters * made.width)
        for repeat in range(repeats):
            x = _block(x, f"block{number}", kernel, stride if repeat == 0 else 1, expansion, filters)
            number += 1
    x = layers.Conv2D(HEAD_FILTERS, 1, use_bias=False, name="head")(x)
    x = _norm_relu(x, "head")
    features = layers.GlobalAveragePooling2D(name="features")(x)
    model = keras.Model(inputs, features, name=f"efficientnet_{backbone.id}")
    _load(model, load_weights(backbone))
    model.trainable = False
    return model


def _block(x: Any, name: str, kernel: int, stride: int, expansion: int, filters: int) -> Any:
    """A mobile inverted bottleneck: widen, filter each channel alone, narrow, add the input if it fits."""
    from keras import layers

    inputs, channels = x, x.shape[-1]
    if expansion > 1:
        x = layers.Conv2D(channels * expansion, 1, use_bias=False, name=f"{name}_expand")(x)
        x = _norm_relu(x, f"{name}_expand")
    x = layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False, name=f"{name}_depthwise")(x)
    x = _norm_relu(x, f"{name}_depthwise")
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_project")(x)
    x = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_project_norm")(x)
    if stride == 1 and channels == filters:
        return layers.Add(name=name)([inputs, x])
    return layers.Identity(name=name)(x)


def _norm_relu(x: Any, name: str) -> Any:
    from keras import layers

    x = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_norm")(x)
    return layers.ReLU(6, name=f"{name}_relu")(x)


def _round_to_8(filters: float) -> int:
    """The nearest multiple of 8, one more if that would lose over a tenth."""
    rounded = max(8, int(filters + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * filters else rounded


def _load(model: "keras.Model", state: dict[str, NDArray[Any]]) -> None:
    from keras import layers

    for layer in model.layers:
        if not layer.weights:
            continue
        block, _, part = layer.name.rpartition("block")[2].partition("_")
        torch = f"_blocks.{block}.{_TORCH_NAMES[part]}" if block.isdecimal() else _TORCH_NAMES[layer.name]
        if isinstance(layer, layers.BatchNormalization):
            kinds = ("weight", "bias", "running_mean", "running_var")
            layer.set_weights([state[f"{torch}.{kind}"] for kind in kinds])
        elif isinstance(layer, layers.DepthwiseConv2D):
            layer.set_weights([state[f"{torch}.weight"].transpose(2, 3, 0, 1)])
        else:
            layer.set_weights([state[f"{torch}.weight"].transpose(2, 3, 1, 0)])

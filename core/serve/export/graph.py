"""A trained model as one Keras graph: photo in, probabilities and strangeness out, preprocessing inside.

Resizing is Pillow's antialiased bilinear to the last bit, since one grey level more in a few pixels can move a
probability by a hundredth. Pillow counts in fixed point with 22 bits. A float has 24, which hold a pixel times 11
bits summed over the pixels that are blended; so each weight is split into its upper and lower 11 bits.
Sizes are counted inside the graph, by adding up ones: that converts to every format, where asking for a shape does not.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.model.backbones import BACKBONES
from core.model.bundle import Bundle
from core.model.convert import build, with_cuts
from core.model.features import Key
from core.model.keras_head import input_name, keras_classifier
from core.model.keras_novelty import keras_novelty
from core.model.select import Mode

if TYPE_CHECKING:
    import keras

HALF = 2048.0  # 2 to the 11th


def keras_graph(bundle: Bundle, mode: Mode, home: Path) -> "keras.Model":
    """What the bundle answers in this mode, as a Keras model of built-in layers and operations only.

    Input "photo": uint8 (1, height, width, 3), upright sRGB, of any size. Outputs "probabilities" float32
    (1, categories) and "strangeness" float32 (1,). Raises AppError when a backbone's weights cannot be had.
    """
    import keras

    photo = keras.Input(batch_shape=(1, None, None, 3), dtype="uint8", name="photo")
    planes = keras.ops.transpose(keras.ops.cast(photo[0], "float32"), (2, 0, 1))
    classifier, strange = bundle.classifiers[mode], bundle.strange[mode]
    looks = tuple(dict.fromkeys((*classifier.looks, *strange.looks)))
    networks = {name: _network(name, home) for name in dict.fromkeys(backbone for backbone, _ in looks)}
    rows = {look: networks[look[0]](view(planes, look[1], BACKBONES[look[0]].pixels)) for look in looks}
    probabilities = keras_classifier(classifier)(_named(rows, classifier.looks))
    strangeness = keras_novelty(bundle.novelty[mode], strange)(_named(rows, strange.looks))
    outputs = {
        "probabilities": keras.layers.Identity(name="probabilities")(probabilities),
        "strangeness": keras.layers.Identity(name="strangeness")(strangeness),
    }
    return keras.Model(photo, outputs, name="thimble")


def view(planes: Any, name: str, side: int) -> Any:
    """What `core.model.views` shows of a photo: planes (3, height, width) of 0..255 -> (1, side, side, 3), floats."""
    from keras import ops

    down, right = (ops.cumsum(ops.ones_like(line)) for line in (planes[0, :, 0], planes[0, 0, :]))
    height, width = ops.max(down), ops.max(right)
    square = ops.minimum(height, width)
    tall, wide = (height, width) if name == "squash" else (square, square)
    across = ops.transpose(_weights(right, width, wide, side, is_mirrored=name == "mirror"), (0, 2, 1))
    blended = _rounded(ops.matmul(planes, across), axis=2)
    shown = _rounded(ops.matmul(_weights(down, height, tall, side), blended), axis=1)
    return ops.expand_dims(ops.transpose(shown, (1, 2, 0)), 0)


def _weights(places: Any, length: Any, taken: Any, side: int, *, is_mirrored: bool = False) -> Any:
    """How much of each pixel goes into each of `side` others, times 2 to the 22nd: (1, 2 * side, length).

    The upper 11 bits of all weights, then the lower ones. `places` count the pixels from 1 to `length`, of which those
    in the middle are `taken`. The weights fall from the centre of a target linearly to 0; they are shares of whole
    numbers, so that they can be rounded as Pillow does.
    """
    from keras import ops

    centres = np.arange(1, 2 * side, 2, dtype=np.float32)[:, np.newaxis]
    if is_mirrored:
        centres = centres[::-1]
    places = places - ops.floor((length - taken) / 2)
    apart = ops.abs((2 * places - 1) * side - taken * centres)
    is_taken = ops.cast(ops.logical_and(places > 0, places <= taken), "float32")
    parts = ops.relu(2 * ops.maximum(taken, float(side)) - apart) * is_taken
    whole = ops.sum(parts, axis=1, keepdims=True)
    upper = ops.floor(parts * HALF / whole)
    lower = ops.floor((parts * HALF - upper * whole) * HALF / whole + 0.5)
    return ops.expand_dims(ops.concatenate([upper, lower], axis=0), 0)


def _rounded(sums: Any, *, axis: int) -> Any:
    """Whole numbers 0..255, half rounded up, from the sums by upper and by lower bits along the axis."""
    from keras import ops

    upper, lower = ops.split(sums, 2, axis=axis)
    return ops.floor((upper + ops.floor(lower / HALF) + HALF / 2) / HALF)


def _network(name: str, home: Path) -> "keras.Model":
    """The backbone: (1, pixels, pixels, 3) of 0..255 -> its row (1, backbone.row)."""
    import keras

    backbone = BACKBONES[name]
    network = with_cuts(build(backbone, home), backbone)
    return keras.Model(network.input, network.output["row"], name=f"backbone_{name.replace('-', '_')}")


def _named(rows: Mapping[Key, Any], looks: tuple[Key, ...]) -> dict[str, Any]:
    return {input_name(look): rows[look] for look in looks}

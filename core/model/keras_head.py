"""The chosen classifier as a Keras model, from the backbones' rows to probabilities."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from core.model.backbones import BACKBONES
from core.model.classifier import Classifier, Member
from core.model.features import Features, Key
from core.model.head import Head

if TYPE_CHECKING:
    import keras


def keras_classifier(classifier: Classifier) -> "keras.Model":
    """The same answers: rows (n, backbone.row) under each of `classifier.looks`, by `input_name`, to (n, categories).

    Only built-in layers and operations, so that it loads with `safe_mode=True` and exports anywhere. The heads are
    dense layers "member0", "member1", … (with a hidden layer, also "member0_hidden").
    """
    import keras

    inputs = {look: keras.Input((BACKBONES[look[0]].row,), name=input_name(look)) for look in classifier.looks}
    answers = [_answer(member, f"member{at}", inputs) for at, member in enumerate(classifier.members)]
    weighted = [answer * member.weight for answer, member in zip(answers, classifier.members, strict=True)]
    averaged = weighted[0] if len(weighted) == 1 else keras.layers.Add(name="weighted")(weighted)
    powers = keras.ops.power(averaged, classifier.sharpness)
    probabilities = powers / keras.ops.sum(powers, axis=-1, keepdims=True)
    return keras.Model({tensor.name: tensor for tensor in inputs.values()}, probabilities, name="classifier")


def input_name(look: Key) -> str:
    """What the model calls the rows of this look."""
    return f"{look[0]}_{look[1]}"


def keras_features(features: Features, inputs: Mapping[Key, Any]) -> Any:
    """What `features.matrix` gives, of Keras tensors (n, backbone.row) for each look."""
    import keras

    parts = [_part(inputs, backbone, features.views, at) for backbone, at in features.parts]
    return parts[0] if len(parts) == 1 else keras.layers.Concatenate()(parts) / float(np.sqrt(len(parts)))


def _answer(member: Member, name: str, inputs: Mapping[Key, Any]) -> Any:
    joined = keras_features(member.features, inputs)
    head = member.head
    if isinstance(head, Head):
        return _dense(joined, head.kernel, head.bias, "softmax", name)
    hidden = _dense(joined, head.kernel_1, head.bias_1, "relu", f"{name}_hidden")
    return _dense(hidden, head.kernel_2, head.bias_2, "softmax", name)


def _part(inputs: Mapping[Key, Any], backbone: str, views: tuple[str, ...], cut: int) -> Any:
    import keras

    columns = BACKBONES[backbone].columns[cut]
    seen = []
    for view in views:
        raw = inputs[backbone, view][:, columns.start : columns.stop]
        root = keras.ops.sign(raw) * keras.ops.sqrt(keras.ops.abs(raw))
        seen.append(keras.layers.UnitNormalization()(root))
    return seen[0] if len(seen) == 1 else keras.layers.UnitNormalization()(keras.layers.Average()(seen))


def _dense(inputs: Any, kernel: Any, bias: Any, activation: str, name: str) -> Any:
    import keras

    layer = keras.layers.Dense(len(bias), activation=activation, name=name)
    outputs = layer(inputs)
    layer.set_weights([kernel, bias])
    return outputs

"""The score for none of these as a Keras model, from the backbones' rows to strangeness."""

from typing import TYPE_CHECKING, Any

import numpy as np

from core.model.backbones import BACKBONES
from core.model.features import Features
from core.model.keras_head import input_name, keras_features
from core.model.novelty import OUTSTANDING, Novelty

if TYPE_CHECKING:
    import keras


def keras_novelty(novelty: Novelty, features: Features) -> "keras.Model":
    """The same scores: rows (n, backbone.row) under each of `features.looks`, by `input_name`, to strangeness (n,).

    `features` are those that the novelty was fitted on. Only built-in layers and operations, as in `keras_classifier`.
    """
    import keras

    inputs = {look: keras.Input((BACKBONES[look[0]].row,), name=input_name(look)) for look in features.looks}
    seen = keras_features(features, inputs)
    folds = [_distances(fold.means, fold.axes, fold.places, seen) for fold in novelty.folds]
    distances = folds[0] if len(folds) == 1 else keras.layers.Average()(folds)
    raw = keras.layers.Concatenate()([distances, _likeness(novelty.strangers, seen)])
    scale, offset = 1 / novelty.spread, -novelty.centre / novelty.spread
    standard = keras.layers.Rescaling(scale.tolist(), offset.tolist(), name="standardised")(raw)
    outstanding = keras.ops.square(keras.ops.relu(standard[:, 0::3] - OUTSTANDING))
    terms = keras.layers.Concatenate()([standard[:, :3], outstanding])
    strangeness = _dense(terms, novelty.weights[:, np.newaxis])[:, 0]
    return keras.Model({tensor.name: tensor for tensor in inputs.values()}, strangeness, name="novelty")


def _distances(means: Any, axes: Any, places: tuple[Any, Any], seen: Any) -> Any:
    """A fold's three distances (n, 3); see `core.model.novelty`."""
    import keras

    ops = keras.ops
    to_mean = _nearest(seen, means)
    on_axes = angle = ops.zeros_like(to_mean)
    if len(axes):
        offset, targets = places
        found = _dense(seen, axes.T, -offset)
        on_axes = _nearest(found, targets)
        if len(axes) > 1:  # on a single axis there are but two directions
            units = targets / np.maximum(np.linalg.norm(targets, axis=1, keepdims=True), 1e-12)
            angle = -ops.max(_dense(keras.layers.UnitNormalization()(found), units.T), axis=1, keepdims=True)
    return keras.layers.Concatenate()([to_mean, on_axes, angle])


def _nearest(rows: Any, targets: Any) -> Any:
    """Distance (n, 1) of each row to the nearest target."""
    from keras import ops

    lengths = ops.sum(ops.square(rows), axis=1, keepdims=True)
    squares = ops.min(_dense(rows, -2 * targets.T, np.square(targets).sum(axis=1)), axis=1, keepdims=True) + lengths
    return ops.sqrt(ops.relu(squares))


def _likeness(strangers: Any, seen: Any) -> Any:
    """Largest inner product (n, 1) with a marked stranger, 0 where there is none."""
    from keras import ops

    if not len(strangers):
        return ops.zeros_like(seen[:, :1])
    return ops.max(_dense(seen, strangers.T), axis=1, keepdims=True)


def _dense(rows: Any, kernel: Any, bias: Any = None) -> Any:
    import keras

    layer = keras.layers.Dense(kernel.shape[1], use_bias=bias is not None)
    outputs = layer(rows)
    layer.set_weights([kernel] if bias is None else [kernel, bias])
    return outputs

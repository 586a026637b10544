"""The score for none of these as a Keras model, from the backbones' rows to strangeness."""

from typing import TYPE_CHECKING, Any

import numpy as np

from core.model.backbones import BACKBONES
from core.model.features import Features
from core.model.keras_head import input_name, keras_features
from core.model.novelty import OUTSTANDING, Fold, Novelty

if TYPE_CHECKING:
    import keras


def keras_novelty(novelty: Novelty, features: Features) -> "keras.Model":
    """The same scores: rows (n, backbone.row) under each of `features.looks`, by `input_name`, to strangeness (n,).

    `features` are those that the novelty was fitted on. Only built-in layers and operations, as in `keras_classifier`.
    """
    import keras

    inputs = {look: keras.Input((BACKBONES[look[0]].row,), name=input_name(look)) for look in features.looks}
    seen = keras_features(features, inputs)
    folds = [_distances(fold, seen) for fold in novelty.folds]
    distances = folds[0] if len(folds) == 1 else keras.layers.Average()(folds)
    raw = keras.layers.Concatenate()([distances, _likeness(novelty.strangers, seen)])
    scale, offset = 1 / novelty.spread, -novelty.centre / novelty.spread
    standard = keras.layers.Rescaling(scale.tolist(), offset.tolist(), name="standardised")(raw)
    outstanding = keras.ops.square(keras.ops.relu(standard[:, 0::3] - OUTSTANDING))
    terms = keras.layers.Concatenate()([standard[:, :3], outstanding])
    strangeness = _dense(terms, novelty.weights[:, np.newaxis])[:, 0]
    return keras.Model({tensor.name: tensor for tensor in inputs.values()}, strangeness, name="novelty")


def _distances(fold: Fold, seen: Any) -> Any:
    """A fold's three distances (n, 3); see `core.model.novelty`."""
    import keras

    ops = keras.ops
    to_mean = _nearest(seen, fold.means, fold.lengths)
    on_axes = angle = ops.zeros_like(to_mean)
    if len(fold.axes):
        found = _dense(seen, fold.axes.T, -fold.centre)
        on_axes = _nearest(found, fold.places, fold.place_lengths)
        if len(fold.axes) > 1:  # on a single axis there are but two directions
            units = keras.layers.UnitNormalization()(found)
            angle = -ops.max(_dense(units, fold.directions.T), axis=1, keepdims=True)
    return keras.layers.Concatenate()([to_mean, on_axes, angle])


def _nearest(rows: Any, targets: Any, lengths: Any) -> Any:
    """Distance (n, 1) of each row to the nearest target, of which the squared `lengths` are known."""
    from keras import ops

    less = ops.min(_dense(rows, -2 * targets.T, lengths), axis=1, keepdims=True)
    squares = less + ops.sum(ops.square(rows), axis=1, keepdims=True)
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

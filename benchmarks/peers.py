"""The same tasks as most people would do them with Keras. Runs in a worker process, which imports TensorFlow.

The recipe is that of the Keras guide "Transfer learning & fine-tuning" (F. Chollet, keras.io), on Thimble's
own backbone, so that only the way of working differs: the frozen base stays in the graph and is called with
`training=False`, its features pooled, dropout 0.2, a dense layer, Adam at its default rate of 0.001, 20
epochs in batches of 32. Pictures come through `keras.utils.image_dataset_from_directory` and are, as in the
guide, decoded once and cached. Left out is the guide's augmentation, which costs time.
"""

import functools
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from core.model.backbones import BACKBONES, DEFAULT
from core.model.efficientnet_lite import build

BACKBONE = BACKBONES[DEFAULT]
BATCH = 32


@functools.cache
def network(input_dtype: str) -> Any:
    """The backbone as a Keras model, weights loaded."""
    return build(BACKBONE, input_dtype=input_dtype)


def predict_rate(file: Path) -> float:
    """Images a second of Keras `predict`, in batches of 32, on ready-made views."""
    views = np.load(file)
    model = network("uint8")
    started = perf_counter()
    model.predict(views, batch_size=BATCH, verbose=0)
    return len(views) / (perf_counter() - started)


def prepare() -> dict[str, float]:
    """Seconds to import Keras with TensorFlow, and to build the backbone."""
    started = perf_counter()
    import keras  # noqa: F401  # what is timed is the import

    done = perf_counter()
    network("float32")
    return {"import": done - started, "build": perf_counter() - done}


def train_and_score(training: Path, kept_out: Path, epochs: int, seed: int) -> dict[str, Any]:
    """Photos on disk to a model trained by the guide's recipe, then its score on photos kept out.

    Its seconds leave out the import, the backbone, and the graphs, compiled beforehand on one batch.
    """
    import keras

    keras.utils.set_random_seed(seed)
    model = _recipe(categories=sum(path.is_dir() for path in training.iterdir()))
    _compile_graphs(model, training, seed)
    started = perf_counter()
    history = model.fit(_pictures(training, seed), epochs=epochs, shuffle=False, verbose=0)
    trained = perf_counter()
    tested = model.evaluate(_pictures(kept_out, seed), verbose=0, return_dict=True)
    scored = perf_counter()
    photos = sum(path.is_file() for path in kept_out.rglob("*"))
    right = round(tested["accuracy"] * photos)
    return {
        "seconds": {"train": trained - started, "score": scored - trained, "total": scored - started},
        "right": right,
        "photos": photos,
        "accuracy": right / photos,
        "training_accuracy": history.history["accuracy"][-1],
    }


def _recipe(categories: int) -> Any:
    import keras

    base = network("float32")
    inputs = keras.Input((BACKBONE.pixels, BACKBONE.pixels, 3))
    x = base(inputs, training=False)
    x = keras.layers.Dropout(0.2)(x)
    model = keras.Model(inputs, keras.layers.Dense(categories)(x))
    model.compile(
        optimizer=keras.optimizers.Adam(),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def _pictures(folder: Path, seed: int) -> Any:
    """Batches of pictures and labels: decoded once, kept in memory, dealt anew for every epoch."""
    import keras

    side = (BACKBONE.pixels, BACKBONE.pixels)
    pictures = keras.utils.image_dataset_from_directory(
        folder, image_size=side, batch_size=None, shuffle=False, verbose=False
    )
    return pictures.cache().shuffle(len(pictures), seed=seed).batch(BATCH).prefetch(-1)


def _compile_graphs(model: Any, training: Path, seed: int) -> None:
    """One step of training and of testing, undone."""
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    before = [variable.numpy() for variable in variables]
    batch = _pictures(training, seed).take(1)
    model.fit(batch, shuffle=False, verbose=0)
    model.evaluate(batch, verbose=0)
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)

"""Other ways to learn from few photos, in Keras, on Thimble's own backbone. Runs in a worker process with TensorFlow.

    guide       the head of the Keras guide "Transfer learning & fine-tuning" (F. Chollet): dropout 0.2, one dense
                layer, Adam at 0.001, batches of 32; on features computed once, the guide's quicker way to that head
    teachable   the head of Teachable Machine's image library: dense 100 with ReLU, dense without bias, softmax, Adam
                at 0.001, 50 epochs, batches of 16; on features computed once, as there
    tuned       fine-tuning as in the guide: the guide's head first, then all layers together at a small rate, with the
                normalisation left in inference mode; flips, shifts and zooms; batches of 16

All see the same centre crops as Thimble at its first look. Seconds leave out importing, building and compiling.
"""

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import peers
from benchmarks.draws import Draw
from core.data.dataset import Photo, read_file
from core.data.photo import decode_image
from core.model.backbones import BACKBONES, DEFAULT
from core.model.efficientnet_lite import build
from core.model.views import VIEWS

BACKBONE = BACKBONES[DEFAULT]
EMBEDDED_AT_ONCE = 32
TEACHABLE_BATCH = 16
TUNED_BATCH = 16
TUNED_RATE = 1e-4
SHIFT, ZOOM = 0.1, 0.15  # of the side

Views = NDArray[np.uint8]
Labels = NDArray[np.int64]


def prepare() -> None:
    """Import Keras with TensorFlow, build the backbone and compile its two sizes of batches."""
    peers.prepare()
    _embed(np.zeros((EMBEDDED_AT_ONCE + 1, BACKBONE.pixels, BACKBONE.pixels, 3), np.uint8))


def on_features(dealt: Draw, size: int, guide_epochs: int, teachable_epochs: int, seed: int) -> dict[str, Any]:
    """Accuracy and seconds of the guide's head and of Teachable Machine's, from the same features."""
    import keras

    categories = len(dealt.categories)
    started = perf_counter()
    features = _embed(_views(dealt, dealt.training(size)))
    embedded = perf_counter() - started
    labels = _labels(dealt, dealt.training(size))
    kept_out = _embed(_views(dealt, dealt.kept_out))
    truth = _labels(dealt, dealt.kept_out)
    recipes: dict[str, tuple[Callable[[], Any], int, int]] = {
        "guide": (lambda: _guide_head(categories), peers.BATCH, guide_epochs),
        "teachable": (lambda: _teachable_head(categories), TEACHABLE_BATCH, teachable_epochs),
    }
    told = {}
    for name, (make, batch, epochs) in recipes.items():
        keras.utils.set_random_seed(seed)
        head = make()
        fitted = _fit(head, features, labels, batch, epochs)
        started = perf_counter()
        right = head.predict(kept_out, verbose=0).argmax(axis=1) == truth
        told[name] = {
            "seconds": {"train": embedded + fitted, "score": perf_counter() - started},
            "accuracy": float(right.mean()),
        }
    return told


def fine_tuned(dealt: Draw, size: int, guide_epochs: int, epochs: int, seed: int) -> dict[str, Any]:
    """Accuracy and seconds of fine-tuning: decoding, the head, then all layers."""
    import keras

    keras.utils.set_random_seed(seed)
    categories = len(dealt.categories)
    labels = _labels(dealt, dealt.training(size))
    head, base = _guide_head(categories), build(BACKBONE)
    inputs = keras.Input((BACKBONE.pixels, BACKBONE.pixels, 3))
    model = keras.Model(inputs, head(base(inputs, training=False)))
    base.trainable = True
    _compile(model, TUNED_RATE)
    started = perf_counter()
    views = _views(dealt, dealt.training(size))
    features = _embed(views)
    seconds = perf_counter() - started
    seconds += _fit(head, features, labels, peers.BATCH, guide_epochs)
    some = TUNED_BATCH + 1
    _compile_graphs(model, _augmented(views[:some], labels[:some], seed), views[:some].astype(np.float32))
    batches = _augmented(views, labels, seed)
    started = perf_counter()
    model.fit(batches, epochs=epochs, verbose=0)
    seconds += perf_counter() - started
    started = perf_counter()
    answers = model.predict(_views(dealt, dealt.kept_out).astype(np.float32), verbose=0).argmax(axis=1)
    return {
        "seconds": {"train": seconds, "score": perf_counter() - started},
        "accuracy": float((answers == _labels(dealt, dealt.kept_out)).mean()),
    }


def _views(dealt: Draw, photos: Sequence[Photo]) -> Views:
    crop = VIEWS["crop"]
    return np.stack([crop(decode_image(read_file(dealt.folder / photo.name)), BACKBONE.pixels) for photo in photos])


def _labels(dealt: Draw, photos: Sequence[Photo]) -> Labels:
    return np.array([dealt.categories.index(photo.category) for photo in photos], np.int64)


def _embed(views: Views) -> NDArray[np.float32]:
    """The last features, in batches all of one size, so that no graph is compiled for a smaller one."""
    missing = -len(views) % EMBEDDED_AT_ONCE
    padded = np.concatenate([views, np.zeros((missing, *views.shape[1:]), np.uint8)])
    found: NDArray[np.float32] = peers.network("uint8").predict(padded, batch_size=EMBEDDED_AT_ONCE, verbose=0)
    return found[: len(views)]


def _guide_head(categories: int) -> Any:
    import keras

    layers = keras.layers
    head = keras.Sequential([keras.Input((BACKBONE.cuts[-1].features,)), layers.Dropout(0.2), layers.Dense(categories)])
    return _compile(head, 1e-3)


def _teachable_head(categories: int) -> Any:
    import keras

    layers, start = keras.layers, keras.initializers.VarianceScaling
    head = keras.Sequential(
        [
            keras.Input((BACKBONE.cuts[-1].features,)),
            layers.Dense(100, activation="relu", kernel_initializer=start()),
            layers.Dense(categories, use_bias=False, kernel_initializer=start()),
        ]
    )
    return _compile(head, 1e-3)


def _compile(model: Any, rate: float) -> Any:
    """Ready to be trained on softmax and cross-entropy."""
    import keras

    model.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,  # it would compile anew, within the seconds counted, for the smaller batch at the end
    )
    return model


def _fit(model: Any, features: NDArray[np.float32], labels: Labels, batch: int, epochs: int) -> float:
    """Trained in place; the seconds."""
    import tensorflow

    rows = tensorflow.data.Dataset.from_tensor_slices((features, labels))
    _compile_graphs(model, rows.take(batch + 1).batch(batch), features[: batch + 1])
    batches = rows.cache().shuffle(len(labels), seed=0).batch(batch).prefetch(-1)
    started = perf_counter()
    model.fit(batches, epochs=epochs, verbose=0)
    return perf_counter() - started


def _compile_graphs(model: Any, batches: Any, inputs: NDArray[np.float32]) -> None:
    """A few steps of training, and predicting, undone."""
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    before = [variable.numpy() for variable in variables]
    model.fit(batches, verbose=0)
    model.predict(inputs, verbose=0)
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)


def _augmented(views: Views, labels: Labels, seed: int) -> Any:
    """Batches of pictures, dealt anew and changed anew in every epoch."""
    import keras
    import tensorflow

    layers = keras.layers
    changes = [
        layers.RandomFlip("horizontal", seed=seed),
        layers.RandomTranslation(SHIFT, SHIFT, fill_mode="nearest", seed=seed),
        layers.RandomZoom(ZOOM, fill_mode="nearest", seed=seed),
    ]

    def changed(pictures: Any, labels: Any) -> tuple[Any, Any]:
        pictures = tensorflow.cast(pictures, "float32")
        for change in changes:
            pictures = change(pictures, training=True)
        return pictures, labels

    pictures = tensorflow.data.Dataset.from_tensor_slices((views, labels)).shuffle(len(views), seed=seed)
    return pictures.batch(TUNED_BATCH).map(changed, num_parallel_calls=-1).prefetch(-1)

"""A small convolutional network, and the child process in which it learns from nothing.

`python -m core.model.scratch_net` is that child, since the app never imports TensorFlow. It reads what `learn` sends on
standard input and prints JSON lines; a child whose parent died ends when it finds nobody to print to.
"""

import io
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.data.photo import Pixels
from core.errors import AppError
from core.model.convert import keras_environment

if TYPE_CHECKING:
    import keras

SIDE = 96  # pixels of the square input: most things are still told apart, at a fifth of the work of 224
FILTERS = (32, 64, 128, 128)  # of each block
BATCH = 16
RATE = 2e-3  # of Adam, falling to nothing along a cosine

SILENT_SECONDS = 300.0  # a child that says nothing for so long hangs
WAIT_SECONDS = 0.2  # between two looks at whether to stop
TELL_SECONDS = 0.3  # between two reports of the child
COMPLAINT = 200  # characters of a child's last words that are passed on

_PROJECT = Path(__file__).resolve().parents[2]

Message = dict[str, Any]
Hear = Callable[[Message | None], None]


def scratch_size(categories: int) -> int:
    """How many numbers the network learns: 3 × 3 kernels, each block's scale and shift, and the last layer."""
    kernels = sum(9 * before * after for before, after in pairwise((3, *FILTERS)))
    return kernels + 2 * sum(FILTERS) + (FILTERS[-1] + 1) * categories


def learn(
    views: Pixels,
    labels: NDArray[np.int64],
    kept_out: NDArray[np.bool_],
    categories: int,
    *,
    epochs: int,
    seed: int,
    hear: Hear,
) -> None:
    """Train on `views` (n, SIDE, SIDE, 3) uint8 with `labels` (n,) but those `kept_out` (n,), in a child process.

    `hear` gets messages with some of: "share" done (0 to 1), "learnt" and "kept_out" (accuracies of one epoch), and at
    the end "answers", the likeliest category of each photo kept out; and None ever so often between. What it raises
    ends the work. No child is left afterwards. Raises AppError when the training fails.
    """
    file = io.BytesIO()
    np.savez(file, views=views, labels=labels, kept_out=kept_out, options=np.array([categories, epochs, seed]))
    converse((sys.executable, "-m", "core.model.scratch_net"), file.getvalue(), hear)


def converse(command: Sequence[str], data: bytes, hear: Hear) -> None:
    """Run a child, which reads `data` on standard input, and pass on each JSON line that it prints; as `learn`."""
    with tempfile.TemporaryFile() as complaints:
        child = subprocess.Popen(
            command,
            cwd=_PROJECT,
            env=keras_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
        )
        assert child.stdin is not None
        assert child.stdout is not None
        lines: SimpleQueue[bytes | None] = SimpleQueue()
        threads = [
            threading.Thread(target=_send, args=(child.stdin, data), name="scratch-send"),
            threading.Thread(target=_receive, args=(child.stdout, lines), name="scratch-receive"),
        ]
        for thread in threads:
            thread.start()
        try:
            _listen(lines, hear)
            status = child.wait(SILENT_SECONDS)
        except subprocess.TimeoutExpired:
            raise _silent() from None
        finally:
            child.kill()
            child.wait()
            for thread in threads:
                thread.join()
            child.stdout.close()
        if status:
            complaints.seek(0)
            raise _failed(status, complaints.read().decode(errors="replace"))


def _send(pipe: IO[bytes], data: bytes) -> None:
    with suppress(OSError), pipe:  # a child that ended early says why by other ways
        pipe.write(data)


def _receive(pipe: IO[bytes], lines: "SimpleQueue[bytes | None]") -> None:
    for line in pipe:
        lines.put(line)
    lines.put(None)


def _listen(lines: "SimpleQueue[bytes | None]", hear: Hear) -> None:
    """Until the child closes its output."""
    heard_at = monotonic()
    while True:
        try:
            line = lines.get(timeout=WAIT_SECONDS)
        except Empty:
            if monotonic() - heard_at > SILENT_SECONDS:
                raise _silent() from None
            hear(None)
            continue
        if line is None:
            return
        heard_at = monotonic()
        hear(json.loads(line))


def _silent() -> AppError:
    return AppError(
        f"The network trained from nothing gave no sign of life for {SILENT_SECONDS / 60:.0f} minutes.",
        hint="Try again when the computer is less busy.",
    )


def _failed(status: int, complaints: str) -> AppError:
    if status < 0:
        why = "the system ended it, perhaps because memory ran out"
    else:
        why = (complaints.strip().splitlines() or [f"exit status {status}"])[-1][:COMPLAINT]
    return AppError(
        f"The network trained from nothing could not be trained: {why}.",
        hint="Check that about 1.5 GB of memory are free, then try again.",
    )


def network(categories: int) -> "keras.Model":
    """uint8 (n, SIDE, SIDE, 3) -> probabilities (n, categories): blocks of convolution, batch norm and ReLU."""
    import keras
    from keras import layers

    photo = keras.Input((SIDE, SIDE, 3), dtype="uint8")
    maps = layers.Rescaling(1 / 127.5, -1)(photo)
    # Shifted and zoomed, never mirrored: a mirrored letter or arrow is another one.
    maps = layers.RandomTranslation(0.1, 0.1, fill_mode="nearest")(maps)
    maps = layers.RandomZoom(0.15, fill_mode="nearest")(maps)
    for at, filters in enumerate(FILTERS):
        # Half the side at once: a quarter of the work, and so four times as many epochs in the same minute.
        maps = layers.Conv2D(filters, 3, strides=1 if at else 2, padding="same", use_bias=False)(maps)
        maps = layers.BatchNormalization(momentum=0.9)(maps)  # a few steps must do for its averages
        maps = layers.ReLU()(maps)
        if at < len(FILTERS) - 1:
            maps = layers.MaxPooling2D()(maps)
    features = layers.Dropout(0.3)(layers.GlobalAveragePooling2D()(maps))
    return keras.Model(photo, layers.Dense(categories, activation="softmax")(features))


def _child() -> None:
    tell = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no message
    with np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False) as arrays:
        views, labels, kept_out = arrays["views"], arrays["labels"], arrays["kept_out"]
        categories, epochs, seed = arrays["options"].tolist()

    import keras

    def say(**message: object) -> None:
        print(json.dumps(message), file=tell, flush=True)

    class Teller(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
        """Says how far it is."""

        def __init__(self) -> None:
            super().__init__()
            self.done = 0
            self.told_at = monotonic()

        def on_train_batch_end(self, batch: int, logs: object = None) -> None:
            self.done += 1
            if monotonic() - self.told_at >= TELL_SECONDS:
                self.told_at = monotonic()
                say(share=self.done / steps)

        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            say(learnt=logs["accuracy"], kept_out=logs["val_accuracy"])

    keras.utils.set_random_seed(seed)
    model = network(categories)
    learnt_from = int((~kept_out).sum())
    steps = epochs * -(-learnt_from // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(RATE, steps)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(
        views[~kept_out],
        labels[~kept_out],
        batch_size=BATCH,
        epochs=epochs,
        validation_data=(views[kept_out], labels[kept_out]),
        callbacks=[Teller()],
        verbose=0,
    )
    say(share=1.0, answers=model.predict(views[kept_out], verbose=0).argmax(axis=1).tolist())


if __name__ == "__main__":
    _child()

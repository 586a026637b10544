"""Networks of `keras.applications` with the weights that Keras publishes, fetched when one is first used.

Keras, and TensorFlow with it, is imported only when a file is fetched or a network built.
"""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import ContentTooShortError, HTTPError, URLError

from core.errors import AppError
from core.model.backbones import LAST, Application, Backbone

if TYPE_CHECKING:
    import keras

PUBLISHED = "https://storage.googleapis.com/tensorflow/keras-applications"
MIRROR = "THIMBLE_WEIGHTS_URL"  # environment variable: another address under which the same files lie


def build(
    backbone: Backbone, home: Path, *, input_dtype: str = "float32", scratch: Path | None = None
) -> "keras.Model":
    """The pretrained network, frozen: (n, pixels, pixels, 3) raw RGB 0..255 -> the last features (n, features).

    The scaling that Keras gives for this network is inside. Layers have the names that Keras gives them; the maps
    whose averages are the last features are the output of the layer LAST. Raises AppError as `fetched` does.
    """
    weights = fetched(backbone, home, scratch)
    model = untrained(backbone, input_dtype=input_dtype)
    model.load_weights(weights)
    model.trainable = False
    return model


def untrained(backbone: Backbone, *, input_dtype: str = "float32") -> "keras.Model":
    """The network that `build` gives, before its weights are read: they are random."""
    import keras
    from keras import layers

    made = backbone.made
    assert isinstance(made, Application)
    inputs = keras.Input((backbone.pixels, backbone.pixels, 3), dtype=input_dtype, name="photos")
    x = layers.Rescaling(1.0, name="float")(inputs)
    x = getattr(keras.applications, made.module).preprocess_input(x)  # nothing, where the network itself scales
    make = getattr(keras.applications, made.function)
    network = make(include_top=False, weights=None, input_tensor=x, input_shape=x.shape[1:])
    maps = layers.Identity(name=LAST)(network.output)  # some networks number their last layer anew each time
    features = layers.GlobalAveragePooling2D(name="features")(maps)
    return keras.Model(inputs, features, name=backbone.id.replace("-", "_"))


def weights_path(backbone: Backbone, home: Path) -> Path:
    """Where the published file of weights is kept under `home` once it was fetched."""
    assert isinstance(backbone.made, Application)
    return home / "backbones" / "weights" / f"{backbone.key}-{Path(backbone.made.weights_file).name}"


def fetched(backbone: Backbone, home: Path, scratch: Path | None = None) -> Path:
    """The path of the published file of weights, its hash checked; it is downloaded first if need be.

    It lies in `scratch`, a folder on the same disk as `home`, until it is whole and checked. Raises AppError when it
    cannot be had whole and unchanged; what came of it is then gone, and the next call starts afresh.
    """
    path = weights_path(backbone, home)
    if path.is_file() and _is_published(path, backbone):
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=scratch or path.parents[1], suffix=".part"))
    try:
        _download(backbone, folder / path.name)
        (folder / path.name).replace(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return path


def _download(backbone: Backbone, path: Path) -> None:
    import keras

    assert isinstance(backbone.made, Application)
    keras.utils.disable_interactive_logging()  # no bar of progress where nobody sees one
    address = f"{os.environ.get(MIRROR) or PUBLISHED}/{backbone.made.weights_file}"
    try:
        keras.utils.get_file(path.name, address, cache_dir=path.parent, cache_subdir="")
    # Keras raises a plain Exception, and lets pass whatever else a connection can raise.
    except Exception as error:
        raise _not_downloaded(backbone, _reason(error.__context__ or error)) from error
    if not _is_published(path, backbone):
        raise _not_downloaded(backbone, "what came is not the file that was published")


def _reason(error: BaseException) -> str:
    if isinstance(error, ContentTooShortError):
        return "the connection broke off half way"
    if isinstance(error, HTTPError):
        return f"the server answered {error.code} ({error.reason})"
    return str(error.reason if isinstance(error, URLError) else error) or type(error).__name__


def _not_downloaded(backbone: Backbone, reason: str) -> AppError:
    return AppError(
        f"{backbone.name} could not be downloaded: {reason}.",
        hint="The bundled ones go on working; try again when there is a network.",
    )


def _is_published(path: Path, backbone: Backbone) -> bool:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "md5" if len(backbone.weights_hash) == 32 else "sha256")
    return digest.hexdigest() == backbone.weights_hash

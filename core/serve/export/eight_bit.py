"""Weights of a LiteRT model in 8 bits, where that saves much and changes little.

What answers here is sensitive: with every weight rounded to 8 bits, 4 to 6 in 100 photos of clothes got another answer,
and rounding what the weights are applied to as well, which is LiteRT's own way, was no better. Most of that came from
small filters (those of each channel alone, and of early layers), most of the size is in large ones. So the large ones
are rounded, to the nearest of 255 steps for each output channel, and the rest keep 16 bits: 1 in 100, and a third of
the size. Computing goes on in 32 bits.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGE = 100_000  # weights; a layer with fewer keeps 16 bits
STEPS = 127  # on either side of 0
CUTS = np.linspace(0.7, 1.0, 16)  # shares of the largest weight that the steps may reach to


def in_eight_bits(model: bytes) -> bytes:
    """The same model, whose weights are stored in 16 bits (a .tflite file), with those of large convolutions in 8."""
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    parsed = flatbuffer_utils.convert_bytearray_to_object(bytearray(model))
    graph = parsed.subgraphs[0]
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in parsed.operatorCodes]
    kinds = [(codes[operator.opcodeIndex], operator) for operator in graph.operators]
    unpacked = schema.BuiltinOperator.DEQUANTIZE
    stored = {each.outputs[0]: graph.tensors[each.inputs[0]] for kind, each in kinds if kind == unpacked}
    for kind, operator in kinds:
        if kind != schema.BuiltinOperator.CONV_2D or operator.inputs[1] not in stored:
            continue
        tensor = stored[operator.inputs[1]]
        buffer = parsed.buffers[tensor.buffer]
        weights = np.frombuffer(bytes(buffer.data), np.float16).astype(np.float32).reshape(tensor.shape)
        if weights.size < LARGE:
            continue
        steps, scales = rounded(weights)
        buffer.data = np.frombuffer(steps.tobytes(), np.uint8)
        tensor.type = schema.TensorType.INT8
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = scales
        tensor.quantization.zeroPoint = np.zeros(len(scales), np.int64)
        tensor.quantization.quantizedDimension = 0
    return bytes(flatbuffer_utils.convert_object_to_bytearray(parsed))


def rounded(weights: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Whole numbers of the shape of the weights (channels, …), and for each channel the size of a step.

    Of each channel the largest weights may be cut off, if that brings all of them nearer on the whole.
    """
    rows = weights.reshape(len(weights), -1)
    most = np.maximum(np.abs(rows).max(axis=1, keepdims=True) / STEPS, np.float32(1e-12))
    tried = [(most * cut).astype(np.float32) for cut in CUTS]
    errors = [np.square(_steps(rows, scale) * scale - rows).sum(axis=1) for scale in tried]
    best: Any = np.argmin(errors, axis=0)
    scales = np.concatenate(tried, axis=1)[np.arange(len(rows)), best]
    return _steps(rows, scales[:, np.newaxis]).astype(np.int8).reshape(weights.shape), scales


def _steps(rows: NDArray[np.float32], scale: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.clip(np.round(rows / scale), -STEPS, STEPS)

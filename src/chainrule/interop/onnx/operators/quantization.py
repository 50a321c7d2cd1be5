"""Quantized values: integers times a scale, from a zero point; products of integers."""

from __future__ import annotations

from typing import Any

import numpy as np

try:
    import ml_dtypes  # comes with onnx
except ImportError:
    ml_dtypes = None

from chainrule.graph import Node
from chainrule.interop.onnx.call import Call, axis_of, fixed
from chainrule.interop.onnx.operators.convolution import convolved, matmul
from chainrule.interop.onnx.tensors import dtype_of
from chainrule.interop.onnx.values import OperatorError, Value, carrier, is_integer
from chainrule.ops import functional as F
from chainrule.symbolic_shape import Axis


def _range(dtype: np.dtype) -> tuple[float, float]:
    """Return the smallest and largest number of a dtype of integers or small floats."""
    assert ml_dtypes is not None
    info: Any = ml_dtypes.iinfo(dtype) if is_integer(dtype) else ml_dtypes.finfo(dtype)
    return float(info.min), float(info.max)


def _spread(x: Node, like: Node, axis: int, block: int) -> Node:
    """Return a scale or zero point for each element: of one number, or of one per index or block."""
    if x.rank == 0 or (x.rank == 1 and x.shape[0] == 1):
        return F.reshape(x, ())
    if block:
        shape = (*x.shape[: axis + 1], block, *x.shape[axis + 1 :])
        repeated = F.broadcast_to(F.reshape(x, (*x.shape[: axis + 1], 1, *x.shape[axis + 1 :])), shape)
        flat: tuple[Axis, ...] = (*x.shape[:axis], x.shape[axis] * block, *x.shape[axis + 1 :])
        expanded = F.reshape(repeated, flat)
        length = fixed([like.shape[axis]])[0]
        return expanded[tuple(slice(0, length) if a == axis else slice(None) for a in range(expanded.rank))]
    if x.rank != 1:
        return x
    return F.reshape(x, tuple(x.shape[0] if a == axis else 1 for a in range(like.rank)))


def quantized(x: Node, scale: Node, zero: Node | None, dtype: np.dtype) -> Value:
    """Return ``x`` as multiples of ``scale`` from ``zero``, rounded and limited to the range of a dtype."""
    low, high = _range(dtype)
    y = x / scale
    if is_integer(dtype):
        y = F.round(y) if zero is None else F.round(y) + F.cast(zero, y.dtype)
    elif zero is not None:
        y = y + F.cast(zero, y.dtype)
    y = F.clip(y, low, high)
    kind = carrier(dtype)
    assert kind is not None
    return Value(dtype, None, F.cast(y, kind))


def _quantize(call: Call) -> Value:
    x, scale = call.x, call.node(1)
    axis = call.integer("axis", 1)
    block = call.integer("block_size")
    axis = axis_of(x, axis) if scale.rank > 0 and x.rank > 1 else 0
    code = call.integer("output_dtype")
    dtype = call.dtype(2) if call.has(2) else (dtype_of(code) if code else np.dtype("uint8"))
    if dtype is None or carrier(dtype) is None:
        raise OperatorError("uint8, int8, ...", str(dtype))
    wide = F.cast(x, "float32") if x.dtype != "float64" else x
    zero = _spread(call.node(2), x, axis, block) if call.has(2) else None
    return quantized(wide, F.cast(_spread(scale, x, axis, block), wide.dtype), zero, dtype)


def dequantized(x: Node, scale: Node, zero: Node | None) -> Node:
    """Return the numbers that quantized values stand for."""
    y = F.cast(x, scale.dtype)
    return (y if zero is None else y - F.cast(zero, scale.dtype)) * scale


def _dequantize(call: Call) -> Any:
    x, scale = call.x, call.node(1)
    axis = axis_of(x, call.integer("axis", 1)) if scale.rank > 0 and x.rank > 1 else 0
    block = call.integer("block_size")
    zero = _spread(call.node(2), x, axis, block) if call.has(2) else None
    y = dequantized(x, _spread(scale, x, axis, block), zero)
    code = call.integer("output_dtype")
    dtype = (dtype_of(code) if code else None) or call.dtype(1)
    return Value(dtype, None, y)


def _wide(call: Call, i: int, zero: int, axis: int | None = None) -> Node:
    """Return an input of integers minus its zero point, in float64."""
    x = F.cast(call.node(i), "float64")
    if not call.has(zero):
        return x
    point = F.cast(call.node(zero), "float64")
    if point.rank == 1 and point.shape[0] != 1 and axis is not None:
        point = F.reshape(point, [point.shape[0] if a == axis % x.rank else 1 for a in range(x.rank)])
    return x - (F.reshape(point, ()) if point.rank == 1 and point.shape[0] == 1 else point)


def _integer_product(call: Call) -> Node:
    return F.cast(matmul(_wide(call, 0, 2, -2), _wide(call, 1, 3, -1)), "int32")


def _integer_convolution(call: Call) -> Node:
    return F.cast(convolved(call, _wide(call, 0, 2), _wide(call, 1, 3, 0)), "int32")


def _quantized_product(call: Call) -> Value:
    a, b = _wide(call, 0, 2, -2), _wide(call, 3, 5, -1)
    scale = _scale(call, 1, a, -2) * _scale(call, 4, b, -1) / _scale(call, 6, None, None)
    return _requantized(matmul(a, b), scale, call, 7)


def _scale(call: Call, i: int, like: Node | None, axis: int | None) -> Node:
    """Return a scale in float64, along the axis of a matrix where it is a vector."""
    scale = F.cast(call.node(i), "float64")
    if scale.rank == 1 and scale.shape[0] == 1:
        return F.reshape(scale, ())
    if scale.rank == 1 and like is not None and axis is not None:
        return F.reshape(scale, [scale.shape[0] if a == axis % like.rank else 1 for a in range(like.rank)])
    return scale


def _requantized(product: Node, scale: Node, call: Call, zero: int) -> Value:
    point = F.reshape(call.node(zero), ()) if call.node(zero).rank < 2 else call.node(zero)
    return quantized(product * scale, F.full_like(scale, 1.0), point, call.dtype(zero))


def _quantized_convolution(call: Call) -> Value:
    x, w = _wide(call, 0, 2), _wide(call, 3, 5, 0)
    product = convolved(call, x, w)
    channels = [product.shape[1] if a == 1 else 1 for a in range(product.rank)]
    if call.has(8):
        product = product + F.reshape(F.cast(call.node(8), "float64"), channels)
    scales = [F.cast(call.node(i), "float64") for i in (1, 4, 6)]
    scales = [F.reshape(s, channels) if s.rank == 1 and s.shape[0] != 1 else F.reshape(s, ()) for s in scales]
    return _requantized(product, scales[0] * scales[1] / scales[2], call, 7)


OPERATORS: dict[str, Any] = {
    "ConvInteger": _integer_convolution,
    "DequantizeLinear": _dequantize,
    "MatMulInteger": _integer_product,
    "QLinearConv": _quantized_convolution,
    "QLinearMatMul": _quantized_product,
    "QuantizeLinear": _quantize,
}

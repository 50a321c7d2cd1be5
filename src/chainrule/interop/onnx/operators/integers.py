"""Operators on bits; their inputs are known when the network is imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.interop.onnx.call import Call


def _binary(function: Callable[[Any, Any], np.ndarray]) -> Callable[[Call], np.ndarray]:
    return lambda call: function(call.array(0), call.array(1))


def _shift(call: Call) -> np.ndarray:
    x, places = call.array(0), call.array(1)
    is_left = call.choice("direction", ("LEFT", "RIGHT")) == "LEFT"
    bits = 8 * x.dtype.itemsize
    inside = np.minimum(places, bits - 1).astype(x.dtype)
    shifted = np.left_shift(x, inside) if is_left else np.right_shift(x, inside)
    is_out = places >= bits if is_left or x.dtype.kind == "u" else np.zeros(np.shape(places), bool)
    return np.where(is_out, 0, shifted).astype(x.dtype)


OPERATORS: dict[str, Any] = {
    "BitShift": _shift,
    "BitwiseAnd": _binary(np.bitwise_and),
    "BitwiseNot": lambda call: np.bitwise_not(call.array(0)),
    "BitwiseOr": _binary(np.bitwise_or),
    "BitwiseXor": _binary(np.bitwise_xor),
}

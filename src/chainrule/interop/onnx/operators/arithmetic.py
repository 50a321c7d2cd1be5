"""Elementwise operators: arithmetic, functions of one value, comparisons, conversions."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

try:
    import ml_dtypes  # comes with onnx
except ImportError:
    ml_dtypes = None

from chainrule.errors import fact
from chainrule.graph import Node
from chainrule.interop.onnx.call import Call, axis_of
from chainrule.interop.onnx.tensors import dtype_of
from chainrule.interop.onnx.values import TEXT, OperatorError, Value, as_stored, carrier, is_integer
from chainrule.ops import functional as F
from chainrule.ops.array.shape import broadcast_shapes

Number = "Node | float"


def wrapped(node: Node, dtype: np.dtype) -> Node:
    """Return integers of a small ONNX dtype reduced to its range, as its arithmetic wraps around."""
    if not is_integer(dtype) or carrier(dtype) == dtype.name or dtype.itemsize > 2:
        return node
    assert ml_dtypes is not None
    info = ml_dtypes.iinfo(dtype)
    span = int(info.max) - int(info.min) + 1
    return F.remainder(node - int(info.min), span) + int(info.min)


def maximum(a: Node, b: Node) -> Node:
    """Return the larger of two values, also of integers."""
    if a.spec.is_float:
        return F.maximum(a, b)
    a, b = _same_rank(a, b)
    return F.where(F.greater(a, b), a, b)


def minimum(a: Node, b: Node) -> Node:
    """Return the smaller of two values, also of integers."""
    if a.spec.is_float:
        return F.minimum(a, b)
    a, b = _same_rank(a, b)
    return F.where(F.less(a, b), a, b)


def absolute(x: Node) -> Node:
    """Return the magnitude, also of integers."""
    return F.abs(x) if x.spec.is_float else F.where(F.less(x, 0), F.negative(x), x)


def aligned(call: Call) -> tuple[Node, Node]:
    """Return two inputs; before version 7 the axes of the second one begin at the attribute ``axis``."""
    a, b = call.x, call.node(1)
    axis = call.attributes.get("axis")
    if call.version < 7 and axis is not None and b.rank:
        b = F.reshape(b, (*b.shape, *[1] * (a.rank - b.rank - axis_of(a, axis))))
    return a, b


def unary(function: Callable[[Node], Node]) -> Callable[[Call], Node]:
    """Return an operator that is a function of one value."""
    return lambda call: function(call.x)


def binary(function: Callable[[Any, Any], Node]) -> Callable[[Call], Node]:
    """Return an operator that is a function of two values, which are broadcast."""
    return lambda call: function(*aligned(call))


def _arithmetic(function: Callable[[Any, Any], Node], exact: Any) -> Callable[[Call], Any]:
    """Arithmetic that wraps around for integers; known integers are computed as such."""

    def imported(call: Call) -> Any:
        dtype = call.dtype()
        if is_integer(dtype) and call.is_known(0) and call.is_known(1):
            with np.errstate(all="ignore"):
                return exact(call.array(0), call.array(1))
        return wrapped(function(*aligned(call)), dtype)

    return imported


def _truncated(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the quotient of integers, truncated towards 0; 0 where the divisor is 0."""
    safe = np.where(b == 0, np.ones_like(b), b)
    quotient = np.abs(a) // np.abs(safe) if a.dtype.kind == "i" else a // safe
    signed = np.sign(a) * np.sign(safe) * quotient if a.dtype.kind == "i" else quotient
    return np.where(b == 0, np.zeros_like(signed), signed).astype(a.dtype)


def _divide(call: Call) -> Any:
    if not is_integer(call.dtype()):
        return F.divide(*aligned(call))
    if call.is_known(0) and call.is_known(1):
        return _truncated(call.array(0), call.array(1))
    x = call.x
    return F.cast(F.divide(F.cast(x, "float64"), F.cast(call.node(1), "float64")), x.dtype)


def variadic(function: Callable[[Any, Any], Node]) -> Callable[[Call], Node]:
    """Return an operator that combines any number of values."""
    return lambda call: reduce(function, call.nodes())


def _extremum(function: Callable[[Any, Any], Node], exact: Any) -> Callable[[Call], Any]:
    def imported(call: Call) -> Any:
        count = len(call.inputs)
        if is_integer(call.dtype()) and all(call.is_known(i) for i in range(count)):
            return reduce(exact, [call.array(i) for i in range(count)])
        return reduce(function, call.nodes())

    return imported


def _mean(call: Call) -> Node:
    return reduce(F.add, call.nodes()) / float(len(call.inputs))


def power(call: Call) -> Any:
    """Return ``x`` to a power; the result has the dtype of the base."""
    x, dtype = call.x, call.dtype()
    exponent = np.asarray(call.array(1), "float64") if call.value(1).array is not None else None
    if is_integer(dtype):
        if call.is_known(0) and exponent is not None:
            with np.errstate(all="ignore"):
                return np.power(call.array(0).astype("float64"), exponent).astype(dtype)
        powered = F.power(F.cast(x, "float64"), F.cast(call.node(1), "float64"))
        return F.cast(powered, x.dtype)
    if exponent is not None and exponent.size == 1 and np.isfinite(exponent).all():
        number = float(exponent.item())
        y = F.power(x, number)
        return y if exponent.ndim <= x.rank else F.broadcast_to(y, broadcast_shapes(x.shape, exponent.shape))
    return F.power(x, F.cast(call.node(1), x.dtype))


def _modulo(call: Call) -> Any:
    """Return the remainder with the sign of the divisor, or with ``fmod`` of the dividend."""
    is_c = bool(call.integer("fmod"))
    if call.is_known(0) and call.is_known(1):
        with np.errstate(all="ignore"):
            return (np.fmod if is_c else np.mod)(call.array(0), call.array(1)).astype(call.dtype())
    if is_c:
        a, b = _same_rank(call.x, call.node(1))
        if a.spec.is_float:
            kind = a.dtype
            wide_a, wide_b = F.cast(F.abs(a), "float64"), F.cast(F.abs(b), "float64")
            return F.cast(F.remainder(wide_a, wide_b), kind) * F.sign(a)
        rest = F.remainder(absolute(a), absolute(b))
        return F.where(F.less(a, 0), F.negative(rest), rest)
    return F.remainder(call.x, call.node(1))


def _same_rank(a: Node, b: Node) -> tuple[Node, Node]:
    shape = broadcast_shapes(a.shape, b.shape)
    return F.broadcast_to(a, shape), F.broadcast_to(b, shape)


# --- functions of one value


def _is_infinite(call: Call) -> Node:
    x = call.x
    positive, negative = F.equal(x, math.inf), F.equal(x, -math.inf)
    parts = []
    if call.integer("detect_positive", 1):
        parts.append(positive)
    if call.integer("detect_negative", 1):
        parts.append(negative)
    if not parts:
        return F.logical_and(positive, negative)
    return reduce(F.logical_or, parts)


def _sign(call: Call) -> Any:
    if call.is_known(0) and is_integer(call.dtype()):
        return np.sign(call.array(0)).astype(call.dtype())
    x = call.x
    if x.spec.is_float:
        return F.sign(x)
    ones = F.full_like(x, 1)
    return F.where(F.greater(x, 0), ones, F.where(F.less(x, 0), F.negative(ones), F.full_like(x, 0)))


def leaky_relu(call: Call) -> Node:
    """Return ``x`` where it is positive, else ``alpha * x``."""
    return F.where(F.greater(call.x, 0.0), call.x, call.x * call.real("alpha"))


def _prelu(call: Call) -> Node:
    x, slope = call.x, call.node(1)
    if call.version < 7 and slope.rank == 1 and x.rank > 1:  # one slope for each channel
        slope = F.reshape(slope, (slope.shape[0], *[1] * (x.rank - 2)))
    slope = F.broadcast_to(slope, x.shape)
    return F.where(F.greater_equal(x, F.full_like(x, 0)), x, wrapped(x * slope, call.dtype()))


def _elu(call: Call) -> Node:
    x = call.x
    below = F.where(F.less(x, 0.0), x, 0.0)
    return F.where(F.less(x, 0.0), (F.exp(below) - 1.0) * call.real("alpha"), x)


def _selu(call: Call) -> Node:
    x, gamma = call.x, call.real("gamma")
    below = F.where(F.greater(x, 0.0), 0.0, x)
    return F.where(F.greater(x, 0.0), x, (F.exp(below) - 1.0) * call.real("alpha")) * gamma


def _hard_sigmoid(call: Call) -> Node:
    return F.clip(call.x * call.real("alpha") + call.real("beta"), 0.0, 1.0)


def _thresholded_relu(call: Call) -> Node:
    return F.where(F.greater(call.x, call.real("alpha")), call.x, 0.0)


def _shrink(call: Call) -> Node:
    x, bias, limit = call.x, call.real("bias"), call.real("lambd")
    wide = x if x.spec.is_float else F.cast(x, "float64")
    above = F.where(F.greater(wide, limit), wide - bias, 0.0)
    return F.cast(F.where(F.less(wide, -limit), wide + bias, above), x.dtype)


def gelu(call: Call) -> Node:
    """Return ``x`` times the normal probability of a smaller number, or its approximation."""
    x, kind = call.x, call.text("approximate", "none")
    if kind == "none":
        return x * 0.5 * (F.erf(x * math.sqrt(0.5)) + 1.0)
    if kind != "tanh":
        raise OperatorError("approximate = none, tanh", f"approximate = {kind}")
    inner = (x + F.square(x) * x * 0.044715) * math.sqrt(2.0 / math.pi)
    return x * 0.5 * (F.tanh(inner) + 1.0)


def clip_attributes(call: Call) -> Node:
    """Return ``x`` limited to an interval that attributes state."""
    return limited(call.x, call.real("min", -math.inf), call.real("max", math.inf))


def limited(x: Node, low: float, high: float) -> Node:
    """Return ``x`` limited to an interval; if it is empty, every value is ``high``, as in ONNX Runtime."""
    if low > high:
        return F.clip(F.clip(x, low=low), high=high)
    return F.clip(x, low, high)


def clip(call: Call) -> Any:
    """Return ``x`` limited to the interval from a smallest to a largest number."""
    x = call.x
    ends = [
        call.value(i).array if call.has(i) else np.array(end) for i, end in ((1, -math.inf), (2, math.inf))
    ]
    known = [end is not None and end.size == 1 for end in ends]
    if x.spec.is_float and all(known):
        low, high = (float(np.asarray(end).reshape(-1)[0]) for end in ends if end is not None)
        if not (math.isnan(low) or math.isnan(high)):
            return limited(x, low, high)
    for i, function in ((1, maximum), (2, minimum)):
        if call.has(i):
            x = function(x, F.reshape(call.node(i), ()))
    return x


# --- comparisons and conditions


def _compared(function: Callable[[Any, Any], Node], exact: Any) -> Callable[[Call], Any]:
    def imported(call: Call) -> Any:
        is_exact = is_integer(call.dtype()) or call.dtype() == TEXT
        if is_exact and call.is_known(0) and call.is_known(1):
            return np.asarray(exact(call.array(0), call.array(1)), bool)
        return function(*aligned(call))

    return imported


def _where(call: Call) -> Any:
    if call.dtype(1) == TEXT or (call.is_known(0) and call.is_known(1) and call.is_known(2)):
        return np.where(call.array(0), call.array(1), call.array(2)).astype(call.dtype(1))
    condition, a, b = call.x, call.node(1), call.node(2)
    shape = broadcast_shapes(condition.shape, a.shape, b.shape)
    return F.where(*(F.broadcast_to(node, shape) for node in (condition, a, b)))


# --- conversions


def converted(call: Call, dtype: np.dtype) -> Any:
    """Return the values of input 0 in another dtype."""
    own = call.dtype()
    if own == dtype:
        return call.value(0)
    if TEXT in (own, dtype) or call.is_known(0):
        return _converted_array(call, dtype)
    kind = carrier(dtype)
    if dtype.name == "float8_e8m0fnu":
        return _converted_array(call, dtype)
    if kind is None:
        raise OperatorError("float32, float64, int32, int64, bool", str(dtype))
    x = call.x
    if is_integer(dtype) and kind != dtype.name and not is_integer(own) and own.kind != "b":
        x = F.cast(x, "int64")
    node = F.cast(x, kind)
    if is_integer(dtype):
        node = wrapped(node, dtype)
    elif dtype.name.startswith("float8") and call.integer("saturate", 1):
        assert ml_dtypes is not None
        largest = float(ml_dtypes.finfo(dtype).max)
        node = F.clip(node, -largest, largest)
    elif dtype.name in _LOST_BITS and own.name not in _LOST_BITS:
        node = shortened(node, _LOST_BITS[dtype.name])
    return Value(dtype, None, node)


_LOST_BITS = {"float16": 13, "bfloat16": 16}
"""How many bits fewer than float32 the significand of a dtype has."""


def shortened(x: Node, bits: int) -> Node:
    """Round float32 numbers to a significand that is shorter by some bits (Dekker's splitting).

    The derivative is 1, as for any conversion.
    """
    scaled = x * float(2**bits + 1)
    high = scaled - (scaled - x)
    return F.where(F.is_finite(scaled), high, x)


def _converted_array(call: Call, dtype: np.dtype) -> np.ndarray:
    own, array = call.dtype(), call.array(0)
    if dtype == TEXT:
        return np.array([_number_text(v) for v in array.ravel()], object).reshape(array.shape)
    if own == TEXT:
        numbers = np.array([float(str(v)) for v in array.ravel()]).reshape(array.shape)
        if is_integer(dtype):
            return np.array([int(float(str(v))) for v in array.ravel()], dtype).reshape(array.shape)
        return numbers.astype(dtype)
    if dtype.name.startswith("float8") and own.name != "float64":
        return _to_float8(call, array.astype("float32"), dtype)
    if own.name.startswith(("float8", "float4", "bfloat16")) and is_integer(dtype):
        array = array.astype("float32")
    if is_integer(dtype) and dtype.itemsize < 2 and dtype.kind == "V":
        return _to_small_integer(array, dtype)
    return as_stored(array, dtype)


def _number_text(value: Any) -> str:
    number = float(value) if not isinstance(value, bool | int | np.integer | np.bool_) else value
    if isinstance(number, float):
        if math.isnan(number):
            return "NaN"
        if math.isinf(number):
            return "INF" if number > 0 else "-INF"
        return repr(float(str(value))) if not float(str(value)).is_integer() else str(float(str(value)))
    return str(int(number))


def _to_float8(call: Call, array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return floats of 8 bits; with ``saturate`` numbers out of range become the largest one."""
    if dtype.name == "float8_e8m0fnu":
        return _to_power_of_two(array, dtype, call.text("round_mode", "up"))
    result = array.astype(dtype)
    if not call.integer("saturate", 1):
        return result
    assert ml_dtypes is not None
    largest = np.float32(ml_dtypes.finfo(dtype).max)
    clipped = np.clip(array, -largest, largest)
    return np.where(np.isnan(array), result, clipped.astype(dtype)).astype(dtype)


def _to_power_of_two(array: np.ndarray, dtype: np.dtype, mode: str) -> np.ndarray:
    with np.errstate(all="ignore"):
        exponent = np.log2(np.abs(array.astype("float64")))
        integral = {"up": np.ceil, "down": np.floor, "nearest": np.round}.get(mode, np.round)(exponent)
        return np.exp2(np.clip(integral, -127, 127)).astype("float32").astype(dtype)


def _to_small_integer(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    bits = int("".join(filter(str.isdigit, dtype.name)))
    integral = np.asarray(array.astype("float64") if array.dtype.kind == "V" else array).astype("int64")
    integral = integral & (2**bits - 1)
    if not dtype.name.startswith("u"):
        integral = np.where(integral >= 2 ** (bits - 1), integral - 2**bits, integral)
    return integral.astype("int8").astype(dtype)


def _cast(call: Call) -> Any:
    dtype = dtype_of(call.integer("to"))
    if dtype is None:
        raise OperatorError("to = 1, 6, 7, 9, 11, ...", f"to = {call.integer('to')}")
    return converted(call, dtype)


def _cast_like(call: Call) -> Any:
    return converted(call, call.dtype(1))


def _bit_cast(call: Call) -> np.ndarray:
    dtype = dtype_of(call.integer("to"))
    if dtype is None or dtype == TEXT or dtype.itemsize != call.dtype().itemsize:
        raise OperatorError(fact("a dtype of the same size"), str(dtype))
    return np.ascontiguousarray(call.array(0)).view(dtype).reshape(call.array(0).shape)


# --- values without inputs


_CONSTANTS: dict[str, Any] = {
    "value": None,
    "sparse_value": None,
    "value_float": "float32",
    "value_int": "int64",
    "value_floats": "float32",
    "value_ints": "int64",
    "value_string": object,
    "value_strings": object,
}


def constant_value(call: Call) -> Any:
    """Return an array of the file."""
    for name, dtype in _CONSTANTS.items():
        if call.attributes.get(name) is not None:
            return np.asarray(call.attributes[name], dtype)
    raise OperatorError(fact("a constant of numbers"), ", ".join(call.attributes))


def _identity(call: Call) -> Any:
    return call.inputs[0]


def _swish(call: Call) -> Node:
    return call.x * F.sigmoid(call.x * call.real("alpha", 1.0))


def _negative(call: Call) -> Any:
    if call.is_known(0) and is_integer(call.dtype()):
        return np.negative(call.array(0))
    return wrapped(F.negative(call.x), call.dtype())


OPERATORS: dict[str, Any] = {
    "Abs": unary(absolute),
    "Acos": unary(F.acos),
    "Acosh": unary(F.acosh),
    "Add": _arithmetic(F.add, np.add),
    "And": binary(F.logical_and),
    "Asin": unary(F.asin),
    "Asinh": unary(F.asinh),
    "Atan": unary(F.atan),
    "Atanh": unary(F.atanh),
    "BitCast": _bit_cast,
    "Cast": _cast,
    "CastLike": _cast_like,
    "Ceil": unary(F.ceil),
    "Clip": {1: clip_attributes, 11: clip},
    "Constant": constant_value,
    "Cos": unary(F.cos),
    "Cosh": unary(F.cosh),
    "Div": _divide,
    "Elu": _elu,
    "Equal": _compared(F.equal, np.equal),
    "Erf": unary(F.erf),
    "Exp": unary(F.exp),
    "Floor": unary(F.floor),
    "Gelu": gelu,
    "Greater": _compared(F.greater, np.greater),
    "GreaterOrEqual": _compared(F.greater_equal, np.greater_equal),
    "HardSigmoid": _hard_sigmoid,
    "Identity": _identity,
    "IsInf": _is_infinite,
    "IsNaN": unary(F.is_nan),
    "LeakyRelu": leaky_relu,
    "Less": _compared(F.less, np.less),
    "LessOrEqual": _compared(F.less_equal, np.less_equal),
    "Log": unary(F.log),
    "Max": _extremum(maximum, np.maximum),
    "Mean": _mean,
    "Min": _extremum(minimum, np.minimum),
    "Mod": _modulo,
    "Mul": _arithmetic(F.multiply, np.multiply),
    "Neg": _negative,
    "Not": unary(F.logical_not),
    "Or": binary(F.logical_or),
    "PRelu": _prelu,
    "Pow": power,
    "Reciprocal": unary(lambda x: 1.0 / x),
    "Relu": unary(lambda x: F.relu(x) if x.spec.is_float else F.maximum(x, F.full_like(x, 0))),
    "Round": unary(F.round),
    "Selu": _selu,
    "Shrink": _shrink,
    "Sigmoid": unary(F.sigmoid),
    "Sign": _sign,
    "Sin": unary(F.sin),
    "Sinh": unary(F.sinh),
    "Softplus": unary(F.softplus),
    "Softsign": unary(lambda x: x / (F.abs(x) + 1.0)),
    "Sqrt": unary(F.sqrt),
    "Sub": _arithmetic(F.subtract, np.subtract),
    "Sum": variadic(F.add),
    "Swish": _swish,
    "Tan": unary(F.tan),
    "Tanh": unary(F.tanh),
    "ThresholdedRelu": _thresholded_relu,
    "Where": _where,
    "Xor": binary(F.logical_xor),
}

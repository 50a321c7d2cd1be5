"""The operations of ONNX that are imported, each as a function from nodes to a node.

Images are (B, C, H, W) in ONNX and (B, H, W, C) here, so convolutions and pooling exchange axes before and
after. The batch is the first axis, whatever length the file states.

Reference: ONNX Operator Schemas, version 1.16.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.errors import Message, fact
from chainrule.graph import Node, constant
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.spec import Axis, Size

RANK = 64  # axes
WIDEST = 2**16  # padding


class OperatorError(ValueError):
    """An attribute or a shape that is not imported; ``expected`` and ``received`` describe it."""

    def __init__(self, expected: Message | str, received: object) -> None:
        super().__init__(str(received))
        self.expected, self.received = expected, received


@frozen(eq=False)
class Call:
    """A node of the file.

    Args:
        inputs: nodes; ``None`` for an optional input that is absent.
        attributes: by name: numbers, texts, lists of numbers, arrays.
        values: the arrays of inputs that are constants, by position.
    """

    inputs: tuple[Node | None, ...]
    attributes: Mapping[str, Any]
    values: Mapping[int, np.ndarray]

    @property
    def x(self) -> Node:
        return self.input(0)

    def input(self, i: int) -> Node:
        node = self.inputs[i] if i < len(self.inputs) else None
        if node is None:
            raise OperatorError(fact("at least {count} inputs", count=i + 1), len(self.inputs))
        return node

    def optional(self, i: int) -> Node | None:
        return self.inputs[i] if i < len(self.inputs) else None

    def integers(self, name: str, i: int = -1) -> tuple[int, ...] | None:
        """Integers of an attribute, or of a constant input."""
        if name in self.attributes:
            return _integers(name, self.attributes[name])
        if i < 0 or i >= len(self.inputs) or self.inputs[i] is None:
            return None
        if i not in self.values:
            raise OperatorError(fact("a constant input {name}", name=name), fact("a computed one"))
        return _integers(name, np.ravel(self.values[i]))

    def require(self, name: str, value: object) -> None:
        """Refuse another value of an attribute or input ``name`` than the only one that is imported.

        Raises:
            OperatorError: another value.
        """
        if self.attributes.get(name, value) != value:
            raise OperatorError(f"{name} = {value}", f"{name} = {self.attributes[name]}")


def _integers(name: str, numbers: Any) -> tuple[int, ...]:
    if not isinstance(numbers, list | np.ndarray) or len(numbers) > RANK:
        raise OperatorError(fact("at most {limit} axes", limit=RANK), name)
    if any(not isinstance(n, int | np.integer) for n in numbers):
        raise OperatorError(fact("integers"), name)
    return tuple(int(n) for n in numbers)


def _lengths(x: Node) -> tuple[int, ...]:
    """The lengths of all axes but the batch."""
    if not all(isinstance(n, int) for n in x.shape[1:]):
        raise OperatorError(fact("known lengths of all axes but the first"), x.spec)
    return tuple(int(str(n)) for n in x.shape[1:])


def _axis(x: Node, axis: int) -> int:
    if not -x.rank <= axis < x.rank:
        raise OperatorError(fact("an axis below {rank}", rank=x.rank), axis)
    return axis % x.rank


def _to_last(x: Node) -> Node:
    """(B, C, *space) -> (B, *space, C)."""
    return F.transpose(x, (0, *range(2, x.rank), 1))


def _to_second(x: Node) -> Node:
    """(B, *space, C) -> (B, C, *space)."""
    return F.transpose(x, (0, x.rank - 1, *range(1, x.rank - 1)))


def _has_batch(x: Node) -> bool:
    return bool(x.shape) and isinstance(x.shape[0], Size)


def gemm(call: Call) -> Node:
    """``alpha * a b + beta * c``."""
    a, b = call.x, call.input(1)
    call.require("transA", 0)
    if a.rank != 2 or b.rank != 2:
        raise OperatorError(fact("matrices"), a.spec if a.rank != 2 else b.spec)
    if call.attributes.get("transB", 0):
        b = F.transpose(b, (1, 0))
    y = F.matmul(a, b)
    alpha, beta = call.attributes.get("alpha", 1.0), call.attributes.get("beta", 1.0)
    y = y if alpha == 1.0 else y * float(alpha)
    c = call.optional(2)
    return y if c is None else y + (c if beta == 1.0 else c * float(beta))


def flatten(call: Call) -> Node:
    """All axes but the batch as one."""
    x, axis = call.x, call.attributes.get("axis", 1)
    if _axis(x, axis) != 1:
        raise OperatorError("axis = 1", f"axis = {axis}")
    return F.reshape(x, (x.shape[0], math.prod(_lengths(x))))


def reshape(call: Call) -> Node:
    """The same elements in another shape."""
    call.require("allowzero", 0)
    target = call.integers("shape", 1) or ()
    x = call.x
    return _reshaped(x, target)


def _reshaped(x: Node, target: Sequence[int]) -> Node:
    """A node in another shape, given as in ONNX: 0 keeps a length, -1 is computed."""
    if not _has_batch(x):
        return F.reshape(x, tuple(x.shape[i] if n == 0 else n for i, n in enumerate(target)))
    size = math.prod(_lengths(x))
    rest = [_lengths(x)[i] if n == 0 and i < x.rank - 1 else n for i, n in enumerate(target[1:])]
    known = math.prod(n for n in rest if n != -1)
    if -1 in rest and known and size % known == 0:
        rest[rest.index(-1)] = size // known
    if not target or target[0] not in (-1, 0, 1) or math.prod(rest) != size or min(rest, default=1) < 1:
        raise OperatorError(
            fact("a shape that keeps the batch, of {size} numbers for each sample", size=size), tuple(target)
        )
    return F.reshape(x, (x.shape[0], *rest))


def squeeze(call: Call) -> Node:
    """The value without some axes of length 1."""
    x, axes = call.x, call.integers("axes", 1)
    if not axes:  # of all axes of length 1, the batch may be one
        raise OperatorError(fact("axes without the batch"), "()")
    chosen = {_axis(x, a) for a in axes}
    if any(x.shape[i] != 1 for i in chosen - {0}):
        raise OperatorError(fact("axes of length 1"), axes)
    if 0 in chosen and _has_batch(x):
        raise OperatorError(fact("axes without the batch"), axes)
    return F.reshape(x, tuple(n for i, n in enumerate(x.shape) if i not in chosen))


def unsqueeze(call: Call) -> Node:
    """The value with new axes of length 1."""
    x, axes = call.x, call.integers("axes", 1) or ()
    rank = x.rank + len(axes)
    if any(not -rank <= a < rank for a in axes) or len({a % rank for a in axes}) != len(axes):
        raise OperatorError(fact("an axis below {rank}", rank=rank), axes)
    chosen = {a % rank for a in axes}
    if 0 in chosen and _has_batch(x):
        raise OperatorError(fact("axes without the batch"), axes)
    lengths = iter(x.shape)
    shape: list[Axis] = [1 if i in chosen else next(lengths) for i in range(rank)]
    return F.reshape(x, tuple(shape))


def transpose(call: Call) -> Node:
    """The axes in another order."""
    x = call.x
    axes = call.integers("perm") or tuple(reversed(range(x.rank)))
    if _has_batch(x) and axes[0] != 0:
        raise OperatorError(fact("an order that keeps the batch first"), axes)
    return F.transpose(x, axes)


def concatenate(call: Call) -> Node:
    """The inputs along one axis."""
    parts = [call.input(i) for i in range(len(call.inputs))]
    axis = _axis(call.x, call.attributes.get("axis", 0))
    if axis == 0 and _has_batch(call.x):
        raise OperatorError(fact("an axis other than the batch"), axis)
    return F.concatenate(parts, axis)


def batch_normalization(call: Call) -> Node:
    """Batch normalization with fixed statistics."""
    call.require("training_mode", 0)
    call.require("spatial", 1)
    x, epsilon = call.x, float(call.attributes.get("epsilon", np.float32(1e-5)))
    shape = (_lengths(x)[0], *[1] * (x.rank - 2))
    scale, shift, mean, variance = (F.reshape(call.input(i), shape) for i in range(1, 5))
    return (x - mean) / F.sqrt(variance + epsilon) * scale + shift


def _window(call: Call, space: int, kernel: tuple[int, ...]) -> dict[str, Any]:
    """Stride, padding and dilation of a convolution or a pooling."""
    attributes = call.attributes
    if attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise OperatorError("auto_pad = NOTSET", attributes["auto_pad"])
    call.require("ceil_mode", 0)
    if call.integers("kernel_shape") not in (None, kernel):
        raise OperatorError(f"kernel_shape = {list(kernel)}", call.attributes["kernel_shape"])
    if len(kernel) != space:
        raise OperatorError(fact("a kernel of {count} axes", count=space), kernel)
    pads = call.integers("pads") or (0,) * (2 * space)
    if attributes.get("auto_pad") == "VALID" and any(pads):
        raise OperatorError("auto_pad = NOTSET", "auto_pad = VALID, pads")
    if len(pads) != 2 * space or min(pads) < 0 or max(pads) > WIDEST:
        raise OperatorError(fact("padding of at least 0 for both sides of {count} axes", count=space), pads)
    return {
        "stride": call.integers("strides") or (1,) * space,
        "padding": tuple(zip(pads[:space], pads[space:], strict=True)),
        "dilation": call.integers("dilations") or (1,) * space,
    }


def convolution(call: Call) -> Node:
    """The convolution of (B, C, H, W), with an optional bias."""
    x, w = _to_last(call.x), call.input(1)
    settings = _window(call, x.rank - 2, tuple(int(str(n)) for n in w.shape[2:]))
    y = F.convolution(x, _to_last(w), groups=int(call.attributes.get("group", 1)), **settings)
    bias = call.optional(2)
    return _to_second(y if bias is None else y + bias)


def max_pool(call: Call) -> Node:
    """Max pooling."""
    call.require("storage_order", 0)
    kernel = call.integers("kernel_shape") or ()
    return _to_second(F.max_pool(_to_last(call.x), kernel, **_window(call, call.x.rank - 2, kernel)))


def average_pool(call: Call) -> Node:
    """Average pooling."""
    kernel = call.integers("kernel_shape") or ()
    settings = _window(call, call.x.rank - 2, kernel)
    if set(settings.pop("dilation")) != {1}:
        raise OperatorError("dilations = 1", call.attributes["dilations"])
    counts = bool(call.attributes.get("count_include_pad", 0))
    return _to_second(F.average_pool(_to_last(call.x), kernel, count_include_pad=counts, **settings))


def global_average_pool(call: Call) -> Node:
    """The mean over all spatial axes."""
    if call.x.rank < 3:
        raise OperatorError(fact("images"), call.x.spec)
    return F.mean(call.x, tuple(range(2, call.x.rank)), keepdims=True)


def leaky_relu(call: Call) -> Node:
    """``x`` where it is positive, else ``alpha * x``."""
    slope = float(call.attributes.get("alpha", np.float32(0.01)))
    return F.where(F.greater(call.x, 0.0), call.x, call.x * slope)


def dropout(call: Call) -> Node:
    """The value itself, as in inference."""
    mode = call.values.get(2)
    if call.optional(2) is not None and (mode is None or bool(np.any(mode))):
        raise OperatorError("training_mode = false", "training_mode")
    return call.x


def constant_value(call: Call) -> Node:
    """An array of the file."""
    for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        if name in call.attributes:
            value = np.asarray(call.attributes[name])
            return constant(value.astype("float32") if "float" in name else value)
    raise OperatorError(fact("a constant of numbers"), ", ".join(call.attributes))


def _unary(function: Callable[[Node], Node]) -> Callable[[Call], Node]:
    return lambda call: function(call.x)


def _binary(function: Callable[[Any, Any], Node]) -> Callable[[Call], Node]:
    return lambda call: function(call.x, call.input(1))


OPERATORS: dict[str, Callable[[Call], Node]] = {
    "Add": _binary(F.add),
    "AveragePool": average_pool,
    "BatchNormalization": batch_normalization,
    "Concat": concatenate,
    "Constant": constant_value,
    "Conv": convolution,
    "Div": _binary(F.divide),
    "Dropout": dropout,
    "Erf": _unary(F.erf),
    "Exp": _unary(F.exp),
    "Flatten": flatten,
    "Gemm": gemm,
    "GlobalAveragePool": global_average_pool,
    "Identity": _unary(lambda x: x),
    "LeakyRelu": leaky_relu,
    "MatMul": _binary(F.matmul),
    "MaxPool": max_pool,
    "Mul": _binary(F.multiply),
    "Neg": _unary(F.negative),
    "Relu": _unary(F.relu),
    "Reshape": reshape,
    "Sigmoid": _unary(F.sigmoid),
    "Softplus": _unary(F.softplus),
    "Squeeze": squeeze,
    "Sub": _binary(F.subtract),
    "Tanh": _unary(F.tanh),
    "Transpose": transpose,
    "Unsqueeze": unsqueeze,
}
WITH_INTEGERS = ("Constant", "Dropout", "Identity", "Reshape", "Squeeze", "Unsqueeze")
"""Operations with inputs that are not numbers of the network, such as shapes."""

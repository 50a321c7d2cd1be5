"""The operations of ONNX that are imported, each as a function from nodes to a node.

Images are (B, C, H, W) in ONNX and (B, H, W, C) here, so convolutions and pooling exchange axes before and
after. The batch is the first axis, whatever length the file states.

Reference: ONNX Operator Schemas, version 1.16.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np

from chainrule.errors import fact
from chainrule.graph import Node, constant, reserve
from chainrule.interop.onnx.call import Call, OperatorError, axis_of, has_batch, lengths_of
from chainrule.ops import functional as F
from chainrule.ops.array.slicing import slice_axis
from chainrule.spec import Axis, Size

# Operations of ONNX whose settings moved from attributes to inputs, or whose defaults changed.
#
# What an operation means depends on the version of the operator set that the file states: axes of a sum are
# an attribute before version 13 and an input from then on, and softmax is over all axes from the given one
# before version 13. A setting at the place of another version is refused.
#
# Reference: ONNX Operator Schemas and Changelog, versions 7 to 25.

RUNS = 4096  # of consecutive indices of a gather
LARGEST = 2**31  # padding and ends of slices are clipped to it


def _require_place(call: Call, name: str, i: int, since: int) -> None:
    """Require a setting to be an attribute before a version, and input ``i`` from then on.

    Raises:
        OperatorError: it is at the other place.
    """
    if call.version >= since and name in call.attributes:
        expected = fact("{name} as input {i} from version {since} on", name=name, i=i, since=since)
        raise OperatorError(expected, fact("an attribute"))
    if call.version < since and call.optional(i) is not None:
        expected = fact("{name} as an attribute before version {since}", name=name, since=since)
        raise OperatorError(expected, fact("an input"))


def _setting(call: Call, name: str, i: int, since: int) -> tuple[int, ...] | None:
    """Integers at the place that the version requires."""
    _require_place(call, name, i, since)
    return call.integers(name, i)


def _constant_number(call: Call, name: str, i: int) -> float:
    """The number that an input is."""
    if i not in call.values or call.values[i].size != 1:
        raise OperatorError(fact("a constant input {name}", name=name), fact("a computed one"))
    return float(call.values[i].item())


def _softmax(function: Callable[[Node, int], Node]) -> Callable[[Call], Node]:
    def imported(call: Call) -> Node:
        x = call.x
        axis = axis_of(x, call.attributes.get("axis", -1 if call.version >= 13 else 1))
        if axis == 0 and has_batch(x):
            raise OperatorError(fact("an axis other than the batch"), axis)
        if call.version >= 13:
            return function(x, axis)
        size = math.prod(lengths_of(x)[axis - 1 :]) if axis else math.prod(int(str(n)) for n in x.shape)
        return F.reshape(function(F.reshape(x, (*x.shape[:axis], size)), axis), x.shape)

    return imported


def clip(call: Call) -> Node:
    """``x`` limited to the interval from a smallest to a largest number."""
    ends = []
    for i, name, default in ((1, "min", -np.inf), (2, "max", np.inf)):
        _require_place(call, name, i, 11)
        is_input = call.optional(i) is not None
        ends.append(
            _constant_number(call, name, i) if is_input else float(call.attributes.get(name, default))
        )
    low, high = ends
    if low > high:  # then every value is the largest one, in onnxruntime and in the reference
        return F.clip(F.clip(call.x, low=low), high=high)
    return F.clip(call.x, low, high)


def gelu(call: Call) -> Node:
    """``x`` times the probability of a smaller number under the normal distribution, or its approximation."""
    x, kind = call.x, call.attributes.get("approximate", "none")
    if kind == "none":
        return x * 0.5 * (F.erf(x * math.sqrt(0.5)) + 1.0)
    if kind != "tanh":
        raise OperatorError("approximate = none, tanh", f"approximate = {kind}")
    inner = (x + F.square(x) * x * 0.044715) * math.sqrt(2.0 / math.pi)
    return x * 0.5 * (F.tanh(inner) + 1.0)


def layer_normalization(call: Call) -> Node:
    """Each sample with mean 0 and variance 1 over its last axes, times a scale, plus a shift."""
    x = call.x
    call.require("stash_type", 1)
    first = axis_of(x, call.attributes.get("axis", -1))
    if first == 0:
        raise OperatorError(fact("an axis other than the batch"), first)
    axes = tuple(range(first, x.rank))
    deviation = x - F.mean(x, axes, keepdims=True)
    variance = F.mean(F.square(deviation), axes, keepdims=True)
    epsilon = float(call.attributes.get("epsilon", np.float32(1e-5)))
    if epsilon <= 0:
        raise OperatorError("epsilon > 0", epsilon)
    y = deviation / F.sqrt(variance + epsilon) * call.input(1)
    shift = call.optional(2)
    return y if shift is None else y + shift


def _reduction(function: Callable[..., Node], since: int) -> Callable[[Call], Node]:
    def imported(call: Call) -> Node:
        x, axes = call.x, _setting(call, "axes", 1, since)
        if not axes:
            if call.attributes.get("noop_with_empty_axes", 0):
                return x
            axes = tuple(range(x.rank))
        chosen = tuple(sorted({axis_of(x, axis) for axis in axes}))
        if len(chosen) != len(axes):
            raise OperatorError(fact("each axis once"), axes)
        if 0 in chosen and has_batch(x):
            raise OperatorError(fact("axes without the batch"), axes)
        return function(x, chosen, bool(call.attributes.get("keepdims", 1)))

    return imported


def slices(call: Call) -> Node:
    """The elements between two indices of some axes, in steps."""
    x = call.x
    starts, ends = (_setting(call, name, i, 10) or () for i, name in ((1, "starts"), (2, "ends")))
    axes = _setting(call, "axes", 3, 10) or tuple(range(len(starts)))
    steps = call.integers("steps", 4) or (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or not starts:
        raise OperatorError(fact("as many starts as ends, axes and steps"), (starts, ends, axes, steps))
    chosen = [axis_of(x, axis) for axis in axes]
    if len(set(chosen)) != len(chosen):
        raise OperatorError(fact("each axis once"), axes)
    for axis, start, end, step in zip(chosen, starts, ends, steps, strict=True):
        if axis == 0 and has_batch(x):
            if (start, step) != (0, 1) or end < 1:
                raise OperatorError(fact("all of the batch"), (start, end, step))
            continue
        if step == 0:
            raise OperatorError(fact("steps other than 0"), steps)
        places = range(int(str(x.shape[axis])))[slice(*_bounds(start, end, step))]
        if not places:
            raise OperatorError(fact("at least one element"), (start, end, step))
        x = _elements(x, axis, places)
    return x


def _bounds(start: int, end: int, step: int) -> tuple[int, int | None, int]:
    """The arguments of a Python slice; an end far below 0 is none, as -1 would be the last element."""
    return start, (None if step < 0 and end <= -LARGEST else end), step


def _elements(x: Node, axis: int, places: range) -> Node:
    """The elements at equally spaced places of an axis; in descending order one by one."""
    if places.step > 0 or len(places) == 1:
        return slice_axis(x, axis, places[0], places[-1] + 1, max(places.step, 1))
    if len(places) > RUNS:
        raise OperatorError(fact("at most {limit:,} runs of consecutive indices", limit=RUNS), len(places))
    return F.concatenate([slice_axis(x, axis, i, i + 1) for i in places], axis)


def gather(call: Call) -> Node:
    """The elements of an axis at constant indices."""
    x, axis = call.x, axis_of(call.x, call.attributes.get("axis", 0))
    if 1 not in call.values or call.values[1].dtype.kind != "i":
        raise OperatorError(fact("a constant input {name}", name="indices"), fact("a computed one"))
    if axis == 0 and has_batch(x):
        raise OperatorError(fact("an axis other than the batch"), axis)
    indices, length = call.values[1], int(str(x.shape[axis]))
    if not indices.size or indices.min() < -length or indices.max() >= length:
        expected = fact("indices from {low} to {high}", low=-length, high=length - 1)
        raise OperatorError(expected, indices.ravel()[:9])
    runs = _runs([int(i) % length for i in indices.ravel()])
    if len(runs) > RUNS:
        raise OperatorError(fact("at most {limit:,} runs of consecutive indices", limit=RUNS), len(runs))
    y = F.concatenate([_elements(x, axis, run) for run in runs], axis)
    shape: tuple[Axis, ...] = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
    return F.reshape(y, shape)


def _runs(places: Sequence[int]) -> list[range]:
    """Indices as runs of consecutive ones."""
    runs: list[range] = []
    for place in places:
        if runs and place == runs[-1].stop:
            runs[-1] = range(runs[-1].start, place + 1)
        else:
            runs.append(range(place, place + 1))
    return runs


def pad(call: Call) -> Node:
    """The value with constant elements before and after each axis; negative numbers remove elements."""
    x = call.x
    if call.attributes.get("mode", "constant") != "constant":
        raise OperatorError("mode = constant", f"mode = {call.attributes['mode']}")
    widths = _setting(call, "pads", 1, 11) or ()
    axes = call.integers("axes", 3) if call.version >= 18 else None
    chosen = [axis_of(x, axis) for axis in axes] if axes else list(range(x.rank))
    if len(widths) != 2 * len(chosen) or len(set(chosen)) != len(chosen):
        raise OperatorError(fact("padding for both sides of {count} axes", count=len(chosen)), widths)
    _require_place(call, "value", 2, 11)
    is_input = call.optional(2) is not None
    fill = _constant_number(call, "value", 2) if is_input else float(call.attributes.get("value", 0.0))
    if not np.isfinite(fill):
        raise OperatorError(fact("finite numbers"), fill)
    pairs = [(0, 0)] * x.rank
    for axis, low, high in zip(chosen, widths, widths[len(chosen) :], strict=False):
        pairs[axis] = low, high
    if pairs[0] != (0, 0) and has_batch(x):
        raise OperatorError(fact("no padding of the batch"), pairs[0])
    for axis, (low, high) in enumerate(pairs):
        if max(low, high) > LARGEST:
            raise OperatorError(fact("padding below {limit:,}", limit=LARGEST), max(low, high))
        if low < 0 or high < 0:
            length = int(str(x.shape[axis]))
            places = range(length)[max(-low, 0) : length - max(-high, 0)]
            if not places:
                raise OperatorError(fact("at least one element"), (low, high))
            x = _elements(x, axis, places)
    grown = [(max(low, 0), max(high, 0)) for low, high in pairs]
    if not fill or not any(map(any, grown)):
        return F.pad(x, grown)
    lengths = [1 if isinstance(n, Size) else int(str(n)) for n in x.shape]
    reserve(*(n + sum(pair) for n, pair in zip(lengths, grown, strict=True)))
    inside = np.pad(np.zeros(lengths), grown, constant_values=fill)
    return F.pad(x, grown) + constant(inside.astype(x.dtype))  # adding 0 changes nothing


VERSIONED: dict[str, Callable[[Call], Node]] = {
    "Clip": clip,
    "Gather": gather,
    "Gelu": gelu,
    "LayerNormalization": layer_normalization,
    "LogSoftmax": _softmax(F.log_softmax),
    "Pad": pad,
    "ReduceMax": _reduction(F.max, 18),
    "ReduceMean": _reduction(F.mean, 18),
    "ReduceMin": _reduction(F.min, 18),
    "ReduceSum": _reduction(F.sum, 13),
    "Slice": slices,
    "Softmax": _softmax(F.softmax),
}


WIDEST = 2**16  # padding


def _to_last(x: Node) -> Node:
    """(B, C, *space) -> (B, *space, C)."""
    return F.transpose(x, (0, *range(2, x.rank), 1))


def _to_second(x: Node) -> Node:
    """(B, *space, C) -> (B, C, *space)."""
    return F.transpose(x, (0, x.rank - 1, *range(1, x.rank - 1)))


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
    if axis_of(x, axis) != 1:
        raise OperatorError("axis = 1", f"axis = {axis}")
    return F.reshape(x, (x.shape[0], math.prod(lengths_of(x))))


def reshape(call: Call) -> Node:
    """The same elements in another shape."""
    call.require("allowzero", 0)
    target = call.integers("shape", 1) or ()
    x = call.x
    return _reshaped(x, target)


def _reshaped(x: Node, target: Sequence[int]) -> Node:
    """A node in another shape, given as in ONNX: 0 keeps a length, -1 is computed."""
    if not has_batch(x):
        return F.reshape(x, tuple(x.shape[i] if n == 0 else n for i, n in enumerate(target)))
    size = math.prod(lengths_of(x))
    rest = [lengths_of(x)[i] if n == 0 and i < x.rank - 1 else n for i, n in enumerate(target[1:])]
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
    chosen = {axis_of(x, a) for a in axes}
    if any(x.shape[i] != 1 for i in chosen - {0}):
        raise OperatorError(fact("axes of length 1"), axes)
    if 0 in chosen and has_batch(x):
        raise OperatorError(fact("axes without the batch"), axes)
    return F.reshape(x, tuple(n for i, n in enumerate(x.shape) if i not in chosen))


def unsqueeze(call: Call) -> Node:
    """The value with new axes of length 1."""
    x, axes = call.x, call.integers("axes", 1) or ()
    rank = x.rank + len(axes)
    if any(not -rank <= a < rank for a in axes) or len({a % rank for a in axes}) != len(axes):
        raise OperatorError(fact("an axis below {rank}", rank=rank), axes)
    chosen = {a % rank for a in axes}
    if 0 in chosen and has_batch(x):
        raise OperatorError(fact("axes without the batch"), axes)
    lengths = iter(x.shape)
    shape: list[Axis] = [1 if i in chosen else next(lengths) for i in range(rank)]
    return F.reshape(x, tuple(shape))


def transpose(call: Call) -> Node:
    """The axes in another order."""
    x = call.x
    axes = call.integers("perm") or tuple(reversed(range(x.rank)))
    if has_batch(x) and axes[0] != 0:
        raise OperatorError(fact("an order that keeps the batch first"), axes)
    return F.transpose(x, axes)


def concatenate(call: Call) -> Node:
    """The inputs along one axis."""
    parts = [call.input(i) for i in range(len(call.inputs))]
    axis = axis_of(call.x, call.attributes.get("axis", 0))
    if axis == 0 and has_batch(call.x):
        raise OperatorError(fact("an axis other than the batch"), axis)
    return F.concatenate(parts, axis)


def batch_normalization(call: Call) -> Node:
    """Batch normalization with fixed statistics."""
    call.require("training_mode", 0)
    call.require("spatial", 1)
    x, epsilon = call.x, float(call.attributes.get("epsilon", np.float32(1e-5)))
    shape = (lengths_of(x)[0], *[1] * (x.rank - 2))
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
    if len(kernel) != space or not kernel:
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


def power(call: Call) -> Node:
    """``x`` to a constant power, which is one number; ONNX has the dtype of the base."""
    exponent = call.values.get(1)
    if exponent is None or exponent.size != 1 or not np.isfinite(exponent).all():
        raise OperatorError(fact("a constant exponent"), fact("a computed one"))
    return F.power(call.x, float(exponent.item()))


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


def _variadic(function: Callable[[Any, Any], Node]) -> Callable[[Call], Node]:
    return lambda call: reduce(function, [call.input(i) for i in range(max(len(call.inputs), 1))])


OPERATORS: dict[str, Callable[[Call], Node]] = {
    **VERSIONED,
    "Abs": _unary(F.abs),
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
    "Max": _variadic(F.maximum),
    "MaxPool": max_pool,
    "Min": _variadic(F.minimum),
    "Mul": _binary(F.multiply),
    "Neg": _unary(F.negative),
    "Pow": power,
    "Relu": _unary(F.relu),
    "Reshape": reshape,
    "Reciprocal": _unary(lambda x: 1.0 / x),
    "Sigmoid": _unary(F.sigmoid),
    "Softplus": _unary(F.softplus),
    "Squeeze": squeeze,
    "Sqrt": _unary(F.sqrt),
    "Sub": _binary(F.subtract),
    "Sum": _variadic(F.add),
    "Tanh": _unary(F.tanh),
    "Transpose": transpose,
    "Unsqueeze": unsqueeze,
}
WITH_INTEGERS = tuple(
    (
        "Constant Dropout Gather Identity Pad Pow ReduceMax ReduceMean ReduceMin ReduceSum Reshape Slice "
        "Squeeze Unsqueeze"
    ).split()
)
"""Operations with inputs that are not numbers of the network, such as shapes."""

"""Operators that reduce axes, accumulate along one, or sort."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import fact
from chainrule.graph import Node, constant
from chainrule.interop.onnx.call import Call, axis_of, fixed, has_batch
from chainrule.interop.onnx.operators.shape import picked, setting, table
from chainrule.interop.onnx.values import OperatorError, is_integer
from chainrule.ops import functional as F
from chainrule.ops.array.axis_functions import from_last, to_last
from chainrule.symbolic_shape import Axis, Size, count


def _axes(call: Call, since: int) -> tuple[int, ...] | None:
    """Return the axes of a reduction; ``None`` if nothing is reduced."""
    x, axes = call.x, setting(call, "axes", 1, since)
    if not axes:
        if call.integer("noop_with_empty_axes"):
            return None
        axes = tuple(range(x.rank))
    chosen = tuple(sorted({axis_of(x, axis) for axis in axes}))
    if len(chosen) != len(axes):
        raise OperatorError(fact("each axis once"), axes)
    if 0 in chosen and call.is_batched and has_batch(x):
        raise OperatorError(fact("axes without the batch"), axes)
    return chosen


Reduced = Callable[[Node, tuple[int, ...], bool], Node]


def _reduction(function: Reduced, since: int = 18, single: Any = None) -> Callable[[Call], Any]:
    """Return a reduction; ``single`` is its value for one element, where no axis is reduced."""

    def imported(call: Call) -> Any:
        axes, keepdims = _axes(call, since), bool(call.integer("keepdims", 1))
        if axes is None:
            return call.x if single is None else single(call.x)
        return function(call.x, axes, keepdims)

    return imported


def _is_empty(x: Node, axes: tuple[int, ...]) -> bool:
    return any(x.shape[a] == 0 for a in axes)


def _reduced_shape(x: Node, axes: tuple[int, ...], keepdims: bool) -> tuple[Axis, ...]:
    lengths = ((i, 1 if i in axes else n) for i, n in enumerate(x.shape))
    return tuple(n for i, n in lengths if keepdims or i not in axes)


def _extremum(function: Callable[..., Node], empty: float) -> Reduced:
    """Return the largest or smallest element; an infinite or extreme number where there is none."""

    def reduced(x: Node, axes: tuple[int, ...], keepdims: bool) -> Node:
        if x.dtype == "bool" and _is_empty(x, axes):
            return F.broadcast_to(constant(np.array(empty > 0)), _reduced_shape(x, axes, keepdims))
        if x.dtype == "bool":
            return F.cast(reduced(F.cast(x, "int32"), axes, keepdims), "bool")
        if _is_empty(x, axes):
            kind = np.dtype(x.dtype)
            number: Any = empty
            if kind.kind in "iu":
                number = np.iinfo(kind).min if empty < 0 else np.iinfo(kind).max
            filled = constant(np.array(number, kind))
            return F.broadcast_to(filled, _reduced_shape(x, axes, keepdims))
        return function(x, axes, keepdims)

    return reduced


def _sum(x: Node, axes: tuple[int, ...], keepdims: bool) -> Node:
    return F.sum(x, axes, keepdims)


def _product(x: Node, axes: tuple[int, ...], keepdims: bool) -> Node:
    if not x.spec.is_float:
        return F.cast(_product(F.cast(x, "float64"), axes, keepdims), x.dtype)
    return F.prod(x, axes, keepdims)


def _mean(x: Node, axes: tuple[int, ...], keepdims: bool) -> Node:
    if not x.spec.is_float:
        return F.cast(F.mean(F.cast(x, "float64"), axes, keepdims), x.dtype)
    return F.mean(x, axes, keepdims)


def _as_float(function: Reduced) -> Reduced:
    """Return a reduction of floats, applied to integers in float64."""

    def reduced(x: Node, axes: tuple[int, ...], keepdims: bool) -> Node:
        if x.spec.is_float:
            return function(x, axes, keepdims)
        return F.cast(function(F.cast(x, "float64"), axes, keepdims), x.dtype)

    return reduced


def _log_sum(x: Node, axes: tuple[int, ...], keepdims: bool) -> Node:
    return F.log(F.sum(x, axes, keepdims))


def _log_sum_exp(x: Node, axes: tuple[int, ...], keepdims: bool) -> Node:
    if _is_empty(x, axes):
        return F.log(F.sum(F.exp(x), axes, keepdims))
    return F.logsumexp(x, axes, keepdims)


def _sum_square(x: Node, axes: tuple[int, ...], keepdims: bool) -> Node:
    return F.sum(F.square(x), axes, keepdims)


def _norm1(x: Node, axes: tuple[int, ...], keepdims: bool) -> Node:
    return F.sum(F.abs(x), axes, keepdims)


def _norm2(x: Node, axes: tuple[int, ...], keepdims: bool) -> Node:
    return F.sqrt(F.sum(F.square(x), axes, keepdims))


def _argument(sign: float) -> Callable[[Call], Node]:
    """Return the index of the largest (1) or smallest (-1) element."""

    def imported(call: Call) -> Node:
        x = call.x if call.x.spec.is_float else F.cast(call.x, "float64")
        axis, keepdims = axis_of(x, call.integer("axis")), bool(call.integer("keepdims", 1))
        if axis == 0 and call.is_batched and has_batch(x):
            raise OperatorError(fact("an axis other than the batch"), axis)
        values = x if sign > 0 else F.negative(x)
        if not call.integer("select_last_index"):
            return F.cast(F.argmax(values, axis, keepdims), "int64")
        length = fixed([x.shape[axis]])[0]
        index = F.argmax(F.flip(values, axis), axis, keepdims)
        return F.cast(length - 1 - F.cast(index, "int64"), "int64")

    return imported


def hardmax(call: Call) -> Node:
    """Return 1 at the first largest element of an axis, else 0."""
    x = call.x
    axis = axis_of(x, call.integer("axis", -1 if call.version >= 13 else 1))
    if call.version < 13:
        matrix = F.reshape(x, (count(x.shape[:axis]), count(x.shape[axis:])))
        return F.reshape(_hardmax(matrix, 1), x.shape)
    return _hardmax(x, axis)


def _hardmax(x: Node, axis: int) -> Node:
    moved = to_last(x, axis)
    length = fixed([moved.shape[-1]])[0]
    return from_last(F.one_hot(F.argmax(moved, -1), length, x.dtype), axis)


def softmax(function: Callable[[Node, int], Node]) -> Callable[[Call], Node]:
    """Softmax over an axis, before version 13 over all axes from the given one."""

    def imported(call: Call) -> Node:
        x = call.x
        axis = axis_of(x, call.integer("axis", -1 if call.version >= 13 else 1))
        if axis == 0 and call.is_batched and has_batch(x):
            raise OperatorError(fact("an axis other than the batch"), axis)
        if call.version >= 13:
            return function(x, axis)
        matrix = F.reshape(x, (*x.shape[:axis], count(x.shape[axis:])))
        return F.reshape(function(matrix, axis), x.shape)

    return imported


# --- along an axis


def _cumulative(call: Call) -> Node:
    """Return sums or products of the elements up to each one."""
    x = call.x
    axis = axis_of(x, int(call.number(1)))
    if call.integer("reverse"):
        x = F.flip(x, axis)
    if call.kind == "CumSum":
        y, neutral = F.cumsum(x, axis), 0
    else:
        y, neutral = F.cumprod(x, axis), 1
    if call.integer("exclusive"):
        length = fixed([x.shape[axis]])[0]
        first = F.full_like(picked(y, axis, [0]), neutral)
        y = F.concatenate([first, picked(y, axis, list(range(length - 1)))], axis)
    return F.flip(y, axis) if call.integer("reverse") else y


def _top(call: Call) -> Any:
    """Return the largest or smallest elements along an axis, and their indices."""
    axis = axis_of(call.value(0).as_node(), call.integer("axis", -1))
    k = call.integer("k") if call.version < 10 else int(call.number(1))
    is_largest = bool(call.integer("largest", 1))
    if call.is_known(0):
        array = call.array(0)
        index = np.argsort(-array if is_largest else array, axis, kind="stable")
        if is_integer(call.dtype()) and is_largest:
            flipped = np.flip(array, axis)
            index = np.flip(array.shape[axis] - 1 - np.argsort(flipped, axis, kind="stable"), axis)
        index = np.take(index, range(k), axis).astype("int64")
        return np.take_along_axis(array, index, axis), index
    x = call.x
    if isinstance(x.shape[axis], Size):
        raise OperatorError(fact("an axis of fixed length"), str(x.shape[axis]))
    if is_largest:
        return F.topk(x, k, axis)
    values, index = F.topk(F.negative(x), k, axis)
    return F.negative(values), index


def _unique(call: Call) -> tuple[np.ndarray, ...]:
    array, axis = call.array(0), call.attributes.get("axis")
    values, index, inverse, counts = np.unique(
        array, return_index=True, return_inverse=True, return_counts=True, axis=axis
    )
    inverse = np.ravel(inverse)
    if not call.integer("sorted", 1):
        order = np.argsort(index)
        values = np.take(values, order, 0 if axis is None else axis)
        places = np.empty(len(order), "int64")
        places[order] = np.arange(len(order))
        index, counts, inverse = index[order], counts[order], places[inverse]
    return values, index.astype("int64"), inverse.astype("int64"), counts.astype("int64")


def _nonzero(call: Call) -> np.ndarray:
    return np.array(np.nonzero(call.array(0)), "int64").reshape(call.array(0).ndim, -1)


def _one_hot(call: Call) -> Any:
    """Return a value at the index, another one elsewhere, along a new axis."""
    depth, dtype = int(call.number(1)), call.dtype(2)
    table(depth)
    places = call.value(0)
    rank = len(places.shape) + 1
    axis = axis_of(rank, call.integer("axis", -1))
    if call.is_known(0) and call.is_known(2):
        off, on = call.array(2)
        index = np.mod(call.array(0).astype("int64"), depth) if depth else call.array(0)
        index = np.where(np.abs(call.array(0)) > depth, -1, index)
        hits = np.expand_dims(index, axis) == np.arange(depth).reshape(
            [-1 if a == axis else 1 for a in range(rank)]
        )
        return np.where(hits, on, off).astype(dtype)
    index = F.cast(call.x, "int64")
    index = F.where(F.less(index, 0), index + depth, index)
    column = F.reshape(index, (*index.shape, 1))
    hits = F.equal(column, constant(np.arange(depth)))
    values = call.node(2)
    off, on = (F.reshape(F.gather(values, constant(np.array(i))), ()) for i in range(2))
    return from_last(F.where(hits, on, off), axis)


def _einsum(call: Call) -> Node:
    return F.einsum(call.text("equation").replace(" ", ""), *call.nodes())


def _mean_variance(call: Call) -> Node:
    x, axes = call.x, tuple(call.integers("axes") or (0, 2, 3))
    mean = F.mean(x, axes, keepdims=True)
    variance = F.mean(F.square(x), axes, keepdims=True) - F.square(mean)
    return (x - mean) / (F.sqrt(variance) + 1e-9)


def _lp_normalization(call: Call) -> Node:
    x = call.x
    axis, p = axis_of(x, call.integer("axis", -1)), call.choice("p", (1, 2), 2)
    norm = (_norm1 if p == 1 else _norm2)(x, (axis,), True)
    return F.where(F.equal(F.broadcast_to(norm, x.shape), 0.0), 0.0, x / norm)


OPERATORS: dict[str, Any] = {
    "ArgMax": _argument(1.0),
    "ArgMin": _argument(-1.0),
    "CumProd": _cumulative,
    "CumSum": _cumulative,
    "Einsum": _einsum,
    "Hardmax": hardmax,
    "LogSoftmax": softmax(F.log_softmax),
    "LpNormalization": _lp_normalization,
    "MeanVarianceNormalization": _mean_variance,
    "NonZero": _nonzero,
    "OneHot": _one_hot,
    "ReduceL1": _reduction(_norm1, 18, F.abs),
    "ReduceL2": _reduction(_as_float(_norm2), 18, F.abs),
    "ReduceLogSum": _reduction(_as_float(_log_sum), 18, F.log),
    "ReduceLogSumExp": _reduction(_as_float(_log_sum_exp)),
    "ReduceMax": _reduction(_extremum(F.max, -math.inf)),
    "ReduceMean": _reduction(_mean),
    "ReduceMin": _reduction(_extremum(F.min, math.inf)),
    "ReduceProd": _reduction(_product),
    "ReduceSum": _reduction(_sum, 13),
    "ReduceSumSquare": _reduction(_sum_square, 18, F.square),
    "Softmax": softmax(F.softmax),
    "TopK": _top,
    "Unique": _unique,
}

"""Operators that pick elements at indices, and those that write to them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.errors import fact
from chainrule.graph import Constant, Node, constant, make
from chainrule.interop.onnx.call import Call, axis_of, fixed, has_batch
from chainrule.interop.onnx.operators.shape import RUNS, elements, has_batch_in, picked, runs, table
from chainrule.interop.onnx.values import TEXT, OperatorError, Value
from chainrule.ops import functional as F
from chainrule.ops.array.slicing import slice_axis
from chainrule.ops.elementwise.cast_and_stop_gradient import Extent
from chainrule.symbolic_shape import Axis, Size, count


def gather(call: Call) -> Any:
    """Return the elements of an axis at some indices."""
    if call.dtype() == TEXT:
        return np.take(call.array(0), call.array(1), call.integer("axis"))
    x = call.x
    axis = axis_of(x, call.integer("axis"))
    is_open = isinstance(x.shape[axis], Size) and not has_batch_in(x.shape[axis])
    if is_open or not call.is_known(1):
        return _gathered(x, call.node(1), axis)
    if axis == 0 and call.is_batched and has_batch(x):
        raise OperatorError(fact("an axis other than the batch"), axis)
    indices, length = call.array(1), fixed([x.shape[axis]])[0]
    if indices.size and (indices.min() < -length or indices.max() >= length):
        expected = fact("indices from {low} to {high}", low=-length, high=length - 1)
        raise OperatorError(expected, indices.ravel()[:9])
    places = [int(i) % length for i in indices.ravel()]
    if call.is_batched and len(runs(places)) > RUNS:
        raise OperatorError(fact("at most {limit:,} runs of consecutive indices", limit=RUNS), len(places))
    y = picked(x, axis, places)
    shape: tuple[Axis, ...] = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
    return F.reshape(y, shape)


def _gathered(x: Node, indices: Node, axis: int) -> Node:
    """Return the elements at computed indices: (..., N, ...), (any) -> (..., any, ...)."""
    is_batch = has_batch_in(x.shape[axis])
    length = fixed([x.shape[axis]])[0] if is_batch else axis_length(x, axis)
    order = [axis, *(a for a in range(x.rank) if a != axis)]
    rows = F.gather(_table(F.transpose(x, order)), _wrapped_indices(indices, length))
    axes = list(range(rows.rank))
    new = axes[: indices.rank]
    rest = axes[indices.rank :]
    y = F.transpose(rows, [*rest[:axis], *new, *rest[axis:]])
    return y if y.dtype == x.dtype else F.cast(y, x.dtype)


def _table(x: Node) -> Node:
    return F.cast(x, "int32") if x.dtype == "bool" else x


def axis_length(x: Node, axis: int) -> int | Node:
    """Return the length of an axis, as a node if it is symbolic."""
    length = x.shape[axis]
    return length if isinstance(length, int) else make(Extent((axis,), "int64"), x)


def _wrapped_indices(indices: Node, length: int | Node) -> Node:
    """Return indices of which negative ones count from the end."""
    index = F.cast(indices, "int64")
    if isinstance(index.op, Constant) and isinstance(length, int):
        known = index.op.array
        return constant(np.where(known < 0, known + length, known))
    if isinstance(index.op, Constant) and (index.op.array >= 0).all():
        return index
    return F.where(F.less(index, 0), index + length, index)


def _flat_indices(parts: Sequence[Node], shape: Sequence[int]) -> Node:
    """Return indices along each axis as one index into the elements of a shape."""
    strides = [math.prod(shape[i + 1 :]) for i in range(len(shape))]
    total = parts[0] * strides[0]
    for part, stride in zip(parts[1:], strides[1:], strict=True):
        total = total + part * stride
    return total


def _grid(shape: Sequence[int], axis: int) -> Node:
    """Return the index along an axis of each element of a shape."""
    table(*shape)
    return constant(
        np.broadcast_to(
            np.arange(shape[axis]).reshape([-1 if a == axis else 1 for a in range(len(shape))]), shape
        )
    )


def _gather_elements(call: Call) -> Node:
    x, indices = call.x, call.node(1)
    axis = axis_of(x, call.integer("axis"))
    shape, places = fixed(x.shape), fixed(indices.shape)
    own = _wrapped_indices(indices, shape[axis])
    parts = [own if a == axis else _grid(places, a) for a in range(x.rank)]
    flat = _flat_indices(parts, shape)
    y = F.gather(_table(F.reshape(x, (math.prod(shape),))), flat)
    return F.cast(y, x.dtype)


def _gather_nd(call: Call) -> Node:
    x, indices, batches = call.x, call.node(1), call.integer("batch_dims")
    shape, places = fixed(x.shape), fixed(indices.shape)
    depth = places[-1]
    parts = [_grid(places[:-1], a) for a in range(batches)]
    parts += [_wrapped_indices(_last(indices, i), shape[batches + i]) for i in range(depth)]
    used = batches + depth
    rest = shape[used:]
    rows = F.reshape(x, (math.prod(shape[:used]), *rest))
    y = F.gather(_table(rows), _flat_indices(parts, shape[:used]))
    return F.cast(F.reshape(y, (*places[:-1], *rest)), x.dtype)


def _last(x: Node, i: int) -> Node:
    return F.reshape(slice_axis(x, x.rank - 1, i, i + 1), x.shape[:-1])


_COMBINED = {"mul": np.multiply, "max": np.maximum, "min": np.minimum, "add": np.add}


def _scattered(call: Call, flat: Node, rows: int, updates: Node, x: Node) -> Node:
    """Return x (rows, ...) with updates (n, ...) at flat indices (n,), as new elements or added ones."""
    reduction = call.choice("reduction", ("none", "add", "mul", "max", "min"), "none")
    values = F.cast(updates, "float64") if not updates.spec.is_float else updates
    base = F.cast(x, values.dtype)
    if reduction == "add":
        return F.cast(base + F.scatter_add(values, flat, rows), x.dtype)
    index = call_array(call, flat)
    if reduction == "none":
        _, last = np.unique(index[::-1], return_index=True)
        effective = np.sort(len(index) - 1 - last)  # of several updates of one element the last one counts
        if len(effective) < len(index):
            values, flat = F.gather(values, constant(effective)), constant(index[effective])
        is_written = np.zeros(rows, bool)
        is_written[index] = True
        mask = constant(is_written.reshape(rows, *[1] * (x.rank - 1)))
        sums = F.scatter_add(values, flat, rows)
        return F.cast(F.where(F.broadcast_to(mask, x.shape), sums, base), x.dtype)
    y = np.array(call_array(call, base))
    _COMBINED[reduction].at(y, index, call_array(call, values))
    return F.cast(constant(y), x.dtype)


def call_array(call: Call, node: Node) -> np.ndarray:
    """Return the elements of a computed node.

    Raises:
        UnknownValueError: they depend on an input of the network.
    """
    from chainrule.interop.onnx.values import known_array  # noqa: PLC0415

    return known_array(Value(np.dtype(node.dtype), None, node), call.weights, call.name(1))


def _scatter_elements(call: Call) -> Node:
    x, indices, updates = call.x, call.node(1), call.node(2)
    axis = axis_of(x, call.integer("axis"))
    shape, places = fixed(x.shape), fixed(indices.shape)
    own = _wrapped_indices(indices, shape[axis])
    flat = _flat_indices([own if a == axis else _grid(places, a) for a in range(x.rank)], shape)
    size, n = math.prod(shape), math.prod(places)
    y = _scattered(call, F.reshape(flat, (n,)), size, F.reshape(updates, (n,)), F.reshape(x, (size,)))
    return F.reshape(y, shape)


def _scatter_nd(call: Call) -> Node:
    x, indices, updates = call.x, call.node(1), call.node(2)
    shape, places = fixed(x.shape), fixed(indices.shape)
    depth, rest = places[-1], shape[places[-1] :]
    flat = _flat_indices([_wrapped_indices(_last(indices, i), shape[i]) for i in range(depth)], shape[:depth])
    rows, n = math.prod(shape[:depth]), math.prod(places[:-1])
    y = _scattered(
        call, F.reshape(flat, (n,)), rows, F.reshape(updates, (n, *rest)), F.reshape(x, (rows, *rest))
    )
    return F.reshape(y, shape)


def _compress(call: Call) -> Node:
    x, condition = call.x, call.array(1).ravel()
    axis = call.attributes.get("axis")
    if axis is None:
        x, axis = F.reshape(x, (count(x.shape),)), 0
    axis = axis_of(x, axis)
    return picked(x, axis, np.flatnonzero(condition[: fixed([x.shape[axis]])[0]]).tolist())


def _tensor_scatter(call: Call) -> Any:
    """Return a cache (B, ..., T, ...) with an update written from a position on, for each sample."""
    cache, update = call.x, call.node(1)
    axis = axis_of(cache, call.integer("axis", -2))
    length, width = fixed([cache.shape[axis], update.shape[axis]])
    samples = fixed([cache.shape[0]])[0]
    first = call.array(2).ravel() if call.has(2) else np.zeros(samples, "int64")
    is_ring = call.choice("mode", ("linear", "circular"), "linear") == "circular"
    rows = []
    for i, start in enumerate(first.tolist()):
        own, new = (slice_axis(node, 0, i, i + 1) for node in (cache, update))
        places = [(start + k) % length if is_ring else start + k for k in range(width)]
        if max(places, default=0) >= length:
            raise OperatorError(fact("an axis below {rank}", rank=length), places[-1])
        updated = {place: length + k for k, place in enumerate(places)}
        source = [updated.get(place, place) for place in range(length)]
        rows.append(picked(F.concatenate([own, new], axis), axis, source))
    return F.concatenate(rows, 0)


# --- boxes


def _suppression(call: Call) -> np.ndarray:
    """Return the boxes that remain after those that overlap a better one of their class are removed."""
    boxes, scores = call.array(0), call.array(1)
    limit, overlap = int(call.number(2)), call.number(3)
    threshold = call.number(4) if call.has(4) else -math.inf
    if call.integer("center_point_box"):
        center, half = boxes[..., :2], boxes[..., 2:] / 2
        corners = np.concatenate([center - half, center + half], -1)
    else:
        low, high = np.minimum(boxes[..., :2], boxes[..., 2:]), np.maximum(boxes[..., :2], boxes[..., 2:])
        corners = np.concatenate([low, high], -1)
    rows = []
    for sample, kind in np.ndindex(*scores.shape[:2]):
        own = scores[sample, kind]
        best = [i for i in np.argsort(-own, kind="stable").tolist() if own[i] > threshold]
        rows += [(sample, kind, i) for i in _separate(corners[sample], best, overlap, limit)]
    return np.array(rows, "int64").reshape(-1, 3)


def _separate(corners: np.ndarray, best: Sequence[int], overlap: float, limit: int) -> list[int]:
    """Return the first boxes that do not overlap an earlier one by more than a share."""
    chosen: list[int] = []
    for i in best:
        if len(chosen) >= limit:
            break
        if all(_overlap(corners[i], corners[j]) <= overlap for j in chosen):
            chosen.append(i)
    return chosen


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Return the intersection of two boxes divided by their union."""
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    inside = float(np.prod(np.maximum(sides, 0)))
    union = float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - inside
    return inside / union if union > 0 else 0.0


def _pick_features(call: Call) -> np.ndarray:
    array, index = call.array(0), call.array(1).ravel()
    return np.take(array, index, -1).reshape(-1, len(index)) if array.ndim == 1 else np.take(array, index, -1)


OPERATORS: dict[str, Any] = {
    "Compress": _compress,
    "Gather": gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "NonMaxSuppression": _suppression,
    "Scatter": _scatter_elements,
    "ScatterElements": _scatter_elements,
    "ScatterND": _scatter_nd,
    "TensorScatter": _tensor_scatter,
    "ai.onnx.ml.ArrayFeatureExtractor": _pick_features,
}
__all__ = ["OPERATORS", "elements", "gather"]

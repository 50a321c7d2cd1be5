"""Lowering of operations on arrays: resampling, concatenation, padding, and operations on rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from chainrule.graph import Node
from chainrule.ops.batch_axis import per_sample
from chainrule.plan.lowering_context import Lowering
from chainrule.plan.views import MIN_VECTOR_AXIS, Triple, View, as_three_axes, in_memory_order, sub_view

# Lowering of concatenation and padding: copies into parts of the result.


def concatenate(lowering: Lowering, node: Node, phase: int) -> None:
    """Copy the inputs that were not computed in place."""
    result = lowering.target(node)
    for index, source in enumerate(node.inputs):
        view = lowering.view(source, phase)
        target = input_view(node, index, result, view.shape)
        if view != target:
            lowering.add("copy", (node,), (view,), (target,), phase)


def input_view(node: Node, index: int, result: View, shape: tuple[int, ...]) -> View:
    """Return the view of the first or the second input in the result of a concatenation."""
    axis = node.op.attributes["axis"]
    start = result.shape[axis] - shape[axis] if index else 0
    return View(result.buffer, shape, result.strides, result.offset + start * result.strides[axis])


def pad(lowering: Lowering, node: Node, phase: int) -> None:
    """Fill the border (or everything, if there are gaps between elements) and copy the value into it."""
    op, result, view = (
        lowering.op(node).attributes,
        lowering.target(node),
        lowering.view(node.inputs[0], phase),
    )
    for border in [result] if any(op["between"]) else _borders(result, op):
        lowering.fill(node, border, 0.0, phase)
    offset = sum(int(a) * s for a, s in zip(op["low"], result.strides, strict=True))
    strides = tuple(s * (gap + 1) for s, gap in zip(result.strides, op["between"], strict=True))
    interior = View(result.buffer, view.shape, strides, result.offset + offset)
    lowering.add("copy", (node,), (view,), (interior,), phase)


def _borders(remaining: View, op: Any) -> Iterator[View]:
    """Yield the border of a padded value, axis by axis, without overlap."""
    for axis, (before, after) in enumerate(zip(map(int, op["low"]), map(int, op["high"]), strict=True)):
        length = remaining.shape[axis]
        if before:
            yield sub_view(remaining, axis, 0, before)
        if after:
            yield sub_view(remaining, axis, length - after, after)
        remaining = sub_view(remaining, axis, before, length - before - after)


# Lowering of operations that process a value row by row: softmax, lookups in a table, random numbers.


def softmax(lowering: Lowering, node: Node, phase: int) -> None:
    """Lower a softmax, its logarithm, or the logarithm of a sum of exponentials along an axis."""
    view, lengths, strides = lowering.arrange(node.inputs[0], (node.op.attributes["axis"],), phase)
    facts = {"lengths": lengths, "strides": strides}
    lowering.add(node.op.name, (node,), (view,), (lowering.target(node),), phase, **facts)


def lookup(lowering: Lowering, node: Node, phase: int) -> None:
    """Lower an operation that reads or writes rows by index."""
    reads = [lowering.dense(s, phase) for s in node.inputs]
    lowering.add(node.op.name, (node,), reads, (lowering.target(node),), phase)


def random_numbers(lowering: Lowering, node: Node, phase: int) -> None:
    """Lower random numbers of one key, or of a key for each row."""
    reads = [lowering.dense(node.inputs[0], phase)]
    stream, writes = node.op.attributes["stream"], (lowering.target(node),)
    facts = {"stream": stream, "per_sample": per_sample(node.shape)}
    lowering.add(node.op.name, (node,), reads, writes, phase, **facts)


def resample(lowering: Lowering, node: Node, phase: int) -> None:
    """Lower a resampling.

    The task's facts are the lengths (outer, new cells, row) and the strides of input and result. It reads the
    first tap of each new cell, the taps' cells and their weights.
    """
    source, op, shape = node.inputs[0], lowering.op(node).attributes, lowering.shape(node)
    view, axis = lowering.view(source, phase), op["axis"]
    order = _order(view, axis)
    input_axes = _as_rows(view, order, axis)
    if input_axes is None:
        copy = lowering.ordered(view.shape, node.dtype, order)
        lowering.add("copy", (source,), (view,), (copy,), phase)
        view, input_axes = copy, _as_rows(copy, order, axis)
    target = lowering.target(node)
    result = target if _as_rows(target, order, axis) else lowering.ordered(shape, node.dtype, order)
    result_axes = _as_rows(result, order, axis)
    assert input_axes is not None
    assert result_axes is not None
    tables = _tables(lowering, op["taps"], node.dtype)
    facts: dict[str, Any] = {"lengths": result_axes[0], "strides": (input_axes[1], result_axes[1])}
    facts["taps"] = sum(map(len, op["taps"]))
    lowering.add("resample", (node,), (view, *tables), (result,), phase, **facts)
    if result != target:
        lowering.add("copy", (node,), (result,), (target,), phase)


def _order(view: View, axis: int) -> tuple[int, ...]:
    """Return the memory order in which the axes should be stored."""
    order = in_memory_order(view)
    width = int(np.prod([view.shape[a] for a in order[order.index(axis) + 1 :]]))
    outer = int(np.prod([view.shape[a] for a in order[: order.index(axis)]]))
    if width >= MIN_VECTOR_AXIS or outer < MIN_VECTOR_AXIS:
        return order
    return (axis, *(a for a in order if a != axis))


def _as_rows(view: View, order: Sequence[int], axis: int) -> tuple[Triple, Triple] | None:
    """Return the view as (outer, cells, row), if the numbers of a row are contiguous."""
    index = list(order).index(axis)
    three = as_three_axes(view.transposed(order), (index,))
    return three if three is not None and (three[1][2] == 1 or three[0][2] <= 1) else None


def _tables(lowering: Lowering, taps: Sequence[Sequence[tuple[int, float]]], dtype: str) -> tuple[View, ...]:
    """Return the first tap of each new cell and the end, the cells of the taps, and their weights."""
    starts = np.cumsum([0, *map(len, taps)], dtype=np.int64)
    pairs = [tap for cell_taps in taps for tap in cell_taps]
    cells = np.array([cell for cell, _ in pairs], np.int64)
    return (
        lowering.table(starts),
        lowering.table(cells),
        lowering.table(np.array([w for _, w in pairs], dtype)),
    )

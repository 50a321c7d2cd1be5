"""Lowering of resampling: weighted sums of the cells of one axis.

All axes inside the resampled one form a row of contiguous numbers. If rows are short and there are many outer
indices, the value is first copied with the resampled axis outermost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.graph import Node
from chainrule.plan.lowering import Lowering
from chainrule.plan.views import MIN_VECTOR_AXIS, Triple, View, as_three_axes, in_memory_order


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

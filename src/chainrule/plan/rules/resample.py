"""Weighted sums of cells of one axis: rows of memory added up, as long as the numbers behind the axis reach.

Whatever lies further in than the axis is one row. Where that is short and much lies further out, the numbers
are turned first, so that the axis is the outermost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.graph import Node
from chainrule.plan.views import NARROW, Triple, View, in_memory_order, in_three

if TYPE_CHECKING:
    from chainrule.plan.lower import Lowering


def resample(low: Lowering, node: Node, phase: int) -> None:
    """Lower weighted sums of cells of an axis.

    The task's facts: the lengths (outer, new cells, row) and, in numbers, the strides of what is read and of
    what is written. It reads where the taps of each new cell begin, their cells and their weights.
    """
    source, op, shape = node.inputs[0], low.op(node).attributes, low.shape(node)
    view, axis = low.view(source, phase), op["axis"]
    order = _order(view, axis)
    read = _in_three(view, order, axis)
    if read is None:
        copy = low.ordered(view.shape, node.dtype, order)
        low.add("copy", (source,), (view,), (copy,), phase)
        view, read = copy, _in_three(copy, order, axis)
    target = low.target(node)
    made = target if _in_three(target, order, axis) else low.ordered(shape, node.dtype, order)
    written = _in_three(made, order, axis)
    assert read is not None
    assert written is not None
    tables = _tables(low, op["taps"], node.dtype)
    facts: dict[str, Any] = {"lengths": written[0], "strides": (read[1], written[1])}
    facts["taps"] = sum(map(len, op["taps"]))
    low.add("resample", (node,), (view, *tables), (made,), phase, **facts)
    if made != target:
        low.add("copy", (node,), (made,), (target,), phase)


def _order(view: View, axis: int) -> tuple[int, ...]:
    """In which order the axes should lie."""
    order = in_memory_order(view)
    width = int(np.prod([view.shape[a] for a in order[order.index(axis) + 1 :]]))
    outer = int(np.prod([view.shape[a] for a in order[: order.index(axis)]]))
    if width >= NARROW or outer < NARROW:
        return order
    return (axis, *(a for a in order if a != axis))


def _in_three(view: View, order: Sequence[int], axis: int) -> tuple[Triple, Triple] | None:
    """The view as (outer, cells, row), if a row's numbers lie side by side."""
    place = list(order).index(axis)
    found = in_three(view.turned(order), (place,))
    return found if found is not None and (found[1][2] == 1 or found[0][2] <= 1) else None


def _tables(low: Lowering, taps: Sequence[Sequence[tuple[int, float]]], dtype: str) -> tuple[View, ...]:
    """Where the taps of each new cell begin, and the end of the last; the old cells; their weights."""
    starts = np.cumsum([0, *map(len, taps)], dtype=np.int64)
    pairs = [tap for each in taps for tap in each]
    cells = np.array([cell for cell, _ in pairs], np.int64)
    return low.table(starts), low.table(cells), low.table(np.array([w for _, w in pairs], dtype))

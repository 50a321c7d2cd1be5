"""Cells of one axis picked by a table of places: what padding, resizing and adaptive pooling have in common.

An axis of length n becomes another one whose cell i is the old cell ``table[i]``, or a weighted sum of some
old cells. Reflection picks 2 1 0 1 2 ..., doubling picks 0 0 1 1 ..., linear interpolation adds two picks.
The table does not depend on the numbers, so the gradient is the same table read backwards (``gather`` and
``scatter_add``), and images of several axes are treated axis by axis.
"""

from __future__ import annotations

import numpy as np

from chainrule.graph import Node, constant
from chainrule.ops import PUBLIC
from chainrule.ops.index import along
from chainrule.spec import bound


def picked(x: Node, axis: int, table: np.ndarray | Node) -> Node:
    """The cells of one axis at the places of a table.

    Shapes: x (..., n, ...), table (any) -> (..., any, ...): the axis is replaced by those of the table.

    Args:
        x: the numbers.
        axis: which axis, from the front.
        table: whole numbers from 0 to n - 1, an array or a node.
    """
    if isinstance(table, np.ndarray):
        if np.array_equal(table, np.arange(*bound((x.shape[axis],)))):
            return x
        table = constant(table.astype(np.int64))
    return along(x, axis, table)


def weighed(x: Node, axis: int, table: np.ndarray, weights: np.ndarray) -> Node:
    """Weighted sums of cells of one axis.

    Shapes: x (..., n, ...), table and weights (m, k) -> (..., m, ...).

    Args:
        x: the numbers.
        axis: which axis, from the front.
        table: for each new cell, k old ones.
        weights: how much each counts.
    """
    shape = (len(weights), *(1,) * (x.rank - 1 - axis))
    total: Node | None = None
    for cells, part in zip(table.T, weights.T, strict=True):
        share = picked(x, axis, cells)
        if (part != 1).any():
            share = share * constant(part.reshape(shape).astype(x.dtype))
        total = share if total is None else total + share
    assert total is not None
    return total


def spread(x: Node, axis: int, table: np.ndarray, weights: np.ndarray) -> Node:
    """Every cell of one axis becomes several, each a weighted sum of the cells around the old one.

    All are treated alike, so no table is needed to find them: the neighbours are the axis itself, moved by a
    cell. Beyond an end its last cell goes on.

    Shapes: x (..., n, ...), table and weights (m, k) -> (..., n * m, ...).

    Args:
        x: the numbers.
        axis: which axis, from the front.
        table: for each of the new cells, how far k cells lie from the old one.
        weights: how much each counts.
    """
    many, (n,), reach = len(table), bound((x.shape[axis],)), int(np.abs(table).max())
    before, behind = x.shape[: axis + 1], x.shape[axis + 1 :]
    if reach:
        first, last = _cut(x, axis, 0, 1), _cut(x, axis, n - 1, n)
        x = PUBLIC["concatenate"]([first] * reach + [x] + [last] * reach, axis)
    total: Node | None = None
    for shift in range(-reach, reach + 1):
        share = np.where(table == shift, weights, 0).sum(1)
        moved = _cut(x, axis, reach + shift, reach + shift + n)
        seen = PUBLIC["broadcast_to"](
            PUBLIC["reshape"](moved, (*before, 1, *behind)), (*before, many, *behind)
        )
        if (share != 1).any():
            seen = seen * constant(share.reshape(many, *(1,) * len(behind)).astype(x.dtype))
        total = seen if total is None else total + seen
    assert total is not None
    return PUBLIC["reshape"](total, (*before[:-1], n * many, *behind))


def _cut(x: Node, axis: int, first: int, last: int) -> Node:
    """Neighbouring cells of one axis."""
    return x[(slice(None),) * axis + (slice(first, last),)]

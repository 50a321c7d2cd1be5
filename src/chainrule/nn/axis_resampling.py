"""Select elements of one axis by a table of indices: the basis of padding, resizing and adaptive pooling.

An axis of length n becomes another one whose element i is the old element ``table[i]``, or a weighted sum of
some old elements. Reflection selects 2 1 0 1 2 ..., doubling selects 0 0 1 1 ..., linear interpolation adds
two elements. The table does not depend on the values, so the gradient uses the same table in reverse
(``resample``, and ``gather`` for dtypes other than floats), and images of several axes are processed axis by
axis.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.graph import Node, constant, reserve
from chainrule.ops import functional as F
from chainrule.ops.array.indexing import along

TAP = 384  # bytes of a pair of a cell and a weight, in lists and tuples of Python


def picked(x: Node, axis: int, table: np.ndarray | Node) -> Node:
    """Select elements of one axis by a table of indices.

    Shapes: x (..., n, ...), table (any) -> (..., any, ...): the axis is replaced by those of the table.

    Args:
        axis: index of the axis, from the front.
        table: integers from 0 to n - 1, an array or a node.
    """
    if isinstance(table, np.ndarray):
        reserve(*table.shape, itemsize=24)
        if table.ndim == 1 and (len(table),) == (x.shape[axis],) and (table == np.arange(len(table))).all():
            return x
        if table.ndim == 1 and x.spec.is_float:
            return weighed(x, axis, table[:, None], np.ones((len(table), 1)))
        table = constant(table.astype(np.int64))
    return along(x, axis, table)


def weighed(x: Node, axis: int, table: np.ndarray, weights: np.ndarray) -> Node:
    """Return weighted sums of elements of one axis.

    Shapes: x (..., n, ...), table and weights (m, k) -> (..., m, ...).

    Args:
        axis: index of the axis, from the front.
        table: for each new element, the indices of k old ones; an index that occurs twice counts with both
            weights.
    """
    reserve(*table.shape, itemsize=TAP, is_persistent=True)
    is_plain: Any = weights.all(1) & (np.diff(np.sort(table, 1)) > 0).all(1)  # no zero, no index twice
    rows = zip(table.tolist(), weights.tolist(), is_plain, strict=True)
    taps = [list(zip(c, w, strict=True)) if plain else _merged(c, w) for c, w, plain in rows]
    return F.resample(x, axis, taps)


def _merged(cells: list[int], weights: list[float]) -> list[tuple[int, float]]:
    """Return each index once, with the sum of its weights; without those of weight 0."""
    totals: dict[int, float] = {}
    for cell, weight in zip(cells, weights, strict=True):
        totals[cell] = totals.get(cell, 0.0) + weight
    return [(cell, weight) for cell, weight in totals.items() if weight]

"""Cells of one axis picked by a table of places: what padding, resizing and adaptive pooling have in common.

An axis of length n becomes another one whose cell i is the old cell ``table[i]``, or a weighted sum of some
old cells. Reflection picks 2 1 0 1 2 ..., doubling picks 0 0 1 1 ..., linear interpolation adds two picks.
The table does not depend on the numbers, so the gradient is the same table read backwards (``resample``, and
``gather`` where the numbers are no broken ones), and images of several axes are treated axis by axis.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.graph import Node, constant, reserve
from chainrule.ops import PUBLIC
from chainrule.ops.array.indexing import along

TAP = 384  # bytes of a pair of a cell and a weight, in lists and tuples of Python


def picked(x: Node, axis: int, table: np.ndarray | Node) -> Node:
    """The cells of one axis at the places of a table.

    Shapes: x (..., n, ...), table (any) -> (..., any, ...): the axis is replaced by those of the table.

    Args:
        x: the numbers.
        axis: which axis, from the front.
        table: whole numbers from 0 to n - 1, an array or a node.
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
    """Weighted sums of cells of one axis.

    Shapes: x (..., n, ...), table and weights (m, k) -> (..., m, ...).

    Args:
        x: the numbers.
        axis: which axis, from the front.
        table: for each new cell, k old ones; one that is there twice counts with both weights.
        weights: how much each counts.
    """
    reserve(*table.shape, itemsize=TAP, kept=True)
    is_plain: Any = weights.all(1) & (np.diff(np.sort(table, 1)) > 0).all(1)  # no zero, no cell twice
    rows = zip(table.tolist(), weights.tolist(), is_plain, strict=True)
    taps = [list(zip(c, w, strict=True)) if plain else _merged(c, w) for c, w, plain in rows]
    return PUBLIC["resample"](x, axis, taps)


def _merged(cells: list[int], weights: list[float]) -> list[tuple[int, float]]:
    """Each cell once, with the sum of its weights; without those of weight 0."""
    found: dict[int, float] = {}
    for cell, weight in zip(cells, weights, strict=True):
        found[cell] = found.get(cell, 0.0) + weight
    return [(cell, weight) for cell, weight in found.items() if weight]

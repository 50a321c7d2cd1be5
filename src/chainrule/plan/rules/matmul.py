"""Products whose rows, columns and places lie anywhere in memory: tasks, with tables of where things are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from chainrule.graph import Node
from chainrule.plan.views import View, collapse

if TYPE_CHECKING:
    from chainrule.plan.lower import Lowering

Lines = tuple[View, Sequence[int], Sequence[int], Sequence[int]]  # of a view, the axes: stack, rows, columns
Pair = tuple[View, Sequence[int], Sequence[int]]  # of a view, the axes: rows or columns, places


def multiply(low: Lowering, node: Node, a: Lines, b: Lines, c: Lines, phase: int, how: int = 0) -> None:
    """The task of products C = A B by places.

    Args:
        a, b, c: a view each with those of its axes that number the products, its rows and its columns. Where
            C has none for the products, they are added up.
        phase: in which it runs.
        how: 1: added to what is there.
    """
    (view, stack, rows, columns), (right, others, _, wide) = a, b
    lengths = [[view.shape[i] for i in axes] for axes in (rows, columns)]
    many = math.prod(view.shape[i] for i in stack) if stack else math.prod(right.shape[i] for i in others)
    shape = (many, math.prod(lengths[0]), math.prod(right.shape[i] for i in wide), math.prod(lengths[1]))

    def table(of: View, axes: Sequence[int], count: int) -> View:
        if not axes:
            return low.table(np.zeros(count, np.int64))
        return low.table(offsets([of.shape[i] for i in axes], [of.strides[i] for i in axes]))

    tables = [
        *(table(view, axes, n) for axes, n in ((stack, shape[0]), (rows, shape[1]), (columns, shape[3]))),
        *(table(right, axes, n) for axes, n in ((others, shape[0]), (b[2], shape[3]))),
        *(table(c[0], axes, n) for axes, n in ((c[1], shape[0]), (c[2], shape[1]))),
    ]
    how |= 0 if c[1] else 2
    # Of B, from one column to the next; an axis of length 1 has a stride that says nothing.
    across, (steps,) = collapse([right.shape[i] for i in wide], [[right.strides[i] for i in wide]])
    assert len(across) <= 1, "the columns of B follow each other at one distance"
    column = steps[0] if wide and across[0] > 1 else 1
    low.add("product", (node,), (view, right, *tables), (c[0],), phase, shape=shape, how=how, column=column)


def offsets(lengths: Sequence[int], strides: Sequence[int]) -> np.ndarray:
    """How far each element lies behind the first, in order.

    Example:
        >>> offsets((2, 3), (10, 1)).tolist()
        [0, 1, 2, 10, 11, 12]
    """
    total = np.zeros(1, np.int64)
    for length, stride in zip(lengths, strides, strict=True):
        total = (total[:, None] + np.arange(length) * stride).reshape(-1)
    return total


def dots(low: Lowering, node: Node, a: Pair, b: Pair, c: View, phase: int, k: int) -> None:
    """The task of dot products over places and, behind each place, k numbers side by side.

    Args:
        a, b: a view each with those of its axes that number the rows (of b, the columns) and the places.
        c: (rows, ..., columns), both of one stride.
    """
    (left, rows, places), (right, columns, _) = a, b
    tables = [
        low.table(offsets([view.shape[i] for i in axes], [view.strides[i] for i in axes]))
        for view, *both in (a, b)
        for axes in both
    ]
    counted = ((left, places), (left, rows), (right, columns))
    shape = (*(math.prod(view.shape[i] for i in axes) for view, axes in counted), k)
    strides = (c.strides[0], c.strides[-1])
    low.add("dots", (node,), (left, right, *tables), (c,), phase, shape=shape, strides=strides)

"""Matrix products by tables: rows, columns and positions at arbitrary offsets."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from chainrule.graph import Node
from chainrule.plan.lowering import Lowering
from chainrule.plan.rules.deferred_product import factors
from chainrule.plan.views import View, collapse

MAX_DOT_ROWS = 8  # rows up to which a product is faster as dot products than with a packed right side
Factor = tuple[View, Sequence[int], Sequence[int], Sequence[int]]  # a view, its axes: stack, rows, columns
DotFactor = tuple[View, Sequence[int], Sequence[int]]  # a view, its axes: rows or columns, positions


def multiply(
    lowering: Lowering, node: Node, a: Factor, b: Factor, c: Factor, phase: int, mode: int = 0
) -> None:
    """Add the task of a batch of matrix products C = A B by tables.

    Args:
        a, b, c: a view each, with its axes that number the products, the rows and the columns. If C has no
            axes for the products, they are summed.
        phase: phase of the task.
        mode: 1: C is added to.
    """
    (view, stack, rows, columns), (right, others, _, right_columns) = a, b
    lengths = [[view.shape[i] for i in axes] for axes in (rows, columns)]
    products = math.prod(view.shape[i] for i in stack) if stack else math.prod(right.shape[i] for i in others)
    shape = (
        products,
        math.prod(lengths[0]),
        math.prod(right.shape[i] for i in right_columns),
        math.prod(lengths[1]),
    )

    def table(factor_view: View, axes: Sequence[int], count: int) -> View:
        if not axes:
            return lowering.table(np.zeros(count, np.int64))
        return lowering.table(
            offsets([factor_view.shape[i] for i in axes], [factor_view.strides[i] for i in axes])
        )

    tables = [
        *(table(view, axes, n) for axes, n in ((stack, shape[0]), (rows, shape[1]), (columns, shape[3]))),
        *(table(right, axes, n) for axes, n in ((others, shape[0]), (b[2], shape[3]))),
        *(table(c[0], axes, n) for axes, n in ((c[1], shape[0]), (c[2], shape[1]))),
    ]
    mode |= 0 if c[1] else 2
    # The column stride of B; the stride of an axis of length 1 is meaningless.
    column_lengths, (steps,) = collapse(
        [right.shape[i] for i in right_columns], [[right.strides[i] for i in right_columns]]
    )
    assert len(column_lengths) <= 1, "the columns of B have one stride"
    column = steps[0] if right_columns and column_lengths[0] > 1 else 1
    lowering.add(
        "table_matmul", (node,), (view, right, *tables), (c[0],), phase, shape=shape, mode=mode, column=column
    )


def offsets(lengths: Sequence[int], strides: Sequence[int]) -> np.ndarray:
    """Return the offset of each element from the first, in order.

    Example:
        >>> offsets((2, 3), (10, 1)).tolist()
        [0, 1, 2, 10, 11, 12]
    """
    total = np.zeros(1, np.int64)
    for length, stride in zip(lengths, strides, strict=True):
        total = (total[:, None] + np.arange(length) * stride).reshape(-1)
    return total


def dot_products(
    lowering: Lowering, node: Node, a: DotFactor, b: DotFactor, c: View, phase: int, k: int
) -> None:
    """Add the task of dot products over positions and, at each position, ``k`` contiguous numbers.

    Args:
        a, b: a view each, with its axes that number the rows (of b, the columns) and the positions.
        c: (rows, ..., columns), both of one stride.
    """
    (left, rows, positions), (right, columns, _) = a, b
    tables = [
        lowering.table(offsets([view.shape[i] for i in axes], [view.strides[i] for i in axes]))
        for view, *both in (a, b)
        for axes in both
    ]
    counted = ((left, positions), (left, rows), (right, columns))
    shape = (*(math.prod(view.shape[i] for i in axes) for view, axes in counted), k)
    strides = (c.strides[0], c.strides[-1])
    lowering.add("dot_products", (node,), (left, right, *tables), (c,), phase, shape=shape, strides=strides)


def matmul(lowering: Lowering, node: Node, phase: int) -> None:
    """Lower a matrix product: as dot products, a sum of outer products, or a product by strides."""
    reads = []
    for source, view in zip(node.inputs, factors(lowering, node, phase), strict=True):
        if len(collapse(view.shape[:-2], [view.strides[:-2]])[0]) > 1 or _is_scattered(view):
            view = lowering.in_order(view, source, phase)
        reads.append(view)
    (a, b), c = reads, lowering.target(node)
    if len(c.shape) == 2 and a.shape[0] <= MAX_DOT_ROWS and a.strides[1] == b.strides[0] == 1:
        dot_products(lowering, node, (a, (0,), ()), (b, (1,), ()), c, phase, a.shape[1])
    elif node in lowering.narrow:
        lowering.add("combine", (node,), [*_outer(a, c, 0), *_outer(b, c, 1)], (c,), phase, by="weighted_sum")
    else:
        lowering.add("matmul", (node,), reads, (c,), phase)


def _is_scattered(view: View) -> bool:
    """Return whether matrices of a stack have neither contiguous rows nor contiguous columns, as images whose
    samples are innermost: reading them element by element costs more than a copy."""
    lengths, steps = view.shape[-2:], view.strides[-2:]
    return len(view.shape) > 2 and all(n > 1 and step != 1 for n, step in zip(lengths, steps, strict=True))


def _outer(factor: View, product: View, side: int) -> list[View]:
    """Return the columns of the left factor (side 0) or the rows of the right one (1), as wide as the
    product.
    """
    step, along = factor.strides[1 - side], factor.strides[side]
    strides = (0, along) if side else (along, 0)
    offsets = (factor.offset + i * step for i in range(factor.shape[1 - side]))
    return [View(factor.buffer, product.shape, strides, offset) for offset in offsets]

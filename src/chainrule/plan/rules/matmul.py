"""Matrix products by tables: rows, columns and positions at arbitrary offsets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.graph import Node
from chainrule.ops.batch_axis import BATCH
from chainrule.plan.lowering_context import Lowering
from chainrule.plan.passes.deferred_gradients import DEFERRED
from chainrule.plan.passes.elementwise_fusion import Kernel, memory_source
from chainrule.plan.views import View, collapse, sub_view
from chainrule.symbolic_shape import size_at

# Lowering of deferred products: gradients of large weights, computed after all microbatches.
#
# A microbatch only stores its rows of the factors; ``passes/deferred_gradients.py`` decides which products
# are deferred.

STRIP_BYTES = 2 * 1024 * 1024  # of a gradient that are computed before they are used


def store_factors(lowering: Lowering, node: Node, phase: int) -> None:
    """Add the tasks with which a microbatch stores its rows of a deferred product's factors."""
    for source in node.inputs:
        if source in lowering.deferred_factors:
            continue
        shape, axis = lowering.shape(source), source.shape.index(BATCH)
        batch_shape = tuple(size_at(n, lowering.batch_sizes) for n in source.shape)
        order = (axis, *(i for i in range(source.rank) if i != axis))
        lowering.deferred_factors[source] = lowering.ordered(batch_shape, source.dtype, order, DEFERRED)
        rows = View(
            lowering.deferred_factors[source].buffer, shape, lowering.deferred_factors[source].strides
        )
        lowering.add("copy", (source,), (lowering.view(source, phase),), (rows,), phase)


def factors(lowering: Lowering, node: Node, phase: int) -> list[View]:
    """Return the views of a product's factors; those of a deferred product have all samples.

    The factors of the transpose of a deferred product are transposed and exchanged.
    """
    if memory_source(node) not in lowering.deferred:
        return [lowering.view(source, phase) for source in node.inputs]
    stored = lowering.deferred_factors
    if node.op.name == "matmul":
        return [stored[source] for source in node.inputs]
    return [stored[source].transposed((1, 0)) for source in reversed(node.inputs[0].inputs)]


def lower_in_strips(
    lowering: Lowering,
    kernel: Kernel,
    reads: Sequence[View],
    writes: Sequence[View],
    facts: Mapping[str, Any],
) -> None:
    """Add the tasks of a deferred product and the loop that reads it, strip by strip.

    Args:
        kernel: the loop, with the product among its nodes.
        reads: the factors, then the other operands of the loop.
        writes: results of the loop.
        facts: facts of the loop's task; the product is its first operand.
    """
    product = kernel.product
    assert product is not None
    (a, b, *others), (m, n) = reads, kernel.shape
    rows = min(m, max(1, STRIP_BYTES // max(n * np.dtype(product.dtype).itemsize, 1)))
    count = math.ceil(m / rows)
    strip = lowering.new((math.ceil(m / count), n), product.dtype)
    loop = [node for node in kernel.nodes if node is not product]
    for i in range(count):
        start = m * i // count
        length = m * (i + 1) // count - start
        strip_rows = sub_view(strip, 0, 0, length)
        lowering.add("matmul", (product,), (sub_view(a, 0, start, length), b), (strip_rows,), kernel.phase)
        operands, results = ([sub_view(v, 0, start, length) for v in views] for views in (others, writes))
        lowering.add("loop", loop, (strip_rows, *operands), results, kernel.phase, **facts, folds=[])


MIN_ROUNDED_LENGTH = 16  # rows, columns and depth of a product from which on packing pairs of bfloat16 pays
MAX_DOT_ROWS = 8  # rows up to which a product is faster as dot products than with a packed right side
Factor = tuple[View, Sequence[int], Sequence[int], Sequence[int]]  # a view, its axes: stack, rows, columns
DotFactor = tuple[View, Sequence[int], Sequence[int]]  # a view, its axes: rows or columns, positions


def multiply(
    lowering: Lowering,
    node: Node,
    a: Factor,
    b: Factor,
    c: Factor,
    phase: int,
    mode: int = 0,
    *,
    is_rounded: bool = False,
) -> None:
    """Add the task of a batch of matrix products C = A B by tables.

    Args:
        a, b, c: a view each, with its axes that number the products, the rows and the columns. If C has no
            axes for the products, they are summed.
        mode: 1: C is added to.
        is_rounded: whether all numbers of A and B are those of bfloat16.
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

    pays = is_rounded and min(shape[1:]) >= MIN_ROUNDED_LENGTH
    starts = ((view, stack, shape[0]), (right, others, shape[0]), (c[0], c[1], shape[0]))
    lines = (
        (view, rows, shape[1]),
        (view, columns, shape[3]),
        (right, b[2], shape[3]),
        (c[0], c[2], shape[1]),
    )
    steps = [_single_step(factor, axes) for factor, axes, _ in lines]
    has_steps = not pays and None not in steps
    if has_steps:
        tables = [table(*of) for of in starts]
    else:
        tables = [table(*of) for of in (starts[0], *lines[:2], starts[1], lines[2], starts[2], lines[3])]
    mode |= 0 if c[1] else 2
    column = _single_step(right, right_columns)
    assert column is not None, "the columns of B have one stride"
    facts = {"shape": shape, "mode": mode, "column": column, "is_rounded": pays}
    facts["strides"] = tuple(steps) if has_steps else ()
    lowering.add("table_matmul", (node,), (view, right, *tables), (c[0],), phase, **facts)


def _single_step(view: View, axes: Sequence[int]) -> int | None:
    """Return the stride of some axes of a view, if they have one; that of a single element is 1."""
    lengths, (steps,) = collapse([view.shape[i] for i in axes], [[view.strides[i] for i in axes]])
    if len(lengths) > 1:
        return None
    return steps[0] if lengths else 1


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
    """Return the columns of the left factor (side 0) or the rows of the right one, as wide as the product."""
    step, along = factor.strides[1 - side], factor.strides[side]
    strides = (0, along) if side else (along, 0)
    offsets = (factor.offset + i * step for i in range(factor.shape[1 - side]))
    return [View(factor.buffer, product.shape, strides, offset) for offset in offsets]

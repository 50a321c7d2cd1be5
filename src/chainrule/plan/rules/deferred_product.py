"""Lowering of deferred products: gradients of large weights, computed after all microbatches.

A microbatch only stores its rows of the factors; ``passes/deferred_gradients.py`` decides which products are
deferred.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.graph import Node
from chainrule.ops.batch_axis import BATCH
from chainrule.plan.lowering import Lowering
from chainrule.plan.passes.deferred_gradients import DEFERRED
from chainrule.plan.passes.fused_loop import Kernel, memory_source
from chainrule.plan.views import View, sub_view
from chainrule.spec import size_at

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

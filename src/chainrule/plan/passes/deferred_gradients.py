"""Deferred gradients: gradients of large weights are products over the whole batch, computed after all
microbatches.

The gradient with respect to weights (m, n) is X^T D, summed over the batch. With microbatches, each adds its
share to sums as large as the weights, every replica has such sums, and at the end they are added. If the
weights are large and the batch is small in comparison, this moves far more memory than the factors take. Then
a microbatch only *stores* its rows of X and D, and after the loss is known the product runs once, over all
rows, divided among the replicas.

If a single loop reads the gradient, as the loop of an optimizer does, product and loop process the weights in
*strips*: some rows of the gradient are computed and used while they are in the cache, so no more of the
gradient than a strip is ever in memory. (An epilogue would not write even that, but it processes the weights
tile by tile, and the rows of a tile are a page of memory apart: it was a tenth slower.)
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.graph import Node
from chainrule.ops.array.shape import Transpose
from chainrule.ops.batch_axis import BATCH
from chainrule.plan.passes.fused_loop import Kernel, is_elementwise, memory_source
from chainrule.plan.rules.image_padding import sub_view
from chainrule.plan.tasks import AFTER
from chainrule.plan.views import View
from chainrule.spec import size_at

if TYPE_CHECKING:
    from chainrule.plan.lower import Lowering

MIN_RATIO = 2  # of the size of a gradient to that of its factors
STRIP_BYTES = 2 * 1024 * 1024  # of a gradient that are computed before they are used
DEFERRED = "deferred"  # origin of buffers that hold the factors' rows of all microbatches


def deferred_products(
    kernels: Sequence[Kernel], summed: Collection[Node], sizes: Mapping[str, int]
) -> set[Node]:
    """Return the sums over a batch whose computation is deferred: X^T D, summed over the batch.

    Args:
        kernels: all kernels; a sum that is read before the update is not deferred.
        summed: all sums over the batch.
        sizes: sizes of the whole batch.
    """
    if not summed:
        return set()
    products, min_ratio = set(), MIN_RATIO * size_at(BATCH, sizes)
    for node in summed:
        if node.op.name == "matmul" and node.rank == 2:
            (m, left_batch), (right_batch, n) = (source.shape for source in node.inputs)
            is_small = isinstance(m, int) and isinstance(n, int) and min_ratio * (m + n) <= m * n
            if is_small and left_batch == right_batch == BATCH:
                products.add(node)
    return {node for node in products if all(k.phase == AFTER for k in _readers(kernels, node))}


def defer(kernels: Sequence[Kernel], deferred: Collection[Node], outputs: Collection[Node]) -> list[Kernel]:
    """Return the kernels with a second one for each deferred product; the first then only stores its factors.

    Args:
        kernels: in the order in which they run.
        deferred: the deferred products.
        outputs: nodes that are outputs, and therefore written.
    """
    result = list(kernels)
    for home, node in [(k, n) for k in kernels for n in k.nodes if n in deferred]:
        readers = _readers(kernels, node)
        operand = _operand(readers[0], node) if len(readers) == 1 and node not in outputs else None
        if operand is not None:
            readers[0].product, readers[0].nodes = operand, [operand, *readers[0].nodes]
        else:
            product = replace(home, phase=AFTER, depth=-1)
            result.insert(result.index(readers[0]) if readers else len(result), product)
    return result


def _readers(kernels: Sequence[Kernel], node: Node) -> list[Kernel]:
    """Return the kernels that read a value, directly or through views."""
    return [k for k in kernels if any(memory_source(s) is node for n in k.nodes for s in n.inputs)]


def _operand(loop: Kernel, node: Node) -> Node | None:
    """Return the node by which a loop reads a product (itself or its transpose), or ``None`` if it reads
    others.
    """
    operands = {s for n in loop.nodes for s in n.inputs if memory_source(s) is node}
    supported = [s for s in operands if s is node or (isinstance(s.op, Transpose) and s.inputs[0] is node)]
    is_free = loop.is_loop and loop.product is None and all(map(is_elementwise, loop.nodes))
    return supported[0] if is_free and len(operands) == len(supported) == 1 else None


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


def factors(lowering: Lowering, node: Node) -> list[View]:
    """Return the factors of a deferred product, of all samples; for its transpose, transposed and
    exchanged.
    """
    if node.op.name == "matmul":
        return [lowering.deferred_factors[source] for source in node.inputs]
    return [
        lowering.deferred_factors[source].transposed((1, 0)) for source in reversed(node.inputs[0].inputs)
    ]


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

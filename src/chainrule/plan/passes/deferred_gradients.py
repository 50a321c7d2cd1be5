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

This pass selects the products; `plan/rules/matmul.py` lowers them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from chainrule.graph import Node
from chainrule.ops.array.shape import Transpose
from chainrule.ops.batch_axis import BATCH
from chainrule.plan.passes.elementwise_fusion import Kernel, is_elementwise, memory_source
from chainrule.plan.tasks import AFTER
from chainrule.symbolic_shape import size_at

MIN_RATIO = 2  # of the size of a gradient to that of its factors
DEFERRED = "deferred"  # origin of buffers that hold the factors' rows of all microbatches


def deferred_products(
    kernels: Sequence[Kernel], summed: Collection[Node], sizes: Mapping[str, int]
) -> set[Node]:
    """Return the sums over a batch whose computation is deferred: X^T D, summed over the batch.

    Args:
        kernels: all kernels; a sum that is read before the update is not deferred.
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
    """Return the node by which a loop reads a product (or its transpose); ``None`` if it reads others."""
    operands = {s for n in loop.nodes for s in n.inputs if memory_source(s) is node}
    supported = [s for s in operands if s is node or (isinstance(s.op, Transpose) and s.inputs[0] is node)]
    is_free = loop.is_loop and loop.product is None and all(map(is_elementwise, loop.nodes))
    return supported[0] if is_free and len(operands) == len(supported) == 1 else None

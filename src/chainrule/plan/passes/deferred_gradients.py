"""Gradients by large weights come late: as products over the whole batch, once all parts are done.

A gradient by weights (m, n) is X^T D, summed over the batch. In parts, each adds its share to sums as large
as the weights, every lane has such sums, and in the end they are added up. Where the weights are large and
the batch is small beside them, that moves far more memory than the factors take. Then a part only *keeps* its
rows of X and D, and after the loss is known the product runs once, over all rows, shared by the lanes.

Where a single loop reads it, as that of an optimizer does, product and loop go over the weights in *strips*:
some rows of the gradient are computed, and while they are in the cache they are used. Then no more of the
gradient than a strip is ever in memory. (An epilogue would not even write that, but it goes over the weights
tile by tile, and from row to row of a tile is a page of memory: it took a tenth longer.)
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
from chainrule.plan.passes.fused_loop import Kernel, is_elementwise, seen_through
from chainrule.plan.rules.convolution import part
from chainrule.plan.tasks import AFTER
from chainrule.plan.views import View
from chainrule.spec import size_at

if TYPE_CHECKING:
    from chainrule.plan.lower import Lowering

WORTH = 2  # how many times as large as its factors a gradient is, at least
STRIP = 2 * 1024 * 1024  # bytes of a gradient that are computed before they are used
KEPT = "kept"  # the origin of memory that holds the rows of all parts


def late_products(kernels: Sequence[Kernel], joined: Collection[Node], sizes: Mapping[str, int]) -> set[Node]:
    """The sums over a batch that are worth being computed late: X^T D, with the batch in between.

    Args:
        kernels: what is computed; a sum that is read before the update does not come late.
        joined: all sums over the batch.
        sizes: of the whole batch.
    """
    if not joined:
        return set()
    found, least = set(), WORTH * size_at(BATCH, sizes)
    for node in joined:
        if node.op.name == "matmul" and node.rank == 2:
            (m, before), (behind, n) = (source.shape for source in node.inputs)
            is_small = isinstance(m, int) and isinstance(n, int) and least * (m + n) <= m * n
            if is_small and before == behind == BATCH:
                found.add(node)
    return {node for node in found if all(k.phase == AFTER for k in _readers(kernels, node))}


def put_off(kernels: Sequence[Kernel], late: Collection[Node], shown: Collection[Node]) -> list[Kernel]:
    """The kernels, with a second one for each late product; the first then only keeps its factors.

    Args:
        kernels: in the order in which they run.
        late: what comes late.
        shown: what is handed out, and therefore written.
    """
    found = list(kernels)
    for home, node in [(k, n) for k in kernels for n in k.nodes if n in late]:
        readers = _readers(kernels, node)
        seen = _look(readers[0], node) if len(readers) == 1 and node not in shown else None
        if seen is not None:
            readers[0].product, readers[0].nodes = seen, [seen, *readers[0].nodes]
        else:
            product = replace(home, phase=AFTER, depth=-1)
            found.insert(found.index(readers[0]) if readers else len(found), product)
    return found


def _readers(kernels: Sequence[Kernel], node: Node) -> list[Kernel]:
    """The kernels that read a value, or a look at it."""
    return [k for k in kernels if any(seen_through(s) is node for n in k.nodes for s in n.inputs)]


def _look(loop: Kernel, node: Node) -> Node | None:
    """By what a loop reads a product: the product itself or its transpose, if it is one of these alone."""
    found = {s for n in loop.nodes for s in n.inputs if seen_through(s) is node}
    looks = [s for s in found if s is node or (isinstance(s.op, Transpose) and s.inputs[0] is node)]
    is_free = loop.is_loop and loop.product is None and all(map(is_elementwise, loop.nodes))
    return looks[0] if is_free and len(found) == len(looks) == 1 else None


def keep(low: Lowering, node: Node, phase: int) -> None:
    """The tasks by which a part keeps its rows of a late product's factors."""
    for source in node.inputs:
        if source in low.kept:
            continue
        shape, axis = low.shape(source), source.shape.index(BATCH)
        whole = tuple(size_at(n, low.whole) for n in source.shape)
        order = (axis, *(i for i in range(source.rank) if i != axis))
        low.kept[source] = low.ordered(whole, source.dtype, order, KEPT)
        rows = View(low.kept[source].buffer, shape, low.kept[source].strides)
        low.add("copy", (source,), (low.view(source, phase),), (rows,), phase)


def factors(low: Lowering, node: Node) -> list[View]:
    """What a late product multiplies, of all samples; those of its transpose are turned and change places."""
    if node.op.name == "matmul":
        return [low.kept[source] for source in node.inputs]
    return [low.kept[source].turned((1, 0)) for source in reversed(node.inputs[0].inputs)]


def in_strips(
    low: Lowering, kernel: Kernel, reads: Sequence[View], writes: Sequence[View], facts: Mapping[str, Any]
) -> None:
    """The tasks of a late product and the loop that reads it, strip by strip.

    Args:
        kernel: the loop, with the product among its nodes.
        reads: the factors, then what else the loop reads.
        writes: of the loop.
        facts: of the loop's task; the product is the first of its operands.
    """
    product = kernel.product
    assert product is not None
    (a, b, *others), (m, n) = reads, kernel.shape
    rows = min(m, max(1, STRIP // max(n * np.dtype(product.dtype).itemsize, 1)))
    count = math.ceil(m / rows)
    strip = low.new((math.ceil(m / count), n), product.dtype)
    loop = [node for node in kernel.nodes if node is not product]
    for i in range(count):
        start = m * i // count
        length = m * (i + 1) // count - start
        made = part(strip, 0, 0, length)
        low.add("matmul", (product,), (part(a, 0, start, length), b), (made,), kernel.phase)
        read, written = ([part(v, 0, start, length) for v in views] for views in (others, writes))
        low.add("loop", loop, (made, *read), written, kernel.phase, **facts, last=[])

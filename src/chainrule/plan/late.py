"""Gradients by large weights come late: as products over the whole batch, once all parts are done.

A gradient by weights (m, n) is X^T D, summed over the batch. In parts, each adds its share to sums as large
as the weights, every lane has such sums, and in the end they are added up. Where the weights are large and
the batch is small beside them, that moves far more memory than the factors take. Then a part only *keeps* its
rows of X and D, and after the loss is known the product runs once, over all rows, shared by the lanes. Where
a single loop reads it, as that of a plain optimizer does, the loop is its epilogue: the gradient goes from
registers into the new weights and is never written.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from chainrule.graph import Node
from chainrule.ops.batch import BATCH
from chainrule.ops.shape import Transpose
from chainrule.plan.epilogue import fits, is_epilogue
from chainrule.plan.loop import Kernel, seen_through
from chainrule.plan.task import AFTER
from chainrule.plan.view import View
from chainrule.spec import bound, size_at

if TYPE_CHECKING:
    from chainrule.plan.lower import Lowering

WORTH = 2  # how many times as large as its factors a gradient is, at least
KEPT = "kept"  # the origin of memory that holds the rows of all parts


def late_products(kernels: Sequence[Kernel], joined: Collection[Node], sizes: Mapping[str, int]) -> set[Node]:
    """The sums over a batch that are worth being computed late: X^T D, with the batch in between.

    Args:
        kernels: what is computed; a sum that is read before the update does not come late.
        joined: all sums over the batch.
        sizes: of the whole batch.
    """
    found = set()
    for node in joined:
        if node.op.name == "matmul" and node.rank == 2:
            (m, before), (behind, n) = (source.shape for source in node.inputs)
            is_plain = before == behind == BATCH and isinstance(m, int) and isinstance(n, int)
            if is_plain and WORTH * size_at(BATCH, sizes) * (m + n) <= m * n:
                found.add(node)
    return {node for node in found if all(k.phase == AFTER for k in _readers(kernels, node))}


def put_off(
    kernels: Sequence[Kernel], late: Collection[Node], shown: Collection[Node], sizes: Mapping[str, int]
) -> list[Kernel]:
    """The kernels, with a second one for each late product; the first then only keeps its factors.

    Args:
        kernels: in the order in which they run.
        late: what comes late.
        shown: what is handed out, and therefore written.
        sizes: of the whole batch.
    """
    found = list(kernels)
    for home, node in [(k, n) for k in kernels for n in k.nodes if n in late]:
        product, readers = replace(home, phase=AFTER, depth=-1), _readers(kernels, node)
        loop = readers[0] if readers else None
        seen = None if loop is None or node in shown else _look(loop, node)
        if loop is not None and seen is not None and _is_epilogue(loop, seen, product, readers, sizes):
            loop.product, loop.nodes = seen, [seen, *loop.nodes]
        else:
            found.insert(len(found) if loop is None else found.index(loop), product)
    return found


def _readers(kernels: Sequence[Kernel], node: Node) -> list[Kernel]:
    """The kernels that read a value, or a look at it."""
    return [k for k in kernels if any(seen_through(s) is node for n in k.nodes for s in n.inputs)]


def _look(loop: Kernel, node: Node) -> Node | None:
    """By what a loop reads a product: the product itself or its transpose, if it is one of these alone."""
    found = {s for n in loop.nodes for s in n.inputs if seen_through(s) is node}
    looks = [s for s in found if s is node or (isinstance(s.op, Transpose) and s.inputs[0] is node)]
    return looks[0] if len(found) == len(looks) == 1 else None


def _is_epilogue(
    loop: Kernel, seen: Node, product: Kernel, readers: Sequence[Kernel], sizes: Mapping[str, int]
) -> bool:
    rows, wide = bound(seen.shape)
    return fits(rows, size_at(BATCH, sizes), wide) and is_epilogue(loop, seen, product, readers)


def factors(low: Lowering, node: Node) -> list[View]:
    """What a late product multiplies, of all samples; those of its transpose are turned and change places."""
    if node.op.name == "matmul":
        return [low.kept[source] for source in node.inputs]
    return [low.kept[source].turned((1, 0)) for source in reversed(node.inputs[0].inputs)]


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

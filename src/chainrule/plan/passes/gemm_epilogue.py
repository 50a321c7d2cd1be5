"""Epilogues: loops that process the result of a matrix product while it is in registers.

Bias and activation follow a product; in the backward pass, so does the activation's derivative. As a loop of
its own such a chain would read from memory what the product has just written. Instead the product runs in
place of the loop and passes each tile to it as soon as it is finished; what no other kernel reads is never
written.

There are three conditions. All other readers of the product run later than the loop, because the product is
delayed to it. The chain is short and consists of simple operations, because it is generated once for each
tile size. And the product has many rows, columns in full tiles and a depth that is summed in one piece. All
of them concern the whole batch and not a microbatch, so full and short microbatches have the same kernels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from chainrule.graph import Node
from chainrule.plan.passes.elementwise_fusion import Kernel, memory_source
from chainrule.plan.tasks import AFTER
from chainrule.symbolic_shape import size_at

DEEP = 256  # numbers of a row of A that a product sums in one piece
MIN_ROWS = 20  # of the result, from which on all rows are in large tiles
COLUMN_MULTIPLE = 32  # fills the tiles of every processor
MAX_OPERATIONS = 8
SIMPLE = frozenset(
    (
        "add subtract multiply divide negative square abs maximum minimum relu less less_equal greater "
        "greater_equal where clip cast stop_gradient"
    ).split()
)
"""Operations of a few instructions each."""


def fuse_epilogues(kernels: Sequence[Kernel], sizes: Mapping[str, int]) -> list[Kernel]:
    """Return the kernels, in order, with products moved into the loops that are their epilogues.

    Args:
        kernels: in the order in which they run.
        sizes: sizes of the whole batch.
    """
    home = {node: kernel for kernel in kernels for node in kernel.nodes}
    readers: dict[Node, list[Kernel]] = {}
    for kernel in kernels:
        for source in (memory_source(s) for node in kernel.nodes for s in node.inputs):
            readers.setdefault(source, []).append(kernel)
    moved = set()
    for node in (n for n in home if _supports_epilogue(n, sizes)):
        loop = min(readers.get(node, ()), key=lambda k: (k.phase, k.depth), default=None)
        if loop is not None and _is_epilogue(loop, node, home[node], readers[node]):
            loop.product, loop.nodes = node, [node, *loop.nodes]
            moved.add(home[node])
    return [kernel for kernel in kernels if kernel not in moved]


def _supports_epilogue(node: Node, sizes: Mapping[str, int]) -> bool:
    """Return whether a node is a product whose kernel can have an epilogue."""
    if node.op.name != "matmul" or node.rank != 2:
        return False
    depth, columns = node.inputs[0].shape[-1], node.shape[-1]
    fits = (
        isinstance(depth, int)
        and depth <= DEEP
        and isinstance(columns, int)
        and columns % COLUMN_MULTIPLE == 0
    )
    return fits and size_at(node.shape[0], sizes) >= MIN_ROWS


def _is_epilogue(loop: Kernel, node: Node, home: Kernel, readers: Sequence[Kernel]) -> bool:
    """Return whether a product may move into the first loop that reads it."""
    if not loop.is_loop or loop.product is not None or loop.phase != home.phase or loop.phase == AFTER:
        return False
    is_first = all(k is loop or (k.phase, k.depth) > (loop.phase, loop.depth) for k in readers)
    is_direct = all(s is node for n in loop.nodes for s in _operands(n, node))
    is_simple = len(loop.nodes) <= MAX_OPERATIONS and all(n.op.name in SIMPLE for n in loop.nodes)
    return is_first and is_direct and is_simple


def _operands(reader: Node, node: Node) -> Iterator[Node]:
    """Return the inputs by which a node reads another, directly or through views."""
    return (source for source in reader.inputs if memory_source(source) is node)

"""Which loops become the epilogue of a product of matrices: its numbers go through them in registers.

Bias and activation follow a product, and so does the activation's slope in the product of the way back. As a
loop of its own such a chain would read from memory what the product has just written there. Instead the
product runs where its loop did, and hands each tile on as soon as it is finished; what nobody else reads is
never written.

Three things are asked. Everything else that reads the product comes later than the loop, because the product
now comes as late. The chain is short and of simple operations, because it is written out once for each size
of tile. And the product has many rows, columns in whole tiles and a depth that is summed up in one go. These
are questions about the whole batch and not about a part of it: a step's full and short parts run alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from chainrule.graph import Node
from chainrule.plan.passes.fused_loop import Kernel, seen_through
from chainrule.plan.tasks import AFTER
from chainrule.spec import size_at

DEEP = 256  # numbers of a row of A that a product sums up in one go
ROWS = 20  # of the result, from which on all of them lie in large tiles
WIDE = 32  # columns: a multiple fills the tiles of every processor
LONGEST = 8  # operations
SIMPLE = frozenset({
    "add", "subtract", "multiply", "divide", "negative", "square", "abs", "maximum", "minimum", "relu",
    "less", "less_equal", "greater", "greater_equal", "where", "clip", "cast", "stop_gradient",
})  # fmt: skip
"""Operations of a few instructions each."""


def take_up(kernels: Sequence[Kernel], sizes: Mapping[str, int]) -> list[Kernel]:
    """The kernels, in order, with the products that have an epilogue moved into it.

    Args:
        kernels: in the order in which they run.
        sizes: of the whole batch.
    """
    home = {node: kernel for kernel in kernels for node in kernel.nodes}
    readers: dict[Node, list[Kernel]] = {}
    for kernel in kernels:
        for source in (seen_through(s) for node in kernel.nodes for s in node.inputs):
            readers.setdefault(source, []).append(kernel)
    moved = set()
    for node in (n for n in home if _is_able(n, sizes)):
        loop = min(readers.get(node, ()), key=lambda k: (k.phase, k.depth), default=None)
        if loop is not None and _is_epilogue(loop, node, home[node], readers[node]):
            loop.product, loop.nodes = node, [node, *loop.nodes]
            moved.add(home[node])
    return [kernel for kernel in kernels if kernel not in moved]


def _is_able(node: Node, sizes: Mapping[str, int]) -> bool:
    """Whether a node is a product whose kernel can have an epilogue."""
    if node.op.name != "matmul" or node.rank != 2:
        return False
    deep, wide = node.inputs[0].shape[-1], node.shape[-1]
    is_fit = isinstance(deep, int) and deep <= DEEP and isinstance(wide, int) and wide % WIDE == 0
    return is_fit and size_at(node.shape[0], sizes) >= ROWS


def _is_epilogue(loop: Kernel, node: Node, home: Kernel, readers: Sequence[Kernel]) -> bool:
    """Whether a product may move into the first loop that reads it."""
    if not loop.is_loop or loop.product is not None or loop.phase != home.phase or loop.phase == AFTER:
        return False
    is_first = all(k is loop or (k.phase, k.depth) > (loop.phase, loop.depth) for k in readers)
    is_direct = all(s is node for n in loop.nodes for s in _looks_at(n, node))
    is_simple = len(loop.nodes) <= LONGEST and all(n.op.name in SIMPLE for n in loop.nodes)
    return is_first and is_direct and is_simple


def _looks_at(reader: Node, node: Node) -> Iterator[Node]:
    """The inputs by which a node reads another, perhaps in another shape."""
    return (source for source in reader.inputs if seen_through(source) is node)

"""How many rows are answered at a time, where a graph answers each row apart from all others.

A net that only answers needs no sums over the batch: any rows can be computed on their own, by any thread.
They are taken in portions of a fixed size, so that a row's bits never depend on how many threads there are:
few enough that threads find work and memory stays small, many enough that a product of matrices is worth its
name and that reading the weights once for each portion costs little (measured: 64 rows take 1.0 to 1.1 times
as long as all at once, 8 rows 1.5 to 2.5 times).
"""

from __future__ import annotations

from chainrule.graph import Graph, Node
from chainrule.ops.batch_axis import BATCH, roles
from chainrule.plan.passes.memory_layout import FROM, SEEDS
from chainrule.plan.plan import plan
from chainrule.records import frozen

LEAST, MOST = 8, 64  # rows of a portion; of images at least so many that samples lie innermost
ROOM = 4 * 2**20  # bytes that lie between the inputs and the answers of a portion
WORTH_APART = 1_000_000  # flops below which a batch is not taken apart: handing it to threads costs more


@frozen
class Portion:
    """Rows that are answered at a time.

    Args:
        rows: how many.
        pays: from how many rows on a batch is taken in portions.
    """

    rows: int
    pays: int


def portion(graph: Graph) -> Portion | None:
    """How many rows are answered at a time; ``None`` where all must be seen at once.

    Example:
        >>> import chainrule as cr
        >>> x = cr.input("x", (None, 4))
        >>> portion(Graph({"y": cr.relu(x) * 2.0}))
        Portion(rows=64, pays=125000)
        >>> portion(Graph({"y": x - x.mean(0)}))
    """
    if not is_apart(graph):
        return None
    least = FROM if any(node.op.name in SEEDS for node in graph.nodes) else LEAST
    trial = plan(graph, {"B": least})
    fits = ROOM * least // max(trial.layout.size, 1)
    rows = next(n for n in (MOST, MOST // 2, MOST // 4, least) if n <= fits or n == least)
    return Portion(rows, max(rows + 1, WORTH_APART * least // max(trial.flops, 1)))


def is_apart(graph: Graph) -> bool:
    """Whether each row of every output depends on the same row of the inputs alone."""
    for node in graph.inputs.values():
        known = [isinstance(n, int) for n in node.shape]
        if not all(known[1:]) or (node.shape and not known[0] and node.shape[0] != BATCH):
            return False
    if any(node.op.name in ("uniform", "normal") or _counts_rows(node) for node in graph.nodes):
        return False  # random numbers are drawn by place in the batch
    found = roles(graph.nodes)
    is_joined = any(role.kind == "joined" for role in found.values())
    return not is_joined and all(
        found[node].axis == 0 and node.shape[0] == BATCH for node in graph.outputs.values()
    )


def _counts_rows(node: Node) -> bool:
    """Whether a node is a number of elements that grows with the batch, such as the divisor of a mean over
    it."""
    if node.op.name != "extent":
        return False
    shape = node.inputs[0].shape
    return not all(isinstance(shape[axis], int) for axis in node.op.attributes["axes"])

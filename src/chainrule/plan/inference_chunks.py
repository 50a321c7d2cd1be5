"""Inference chunks: number of rows that are computed at a time if no row depends on another.

A graph for inference needs no sums over the batch, so any rows can be computed separately, by any thread.
They are computed in chunks of a fixed size, so that the bits of a row do not depend on the number of threads:
small enough that all threads have work and memory stays small, large enough that matrix products are
efficient and that reading the weights for each chunk costs little (measured: 64 rows take 1.0 to 1.1 times as
long as all at once, 8 rows 1.5 to 2.5 times).
"""

from __future__ import annotations

from chainrule.graph import Graph, Node
from chainrule.ops.batch_axis import BATCH, roles
from chainrule.plan.passes.axis_layout import MIN_INNER_SAMPLES, WINDOW_OPS
from chainrule.plan.plan import plan
from chainrule.records import frozen

MIN_ROWS, MAX_ROWS = 8, 64  # of a chunk; of images at least MIN_INNER_SAMPLES
MAX_BYTES = 4 * 2**20  # of the intermediate values of a chunk
MIN_FLOPS = 1_000_000  # of a batch, below which passing chunks to threads costs more than it saves


@frozen
class Chunk:
    """Rows that are computed at a time.

    Args:
        min_batch: batch size from which on a batch is computed in chunks.
    """

    rows: int
    min_batch: int


def inference_chunk(graph: Graph) -> Chunk | None:
    """Return how many rows are computed at a time, or ``None`` if all rows must be computed at once.

    Example:
        >>> import chainrule as cr
        >>> x = cr.input("x", (None, 4))
        >>> inference_chunk(Graph({"y": cr.relu(x) * 2.0}))
        Chunk(rows=64, min_batch=125000)
        >>> inference_chunk(Graph({"y": x - x.mean(0)}))
    """
    if not has_independent_rows(graph):
        return None
    min_rows = MIN_INNER_SAMPLES if any(node.op.name in WINDOW_OPS for node in graph.nodes) else MIN_ROWS
    trial = plan(graph, {"B": min_rows})
    fitting_rows = MAX_BYTES * min_rows // max(trial.layout.size, 1)
    rows = next(
        n for n in (MAX_ROWS, MAX_ROWS // 2, MAX_ROWS // 4, min_rows) if n <= fitting_rows or n == min_rows
    )
    return Chunk(rows, max(rows + 1, MIN_FLOPS * min_rows // max(trial.flops, 1)))


def has_independent_rows(graph: Graph) -> bool:
    """Return whether each row of every output depends only on the same row of the inputs."""
    for node in graph.inputs.values():
        known = [isinstance(n, int) for n in node.shape]
        if not all(known[1:]) or (node.shape and not known[0] and node.shape[0] != BATCH):
            return False
    if any(node.op.name in ("uniform", "normal") or _counts_rows(node) for node in graph.nodes):
        return False  # random numbers depend on the position in the batch
    roles_of = roles(graph.nodes)
    has_sums = any(role.kind == "reduced" for role in roles_of.values())
    return not has_sums and all(
        roles_of[node].axis == 0 and node.shape[0] == BATCH for node in graph.outputs.values()
    )


def couples_rows(graph: Graph) -> bool:
    """Return whether a row of an output depends on other rows: its rows cannot be computed in parts.

    Lengths besides the batch may be symbolic. Random numbers do not count: those of a part of the rows are
    others of the same distribution.

    Example:
        >>> import chainrule as cr
        >>> x = cr.input("x", (None, 4))
        >>> couples_rows(Graph({"y": x - x.mean(0)})), couples_rows(Graph({"y": x.mean(1)}))
        (True, False)
    """
    roles_of = roles(graph.nodes)
    if any(role.kind == "reduced" for role in roles_of.values()) or any(map(_counts_rows, graph.nodes)):
        return True
    return any(
        roles_of[node].axis not in (None, 0) or node.shape[:1] != (BATCH,) for node in graph.outputs.values()
    )


def _counts_rows(node: Node) -> bool:
    """Return whether a node counts elements of the batch, such as the divisor of a batch mean."""
    if node.op.name != "extent":
        return False
    shape = node.inputs[0].shape
    return not all(isinstance(shape[axis], int) for axis in node.op.attributes["axes"])

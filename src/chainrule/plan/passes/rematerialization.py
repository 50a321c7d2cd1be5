"""Rematerialization: values that only the backward pass needs are freed and recomputed before they are read
again.

Between forward and backward pass a value waits in memory, and a deep network has hundreds of them. Many are
cheap: an activation is a few operations on the weighted sum, a normalization a few on its input, which also
waits. A loop of the forward pass therefore runs a second time just before its results are read again, into
new memory, and the first result is freed in between.

    forward   z = x W          y = gelu(z), s = gelu'(z)     next = y V
    ...       only z waits
    backward  y = gelu(z), s = gelu'(z)                      dV = y^T dnext,  dz = (dnext V^T) s

The graph does not change: the same nodes are computed by two kernels, and later readers read what the second
one wrote. This differs from ``ops.recomputation``, with which the user requests that whole segments,
including products, are recomputed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

import numpy as np

from chainrule.graph import Graph, Node
from chainrule.ops.elementwise.cast_and_stop_gradient import Extent
from chainrule.plan.passes.elementwise_fusion import Kernel, is_elementwise, is_leaf, memory_source
from chainrule.plan.passes.reduction_and_loop_fusion import RECOMPUTABLE, is_fusible

MIN_BYTES = 2**20  # of a batch, from which on a value is worth freeing
MAX_COST = 3  # at least a third of the freed bytes must not be needed for longer-lived sources
MIN_GAP = 12  # kernels between two readers of a value
MAX_EXPENSIVE = 4  # operations of one loop that take longer than reading a number
MAX_OPERATIONS = 24  # of one loop


def rematerialize(kernels: Sequence[Kernel], graph: Graph, batch_counts: Mapping[Node, int]) -> list[Kernel]:
    """Return the kernels, with those that recompute values.

    Args:
        kernels: in the order in which they run.
        batch_counts: the number of elements of every node, for the whole batch.
    """
    position = {node: i for i, node in enumerate(graph.nodes)}
    reads = _reads(kernels)
    for node in map(memory_source, graph.outputs.values()):
        reads[node] = []  # outputs are not freed
    twins: dict[int, list[Kernel]] = {}
    for i, kernel in enumerate(kernels):
        waiting = _waiting(i, kernels, reads, batch_counts) if is_fusible(kernel) else {}
        chain = sorted(_chain(kernel, waiting), key=position.__getitem__)
        if not waiting or not _is_cheap(chain):
            continue
        at = min(waiting.values())
        sources = {memory_source(s) for node in chain for s in node.inputs}.difference(chain)
        extended = [s for s in sources if not is_leaf(s) and max(reads[s], default=at) < at]
        if _is_worth_it(
            [_bytes(n, batch_counts) for n in waiting], [_bytes(s, batch_counts) for s in extended]
        ):
            twin = Kernel(chain, kernel.shape, kernel.phase, kernels[at].depth, True, sources)
            twin.recomputed = frozenset(waiting)
            twins.setdefault(at, []).append(twin)
            for source in extended:
                reads[source].append(at)
    return [k for i, kernel in enumerate(kernels) for k in (*twins.get(i, ()), kernel)]


def _reads(kernels: Sequence[Kernel]) -> dict[Node, list[int]]:
    """Return the indices of the kernels that read each value from memory, in order."""
    readers: dict[Node, list[int]] = {}
    for i, kernel in enumerate(kernels):
        inside = set(kernel.nodes)
        nodes = [node for node in kernel.nodes if not isinstance(node.op, Extent)]
        sources = (s for node in nodes for s in node.inputs if s not in inside)
        for source in dict.fromkeys(map(memory_source, sources)):
            readers.setdefault(source, []).append(i)
    return readers


def _waiting(
    i: int, kernels: Sequence[Kernel], reads: Mapping[Node, Sequence[int]], batch_counts: Mapping[Node, int]
) -> dict[Node, int]:
    """Return the large values of a loop that wait for long, with the index of the kernel that reads each."""
    waiting: dict[Node, int] = {}
    for node in kernels[i].nodes:
        readers = [reader for reader in reads.get(node, ()) if reader > i]
        if not is_elementwise(node) or _bytes(node, batch_counts) < MIN_BYTES or not readers:
            continue
        gaps = [(after - before, after) for before, after in pairwise([i, *readers])]
        gap, after = max(gaps)
        is_concatenated = any(n.op.name == "concatenate" for reader in readers for n in kernels[reader].nodes)
        if gap >= MIN_GAP and kernels[after].phase == kernels[i].phase and not is_concatenated:
            waiting[node] = after
    return waiting


def _chain(kernel: Kernel, waiting: Collection[Node]) -> set[Node]:
    """Return the operations of a loop that lead to some of its values."""
    chain, inside = set(waiting), set(kernel.nodes)
    for node in reversed(kernel.nodes):
        if node in chain:
            chain.update(inside.intersection(node.inputs))
    return chain


def _is_cheap(chain: Sequence[Node]) -> bool:
    """Return whether operations take no longer than the memory traffic that they replace."""
    expensive = sum(node.op.name not in RECOMPUTABLE for node in chain)
    return len(chain) <= MAX_OPERATIONS and expensive <= MAX_EXPENSIVE and all(map(is_elementwise, chain))


def _is_worth_it(freed: Sequence[int], extended: Sequence[int]) -> bool:
    """Return whether enough memory is freed, given that other values live longer."""
    return MAX_COST * (sum(freed) - sum(extended)) >= sum(freed)


def _bytes(node: Node, batch_counts: Mapping[Node, int]) -> int:
    return batch_counts[node] * np.dtype(node.dtype).itemsize

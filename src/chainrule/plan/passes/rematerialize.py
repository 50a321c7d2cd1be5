"""Values that wait for the way back are dropped, and computed anew shortly before they are wanted again.

Between the way forward and the way back a value waits in memory, and a deep net waits with hundreds. Many of
them are cheap: the numbers of an activation are a few operations on the weighted sum, those of a
normalisation a few on what entered it, and that waits too. So a loop of the way forward is run a second time
just before its results are read again, into new memory, and the old is free in between.

    forward   z = x W          y = gelu(z), s = slope(z)     next = y V
    ...       only z waits
    back      y = gelu(z), s = slope(z)                      dV = y^T dnext,  dz = (dnext V^T) s

The graph knows nothing of it: the same nodes are computed by two kernels, and those that read later read what
the second wrote. That differs from ``ops.remat``, where a person asks for whole stretches, products and all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

import numpy as np

from chainrule.graph import Graph, Node
from chainrule.ops.elementwise.dtype import Extent
from chainrule.plan.passes.fused_loop import Kernel, is_elementwise, is_leaf, seen_through
from chainrule.plan.passes.fusion import AGAIN, is_open

LARGE = 2**20  # bytes of a batch from which on a value is worth being dropped
SPARED = 3  # of so many bytes that wait, one at least must be spared
LONG = 12  # kernels that lie between two readers of a value, if it is worth it
DEAR = 4  # operations of one loop that take longer than reading a number
LONGEST = 24  # operations of one loop that are computed anew


def anew(kernels: Sequence[Kernel], graph: Graph, many: Mapping[Node, int]) -> list[Kernel]:
    """The kernels, with those that compute values for the second time.

    Args:
        kernels: in the order in which they run.
        graph: what they compute.
        many: how many numbers every node has, of the whole batch.
    """
    place = {node: i for i, node in enumerate(graph.nodes)}
    reads = _reads(kernels)
    for node in map(seen_through, graph.outputs.values()):
        reads[node] = []  # what is handed out waits for nobody
    twins: dict[int, list[Kernel]] = {}
    for i, kernel in enumerate(kernels):
        waiting = _waiting(i, kernels, reads, many) if is_open(kernel) else {}
        chain = sorted(_chain(kernel, waiting), key=place.__getitem__)
        if not waiting or not _is_cheap(chain):
            continue
        at = min(waiting.values())
        sources = {seen_through(s) for node in chain for s in node.inputs}.difference(chain)
        longer = [s for s in sources if not is_leaf(s) and max(reads[s], default=at) < at]
        if _is_worth_it([_bytes(n, many) for n in waiting], [_bytes(s, many) for s in longer]):
            twin = Kernel(chain, kernel.shape, kernel.phase, kernels[at].depth, True, sources)
            twin.anew = frozenset(waiting)
            twins.setdefault(at, []).append(twin)
            for source in longer:
                reads[source].append(at)
    return [k for i, kernel in enumerate(kernels) for k in (*twins.get(i, ()), kernel)]


def _reads(kernels: Sequence[Kernel]) -> dict[Node, list[int]]:
    """Which kernels read each value from memory, by their places, in order."""
    found: dict[Node, list[int]] = {}
    for i, kernel in enumerate(kernels):
        inside = set(kernel.nodes)
        nodes = [node for node in kernel.nodes if not isinstance(node.op, Extent)]
        sources = (s for node in nodes for s in node.inputs if s not in inside)
        for source in dict.fromkeys(map(seen_through, sources)):
            found.setdefault(source, []).append(i)
    return found


def _waiting(
    i: int, kernels: Sequence[Kernel], reads: Mapping[Node, Sequence[int]], many: Mapping[Node, int]
) -> dict[Node, int]:
    """The large values of a loop that wait for long, and for which kernel."""
    found: dict[Node, int] = {}
    for node in kernels[i].nodes:
        places = [place for place in reads.get(node, ()) if place > i]
        if not is_elementwise(node) or _bytes(node, many) < LARGE or not places:
            continue
        gaps = [(after - before, after) for before, after in pairwise([i, *places])]
        long, after = max(gaps)
        is_joined = any(n.op.name == "concatenate" for place in places for n in kernels[place].nodes)
        if long >= LONG and kernels[after].phase == kernels[i].phase and not is_joined:
            found[node] = after
    return found


def _chain(kernel: Kernel, waiting: Collection[Node]) -> set[Node]:
    """The operations of a loop that lead to some of its values."""
    found, inside = set(waiting), set(kernel.nodes)
    for node in reversed(kernel.nodes):
        if node in found:
            found.update(inside.intersection(node.inputs))
    return found


def _is_cheap(chain: Sequence[Node]) -> bool:
    """Whether operations take no longer than memory would."""
    dear = sum(node.op.name not in AGAIN for node in chain)
    return len(chain) <= LONGEST and dear <= DEAR and all(map(is_elementwise, chain))


def _is_worth_it(dropped: Sequence[int], longer: Sequence[int]) -> bool:
    """Whether enough memory is spared, where other values have to wait longer for it."""
    return SPARED * (sum(dropped) - sum(longer)) >= sum(dropped)


def _bytes(node: Node, many: Mapping[Node, int]) -> int:
    return many[node] * np.dtype(node.dtype).itemsize

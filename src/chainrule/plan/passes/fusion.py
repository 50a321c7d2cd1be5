"""Fewer walks through memory: loops end in reductions, go together, and compute values again.

A value as large as a batch is dear to write and dear to read, an operation on it that is in a register costs
next to nothing. Three rules follow, each applied to the kernels of a graph after the other.

*Take in.* A reduction of what a loop computes, or of what it reads anyway, is taken into the loop: the
numbers are added up as they come by. Unless somebody else wants them they are never written.

*Together.* Loops of one shape that read the same large value become one, when nobody needs the results of the
earlier one before the later one runs. A loop that could run early waits, if that saves a walk.

*Again.* A value that only loops read is computed again by each of them, when that takes a few simple
operations on what lies in memory in any case: ``x - mean`` is cheaper to compute twice than to write once.

Example, a normalisation, ``(x - m) r`` with ``m = mean(x)`` and ``r = 1 / sqrt(mean((x - m)^2))``: operation
by operation that is a walk for the sum, one for ``x - m`` and its square, one for the sum of that and one for
the product, and two values as large as ``x`` are written. By these rules it is three walks, for the sum, the
sum of squares and the result, and nothing is written but that.

Products whose numbers a loop takes from registers (see ``epilogue``) are left as they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chainrule.graph import Graph, Node
from chainrule.ops.array.reduction import ReduceMax, ReduceMin, ReduceSum
from chainrule.ops.elementwise.dtype import Extent
from chainrule.ops.linear.patches import Fold
from chainrule.plan.passes.fused_loop import MOST, WIDEST, Kernel, is_elementwise, is_layout, seen_through
from chainrule.plan.passes.gemm_epilogue import SIMPLE
from chainrule.plan.tasks import AFTER

AGAIN = SIMPLE.union(("equal", "not_equal", "logical_and", "logical_or", "logical_not")) - {"divide"}
"""Operations that are computed again; a division takes as long as reading a number."""
LONGEST = 8  # operations that are computed again for one value
SAVED = 2  # walks that a value costs which is written: memory is read before it is written over
WORTH = 4096  # numbers of a batch from which on a walk takes longer than the calls it is replaced by
FLOATS = ("float32", "float64")


def is_reduction(node: Node) -> bool:
    """Whether a loop can end in the node: a sum, a largest or smallest, or windows that are put back."""
    return isinstance(node.op, ReduceSum | ReduceMax | ReduceMin | Fold) and node.dtype in FLOATS


def lighten(
    kernels: Sequence[Kernel],
    graph: Graph,
    shapes: Mapping[Node, tuple[int, ...]],
    many: Mapping[Node, int],
) -> list[Kernel]:
    """The kernels of a graph with fewer walks through memory.

    Args:
        kernels: in the order in which they run.
        graph: what they compute.
        shapes: the concrete shape of every node.
        many: how many numbers every node has, of the whole batch; by it is decided what is large, so that
            full and short parts run alike.
    """
    traffic = Traffic(list(kernels), graph, shapes, many)
    for kernel in kernels:
        if len(kernel.nodes) == 1 and is_reduction(kernel.nodes[0]):
            traffic.take_in(kernel)
    traffic.compute_again()
    for kernel in [k for k in traffic.kernels if is_open(k)]:
        traffic.bring_together(kernel)
    traffic.compute_again()
    return traffic.finished()


def is_open(kernel: Kernel) -> bool:
    """Whether a kernel is a loop, and not the epilogue of a product."""
    return kernel.is_loop and kernel.product is None


@dataclass(eq=False)
class Traffic:
    """Who reads what.

    Args:
        kernels: in the order in which they run.
        graph: what they compute.
        shapes: the concrete shape of every node.
        many: how many numbers every node has, of the whole batch.
    """

    kernels: list[Kernel]
    graph: Graph
    shapes: Mapping[Node, tuple[int, ...]]
    many: Mapping[Node, int]
    home: dict[Node, Kernel] = field(init=False)
    readers: dict[Node, dict[Kernel, None]] = field(init=False)
    looked_at: set[Node] = field(init=False)

    def __post_init__(self) -> None:
        self.place = {node: i for i, node in enumerate(self.graph.nodes)}
        self._survey()
        # What is handed out, or looked at in another shape, lies in memory in any case.
        self.looked_at = {seen_through(node) for node in self.graph.outputs.values()}
        self.looked_at |= {seen_through(node) for node in self.graph.nodes if is_layout(node)}

    def _survey(self) -> None:
        """Find out anew what is computed where (first), and who reads it."""
        self.home = {node: kernel for kernel in reversed(self.kernels) for node in kernel.nodes}
        self.readers = {}
        for kernel in self.kernels:
            self._reads(kernel, kernel.nodes)

    def _reads(self, kernel: Kernel, nodes: Sequence[Node]) -> None:
        for node in (n for n in nodes if not isinstance(n.op, Extent)):  # a length is no value
            for source in map(seen_through, node.inputs):
                self.readers.setdefault(source, {})[kernel] = None

    def _is_large(self, source: Node, loop: Kernel) -> bool:
        """Whether a loop that reads a value reads as many numbers as it computes."""
        first = loop.nodes[0]
        return (
            self.many[seen_through(source)] >= self.many[first if is_elementwise(first) else first.inputs[0]]
        )

    # --- take in

    def take_in(self, kernel: Kernel) -> None:
        """Move a reduction into the loop that computes what it reduces, or into one that reads it too."""
        (node,) = kernel.nodes
        (source,) = node.inputs
        home = self.home.get(source)
        if self.many[source] < WORTH:
            return
        if home is not None and is_elementwise(source):
            if is_open(home) and home.phase == kernel.phase and not self._is_stored(source, home):
                self._move(kernel, home)
            return
        until = min(
            (k.depth for k in self.readers.get(node, ()) if k.phase == kernel.phase), default=math.inf
        )
        for loop in sorted(self.readers[seen_through(source)], key=lambda k: k.depth):
            fits = is_open(loop) and loop.phase == kernel.phase and loop.shape == self.shapes[source]
            reads = fits and any(source in n.inputs for n in loop.nodes if n not in kernel.nodes)
            if reads and loop.depth < until:
                self._move(kernel, loop)
                return

    def _is_stored(self, node: Node, home: Kernel) -> bool:
        """Whether others than loops and reductions read a value, so that it is written in any case."""
        others = self._others(node, home)
        return node in self.looked_at or not all(is_open(k) or is_reduction(k.nodes[0]) for k in others)

    def _move(self, kernel: Kernel, loop: Kernel) -> None:
        """Put what a kernel computes into a loop."""
        loop.nodes = sorted({*loop.nodes, *kernel.nodes}, key=self.place.__getitem__)
        loop.sources |= kernel.sources | {seen_through(s) for n in kernel.nodes for s in n.inputs}
        for readers in self.readers.values():
            if kernel in readers:
                del readers[kernel]
                readers[loop] = None
        self.home.update(dict.fromkeys(kernel.nodes, loop))
        kernel.nodes = []
        self.kernels.remove(kernel)

    # --- together

    def bring_together(self, loop: Kernel) -> None:
        """Let loops that come earlier wait for this one, where that saves a walk."""
        if loop not in self.kernels:
            return
        near = {self.home[s]: None for n in loop.nodes for s in n.inputs if s in self.home}
        for source in {s: None for n in loop.nodes for s in n.inputs if self._is_large(s, loop)}:
            others = [k for k in self.readers.get(seen_through(source), {}) if k is not loop]
            near |= {k: None for k in others if any(source in n.inputs for n in k.nodes)}
        for other in sorted(near, key=lambda k: -k.depth):
            if self._may_wait(other, loop):
                self._move(other, loop)

    def _may_wait(self, other: Kernel, loop: Kernel) -> bool:
        if other is loop or not is_open(other) or (other.shape, other.phase) != (loop.shape, loop.phase):
            return False
        if other.depth > loop.depth or len(other.nodes) + len(loop.nodes) > MOST:
            return False
        made = set(other.nodes)
        for source in (s for node in loop.nodes for s in node.inputs):
            if seen_through(source) in made and (source not in made or not is_elementwise(source)):
                return False  # it is known only when the other one has ended
        later = {k for node in made for k in self._others(node, other) if k is not loop}
        if any(k.phase == loop.phase and k.depth <= loop.depth for k in later):
            return False
        return len((other.sources | loop.sources) - made - set(loop.nodes)) <= WIDEST

    # --- again

    def compute_again(self) -> None:
        """Let those who read a value compute it themselves, where that saves walks."""
        for loop in [k for k in self.kernels if is_open(k) and k.phase != AFTER]:
            self._spare(loop)
        self.kernels = [kernel for kernel in self.kernels if kernel.nodes]
        self._survey()

    def finished(self) -> list[Kernel]:
        """The kernels; a reduction that stands alone after all is no loop."""
        for kernel in self.kernels:
            kernel.is_loop = kernel.is_loop and (len(kernel.nodes) > 1 or is_elementwise(kernel.nodes[0]))
        return self.kernels

    def _spare(self, loop: Kernel) -> None:
        inside = set(loop.nodes)
        kept = {n for n in loop.nodes if is_elementwise(n) and self._others(n, loop)}
        for node in [n for n in loop.nodes if n in kept and n not in self.looked_at]:
            others, chain = self._others(node, loop), self._chain(node, inside, kept)
            if self._pays(others, chain, loop):
                kept.discard(node)
                for other in others:
                    other.nodes = sorted({*other.nodes, *chain}, key=self.place.__getitem__)
                    other.sources |= self._outside(chain)
                    self._reads(other, chain)
        self._drop(loop, kept)

    def _others(self, node: Node, loop: Kernel) -> list[Kernel]:
        """The kernels that read a value from memory."""
        return [k for k in self.readers.get(node, ()) if k is not loop and node not in k.nodes]

    def _chain(self, node: Node, inside: set[Node], kept: set[Node]) -> list[Node]:
        """The operations that lead to a value, from what lies in memory."""
        found, waiting = {node}, [node]
        while waiting:
            for source in waiting.pop().inputs:
                if source in inside and source not in kept and source not in found:
                    found.add(source)
                    waiting.append(source)
        return sorted(found, key=self.place.__getitem__)

    def _outside(self, chain: Sequence[Node]) -> set[Node]:
        return {seen_through(s) for node in chain for s in node.inputs}.difference(chain)

    def _pays(self, others: Sequence[Kernel], chain: Sequence[Node], loop: Kernel) -> bool:
        """Whether computing a value again costs fewer walks than writing and reading it."""
        if self.many[chain[-1]] < WORTH or len(chain) > LONGEST or not all(n.op.name in AGAIN for n in chain):
            return False
        if not all(is_open(k) and (k.phase, k.shape) == (loop.phase, loop.shape) for k in others):
            return False
        outside = self._outside(chain)
        large = {s for s in outside if self._is_large(s, loop)}
        more = sum(len(large - other.sources - set(other.nodes)) - 1 for other in others)
        return more < SAVED and all(len((k.sources | outside) - set(k.nodes)) <= WIDEST for k in others)

    def _drop(self, loop: Kernel, kept: set[Node]) -> None:
        """Leave out of a loop what it no longer computes for anybody."""
        wanted = kept | {n for n in loop.nodes if n in self.looked_at or not is_elementwise(n)}
        for node in reversed(loop.nodes):
            if node in wanted:
                wanted |= set(node.inputs)
        gone = [node for node in loop.nodes if node not in wanted]
        loop.nodes = [node for node in loop.nodes if node in wanted]
        for source in {seen_through(s) for node in gone for s in node.inputs}:
            if not any(source is seen_through(s) for n in loop.nodes for s in n.inputs):
                self.readers[source].pop(loop, None)
        loop.sources = self._outside(loop.nodes)

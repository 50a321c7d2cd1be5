"""Reduction of memory traffic: loops absorb reductions, are merged, and recompute values.

Writing and reading a value as large as a batch is expensive, while an operation on a value in a register is
nearly free. Three rules are applied to the kernels of a graph.

*Absorb.* A reduction of what a loop computes, or reads anyway, becomes part of the loop. The values are not
written unless another kernel reads them.

*Merge.* Loops of the same shape that read the same large value become one, if no kernel needs the results of
the earlier one before the later one runs. A loop is delayed if that saves a pass over memory.

*Recompute.* A value that only loops read is recomputed by each of them, if that takes a few simple
operations on values that are in memory anyway: ``x - mean`` is cheaper to compute twice than to write once.

Example: a normalization, ``(x - m) r`` with ``m = mean(x)`` and ``r = 1 / sqrt(mean((x - m)^2))``. Operation
by operation it takes a pass for the sum, one for ``x - m`` and its square, one for the sum of that and one
for the product, and two values as large as ``x`` are written. With these rules it takes three passes, for the
sum, the sum of squares and the result, and only the result is written.

Products with an epilogue (see ``gemm_epilogue``) are not changed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chainrule.graph import Graph, Node
from chainrule.ops.array.reduction import ReduceMax, ReduceMin, ReduceSum
from chainrule.ops.elementwise.cast_and_stop_gradient import Extent
from chainrule.ops.linear.patches_and_pooling import Fold
from chainrule.plan.passes.elementwise_fusion import (
    MAX_INPUTS,
    MAX_OPERATIONS,
    Kernel,
    is_elementwise,
    is_layout,
    memory_source,
)
from chainrule.plan.passes.gemm_epilogue import SIMPLE
from chainrule.plan.tasks import AFTER

RECOMPUTABLE = SIMPLE.union(("equal", "not_equal", "logical_and", "logical_or", "logical_not")) - {"divide"}
"""Operations that may be recomputed; a division takes as long as reading a number."""
MAX_CHAIN = 8  # operations that are recomputed for one value
WRITE_PASSES = 2  # cost of writing a value in passes: a cache line is read before it is overwritten
MIN_ELEMENTS = 4096  # of a batch, from which on a pass takes longer than the calls that replace it
FLOATS = ("float32", "float64")


def is_reduction(node: Node) -> bool:
    """Return whether a loop can end in the node: a sum, maximum, minimum, or fold of windows."""
    return isinstance(node.op, ReduceSum | ReduceMax | ReduceMin | Fold) and node.dtype in FLOATS


def reduce_traffic(
    kernels: Sequence[Kernel],
    graph: Graph,
    shapes: Mapping[Node, tuple[int, ...]],
    batch_counts: Mapping[Node, int],
) -> list[Kernel]:
    """Return the kernels of a graph with fewer passes over memory.

    Args:
        kernels: in the order in which they run.
        shapes: the concrete shape of every node.
        batch_counts: the number of elements of every node, for the whole batch; it decides what is large, so
            that full and short microbatches have the same kernels.
    """
    traffic = Traffic(list(kernels), graph, shapes, batch_counts)
    for kernel in kernels:
        if len(kernel.nodes) == 1 and is_reduction(kernel.nodes[0]):
            traffic.absorb_reduction(kernel)
    traffic.recompute()
    for kernel in [k for k in traffic.kernels if is_fusible(k)]:
        traffic.merge_loops(kernel)
    traffic.recompute()
    return traffic.finished()


def is_fusible(kernel: Kernel) -> bool:
    """Return whether a kernel is a loop, and not the epilogue of a product."""
    return kernel.is_loop and kernel.product is None


@dataclass(eq=False)
class Traffic:
    """Readers and writers of every value.

    Args:
        kernels: in the order in which they run.
        shapes: the concrete shape of every node.
        batch_counts: the number of elements of every node, for the whole batch.
    """

    kernels: list[Kernel]
    graph: Graph
    shapes: Mapping[Node, tuple[int, ...]]
    batch_counts: Mapping[Node, int]
    home: dict[Node, Kernel] = field(init=False)
    readers: dict[Node, dict[Kernel, None]] = field(init=False)
    always_stored: set[Node] = field(init=False)

    def __post_init__(self) -> None:
        self.position = {node: i for i, node in enumerate(self.graph.nodes)}
        self._index()
        # Outputs, and sources of views, are in memory in any case.
        self.always_stored = {memory_source(node) for node in self.graph.outputs.values()}
        self.always_stored |= {memory_source(node) for node in self.graph.nodes if is_layout(node)}

    def _index(self) -> None:
        """Recompute the first kernel of every node and the readers of every value."""
        self.home = {node: kernel for kernel in reversed(self.kernels) for node in kernel.nodes}
        self.readers = {}
        for kernel in self.kernels:
            self._add_reader(kernel, kernel.nodes)

    def _add_reader(self, kernel: Kernel, nodes: Sequence[Node]) -> None:
        for node in (n for n in nodes if not isinstance(n.op, Extent)):  # a length is no value
            for source in map(memory_source, node.inputs):
                self.readers.setdefault(source, {})[kernel] = None

    def _is_large(self, source: Node, loop: Kernel) -> bool:
        """Return whether a loop that reads a value reads as many elements as it computes."""
        first = loop.nodes[0]
        return (
            self.batch_counts[memory_source(source)]
            >= self.batch_counts[first if is_elementwise(first) else first.inputs[0]]
        )

    # --- absorb

    def absorb_reduction(self, kernel: Kernel) -> None:
        """Move a reduction into the loop that computes its input, or into one that reads it too."""
        (node,) = kernel.nodes
        (source,) = node.inputs
        home = self.home.get(source)
        if self.batch_counts[source] < MIN_ELEMENTS:
            return
        if home is not None and is_elementwise(source):
            if is_fusible(home) and home.phase == kernel.phase and not self._is_stored(source, home):
                self._move(kernel, home)
            return
        max_depth = min(
            (k.depth for k in self.readers.get(node, ()) if k.phase == kernel.phase), default=math.inf
        )
        for loop in sorted(self.readers[memory_source(source)], key=lambda k: k.depth):
            fits = is_fusible(loop) and loop.phase == kernel.phase and loop.shape == self.shapes[source]
            reads = fits and any(source in n.inputs for n in loop.nodes if n not in kernel.nodes)
            if reads and loop.depth < max_depth:
                self._move(kernel, loop)
                return

    def _is_stored(self, node: Node, home: Kernel) -> bool:
        """Return whether kernels other than loops and reductions read a value: it is then written anyway."""
        others = self._other_readers(node, home)
        return node in self.always_stored or not all(
            is_fusible(k) or is_reduction(k.nodes[0]) for k in others
        )

    def _move(self, kernel: Kernel, loop: Kernel) -> None:
        loop.nodes = sorted({*loop.nodes, *kernel.nodes}, key=self.position.__getitem__)
        loop.sources |= kernel.sources | {memory_source(s) for n in kernel.nodes for s in n.inputs}
        for readers in self.readers.values():
            if kernel in readers:
                del readers[kernel]
                readers[loop] = None
        self.home.update(dict.fromkeys(kernel.nodes, loop))
        kernel.nodes = []
        self.kernels.remove(kernel)

    # --- merge

    def merge_loops(self, loop: Kernel) -> None:
        """Delay earlier loops to run with this one if that saves a pass."""
        if loop not in self.kernels:
            return
        candidates = {self.home[s]: None for n in loop.nodes for s in n.inputs if s in self.home}
        for source in {s: None for n in loop.nodes for s in n.inputs if self._is_large(s, loop)}:
            others = [k for k in self.readers.get(memory_source(source), {}) if k is not loop]
            candidates |= {k: None for k in others if any(source in n.inputs for n in k.nodes)}
        for other in sorted(candidates, key=lambda k: -k.depth):
            if self._can_delay(other, loop):
                self._move(other, loop)

    def _can_delay(self, other: Kernel, loop: Kernel) -> bool:
        if other is loop or not is_fusible(other) or (other.shape, other.phase) != (loop.shape, loop.phase):
            return False
        if other.depth > loop.depth or len(other.nodes) + len(loop.nodes) > MAX_OPERATIONS:
            return False
        computed = set(other.nodes)
        for source in (s for node in loop.nodes for s in node.inputs):
            if memory_source(source) in computed and (source not in computed or not is_elementwise(source)):
                return False  # it is computed only when the other loop has ended
        readers = {k for node in computed for k in self._other_readers(node, other) if k is not loop}
        if any(k.phase == loop.phase and k.depth <= loop.depth for k in readers):
            return False
        return len((other.sources | loop.sources) - computed - set(loop.nodes)) <= MAX_INPUTS

    # --- recompute

    def recompute(self) -> None:
        """Let readers of a value compute it themselves if that saves passes."""
        for loop in [k for k in self.kernels if is_fusible(k) and k.phase != AFTER]:
            self._recompute_in_readers(loop)
        self.kernels = [kernel for kernel in self.kernels if kernel.nodes]
        self._index()

    def finished(self) -> list[Kernel]:
        """Return the kernels; a reduction that no loop absorbed is not a loop."""
        for kernel in self.kernels:
            kernel.is_loop = kernel.is_loop and (len(kernel.nodes) > 1 or is_elementwise(kernel.nodes[0]))
        return self.kernels

    def _recompute_in_readers(self, loop: Kernel) -> None:
        inside = set(loop.nodes)
        stored = {n for n in loop.nodes if is_elementwise(n) and self._other_readers(n, loop)}
        for node in [n for n in loop.nodes if n in stored and n not in self.always_stored]:
            others, chain = self._other_readers(node, loop), self._chain(node, inside, stored)
            if self._is_worth_it(others, chain, loop):
                stored.discard(node)
                for other in others:
                    other.nodes = sorted({*other.nodes, *chain}, key=self.position.__getitem__)
                    other.sources |= self._outside(chain)
                    self._add_reader(other, chain)
        self._remove_unused(loop, stored)

    def _other_readers(self, node: Node, loop: Kernel) -> list[Kernel]:
        """Return the kernels that read a value from memory."""
        return [k for k in self.readers.get(node, ()) if k is not loop and node not in k.nodes]

    def _chain(self, node: Node, inside: set[Node], stored: set[Node]) -> list[Node]:
        """Return the operations that lead from stored values to a value."""
        chain, stack = {node}, [node]
        while stack:
            for source in stack.pop().inputs:
                if source in inside and source not in stored and source not in chain:
                    chain.add(source)
                    stack.append(source)
        return sorted(chain, key=self.position.__getitem__)

    def _outside(self, chain: Sequence[Node]) -> set[Node]:
        return {memory_source(s) for node in chain for s in node.inputs}.difference(chain)

    def _is_worth_it(self, others: Sequence[Kernel], chain: Sequence[Node], loop: Kernel) -> bool:
        """Return whether recomputing a value costs fewer passes than writing and reading it."""
        if (
            self.batch_counts[chain[-1]] < MIN_ELEMENTS
            or len(chain) > MAX_CHAIN
            or not all(n.op.name in RECOMPUTABLE for n in chain)
        ):
            return False
        if not all(is_fusible(k) and (k.phase, k.shape) == (loop.phase, loop.shape) for k in others):
            return False
        outside = self._outside(chain)
        large = {s for s in outside if self._is_large(s, loop)}
        extra_passes = sum(len(large - other.sources - set(other.nodes)) - 1 for other in others)
        return extra_passes < WRITE_PASSES and all(
            len((k.sources | outside) - set(k.nodes)) <= MAX_INPUTS for k in others
        )

    def _remove_unused(self, loop: Kernel, stored: set[Node]) -> None:
        """Remove from a loop what no kernel needs any more."""
        needed = stored | {n for n in loop.nodes if n in self.always_stored or not is_elementwise(n)}
        for node in reversed(loop.nodes):
            if node in needed:
                needed |= set(node.inputs)
        removed = [node for node in loop.nodes if node not in needed]
        loop.nodes = [node for node in loop.nodes if node in needed]
        for source in {memory_source(s) for node in removed for s in node.inputs}:
            if not any(source is memory_source(s) for n in loop.nodes for s in n.inputs):
                self.readers[source].pop(loop, None)
        loop.sources = self._outside(loop.nodes)

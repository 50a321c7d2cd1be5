"""Loop fusion: which elementwise operations share one loop, and in which order kernels run.

A single elementwise operation would read its inputs from memory and write its result back, for one addition.
In one loop with its neighbors the values stay in registers. Two nodes may share a loop if they have the same
shape and everything that the second reads from outside is computed before the loop starts. This is decided
with one number per kernel, its *depth*: 1 + the largest depth of the kernels it reads from. A node may join a
loop of depth d if every other kernel it reads from has a smaller depth; then no path leads out of the loop
and back in, whatever else joins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chainrule.graph import Constant, Graph, Input, Node
from chainrule.ops.array.reduction import ReduceMax, ReduceMin, ReduceSum
from chainrule.ops.array.shape import Broadcast, Reshape, Transpose
from chainrule.ops.array.slicing import Slice
from chainrule.ops.elementwise.cast_and_stop_gradient import Cast, Extent
from chainrule.ops.elementwise.elementwise import Elementwise
from chainrule.ops.recomputed_segments import Remat
from chainrule.plan.tasks import MICROBATCHES

LAYOUT = frozenset((Transpose, Reshape, Broadcast, Slice, Remat, ReduceSum, ReduceMax, ReduceMin))
NEVER = 99  # later than any phase
MAX_INPUTS = 16  # of a loop: with more, a second loop is faster
MAX_OPERATIONS = 128  # of a loop: compile time grows faster than their number


@dataclass(eq=False)
class Kernel:
    """One call of the program: a loop over several elementwise nodes, or one node of another kind.

    Args:
        nodes: in topological order.
        shape: shape of every node of a loop; otherwise of the result.
        phase: phase in which it runs.
        depth: 1 + the largest depth of the kernels it reads from.
        is_loop: whether it is a loop over elementwise nodes.
        sources: nodes that it reads.
        product: the first of the nodes if the loop is the epilogue of a product (see ``gemm_epilogue``).
        recomputed: the values it writes if it runs for the second time (see ``rematerialize``).
    """

    nodes: list[Node]
    shape: tuple[int, ...]
    phase: int
    depth: int
    is_loop: bool
    sources: set[Node] = field(default_factory=set)
    product: Node | None = None
    recomputed: frozenset[Node] = frozenset()


def is_elementwise(node: Node) -> bool:
    """Return whether a node is computed elementwise, in a loop with others."""
    return isinstance(node.op, Elementwise | Cast)


def is_layout(node: Node) -> bool:
    """Return whether a node is a view of its input's memory (a reshape may still have to copy)."""
    if type(node.op) not in LAYOUT:  # a fast path: called often for every node
        return False
    if isinstance(node.op, ReduceSum | ReduceMax | ReduceMin):
        # a reduction over axes of length 1 is a view
        return all(node.inputs[0].shape[axis] == 1 for axis in node.op.axes)
    return True


def is_leaf(node: Node) -> bool:
    """Return whether a node is an input or a constant."""
    return isinstance(node.op, Input | Constant)


class Fusion:
    """The assignment of nodes to kernels in topological order.

    Elementwise nodes that read only inputs and constants are *unplaced* at first: they could run at any time,
    so they are assigned to the loop of their first reader (the momentum times the old velocity becomes part
    of the update's loop).

    Args:
        shapes: the concrete shape of every node.
        phases: the phase of every node.
    """

    def __init__(self, shapes: Mapping[Node, tuple[int, ...]], phases: Mapping[Node, int]) -> None:
        self.shapes, self.phases = shapes, phases
        self.first_phase = first_phase(phases)
        self.kernels: list[Kernel] = []
        self.home: dict[Node, Kernel] = {}
        self.unplaced: set[Node] = set()

    def add(self, node: Node) -> None:
        """Assign the next node, in topological order, to its own kernel, an open loop or neither yet."""
        if is_leaf(node) or is_layout(node):
            return
        outside = map(memory_source, node.inputs)
        if is_elementwise(node) and all(is_leaf(s) or s in self.unplaced for s in outside):
            self.unplaced.add(node)
        else:
            self._assign(node)

    def finish(self) -> None:
        """Assign every node that is still unplaced: it is an output of the graph."""
        for node in [n for n in self.shapes if n in self.unplaced]:
            if node in self.unplaced:
                self._assign(node)

    def _assign(self, node: Node) -> None:
        """Assign a node, with the unplaced ones it reads, to a loop of an input or to its own kernel."""
        self.unplaced.discard(node)
        self._assign_sources(node, self.phases[node], set())
        group = list(self._group(node, self.phases[node]))
        home = self._open_loop(group) or self._new(group)
        for member in group:
            self.unplaced.discard(member)
            home.nodes.append(member)
            self.home[member] = home
        home.sources |= {source for source in _sources(group) if self.home.get(source) is not home}

    def _assign_sources(self, node: Node, phase: int, seen: set[Node]) -> None:
        """Assign unplaced sources that cannot share the group's loop, before the node's depth is known."""
        for source in map(memory_source, node.inputs):
            if source not in self.unplaced:
                continue
            if not self._can_share_loop(source, node, phase):
                self._assign(source)
            elif source not in seen:
                seen.add(source)
                self._assign_sources(source, phase, seen)

    def _group(self, node: Node, phase: int) -> dict[Node, None]:
        """Return a node after the unplaced nodes that join it, in topological order."""
        group: dict[Node, None] = {}
        for source in node.inputs:
            if source in self.unplaced and source not in group:
                group |= self._group(source, phase)
        return {**group, node: None}

    def _can_share_loop(self, source: Node, node: Node, phase: int) -> bool:
        """Return whether an unplaced node can run in its reader's loop: no other node needs it earlier."""
        is_direct = all(s is source for s in node.inputs if memory_source(s) is source)
        is_alike = is_elementwise(node) and self.shapes[source] == self.shapes[node]
        return is_direct and is_alike and phase <= self.first_phase[source]

    def _new(self, group: Sequence[Node]) -> Kernel:
        """Create a kernel for these nodes, without adding them."""
        depth = 1 + max((self.home[s].depth for s in _sources(group) if s in self.home), default=-1)
        last = group[-1]
        kernel = Kernel([], self.shapes[last], self.phases[last], depth, is_elementwise(last))
        self.kernels.append(kernel)
        return kernel

    def _open_loop(self, group: Sequence[Node]) -> Kernel | None:
        """Return the deepest loop of an input that the nodes may join; merge equivalent loops into it."""
        if not is_elementwise(group[-1]):
            return None
        candidates = dict.fromkeys(self.home[s] for node in group for s in node.inputs if s in self.home)
        for loop in sorted(candidates, key=lambda k: -k.depth):
            equals = [k for k in candidates if k is not loop and self._can_merge(k, loop)]
            if self._may_join(group, loop, equals):
                for other in equals:
                    self._merge(other, loop)
                return loop
        return None

    def _can_merge(self, a: Kernel, b: Kernel) -> bool:
        """Return whether two loops have equal shape, phase and depth: neither then depends on the other."""
        return a.is_loop and b.is_loop and (a.shape, a.phase, a.depth) == (b.shape, b.phase, b.depth)

    def _merge(self, other: Kernel, loop: Kernel) -> None:
        loop.nodes += other.nodes
        loop.sources |= other.sources
        self.home.update(dict.fromkeys(other.nodes, loop))
        self.kernels.remove(other)

    def _may_join(self, group: Sequence[Node], loop: Kernel, equals: Sequence[Kernel]) -> bool:
        last, many = group[-1], sum(len(k.nodes) for k in (loop, *equals)) + len(group)
        is_alike = (loop.shape, loop.phase) == (self.shapes[last], self.phases[last])
        if not loop.is_loop or not is_alike or many > MAX_OPERATIONS:
            return False
        for source in (s for node in group for s in node.inputs):
            kernel = self.home.get(memory_source(source))
            if kernel is None or ((kernel is loop or kernel in equals) and source in self.home):
                continue
            if kernel.depth >= loop.depth and kernel.phase == loop.phase:
                return False
        return self._fits(loop, _sources(group).union(*(k.sources for k in equals)))

    def _fits(self, loop: Kernel, outside: set[Node]) -> bool:
        return sum(self.home.get(source) is not loop for source in loop.sources | outside) <= MAX_INPUTS

    def ordered(self) -> list[Kernel]:
        """Return the kernels in the order in which they run."""
        self._delay()
        number = {kernel: i for i, kernel in enumerate(self.kernels)}
        return sorted(self.kernels, key=lambda k: (k.phase, k.depth, number[k]))

    def _delay(self) -> None:
        """Schedule kernels that do not depend on the data, such as random numbers, just before their first
        reader.

        Otherwise all random numbers of a step would be computed at its beginning and stay in memory.
        """
        independent: dict[Kernel, None] = {}
        reader_depth: dict[Kernel, int] = {}
        for kernel in sorted(self.kernels, key=lambda k: k.depth):
            if all(self._is_independent(source, kernel, independent) for source in kernel.sources):
                independent[kernel] = None
        for kernel in sorted(self.kernels, key=lambda k: -k.depth):
            if kernel in independent and kernel.phase <= MICROBATCHES:
                kernel.depth = reader_depth.get(kernel, kernel.depth + 1) - 1
            for home in {self.home[s] for s in kernel.sources if s in self.home}:
                if home is not kernel and home.phase == kernel.phase:
                    reader_depth[home] = min(reader_depth.get(home, kernel.depth), kernel.depth)

    def _is_independent(self, source: Node, kernel: Kernel, independent: Mapping[Kernel, None]) -> bool:
        """Return whether a value comes from no data, from the kernel itself or from an independent one."""
        home = self.home.get(source)
        if home is None:
            return isinstance(source.op, Constant) or source.op.attributes["role"] != "data"
        return home is kernel or home in independent or home.phase < kernel.phase


def _sources(group: Sequence[Node]) -> set[Node]:
    """Return what these nodes read that is not one of them."""
    return {memory_source(s) for node in group for s in node.inputs}.difference(group)


def first_phase(phases: Mapping[Node, int]) -> dict[Node, int]:
    """Return for every node the earliest phase that needs its value.

    Args:
        phases: the phase of every node, in topological order.
    """
    phase_of: dict[Node, int] = {}
    for node in reversed(list(phases)):
        node_phase = phase_of.setdefault(node, NEVER)
        if isinstance(node.op, Extent):
            continue  # it needs a length, not a value
        reader_phase = node_phase if is_layout(node) else min(node_phase, phases[node])
        for source in node.inputs:
            phase_of[source] = min(phase_of.get(source, NEVER), reader_phase)
    return phase_of


def memory_source(node: Node) -> Node:
    """Return the node whose memory a chain of layout operations is a view of."""
    while type(node.op) in LAYOUT and is_layout(node):  # without a call for most nodes
        (node,) = node.inputs
    return node


def fuse(
    nodes: Sequence[Node], shapes: Mapping[Node, tuple[int, ...]], phases: Mapping[Node, int]
) -> list[Kernel]:
    """Return all kernels of a graph in the order in which they run."""
    fusion = Fusion(shapes, phases)
    for node in nodes:
        fusion.add(node)
    fusion.finish()
    return fusion.ordered()


def stored_nodes(graph: Graph, kernels: Sequence[Kernel]) -> set[Node]:
    """Return the nodes whose values must be in memory: outputs, and inputs of other kernels or of views."""
    nodes = {memory_source(node) for node in graph.outputs.values()}
    nodes |= {memory_source(node) for node in graph.nodes if is_layout(node)}
    for kernel in kernels:
        inside = set(kernel.nodes)
        reads = (node for node in kernel.nodes if not isinstance(node.op, Extent))  # a length is not a value
        nodes |= {s for node in reads for s in node.inputs if s not in inside}
    return {node for node in nodes if not is_leaf(node) and not is_layout(node)}


def kernels_of(kernels: Sequence[Kernel]) -> dict[Node, list[Kernel]]:
    """Return the kernels that compute each node; the first is its home (see ``fusion`` for the others)."""
    kernels_of_node: dict[Node, list[Kernel]] = {}
    for kernel in kernels:
        for node in kernel.nodes:
            kernels_of_node.setdefault(node, []).append(kernel)
    return kernels_of_node


def reads_before(reader: Node, old: Node, home: Kernel, homes: Mapping[Node, Sequence[Kernel]]) -> bool:
    """Return whether a reader of a value has read it before a kernel overwrites it.

    Args:
        reader: reads ``old``, directly or through views.
        home: the kernel that overwrites it.
        homes: the kernels that compute each node.
    """
    if is_layout(reader):
        return True  # its own readers are checked
    for kernel in homes[reader]:
        if kernel is home:
            reads_once = home.is_loop and reader is not home.product  # a product reads its factors again
            if not reads_once or any(s is not old for s in reader.inputs if memory_source(s) is old):
                return False
        elif (kernel.phase, kernel.depth) >= (home.phase, home.depth):
            return False
    return True


def allows_row_gaps(node: Node) -> bool:
    """Return whether the kernel of a node can write its value with gaps between rows."""
    return is_elementwise(node) or (node.op.name == "matmul" and node.rank == 2)


def concatenated_values(
    nodes: Sequence[Node], homes: Mapping[Node, Sequence[Kernel]]
) -> dict[Node, tuple[Node, int]]:
    """Return the values that can be computed in place in the result of a concatenation.

    Returns:
        for each such value, the concatenation and its index among the inputs.
    """
    concatenated: dict[Node, tuple[Node, int]] = {}
    for node in nodes:
        if node.op.name != "concatenate":
            continue
        for index, source in enumerate(node.inputs):
            is_free = allows_row_gaps(source) or source.op.name == "concatenate"
            same_phase = source in homes and homes[source][0].phase == homes[node][0].phase
            if is_free and same_phase and source not in concatenated:
                concatenated[source] = node, index
    return concatenated

"""Which elementwise operations share one loop, and in which order everything runs.

An elementwise operation alone would read its inputs from memory and write its result back, for a single
addition. In one loop with its neighbours the values stay in registers. Two nodes may share a loop when they
have one shape and everything the second reads from outside was finished before the loop began. That is
decided with one number per kernel, its *depth*: 1 + the largest depth of the kernels it reads from. A node
may join a loop of depth d when every other kernel it reads from has a smaller depth; then no path leads out
of the loop and back in, whatever else joins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chainrule.graph import Constant, Graph, Input, Node
from chainrule.ops.array.reduction import ReduceMax, ReduceMin, ReduceSum
from chainrule.ops.array.shape import Broadcast, Reshape, Transpose
from chainrule.ops.array.slicing import Slice
from chainrule.ops.elementwise.dtype import Cast, Extent
from chainrule.ops.elementwise.elementwise import Elementwise
from chainrule.ops.recomputation import Remat
from chainrule.plan.tasks import PARTS

LAYOUT = frozenset((Transpose, Reshape, Broadcast, Slice, Remat, ReduceSum, ReduceMax, ReduceMin))
LAST = 99  # later than any phase
WIDEST = 16  # values a loop may read from memory before it is better to begin another,
MOST = 128  # and operations: of many the compiler takes more than their share of time


@dataclass(eq=False)
class Kernel:
    """One call of the program: a loop over several elementwise nodes, or one node of another kind.

    Args:
        nodes: in topological order.
        shape: of every node of a loop; of the result otherwise.
        phase: in which phase it runs.
        depth: 1 + the largest depth of the kernels it reads from.
        is_loop: whether it is a loop over elementwise nodes.
        sources: what it reads.
        product: the first of the nodes where the loop is the epilogue of a product (see ``epilogue``).
        anew: the values it writes, where it runs for the second time (see ``anew``).
    """

    nodes: list[Node]
    shape: tuple[int, ...]
    phase: int
    depth: int
    is_loop: bool
    sources: set[Node] = field(default_factory=set)
    product: Node | None = None
    anew: frozenset[Node] = frozenset()


def is_elementwise(node: Node) -> bool:
    """Whether the node can be computed number by number, in a loop with others."""
    return isinstance(node.op, Elementwise | Cast)


def is_layout(node: Node) -> bool:
    """Whether the node only looks at its input's memory in another way (a reshape may still have to copy)."""
    if type(node.op) not in LAYOUT:  # asked of every node again and again
        return False
    if isinstance(node.op, ReduceSum | ReduceMax | ReduceMin):
        # over axes of length 1 nothing is left to add up
        return all(node.inputs[0].shape[axis] == 1 for axis in node.op.axes)
    return True


def is_leaf(node: Node) -> bool:
    """Whether the node is given and not computed."""
    return isinstance(node.op, Input | Constant)


class Fusion:
    """Puts nodes into kernels, one after the other.

    Elementwise nodes that read nothing but what is given *float*: they could run at any time, so they wait
    for their first reader and go into its loop (the momentum times the old velocity goes into the loop of the
    update).

    Args:
        shapes: the concrete shape of every node.
        phases: the phase of every node.
    """

    def __init__(self, shapes: Mapping[Node, tuple[int, ...]], phases: Mapping[Node, int]) -> None:
        self.shapes, self.phases = shapes, phases
        self.due = due(phases)
        self.kernels: list[Kernel] = []
        self.home: dict[Node, Kernel] = {}
        self.floating: set[Node] = set()

    def place(self, node: Node) -> None:
        """Put the next node, in topological order, into its own kernel or an open loop, or let it float."""
        if is_leaf(node) or is_layout(node):
            return
        outside = map(seen_through, node.inputs)
        if is_elementwise(node) and all(is_leaf(s) or s in self.floating for s in outside):
            self.floating.add(node)
        else:
            self._land(node)

    def finish(self) -> None:
        """Give a kernel to every node that still floats: it is an output of the graph."""
        for node in [n for n in self.shapes if n in self.floating]:
            if node in self.floating:
                self._land(node)

    def _land(self, node: Node) -> None:
        """Put a node, with the floating ones it takes along, into a loop of an input or its own kernel."""
        self.floating.discard(node)
        self._land_far(node, self.phases[node], set())
        party = list(self._party(node, self.phases[node]))
        home = self._open_loop(party) or self._new(party)
        for one in party:
            self.floating.discard(one)
            home.nodes.append(one)
            self.home[one] = home
        home.sources |= {source for source in _outside(party) if self.home.get(source) is not home}

    def _land_far(self, node: Node, phase: int, seen: set[Node]) -> None:
        """Land what a node, or one it takes along, cannot take into its loop: before its depth is known."""
        for source in map(seen_through, node.inputs):
            if source not in self.floating:
                continue
            if not self._is_near(source, node, phase):
                self._land(source)
            elif source not in seen:
                seen.add(source)
                self._land_far(source, phase, seen)

    def _party(self, node: Node, phase: int) -> dict[Node, None]:
        """A node behind the floating nodes it takes along, in topological order."""
        party: dict[Node, None] = {}
        for source in node.inputs:
            if source in self.floating and source not in party:
                party |= self._party(source, phase)
        return {**party, node: None}

    def _is_near(self, source: Node, node: Node, phase: int) -> bool:
        """Whether a floating node can run in the loop of its reader, because nobody needs it earlier."""
        direct = all(s is source for s in node.inputs if seen_through(s) is source)
        same = is_elementwise(node) and self.shapes[source] == self.shapes[node]
        return direct and same and phase <= self.due[source]

    def _new(self, party: Sequence[Node]) -> Kernel:
        """A kernel of its own for these nodes, without them in it yet."""
        depth = 1 + max((self.home[s].depth for s in _outside(party) if s in self.home), default=-1)
        last = party[-1]
        kernel = Kernel([], self.shapes[last], self.phases[last], depth, is_elementwise(last))
        self.kernels.append(kernel)
        return kernel

    def _open_loop(self, party: Sequence[Node]) -> Kernel | None:
        """The deepest loop of an input that the nodes may join; its equals there become one with it."""
        if not is_elementwise(party[-1]):
            return None
        direct = dict.fromkeys(self.home[s] for node in party for s in node.inputs if s in self.home)
        for loop in sorted(direct, key=lambda k: -k.depth):
            equals = [k for k in direct if k is not loop and self._is_equal(k, loop)]
            if self._may_join(party, loop, equals):
                for other in equals:
                    self._merge(other, loop)
                return loop
        return None

    def _is_equal(self, a: Kernel, b: Kernel) -> bool:
        """Whether two loops may be one: of one shape and depth, so that neither can depend on the other."""
        return a.is_loop and b.is_loop and (a.shape, a.phase, a.depth) == (b.shape, b.phase, b.depth)

    def _merge(self, other: Kernel, loop: Kernel) -> None:
        loop.nodes += other.nodes
        loop.sources |= other.sources
        self.home.update(dict.fromkeys(other.nodes, loop))
        self.kernels.remove(other)

    def _may_join(self, party: Sequence[Node], loop: Kernel, equals: Sequence[Kernel]) -> bool:
        last, many = party[-1], sum(len(k.nodes) for k in (loop, *equals)) + len(party)
        is_alike = (loop.shape, loop.phase) == (self.shapes[last], self.phases[last])
        if not loop.is_loop or not is_alike or many > MOST:
            return False
        for source in (s for node in party for s in node.inputs):
            kernel = self.home.get(seen_through(source))
            if kernel is None or ((kernel is loop or kernel in equals) and source in self.home):
                continue
            if kernel.depth >= loop.depth and kernel.phase == loop.phase:
                return False
        return self._has_room(loop, _outside(party).union(*(k.sources for k in equals)))

    def _has_room(self, loop: Kernel, outside: set[Node]) -> bool:
        return sum(self.home.get(source) is not loop for source in loop.sources | outside) <= WIDEST

    def ordered(self) -> list[Kernel]:
        """The kernels in the order in which they run."""
        self._delay()
        number = {kernel: i for i, kernel in enumerate(self.kernels)}
        return sorted(self.kernels, key=lambda k: (k.phase, k.depth, number[k]))

    def _delay(self) -> None:
        """Let what has nothing to do with the data, such as random numbers, run just before its first reader.

        Otherwise all that a step draws would be drawn at its beginning and wait in memory.
        """
        free: dict[Kernel, None] = {}
        first: dict[Kernel, int] = {}
        for kernel in sorted(self.kernels, key=lambda k: k.depth):
            if all(self._is_apart(source, kernel, free) for source in kernel.sources):
                free[kernel] = None
        for kernel in sorted(self.kernels, key=lambda k: -k.depth):
            if kernel in free and kernel.phase <= PARTS:
                kernel.depth = first.get(kernel, kernel.depth + 1) - 1
            for home in {self.home[s] for s in kernel.sources if s in self.home}:
                if home is not kernel and home.phase == kernel.phase:
                    first[home] = min(first.get(home, kernel.depth), kernel.depth)

    def _is_apart(self, source: Node, kernel: Kernel, free: Mapping[Kernel, None]) -> bool:
        """Whether a value a kernel reads has nothing to do with the data, or comes from itself or earlier."""
        home = self.home.get(source)
        if home is None:
            return isinstance(source.op, Constant) or source.op.attributes["role"] != "data"
        return home is kernel or home in free or home.phase < kernel.phase


def _outside(party: Sequence[Node]) -> set[Node]:
    """What these nodes read that is none of them."""
    return {seen_through(s) for node in party for s in node.inputs}.difference(party)


def due(phases: Mapping[Node, int]) -> dict[Node, int]:
    """For every node the earliest phase in which someone needs its value.

    Args:
        phases: the phase of every node, in topological order.
    """
    found: dict[Node, int] = {}
    for node in reversed(list(phases)):
        own = found.setdefault(node, LAST)
        if isinstance(node.op, Extent):
            continue  # it asks for a length, not for a value
        needed = own if is_layout(node) else min(own, phases[node])
        for source in node.inputs:
            found[source] = min(found.get(source, LAST), needed)
    return found


def seen_through(node: Node) -> Node:
    """The node whose memory a chain of layout operations looks at."""
    while is_layout(node):
        (node,) = node.inputs
    return node


def fuse(
    nodes: Sequence[Node], shapes: Mapping[Node, tuple[int, ...]], phases: Mapping[Node, int]
) -> list[Kernel]:
    """All kernels of a graph in the order in which they run."""
    fusion = Fusion(shapes, phases)
    for node in nodes:
        fusion.place(node)
    fusion.finish()
    return fusion.ordered()


def needed(graph: Graph, kernels: Sequence[Kernel]) -> set[Node]:
    """The nodes whose values must lie in memory: outputs, and what another kernel or a look reads."""
    found = {seen_through(node) for node in graph.outputs.values()}
    found |= {seen_through(node) for node in graph.nodes if is_layout(node)}
    for kernel in kernels:
        inside = set(kernel.nodes)
        reads = (node for node in kernel.nodes if not isinstance(node.op, Extent))  # a length is no value
        found |= {s for node in reads for s in node.inputs if s not in inside}
    return {node for node in found if not is_leaf(node) and not is_layout(node)}


def homes_of(kernels: Sequence[Kernel]) -> dict[Node, list[Kernel]]:
    """The kernels that compute each node; the first of them is its home (see ``traffic`` for the others)."""
    found: dict[Node, list[Kernel]] = {}
    for kernel in kernels:
        for node in kernel.nodes:
            found.setdefault(node, []).append(kernel)
    return found


def reads_first(reader: Node, old: Node, home: Kernel, homes: Mapping[Node, Sequence[Kernel]]) -> bool:
    """Whether a reader of a value has read it before a kernel writes over it.

    Args:
        reader: reads ``old``, or a look at it.
        home: the kernel that writes over it.
        homes: the kernels that compute each node.
    """
    if is_layout(reader):
        return True  # its own readers are asked
    for kernel in homes[reader]:
        if kernel is home:
            is_once = home.is_loop and reader is not home.product  # a product reads its factors again
            if not is_once or any(s is not old for s in reader.inputs if seen_through(s) is old):
                return False
        elif (kernel.phase, kernel.depth) >= (home.phase, home.depth):
            return False
    return True


def lies_anywhere(node: Node) -> bool:
    """Whether the kernel of a node can write its value with gaps between the rows."""
    return is_elementwise(node) or (node.op.name == "matmul" and node.rank == 2)


def joints(nodes: Sequence[Node], homes: Mapping[Node, Sequence[Kernel]]) -> dict[Node, tuple[Node, int]]:
    """The values that can be computed in their place of a larger one, in which they are set side by side.

    Returns:
        for each such value the value it becomes a part of, and at which of its two places.
    """
    found: dict[Node, tuple[Node, int]] = {}
    for node in nodes:
        if node.op.name != "concatenate":
            continue
        for place, source in enumerate(node.inputs):
            is_free = lies_anywhere(source) or source.op.name == "concatenate"
            is_near = source in homes and homes[source][0].phase == homes[node][0].phase
            if is_free and is_near and source not in found:
                found[source] = node, place
    return found

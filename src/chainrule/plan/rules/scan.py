"""Loops over time as tasks: one task that makes its inner tasks again and again, each time a cell further on.

All values of one loop are worked out together. What is kept of every step for other loops lies time
outermost, so that the cells of one step are side by side; what others read lies as they read it, sample by
sample. A *moving* buffer stands for the cell of the present step: it has no memory of its own, but begins, in
another buffer, one cell further on at every turn.

A state that is wanted at every step needs no copying either: its memory has one place more than there are
steps, with the state before the first in front, so the state before a step and the state after it are two
moving looks at neighbouring places. A state that nobody wants has one place, which is written over when all
of a step have read it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from chainrule.graph import Graph, Node
from chainrule.plan.passes.fused_loop import (
    Kernel,
    fuse,
    homes_of,
    is_layout,
    is_leaf,
    joints,
    lies_anywhere,
    needed,
    reads_first,
    seen_through,
)
from chainrule.plan.views import View
from chainrule.spec import Spec, size_at

if TYPE_CHECKING:
    from chainrule.plan.lower import Lowering


@dataclass(frozen=True)
class Moving:
    """Where a moving buffer lies.

    Args:
        buffer: the buffer it looks at.
        offset: where it begins at the first turn, in elements.
        step: how much further on it begins at every turn, in elements.
    """

    buffer: int
    offset: int
    step: int


FIND_PLACES = ("extent", "scan")  # operations that lay their value where they want


def scan(low: Lowering, node: Node, phase: int) -> None:
    """All values of the loop that a node belongs to."""
    if node not in low.views:
        _Loop(low, [n for n in low.graph.nodes if is_of_one_loop(n, node)], phase).lower()


def is_of_one_loop(a: Node, b: Node) -> bool:
    """Whether two nodes are values of the same loop."""
    if a.op.name != "scan" or a.inputs != b.inputs:
        return False
    own, other = ({**n.op.attributes, "emit": None, "last": None} for n in (a, b))
    return own == other


class _Loop:
    """Works out one loop.

    Args:
        low: the plan it goes into.
        wanted: its values.
        phase: in which phase it runs.
    """

    def __init__(self, low: Lowering, wanted: Sequence[Node], phase: int) -> None:
        self.low, self.wanted, self.phase = low, wanted, phase
        self.op: Any = wanted[0].op
        self.body = self.op.body
        specs = [Spec(low.shape(node), node.dtype) for node in wanted[0].inputs]
        self.steps = self.op.count(specs)
        self.sizes = {**low.sizes, **self.body.sizes(self.op.of_a_step(specs))}
        self.given: dict[Node, View] = {}  # where the step reads its inputs
        self.homes: dict[Node, View] = {}  # where the step writes what is wanted of it
        self.late: list[tuple[Node, View]] = []  # what is copied at the end of a step, and whither
        self.moving: dict[int, Moving] = {}
        self.kept: dict[Node, View] = {}  # states before and after every step
        self.last: dict[Node, View] = {}  # values of the last step
        self.single: dict[Node, View] = {}  # states that have one place

    def lower(self) -> None:
        """Add the task; afterwards every wanted value has its view."""
        inputs = self.wanted[0].inputs
        for leaf, source in zip(self.body.leaves, inputs, strict=True):
            view = self.low.view(source, self.phase)
            if leaf in self.body.cells:
                view = self._cell(view)
            elif leaf in self.body.givens and leaf.rank == 2:
                view = self._as_read(leaf, source, view)
            self.given[leaf] = view
        stacked = {n.op.attributes["emit"] for n in self.wanted if not n.op.attributes["last"]}
        for state, after, start in zip(self.body.states, self.body.updates, inputs, strict=False):
            self._state(state, after, start, is_kept=state in stacked or after in stacked)
        histories = {node: self._history(node) for node in stacked if node not in self.kept}
        finals = {n: self._final(n.op.attributes["emit"]) for n in self.wanted if n.op.attributes["last"]}
        self._add()
        for node in self.wanted:
            emit = node.op.attributes["emit"]
            self.low.views[node] = finals.get(node) or self.kept.get(emit) or histories[emit]

    def _as_read(self, leaf: Node, source: Node, view: View) -> View:
        """A matrix that every step reads, its rows in order as the products of the step want it."""
        nodes = {n for wanted in self.wanted for n in self.body.nodes(wanted.op.attributes["emit"])}
        readers = {n.op.name for n in nodes if leaf in n.inputs}
        if readers == {"transpose"}:
            return self.low.in_order(view.turned((1, 0)), source, self.phase).turned((1, 0))
        return self.low.in_order(view, source, self.phase) if "matmul" in readers else view

    # --- memory

    def _shape(self, node: Node) -> tuple[int, ...]:
        """The concrete shape of a value of the step."""
        return tuple(size_at(axis, self.sizes) for axis in node.shape)

    def _move(self, view: View, shape: tuple[int, ...], strides: tuple[int, ...], step: int) -> View:
        """A look of this form that begins ``step`` elements further on at every turn."""
        kind = self.low.buffers[view.buffer].dtype
        number = self.low.new(shape, kind, "moving").buffer
        self.moving[number] = Moving(view.buffer, view.offset, step)
        return View(number, shape, strides)

    def _cell(self, view: View) -> View:
        """The cell of a sequence at the present step."""
        axis = min(self.op.axis, len(view.shape) - 1)
        step, (shape, strides) = view.strides[axis], _without(view, axis)
        if self.op.reverse:
            view, step = replace(view, offset=view.offset + (self.steps - 1) * step), -step
        return self._move(view, shape, strides, step)

    def _places(self, places: int, node: Node, values: Sequence[Node]) -> View:
        """New memory for a value of the step at so many places of time: (places, *shape).

        Args:
            values: what is kept there, in the step's graph.
        """
        shape, axis = self._shape(node), self.op.axis
        if len(shape) < axis or self._are_for_loops(values):
            return self.low.new((places, *shape), node.dtype)
        memory = self.low.new((*shape[:axis], places, *shape[axis:]), node.dtype)
        return memory.turned((axis, *(i for i in range(len(memory.shape)) if i != axis)))

    def _are_for_loops(self, values: Sequence[Node]) -> bool:
        """Whether nobody but other loops reads what is kept of these values."""
        kept = {node for node in self.wanted if node.op.attributes["emit"] in values}
        readers = [n for n in self.low.graph.nodes if not kept.isdisjoint(n.inputs)]
        return all(n.op.name == "scan" for n in readers) and kept.isdisjoint(self.low.outputs)

    def _place(self, memory: View, number: int) -> View:
        """One place."""
        begins = memory.offset + number * memory.strides[0]
        return View(memory.buffer, memory.shape[1:], memory.strides[1:], begins)

    def _at(self, memory: View, number: int) -> View:
        """The look that begins at a place and moves on with time."""
        place, step = self._place(memory, number), memory.strides[0]
        return self._move(place, place.shape, place.strides, -step if self.op.reverse else step)

    def _over_time(self, memory: View, first: int) -> View:
        """The value of every step, time along its axis, from a place on."""
        cut = replace(memory, shape=(self.steps, *memory.shape[1:]))
        others, axis = list(range(1, len(memory.shape))), self.op.axis
        return replace(
            cut.turned((*others[:axis], 0, *others[axis:])), offset=memory.offset + first * memory.strides[0]
        )

    def _state(self, state: Node, after: Node, start: Node, is_kept: bool) -> None:
        """Memory for a state, with its first value."""
        before, back = self.low.view(start, self.phase), self.op.reverse
        memory = self._places(self.steps + 1 if is_kept else 1, state, (state, after))
        first, end = (self.steps, 0) if back and is_kept else (0, self.steps if is_kept else 0)
        self.low.add("copy", (start,), (before,), (self._place(memory, first),), self.phase)
        self.last.setdefault(after, self._place(memory, end))
        if not is_kept:
            self.given[state] = self.single[state] = self._place(memory, 0)
            return
        self.given[state] = self._at(memory, first)
        self._write(after, self._at(memory, first - 1 if back else 1))
        self.kept.setdefault(state, self._over_time(memory, 1 if back else 0))
        self.kept.setdefault(after, self._over_time(memory, 0 if back else 1))

    def _write(self, node: Node, view: View) -> None:
        """Let the step write a value there: at once, or by a copy where it is computed elsewhere."""
        is_computed = not (is_leaf(node) or is_layout(node) or node.op.name in FIND_PLACES)
        if is_computed and node not in self.homes and (view.is_dense or lies_anywhere(node)):
            self.homes[node] = view
        else:
            self.late.append((node, view))

    def _history(self, node: Node) -> View:
        memory = self._places(self.steps, node, (node,))
        self._write(node, self._at(memory, self.steps - 1 if self.op.reverse else 0))
        return self._over_time(memory, 0)

    def _final(self, node: Node) -> View:
        """Where a value of the last step lies."""
        if node not in self.last:
            self.last[node] = self.low.new(self._shape(node), node.dtype)
            self._write(node, self.last[node])
        return self.last[node]

    # --- the tasks of a step

    def _add(self) -> None:
        """The task of the loop."""
        nodes = [*self.homes, *(node for node, _ in self.late)]
        graph = Graph({str(i): node for i, node in enumerate(dict.fromkeys([*self.body.updates, *nodes]))})
        inner = self.low.inside(graph, self.given, self.sizes)
        shapes = {n: inner.shape(n) for n in graph.nodes}
        kernels = fuse(graph.nodes, shapes, dict.fromkeys(graph.nodes, self.phase))
        homes = homes_of(kernels)
        self._write_over(graph, homes)
        inner.views |= self.homes
        inner.joints = joints(graph.nodes, homes)
        read = needed(graph, kernels)
        for kernel in kernels:
            inner.lower(kernel, read)
        self._copies(inner)
        reads = _distinct(self._real(v) for t in inner.tasks for v in t.reads)
        writes = _distinct(self._real(v) for t in inner.tasks for v in t.writes)
        self.low.add(
            "scan", self.wanted, reads, writes, self.phase,
            steps=self.steps, tasks=tuple(inner.tasks), moving=self.moving,
        )  # fmt: skip

    def _write_over(self, graph: Graph, homes: Mapping[Node, Sequence[Kernel]]) -> None:
        """Where states that have one place are written: there, once all have read them, or by a copy."""
        turns = [(s, a) for s, a in zip(self.body.states, self.body.updates, strict=True) if s in self.single]
        self.late += [(after, self.single[state]) for state, after in turns if after not in homes]
        for state, after in ((s, a) for s, a in turns if a in homes):
            is_copied = state in {seen_through(node) for node, _ in self.late}
            is_free = not (after in self.homes or is_copied or after.op.name in FIND_PLACES)
            readers = [n for n in graph.nodes if state in map(seen_through, n.inputs)]
            if is_free and all(reads_first(n, state, homes[after][0], homes) for n in readers):
                self.homes[after] = self.single[state]
            else:
                self.late.append((after, self.single[state]))

    def _copies(self, inner: Lowering) -> None:
        """What is copied at the end of a step; no copy reads what another has already written over."""
        written = {view.buffer for _, view in self.late}
        moved = []
        for node, view in self.late:
            source = inner.view(node, self.phase)
            if source.buffer in written and source != view:
                aside = inner.new(source.shape, node.dtype)
                inner.add("copy", (node,), (source,), (aside,), self.phase)
                source = aside
            if source != view:
                moved.append((node, source, view))
        for node, source, view in moved:
            inner.add("copy", (node,), (source,), (view,), self.phase)

    def _real(self, view: View) -> View:
        """A look at the memory behind a moving buffer, at the first turn."""
        if view.buffer not in self.moving:
            return view
        at = self.moving[view.buffer]
        return replace(view, buffer=at.buffer, offset=at.offset + view.offset)


def _distinct(views: Iterable[View]) -> tuple[View, ...]:
    """One look at each buffer."""
    return tuple({view.buffer: view for view in views}.values())


def _without(view: View, axis: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    shape, strides = ((*v[:axis], *v[axis + 1 :]) for v in (view.shape, view.strides))
    return shape, strides

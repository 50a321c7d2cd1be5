"""Loops over time as tasks: one task that makes its inner tasks again and again, each time a cell further on.

All values of one loop are worked out together. What is kept of every step lies time outermost, so that the
cells of one step are side by side. A *moving* buffer stands for the cell of the present step: it has no
memory of its own, but begins, in another buffer, one cell further on at every turn.

A state that is wanted at every step needs no copying either: its memory has one place more than there are
steps, with the state before the first in front, so the state before a step and the state after it are two
moving looks at neighbouring places. A state that nobody wants has one place, written over at the end of a
step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from chainrule.graph import Graph, Node
from chainrule.plan.loop import fuse, is_layout, is_leaf, needed
from chainrule.plan.view import View
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

    def lower(self) -> None:
        """Add the task; afterwards every wanted value has its view."""
        inputs = self.wanted[0].inputs
        for leaf, source in zip(self.body.leaves, inputs, strict=True):
            view = self.low.view(source, self.phase)
            self.given[leaf] = self._cell(view) if leaf in self.body.cells else view
        stacked = {n.op.attributes["emit"] for n in self.wanted if not n.op.attributes["last"]}
        for state, after, start in zip(self.body.states, self.body.updates, inputs, strict=False):
            self._state(state, after, start, is_kept=state in stacked or after in stacked)
        histories = {node: self._history(node) for node in stacked if node not in self.kept}
        finals = {n: self._final(n.op.attributes["emit"]) for n in self.wanted if n.op.attributes["last"]}
        self._add()
        for node in self.wanted:
            emit = node.op.attributes["emit"]
            self.low.views[node] = finals.get(node) or self.kept.get(emit) or histories[emit]

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
        axis = self.op.axis
        step, (shape, strides) = view.strides[axis], _without(view, axis)
        if self.op.reverse:
            view, step = replace(view, offset=view.offset + (self.steps - 1) * step), -step
        return self._move(view, shape, strides, step)

    def _places(self, node: Node, places: int) -> View:
        """New memory for a value of the step at so many places of time, (places, *shape)."""
        return self.low.new((places, *self._shape(node)), node.dtype)

    def _at(self, memory: View, place: int) -> View:
        """The look at one place that moves on with time."""
        step = memory.strides[0]
        begins = replace(memory, offset=memory.offset + place * step)
        return self._move(begins, memory.shape[1:], memory.strides[1:], -step if self.op.reverse else step)

    def _over_time(self, memory: View, first: int) -> View:
        """The value of every step, time along its axis."""
        axis, step = self.op.axis, memory.strides[0]
        shape, strides = list(memory.shape[1:]), list(memory.strides[1:])
        shape.insert(axis, self.steps)
        strides.insert(axis, step)
        return View(memory.buffer, tuple(shape), tuple(strides), memory.offset + first * step)

    def _state(self, state: Node, after: Node, start: Node, is_kept: bool) -> None:
        """Memory for a state, with its first value."""
        before = self.low.view(start, self.phase)
        if not is_kept:
            memory = self._places(state, 1)
            place = View(memory.buffer, memory.shape[1:], memory.strides[1:])
            self.low.add("copy", (start,), (before,), (place,), self.phase)
            self.given[state] = place
            self.late.append((after, place))
            self.last.setdefault(after, place)
            return
        memory, back = self._places(state, self.steps + 1), self.op.reverse
        begins = View(memory.buffer, *_form(memory), (self.steps if back else 0) * memory.strides[0])
        self.low.add("copy", (start,), (before,), (begins,), self.phase)
        self.given[state] = self._at(memory, self.steps if back else 0)
        self._write(after, self._at(memory, self.steps - 1 if back else 1))
        self.kept.setdefault(state, self._over_time(memory, 1 if back else 0))
        self.kept.setdefault(after, self._over_time(memory, 0 if back else 1))
        ends = (0 if back else self.steps) * memory.strides[0]
        self.last.setdefault(after, View(memory.buffer, *_form(memory), ends))

    def _write(self, node: Node, view: View) -> None:
        """Let the step write a value there: at once, or by a copy where it is computed elsewhere."""
        if node in self.homes or is_leaf(node) or is_layout(node):
            self.late.append((node, view))
        else:
            self.homes[node] = view

    def _history(self, node: Node) -> View:
        memory = self._places(node, self.steps)
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
        inner.views |= self.homes
        shapes = {n: inner.shape(n) for n in graph.nodes}
        kernels = fuse(graph.nodes, shapes, dict.fromkeys(graph.nodes, self.phase))
        homes = {node: kernel for kernel in kernels for node in kernel.nodes}
        read = needed(graph, homes)
        for kernel in kernels:
            inner.lower(kernel, read)
        self._copies(inner)
        reads = _distinct(self._real(v) for t in inner.tasks for v in t.reads)
        writes = _distinct(self._real(v) for t in inner.tasks for v in t.writes)
        self.low.add(
            "scan", self.wanted, reads, writes, self.phase,
            steps=self.steps, tasks=tuple(inner.tasks), moving=self.moving,
        )  # fmt: skip

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


def _form(memory: View) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The form of one place of memory over time."""
    return memory.shape[1:], memory.strides[1:]

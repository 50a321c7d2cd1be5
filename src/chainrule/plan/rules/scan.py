"""Lowering of loops over time: one task that runs the tasks of a time step repeatedly.

All values of one loop are computed together. Values of every step that only other loops read are stored time
outermost, so that the cells of one step are contiguous; values that others read are stored sample by sample.
A *moving* buffer represents the cell of the current step: it has no memory of its own, but starts in another
buffer, one cell further at every step.

A state that is needed at every step is not copied either: its memory has one cell more than there are steps,
with the initial state first, so the states before and after a step are two moving views of adjacent cells. A
state that is not needed has a single cell, which is overwritten once all readers of a step have read it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chainrule.graph import Graph, Node
from chainrule.plan.lowering_context import Lowering
from chainrule.plan.passes.elementwise_fusion import (
    Kernel,
    allows_row_gaps,
    concatenated_values,
    fuse,
    is_layout,
    is_leaf,
    kernels_of,
    memory_source,
    reads_before,
    stored_nodes,
)
from chainrule.plan.views import View
from chainrule.symbolic_shape import Spec, size_at


@dataclass(frozen=True)
class MovingBuffer:
    """Position of a moving buffer.

    Args:
        buffer: the buffer that it is part of.
        offset: its start at the first step, in elements.
        step: by how many elements its start advances at every step.
    """

    buffer: int
    offset: int
    step: int


OWN_LAYOUT = ("extent", "scan")  # operations that choose the memory of their value


def scan(lowering: Lowering, node: Node, phase: int) -> None:
    """Lower all values of the loop that a node belongs to."""
    if node not in lowering.views:
        _Loop(lowering, [n for n in lowering.graph.nodes if is_of_one_loop(n, node)], phase).lower()


def is_of_one_loop(a: Node, b: Node) -> bool:
    """Return whether two nodes are values of the same loop."""
    if a.op.name != "scan" or a.inputs != b.inputs:
        return False
    first, second = ({**n.op.attributes, "emit": None, "last": None} for n in (a, b))
    return first == second


class _Loop:
    """The lowering of one loop."""

    def __init__(self, lowering: Lowering, outputs: Sequence[Node], phase: int) -> None:
        self.lowering, self.outputs, self.phase = lowering, outputs, phase
        self.op: Any = outputs[0].op
        self.body = self.op.body
        specs = [Spec(lowering.shape(node), node.dtype) for node in outputs[0].inputs]
        self.steps = self.op.count(specs)
        self.sizes = {**lowering.sizes, **self.body.sizes(self.op.of_a_step(specs))}
        self.inputs: dict[Node, View] = {}  # views of the step's inputs
        self.homes: dict[Node, View] = {}  # views that the step writes directly
        self.copied: list[
            tuple[Node, View]
        ] = []  # nodes that are copied at the end of a step, with the target
        self.moving: dict[int, MovingBuffer] = {}
        self.histories: dict[Node, View] = {}  # states before and after every step
        self.last: dict[Node, View] = {}  # values of the last step
        self.single: dict[Node, View] = {}  # states with a single cell

    def lower(self) -> None:
        """Add the task; afterwards every output has its view."""
        inputs = self.outputs[0].inputs
        for leaf, source in zip(self.body.leaves, inputs, strict=True):
            view = self.lowering.view(source, self.phase)
            if leaf in self.body.cells:
                view = self._cell(view)
            elif leaf in self.body.givens and leaf.rank == 2:
                view = self._in_reading_order(leaf, source, view)
            self.inputs[leaf] = view
        stacked = {n.op.attributes["emit"] for n in self.outputs if not n.op.attributes["last"]}
        for state, after, start in zip(self.body.states, self.body.updates, inputs, strict=False):
            self._state(state, after, start, is_kept=state in stacked or after in stacked)
        histories = {node: self._history(node) for node in stacked if node not in self.histories}
        finals = {n: self._final(n.op.attributes["emit"]) for n in self.outputs if n.op.attributes["last"]}
        self._add()
        for node in self.outputs:
            emit = node.op.attributes["emit"]
            self.lowering.views[node] = finals.get(node) or self.histories.get(emit) or histories[emit]

    def _in_reading_order(self, leaf: Node, source: Node, view: View) -> View:
        """Return a matrix that every step reads, in the memory order that the step's products require."""
        nodes = {n for outputs in self.outputs for n in self.body.nodes(outputs.op.attributes["emit"])}
        readers = {n.op.name for n in nodes if leaf in n.inputs}
        if readers == {"transpose"}:
            return self.lowering.in_order(view.transposed((1, 0)), source, self.phase).transposed((1, 0))
        return self.lowering.in_order(view, source, self.phase) if "matmul" in readers else view

    # --- memory

    def _shape(self, node: Node) -> tuple[int, ...]:
        """Return the concrete shape of a value of the step."""
        return tuple(size_at(axis, self.sizes) for axis in node.shape)

    def _moving_view(self, view: View, shape: tuple[int, ...], strides: tuple[int, ...], step: int) -> View:
        """Return a view that starts ``step`` elements further at every step."""
        dtype = self.lowering.buffers[view.buffer].dtype
        number = self.lowering.new(shape, dtype, "moving").buffer
        self.moving[number] = MovingBuffer(view.buffer, view.offset, step)
        return View(number, shape, strides)

    def _cell(self, view: View) -> View:
        """Return the cell of a sequence at the current step."""
        axis = min(self.op.axis, len(view.shape) - 1)
        step, (shape, strides) = view.strides[axis], _without(view, axis)
        if self.op.reverse:
            view, step = replace(view, offset=view.offset + (self.steps - 1) * step), -step
        return self._moving_view(view, shape, strides, step)

    def _time_memory(self, cells: int, node: Node, values: Sequence[Node]) -> View:
        """Return new memory (cells, *shape) for a value of the step; ``values`` are stored there."""
        shape, axis = self._shape(node), self.op.axis
        if len(shape) < axis or self._are_read_by_loops_only(values):
            return self.lowering.new((cells, *shape), node.dtype)
        memory = self.lowering.new((*shape[:axis], cells, *shape[axis:]), node.dtype)
        return memory.transposed((axis, *(i for i in range(len(memory.shape)) if i != axis)))

    def _are_read_by_loops_only(self, values: Sequence[Node]) -> bool:
        """Return whether only other loops read these values."""
        stored = {node for node in self.outputs if node.op.attributes["emit"] in values}
        readers = [n for n in self.lowering.graph.nodes if not stored.isdisjoint(n.inputs)]
        return all(n.op.name == "scan" for n in readers) and stored.isdisjoint(self.lowering.outputs)

    def _cell_view(self, memory: View, number: int) -> View:
        offset = memory.offset + number * memory.strides[0]
        return View(memory.buffer, memory.shape[1:], memory.strides[1:], offset)

    def _moving_cell(self, memory: View, number: int) -> View:
        """Return the view that starts at a cell and moves with time."""
        cell, step = self._cell_view(memory, number), memory.strides[0]
        return self._moving_view(cell, cell.shape, cell.strides, -step if self.op.reverse else step)

    def _over_time(self, memory: View, first: int) -> View:
        """Return the value of every step, with time along its axis, from cell ``first`` on."""
        cells = replace(memory, shape=(self.steps, *memory.shape[1:]))
        others, axis = list(range(1, len(memory.shape))), self.op.axis
        return replace(
            cells.transposed((*others[:axis], 0, *others[axis:])),
            offset=memory.offset + first * memory.strides[0],
        )

    def _state(self, state: Node, after: Node, start: Node, is_kept: bool) -> None:
        """Allocate memory for a state and copy the initial state."""
        before, reverse = self.lowering.view(start, self.phase), self.op.reverse
        memory = self._time_memory(self.steps + 1 if is_kept else 1, state, (state, after))
        first, end = (self.steps, 0) if reverse and is_kept else (0, self.steps if is_kept else 0)
        self.lowering.add("copy", (start,), (before,), (self._cell_view(memory, first),), self.phase)
        self.last.setdefault(after, self._cell_view(memory, end))
        if not is_kept:
            self.inputs[state] = self.single[state] = self._cell_view(memory, 0)
            return
        self.inputs[state] = self._moving_cell(memory, first)
        self._write(after, self._moving_cell(memory, first - 1 if reverse else 1))
        self.histories.setdefault(state, self._over_time(memory, 1 if reverse else 0))
        self.histories.setdefault(after, self._over_time(memory, 0 if reverse else 1))

    def _write(self, node: Node, view: View) -> None:
        """Make the step write a value to a view: directly, or by a copy if it is computed elsewhere."""
        is_computed = not (is_leaf(node) or is_layout(node) or node.op.name in OWN_LAYOUT)
        if is_computed and node not in self.homes and (view.is_dense or allows_row_gaps(node)):
            self.homes[node] = view
        else:
            self.copied.append((node, view))

    def _history(self, node: Node) -> View:
        memory = self._time_memory(self.steps, node, (node,))
        self._write(node, self._moving_cell(memory, self.steps - 1 if self.op.reverse else 0))
        return self._over_time(memory, 0)

    def _final(self, node: Node) -> View:
        """Return the view of a value of the last step."""
        if node not in self.last:
            self.last[node] = self.lowering.new(self._shape(node), node.dtype)
            self._write(node, self.last[node])
        return self.last[node]

    # --- the tasks of a step

    def _add(self) -> None:
        nodes = [*self.homes, *(node for node, _ in self.copied)]
        graph = Graph({str(i): node for i, node in enumerate(dict.fromkeys([*self.body.updates, *nodes]))})
        inner = self.lowering.scan_step(graph, self.inputs, self.sizes)
        shapes = {n: inner.shape(n) for n in graph.nodes}
        kernels = fuse(graph.nodes, shapes, dict.fromkeys(graph.nodes, self.phase))
        homes = kernels_of(kernels)
        self._assign_single_states(graph, homes)
        inner.views |= self.homes
        inner.concatenated = concatenated_values(graph.nodes, homes)
        stored = stored_nodes(graph, kernels)
        for kernel in kernels:
            inner.rules.lower(inner, kernel, stored)
        self._add_copies(inner)
        reads = _one_per_buffer(self._base_view(v) for t in inner.tasks for v in t.reads)
        writes = _one_per_buffer(self._base_view(v) for t in inner.tasks for v in t.writes)
        tasks = tuple(inner.tasks)
        self.lowering.add(
            "scan", self.outputs, reads, writes, self.phase, steps=self.steps, tasks=tasks, moving=self.moving
        )

    def _assign_single_states(self, graph: Graph, homes: Mapping[Node, Sequence[Kernel]]) -> None:
        """Choose how states with a single cell are written: directly after all readers, or by a copy."""
        updates = [
            (s, a) for s, a in zip(self.body.states, self.body.updates, strict=True) if s in self.single
        ]
        self.copied += [(after, self.single[state]) for state, after in updates if after not in homes]
        for state, after in ((s, a) for s, a in updates if a in homes):
            is_copied = state in {memory_source(node) for node, _ in self.copied}
            is_free = not (after in self.homes or is_copied or after.op.name in OWN_LAYOUT)
            readers = [n for n in graph.nodes if state in map(memory_source, n.inputs)]
            if is_free and all(reads_before(n, state, homes[after][0], homes) for n in readers):
                self.homes[after] = self.single[state]
            else:
                self.copied.append((after, self.single[state]))

    def _add_copies(self, inner: Lowering) -> None:
        """Add the copies at the end of a step; no copy reads what another has overwritten."""
        targets = {view.buffer for _, view in self.copied}
        copies = []
        for node, view in self.copied:
            source = inner.view(node, self.phase)
            if source.buffer in targets and source != view:
                temporary = inner.new(source.shape, node.dtype)
                inner.add("copy", (node,), (source,), (temporary,), self.phase)
                source = temporary
            if source != view:
                copies.append((node, source, view))
        for node, source, view in copies:
            inner.add("copy", (node,), (source,), (view,), self.phase)

    def _base_view(self, view: View) -> View:
        """Return the view of the memory behind a moving buffer at the first step."""
        if view.buffer not in self.moving:
            return view
        moving = self.moving[view.buffer]
        return replace(view, buffer=moving.buffer, offset=moving.offset + view.offset)


def _one_per_buffer(views: Iterable[View]) -> tuple[View, ...]:
    return tuple({view.buffer: view for view in views}.values())


def _without(view: View, axis: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    shape, strides = ((*v[:axis], *v[axis + 1 :]) for v in (view.shape, view.strides))
    return shape, strides

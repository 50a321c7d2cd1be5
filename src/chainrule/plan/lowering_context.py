"""Lowering context: the buffers, views and tasks that rules collect for a plan.

A rule gets the view of each input and the target of its result from the context, and adds tasks that read
and write them. Layout operations become views; a value that must be contiguous for its reader and is not is
copied first. The context is below the rules: what they decide for it (``Rules``) is passed to it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np

from chainrule.graph import Constant, Graph, Input, Node
from chainrule.ops.operation_card import Card
from chainrule.plan.passes.axis_layout import WINDOW_OPS, axis_orders, narrow_rows, stacked_operands
from chainrule.plan.passes.elementwise_fusion import Kernel, is_layout, is_leaf
from chainrule.plan.tasks import BEFORE, MICROBATCHES, Buffer, Task
from chainrule.plan.views import Padding, Triple, View, as_three_axes, is_small, layout_view, row_axes
from chainrule.records import frozen
from chainrule.symbolic_shape import size_at


class Lowering:
    """The buffers and tasks of a plan under construction.

    Args:
        sizes: sizes of the batch (of a microbatch if it is divided).
        batch_sizes: sizes of the whole batch.
        summed: nodes that are summed over the microbatches.
        in_place: outputs that are written over the input of this label.
        rules: what the rules of the operations decide.
    """

    def __init__(
        self,
        graph: Graph,
        sizes: Mapping[str, int],
        batch_sizes: Mapping[str, int],
        summed: set[Node],
        in_place: Mapping[Node, str],
        rules: Rules,
    ) -> None:
        self.rules = rules
        self.sizes, self.batch_sizes, self.summed, self.in_place = sizes, batch_sizes, summed, in_place
        self.buffers: list[Buffer] = []
        self.outputs = {node: name for name, node in graph.outputs.items()}
        self.deferred: set[Node] = set()  # gradients that are computed after all microbatches,
        self.deferred_factors: dict[Node, View] = {}  # and their factors, for all samples
        # Values that are computed in place in a concatenation, with it and the index of its input.
        self.concatenated: Mapping[Node, tuple[Node, int]] = {}
        self._begin(graph, {}, BEFORE)
        self.phase = MICROBATCHES
        for node in graph.nodes:
            if node in summed:
                self.target(node)

    def _begin(self, graph: Graph, inputs: Mapping[Node, View], phase: int) -> None:
        """Set the views of a graph's inputs, and determine memory layouts."""
        self.graph, self.phase = graph, phase
        self.tasks: list[Task] = []
        self.views: dict[Node, View] = {}
        self.copies: dict[Any, View] = {}  # shared by all readers
        self.paddings: dict[Node, Padding] = {}  # images that are written inside their padding
        # In a step of a loop over time, the layout of the values is given.
        self.narrow = set() if inputs else narrow_rows(graph, self.batch_sizes)
        self.axis_orders = axis_orders(graph, self.batch_sizes, self.narrow)
        self.uncopied_inputs = {node for node in self.axis_orders if is_leaf(node)}  # until they are read
        self.stacked = stacked_operands(graph)
        self.is_inner = any(node.op.name in WINDOW_OPS for node in self.axis_orders)
        for node in graph.nodes:
            if node in inputs:
                self.views[node] = inputs[node]
            elif isinstance(node.op, Input):
                self.views[node] = self._buffer(node, "input", node.op.label)
            elif isinstance(node.op, Constant):
                self.views[node] = self._buffer(node, "constant", array=node.op.array)
        for node in graph.nodes:  # in the graph's order, which does not depend on the size of the microbatch
            self.rules.prepare(self, node)

    def scan_step(self, graph: Graph, inputs: Mapping[Node, View], sizes: Mapping[str, int]) -> Lowering:
        """Return a lowering of a step of a loop over time, in the memory of this plan."""
        inner = copy(self)
        inner.sizes, inner.summed, inner.in_place, inner.outputs = sizes, set(), {}, {}
        inner._begin(graph, inputs, self.phase)
        return inner

    # --- memory

    def shape(self, node: Node) -> tuple[int, ...]:
        """Return the concrete shape of a node."""
        return tuple(size_at(axis, self.sizes) for axis in node.shape)

    def op(self, node: Node) -> Card:
        """Return the card of a node with its sizes bound."""
        return node.op.with_sizes(self.sizes)  # pyright: ignore[reportReturnType]

    def _buffer(self, node: Node, origin: str, label: str = "", array: np.ndarray | None = None) -> View:
        return self.new(self.shape(node), node.dtype, origin, label, array)

    def new(
        self,
        shape: tuple[int, ...],
        dtype: str,
        origin: str = "work",
        label: str = "",
        array: np.ndarray | None = None,
    ) -> View:
        """Return a view of a new buffer."""
        self.buffers.append(Buffer(len(self.buffers), shape, dtype, origin, label, array, self.phase))
        return View.contiguous(len(self.buffers) - 1, shape)

    def target(self, node: Node) -> View:
        """Return the view that a node's value is written to."""
        if node not in self.views:
            self.views[node] = self._allocate(node)
        return self.views[node]

    def _allocate(self, node: Node) -> View:
        if node in self.in_place:
            return self.views[self.graph.inputs[self.in_place[node]]]
        return self.rules.allocate(self, node)

    def ordered(
        self, shape: Sequence[int], dtype: str, order: Sequence[int], origin: str = "work", label: str = ""
    ) -> View:
        """Return a new buffer with its axes in this memory order, outermost first, viewed as they are."""
        if tuple(order) == tuple(range(len(shape))):
            return self.new(tuple(shape), dtype, origin, label)
        buffer = self.new(tuple(shape[axis] for axis in order), dtype, origin, label)
        return buffer.transposed(np.argsort(order).tolist())

    def view(self, node: Node, phase: int = 0) -> View:
        """Return the view that a node's value is read from."""
        if node in self.uncopied_inputs:
            self.uncopied_inputs.remove(node)
            copy = self.ordered(self.views[node].shape, node.dtype, self.axis_orders[node])
            self.add("copy", (node,), (self.views[node],), (copy,), phase)
            self.views[node] = copy
        if node not in self.views:
            if not is_layout(node):
                raise KeyError(f"{node!r} is read before it is computed")
            (source,) = node.inputs
            view = layout_view(self.op(node), self.view(source, phase), self.shape(node))
            self.views[node] = view or self._copied_view(node, source, phase)
        return self.views[node]

    def _copied_view(self, node: Node, source: Node, phase: int) -> View:
        """Return the result of a layout operation on a copy, with samples innermost if they are, can stay so
        and are not the stack of a product.
        """
        view, op, shape = self.view(source, phase), self.op(node), self.shape(node)
        axes = tuple(range(len(view.shape)))
        is_inner = self.is_inner and axes and view.strides[0] == 1 and node not in self.stacked
        orders = [(*axes[1:], 0), axes] if is_inner else [axes]
        for order in orders:
            lengths = tuple(view.shape[axis] for axis in order)
            view_of_copy = layout_view(
                op, View.contiguous(-1, lengths).transposed(np.argsort(order).tolist()), shape
            )
            if view_of_copy is not None:
                copy = self.ordered(view.shape, source.dtype, order)
                self.add("copy", (source,), (view,), (copy,), phase)
                return View(copy.buffer, view_of_copy.shape, view_of_copy.strides, view_of_copy.offset)
        raise AssertionError(f"{node!r} is not a view of a contiguous value")

    def dense(self, node: Node, phase: int) -> View:
        """Return the node's value with its elements in order; copied if necessary."""
        return self.in_order(self.view(node, phase), node, phase)

    def in_order(self, view: View, node: Node, phase: int) -> View:
        """Return a contiguous view of the same value: itself, or a copy."""
        if view.is_dense:
            return view
        copy = self.new(view.shape, node.dtype)
        self.add("copy", (node,), (view,), (copy,), phase)
        return copy

    def fill(self, node: Node, view: View, value: float, phase: int) -> None:
        """Write one number to all elements."""
        number = self.table(np.array(value, node.dtype))
        source = View(number.buffer, view.shape, (0,) * len(view.shape))
        self.add("copy", (node,), (source,), (view,), phase)

    def table(self, array: np.ndarray) -> View:
        """Return a constant of the plan."""
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.copies:
            self.copies[key] = self.new(array.shape, array.dtype.name, "constant", array=array)
        return self.copies[key]

    def add(
        self,
        kind: str,
        nodes: Sequence[Node],
        reads: Sequence[View],
        writes: Sequence[View],
        phase: int,
        **facts: Any,
    ) -> None:
        if kind == "copy" and writes[0].shape:  # repeated values are first made contiguous, as for a loop
            reads = self.contiguous_operands(nodes[0], reads, writes[0], phase)
        adds = kind not in ("loop", "copy") and any(self.buffers[v.buffer].origin == "summed" for v in writes)
        self.tasks.append(Task(kind, tuple(nodes), tuple(reads), tuple(writes), phase, adds, facts))

    def copy_to_inputs(self, pairs: Mapping[str, Node], phase: int) -> None:
        """Copy outputs over the inputs they replace, unless they were written there.

        Args:
            pairs: input label to output.
        """
        inputs = {k: self.views[self.graph.inputs[k]] for k in pairs if k in self.graph.inputs}
        input_buffers = {view.buffer for view in inputs.values()}
        views = {label: self.view(pairs[label], phase) for label in inputs}
        copied = [label for label, view in inputs.items() if views[label] != view]
        for label in copied:
            if views[label].buffer in input_buffers:  # an old value, which another copy may overwrite first
                node = pairs[label]
                copy = self.new(views[label].shape, node.dtype)
                self.add("copy", (node,), (views[label],), (copy,), phase)
                views[label] = copy
        for label in copied:
            self.add("copy", (pairs[label],), (views[label],), (inputs[label],), phase)

    def arrange(self, node: Node, axes: Sequence[int], phase: int) -> tuple[View, Triple, Triple]:
        """Return a value as (outer, along, inner), the given axes in the middle: view, lengths, strides."""
        view = self.view(node, phase)
        if axes and list(axes) != list(range(axes[0], axes[0] + len(axes))):
            rest = [axis for axis in range(len(view.shape)) if axis not in axes]
            view, axes = view.transposed((*rest, *axes)), range(len(rest), len(view.shape))
        three = as_three_axes(view, axes)
        if three is None:
            view = self.in_order(view, node, phase)
            three = as_three_axes(view, axes)
        assert three is not None
        return view, *three

    # --- operands of loops

    def contiguous_operands(self, node: Node, reads: Sequence[View], like: View, phase: int) -> list[View]:
        """Return the operands of a loop, with copies of small ones in the order in which the loop iterates.

        A loop is fast if it iterates over long rows in which all its operands are contiguous. Large values
        stay as they are; small ones are copied: a number for each channel is repeated for each sample if
        samples are innermost, so that whole images are one row.

        Args:
            like: the view in whose memory order the loop iterates.
        """
        operands, inner_axes = [], row_axes(like)
        for view in reads:
            steps = [view.strides[axis] for axis in inner_axes if like.shape[axis] > 1]
            is_strided = bool(steps) and (steps[-1] not in (0, 1) or 0 < steps.count(0) < len(steps))
            is_strided = is_strided and 0 not in like.shape  # a value without elements has no rows
            axes = [axis for axis, step in enumerate(view.strides) if step or axis in inner_axes]
            axes.sort(key=lambda axis: inner_axes.index(axis) if axis in inner_axes else -like.strides[axis])
            if is_strided and is_small([view.shape[axis] for axis in axes], like):
                view = self._copy_along(node, view, axes, phase)
            operands.append(view)
        return operands

    def _copy_along(self, node: Node, view: View, axes: Sequence[int], phase: int) -> View:
        """Return a copy of a view along some axes, in this memory order, repeated along the others."""
        transposed = view.transposed(axes)
        copy = self.new(transposed.shape, self.buffers[view.buffer].dtype)
        self.add("copy", (node,), (transposed,), (copy,), phase)
        strides = dict(zip(axes, copy.strides, strict=True))
        return View(copy.buffer, view.shape, tuple(strides.get(axis, 0) for axis in range(len(view.shape))))


@frozen
class Rules:
    """The decisions of the rules of operations.

    Args:
        prepare: prepares a node of a graph before any kernel is lowered, such as transposed weights.
        allocate: returns the view of new memory that a node's value is written to.
        lower: adds the tasks of a kernel, given the nodes whose values are read outside their loop.
    """

    prepare: Callable[[Lowering, Node], None]
    allocate: Callable[[Lowering, Node], View]
    lower: Callable[[Lowering, Kernel, Collection[Node]], None]

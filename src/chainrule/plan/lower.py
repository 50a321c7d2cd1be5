"""Lowering of kernels to tasks: what each task reads and writes, as views of buffers.

Layout operations become views; a value that must be contiguous for its reader and is not is copied first;
operations without a rule run by their reference implementation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np

from chainrule.graph import Constant, Graph, Input, Node
from chainrule.ops.batch_axis import per_sample
from chainrule.ops.card import Card
from chainrule.plan.passes import deferred_gradients
from chainrule.plan.passes.fused_loop import Kernel, is_elementwise, is_layout, is_leaf, memory_source
from chainrule.plan.passes.memory_layout import WINDOW_OPS, axis_orders, narrow_rows
from chainrule.plan.rules import concat_pad, convolution, image_padding, matmul, reduction, resample, scan
from chainrule.plan.rules.loop_operands import contiguous_operands, lower_fold
from chainrule.plan.tasks import BEFORE, MICROBATCHES, Buffer, Task
from chainrule.plan.views import Triple, View, as_three_axes, layout_view, leading_view
from chainrule.spec import size_at


class Lowering:
    """Collects buffers and tasks.

    Args:
        graph: the graph.
        sizes: sizes of the batch (of a microbatch if it is divided).
        batch_sizes: sizes of the whole batch.
        summed: nodes that are summed over the microbatches.
        in_place: outputs that are written over the input of this label.
    """

    def __init__(
        self,
        graph: Graph,
        sizes: Mapping[str, int],
        batch_sizes: Mapping[str, int],
        summed: set[Node],
        in_place: Mapping[Node, str],
    ) -> None:
        self.sizes, self.batch_sizes, self.summed, self.in_place = sizes, batch_sizes, summed, in_place
        self.buffers: list[Buffer] = []
        self.outputs = {node: name for name, node in graph.outputs.items()}
        self.deferred: set[Node] = set()  # gradients that are computed after all microbatches,
        self.deferred_factors: dict[Node, View] = {}  # and their factors, for all samples
        self.concatenated: Mapping[
            Node, tuple[Node, int]
        ] = {}  # values that are computed in place in a concatenation
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
        self.paddings: dict[Node, image_padding.Padding] = {}  # images that are written inside their padding
        # In a step of a loop over time, the layout of the values is given.
        self.narrow = set() if inputs else narrow_rows(graph, self.batch_sizes)
        self.axis_orders = axis_orders(graph, self.batch_sizes, self.narrow)
        self.uncopied_inputs = {node for node in self.axis_orders if is_leaf(node)}  # until they are read
        self.is_inner = any(node.op.name in WINDOW_OPS for node in self.axis_orders)
        for node in graph.nodes:
            if node in inputs:
                self.views[node] = inputs[node]
            elif isinstance(node.op, Input):
                self.views[node] = self._buffer(node, "input", node.op.label)
            elif isinstance(node.op, Constant):
                self.views[node] = self._buffer(node, "constant", array=node.op.array)
        for node in graph.nodes:  # in the graph's order, which does not depend on the size of the microbatch
            convolution.prepare(self, node)

    def scan_step(self, graph: Graph, inputs: Mapping[Node, View], sizes: Mapping[str, int]) -> Lowering:
        """Return a lowering of a step of a loop over time, in the memory of this plan.

        Args:
            graph: graph of the step.
            inputs: views of its inputs.
            sizes: sizes of the step.
        """
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
        return node.op.at(self.sizes)  # pyright: ignore[reportReturnType]

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
        if node in self.concatenated and self._is_plain(node, self.concatenated[node][0]):
            concatenation, index = self.concatenated[node]
            return concat_pad.input_view(concatenation, index, self.target(concatenation), self.shape(node))
        if node in self.paddings and node not in self.outputs:
            return image_padding.padded_target(self, node, self.paddings[node])
        origin = "summed" if node in self.summed else "output" if node in self.outputs else "work"
        order = convolution.axis_order(self, node) or self.axis_orders.get(node) or tuple(range(node.rank))
        return self.ordered(self.shape(node), node.dtype, order, origin, self.outputs.get(node, ""))

    def _is_plain(self, node: Node, concatenation: Node) -> bool:
        """Return whether a value may be part of a larger one: it has no memory yet, and the same order of
        axes.
        """
        has_memory = any(node in nodes for nodes in (self.summed, self.outputs, self.in_place))
        return not has_memory and self.axis_orders.get(node) == self.axis_orders.get(concatenation)

    def ordered(
        self,
        shape: Sequence[int],
        dtype: str,
        order: Sequence[int],
        origin: str = "work",
        label: str = "",
    ) -> View:
        """Return a new buffer with its axes in this memory order, outermost first, viewed with its axes as
        they are.
        """
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
        """Return the result of a layout operation on a copy, with samples innermost if they are and can stay
        so.
        """
        view, op, shape = self.view(source, phase), self.op(node), self.shape(node)
        axes = tuple(range(len(view.shape)))
        orders = [(*axes[1:], 0), axes] if self.is_inner and axes and view.strides[0] == 1 else [axes]
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
            reads = contiguous_operands(self, nodes[0], reads, writes[0], phase)
        adds = kind not in ("loop", "copy") and any(self.buffers[v.buffer].origin == "summed" for v in writes)
        self.tasks.append(Task(kind, tuple(nodes), tuple(reads), tuple(writes), phase, adds, facts))

    # --- kernels

    def lower(self, kernel: Kernel, needed: Collection[Node]) -> None:
        """Add the tasks of a kernel.

        Args:
            needed: nodes whose values are read outside their loop.
        """
        self.phase = kernel.phase
        if kernel.recomputed:
            for node in [n for n in self.views if memory_source(n) in kernel.recomputed]:
                del self.views[node]
        if kernel.is_loop:
            self._loop(kernel, kernel.recomputed or needed)
        else:
            (node,) = kernel.nodes
            is_early = node in self.deferred and kernel.phase == MICROBATCHES
            rule = deferred_gradients.store_factors if is_early else RULES.get(node.op.name, _reference)
            rule(self, node, kernel.phase)

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
            if (
                views[label].buffer in input_buffers
            ):  # a view of an old value, which another copy may overwrite first
                node = pairs[label]
                copy = self.new(views[label].shape, node.dtype)
                self.add("copy", (node,), (views[label],), (copy,), phase)
                views[label] = copy
        for label in copied:
            self.add("copy", (pairs[label],), (views[label],), (inputs[label],), phase)

    def _loop(self, kernel: Kernel, needed: Collection[Node]) -> None:
        inside, product = set(kernel.nodes), kernel.product
        loop = [node for node in kernel.nodes if node is not product]
        operands = list(dict.fromkeys(s for n in loop for s in n.inputs if s not in inside))
        reads = self.factors(product, kernel.phase) if product is not None else []
        reads += [self.view(s, kernel.phase) for s in operands]
        folds = [n for n in loop if not is_elementwise(n)]  # the reductions at the end of the loop
        stored = [n for n in kernel.nodes if n in needed and n not in folds]
        writes = [self.target(n) for n in stored]
        if product is not None and memory_source(product) in self.deferred:
            deferred_gradients.lower_in_strips(
                self, kernel, reads, writes, {"operands": [product, *operands], "stored": stored}
            )
            return
        kind = "loop" if product is None else "matmul"
        if product is None and kernel.shape:
            reads = contiguous_operands(self, loop[-1], reads, leading_view((*writes, *reads)), kernel.phase)
        leading = leading_view((*writes, *reads))
        fold_results = [FOLD_RULES.get(n.op.name, lower_fold)(self, n, leading, kernel.phase) for n in folds]
        writes += [view for view, _ in fold_results]
        facts = {"operands": operands, "stored": stored, "folds": folds}
        self.add(kind, kernel.nodes, reads, writes, kernel.phase, **facts)
        for _, finish in fold_results:
            finish()

    def factors(self, node: Node, phase: int) -> list[View]:
        """Return the views of a product's factors."""
        if memory_source(node) in self.deferred:
            return deferred_gradients.factors(self, node)
        return [self.view(s, phase) for s in node.inputs]

    def arrange(self, node: Node, axes: Sequence[int], phase: int) -> tuple[View, Triple, Triple]:
        """Return a value as (outer, along, inner) with the given axes in the middle: view,
        lengths, strides.
        """
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


Rule = Callable[[Lowering, Node, int], None]


def _reference(lowering: Lowering, node: Node, phase: int) -> None:
    """Lower any other operation: it runs by the card's ``evaluate``."""
    reads = [lowering.view(s, phase) for s in node.inputs]
    lowering.add("reference", (node,), reads, (lowering.target(node),), phase, op=lowering.op(node))


def _softmax(lowering: Lowering, node: Node, phase: int) -> None:
    view, lengths, strides = lowering.arrange(node.inputs[0], (node.op.attributes["axis"],), phase)
    lowering.add(
        node.op.name, (node,), (view,), (lowering.target(node),), phase, lengths=lengths, strides=strides
    )


def _rows(lowering: Lowering, node: Node, phase: int) -> None:
    reads = [lowering.dense(s, phase) for s in node.inputs]
    lowering.add(node.op.name, (node,), reads, (lowering.target(node),), phase)


def _extent(lowering: Lowering, node: Node, phase: int) -> None:
    """Lower a count of elements: it is a constant, of the whole batch."""
    (source,), op = node.inputs, node.op
    shape = source.spec.at(lowering.batch_sizes).shape
    count = math.prod(int(shape[axis]) for axis in op.attributes["axes"])
    lowering.views[node] = lowering.new((), node.dtype, "constant", array=np.array(count, node.dtype))
    if node in lowering.outputs:
        output = lowering.new((), node.dtype, "output", lowering.outputs[node])
        lowering.add("copy", (node,), (lowering.views[node],), (output,), phase)


def _uniform(lowering: Lowering, node: Node, phase: int) -> None:
    reads = [lowering.dense(node.inputs[0], phase)]
    stream, writes = node.op.attributes["stream"], (lowering.target(node),)
    lowering.add("uniform", (node,), reads, writes, phase, stream=stream, per_sample=per_sample(node.shape))


def _scan(lowering: Lowering, node: Node, phase: int) -> None:
    """Lower a loop over time; if a step has an operation without kernel, the whole loop runs by reference."""
    body, emit = node.op.attributes["body"], node.op.attributes["emit"]
    if all(has_kernel(inner) for inner in body.nodes(emit)):
        scan.scan(lowering, node, phase)
    else:
        _reference(lowering, node, phase)


def has_kernel(node: Node) -> bool:
    """Return whether a node is computed by tasks that have kernels."""
    if node.op.name == "scan":
        step = node.op.attributes
        return all(has_kernel(inner) for inner in step["body"].nodes(step["emit"]))
    return is_leaf(node) or is_layout(node) or is_elementwise(node) or node.op.name in RULES


FOLD_RULES = {"fold": convolution.lower_fold}
RULES: dict[str, Rule] = {
    "matmul": matmul.matmul,
    **dict.fromkeys(("sum", "max", "min", "argmax"), reduction.reduce),
    **dict.fromkeys(("softmax", "log_softmax", "logsumexp"), _softmax),
    **dict.fromkeys(("gather", "scatter_add", "one_hot"), _rows),
    "extent": _extent,
    "concatenate": concat_pad.concatenate,
    "pad": concat_pad.pad,
    "resample": resample.resample,
    "uniform": _uniform,
    "scan": _scan,
    **convolution.RULES,
}

"""From kernels to tasks: what each reads and writes, as views of buffers.

Layout operations become views; a value that must lie in order for its reader and does not is copied first;
everything that no rule here knows is left to the law.
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
from chainrule.plan.passes.fused_loop import Kernel, is_elementwise, is_layout, is_leaf, seen_through
from chainrule.plan.passes.memory_layout import SEEDS, orders, thin
from chainrule.plan.rules import concat_pad, convolution, reduction, resample, scan
from chainrule.plan.rules.loop_operands import beside, end
from chainrule.plan.rules.matmul import dots
from chainrule.plan.tasks import BEFORE, PARTS, Buffer, Task
from chainrule.plan.views import Triple, View, collapse, in_three, leading, look
from chainrule.spec import size_at

FEW = 8  # rows up to which a product is cheaper as dot products than with the other side packed


class Lowering:
    """Collects buffers and tasks.

    Args:
        graph: what is to be computed.
        sizes: of the batch (of a part of it, when it is divided).
        whole: sizes of the whole batch, for those who count it.
        joined: nodes that are summed over the parts of the batch.
        in_place: outputs that are written over the input of this label.
    """

    def __init__(
        self,
        graph: Graph,
        sizes: Mapping[str, int],
        whole: Mapping[str, int],
        joined: set[Node],
        in_place: Mapping[Node, str],
    ) -> None:
        self.sizes, self.whole, self.joined, self.in_place = sizes, whole, joined, in_place
        self.buffers: list[Buffer] = []
        self.outputs = {node: name for name, node in graph.outputs.items()}
        self.late: set[Node] = set()  # gradients that are computed when all parts are done,
        self.kept: dict[Node, View] = {}  # and their factors, of all samples
        self.joints: Mapping[Node, tuple[Node, int]] = {}  # what is computed in its place of a larger value
        self._begin(graph, {}, BEFORE)
        self.phase = PARTS
        for node in graph.nodes:
            if node in joined:
                self.target(node)

    def _begin(self, graph: Graph, given: Mapping[Node, View], phase: int) -> None:
        """Views of what the graph is given, and what its readers want to have turned first."""
        self.graph, self.phase = graph, phase
        self.tasks: list[Task] = []
        self.views: dict[Node, View] = {}
        self.copies: dict[Any, View] = {}  # what was moved for one reader and serves the next
        self.frames: dict[Node, convolution.Frame] = {}  # images that are written amid their padding
        # In a step of a loop over time others have laid out the values.
        self.thin = set() if given else thin(graph, self.whole)
        self.orders = orders(graph, self.whole, self.thin)
        self.unturned = {node for node in self.orders if is_leaf(node)}  # inputs, until they are read
        self.is_inner = any(node.op.name in SEEDS for node in self.orders)
        for node in graph.nodes:
            if node in given:
                self.views[node] = given[node]
            elif isinstance(node.op, Input):
                self.views[node] = self._buffer(node, "input", node.op.label)
            elif isinstance(node.op, Constant):
                self.views[node] = self._buffer(node, "constant", array=node.op.array)
        for node in graph.nodes:  # in the graph's order, whatever that of the loops in a part of this size
            convolution.prepare(self, node)

    def inside(self, graph: Graph, given: Mapping[Node, View], sizes: Mapping[str, int]) -> Lowering:
        """Collects the tasks of a step of a loop, in the memory of this plan.

        Args:
            graph: of the step.
            given: where its inputs are read.
            sizes: of the step.
        """
        inner = copy(self)
        inner.sizes, inner.joined, inner.in_place, inner.outputs = sizes, set(), {}, {}
        inner._begin(graph, given, self.phase)
        return inner

    # --- memory

    def shape(self, node: Node) -> tuple[int, ...]:
        """The concrete shape of a node."""
        return tuple(size_at(axis, self.sizes) for axis in node.shape)

    def op(self, node: Node) -> Card:
        """The card of a node with its sizes bound."""
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
        """A new buffer, as a view of it."""
        self.buffers.append(Buffer(len(self.buffers), shape, dtype, origin, label, array, self.phase))
        return View.whole(len(self.buffers) - 1, shape)

    def target(self, node: Node) -> View:
        """Where a node's value is written."""
        if node not in self.views:
            self.views[node] = self._place(node)
        return self.views[node]

    def _place(self, node: Node) -> View:
        if node in self.in_place:
            return self.views[self.graph.inputs[self.in_place[node]]]
        if node in self.joints and self._is_plain(node, self.joints[node][0]):
            whole, place = self.joints[node]
            return concat_pad.part_of(whole, place, self.target(whole), self.shape(node))
        if node in self.frames and node not in self.outputs:
            return convolution.framed(self, node, self.frames[node])
        origin = "joined" if node in self.joined else "output" if node in self.outputs else "work"
        order = convolution.stored(self, node) or self.orders.get(node) or tuple(range(node.rank))
        return self.ordered(self.shape(node), node.dtype, order, origin, self.outputs.get(node, ""))

    def _is_plain(self, node: Node, whole: Node) -> bool:
        """Whether a value may lie in a larger one: it has no memory given, and no other order of axes."""
        is_given = any(node in held for held in (self.joined, self.outputs, self.in_place))
        return not is_given and self.orders.get(node) == self.orders.get(whole)

    def ordered(
        self,
        shape: Sequence[int],
        dtype: str,
        order: Sequence[int],
        origin: str = "work",
        label: str = "",
    ) -> View:
        """A new buffer whose axes lie in this order, the outermost first; seen with its axes as they are."""
        whole = self.new(tuple(shape[axis] for axis in order), dtype, origin, label)
        return whole.turned(np.argsort(order).tolist())

    def view(self, node: Node, phase: int = 0) -> View:
        """Where a node's value is read: its own memory, or a look at another's."""
        if node in self.unturned:
            self.unturned.remove(node)
            copy = self.ordered(self.views[node].shape, node.dtype, self.orders[node])
            self.add("copy", (node,), (self.views[node],), (copy,), phase)
            self.views[node] = copy
        if node not in self.views:
            if not is_layout(node):
                raise KeyError(f"{node!r} is read before it is computed")
            (source,) = node.inputs
            seen = look(self.op(node), self.view(source, phase), self.shape(node))
            self.views[node] = seen or self._moved(node, source, phase)
        return self.views[node]

    def _moved(self, node: Node, source: Node, phase: int) -> View:
        """What a layout operation shows of a copy, samples innermost where they are and can stay there."""
        view, op, shape = self.view(source, phase), self.op(node), self.shape(node)
        axes = tuple(range(len(view.shape)))
        orders = [(*axes[1:], 0), axes] if self.is_inner and axes and view.strides[0] == 1 else [axes]
        for order in orders:
            lengths = tuple(view.shape[axis] for axis in order)
            seen = look(op, View.whole(-1, lengths).turned(np.argsort(order).tolist()), shape)
            if seen is not None:
                copy = self.ordered(view.shape, source.dtype, order)
                self.add("copy", (source,), (view,), (copy,), phase)
                return View(copy.buffer, seen.shape, seen.strides, seen.offset)
        raise AssertionError(f"{node!r} does not look at numbers in order")

    def dense(self, node: Node, phase: int) -> View:
        """The node's value with its elements in order; copied if need be."""
        return self.in_order(self.view(node, phase), node, phase)

    def in_order(self, view: View, node: Node, phase: int) -> View:
        """A view whose elements lie in order: itself, or a copy."""
        if view.is_dense:
            return view
        copy = self.new(view.shape, node.dtype)
        self.add("copy", (node,), (view,), (copy,), phase)
        return copy

    def fill(self, node: Node, view: View, value: float, phase: int) -> None:
        """Write one number everywhere."""
        number = self.table(np.array(value, node.dtype))
        source = View(number.buffer, view.shape, (0,) * len(view.shape))
        self.add("copy", (node,), (source,), (view,), phase)

    def table(self, array: np.ndarray) -> View:
        """A constant of the plan's own."""
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
        if kind == "copy" and writes[0].shape:  # what is repeated is first laid out, as for a loop
            reads = beside(self, nodes[0], reads, writes[0], phase)
        adds = kind not in ("loop", "copy") and any(self.buffers[v.buffer].origin == "joined" for v in writes)
        self.tasks.append(Task(kind, tuple(nodes), tuple(reads), tuple(writes), phase, adds, facts))

    # --- kernels

    def lower(self, kernel: Kernel, needed: Collection[Node]) -> None:
        """The tasks of a kernel.

        Args:
            needed: nodes whose values are read outside their loop.
        """
        self.phase = kernel.phase
        if kernel.anew:
            for node in [n for n in self.views if seen_through(n) in kernel.anew]:
                del self.views[node]
        if kernel.is_loop:
            self._loop(kernel, kernel.anew or needed)
        else:
            (node,) = kernel.nodes
            is_early = node in self.late and kernel.phase == PARTS
            rule = deferred_gradients.keep if is_early else RULES.get(node.op.name, _law)
            rule(self, node, kernel.phase)

    def bring_home(self, pairs: Mapping[str, Node], phase: int) -> None:
        """Copy outputs over the inputs they replace, unless they were written there.

        Args:
            pairs: input label to output.
        """
        homes = {k: self.views[self.graph.inputs[k]] for k in pairs if k in self.graph.inputs}
        places = {home.buffer for home in homes.values()}
        views = {label: self.view(pairs[label], phase) for label in homes}
        moved = [label for label, home in homes.items() if views[label] != home]
        for label in moved:
            if views[label].buffer in places:  # it shows an old value, which another copy may replace first
                node = pairs[label]
                copy = self.new(views[label].shape, node.dtype)
                self.add("copy", (node,), (views[label],), (copy,), phase)
                views[label] = copy
        for label in moved:
            self.add("copy", (pairs[label],), (views[label],), (homes[label],), phase)

    def _loop(self, kernel: Kernel, needed: Collection[Node]) -> None:
        inside, product = set(kernel.nodes), kernel.product
        loop = [node for node in kernel.nodes if node is not product]
        operands = list(dict.fromkeys(s for n in loop for s in n.inputs if s not in inside))
        reads = self.factors(product, kernel.phase) if product is not None else []
        reads += [self.view(s, kernel.phase) for s in operands]
        last = [n for n in loop if not is_elementwise(n)]  # the reductions it ends in
        kept = [n for n in kernel.nodes if n in needed and n not in last]
        writes = [self.target(n) for n in kept]
        if product is not None and seen_through(product) in self.late:
            deferred_gradients.in_strips(
                self, kernel, reads, writes, {"operands": [product, *operands], "kept": kept}
            )
            return
        kind = "loop" if product is None else "matmul"
        if product is None and kernel.shape:
            reads = beside(self, loop[-1], reads, leading((*writes, *reads)), kernel.phase)
        like = leading((*writes, *reads))
        ends = [ENDS.get(n.op.name, end)(self, n, like, kernel.phase) for n in last]
        writes += [part for part, _ in ends]
        facts = {"operands": operands, "kept": kept, "last": last}
        self.add(kind, kernel.nodes, reads, writes, kernel.phase, **facts)
        for _, finish in ends:
            finish()

    def factors(self, node: Node, phase: int) -> list[View]:
        """What a product multiplies."""
        if seen_through(node) in self.late:
            return deferred_gradients.factors(self, node)
        return [self.view(s, phase) for s in node.inputs]

    def arrange(self, node: Node, axes: Sequence[int], phase: int) -> tuple[View, Triple, Triple]:
        """A value seen as (outer, along, inner), the given axes in the middle: view, lengths, strides."""
        view = self.view(node, phase)
        if axes and list(axes) != list(range(axes[0], axes[0] + len(axes))):
            rest = [axis for axis in range(len(view.shape)) if axis not in axes]
            view, axes = view.turned((*rest, *axes)), range(len(rest), len(view.shape))
        three = in_three(view, axes)
        if three is None:
            view = self.in_order(view, node, phase)
            three = in_three(view, axes)
        assert three is not None
        return view, *three


Rule = Callable[[Lowering, Node, int], None]


def _law(low: Lowering, node: Node, phase: int) -> None:
    """Anything else: by the card's own evaluate."""
    reads = [low.view(s, phase) for s in node.inputs]
    low.add("law", (node,), reads, (low.target(node),), phase, op=low.op(node))


def _matmul(low: Lowering, node: Node, phase: int) -> None:
    reads = []
    for source, view in zip(node.inputs, low.factors(node, phase), strict=True):
        if len(collapse(view.shape[:-2], [view.strides[:-2]])[0]) > 1:
            view = low.in_order(view, source, phase)
        reads.append(view)
    (a, b), c = reads, low.target(node)
    if len(c.shape) == 2 and a.shape[0] <= FEW and a.strides[1] == b.strides[0] == 1:
        dots(low, node, (a, (0,), ()), (b, (1,), ()), c, phase, a.shape[1])
    elif node in low.thin:
        low.add("taps", (node,), [*_outer(a, c, 0), *_outer(b, c, 1)], (c,), phase, by="weigh")
    else:
        low.add("matmul", (node,), reads, (c,), phase)


def _outer(factor: View, product: View, side: int) -> list[View]:
    """The columns of the left side of a product (0), or the rows of the right one (1), each as wide as it."""
    step, along = factor.strides[1 - side], factor.strides[side]
    strides = (0, along) if side else (along, 0)
    places = (factor.offset + i * step for i in range(factor.shape[1 - side]))
    return [View(factor.buffer, product.shape, strides, place) for place in places]


def _scores(low: Lowering, node: Node, phase: int) -> None:
    view, lengths, strides = low.arrange(node.inputs[0], (node.op.attributes["axis"],), phase)
    low.add(node.op.name, (node,), (view,), (low.target(node),), phase, lengths=lengths, strides=strides)


def _rows(low: Lowering, node: Node, phase: int) -> None:
    reads = [low.dense(s, phase) for s in node.inputs]
    low.add(node.op.name, (node,), reads, (low.target(node),), phase)


def _extent(low: Lowering, node: Node, phase: int) -> None:
    """A count is known when the plan is made: it is a constant, of the whole batch."""
    (source,), op = node.inputs, node.op
    shape = source.spec.at(low.whole).shape
    count = math.prod(int(shape[axis]) for axis in op.attributes["axes"])
    low.views[node] = low.new((), node.dtype, "constant", array=np.array(count, node.dtype))
    if node in low.outputs:
        output = low.new((), node.dtype, "output", low.outputs[node])
        low.add("copy", (node,), (low.views[node],), (output,), phase)


def _draw(low: Lowering, node: Node, phase: int) -> None:
    reads = [low.dense(node.inputs[0], phase)]
    stream, writes = node.op.attributes["stream"], (low.target(node),)
    low.add("uniform", (node,), reads, writes, phase, stream=stream, per_sample=per_sample(node.shape))


def _scan(low: Lowering, node: Node, phase: int) -> None:
    """A loop over time; where a step needs the law, the whole loop runs by it."""
    body, emit = node.op.attributes["body"], node.op.attributes["emit"]
    if all(has_kernel(inner) for inner in body.nodes(emit)):
        scan.scan(low, node, phase)
    else:
        _law(low, node, phase)


def has_kernel(node: Node) -> bool:
    """Whether a node is computed by tasks that have kernels, and not by the law."""
    if node.op.name == "scan":
        step = node.op.attributes
        return all(has_kernel(inner) for inner in step["body"].nodes(step["emit"]))
    return is_leaf(node) or is_layout(node) or is_elementwise(node) or node.op.name in RULES


ENDS = {"fold": convolution.put_back}
RULES: dict[str, Rule] = {
    "matmul": _matmul,
    **dict.fromkeys(("sum", "max", "min", "argmax"), reduction.reduce),
    **dict.fromkeys(("softmax", "log_softmax", "logsumexp"), _scores),
    **dict.fromkeys(("gather", "scatter_add", "one_hot"), _rows),
    "extent": _extent,
    "concatenate": concat_pad.concatenate,
    "pad": concat_pad.pad,
    "resample": resample.resample,
    "uniform": _draw,
    "scan": _scan,
    **convolution.RULES,
}

"""A loop over time: the same step for every cell of a sequence, from the states of the step before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from chainrule.errors import ShapeError, fact
from chainrule.graph import Constant, Node, input_node, make
from chainrule.memo import cached_property
from chainrule.notation.tree import Element, Number, Tree, substitute
from chainrule.ops.batch_axis import Role, roles
from chainrule.ops.card import Apart, Axes, BatchRule, Card, Pulled, Sample, Says, Shared, Whole, card, draw
from chainrule.ops.elementwise.math_functions import Tanh
from chainrule.ops.linear.matmul import matmul
from chainrule.ops.scan.scan_body import Body, close, resized
from chainrule.ops.scan.scan_gradient import pulled_back
from chainrule.records import frozen
from chainrule.spec import Axis, Spec, size_at

# The constants of a step, the calls of its other nodes, and the number of steps.
_Prepared: TypeAlias = "tuple[dict[Node, np.ndarray], list[tuple[Node, Callable[..., np.ndarray]]], int]"


@frozen
class _Loop(Card):
    body: Body
    emit: Node
    last: bool = False
    reverse: bool = False
    axis: int = 1


@card
class Scan(_Loop):
    """One value of a step at all times, or after the last step.

    At time t the step reads the states before it, s[t-1], the cells x[t] and the givens w; f is the emitted
    value, g its derivative, and delta the cotangent of the results of the step. Several values of one loop
    are several such operations on the same inputs; engines run the loop once.

    Args:
        body: the step, a graph of its own.
        emit: the value of the step that is the result: any node of its graph.
        last: whether the result is only the last value.
        reverse: whether time runs backwards, from the last cell to the first. Values stay at the position of
            their cell.
        axis: the time axis of the sequences and of the result; the last axis of values with fewer axes.

    Shapes: states, sequences with T cells along ``axis``, givens -> the shape of the value with T along
        ``axis``, or without it.

    Cost: T times that of the step. The backward pass reads matrix products from the forward pass and
        rematerializes elementwise values.

    Reference: Werbos (1990), Backpropagation through time: what it does and how to do it (Proc. IEEE 78).
    """

    name = "scan"
    chinese = "沿时间扫描"
    arguments = ("s", "x", "w")
    formula = "f[t]"  # f: the emitted value of the step, a function of s[t-1], x[t] and w
    pullbacks = {
        "s": "g[s,1] * delta[1]",  # g: the derivative of the step, delta: the cotangent of its results
        "x": "g[x,t] * delta[t]",
        "w": "sum(t, g[w,t] * delta[t])",
    }
    constraints = {
        "C1": "one input for each state, sequence and given of the step, of its shape and kind",
        "C2": "all sequences have the same number of cells",
        "C3": "there is at least one cell",
    }
    says = Says(
        "repeats a step for each cell of a sequence, from the states of the step before",
        "对序列的每一格重复同一步，每一步都用上一步留下的状态",
        "propagates backwards through time: each step passes the gradient to its cell, the weights and the "
        "step before",
        "沿时间反向传播：每一步把梯度分给它的输入、权重和前一步",
    )  # fmt: skip

    # --- shapes

    def infer(self, *specs: Spec) -> Spec:
        if len(specs) != len(self.body.leaves):
            raise ShapeError(
                "E227",
                expected=fact("{count} inputs (C1)", count=len(self.body.leaves)),
                received=f"{len(specs)}",
            )
        steps, inner = self.count(specs), self.of_a_step(specs)
        sizes = self.body.sizes(inner)
        wrong = [
            (leaf.op.attributes["label"], expected, spec)
            for leaf, spec in zip(self.body.leaves, inner, strict=True)
            if (expected := resized(leaf.spec, sizes)) != spec
        ]
        if wrong:
            (name, expected, received), *rest = wrong
            notes = [
                fact("{name}: {expected}, received {received}", name=other, expected=should, received=was)
                for other, should, was in rest
            ]
            raise ShapeError("E227", expected=f"{name}: {expected} (C1)", received=received, notes=notes)
        result = resized(self.emit.spec, sizes)
        return result if self.last else timed(result, self.axis, steps)

    def count(self, specs: Sequence[Spec]) -> Axis:
        """The number of cells of the sequences."""
        first = len(self.body.states)
        sequences = specs[first : first + len(self.body.cells)]
        lengths = [s.shape[min(self.axis, s.rank - 1)] for s in sequences if s.rank]
        if not lengths or any(n != lengths[0] for n in lengths):
            raise ShapeError(
                "E228", expected=fact("one number of cells (C2)"),
                received=", ".join(map(str, lengths)) or fact("no sequence"),
            )  # fmt: skip
        if lengths[0] == 0:
            raise ShapeError("E228", expected=fact("at least one cell (C3)"), received=fact("0 cells"))
        return lengths[0]

    def of_a_step(self, specs: Sequence[Spec]) -> list[Spec]:
        """The specs of the inputs of a step."""
        first = len(self.body.states)
        cells = range(first, first + len(self.body.cells))
        return [untimed(spec, self.axis) if i in cells else spec for i, spec in enumerate(specs)]

    def batch(self, axes: Axes, *specs: Spec) -> BatchRule:
        if all(axis is None for axis in axes):
            return Shared()
        inner = self._step_axes(axes)
        leaf_roles = {
            leaf: Role("shared" if axis is None else "sample", axis=axis)
            for leaf, axis in zip(self.body.leaves, inner, strict=True)
        }
        nodes = self.body.nodes(self.emit)
        node_roles = roles([*leaf_roles, *nodes], leaf_roles)
        if any(node_roles[after] != node_roles[before] for before, after in self.state_pairs()):
            return Whole("the states do not keep samples separate")
        if any(node_roles[node].kind == "reduced" or node_roles[node].round for node in nodes):
            return Whole("a step reduces over samples")
        axis = node_roles[self.emit].axis
        if axis is None:
            return Whole("the emitted value does not belong to a sample")
        return Apart(axis + (not self.last and axis >= self.axis))

    def state_pairs(self) -> list[tuple[Node, Node]]:
        """Each state before the step, with the state after it."""
        return list(zip(self.body.states, self.body.updates, strict=True))

    def _step_axes(self, axes: Axes) -> list[int | None]:
        first, cells = len(self.body.states), len(self.body.cells)
        return [
            axis - 1 if axis is not None and first <= i < first + cells and axis > self.axis else axis
            for i, axis in enumerate(axes)
        ]

    # --- values

    def evaluate(self, *inputs: np.ndarray) -> np.ndarray:
        values = [step[self.emit] for step in self.walk(inputs)]
        if self.last:
            return np.array(values[-1])
        return np.stack(values[::-1] if self.reverse else values, min(self.axis, values[0].ndim))

    def walk(self, inputs: Sequence[np.ndarray]) -> list[dict[Node, np.ndarray]]:
        """All values of every step, in the order of computation."""
        specs = tuple(Spec.of(array) for array in inputs)
        if specs not in self._prepared:
            self._prepared[specs] = self._prepare(specs)
        fixed, calls, steps = self._prepared[specs]
        first, last = len(self.body.states), len(self.body.states) + len(self.body.cells)
        states, sequences, all_values = list(inputs[:first]), inputs[first:last], []
        for t in places(steps, self.reverse):
            cells = [np.take(s, t, min(self.axis, s.ndim - 1)) for s in sequences]
            arrays = dict(zip(self.body.leaves, (*states, *cells, *inputs[last:]), strict=True))
            values = {**fixed, **arrays}
            for node, call in calls:
                values[node] = np.asarray(call(*(values[source] for source in node.inputs)))
            states = [values[node] for node in self.body.updates]
            all_values.append(values)
        return all_values

    @cached_property
    def _prepared(self) -> dict[tuple[Spec, ...], _Prepared]:
        """The prepared calls of ``walk``, by the specs of the inputs."""
        return {}

    def _prepare(self, specs: tuple[Spec, ...]) -> _Prepared:
        self.infer(*specs)
        sizes: Any = self.body.sizes(self.of_a_step(specs))
        nodes: list[Any] = self.body.nodes(self.emit)
        fixed = {node: node.op.array for node in nodes if isinstance(node.op, Constant)}
        calls = [(n, n.op.with_sizes(sizes).evaluate) for n in nodes if n not in fixed]
        return fixed, calls, int(size_at(self.count(specs), {}))

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        formulas = _ElementFormulas(self, self.walk(inputs), inputs)
        if self.last:
            return formulas.tree(self.emit, index, len(formulas.steps) - 1)
        axis = min(self.axis, len(index) - 1)
        step = len(formulas.steps) - 1 - index[axis] if self.reverse else index[axis]
        return formulas.tree(self.emit, (*index[:axis], *index[axis + 1 :]), step)

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        return pulled_back(self, dy, inputs)

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        body, after = _example(("B", 2), ("B", 2))
        alone, after_alone = _example((2, 2), (2, 2))
        few, after_few = _example((1, 1), (1, 1))
        w, batch = draw(2, 2, low=-1.0, high=1.0), (0, 0, None)
        return (
            Sample(cls(body, after), (draw(4, 2), draw(4, 3, 2), w), batch=batch),
            Sample(cls(body, after, last=True), (draw(4, 2), draw(4, 3, 2), w), batch=batch),
            Sample(cls(body, after, reverse=True), (draw(4, 2), draw(4, 3, 2), w), batch=batch),
            Sample(cls(body, after, True, True), (draw(4, 2), draw(4, 3, 2), w), batch=batch),
            Sample(cls(body, after, axis=0), (draw(4, 2), draw(3, 4, 2), w), batch=(0, 1, None)),
            Sample(cls(alone, after_alone), (draw(2, 2), draw(2, 2, 2), w)),
            Sample(cls(few, after_few), (draw(1, 1), draw(1, 1, 1), draw(1, 1))),
            Sample(cls(body, after), (draw(0, 2), draw(0, 3, 2), w), batch=batch),
            Sample(cls(alone, after_alone), (draw(2, 3), draw(2, 3, 2), w), breaks="C1"),
            Sample(cls(alone, after_alone), (draw(2, 2), draw(), w), breaks="C2"),
            Sample(cls(alone, after_alone), (draw(2, 2), draw(2, 0, 2), w), breaks="C3"),
        )


class _ElementFormulas:
    """Each scalar of a loop as a formula of scalars of its inputs.

    Args:
        op: the loop.
        steps: all values of every step.
        inputs: the inputs of the loop.
    """

    def __init__(self, op: Scan, steps: list[dict[Node, np.ndarray]], inputs: Sequence[np.ndarray]) -> None:
        self.op, self.steps = op, steps
        self.places = {leaf: i for i, leaf in enumerate(op.body.leaves)}
        self.sizes: Any = op.body.sizes(op.of_a_step([Spec.of(array) for array in inputs]))
        self.known: dict[tuple[Node, tuple[int, ...], int], Tree] = {}

    def tree(self, node: Node, index: tuple[int, ...], step: int) -> Tree:
        """The formula of a scalar of a value of a step; steps are counted in the order of computation."""
        key = (node, index, step)
        if key not in self.known:
            self.known[key] = self._of_leaf(*key) if node in self.places else self._of_node(*key)
        return self.known[key]

    def _of_leaf(self, leaf: Node, index: tuple[int, ...], step: int) -> Tree:
        body, place, axis = self.op.body, self.places[leaf], min(self.op.axis, len(index))
        if leaf in body.states and step > 0:
            return self.tree(body.updates[place], index, step - 1)
        if leaf not in body.cells:
            return Element(place, index)
        time = len(self.steps) - 1 - step if self.op.reverse else step
        return Element(place, (*index[:axis], time, *index[axis:]))

    def _of_node(self, node: Node, index: tuple[int, ...], step: int) -> Tree:
        if isinstance(node.op, Constant):
            return Number(node.op.array[index].item())
        op: Any = node.op.with_sizes(self.sizes)
        own = op.element(index, *(self.steps[step][source] for source in node.inputs))

        def replace(leaf: Tree) -> Tree | None:
            if not isinstance(leaf, Element):
                return None
            return self.tree(node.inputs[leaf.argument], leaf.index, step)

        return substitute(own, replace)


def places(steps: int, reverse: bool) -> range:
    """The times in the order of computation."""
    return range(steps - 1, -1, -1) if reverse else range(steps)


def timed(spec: Spec, axis: int, steps: Axis) -> Spec:
    """The spec of a value at all times."""
    axis = min(axis, spec.rank)  # for a scalar, time is the only axis
    return spec.with_shape((*spec.shape[:axis], steps, *spec.shape[axis:]))


def untimed(spec: Spec, axis: int) -> Spec:
    """The spec of one cell of a sequence."""
    axis = min(axis, spec.rank - 1)
    return spec.with_shape((*spec.shape[:axis], *spec.shape[axis + 1 :]))


def _example(state: tuple[Any, ...], cell: tuple[Any, ...]) -> tuple[Body, Node]:
    """The step s = tanh(s w + x), and the state after it."""
    s, x = input_node("s", state, "float64"), input_node("x", cell, "float64")
    w = input_node("w", (state[-1], state[-1]), "float64")
    after = make(Tanh(), matmul(s, w) + x)
    body, (emitted,) = close([s], [x], [w], [after], [after])
    return body, emitted


CARDS = (Scan,)

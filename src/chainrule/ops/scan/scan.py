"""A loop over time: the same step for every cell of a sequence, from the states of the step before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from chainrule.errors import ShapeError, fact
from chainrule.graph import Constant, Node, input_node, make, order, rebuild
from chainrule.memoization import cached_property
from chainrule.notation.tree import Element, Number, Tree, substitute
from chainrule.ops.array.reduction import sum as sum_of
from chainrule.ops.array.shape import reshape, transpose
from chainrule.ops.array.slicing import Pad
from chainrule.ops.batch_axis import Role, roles
from chainrule.ops.elementwise.broadcasting_functions import full_like
from chainrule.ops.elementwise.math_functions import Tanh
from chainrule.ops.linear.matmul import matmul
from chainrule.ops.operation_card import (
    Apart,
    Axes,
    BatchRule,
    Card,
    Flat,
    Pulled,
    Sample,
    Says,
    Shared,
    Whole,
    card,
    draw,
)
from chainrule.ops.pullback_walk import flow
from chainrule.records import frozen
from chainrule.symbolic_shape import Axis, Shape, Size, Spec, size_at

# One step of a loop over time, as a graph of its own.
#
# A step reads the *states* of the step before, the cells of the *sequences* at this time, and *givens*, which
# are the same at every step (weights, for example). From them it computes the new states. All of these are
# inputs of the graph of the step, so every engine can compute it, and the backward pass can recompute it.
# Inputs are named by their kind and number (``state 1``, ``cell 2``), so two loops with the same step are
# equal.


@frozen
class Body:
    """A step.

    Args:
        states: the inputs for the states before the step.
        cells: the inputs for the cells of the sequences.
        givens: the inputs for the values that are the same at every step.
        updates: the states after the step, in the order of ``states``.
    """

    states: tuple[Node, ...]
    cells: tuple[Node, ...]
    givens: tuple[Node, ...]
    updates: tuple[Node, ...]

    @property
    def leaves(self) -> tuple[Node, ...]:
        """All inputs, in the order of the inputs of the operation."""
        return (*self.states, *self.cells, *self.givens)

    def nodes(self, *outputs: Node) -> list[Node]:
        """Return the nodes of a step for the new states and these outputs, in topological order."""
        return order((*self.updates, *outputs), self.leaves)

    def sizes(self, specs: Sequence[Spec]) -> dict[str, Axis]:
        """Return the values of the symbols in the shapes of the inputs, if the inputs have these specs.

        Args:
            specs: the specs of the inputs; those of sequences without the time axis.
        """
        sizes: dict[str, Axis] = {}
        for leaf, spec in zip(self.leaves, specs, strict=True):
            for own, length in zip(leaf.shape, spec.shape, strict=False):
                if isinstance(own, Size) and own == Size.symbol(str(own)):
                    sizes.setdefault(str(own), length)
        return sizes

    def __str__(self) -> str:
        return f"{len(self.nodes())} operations"


def resized(spec: Spec, sizes: dict[str, Axis]) -> Spec:
    """Return a spec with its known symbols replaced by numbers or other sizes."""
    return spec.with_shape(_resized(spec.shape, sizes))


def _resized(shape: Shape, sizes: dict[str, Axis]) -> Shape:
    known = {**{symbol: Size.symbol(symbol) for symbol in symbols(shape)}, **sizes}
    return tuple(size_at(axis, known) for axis in shape)  # pyright: ignore[reportArgumentType]


def symbols(shape: Shape) -> set[str]:
    """Return the names of the symbolic sizes in a shape."""
    axes = [axis for axis in shape if isinstance(axis, Size)]
    return {symbol for axis in axes for monomial, _ in axis.terms for symbol in monomial}


def close(
    states: Sequence[Node],
    cells: Sequence[Node],
    givens: Sequence[Node],
    updates: Sequence[Node],
    others: Sequence[Node] = (),
) -> tuple[Body, tuple[Node, ...]]:
    """Return the graph of a step whose inputs are any nodes.

    Args:
        states, cells, givens: the nodes that become its inputs.
        updates: the states after the step.
        others: further nodes of the step.

    Returns:
        the step, and the others as nodes of it.
    """
    kinds = {"state": states, "cell": cells, "given": givens}
    named = {
        kind: tuple(input_node(f"{kind} {i + 1}", n.shape, n.dtype) for i, n in enumerate(nodes))
        for kind, nodes in kinds.items()
    }
    replaced = {n: new for kind, nodes in kinds.items() for n, new in zip(nodes, named[kind], strict=True)}
    nodes = rebuild((*updates, *others), replaced)
    body = Body(named["state"], named["cell"], named["given"], nodes[: len(updates)])
    return body, nodes[len(updates) :]


def outside(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """Return the values that these outputs read and that do not depend on the inputs: computed once, before
    the loop.

    Constants are not among them: they stay in the step.
    """
    nodes = order(outputs, inputs)
    depends, plain = set(inputs), set()
    for node in nodes:
        if any(source in depends for source in node.inputs):
            depends.add(node)
        elif isinstance(node.op, Constant) or (node.inputs and all(s in plain for s in node.inputs)):
            plain.add(node)
    readers = [source for node in nodes if node in depends for source in node.inputs]
    return list(dict.fromkeys(n for n in (*readers, *outputs) if n not in depends and n not in plain))


# The gradient of a loop over time (backpropagation through time): a loop in the other direction.
#
# Its step reads the cotangents of the states after the forward step, the gradient of the output at this time,
# and stored values of the forward pass, and computes the cotangents of the states before the forward step.
# Three rules make it cheap.
#
# - Results of matrix products and transcendental functions are stored in the forward pass; results of simple
# arithmetic are rematerialized. - The gradient by weights is a sum over time and samples. So after the loop
# the steps of all samples are combined into one large batch, for which the final reducing operations run
# once: T small matrix products become a large one, and the loop carries only the cotangents of the states. -
# Gradients by sample are summed over time after the loop. Only where neither rule applies are sums carried as
# a state of the loop.
#
# Reference: Werbos (1990), Backpropagation through time: what it does and how to do it (Proc. IEEE 78).

REMATERIALIZED = set(
    (
        "abs add broadcast cast clip equal greater greater_equal less less_equal logical_and logical_not "
        "logical_or maximum minimum multiply negative not_equal relu reshape sign slice square stop_gradient "
        "subtract transpose where"
    ).split()
)
"""Operations whose values are rematerialized in the backward pass instead of stored."""
LINEAR = {"add", "broadcast", "negative", "pad", "reshape", "slice", "subtract", "sum", "transpose"}
_NONE = Flat("the step does not depend on it")


def pulled_back(op: Any, dy: Node, inputs: Sequence[Node]) -> tuple[Pulled, ...]:
    """Return the gradients by the inputs of a loop.

    Args:
        op: the loop, a ``Scan``.
        dy: the gradient by its value.
    """
    back = _BackwardLoop(op, dy, tuple(inputs))
    first, last = len(op.body.states), len(op.body.states) + len(op.body.cells)
    gradients: list[Pulled] = []
    for place, leaf in enumerate(op.body.leaves):
        if leaf not in back.arrived:
            gradients.append(_NONE)
        elif place < first:
            gradients.append(back.value(back.cotangents[leaf], last=True))
        elif place < last:
            gradients.append(back.value(back.arrived[leaf]))
        else:
            gradients.append(back.by_given(leaf))
    return tuple(gradients)


@dataclass
class _BackwardLoop:
    """The loop of the backward pass, from the gradient ``dy`` by the value of the loop."""

    op: Any
    dy: Node
    inputs: tuple[Node, ...]
    sums: dict[Node, Node] = field(default_factory=dict)

    def __post_init__(self) -> None:
        body, emit = self.op.body, self.op.emit
        self.state_inputs = {
            s: _leaf(f"cotangent {i + 1}", s) for i, s in enumerate(body.states) if s.spec.is_float
        }
        self.output_gradient = None if self.op.last and emit in body.updates else _leaf("gradient", emit)
        seeds: dict[Node, Node] = {} if self.output_gradient is None else {emit: self.output_gradient}
        for state, after in zip(body.states, body.updates, strict=True):
            if state in self.state_inputs:
                cotangent = self.state_inputs[state]
                seeds[after] = seeds[after] + cotangent if after in seeds else cotangent
        targets = [leaf for leaf in body.leaves if leaf.spec.is_float]
        self.arrived, _ = flow(seeds, targets, body.leaves, recomputes=False)
        self.cotangents = {s: self.arrived.get(s, full_like(s, 0.0)) for s in self.state_inputs}
        for leaf in body.givens:
            if leaf in self.arrived and self._way(leaf) == "carried":
                self.sums[leaf] = _leaf(f"sum for {leaf.op.attributes['label']}", leaf)

    # --- the gradients by the givens

    def by_given(self, leaf: Node) -> Node:
        """Return the gradient by a value that every step reads: a sum over time."""
        gradient = self.arrived[leaf]
        match self._way(leaf):
            case "by sample":
                return sum_of(self.value(gradient), self.op.axis)
            case "at once":
                sizes = self._sizes()
                sizes["B"] = sizes["B"] * self._steps
                replaced = {node: self._folded(node) for node in self._rows(gradient) or ()}
                replaced |= self._outer_givens
                return rebuild((gradient,), replaced, sizes)[0]
        return self.value(self.sums[leaf] + gradient, last=True)

    def _way(self, leaf: Node) -> str:
        """Return the method by which the gradient by a given is summed."""
        role = self._roles[self.arrived[leaf]]
        if role == Role("sample", axis=0):
            return "by sample"
        return "carried" if self._rows(self.arrived[leaf]) is None else "at once"

    @cached_property
    def _roles(self) -> dict[Node, Role]:
        nodes = [*self._leaves, *order(self.arrived.values(), self._leaves)]
        return roles(nodes)

    @property
    def _leaves(self) -> list[Node]:
        gradients = [] if self.output_gradient is None else [self.output_gradient]
        return [*self.op.body.leaves, *self.state_inputs.values(), *gradients]

    def _rows(self, gradient: Node) -> list[Node] | None:
        """Return the per-sample values in a sum over samples; ``None`` if the gradient is not such a sum."""
        known, rows, waiting = self._roles, dict[Node, None](), [gradient]
        if not _is_sum(known[gradient]):
            return None
        while waiting:
            node = waiting.pop()
            role = known[node]
            if role == Role("sample", axis=0):
                rows[node] = None
                continue
            if role.kind == "shared" and role.round == 0:  # constant over samples and steps?
                if any(end not in self._outer_givens for end in _ends(node, self._leaves)):
                    return None
                continue
            if node in self._leaves or not (role.kind == "sample" or _is_sum(role)):
                return None
            if role.kind == "shared" and (
                node.op.name not in LINEAR or not all(_is_sum(known[s]) for s in node.inputs)
            ):
                return None
            waiting += node.inputs
        return list(rows)

    @cached_property
    def _outer_givens(self) -> dict[Node, Node]:
        body = self.op.body
        return dict(zip(body.givens, self.inputs[len(body.leaves) - len(body.givens) :], strict=True))

    def _folded(self, node: Node) -> Node:
        """Return a value of all steps and samples as one batch, (B T, ...), sample by sample."""
        stacked = self.value(node)
        if self.op.axis == 0:
            stacked = transpose(stacked, (1, 0, *range(2, stacked.rank)))
        return reshape(stacked, (stacked.shape[0] * stacked.shape[1], *stacked.shape[2:]))

    def _sizes(self) -> dict[str, Axis]:
        specs = [node.spec for node in self.inputs]
        return self.op.body.sizes(self.op.of_a_step(specs))

    @property
    def _steps(self) -> Axis:
        return self.op.count([node.spec for node in self.inputs])

    # --- the loop itself

    def value(self, node: Node, last: bool = False) -> Node:
        """Return a value of the backward loop at all steps, or after the last one."""
        if not last and node in self._stored_outside:
            return self._stored_outside[node]
        body, emit = self._loop
        op = replace(self.op, body=body, emit=emit[node], last=last, reverse=not self.op.reverse)
        return make(op, *self._loop_inputs)

    @cached_property
    def _results(self) -> list[Node]:
        """All values of the backward loop that are used outside it."""
        body = self.op.body
        timed = [self.arrived[leaf] for leaf in body.cells if leaf in self.arrived]
        rows = []
        for leaf in (leaf for leaf in body.givens if leaf in self.arrived):
            match self._way(leaf):
                case "by sample":
                    rows.append(self.arrived[leaf])
                case "at once":
                    rows += self._rows(self.arrived[leaf]) or []
        return list(dict.fromkeys([*self._updates, *timed, *rows]))

    @property
    def _updates(self) -> list[Node]:
        return [*self.cotangents.values(), *(total + self.arrived[leaf] for leaf, total in self.sums.items())]

    @cached_property
    def _stored(self) -> list[Node]:
        """The values of the forward pass that the backward loop reads: cells, states, stored nodes."""
        body = self.op.body
        forward = set(body.nodes(self.op.emit))
        stored, waiting, seen = dict[Node, None](), list(self._results), set[Node]()
        while waiting:
            node = waiting.pop()
            if node in seen or node in body.givens:
                continue
            seen.add(node)
            is_simple = node.op.name in REMATERIALIZED or isinstance(node.op, Constant)
            if (node in forward and not is_simple) or node in body.states or node in body.cells:
                stored[node] = None
            else:
                waiting += node.inputs
        is_timed = bool(stored) or self.output_gradient is not None
        return list(stored) if is_timed else [body.cells[0]]  # a loop needs a sequence for its length

    @cached_property
    def _stored_outside(self) -> dict[Node, Node]:
        """The stored values of all steps, and the gradient of the output."""
        body, first = self.op.body, len(self.op.body.states)
        cells = dict(zip(body.cells, self.inputs[first:], strict=False))
        stored = {
            node: cells[node]
            if node in cells
            else make(replace(self.op, emit=node, last=False), *self.inputs)
            for node in self._stored
        }
        if self.output_gradient is None:
            return stored
        return {**stored, self.output_gradient: self._output_gradients()}

    def _output_gradients(self) -> Node:
        """Return the gradient by the output of every step."""
        axis, dy = min(self.op.axis, self.dy.rank), self.dy
        if not self.op.last:
            return dy
        dy, none = reshape(dy, (*dy.shape[:axis], 1, *dy.shape[axis:])), (0,) * (dy.rank + 1)
        before = tuple(self._steps - 1 if i == axis else 0 for i in range(dy.rank))
        low, high = (none, before) if self.op.reverse else (before, none)
        return make(Pad(low, high, none), dy)

    @cached_property
    def _loop(self) -> tuple[Any, dict[Node, Node]]:
        states = [*self.state_inputs.values(), *self.sums.values()]
        results = self._results
        body, emitted = close(states, list(self._stored_outside), self.op.body.givens, self._updates, results)
        return body, dict(zip(results, emitted, strict=True))

    @property
    def _loop_inputs(self) -> list[Node]:
        body = self.op.body
        outer = dict(zip(body.leaves, self.inputs, strict=True))
        cotangents = [full_like(outer[state], 0.0) for state in self.state_inputs]
        if self.output_gradient is None:
            after = [update for state, update in self.op.state_pairs() if state in self.state_inputs]
            cotangents[after.index(self.op.emit)] = self.dy
        sums = [full_like(outer[leaf], 0.0) for leaf in self.sums]
        return [*cotangents, *sums, *self._stored_outside.values(), *self._outer_givens.values()]


def _leaf(label: str, like: Node) -> Node:
    return input_node(f"back: {label}", like.shape, like.dtype)


def _is_sum(role: Role) -> bool:
    """Return whether a value is a sum over samples, or computed from such sums."""
    return (role.kind == "reduced" and role.by == "sum" and role.round == 0) or (
        role.kind == "shared" and role.round == 1
    )


def _ends(node: Node, leaves: Sequence[Node]) -> list[Node]:
    """Return the inputs that a value depends on."""
    nodes = order([node], leaves)
    read = {source for n in nodes for source in n.inputs} | {node}
    return [leaf for leaf in leaves if leaf in read]


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
    )

    # --- shapes

    def infer(self, *specs: Spec) -> Spec:
        if len(specs) != len(self.body.leaves):
            expected = fact("{count} inputs (C1)", count=len(self.body.leaves))
            raise ShapeError("E227", expected=expected, received=f"{len(specs)}")
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
        """Return the number of cells of the sequences."""
        first = len(self.body.states)
        sequences = specs[first : first + len(self.body.cells)]
        lengths = [s.shape[min(self.axis, s.rank - 1)] for s in sequences if s.rank]
        if not lengths or any(n != lengths[0] for n in lengths):
            received = ", ".join(map(str, lengths)) or fact("no sequence")
            raise ShapeError("E228", expected=fact("one number of cells (C2)"), received=received)
        if lengths[0] == 0:
            raise ShapeError("E228", expected=fact("at least one cell (C3)"), received=fact("0 cells"))
        return lengths[0]

    def of_a_step(self, specs: Sequence[Spec]) -> list[Spec]:
        """Return the specs of the inputs of a step."""
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
        """Return each state before the step, with the state after it."""
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
        """Return all values of every step, in the order of computation."""
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
    """Each scalar of a loop as a formula of scalars of its inputs; ``steps`` are all values of every step."""

    def __init__(self, op: Scan, steps: list[dict[Node, np.ndarray]], inputs: Sequence[np.ndarray]) -> None:
        self.op, self.steps = op, steps
        self.places = {leaf: i for i, leaf in enumerate(op.body.leaves)}
        self.sizes: Any = op.body.sizes(op.of_a_step([Spec.of(array) for array in inputs]))
        self.known: dict[tuple[Node, tuple[int, ...], int], Tree] = {}

    def tree(self, node: Node, index: tuple[int, ...], step: int) -> Tree:
        """Return the formula of a scalar of a step's value; steps are counted in the order of computation."""
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
    """Return the times in the order of computation."""
    return range(steps - 1, -1, -1) if reverse else range(steps)


def timed(spec: Spec, axis: int, steps: Axis) -> Spec:
    """Return the spec of a value at all times."""
    axis = min(axis, spec.rank)  # for a scalar, time is the only axis
    return spec.with_shape((*spec.shape[:axis], steps, *spec.shape[axis:]))


def untimed(spec: Spec, axis: int) -> Spec:
    """Return the spec of one cell of a sequence."""
    axis = min(axis, spec.rank - 1)
    return spec.with_shape((*spec.shape[:axis], *spec.shape[axis + 1 :]))


def _example(state: tuple[Any, ...], cell: tuple[Any, ...]) -> tuple[Body, Node]:
    """Return the step s = tanh(s w + x), and the state after it."""
    s, x = input_node("s", state, "float64"), input_node("x", cell, "float64")
    w = input_node("w", (state[-1], state[-1]), "float64")
    after = make(Tanh(), matmul(s, w) + x)
    body, (emitted,) = close([s], [x], [w], [after], [after])
    return body, emitted


CARDS = (Scan,)

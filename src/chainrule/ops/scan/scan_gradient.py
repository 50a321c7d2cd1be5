"""The gradient of a loop over time (backpropagation through time): a loop in the other direction.

Its step reads the cotangents of the states after the forward step, the gradient of the output at this time,
and stored values of the forward pass, and computes the cotangents of the states before the forward step.
Three rules make it cheap.

- Results of matrix products and transcendental functions are stored in the forward pass; results of simple
  arithmetic are rematerialized.
- The gradient by weights is a sum over time and samples. So after the loop the steps of all samples are
  combined into one large batch, for which the final reducing operations run once: T small matrix products
  become a large one, and the loop carries only the cotangents of the states.
- Gradients by sample are summed over time after the loop. Only where neither rule applies are sums carried as
  a state of the loop.

Reference: Werbos (1990), Backpropagation through time: what it does and how to do it (Proc. IEEE 78).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chainrule.graph import Constant, Node, input_node, make, order, rebuild
from chainrule.memo import cached_property
from chainrule.ops.array.reduction_functions import sum as sum_of
from chainrule.ops.array.shape import reshape, transpose
from chainrule.ops.array.slicing import Pad
from chainrule.ops.batch_axis import Role, roles
from chainrule.ops.card import Flat, Pulled
from chainrule.ops.elementwise.functions import full_like
from chainrule.ops.pullback_walk import flow
from chainrule.ops.scan.scan_body import close
from chainrule.spec import Axis

REMATERIALIZED = {
    "abs", "add", "broadcast", "cast", "clip", "equal", "greater", "greater_equal", "less", "less_equal",
    "logical_and", "logical_not", "logical_or", "maximum", "minimum", "multiply", "negative", "not_equal",
    "relu", "reshape", "sign", "slice", "square", "stop_gradient", "subtract", "transpose", "where",
}  # fmt: skip
"""Operations whose values are rematerialized in the backward pass instead of stored."""
LINEAR = {"add", "broadcast", "negative", "pad", "reshape", "slice", "subtract", "sum", "transpose"}
_NONE = Flat("the step does not depend on it")


def pulled_back(op: Any, dy: Node, inputs: Sequence[Node]) -> tuple[Pulled, ...]:
    """The gradients by the inputs of a loop.

    Args:
        op: the loop, a ``Scan``.
        dy: the gradient by its value.
        inputs: the inputs of the loop.
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
    """The loop of the backward pass.

    Args:
        op: the loop, a ``Scan``.
        dy: the gradient by its value.
        inputs: the inputs of the loop.
    """

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
        """The gradient by a value that every step reads: a sum over time."""
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
        """The method by which the gradient by a given is summed."""
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
        """The per-sample values in a sum over samples; ``None`` if the gradient is not such a sum."""
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
        """A value of all steps and samples as one batch, (B T, ...), the steps of each sample in sequence."""
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
        """A value of the backward loop at all steps, or after the last one."""
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
        """The gradient by the output of every step."""
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
    """Whether a value is a sum over samples, or computed from such sums."""
    return (role.kind == "reduced" and role.by == "sum" and role.round == 0) or (
        role.kind == "shared" and role.round == 1
    )


def _ends(node: Node, leaves: Sequence[Node]) -> list[Node]:
    """The inputs that a value depends on."""
    nodes = order([node], leaves)
    read = {source for n in nodes for source in n.inputs} | {node}
    return [leaf for leaf in leaves if leaf in read]

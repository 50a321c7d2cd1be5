"""The way back through a loop over time: a loop of its own, which runs the other way.

A step of it takes what is owed to the states after the step (``debt``: the gradient by them), what arrives
from outside at this place of time, and what the way forward has kept, and gives the debts of the step before.
Three rules make it cheap.

- What came from products and curves is *kept* on the way forward, what is mere arithmetic is computed again.
- The gradient by weights is a sum over time and samples. The steps of all samples are therefore laid side by
  side, after the loop, as one large batch, for which the last, summing operations run once. So T small
  products become a large one, and the loop carries only what one step must hand to the next.
- What every sample has of its own is added up over time after the loop. Only where nothing of this holds are
  sums carried along as a state.

Reference: Werbos (1990), Backpropagation through time: what it does and how to do it (Proc. IEEE 78).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from chainrule.graph import Constant, Node, input_node, make, order, rebuild
from chainrule.ops.array.reduction_functions import sum as sum_of
from chainrule.ops.array.shape import reshape, transpose
from chainrule.ops.array.slicing import Pad
from chainrule.ops.batch_axis import Role, roles
from chainrule.ops.card import Flat, Pulled
from chainrule.ops.elementwise.functions import full_like
from chainrule.ops.pullback_walk import flow
from chainrule.ops.scan.scan_body import close
from chainrule.spec import Axis

AGAIN = {
    "abs", "add", "broadcast", "cast", "clip", "equal", "greater", "greater_equal", "less", "less_equal",
    "logical_and", "logical_not", "logical_or", "maximum", "minimum", "multiply", "negative", "not_equal",
    "relu", "reshape", "sign", "slice", "square", "stop_gradient", "subtract", "transpose", "where",
}  # fmt: skip
"""Operations whose values are computed again on the way back instead of being kept."""
LINEAR = {"add", "broadcast", "negative", "pad", "reshape", "slice", "subtract", "sum", "transpose"}
_NONE = Flat("the step does not depend on it")


def pulled_back(op: Any, dy: Node, inputs: Sequence[Node]) -> tuple[Pulled, ...]:
    """For each input of a loop the gradient that flows back into it.

    Args:
        op: the loop, a ``Scan``.
        dy: what arrives at its value.
        inputs: of the loop.
    """
    back = _Back(op, dy, tuple(inputs))
    first, last = len(op.body.states), len(op.body.states) + len(op.body.cells)
    found: list[Pulled] = []
    for place, leaf in enumerate(op.body.leaves):
        if leaf not in back.arrived:
            found.append(_NONE)
        elif place < first:
            found.append(back.value(back.debts[leaf], last=True))
        elif place < last:
            found.append(back.value(back.arrived[leaf]))
        else:
            found.append(back.given(leaf))
    return tuple(found)


@dataclass
class _Back:
    """The loop that runs the other way.

    Args:
        op: the loop, a ``Scan``.
        dy: what arrives at its value.
        inputs: of the loop.
    """

    op: Any
    dy: Node
    inputs: tuple[Node, ...]
    sums: dict[Node, Node] = field(default_factory=dict)

    def __post_init__(self) -> None:
        body, emit = self.op.body, self.op.emit
        self.owed = {s: _leaf(f"debt {i + 1}", s) for i, s in enumerate(body.states) if s.spec.is_float}
        self.arriving = None if self.op.last and emit in body.updates else _leaf("arriving", emit)
        seeds: dict[Node, Node] = {} if self.arriving is None else {emit: self.arriving}
        for state, after in zip(body.states, body.updates, strict=True):
            if state in self.owed:
                debt = self.owed[state]
                seeds[after] = seeds[after] + debt if after in seeds else debt
        wanted = [leaf for leaf in body.leaves if leaf.spec.is_float]
        self.arrived, _ = flow(seeds, wanted, body.leaves, recomputes=False)
        self.debts = {s: self.arrived.get(s, full_like(s, 0.0)) for s in self.owed}
        for leaf in body.givens:
            if leaf in self.arrived and self._way(leaf) == "carried":
                self.sums[leaf] = _leaf(f"sum for {leaf.op.attributes['label']}", leaf)

    # --- the gradient by what is the same at every step

    def given(self, leaf: Node) -> Node:
        """The gradient by something that every step reads: a sum over time."""
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
        """How the gradient by a given is added up."""
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
        arriving = [] if self.arriving is None else [self.arriving]
        return [*self.op.body.leaves, *self.owed.values(), *arriving]

    def _rows(self, gradient: Node) -> list[Node] | None:
        """The values of samples that a sum over samples is made of; ``None`` where it is no such sum."""
        known, rows, waiting = self._roles, dict[Node, None](), [gradient]
        if not _is_sum(known[gradient]):
            return None
        while waiting:
            node = waiting.pop()
            role = known[node]
            if role == Role("sample", axis=0):
                rows[node] = None
                continue
            if role.kind == "shared" and role.round == 0:  # the same for all samples and steps?
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
        """A value of every step and sample, the steps of each sample one behind the other."""
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
        """What a value of the way back is at every step, or after the last one."""
        if not last and node in self._kept_outside:
            return self._kept_outside[node]
        made, emit = self._loop
        found = replace(self.op, body=made, emit=emit[node], last=last, reverse=not self.op.reverse)
        return make(found, *self._loop_inputs)

    @cached_property
    def _results(self) -> list[Node]:
        """Every value of the way back that is wanted."""
        body = self.op.body
        timed = [self.arrived[leaf] for leaf in body.cells if leaf in self.arrived]
        given = [leaf for leaf in body.givens if leaf in self.arrived]
        rows = []
        for leaf in given:
            match self._way(leaf):
                case "by sample":
                    rows.append(self.arrived[leaf])
                case "at once":
                    rows += self._rows(self.arrived[leaf]) or []
        return list(dict.fromkeys([*self._updates, *timed, *rows]))

    @property
    def _updates(self) -> list[Node]:
        return [*self.debts.values(), *(leaf + self.arrived[given] for given, leaf in self.sums.items())]

    @cached_property
    def _kept(self) -> list[Node]:
        """The values of the way forward that the way back reads as they were: cells, states, kept nodes."""
        body = self.op.body
        forward = set(body.nodes(self.op.emit))
        found, waiting, seen = dict[Node, None](), list(self._results), set[Node]()
        while waiting:
            node = waiting.pop()
            if node in seen or node in body.givens:
                continue
            seen.add(node)
            is_kept = node in forward and node.op.name not in AGAIN and not isinstance(node.op, Constant)
            if is_kept or node in body.states or node in body.cells:
                found[node] = None
            else:
                waiting += node.inputs
        is_timed = bool(found) or self.arriving is not None
        return list(found) if is_timed else [body.cells[0]]  # a loop needs a sequence that tells its length

    @cached_property
    def _kept_outside(self) -> dict[Node, Node]:
        """The kept values of all steps, and what arrives."""
        body, first = self.op.body, len(self.op.body.states)
        cells = dict(zip(body.cells, self.inputs[first:], strict=False))
        found = {
            node: cells[node]
            if node in cells
            else make(replace(self.op, emit=node, last=False), *self.inputs)
            for node in self._kept
        }
        return found if self.arriving is None else {**found, self.arriving: self._arriving()}

    def _arriving(self) -> Node:
        """What arrives at the value of every step."""
        axis, dy = min(self.op.axis, self.dy.rank), self.dy
        if not self.op.last:
            return dy
        dy, none = reshape(dy, (*dy.shape[:axis], 1, *dy.shape[axis:])), (0,) * (dy.rank + 1)
        before = tuple(self._steps - 1 if i == axis else 0 for i in range(dy.rank))
        low, high = (none, before) if self.op.reverse else (before, none)
        return make(Pad(low, high, none), dy)

    @cached_property
    def _loop(self) -> tuple[Any, dict[Node, Node]]:
        states = [*self.owed.values(), *self.sums.values()]
        results = self._results
        made, found = close(states, list(self._kept_outside), self.op.body.givens, self._updates, results)
        return made, dict(zip(results, found, strict=True))

    @property
    def _loop_inputs(self) -> list[Node]:
        body = self.op.body
        outer = dict(zip(body.leaves, self.inputs, strict=True))
        debts = [full_like(outer[state], 0.0) for state in self.owed]
        if self.arriving is None:
            after = dict(zip(self.owed, (u for s, u in self.op.turns() if s in self.owed), strict=True))
            debts[[after[state] for state in self.owed].index(self.op.emit)] = self.dy
        sums = [full_like(outer[leaf], 0.0) for leaf in self.sums]
        return [*debts, *sums, *self._kept_outside.values(), *self._outer_givens.values()]


def _leaf(label: str, like: Node) -> Node:
    return input_node(f"back: {label}", like.shape, like.dtype)


def _is_sum(role: Role) -> bool:
    """Whether a value is a sum over samples, or made of such sums."""
    return (role.kind == "reduced" and role.by == "sum" and role.round == 0) or (
        role.kind == "shared" and role.round == 1
    )


def _ends(node: Node, leaves: Sequence[Node]) -> list[Node]:
    """The inputs a value depends on."""
    nodes = order([node], leaves)
    read = {source for n in nodes for source in n.inputs} | {node}
    return [leaf for leaf in leaves if leaf in read]

"""Building a loop over time from a step, a Python function of nodes that is called once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple, TypeAlias

from chainrule.errors import ShapeError, UsageError, fact
from chainrule.graph import Node, Site, input_node, make, rebuild
from chainrule.graph.node import current_site
from chainrule.ops.array.shape import reshape
from chainrule.ops.array.slicing import slice_axis, stack
from chainrule.ops.scan.scan import Scan, close, outside, places, untimed
from chainrule.records import frozen
from chainrule.symbolic_shape import Axis, Shape, Spec, size_at

# Variables of a loop over time: running values, costs and random numbers of the layers called in its step.
#
# A step is a function of states and cells, and ``scan`` calls it once. A layer that is called in the step may
# need more: batch normalization updates its running mean, an activity penalty adds a cost, dropout samples a
# mask, at every cell, as in a Python loop over the cells. So the loop
#
# * carries each variable from cell to cell as a further state: ``read`` returns the value at this point of
# the step and ``write`` sets it. After the loop the variable has its value after the last cell; * samples
# random numbers for all cells at once, before the loop, and reads them as a further sequence: ``draw``.
#
# An unrolled loop (``scan_builder.unrolled``) is that Python loop: variables are read and written directly,
# and each cell takes its slice of the same random numbers, so both forms compute the same values.
#
# A variable is an entry of a dictionary, the *table*, which holds its value outside all loops.

Table: TypeAlias = dict[str, Node]


@dataclass
class Variable:
    """A variable in the step of one loop.

    Args:
        table, name: the entry that holds its value outside the loop.
        leaf: the input of the step with its value before the step.
        before: its value before the loop.
        after: its value at the point of the step that is being built.
    """

    table: Table
    name: str
    leaf: Node
    before: Node
    after: Node


@dataclass
class Loop:
    """A loop whose step is being built.

    Args:
        label: its unique name, with which the names of the inputs of the step begin.
        steps: the number of cells.
        axis: the time axis of the sequences.
        outer: the loop whose step contains this loop.
        cell: the cell being built, from 0, in an unrolled loop.
    """

    label: str
    steps: Axis
    axis: int
    outer: Loop | None
    cell: int | None = None
    variables: dict[tuple[int, str], Variable] = field(default_factory=dict)
    draws: list[Node] = field(default_factory=list)
    leaves: list[Node] = field(default_factory=list)
    _draw_count: int = 0

    def begin_cell(self, cell: int) -> None:
        """Start the step of another cell of an unrolled loop."""
        self.cell, self._draw_count = cell, 0

    def variable(self, table: Table, name: str, initial: Node) -> Variable:
        """Return the variable of this name, which becomes a state of the loop."""
        key = id(table), name
        if key not in self.variables:
            before = _value(self.outer, table, name, initial)
            leaf = input_node(f"{self.label}, variable {len(self.variables)}", before.shape, before.dtype)
            self.variables[key] = Variable(table, name, leaf, before, leaf)
        return self.variables[key]

    def draw(self, sample: Callable[[Shape], Node], shape: Shape) -> Node:
        """Return the random numbers of this call for one cell: a part of those for all cells."""
        place, axis = self._draw_count, min(self.axis, len(shape))
        self._draw_count += 1
        if place == len(self.draws):
            every = (*shape[:axis], self.steps, *shape[axis:])
            numbers = sample(every) if self.outer is None else self.outer.draw(sample, every)
            self.draws.append(numbers)
            self.leaves.append(input_node(f"{self.label}, draw {place}", shape, numbers.dtype))
        if self.cell is None:
            return self.leaves[place]
        part = slice_axis(self.draws[place], axis, self.cell, self.cell + 1)
        return reshape(part, shape)

    def close(self) -> tuple[list[Variable], dict[Node, Node]]:
        """Return the variables that the step changes, and the values of the leaves of the others."""
        known = self.variables.values()
        changed = [variable for variable in known if variable.after is not variable.leaf]
        return changed, {v.leaf: v.before for v in known if v.after is v.leaf}

    def leave(self, changed: list[Variable], finals: list[Node]) -> None:
        """Set the variables, outside the loop, to the values after its last cell."""
        for variable, final in zip(changed, finals, strict=True):
            _set(self.outer, variable.table, variable.name, final)


_LOOP: ContextVar[Loop | None] = ContextVar("loop", default=None)


@contextmanager
def looping(label: str, steps: Axis, axis: int, unrolled: bool = False) -> Iterator[Loop]:
    """Build the step of a loop in this context."""
    loop = Loop(label, steps, axis, _LOOP.get(), 0 if unrolled else None)
    token = _LOOP.set(loop)
    try:
        yield loop
    finally:
        _LOOP.reset(token)


def read(table: Table, name: str, initial: Node) -> Node:
    """Return the value of a variable at this point; ``initial`` if it has not been set."""
    return _value(_LOOP.get(), table, name, initial)


def write(table: Table, name: str, value: Node, initial: Node) -> None:
    """Set a variable; ``initial`` is its value before the first ``write``."""
    loop = _LOOP.get()
    if loop is not None and loop.cell is None:
        loop.variable(table, name, initial)
    _set(loop, table, name, value)


def values(table: Table) -> list[Node]:
    """Return the present values of all variables of a table that are set or carried by a loop."""
    nodes, loop = list(table.values()), _LOOP.get()
    while loop is not None:
        nodes += [v.after for v in loop.variables.values() if v.table is table]
        loop = loop.outer
    return nodes


def draw(sample: Callable[[Shape], Node], shape: Shape) -> Node:
    """Return random numbers of a shape; in the step of a loop, new ones for each cell.

    Args:
        sample: returns random numbers of any shape.
        shape: the shape of the result.
    """
    loop = _LOOP.get()
    return sample(shape) if loop is None else loop.draw(sample, shape)


def _value(loop: Loop | None, table: Table, name: str, initial: Node) -> Node:
    if loop is None or loop.cell is not None:
        return table.get(name, initial)
    return loop.variable(table, name, initial).after


def _set(loop: Loop | None, table: Table, name: str, value: Node) -> None:
    if loop is None or loop.cell is not None:
        table[name] = value
    else:
        loop.variables[id(table), name].after = value


Nodes: TypeAlias = "Node | Sequence[Node]"
_NUMBER = count()


@frozen
class Turn:
    """One step of an unrolled loop.

    Args:
        path: the path of its layer.
        time: its cell, from 0.
        states: the states after it.
        inner: the values that the step has named, such as the gates of an LSTM.
        call: the call of its layer, from 1.
    """

    path: str
    time: int
    states: tuple[Node, ...]
    inner: Mapping[str, Node]
    call: int = 1


_UNROLLED: ContextVar[list[Turn] | None] = ContextVar("unrolled", default=None)
_LETTERED: ContextVar[dict[str, Node] | None] = ContextVar("lettered", default=None)


def lettered(letter: str, node: Node) -> Node:
    """Name a value of a step by its letter in the literature, for explanations, and return it."""
    known = _LETTERED.get()
    if known is not None:
        known[letter] = node
    return node


def scan(
    step: Callable[[Any, Any], tuple[Any, Any]],
    initial: Nodes,
    sequences: Nodes,
    *,
    reverse: bool = False,
    axis: int = 1,
) -> tuple[Any, Any]:
    """Repeat a step for each cell of sequences, each time with the states after the step before.

    Args:
        step: called once, with nodes: ``step(state, cell)`` returns the new state and the output, each a
            node or a tuple of nodes. It may use any other node; values that do not change from step to step
            are computed once. A layer that is called in it is applied at every step: its running values are
            carried from step to step, its costs are added, its random numbers are new at each step.
        initial: the state before the first step, one node or several.
        sequences: one node or several, with cells along ``axis``.
        reverse: whether to begin at the last cell.
        axis: the time axis of the sequences and the results; samples come first, so it is 1 by default.

    Returns:
        the state after the last step, and the outputs of all steps, with time along ``axis``.

    Raises:
        ShapeError E227: the shape or dtype of a state changes in the step. E228: sequences of different
            lengths, or of length 0.
        UsageError E102: the step does not return a pair.

    Example:
        >>> import numpy as np
        >>> from chainrule.engines import evaluate
        >>> x = input_node("x", (None, 4), "float64")
        >>> _, sums = scan(lambda s, c: (s + c, s + c), x[:, 0] * 0.0, x)
        >>> evaluate([sums], {"x": np.array([[1.0, 2.0, 3.0, 4.0]])})[0].tolist()
        [[1.0, 3.0, 6.0, 10.0]]
    """
    before, timed = _several(initial), _several(sequences)
    if _UNROLLED.get() is not None:
        return _step_by_step(step, initial, sequences, reverse, axis)
    label = f"loop {next(_NUMBER)}"  # inputs of nested loops have different names; ``close`` renames them
    states = [_leaf(f"{label}, state {i}", n.spec) for i, n in enumerate(before)]
    cells = [_leaf(f"{label}, cell {i}", untimed(n.spec, axis)) for i, n in enumerate(timed)]
    with looping(label, _steps(timed, axis), axis) as loop:
        result: Any = step(_like(initial, states), _like(sequences, cells))
    if not isinstance(result, tuple) or len(result) != 2:
        raise UsageError(
            "E102",
            name=fact("what the step gives"),
            expected="(state, output)",
            received=type(result).__name__,
            fix="return state, output",
        )
    updates, outputs = _several(result[0]), _several(result[1])
    _require_same(states, updates)
    finals, emitted = _scanned(loop, _Leaves(states, cells, before, timed), updates, outputs, reverse)
    return _like(result[0], finals), _like(result[1], emitted)


class _Leaves(NamedTuple):
    """The inputs of a step, and the values of the loop for them: initial states and sequences."""

    states: list[Node]
    cells: list[Node]
    initial: list[Node]
    sequences: list[Node]


def _scanned(
    loop: Loop, own: _Leaves, updates: list[Node], outputs: list[Node], reverse: bool
) -> tuple[list[Node], list[Node]]:
    """Return the last states and the outputs of a loop; its variables are set to their last values."""
    changed, fixed = loop.close()
    states, cells = [*own.states, *(v.leaf for v in changed)], [*own.cells, *loop.leaves]
    nodes = [*updates, *(v.after for v in changed), *outputs]
    nodes = list(rebuild(nodes, fixed)) if fixed else nodes
    after, outputs = nodes[: len(states)], nodes[len(states) :]
    givens = outside(nodes, (*states, *cells))
    body, results = close(states, cells, givens, after, outputs)
    before = [*own.initial, *(v.before for v in changed)]
    inputs = (*before, *own.sequences, *loop.draws, *givens)
    finals = [make(Scan(body, node, True, reverse, loop.axis), *inputs) for node in body.updates]
    loop.leave(changed, finals[len(own.states) :])
    emitted = [make(Scan(body, node, False, reverse, loop.axis), *inputs) for node in results]
    return finals[: len(own.states)], emitted


@contextmanager
def unrolled() -> Iterator[list[Turn]]:
    """Unroll loops in this context, one copy of the step for each cell; the list has all steps at the end."""
    turns: list[Turn] = []
    token = _UNROLLED.set(turns)
    try:
        yield turns
    finally:
        _UNROLLED.reset(token)


def _step_by_step(
    step: Callable[[Any, Any], tuple[Any, Any]], initial: Nodes, sequences: Nodes, reverse: bool, axis: int
) -> tuple[Any, Any]:
    """Return the result of ``scan``, with a copy of the step for each cell."""
    timed, state, results = _several(sequences), initial, dict[int, Any]()
    steps = size_at(_steps(timed, axis), {})
    with looping("unrolled", steps, axis, unrolled=True) as loop:
        for t in places(steps, reverse):
            loop.begin_cell(t)
            cells = [_at_time(sequence, t, axis) for sequence in timed]
            inner: dict[str, Node] = {}
            token = _LETTERED.set(inner)
            try:
                state, results[t] = step(state, _like(sequences, cells))
            finally:
                _LETTERED.reset(token)
            where, turns = current_site() or Site(), _UNROLLED.get()
            if turns is not None:
                turns.append(Turn(where.path, t, tuple(_several(state)), inner, where.call))
    by_time = [_several(results[t]) for t in range(steps)]
    outputs = [stack(parts, min(axis, parts[0].rank)) for parts in zip(*by_time, strict=True)]
    return state, _like(results[0], outputs)


def _steps(sequences: Sequence[Node], axis: int) -> Axis:
    """Return the number of cells of a loop, by its first sequence; ``Scan`` compares all of them."""
    timed = next((node for node in sequences if node.rank), None)
    return 1 if timed is None else timed.shape[min(axis, timed.rank - 1)]


def _at_time(sequence: Node, t: int, axis: int) -> Node:
    axis = min(axis, sequence.rank - 1)
    cell = slice_axis(sequence, axis, t, t + 1)
    return reshape(cell, (*cell.shape[:axis], *cell.shape[axis + 1 :]))


def _leaf(label: str, spec: Spec) -> Node:
    return input_node(label, spec.shape, spec.dtype)


def _several(nodes: Any) -> list[Node]:
    return [nodes] if isinstance(nodes, Node) else list(nodes)


def _like(form: Any, nodes: Sequence[Node]) -> Any:
    return nodes[0] if isinstance(form, Node) else tuple(nodes)


def _require_same(states: Sequence[Node], updates: Sequence[Node]) -> None:
    """Refuse a step that changes the shape or dtype of a state."""
    specs = [[str(node.spec) for node in nodes] for nodes in (states, updates)]
    if specs[0] != specs[1]:
        expected = fact("states after the step: {names}", names=", ".join(specs[0]))
        raise ShapeError("E227", expected=expected, received=", ".join(specs[1]))

"""Variables of a loop over time: running values, costs and random numbers of the layers called in its step.

A step is a function of states and cells, and ``scan`` calls it once. A layer that is called in the step may
need more: batch normalization updates its running mean, an activity penalty adds a cost, dropout samples a
mask, at every cell, as in a Python loop over the cells. So the loop

* carries each variable from cell to cell as a further state: ``read`` returns the value at this point of the
  step and ``write`` sets it. After the loop the variable has its value after the last cell;
* samples random numbers for all cells at once, before the loop, and reads them as a further sequence:
  ``draw``.

An unrolled loop (``scan_builder.unrolled``) is that Python loop: variables are read and written directly, and
each cell takes its slice of the same random numbers, so both forms compute the same values.

A variable is an entry of a dictionary, the *table*, which holds its value outside all loops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeAlias

from chainrule.graph import Node, input_node
from chainrule.ops.array.shape import reshape
from chainrule.ops.array.slicing import slice_axis
from chainrule.spec import Axis, Shape

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
        """The variable of this name, which becomes a state of the loop."""
        key = id(table), name
        if key not in self.variables:
            before = _value(self.outer, table, name, initial)
            leaf = input_node(f"{self.label}, variable {len(self.variables)}", before.shape, before.dtype)
            self.variables[key] = Variable(table, name, leaf, before, leaf)
        return self.variables[key]

    def draw(self, sample: Callable[[Shape], Node], shape: Shape) -> Node:
        """The random numbers of this call for one cell: a part of those for all cells."""
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
        """The variables that the step changes, and the values of the leaves of the others."""
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
    """A context in which the step of a loop is built."""
    loop = Loop(label, steps, axis, _LOOP.get(), 0 if unrolled else None)
    token = _LOOP.set(loop)
    try:
        yield loop
    finally:
        _LOOP.reset(token)


def read(table: Table, name: str, initial: Node) -> Node:
    """The value of a variable at this point; ``initial`` if it has not been set."""
    return _value(_LOOP.get(), table, name, initial)


def write(table: Table, name: str, value: Node, initial: Node) -> None:
    """Set a variable; ``initial`` is its value before the first ``write``."""
    loop = _LOOP.get()
    if loop is not None and loop.cell is None:
        loop.variable(table, name, initial)
    _set(loop, table, name, value)


def values(table: Table) -> list[Node]:
    """The values at this point of all variables of a table that have been set or are carried by a loop."""
    nodes, loop = list(table.values()), _LOOP.get()
    while loop is not None:
        nodes += [v.after for v in loop.variables.values() if v.table is table]
        loop = loop.outer
    return nodes


def draw(sample: Callable[[Shape], Node], shape: Shape) -> Node:
    """Random numbers of a shape; in the step of a loop, new ones for each cell.

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

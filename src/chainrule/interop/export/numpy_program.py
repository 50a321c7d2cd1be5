"""The lines of a Python program while it is written: names of values, constants and sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

from chainrule.graph import Node, order
from chainrule.interop.export.graph_writer import GraphWriter
from chainrule.symbolic_shape import Axis, Size

Rule: TypeAlias = "Callable[[NumpyProgram, Node, dict[str, Any]], str]"


class NumpyProgram(GraphWriter):
    """The lines of a function from the inputs of a network to its outputs.

    Args:
        arrays: the parameters and states by path.
        operations: the function that returns the line of an operation, by the name of its card.
        outer: the program that contains this one, which is the step of a loop.
    """

    format, language = "numpy", "NumPy"
    library, infinity = "np", "np.inf"
    cell = "{x}.take({t}, {axis})"  # of a sequence at a time

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        operations: Mapping[str, Rule],
        outer: NumpyProgram | None = None,
    ) -> None:
        super().__init__(arrays, operations, outer)
        self.root: NumpyProgram = self if outer is None else outer.root
        self.lines: list[str] = []
        self.sizes: dict[str, Any] = {}
        self.constants: dict[str, np.ndarray] = {}
        self.functions: dict[str, None] = {}
        self._count = 0

    def inner(self) -> NumpyProgram:
        """Return the program of the step of a loop."""
        return NumpyProgram(self.arrays, self.operations, self)

    def fresh(self, letter: str = "v") -> str:
        """Return a name that no other value has."""
        self.root._count += 1
        return f"{letter}{self.root._count}"

    def new(self, expression: str) -> str:
        """Add a line that gives an expression a name; return the name."""
        name = self.fresh()
        self.lines.append(f"{name} = {expression}")
        return name

    def use(self, function: str) -> str:
        """Return the name of a function, which the program then contains."""
        self.root.functions[function] = None
        return function

    def constant(self, array: np.ndarray) -> str:
        """Return the expression of a constant: a number, or an entry of the stored arrays."""
        if array.ndim == 0 and np.isfinite(array):
            return (
                f"np.{array.dtype.name}({array.item()!r})" if array.dtype.kind != "b" else repr(bool(array))
            )
        for name, other in self.root.constants.items():
            if other is array:
                return f"W[{name!r}]"
        name = f"c{len(self.root.constants)}"
        self.root.constants[name] = array
        return f"W[{name!r}]"

    def tensor(self, node: Node) -> str:
        """Return the expression of a value as an array."""
        return self.name(node)

    def size(self, axis: Axis) -> str:
        """Return an axis length as an expression."""
        if not isinstance(axis, Size):
            return str(axis)
        terms = []
        for monomial, factor in axis.terms:
            factors = [str(factor)] * (factor != 1 or not monomial) + [
                self._symbol(name) for name in monomial
            ]
            terms.append(" * ".join(factors))
        return " + ".join(terms)

    def _symbol(self, name: str) -> str:
        if name in self.sizes:
            value = self.sizes[name]
            return value if isinstance(value, str) else f"({self.outer.size(value)})"  # pyright: ignore
        assert self.outer is not None
        return self.outer._symbol(name)

    def shape(self, shape: Iterable[Axis]) -> str:
        """Return a shape as an expression."""
        sizes = [self.size(axis) for axis in shape]
        return f"({', '.join(sizes)}{',' * (len(sizes) == 1)})"

    def add_input(self, name: str, node: Node) -> None:
        """Name an input, whose symbolic axes define sizes."""
        self.names[node] = name
        for i, axis in enumerate(node.shape):
            if isinstance(axis, Size) and axis == Size.symbol(str(axis)) and str(axis) not in self.sizes:
                self.sizes[str(axis)] = f"{name}.shape[{i}]"

    def name(self, node: Node) -> str:
        """Return the expression of a value."""
        if node in self.names:
            return self.names[node]
        if node in self.known:
            self.names[node] = self.constant(self.known[node])
            return self.names[node]
        assert self.outer is not None
        return self.outer.name(node)

    def write(self, outputs: Iterable[Node], ends: Iterable[Node] = ()) -> None:
        """Write the lines of all nodes that the outputs need.

        Raises:
            FileError E462: operations that cannot be written.
        """
        nodes = order(outputs, ends)
        self.require_operations(nodes)
        path = ""
        for node in nodes:
            if node in self.names or self.is_known(node):
                continue
            if node.site.path != path:
                path = node.site.path
                self.lines.append(f"# {path}")
            expression = self.operations[node.op.name](self, node, node.op.attributes)
            self.names[node] = expression if expression.isidentifier() else self.new(expression)

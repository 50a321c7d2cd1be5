"""The lines of a Python program while it is written: names of values, constants and sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

from chainrule.errors import FileError, fact
from chainrule.graph import Constant, Input, Node, order
from chainrule.interop.export.folding import folded
from chainrule.spec import Axis, Size

Rule: TypeAlias = "Callable[[NumpyProgram, Node, dict[str, Any]], str]"


class NumpyProgram:
    """The lines of a function from the inputs of a network to its outputs.

    Args:
        arrays: the parameters and states by path.
        operations: the function that returns the line of an operation, by the name of its card.
        outer: the program that contains this one, which is the step of a loop.
    """

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        operations: Mapping[str, Rule],
        outer: NumpyProgram | None = None,
    ) -> None:
        self.arrays, self.operations, self.outer = arrays, operations, outer
        self.root: NumpyProgram = self if outer is None else outer.root
        self.lines: list[str] = []
        self.names: dict[Node, str] = {}
        self.known: dict[Node, np.ndarray] = {}
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

    def array(self, node: Node) -> np.ndarray | None:
        """Return the value of a node that depends on parameters alone; ``None`` for others."""
        array = self.known.get(node)
        return self.outer.array(node) if array is None and self.outer is not None else array

    def write(self, outputs: Iterable[Node], ends: Iterable[Node] = ()) -> None:
        """Write the lines of all nodes that the outputs need.

        Raises:
            FileError E462: operations that cannot be written.
        """
        nodes = order(outputs, ends)
        missing = [
            n for n in nodes if not isinstance(n.op, Input | Constant) and n.op.name not in self.operations
        ]
        missing += [
            n
            for n in nodes
            if isinstance(n.op, Input) and n not in self.names and n.op.label not in self.arrays
        ]
        if missing:
            names = dict.fromkeys(f"{n.op.name} ({n.site})" if n.site.path else n.op.name for n in missing)
            raise FileError(
                "E462",
                where="export",
                name="numpy",
                expected=fact("operations that NumPy has"),
                received=", ".join(names),
                fix=fact("leave out the layer {name}", name=missing[0].site.path or missing[0].op.name),
            )
        path = ""
        for node in nodes:
            if node in self.names or self._is_known(node):
                continue
            if node.site.path != path:
                path = node.site.path
                self.lines.append(f"# {path}")
            expression = self.operations[node.op.name](self, node, node.op.attributes)
            self.names[node] = expression if expression.isidentifier() else self.new(expression)

    def _is_known(self, node: Node) -> bool:
        if isinstance(node.op, Constant):
            self.known[node] = node.op.array
        elif isinstance(node.op, Input):
            self.known[node] = self.arrays[node.op.label]
        else:
            value = folded(node, [self.array(source) for source in node.inputs])
            if value is None:
                return False
            self.known[node] = value
        return True

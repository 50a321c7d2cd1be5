"""The lines of a PyTorch program while it is written: modules where PyTorch has them, else operations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

from chainrule.graph import Input, Node
from chainrule.interop.export.graph_writer import GraphWriter
from chainrule.interop.export.numpy_program import NumpyProgram
from chainrule.interop.torch.layer_layout import Form
from chainrule.records import frozen

Rule: TypeAlias = "Callable[[TorchProgram, Node, dict[str, Any]], str]"


@frozen(eq=False)
class ModuleCall:
    """A value that a module of PyTorch computes.

    Args:
        path: the path of the module, as in the names of its parameters.
        constructor: the expression that creates it.
        inputs: the nodes that it reads.
        expression: the value, with the names of the inputs for ``{0}``, ``{1}`` and the module for ``{m}``.
    """

    path: str
    constructor: str
    inputs: tuple[Node, ...]
    expression: str


class TorchProgram(NumpyProgram):
    """The lines of ``forward`` from the inputs of a network to its outputs.

    Args:
        arrays: the parameters and states by path.
        operations: the function that returns the line of an operation, by the name of its card.
        outer: the program that contains this one, which is the step of a loop.
        forms: the name and layout in PyTorch of each parameter.
        calls: the values that modules compute.
    """

    format, language = "torch", "PyTorch"
    library, infinity = "torch", "math.inf"
    cell = "{x}.select({axis}, {t})"

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        operations: Mapping[str, Rule],
        outer: TorchProgram | None = None,
        *,
        forms: Mapping[str, Form] = {},
        calls: Mapping[Node, ModuleCall] = {},
    ) -> None:
        super().__init__(arrays, operations, outer)  # pyright: ignore[reportArgumentType]
        self.forms, self.calls = forms, calls
        self.modules: dict[str, str] = {}

    def inner(self) -> TorchProgram:
        """Return the program of the step of a loop."""
        return TorchProgram(self.arrays, self.operations, self)  # pyright: ignore[reportArgumentType]

    def is_known(self, node: Node) -> bool:
        """Return whether a value is a number or a table that is stored; parameters are named."""
        if isinstance(node.op, Input):
            root: Any = self.root
            self.names[node] = root.parameter(node.op.label)
            return True
        is_of_constants = all(source in self.known for source in node.inputs)
        return is_of_constants and GraphWriter.is_known(self, node)

    def parameter(self, path: str) -> str:
        """Return the expression of a parameter in our layout."""
        form = self.forms.get(path)
        names = [path] if form is None else [f"{form.module}.{n}" if form.module else n for n in form.names]
        change = "{0}" if form is None else form.change.expression
        expression = change.format(*(attribute(name) for name in names))
        return f"({expression})" if " " in expression else expression

    def constant(self, array: np.ndarray) -> str:
        """Return the expression of a constant: a number, or a buffer."""
        if array.ndim == 0:
            number = array.item()
            if isinstance(number, float) and not np.isfinite(number):
                return f"({'-' * (number < 0)}math.inf)" if number == number else "math.nan"
            return repr(number)
        root: Any = self.root
        for name, other in root.constants.items():
            if other is array or (other.dtype == array.dtype and np.array_equal(other, array)):
                return f"self.{name}"
        name = f"constant{len(root.constants) + 1}"
        root.constants[name] = array
        return f"self.{name}"

    def tensor(self, node: Node) -> str:
        """Return the expression of a value as a tensor."""
        name = self.name(node)
        if node.rank == 0 and self.array(node) is not None:
            return f"torch.tensor({name}, dtype=torch.{node.dtype})"
        return name

    def operands(self, node: Node) -> list[str]:
        """Return the inputs of an elementwise operation, which PyTorch broadcasts itself."""
        plain = [source.inputs[0] if _is_broadcast(source) else source for source in node.inputs]
        if all(source.shape != node.shape for source in plain):
            return [self.tensor(source) for source in node.inputs]
        return [self.name(source) for source in plain]

    def name(self, node: Node) -> str:
        """Return the expression of a value, which is written if it is not yet."""
        if node not in self.names and node not in self.known and not self._is_outside(node):
            self._write_one(node)
        return super().name(node)

    def _is_outside(self, node: Node) -> bool:
        outer: Any = self.outer
        return outer is not None and (node in outer.names or node in outer.known or outer._is_outside(node))

    def write(self, outputs: Iterable[Node], ends: Iterable[Node] = ()) -> None:
        """Write the lines of all nodes that the outputs need.

        Raises:
            FileError E462: operations that cannot be written.
        """
        needed = self._needed(outputs, set(ends))
        self.require_operations(node for node in needed if node not in self.calls)
        for node in needed:
            if node not in self.names and node not in self.known and not _is_broadcast(node):
                self._write_one(node)

    def _needed(self, outputs: Iterable[Node], ends: set[Node]) -> list[Node]:
        """Return the nodes that the outputs need, each after what it reads."""
        done: dict[Node, None] = {}
        stack = [(node, False) for node in reversed(list(outputs))]
        while stack:
            node, is_ready = stack.pop()
            if node in done or node in ends:
                continue
            if is_ready:
                done[node] = None
                continue
            stack.append((node, True))
            call = self.calls.get(node)
            stack += [(n, False) for n in reversed(node.inputs if call is None else call.inputs)]
        return list(done)

    def _write_one(self, node: Node) -> None:
        call = self.calls.get(node)
        if call is None and self.is_known(node):
            return
        if call is not None:
            root: Any = self.root
            root.modules[call.path] = call.constructor
            names = [self.tensor(source) for source in call.inputs]
            expression = call.expression.format(*names, m=attribute(call.path))
        else:
            expression = self.operations[node.op.name](self, node, node.op.attributes)  # pyright: ignore
        self.names[node] = expression if expression.isidentifier() else self.new(expression)


def _is_broadcast(node: Node) -> bool:
    return node.op.name == "broadcast"


def attribute(name: str) -> str:
    """Return the expression of a module or parameter by its dotted name.

    Example:
        >>> attribute("block1.0.weight")
        'self.block1[0].weight'
    """
    return "self" + "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in name.split("."))

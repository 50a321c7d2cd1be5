"""A network as nested loops for one row, in C99 or JavaScript: fixed shapes, static memory.

Each value of the network is a part of a static array of its type. Parts whose values are not needed any more
are used again. Values that depend on parameters alone are constants. Operations are written as nested loops
by ``loop_operations.py``; the functions here place values in memory and write loops.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from chainrule.data.tables.findings import is_on_command_line
from chainrule.errors import FileError, fact
from chainrule.graph import Node, order
from chainrule.interop.export.dialects import C, Dialect
from chainrule.interop.export.graph_writer import GraphWriter

Writer: TypeAlias = "Callable[[LoopProgram, Node, dict[str, Any]], str]"
ONE = {"B": 1}
SAME = frozenset(("stop_gradient", "remat", "again", "reshape"))  # operations whose value is their input


class LoopProgram(GraphWriter):
    """The statements of a function from the inputs of a network, for one row, to its outputs.

    Args:
        arrays: the parameters and states by path.
        operations: the function that writes an operation with its settings, by the name of its card.
        prefix: of the names of constants and memory.
        dialect: the language.
    """

    shared = SAME

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        operations: Mapping[str, Writer],
        prefix: str = "model",
        dialect: Dialect = C,
    ) -> None:
        super().__init__(arrays, operations)
        self.prefix, self.dialect = prefix, dialect
        self.format, self.language = dialect.name, dialect.language
        self.lines: list[str] = []
        self.constants: dict[str, np.ndarray] = {}
        self.shapes: dict[Node, tuple[int, ...]] = {}
        self.sizes: dict[str, int] = dict(ONE)
        self.memory = Memory()
        self._uses: dict[str, int] = {}
        self.nodes: dict[Node, None] = {}
        self._depth, self._count = 1, 0

    # --- lines

    def line(self, text: str) -> None:
        """Add a line."""
        self.lines.append("    " * self._depth + text)

    def fresh(self, letter: str) -> str:
        """Return a name that no other variable has."""
        self._count += 1
        return f"{letter}{self._count}"

    def loops(self, lengths: Sequence[int], body: Callable[[list[str]], None]) -> None:
        """Write nested loops; axes of length 1 have the index 0.

        Args:
            lengths: the number of iterations of each loop.
            body: writes the innermost statements for the names of the indices.
        """
        names, depth = [], self._depth
        for length in lengths:
            if length == 1:
                names.append("0")
                continue
            name = f"i{self._depth}"
            self.line(f"for ({self.dialect.index} {name} = 0; {name} < {length}; {name}++) {{")
            self._depth += 1
            names.append(name)
        body(names)
        while self._depth > depth:
            self._depth -= 1
            self.line("}")

    def block(self, opening: str, body: Callable[[], None]) -> None:
        """Write a block in braces."""
        self.line(f"{opening} {{")
        self._depth += 1
        body()
        self._depth -= 1
        self.line("}")

    # --- values

    def shape(self, node: Node) -> tuple[int, ...]:
        """Return the shape of a value for one row.

        Raises:
            FileError E462: a length that is not fixed.
        """
        if node not in self.shapes:
            try:
                spec = node.spec.at(self.sizes)
            except KeyError as error:
                raise FileError(
                    "E462",
                    where="export",
                    name=self.dialect.name,
                    expected=fact("axes of fixed length"),
                    received=f"{node.spec} ({node.site})" if node.site.path else str(node.spec),
                    fix="--to onnx" if is_on_command_line() else 'model.export("model.onnx")',
                ) from error
            self.shapes[node] = tuple(int(str(axis)) for axis in spec.shape)
        return self.shapes[node]

    def attributes(self, node: Node) -> dict[str, Any]:
        """Return the settings of an operation, with its sizes for one row."""
        return node.op.with_sizes(self.sizes).attributes

    def value(self, node: Node) -> str:
        """Return the name of the memory of a value."""
        if node not in self.names:
            self.names[node] = self.constant(self.known[node])
        return self.names[node]

    def constant(self, array: np.ndarray) -> str:
        """Return the name of a constant array."""
        for name, other in self.constants.items():
            if other is array:
                return name
        name = f"{self.prefix}_c{len(self.constants)}"
        self.constants[name] = np.asarray(array)
        return name

    def place(self, node: Node) -> str:
        """Return the name of new memory for a value, declared as a part of the memory."""
        name, count = self.fresh("v"), max(1, math.prod(self.shape(node)))
        kind = self.dialect.types[node.dtype]
        offset = self.memory.take(kind, count, name)
        self.line(self.dialect.part(name, node.dtype, f"{self.prefix}_{kind}s", offset, count))
        return name

    def leave(self, names: Mapping[Node, str], sizes: Mapping[str, int]) -> None:
        """Forget the values of a step, whose names end with its block.

        Args:
            names: the values before the block.
            sizes: the sizes before the block.
        """
        for node in [node for node in self.names if node not in names]:
            if node in self.known:
                continue
            del self.names[node]
            self.shapes.pop(node, None)
        self.sizes = dict(sizes)

    def write(self, outputs: Iterable[Node], ends: Iterable[Node] = (), keep: Iterable[Node] = ()) -> None:
        """Write the statements of all nodes that the outputs need.

        Args:
            outputs: the nodes whose values stay in memory.
            ends: nodes at which the traversal stops.
            keep: further nodes that the statements after these read.

        Raises:
            FileError E462: operations or lengths that cannot be written.
        """
        pinned, nodes = (*outputs, *keep), order(outputs, ends)
        self.require_operations(nodes)
        self.nodes.update(dict.fromkeys(nodes))
        last = {source: node for node in nodes for source in node.inputs}
        for node in nodes:
            if node in self.names or self.is_known(node):
                continue
            if node.op.name in SAME:
                name = self.names[node] = self.value(node.inputs[0])
                self._uses[name] = self._uses.get(name, 1) + 1
            else:
                self.names[node] = self.operations[node.op.name](self, node, self.attributes(node))
            for source in dict.fromkeys(node.inputs):
                if last[source] is node:
                    self._release(source, pinned)

    def _release(self, source: Node, pinned: Iterable[Node]) -> None:
        """Free the memory of a value after its last use, unless another value shares it."""
        name = self.names.get(source, "")
        self._uses[name] = self._uses.get(name, 1) - 1
        if self._uses[name] <= 0 and all(_origin(node) is not _origin(source) for node in pinned):
            self.memory.free(name)


def _origin(node: Node) -> Node:
    """Return the node whose memory a node shares."""
    while node.op.name in SAME:
        node = node.inputs[0]
    return node


class Memory:
    """Static memory of each type, as parts that are free again after their last use."""

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}
        self._free: dict[str, list[tuple[int, int]]] = {}
        self._parts: dict[str, tuple[str, int, int]] = {}

    def take(self, kind: str, count: int, name: str) -> int:
        """Return the offset of a free part, the smallest that is large enough.

        Args:
            kind: type of the elements.
            count: number of elements.
            name: of the value.
        """
        fits = [part for part in self._free.setdefault(kind, []) if part[1] >= count]
        if fits:
            start, length = min(fits, key=lambda part: part[1])
            self._free[kind].remove((start, length))
            if length > count:
                self._free[kind].append((start + count, length - count))
        else:
            start = self.sizes.get(kind, 0)
            self.sizes[kind] = start + count
        self._parts[name] = (kind, start, count)
        return start

    def free(self, name: str) -> None:
        """Make the part of a value free, joined with free neighbors; constants and inputs have none."""
        if name not in self._parts:
            return
        kind, start, count = self._parts.pop(name)
        parts = sorted([*self._free[kind], (start, count)])
        merged = [parts[0]]
        for begin, length in parts[1:]:
            if begin == sum(merged[-1]):
                merged[-1] = (merged[-1][0], merged[-1][1] + length)
            else:
                merged.append((begin, length))
        self._free[kind] = merged


def strides_of(shape: Sequence[int]) -> list[int]:
    """Return the distance of neighbors along each axis, in elements.

    Example:
        >>> strides_of((2, 3, 4))
        [12, 4, 1]
    """
    strides, step = [], 1
    for length in reversed(shape):
        strides.append(step)
        step *= length
    return strides[::-1]


def merged(shape: Sequence[int], steps: Sequence[Sequence[int]]) -> tuple[list[int], list[list[int]]]:
    """Return fewer axes with the same cells: neighbors that all values pass through as one axis are merged.

    Args:
        shape: of the result.
        steps: for each value the distance of neighbors along each axis.

    Example:
        >>> merged((2, 3, 4), [[12, 4, 1], [3, 1, 0]])
        ([6, 4], [[4, 1], [1, 0]])
        >>> merged((2, 1, 4), [[4, 4, 1]])
        ([8], [[1]])
    """
    lengths: list[int] = []
    columns: list[tuple[int, ...]] = []
    for length, own in zip(shape, zip(*steps, strict=True), strict=True):
        if length == 1:
            continue
        if columns and all(outer == inner * length for outer, inner in zip(columns[-1], own, strict=True)):
            lengths[-1] *= length
            columns[-1] = own
        else:
            lengths.append(length)
            columns.append(own)
    return lengths, [[column[i] for column in columns] for i in range(len(steps))]


def index_of(names: Sequence[str], strides: Sequence[int], offset: int = 0) -> str:
    """Return the place of an element as an expression.

    Example:
        >>> index_of(["i", "0", "j"], [12, 4, 1], 2)
        '12 * i + j + 2'
    """
    terms = [
        name if stride == 1 else f"{stride} * {name}"
        for name, stride in zip(names, strides, strict=True)
        if name != "0" and stride
    ]
    return " + ".join([*terms, *([str(offset)] if offset or not terms else [])])

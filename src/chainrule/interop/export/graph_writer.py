"""What writers of all formats share: values known in advance, and operations that a format lacks.

A value that depends on parameters alone is computed once, during the export, and stored as a constant.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np

from chainrule.errors import FileError, fact
from chainrule.graph import Constant, Input, Node
from chainrule.symbolic_shape import Size

LARGER = 4  # a value is folded only if it has at most this factor more elements than its inputs
Rule = TypeVar("Rule")


class GraphWriter:
    """Base of the writers: the operations that a format has, and the values that are known.

    Args:
        arrays: the parameters and states by path.
        operations: the function that writes an operation, by the name of its card.
        outer: the writer that contains this one, which writes the step of a loop.
    """

    format: str
    language: str
    shared: ClassVar[frozenset[str]] = frozenset()  # operations that need no function

    def __init__(
        self, arrays: Mapping[str, np.ndarray], operations: Mapping[str, Any], outer: Any = None
    ) -> None:
        self.arrays, self.operations, self.outer = arrays, operations, outer
        self.names: dict[Node, str] = {}
        self.known: dict[Node, np.ndarray] = {}

    def array(self, node: Node) -> np.ndarray | None:
        """Return the value of a node that depends on parameters alone; ``None`` for others."""
        array = self.known.get(node)
        return self.outer.array(node) if array is None and self.outer is not None else array

    def require_operations(self, nodes: Iterable[Node]) -> None:
        """Refuse operations and inputs that cannot be written.

        Raises:
            FileError E462: all of them are named, with their layers.
        """
        missing = [node for node in nodes if node not in self.names and not self._has(node)]
        if missing:
            names = dict.fromkeys(f"{n.op.name} ({n.site})" if n.site.path else n.op.name for n in missing)
            raise FileError(
                "E462",
                where="export",
                name=self.format,
                expected=fact("operations that {language} has", language=self.language),
                received=", ".join(names),
                fix=fact("leave out the layer {name}", name=missing[0].site.path or missing[0].op.name),
            )

    def _has(self, node: Node) -> bool:
        if isinstance(node.op, Input):
            return node.op.label in self.arrays
        return isinstance(node.op, Constant) or node.op.name in self.operations or node.op.name in self.shared

    def is_known(self, node: Node) -> bool:
        """Return whether a value depends on parameters alone; it is computed then."""
        if isinstance(node.op, Constant):
            self.known[node] = node.op.array
        elif isinstance(node.op, Input):
            self.known[node] = self.arrays[node.op.label]
        else:
            value = _folded(node, [self.array(source) for source in node.inputs])
            if value is None:
                return False
            self.known[node] = value
        return True


def entering(table: dict[str, Rule]) -> Callable[..., Callable[[Rule], Rule]]:
    """Return a decorator that enters a function in a table of operations under the names that it is given."""

    def named(*names: str) -> Callable[[Rule], Rule]:
        def enter(rule: Rule) -> Rule:
            table.update(dict.fromkeys(names, rule))
            return rule

        return enter

    return named


def same_loops(nodes: Iterable[Node], node: Node) -> list[Node]:
    """Return the loops over time with the step and the inputs of a loop, which are written once."""

    def settings(loop: Node) -> tuple[Any, ...]:
        own = loop.op.attributes
        return loop.op.name, loop.inputs, own.get("body"), own.get("reverse"), own.get("axis")

    return [other for other in nodes if settings(other) == settings(node)]


def resampling_matrix(node: Node) -> np.ndarray:
    """Return the weights of a resampling along an axis, (old length, new length)."""
    own = node.op.attributes
    length: Any = node.inputs[0].shape[own["axis"]]
    matrix = np.zeros((length, len(own["taps"])), node.dtype)
    for place, cells in enumerate(own["taps"]):
        for cell, weight in cells:
            matrix[cell, place] += weight
    return matrix


def _folded(node: Node, inputs: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """Return the value of a node whose inputs are known; ``None`` if they are not, or it is much larger.

    Args:
        node: an operation with inputs.
        inputs: the values of its inputs; ``None`` for those that depend on the inputs of the network.
    """
    arrays = [array for array in inputs if array is not None]
    has_size = any(isinstance(axis, Size) for axis in node.shape)
    if has_size or len(arrays) < len(inputs) or not arrays or node.op.name == "scan":
        return None
    if math.prod(map(int, map(str, node.shape))) > LARGER * max(1, *(array.size for array in arrays)):
        return None
    operation: Any = node.op
    with np.errstate(all="ignore"):
        return np.asarray(operation.evaluate(*arrays))

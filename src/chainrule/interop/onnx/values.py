"""The values of an ONNX graph while it is imported: known arrays, nodes of our graph, symbolic lengths.

ONNX has more dtypes than our graphs. A *carrier* is the dtype of our graphs that represents all values of
such a dtype: int32 for small integers, float32 for small floats. A value keeps the ONNX dtype beside it;
integers wrap around at its range, and floats are rounded to it where the file converts them.

A value whose inputs are all known is computed at once, by the reference implementation of the operations, so
that shapes, axes and indices that a file computes are constants when an operation needs them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

import numpy as np

from chainrule.errors import Message, fact
from chainrule.graph import Constant, Input, Node, constant, order
from chainrule.graph.limits import reserve
from chainrule.ops.operation_card import Card
from chainrule.records import frozen
from chainrule.symbolic_shape import DTYPES, Axis, Size

TEXT = np.dtype(object)
"""The dtype of texts."""


class OperatorError(ValueError):
    """An attribute or a shape that is not imported; ``expected`` and ``received`` describe it."""

    def __init__(self, expected: Message | str, received: object) -> None:
        super().__init__(str(received))
        self.expected, self.received = expected, received


class UnknownValueError(OperatorError):
    """A shape or a result depends on the values of inputs of the network.

    Args:
        name: of the operation's input.
        labels: the names of these inputs.

    ``step`` is the operation, which the importer sets.
    """

    step = ""

    def __init__(self, name: str, labels: Iterable[str]) -> None:
        super().__init__(fact("a constant input {name}", name=name), fact("a computed one"))
        self.name = name
        self.labels = frozenset(labels)


@frozen(eq=False)
class Value:
    """A tensor of the ONNX graph.

    Args:
        dtype: its dtype in ONNX; ``TEXT`` for texts.
        array: its elements if they are known; an array of objects for integers some of which are symbolic
            sizes, and for texts.
        node: its node, of the carrier dtype; made from the array where there is none.
    """

    dtype: np.dtype
    array: np.ndarray | None = None
    node: Node | None = None

    @staticmethod
    def of(array: Any, dtype: np.dtype | None = None) -> Value:
        """Return a known value."""
        known = np.asarray(array)
        return Value(dtype or known.dtype, known)

    @property
    def has_sizes(self) -> bool:
        """Whether some elements are symbolic sizes."""
        return self.array is not None and self.array.dtype == object and self.dtype != TEXT

    @property
    def shape(self) -> tuple[Axis, ...]:
        if self.array is not None:
            return self.array.shape
        assert self.node is not None
        return self.node.shape

    def as_node(self) -> Node:
        """Return the value as a node of the carrier dtype.

        Raises:
            OperatorError: texts, complex numbers or symbolic sizes, which our graphs do not contain.
        """
        if self.node is not None:
            return self.node
        assert self.array is not None
        kind = carrier(self.dtype)
        if kind is None or self.has_sizes:
            raise OperatorError(", ".join(DTYPES), str(self.dtype) if kind is None else fact("symbolic"))
        if self.array.dtype.itemsize < 4:
            reserve(*self.array.shape, itemsize=4)
        return constant(self.array.astype(kind))


Any_: TypeAlias = "Value | list[Any] | None"
"""A tensor, a sequence, or an optional value that is absent."""


@cache
def carrier(dtype: np.dtype) -> str | None:
    """Return the dtype of our graphs that represents a dtype of ONNX; ``None`` if none does.

    Example:
        >>> [carrier(np.dtype(name)) for name in ("uint8", "float16", "int64", "complex64")]
        ['int32', 'float32', 'int64', None]
    """
    if dtype.name in DTYPES:
        return dtype.name
    if dtype.kind in "iu":
        return "int64" if dtype.itemsize == 8 else "int32"
    if dtype.kind in "V" or dtype.name in ("float16", "bfloat16"):  # the small dtypes of ml_dtypes
        return "int32" if "int" in dtype.name else "float32"
    return "float32" if dtype.kind == "f" else None


def is_integer(dtype: np.dtype) -> bool:
    """Return whether values of a dtype are integers."""
    return dtype.kind in "iu" or "int" in dtype.name


def known_array(value: Value, weights: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """Return the elements of a value.

    Args:
        value: a tensor.
        weights: the parameters by label, whose values are known.
        name: of the operation's input, for errors.

    Raises:
        UnknownValueError: they depend on an input of the network.
    """
    if value.array is not None:
        return value.array
    assert value.node is not None
    labels = [
        n.op.label for n in order([value.node]) if isinstance(n.op, Input) and n.op.label not in weights
    ]
    if labels:
        raise UnknownValueError(name, labels)
    return as_stored(evaluated([value.node], weights)[0], value.dtype)


def evaluated(nodes: Sequence[Node], weights: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Return the values of nodes that depend on constants and weights alone, by the reference engine."""
    arrays: dict[Node, np.ndarray] = {}
    for node in order(nodes):
        if isinstance(node.op, Constant):
            arrays[node] = node.op.array
        elif isinstance(node.op, Input):
            arrays[node] = weights[node.op.label]
        else:
            assert isinstance(node.op, Card)
            reserve(*node.shape)
            with np.errstate(all="ignore"):
                arrays[node] = node.op.evaluate(*(arrays[source] for source in node.inputs))
    return [arrays[node] for node in nodes]


def has_fixed_shapes(node: Node) -> bool:
    """Return whether no shape on the way to a node has a symbolic length."""
    return all(isinstance(n, int) for part in order([node]) for n in part.shape)


def as_stored(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return an array of a carrier dtype in the ONNX dtype: integers wrap around, floats are rounded."""
    if array.dtype == dtype:
        return array
    with np.errstate(all="ignore"):
        return array.astype(dtype)


def sizes_of(array: np.ndarray) -> tuple[Axis, ...]:
    """Return the lengths in an array of integers, some of which may be symbolic."""
    return tuple(n if isinstance(n, Size) else int(n) for n in np.ravel(array))

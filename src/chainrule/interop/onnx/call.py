"""One operation of an ONNX file: its inputs, attributes, version and subgraphs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from chainrule.errors import fact
from chainrule.graph import Node
from chainrule.interop.onnx.values import Any_, OperatorError, Value, carrier, known_array, sizes_of
from chainrule.records import frozen
from chainrule.symbolic_shape import Axis, Size

RANK = 64  # axes


@frozen(eq=False)
class Call:
    """A node of the file.

    Args:
        kind: the operator.
        inputs: values; ``None`` for an optional input that is absent.
        attributes: by name, with the defaults of the version: numbers, texts, lists, arrays, subgraphs.
        version: of the operator set.
        names: the names of the inputs in the operator's definition.
        outputs: which outputs are used.
        weights: the parameters by label, whose values are known.
        batch: the length that the file states for the first axis of its inputs, if this axis is the batch of
            any length nevertheless; 0: lengths are as the file states them.
        run: imports a subgraph with further values by name, and returns its outputs.
        lookup: the value of a name of the graph, for an operation that names values in its attributes.
        takes_loop: returns whether a loop may become the operation ``scan``.
        repeating: the context in which the step of such a loop is imported, for its number of turns.
    """

    kind: str
    inputs: tuple[Any_, ...]
    attributes: Mapping[str, Any]
    version: int
    names: Sequence[str]
    outputs: tuple[bool, ...]
    weights: Mapping[str, np.ndarray]
    batch: int
    run: Callable[[Any, Sequence[Any_]], list[Any_]]
    lookup: Callable[[str, str], Any_]
    takes_loop: Callable[[], bool]
    repeating: Callable[[Axis], AbstractContextManager[None]]

    @property
    def is_batched(self) -> bool:
        """Whether the first axis of the inputs is the batch, whatever length the file states."""
        return self.batch > 0

    # --- inputs

    def value(self, i: int) -> Value:
        """Return the tensor that is input ``i``.

        Raises:
            OperatorError: it is absent, or a sequence.
        """
        value = self.inputs[i] if i < len(self.inputs) else None
        if value is None:
            raise OperatorError(fact("at least {count} inputs", count=i + 1), len(self.inputs))
        if not isinstance(value, Value):
            raise OperatorError(fact("a tensor"), fact("a sequence"))
        return value

    def has(self, i: int) -> bool:
        return i < len(self.inputs) and self.inputs[i] is not None

    @property
    def x(self) -> Node:
        return self.node(0)

    def node(self, i: int) -> Node:
        """Input ``i`` as a node."""
        return self.value(i).as_node()

    def nodes(self, first: int = 0) -> list[Node]:
        """Return all inputs from ``first`` on as nodes."""
        return [self.node(i) for i in range(first, max(len(self.inputs), first + 1))]

    def optional(self, i: int) -> Node | None:
        return self.node(i) if self.has(i) else None

    def sequence(self, i: int) -> list[Any_]:
        """Return the sequence that is input ``i``."""
        value = self.inputs[i] if i < len(self.inputs) else None
        if not isinstance(value, list):
            raise OperatorError(fact("a sequence"), fact("a tensor"))
        return value

    def dtype(self, i: int = 0) -> np.dtype:
        return self.value(i).dtype

    def name(self, i: int) -> str:
        """Return the name of input ``i`` in the operator's definition."""
        return self.names[min(i, len(self.names) - 1)] if self.names else str(i)

    # --- values that must be known

    def array(self, i: int) -> np.ndarray:
        """Return the elements of input ``i``.

        Raises:
            UnknownValueError: they depend on an input of the network.
        """
        value = self.value(i)
        if value.has_sizes:
            raise OperatorError(fact("known lengths"), ", ".join(map(str, np.ravel(np.asarray(value.array)))))
        return known_array(value, self.weights, self.name(i))

    def is_known(self, i: int) -> bool:
        value = self.inputs[i] if i < len(self.inputs) else None
        return isinstance(value, Value) and value.array is not None and not value.has_sizes

    def sizes(self, i: int) -> tuple[Axis, ...]:
        """Input ``i`` as lengths of axes, of which some may be symbolic."""
        value = self.value(i)
        array = known_array(value, self.weights, self.name(i))
        if not value.has_sizes:
            return integers_of(self.name(i), np.ravel(array))
        return sizes_of(array)

    def number(self, i: int, default: float = 0.0) -> float:
        """Return the number that input ``i`` is; ``default`` if it is absent."""
        if not self.has(i):
            return default
        array = self.array(i)
        if array.size != 1:
            raise OperatorError(fact("one number"), f"{self.name(i)}: {array.shape}")
        return array.reshape(-1)[0].item()

    # --- attributes

    def integers(self, name: str, i: int = -1) -> tuple[int, ...] | None:
        """Return integers of an attribute, or of a constant input."""
        if self.attributes.get(name) is not None:
            return integers_of(name, self.attributes[name])
        return integers_of(name, np.ravel(self.array(i))) if i >= 0 and self.has(i) else None

    def integer(self, name: str, default: int = 0) -> int:
        value = self.attributes.get(name)
        return default if value is None else int(value)

    def real(self, name: str, default: float = 0.0) -> float:
        value = self.attributes.get(name)
        return default if value is None else float(value)

    def text(self, name: str, default: str = "") -> str:
        value = self.attributes.get(name)
        return default if value is None else str(value)

    def choice(self, name: str, choices: Sequence[Any], default: Any = None) -> Any:
        """Return an attribute that has one of some values."""
        value = self.attributes.get(name, default)
        value = default if value is None else value
        if value not in choices:
            raise OperatorError(f"{name} = {', '.join(map(str, choices))}", f"{name} = {value}")
        return value

    def require(self, name: str, value: object) -> None:
        """Refuse another value of an attribute ``name`` than the only one that is imported.

        Raises:
            OperatorError: another value.
        """
        if self.attributes.get(name, value) not in (value, None):
            raise OperatorError(f"{name} = {value}", f"{name} = {self.attributes[name]}")


def integers_of(name: str, numbers: Any) -> tuple[int, ...]:
    """Return integers of the file, at most ``RANK`` of them."""
    if not isinstance(numbers, list | tuple | np.ndarray) or len(numbers) > RANK:
        raise OperatorError(fact("at most {limit} axes", limit=RANK), name)
    if any(not isinstance(n, int | np.integer) for n in numbers):
        raise OperatorError(fact("integers"), name)
    return tuple(int(n) for n in numbers)


def labeled(node: Node, dtype: np.dtype) -> Value:
    """Return a node as a value of an ONNX dtype."""
    return Value(dtype if carrier(dtype) == node.dtype else np.dtype(node.dtype), None, node)


def lengths_of(x: Node) -> tuple[int, ...]:
    """Return the lengths of all axes but the batch."""
    return fixed(x.shape[1:])


def fixed(shape: Sequence[Axis]) -> tuple[int, ...]:
    """Return lengths as integers.

    Raises:
        OperatorError: some are symbolic.
    """
    if not all(isinstance(n, int) for n in shape):
        raise OperatorError(fact("known lengths of all axes but the first"), ", ".join(map(str, shape)))
    return tuple(int(str(n)) for n in shape)


def axis_of(x: Node | int, axis: int) -> int:
    """Return the axis from the first one, for an axis of a node (or rank) that may count from the last."""
    rank = x if isinstance(x, int) else x.rank
    if not -rank <= axis < rank:
        raise OperatorError(fact("an axis below {rank}", rank=rank), axis)
    return axis % rank


def has_batch(x: Node) -> bool:
    """Return whether the first axis is the batch."""
    return bool(x.shape) and isinstance(x.shape[0], Size)

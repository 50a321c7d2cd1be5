"""One operation of an ONNX file: its inputs, attributes and constant values, and their version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.errors import Message, fact
from chainrule.graph import Node
from chainrule.records import frozen
from chainrule.spec import Size

RANK = 64  # axes


class OperatorError(ValueError):
    """An attribute or a shape that is not imported; ``expected`` and ``received`` describe it."""

    def __init__(self, expected: Message | str, received: object) -> None:
        super().__init__(str(received))
        self.expected, self.received = expected, received


@frozen(eq=False)
class Call:
    """A node of the file.

    Args:
        inputs: nodes; ``None`` for an optional input that is absent.
        attributes: by name: numbers, texts, lists of numbers, arrays.
        values: the arrays of inputs that are constants, by position.
        version: of the operations.
    """

    inputs: tuple[Node | None, ...]
    attributes: Mapping[str, Any]
    values: Mapping[int, np.ndarray]
    version: int

    @property
    def x(self) -> Node:
        return self.input(0)

    def input(self, i: int) -> Node:
        node = self.inputs[i] if i < len(self.inputs) else None
        if node is None:
            raise OperatorError(fact("at least {count} inputs", count=i + 1), len(self.inputs))
        return node

    def optional(self, i: int) -> Node | None:
        return self.inputs[i] if i < len(self.inputs) else None

    def integers(self, name: str, i: int = -1) -> tuple[int, ...] | None:
        """Integers of an attribute, or of a constant input."""
        if name in self.attributes:
            return _integers(name, self.attributes[name])
        if i < 0 or i >= len(self.inputs) or self.inputs[i] is None:
            return None
        if i not in self.values:
            raise OperatorError(fact("a constant input {name}", name=name), fact("a computed one"))
        return _integers(name, np.ravel(self.values[i]))

    def require(self, name: str, value: object) -> None:
        """Refuse another value of an attribute or input ``name`` than the only one that is imported.

        Raises:
            OperatorError: another value.
        """
        if self.attributes.get(name, value) != value:
            raise OperatorError(f"{name} = {value}", f"{name} = {self.attributes[name]}")


def _integers(name: str, numbers: Any) -> tuple[int, ...]:
    if not isinstance(numbers, list | np.ndarray) or len(numbers) > RANK:
        raise OperatorError(fact("at most {limit} axes", limit=RANK), name)
    if any(not isinstance(n, int | np.integer) for n in numbers):
        raise OperatorError(fact("integers"), name)
    return tuple(int(n) for n in numbers)


def lengths_of(x: Node) -> tuple[int, ...]:
    """The lengths of all axes but the batch."""
    if not all(isinstance(n, int) for n in x.shape[1:]):
        raise OperatorError(fact("known lengths of all axes but the first"), x.spec)
    return tuple(int(str(n)) for n in x.shape[1:])


def axis_of(x: Node, axis: int) -> int:
    """The axis from the first one, for an axis that may count from the last."""
    if not -x.rank <= axis < x.rank:
        raise OperatorError(fact("an axis below {rank}", rank=x.rank), axis)
    return axis % x.rank


def has_batch(x: Node) -> bool:
    """Whether the first axis is the batch."""
    return bool(x.shape) and isinstance(x.shape[0], Size)

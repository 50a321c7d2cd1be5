"""The base class of initializers, and the constant initializer."""

from __future__ import annotations

from typing import ClassVar

from chainrule.extension import Extensible
from chainrule.graph import Node, constant
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.symbolic_shape import Shape
from chainrule.validation import require_number


@frozen
class Initializer(Extensible):
    """Base class of every initializer: a record that returns initial values as nodes.

    Attributes:
        member_axes: the number of leading axes that stand for members of an ensemble, whose parameters are
            initialized independently.
    """

    member_axes: ClassVar[int] = 0

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Refuse settings outside their range."""

    def __call__(self, key: Node, shape: Shape, dtype: str, stream: int) -> Node:
        """Return the initial values of a parameter.

        Args:
            key: two uint32, from the seed.
            shape: (out, in) for a weight matrix, (out, *kernel, in) for a convolution, any for the rest.
            dtype: dtype.
            stream: the random stream of the parameter, so that two parameters differ.
        """
        raise TypeError(f"{type(self).__name__} draws nothing")


@frozen
class Fill(Initializer):
    """Sets all elements to one number.

    Args:
        value: the number.
    """

    chinese = ("常数初始化", "处处为同一个数。")
    value: float = 0.0

    def check(self) -> None:
        require_number(self, "value")

    def __call__(self, key: Node, shape: Shape, dtype: str, stream: int) -> Node:
        return F.broadcast_to(constant(self.value, dtype), shape)


def axes_of(shape: Shape) -> tuple[int, ...]:
    """Return the axis lengths of a parameter, which must all be known."""
    return tuple(int(n) for n in shape if isinstance(n, int))

"""What a schedule is: nodes that give the learning rate of a step."""

from __future__ import annotations

from chainrule.errors import fact
from chainrule.extension import Extensible
from chainrule.graph import Node
from chainrule.ops.elementwise.broadcasting_functions import full_like
from chainrule.records import frozen
from chainrule.validation import require, require_number


@frozen
class Schedule(Extensible):
    """Base of every schedule."""

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Refuse settings outside their range."""

    def __call__(self, step: Node, horizon: int) -> Node:
        """Return the learning rate.

        Args:
            step: the number of updates before this one, as a floating-point node of shape ().
            horizon: the number of updates of the full training.
        """
        raise TypeError(f"{type(self).__name__} defines no learning rate")


@frozen
class Constant(Schedule):
    """The same learning rate throughout.

    Args:
        learning_rate: the learning rate, above 0.

    Raises:
        UsageError E102: a learning rate that is not above 0.
    """

    chinese = ("常数学习率", "始终不变。")
    learning_rate: float

    def check(self) -> None:
        require_number(self, "learning_rate", above=0)

    def __call__(self, step: Node, horizon: int) -> Node:
        return full_like(step, self.learning_rate)


def known_schedule(learning_rate: float | Schedule) -> Schedule:
    """Return a schedule: itself, or the constant one for a number."""
    return learning_rate if isinstance(learning_rate, Schedule) else Constant(float(learning_rate))


def require_rate(owner: object, name: str) -> None:
    """Refuse a field that is neither a schedule nor a number above 0.

    Raises:
        UsageError E102: anything else.
    """
    if not isinstance(getattr(owner, name), Schedule):
        require_number(owner, name, above=0)


def require_rising(owner: object, name: str) -> None:
    """Refuse a field that is not a tuple of increasing integers above 0.

    Raises:
        UsageError E102: anything else.
    """
    steps = getattr(owner, name)
    are_integers = isinstance(steps, tuple) and all(type(n) is int for n in steps)
    rises = are_integers and bool(steps) and all(a < b for a, b in zip((0, *steps), steps, strict=False))
    require(owner, name, rises, fact("integers above 0, each above the one before"), f"{name}=(100, 200)")


def as_tuple(owner: object, name: str) -> None:
    """Convert a list to a tuple in a field of a frozen record."""
    if isinstance(getattr(owner, name), list):
        object.__setattr__(owner, name, tuple(getattr(owner, name)))

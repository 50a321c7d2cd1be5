"""What a schedule is: nodes that give the learning rate of a step."""

from __future__ import annotations

from chainrule.extension import Extensible
from chainrule.graph import Node
from chainrule.nn.validation import require, require_number
from chainrule.ops.elementwise.functions import full_like
from chainrule.records import frozen


@frozen
class Schedule(Extensible):
    """Base of every schedule."""

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Refuse settings outside their range."""

    def __call__(self, step: Node, horizon: int) -> Node:
        """The learning rate.

        Args:
            step: how many updates have been made before this one, as a floating-point node of shape ().
            horizon: how many updates the whole training will make.
        """
        raise TypeError(f"{type(self).__name__} says no rate")


@frozen
class Constant(Schedule):
    """The same rate for ever.

    Args:
        learning_rate: the learning rate, above 0.

    Fails:
        UsageError E102: a rate that is not above 0.
    """

    learning_rate: float

    def check(self) -> None:
        require_number(self, "learning_rate", above=0)

    def __call__(self, step: Node, horizon: int) -> Node:
        return full_like(step, self.learning_rate)


def known_schedule(rate: float | Schedule) -> Schedule:
    """A schedule: itself, or the constant one for a number."""
    return rate if isinstance(rate, Schedule) else Constant(float(rate))


def require_rate(owner: object, name: str) -> None:
    """Refuse a field that is neither a schedule nor a number above 0.

    Fails:
        UsageError E102: anything else.
    """
    if not isinstance(getattr(owner, name), Schedule):
        require_number(owner, name, above=0)


def require_rising(owner: object, name: str) -> None:
    """Refuse a field that is no tuple of whole numbers, each above the one before, the first above 0.

    Fails:
        UsageError E102: anything else.
    """
    found = getattr(owner, name)
    whole = isinstance(found, tuple) and all(type(n) is int for n in found)
    rises = whole and bool(found) and all(a < b for a, b in zip((0, *found), found, strict=False))
    require(owner, name, rises, "integers above 0, each above the one before", f"{name}=(100, 200)")


def as_tuple(owner: object, name: str) -> None:
    """Let a list stand for a tuple in a field of a frozen record."""
    if isinstance(getattr(owner, name), list):
        object.__setattr__(owner, name, tuple(getattr(owner, name)))

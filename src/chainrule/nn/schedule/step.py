"""Schedules that keep a rate for a while and then change it at once."""

from __future__ import annotations

from dataclasses import KW_ONLY

from chainrule.graph import Node
from chainrule.nn.schedule.schedule import Schedule, as_tuple, require_rising
from chainrule.nn.validation import is_number, require, require_number, require_whole
from chainrule.ops import PUBLIC
from chainrule.ops.elementwise.functions import full_like
from chainrule.records import frozen


@frozen
class Step(Schedule):
    """Multiplies the rate by a factor every so many updates: a staircase.

    Formula: rate factor^floor(step / every).

    Args:
        rate: the learning rate of the first stair, above 0.
        every: how many updates a stair is long.
        factor: from stair to stair, 0 < factor <= 1.

    Fails:
        UsageError E102: a setting out of its range.

    Reference: as PyTorch's ``StepLR``.
    """

    rate: float
    _: KW_ONLY
    every: int
    factor: float = 0.1

    def check(self) -> None:
        require_number(self, "rate", above=0)
        require_whole(self, "every", 1)
        require_number(self, "factor", above=0, most=1)

    def __call__(self, step: Node, horizon: int) -> Node:
        stair = PUBLIC["floor"](step / float(self.every))
        return PUBLIC["power"](self.factor, stair) * self.rate


@frozen
class MultiStep(Schedule):
    """Multiplies the rate by a factor at given updates: a staircase with stairs of any length.

    Formula: rate factor^(how many of ``at`` are <= step).

    Args:
        rate: the learning rate of the first stair, above 0.
        at: the updates at which a new stair begins, rising.
        factor: from stair to stair, 0 < factor <= 1.

    Fails:
        UsageError E102: a setting out of its range.

    Reference: as PyTorch's ``MultiStepLR``.
    """

    rate: float
    _: KW_ONLY
    at: tuple[int, ...]
    factor: float = 0.1

    def __post_init__(self) -> None:
        as_tuple(self, "at")
        self.check()

    def check(self) -> None:
        require_number(self, "rate", above=0)
        require_rising(self, "at")
        require_number(self, "factor", above=0, most=1)

    def __call__(self, step: Node, horizon: int) -> Node:
        return PUBLIC["power"](self.factor, passed(step, self.at)) * self.rate


@frozen
class PiecewiseConstant(Schedule):
    """The rates of a list, one after the other.

    Formula: rates[i] while i of ``at`` are <= step.

    Args:
        rates: one more than ``at``, each above 0.
        at: the updates at which the next rate begins, rising.

    Fails:
        UsageError E102: a setting out of its range.

    Reference: as Keras's ``PiecewiseConstantDecay``, which changes one update later.
    """

    rates: tuple[float, ...]
    _: KW_ONLY
    at: tuple[int, ...]

    def __post_init__(self) -> None:
        as_tuple(self, "rates")
        as_tuple(self, "at")
        self.check()

    def check(self) -> None:
        require_rising(self, "at")
        fits = isinstance(self.rates, tuple) and all(is_number(r) and r > 0 for r in self.rates)
        fits = fits and len(self.rates) == len(self.at) + 1
        require(self, "rates", fits, f"{len(self.at) + 1} numbers above 0, one more than at")

    def __call__(self, step: Node, horizon: int) -> Node:
        rate = full_like(step, self.rates[0])
        for start, following in zip(self.at, self.rates[1:], strict=True):
            rate = PUBLIC["where"](PUBLIC["less"](step, float(start)), rate, following)
        return rate


def passed(step: Node, at: tuple[int, ...]) -> Node:
    """How many of these updates lie at or before a step."""
    total = full_like(step, 0.0)
    for start in at:
        total = total + PUBLIC["greater_equal"](step, float(start)).astype(step.dtype)
    return total

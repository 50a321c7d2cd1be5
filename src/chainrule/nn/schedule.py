"""Schedules: the learning rate as a function of the step.

A schedule is nodes of the step graph like everything else, so the rate of any step can be explained, and a
resumed training needs nothing but the step's number to go on at the right rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from chainrule.graph import Node
from chainrule.nn.setting import require, require_number, require_whole
from chainrule.ops import PUBLIC
from chainrule.ops.function import full_like


@dataclass(frozen=True)
class Schedule:
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


@dataclass(frozen=True)
class Constant(Schedule):
    """The same rate for ever.

    Args:
        rate: the learning rate, above 0.

    Fails:
        UsageError E102: a rate that is not above 0.
    """

    rate: float

    def check(self) -> None:
        require_number(self, "rate", above=0)

    def __call__(self, step: Node, horizon: int) -> Node:
        return full_like(step, self.rate)


@dataclass(frozen=True)
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
    every: int
    factor: float = 0.1

    def check(self) -> None:
        require_number(self, "rate", above=0)
        require_whole(self, "every", 1)
        require_number(self, "factor", above=0, most=1)

    def __call__(self, step: Node, horizon: int) -> Node:
        stair = PUBLIC["floor"](step / float(self.every))
        return PUBLIC["power"](self.factor, stair) * self.rate


@dataclass(frozen=True)
class Cosine(Schedule):
    """Lets the rate sink from its first value to a floor along half a cosine: slowly, fast, slowly.

    Formula: floor + (rate - floor) (1 + cos(pi t)) / 2 with t = min(1, step / steps).

    Args:
        rate: the learning rate at the first update, above 0.
        steps: after how many updates the floor is reached; the whole training when ``None``.
        floor: the last rate, 0 <= floor <= rate.

    Fails:
        UsageError E102: a setting out of its range.

    Reference: Loshchilov and Hutter (2017), SGDR: stochastic gradient descent with warm restarts (ICLR). As
    PyTorch's ``CosineAnnealingLR`` up to ``steps``; afterwards this one stays at the floor, where that one
    climbs again.
    """

    rate: float
    steps: int | None = None
    floor: float = 0.0

    def check(self) -> None:
        require_number(self, "rate", above=0)
        require_number(self, "floor", least=0, most=self.rate)
        if self.steps is not None:
            require_whole(self, "steps", 1)

    def __call__(self, step: Node, horizon: int) -> Node:
        passed = PUBLIC["minimum"](step / float(max(1, self.steps or horizon)), 1.0)
        half = (PUBLIC["cos"](passed * math.pi) + 1.0) / 2.0
        return half * (self.rate - self.floor) + self.floor


@dataclass(frozen=True)
class Warmup(Schedule):
    """Raises the rate in a straight line from 0, then hands over to another schedule.

    The first steps start from random weights, where gradients are large and point anywhere; small steps there
    do no harm. The rate is 0 *before* the first update, so no update is wasted.

    Formula: min(1, (step + 1) / steps) then(max(0, step - steps)).

    Args:
        steps: how many updates the climb takes.
        then: the schedule that follows, its own steps counted from the end of the climb; or a constant rate.

    Fails:
        UsageError E102: a setting out of its range.

    Reference: Goyal et al. (2017), Accurate, large minibatch SGD (arXiv 1706.02677). As PyTorch's
    ``LinearLR`` from 1/steps, followed by the other schedule through ``SequentialLR``.
    """

    steps: int
    then: float | Schedule

    def check(self) -> None:
        require_whole(self, "steps", 1)
        if not isinstance(self.then, Schedule):
            require_number(self, "then", above=0)
        require(self, "then", not isinstance(self.then, Warmup), "a schedule that is no warm-up itself")

    def __call__(self, step: Node, horizon: int) -> Node:
        climbed = PUBLIC["minimum"]((step + 1.0) / float(self.steps), 1.0)
        later = PUBLIC["relu"](step - float(self.steps))
        return climbed * known_schedule(self.then)(later, max(1, horizon - self.steps))


def known_schedule(rate: float | Schedule) -> Schedule:
    """A schedule: itself, or the constant one for a number."""
    return rate if isinstance(rate, Schedule) else Constant(float(rate))

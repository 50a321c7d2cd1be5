"""Schedules that change a rate little by little with every update."""

from __future__ import annotations

from dataclasses import KW_ONLY

from chainrule.graph import Node
from chainrule.nn.schedule.schedule import Schedule
from chainrule.nn.validation import require_number, require_whole
from chainrule.ops import PUBLIC
from chainrule.records import frozen


@frozen
class ExponentialDecay(Schedule):
    """Multiplies the rate by a factor every so many updates, in small even steps or in stairs.

    Formula: rate factor^(step / every); in stairs floor(step / every).

    Args:
        rate: the learning rate at the first update, above 0.
        factor: 0 < factor <= 1.
        every: after how many updates the rate is ``factor`` times what it was.
        stairs: whether it changes only then.

    Fails:
        UsageError E102: a setting out of its range.

    Reference: as Keras's ``ExponentialDecay``; with ``every=1`` as PyTorch's ``ExponentialLR``.
    """

    rate: float
    _: KW_ONLY
    factor: float = 0.95
    every: int = 1
    stairs: bool = False

    def check(self) -> None:
        require_number(self, "rate", above=0)
        require_number(self, "factor", above=0, most=1)
        require_whole(self, "every", 1)

    def __call__(self, step: Node, horizon: int) -> Node:
        return PUBLIC["power"](self.factor, _part(step, self.every, self.stairs)) * self.rate


@frozen
class InverseTimeDecay(Schedule):
    """Lets the rate fall like 1/t: for ever, and ever more slowly.

    Formula: rate / (1 + strength step / every); in stairs floor(step / every).

    Args:
        rate: the learning rate at the first update, above 0.
        strength: at least 0.
        every: how many updates count for one.
        stairs: whether the rate changes only then.

    Fails:
        UsageError E102: a setting out of its range.

    Reference: Robbins and Monro (1951), A stochastic approximation method. As Keras's ``InverseTimeDecay``.
    """

    rate: float
    _: KW_ONLY
    strength: float = 0.5
    every: int = 1
    stairs: bool = False

    def check(self) -> None:
        require_number(self, "rate", above=0)
        require_number(self, "strength", least=0)
        require_whole(self, "every", 1)

    def __call__(self, step: Node, horizon: int) -> Node:
        return self.rate / (_part(step, self.every, self.stairs) * self.strength + 1.0)


@frozen
class PolynomialDecay(Schedule):
    """Lets the rate sink to a floor along a power of the time that is left; a straight line with power 1.

    Formula: floor + (rate - floor) (1 - t)^power with t = min(1, step / steps).

    Args:
        rate: the learning rate at the first update, above 0.
        steps: after how many updates the floor is reached; the whole training when ``None``.
        floor: the last rate, 0 <= floor <= rate.
        power: above 0.

    Fails:
        UsageError E102: a setting out of its range.

    Reference: as Keras's ``PolynomialDecay`` without its cycles; with ``floor=0`` as PyTorch's
    ``PolynomialLR``.
    """

    rate: float
    _: KW_ONLY
    steps: int | None = None
    floor: float = 0.0
    power: float = 1.0

    def check(self) -> None:
        require_number(self, "rate", above=0)
        require_number(self, "floor", least=0, most=self.rate)
        require_number(self, "power", above=0)
        if self.steps is not None:
            require_whole(self, "steps", 1)

    def __call__(self, step: Node, horizon: int) -> Node:
        left = 1.0 - PUBLIC["minimum"](step / float(max(1, self.steps or horizon)), 1.0)
        return PUBLIC["power"](left, self.power) * (self.rate - self.floor) + self.floor


@frozen
class LinearRamp(Schedule):
    """Changes the rate in a straight line from one part of it to another, then keeps it.

    Formula: rate (start + (end - start) min(1, step / steps)).

    Args:
        rate: the learning rate that the parts are taken of, above 0.
        steps: how many updates the change takes.
        start, end: the parts, at least 0.

    Fails:
        UsageError E102: a setting out of its range.

    Reference: as PyTorch's ``LinearLR``.
    """

    rate: float
    _: KW_ONLY
    steps: int = 5
    start: float = 1 / 3
    end: float = 1.0

    def check(self) -> None:
        require_number(self, "rate", above=0)
        require_whole(self, "steps", 1)
        require_number(self, "start", least=0)
        require_number(self, "end", least=0)

    def __call__(self, step: Node, horizon: int) -> Node:
        part = PUBLIC["minimum"](step / float(self.steps), 1.0)
        return (part * (self.end - self.start) + self.start) * self.rate


@frozen
class Noam(Schedule):
    """A line up, then down with the inverse square root of the step: the rate of the first Transformer.

    Formula: rate units^-0.5 min(t^-0.5, t warm^-1.5) with t = step + 1.

    Args:
        units: the width of the model.
        warm: how many updates the rate rises.
        rate: a factor, above 0.

    Fails:
        UsageError E102: a setting out of its range.

    Reference: Vaswani et al. (2017), Attention is all you need (NIPS), equation 3.
    """

    units: int
    _: KW_ONLY
    warm: int = 4000
    rate: float = 1.0

    def check(self) -> None:
        require_whole(self, "units", 1)
        require_whole(self, "warm", 1)
        require_number(self, "rate", above=0)

    def __call__(self, step: Node, horizon: int) -> Node:
        t = step + 1.0
        falling = 1.0 / PUBLIC["sqrt"](t)
        return PUBLIC["minimum"](falling, t * self.warm**-1.5) * (self.rate * self.units**-0.5)


def _part(step: Node, every: int, stairs: bool) -> Node:
    """How many times ``every`` updates have passed, in whole numbers when in stairs."""
    passed = step / float(every)
    return PUBLIC["floor"](passed) if stairs else passed

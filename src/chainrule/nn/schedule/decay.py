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

    Formula: initial_learning_rate decay_rate^(step / decay_steps); with staircase floor(step / decay_steps).

    Args:
        initial_learning_rate: the learning rate at the first update, above 0.
        decay_rate: 0 < decay_rate <= 1.
        decay_steps: after how many updates the rate is ``decay_rate`` times what it was.
        staircase: whether it changes only then.

    Fails:
        UsageError E102: a setting out of its range.

    Reference: as Keras's ``ExponentialDecay``; with ``decay_steps=1`` as PyTorch's ``ExponentialLR``.
    """

    initial_learning_rate: float
    _: KW_ONLY
    decay_rate: float = 0.95
    decay_steps: int = 1
    staircase: bool = False

    def check(self) -> None:
        require_number(self, "initial_learning_rate", above=0)
        require_number(self, "decay_rate", above=0, most=1)
        require_whole(self, "decay_steps", 1)

    def __call__(self, step: Node, horizon: int) -> Node:
        return (
            PUBLIC["power"](self.decay_rate, _part(step, self.decay_steps, self.staircase))
            * self.initial_learning_rate
        )


@frozen
class InverseTimeDecay(Schedule):
    """Lets the rate fall like 1/t: for ever, and ever more slowly.

    Formula: initial_learning_rate / (1 + decay_rate step / decay_steps); with staircase floor(step /
    decay_steps).

    Args:
        initial_learning_rate: the learning rate at the first update, above 0.
        decay_rate: at least 0.
        decay_steps: how many updates count for one.
        staircase: whether the rate changes only then.

    Fails:
        UsageError E102: a setting out of its range.

    Reference: Robbins and Monro (1951), A stochastic approximation method. As Keras's ``InverseTimeDecay``.
    """

    initial_learning_rate: float
    _: KW_ONLY
    decay_rate: float = 0.5
    decay_steps: int = 1
    staircase: bool = False

    def check(self) -> None:
        require_number(self, "initial_learning_rate", above=0)
        require_number(self, "decay_rate", least=0)
        require_whole(self, "decay_steps", 1)

    def __call__(self, step: Node, horizon: int) -> Node:
        return self.initial_learning_rate / (
            _part(step, self.decay_steps, self.staircase) * self.decay_rate + 1.0
        )


@frozen
class PolynomialDecay(Schedule):
    """Lets the rate sink to a floor along a power of the time that is left; a straight line with power 1.

    Formula: end_learning_rate + (initial_learning_rate - end_learning_rate) (1 - t)^power with t = min(1,
    step / decay_steps).

    Args:
        initial_learning_rate: the learning rate at the first update, above 0.
        decay_steps: after how many updates the floor is reached; the whole training when ``None``.
        end_learning_rate: the last rate, 0 <= end_learning_rate <= initial_learning_rate.
        power: above 0.

    Fails:
        UsageError E102: a setting out of its range.

    Reference: as Keras's ``PolynomialDecay`` without its cycles; with ``end_learning_rate=0`` as PyTorch's
    ``PolynomialLR``.
    """

    initial_learning_rate: float
    _: KW_ONLY
    decay_steps: int | None = None
    end_learning_rate: float = 0.0
    power: float = 1.0

    def check(self) -> None:
        require_number(self, "initial_learning_rate", above=0)
        require_number(self, "end_learning_rate", least=0, most=self.initial_learning_rate)
        require_number(self, "power", above=0)
        if self.decay_steps is not None:
            require_whole(self, "decay_steps", 1)

    def __call__(self, step: Node, horizon: int) -> Node:
        left = 1.0 - PUBLIC["minimum"](step / float(max(1, self.decay_steps or horizon)), 1.0)
        return (
            PUBLIC["power"](left, self.power) * (self.initial_learning_rate - self.end_learning_rate)
            + self.end_learning_rate
        )


@frozen
class LinearRamp(Schedule):
    """Changes the rate in a straight line from one part of it to another, then keeps it.

    Formula: learning_rate (start_factor + (end_factor - start_factor) min(1, step / steps)).

    Args:
        learning_rate: the learning rate that the parts are taken of, above 0.
        steps: how many updates the change takes.
        start_factor, end_factor: the parts, at least 0.

    Fails:
        UsageError E102: a setting out of its range.

    Reference: as PyTorch's ``LinearLR``.
    """

    learning_rate: float
    _: KW_ONLY
    steps: int = 5
    start_factor: float = 1 / 3
    end_factor: float = 1.0

    def check(self) -> None:
        require_number(self, "learning_rate", above=0)
        require_whole(self, "steps", 1)
        require_number(self, "start_factor", least=0)
        require_number(self, "end_factor", least=0)

    def __call__(self, step: Node, horizon: int) -> Node:
        part = PUBLIC["minimum"](step / float(self.steps), 1.0)
        return (part * (self.end_factor - self.start_factor) + self.start_factor) * self.learning_rate


@frozen
class Noam(Schedule):
    """A line up, then down with the inverse square root of the step: the rate of the first Transformer.

    Formula: scale units^-0.5 min(t^-0.5, t warmup_steps^-1.5) with t = step + 1.

    Args:
        units: the width of the model.
        warmup_steps: how many updates the rate rises.
        scale: a factor, above 0.

    Fails:
        UsageError E102: a setting out of its range.

    Reference: Vaswani et al. (2017), Attention is all you need (NIPS), equation 3.
    """

    units: int
    _: KW_ONLY
    warmup_steps: int = 4000
    scale: float = 1.0

    def check(self) -> None:
        require_whole(self, "units", 1)
        require_whole(self, "warmup_steps", 1)
        require_number(self, "scale", above=0)

    def __call__(self, step: Node, horizon: int) -> Node:
        t = step + 1.0
        falling = 1.0 / PUBLIC["sqrt"](t)
        return PUBLIC["minimum"](falling, t * self.warmup_steps**-1.5) * (self.scale * self.units**-0.5)


def _part(step: Node, every: int, stairs: bool) -> Node:
    """How many times ``every`` updates have passed, in whole numbers when in stairs."""
    passed = step / float(every)
    return PUBLIC["floor"](passed) if stairs else passed

"""Cosine schedules: half a cosine, and half cosines with restarts."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY

from chainrule.graph import Node
from chainrule.nn.schedule.schedule import Schedule
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.validation import require_integer, require_number


@frozen
class Cosine(Schedule):
    """Decreases the learning rate from its first value to a minimum along half a cosine.

    Formula: min_learning_rate + (initial_learning_rate - min_learning_rate) (1 + cos(pi t)) / 2 with t =
    min(1, step / decay_steps).

    Args:
        initial_learning_rate: the learning rate at the first update, above 0.
        decay_steps: the number of updates until the minimum is reached; the full training when ``None``.
        min_learning_rate: the final learning rate, 0 <= min_learning_rate <= initial_learning_rate.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: Loshchilov and Hutter (2017), SGDR: stochastic gradient descent with warm restarts (ICLR). As
    PyTorch's ``CosineAnnealingLR`` up to ``decay_steps``; afterwards this one stays at the minimum, where
    that one rises again.
    """

    chinese = ("余弦下降", "沿半个余弦降到下限：慢、快、慢。")
    initial_learning_rate: float
    _: KW_ONLY
    decay_steps: int | None = None
    min_learning_rate: float = 0.0

    def check(self) -> None:
        require_number(self, "initial_learning_rate", above=0)
        require_number(self, "min_learning_rate", minimum=0, maximum=self.initial_learning_rate)
        if self.decay_steps is not None:
            require_integer(self, "decay_steps", 1)

    def __call__(self, step: Node, horizon: int) -> Node:
        passed = F.minimum(step / float(max(1, self.decay_steps or horizon)), 1.0)
        half = (F.cos(passed * math.pi) + 1.0) / 2.0
        return half * (self.initial_learning_rate - self.min_learning_rate) + self.min_learning_rate


@frozen
class CosineRestarts(Schedule):
    """Half a cosine down, then a restart at the top, usually with a longer period.

    Formula: min_learning_rate + (initial_learning_rate m_mul^n - min_learning_rate) (1 + cos(pi u)) / 2, with
    n the number of restarts so far and u the fraction of the current period that has passed; period n is
    first_decay_steps t_mul^n updates.

    Args:
        initial_learning_rate: the learning rate at the first update, above 0.
        first_decay_steps: the number of updates of the first period.
        t_mul: at least 1: the ratio of the lengths of successive periods.
        min_learning_rate: the minimum, 0 <= min_learning_rate <= initial_learning_rate.
        m_mul: 0 < m_mul <= 1: the ratio of the maxima of successive periods.

    Numerics: computed in float64; the number of restarts from a logarithm is corrected by comparison.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: Loshchilov and Hutter (2017), SGDR: stochastic gradient descent with warm restarts (ICLR). As
    PyTorch's ``CosineAnnealingWarmRestarts``; ``t_mul`` and ``m_mul`` are those of Keras's
    ``CosineDecayRestarts``.
    """

    chinese = ("带重启的余弦", "余弦下降后立刻重启，周期通常越来越长。")
    initial_learning_rate: float
    _: KW_ONLY
    first_decay_steps: int
    t_mul: int = 1
    min_learning_rate: float = 0.0
    m_mul: float = 1.0

    def check(self) -> None:
        require_number(self, "initial_learning_rate", above=0)
        require_integer(self, "first_decay_steps", 1)
        require_integer(self, "t_mul", 1, 1000)
        require_number(self, "min_learning_rate", minimum=0, maximum=self.initial_learning_rate)
        require_number(self, "m_mul", above=0, maximum=1)

    def __call__(self, step: Node, horizon: int) -> Node:
        exact = step.astype("float64")
        restarts = self._restarts(exact)
        length = F.power(float(self.t_mul), restarts) * float(self.first_decay_steps)
        part = (exact - self._begin(restarts)) / length
        top = F.power(self.m_mul, restarts) * self.initial_learning_rate - self.min_learning_rate
        return ((F.cos(part * math.pi) + 1.0) / 2.0 * top + self.min_learning_rate).astype(step.dtype)

    def _begin(self, restarts: Node) -> Node:
        """Return the update at which the period after this number of restarts begins."""
        if self.t_mul == 1:
            return restarts * float(self.first_decay_steps)
        return (F.power(float(self.t_mul), restarts) - 1.0) * (self.first_decay_steps / (self.t_mul - 1.0))

    def _restarts(self, exact: Node) -> Node:
        if self.t_mul == 1:
            return F.floor(exact / float(self.first_decay_steps))
        grown = exact * ((self.t_mul - 1.0) / self.first_decay_steps) + 1.0
        near = F.floor(F.log(grown) / math.log(self.t_mul))
        too_late = F.less(exact, self._begin(near)).astype("float64")
        too_early = F.greater_equal(exact, self._begin(near + 1.0)).astype("float64")
        return near + too_early - too_late

"""Schedules that change the learning rate gradually with every update."""

from __future__ import annotations

from dataclasses import KW_ONLY

from chainrule.errors import fact
from chainrule.graph import Node
from chainrule.nn.schedule.schedule import Schedule, as_tuple, require_rising
from chainrule.ops import functional as F
from chainrule.ops.elementwise.broadcasting_functions import full_like
from chainrule.records import frozen
from chainrule.validation import is_number, require, require_integer, require_number


@frozen
class ExponentialDecay(Schedule):
    """Multiplies the learning rate by a factor every ``decay_steps`` updates, continuously or in stairs.

    Formula: initial_learning_rate decay_rate^(step / decay_steps); with staircase floor(step / decay_steps).

    Args:
        initial_learning_rate: the learning rate at the first update, above 0.
        decay_rate: 0 < decay_rate <= 1.
        decay_steps: the number of updates after which the learning rate is multiplied by ``decay_rate``.
        staircase: whether it changes only then.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: as Keras's ``ExponentialDecay``; with ``decay_steps=1`` as PyTorch's ``ExponentialLR``.
    """

    chinese = ("指数衰减", "每隔若干次更新乘以一个因子，可连续可阶梯。")
    initial_learning_rate: float
    _: KW_ONLY
    decay_rate: float = 0.95
    decay_steps: int = 1
    staircase: bool = False

    def check(self) -> None:
        require_number(self, "initial_learning_rate", above=0)
        require_number(self, "decay_rate", above=0, maximum=1)
        require_integer(self, "decay_steps", 1)

    def __call__(self, step: Node, horizon: int) -> Node:
        return (
            F.power(self.decay_rate, _part(step, self.decay_steps, self.staircase))
            * self.initial_learning_rate
        )


@frozen
class InverseTimeDecay(Schedule):
    """Decreases the learning rate like 1/t: without end, and ever more slowly.

    Formula: initial_learning_rate / (1 + decay_rate step / decay_steps); with staircase floor(step /
    decay_steps).

    Args:
        initial_learning_rate: the learning rate at the first update, above 0.
        decay_rate: at least 0.
        decay_steps: the unit of t, in updates.
        staircase: whether the learning rate changes only after each unit.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: Robbins and Monro (1951), A stochastic approximation method. As Keras's ``InverseTimeDecay``.
    """

    chinese = ("反时间衰减", "像 1/t 那样越降越慢。")
    initial_learning_rate: float
    _: KW_ONLY
    decay_rate: float = 0.5
    decay_steps: int = 1
    staircase: bool = False

    def check(self) -> None:
        require_number(self, "initial_learning_rate", above=0)
        require_number(self, "decay_rate", minimum=0)
        require_integer(self, "decay_steps", 1)

    def __call__(self, step: Node, horizon: int) -> Node:
        return self.initial_learning_rate / (
            _part(step, self.decay_steps, self.staircase) * self.decay_rate + 1.0
        )


@frozen
class PolynomialDecay(Schedule):
    """Decreases the learning rate to a minimum along a power of the remaining time; linear with power 1.

    Formula: end_learning_rate + (initial_learning_rate - end_learning_rate) (1 - t)^power with t = min(1,
    step / decay_steps).

    Args:
        initial_learning_rate: the learning rate at the first update, above 0.
        decay_steps: the number of updates until the minimum is reached; the full training when ``None``.
        end_learning_rate: the final learning rate, 0 <= end_learning_rate <= initial_learning_rate.
        power: above 0.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: as Keras's ``PolynomialDecay`` without its cycles; with ``end_learning_rate=0`` as PyTorch's
    ``PolynomialLR``.
    """

    chinese = ("多项式衰减", "按剩余时间的幂降到下限。")
    initial_learning_rate: float
    _: KW_ONLY
    decay_steps: int | None = None
    end_learning_rate: float = 0.0
    power: float = 1.0

    def check(self) -> None:
        require_number(self, "initial_learning_rate", above=0)
        require_number(self, "end_learning_rate", minimum=0, maximum=self.initial_learning_rate)
        require_number(self, "power", above=0)
        if self.decay_steps is not None:
            require_integer(self, "decay_steps", 1)

    def __call__(self, step: Node, horizon: int) -> Node:
        left = 1.0 - F.minimum(step / float(max(1, self.decay_steps or horizon)), 1.0)
        return (
            F.power(left, self.power) * (self.initial_learning_rate - self.end_learning_rate)
            + self.end_learning_rate
        )


@frozen
class LinearRamp(Schedule):
    """Changes the learning rate linearly from one fraction of it to another, then keeps it.

    Formula: learning_rate (start_factor + (end_factor - start_factor) min(1, step / steps)).

    Args:
        learning_rate: the learning rate that is multiplied by the factors, above 0.
        steps: the number of updates of the change.
        start_factor, end_factor: the fractions, at least 0.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: as PyTorch's ``LinearLR``.
    """

    chinese = ("线性变化", "沿直线从一个比例变到另一个，然后保持。")
    learning_rate: float
    _: KW_ONLY
    steps: int = 5
    start_factor: float = 1 / 3
    end_factor: float = 1.0

    def check(self) -> None:
        require_number(self, "learning_rate", above=0)
        require_integer(self, "steps", 1)
        require_number(self, "start_factor", minimum=0)
        require_number(self, "end_factor", minimum=0)

    def __call__(self, step: Node, horizon: int) -> Node:
        part = F.minimum(step / float(self.steps), 1.0)
        return (part * (self.end_factor - self.start_factor) + self.start_factor) * self.learning_rate


@frozen
class Noam(Schedule):
    """A linear rise, then a fall with the inverse square root of the step: the original Transformer's.

    Formula: scale units^-0.5 min(t^-0.5, t warmup_steps^-1.5) with t = step + 1.

    Args:
        units: the width of the model.
        warmup_steps: the number of updates of the rise.
        scale: a factor, above 0.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: Vaswani et al. (2017), Attention is all you need (NIPS), equation 3.
    """

    chinese = ("Noam 调度", "先线性上升，再按步数平方根的倒数下降：最初 Transformer 的学习率。")
    units: int
    _: KW_ONLY
    warmup_steps: int = 4000
    scale: float = 1.0

    def check(self) -> None:
        require_integer(self, "units", 1)
        require_integer(self, "warmup_steps", 1)
        require_number(self, "scale", above=0)

    def __call__(self, step: Node, horizon: int) -> Node:
        t = step + 1.0
        falling = 1.0 / F.sqrt(t)
        return F.minimum(falling, t * self.warmup_steps**-1.5) * (self.scale * self.units**-0.5)


def _part(step: Node, every: int, stairs: bool) -> Node:
    """Return the number of periods of ``every`` updates that have passed, rounded down for stairs."""
    passed = step / float(every)
    return F.floor(passed) if stairs else passed


@frozen
class Step(Schedule):
    """Multiplies the learning rate by a factor every ``step_size`` updates: a staircase.

    Formula: initial_learning_rate gamma^floor(step / step_size).

    Args:
        initial_learning_rate: the learning rate of the first stair, above 0.
        step_size: the length of a stair in updates.
        gamma: the factor from stair to stair, 0 < gamma <= 1.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: as PyTorch's ``StepLR``.
    """

    chinese = ("阶梯下降", "每隔若干次更新乘以一个因子。")
    initial_learning_rate: float
    _: KW_ONLY
    step_size: int
    gamma: float = 0.1

    def check(self) -> None:
        require_number(self, "initial_learning_rate", above=0)
        require_integer(self, "step_size", 1)
        require_number(self, "gamma", above=0, maximum=1)

    def __call__(self, step: Node, horizon: int) -> Node:
        stair = F.floor(step / float(self.step_size))
        return F.power(self.gamma, stair) * self.initial_learning_rate


@frozen
class MultiStep(Schedule):
    """Multiplies the learning rate by a factor at given updates: a staircase with stairs of any length.

    Formula: initial_learning_rate gamma^(the number of ``milestones`` that are <= step).

    Args:
        initial_learning_rate: the learning rate of the first stair, above 0.
        milestones: the updates at which a new stair begins, increasing.
        gamma: the factor from stair to stair, 0 < gamma <= 1.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: as PyTorch's ``MultiStepLR``.
    """

    chinese = ("多阶梯下降", "在给定的更新处乘以一个因子。")
    initial_learning_rate: float
    _: KW_ONLY
    milestones: tuple[int, ...]
    gamma: float = 0.1

    def __post_init__(self) -> None:
        as_tuple(self, "milestones")
        self.check()

    def check(self) -> None:
        require_number(self, "initial_learning_rate", above=0)
        require_rising(self, "milestones")
        require_number(self, "gamma", above=0, maximum=1)

    def __call__(self, step: Node, horizon: int) -> Node:
        return F.power(self.gamma, passed(step, self.milestones)) * self.initial_learning_rate


@frozen
class PiecewiseConstant(Schedule):
    """The learning rates of a list, one after the other.

    Formula: values[i] while i of ``boundaries`` are <= step.

    Args:
        values: one more than ``boundaries``, each above 0.
        boundaries: the updates at which the next learning rate begins, increasing.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: as Keras's ``PiecewiseConstantDecay``, which changes one update later.
    """

    chinese = ("分段常数", "依次使用一列学习率。")
    values: tuple[float, ...]
    _: KW_ONLY
    boundaries: tuple[int, ...]

    def __post_init__(self) -> None:
        as_tuple(self, "values")
        as_tuple(self, "boundaries")
        self.check()

    def check(self) -> None:
        require_rising(self, "boundaries")
        fits = isinstance(self.values, tuple) and all(is_number(r) and r > 0 for r in self.values)
        fits = fits and len(self.values) == len(self.boundaries) + 1
        require(
            self,
            "values",
            fits,
            fact("{count} numbers above 0, one more than boundaries", count=len(self.boundaries) + 1),
        )

    def __call__(self, step: Node, horizon: int) -> Node:
        learning_rate = full_like(step, self.values[0])
        for start, following in zip(self.boundaries, self.values[1:], strict=True):
            learning_rate = F.where(F.less(step, float(start)), learning_rate, following)
        return learning_rate


def passed(step: Node, at: tuple[int, ...]) -> Node:
    """Return the number of these updates at or before a step."""
    total = full_like(step, 0.0)
    for start in at:
        total = total + F.greater_equal(step, float(start)).astype(step.dtype)
    return total

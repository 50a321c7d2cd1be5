"""Schedules that keep a learning rate for some updates and then change it at once."""

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

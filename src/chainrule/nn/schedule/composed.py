"""Schedules made of schedules: a warm-up, a sequence, a product."""

from __future__ import annotations

from chainrule.errors import fact
from chainrule.graph import Node
from chainrule.nn.schedule.schedule import Schedule, as_tuple, known_schedule, require_rate, require_rising
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.validation import require, require_integer, require_number


@frozen
class Warmup(Schedule):
    """Raises the learning rate linearly from 0, then continues with another schedule.

    The first steps start from random weights, where gradients are large and have arbitrary directions; small
    steps are harmless there. The learning rate is 0 *before* the first update, so no update is wasted.

    Formula: min(1, (step + 1) / warmup_steps) then(max(0, step - warmup_steps)).

    Args:
        warmup_steps: the number of updates of the warm-up.
        then: the schedule that follows, its own steps counted from the end of the warm-up; or a constant
            learning rate.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: Goyal et al. (2017), Accurate, large minibatch SGD (arXiv 1706.02677). As PyTorch's
    ``LinearLR`` from 1/steps, followed by the other schedule through ``SequentialLR``.
    """

    chinese = ("预热", "从 0 直线升高，然后交给另一个调度。")
    warmup_steps: int
    then: float | Schedule

    def check(self) -> None:
        require_integer(self, "warmup_steps", 1)
        if not isinstance(self.then, Schedule):
            require_number(self, "then", above=0)
        require(self, "then", not isinstance(self.then, Warmup), fact("a schedule that is no warm-up itself"))

    def __call__(self, step: Node, horizon: int) -> Node:
        climbed = F.minimum((step + 1.0) / float(self.warmup_steps), 1.0)
        later = F.relu(step - float(self.warmup_steps))
        return climbed * known_schedule(self.then)(later, max(1, horizon - self.warmup_steps))


@frozen
class RateSequence(Schedule):
    """One schedule after the other, each counting its own steps from its start.

    Args:
        schedules: two or more; a number is a constant schedule.
        milestones: the updates at which the next one begins, increasing; one less than ``schedules``.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: as PyTorch's ``SequentialLR``.
    """

    chinese = ("依次调度", "一个接一个，各自从头计步。")
    schedules: tuple[Schedule | float, ...]
    milestones: tuple[int, ...]

    def __post_init__(self) -> None:
        as_tuple(self, "schedules")
        as_tuple(self, "milestones")
        self.check()

    def check(self) -> None:
        require_schedules(self, "schedules")
        require_rising(self, "milestones")
        fits = len(self.milestones) == len(self.schedules) - 1
        require(
            self,
            "milestones",
            fits,
            fact("{count} updates, one less than schedules", count=len(self.schedules) - 1),
        )

    def __call__(self, step: Node, horizon: int) -> Node:
        starts, ends = (0, *self.milestones), (*self.milestones, max(horizon, self.milestones[-1] + 1))
        rates = [
            known_schedule(part)(F.relu(step - float(start)), end - start)
            for part, start, end in zip(self.schedules, starts, ends, strict=True)
        ]
        learning_rate = rates[0]
        for start, following in zip(self.milestones, rates[1:], strict=True):
            learning_rate = F.where(F.less(step, float(start)), learning_rate, following)
        return learning_rate


@frozen
class RateProduct(Schedule):
    """Several schedules multiplied, such as a decay times a cycle.

    Args:
        schedules: two or more; a number is a constant schedule.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: as PyTorch's ``ChainedScheduler`` of schedules that multiply the learning rate.
    """

    chinese = ("调度之积", "几个调度相乘。")
    schedules: tuple[Schedule | float, ...]

    def __post_init__(self) -> None:
        as_tuple(self, "schedules")
        self.check()

    def check(self) -> None:
        require_schedules(self, "schedules")

    def __call__(self, step: Node, horizon: int) -> Node:
        learning_rate, *rest = [known_schedule(part)(step, horizon) for part in self.schedules]
        for factor in rest:
            learning_rate = learning_rate * factor
        return learning_rate


@frozen
class Slowed(Schedule):
    """A schedule that counts one step for several: the effect of gradient accumulation on a schedule.

    Args:
        inner: the schedule to slow down; a number is a constant one.
        times: the number of steps that count as one.

    Raises:
        UsageError E102: a setting out of its range.
    """

    chinese = ("放慢的调度", "几步只算一步，与梯度累积相配。")
    inner: Schedule | float
    times: int = 2

    def check(self) -> None:
        require_rate(self, "inner")
        require_integer(self, "times", 1)

    def __call__(self, step: Node, horizon: int) -> Node:
        slow = F.floor(step / float(self.times))
        return known_schedule(self.inner)(slow, max(1, horizon // self.times))


def require_schedules(owner: object, name: str) -> None:
    """Refuse a field that is not a tuple of two or more schedules or numbers above 0.

    Raises:
        UsageError E102: anything else.
    """
    schedules = getattr(owner, name)
    fits = isinstance(schedules, tuple) and len(schedules) >= 2
    require(owner, name, fits, fact("two or more schedules"), "(cr.LinearRamp(0.1), cr.Cosine(0.1))")
    wrong = [part for part in schedules if not isinstance(part, Schedule) and not _is_rate(part)]
    require(owner, name, not wrong, fact("schedules, or numbers above 0"))


def _is_rate(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")

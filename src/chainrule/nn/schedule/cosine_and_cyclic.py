"""Cosine schedules: half a cosine, and half cosines with restarts."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY

from chainrule.graph import Node
from chainrule.nn.schedule.schedule import Schedule
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.validation import require_choice, require_integer, require_number


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


@frozen
class OneCycle(Schedule):
    """Up from a low learning rate to the highest, then down to nearly 0: the full training is one cycle.

    Formula: from low = max_learning_rate/div_factor to max_learning_rate over the first ``pct_start`` of the
    total_steps, then from max_learning_rate to low/final_div_factor over the rest, along half a cosine or a
    line.

    Args:
        max_learning_rate: the highest learning rate, above 0.
        total_steps: the number of updates of the cycle; the full training when ``None``.
        pct_start: 0 < pct_start < 1: the fraction of the steps on the way up.
        div_factor: at least 1.
        final_div_factor: at least 1.
        anneal_strategy: ``"cosine"`` or ``"linear"``.

    Raises:
        UsageError E101, E102: an unknown strategy; a setting out of its range.

    Reference: Smith and Topin (2018), Super-convergence: very fast training of neural networks using large
    learning rates (arXiv 1708.07120). As PyTorch's ``OneCycleLR`` with ``pct_start=share``,
    ``div_factor=div_factor`` and ``final_div_factor=final_div_factor``, without its momentum.
    """

    chinese = ("单周期", "先升到最高，再降到接近 0，整个训练为一个周期。")
    max_learning_rate: float
    _: KW_ONLY
    total_steps: int | None = None
    pct_start: float = 0.3
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    anneal_strategy: str = "cosine"

    def check(self) -> None:
        require_number(self, "max_learning_rate", above=0)
        if self.total_steps is not None:
            require_integer(self, "total_steps", 2)
        require_number(self, "pct_start", above=0, below=1)
        require_number(self, "div_factor", minimum=1)
        require_number(self, "final_div_factor", minimum=1)
        require_choice(self, "anneal_strategy", ("cosine", "linear"))

    def __call__(self, step: Node, horizon: int) -> Node:
        total = max(2, self.total_steps or horizon)
        low, top = self.max_learning_rate / self.div_factor, self.pct_start * total - 1.0
        rising = self._between(low, self.max_learning_rate, step / max(top, 1e-12))
        part = F.minimum((step - top) / (total - 1.0 - top), 1.0)
        sinking = self._between(self.max_learning_rate, low / self.final_div_factor, part)
        return F.where(F.less_equal(step, top), rising, sinking)

    def _between(self, start: float, end: float, part: Node) -> Node:
        if self.anneal_strategy == "linear":
            return part * (end - start) + start
        return (F.cos(part * math.pi) + 1.0) * ((start - end) / 2.0) + end


@frozen
class Cyclic(Schedule):
    """Up and down linearly between two learning rates, repeatedly.

    Formula: base_learning_rate + (max_learning_rate - base_learning_rate) h s with s the height of the
    current triangle, 0 to 1, and h = 1 (``"triangular"``), 1/2^n after n cycles (``"triangular2"``) or
    gamma^step (``"exp_range"``).

    Args:
        max_learning_rate: the highest learning rate, above 0.
        base_learning_rate: the lowest, 0 <= base_learning_rate <= max_learning_rate.
        step_size_up: the number of updates of a rise.
        step_size_down: the number of updates of a fall; equal to ``step_size_up`` when ``None``.
        mode: ``"triangular"``, ``"triangular2"`` or ``"exp_range"``.
        gamma: of ``"exp_range"``, 0 < gamma <= 1.

    Raises:
        UsageError E101, E102: an unknown mode; a setting out of its range.

    Reference: Smith (2017), Cyclical learning rates for training neural networks (WACV). As PyTorch's
    ``CyclicLR`` without its momentum.
    """

    chinese = ("循环学习率", "在两个值之间来回直线变化。")
    max_learning_rate: float
    _: KW_ONLY
    base_learning_rate: float
    step_size_up: int = 2000
    step_size_down: int | None = None
    mode: str = "triangular"
    gamma: float = 1.0

    def check(self) -> None:
        require_number(self, "max_learning_rate", above=0)
        require_number(self, "base_learning_rate", minimum=0, maximum=self.max_learning_rate)
        require_integer(self, "step_size_up", 1)
        if self.step_size_down is not None:
            require_integer(self, "step_size_down", 1)
        require_number(self, "gamma", above=0, maximum=1)
        require_choice(self, "mode", ("triangular", "triangular2", "exp_range"))

    def __call__(self, step: Node, horizon: int) -> Node:
        down = float(self.step_size_down or self.step_size_up)
        cycles = F.floor(step / (self.step_size_up + down))
        inside = step - cycles * (self.step_size_up + down)
        height = F.minimum(inside / float(self.step_size_up), (self.step_size_up + down - inside) / down)
        if self.mode == "triangular2":
            height = height * F.power(0.5, cycles)
        elif self.mode == "exp_range":
            height = height * F.power(self.gamma, step)
        return height * (self.max_learning_rate - self.base_learning_rate) + self.base_learning_rate

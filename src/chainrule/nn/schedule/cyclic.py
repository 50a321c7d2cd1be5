"""Cyclic schedules: one cycle of the learning rate, or many."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY

from chainrule.graph import Node
from chainrule.nn.schedule.schedule import Schedule
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.validation import require_choice, require_integer, require_number


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

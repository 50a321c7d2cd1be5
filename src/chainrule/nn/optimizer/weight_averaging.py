"""Weight averaging: training at one point and evaluating at a mean of the weights.

The last weights of a training fluctuate around a minimum; their mean is nearer to it. The mean is stored in
the optimizer's slots, so it is saved and resumed like everything else. It is what is measured after each
epoch, what early stopping saves and what the model has when the training ends. Running statistics of
normalization layers belong to the training weights, not to the mean; with the usual momentum they follow
closely enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY

from chainrule.errors import fact
from chainrule.graph import Node
from chainrule.nn.optimizer.optimizer import (
    Moved,
    Nodes,
    Optimizer,
    Rule,
    Slot,
    StepContext,
    bias_correction,
    running,
)
from chainrule.nn.schedule import Schedule
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.symbolic_shape import Shape
from chainrule.validation import require, require_integer, require_number


@frozen
class Around(Optimizer):
    """Base class of the optimizers that wrap another one, ``inner``."""

    inner: Optimizer

    def __post_init__(self) -> None:
        require(self, "inner", isinstance(self.inner, Optimizer), fact("an optimizer"), "cr.Adam()")
        self.check()

    def check(self) -> None:
        """Refuse settings outside their range."""

    @property
    def schedule(self) -> Schedule:
        return self.inner.schedule

    @property
    def needs_all(self) -> bool:
        return self.inner.needs_all

    def memory(self, shapes: Mapping[str, Shape]) -> dict[str, Slot]:
        return self.inner.memory(shapes)

    def moves(
        self, parameters: Nodes, gradients: Nodes, slots: Nodes, context: StepContext
    ) -> tuple[dict[str, Node], dict[str, Node]]:
        return self.inner.moves(parameters, gradients, slots, context)

    def evaluation_parameters(self, parameters: Nodes, slots: Nodes, count: Node) -> dict[str, Node]:
        return self.inner.evaluation_parameters(parameters, slots, count)


@frozen
class Averaged(Around):
    """Base class of weight averages: defines how the mean of a parameter is updated."""

    def mean(self, old: Node, new: Node, count: Node) -> Node:
        """Return the mean after step ``count``.

        Args:
            old: the mean before the step.
            new: the parameter after it.
            count: the number of the step, from 1.
        """
        raise TypeError(f"{type(self).__name__} averages nothing")

    def memory(self, shapes: Mapping[str, Shape]) -> dict[str, Slot]:
        return {**self.inner.memory(shapes), **{f"{path}/average": Slot(s) for path, s in shapes.items()}}

    def moves(
        self, parameters: Nodes, gradients: Nodes, slots: Nodes, context: StepContext
    ) -> tuple[dict[str, Node], dict[str, Node]]:
        moved, new_slots = self.inner.moves(parameters, gradients, slots, context)
        points = self.inner.evaluation_parameters(moved, {**slots, **new_slots}, context.count)
        means = {
            f"{path}/average": self.mean(slots[f"{path}/average"], p, context.count)
            for path, p in points.items()
        }
        return moved, {**new_slots, **means}

    def evaluation_parameters(self, parameters: Nodes, slots: Nodes, count: Node) -> dict[str, Node]:
        return {path: slots[f"{path}/average"] for path in parameters}


@frozen
class EMA(Averaged):
    """Evaluates at an exponential moving average of the weights.

    Formula: a <- w at the first step, then a <- decay a + (1 - decay) w.

    Args:
        inner: the optimizer that moves the weights.
        decay: 0 <= decay < 1; the mean is over about the last 1 / (1 - decay) steps.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: Polyak and Juditsky (1992), Acceleration of stochastic approximation by averaging. As PyTorch's
    ``AveragedModel`` with ``get_ema_multi_avg_fn(decay)``, updated at every step.

    Example:
        >>> EMA(Rule(0.1), decay=0.9).decay
        0.9
    """

    chinese = ("指数移动平均", "以权重的指数移动平均作答。")
    name = "ema"
    _: KW_ONLY
    decay: float = 0.999

    def check(self) -> None:
        require_number(self, "decay", minimum=0, below=1)

    def mean(self, old: Node, new: Node, count: Node) -> Node:
        return F.where(F.equal(count, 1.0), new, running(old, new, self.decay))


@frozen
class SWA(Averaged):
    """Stochastic weight averaging: evaluates at the mean of the weights from some step on.

    Before that it evaluates at the weights themselves. A learning rate that stays high lets the
    weights explore the minimum, which improves their mean.

    Formula: at steps start, start + every, start + 2 every, ...: a <- a + (w - a) / n for the n-th of them.

    Args:
        inner: the optimizer that moves the weights.
        start: the number of the first step whose weights count, from 1.
        every: the number of steps between two that count; usually the steps of an epoch.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: Izmailov, Podoprikhin, Garipov, Vetrov and Wilson (2018), Averaging weights leads to wider
    optima and better generalization (UAI). As PyTorch's ``AveragedModel``.
    """

    chinese = ("随机权重平均", "以某步之后权重的平均作答。")
    name = "swa"
    _: KW_ONLY
    start: int = 1
    every: int = 1

    def check(self) -> None:
        require_integer(self, "start", 1)
        require_integer(self, "every", 1)

    def mean(self, old: Node, new: Node, count: Node) -> Node:
        since = count - float(self.start)
        turns = F.floor(since / float(self.every))
        is_due = F.equal(turns * float(self.every), since)
        later = F.where(is_due, old + (new - old) / F.maximum(turns + 1.0, 1.0), old)
        return F.where(F.greater(since, 0.0), later, new)


@frozen
class ScheduleFreeAdamW(Rule):
    """Schedule-free AdamW: evaluates at a mean with the effect of a decreasing learning rate.

    Three points: z takes AdamW's steps, x is their mean, and gradients are taken at y between the two. The
    parameters are y; the network is evaluated at x.

    Formula: s <- b2 s + (1 - b2) g^2; d = g / (sqrt(s / (1 - b2^t)) + epsilon) + weight_decay y;
    c = learning_rate^2 / (sum of learning_rate^2 so far), with the largest learning_rate so far in place of a
    smaller one; x = (y - (1 - b1) z) / b1; z <- z - learning_rate d; x <- (1 - c) x + c z; y <- b1 x + (1 -
    b1) z.

    Args:
        learning_rate: the learning rate, constant or after a warm-up.
        beta1: b1, 0 < b1 < 1: how near y lies to x.
        beta2: b2, 0 <= b2 < 1.
        epsilon: above 0.
        weight_decay: at least 0; times the rate, at y.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: Defazio, Yang, Mehta, Mishchenko, Khaled and Cutkosky (2024), The road less scheduled
    (NeurIPS), algorithm 1.
    """

    chinese = ("无调度 AdamW", "不需要递减学习率的 AdamW：用均值作答。")
    name = "schedule_free_adamw"
    learning_rate: float | Schedule = 0.0025
    _: KW_ONLY
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def check(self) -> None:
        require_number(self, "beta1", above=0, below=1)
        require_number(self, "beta2", minimum=0, below=1)
        require_number(self, "epsilon", above=0)

    def slots(self, shape: Shape) -> dict[str, Slot]:
        return {"ahead": Slot(shape), "square": Slot(shape), "largest": Slot(()), "weight": Slot(())}

    def move(self, p: Node, g: Node, slots: Nodes, context: StepContext) -> Moved:
        z = F.where(F.equal(context.count, 1.0), p, slots["ahead"])
        square = running(slots["square"], F.square(g), self.beta2)
        direction = g / (F.sqrt(square / bias_correction(self.beta2, context.count, p.dtype)) + self.epsilon)
        if self.weight_decay:
            direction = direction + p * self.weight_decay
        largest = F.maximum(slots["largest"], context.learning_rate)
        weight = slots["weight"] + F.square(largest)
        share = F.square(largest) / F.maximum(weight, 1e-30)
        towards = p + (z - p) * share
        moved = towards + direction * (context.learning_rate * ((1.0 - share) * self.beta1 - 1.0))
        new = {
            "ahead": z - context.learning_rate * direction,
            "square": square,
            "largest": largest,
            "weight": weight,
        }
        return moved, new

    def evaluation_parameter(self, p: Node, slots: Nodes, count: Node) -> Node:
        return (p - slots["ahead"] * (1.0 - self.beta1)) / self.beta1

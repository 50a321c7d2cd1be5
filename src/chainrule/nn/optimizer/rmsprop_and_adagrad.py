"""Optimizers that divide each gradient by the root of its accumulated squares."""

from __future__ import annotations

from dataclasses import KW_ONLY

from chainrule.errors import fact
from chainrule.graph import Node
from chainrule.nn.optimizer.optimizer import (
    Moved,
    Nodes,
    Rule,
    Slot,
    StepContext,
    matrix_shape,
    norm,
    running,
)
from chainrule.nn.schedule import Schedule
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.symbolic_shape import Shape
from chainrule.validation import require, require_number

EPSILON = {"float32": 2.0**-23, "float64": 2.0**-52}  # the distance from 1 to the next number


@frozen
class RMSprop(Rule):
    """RMSprop: divides each gradient by the root of its running mean square.

    Formula: s <- a s + (1 - a) g^2; d = g / (sqrt(s) + epsilon); w <- w - learning_rate d. With momentum, v
    <- m v + d and w <- w - learning_rate v. Centered, s - c^2 stands for s, with c <- a c + (1 - a) g: the
    variance instead of the square.

    Args:
        learning_rate: the learning rate.
        rho: a, 0 <= a < 1: the decay rate of the mean.
        epsilon: above 0; prevents division by 0.
        momentum: m, 0 <= m < 1.
        centered: whether to subtract the mean.
        weight_decay: decoupled.

    Numerics: s - c^2 is never let below 0, where rounding could put it.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: Tieleman and Hinton (2012), Lecture 6.5: rmsprop (Coursera); Graves (2013), Generating
    sequences with recurrent neural networks, for the centered form. The same steps as PyTorch's ``RMSprop``.
    """

    chinese = ("RMSprop", "把梯度除以均方根，使各参数步幅相近。")
    name = "rmsprop"
    _: KW_ONLY
    rho: float = 0.99
    epsilon: float = 1e-8
    momentum: float = 0.0
    centered: bool = False

    def check(self) -> None:
        require_number(self, "rho", minimum=0, below=1)
        require_number(self, "epsilon", above=0)
        require_number(self, "momentum", minimum=0, below=1)

    def slots(self, shape: Shape) -> dict[str, Slot]:
        slots_used = {"square": True, "mean": self.centered, "velocity": self.momentum > 0}
        return {name: Slot(shape) for name, needed in slots_used.items() if needed}

    def move(self, p: Node, g: Node, slots: Nodes, context: StepContext) -> Moved:
        new = {"square": running(slots["square"], F.square(g), self.rho)}
        spread = new["square"]
        if self.centered:
            new["mean"] = running(slots["mean"], g, self.rho)
            spread = F.relu(spread - F.square(new["mean"]))
        direction = g / (F.sqrt(spread) + self.epsilon)
        if self.momentum:
            direction = new["velocity"] = slots["velocity"] * self.momentum + direction
        return self.shrunk(p, context) - context.learning_rate * direction, new


@frozen
class Adagrad(Rule):
    """Adagrad: divides each gradient by the root of the sum of its squares, so that rare features keep large
    steps.

    Formula: s <- s + g^2; w <- w - learning_rate g / (sqrt(s) + epsilon).

    Args:
        learning_rate: the learning rate; steps decrease automatically, so a constant one is sufficient.
        initial_accumulator_value: the initial value of s, at least 0.
        epsilon: above 0; prevents division by 0.
        weight_decay: decoupled.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: Duchi, Hazan and Singer (2011), Adaptive subgradient methods for online learning and stochastic
    optimization (JMLR 12). The same steps as PyTorch's ``Adagrad``; Keras begins with
    ``initial_accumulator_value=0.1``.
    """

    chinese = ("Adagrad", "除以梯度平方总和的根：稀有特征保持大步。")
    name = "adagrad"
    _: KW_ONLY
    initial_accumulator_value: float = 0.0
    epsilon: float = 1e-10

    def check(self) -> None:
        require_number(self, "initial_accumulator_value", minimum=0)
        require_number(self, "epsilon", above=0)

    def slots(self, shape: Shape) -> dict[str, Slot]:
        return {"square": Slot(shape, self.initial_accumulator_value)}

    def move(self, p: Node, g: Node, slots: Nodes, context: StepContext) -> Moved:
        square = slots["square"] + F.square(g)
        moved = self.shrunk(p, context) - context.learning_rate * (g / (F.sqrt(square) + self.epsilon))
        return moved, {"square": square}


@frozen
class Adadelta(Rule):
    """Adadelta: the ratio of the root mean squares of recent updates and gradients determines the step size.

    Formula: s <- a s + (1 - a) g^2; d = g sqrt(u + epsilon) / sqrt(s + epsilon); u <- a u + (1 - a) d^2;
    w <- w - learning_rate d.

    Args:
        learning_rate: a factor of the step; its length follows from the data, so 1 is suitable.
        rho: a, 0 <= a < 1.
        epsilon: above 0; the first step is sqrt(epsilon) long.
        weight_decay: decoupled.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: Zeiler (2012), ADADELTA: an adaptive learning rate method (arXiv 1212.5701). The same steps as
    PyTorch's ``Adadelta``.
    """

    chinese = ("Adadelta", "步长取自最近的步长与梯度之比。")
    name = "adadelta"
    learning_rate: float | Schedule = 1.0
    _: KW_ONLY
    rho: float = 0.9
    epsilon: float = 1e-6

    def check(self) -> None:
        require_number(self, "rho", minimum=0, below=1)
        require_number(self, "epsilon", above=0)

    def slots(self, shape: Shape) -> dict[str, Slot]:
        return {"square": Slot(shape), "moved": Slot(shape)}

    def move(self, p: Node, g: Node, slots: Nodes, context: StepContext) -> Moved:
        square = running(slots["square"], F.square(g), self.rho)
        length = F.sqrt(slots["moved"] + self.epsilon) / F.sqrt(square + self.epsilon)
        step = length * g
        new_slots = {"square": square, "moved": running(slots["moved"], F.square(step), self.rho)}
        return self.shrunk(p, context) - context.learning_rate * step, new_slots


@frozen
class Adafactor(Rule):
    """Adafactor: stores only row and column means of the squares of a matrix, which saves memory.

    A weight (out, *kernel, in) is taken as a matrix (out, the rest); a vector's squares are kept whole.

    Formula: k = t^beta2_decay; r <- r + k (mean of g^2 along rows - r), c in the same way along columns;
    s = r c / mean(r); u = g / sqrt(s); a = max(min_scale, rms(w)) min(learning_rate, 1/sqrt(t));
    w <- w (1 - learning_rate weight_decay) - a u / max(1, rms(u) / clip_threshold).

    Args:
        learning_rate: the largest learning rate, relative to the weight's own size.
        beta2_decay: -1 <= beta2_decay < 0: how fast the decay of the means grows.
        min_scale: above 0: the minimum scale of a weight.
        clip_threshold: above 0: the root mean square that a step, in usual lengths, may have.

    Numerics: s is never let below the square of the dtype's epsilon, mean(r) not below epsilon.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: Shazeer and Stern (2018), Adafactor: adaptive learning rates with sublinear memory cost (ICML).
    The same steps as PyTorch's ``Adafactor`` for vectors and matrices; of a convolution PyTorch takes every
    kernel as a matrix of its own.
    """

    chinese = ("Adafactor", "平方矩阵只记行均值和列均值，大权重也省内存。")
    name = "adafactor"
    _: KW_ONLY
    beta2_decay: float = -0.8
    min_scale: float = 1e-3
    clip_threshold: float = 1.0

    def check(self) -> None:
        require_number(self, "beta2_decay", minimum=-1, below=0)
        require_number(self, "min_scale", above=0)
        require_number(self, "clip_threshold", above=0)

    def slots(self, shape: Shape) -> dict[str, Slot]:
        if len(shape) < 2:
            return {"square": Slot(shape)}
        rows, columns = matrix_shape(shape)
        return {"row": Slot((rows, 1)), "column": Slot((1, columns))}

    def move(self, p: Node, g: Node, slots: Nodes, context: StepContext) -> Moved:
        share = F.power(context.count, self.beta2_decay)
        tiny = EPSILON[p.dtype]
        square = F.square(g)
        if len(p.shape) < 2:
            new = {"square": slots["square"] + (square - slots["square"]) * share}
            spread = new["square"]
        else:
            square = F.reshape(square, matrix_shape(p.shape))
            means = {"row": F.mean(square, 1, True), "column": F.mean(square, 0, True)}
            new = {name: slots[name] + (mean - slots[name]) * share for name, mean in means.items()}
            # The quotient first: the product of two means of squares leaves float32 much sooner.
            spread = new["row"] / F.maximum(F.mean(new["row"]), tiny) * new["column"]
            spread = F.reshape(spread, p.shape)
        unit = g / F.sqrt(F.maximum(spread, tiny * tiny))
        length = F.maximum(_rms(p), self.min_scale)
        length = length * F.minimum(context.learning_rate, 1.0 / F.sqrt(context.count))
        length = length / F.maximum(_rms(unit) / self.clip_threshold, 1.0)
        return self.shrunk(p, context) - length * unit, new


@frozen
class Ftrl(Rule):
    """FTRL (follow the regularized leader): weights of rare features become exactly 0; for wide, sparse
    linear models.

    Formula: n' = n + g^2; z <- z + g - (sqrt(n') - sqrt(n)) w / learning_rate;
    w <- (clip(z, -l1, l1) - z) / (sqrt(n') / learning_rate + 2 l2 + beta / learning_rate); n <- n'.

    Args:
        learning_rate: the learning rate.
        l1, l2: at least 0; the strength of the penalties that make weights 0, and small.
        beta: at least 0; makes the first steps smaller.
        initial_accumulator_value: the initial value of n, above 0.

    Raises:
        UsageError E102: a setting out of its range; a decay, for which there is ``l2``.

    Reference: McMahan et al. (2013), Ad click prediction: a view from the trenches (KDD). The same steps as
    Keras's ``Ftrl`` without shrinkage and at its usual power.
    """

    chinese = ("FTRL", "跟随正则化领导者：稀有特征的权重恰为 0。")
    name = "ftrl"
    _: KW_ONLY
    l1: float = 0.0
    l2: float = 0.0
    beta: float = 0.0
    initial_accumulator_value: float = 0.1

    def check(self) -> None:
        for name in ("l1", "l2", "beta"):
            require_number(self, name, minimum=0)
        require_number(self, "initial_accumulator_value", above=0)
        require(
            self,
            "weight_decay",
            not self.weight_decay,
            fact("0: a new weight does not begin at the old one"),
            "l2=0.01",
        )

    def slots(self, shape: Shape) -> dict[str, Slot]:
        return {"square": Slot(shape, self.initial_accumulator_value), "linear": Slot(shape)}

    def move(self, p: Node, g: Node, slots: Nodes, context: StepContext) -> Moved:
        square = slots["square"] + F.square(g)
        root, before = F.sqrt(square), F.sqrt(slots["square"])
        linear = slots["linear"] + g - (root - before) / context.learning_rate * p
        below = root / context.learning_rate + (2.0 * self.l2 + self.beta / context.learning_rate)
        moved = (F.clip(linear, -self.l1, self.l1) - linear) / below
        return moved, {"square": square, "linear": linear}


def _rms(x: Node) -> Node:
    """Return the root of the mean square of all numbers, shape ()."""
    rows, rest = matrix_shape(x.shape) if x.shape else (1, 1)
    return norm(x) / float(max(1, rows * rest)) ** 0.5

"""Optimizers: from a gradient to a new parameter, as nodes of the step graph.

An optimizer sees one parameter at a time. What it remembers from step to step (a velocity, a mean of squares)
it names in ``slots``; the values travel with the training state like the parameters themselves. Because the
update is a graph, it can be compiled, explained and differentiated like the rest.

All of them move against the gradient; they differ in how far. ``SGD`` goes rate times the gradient.
``RMSprop`` and ``Adam`` divide it by its usual size, so that a weight with small gradients moves as far as
one with large ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from chainrule.graph import Node
from chainrule.nn.initialiser import Fill, Initialiser
from chainrule.nn.schedule import Schedule, known_schedule
from chainrule.nn.setting import require, require_number, unknown
from chainrule.ops import PUBLIC

ZERO = Fill(0.0)
Moved = tuple[Node, dict[str, Node]]


@dataclass(frozen=True)
class Optimizer:
    """Base of every optimizer.

    Args:
        rate: the learning rate, a number above 0 or a schedule.
    """

    name: ClassVar[str]
    rate: float | Schedule = 0.01

    def __post_init__(self) -> None:
        if not isinstance(self.rate, Schedule):
            require_number(self, "rate", above=0)
        self.check()

    def check(self) -> None:
        """Refuse settings outside their range."""

    @property
    def schedule(self) -> Schedule:
        return known_schedule(self.rate)

    def slots(self) -> dict[str, Initialiser]:
        """What is remembered of each parameter, in the parameter's shape, and its first values."""
        return {}

    def move(self, p: Node, g: Node, slots: Mapping[str, Node], rate: Node, count: Node) -> Moved:
        """The new parameter and the new slots.

        Args:
            p, g: the parameter and its gradient, one shape.
            slots: what was remembered.
            rate: the learning rate of this step, shape ().
            count: the number of this update, 1 for the first, as a floating-point node of shape ().
        """
        raise TypeError(f"{type(self).__name__} moves nothing")


@dataclass(frozen=True)
class SGD(Optimizer):
    """Gradient descent: parameters move against their gradient, with momentum also on along their last move.

    Formula: g <- g + decay w; v <- m v + g; w <- w - rate v. With nesterov, w <- w - rate (g + m v).

    Args:
        rate: the article's eta.
        momentum: m, 0 <= m < 1.
        nesterov: whether to look ahead along the velocity; needs momentum.
        decay: weight decay, at least 0: every parameter, biases too, is pulled towards 0. For weights alone
            there is ``cr.L2(decay / 2)``, whose gradient is the same.

    Fails:
        UsageError E102: a setting out of its range.

    Reference: Polyak (1964), Some methods of speeding up the convergence of iteration methods; Sutskever,
    Martens, Dahl and Hinton (2013), On the importance of initialization and momentum in deep learning (ICML).
    The same steps as PyTorch's ``SGD``, whose ``weight_decay`` is ``decay``.
    """

    name = "sgd"
    momentum: float = 0.0
    nesterov: bool = False
    decay: float = 0.0

    def check(self) -> None:
        require_number(self, "momentum", least=0, below=1)
        require_number(self, "decay", least=0)
        require(self, "nesterov", not self.nesterov or self.momentum > 0, "momentum > 0 with nesterov")

    def slots(self) -> dict[str, Initialiser]:
        return {"velocity": ZERO} if self.momentum else {}

    def move(self, p: Node, g: Node, slots: Mapping[str, Node], rate: Node, count: Node) -> Moved:
        if self.decay:
            g = g + p * self.decay
        if not self.momentum:
            return p - rate * g, {}
        velocity = slots["velocity"] * self.momentum + g
        direction = g + velocity * self.momentum if self.nesterov else velocity
        return p - rate * direction, {"velocity": velocity}


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """Divides each gradient by the root of its mean square, so that all parameters move at a like pace.

    Formula: s <- a s + (1 - a) g^2; d = g / (sqrt(s) + epsilon); w <- w - rate d. With momentum, v <- m v + d
    and w <- w - rate v. Centered, s - c^2 stands for s, with c <- a c + (1 - a) g: the variance instead of
    the square.

    Args:
        rate: the learning rate.
        smoothing: a, 0 <= a < 1: how much of the mean is kept at each step.
        epsilon: above 0; keeps the division away from 0.
        momentum: m, 0 <= m < 1.
        centered: whether the mean is taken off.

    Numerics: s - c^2 is never let below 0, where rounding could put it.

    Fails:
        UsageError E102: a setting out of its range.

    Reference: Tieleman and Hinton (2012), Lecture 6.5: rmsprop (Coursera); Graves (2013), Generating
    sequences with recurrent neural networks, for the centered form. The same steps as PyTorch's ``RMSprop``.
    """

    name = "rmsprop"
    smoothing: float = 0.99
    epsilon: float = 1e-8
    momentum: float = 0.0
    centered: bool = False

    def check(self) -> None:
        require_number(self, "smoothing", least=0, below=1)
        require_number(self, "epsilon", above=0)
        require_number(self, "momentum", least=0, below=1)

    def slots(self) -> dict[str, Initialiser]:
        wanted = {"square": True, "mean": self.centered, "velocity": self.momentum > 0}
        return {name: ZERO for name, needed in wanted.items() if needed}

    def move(self, p: Node, g: Node, slots: Mapping[str, Node], rate: Node, count: Node) -> Moved:
        new = {"square": running(slots["square"], PUBLIC["square"](g), self.smoothing)}
        spread = new["square"]
        if self.centered:
            new["mean"] = running(slots["mean"], g, self.smoothing)
            spread = PUBLIC["relu"](spread - PUBLIC["square"](new["mean"]))
        direction = g / (PUBLIC["sqrt"](spread) + self.epsilon)
        if self.momentum:
            direction = new["velocity"] = slots["velocity"] * self.momentum + direction
        return p - rate * direction, new


@dataclass(frozen=True)
class AdaptiveMoments(Optimizer):
    """What ``Adam`` and ``AdamW`` share: running means of the gradient and of its square.

    Formula: m <- b1 m + (1 - b1) g; s <- b2 s + (1 - b2) g^2; at update t, m' = m / (1 - b1^t) and
    s' = s / (1 - b2^t) make up for both having begun at 0; w <- w - rate m' / (sqrt(s') + epsilon).

    Numerics: 1 - b^t is computed in float64: in float32 the first of them, 0.001, would be right to 5 digits
    only.
    """

    rate: float | Schedule = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def check(self) -> None:
        require_number(self, "beta1", least=0, below=1)
        require_number(self, "beta2", least=0, below=1)
        require_number(self, "epsilon", above=0)

    def slots(self) -> dict[str, Initialiser]:
        return {"mean": ZERO, "square": ZERO}

    def move(self, p: Node, g: Node, slots: Mapping[str, Node], rate: Node, count: Node) -> Moved:
        mean = running(slots["mean"], g, self.beta1)
        square = running(slots["square"], PUBLIC["square"](g), self.beta2)
        spread = PUBLIC["sqrt"](square) / PUBLIC["sqrt"](warmed(self.beta2, count, p.dtype)) + self.epsilon
        step = rate / warmed(self.beta1, count, p.dtype)
        return p - step * (mean / spread), {"mean": mean, "square": square}


@dataclass(frozen=True)
class Adam(AdaptiveMoments):
    """Momentum and a step size for each parameter in one; works with its usual settings nearly everywhere.

    Formula: m <- b1 m + (1 - b1) g; s <- b2 s + (1 - b2) g^2; w <- w - rate m' / (sqrt(s') + epsilon), with
    m' = m / (1 - b1^t) and s' = s / (1 - b2^t) at update t.

    Args:
        rate: the learning rate; about how far a parameter moves in a step.
        beta1, beta2: b1 and b2, 0 <= b < 1: how much of each mean is kept at a step.
        epsilon: above 0; keeps the division away from 0.

    Fails:
        UsageError E102: a setting out of its range.

    Reference: Kingma and Ba (2015), Adam: a method for stochastic optimization (ICLR). The same steps as
    PyTorch's ``Adam``. It has no weight decay: added to the gradient it would be divided like the gradient,
    and large gradients would be decayed least. Use ``AdamW``.
    """

    name = "adam"


@dataclass(frozen=True)
class AdamW(AdaptiveMoments):
    """Adam with weight decay beside the gradient instead of in it, so that all weights are decayed alike.

    Formula: w <- w (1 - rate decay), then a step of Adam.

    Args:
        rate, beta1, beta2, epsilon: as in ``Adam``.
        decay: at least 0; a weight without gradient loses rate times decay of itself at a step.

    Fails:
        UsageError E102: a setting out of its range.

    Reference: Loshchilov and Hutter (2019), Decoupled weight decay regularization (ICLR). The same steps as
    PyTorch's ``AdamW``.
    """

    name = "adamw"
    decay: float = 0.01

    def check(self) -> None:
        super().check()
        require_number(self, "decay", least=0)

    def move(self, p: Node, g: Node, slots: Mapping[str, Node], rate: Node, count: Node) -> Moved:
        return super().move(p * (1.0 - rate * self.decay), g, slots, rate, count)


def running(mean: Node, new: Node, kept: float) -> Node:
    """A running mean after one more number: ``kept`` of the old mean, the rest of the new number."""
    return mean * kept + new * (1.0 - kept)


def warmed(beta: float, count: Node, dtype: str) -> Node:
    """1 - beta^count: how much of a running mean that began at 0 is there after ``count`` numbers."""
    return (1.0 - PUBLIC["power"](beta, count.astype("float64"))).astype(dtype)


OPTIMIZERS: dict[str, type[Optimizer]] = {kind.name: kind for kind in (SGD, Adam, AdamW, RMSprop)}


def known_optimizer(optimizer: str | Optimizer) -> Optimizer:
    """The optimizer of this name with its defaults, or the optimizer itself.

    Fails:
        UsageError E101: no such optimizer.
    """
    if isinstance(optimizer, Optimizer):
        return optimizer
    if not isinstance(optimizer, str) or optimizer not in OPTIMIZERS:
        raise unknown("optimizer", optimizer, list(OPTIMIZERS), 'optimizer="{}"')
    return OPTIMIZERS[optimizer]()

"""Optimizers: from a gradient to a new parameter, as nodes of the step graph.

An optimizer sees one parameter at a time. What it remembers from step to step (a velocity, a mean of squares) it names
in ``slots``; the values travel with the training state like the parameters themselves. Because the update is a graph,
it can be compiled, explained and differentiated like the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from chainrule.errors import UsageError, nearest
from chainrule.graph import Node
from chainrule.nn.initialiser import Fill, Initialiser
from chainrule.nn.schedule import Schedule, known_schedule

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
        require(self, "rate", isinstance(self.rate, Schedule) or self.rate > 0, "> 0, or a schedule")
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


def require(owner: object, name: str, holds: bool, expected: str) -> None:
    """Refuse a setting of an optimizer that is out of its range."""
    if not holds:
        raise UsageError(
            "E102", where=type(owner).__name__, name=name, expected=expected, received=getattr(owner, name)
        )


@dataclass(frozen=True)
class SGD(Optimizer):
    """Gradient descent: each parameter moves against its gradient; with momentum it keeps part of its last move.

    Formula: v <- m v + g; w <- w - rate v. With nesterov, w <- w - rate (g + m v).

    Args:
        rate: the article's eta.
        momentum: m, 0 <= m < 1.
        nesterov: whether to look ahead along the velocity; needs momentum.

    Fails:
        UsageError E102: a setting out of its range.

    Reference: Polyak (1964), Some methods of speeding up the convergence of iteration methods; Sutskever, Martens,
    Dahl and Hinton (2013), On the importance of initialization and momentum in deep learning (ICML).
    """

    name = "sgd"
    momentum: float = 0.0
    nesterov: bool = False

    def check(self) -> None:
        require(self, "momentum", 0 <= self.momentum < 1, "0 <= momentum < 1")
        require(self, "nesterov", not self.nesterov or self.momentum > 0, "momentum > 0 with nesterov")

    def slots(self) -> dict[str, Initialiser]:
        return {"velocity": ZERO} if self.momentum else {}

    def move(self, p: Node, g: Node, slots: Mapping[str, Node], rate: Node, count: Node) -> Moved:
        if not self.momentum:
            return p - rate * g, {}
        velocity = slots["velocity"] * self.momentum + g
        direction = g + velocity * self.momentum if self.nesterov else velocity
        return p - rate * direction, {"velocity": velocity}


OPTIMIZERS: dict[str, type[Optimizer]] = {kind.name: kind for kind in (SGD,)}


def known_optimizer(optimizer: str | Optimizer) -> Optimizer:
    """The optimizer of this name with its defaults, or the optimizer itself.

    Fails:
        UsageError E101: no such optimizer.
    """
    if isinstance(optimizer, Optimizer):
        return optimizer
    if optimizer not in OPTIMIZERS:
        close = nearest(str(optimizer), OPTIMIZERS) or "sgd"
        raise UsageError(
            "E101", where="optimizer", name=optimizer, expected=", ".join(OPTIMIZERS), received=optimizer,
            fix=f'optimizer="{close}"',
        )  # fmt: skip
    return OPTIMIZERS[optimizer]()

"""Optimizers that follow the gradient or its sign without adapting to its size."""

from __future__ import annotations

from dataclasses import KW_ONLY

from chainrule.errors import fact
from chainrule.graph import Node
from chainrule.nn.optimizer.optimizer import Moved, Nodes, Rule, Slot, StepContext, running
from chainrule.nn.schedule import Schedule
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.symbolic_shape import Shape
from chainrule.validation import require, require_number


@frozen
class SGD(Rule):
    """Stochastic gradient descent, optionally with momentum.

    Formula: g <- g + weight_decay w; v <- m v + g; w <- w - learning_rate v. With nesterov, w <- w -
    learning_rate (g + m v).

    Args:
        learning_rate: the learning rate.
        momentum: m, 0 <= m < 1.
        nesterov: whether to look ahead along the velocity; needs momentum.
        weight_decay: weight decay, at least 0: every parameter, biases too, decays toward 0. For weights
            alone there is ``cr.L2(decay / 2)``, whose gradient is the same.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: Polyak (1964), Some methods of speeding up the convergence of iteration methods; Sutskever,
    Martens, Dahl and Hinton (2013), On the importance of initialization and momentum in deep learning (ICML).
    The same steps as PyTorch's ``SGD``.
    """

    chinese = ("梯度下降 (SGD)", "参数沿梯度的反方向移动，可带动量。")
    name = "sgd"
    _: KW_ONLY
    momentum: float = 0.0
    nesterov: bool = False

    def check(self) -> None:
        require_number(self, "momentum", minimum=0, below=1)
        require(self, "nesterov", not self.nesterov or self.momentum > 0, fact("momentum > 0 with nesterov"))

    def slots(self, shape: Shape) -> dict[str, Slot]:
        return {"velocity": Slot(shape)} if self.momentum else {}

    def move(self, p: Node, g: Node, slots: Nodes, context: StepContext) -> Moved:
        if self.weight_decay:
            g = g + p * self.weight_decay
        if not self.momentum:
            return p - context.learning_rate * g, {}
        velocity = slots["velocity"] * self.momentum + g
        direction = g + velocity * self.momentum if self.nesterov else velocity
        return p - context.learning_rate * direction, {"velocity": velocity}


@frozen
class ASGD(Rule):
    """Averaged SGD: a decreasing learning rate; evaluates at the mean of the parameters.

    Formula: eta = learning_rate / (1 + shrink learning_rate (t - 1))^power at step t; w <- w (1 - shrink eta)
    - eta g; a <- a + (w - a) / max(1, t - 1 - start); the network is evaluated at a.

    Args:
        learning_rate: the learning rate of the first step.
        shrink: at least 0: how fast weights and rate shrink.
        power: of the falling rate, 0 < power <= 1.
        start: the number of steps after which the mean begins; until then a is w.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: Polyak and Juditsky (1992), Acceleration of stochastic approximation by averaging. The same
    steps as PyTorch's ``ASGD`` (``lambd``, ``alpha``, ``t0``), which keeps a but evaluates at w.
    """

    chinese = ("平均梯度下降 (ASGD)", "学习率递减，以走过各点的平均作答。")
    name = "asgd"
    _: KW_ONLY
    shrink: float = 1e-4
    power: float = 0.75
    start: float = 1e6

    def check(self) -> None:
        require_number(self, "shrink", minimum=0)
        require_number(self, "power", above=0, maximum=1)
        require_number(self, "start", minimum=0)

    def slots(self, shape: Shape) -> dict[str, Slot]:
        return {"average": Slot(shape)}

    def move(self, p: Node, g: Node, slots: Nodes, context: StepContext) -> Moved:
        before = context.count - 1.0
        eta = context.learning_rate / F.power(1.0 + context.learning_rate * self.shrink * before, self.power)
        moved = self.shrunk(p, context) * (1.0 - eta * self.shrink) - eta * g
        share = F.maximum(before - self.start, 1.0)
        mean = slots["average"] + (moved - slots["average"]) / share
        # Up to the start the mean is the point itself, to the bit, not the point after a rounding.
        return moved, {"average": F.where(F.equal(share, 1.0), moved, mean)}

    def evaluation_parameter(self, p: Node, slots: Nodes, count: Node) -> Node:
        return slots["average"]


@frozen
class Rprop(Rule):
    """Rprop: uses only the sign of each gradient; steps grow while it stays equal and shrink when it changes.

    For whole batches: between mini-batches signs turn by chance, and steps would only shrink.

    Formula: q is eta_plus where g h > 0, eta_minus where g h < 0, else 1, with h the gradient of the step
    before; d <- clip(d q, min_step_size, max_step_size); g <- 0 where g h < 0; w <- w - d sign(g); h <- g.

    Args:
        learning_rate: the length d of the first step; it has no effect on later steps.
        eta_minus: 0 < eta_minus < 1.
        eta_plus: above 1.
        min_step_size, max_step_size: the limits of a step's length, 0 < min_step_size <= max_step_size.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: Riedmiller and Braun (1993), A direct adaptive method for faster backpropagation learning. The
    same steps as PyTorch's ``Rprop``.
    """

    chinese = ("弹性反向传播 (Rprop)", "只看梯度的符号：同号加大步长，异号减小。")
    name = "rprop"
    _: KW_ONLY
    eta_minus: float = 0.5
    eta_plus: float = 1.2
    min_step_size: float = 1e-6
    max_step_size: float = 50.0

    def check(self) -> None:
        require_number(self, "eta_minus", above=0, below=1)
        require_number(self, "eta_plus", above=1)
        require_number(self, "min_step_size", above=0)
        require_number(self, "max_step_size", minimum=self.min_step_size)

    def slots(self, shape: Shape) -> dict[str, Slot]:
        return {"gradient": Slot(shape), "length": Slot(shape)}

    def move(self, p: Node, g: Node, slots: Nodes, context: StepContext) -> Moved:
        agree = g * slots["gradient"]
        turned = F.less(agree, 0.0)
        grown = F.where(F.greater(agree, 0.0), self.eta_plus, p * 0.0 + 1.0)
        length = F.where(F.equal(context.count, 1.0), context.learning_rate, slots["length"])
        length = F.clip(
            length * F.where(turned, self.eta_minus, grown), self.min_step_size, self.max_step_size
        )
        masked = F.where(turned, 0.0, g)
        moved = self.shrunk(p, context) - length * F.sign(masked)
        return moved, {"gradient": masked, "length": length}


@frozen
class Lion(Rule):
    """Lion: moves every parameter by the learning rate in the direction of the sign of its momentum.

    Formula: w <- w (1 - learning_rate weight_decay) - learning_rate sign(b1 m + (1 - b1) g); m <- b2 m + (1 -
    b2) g.

    Args:
        learning_rate: the learning rate; a third to a tenth of what suits ``AdamW``.
        beta1, beta2: b1 and b2, 0 <= b < 1.
        weight_decay: decoupled; three to ten times what suits ``AdamW``.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: Chen et al. (2023), Symbolic discovery of optimization algorithms (NeurIPS), algorithm 2.
    """

    chinese = ("Lion", "沿动量的符号移动，每个数步长相同。")
    name = "lion"
    learning_rate: float | Schedule = 1e-4
    _: KW_ONLY
    beta1: float = 0.9
    beta2: float = 0.99

    def check(self) -> None:
        require_number(self, "beta1", minimum=0, below=1)
        require_number(self, "beta2", minimum=0, below=1)

    def slots(self, shape: Shape) -> dict[str, Slot]:
        return {"mean": Slot(shape)}

    def move(self, p: Node, g: Node, slots: Nodes, context: StepContext) -> Moved:
        direction = F.sign(running(slots["mean"], g, self.beta1))
        moved = self.shrunk(p, context) - context.learning_rate * direction
        return moved, {"mean": running(slots["mean"], g, self.beta2)}

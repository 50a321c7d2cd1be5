"""Optimizers that use properties of complete weights: their norm, or their singular values."""

from __future__ import annotations

from dataclasses import KW_ONLY

from chainrule.graph import Node
from chainrule.nn.optimizer.adam import AdamW, AdaptiveMoments
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
from chainrule.validation import require_integer, require_number

QUINTIC = (3.4445, -4.775, 2.0315)  # the polynomial of Jordan et al.: steep at 0, near 1 from 0.7 to 1.2


@frozen
class LARS(Rule):
    """LARS: momentum with step sizes proportional to the norm of each weight; for very large batches.

    Formula: q = trust_coefficient |w| / (|g| + weight_decay |w| + epsilon), or 1 where w or g is 0;
    v <- m v + learning_rate q (g + weight_decay w); w <- w - v.

    Args:
        learning_rate: the learning rate.
        momentum: m, 0 <= m < 1.
        trust_coefficient: above 0: the part.
        epsilon: above 0.
        weight_decay: at least 0; inside the gradient.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: You, Gitman and Ginsburg (2017), Large batch training of convolutional networks (arXiv
    1708.03888), algorithm 1.
    """

    chinese = ("LARS", "步长与各权重自身长度成比例的动量法，用于大批量。")
    name = "lars"
    learning_rate: float | Schedule = 0.1
    _: KW_ONLY
    momentum: float = 0.9
    trust_coefficient: float = 0.001
    epsilon: float = 1e-8

    def check(self) -> None:
        require_number(self, "momentum", minimum=0, below=1)
        require_number(self, "trust_coefficient", above=0)
        require_number(self, "epsilon", above=0)

    def slots(self, shape: Shape) -> dict[str, Slot]:
        return {"velocity": Slot(shape)}

    def move(self, p: Node, g: Node, slots: Nodes, context: StepContext) -> Moved:
        size, slope = norm(p), norm(g)
        ratio = size * self.trust_coefficient / (slope + size * self.weight_decay + self.epsilon)
        pulled = g + p * self.weight_decay if self.weight_decay else g
        velocity = (
            slots["velocity"] * self.momentum
            + context.learning_rate * _where_both(size, slope, ratio) * pulled
        )
        return p - velocity, {"velocity": velocity}


@frozen
class LAMB(AdaptiveMoments):
    """LAMB: Adam with step sizes proportional to the norm of each weight; for very large batches.

    Formula: m, s as in Adam; r = m' / (sqrt(s') + epsilon) + weight_decay w; w <- w - learning_rate r |w| /
    |r|, the quotient 1 where w or r is 0.

    Args:
        learning_rate, beta1, beta2, epsilon: as in ``Adam``.
        weight_decay: at least 0; part of the step whose length is then set.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: You et al. (2020), Large batch optimization for deep learning: training BERT in 76 minutes
    (ICLR), algorithm 2.
    """

    chinese = ("LAMB", "步长与各权重自身长度成比例的 Adam，用于大批量。")
    name = "lamb"
    _: KW_ONLY
    epsilon: float = 1e-6

    def move(self, p: Node, g: Node, slots: Nodes, context: StepContext) -> Moved:
        mean = running(slots["mean"], g, self.beta1)
        square = running(slots["square"], F.square(g), self.beta2)
        one = F.full_like(context.count, 1.0)
        direction = self.step(mean, square, StepContext(one, context.count, context.loss))
        if self.weight_decay:
            direction = direction + p * self.weight_decay
        size, length = norm(p), norm(direction)
        ratio = _where_both(size, length, size / F.maximum(length, 1e-30))
        return p - context.learning_rate * ratio * direction, {"mean": mean, "square": square}


@frozen
class Muon(Rule):
    """Muon: replaces the momentum of each matrix by the nearest orthogonal matrix.

    Gradients of weight matrices are dominated by a few directions. With all singular values near 1, the rare
    directions move as far as the strong ones. A weight (out, *kernel, in) is taken as a matrix (out, the
    rest); vectors move by ``AdamW``. For embeddings and a last layer, whose rows are independent,
    ``AdamW`` is the better choice.

    Formula: m <- momentum m + (1 - momentum) g; u = momentum m + (1 - momentum) g, or m without nesterov;
    X = u / |u|, then ``ns_steps`` times X <- a X + (b A + c A A) X with A = X X^T;
    w <- w (1 - learning_rate weight_decay) - learning_rate sqrt(max(1, rows/columns)) X.

    Args:
        learning_rate: the learning rate of matrices.
        momentum: 0 <= momentum < 1.
        nesterov: whether to look ahead along the momentum.
        ns_steps: of the iteration, 1 to 20; five bring singular values to between 0.7 and 1.2.
        adamw_ratio: above 0: the learning rate of vectors over that of matrices.
        weight_decay: decoupled.

    Cost: 6 rows^2 columns flops a step and matrix, with rows the shorter side.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: Jordan et al. (2024), Muon: an optimizer for hidden layers in neural networks. As PyTorch's
    ``Muon`` with ``adjust_lr_fn="original"``, which iterates in bfloat16 and refuses vectors.
    """

    chinese = ("Muon", "把每个矩阵的动量变成最近的正交矩阵。")
    name = "muon"
    learning_rate: float | Schedule = 0.02
    _: KW_ONLY
    momentum: float = 0.95
    nesterov: bool = True
    ns_steps: int = 5
    adamw_ratio: float = 0.015

    def check(self) -> None:
        require_number(self, "momentum", minimum=0, below=1)
        require_integer(self, "ns_steps", 1, 20)
        require_number(self, "adamw_ratio", above=0)

    def slots(self, shape: Shape) -> dict[str, Slot]:
        return {"mean": Slot(shape)} if len(shape) >= 2 else self._vectors.slots(shape)

    @property
    def _vectors(self) -> AdamW:
        return AdamW(weight_decay=self.weight_decay)

    def move(self, p: Node, g: Node, slots: Nodes, context: StepContext) -> Moved:
        if len(p.shape) < 2:
            return self._vectors.move(
                p,
                g,
                slots,
                StepContext(context.learning_rate * self.adamw_ratio, context.count, context.loss),
            )
        mean = running(slots["mean"], g, self.momentum)
        rows, columns = matrix_shape(p.shape)
        ahead = running(g, mean, 1.0 - self.momentum) if self.nesterov else mean
        turned = orthogonal(F.reshape(ahead, (rows, columns)), self.ns_steps)
        step = F.reshape(turned, p.shape) * max(1.0, rows / max(1, columns)) ** 0.5
        return self.shrunk(p, context) - context.learning_rate * step, {"mean": mean}


def orthogonal(matrix: Node, steps: int) -> Node:
    """Return a matrix with all singular values moved near 1, by products only (Newton-Schulz iteration)."""
    rows, columns = matrix_shape(matrix.shape)
    x = matrix.T if rows > columns else matrix  # (short, long)
    x = x / F.maximum(norm(x), 1e-7)
    a, b, c = QUINTIC
    for _ in range(steps):
        gram = x @ x.T  # (short, short)
        x = x * a + (gram * b + (gram @ gram) * c) @ x
    return x.T if rows > columns else x


def _where_both(one: Node, other: Node, ratio: Node) -> Node:
    """Return the ratio where both lengths are above 0, else 1."""
    both = F.greater(F.minimum(one, other), 0.0)
    return F.where(both, ratio, 1.0)

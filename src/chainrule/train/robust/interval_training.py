"""Interval training: minimize the loss of the worst logits that interval arithmetic allows.

Bounds that follow from intervals are loose for an ordinary network, often useless after three layers. A
network trained on them has weights for which they are tight, so that its robustness can be proven at the cost
of one forward pass. The radius grows from 0, because the worst logits of a new network teach nothing.
"""

from __future__ import annotations

import math
from dataclasses import replace

from chainrule.graph import Node, make, order
from chainrule.nn.build import Built
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.symbolic_shape import bound
from chainrule.train.robust.intervals import interval_of
from chainrule.train.robust.robust_training import Part, RobustStep, RobustTraining, require

LARGEST = 2**14  # weights of a last layer whose differences are computed for each sample


@frozen
class IntervalTraining(RobustTraining):
    """Interval bound propagation (IBP): the loss on the samples and on the worst logits of their balls.

    Formula: J = k l(z, y) + (1 - k) l(z', y); z' differs from class to class by the upper bounds of the
    differences to the logit of the true class. Over ``ramp`` steps the radius grows from 0 and k falls from
    1, both linearly.

    Args:
        radius: the largest change of an element at the end of the ramp (L-inf), in the units of
            ``AdversarialTraining``. Slightly more than the radius to be proven works best.
        warmup: steps before the ramp, with the ordinary loss.
        ramp: steps of the ramp.
        clean_weight: k at the end of the ramp, from 0 to 1.
        bounds: the range of the data; ``None``: 0 to 1 for images with such values, else none.

    Raises:
        UsageError E102: a number out of its range. TrainingError E571: an operation without an interval rule.

    Reference: Gowal, Dvijotham, Stanforth, Bunel, Qin, Uesato, Arandjelovic, Mann and Kohli (2018), On the
    effectiveness of interval bound propagation for training verifiably robust models, arXiv:1810.12715.
    """

    warmup: int = 500
    ramp: int = 2000
    clean_weight: float = 0.5
    bounds: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, "warmup")
        require(self, "ramp", low=1)
        require(self, "clean_weight", high=1.0)

    def parts(self, step: RobustStep) -> tuple[tuple[Part, ...], Node | None]:
        name, x, space = step.single_logits("IntervalTraining"), step.x, step.space
        progress = F.clip((step.step - float(self.warmup)) / float(self.ramp), 0.0, 1.0)  # ()
        reach = space.scaled(F.broadcast_to(progress * self.radius, x.shape))
        output = step.built.outputs[name]
        (classes,) = bound(output.shape[1:])
        own = F.one_hot(step.network.targets[name], classes, output.dtype)  # (B, K)
        worst = worst_logits(output, own, x, (space.clip(x - reach), space.clip(x + reach)))
        clean = 1.0 - progress * (1.0 - self.clean_weight)
        parts = (Part(clean, step.built), Part(1.0 - clean, _with_output(step, name, worst)))
        return parts, None


def worst_logits(output: Node, own: Node, x: Node, box: tuple[Node, Node]) -> Node:
    """Return logits whose differences to that of the true class are upper bounds of these differences.

    After a fully connected last layer z = W h + b the difference of two logits is (w_k - w_y) h, which is
    bounded directly: tighter than the bound of z_k minus the bound of z_y.

    Args:
        output: the logits, (B, K).
        own: 1 for the true class, else 0, (B, K).
        x: the input.
        box: its bounds.
    """
    product = output.inputs[0] if output.op.name == "add" else output
    if product.op.name == "matmul" and math.prod(bound(product.inputs[1].shape)) <= LARGEST:
        hidden, weight = product.inputs
        if x in order([hidden]) and x not in order([weight]):
            low, high = interval_of(hidden, x, *box)
            middle = F.matmul((low + high) * 0.5, weight)
            z = middle if product is output else make(output.op, middle, output.inputs[1])
            rows = F.matmul(own, F.transpose(weight, (1, 0)))  # (B, H), the weights of the true class
            shape = (rows.shape[0], *weight.shape)  # (B, H, K)
            ours = F.broadcast_to(F.reshape(rows, (*rows.shape, 1)), shape)
            others = F.broadcast_to(F.reshape(weight, (1, *weight.shape)), shape)
            half = F.broadcast_to(F.reshape((high - low) * 0.5, (*rows.shape, 1)), shape)
            return z + F.sum(F.abs(others - ours) * half, 1)
    low, high = interval_of(output, x, *box)
    return own * low + (1.0 - own) * high


def _with_output(step: RobustStep, name: str, node: Node) -> Built:
    return replace(step.built, outputs={name: node})

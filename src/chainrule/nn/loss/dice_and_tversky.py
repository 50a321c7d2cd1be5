"""Losses of areas: how well the cells marked by the network cover the cells that should be marked.

If few cells are marked, the mean loss over single cells is nearly the same for a network that finds them and
one that finds none. These losses compare the areas as a whole, sample by sample. (Keras compares those of the
full batch at once, unless its ``axis`` is set.)
"""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import ClassVar

from chainrule.errors import fact
from chainrule.graph import Node
from chainrule.nn.loss.loss import Loss, per_sample, require_shape
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.symbolic_shape import Spec
from chainrule.validation import require_number

_EMPTY = 1e-7  # keeps the quotient a number where nothing is marked


@frozen
class Tversky(Loss):
    """1 minus the share of the marked area that both agree on, with separate weights for each kind of error.

    Shapes: output (B, ...), one score for each cell; target the same, yes and no as 1 and 0 -> (B,).

    Formula: with p = sigmoid(z): J^(i) = 1 - sum(y p) / (sum(y p) + alpha sum(y (1 - p)) + beta sum((1 - y)
    p)).

    Args:
        alpha: the weight of a cell that is missed, at least 0.
        beta: the weight of a cell that is marked by mistake, at least 0.

    Raises:
        ShapeError E208: a sample has no cells.
        UsageError E102: a negative weight.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.tversky(cr.constant([[4.0, -4.0]]), [[1.0, 1.0]], alpha=0.3)
        >>> round(float(cr.evaluate(loss, {})), 6)
        0.230769

    Reference: Salehi, Erdogmus and Gholipour (2017), Tversky loss function for image segmentation (MLMI),
    where alpha is the weight of a mistake. Here it is that of a miss, as in Keras's code.
    """

    name = "tversky"
    task = "classification"
    wants = "logits"
    keras = "Tversky"
    chinese: ClassVar = ("Tversky 损失", "1 减去重合面积的比例，漏标与误标各有代价。")
    _: KW_ONLY
    alpha: float = 0.5
    beta: float = 0.5

    def check(self) -> None:
        require_number(self, "alpha", minimum=0)
        require_number(self, "beta", minimum=0)

    def target(self, output: Spec) -> Spec:
        require_shape(self, output, "(B, ...)", output.rank >= 2, fact("cr.Conv(1, 1) as the last layer"))
        return output

    def terms(self, output: Node, target: Node) -> Node:  # (B, ...) -> (B,)
        p = F.sigmoid(output)
        both = per_sample(target * p, "sum")
        missed = per_sample(target * (1.0 - p), "sum")
        mistaken = per_sample((1.0 - target) * p, "sum")
        return 1.0 - both / (both + missed * self.alpha + mistaken * self.beta + _EMPTY)

    def prediction(self, output: Node) -> Node:
        return F.sigmoid(output)


@frozen
class Dice(Loss):
    """1 minus twice the common area over the sum of both areas.

    Shapes: output (B, ...), one score for each cell; target the same, yes and no as 1 and 0 -> (B,).

    Formula: with p = sigmoid(z): J^(i) = 1 - 2 sum(y p) / (sum(y) + sum(p)).

    Raises:
        ShapeError E208: a sample has no cells.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.dice(cr.constant([[4.0, -4.0]]), [[1.0, 1.0]])
        >>> round(float(cr.evaluate(loss, {})), 6)
        0.333333

    Reference: Milletari, Navab and Ahmadi (2016), V-Net (3DV), there with squares in the denominator; here as
    in Keras.
    """

    name = "dice"
    task = "classification"
    wants = "logits"
    keras = "Dice"
    chinese: ClassVar = ("Dice 损失", "1 减去两倍公共面积与面积之和的比。")

    def target(self, output: Spec) -> Spec:
        require_shape(self, output, "(B, ...)", output.rank >= 2, fact("cr.Conv(1, 1) as the last layer"))
        return output

    def terms(self, output: Node, target: Node) -> Node:  # (B, ...) -> (B,)
        p = F.sigmoid(output)
        both = per_sample(target * p, "sum")
        return 1.0 - both * 2.0 / (per_sample(target, "sum") + per_sample(p, "sum") + _EMPTY)

    def prediction(self, output: Node) -> Node:
        return F.sigmoid(output)

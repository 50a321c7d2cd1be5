"""Loss of an object detector that marks the center of each object on a grid and predicts its box there.

Most cells of the grid are background, and cells beside a center are nearly right: the penalty of a false mark
is reduced near each center by the target itself, a Gaussian hill that is 1 at the center.
"""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import ClassVar

from chainrule.errors import fact
from chainrule.graph import Node
from chainrule.nn.loss.loss import Loss, per_sample, require_shape
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.symbolic_shape import Spec, bound
from chainrule.validation import require_number

BOX = 4  # numbers of a box


@frozen
class CenterNet(Loss):
    """Penalty-reduced focal loss of the centers of objects, and the absolute error of their boxes.

    Shapes: output (B, H, W, K + 4): a score for each of K classes and four numbers of a box in every cell;
    target (B, H, W, K + 5): hills of centers from 0 to 1, the four numbers, and whether the cell has a box
    (see ``chainrule.data.boxes.encode_centers``) -> (B,).

    Formula: with z the scores, p = sigmoid(z), y the hills, n the number of cells with y = 1, and b, t the
    boxes of the m marked cells (n and m at least 1): J^(i) = -1/n (sum_(y = 1) (1 - p)^2 log p + sum_(y < 1)
    (1 - y)^4 p^2 log(1 - p)) + box_weight/m sum |b - t|.

    Args:
        box_weight: the weight of the boxes, at least 0.

    Raises:
        ShapeError E208: the output is not (B, H, W, K + 4) with K at least 1.
        UsageError E102: a negative weight.

    Example:
        >>> import chainrule as cr
        >>> output = cr.constant([[[[2.0, 0.0, 0.0, 0.0, 0.0]]]])
        >>> loss = cr.center_net(output, [[[[1.0, 0.5, 0.0, 0.0, 0.0, 1.0]]]])
        >>> round(float(cr.evaluate(loss, {})), 6)
        0.501804

    Reference: Law and Deng (2018), CornerNet (ECCV), equation 1; Zhou, Wang and Krähenbühl (2019), Objects as
    points, arXiv 1904.07850.
    """

    name = "center_net"
    wants = "logits"
    chinese: ClassVar = ("CenterNet 损失", "目标中心的焦点损失（中心附近减轻惩罚），加上边框的绝对误差。")
    _: KW_ONLY
    box_weight: float = 1.0

    def check(self) -> None:
        require_number(self, "box_weight", minimum=0)

    def target(self, output: Spec) -> Spec:
        holds = output.rank == 4 and bound(output.shape[-1:])[0] > BOX
        require_shape(self, output, "(B, H, W, K + 4)", holds, fact("cr.Conv(7, 1) as the last layer"))
        return output.with_shape((*output.shape[:-1], bound(output.shape[-1:])[0] + 1))

    def terms(self, output: Node, target: Node) -> Node:  # (B, H, W, K + 4) -> (B,)
        classes = bound(output.shape[-1:])[0] - BOX
        z, y = output[..., :classes], target[..., :classes]  # (B, H, W, K)
        is_center = F.where(y >= 1.0, F.full_like(y, 1.0), 0.0)
        hits = is_center * F.square(F.sigmoid(-z)) * F.softplus(-z)
        apart = F.square(F.square(1.0 - y))
        alarms = (1.0 - is_center) * apart * F.square(F.sigmoid(z)) * F.softplus(z)
        centers = per_sample(hits + alarms, "sum") / F.maximum(per_sample(is_center, "sum"), 1.0)
        mark = target[..., classes + BOX :]  # (B, H, W, 1)
        errors = F.abs(output[..., classes:] - target[..., classes : classes + BOX]) * mark
        boxes = per_sample(errors, "sum") / F.maximum(per_sample(mark, "sum"), 1.0)
        return centers + boxes * self.box_weight

    def prediction(self, output: Node) -> Node:
        classes = bound(output.shape[-1:])[0] - BOX
        return F.concatenate([F.sigmoid(output[..., :classes]), output[..., classes:]], -1)

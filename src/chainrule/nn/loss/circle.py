"""Circle loss: all pairs of a batch at once, each attracted or repelled in proportion to its error.

This is the only loss that is not a sum of independent samples: a sample's loss depends on the other samples
in the batch. A program that runs a batch in blocks is still right, because the product that compares all
samples with all samples waits for the full batch; but a larger batch has a different loss.

A sample is not its own partner. Excluding the diagonal needs no mask: among the pairs of the same class the
pair of a sample with itself is the closest, so it adds the smallest term to the sum, and that term is
subtracted again. What remains is at least half of the sum, so no digits are lost.
"""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import ClassVar

from chainrule.errors import fact
from chainrule.graph import Node
from chainrule.nn.loss.loss import Loss, require_shape
from chainrule.nn.loss.vector_geometry import length
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.spec import Spec
from chainrule.validation import require_number

_NEVER = -1e30  # stands for log(0) and stays finite


@frozen
class Circle(Loss):
    """Circle loss: attracts vectors of the same class and repels others, weighted by their error.

    Shapes: output (B, D), target (B,) integers, the classes -> (B,).

    Formula: with d_ij = 1 - cos(z_i, z_j) and m the margin: J^(i) = log(1 + sum_n exp(gamma (1 + m - d_in) (1
    - m - d_in)) sum_p exp(-gamma (m + d_ip) (m - d_ip))), n over the samples of other classes (1 + m - d cut
    off at 0), p over the others of the same class; 0 if there are none of either.

    Args:
        gamma: how strongly the worst pairs dominate, above 0.
        margin: m, 0 < m < 1: how far from the optimum pairs may stay.

    Raises:
        ShapeError E208: the output is not (B, D).
        UsageError E102: a setting out of its range.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.circle(cr.constant([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]]), [0, 0, 1], gamma=2.0)
        >>> round(float(cr.evaluate(loss, {})), 6)
        0.610024

    Reference: Sun, Cheng, Zhang, Zhang, Zheng, Wang and Wei (2020), Circle loss (CVPR); as in Keras, the
    weights (1 + m - d) and (m + d) have gradients too.
    """

    name = "circle"
    keras = "Circle"
    chinese: ClassVar = ("圆损失", "批内所有样本对：同类方向应一致，异类应远离，按距离加权。")
    _: KW_ONLY
    gamma: float = 80.0
    margin: float = 0.4

    def check(self) -> None:
        require_number(self, "gamma", above=0)
        require_number(self, "margin", above=0, below=1)

    def target(self, output: Spec) -> Spec:
        require_shape(self, output, "(B, D)", output.rank == 2, fact("cr.Dense(8) as the last layer"))
        return Spec(output.shape[:1], "int64")

    def terms(self, output: Node, target: Node) -> Node:
        where, relu, m = F.where, F.relu, self.margin
        unit = output / length(output)[:, None]
        d = relu(1.0 - unit @ unit.T)  # (B, D) (D, B) -> (B, B)
        same = F.equal(target[:, None], target[None, :])
        apart = where(same, _NEVER, relu(1.0 + m - d) * (1.0 - m - d) * self.gamma)
        alike = where(same, (m + d) * (m - d) * -self.gamma, _NEVER)
        strangers, kin = (F.logsumexp(pairs, 1) for pairs in (apart, alike))
        has_kin = F.sum(where(same, F.full_like(d, 1.0), 0.0), 1) > 1.5
        # The sample's own term is exp(-gamma m^2); this is its share of the sum, as a logarithm.
        own = where(has_kin, -self.gamma * m**2 - kin, -1.0)
        kin = where(has_kin, kin + F.log(1.0 - F.exp(own)), _NEVER)
        return F.softplus(strangers + kin)

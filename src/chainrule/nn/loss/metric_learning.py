"""Losses of pairs and triplets, for networks that learn distances.

The output holds the two or three vectors stacked along axis 1 (see ``chainrule.nn.loss.loss``);
``prediction`` is one number for each pair, large where the target should be yes; for triplets, large where
the negative is farther than the positive.
"""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import ClassVar

from chainrule.errors import fact
from chainrule.graph import Node
from chainrule.nn.loss.loss import DISTANCES, Loss, cosine, length, require_shape, signs
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.symbolic_shape import Spec
from chainrule.validation import require, require_choice, require_number

# Circle loss: all pairs of a batch at once, each attracted or repelled in proportion to its error.
#
# This is the only loss that is not a sum of independent samples: a sample's loss depends on the other samples
# in the batch. A program that runs a batch in blocks is still right, because the product that compares all
# samples with all samples waits for the full batch; but a larger batch has a different loss.
#
# A sample is not its own partner. Excluding the diagonal needs no mask: among the pairs of the same class the
# pair of a sample with itself is the closest, so it adds the smallest term to the sum, and that term is
# subtracted again. What remains is at least half of the sum, so no digits are lost.

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


@frozen
class Side(Loss):
    """Base of the losses of stacked vectors: output (B, n, D), target (B,)."""

    together: ClassVar[int] = 2

    def target(self, output: Spec) -> Spec:
        n = self.together
        holds = output.rank == 3 and output.shape[1] == n
        require_shape(self, output, f"(B, {n}, D)", holds, "cr.stack([a, b, c], 1)" if n > 2 else _STACK)
        return output.with_shape(output.shape[:1])


_STACK = "cr.stack([a, b], 1)"


@frozen
class MarginRanking(Loss):
    """Hinge loss of the order of two scores.

    Shapes: output (B, 2), target (B,): yes if the first should be higher, no if the second -> (B,).

    Formula: J^(i) = max(0, -y (z_1 - z_2) + margin), with y = 1 for yes and -1 for no.

    Args:
        margin: the required difference, at least 0.

    Raises:
        ShapeError E208: the output is not (B, 2).
        UsageError E102: a negative margin.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.margin_ranking(cr.constant([[1.0, 1.2]]), [1.0], margin=0.5)
        >>> round(float(cr.evaluate(loss, {})), 6)
        0.7

    Reference: Herbrich, Graepel and Obermayer (2000), Large margin rank boundaries for ordinal regression.
    """

    name = "margin_ranking"
    pytorch = "MarginRankingLoss"
    chinese: ClassVar = ("间隔排序损失", "两个得分中应较高者要高出间隔。")
    margin: float = 0.0

    def check(self) -> None:
        require_number(self, "margin", minimum=0)

    def target(self, output: Spec) -> Spec:
        require_shape(self, output, "(B, 2)", output.rank == 2 and output.shape[1] == 2, _STACK)
        return output.with_shape(output.shape[:1])

    def terms(self, output: Node, target: Node) -> Node:  # (B, 2) -> (B,)
        return F.relu(self.margin - signs(target) * self.prediction(output))

    def prediction(self, output: Node) -> Node:
        return output[:, 0] - output[:, 1]


@frozen
class CosineEmbedding(Side):
    """Cosine distance of similar pairs, cosine similarity above a margin of others.

    Shapes: output (B, 2, D), target (B,): yes if the two are a pair -> (B,).

    Formula: with c the cosine of their angle: J^(i) = 1 - c for yes, max(0, c - margin) for no.

    Args:
        margin: the maximum cosine of two that are no pair, -1 to 1.

    Raises:
        ShapeError E208: the output is not (B, 2, D).
        UsageError E102: a margin out of its range.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.cosine_embedding(cr.constant([[[3.0, 4.0], [1.0, 0.0]]]), [1.0])
        >>> round(float(cr.evaluate(loss, {})), 6)
        0.4
    """

    name = "cosine_embedding"
    pytorch = "CosineEmbeddingLoss"
    chinese: ClassVar = ("余弦嵌入损失", "同类向量方向应一致，异类向量夹角余弦不应超过间隔。")
    margin: float = 0.0

    def check(self) -> None:
        require_number(self, "margin", minimum=-1, maximum=1)

    def terms(self, output: Node, target: Node) -> Node:  # (B, 2, D) -> (B,)
        c = self.prediction(output)
        return F.where(target > 0.0, 1.0 - c, F.relu(c - self.margin))

    def prediction(self, output: Node) -> Node:
        return cosine(output[:, 0], output[:, 1])


@frozen
class Contrastive(Side):
    """Contrastive loss: the distance of similar pairs, and the margin minus the distance of others.

    Shapes: output (B, 2, D), target (B,): yes if the two are a pair -> (B,).

    Formula: with d their distance: J^(i) = d^2/2 for yes, max(0, margin - d)^2/2 for no.

    Args:
        margin: the required distance, above 0.

    Raises:
        ShapeError E208: the output is not (B, 2, D).
        UsageError E102: a margin that is not above 0.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.contrastive(cr.constant([[[0.0, 0.5], [0.0, 0.0]]]), [0.0])
        >>> round(float(cr.evaluate(loss, {})), 6)
        0.125

    Reference: Hadsell, Chopra and LeCun (2006), Dimensionality reduction by learning an invariant mapping
    (CVPR), where 0 stands for a pair.
    """

    name = "contrastive"
    chinese: ClassVar = ("对比损失", "拉近同类向量，把异类向量推到间隔之外。")
    margin: float = 1.0

    def check(self) -> None:
        require_number(self, "margin", above=0)

    def terms(self, output: Node, target: Node) -> Node:  # (B, 2, D) -> (B,)
        apart = output[:, 0] - output[:, 1]
        near = F.sum(F.square(apart), -1)
        far = F.square(F.relu(self.margin - length(apart)))
        return F.where(target > 0.0, near, far) / 2.0

    def prediction(self, output: Node) -> Node:
        return self.margin / 2.0 - length(output[:, 0] - output[:, 1])


@frozen
class TripletMargin(Side):
    """Triplet loss: the anchor should be closer to the positive than to the negative, by a margin.

    Shapes: output (B, 3, D): anchor, positive, negative, in this order -> (B,). There is no target: call
    ``model.fit(x)``.

    Formula: J^(i) = max(0, d(a, p) - d(a, n) + margin).

    Args:
        margin: the required difference, above 0.
        distance: ``"euclidean"``, ``"squared_euclidean"``, ``"manhattan"`` or ``"cosine"`` (1 - cosine).
        swap: whether the negative's distance is the smaller of those to the anchor and to the positive.

    Numerics: 1e-6 is added to every difference, as in PyTorch, so that equal vectors have a slope.

    Raises:
        ShapeError E208: the output is not (B, 3, D).
        UsageError E101, E102: an unknown distance; a margin that is not above 0.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.triplet_margin(cr.constant([[[0.0], [1.0], [1.5]]]))
        >>> round(float(cr.evaluate(loss, {})), 6)
        0.5

    Reference: Schroff, Kalenichenko and Philbin (2015), FaceNet (CVPR); swap: Balntas, Riba, Ponsa and
    Mikolajczyk (2016), Learning local feature descriptors with triplets (BMVC).
    """

    name = "triplet_margin"
    together = 3
    needs_target = False
    pytorch = "TripletMarginLoss"
    chinese: ClassVar = ("三元组损失", "锚点离同类应比离异类近出间隔。")
    margin: float = 1.0
    _: KW_ONLY
    distance: str = "euclidean"
    swap: bool = False

    def check(self) -> None:
        require_number(self, "margin", above=0)
        require(self, "swap", isinstance(self.swap, bool), fact("True or False"))
        require_choice(self, "distance", DISTANCES)

    def terms(self, output: Node, target: Node) -> Node:  # (B, 3, D) -> (B,)
        anchor, positive, negative = (output[:, i] for i in range(3))
        distance = DISTANCES[self.distance]
        far = distance(anchor, negative)
        if self.swap:
            far = F.minimum(far, distance(positive, negative))
        return F.relu(distance(anchor, positive) - far + self.margin)

    def prediction(self, output: Node) -> Node:
        anchor, positive, negative = (output[:, i] for i in range(3))
        distance = DISTANCES[self.distance]
        return distance(anchor, negative) - distance(anchor, positive)

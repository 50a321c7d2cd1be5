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
from chainrule.nn.loss.loss import Loss, require_shape, signs
from chainrule.nn.loss.vector_geometry import DISTANCES, cosine, length
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.spec import Spec
from chainrule.validation import require, require_choice, require_number


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

"""Losses with a margin: a prediction that is right by at least the margin costs nothing.

The scores of these losses are not logits of a probability. ``prediction`` still applies sigmoid or softmax:
the result is on the right side of one half, but it is not a reliable probability.
"""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import ClassVar

from chainrule.errors import fact
from chainrule.graph import Node
from chainrule.nn.loss.class_targets import OneClass, right
from chainrule.nn.loss.loss import Loss, require_shape, signs
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.symbolic_shape import Spec, bound
from chainrule.validation import require_integer, require_number


@frozen
class Hinge(Loss):
    """Hinge loss: 0 if the score is on the right side by at least 1, linear otherwise.

    Shapes: output (B,), (B, 1) or (B, O), target the same, yes and no -> (B,).

    Formula: J^(i) = 1/O sum_o max(0, 1 - y_o z_o), with y = 1 for yes and -1 for no.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.hinge(cr.constant([[2.0, 0.5]]), [[1.0, 0.0]])
        >>> round(float(cr.evaluate(loss, {})), 6)
        0.75

    Reference: Cortes and Vapnik (1995), Support-vector networks (Machine Learning 20).
    """

    name = "hinge"
    task = "classification"
    wants = "logits"
    keras = "Hinge"
    chinese: ClassVar = ("合页损失", "得分以足够间隔落在正确一侧时为 0，否则线性增长。")

    def terms(self, output: Node, target: Node) -> Node:
        return F.relu(1.0 - signs(target) * output)

    def prediction(self, output: Node) -> Node:
        return F.sigmoid(output)


@frozen
class SquaredHinge(Hinge):
    """The square of the hinge: smooth where it begins, and large for predictions that are far off.

    Shapes: output (B,), (B, 1) or (B, O), target the same, yes and no -> (B,).

    Formula: J^(i) = 1/O sum_o max(0, 1 - y_o z_o)^2, with y = 1 for yes and -1 for no.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.squared_hinge(cr.constant([[2.0, 0.5]]), [[1.0, 0.0]])
        >>> round(float(cr.evaluate(loss, {})), 6)
        1.125
    """

    name = "squared_hinge"
    keras = "SquaredHinge"
    chinese: ClassVar = ("平方合页损失", "合页损失的平方。")

    def terms(self, output: Node, target: Node) -> Node:
        return F.square(super().terms(output, target))


@frozen
class SoftMargin(Hinge):
    """A hinge with a rounded corner: the logistic loss of labels that are 1 and -1.

    Shapes: output (B,), (B, 1) or (B, O), target the same, yes and no -> (B,).

    Formula: J^(i) = 1/O sum_o log(1 + exp(-y_o z_o)), with y = 1 for yes and -1 for no. For targets of 0 and
    1 it is ``binary_cross_entropy``.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.soft_margin(cr.constant([[2.0, 0.5]]), [[1.0, 0.0]])
        >>> round(float(cr.evaluate(loss, {})), 6)
        0.550502
    """

    name = "soft_margin"
    pytorch = "SoftMarginLoss"
    chinese: ClassVar = ("软间隔损失", "圆角的合页损失，即标签为 ±1 的逻辑损失。")

    def terms(self, output: Node, target: Node) -> Node:
        return F.softplus(-signs(target) * output)


@frozen
class HingeEmbedding(Loss):
    """For distances: same-class pairs should be near, other pairs at least a margin apart.

    Shapes: output (B, ...), distances; target the same, yes (same class) and no -> (B,).

    Formula: J^(i) = the mean of x where yes and of max(0, margin - x) where no.

    Args:
        margin: the required distance, above 0.

    Raises:
        UsageError E102: a margin that is not above 0.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.hinge_embedding(cr.constant([[0.2, 0.6]]), [[1.0, 0.0]])
        >>> round(float(cr.evaluate(loss, {})), 6)
        0.3
    """

    name = "hinge_embedding"
    pytorch = "HingeEmbeddingLoss"
    chinese: ClassVar = ("合页嵌入损失", "同类的距离应小，异类的距离应超过间隔。")
    margin: float = 1.0

    def check(self) -> None:
        require_number(self, "margin", above=0)

    def terms(self, output: Node, target: Node) -> Node:
        return F.where(target > 0.0, output, F.relu(self.margin - output))


@frozen
class CategoricalHinge(OneClass):
    """Hinge loss of the true class and the best other class.

    Shapes: output (B, ..., K), target (B, ...) integers 0 .. K-1 -> (B,).

    Formula: J^(i) = max(0, 1 - z_y + max(0, max_(k != y) z_k)).

    Example:
        >>> import chainrule as cr
        >>> loss = cr.categorical_hinge(cr.constant([[2.0, 1.5, 0.0]]), [0])
        >>> round(float(cr.evaluate(loss, {})), 6)
        0.5

    Reference: as in Keras, where the true class is a 0 among the others. Crammer and Singer (2001), On the
    algorithmic implementation of multiclass kernel-based vector machines (JMLR 2), without it.
    """

    name = "categorical_hinge"
    keras = "CategoricalHinge"
    chinese: ClassVar = ("多类合页损失", "正确类别的得分应比其余最高者至少大 1。")

    def of_class(self, output: Node, hot: Node) -> Node:
        others = F.max(F.where(hot > 0.5, 0.0, output), -1)
        return self.weighted(F.relu(others - right(output, hot) + 1.0), hot)


@frozen
class MultiMargin(OneClass):
    """Hinge loss of the true class and each other class.

    Shapes: output (B, ..., K), target (B, ...) integers 0 .. K-1 -> (B,).

    Formula: J^(i) = 1/K sum_(k != y) max(0, margin - z_y + z_k)^p.

    Args:
        margin: the required difference, above 0.
        p: 1 or 2.
        class_weight: a factor for each class; as in PyTorch, the mean does not divide by it.

    Raises:
        UsageError E102: a setting out of its range.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.multi_margin(cr.constant([[2.0, 1.5, 0.0]]), [0])
        >>> round(float(cr.evaluate(loss, {})), 6)
        0.166667

    Reference: Weston and Watkins (1999), Support vector machines for multi-class pattern recognition (ESANN).
    """

    name = "multi_margin"
    pytorch = "MultiMarginLoss"
    divides: ClassVar[bool] = False
    chinese: ClassVar = ("多类间隔损失", "正确类别的得分应比其余每一类都大出间隔。")
    _: KW_ONLY
    margin: float = 1.0
    p: int = 1

    def check(self) -> None:
        require_number(self, "margin", above=0)
        require_integer(self, "p", 1, 2)
        super().check()

    def of_class(self, output: Node, hot: Node) -> Node:
        own = F.sum(output * hot, -1, True)  # (B, ..., K) -> (B, ..., 1)
        missing = F.relu(output - own + self.margin) * (1.0 - hot)
        losses = F.mean(missing if self.p == 1 else F.square(missing), -1)
        return self.weighted(losses, hot)


@frozen
class MultilabelMargin(Loss):
    """Hinge loss of every class that a sample has and every class that it does not have.

    Shapes: output (B, K), target the same, yes and no for each class -> (B,).

    Formula: J^(i) = 1/K sum_(j yes) sum_(k no) max(0, 1 - z_j + z_k).

    Cost: K^2 comparisons per sample.

    Raises:
        ShapeError E208: the output is not (B, K).

    Example:
        >>> import chainrule as cr
        >>> loss = cr.multilabel_margin(cr.constant([[2.0, 1.5, 0.0]]), [[1.0, 0.0, 0.0]])
        >>> round(float(cr.evaluate(loss, {})), 6)
        0.166667

    Reference: PyTorch's ``MultiLabelMarginLoss``, whose target lists the classes and ends in -1.
    """

    name = "multilabel_margin"
    task = "classification"
    wants = "logits"
    joins = "sum"
    pytorch = "MultiLabelMarginLoss"
    chinese: ClassVar = ("多标签间隔损失", "样本具有的每个类别的得分应比不具有的至少大 1。")

    def target(self, output: Spec) -> Spec:
        holds = output.rank == 2 and isinstance(output.shape[1], int)
        require_shape(self, output, "(B, K)", holds, fact("cr.Flatten() before the last layer"))
        return output

    def terms(self, output: Node, target: Node) -> Node:  # (B, K) -> (B, K, K)
        yes = F.where(target > 0.0, F.full_like(target, 1.0), 0.0)
        missing = F.relu(1.0 - output[:, :, None] + output[:, None, :])
        (classes,) = bound(output.shape[1:])
        return missing * yes[:, :, None] * (1.0 - yes[:, None, :]) / float(classes)

    def prediction(self, output: Node) -> Node:
        return F.sigmoid(output)

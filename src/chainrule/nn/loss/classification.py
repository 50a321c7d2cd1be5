"""Losses of classification: the target is a class, the output holds scores (logits), not probabilities.

Why logits: computing a probability and then its logarithm loses the digits in between. A sigmoid of 40 is 1
in any dtype, and the logarithm of 1 - 1 is minus infinity. Combined, the two steps are ``softplus`` and
``log_softmax``, which are accurate everywhere. So a classifier's network ends without an activation; the loss
converts its scores to probabilities (``prediction``) for output.
"""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import ClassVar

from chainrule.graph import Node
from chainrule.nn.loss.class_targets import OneClass, Weights, known_weights, right, weights_node
from chainrule.nn.loss.loss import Loss
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.symbolic_shape import Spec, bound
from chainrule.validation import require_number

_NEVER_ZERO = 1e-30  # a power of 0 between 0 and 1 has an infinite slope


@frozen
class BinaryCrossEntropy(Loss):
    """Minus the log-probability of yes or no, from one score (logit) for each binary label.

    Shapes: output (B,), (B, 1) or (B, O), target the same, between 0 and 1 -> (B,), averaged over the
    labels.

    Formula: J^(i) = 1/O sum_o w_o [-q y log p - (1 - y) log(1 - p)] with p = sigmoid(z), computed for q = 1
    as softplus(z) - y z; its gradient by z is (p - y)/O. Smoothing makes y (1 - s) + s/2 of y.

    Args:
        label_smoothing: s, 0 <= s < 1: how far targets are moved towards one half.
        positive_weight: q, above 0: the weight of a yes relative to a no; one number, or one for each
            label.
        class_weight: w, the weight of each label; ``None``: all weights are 1.

    Numerics: never overflows, and is smooth at z = 0, where max(z, 0) - y z + log(1 + e^(-|z|)) has the same
    value but a corner in each of its terms, so that automatic differentiation would be wrong there.

    Raises:
        UsageError E102: a setting out of its range, or a wrong number of weights.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.binary_cross_entropy(cr.constant([[2.0, -1.0]]), [[1.0, 0.0]])
        >>> round(float(cr.evaluate(loss, {})), 6)
        0.220095

    Reference: PyTorch's ``BCEWithLogitsLoss``, and with several questions its ``MultiLabelSoftMarginLoss``.
    """

    name = "binary_cross_entropy"
    task = "classification"
    wants = "logits"
    pytorch = "BCEWithLogitsLoss"
    keras = "BinaryCrossentropy"
    chinese: ClassVar = ("二元交叉熵", "是或否的负对数概率，由一个未规范化的预测得到。")
    _: KW_ONLY
    label_smoothing: float = 0.0
    positive_weight: float | tuple[float, ...] = 1.0
    class_weight: Weights = None

    def check(self) -> None:
        require_number(self, "label_smoothing", minimum=0, below=1)
        if isinstance(self.positive_weight, tuple | list):
            known_weights(self, name="positive_weight")
        else:
            require_number(self, "positive_weight", above=0)
        known_weights(self)

    def target(self, output: Spec) -> Spec:
        known_weights(self, output.shape[-1])
        if isinstance(self.positive_weight, tuple):
            known_weights(self, output.shape[-1], "positive_weight")
        return output

    def terms(self, output: Node, target: Node) -> Node:
        y = smoothed(target, self.label_smoothing)
        if self.positive_weight == 1:
            losses = F.softplus(output) - output * y
        else:
            q = self.positive_weight
            more = weights_node(self, output.dtype, "positive_weight") if isinstance(q, tuple) else q
            yes = y * (more - 1.0) + 1.0
            losses = (1.0 - y) * output + yes * F.softplus(-output)
        return losses if self.class_weight is None else losses * weights_node(self, output.dtype)

    def prediction(self, output: Node) -> Node:
        return F.sigmoid(output)


@frozen
class BinaryFocal(Loss):
    """Binary cross-entropy with a small weight for well-classified samples: for rare positives.

    Shapes: output (B,), (B, 1) or (B, O), target the same, between 0 and 1 -> (B,).

    Formula: J^(i) = 1/O sum_o a q^gamma (-y log p - (1 - y) log(1 - p)), with p = sigmoid(z), q = y (1 - p) +
    (1 - y) p the probability of the wrong class, and a = y alpha + (1 - y) (1 - alpha), or 1 without alpha.

    Args:
        gamma: how strongly well-classified samples are down-weighted, at least 0; with 0 it is cross-entropy.
        alpha: the weight of yes, between 0 and 1; ``None``: yes and no have the same weight.
        label_smoothing: 0 <= s < 1: how far targets are moved towards one half.

    Raises:
        UsageError E102: a setting out of its range.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.binary_focal(cr.constant([[2.0, -1.0]]), [[1.0, 0.0]])
        >>> round(float(cr.evaluate(loss, {})), 6)
        0.012231

    Reference: Lin, Goyal, Girshick, He and Dollár (2017), Focal loss for dense object detection (ICCV).
    """

    name = "binary_focal"
    task = "classification"
    wants = "logits"
    keras = "BinaryFocalCrossentropy"
    chinese: ClassVar = ("二元焦点损失", "压低易分样本权重的二元交叉熵，适合正例稀少的情形。")
    _: KW_ONLY
    gamma: float = 2.0
    alpha: float | None = None
    label_smoothing: float = 0.0

    def check(self) -> None:
        require_number(self, "gamma", minimum=0)
        require_number(self, "label_smoothing", minimum=0, below=1)
        if self.alpha is not None:
            require_number(self, "alpha", minimum=0, maximum=1)

    def terms(self, output: Node, target: Node) -> Node:
        y = smoothed(target, self.label_smoothing)
        sigmoid = F.sigmoid
        wrong = y * sigmoid(-output) + (1.0 - y) * sigmoid(output)
        losses = focus(wrong, self.gamma, F.softplus(output) - output * y)
        if self.alpha is None:
            return losses
        return losses * (y * self.alpha + (1.0 - y) * (1.0 - self.alpha))

    def prediction(self, output: Node) -> Node:
        return F.sigmoid(output)


@frozen
class CrossEntropy(OneClass):
    """Minus the log-probability of the true class, from scores (logits) of K classes.

    Shapes: output (B, K), target (B,) integers 0 .. K-1 -> (B,). With axes in between, output (B, T, K)
    or (B, H, W, K), target (B, T) or (B, H, W): the mean over the positions.

    Formula: J^(i) = -sum_k w_k t_k log softmax(z)_k with t = (1 - s) onehot(y) + s/K; for w = 1 the gradient
    by z is softmax(z) - t.

    Args:
        label_smoothing: s, 0 <= s < 1: how much of the probability is spread over all classes, which keeps
            scores bounded.
        class_weight, ignore_index: see ``OneClass``.

    Numerics: computed from scores, never from probabilities, so no logarithm of 0 can occur.

    Raises:
        ShapeError E208: the output is not (B, ..., K).
        UsageError E102: a setting out of its range.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.cross_entropy(cr.constant([[2.0, 1.0, 0.0]]), [0])
        >>> round(float(cr.evaluate(loss, {})), 6)
        0.407606

    Reference: Szegedy, Vanhoucke, Ioffe, Shlens and Wojna (2016), Rethinking the Inception architecture
    (CVPR).
    """

    name = "cross_entropy"
    pytorch = "CrossEntropyLoss"
    keras = "SparseCategoricalCrossentropy"
    chinese: ClassVar = ("交叉熵", "正确类别的负对数概率，由 K 个未规范化的预测得到。")
    _: KW_ONLY
    label_smoothing: float = 0.0

    def check(self) -> None:
        require_number(self, "label_smoothing", minimum=0, below=1)
        super().check()

    def of_class(self, output: Node, hot: Node) -> Node:
        log_p, s = F.log_softmax(output), self.label_smoothing
        if not s:
            return -self.weighted(right(log_p, hot), hot)
        t = hot * (1.0 - s) + s / bound(output.shape[-1:])[0]
        return -F.sum(log_p * (t if self.class_weight is None else t * weights_node(self, t.dtype)), -1)


@frozen
class NLL(OneClass):
    """Minus the log-probability of the true class, for a network that ends in log-probabilities.

    Shapes: output (B, ..., K), target (B, ...) integers 0 .. K-1 -> (B,).

    Formula: J^(i) = -w_y yhat_y.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.nll(cr.constant([[-0.5, -1.0]]), [1])
        >>> round(float(cr.evaluate(loss, {})), 6)
        1.0

    Reference: PyTorch's ``NLLLoss``; ``cross_entropy`` is this after ``log_softmax``.
    """

    name = "nll"
    wants = "log-probabilities"
    pytorch = "NLLLoss"
    chinese: ClassVar = ("负对数似然", "正确类别的负对数概率，网络已给出对数概率。")

    def of_class(self, output: Node, hot: Node) -> Node:
        return -self.weighted(right(output, hot), hot)

    def prediction(self, output: Node) -> Node:
        return F.exp(output)


@frozen
class SoftCrossEntropy(Loss):
    """Cross-entropy for targets that are probabilities: mixed images, a teacher's predictions, votes.

    Shapes: output (B, ..., K), target the same -> (B,), the mean over the positions in between.

    Formula: J^(i) = -sum_k w_k t_k log softmax(z)_k with t = (1 - s) y + s/K; for w = 1 and s = 0 the
    gradient by z is softmax(z) - y where sum_k y_k = 1.

    Args:
        label_smoothing: s, 0 <= s < 1: how much of the probability is spread over all classes.
        class_weight: w, the weight of each class, K numbers; ``None``: all weights are 1.

    Raises:
        UsageError E102: a setting out of its range, or a wrong number of weights.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.soft_cross_entropy(cr.constant([[2.0, 1.0]]), [[0.7, 0.3]])
        >>> round(float(cr.evaluate(loss, {})), 6)
        0.613262

    Reference: Keras's ``CategoricalCrossentropy``, and PyTorch's ``CrossEntropyLoss`` given probabilities.
    """

    name = "soft_cross_entropy"
    task = "classification"
    wants = "logits"
    keras = "CategoricalCrossentropy"
    chinese: ClassVar = ("软标签交叉熵", "目标本身是概率分布的交叉熵。")
    _: KW_ONLY
    label_smoothing: float = 0.0
    class_weight: Weights = None

    def check(self) -> None:
        require_number(self, "label_smoothing", minimum=0, below=1)
        known_weights(self)

    def target(self, output: Spec) -> Spec:
        known_weights(self, output.shape[-1])
        return output

    def terms(self, output: Node, target: Node) -> Node:
        s = self.label_smoothing
        t = target * (1.0 - s) + s / bound(output.shape[-1:])[0] if s else target
        t = t if self.class_weight is None else t * weights_node(self, t.dtype)
        return -F.sum(F.log_softmax(output) * t, -1)

    def prediction(self, output: Node) -> Node:
        return F.softmax(output)


@frozen
class CategoricalFocal(OneClass):
    """Cross-entropy with a small weight for well-classified samples: for rare classes.

    Shapes: output (B, ..., K), target (B, ...) integers 0 .. K-1 -> (B,).

    Formula: J^(i) = -alpha (1 - p_y)^gamma log p_y, with p = softmax(z).

    Args:
        gamma: how strongly well-classified samples are down-weighted, at least 0; with 0 it is cross-entropy.
        alpha: a factor, above 0; ``class_weight`` sets one for each class.

    Raises:
        UsageError E102: a setting out of its range.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.categorical_focal(cr.constant([[2.0, 1.0, 0.0]]), [0])
        >>> round(float(cr.evaluate(loss, {})), 6)
        0.011419

    Reference: Lin, Goyal, Girshick, He and Dollár (2017), Focal loss for dense object detection (ICCV).
    """

    name = "categorical_focal"
    keras = "CategoricalFocalCrossentropy"
    chinese: ClassVar = ("多类焦点损失", "压低易分样本权重的交叉熵，适合类别不平衡。")
    _: KW_ONLY
    gamma: float = 2.0
    alpha: float = 0.25

    def check(self) -> None:
        require_number(self, "gamma", minimum=0)
        require_number(self, "alpha", above=0)
        super().check()

    def of_class(self, output: Node, hot: Node) -> Node:
        log_p = right(F.log_softmax(output), hot)
        return self.weighted(focus(1.0 - F.exp(log_p), self.gamma, -log_p) * self.alpha, hot)


@frozen
class GeneralizedCrossEntropy(OneClass):
    """Between cross-entropy (q near 0) and the absolute error (q = 1): robust against wrong labels.

    Shapes: output (B, ..., K), target (B, ...) integers 0 .. K-1 -> (B,).

    Formula: J^(i) = (1 - p_y^q)/q, with p = softmax(z).

    Args:
        q: 0 < q <= 1; the larger, the smaller the weight of labels that the network considers impossible.

    Raises:
        UsageError E102: q out of its range.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.generalized_cross_entropy(cr.constant([[2.0, 1.0, 0.0]]), [0])
        >>> round(float(cr.evaluate(loss, {})), 6)
        0.368754

    Reference: Zhang and Sabuncu (2018), Generalized cross entropy loss for training deep neural networks with
    noisy labels (NeurIPS).
    """

    name = "generalized_cross_entropy"
    keras = "CategoricalGeneralizedCrossEntropy"
    chinese: ClassVar = ("广义交叉熵", "介于交叉熵与绝对误差之间，对错误标签稳健。")
    q: float = 0.5

    def check(self) -> None:
        require_number(self, "q", above=0, maximum=1)
        super().check()

    def of_class(self, output: Node, hot: Node) -> Node:
        log_p = right(F.log_softmax(output), hot)
        return self.weighted((1.0 - F.exp(log_p * self.q)) / self.q, hot)


def smoothed(target: Node, s: float) -> Node:
    """Return targets moved towards one half."""
    return target * (1.0 - s) + s / 2.0 if s else target


def focus(wrong: Node, gamma: float, loss: Node) -> Node:
    """Return the loss times the probability of the wrong class, raised to gamma."""
    if not gamma:
        return loss
    return F.power(F.maximum(wrong, _NEVER_ZERO), float(gamma)) * loss

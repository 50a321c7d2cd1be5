"""Losses of classification for labels some of which are wrong.

Cross-entropy has no upper limit: a label that the network considers impossible has the largest gradient, so a
network that is trained long enough reproduces wrong labels. These losses limit the effect of such a label.
``GeneralizedCrossEntropy`` is another one. docs/label-noise.md compares them.
"""

from __future__ import annotations

from typing import ClassVar

from chainrule.errors import fact
from chainrule.graph import Node
from chainrule.nn.loss.class_targets import OneClass, right
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.validation import require, require_number


@frozen
class SymmetricCrossEntropy(OneClass):
    """Cross-entropy plus its reverse, which is bounded: robust against wrong labels.

    Shapes: output (B, ..., K), target (B, ...) integers 0 .. K-1 -> (B,).

    Formula: J^(i) = -alpha log p_y - beta A (1 - p_y), with p = softmax(z). The second part is the reverse
    cross-entropy -sum_k p_k log t_k, with A in place of log 0.

    Args:
        alpha: the weight of cross-entropy, at least 0; it helps the network to converge.
        beta: the weight of the reverse cross-entropy, at least 0.
        log_zero: A, below 0: the logarithm of a probability of 0.

    Raises:
        UsageError E102: a setting out of its range.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.symmetric_cross_entropy(cr.constant([[2.0, 1.0, 0.0]]), [0])
        >>> round(float(cr.evaluate(loss, {})), 6)
        1.379797

    Reference: Wang, Ma, Chen, Luo, Yi and Bailey (2019), Symmetric cross entropy for robust learning with
    noisy labels (ICCV).
    """

    name = "symmetric_cross_entropy"
    chinese: ClassVar = ("对称交叉熵", "交叉熵加上有界的反向交叉熵，对错误标签稳健。")
    alpha: float = 0.1
    beta: float = 1.0
    log_zero: float = -4.0

    def check(self) -> None:
        require_number(self, "alpha", minimum=0)
        require_number(self, "beta", minimum=0)
        require_number(self, "log_zero", below=0)
        super().check()

    def of_class(self, output: Node, hot: Node) -> Node:
        log_p = right(F.log_softmax(output), hot)
        reverse = (1.0 - F.exp(log_p)) * (-self.log_zero)
        return self.weighted(reverse * self.beta - log_p * self.alpha, hot)


@frozen
class Bootstrapping(OneClass):
    """Cross-entropy with targets that are partly the network's own predictions: robust against wrong labels.

    Shapes: output (B, ..., K), target (B, ...) integers 0 .. K-1 -> (B,).

    Formula: J^(i) = -beta log p_y - (1 - beta) log max_k p_k (hard), or -beta log p_y - (1 - beta) sum_k p_k
    log p_k (soft), with p = softmax(z).

    Args:
        beta: the weight of the label, between 0 and 1; the rest is that of the prediction. The paper has 0.8
            for hard and 0.95 for soft.
        hard: whether the prediction is the most probable class, or all probabilities.

    Raises:
        UsageError E102: a setting out of its range.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.bootstrapping(cr.constant([[2.0, 1.0, 0.0]]), [1])
        >>> round(float(cr.evaluate(loss, {})), 6)
        1.207606

    Reference: Reed, Lee, Anguelov, Szegedy, Erhan and Rabinovich (2015), Training deep neural networks on
    noisy labels with bootstrapping (ICLR workshop).
    """

    name = "bootstrapping"
    chinese: ClassVar = ("自举损失", "目标部分取自网络自身预测的交叉熵，对错误标签稳健。")
    beta: float = 0.8
    hard: bool = True

    def check(self) -> None:
        require_number(self, "beta", minimum=0, maximum=1)
        require(self, "hard", isinstance(self.hard, bool), fact("True or False"))
        super().check()

    def of_class(self, output: Node, hot: Node) -> Node:
        log_p = F.log_softmax(output)
        own = F.max(log_p, -1) if self.hard else F.sum(F.exp(log_p) * log_p, -1)
        return self.weighted(-(right(log_p, hot) * self.beta + own * (1.0 - self.beta)), hot)

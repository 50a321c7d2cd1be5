"""Losses that are minus the log-likelihood of a distribution with more than one parameter or outcome.

The network gives a distribution (its mean, its mean and variance, its probabilities); the loss measures how
unlikely the target is under it. For a quantity that must be positive the network gives its logarithm, which
may be any number.
"""

from __future__ import annotations

import math
from dataclasses import KW_ONLY
from typing import ClassVar

from chainrule.errors import fact
from chainrule.graph import Node
from chainrule.nn.loss.loss import Loss, require_shape
from chainrule.ops import functional as F
from chainrule.ops.array.slicing import slice_axis
from chainrule.records import frozen
from chainrule.symbolic_shape import Spec
from chainrule.validation import require_number


@frozen
class Poisson(Loss):
    """For targets that count events: minus the log-probability under a Poisson distribution.

    Shapes: output (B, O), target the same, not negative -> (B,).

    Formula: with rate r = exp(yhat), or r = yhat: J^(i) = 1/O sum_o r_o - y_o log r_o, and with ``full`` also
    Stirling's y log y - y + log(2 pi y)/2 for log y! where y > 1, which has no gradient.

    Args:
        log_input: whether the network gives the logarithm of the rate, which may be any number.
        full: whether the term that depends on the target alone is added.
        epsilon: added to a rate before its logarithm is computed, above 0.

    Raises:
        UsageError E102: epsilon is not above 0.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.poisson(cr.constant([[0.5]]), [[2.0]])
        >>> round(float(cr.evaluate(loss, {})), 6)
        0.648721

    Reference: PyTorch's ``PoissonNLLLoss``; Keras's ``Poisson`` is ``log_input=False, epsilon=1e-7``.
    """

    name = "poisson"
    pytorch = "PoissonNLLLoss"
    keras = "Poisson"
    chinese: ClassVar = ("泊松损失", "计数目标在泊松分布下的负对数似然。")
    _: KW_ONLY
    log_input: bool = True
    full: bool = False
    epsilon: float = 1e-8

    def check(self) -> None:
        require_number(self, "epsilon", above=0)

    def terms(self, output: Node, target: Node) -> Node:
        log, where = F.log, F.where
        rate = F.exp(output) if self.log_input else output
        log_rate = output if self.log_input else log(output + self.epsilon)
        unlikely = rate - target * log_rate
        if not self.full:
            return unlikely
        y = where(target > 1.0, target, 1.0)
        return unlikely + where(target > 1.0, y * log(y) - y + log(y * (2.0 * math.pi)) / 2.0, 0.0)

    def prediction(self, output: Node) -> Node:
        return F.exp(output) if self.log_input else output


@frozen
class GaussianNLL(Loss):
    """For a network that also predicts its uncertainty: minus the log-likelihood of a normal distribution.

    Shapes: output (B, 2 O), first the O means m, then the O variances v; target (B, O) -> (B,).

    Formula: J^(i) = 1/O sum_o (log v_o + (m_o - y_o)^2 / v_o) / 2, with ``full`` plus log(2 pi)/2.

    Args:
        log_variance: whether the network gives the logarithm of v, which may be any number.
        full: whether the constant is added.
        epsilon: the minimum variance, if the network gives the variance itself, above 0.

    Raises:
        ShapeError E208: the output is not (B, 2 O).
        UsageError E102: epsilon is not above 0.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.gaussian_nll(cr.constant([[1.0, 0.0]]), [[3.0]])
        >>> round(float(cr.evaluate(loss, {})), 6)
        2.0

    Reference: Nix and Weigend (1994), Estimating the mean and variance of the target probability distribution
    (ICNN). PyTorch takes the variance as a third argument.
    """

    name = "gaussian_nll"
    pytorch = "GaussianNLLLoss"
    chinese: ClassVar = ("高斯负对数似然", "网络同时给出均值与方差，目标在该正态分布下的负对数似然。")
    _: KW_ONLY
    log_variance: bool = True
    full: bool = False
    epsilon: float = 1e-6

    def check(self) -> None:
        require_number(self, "epsilon", above=0)

    def target(self, output: Spec) -> Spec:
        last = output.shape[-1] if output.rank >= 2 else 0
        holds = isinstance(last, int) and last > 0 and last % 2 == 0
        require_shape(
            self, output, "(B, 2 O)", holds, fact("cr.Dense(2) as the last layer: mean and log-variance")
        )
        assert isinstance(last, int)
        return output.with_shape((*output.shape[:-1], last // 2))

    def terms(self, output: Node, target: Node) -> Node:  # (B, 2 O) -> (B, O)
        last = target.shape[-1]
        mean = self.prediction(output)
        raw = slice_axis(output, output.rank - 1, last, last * 2)
        square = F.square(mean - target)
        if self.log_variance:
            unlikely = (raw + square * F.exp(-raw)) / 2.0
        else:
            # The gradient ignores the floor, as in PyTorch: a variance below it can still grow.
            lift = F.stop_gradient(F.relu(self.epsilon - raw))
            variance = raw + lift
            unlikely = (F.log(variance) + square / variance) / 2.0
        return unlikely + math.log(2.0 * math.pi) / 2.0 if self.full else unlikely

    def prediction(self, output: Node) -> Node:  # the means: (B, 2 O) -> (B, O)
        last = output.shape[-1]
        return slice_axis(output, output.rank - 1, 0, last // 2)


@frozen
class KLDivergence(Loss):
    """The divergence of the network's probabilities from the target's: 0 only if they are equal.

    Shapes: output (B, K), log-probabilities; target the same, probabilities -> (B,).

    Formula: J^(i) = sum_k y_k (log y_k - yhat_k), with 0 log 0 = 0.

    Args:
        log_target: whether the target too consists of log-probabilities.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.kl_divergence(cr.constant([[-0.5, -1.0]]), [[0.5, 0.5]])
        >>> round(float(cr.evaluate(loss, {})), 6)
        0.056853

    Reference: Kullback and Leibler (1951), On information and sufficiency (Annals of Mathematical Statistics
    22). PyTorch's ``KLDivLoss(reduction="batchmean")``; Keras takes probabilities on both sides.
    """

    name = "kl_divergence"
    task = "classification"
    wants = "log-probabilities"
    joins = "sum"
    pytorch = "KLDivLoss"
    keras = "KLDivergence"
    chinese: ClassVar = ("KL 散度", "网络给出的概率与期望概率之间的差异。")
    _: KW_ONLY
    log_target: bool = False

    def terms(self, output: Node, target: Node) -> Node:
        if self.log_target:
            return F.exp(target) * (target - output)
        y = F.where(target > 0.0, target, 1.0)
        return F.where(target > 0.0, y * F.log(y), 0.0) - target * output

    def prediction(self, output: Node) -> Node:
        return F.exp(output)

"""Losses of regression: the target is a number, or several."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY
from typing import ClassVar

import numpy as np

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node, constant
from chainrule.nn.loss.loss import Loss, cosine, require_shape
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.symbolic_shape import Spec, shape_text
from chainrule.validation import require, require_number, tupled

_SMALLEST = 1e-7  # the minimum of divisors and of arguments of a logarithm, as in Keras


@frozen
class HalfMSE(Loss):
    """Half the squared error: the article's J = 1/(2n) sum (yhat - y)^2, whose gradient is the error itself.

    Shapes: output (B, O), target the same -> (B,); the squares of several outputs are added.

    Formula: J^(i) = 1/2 sum_o (yhat_o - y_o)^2; the gradient by yhat is yhat - y.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.half_mse(cr.constant([[0.5, 3.0]]), [[0.0, 1.0]])
        >>> round(float(cr.evaluate(loss, {})), 6)
        2.125
    """

    name = "half_mse"
    joins = "sum"
    chinese: ClassVar = ("半均方误差", "误差平方的一半，对输出的梯度就是误差本身。")

    def terms(self, output: Node, target: Node) -> Node:
        return F.square(output - target) / 2.0


@frozen
class MSE(Loss):
    """The squared error, averaged over the outputs: large errors have a far larger weight than small ones.

    Shapes: output (B, O), target the same -> (B,).

    Formula: J^(i) = 1/O sum_o (yhat_o - y_o)^2.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.mse(cr.constant([[0.5, 3.0]]), [[0.0, 1.0]])
        >>> round(float(cr.evaluate(loss, {})), 6)
        2.125

    Reference: equal to PyTorch's ``MSELoss``, the mean over all elements. ``half_mse`` is O/2 times this.
    """

    name = "mse"
    pytorch = "MSELoss"
    keras = "MeanSquaredError"
    chinese: ClassVar = ("均方误差", "误差的平方的平均：大误差远比小误差重要。")

    def terms(self, output: Node, target: Node) -> Node:
        return F.square(output - target)


@frozen
class MAE(Loss):
    """The absolute error, averaged over the outputs: linear in the error, so outliers have less influence.

    Shapes: output (B, O), target the same -> (B,).

    Formula: J^(i) = 1/O sum_o |yhat_o - y_o|.

    Numerics: the slope where the error is exactly 0 is taken as 0.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.mae(cr.constant([[0.5, 3.0]]), [[0.0, 1.0]])
        >>> round(float(cr.evaluate(loss, {})), 6)
        1.25
    """

    name = "mae"
    pytorch = "L1Loss"
    keras = "MeanAbsoluteError"
    chinese: ClassVar = ("平均绝对误差", "误差绝对值的平均：离群点的影响较小。")

    def terms(self, output: Node, target: Node) -> Node:
        return F.abs(output - target)


@frozen
class Huber(Loss):
    """Squared for small errors, absolute for large ones: smooth at 0 and robust against outliers.

    Shapes: output (B, O), target the same -> (B,).

    Formula: with d = yhat - y and c = d cut to [-delta, delta]: J^(i) = 1/O sum_o c (d - c/2), which is d^2/2
    up to delta and delta (|d| - delta/2) beyond; the gradient by yhat is c/O.

    Args:
        delta: where the quadratic part ends, above 0, in the target's unit.

    Raises:
        UsageError E102: delta is not above 0.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.huber(cr.constant([[0.5, 3.0]]), [[0.0, 1.0]])
        >>> round(float(cr.evaluate(loss, {})), 6)
        0.8125

    Reference: Huber (1964), Robust estimation of a location parameter (Annals of Mathematical Statistics 35).
    """

    name = "huber"
    pytorch = "HuberLoss"
    keras = "Huber"
    chinese: ClassVar = ("Huber 损失", "小误差取平方，大误差取绝对值。")
    delta: float = 1.0

    def check(self) -> None:
        require_number(self, "delta", above=0)

    def terms(self, output: Node, target: Node) -> Node:
        d = output - target
        c = F.clip(d, -self.delta, self.delta)
        return c * (d - c / 2.0)


@frozen
class Quantile(Loss):
    """The error of a quantile (pinball loss), averaged over the outputs: output o learns the quantile q_o.

    Shapes: output (B, O), target the same -> (B,); for several quantiles of one value, the target repeats it.

    Formula: J^(i) = 1/O sum_o max(q_o d_o, (q_o - 1) d_o) with d = y - yhat; the gradient by yhat is -q_o/O
    where the target is larger, (1 - q_o)/O where it is smaller.

    Args:
        levels: q of each output, or one for all, each between 0 and 1. With 0.5 the loss is half of ``mae``.

    Raises:
        UsageError E102: a level is not between 0 and 1. ShapeError E208: another number of outputs.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.quantile(cr.constant([[1.0, 1.0]]), [[2.0, 2.0]], levels=(0.1, 0.9))
        >>> round(float(cr.evaluate(loss, {})), 6)
        0.5

    Reference: Koenker and Bassett (1978), Regression quantiles (Econometrica 46).
    """

    name = "quantile"
    chinese: ClassVar = ("分位数损失", "分位数的误差（pinball 损失）：第 o 个输出学到分位数 q_o。")
    _: KW_ONLY
    levels: tuple[float, ...] = (0.5,)

    def check(self) -> None:
        object.__setattr__(self, "levels", tupled(self.levels))
        are_levels = isinstance(self.levels, tuple) and len(self.levels) > 0
        fits = are_levels and all(isinstance(q, int | float) and 0 < q < 1 for q in self.levels)
        require(self, "levels", fits, fact("numbers between 0 and 1"), "levels=(0.05, 0.95)")

    def terms(self, output: Node, target: Node) -> Node:
        if len(self.levels) > 1 and output.shape[-1] != len(self.levels):
            expected = shape_text((*output.shape[:-1], len(self.levels)))
            constraint = fact("a level for each output")
            received = shape_text(output.shape)
            fix = f"Dense({len(self.levels)})"
            raise ShapeError(
                "E208", op=self.name, constraint=constraint, expected=expected, received=received, fix=fix
            )
        d = target - output
        return d * constant(np.asarray(self.levels, output.dtype)) + F.relu(-d)


@frozen
class SmoothL1(Loss):
    """``huber`` divided by its delta, so that its slope for large errors is always 1.

    Shapes: output (B, O), target the same -> (B,).

    Formula: J^(i) = 1/O sum_o huber_beta(yhat_o - y_o) / beta: d^2/(2 beta) up to beta, |d| - beta/2 beyond.

    Args:
        beta: where the quadratic part ends, above 0, in the target's unit.

    Raises:
        UsageError E102: beta is not above 0.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.smooth_l1(cr.constant([[0.5, 3.0]]), [[0.0, 1.0]], beta=0.5)
        >>> round(float(cr.evaluate(loss, {})), 6)
        1.0

    Reference: Girshick (2015), Fast R-CNN (ICCV).
    """

    name = "smooth_l1"
    pytorch = "SmoothL1Loss"
    chinese: ClassVar = ("平滑 L1 损失", "Huber 损失除以转折点，远处斜率恒为 1。")
    _: KW_ONLY
    beta: float = 1.0

    def check(self) -> None:
        require_number(self, "beta", above=0)

    def terms(self, output: Node, target: Node) -> Node:
        return Huber(self.beta).terms(output, target) / self.beta


@frozen
class LogCosh(Loss):
    """The logarithm of the hyperbolic cosine of the error: like ``huber``, but smooth everywhere.

    Shapes: output (B, O), target the same -> (B,).

    Formula: J^(i) = 1/O sum_o log cosh(d_o), d = yhat - y, computed as d + softplus(-2 d) - log 2; the
    gradient by yhat is tanh(d)/O.

    Numerics: never overflows; a d below 1e-8 gives 0, since its square is lost next to log 2.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.log_cosh(cr.constant([[0.5, 3.0]]), [[0.0, 1.0]])
        >>> round(float(cr.evaluate(loss, {})), 6)
        0.722559
    """

    name = "log_cosh"
    keras = "LogCosh"
    chinese: ClassVar = ("对数双曲余弦损失", "误差的双曲余弦的对数，处处光滑。")

    def terms(self, output: Node, target: Node) -> Node:
        d = output - target
        return d + F.softplus(d * -2.0) - math.log(2.0)


@frozen
class MAPE(Loss):
    """The absolute error in percent of the target, averaged over the outputs.

    Shapes: output (B, O), target the same -> (B,).

    Formula: J^(i) = 100/O sum_o |yhat_o - y_o| / max(|y_o|, 1e-7).

    Numerics: a target near 0 makes any error huge; ``mae`` or ``smooth_l1`` is better there.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.mape(cr.constant([[0.5, 3.0]]), [[1.0, 2.0]])
        >>> round(float(cr.evaluate(loss, {})), 6)
        50.0
    """

    name = "mape"
    keras = "MeanAbsolutePercentageError"
    chinese: ClassVar = ("平均绝对百分比误差", "绝对误差占目标的百分比的平均。")

    def terms(self, output: Node, target: Node) -> Node:
        size = F.maximum(F.abs(target), _SMALLEST)
        return F.abs(output - target) / size * 100.0


@frozen
class MSLE(Loss):
    """The squared difference of logarithms: a factor of 2 costs the same for small and large targets.

    Shapes: output (B, O), target the same, none of them negative -> (B,).

    Formula: J^(i) = 1/O sum_o (log(1 + yhat_o) - log(1 + y_o))^2; values below 1e-7 are replaced by 1e-7.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.msle(cr.constant([[0.5, 3.0]]), [[1.0, 1.0]])
        >>> round(float(cr.evaluate(loss, {})), 6)
        0.281607
    """

    name = "msle"
    keras = "MeanSquaredLogarithmicError"
    chinese: ClassVar = ("均方对数误差", "对数之差的平方的平均：看的是比例。")

    def terms(self, output: Node, target: Node) -> Node:
        logs = [F.log(F.maximum(v, _SMALLEST) + 1.0) for v in (output, target)]
        return F.square(logs[0] - logs[1])


@frozen
class CosineLoss(Loss):
    """Minus the cosine of the angle between output and target: only the direction matters, not the length.

    Shapes: output (B, D), target the same -> (B,); with more axes the mean over the positions in between.

    Formula: J^(i) = -sum_d yhat_d y_d / (|yhat| |y|), from -1 (same direction) to 1 (opposite).

    Numerics: a length below 1e-6 is replaced by 1e-6, so a vector of zeros has cosine 0.

    Example:
        >>> import chainrule as cr
        >>> loss = cr.cosine_similarity(cr.constant([[3.0, 4.0]]), [[1.0, 0.0]])
        >>> round(float(cr.evaluate(loss, {})), 6)
        -0.6
    """

    name = "cosine_similarity"
    keras = "CosineSimilarity"
    chinese: ClassVar = ("余弦相似度损失", "输出与目标夹角余弦的相反数：只看方向。")

    def target(self, output: Spec) -> Spec:
        require_shape(self, output, "(B, D)", output.rank >= 2, fact("cr.Dense(8) as the last layer"))
        return output

    def terms(self, output: Node, target: Node) -> Node:  # (B, ..., D) -> (B, ...)
        return -cosine(output, target)

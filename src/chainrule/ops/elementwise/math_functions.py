"""Elementwise functions of one value: exp, log, sqrt, sin, cos and the basic activations."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from chainrule.errors import UsageError
from chainrule.ops.elementwise.elementwise import Elementwise
from chainrule.ops.operation_card import Flat, Sample, Says, card, draw
from chainrule.records import frozen


@card
class Exp(Elementwise):
    """The exponential function, e to the power of the value.

    Numerics: overflows to infinity above 88.7 (float32) or 709.7 (float64).
    """

    name = "exp"
    chinese = "指数函数"
    arguments = ("x",)
    formula = "exp(x)"
    pullbacks = {"x": "dy * y"}
    says = Says(
        "raises e to the value", "求 e 的幂", "multiplies the gradient by the result", "把梯度乘以自身的值"
    )

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.exp(x)


@card
class Log(Elementwise):
    """The natural logarithm.

    Numerics: minus infinity at 0, NaN below.
    """

    name = "log"
    chinese = "自然对数"
    arguments = ("x",)
    formula = "log(x)"
    pullbacks = {"x": "dy / x"}
    domain = ((0.2, 3.0),)
    says = Says(
        "takes the natural logarithm", "取自然对数", "divides the gradient by the input", "把梯度除以输入"
    )

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.log(x)


@card
class Sqrt(Elementwise):
    """The square root.

    Numerics: NaN below 0; the derivative at 0 is infinite.
    """

    name = "sqrt"
    chinese = "平方根"
    arguments = ("x",)
    formula = "sqrt(x)"
    pullbacks = {"x": "dy / (2 * y)"}
    domain = ((0.2, 3.0),)
    says = Says(
        "takes the square root", "开平方", "divides the gradient by twice the root", "把梯度除以两倍的平方根"
    )

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.sqrt(x)


@card
class Sin(Elementwise):
    """The sine of an angle in radians."""

    name = "sin"
    chinese = "正弦"
    arguments = ("x",)
    formula = "sin(x)"
    pullbacks = {"x": "dy * cos(x)"}
    says = Says("takes the sine", "取正弦", "multiplies the gradient by the cosine", "把梯度乘以余弦")

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.sin(x)


@card
class Cos(Elementwise):
    """The cosine of an angle in radians."""

    name = "cos"
    chinese = "余弦"
    arguments = ("x",)
    formula = "cos(x)"
    pullbacks = {"x": "-dy * sin(x)"}
    says = Says(
        "takes the cosine", "取余弦", "multiplies the gradient by minus the sine", "把梯度乘以负的正弦"
    )

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.cos(x)


@card
class Tanh(Elementwise):
    """The hyperbolic tangent, with values in (-1, 1).

    Numerics: saturates: the derivative is below 0.01 for \\|x\\| > 3.
    """

    name = "tanh"
    chinese = "双曲正切 (tanh)"
    arguments = ("x",)
    formula = "tanh(x)"
    pullbacks = {"x": "dy * (1 - y ^ 2)"}
    says = Says(
        "maps the value into (-1, 1)",
        "把数值映射到 (−1, 1)",
        "multiplies the gradient by 1 − tanh², at most 1",
        "按 1 − tanh² 缩小梯度，最多不变",
    )

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.tanh(x)


@card
class Sigmoid(Elementwise):
    """The logistic function 1/(1 + e^(-x)), with values in (0, 1).

    Numerics: computed from e^(-\\|x\\|), so it never overflows. The derivative y(1 - y) is at most 0.25, at x
        = 0, and below 0.01 for \\|x\\| > 4.6.
    """

    name = "sigmoid"
    chinese = "Sigmoid 函数"
    arguments = ("x",)
    formula = "1 / (1 + exp(-x))"
    pullbacks = {"x": "dy * y * (1 - y)"}
    says = Says(
        "maps the value into (0, 1)",
        "把数值映射到 (0, 1)",
        "multiplies the gradient by σ(1 − σ), at most a quarter",
        "按 σ(1 − σ) 缩小梯度，最多只剩四分之一",
    )

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        small = np.exp(-np.abs(x))
        return np.where(x >= 0, 1, small) / (1 + small)


@card
class Relu(Elementwise):
    """The value where it is positive, else 0: the rectified linear unit.

    Numerics: the derivative at x = 0 is defined as 0. NaN stays NaN.

    Reference: Nair and Hinton (2010), Rectified linear units improve restricted Boltzmann machines (ICML).
    """

    name = "relu"
    chinese = "修正线性单元 (ReLU)"
    arguments = ("x",)
    formula = "max(x, 0)"
    pullbacks = {"x": "where(x > 0, dy, 0)"}
    kinks = (0.0,)
    says = Says(
        "keeps positive values and makes the others 0",
        "保留正数，其余变为 0",
        "passes the gradient where the input was positive",
        "选通：输入为正处放行梯度，其余为 0",
    )

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.maximum(x, 0)


@card
class Softplus(Elementwise):
    """The softplus function log(1 + e^x), a smooth relu.

    Numerics: computed as max(x, 0) + log(1 + e^(-\\|x\\|)), so it never overflows.
    """

    name = "softplus"
    chinese = "softplus"
    arguments = ("x",)
    formula = "log(1 + exp(x))"
    pullbacks = {"x": "dy * sigmoid(x)"}
    says = Says(
        "smooths the corner of relu",
        "平滑的 ReLU",
        "multiplies the gradient by the sigmoid",
        "把梯度乘以 Sigmoid 值",
    )

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


@card
class Erf(Elementwise):
    """The error function, 2/√π times the integral of e^(-t^2) from 0 to x.

    Numerics: within a few units in the last place of float64.

    Reference: Abramowitz and Stegun (1964), Handbook of Mathematical Functions, 7.1.6.
    """

    name = "erf"
    chinese = "误差函数"
    arguments = ("x",)
    formula = "erf(x)"
    pullbacks = {"x": "dy * 2 / sqrt(pi) * exp(-x ^ 2)"}
    says = Says(
        "takes the error function",
        "取误差函数",
        "multiplies the gradient by 2/√π · exp(−value²)",
        "把梯度乘以 2/√π · exp(−该值²)",
    )

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return _erf(x.astype(np.float64)).astype(x.dtype)


def _erf(x: np.ndarray) -> np.ndarray:
    """Return 2/√π e^(−x²) (x + 2x³/3 + 4x⁵/(3·5) + ...): all terms have one sign, so nothing cancels.

    NumPy has no error function, and with SciPy's ``import chainrule`` would load SciPy.
    """
    limited = np.clip(x, -6.0, 6.0)  # beyond 6 the result rounds to 1 in float64
    square, n = limited * limited, 1
    total = term = limited
    while np.any(np.abs(term) > 1e-17 * np.abs(total)):
        n += 2
        term = term * (2.0 * square / n)
        total = total + term
    return np.clip(2.0 / np.sqrt(np.pi) * np.exp(-square) * total, -1.0, 1.0)


@card
class Floor(Elementwise):
    """The largest integer that is not above the value."""

    name = "floor"
    chinese = "向下取整"
    arguments = ("x",)
    formula = "floor(x)"
    pullbacks = {"x": Flat("floor is piecewise constant")}
    kinks = (1.0,)
    says = Says(
        "rounds down",
        "向下取整",
        "passes no gradient: floor is piecewise constant",
        "不传梯度：阶梯函数处处平坦",
    )

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.floor(x)


@frozen
class Limits(Elementwise):
    """The limits of ``clip``."""

    low: float = -1.0
    high: float = 1.0


@card
class Clip(Limits):
    """The value, limited to an interval.

    Args:
        low, high: the limits, low <= high (C3).

    Numerics: the derivative is 1 inside and at the limits, 0 outside.

    Raises:
        UsageError E102: the limits are in the wrong order.
    """

    name = "clip"
    chinese = "截断"
    arguments = ("x",)
    formula = "min(max(x, low), high)"
    pullbacks = {"x": "where((x >= low) & (x <= high), dy, 0)"}
    constraints: ClassVar = {**Elementwise.constraints, "C3": "the lower limit is not above the upper one"}
    kinks = (-1.0, 1.0)
    says = Says(
        "limits the value to an interval",
        "把数值限制在上下限之内",
        "passes the gradient where the value was not limited",
        "未被截断处放行梯度，其余为 0",
    )

    def infer(self, *specs):
        if not self.low <= self.high:
            raise UsageError(
                "E102", name="clip (C3)", expected="low <= high", received=f"low={self.low}, high={self.high}"
            )
        return super().infer(*specs)

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.clip(x, self.low, self.high)

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        wrong = Sample(cls(low=1.0, high=0.0), (draw(3),), breaks="C3")
        narrow = Sample(cls(low=-0.25, high=float("inf")), (draw(4, 3),), batch=(0,))
        return (*super().samples(), narrow, wrong)


CARDS = (Exp, Log, Sqrt, Sin, Cos, Tanh, Sigmoid, Relu, Softplus, Erf, Floor, Clip)

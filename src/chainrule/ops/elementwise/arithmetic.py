"""Elementwise arithmetic: sums, products, powers, extremes."""

from __future__ import annotations

import numpy as np

from chainrule.ops.elementwise.elementwise import Elementwise
from chainrule.ops.operation_card import Flat, Says, card

NUMBERS = "floating-point or whole"


@card
class Add(Elementwise):
    """The sum of two values.

    Numerics: one rounding; an addend below half a unit in the last place of the other has no effect.
    """

    name = "add"
    chinese = "加法"
    arguments = ("a", "b")
    formula = "a + b"
    pullbacks = {"a": "dy", "b": "dy"}
    takes = NUMBERS
    says = Says(
        "adds two values",
        "把两个数相加",
        "passes the gradient to both addends unchanged",
        "把传来的梯度原样分发给两个加数",
    )

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a + b


@card
class Subtract(Elementwise):
    """The difference of two values.

    Numerics: cancellation of leading digits if the two values are close.
    """

    name = "subtract"
    chinese = "减法"
    arguments = ("a", "b")
    formula = "a - b"
    pullbacks = {"a": "dy", "b": "-dy"}
    takes = NUMBERS
    says = Says(
        "subtracts the second value from the first",
        "用第一个数减去第二个数",
        "passes the gradient to the first value and its negative to the second",
        "把梯度传给被减数，把相反数传给减数",
    )

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a - b


@card
class Multiply(Elementwise):
    """The product of two values, element by element (the Hadamard product)."""

    name = "multiply"
    chinese = "按元素乘法"
    arguments = ("a", "b")
    formula = "a * b"
    pullbacks = {"a": "dy * b", "b": "dy * a"}
    takes = NUMBERS
    says = Says(
        "multiplies two values",
        "把两个数相乘",
        "passes each factor the gradient times the other factor",
        "互换：每个因子得到“梯度乘以另一个因子”",
    )

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a * b


@card
class Divide(Elementwise):
    """The quotient of two values.

    Numerics: division by zero gives infinity, 0 / 0 gives NaN (IEEE 754).
    """

    name = "divide"
    chinese = "除法"
    arguments = ("a", "b")
    formula = "a / b"
    pullbacks = {"a": "dy / b", "b": "-dy * y / b"}
    domain = ((-2.0, 2.0), (0.5, 2.0))
    says = Says(
        "divides the first value by the second",
        "用第一个数除以第二个数",
        "divides the gradient by the denominator; for the denominator also times minus the quotient",
        "分子得到梯度除以分母，分母所得还要再乘以负的商",
    )

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a / b


@card
class Negative(Elementwise):
    """The negative of the value."""

    name = "negative"
    chinese = "取负"
    arguments = ("x",)
    formula = "-x"
    pullbacks = {"x": "-dy"}
    takes = NUMBERS
    says = Says("changes the sign", "改变正负号", "changes the sign of the gradient", "把传来的梯度变号")

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return -x


@card
class Square(Elementwise):
    """The value times itself."""

    name = "square"
    chinese = "平方"
    arguments = ("x",)
    formula = "x ^ 2"
    pullbacks = {"x": "dy * 2 * x"}
    says = Says(
        "squares the value", "求平方", "multiplies the gradient by twice the value", "把梯度乘以该值的 2 倍"
    )

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return x * x


@card
class Power(Elementwise):
    """The first value raised to the second.

    Numerics: NaN for a negative base with a fractional exponent. The derivative by the base at ``x = 0, p =
        0`` is defined as 0, as is the derivative by the exponent where the base is 0. At a negative base the
        power is defined for integer exponents only, so the derivative by the exponent is NaN, as in PyTorch.
    """

    name = "power"
    chinese = "幂"
    arguments = ("x", "p")
    formula = "x ^ p"
    pullbacks = {
        "x": "dy * where(p == 0, 0, p * x ^ (p - 1))",
        "p": "dy * where(x == 0, 0, y * log(where(x == 0, 1, x)))",
    }
    domain = ((0.3, 2.0), (-2.0, 2.0))
    says = Says(
        "raises the first value to the power of the second",
        "求幂",
        "multiplies the gradient by exponent · base^(exponent − 1), for the exponent by power · ln base",
        "底数得到梯度乘以“指数 · 底数^(指数 − 1)”，指数得到梯度乘以“幂 · ln 底数”",
    )

    def evaluate(self, x: np.ndarray, p: np.ndarray) -> np.ndarray:
        return np.power(x, p)


@card
class Abs(Elementwise):
    """The absolute value.

    Numerics: the derivative at x = 0 is defined as 0.
    """

    name = "abs"
    chinese = "绝对值"
    arguments = ("x",)
    formula = "abs(x)"
    pullbacks = {"x": "dy * sign(x)"}
    kinks = (0.0,)
    says = Says(
        "drops the sign",
        "取绝对值",
        "changes the sign of the gradient where the input is negative",
        "输入为负处把梯度变号",
    )

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.abs(x)


@card
class Sign(Elementwise):
    """The sign of the value: -1, 0 or 1."""

    name = "sign"
    chinese = "符号函数"
    arguments = ("x",)
    formula = "sign(x)"
    pullbacks = {"x": Flat("the sign is constant except at 0")}
    kinks = (0.0,)
    says = Says(
        "keeps only the sign",
        "只保留符号",
        "passes no gradient: the sign is piecewise constant",
        "不传梯度：符号函数处处平坦",
    )

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.sign(x)


@card
class Maximum(Elementwise):
    """The larger of two values.

    Numerics: NaN if either is NaN. At a tie each value gets half of the gradient.
    """

    name = "maximum"
    chinese = "较大者"
    arguments = ("a", "b")
    formula = "max(a, b)"
    pullbacks = {
        "a": "dy * where(a > b, 1, where(a == b, 0.5, 0))",
        "b": "dy * where(b > a, 1, where(a == b, 0.5, 0))",
    }
    says = Says(
        "keeps the larger value",
        "取较大的数",
        "passes the gradient to the larger value only",
        "选通：梯度只传给较大的输入",
    )

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.maximum(a, b)


@card
class Minimum(Elementwise):
    """The smaller of two values.

    Numerics: NaN if either is NaN. At a tie each value gets half of the gradient.
    """

    name = "minimum"
    chinese = "较小者"
    arguments = ("a", "b")
    formula = "min(a, b)"
    pullbacks = {
        "a": "dy * where(a < b, 1, where(a == b, 0.5, 0))",
        "b": "dy * where(b < a, 1, where(a == b, 0.5, 0))",
    }
    says = Says(
        "keeps the smaller value",
        "取较小的数",
        "passes the gradient to the smaller value only",
        "选通：梯度只传给较小的输入",
    )

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.minimum(a, b)


CARDS = (Add, Subtract, Multiply, Divide, Negative, Square, Power, Abs, Sign, Maximum, Minimum)

"""The words for formulas read aloud, in English and Chinese.

Operators are written between or before their parts; all others are phrases with a place for each part.
"""

from __future__ import annotations

LANGUAGES = ("en", "zh")

SIGNS: dict[str, tuple[str, str]] = {
    "+": (" plus ", "加上"),
    "-": (" minus ", "减去"),
    "negative": ("minus ", "负"),
    "*": (" times ", "乘以"),
    "elements": (" times, element by element, ", "按元素乘以"),
    "matrix": (" times the matrix ", "乘以矩阵"),
    "/": (" divided by ", "除以"),
    "and": (" and ", "且"),
    "or": (" or ", "或"),
    "<": (" is less than ", "小于"),
    "<=": (" is at most ", "不大于"),
    "==": (" equals ", "等于"),
    "!=": (" differs from ", "不等于"),
    ">=": (" is at least ", "不小于"),
    ">": (" is greater than ", "大于"),
    "(": ("(", "（"),
    ")": (")", "）"),
    ",": (", ", "、"),
    "with": (" and ", "与"),
}

FUNCTION_PHRASES: dict[str, tuple[str, str]] = {
    "exp": ("e to the power of {0}", "e 的 {0} 次方"),
    "log": ("the logarithm of {0}", "{0} 的自然对数"),
    "sqrt": ("the square root of {0}", "{0} 的平方根"),
    "abs": ("the absolute value of {0}", "{0} 的绝对值"),
    "floor": ("the largest integer up to {0}", "不大于 {0} 的最大整数"),
    "sign": ("the sign of {0}", "{0} 的符号"),
    "sin": ("the sine of {0}", "{0} 的正弦"),
    "cos": ("the cosine of {0}", "{0} 的余弦"),
    "tanh": ("the hyperbolic tangent of {0}", "{0} 的双曲正切"),
    "sigmoid": ("the sigmoid of {0}", "{0} 的 Sigmoid 函数值"),
    "relu": ("the ReLU of {0}", "{0} 的 ReLU 函数值"),
    "softplus": ("the softplus of {0}", "{0} 的 softplus 函数值"),
    "erf": ("the error function of {0}", "{0} 的误差函数值"),
    "isnan": ("{0} is not a number", "{0} 不是数"),
    "max": ("the largest of {all}", "{all} 中的最大者"),
    "min": ("the smallest of {all}", "{all} 中的最小者"),
    "where": ("{1} if {0}, else {2}", "若 {0} 则 {1}，否则 {2}"),
    "not": ("{0} does not hold", "{0} 不成立"),
}
"""A phrase for each function of ``FUNCTIONS`` that is neither an operator nor printed as another one."""

PHRASES: dict[str, tuple[str, str]] = {
    "sum": ("the sum over all {index} of {0}", "{0} 对所有 {index} 求和"),
    "prod": ("the product over all {index} of {0}", "{0} 对所有 {index} 求积"),
    "max": ("the largest over all {index} of {0}", "{0} 对所有 {index} 取最大值"),
    "min": ("the smallest over all {index} of {0}", "{0} 对所有 {index} 取最小值"),
    "max of two": ("the larger of {all}", "{all} 中较大者"),
    "min of two": ("the smaller of {all}", "{all} 中较小者"),
    "derivative": ("the derivative of {0} by {1}", "{0} 对 {1} 的偏导数"),
    "power": ("{0} to the power of {1}", "{0} 的 {1} 次方"),
    "squared": ("{0} squared", "{0} 的平方"),
    "cubed": ("{0} cubed", "{0} 的立方"),
    "transposed": ("{0} transposed", "{0} 的转置"),
    "scientific": ("{0} times 10 to the power of {1}", "{0} 乘以 10 的 {1} 次方"),
    "inf": ("infinity", "无穷大"),
    "nan": ("not a number", "非数"),
}

"""The words for formulas read aloud.

Operators are written between or before their parts; all others are phrases with a place for each part.
"""

from __future__ import annotations

from chainrule.messages import Texts

SIGNS: Texts = {
    "+": " plus ",
    "-": " minus ",
    "negative": "minus ",
    "*": " times ",
    "elements": " times, element by element, ",
    "matrix": " times the matrix ",
    "/": " divided by ",
    "and": " and ",
    "or": " or ",
    "<": " is less than ",
    "<=": " is at most ",
    "==": " equals ",
    "!=": " differs from ",
    ">=": " is at least ",
    ">": " is greater than ",
    "(": "(",
    ")": ")",
    ",": ", ",
    "with": " and ",
}

FUNCTION_PHRASES: Texts = {
    "exp": "e to the power of {0}",
    "log": "the logarithm of {0}",
    "sqrt": "the square root of {0}",
    "abs": "the absolute value of {0}",
    "floor": "the largest integer up to {0}",
    "sign": "the sign of {0}",
    "sin": "the sine of {0}",
    "cos": "the cosine of {0}",
    "tanh": "the hyperbolic tangent of {0}",
    "sigmoid": "the sigmoid of {0}",
    "relu": "the ReLU of {0}",
    "softplus": "the softplus of {0}",
    "erf": "the error function of {0}",
    "isnan": "{0} is not a number",
    "max": "the largest of {all}",
    "min": "the smallest of {all}",
    "where": "{1} if {0}, else {2}",
    "not": "{0} does not hold",
}
"""A phrase for each function of ``FUNCTIONS`` that is neither an operator nor printed as another one."""

PHRASES: Texts = {
    "sum": "the sum over all {index} of {0}",
    "prod": "the product over all {index} of {0}",
    "max": "the largest over all {index} of {0}",
    "min": "the smallest over all {index} of {0}",
    "max of two": "the larger of {all}",
    "min of two": "the smaller of {all}",
    "derivative": "the derivative of {0} by {1}",
    "power": "{0} to the power of {1}",
    "squared": "{0} squared",
    "cubed": "{0} cubed",
    "transposed": "{0} transposed",
    "scientific": "{0} times 10 to the power of {1}",
    "inf": "infinity",
    "nan": "not a number",
}

"""The functions of formulas, one row each: how they are computed and how they are printed.

The table is the single source: the parser reads its names, ``value`` computes with its NumPy column, and the
printers use its labels, so a function added here is supported everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from chainrule.records import frozen

Numbers = Any  # a number or an array, as NumPy functions accept and return

CONSTANTS = {"pi": math.pi, "e": math.e}
"""Names with a fixed value, which need no lookup."""


@frozen
class Function:
    """One row of the table.

    Args:
        arity: number of arguments.
        evaluate: the function on NumPy arrays.
        label: its name before the bracket in Unicode and MathML; empty if the brackets alone denote it.
        latex: its name in LaTeX.
        fence: the opening and the closing bracket.
        open_ended: whether more than ``arity`` arguments are allowed, as for the maximum.
    """

    arity: int
    evaluate: Callable[..., Numbers]
    label: str
    latex: str
    fence: tuple[str, str] = ("(", ")")
    open_ended: bool = False

    def takes(self, count: int) -> bool:
        """Return whether the function accepts that number of arguments."""
        return count == self.arity or (self.open_ended and count > self.arity)


def _sigmoid(x: Numbers) -> Numbers:
    # exp of negative numbers only: exp(710) would overflow where the result is simply 1.
    small = np.exp(-np.abs(x))
    return np.where(np.greater_equal(x, 0), 1 / (1 + small), small / (1 + small))


def _where(condition: Numbers, yes: Numbers, no: Numbers) -> Numbers:
    return np.where(np.not_equal(condition, 0), yes, no)


def _largest(*values: Numbers) -> Numbers:
    return reduce(np.maximum, values)


def _smallest(*values: Numbers) -> Numbers:
    return reduce(np.minimum, values)


def _named(arity: int, evaluate: Callable[..., Numbers], name: str) -> Function:
    return Function(arity, evaluate, name, rf"\operatorname{{{name}}}")


_erf = np.vectorize(math.erf, otypes=[np.float64])

FUNCTIONS: dict[str, Function] = {
    "exp": Function(1, np.exp, "exp", r"\exp"),
    "log": Function(1, np.log, "log", r"\log"),
    "log1p": _named(1, np.log1p, "log1p"),
    "expm1": _named(1, np.expm1, "expm1"),
    "sqrt": Function(1, np.sqrt, "√", r"\sqrt"),
    "abs": Function(1, np.abs, "", "", ("|", "|")),
    "floor": Function(1, np.floor, "", "", ("⌊", "⌋")),
    "sign": _named(1, np.sign, "sign"),
    "sin": Function(1, np.sin, "sin", r"\sin"),
    "cos": Function(1, np.cos, "cos", r"\cos"),
    "tanh": Function(1, np.tanh, "tanh", r"\tanh"),
    "sigmoid": Function(1, _sigmoid, "σ", r"\sigma"),
    "relu": _named(1, lambda x: np.maximum(x, 0), "relu"),
    "softplus": _named(1, lambda x: np.logaddexp(x, 0), "softplus"),
    "erf": _named(1, _erf, "erf"),
    "isnan": _named(1, np.isnan, "isnan"),
    "max": Function(2, _largest, "max", r"\max", open_ended=True),
    "min": Function(2, _smallest, "min", r"\min", open_ended=True),
    "where": _named(3, _where, "where"),
    "and": Function(2, np.logical_and, "∧", r"\land"),
    "or": Function(2, np.logical_or, "∨", r"\lor"),
    "not": Function(1, np.logical_not, "¬", r"\lnot"),
}

COMPARISONS: dict[str, Callable[..., Numbers]] = {
    "<": np.less,
    "<=": np.less_equal,
    "==": np.equal,
    "!=": np.not_equal,
    ">=": np.greater_equal,
    ">": np.greater,
}
"""The six comparison operators of ``Compare``."""

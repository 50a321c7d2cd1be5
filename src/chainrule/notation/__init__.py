"""Formulas: one tree, and a printer for each notation.

Input: a formula in plain text, such as ``"1 / (1 + exp(-x))"`` on the card of an op. Output: a tree, its
value, and its text in Unicode, ASCII, LaTeX, MathML or words. This package contains only mathematics and does
not depend on ops or networks.

Example:
    >>> from chainrule.notation import number, parse, to_unicode, value
    >>> sigmoid = parse("1 / (1 + exp(-z))")
    >>> print(to_unicode(sigmoid), "=", number(value(sigmoid, lambda leaf: 0.4)))
    1/(1 + e^(−z)) = 0.598688
"""

from __future__ import annotations

from typing import Any

from chainrule.lazy_imports import LazyNames
from chainrule.notation.functions import CONSTANTS, FUNCTIONS, Function
from chainrule.notation.number_format import MINUS, number
from chainrule.notation.parse import parse
from chainrule.notation.tree import (
    Apply,
    Big,
    Compare,
    Derivative,
    Element,
    Link,
    Negative,
    Number,
    Power,
    Product,
    Quotient,
    Sum,
    Symbol,
    Tree,
    children,
    is_numeric,
    leaves,
    normal,
    substitute,
    value,
    with_children,
)

# Printers are imported on first use.
_LAZY = LazyNames(
    __name__,
    {
        "printer": "to_ascii",
        "latex": "to_latex",
        "mathml": "to_mathml",
        "unicode": "to_unicode",
        "spoken": "to_words",
    },
)


def __getattr__(name: str) -> Any:
    return _LAZY.load(name)


def __dir__() -> list[str]:
    return [*__all__, *_LAZY.names]


__all__ = [
    "CONSTANTS",
    "FUNCTIONS",
    "MINUS",
    "Apply",
    "Big",
    "Compare",
    "Derivative",
    "Element",
    "Function",
    "Link",
    "Negative",
    "Number",
    "Power",
    "Product",
    "Quotient",
    "Sum",
    "Symbol",
    "Tree",
    "children",
    "is_numeric",
    "leaves",
    "normal",
    "number",
    "parse",
    "substitute",
    "value",
    "with_children",
]

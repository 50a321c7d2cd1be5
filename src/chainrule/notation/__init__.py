"""The room of formulas: one tree, and a printer for each notation.

What comes in: a formula in plain text, ``"1 / (1 + exp(-x))"``, as an op's card writes it. What goes out: a
tree, that tree computed with numbers, and its text in Unicode, ASCII, LaTeX, MathML or plain words. What the
room never does: know an op or a network; it holds mathematics only.

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
from chainrule.notation.normal_form import normal
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
    substitute,
    value,
    with_children,
)

# A printer is loaded when something is printed.
_LAZY = LazyNames(
    __name__,
    {
        "ascii": "to_ascii",
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

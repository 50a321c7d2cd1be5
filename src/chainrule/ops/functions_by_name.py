"""The functions on nodes by name, for operators (``+``) and formulas (``exp(x)``).

The pullback of a card is written as text, ``"dy * y"``, next to the formula of its value, and that text *is*
the program: ``nodes_of`` builds nodes from the parsed formula. It needs the functions of this package, which
need their cards, which need this file; so the dictionary starts empty and ``ops/__init__`` fills it once.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from functools import cache

from chainrule.graph import Node
from chainrule.notation.functions import COMPARISONS
from chainrule.notation.functions import FUNCTIONS as PLAIN
from chainrule.notation.parse import parse
from chainrule.notation.tree import (
    Apply,
    Compare,
    Negative,
    Number,
    Power,
    Product,
    Quotient,
    Sum,
    Symbol,
    Tree,
)

FUNCTIONS: dict[str, Callable[..., Node]] = {}
Value = Node | float | int

_COMPARISONS = {
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
    "==": "equal",
    "!=": "not_equal",
}
_PLAIN_SIGNS: dict[str, Callable[..., Value]] = {
    "add": operator.add,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "power": operator.pow,
    **{word: COMPARISONS[sign] for sign, word in _COMPARISONS.items()},
}
_APPLIED = {
    "max": "maximum",
    "min": "minimum",
    "and": "logical_and",
    "or": "logical_or",
    "not": "logical_not",
}
parsed = cache(parse)


def nodes_of(text: str, names: Mapping[str, Value], like: Node) -> Node:
    """Return the nodes that a formula describes.

    Args:
        text: an elementwise formula, such as ``"dy * y * (1 - y)"``.
        names: the node, or the number, of each name in the formula.
        like: a node with the shape and dtype of the result, to which a formula of numbers only is broadcast.
    """
    result = _value(parsed(text), names, like)
    return result if isinstance(result, Node) else FUNCTIONS["full_like"](like, result)


def _value(tree: Tree, names: Mapping[str, Value], like: Node) -> Value:
    match tree:
        case Number(value=number):
            return number
        case Symbol(name=name):
            return names[name] if name in names else tree_constant(name)
        case Negative(inner=inner):
            return -_value(inner, names, like)
        case Sum(terms=terms):
            return _fold("add", [_value(t, names, like) for t in terms])
        case Product(factors=factors):
            return _fold("multiply", [_value(f, names, like) for f in factors])
        case Quotient(above=above, below=below):
            return _fold("divide", [_value(above, names, like), _value(below, names, like)])
        case Power(base=base, exponent=exponent):
            return _fold("power", [_value(base, names, like), _value(exponent, names, like)])
        case Compare(sign=sign, left=left, right=right):
            return _fold(_COMPARISONS[sign], [_value(left, names, like), _value(right, names, like)])
        case Apply(function=function, arguments=arguments):
            return _applied(function, [_value(a, names, like) for a in arguments], like)
    raise TypeError(f"a formula of nodes cannot contain {tree!r}")


def _applied(function: str, values: list[Value], like: Node) -> Value:
    """Apply a function to values; for numbers only it returns a number, so that no dtype has to be chosen."""
    if not any(isinstance(value, Node) for value in values):
        return float(PLAIN[function].evaluate(*values))
    if function == "where" and not isinstance(values[0], Node):
        return values[1] if values[0] else values[2]
    if function == "where":  # the condition does not determine the dtype of the two values
        values = [
            values[0],
            *(v if isinstance(v, Node) else FUNCTIONS["full_like"](like, v) for v in values[1:]),
        ]
    return FUNCTIONS[_APPLIED.get(function, function)](*values)


def tree_constant(name: str) -> float:
    """Return the value of a mathematical constant: ``pi`` or ``e``."""
    return {"pi": 3.141592653589793, "e": 2.718281828459045}[name]


def _fold(word: str, values: list[Value]) -> Value:
    """Return ``a + b + c``, from left to right; numbers combined with numbers stay numbers."""
    total = values[0]
    for value in values[1:]:
        if word == "add" and isinstance(value, Node) and value.op.name == "negative":
            total = FUNCTIONS["subtract"](total, value.inputs[0])  # a - b is parsed as a + (-b)
        elif isinstance(total, Node) or isinstance(value, Node):
            total = FUNCTIONS[word](total, value)
        else:
            total = _PLAIN_SIGNS[word](total, value)
    return total

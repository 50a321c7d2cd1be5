"""Formulas in settings: text that is parsed and converted to nodes, never code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce

from chainrule.errors import Message, fact
from chainrule.graph import Node
from chainrule.notation import (
    CONSTANTS,
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
    children,
    parse,
)
from chainrule.ops import functional as F
from chainrule.ops.elementwise.broadcasting_functions import full_like
from chainrule.validation import require

LONGEST, DEEPEST = 200, 20  # of a formula: characters, and nested brackets
_NAMES = "abs cos erf exp floor log relu sigmoid sign sin softplus sqrt tanh where"
_FUNCTIONS: dict[str, Callable[..., Node]] = {
    **{name: getattr(F, name) for name in _NAMES.split()},
    "max": lambda *values: reduce(F.maximum, values),
    "min": lambda *values: reduce(F.minimum, values),
    "and": F.logical_and,
    "or": F.logical_or,
    "not": F.logical_not,
}
_COMPARISONS = "less less_equal equal not_equal greater_equal greater".split()
_SIGNS: dict[str, str] = dict(zip("< <= == != >= >".split(), _COMPARISONS, strict=True))


def check_formula(record: object, field: str, names: tuple[str, ...], expected: Message, fix: str) -> None:
    """Require that a field of a record is a formula (E102).

    Args:
        record: of settings.
        field: its name.
        names: the symbols that the formula may have.
        expected: the sentence of the error, with a field ``name`` for what is unknown.
        fix: a formula that works.
    """
    text = getattr(record, field)
    fits = isinstance(text, str) and len(text) <= LONGEST and text.count("(") <= DEEPEST
    limits = fact(
        "a formula of at most {signs} signs and {brackets} brackets", signs=LONGEST, brackets=DEEPEST
    )
    require(record, field, fits, limits)
    try:
        wrong = _unknown(parse(text), names)
    except ValueError:
        wrong = fact("no formula")
    require(record, field, not wrong, fact(expected.template, name=wrong), fix)


def formula_nodes(text: str, names: Mapping[str, Node], like: Node) -> Node:
    """Return the nodes of a formula; ``like`` has the shape and dtype of its numbers."""
    return _nodes(parse(text), names, like)


def _unknown(tree: Tree, names: tuple[str, ...]) -> str:
    """Return the first part of a formula that is not supported here, or an empty text."""
    match tree:
        case Symbol(name, (), "", ""):
            return "" if name in (*names, *CONSTANTS) else name
        case Apply(function, _):
            unknown = "" if function in _FUNCTIONS else function
        case Number() | Sum() | Product() | Quotient() | Power() | Negative() | Compare():
            unknown = ""
        case _:
            return type(tree).__name__.lower()
    return unknown or next((wrong for part in children(tree) if (wrong := _unknown(part, names))), "")


def _nodes(tree: Tree, names: Mapping[str, Node], like: Node) -> Node:
    match tree:
        case Number(value):
            return full_like(like, float(value))
        case Symbol(name):
            return names[name] if name in names else full_like(like, CONSTANTS[name])
    parts = [_nodes(part, names, like) for part in children(tree)]
    match tree:
        case Apply(function, _):
            return _FUNCTIONS[function](*parts)
        case Compare(sign, _, _):
            return getattr(F, _SIGNS[sign])(*parts)
        case Sum():
            return reduce(F.add, parts)
        case Product():
            return reduce(F.multiply, parts)
        case Quotient():
            return F.divide(*parts)
        case Power():
            return F.power(*parts)
        case _:
            return F.negative(*parts)

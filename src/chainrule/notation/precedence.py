"""Operator precedence: one table decides for all notations which parts need brackets.

Every node has a level, from loose (``or``) to tight (a single letter). A printer prints a part with the
minimum level that its position requires, and adds brackets around a part below that level. Notations differ
in few rows: a fraction with a bar needs no brackets in a product, one with a slash does.
"""

from __future__ import annotations

from enum import Enum, IntEnum

from chainrule.notation.number_format import decimal
from chainrule.notation.tree import (
    Apply,
    Big,
    Compare,
    Derivative,
    Link,
    Negative,
    Number,
    Power,
    Product,
    Quotient,
    Sum,
    Symbol,
    Tree,
)


class Level(IntEnum):
    """The precedence of a node, loosest first."""

    OR = 1
    AND = 2
    COMPARE = 3
    SUM = 4
    NEGATIVE = 5
    QUOTIENT = 6
    PRODUCT = 7
    POWER = 8
    ATOM = 9


class Notation(Enum):
    """The three ways to print a formula."""

    PLAIN = "plain"  # ASCII: every function is a call
    INLINE = "inline"  # Unicode on one line: superscript exponents, √x, a/b
    STACKED = "stacked"  # LaTeX and MathML: fractions and roots with a bar


_LEVELS = {
    Sum: Level.SUM,
    Negative: Level.NEGATIVE,
    Compare: Level.COMPARE,
    Power: Level.POWER,
    Derivative: Level.PRODUCT,
}


def level(tree: Tree, notation: Notation) -> Level:
    """The level of a node in a notation.

    Example:
        >>> level(Quotient(Number(1), Number(2)), Notation.INLINE).name
        'QUOTIENT'
    """
    match tree:
        case Link(_, inner):
            return level(inner, notation)
        case Number(value):
            return Level.ATOM if decimal(value)[1] is None else Level.PRODUCT
        case Symbol(_, _, sup, _):
            # A letter with a superscript layer cannot take a second superscript.
            return Level.POWER if sup else Level.ATOM
        case Quotient():
            return Level.PRODUCT if notation is Notation.STACKED else Level.QUOTIENT
        case Product(factors):
            return Level.QUOTIENT if is_open(factors[-1], notation) else Level.PRODUCT
        case Big():
            return Level.ATOM if notation is Notation.PLAIN else Level.QUOTIENT
        case Apply():
            return _function_level(tree, notation)
        case _:
            return _LEVELS.get(type(tree), Level.ATOM)


def _function_level(tree: Apply, notation: Notation) -> Level:
    match tree.function, notation:
        case "or", _:
            return Level.OR
        case "and", _:
            return Level.AND
        case ("exp", Notation.INLINE | Notation.STACKED) | ("sqrt", Notation.INLINE):
            return Level.POWER
        case "where", Notation.STACKED:
            return Level.QUOTIENT
        case _:
            return Level.ATOM


def is_other_product(tree: Tree, kind: str) -> bool:
    """Whether a factor is a product of the other kind: (A·B) ⊙ C needs brackets."""
    match tree:
        case Link(_, inner):
            return is_other_product(inner, kind)
        case Product(_, factor_kind):
            return {factor_kind, kind} == {"elements", "matrix"}
        case _:
            return False


def is_open(tree: Tree, notation: Notation) -> bool:
    """Whether a node extends to what follows it, as Σ does, so that it may only end a product."""
    match tree:
        case Link(_, inner):
            return is_open(inner, notation)
        case Big():
            return notation is not Notation.PLAIN
        case Apply("where", _):
            return notation is Notation.STACKED
        case _:
            return False

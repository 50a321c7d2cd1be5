"""Which parts of a formula need brackets: one table for all notations.

Every node has a level, from loose (``or``) to tight (a single letter). A printer asks for a part with the
least level that can stand in its place, and a part below that level is put in brackets. Notations differ in
few rows only: a fraction drawn with a bar needs no brackets in a product, a slash does.
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
    """How tightly a node holds together, loosest first."""

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
    """The three ways to set a formula."""

    PLAIN = "plain"  # ASCII: every function is a call
    INLINE = "inline"  # Unicode on one line: raised exponents, √x, a/b
    STACKED = "stacked"  # LaTeX and MathML: fractions with a bar, roots with a roof


_LEVELS = {
    Sum: Level.SUM,
    Negative: Level.NEGATIVE,
    Compare: Level.COMPARE,
    Power: Level.POWER,
    Derivative: Level.PRODUCT,
}


def level(tree: Tree, notation: Notation) -> Level:
    """The level of a node as it is written in a notation.

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
            # A letter with a layer above it takes no second raised text.
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
    """Whether a factor of a product is a product of the other kind: (A·B) ⊙ C needs its brackets."""
    match tree:
        case Link(_, inner):
            return is_other_product(inner, kind)
        case Product(_, own):
            return {own, kind} == {"elements", "matrix"}
        case _:
            return False


def is_open(tree: Tree, notation: Notation) -> bool:
    """Whether a node takes in what follows it, as Σ does, so that it may end a product but not begin one."""
    match tree:
        case Link(_, inner):
            return is_open(inner, notation)
        case Big():
            return notation is not Notation.PLAIN
        case Apply("where", _):
            return notation is Notation.STACKED
        case _:
            return False

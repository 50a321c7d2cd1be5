"""The base class of all printers: the order of the parts, the operators between them and the brackets.

A printer traverses the tree once and concatenates text. This module decides *what* is printed (a negative
term is a subtraction, numbers are joined by ``×`` and letters by ``·``, a part below its level gets
brackets); a notation only defines *how* each piece looks, in one small method per piece. Therefore, the
notations cannot disagree about the meaning of a formula.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping
from enum import Enum, IntEnum
from itertools import pairwise
from typing import ClassVar

from chainrule.notation.number_format import decimal, number
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
    is_numeric,
    normal,
    substitute,
)
from chainrule.records import frozen

# Operator precedence: one table decides for all notations which parts need brackets.
#
# Every node has a level, from loose (``or``) to tight (a single letter). A printer prints a part with the
# minimum level that its position requires, and adds brackets around a part below that level. Notations differ
# in few rows: a fraction with a bar needs no brackets in a product, one with a slash does.


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
    """Return the level of a node in a notation.

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
    """Return whether a factor is a product of the other kind: (A·B) ⊙ C needs brackets."""
    match tree:
        case Link(_, inner):
            return is_other_product(inner, kind)
        case Product(_, factor_kind):
            return {factor_kind, kind} == {"elements", "matrix"}
        case _:
            return False


def is_open(tree: Tree, notation: Notation) -> bool:
    """Return whether a node extends to what follows it, as Σ does, so that it may only end a product."""
    match tree:
        case Link(_, inner):
            return is_open(inner, notation)
        case Big():
            return notation is not Notation.PLAIN
        case Apply("where", _):
            return notation is Notation.STACKED
        case _:
            return False


@frozen
class Printer(ABC):
    """Base class of the notations.

    Args:
        digits: decimal places of numbers, ``None`` for all.
    """

    digits: int | None = 6

    notation: ClassVar[Notation]
    signs: ClassVar[Mapping[str, str]]
    """The text of each operator: ``+ - negative * times elements matrix chain , and or``, comparisons."""

    def print(self, tree: Tree) -> str:
        """Print a formula."""
        if self.notation is not Notation.PLAIN:
            tree = substitute(tree, on_paper)
        return self.write(normal(tree))

    def show(self, tree: Tree, min_level: Level = Level.OR) -> str:
        """Print a part, in brackets if its level is below ``min_level``."""
        text = self.write(tree)
        return self.bracket(text) if level(tree, self.notation) < min_level else text

    def write(self, tree: Tree) -> str:
        """Print a part without brackets around it."""
        match tree:
            case Number():
                return self.number(tree.value)
            case Symbol():
                return self.symbol(tree)
            case Element(argument, index):
                return self.symbol(Symbol(f"#{argument}", tuple(str(i) for i in index)))
            case Link(target, inner):
                return self.link(target, self.write(inner))
            case Quotient(above, below):
                return self.quotient(above, below)
            case Power(base, exponent):
                return self.power(self.show(base, Level.ATOM), exponent)
            case Derivative(of, by):
                return self.derivative(of, by)
            case Big():
                return self.big(tree)
            case Apply():
                return self._apply(tree)
        return self._infix(tree)

    def _infix(self, tree: Tree) -> str:
        match tree:
            case Sum(terms):
                return self._sum(terms)
            case Product(factors, kind):
                return self._product(factors, kind)
            case Negative(inner):
                return self.signs["negative"] + self.show(inner, Level.QUOTIENT)
            case Compare(sign, left, right):
                return self.show(left, Level.SUM) + self.signs[sign] + self.show(right, Level.SUM)
            case _:
                raise TypeError(f"{tree!r} is no formula")

    def _sum(self, terms: tuple[Tree, ...]) -> str:
        text = self.show(terms[0], Level.SUM)
        for term in terms[1:]:
            if isinstance(term, Negative):
                text += self.signs["-"] + self.show(term.inner, Level.QUOTIENT)
            else:
                text += self.signs["+"] + self.show(term, Level.SUM)
        return text

    def _product(self, factors: tuple[Tree, ...], kind: str) -> str:
        min_levels = [Level.ATOM if is_other_product(factor, kind) else Level.PRODUCT for factor in factors]
        text = self.show(factors[0], min_levels[0])
        chain = any(isinstance(factor, Derivative) for factor in factors)
        for position, (left, right) in enumerate(pairwise(factors), start=2):
            numbers = is_numeric(left) and is_numeric(right)
            sign = "times" if numbers else kind or ("chain" if chain else "*")
            ends = position == len(factors) and is_open(right, self.notation)
            text += self.signs[sign] + self.show(right, Level.OR if ends else min_levels[position - 1])
        return text

    def _apply(self, tree: Apply) -> str:
        arguments = tree.arguments
        match tree.function:
            case "and" | "or" as sign:
                own_level = Level[sign.upper()]
                left, right = arguments
                return self.show(left, own_level) + self.signs[sign] + self.show(right, Level(own_level + 1))
            case "exp":
                return self.exponential(arguments[0])
            case "sqrt":
                return self.root(arguments[0])
            case "where":
                return self.choice(*arguments)
            case function:
                return self.call(function, self.signs[","].join(self.show(part) for part in arguments))

    @abstractmethod
    def number(self, value: float | int) -> str:
        """Print a non-negative number."""

    @abstractmethod
    def symbol(self, symbol: Symbol) -> str:
        """Print a letter with its accent, indices and layer."""

    @abstractmethod
    def bracket(self, text: str) -> str:
        """Put the text in parentheses."""

    @abstractmethod
    def link(self, target: Hashable, text: str) -> str:
        """Mark the text as belonging to ``target``."""

    @abstractmethod
    def quotient(self, above: Tree, below: Tree) -> str:
        """Print a fraction."""

    @abstractmethod
    def power(self, base: str, exponent: Tree) -> str:
        """Print a base, with its brackets, and its exponent."""

    @abstractmethod
    def derivative(self, of: Tree, by: Tree) -> str:
        """Print a partial derivative."""

    @abstractmethod
    def big(self, tree: Big) -> str:
        """Print a sum, product, maximum or minimum over an index."""

    @abstractmethod
    def exponential(self, exponent: Tree) -> str:
        """Print the exponential function."""

    @abstractmethod
    def root(self, inner: Tree) -> str:
        """Print a square root."""

    @abstractmethod
    def choice(self, condition: Tree, yes: Tree, no: Tree) -> str:
        """Print one of two values, selected by a condition."""

    @abstractmethod
    def call(self, function: str, arguments: str) -> str:
        """Print any other function with the text of its arguments."""


def on_paper(tree: Tree) -> Tree | None:
    """Replace log1p and expm1, which exist for the sake of rounding only, by conventional notation."""
    match tree:
        case Apply("log1p", (inner,)):
            return Apply("log", (Sum((Number(1), inner)),))
        case Apply("expm1", (inner,)):
            return Sum((Apply("exp", (inner,)), Number(-1)))
        case _:
            return None


# Print formulas in ASCII, exactly as the parser reads them: ``1 / (1 + exp(-x))``.
#
# A matrix product is ``a @ b``, as in NumPy; the parser reads formulas of numbers and does not accept it.


def to_ascii(tree: Tree, digits: int | None = 6) -> str:
    """Return a formula in plain ASCII, for limited terminals and to be read back by ``parse``.

    Args:
        tree: the formula.
        digits: decimal places; ``None`` prints numbers with full precision, to be read back exactly.

    Example:
        >>> from chainrule.notation.parse import parse
        >>> to_ascii(parse("delta[j]^{(1)} * x[k] - (a - 1)"))
        'delta[j]^{(1)} * x[k] - (a - 1)'
    """
    return _Ascii(digits).print(tree)


@frozen
class _Ascii(Printer):
    notation = Notation.PLAIN
    signs: ClassVar[Mapping[str, str]] = {
        "+": " + ",
        "-": " - ",
        "negative": "-",
        "*": " * ",
        "times": " * ",
        "elements": " * ",
        "matrix": " @ ",
        "chain": " * ",
        ",": ", ",
        "and": " & ",
        "or": " | ",
        **{sign: f" {sign} " for sign in ("<", "<=", "==", "!=", ">=", ">")},
    }

    def number(self, value: float | int) -> str:
        return number(value, self.digits, ascii=True)

    def symbol(self, symbol: Symbol) -> str:
        accent = f"_{symbol.accent}" if symbol.accent else ""
        sub = f"[{','.join(symbol.sub)}]" if symbol.sub else ""
        sup = f"^{{({symbol.sup})}}" if symbol.sup else ""
        return symbol.name + accent + sub + sup

    def bracket(self, text: str) -> str:
        return f"({text})"

    def link(self, target: Hashable, text: str) -> str:
        return text

    def quotient(self, above: Tree, below: Tree) -> str:
        return f"{self.show(above, Level.PRODUCT)} / {self.show(below, Level.POWER)}"

    def power(self, base: str, exponent: Tree) -> str:
        return f"{base}^{self.show(exponent, Level.POWER)}"

    def derivative(self, of: Tree, by: Tree) -> str:
        return f"d({self.show(of)})/d({self.show(by)})"

    def big(self, tree: Big) -> str:
        return f"{tree.sign}_{tree.index}({self.show(tree.inner)})"

    def exponential(self, exponent: Tree) -> str:
        return self.call("exp", self.show(exponent))

    def root(self, inner: Tree) -> str:
        return self.call("sqrt", self.show(inner))

    def choice(self, condition: Tree, yes: Tree, no: Tree) -> str:
        return self.call("where", ", ".join(self.show(part) for part in (condition, yes, no)))

    def call(self, function: str, arguments: str) -> str:
        return f"{function}({arguments})"

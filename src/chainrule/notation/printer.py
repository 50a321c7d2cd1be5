"""The base class of all printers: the order of the parts, the operators between them and the brackets.

A printer traverses the tree once and concatenates text. This module decides *what* is printed (a negative
term is a subtraction, numbers are joined by ``×`` and letters by ``·``, a part below its level gets
brackets); a notation only defines *how* each piece looks, in one small method per piece. Therefore, the
notations cannot disagree about the meaning of a formula.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping
from itertools import pairwise
from typing import ClassVar

from chainrule.notation.normal_form import normal
from chainrule.notation.precedence import Level, Notation, is_open, is_other_product, level
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
    substitute,
)
from chainrule.records import frozen


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

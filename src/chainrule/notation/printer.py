"""What all notations have in common: the order of the parts, the signs between them and the brackets.

A printer walks the tree once and puts text together. This file decides *what* is written (a negative term is
a subtraction, ``×`` stands between numbers and ``·`` between letters, the part below its level gets
brackets); a notation only says *how* each piece looks, in one small method per piece. So the notations cannot
disagree about what a formula means.
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
    """A notation.

    Args:
        digits: places after the point for numbers, ``None`` for all.
    """

    digits: int | None = 6

    notation: ClassVar[Notation]
    signs: ClassVar[Mapping[str, str]]
    """How each operator looks: ``+ - negative * times elements matrix chain , and or``, the comparisons."""

    def print(self, tree: Tree) -> str:
        """The text of a whole formula."""
        if self.notation is not Notation.PLAIN:
            tree = substitute(tree, on_paper)
        return self.write(normal(tree))

    def show(self, tree: Tree, least: Level = Level.OR) -> str:
        """The text of a part, in brackets if it holds together less tightly than its place asks."""
        text = self.write(tree)
        return self.bracket(text) if level(tree, self.notation) < least else text

    def write(self, tree: Tree) -> str:
        """The text of a part without brackets around it."""
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
        least = [Level.ATOM if is_other_product(factor, kind) else Level.PRODUCT for factor in factors]
        text = self.show(factors[0], least[0])
        chain = any(isinstance(factor, Derivative) for factor in factors)
        for place, (left, right) in enumerate(pairwise(factors), start=2):
            numbers = is_numeric(left) and is_numeric(right)
            sign = "times" if numbers else kind or ("chain" if chain else "*")
            ends = place == len(factors) and is_open(right, self.notation)
            text += self.signs[sign] + self.show(right, Level.OR if ends else least[place - 1])
        return text

    def _apply(self, tree: Apply) -> str:
        arguments = tree.arguments
        match tree.function:
            case "and" | "or" as sign:
                mine = Level[sign.upper()]
                left, right = arguments
                return self.show(left, mine) + self.signs[sign] + self.show(right, Level(mine + 1))
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
        """A number that is not negative."""

    @abstractmethod
    def symbol(self, symbol: Symbol) -> str:
        """A letter with its accent, indices and layer."""

    @abstractmethod
    def bracket(self, text: str) -> str:
        """The text between round brackets."""

    @abstractmethod
    def link(self, target: Hashable, text: str) -> str:
        """The text as belonging to ``target``."""

    @abstractmethod
    def quotient(self, above: Tree, below: Tree) -> str:
        """A fraction."""

    @abstractmethod
    def power(self, base: str, exponent: Tree) -> str:
        """A base, with its brackets, and what it is raised to."""

    @abstractmethod
    def derivative(self, of: Tree, by: Tree) -> str:
        """A partial derivative."""

    @abstractmethod
    def big(self, tree: Big) -> str:
        """A sum, product, largest or smallest over an index."""

    @abstractmethod
    def exponential(self, exponent: Tree) -> str:
        """The exponential function."""

    @abstractmethod
    def root(self, inner: Tree) -> str:
        """A square root."""

    @abstractmethod
    def choice(self, condition: Tree, yes: Tree, no: Tree) -> str:
        """One of two values, by a condition."""

    @abstractmethod
    def call(self, function: str, arguments: str) -> str:
        """Any other function with the text of its arguments."""


def on_paper(tree: Tree) -> Tree | None:
    """What a function is on paper: log1p and expm1 exist for the sake of rounding only."""
    match tree:
        case Apply("log1p", (inner,)):
            return Apply("log", (Sum((Number(1), inner)),))
        case Apply("expm1", (inner,)):
            return Sum((Apply("exp", (inner,)), Number(-1)))
        case _:
            return None

"""Simplification of formulas: factors of 1, terms of 0, double negation and sums of one term are removed.

Formulas of the backward pass contain many factors of 1. Only literal numbers are evaluated (1/2 · 2 is 1); of
symbols only pairs that cancel (x - x) are removed.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from chainrule.notation import (
    Apply,
    Compare,
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
    substitute,
    value,
)
from chainrule.notation.functions import COMPARISONS

ZERO, ONE = Number(0), Number(1)
Rank = Callable[[Tree], int]
LAST = 9


def simplify(tree: Tree, rank: Rank = lambda link: LAST) -> Tree:
    """Return an equivalent simpler formula.

    Args:
        tree: a formula whose symbols are ``Link``s.
        rank: the position of a factor in a product by its links, 0 first: the error signal before the weight,
            the weight before its input.

    Example:
        >>> from chainrule.notation import parse, to_unicode
        >>> to_unicode(simplify(parse("-(-1 * (x + 0)) * (0.5 * 2)")))
        'x'
    """

    def rewrite(node: Tree) -> Tree | None:
        match node:
            case Link() | Symbol():
                return None
            case Number(number):
                return None if type(number) is int else plain(number)
            case Sum(terms):
                return _sum(terms)
            case Product(factors):
                return _product(sorted(factors, key=lambda factor: _first(factor, rank)))
            case Negative(inner):
                return negative(inner)
            case Quotient(above, below):
                return _quotient(above, below)
            case Power(base, exponent):
                return base if exponent == ONE else None
            case Compare(sign, Number(left), Number(right)):
                return ONE if COMPARISONS[sign](left, right) else ZERO
            case Apply("where", (Compare("<=" | "<", _, Number(limit)), yes, _)) if limit == math.inf:
                return yes  # the condition only detects overflow; an explained value is finite
            case Apply("where", (Number(condition), yes, no)):
                return yes if condition else no
            case Apply("where", (condition, yes, no)) if is_numeric(condition):
                return yes if value(condition, _nothing) else no
            case Apply() | Compare() if is_numeric(node):
                return plain(float(value(node, _nothing)))
            case _:
                return None

    return substitute(tree, rewrite, {})


def plain(number: float | int) -> Number:
    """A constant of the program as a number; an integer is written without a decimal point."""
    if not isinstance(number, float):
        return Number(int(number))
    rounded = float(f"{number:.15g}")  # 1 - 0.9 is shown as 0.1
    return Number(int(rounded) if rounded.is_integer() and abs(rounded) < 1e6 else rounded)


def negative(tree: Tree) -> Tree:
    """Return the negated tree, without double negation."""
    match tree:
        case Negative(inner):
            return inner
        case Number(number):
            return plain(-number)
        case Sum(terms) if any(isinstance(term, Negative) for term in terms):
            return _sum(tuple(negative(term) for term in terms))  # -(a - b) is b - a
        case _:
            return Negative(tree)


def _nothing(leaf: Tree) -> float:
    raise KeyError(leaf)


def _first(tree: Tree, rank: Rank) -> int:
    """The lowest rank of the links of a factor."""
    if isinstance(tree, Link):
        return min(LAST, rank(tree))
    return min((_first(part, rank) for part in children(tree)), default=LAST)


def _sum(terms: tuple[Tree, ...]) -> Tree:
    flat: list[Tree] = []
    constant: float | int = 0
    position = None
    for term in terms:
        for part in term.terms if isinstance(term, Sum) else (term,):
            if isinstance(part, Number):
                position = len(flat) if position is None else position
                constant += part.value
            else:
                flat.append(part)
    flat = _without_pairs(flat)
    if constant:
        flat.insert(
            min(position or 0, len(flat)), Number(constant) if constant > 0 else Negative(Number(-constant))
        )
    if not flat:
        return ZERO
    # A positive term comes first: −1 + p is written p − 1.
    first = next((i for i, part in enumerate(flat) if not isinstance(part, Negative)), 0)
    flat.insert(0, flat.pop(first))
    return flat[0] if len(flat) == 1 else Sum(tuple(flat))


def _without_pairs(terms: list[Tree]) -> list[Tree]:
    """Remove pairs of terms that cancel: μ − μ is 0 for every μ."""
    added = {term.target for term in terms if isinstance(term, Link)}
    for term in [t for t in terms if isinstance(t, Negative)] if added else ():
        if isinstance(term.inner, Link) and term.inner.target in added and term.inner in terms:
            terms.remove(term.inner)
            terms.remove(term)
    return terms


def _product(factors: list[Tree]) -> Tree:
    constant: float | int = 1
    negated = False
    flat: list[Tree] = []
    stack = list(reversed(factors))
    while stack:
        part = stack.pop()
        match part:
            case Product(inner):
                stack.extend(reversed(inner))
            case Negative(inner):
                negated = not negated
                stack.append(inner)
            case Number(number):
                constant *= number
            case _:
                flat.append(part)
    if constant == 0:
        return ZERO
    if constant < 0:
        constant, negated = -constant, not negated
    if constant != 1 or not flat:
        flat.insert(0, plain(constant))
    result = flat[0] if len(flat) == 1 else Product(tuple(flat))
    return negative(result) if negated else result


def _quotient(above: Tree, below: Tree) -> Tree | None:
    if isinstance(above, Negative):
        return negative(_quotient(above.inner, below) or Quotient(above.inner, below))
    if above == ZERO:
        return ZERO
    if not isinstance(below, Number) or below.value == 0:
        return None
    if below == ONE:
        return above
    match above:
        case Number(number):
            return plain(number / below.value)
        case Product((Number(number), *rest)):
            return _product([plain(number / below.value), *rest])
        case _:
            return None

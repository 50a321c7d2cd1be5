"""A formula without what says nothing: times 1, plus 0, a minus of a minus, a sum of one term.

The reverse walk is mechanical, so its formulas are full of ones. Only what is *written* as a number is
calculated (1/2 · 2 is 1); of symbols only a pair is left out that adds a number and takes it away again.
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
    """The same formula, simpler.

    Args:
        tree: a formula whose symbols are ``Link``s.
        rank: where the factor that holds a link stands in a product, 0 first: what comes back from the loss
            before the weight, the weight before what it multiplies.

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
                return yes  # asked only so that an overflow is reported; what is explained is finite
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
    """A number that stands in the program itself; a whole one without a point."""
    if not isinstance(number, float):
        return Number(int(number))
    near = float(f"{number:.15g}")  # 1 - 0.9 is meant to be 0.1
    return Number(int(near) if near.is_integer() and abs(near) < 1e6 else near)


def negative(tree: Tree) -> Tree:
    """The tree with its sign turned, without a minus of a minus."""
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
    """The rank of the foremost link of a factor."""
    if isinstance(tree, Link):
        return min(LAST, rank(tree))
    return min((_first(part, rank) for part in children(tree)), default=LAST)


def _sum(terms: tuple[Tree, ...]) -> Tree:
    flat: list[Tree] = []
    known: float | int = 0
    place = None
    for term in terms:
        for part in term.terms if isinstance(term, Sum) else (term,):
            if isinstance(part, Number):
                place = len(flat) if place is None else place
                known += part.value
            else:
                flat.append(part)
    flat = _without_pairs(flat)
    if known:
        flat.insert(min(place or 0, len(flat)), Number(known) if known > 0 else Negative(Number(-known)))
    if not flat:
        return ZERO
    # A sum that begins with a minus is read with a stumble: −1 + p is p − 1.
    first = next((i for i, part in enumerate(flat) if not isinstance(part, Negative)), 0)
    flat.insert(0, flat.pop(first))
    return flat[0] if len(flat) == 1 else Sum(tuple(flat))


def _without_pairs(terms: list[Tree]) -> list[Tree]:
    """The terms without a number that is added and taken away again: μ − μ is 0, whatever μ is."""
    added = {term.target for term in terms if isinstance(term, Link)}
    for term in [t for t in terms if isinstance(t, Negative)] if added else ():
        if isinstance(term.inner, Link) and term.inner.target in added and term.inner in terms:
            terms.remove(term.inner)
            terms.remove(term)
    return terms


def _product(factors: list[Tree]) -> Tree:
    known: float | int = 1
    turned = False
    flat: list[Tree] = []
    stack = list(reversed(factors))
    while stack:
        part = stack.pop()
        match part:
            case Product(inner):
                stack.extend(reversed(inner))
            case Negative(inner):
                turned = not turned
                stack.append(inner)
            case Number(number):
                known *= number
            case _:
                flat.append(part)
    if known == 0:
        return ZERO
    if known < 0:
        known, turned = -known, not turned
    if known != 1 or not flat:
        flat.insert(0, plain(known))
    result = flat[0] if len(flat) == 1 else Product(tuple(flat))
    return negative(result) if turned else result


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

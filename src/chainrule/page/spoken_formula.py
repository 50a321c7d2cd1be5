"""A formula of an explanation in words: "the error signal δ₁ times the slope of the sigmoid at a₁ times ..."

The printer of words knows mathematics only. Here letters get their nouns, an answer minus its target is
called the error, and where factors are just what a curve's card gives as its derivative, they are called its
slope.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from chainrule.graph import Node
from chainrule.notation import (
    Link,
    Negative,
    Number,
    Product,
    Sum,
    Symbol,
    Tree,
    children,
    leaves,
    normal,
    parse,
    substitute,
    to_unicode,
    to_words,
)
from chainrule.notation.spoken import spaced
from chainrule.notation.spoken_words import LANGUAGES
from chainrule.ops.card import Card
from chainrule.page.page import Equation
from chainrule.records import frozen
from chainrule.texts.blocks import OPS
from chainrule.texts.symbols import BECOMES, ERROR, IN_TIME, NOUNS, READ_OUT, SLOPE

LONGEST = 24  # leaves; a longer formula is clearer as a formula


@frozen
class Slope:
    """What the factors of a curve's derivative belong to: the curve and where it is."""

    curve: str
    at: Tree


@frozen
class Error:
    """What an answer minus its target belongs to."""

    written: Tree


def spoken(tree: Tree, lang: str) -> str:
    """A formula of an explanation in words.

    Example:
        >>> spoken(parse("delta[1]^{(2)} * w[1,1]^{(2)}"), "en")
        'the error signal δ₁⁽²⁾ times the weight w₁₁⁽²⁾'
    """
    place = LANGUAGES.index(lang)
    return to_words(substitute(tree, _recognised), lang, namer=lambda part: _named(part, place))


def spoken_equation(equation: Equation, lang: str) -> str:
    """An equation in words: what it is called and its formula; ``""`` where there is no formula to read."""
    if equation.left is None or not equation.steps or len(leaves(equation.steps[0])) > LONGEST:
        return ""
    sentence = READ_OUT if equation.sign == "=" else BECOMES
    left, right = spoken(equation.left, lang), spoken(equation.steps[0], lang)
    text = spaced(sentence[LANGUAGES.index(lang)].format(left=left, right=right))
    return text[0].upper() + text[1:] + (". ", "。")[LANGUAGES.index(lang)].strip()


def _named(tree: Tree, language: int) -> str | None:
    match tree:
        case Link(Slope(curve, at), _):
            name = (curve, OPS.get(curve, curve))[language]
            return SLOPE[language].format(curve=name, at=to_unicode(at))
        case Link(Error(written), _):
            return ERROR[language].format(written=to_unicode(written))
        case Symbol(name, _, above, accent):
            nouns = NOUNS | IN_TIME if "t=" in above else NOUNS
            noun = nouns.get(f"{name}_{accent}" if accent else name)
            return f"{noun[language]} {to_unicode(tree)}" if noun else None
        case _:
            return None


def _recognised(tree: Tree) -> Tree | None:
    """A product with the slopes in it under one name each; an error under its name."""
    match tree:
        case Sum((Link(_, Symbol("y", _, _, "hat")), Negative(Link(_, Symbol("y", _, _, ""))))):
            return Link(Error(tree), tree)
        case Product(factors):
            return _with_slopes(factors)
        case _:
            return None


def _with_slopes(factors: tuple[Tree, ...]) -> Tree | None:
    left = list(factors)
    for symbol in dict.fromkeys(link for factor in factors for link in _symbols(factor)):
        curve, slope = _slope(symbol)
        if slope and all(part in left for part in slope):
            place = min(left.index(part) for part in slope)
            left = [part for part in left if part not in slope]
            left.insert(place, Link(Slope(curve, symbol), Product(slope)))
    return Product(tuple(left)) if left != list(factors) else None


def _symbols(tree: Tree) -> Iterator[Link]:
    if isinstance(tree, Link) and isinstance(tree.inner, Symbol):
        yield tree
    for part in children(tree):
        yield from _symbols(part)


def _slope(symbol: Link) -> tuple[str, tuple[Tree, ...]]:
    """The curve that a symbol is the value of, and the factors of its slope there; none if it is of no
    curve."""
    node = getattr(symbol.target, "node", None)
    if not isinstance(node, Node) or not isinstance(node.op, Card) or len(node.inputs) != 1:
        return "", ()
    value = Symbol("y")
    factors = _derivative(type(node.op))
    return node.op.name, tuple(substitute(f, lambda s: symbol if s == value else None) for f in factors)


@cache
def _derivative(card: type[Card]) -> tuple[Tree, ...]:
    """The factors of a card's derivative where they are formulas of its value; none where they are not."""
    text = next((t for t in card.pullbacks.values() if isinstance(t, str)), "dy")
    tree = normal(parse(text))
    if not isinstance(tree, Product) or Symbol("dy") not in tree.factors:
        return ()
    slope = tuple(part for part in tree.factors if part != Symbol("dy"))
    known = all(leaf == Symbol("y") or isinstance(leaf, Number) for part in slope for leaf in leaves(part))
    return slope if known and slope != (Symbol("y"),) else ()

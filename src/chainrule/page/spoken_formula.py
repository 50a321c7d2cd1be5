"""Formulas in words: "the error signal δ₁ times the derivative of the sigmoid at z₁ times ..."

``notation.spoken`` words the mathematics. This module adds the nouns of the symbols, names a prediction minus
its target the error, and names factors that equal the derivative in the card of an activation function its
derivative. The factors a₁(1 − a₁) are written with the value of the sigmoid; the derivative that they are is
taken at its argument z₁.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import cache

from chainrule.graph import Node
from chainrule.messages import translated
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
from chainrule.ops import CARDS
from chainrule.ops.operation_card import Card
from chainrule.page.page import Equation
from chainrule.records import frozen
from chainrule.texts.sentence import BECOMES, DERIVATIVE, DERIVATIVE_OF_VALUE, ERROR, IN_TIME, NOUNS, READ_OUT

_CHINESE = {card.name: card.chinese for card in CARDS}
Arguments = Sequence[tuple[Hashable, Tree]]
LONGEST = 24  # maximum number of leaves; longer formulas are not worded


@frozen
class DerivativeFactors:
    """The target of the factors of a derivative.

    Args:
        function: the name of the function.
        at: the symbol of its argument, where the derivative is taken; ``None`` if the argument has no symbol.
        value: the symbol of its value.
    """

    function: str
    at: Tree | None
    value: Tree


@frozen
class Error:
    """The target of a prediction minus its target value."""

    formula: Tree


def spoken(tree: Tree, lang: str, arguments: Arguments = ()) -> str:
    """Return a formula of an explanation in words.

    Args:
        lang: ``"en"`` or ``"zh"``.
        arguments: as in ``Equation``.

    Example:
        >>> spoken(parse("delta[1]^{(2)} * w[1,1]^{(2)}"), "en")
        'the error signal δ₁⁽²⁾ times the weight w₁₁⁽²⁾'
    """
    return to_words(named_factors(tree, arguments), lang, namer=lambda part: _named(part, lang))


def named_factors(tree: Tree, arguments: Arguments = ()) -> Tree:
    """Return the formula with derivatives and errors as links to ``DerivativeFactors`` and ``Error``."""
    known = dict(arguments)
    return substitute(tree, lambda part: _with_named_factors(part, known))


def spoken_equation(equation: Equation, lang: str) -> str:
    """Return an equation in words: its name and its formula; ``""`` where there is none to read."""
    if equation.left is None or not equation.steps or len(leaves(equation.steps[0])) > LONGEST:
        return ""
    sentence = READ_OUT if equation.sign == "=" else BECOMES
    left, right = spoken(equation.left, lang), spoken(equation.steps[0], lang, equation.arguments)
    text = spaced(translated(sentence, lang).format(left=left, right=right))
    return text[0].upper() + text[1:] + ("。" if lang == "zh" else ".")


def _named(tree: Tree, lang: str) -> str | None:
    match tree:
        case Link(DerivativeFactors(function, at, value), _):
            name = _CHINESE.get(function, function) if lang == "zh" else function
            if at is None:
                return translated(DERIVATIVE_OF_VALUE, lang).format(function=name, value=to_unicode(value))
            return translated(DERIVATIVE, lang).format(function=name, at=to_unicode(at))
        case Link(Error(formula), _):
            return translated(ERROR, lang).format(formula=to_unicode(formula))
        case Symbol(name, _, above, accent):
            nouns = NOUNS | IN_TIME if "t=" in above else NOUNS
            letter = f"{name}_{accent}" if accent else name
            return (
                f"{translated(nouns[letter], lang, letter)} {to_unicode(tree)}" if letter in nouns else None
            )
        case _:
            return None


def _with_named_factors(tree: Tree, arguments: Mapping[Hashable, Tree]) -> Tree | None:
    """Replace derivatives in a product, and errors, by named links; ``None`` for anything else."""
    match tree:
        case Sum((Link(_, Symbol("y", _, _, "hat")), Negative(Link(_, Symbol("y", _, _, ""))))):
            return Link(Error(tree), tree)
        case Product(factors):
            return _with_derivatives(factors, arguments)
        case _:
            return None


def _with_derivatives(factors: tuple[Tree, ...], arguments: Mapping[Hashable, Tree]) -> Tree | None:
    left = list(factors)
    for symbol in dict.fromkeys(link for factor in factors for link in _symbols(factor)):
        function, slope = _derivative_of(symbol)
        if slope and all(part in left for part in slope):
            place = min(left.index(part) for part in slope)
            left = [part for part in left if part not in slope]
            target = DerivativeFactors(function, arguments.get(symbol.target), symbol)
            left.insert(place, Link(target, Product(slope)))
    return Product(tuple(left)) if left != list(factors) else None


def _symbols(tree: Tree) -> Iterator[Link]:
    if isinstance(tree, Link) and isinstance(tree.inner, Symbol):
        yield tree
    for part in children(tree):
        yield from _symbols(part)


def _derivative_of(symbol: Link) -> tuple[str, tuple[Tree, ...]]:
    """Return the function whose value a symbol is, and the factors of its derivative, if any."""
    node = getattr(symbol.target, "node", None)
    if not isinstance(node, Node) or not isinstance(node.op, Card) or len(node.inputs) != 1:
        return "", ()
    value = Symbol("y")
    factors = _derivative_factors(type(node.op))
    return node.op.name, tuple(substitute(f, lambda s: symbol if s == value else None) for f in factors)


@cache
def _derivative_factors(card: type[Card]) -> tuple[Tree, ...]:
    """Return the factors of a card's derivative if they depend only on its value, otherwise ``()``."""
    text = next((t for t in card.pullbacks.values() if isinstance(t, str)), "dy")
    tree = normal(parse(text))
    if not isinstance(tree, Product) or Symbol("dy") not in tree.factors:
        return ()
    slope = tuple(part for part in tree.factors if part != Symbol("dy"))
    known = all(leaf == Symbol("y") or isinstance(leaf, Number) for part in slope for leaf in leaves(part))
    return slope if known and slope != (Symbol("y"),) else ()

"""The normal form of a formula: one tree for all trees that are printed alike.

``(a + b) + c`` and ``a + b + c`` are the same formula in print, and so are -0.5 as a number and the negative
of 0.5. Printers print the normal form and the parser returns it, so that parsing printed text returns the
same tree. Nothing is evaluated: nested sums and products are flattened, and a minus is moved in front of the
product or quotient that it begins.
"""

from __future__ import annotations

import math

from chainrule.notation.tree import Link, Negative, Number, Product, Quotient, Sum, Tree, substitute


def normal(tree: Tree) -> Tree:
    """Return the tree that is printed like this one and is returned when the text is parsed.

    Example:
        >>> normal(Product((Number(-0.5), Product((Number(2), Number(3))))))
        Negative(inner=Product(factors=(Number(value=0.5), Number(value=2), Number(value=3)), kind=''))
    """
    return substitute(tree, _normal)


def _normal(tree: Tree) -> Tree | None:
    # The parts of `tree` are normal already; `None` means that the node is normal too.
    match tree:
        case Number(value) if math.copysign(1, value) < 0 and value == value:
            return Negative(Number(-value))
        case Link(target, Negative(inner)):
            return Negative(_renormalized(Link(target, inner)))
        case Sum(terms):
            return _sum(terms)
        case Product(factors, kind):
            return _product(factors, kind)
        case Quotient(Negative(above), below):
            return Negative(_renormalized(Quotient(above, below)))
        case _:
            return None


def _renormalized(tree: Tree) -> Tree:
    # The minus that was moved out may have followed another one.
    return _normal(tree) or tree


def _sum(terms: tuple[Tree, ...]) -> Tree:
    flat: list[Tree] = []
    for term in terms:
        flat.extend(term.terms if isinstance(term, Sum) else (term,))
    if len(flat) == 1:
        return flat[0]
    return Sum(tuple(flat)) if flat else Number(0)


def _product(factors: tuple[Tree, ...], kind: str = "") -> Tree:
    flat: list[Tree] = []
    for factor in factors:
        flat.extend(factor.factors if isinstance(factor, Product) and factor.kind == kind else (factor,))
    if len(flat) == 1:
        return flat[0]
    if flat and isinstance(flat[0], Negative):
        return Negative(_product((flat[0].inner, *flat[1:]), kind))
    return Product(tuple(flat), kind) if flat else Number(1)

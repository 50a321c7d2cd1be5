"""A formula as a tree: the one form that is printed in all notations, and computed.

A formula that exists only as text becomes wrong when the code next to it changes. As a tree, it can be
computed with the numbers of a sample and compared with the result of the code. Nodes are frozen and compare
by content, so two formulas are equal exactly if they have the same structure.

Indices are part of the symbol: ``x[i,k]`` is ``Symbol("x", ("i", "k"))``, each index a short text (``"i+1"``
and ``"y[i]"`` are indices too). They are names and are never computed.

Example:
    >>> z = Symbol("z")
    >>> g = Quotient(Number(1), Sum((Number(1), Apply("exp", (Negative(z),)))))
    >>> round(float(value(g, {z: 0.4}.__getitem__)), 6)
    0.598688

Mark products of arrays as elementwise: ``x ⊙ y`` of two arrays, ``2·x`` of a number and an array.

A formula contains ``a * b`` for both. When it is printed with arrays in the place of its letters, the shapes
decide: factors that are arrays are joined by ⊙, single numbers precede them with ``·``. Matrix products are
marked where they are built, since no letter distinguishes them from elementwise products.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from functools import reduce
from operator import attrgetter, is_not
from typing import Any, TypeAlias, Union

import numpy as np

from chainrule.notation.functions import COMPARISONS, CONSTANTS, FUNCTIONS, Numbers
from chainrule.records import frozen

ACCENTS = ("hat", "bar")
BIG_SIGNS = ("sum", "prod", "max", "min")


@frozen
class Number:
    """A number; an integer stays an ``int`` and is printed without a point."""

    value: float | int


@frozen
class Symbol:
    """A letter or word that represents a value, such as w with indices 1, 2 of layer 1.

    Args:
        name: a letter, a word, or a Greek letter spelled out (``"delta"``).
        sub: the indices, each a text.
        sup: the layer or sample in superscript brackets, ``"1"`` for w^(1); never a power.
        accent: ``"hat"``, ``"bar"`` or ``""``.
    """

    name: str
    sub: tuple[str, ...] = ()
    sup: str = ""
    accent: str = ""


@frozen
class Element:
    """The element at ``index`` of input ``argument`` (from 0) of an op, until a symbol replaces it."""

    argument: int
    index: tuple[int, ...]


@frozen
class Link:
    """A part of a formula that belongs to ``target``: printed as ``inner``, and linked on a page."""

    target: Hashable
    inner: Tree


@frozen
class Sum:
    """A sum of terms; subtraction is a ``Negative`` term."""

    terms: tuple[Tree, ...]


@frozen
class Product:
    """A product of factors.

    Args:
        factors: the factors.
        kind: ``"elements"`` for elementwise products of arrays; ``"matrix"`` for matrix products; ``""`` for
            numbers, at most one of which is an array.
    """

    factors: tuple[Tree, ...]
    kind: str = ""


@frozen
class Quotient:
    """``above`` divided by ``below``."""

    above: Tree
    below: Tree


@frozen
class Power:
    """``base`` raised to ``exponent``."""

    base: Tree
    exponent: Tree


@frozen
class Negative:
    """``inner`` with the opposite sign."""

    inner: Tree


@frozen
class Apply:
    """A function of the table ``FUNCTIONS``, applied to arguments."""

    function: str
    arguments: tuple[Tree, ...]


@frozen
class Compare:
    """A comparison such as ``left`` < ``right``, with one of six operators; its value is true or false."""

    sign: str
    left: Tree
    right: Tree


@frozen
class Big:
    """The sum, product, maximum or minimum of ``inner`` over all values of ``index``; never computed."""

    sign: str
    index: str
    inner: Tree


@frozen
class Derivative:
    """The partial derivative of ``of`` with respect to ``by``: a symbol for a number; never computed."""

    of: Tree
    by: Tree


Tree: TypeAlias = Union[  # noqa: UP007  (a recursive alias that pyright and isinstance can read)
    Number, Symbol, Element, Link, Sum, Product, Quotient, Power, Negative, Apply, Compare, Big, Derivative
]


def children(tree: Tree) -> tuple[Tree, ...]:
    """Return the parts of a tree, from left to right; none for a leaf."""
    parts = _PARTS.get(type(tree))
    return () if parts is None else parts(tree)


# Called for every node of thousands of formulas: a table is several times faster than pattern matching.
_PARTS: dict[type, Callable[[Any], tuple[Tree, ...]]] = {
    Sum: lambda tree: tree.terms,
    Product: lambda tree: tree.factors,
    Apply: lambda tree: tree.arguments,
    Link: lambda tree: (tree.inner,),
    Big: lambda tree: (tree.inner,),
    Negative: lambda tree: (tree.inner,),
    Quotient: attrgetter("above", "below"),
    Power: attrgetter("base", "exponent"),
    Compare: attrgetter("left", "right"),
    Derivative: attrgetter("of", "by"),
}


def with_children(tree: Tree, parts: tuple[Tree, ...]) -> Tree:
    """Return the same node with other parts, as many as ``children`` returns."""
    match tree:
        case Sum():
            return Sum(parts)
        case Product():
            return Product(parts, tree.kind)
        case Apply(function, _):
            return Apply(function, parts)
        case Link(target, _):
            return Link(target, parts[0])
        case Big(sign, index, _):
            return Big(sign, index, parts[0])
        case Negative():
            return Negative(parts[0])
        case Compare(sign, _, _):
            return Compare(sign, parts[0], parts[1])
        case Quotient() | Power() | Derivative():
            return type(tree)(parts[0], parts[1])
        case _:
            return tree


def substitute(
    tree: Tree, replace: Callable[[Tree], Tree | None], known: dict[int, Tree] | None = None
) -> Tree:
    """Replace every node for which ``replace`` returns a tree.

    Works from the bottom up: ``replace`` is called with a node after its parts were replaced, and its result
    is not traversed again, so a symbol may be replaced by a formula that contains the same symbol.

    Args:
        tree: the formula.
        replace: returns the new tree, or ``None`` to keep the node.
        known: an empty dict if ``replace`` always returns the same for the same node: a shared part is then
            traversed once. In the formulas of a deep network, this may be thousands of times less work.

    Example:
        >>> x = Symbol("x")
        >>> substitute(Power(x, Number(2)), lambda node: Number(0.5) if node == x else None)
        Power(base=Number(value=0.5), exponent=Number(value=2))
    """
    if known is not None and id(tree) in known:
        return known[id(tree)]
    parts, changed = children(tree), tree
    if parts:
        new = tuple([substitute(part, replace, known) for part in parts])
        if any(map(is_not, parts, new)):
            changed = with_children(tree, new)
    other = replace(changed)
    result = changed if other is None else other
    if known is not None:
        known[id(tree)] = result
    return result


def leaves(tree: Tree) -> tuple[Tree, ...]:
    """Return the numbers, symbols and elements of a tree, from left to right, with repetitions.

    An empty ``Sum`` has no leaves.
    """
    parts = children(tree)
    if parts:
        return tuple(leaf for part in parts for leaf in leaves(part))
    return (tree,) if isinstance(tree, Number | Symbol | Element) else ()


def is_numeric(tree: Tree) -> bool:
    """Return whether a tree contains only numbers, so that it can be computed without a lookup."""
    parts = children(tree)
    if parts:
        return not isinstance(tree, Big | Derivative) and all(is_numeric(part) for part in parts)
    return not isinstance(tree, Symbol | Element)


def value(tree: Tree, lookup: Callable[[Tree], Numbers]) -> Numbers:
    """Return the value of a formula for given values of its symbols.

    Args:
        tree: the formula.
        lookup: returns the number or the array for a ``Symbol`` or an ``Element``; not called for ``pi`` and
            ``e``.

    Raises:
        ValueError: a ``Big`` or a ``Derivative``, which cannot be computed.

    Numerics: IEEE arithmetic without warnings: 1/0 is infinite and log(-1) is nan. Booleans count as 1 or 0.

    Example:
        >>> x = Symbol("x")
        >>> value(Power(x, Number(2)), {x: np.array([1.0, 3.0])}.__getitem__)
        array([1., 9.])
    """
    with np.errstate(all="ignore"):
        return _value(tree, lookup)


def _value(tree: Tree, lookup: Callable[[Tree], Numbers]) -> Numbers:
    match tree:
        case Number(number):
            return number
        case Symbol(name, (), "", "") if name in CONSTANTS:
            return CONSTANTS[name]
        case Symbol() | Element():
            return lookup(tree)
        case Big() | Derivative():
            raise ValueError(f"{tree} represents a number and cannot be computed")
        case Link(_, inner):
            return _value(inner, lookup)
        case Apply(function, arguments):
            return FUNCTIONS[function].evaluate(*(_value(part, lookup) for part in arguments))
        case Compare(sign, left, right):
            return COMPARISONS[sign](_value(left, lookup), _value(right, lookup))
    return _arithmetic(tree, [_quantity(_value(part, lookup)) for part in children(tree)])


def _arithmetic(tree: Tree, parts: list[Numbers]) -> Numbers:
    match tree:
        case Sum():
            return reduce(np.add, parts) if parts else 0.0
        case Product():
            return reduce(np.multiply, parts) if parts else 1.0
        case Quotient():
            return np.divide(*parts)
        case Power():
            return np.power(*parts)
        case _:
            return np.negative(parts[0])


def _quantity(number: Numbers) -> Numbers:
    # NumPy adds booleans as "or" and refuses to negate them; integers have no negative powers.
    if isinstance(number, bool | int | np.bool_ | np.integer):
        return float(number)
    if isinstance(number, np.ndarray) and number.dtype.kind in "bui":
        return number.astype(np.float64)
    return number


# The normal form of a formula: one tree for all trees that are printed alike.
#
# ``(a + b) + c`` and ``a + b + c`` are the same formula in print, and so are -0.5 as a number and the
# negative of 0.5. Printers print the normal form and the parser returns it, so that parsing printed text
# returns the same tree. Nothing is evaluated: nested sums and products are flattened, and a minus is moved in
# front of the product or quotient that it begins.


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


def elementwise(tree: Tree, is_array: Callable[[Tree], bool]) -> Tree:
    """Mark every product of arrays in a formula as elementwise.

    Args:
        tree: the formula.
        is_array: whether a leaf represents more than one number.

    Example:
        >>> from chainrule.notation import Symbol, parse, to_unicode
        >>> tree = parse("dy * 2 * y * (1 - y) * s")
        >>> to_unicode(elementwise(tree, lambda leaf: leaf in (Symbol("y"), Symbol("dy"))))
        '2·s·dy ⊙ y ⊙ (1 − y)'
    """

    def holds_array(part: Tree) -> bool:
        if isinstance(part, Big):
            return False  # a sum over an index is one number
        parts = children(part)
        return any(map(holds_array, parts)) if parts else is_array(part)

    def mark(part: Tree) -> Tree | None:
        if not isinstance(part, Product) or part.kind:
            return None
        return product(part.factors, [holds_array(factor) for factor in part.factors])

    return substitute(tree, mark)


def product(factors: tuple[Tree, ...], are_arrays: list[bool]) -> Tree:
    """Return a product in which the arrays among its factors are joined by ⊙."""
    flat: list[tuple[Tree, bool]] = []
    for factor, is_array in zip(factors, are_arrays, strict=True):
        if isinstance(factor, Product) and factor.kind != "matrix" and is_array:
            inner = factor.factors if factor.kind else (*factor.factors[:-1], *_elements(factor.factors[-1]))
            count = len(factor.factors) if factor.kind else len(_elements(factor.factors[-1]))
            flat += [(part, i >= len(inner) - count) for i, part in enumerate(inner)]
        else:
            flat.append((factor, is_array))
    arrays = tuple(part for part, is_array in flat if is_array)
    rest = tuple(part for part, is_array in flat if not is_array)
    if len(arrays) < 2:
        return Product((*rest, *arrays))
    array_product = Product(arrays, "elements")
    return Product((*rest, array_product)) if rest else array_product


def _elements(tree: Tree) -> tuple[Tree, ...]:
    return tree.factors if isinstance(tree, Product) and tree.kind == "elements" else (tree,)

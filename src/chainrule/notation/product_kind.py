"""Mark products of arrays as elementwise: ``x ⊙ y`` of two arrays, ``2·x`` of a number and an array.

A formula contains ``a * b`` for both. When it is printed with arrays in the place of its letters, the shapes
decide: factors that are arrays are joined by ⊙, single numbers precede them with ``·``. Matrix products are
marked where they are built, since no letter distinguishes them from elementwise products.
"""

from __future__ import annotations

from collections.abc import Callable

from chainrule.notation.tree import Big, Product, Tree, children, substitute


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

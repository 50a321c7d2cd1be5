"""Traversal of formulas with shared parts."""

from __future__ import annotations

from chainrule.notation import Number, Sum, Symbol, Tree, parse, substitute
from chainrule.trace.formula_builder import simplify

X = Symbol("x")


def test_shared_parts_are_traversed_once() -> None:
    seen = 0

    def replace(node: Tree) -> Tree | None:
        nonlocal seen
        seen += 1
        return Number(2) if node == X else None

    tree: Tree = X
    for _ in range(60):  # 2**60 places of x, 61 parts
        tree = Sum((tree, tree))
    result = substitute(tree, replace, {})
    assert seen == 61
    for _ in range(60):
        assert isinstance(result, Sum)
        assert result.terms[0] is result.terms[1]
        result = result.terms[0]
    assert result == Number(2)


def test_memoization_does_not_change_the_result() -> None:
    part = parse("0 * x + 1 * y")
    tree = Sum((part, Sum((part, Number(0))), parse("-(-z)")))

    def double(node: Tree) -> Tree | None:
        return Sum((node, node)) if node == Symbol("y") else None

    assert substitute(tree, double, {}) == substitute(tree, double)
    assert simplify(tree) == parse("y + y + z")

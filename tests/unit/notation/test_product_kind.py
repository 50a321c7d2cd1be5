"""Elementwise products of arrays are printed with ⊙, all others are not, in every notation."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from case_loops import loop_over
from chainrule.catalog.block import block as block_of
from chainrule.catalog.kind import KINDS
from chainrule.graph import Node
from chainrule.notation import Apply, Big, Compare, Product, Symbol, Tree, children, normal
from chainrule.notation.parse import parse
from chainrule.notation.tree import elementwise
from chainrule.notation.unicode import to_unicode
from chainrule.ops import CARDS, node_to_formula

SHAPES = {"x": (3, 3), "w": (3, 3), "v": (3,), "s": ()}
INPUTS = {name: cr.input(name, shape, "float64") for name, shape in SHAPES.items()}


def combined(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    both, one = st.tuples(inner, inner), st.tuples(inner)
    return st.one_of(
        both.map(lambda p: p[0] * p[1]),
        both.map(lambda p: p[0] + p[1]),
        both.map(lambda p: p[0] / (p[1] + 2.0)),
        both.map(lambda p: p[0] @ p[1] if p[0].rank == p[1].rank == 2 else p[0] * p[1]),
        one.map(lambda p: cr.tanh(p[0])),
        one.map(lambda p: p[0] * 2.0),
        one.map(lambda p: 1.0 - p[0]),
        one.map(lambda p: p[0].T if p[0].rank == 2 else p[0]),
    )


GRAPHS = st.recursive(st.sampled_from(list(INPUTS.values())), combined, max_leaves=8)


def trees(node: Node) -> list[Tree]:
    """The formula of a node as trees, a line each."""
    formulas: list[Tree] = []
    with pytest.MonkeyPatch.context() as patch:

        def keep(tree: Tree) -> str:
            formulas.append(tree)
            return ""

        patch.setitem(node_to_formula.NOTATIONS, "unicode", keep)
        cr.formula(node)
    return [normal(tree) for tree in formulas]


def shape_of(tree: Tree, known: dict[str, tuple[int, ...]]) -> tuple[int, ...]:
    """The shape of a part of a formula, with the kind of every product in it checked."""
    shapes = [shape_of(part, known) for part in children(tree)]
    match tree:
        case Symbol(name):
            return known.get(name, ())
        case Product(_, "matrix"):
            assert all(len(shape) == 2 for shape in shapes)
            return shapes[0][0], shapes[-1][1]
        case Product(_, kind):
            arrays = [shape for shape in shapes if shape]
            assert kind == ("elements" if len(arrays) > 1 else "") or len(arrays) == 1
            assert kind != "elements" or len(arrays) == len(shapes)
            return max(arrays, key=len, default=())
        case Big():
            return ()
        case _:
            return max(shapes, key=len, default=())


@pytest.mark.long
@settings(max_examples=300, deadline=None)
@given(GRAPHS)
def test_shapes_decide_the_product_sign(node: Node) -> None:
    known = dict(SHAPES)
    assert trees(node)
    for line in trees(node):
        if isinstance(line, Compare):  # h1 = ...
            known |= {line.left.inner.name: shape_of(line.right, known)}  # pyright: ignore
        else:
            shape_of(line, known)


@settings(max_examples=100, deadline=None)
@given(GRAPHS)
def test_all_notations_agree_on_product_signs(node: Node) -> None:
    unicode = cr.formula(node).count("⊙")
    assert cr.formula(node, "latex").count(r"\odot") == unicode
    assert cr.formula(node, "mathml").count("⊙") == unicode
    assert cr.formula(node, "words", lang="en").count("element by element") == unicode
    assert cr.formula(node, "words", lang="zh").count("按元素乘以") == unicode


CASES: dict[str, tuple[Callable[..., Any], str, str, str]] = {
    "elements": (lambda x, w, v, s: x * w, "x ⊙ w", r"x \odot w", "x * w"),
    "matrices": (lambda x, w, v, s: x @ w, "x·w", r"x \cdot w", "x @ w"),
    "a number": (lambda x, w, v, s: x * s, "s·x", r"s \cdot x", "s * x"),
    "a row": (lambda x, w, v, s: x * v, "x ⊙ v", r"x \odot v", "x * v"),
    "both": (lambda x, w, v, s: (x @ w) * x, "(x·w) ⊙ x", r"\left(x \cdot w\right) \odot x", "(x @ w) * x"),
    "inside": (lambda x, w, v, s: (x * w) @ w, "(x ⊙ w)·w", r"\left(x \odot w\right) \cdot w", "(x * w) @ w"),
    "numbers alone": (lambda x, w, v, s: s * s, "s·s", r"s \cdot s", "s * s"),
}


@pytest.mark.parametrize("name", CASES)
def test_product_signs_of_notations(name: str) -> None:
    build, *expected = CASES[name]
    node = build(*INPUTS.values())
    assert [cr.formula(node, kind) for kind in ("unicode", "latex", "ascii")] == expected


@loop_over("name", KINDS["op"].entries)
def test_rules_of_operations_use_the_elementwise_sign(name: str) -> None:
    """Bare letters of an op (x, y, dy) are arrays, those with indices and its settings are numbers."""
    block = block_of("op", name)
    arguments = {Symbol(a) for a in (*getattr(block.definition, "arguments", ()), "y", "dy")}
    formulas = [line.tree for line in (*block.formulas, *block.backward) if line.tree is not None]
    assert formulas or not isinstance(block.definition, type), "only functions of other operations have none"
    for tree in formulas:
        assert normal(tree) == normal(elementwise(tree, arguments.__contains__))
        known = {symbol.name: (3, 3) for symbol in arguments}
        _check_bare(tree, known)


def _check_bare(tree: Tree, known: dict[str, tuple[int, ...]]) -> bool:
    """Whether a part contains an array; asserts that a product of two arrays has a sign."""
    if isinstance(tree, Big):
        return False
    parts = [_check_bare(part, known) for part in children(tree)]
    if isinstance(tree, Product):
        assert (sum(parts) > 1) == (tree.kind == "elements")
    if not parts:
        return isinstance(tree, Symbol) and not tree.sub and tree.name in known
    return any(parts)


@loop_over("card", CARDS, ids=lambda card: card.name)
def test_sentences_of_operations_use_no_letter_of_derivations(card: Any) -> None:
    """x is the input of a network there, y the target and b a bias, whatever they are in a card."""
    for clause in (card.says.forward, card.says.backward, card.says.forward_zh, card.says.backward_zh):
        assert re.findall(r"(?<![A-Za-z])(?![aAe])[A-Za-z](?![A-Za-z])", clause) == []


def test_elementwise_marks_parsed_products() -> None:
    tree = elementwise(parse("dy * y * (1 - y)"), lambda leaf: leaf in (Symbol("y"), Symbol("dy")))
    assert to_unicode(tree) == "dy ⊙ y ⊙ (1 − y)"
    assert to_unicode(Apply("exp", (tree,))) == "e^(dy ⊙ y ⊙ (1 − y))"
    assert len(CARDS) > 50

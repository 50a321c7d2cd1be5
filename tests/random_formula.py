"""Random formulas for the tests of notations, and what makes two of them comparable."""

from __future__ import annotations

import math

from hypothesis import strategies as st

from chainrule.notation import (
    FUNCTIONS,
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
    substitute,
)

# The elements of MathML Core that the printer uses.
_NAMES = "math mi mn mo mtext mrow mfrac msqrt msub msup msubsup munder mover mtable mtr mtd"
CORE = frozenset(_NAMES.split())

letters = st.sampled_from("abcwxyzJ")
indices = st.lists(st.sampled_from("123ijk"), max_size=2).map(tuple)
symbols = st.builds(Symbol, letters, indices, st.sampled_from(["", "", "1", "l"]))
plain_numbers = st.sampled_from([0, 1, 2, 0.5, -0.25, 1.0, -3, 123.0625, -3.2e-7, 1.5e9])


def grow(leaf: st.SearchStrategy[Tree], more) -> st.SearchStrategy[Tree]:
    def node(part: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
        parts = st.lists(part, min_size=1, max_size=3).map(tuple)
        return st.one_of(
            st.builds(Sum, parts),
            st.builds(Product, parts),
            st.builds(Quotient, part, part),
            st.builds(Power, part, part),
            st.builds(Negative, part),
            st.builds(Link, st.just("x"), part),
            *more(part),
        )

    return st.recursive(leaf, node, max_leaves=8)


def calls(part: st.SearchStrategy[Tree], names: list[str]) -> st.SearchStrategy[Tree]:
    return st.sampled_from(names).flatmap(
        lambda name: st.builds(Apply, st.just(name), st.tuples(*[part] * FUNCTIONS[name].arity))
    )


signs = st.sampled_from(["<", "<=", "==", "!=", ">=", ">"])
any_tree = grow(
    st.one_of(
        st.builds(Number, plain_numbers | st.floats() | st.integers()),
        st.builds(
            Symbol,
            st.sampled_from(["a", "delta", "dy", "beta1", "z_o", "层", "d", "e"]),
            indices,
            st.sampled_from(["", "1", "l-1"]),
            st.sampled_from(["", "hat", "bar"]),
        ),
        st.builds(Symbol, st.just("x"), st.just(("i+1", "y[i,0]"))),
        st.builds(Element, st.integers(0, 3), st.lists(st.integers(0, 99), max_size=2).map(tuple)),
    ),
    lambda part: [
        calls(part, list(FUNCTIONS)),
        st.builds(Apply, st.sampled_from(["max", "min"]), st.tuples(part, part, part)),
        st.builds(Compare, signs, part, part),
        st.builds(Big, st.sampled_from(["sum", "prod", "max", "min"]), st.sampled_from(["k", "alpha"]), part),
        st.builds(Derivative, part, part),
    ],
)
readable_tree = grow(
    st.builds(Number, plain_numbers) | symbols,
    lambda part: [
        calls(part, ["exp", "log", "tanh", "max", "sign", "and", "or", "not"]),
        st.builds(Compare, signs, part, part),
    ],
)
arithmetic_tree = grow(
    st.builds(Number, st.sampled_from([2, -0.5])) | symbols,
    lambda part: [st.builds(lambda left, right: Sum((left, Negative(right))), part, part)],
)


def unlinked(tree: Tree) -> Tree:
    return substitute(tree, lambda node: node.inner if isinstance(node, Link) else None)


def with_one_nan(tree: Tree) -> Tree:
    """The tree with every NaN replaced by the same object, since a NaN equals only itself."""
    return substitute(
        tree, lambda node: Number(math.nan) if isinstance(node, Number) and node.value != node.value else None
    )

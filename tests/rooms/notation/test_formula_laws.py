"""Laws over random formulas: what is printed is read back, in every notation, as the same formula.

A notation is read back by translating its text into the parser's own. The two trees are then compared by an
exact arithmetic over fractions, in which every function is some fixed rational expression: a missing bracket
changes the value, and rounding cannot hide it.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from xml.etree import ElementTree

from hypothesis import assume, given, settings
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
    children,
    normal,
    parse,
    substitute,
    to_ascii,
    to_latex,
    to_mathml,
    to_unicode,
)
from chainrule.notation.letter import _LOWERED, _RAISED

# The elements of MathML Core that we use.
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
        st.builds(Symbol, st.sampled_from(["a", "delta", "dy", "beta1", "z_o", "层", "d", "e"]), indices,
                  st.sampled_from(["", "1", "l-1"]), st.sampled_from(["", "hat", "bar"])),
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
)  # fmt: skip
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

FEW = settings(max_examples=150, deadline=None)


def unlinked(tree: Tree) -> Tree:
    return substitute(tree, lambda node: node.inner if isinstance(node, Link) else None)


def quiet(tree: Tree) -> Tree:
    """With one nan only, since a nan equals none but itself."""
    return substitute(
        tree, lambda node: Number(math.nan) if isinstance(node, Number) and node.value != node.value else None
    )


@FEW
@given(any_tree)
def test_ascii_is_read_back_as_the_same_tree(tree: Tree) -> None:
    tree = quiet(unlinked(tree))
    assert parse(to_ascii(tree, digits=None)) == normal(tree)


@FEW
@given(any_tree)
def test_the_normal_form_is_normal(tree: Tree) -> None:
    tree = quiet(tree)
    assert normal(normal(tree)) == normal(tree)


@FEW
@given(any_tree)
def test_every_tree_prints_balanced_latex_text_and_mathml_core(tree: Tree) -> None:
    latex, text = to_latex(tree), to_unicode(tree)
    bare = re.sub(r"\\[{}]", "", latex)
    depth = 0
    for char in bare:
        depth += (char == "{") - (char == "}")
        assert depth >= 0
    assert depth == 0
    assert latex.count(r"\left") == latex.count(r"\right")
    assert text.count("(") == text.count(")")
    assert "-" not in text
    elements = list(ElementTree.fromstring(to_mathml(tree)).iter())
    assert {element.tag.rpartition("}")[2] for element in elements} <= CORE
    for element in elements:
        asked = {"mfrac": 2, "msub": 2, "msup": 2, "mover": 2, "munder": 2, "msubsup": 3}
        assert len(element) == asked.get(element.tag.rpartition("}")[2], len(element))


def exact(tree: Tree) -> Fraction:
    """The value of a formula in an arithmetic without rounding, where functions are fixed rational ones."""
    match tree:
        case Number(value):
            return Fraction(repr(value))
        case Symbol():
            return Fraction(sum(ord(char) * 31**place for place, char in enumerate(repr(tree))) % 9973, 97)
        case Power(Symbol("e"), exponent):
            return exact(Apply("exp", (exponent,)))
        case Power(Number(10), exponent) if exact(exponent).denominator == 1 and abs(exact(exponent)) < 99:
            return Fraction(10) ** exact(exponent).numerator
    parts = [exact(part) for part in children(tree)]
    match tree:
        case Sum():
            return sum(parts, Fraction(0))
        case Product():
            return math.prod(parts, start=Fraction(1))
        case Quotient():
            assume(parts[1] != 0)
            return parts[0] / parts[1]
        case Negative():
            return -parts[0]
        case Link():
            return parts[0]
        case Apply(name, _):
            key = name
        case Compare(key, _, _):
            pass
        case _:
            key = type(tree).__name__
    first = sum(ord(char) for char in key)
    return sum(((first + 7 * place) * part for place, part in enumerate(parts)), Fraction(first, 13))


LOWER = {char: plain for plain, char in _LOWERED.items()}
RAISE = {char: plain for plain, char in _RAISED.items()}
LETTERS = {"−": "-", "≤": "<=", "≥": ">=", "≠": "!=", "∧": "&", "∨": "|", "¬": "not"}


def to_text(text: str) -> str:
    for char, plain in LETTERS.items():
        text = text.replace(char, plain)
    return re.sub("(?<![<>!=])=(?!=)", "==", text)


def from_unicode(text: str) -> Tree:
    text = re.sub(f"[{''.join(LOWER)}]+", lambda run: f"[{','.join(LOWER[char] for char in run[0])}]", text)
    text = re.sub("⁽(.)⁾", lambda run: f"^{{({RAISE[run[1]]})}}", text)
    text = re.sub(f"[{''.join(RAISE)}]+", lambda run: f"^({''.join(RAISE[char] for char in run[0])})", text)
    return parse(to_text(text))


def from_latex(text: str) -> Tree:
    text = re.sub(r"\\operatorname\{(\w+)\}", r"\1", text)
    text = re.sub(r"_\{(\w+)\}", lambda found: f"[{','.join(found[1])}]", text)
    text = re.sub(r"\^\{\((\w)\)\}", r"^<\1>", text)  # a layer, kept from the next lines
    text = text.replace(r"\frac", "").replace("}{", ")/(").replace("{", "(").replace("}", ")")
    text = re.sub(r"\^<(\w)>", r"^{(\1)}", text)
    for word, plain in {r"\left": "", r"\right": "", r"\cdot": "*", r"\times": "*", r"\land": "&"}.items():
        text = text.replace(word, plain)
    text = text.replace(r"\lor", "|").replace(r"\lnot", "not").replace(r"\le ", "<= ").replace(r"\ge ", ">= ")
    return parse(to_text(text.replace(r"\ne ", "!= ").replace("\\", "")))


def from_mathml(text: str) -> Tree:
    return parse(to_text(_infix(ElementTree.fromstring(text))))


def _infix(element: ElementTree.Element) -> str:
    parts = [_infix(part) for part in element]
    match element.tag.rpartition("}")[2]:
        case "mfrac":
            return f"({parts[0]})/({parts[1]})"
        case "msub":
            return f"{parts[0]}[{','.join(parts[1])}]"
        case "msubsup":
            return f"{parts[0]}[{','.join(parts[1])}]^{{{parts[2]}}}"
        case "msup" if element[0].tag.endswith("}mi"):
            return f"{parts[0]}^{{{parts[1]}}}"
        case "msup":
            return f"{parts[0]}^({parts[1]})"
        case _:
            return (element.text or "").strip("\u2061") + "".join(parts)


@FEW
@given(arithmetic_tree | readable_tree)
def test_unicode_means_what_the_tree_means(tree: Tree) -> None:
    assert exact(from_unicode(to_unicode(tree, digits=None))) == exact(tree)


@FEW
@given(arithmetic_tree | readable_tree)
def test_latex_means_what_the_tree_means(tree: Tree) -> None:
    assert exact(from_latex(to_latex(tree, digits=None))) == exact(tree)


@FEW
@given(arithmetic_tree | readable_tree)
def test_mathml_means_what_the_tree_means(tree: Tree) -> None:
    assert exact(from_mathml(to_mathml(tree, digits=None))) == exact(tree)

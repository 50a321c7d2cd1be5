"""Properties over random formulas: printed text is read back, in every notation, as the same formula.

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
    normal,
    parse,
    to_ascii,
    to_latex,
    to_mathml,
    to_unicode,
)
from chainrule.notation.unicode import _LOWERED, _RAISED
from latex_reader import from_latex
from random_formula import CORE, any_tree, arithmetic_tree, readable_tree, unlinked, with_one_nan

FEW = settings(max_examples=150, deadline=None)


@FEW
@given(any_tree)
def test_ascii_is_read_back_as_the_same_tree(tree: Tree) -> None:
    tree = with_one_nan(unlinked(tree))
    assert parse(to_ascii(tree, digits=None)) == normal(tree)


@FEW
@given(any_tree)
def test_normalization_is_idempotent(tree: Tree) -> None:
    tree = with_one_nan(tree)
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
        child_counts = {"mfrac": 2, "msub": 2, "msup": 2, "mover": 2, "munder": 2, "msubsup": 3}
        assert len(element) == child_counts.get(element.tag.rpartition("}")[2], len(element))


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
def test_unicode_has_the_value_of_the_tree(tree: Tree) -> None:
    assert exact(from_unicode(to_unicode(tree, digits=None))) == exact(tree)


@FEW
@given(arithmetic_tree | readable_tree)
def test_latex_has_the_value_of_the_tree(tree: Tree) -> None:
    assert exact(from_latex(to_latex(tree, digits=None))) == exact(tree)


@FEW
@given(arithmetic_tree | readable_tree)
def test_mathml_has_the_value_of_the_tree(tree: Tree) -> None:
    assert exact(from_mathml(to_mathml(tree, digits=None))) == exact(tree)

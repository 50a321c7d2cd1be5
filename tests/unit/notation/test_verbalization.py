"""Formulas in words: examples in both languages, and every formula of every card in all notations."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from hypothesis import given

from case_loops import loop_over
from chainrule.messages import LANGUAGES, translated
from chainrule.notation import (
    FUNCTIONS,
    Apply,
    Link,
    Number,
    Power,
    Symbol,
    Tree,
    parse,
    substitute,
    to_ascii,
    to_latex,
    to_mathml,
    to_unicode,
    to_words,
)
from chainrule.notation.spoken import FUNCTION_PHRASES, PHRASES
from chainrule.ops import CARDS
from latex_reader import from_latex
from random_formula import CORE, any_tree, with_one_nan

READ = [  # text, English, Chinese
    ("dy * y * (1 - y)", "dy times y times (1 minus y)", "dy 乘以 y 乘以（1 减去 y）"),
    (
        "1 / (1 + exp(-x))",
        "1 divided by (1 plus e to the power of (minus x))",
        "1 除以（1 加上（e 的（负 x）次方））",
    ),
    ("log(x) * y", "(the logarithm of x) times y", "x 的自然对数乘以 y"),
    ("y * log(x) + z", "y times (the logarithm of x) plus z", "y 乘以（x 的自然对数）加上 z"),
    ("log(x) + z", "(the logarithm of x) plus z", "x 的自然对数加上 z"),
    ("y * log(x)", "y times the logarithm of x", "y 乘以（x 的自然对数）"),
    ("log(x * y)", "the logarithm of (x times y)", "（x 乘以 y）的自然对数"),
    ("(a - b)^2 / 2", "(a minus b) squared divided by 2", "（a 减去 b）的平方除以 2"),
    ("x^2 - x^p", "x squared minus x to the power of p", "x 的平方减去（x 的 p 次方）"),
    ("x^3 + a^T", "x cubed plus a transposed", "x 的立方加上 a 的转置"),
    ("max(x, 0)", "the larger of x and 0", "x 与 0 中较大者"),
    (
        "max(x, 0, min(y, 1))",
        "the largest of x, 0 and (the smaller of y and 1)",
        "x、0 与（y 与 1 中较小者）中的最大者",
    ),
    ("where(x > 0, x, 0)", "x if x is greater than 0, else 0", "若 x 大于 0 则 x，否则 0"),
    ("d(J)/d(w) * x", "(the derivative of J by w) times x", "J 对 w 的偏导数乘以 x"),
    ("sum(k, a[i,k] * b[k,j])", "the sum over all k of (aᵢₖ times bₖⱼ)", "（aᵢₖ 乘以 bₖⱼ）对所有 k 求和"),
    (
        "a <= b & not(c) | d != 0",
        "a is at most b and (c does not hold) or d differs from 0",
        "a 不大于 b 且（c 不成立）或 d 不等于 0",
    ),
    ("3.2e-7 * x", "(3.2 times 10 to the power of minus 7) times x", "3.2 乘以 10 的负 7 次方乘以 x"),
    ("x + inf", "x plus infinity", "x 加上无穷大"),
    ("-x - -1", "minus x minus (minus 1)", "负 x 减去（负 1）"),
    ("log1p(x)", "the logarithm of (1 plus x)", "（1 加上 x）的自然对数"),
]


@loop_over(("text", "english", "chinese"), READ, ids=[row[0] for row in READ])
def test_formulas_in_words_as_written_by_hand(text: str, english: str, chinese: str) -> None:
    assert to_words(parse(text)) == english
    assert to_words(parse(text), "zh") == chinese


def test_a_namer_names_parts() -> None:
    slope, tree = Link("slope", parse("a * (1 - a)")), parse("delta * w * x")
    nouns = {Symbol("delta"): "the error", Symbol("x"): "the input x", slope: "the slope of the sigmoid"}
    exponential = Link("whole", Apply("exp", (slope,)))
    assert to_words(tree, namer=nouns.get) == "the error times w times the input x"
    assert to_words(exponential, namer=nouns.get) == "e to the power of the slope of the sigmoid"


def test_every_function_has_words_in_both_languages() -> None:
    written_otherwise = {"and", "or", "log1p", "expm1"}
    assert set(FUNCTION_PHRASES) == set(FUNCTIONS) - written_otherwise
    for english in (*FUNCTION_PHRASES.values(), *PHRASES.values()):
        chinese = translated(english, "zh")
        assert chinese != english
        assert sorted(re.findall(r"\{\w+\}", english)) == sorted(re.findall(r"\{\w+\}", chinese))


@given(any_tree)
def test_words_contain_every_leaf(tree: Tree) -> None:
    for lang in LANGUAGES:
        text = to_words(with_one_nan(tree), lang)
        assert text == text.strip()
        assert "  " not in text
        assert not re.search(r"(?<!_)\{", text)
        assert text.count("（" if lang == "zh" else "(") == text.count("）" if lang == "zh" else ")")


FORMULAS = [
    (f"{card.name} {part}", text)
    for card in CARDS
    for part, text in (("y", card.formula), *card.pullbacks.items())
    if isinstance(text, str)
]


@loop_over("text", [text for _, text in FORMULAS], ids=[name for name, _ in FORMULAS])
def test_every_formula_of_every_card_prints_in_all_notations(text: str) -> None:
    tree = parse(text)
    assert parse(to_ascii(tree, None)) == tree
    unicode, latex, english, chinese = to_unicode(tree), to_latex(tree), to_words(tree), to_words(tree, "zh")
    assert all((unicode, latex, english, chinese))
    elements = ElementTree.fromstring(to_mathml(tree)).iter()
    assert {element.tag.rpartition("}")[2] for element in elements} <= CORE
    assert latex.count("{") == latex.count("}")
    names = set(re.findall(r"[A-Za-z]{2,}", text)) - set(FUNCTIONS)  # names of symbols
    chinese = re.sub(r"_\{.*?\}", "", chinese)  # indices, which are not lowered
    assert set(re.findall(r"[A-Za-z]{2,}", chinese)) <= {*names, "Sigmoid", "ReLU", "softplus"}
    assert not re.search(r"[一-鿿]", english)


@loop_over("text", [text for _, text in FORMULAS], ids=[name for name, _ in FORMULAS])
def test_every_formula_of_every_card_is_read_back_from_latex(text: str) -> None:
    def on_paper(tree: Tree) -> Tree | None:
        match tree:
            case Apply("exp", (exponent,)):
                return Power(Symbol("e"), exponent)
            case _:
                return None

    tree = parse(text)
    assert from_latex(to_latex(tree, digits=None)) == substitute(tree, on_paper)


def test_linked_parts_are_links_in_mathml() -> None:
    tree = parse("a + b")
    linked = Link("one", tree)
    html = to_mathml(linked, place={"one": ("n1", "#e1")}.get)
    assert '<mtext data-node="one" class="n1"><a href="#e1"><math>' in html
    assert "<a" not in to_mathml(linked, place={"one": ("n1", "")}.get)
    assert "class" not in to_mathml(linked)
    assert to_mathml(Link("<", Number(1))).count("&lt;") == 1

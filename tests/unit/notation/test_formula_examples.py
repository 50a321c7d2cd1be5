"""Formulas checked by hand: their text in three notations and their value."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special

from chainrule.notation import (
    Apply,
    Big,
    Derivative,
    Element,
    Link,
    Negative,
    Number,
    Product,
    Quotient,
    Sum,
    Symbol,
    children,
    leaves,
    number,
    parse,
    substitute,
    to_ascii,
    to_latex,
    to_mathml,
    to_unicode,
    value,
)

WRITTEN = [  # text, Unicode, LaTeX
    ("1 / (1 + exp(-x))", "1/(1 + e^(−x))", r"\frac{1}{1 + e^{-x}}"),
    ("max(x, 0)", "max(x, 0)", r"\max\left(x, 0\right)"),
    (
        "where(x > 0, x, 0)",
        "where(x > 0, x, 0)",
        r"\begin{cases}x & \text{if } x > 0 \\ 0 & \text{else}\end{cases}",
    ),
    ("a * b", "a·b", r"a \cdot b"),
    ("a / b", "a/b", r"\frac{a}{b}"),
    ("x ^ p", "xᵖ", "x^{p}"),
    ("log(1 + exp(x))", "log(1 + e^(x))", r"\log\left(1 + e^{x}\right)"),
    ("2/sqrt(pi) * exp(-x^2)", "(2/√π)·e^(−x²)", r"\frac{2}{\sqrt{\pi}} \cdot e^{-x^{2}}"),
    ("sum(k, a[i,k] * b[k,j])", "Σₖ aᵢₖ·bₖⱼ", r"\sum_{k} a_{ik} \cdot b_{kj}"),
    ("-log(p[y])", "−log(p_y)", r"-\log\left(p_{y}\right)"),
    ("(a - b)^2 / 2", "(a − b)²/2", r"\frac{\left(a - b\right)^{2}}{2}"),
    ("x - log(sum(k, exp(x[k])))", "x − log(Σₖ e^(xₖ))", r"x - \log\left(\sum_{k} e^{x_{k}}\right)"),
    ("sign(x)", "sign(x)", r"\operatorname{sign}\left(x\right)"),
    ("abs(x)", "|x|", r"\left|x\right|"),
    ("floor(x / 2)", "⌊x/2⌋", r"\left\lfloor \frac{x}{2}\right\rfloor"),
    ("dy * y * (1 - y)", "dy·y·(1 − y)", r"\mathit{dy} \cdot y \cdot \left(1 - y\right)"),
    ("dy * (1 - y^2)", "dy·(1 − y²)", r"\mathit{dy} \cdot \left(1 - y^{2}\right)"),
    ("sqrt(mean)", "√mean", r"\sqrt{\mathit{mean}}"),
    ("sqrt(a + b)^3", "(√(a + b))³", r"\sqrt{a + b}^{3}"),
    ("delta[j]^{(l)}", "δⱼ⁽ˡ⁾", r"\delta_{j}^{(l)}"),
    ("w[1,2]^{(1)} ^ 2", "(w₁₂⁽¹⁾)²", r"\left(w_{12}^{(1)}\right)^{2}"),
    ("w[12,3]", "w_{12,3}", "w_{12,3}"),
    ("x[i+u,c]", "x_{i+u,c}", "x_{i + u,c}"),
    ("(y_hat - y)^2", "(ŷ − y)²", r"\left(\hat{y} - y\right)^{2}"),
    ("x_bar", "x̄", r"\bar{x}"),
    (
        "d(J)/d(y_hat) * d(y_hat)/d(z_o)",
        "∂J/∂ŷ · ∂ŷ/∂zₒ",
        r"\frac{\partial J}{\partial \hat{y}} \cdot \frac{\partial \hat{y}}{\partial z_{o}}",
    ),
    (
        "beta1 * m + (1 - beta1) * g",
        "β₁·m + (1 − β₁)·g",
        r"\beta_{1} \cdot m + \left(1 - \beta_{1}\right) \cdot g",
    ),
    ("a - (b - c)", "a − (b − c)", r"a - \left(b - c\right)"),
    ("(a - b) - c", "a − b − c", "a - b - c"),
    ("a / (b * c)", "a/(b·c)", r"\frac{a}{b \cdot c}"),
    ("a * (b / c)", "a·(b/c)", r"a \cdot \frac{b}{c}"),
    ("(a^b)^c", "(aᵇ)ᶜ", r"\left(a^{b}\right)^{c}"),
    ("a^b^c", "a^(bᶜ)", "a^{b^{c}}"),
    ("x^(p - 1)", "x^(p − 1)", "x^{p - 1}"),
    ("-x^2", "−x²", "-x^{2}"),
    ("(-x)^2", "(−x)²", r"\left(-x\right)^{2}"),
    ("x^-1", "x⁻¹", "x^{-1}"),
    ("sum(k, a[k]) / n", "(Σₖ aₖ)/n", r"\frac{\sum_{k} a_{k}}{n}"),
    ("2 * sum(k, a[k] + 1)", "2·Σₖ (aₖ + 1)", r"2 \cdot \sum_{k} \left(a_{k} + 1\right)"),
    ("sum(k, a[k]) * b", "(Σₖ aₖ)·b", r"\left(\sum_{k} a_{k}\right) \cdot b"),
    ("max_k(x[k])", "maxₖ xₖ", r"\max_{k} x_{k}"),
    ("max(k, x[k+1]) - min(k, x)", "maxₖ xₖ₊₁ − min(k, x)", r"\max_{k} x_{k + 1} - \min\left(k, x\right)"),
    ("a <= b & not(c) | d != 0", "a ≤ b ∧ ¬(c) ∨ d ≠ 0", r"a \le b \land \lnot\left(c\right) \lor d \ne 0"),
    ("log1p(x)", "log(1 + x)", r"\log\left(1 + x\right)"),
    ("a * expm1(x)", "a·(e^(x) − 1)", r"a \cdot \left(e^{x} - 1\right)"),
    ("0.1 * 1.0 + 0.4 * 0.5 + 0.1", "0.1×1.0 + 0.4×0.5 + 0.1", r"0.1 \times 1.0 + 0.4 \times 0.5 + 0.1"),
    ("3.2e-7 * x", "3.2×10⁻⁷·x", r"3.2 \times 10^{-7} \cdot x"),
]


@pytest.mark.parametrize(("text", "unicode", "latex"), WRITTEN, ids=[row[0] for row in WRITTEN])
def test_formulas_print_as_written_by_hand(text: str, unicode: str, latex: str) -> None:
    tree = parse(text)
    assert to_unicode(tree) == unicode
    assert to_latex(tree) == latex
    assert parse(to_ascii(tree)) == tree


def numbers(*values: float) -> tuple[Number, ...]:
    return tuple(Number(value) for value in values)


def test_substituted_numbers_read_like_the_worked_example() -> None:
    first = Sum((Product(numbers(0.5, 1.0)), Product(numbers(-0.6, 0.5)), Number(0.3)))
    assert to_unicode(first) == "0.5×1.0 − 0.6×0.5 + 0.3"
    chain = Product(numbers(-0.39101706, 0.23812275, -0.5, 0.24445826, 1.0))
    assert to_unicode(chain) == "−0.391017×0.238123×(−0.5)×0.244458×1.0"
    assert to_ascii(chain) == "-0.391017 * 0.238123 * (-0.5) * 0.244458 * 1.0"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.6089829, "0.608983"),
        (-0.09310995, "−0.093110"),
        (0.5, "0.5"),
        (1.0, "1.0"),
        (1, "1"),
        (-3, "−3"),
        (0.0, "0.0"),
        (0.00057312345, "0.000573"),
        (np.float32(0.1), "0.1"),
        (3.2e-7, "3.2×10⁻⁷"),
        (-1.23456789e-5, "−1.23457×10⁻⁵"),
        (1e9, "1×10⁹"),
        (1234.56789012, "1234.567890"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (math.nan, "nan"),
    ],
)
def test_number_formatting(value: float, text: str) -> None:
    assert number(value) == text


def test_fixed_and_full_precision() -> None:
    assert number(0.4, fixed=True) == "0.400000"
    assert number(-0.09310995123, digits=3) == "−0.093"
    assert float(number(0.1 + 0.2, digits=None)) == 0.1 + 0.2
    assert number(-3.2e-7, ascii=True) == "-3.2e-7"


@pytest.mark.parametrize(
    ("text", "computed"),
    [
        ("1 / (1 + exp(-x))", special.expit),
        ("sigmoid(x)", special.expit),
        ("max(x, 0)", lambda x: np.maximum(x, 0)),
        ("relu(x)", lambda x: np.maximum(x, 0)),
        ("where(x > 0, x, 0.1 * x)", lambda x: np.where(x > 0, x, 0.1 * x)),
        ("softplus(x)", lambda x: np.log1p(np.exp(x))),
        ("2/sqrt(pi) * exp(-x^2)", lambda x: 2 / np.sqrt(np.pi) * np.exp(-(x**2))),
        ("erf(x)", special.erf),
        ("max(x, -1, 0.5) + min(1, x, 2)", lambda x: np.maximum(x, 0.5) + np.minimum(x, 1)),
        ("(x > 0) + (x > 0.5)", lambda x: (x > 0) * 1.0 + (x > 0.5)),
        ("-(x > 0 & not(x > 1))", lambda x: -((x > 0) & ~(x > 1)).astype(float)),
        ("abs(x) - sign(x) * x", np.zeros_like),
        ("log1p(expm1(x)) + floor(x) - min(x, 1)", lambda x: x + np.floor(x) - np.minimum(x, 1)),
        ("e^x - exp(x) + tanh(x) + sin(x) * cos(x)", lambda x: np.tanh(x) + np.sin(x) * np.cos(x)),
    ],
)
def test_values_agree_with_numpy(text: str, computed) -> None:
    x = np.array([-2.5, -0.25, 0.0, 0.75, 3.0])
    np.testing.assert_allclose(value(parse(text), {Symbol("x"): x}.__getitem__), computed(x), atol=1e-14)


def test_integers_and_edge_cases_follow_ieee_without_warnings() -> None:
    x = np.array([0, 2])
    assert value(parse("x^-1"), lambda leaf: x).tolist() == [math.inf, 0.5]
    assert value(parse("1 / 0"), lambda leaf: 0) == math.inf
    assert value(parse("sigmoid(x)"), lambda leaf: np.array([-1e4, 1e4])).tolist() == [0.0, 1.0]
    assert math.isnan(value(parse("nan + log(-1)"), lambda leaf: 0))


def test_substituted_elements_are_links_in_mathml() -> None:
    w, x = Symbol("w", ("1", "2"), "1"), Symbol("x", ("2",))
    product = parse("#0[0,1] * #1[1]")
    assert leaves(product) == (Element(0, (0, 1)), Element(1, (1,)))
    named = substitute(product, {Element(0, (0, 1)): Link("w<1>", w), Element(1, (1,)): x}.get)
    assert to_unicode(named) == "w₁₂⁽¹⁾·x₂"
    assert value(named, {w: 0.4, x: 0.5}.__getitem__) == 0.2
    assert '<mrow data-node="w&lt;1&gt;"><msubsup><mi>w</mi>' in to_mathml(named)


def test_a_minus_inside_a_link_is_a_subtraction() -> None:
    tree = Sum((Number(1), Link("w", Number(-0.5)), Link("v", Negative(Symbol("v")))))
    assert to_unicode(tree) == "1 − 0.5 − v"


def test_an_open_factor_is_bracketed_unless_it_ends_the_product() -> None:
    total = Big("sum", "k", Symbol("a", ("k",)))
    assert to_unicode(Product((Symbol("b"), total, total))) == "b·(Σₖ aₖ)·Σₖ aₖ"


def test_empty_sums_and_products_are_zero_and_one() -> None:
    assert to_unicode(Sum(())) == "0"
    assert to_unicode(Product(())) == "1"
    assert value(Sum((Product(()), Sum(()))), lambda leaf: 0) == 1


def test_mathml_of_a_fraction_and_of_a_derivative() -> None:
    assert to_mathml(parse("-a / 3.2e-7")) == (
        '<math xmlns="http://www.w3.org/1998/Math/MathML"><mo>−</mo>'
        "<mfrac><mrow><mi>a</mi></mrow><mrow><mrow>"
        "<mn>3.2</mn><mo>×</mo><msup><mn>10</mn><mrow><mo>−</mo><mn>7</mn></mrow></msup>"
        "</mrow></mrow></mfrac></math>"
    )
    assert "<mfrac><mrow><mi>∂</mi><mi>J</mi></mrow><mrow><mi>∂</mi>" in to_mathml(parse("d(J)/d(w)"))


@pytest.mark.parametrize("text", ["d(J)/d(w)", "sum(k, x[k])"])
def test_big_operators_and_derivatives_are_not_computed(text: str) -> None:
    with pytest.raises(ValueError, match="cannot be computed"):
        value(parse(text), lambda leaf: 1.0)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a +", "character 4"),
        ("(a", r"'\)' expected at character 3"),
        ("a[i", r"'\]' expected"),
        ("x[i,]", "an index expected"),
        ("a b", "an operator or the end expected at character 3"),
        ("a ? b", "an operator or the end expected at character 3"),
        ("rleu(x)", "no function is called 'rleu'"),
        ("max(a)", "max takes 2 arguments"),
        ("sum(1, a)", "the index of a sum expected"),
        ("d(a)", "'/' expected"),
        ("d(a)/b", "'d' expected"),
        ("#x", "the number of an argument"),
        ("#0[i]", "integers"),
        ("", "character 1"),
    ],
)
def test_parse_errors_name_the_position(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse(text)


def test_children_are_ordered_from_left_to_right() -> None:
    a, b = Symbol("a"), Symbol("b")
    for node in (Sum((a, b)), Product((a, b)), Quotient(a, b), Derivative(a, b), Apply("max", (a, b))):
        assert children(node) == (a, b)

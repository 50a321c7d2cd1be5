"""Formulas in words: symbols with their nouns, names of errors and derivatives."""

from __future__ import annotations

import pytest

from chainrule.graph import input_node
from chainrule.notation import Link, Number, Product, Sum, Symbol, Tree, parse, substitute
from chainrule.ops import functional as F
from chainrule.page.page import Equation
from chainrule.page.spoken_formula import spoken, spoken_equation
from chainrule.trace import Scalar

X = input_node("x", (None, 2), "float64")
FUNCTIONS = {"sigmoid": F.sigmoid(X), "tanh": F.tanh(X), "exp": F.exp(X)}


def linked(function: str, text: str) -> Tree:
    """A formula in which ``a`` is the value of a function."""
    value = Link(Scalar(FUNCTIONS[function], (0, 0)), Symbol("a", ("1",)))
    return substitute(parse(text), lambda tree: value if tree == Symbol("a", ("1",)) else None)


SLOPES = [
    ("sigmoid", "delta * a[1] * (1 - a[1])", "Sigmoid 函数"),
    ("tanh", "delta * (1 - a[1]^2)", "双曲正切 (tanh)"),
]


@pytest.mark.parametrize(("function", "text", "name"), SLOPES)
def test_factors_of_a_derivative_are_named_derivative(function: str, text: str, name: str) -> None:
    tree = linked(function, text)
    derivative = f"the error signal δ times the derivative of the {function}"
    chinese = f"误差信号δ乘以{name}在".replace(" ", "")
    assert spoken(tree, "en") == f"{derivative} where its value is a₁"
    assert spoken(tree, "zh").replace(" ", "") == f"{chinese}取值为a₁处的导数"
    argument = ((Scalar(FUNCTIONS[function], (0, 0)), Symbol("z", ("1",))),)
    assert spoken(tree, "en", argument) == f"{derivative} at z₁"
    assert spoken(tree, "zh", argument).replace(" ", "") == f"{chinese}z₁处的导数"


OTHERS = [("exp", "delta * a[1]"), ("tanh", "delta * a[1] * (1 - a[1])"), ("sigmoid", "a[1] * b[1]")]


@pytest.mark.parametrize(("function", "text"), OTHERS)
def test_other_factors_are_not_named_derivative(function: str, text: str) -> None:
    assert "derivative" not in spoken(linked(function, text), "en")


def test_equations_and_updates_are_worded() -> None:
    left, right = Symbol("w", ("1",)), parse("w[1] - eta * g_hat[1]")
    sentences = spoken_equation(Equation(left, (right,), 0.5, "←"), "en")
    assert (
        sentences == "The weight w₁ becomes the weight w₁ minus the learning rate η times the clipped "
        "gradient ĝ₁."
    )
    assert spoken_equation(Equation(left, (right,), 0.5), "zh").startswith("权重 w₁ 等于权重 w₁ 减去学习率 η")


def test_missing_and_long_formulas_are_not_worded() -> None:
    z = Symbol("z")
    assert spoken_equation(Equation(None, (z,), 1.0), "en") == ""
    assert spoken_equation(Equation(z, (), 1.0), "en") == ""
    assert spoken_equation(Equation(z, (Sum(tuple(Number(i) for i in range(30))),), 1.0), "en") == ""
    assert spoken_equation(Equation(z, (Product((z, z)),), 1.0), "en") != ""

"""Custom operations with common mistakes in their pullbacks."""

from __future__ import annotations

import numpy as np

from chainrule.graph import Node, make
from chainrule.ops.elementwise.elementwise import Elementwise
from chainrule.ops.operation_card import Says, card


@card
class WrongSquare(Elementwise):
    """The square, with a derivative that lacks the factor 2."""

    name = "wrong_square"
    arguments = ("x",)
    formula = "x * x"
    pullbacks = {"x": "dy * x"}
    says = Says("squares", "求平方", "multiplies by the value", "乘以该值")

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return x * x


@card
class HalfSine(Elementwise):
    """Half a sine, with a derivative of the wrong sign."""

    name = "half_sine"
    arguments = ("x",)
    formula = "sin(x) / 2"
    pullbacks = {"x": "-dy * cos(x) / 2"}
    says = Says("takes half the sine", "取正弦的一半", "multiplies by minus the cosine", "乘以负的余弦")

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.sin(x) / 2


@card
class LazyCube(Elementwise):
    """The cube of twice the value, with a derivative that lacks the inner factor 2."""

    name = "lazy_cube"
    arguments = ("x",)
    formula = "(2 * x) * (2 * x) * (2 * x)"
    pullbacks = {"x": "dy * 3 * (2 * x) * (2 * x)"}
    says = Says("cubes twice the value", "两倍该值的立方", "multiplies by three squares", "乘以三倍平方")

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return (2 * x) ** 3


@card
class RightCube(Elementwise):
    """The cube, with its derivative."""

    name = "right_cube"
    arguments = ("x",)
    formula = "x * x * x"
    pullbacks = {"x": "dy * 3 * x * x"}
    says = Says("cubes", "求立方", "multiplies by three squares", "乘以三倍平方")

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return x**3


def wrong_square(x: Node) -> Node:
    return make(WrongSquare(), x)


def half_sine(x: Node) -> Node:
    return make(HalfSine(), x)


def lazy_cube(x: Node) -> Node:
    return make(LazyCube(), x)


def right_cube(x: Node) -> Node:
    return make(RightCube(), x)

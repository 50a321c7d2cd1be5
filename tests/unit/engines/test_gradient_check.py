"""The gradient check catches a wrong rule, says where, and accepts a right one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from chainrule.engines import check_gradient
from chainrule.errors import GradientError
from chainrule.graph import Node, make
from chainrule.ops import PUBLIC, Says, card
from chainrule.ops.elementwise.elementwise import Elementwise


@card
class Cube(Elementwise):
    """The third power, with a rule somebody wrote in a hurry."""

    name = "cube"
    arguments = ("x",)
    formula = "x ^ 3"
    pullbacks = {"x": "dy * 2 * x ^ 2"}
    says = Says("cubes", "求立方", "multiplies what arrives by 3x²", "把梯度乘以 3x²")

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return x**3


def test_a_wrong_rule_is_caught_and_placed() -> None:
    with pytest.raises(GradientError) as caught:
        check_gradient(lambda x: make(Cube(), x), [np.array([[0.1, 0.2], [2.0, 0.3]])])
    assert caught.value.code == "E274"
    assert caught.value.where == "input 0 at (1, 0)"
    expected, received = float(caught.value.expected.split()[0]), float(caught.value.received.split()[0])
    assert received / expected == pytest.approx(2 / 3, rel=1e-6)


RIGHT = {
    "product": lambda x, w: x @ w,
    "norm": lambda x, w: PUBLIC["sqrt"](PUBLIC["square"](x).sum() + 1.0) + w.sum(),
    "softmax": lambda x, w: PUBLIC["log_softmax"](x @ w),
    "variance": lambda x, w: PUBLIC["variance"](x, axis=0, correction=1).sum() * w.mean(),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_rule_passes(name: str) -> None:
    function: Callable[..., Node] = RIGHT[name]
    found = check_gradient(
        function, [np.cos(np.arange(12)).reshape(4, 3), np.sin(np.arange(6.0)).reshape(3, 2)]
    )
    assert 0 <= found.error < 1e-8
    assert len(found.analytic) == len(found.numeric) == 2
    assert str(found).startswith("18 derivatives checked")


def test_float32_is_checked_in_float64_and_whole_numbers_are_held() -> None:
    table, rows = np.cos(np.arange(6)).reshape(3, 2).astype("float32"), np.array([0, 2, 2])
    found = check_gradient(lambda t, i: PUBLIC["gather"](t, i), [table, rows])
    assert [a.dtype.name for a in found.analytic] == ["float64"]


def test_a_corner_is_no_smooth_place() -> None:
    with pytest.raises(GradientError):
        check_gradient(lambda x: PUBLIC["relu"](x), [[0.0]])
    check_gradient(lambda x: PUBLIC["relu"](x), [[1.0, -1.0]])


def test_a_gradient_that_is_not_a_number_never_passes() -> None:
    with pytest.raises(GradientError) as caught:
        check_gradient(lambda x: PUBLIC["sqrt"](x), [[0.0]])
    assert caught.value.code == "E274"

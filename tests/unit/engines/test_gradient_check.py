"""The gradient check reports a wrong pullback with its position, and accepts correct ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from chainrule.engines import check_gradient
from chainrule.errors import GradientError
from chainrule.graph import Node, make
from chainrule.ops import Says, card
from chainrule.ops import functional as F
from chainrule.ops.elementwise.elementwise import Elementwise


@card
class Cube(Elementwise):
    """The third power, with a wrong pullback."""

    name = "cube"
    arguments = ("x",)
    formula = "x ^ 3"
    pullbacks = {"x": "dy * 2 * x ^ 2"}
    says = Says("cubes", "求立方", "multiplies the gradient by 3x²", "把梯度乘以 3x²")

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return x**3


def test_a_wrong_pullback_is_reported_with_its_position() -> None:
    with pytest.raises(GradientError) as caught:
        check_gradient(lambda x: make(Cube(), x), [np.array([[0.1, 0.2], [2.0, 0.3]])])
    assert caught.value.code == "E274"
    assert caught.value.where == "input 0 at (1, 0)"
    expected, received = float(caught.value.expected.split()[0]), float(caught.value.received.split()[0])
    assert received / expected == pytest.approx(2 / 3, rel=1e-6)


CORRECT = {
    "product": lambda x, w: x @ w,
    "norm": lambda x, w: F.sqrt(F.square(x).sum() + 1.0) + w.sum(),
    "softmax": lambda x, w: F.log_softmax(x @ w),
    "variance": lambda x, w: F.variance(x, axis=0, correction=1).sum() * w.mean(),
}


@pytest.mark.parametrize("name", CORRECT)
def test_a_correct_pullback_passes(name: str) -> None:
    function: Callable[..., Node] = CORRECT[name]
    check = check_gradient(
        function, [np.cos(np.arange(12)).reshape(4, 3), np.sin(np.arange(6.0)).reshape(3, 2)]
    )
    assert 0 <= check.error < 1e-8
    assert len(check.analytic) == len(check.numeric) == 2
    assert str(check).startswith("18 derivatives checked")


def test_float32_is_checked_in_float64_and_integers_are_constant() -> None:
    table, rows = np.cos(np.arange(6)).reshape(3, 2).astype("float32"), np.array([0, 2, 2])
    check = check_gradient(lambda t, i: F.gather(t, i), [table, rows])
    assert [a.dtype.name for a in check.analytic] == ["float64"]


def test_a_kink_fails_the_check() -> None:
    with pytest.raises(GradientError):
        check_gradient(lambda x: F.relu(x), [[0.0]])
    check_gradient(lambda x: F.relu(x), [[1.0, -1.0]])


def test_a_nan_gradient_fails_the_check() -> None:
    with pytest.raises(GradientError) as caught:
        check_gradient(lambda x: F.sqrt(x), [[0.0]])
    assert caught.value.code == "E274"

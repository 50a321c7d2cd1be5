"""DeepLIFT: its rules, where no other library decides them, compared with values computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from attribution_cases import normal_numbers
from chainrule.nn import Layer
from chainrule.symbolic_shape import Size, Spec

B = Size.symbol("B")


def lifted(net: Layer, x: np.ndarray, baseline: np.ndarray, **parameters: np.ndarray) -> np.ndarray:
    """The contributions to the only output of a network."""
    model = cr.Model(net, "mse", dtype="float64", engine="reference")
    model.initialize({"x": Spec((B, *x.shape[1:]), "float64")})
    model.load_parameters({path.replace("__", "."): value for path, value in parameters.items()})
    return model.attribute(x, "deep_lift", baseline=baseline).values["x"]


def test_a_saturated_unit_gets_a_contribution() -> None:
    """Example of the paper: y = 1 - relu(1 - x1 - x2) has gradient 0 where x1 + x2 > 1."""
    net = cr.Sequential(cr.Dense(1, "relu"), cr.Dense(1))
    contributions = lifted(
        net,
        np.array([[1.0, 1.0]]),
        np.zeros(2),
        dense1__weight=np.array([[-1.0, -1.0]]),
        dense1__bias=np.ones(1),
        dense2__weight=np.array([[-1.0]]),
        dense2__bias=np.ones(1),
    )
    assert contributions == pytest.approx(np.array([[0.5, 0.5]]))


@pytest.mark.parametrize("grows", [True, False])
def test_the_largest_input_of_a_maximum_gets_the_contribution(grows: bool) -> None:
    sample, base = np.array([[1.0, 5.0, 2.0, 0.0]]), np.array([[3.0, 1.0, 2.5, 0.0]])
    x, b = (sample, base) if grows else (base, sample)
    net = cr.Sequential(cr.Reshape((4, 1)), cr.GlobalMaxPool(), cr.Dense(1, bias=False))
    contributions = lifted(net, x, b[0], dense1__weight=np.array([[2.0]]))
    assert contributions == pytest.approx(np.array([[0.0, 4.0 if grows else -4.0, 0.0, 0.0]]))


def test_equal_inputs_of_a_maximum_share_the_contribution() -> None:
    net = cr.Sequential(cr.Reshape((3, 1)), cr.GlobalMaxPool(), cr.Dense(1, bias=False))
    contributions = lifted(net, np.array([[2.0, 2.0, 1.0]]), np.zeros(3), dense1__weight=np.ones((1, 1)))
    assert contributions == pytest.approx(np.array([[1.0, 1.0, 0.0]]))


def test_the_factors_of_a_product_share_equally() -> None:
    """Of x1 x2, from (0, 0), both factors get half, as with Shapley values."""
    net = cr.Sequential(cr.Bilinear(1, bias=False))
    model = cr.Model(net, "mse", dtype="float64", engine="reference")
    model.initialize({"left": Spec((B, 1), "float64"), "right": Spec((B, 1), "float64")})
    path = next(iter(model.parameters()))
    model.load_parameters({path: np.ones_like(model.parameters()[path])})
    attribution = model.attribute({"left": np.array([[3.0]]), "right": np.array([[5.0]])}, "deep_lift")
    assert attribution.values["left"] == pytest.approx(7.5)
    assert attribution.values["right"] == pytest.approx(7.5)


def test_inputs_equal_to_the_baseline_use_the_gradient() -> None:
    x = normal_numbers("x", (2, 3))
    net = cr.Sequential(cr.Dense(4, "tanh"), cr.Dense(1))
    assert lifted(net, x, x[0])[0] == pytest.approx(0)

"""Exact values: equal to float64 where that is exact, and closer than rounding elsewhere."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.bounds.counterexample import RATIONAL, Exact, exact_array, exact_outputs, fraction_of
from chainrule.bounds.rules import RULES
from chainrule.bounds.verified_network import Subject
from chainrule.graph import constant, input_node
from chainrule.ops import functional as F

NETWORKS: dict[str, cr.Layer] = {
    "dense": cr.Sequential(cr.Flatten(), cr.Dense(8, "relu"), cr.Dense(3)),
    "convolution": cr.Sequential(cr.Conv(3, 3, activation="relu", padding="same"), cr.Flatten(), cr.Dense(3)),
    "max pooling": cr.Sequential(cr.Conv(3, 2), cr.MaxPool(2), cr.Flatten(), cr.Dense(3)),
    "average pooling": cr.Sequential(cr.Conv(4, 2), cr.AveragePool(2), cr.Flatten(), cr.Dense(3)),
    "residual": cr.Sequential(cr.Flatten(), cr.Residual(cr.Dense(50, "relu")), cr.Dense(3)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_values_are_those_of_float64_where_it_does_not_round(name: str) -> None:
    """Weights and inputs are small multiples of 1/8, so sums and products in float64 are exact."""
    rng = np.random.default_rng(0)
    x = rng.integers(-8, 9, (9, 5, 5, 2)) / 8
    model = cr.Model(NETWORKS[name], "cross_entropy", dtype="float64")
    model.fit(x, np.arange(9) % 3, epochs=1, verbose=False)
    values = {path: rng.integers(-8, 9, a.shape) / 8 for path, a in model.parameters().items()}
    model.load_parameters(values)
    assert model.network is not None
    subject = Subject(model.network.inference.output, model.state.arrays, "x")
    for row in x:
        outputs = exact_outputs(subject, row.reshape(-1))
        assert outputs is not None
        assert [float(v) for v in outputs] == subject.run(row.reshape(1, -1))[0].tolist()


def test_values_are_not_rounded() -> None:
    x = input_node("x", (None, 2), "float32")
    w = np.array([[0.1], [0.2]], "float32")
    subject = Subject(F.relu(x @ constant(w)), {}, "x")
    point = np.array([0.3, 0.7], "float32")
    exact = sum((Fraction(float(a)) * Fraction(float(b)) for a, b in zip(point, w[:, 0], strict=True)))
    assert exact_outputs(subject, point) == [exact]
    assert float(exact) != float(subject.run(point[None])[0, 0])


@pytest.mark.parametrize("function", ["tanh", "exp", "sigmoid", "sqrt"])
def test_functions_without_exact_values_have_none(function: str) -> None:
    x = input_node("x", (None, 2), "float32")
    assert exact_outputs(Subject(getattr(F, function)(x), {}, "x"), np.array([0.5, 0.25])) is None


def test_a_quotient_by_zero_has_no_value() -> None:
    x = input_node("x", (None, 1), "float32")
    assert exact_outputs(Subject(1.0 / F.square(x), {}, "x"), np.array([0.0])) is None


def test_a_large_network_has_none() -> None:
    x = input_node("x", (None, 2000), "float32")
    w = constant(np.ones((2000, 2000), "float32"))
    assert exact_outputs(Subject(x @ w, {}, "x"), np.ones(2000)) is None


def test_rational_operations_have_rules_of_bounds() -> None:
    assert set(RULES) | {"extent"} >= RATIONAL


@given(a=st.floats(allow_nan=False, allow_infinity=False), b=st.floats(allow_nan=False, allow_infinity=False))
def test_arithmetic_with_floats_is_that_of_fractions(a: float, b: float) -> None:
    x, y = Fraction(a), Fraction(b)
    pairs: list[tuple[Any, Fraction]] = [
        (Exact(x) + b, x + y),
        (b + Exact(x), x + y),
        (Exact(x) - b, x - y),
        (b - Exact(x), y - x),
        (Exact(x) * b, x * y),
        (b * Exact(x), x * y),
        (-Exact(x), -x),
        (abs(Exact(x)), abs(x)),
    ]
    assert all(fraction_of(value) == expected for value, expected in pairs)
    if b:
        assert (Exact(x) / b).value == x / y
    assert (Exact(x) < b, Exact(x) <= b, Exact(x) > b, Exact(x) >= b) == (x < y, x <= y, x > y, x >= y)
    assert (Exact(x) == b, hash(Exact(x))) == (x == y, hash(x))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises((ValueError, OverflowError)):
        exact_array(np.array([1.0, value]))

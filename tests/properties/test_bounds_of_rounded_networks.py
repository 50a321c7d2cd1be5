"""Proofs hold for networks as they run: every engine and onnxruntime round within the bounds, in float32.

At a box of one point all that the bounds leave open is rounding. Extreme weights, zeros, subnormal numbers
and large networks are drawn, because their errors differ by orders of magnitude.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.bounds.verified_network import Subject
from chainrule.engines import evaluate
from chainrule.graph import Node, constant, input_node
from chainrule.nn.activation import ACTIVATIONS
from chainrule.ops import functional as F

SCALES = (0.0, 1e-44, 1e-38, 1e-20, 1e-3, 1.0, 1e3, 1e12, 1e30)
ENGINES = ("reference", "native")


def weights(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> Node:
    return constant((scale * rng.normal(size=shape)).astype("float32"))


def outside(subject: Subject, x: np.ndarray, y: np.ndarray) -> int:
    """How many computed values (n, outputs) are outside of the bounds at the points x (n, inputs)."""
    point = x.astype("float64")
    enclosure = subject.enclosure(point, point)
    output = subject.structure.output
    interval = enclosure.intervals[output]
    value = y.astype("float64").reshape(len(x), -1)
    count, size = value.shape
    with np.errstate(invalid="ignore"):
        bad = np.sum(value < interval.lower.reshape(count, -1)) + np.sum(
            value > interval.upper.reshape(count, -1)
        )
        boxes, rows = np.repeat(np.arange(count), size), np.tile(np.eye(size), (count, 1))
        low = enclosure.linear_bound(output, rows, boxes).value.reshape(count, size)
        high = -enclosure.linear_bound(output, -rows, boxes).value.reshape(count, size)
        return int(bad + np.sum(value < low) + np.sum(value > high))


@pytest.mark.long
@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(SCALES),
    st.sampled_from(SCALES),
    st.sampled_from([1, 7, 300]),
    st.sampled_from(["relu", "tanh", "sigmoid", "leaky_relu", "softplus"]),
    st.integers(0, 10**6),
)
def test_dense_networks_of_any_scale_round_within_their_bounds(
    first: float, second: float, width: int, activation: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x = input_node("x", (None, 5), "float32")
    h = ACTIVATIONS[activation](x @ weights(rng, 5, width, scale=first) + weights(rng, width, scale=first))
    y = h @ weights(rng, width, 3, scale=second) + weights(rng, 3)
    points = (rng.normal(size=(4, 5)) * rng.choice([1e-30, 1.0, 1e3], size=(4, 5))).astype("float32")
    subject = Subject(y, {})
    for engine in ENGINES:
        assert outside(subject, points, evaluate(y, {"x": points}, engine=engine)) == 0


@pytest.mark.parametrize(
    "name", ["gelu", "silu", "elu", "erf", "exp", "logsumexp", "softmax", "square", "divide"]
)
def test_functions_round_within_their_bounds(name: str) -> None:
    rng = np.random.default_rng(7)
    x = input_node("x", (None, 64), "float32")
    h = x * 3.0 @ weights(rng, 64, 64, scale=0.3)
    own = {
        "logsumexp": lambda v: F.reshape(F.logsumexp(v, 1), (v.shape[0], 1)),
        "softmax": lambda v: F.softmax(v, 1),
        "divide": lambda v: F.tanh(v) / constant((1.0 + rng.random(64)).astype("float32")),
    }
    y = (own[name] if name in own else ACTIVATIONS[name] if name in ACTIVATIONS else getattr(F, name))(h)
    points = rng.normal(size=(20, 64)).astype("float32")
    subject = Subject(y, {})
    for engine in ENGINES:
        assert outside(subject, points, evaluate(y, {"x": points}, engine=engine)) == 0


@pytest.mark.parametrize("kernel", [3, 5])
def test_convolutions_round_within_their_bounds(kernel: int) -> None:
    rng = np.random.default_rng(kernel)
    x = input_node("x", (None, 12, 12, 16), "float32")
    h = F.relu(F.convolution(x, weights(rng, 16, kernel, kernel, 16), padding="same"))
    y = F.average_pool(F.max_pool(h, 2, padding=1), 2)
    pixels = rng.normal(size=(8, 12, 12, 16)).astype("float32")  # as many as Winograd's algorithm needs
    subject = Subject(y, {})
    for engine in ENGINES:
        value = evaluate(y, {"x": pixels}, engine=engine)[:2]
        point = pixels[:2].reshape(2, -1).astype("float64")
        bound = subject.enclosure(point, point, tightening=None).intervals[subject.structure.output]
        assert np.isfinite(bound.lower).all()
        assert (value >= bound.lower).all()
        assert (value <= bound.upper).all()


def test_bounds_of_rounded_networks_are_wider_than_those_of_exact_ones_but_not_by_much() -> None:
    rng = np.random.default_rng(0)
    x = input_node("x", (None, 20), "float32")
    y = F.relu(x @ weights(rng, 20, 50)) @ weights(rng, 50, 2)
    point = rng.normal(size=(1, 20)).astype("float32").astype("float64")
    widths = []
    for subject in (Subject(y, {}), Subject(y, {}).exact):
        enclosure = subject.enclosure(point, point)
        interval = enclosure.intervals[subject.structure.output]
        widths.append(float((interval.upper - interval.lower).max()))
    assert outside(Subject(y, {}), point, evaluate(y, {"x": point.astype("float32")})) == 0
    assert outside(Subject(y, {}).exact, point, evaluate(y, {"x": point.astype("float32")})) > 0
    assert 1e3 * widths[1] < widths[0] < 1e-2


@pytest.mark.parametrize("origin", ["overflow", "zero in a denominator", "logarithm of 0"])
def test_an_unbounded_value_proves_nothing_about_what_follows(origin: str) -> None:
    x = input_node("x", (None, 2), "float32")
    large = constant(np.full((2, 2), 1e38, "float32"))
    h = {
        "overflow": lambda: ((x @ large) @ large) @ large @ large @ large @ large @ large @ large @ large,
        "zero in a denominator": lambda: 1.0 / x,
        "logarithm of 0": lambda: F.log(F.relu(x)),
    }[origin]()
    chosen = F.where(F.greater(h @ constant(np.array([[1.0], [-1.0]], "float32")), 0.0), 1.0, 2.0)
    outputs = {
        "relu": F.relu(h @ constant(np.array([[1.0], [-1.0]], "float32"))),
        "where": F.where(F.greater(chosen, 0.0), chosen, chosen * 2.0),
    }
    box = np.array([[-1.0, -1.0]]), np.array([[1.0, 1.0]])
    for name, y in outputs.items():
        subject = Subject(y, {})
        with np.errstate(all="ignore"):
            bound = subject.enclosure(*box).linear_bound(
                subject.structure.output, np.array([[1.0], [-1.0]]), np.zeros(2, int)
            )
        low, high = bound.value[0], -bound.value[1]
        if name == "relu":
            assert not (low > 0.0)
            assert not (high < 1e6)  # the values are unbounded
        else:
            assert not (low > 1.0)
            assert not (high < 2.0)


def test_a_truth_value_from_a_number_of_unknown_sign_is_uncertain() -> None:
    x = input_node("x", (None, 1), "float32")
    y = F.where(
        F.cast(x, "bool"), 5.0, F.reshape(F.cast(F.cast(x * 1e12, "int32"), "float32"), (x.shape[0], 1))
    )
    subject = Subject(y, {}).exact
    interval = subject.enclosure(np.array([[-1.0]]), np.array([[0.0]])).intervals[subject.structure.output]
    assert interval.lower <= -(2.0**31)
    assert interval.upper >= 5.0

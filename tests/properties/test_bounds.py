"""Bounds contain the value: every rule, relaxation and network, at random points and at all corners."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from campaigns.bounds import CARD, RADII, SAMPLES, check_rule, contained
from hypothesis import given, settings
from hypothesis import strategies as st

from case_loops import loop_over
from chainrule.bounds import RULES, Enclosure, Interval, Structure
from chainrule.bounds.branch_and_bound import cut
from chainrule.bounds.requirement import rounded
from chainrule.engines import compile
from chainrule.errors import UsageError
from chainrule.graph import Graph, Node, constant, input_node
from chainrule.nn.activation import ACTIVATIONS
from chainrule.ops import functional as F
from chainrule.ops.scan.scan_builder import scan

POINTS = 40


@pytest.mark.long
@loop_over(("name", "i"), SAMPLES)
def test_intervals_and_relaxations_of_a_rule_contain_its_values(name: str, i: int) -> None:
    sample = CARD[name].samples()[i]
    compared = [check_rule(name, sample, radius, seed, POINTS) for seed, radius in enumerate(RADII)]
    assert min(compared) >= POINTS


def test_every_rule_belongs_to_a_card_and_most_cards_have_one() -> None:
    assert set(RULES) <= set(CARD)
    assert {"matmul", "convolution", "relu", "max", "sigmoid", "concatenate", "softmax"} <= set(RULES)


def linear_bounds_hold(y: Node, shape: tuple[int, ...], radius: float, seed: int) -> float:
    """Check intervals and linear bounds of a node on boxes; returns the mean gap of the linear bounds."""
    rng = np.random.default_rng(seed)
    structure = Structure(y, {})
    center = rng.normal(size=(3, *shape))
    lower, upper = center - radius * rng.random((3, *shape)), center + radius * rng.random((3, *shape))
    enclosure = Enclosure(structure, {"x": (lower, upper)})
    size = structure.size(y)
    rows = rng.normal(size=(6, size))
    boxes = np.array([0, 0, 1, 1, 2, 2])
    bound = enclosure.linear_bound(structure.output, rows, boxes)
    minimum, program = np.full(6, np.inf), compile(Graph({"y": y}), "reference")
    for k in range(60):
        share = rng.random(lower.shape) if k % 2 else rng.integers(0, 2, lower.shape)
        x = np.clip(lower + share * (upper - lower), lower, upper)
        value = program.run({"x": x})["y"].reshape(3, -1)
        interval = enclosure.intervals[structure.output]
        flat = interval.lower.reshape(3, -1), interval.upper.reshape(3, -1)
        slack = 1e-12 * (1 + np.abs(value))
        assert contained(flat[0], value + slack, np.full_like(value, np.inf))
        assert contained(np.full_like(value, -np.inf), value - slack, flat[1])
        products = np.einsum("ri,ri->r", rows, value[boxes])
        slack_of_rows = 1e-12 * (1 + np.abs(products))
        assert not np.any(products + slack_of_rows < bound.value)
        line = np.einsum("ri,ri->r", bound.factors["x"], x.reshape(3, -1)[boxes]) + bound.constant
        assert not np.any(products + slack_of_rows < line)
        minimum = np.minimum(minimum, products)
    return float(np.nanmean(minimum - bound.value))


def dense(x: Node, out: int, seed: int) -> Node:
    rng = np.random.default_rng(seed)
    return x @ constant(rng.normal(size=(x.shape[-1], out)) / np.sqrt(x.shape[-1])) + constant(
        rng.normal(size=out)
    )


def image_network(pool: str) -> Node:
    rng = np.random.default_rng(5)
    x = input_node("x", (None, 6, 6, 2), "float64")
    h = F.relu(F.convolution(x, constant(rng.normal(size=(3, 3, 3, 2)) / 3), padding="same"))
    h = F.max_pool(h, 2, padding="same") if pool == "max" else F.average_pool(h, 2)
    h = (h - constant(rng.normal(size=3))) / F.sqrt(constant(rng.random(3)) + 0.1)  # as batch normalization
    return dense(F.reshape(h, (h.shape[0], 27)), 4, 1)


def joined_network() -> Node:
    x = input_node("x", (None, 4), "float64")
    a, b = F.tanh(dense(x, 5, 2)), F.sigmoid(dense(x, 5, 3))
    features = F.concatenate([F.maximum(a, b), a * b, F.abs(dense(x, 2, 4))], 1)
    return dense(F.transpose(F.reshape(features, (features.shape[0], 3, 4)), (0, 2, 1)).sum(2), 3, 5)


def members_network() -> Node:
    """Three small networks at once, with the samples along the second axis, as in an ensemble."""
    rng = np.random.default_rng(4)
    x = input_node("x", (None, 4), "float64")
    rows = F.broadcast_to(F.reshape(x, (1, *x.shape)), (3, *x.shape))
    h = rows @ constant(rng.normal(size=(3, 4, 5)))
    h = F.max(F.stack([F.tanh(h), F.relu(h), h * F.sigmoid(h)], 0), 0)
    y = F.transpose(h @ constant(rng.normal(size=(3, 5, 2))), (1, 0, 2))  # (3, B, 2) -> (B, 3, 2)
    mean = F.logsumexp(F.log_softmax(y, 2), 1)
    return F.concatenate([F.reshape(y, (x.shape[0], 6)), mean], 1)


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(["max", "average", "joined", "dense", "members"]),
    st.sampled_from([1e-6, 0.05, 0.5]),
    st.integers(0, 10**6),
)
def test_linear_bounds_of_networks_lie_below_their_values(kind: str, radius: float, seed: int) -> None:
    if kind == "dense":
        x = input_node("x", (None, 4), "float64")
        assert (
            linear_bounds_hold(dense(F.relu(dense(F.relu(dense(x, 6, 6)), 6, 7)), 3, 8), (4,), radius, seed)
            >= 0
        )
    elif kind == "members":
        assert linear_bounds_hold(members_network(), (4,), radius, seed) >= 0
    elif kind == "joined":
        assert linear_bounds_hold(joined_network(), (4,), radius, seed) >= 0
    else:
        assert linear_bounds_hold(image_network(kind), (6, 6, 2), radius, seed) >= 0


ELEMENTWISE = sorted(
    name for name, curve in ACTIVATIONS.items() if "[" not in curve.formula and name != "glu"
)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_linear_bounds_of_activations_lie_below_their_values(name: str) -> None:
    x = input_node("x", (None, 5), "float64")
    h = dense(x, 5, 1)
    y = ACTIVATIONS[name](h)
    gaps = [linear_bounds_hold(y, (5,), radius, 3) for radius in (0.01, 1.0)]
    assert gaps[0] < gaps[1] or gaps[1] < 1e-6


def test_an_operation_without_rule_is_named() -> None:
    x = input_node("x", (None, 4), "float64")
    sums = scan(lambda state, cell: (state + cell, state + cell), x[:, 0] * 0.0, x)[1]
    with pytest.raises(UsageError, match="scan") as caught:
        Structure(sums, {})
    assert caught.value.code == "E580"


def test_an_operation_that_mixes_samples_is_refused() -> None:
    x = input_node("x", (None, 4), "float64")
    with pytest.raises(UsageError) as caught:
        Structure(x - x.mean(0, keepdims=True), {})
    assert caught.value.code == "E581"


numbers = st.floats(-1e8, 1e8, allow_nan=False).map(lambda v: v if abs(v) > 1e-8 else 0.0)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=9), numbers)
def test_bounds_hold_in_exact_arithmetic(pairs: list[tuple[float, float]], bias: float) -> None:
    # At a point all that bounds differ by is rounding, so the exact value shows whether they allow for it.
    x = input_node("x", (None, len(pairs)), "float64")
    point, weights = np.array([[p[0] for p in pairs]]), np.array([[p[1]] for p in pairs])
    y = x @ constant(weights) + constant(np.array([bias]))
    exact = sum((Fraction(a) * Fraction(b) for a, b in pairs), Fraction(bias))
    enclosure = Enclosure(Structure(y, {}), {"x": (point, point)})
    interval = enclosure.intervals[y]
    assert Fraction(float(interval.lower[0, 0])) <= exact <= Fraction(float(interval.upper[0, 0]))
    for sign in (1.0, -1.0):
        value = float(enclosure.linear_bound(y, np.array([[sign]]), np.zeros(1, int)).value[0])
        assert Fraction(value) <= exact * int(sign)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 10**6))
def test_cutting_keeps_every_point_at_which_all_functions_are_negative(
    inputs: int, rows: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    lower = rng.normal(size=(20, inputs))
    upper = lower + rng.random((20, inputs))
    factors, constants = rng.normal(size=(20, rows, inputs)), rng.normal(size=(20, rows)) * 0.5
    low, high, empty = cut(lower, upper, factors, constants)
    x = lower[:, None] + (upper - lower)[:, None] * rng.random((20, 200, inputs))
    corners = np.array(list(product([0, 1], repeat=inputs)))
    x = np.concatenate([x, lower[:, None] + (upper - lower)[:, None] * corners], 1)
    negative = (np.einsum("nri,npi->npr", factors, x) + constants[:, None] <= 0).all(2)
    assert not negative[empty].any()
    inside = ((x >= low[:, None]) & (x <= high[:, None])).all(2)
    assert inside[negative].all()


@given(st.decimals(-1e6, 1e6, allow_nan=False, allow_infinity=False, places=9))
def test_decimals_are_rounded_outward(decimal) -> None:
    number = Fraction(decimal)
    low, high = (float(rounded([number], direction)[0]) for direction in (-1, 1))
    assert Fraction(low) <= number <= Fraction(high)
    assert high <= np.nextafter(low, np.inf)


powers = st.tuples(
    st.floats(-4, 4), st.floats(0, 3), st.sampled_from([-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 0.5, -0.5])
)


@settings(max_examples=60, deadline=None)
@given(powers, st.sampled_from([0.0, 0.3]))
def test_powers_of_bases_of_any_sign_are_contained(power: tuple[float, float, float], width: float) -> None:
    low, size, exponent = power
    x, p = (
        Interval(np.array(low), np.array(low + size)),
        Interval(np.array(exponent), np.array(exponent + width)),
    )
    with np.errstate(all="ignore"):
        y = RULES["power"].interval(CARD["power"], [x, p], 1)
        for share in (0.0, 0.25, 0.5, 0.9, 1.0, -low / size if size else 0.0):
            base = np.clip(low + share * size, low, low + size)
            for e in (exponent, exponent + width / 3, exponent + width):
                value = np.power(base, e)
                assert contained(y.lower, value, y.upper)
    assert np.isfinite(y.lower) or low < 1e-6  # else it overflows


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.2, 2.0]))
def test_an_embedding_of_an_uncertain_index_is_contained(seed: int, radius: float) -> None:
    rng = np.random.default_rng(seed)
    x = input_node("x", (None, 5), "float64")
    table = constant(rng.normal(size=(5, 2)))
    y = F.gather(table, F.argmax(dense(x, 5, seed), 1)) * F.reshape(F.prod(F.tanh(x), 1), (x.shape[0], 1))
    assert np.isfinite(linear_bounds_hold(y, (5,), radius, seed))

"""Optimized bounds and splits of relu: never above a value of the network, never a wrong verdict."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.bounds.alpha_beta_crown import optimized, rectifiers
from chainrule.bounds.neuron_splitting import NeuronSplitting
from chainrule.bounds.requirement import Case
from chainrule.bounds.verification import verify
from chainrule.bounds.verified_network import Subject
from chainrule.engines import evaluate
from chainrule.graph import Node, constant, input_node
from chainrule.ops import functional as F


def array(rng: np.random.Generator, *shape: int) -> Node:
    return constant((rng.normal(size=shape) / np.sqrt(shape[0])).astype("float32"))


def dense(seed: int, inputs: int, tail: str = "relu") -> Subject:
    rng = np.random.default_rng(seed)
    h = input_node("x", (None, inputs), "float32")
    for name in ("relu", "relu", "relu" if tail == "scores" else tail):
        h = getattr(F, name)(h @ array(rng, h.shape[-1], 6) + array(rng, 6))
    y = h @ array(rng, 6, 3)
    return Subject(F.concatenate([F.full_like(y[:, :1], 0.5), y[:, 1:]], 1) if tail == "scores" else y, {})


def residual_images(seed: int) -> Subject:
    rng = np.random.default_rng(seed)
    x = input_node("x", (None, 4, 4, 1), "float32")
    h = F.relu(F.convolution(x, array(rng, 2, 3, 3, 1), padding="same"))
    h = F.relu(F.convolution(h, array(rng, 2, 3, 3, 2), padding="same")) + h
    h = F.max_pool(h, 2, padding=1)
    return Subject(F.reshape(h, (h.shape[0], 18)) @ array(rng, 18, 3), {})


def sampled(subject: Subject, lower: np.ndarray, upper: np.ndarray, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    share = rng.random((1000, lower.size))
    share[::2] = np.round(share[::2])
    return np.clip(lower + share * (upper - lower), lower, upper).astype("float32")


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from(["relu", "tanh", "images", "scores"]),
    st.sampled_from([0.0, 0.05, 0.7]),
    st.booleans(),
)
def test_optimized_bounds_hold_on_parts_and_are_at_least_those_of_crown(
    seed: int, tail: str, radius: float, is_split: bool
) -> None:
    subject = residual_images(seed) if tail == "images" else dense(seed, 5, tail)
    structure, rng = subject.structure, np.random.default_rng(seed)
    size = structure.size(subject.input)
    center = rng.normal(size=size).astype("float32").astype("float64")
    lower, upper = center - radius, center + radius
    points = sampled(subject, lower, upper, seed)
    shaped = points.reshape(-1, *subject.shape)
    y = subject.run(points).astype("float64")
    is_part, signs = np.ones(len(points), bool), {}
    if is_split:
        for node in rectifiers(structure)[:2]:
            (x,) = node.inputs
            values = evaluate(x, {"x": shaped}, engine="reference").reshape(len(points), -1)
            k, sign = int(rng.integers(values.shape[1])), int(rng.choice([-1, 1]))
            signs[x] = np.zeros((4, values.shape[1]), np.int8)
            signs[x][:, k] = sign
            is_part &= sign * values[:, k] >= 0
    rows = np.array([[1.0, -1.0, 0.0], [0.0, -1.0, 1.0], [1.0, 1.0, 1.0], [-1.0, 0.0, 0.0]])
    enclosure = subject.enclosure(lower[None], upper[None])
    boxes, limits = np.zeros(4, int), np.full(4, np.inf)
    best = optimized(enclosure, structure.output, rows, boxes, limits, signs=signs, steps=8).value
    crown = enclosure.linear_bound(structure.output, rows, boxes).value
    assert (best >= crown - 1e-12 * np.abs(crown)).all()
    products = y @ rows.T
    assert (products[is_part].min(0, initial=np.inf) >= best).all()
    if not is_split and radius == 0.0:
        assert (products.min(0) - best < 1e-3).all()


@pytest.mark.long
@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6), st.floats(-2, 2), st.integers(1, 2))
def test_verdicts_of_splitting_agree_with_a_grid(seed: int, shift: float, conditions: int) -> None:
    subject = dense(seed, 2)
    axis = np.linspace(-1, 1, 61)
    y = subject.run(np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)).astype("float64")
    rows = np.array([[1.0, -1.0, 0.0], [0.0, 1.0, -1.0]][:conditions])
    worst = (y @ rows.T).max(1)
    limit = float(np.float32(worst.min() + 0.02 * shift * (worst.max() - worst.min())))
    one = Fraction(1)
    case = Case((-one, -one), (one, one), rows, (Fraction(limit),) * conditions)
    search = NeuronSplitting(subject, case)
    left = iter(range(60))
    counterexample = search.run(lambda: next(left, None) is None)
    if search.is_done:
        assert counterexample is None
        assert not (worst < limit).any()
    if counterexample is not None:
        assert case.contains(counterexample.x)
        assert (subject.run(counterexample.x[None])[0].astype("float64") @ rows.T <= limit).all()


def test_splitting_proves_what_linear_bounds_and_optimized_slopes_do_not() -> None:
    subject = dense(4, 16)
    lower, upper = -np.full(16, 0.3), np.full(16, 0.3)
    y = subject.run(sampled(subject, lower, upper, 0)).astype("float64")
    rows = np.array([[1.0, -1.0, 0.0]])
    enclosure = subject.enclosure(lower[None], upper[None])
    crown = float(enclosure.linear_bound(subject.structure.output, rows, np.zeros(1, int)).value[0])
    smallest = float((y @ rows.T).min())
    ends = tuple(Fraction(float(v)) for v in lower), tuple(Fraction(float(v)) for v in upper)
    case = Case(*ends, rows, (Fraction(0.5 * smallest + 0.5 * crown),))
    boxes, limits = np.zeros(1, int), np.full(1, np.inf)
    best = optimized(enclosure, subject.structure.output, rows, boxes, limits).value[0]
    assert crown < best < case.raised[0]
    assert verify(subject, [case], seconds=20).status == "holds"


def test_an_output_with_a_constant_element_is_split() -> None:
    subject, ends = dense(4, 16, "scores"), ((-Fraction(1),) * 16, (Fraction(1),) * 16)
    y = subject.run(sampled(subject, -np.ones(16), np.ones(16), 0)).astype("float64")
    limit = Fraction(float((y[:, 1] - y[:, 0]).min() - 0.3))
    search = NeuronSplitting(subject, Case(*ends, np.array([[-1.0, 1.0, 0.0]]), (limit,)))
    assert search.run(lambda: search.examined > 100) is None
    assert search.examined > 2


def test_a_part_whose_bounds_contradict_one_another_is_empty() -> None:
    x = input_node("x", (None, 1), "float32")
    y = F.relu(x) - F.relu(x - 0.5)  # the signs x <= 0 and x - 0.5 >= 0 exclude one another
    case = Case((-Fraction(1),), (Fraction(1),), np.array([[-1.0]]), (Fraction(-3, 5),))
    search = NeuronSplitting(Subject(y, {}), case)
    assert search.run(lambda: False) is None
    assert search.is_done
    assert search.stuck == 0


@pytest.mark.parametrize("limit", [0.49, 0.51])
def test_an_unproven_part_is_never_dropped(limit: float) -> None:
    x = input_node("x", (None, 2), "float32")
    y = F.relu(x) @ constant(np.array([[1.0], [1.0]], "float32"))
    ends = (-Fraction(1),) * 2, (Fraction(1, 4),) * 2
    case = Case(*ends, np.array([[-1.0]]), (Fraction(-limit),))  # y >= limit; y is at most 0.5
    search = NeuronSplitting(Subject(y, {}), case)
    counterexample = search.run(lambda: False)
    assert (counterexample is not None) == (limit < 0.5)
    assert search.is_done == (limit > 0.5)


def test_a_case_without_conditions_is_violated_by_any_input_of_its_box() -> None:
    subject = dense(1, 14)
    ends = (Fraction(0),) * 14, (Fraction(1),) * 14
    no_conditions = np.zeros((0, 3))
    assert verify(subject, [Case(*ends, no_conditions, ())]).status == "violated"
    tiny = (Fraction(1, 10**60),) * 14, (Fraction(2, 10**60),) * 14  # no float32 is inside
    assert verify(subject, [Case(*tiny, no_conditions, ())]).status == "unknown"

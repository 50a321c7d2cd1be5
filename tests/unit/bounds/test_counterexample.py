"""Counterexamples lie in the exact box: the search uses numbers of the network's dtype that are inside."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.bounds.counterexample import Falsifier
from chainrule.bounds.requirement import Case
from chainrule.bounds.verification import verify
from chainrule.bounds.verified_network import Subject
from chainrule.graph import constant, input_node
from chainrule.ops import functional as F

ends = st.tuples(st.fractions(-2, 2, max_denominator=10**9), st.fractions(0, 1, max_denominator=10**9)).map(
    lambda pair: (pair[0], pair[0] + pair[1])
)


@settings(max_examples=200, deadline=None)
@given(ends, st.sampled_from(["float32", "float64"]), st.booleans(), st.booleans())
def test_the_numbers_inside_are_the_outermost_ones_of_the_dtype(
    pair: tuple[Fraction, Fraction], dtype: str, is_above: bool, is_below: bool
) -> None:
    excluded = frozenset({0} if is_above else ()), frozenset({0} if is_below else ())
    case = Case(*((end,) for end in pair), np.zeros((0, 1)), (), (), excluded)
    low, high = case.inside(dtype)
    if low[0] > high[0]:  # no number of the dtype
        assert not case.contains(low)
        assert not case.contains(high)
        return
    assert case.contains(low)
    assert case.contains(high)
    assert not case.contains(np.nextafter(low, -np.inf, dtype=dtype))
    assert not case.contains(np.nextafter(high, np.inf, dtype=dtype))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["float32", "float64"]), st.sampled_from([3, 40]))
def test_a_violation_in_the_corner_of_a_box_is_found(seed: int, dtype: str, inputs: int) -> None:
    """No number of the dtype reaches a corner of the box, and only what is next to one is a violation."""
    rng = np.random.default_rng(seed)
    lower = [Fraction(int(n), 1000) for n in rng.integers(-999, 999, inputs)]
    upper = [
        low + Fraction(int(n), 10_007) for low, n in zip(lower, rng.integers(1, 999, inputs), strict=True)
    ]
    w = rng.choice([-2.0, -0.5, 1.0, 4.0], size=(inputs, 1))
    x = input_node("x", (None, inputs), dtype)
    subject = Subject(F.relu(x) @ constant(w.astype(dtype)) - F.relu(-x) @ constant(w.astype(dtype)), {})
    box = Case(tuple(lower), tuple(upper), np.zeros((0, 1)), ())
    low, high = box.inside(dtype)
    corner, other = (np.where((w[:, 0] > 0) == is_low, low, high) for is_low in (True, False))
    values = subject.run(np.stack([corner, other])).astype("float64")[:, 0]
    limit = Fraction(float(values[0] + 1e-3 * (values[1] - values[0])))
    case = Case(box.lower, box.upper, np.array([[1.0]]), (limit,))
    verdict = verify(subject, [case], seconds=10)
    assert verdict.status == "violated"
    assert verdict.counterexample is not None
    assert case.contains(verdict.counterexample.x)


@pytest.mark.parametrize("inputs", [6, 30])
def test_a_violation_beyond_a_plateau_is_found(inputs: int) -> None:
    x = input_node("x", (None, inputs), "float32")
    total = x @ constant(np.ones((inputs, 1), "float32"))
    subject = Subject(F.relu(total - 0.9 * inputs), {})  # 0, without a slope, for nearly all inputs
    one = Fraction(1)
    case = Case((-one,) * inputs, (one,) * inputs, np.array([[-1.0]]), (Fraction(-inputs, 20),))
    falsifier = Falsifier(subject, case)
    assert falsifier.search() is None
    counterexample = falsifier.directed(0)
    assert counterexample is not None
    assert case.contains(counterexample.x)


def test_a_box_without_a_number_of_the_dtype_has_no_counterexample() -> None:
    x = input_node("x", (None, 1), "float32")
    tenth = Fraction(1, 10)
    falsifier = Falsifier(Subject(F.relu(x), {}), Case((tenth,), (tenth,), np.array([[1.0]]), (Fraction(1),)))
    assert falsifier.is_empty
    assert falsifier.search() is None
    assert falsifier.check(np.array([[0.1]])) is None
    assert falsifier.directed(0) is None
    assert falsifier.near(np.array([[0.1]])) is None

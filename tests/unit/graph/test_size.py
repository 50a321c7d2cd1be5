"""Sizes are polynomials: equal lengths are equal however they were built; division is exact or refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.symbolic_shape import Axis, Size, Spec, count, shape_text, size_at

B, T = Size.symbol("B"), Size.symbol("T")
VALUES = st.fixed_dictionaries({"B": st.integers(0, 50), "T": st.integers(0, 50)})
LEAVES = st.one_of(st.integers(-5, 5), st.sampled_from([B, T]))
SIZES = st.recursive(
    LEAVES,
    lambda inner: st.tuples(st.sampled_from("+-*"), inner, inner).map(lambda t: _apply(*t)),
    max_leaves=6,
)


def _apply(sign: str, a: Axis, b: Axis) -> Axis:
    return a + b if sign == "+" else a - b if sign == "-" else a * b


@given(SIZES, SIZES, SIZES, VALUES)
def test_sizes_are_a_ring(a: Axis, b: Axis, c: Axis, values: dict[str, int]) -> None:
    assert a + b == b + a
    assert a * b == b * a
    assert (a + b) + c == a + (b + c)
    assert (a * b) * c == a * (b * c)
    assert a * (b + c) == a * b + a * c
    assert a - a == 0
    assert a + 0 == a
    assert a * 1 == a
    assert a * 0 == 0
    assert size_at(a * b + c, values) == size_at(a, values) * size_at(b, values) + size_at(c, values)


@given(SIZES, SIZES)
def test_equal_sizes_have_equal_hashes_and_texts(a: Axis, b: Axis) -> None:
    left, right = a + b, b + a
    assert hash(left) == hash(right)
    assert str(left) == str(right)
    # A size without symbols is an int, so that == and isinstance work as for numbers.
    assert isinstance(left, int) or any(monomial for monomial, _ in left.terms)


@given(SIZES, st.integers(1, 7), st.booleans())
def test_division_undoes_multiplication(a: Axis, number: int, symbolic: bool) -> None:
    divisor = B * number if symbolic else number
    product = a * divisor
    if isinstance(product, Size):
        assert product // divisor == a


@pytest.mark.parametrize(("size", "divisor"), [(B * 3, 2), (B + 1, B), (B * T, B + T), (B, T), (B, 0)])
def test_inexact_division_is_refused(size: Size, divisor: Axis) -> None:
    with pytest.raises(ValueError, match="cannot be divided"):
        _ = size // divisor


def test_a_number_divided_by_a_size_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be divided"):
        _ = 6 // B


def test_texts_of_sizes() -> None:
    assert str(B * 4 + B * 4) == "8*B"
    assert str(B * T - 1) == "-1 + B*T"
    assert str(B - T) == "B - T"
    assert shape_text((B, 3)) == "(B, 3)"
    assert shape_text((3,)) == "(3,)"
    assert shape_text(()) == "()"
    assert str(Spec((B, 2), "float32")) == "float32(B, 2)"


def test_texts_of_specs() -> None:
    spec = Spec((B, 2), "float64")
    assert spec.size == B * 2
    assert count(()) == 1
    assert spec.at({"B": 4}) == Spec.of(np.zeros((4, 2)))
    assert spec.rank == 2
    assert spec.is_float
    assert not spec.with_dtype("int64").is_float
    assert spec.with_shape((3,)) == Spec((3,), "float64")

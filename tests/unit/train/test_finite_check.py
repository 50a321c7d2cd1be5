"""The check that runs in every step finds a single non-finite value anywhere."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.train.nonfinite.finite_check import _BLOCK, UNTHREADED, is_finite

SIZES = (1, 7, UNTHREADED, UNTHREADED + 1, _BLOCK, _BLOCK + 1, 2 * _BLOCK + 3)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@given(st.sampled_from(SIZES), st.floats(0, 1), st.sampled_from([np.nan, np.inf, -np.inf]))
def test_one_non_finite_value_is_found(dtype: str, size: int, position: float, value: float) -> None:
    array = np.full(size, np.finfo(dtype).max, dtype)  # the square overflows
    assert is_finite(array)
    array[round(position * (size - 1))] = value
    assert not is_finite(array)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_check_of_a_large_finite_array_allocates_little(dtype: str) -> None:
    array = np.ones(20 * _BLOCK + 5, dtype)
    is_finite(array)
    tracemalloc.start()
    try:
        assert is_finite(array)
        assert tracemalloc.get_traced_memory()[1] < 20_000
    finally:
        tracemalloc.stop()


def test_views_that_are_not_contiguous_are_checked() -> None:
    array = np.zeros((300, 400))
    array[::2, 7] = np.nan
    assert not is_finite(array.T)
    assert not is_finite(array[::2, ::7])
    assert is_finite(array[1::2].T)
    assert is_finite(np.zeros((0, 3)))
    assert is_finite(np.arange(5))

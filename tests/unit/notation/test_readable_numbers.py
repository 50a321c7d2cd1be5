"""Numbers for people: no power of ten between 0.001 and 1e15, and the value to four digits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.notation.number_format import LARGE, aligned, short


@given(value=st.floats(1e-3, LARGE * 0.99), sign=st.sampled_from([1.0, -1.0]))
@pytest.mark.parametrize("write", [short, aligned])
def test_a_number_is_written_without_a_power_of_ten_and_reads_back(write, value: float, sign: float) -> None:
    text = write(sign * value)
    assert "e" not in text
    assert float(text.replace(",", "")) == pytest.approx(sign * value, rel=6e-4, abs=6e-5)


@pytest.mark.parametrize("write", [short, aligned])
@pytest.mark.parametrize("value", [0.0, 3.2e-7, -3.2e-7, 4.5e18, float("nan"), float("inf")])
def test_other_values_are_written_as_well(write, value: float) -> None:
    assert float(write(value)) == pytest.approx(value, nan_ok=True)

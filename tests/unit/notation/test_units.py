"""Formatted quantities can be read back, and columns are aligned for any text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.notation.number_format import amount
from chainrule.notation.text_columns import aligned, width

PREFIXES = {"p": 1e-12, "n": 1e-9, "µ": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


@given(st.floats(1e-11, 9e14) | st.integers(1, 10**14))
def test_amounts_are_read_back_to_three_digits(value: float) -> None:
    number, prefixed = amount(value, "B").split(" ")
    assert float(number) * PREFIXES[prefixed.removesuffix("B")] == pytest.approx(value, rel=5.1e-3)
    assert 1 <= float(number) < 1000
    assert len(number.replace(".", "")) <= 3


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 B"), (999, "999 B"), (999.4, "999 B"), (999.6, "1 kB"), (1000, "1 kB"), (-2500, "-2.5 kB")],
)
def test_amounts_of_edge_cases(value: float, text: str) -> None:
    assert amount(value, "B") == text


@given(st.lists(st.tuples(st.text("ab层é", max_size=5), st.text("xy层", min_size=1, max_size=5)), min_size=1))
def test_columns_are_aligned(rows: list[tuple[str, str]]) -> None:
    left, right = aligned(rows), aligned(rows, right=[1])
    start = max(width(first) for first, _ in rows) + 2
    for (_, second), line in zip(rows, left, strict=True):
        assert width(line.removesuffix(second)) == start
    assert len({width(line) for line in right}) == 1

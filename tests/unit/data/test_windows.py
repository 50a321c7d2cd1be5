"""Windows of series and of texts: every value at its position, no future values in the inputs."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.data import read_table
from chainrule.data.sequences.windows import text_rows, text_windows, windows
from chainrule.errors import ChainruleError

SIZES = st.integers(1, 7)


@given(st.integers(2, 60), SIZES, SIZES, SIZES, st.integers(1, 3))
@settings(max_examples=80, deadline=None)
def test_every_value_is_at_its_position(
    rows: int, length: int, horizon: int, stride: int, width: int
) -> None:
    series = np.arange(rows * width, dtype=float).reshape(rows, width)
    if rows < length + horizon:
        with pytest.raises(ChainruleError, match="E375"):
            windows(series, length, horizon, stride)
        return
    cut = windows(series, length, horizon, stride)
    assert cut.starts.tolist() == list(range(0, rows - length - horizon + 1, stride))
    for start, x, y in zip(cut.starts.tolist(), cut.x, cut.y, strict=True):
        assert np.array_equal(x, series[start : start + length])
        assert np.array_equal(y, series[start + length : start + length + horizon])


@given(st.integers(20, 80), SIZES, SIZES, SIZES, st.floats(0.1, 0.9))
@settings(max_examples=60, deadline=None)
def test_a_split_shares_no_row(rows: int, length: int, horizon: int, stride: int, fraction: float) -> None:
    cut = windows(np.arange(float(rows)), length, horizon, stride)
    try:
        before, after = cut.split(fraction)
    except ChainruleError as error:
        if error.code != "E331":  # too few rows on one side
            raise
        return
    seen = {*before.x.ravel(), *before.y.ravel()}
    assert max(seen) < min(*after.x.ravel(), *after.y.ravel())
    assert len(before.x) + len(after.x) <= len(cut.x)


@given(st.integers(2, 90), SIZES, st.none() | SIZES)
@settings(max_examples=60, deadline=None)
def test_targets_of_text_windows_are_the_next_tokens(count: int, length: int, stride: int | None) -> None:
    tokens = np.arange(4, 4 + count)
    if count < length + 1:
        with pytest.raises(ChainruleError, match="E375"):
            text_windows(tokens, length, stride)
        return
    x, y = text_windows(tokens, length, stride)
    assert x.shape == y.shape == (len(x), length)
    assert (y == x + 1).all()
    assert x[:, 0].tolist() == list(range(4, 4 + count - length, stride or length))


def test_a_table_gives_inputs_and_targets_by_column() -> None:
    days = [date(2024, 1, d) for d in range(1, 9)]
    frame = pl.DataFrame(
        {"day": days, "warmth": [float(i) for i in range(8)], "rain": [i * 10 for i in range(8)]}
    )
    cut = windows(frame, 3, 2, target="rain", time="day")
    assert cut.x.shape == (4, 3, 2)
    assert cut.y[..., 0].tolist() == [[30, 40], [40, 50], [50, 60], [60, 70]]
    assert windows(frame.drop("day"), 3).y.shape == (5, 1, 2)
    texts = frame.with_columns(pl.col("day").cast(pl.String))
    assert np.array_equal(windows(texts, 3, 2, target=["rain"], time="day").x, cut.x)


FRAME = read_table({"t": [1, 2, 2, 4], "v": [1.0, 2.0, 3.0, 4.0]})
BAD: dict[str, tuple[Any, str, str]] = {
    "too short": (lambda: windows([1, 2, 3], 3), "E375", "3 rows"),
    "length": (lambda: windows([1, 2, 3], 0), "E102", "length"),
    "horizon": (lambda: windows([1, 2, 3], 1, 1.5), "E102", "horizon"),
    "stride": (lambda: windows([1, 2, 3], 1, 1, 0), "E102", "stride"),
    "gap": (lambda: windows([1, float("nan"), 3], 1), "E342", "row 1"),
    "cell": (lambda: windows({"v": [1, None, 3]}, 1), "E342", "row 2"),
    "infinity": (lambda: windows({"v": [1.0, float("inf"), 3]}, 1), "E312", "row 2"),
    "texts": (lambda: windows({"v": ["a", "b", "c"]}, 1), "E311", "row 1"),
    "axes": (lambda: windows(np.zeros((3, 3, 3)), 1), "E341", "(3, 3, 3)"),
    "column": (lambda: windows(FRAME, 1, target="w"), "E313", "v"),
    "time does not increase": (lambda: windows(FRAME, 1, time="t"), "E376", "row 3"),
    "floats as tokens": (lambda: text_windows([1.5, 2], 1), "E341", "float64"),
    "short text": (lambda: text_windows([1, 2], 2), "E375", "2 rows"),
    "fraction": (lambda: windows([1, 2, 3, 4], 1).split(1.0), "E102", "1.0"),
    "nothing after": (lambda: windows([1, 2, 3, 4], 1).split(0.1), "E331", "0"),
}


@pytest.mark.parametrize("name", BAD)
def test_invalid_window_arguments_are_refused(name: str) -> None:
    make, code, word = BAD[name]
    with pytest.raises(ChainruleError) as caught:
        make()
    assert caught.value.code == code
    assert word in str(caught.value)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(1, 9), min_size=2, max_size=12), min_size=1, max_size=5), st.integers(1, 6)
)
def test_text_rows_contain_every_pair_of_consecutive_tokens_once(texts: list[list[int]], length: int) -> None:
    x, y = text_rows(texts, length)
    assert x.shape == y.shape
    assert x.shape[1] == length
    assert x[x > 0].tolist() == [token for text in texts for token in text[:-1]]
    assert y[y > 0].tolist() == [token for text in texts for token in text[1:]]
    assert ((x > 0) == (y > 0)).all()


@pytest.mark.parametrize(
    ("texts", "length", "code"), [([[1, 2]], 0, "E102"), ([[1, 2], [3]], 4, "E363"), ([], 4, "E363")]
)
def test_empty_texts_are_refused(texts: list[list[int]], length: int, code: str) -> None:
    with pytest.raises(ChainruleError) as caught:
        text_rows(texts, length)
    assert caught.value.code == code

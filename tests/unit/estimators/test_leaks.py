"""Columns that predict the target too well are named by estimators, models and the command line alike."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import chainrule as cr
from chainrule.data import check, read_table
from chainrule.data.tables.suspicious_columns import combination_of

ROWS = 240
RNG = np.random.default_rng(0)
NET, TAX = RNG.uniform(1, 9, (2, ROWS))
COUNT = RNG.integers(1, 20, ROWS).astype(float)
A, B = RNG.normal(size=(2, ROWS))
WHEN = np.arange(ROWS) + RNG.uniform(0, 0.5, ROWS)  # rows in the order of time
TARGET = np.sin(NET) + 0.3 * RNG.normal(size=ROWS)
CLASSES = np.where(RNG.random(ROWS) < 0.5, "yes", "no")


def warnings_of(estimator: Any, x: Any, y: Any) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(x, y)
    return [str(warning.message) for warning in caught if warning.category is UserWarning]


CASES: dict[str, tuple[dict[str, np.ndarray], np.ndarray, str]] = {
    "a copy": ({"copy": TARGET}, TARGET, '"copy" is the target under another name'),
    "a near copy": ({"near": TARGET + 1e-4 * NET}, TARGET, '"near" alone predicts the target'),
    "a scaled copy": ({"scaled": 3 * TARGET + 1}, TARGET, '"scaled" alone predicts the target'),
    "a sum": ({"price": NET, "tax": TAX}, NET + TAX, "price + tax"),
    "a rounded sum": ({"price": NET, "tax": TAX}, np.round(NET + TAX, 2), "price + tax"),
    "a difference": ({"price": NET, "tax": TAX}, NET - TAX, "price - tax"),
    "a linear combination": ({"price": NET, "tax": TAX}, 1.19 * NET + TAX + 3, "1.19 * price + tax + 3"),
    "a product": ({"price": NET, "count": COUNT}, NET * COUNT, "price * count"),
    "a ratio": ({"price": NET, "count": COUNT}, NET / COUNT, "price / count"),
    "a signed product": ({"a": A, "b": B}, A * B, "a * b"),
    "a signed ratio": ({"a": A, "b": B}, A / B, "a / b"),
    "a product and a sum": ({"a": A, "b": B, "tax": TAX}, A * B - TAX, "a * b"),
    "a relative difference": ({"price": NET, "old": TAX}, NET / TAX - 1, "price / old - 1"),
    "a share": ({"price": NET, "tax": TAX}, TAX / (NET + TAX), "1 / (price / tax + 1)"),
    "a length": ({"a": A, "b": B}, np.hypot(A, B), "sqrt(a^2 + b^2)"),
    "a maximum": ({"a": A, "b": B}, np.maximum(A, B), "max(a, b)"),
    "a logarithm": ({"price": NET}, np.log(NET), '"price" alone predicts the target'),
    "a sum with noise": ({"price": NET, "tax": TAX}, NET + TAX + 0.01 * RNG.normal(size=ROWS), "price + tax"),
    "a copy of classes": ({"copy": (CLASSES == "yes").astype(float)}, CLASSES, '"copy" alone determines'),
    "classes by one column": (
        {"score": (CLASSES == "yes") + 0.4 * RNG.random(ROWS)},
        CLASSES,
        '"score" alone predicts the target',
    ),
}


def _frame(columns: dict[str, np.ndarray], kind: str) -> Any:
    columns = {**columns, "when": WHEN}
    if kind == "array":
        return np.stack(list(columns.values()), axis=1)
    if kind == "mixed":
        columns["color"] = np.array(["red", "blue", "green"])[np.arange(ROWS) % 3]
    return pl.DataFrame(columns) if kind == "polars" else pd.DataFrame(columns)


@pytest.mark.parametrize("kind", ["array", "pandas", "polars", "mixed"])
@pytest.mark.parametrize("name", CASES)
def test_an_estimator_names_what_the_command_line_names(name: str, kind: str) -> None:
    columns, y, text = CASES[name]
    kinds = (cr.TabularRegressor, cr.TabularClassifier)
    estimator = kinds[y.dtype.kind == "U"](net="", epochs=1)
    messages = warnings_of(estimator, _frame(columns, kind), y)
    if kind == "array":
        for i, column in enumerate(columns):
            text = re.sub(rf"\b{column}\b", f"x{i}", text) if column in text.split('" alone')[0] else text
    assert any(text in message for message in messages), messages
    assert not any('"when" alone' in message or "x1 alone" in message for message in messages)
    if kind == "mixed":
        table = read_table(_frame(columns, kind).assign(y=y))
        assert [f for f in check(table, "y") if text in f.en]
        assert [f for f in check(table, "y") if f.zh and f.zh != f.en]


@pytest.mark.parametrize("kind", ["array", "pandas", "polars", "mixed"])
@pytest.mark.parametrize("y", [TARGET, CLASSES], ids=["values", "classes"])
def test_rows_in_the_order_of_time_are_no_leak(kind: str, y: np.ndarray) -> None:
    estimator = (cr.TabularClassifier if y is CLASSES else cr.TabularRegressor)(net="", epochs=1)
    messages = warnings_of(estimator, _frame({"price": NET}, kind), y)
    assert not [message for message in messages if "predict" in message or "determines" in message]


def test_a_combination_has_no_column_that_only_correlates_with_it() -> None:
    noise = {f"n{i}": RNG.normal(size=ROWS) for i in range(30)}
    columns = {"near": NET + TAX + RNG.normal(size=ROWS), **noise, "price": NET, "tax": TAX}
    combination = combination_of(columns, NET + TAX)
    assert combination is not None
    assert combination.columns == ("price", "tax")
    assert combination.is_exact


def test_a_good_score_is_reported_where_no_formula_is_found() -> None:
    """A smooth function of three columns that is no short formula."""
    x = RNG.uniform(-1, 1, (1_500, 3))
    y = np.tanh(x[:, 0] + x[:, 1]) + np.tanh(x[:, 1] - x[:, 2])
    messages = warnings_of(cr.TabularRegressor("64 tanh", epochs=150, random_state=0), x, y)
    assert [message for message in messages if "too good to be true" in message and "R²" in message]
    noisy = y + 0.3 * RNG.normal(size=len(y))
    assert not warnings_of(cr.TabularRegressor("64 tanh", epochs=10, random_state=0), x, noisy)


@pytest.mark.parametrize("others", [0, 60])
def test_a_formula_of_pairs_is_found_among_columns_of_noise(others: int) -> None:
    noise = {f"n{i}": RNG.normal(size=ROWS) for i in range(others)}
    combination = combination_of({**noise, "a": A, "b": B}, A * B)
    assert combination is not None
    assert combination.formula == "a * b"
    assert combination_of({**noise, "a": A, "b": B}, A * B + 0.3 * RNG.normal(size=ROWS)) is None


def test_noise_and_wide_tables_have_no_combination() -> None:
    rng = np.random.default_rng(1)
    columns = {f"n{i}": rng.normal(size=ROWS) for i in range(400)}
    assert combination_of(dict(list(columns.items())[:40]), rng.exponential(size=ROWS)) is None
    assert combination_of(columns, rng.normal(size=ROWS)) is None
    assert combination_of({"price": NET, "tax": TAX}, NET + TAX + RNG.normal(size=ROWS)) is None


def test_a_combination_of_columns_with_missing_cells_is_named() -> None:
    price = np.where(np.arange(ROWS) % 10 == 0, np.nan, NET)
    combination = combination_of({"price": price, "tax": TAX}, NET + TAX)
    assert combination is not None
    assert combination.formula == "price + tax"

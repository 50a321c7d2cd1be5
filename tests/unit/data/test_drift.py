"""Profiles of training columns, and the differences of a table from them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.data import Preparation, describe, read_table
from chainrule.data.tables.column_profile import ColumnProfile
from chainrule.data.tables.differences_from_training import Drift, drift_of
from chainrule.errors import DataError

RNG = np.random.default_rng(0)
TRAIN: dict[str, list[Any]] = {
    "age": RNG.integers(18, 91, 200).tolist(),
    "income": [None if i % 10 == 0 else 100.0 + i for i in range(200)],
    "city": RNG.choice(["Bern", "Rome", "Oslo"], 200).tolist(),
    "smokes": RNG.choice(["yes", "no"], 200).tolist(),
    "y": [i % 2 == 0 for i in range(200)],
}


def fitted(rows: dict[str, list[Any]]) -> Preparation:
    table = read_table(rows)
    return Preparation.fit(table, describe(table, "y"), "y", "classification")


@pytest.fixture(scope="module")
def preparation() -> Preparation:
    return fitted(TRAIN)


def drifts(preparation: Preparation, **changed: list[Any]) -> dict[tuple[str, str], Drift]:
    """The differences of the training rows with some columns replaced."""
    table = read_table({**TRAIN, **changed})
    return {(drift.column, drift.kind): drift for drift in drift_of(preparation, table)}


def test_profiles_contain_range_missing_cells_and_levels(preparation: Preparation) -> None:
    age, income, city, smokes = preparation.profiles
    assert (age.low, age.high) == (min(TRAIN["age"]), max(TRAIN["age"]))
    assert (income.rows, income.missing, income.low, income.high) == (200, 20, 101.0, 299.0)
    counts = {level: TRAIN["city"].count(level) for level in city.levels}
    assert dict(zip(city.levels, city.counts, strict=True)) == counts
    assert sum(city.counts) == 200
    assert (smokes.low, smokes.levels) == (None, ())


def test_the_training_rows_do_not_differ_from_themselves(preparation: Preparation) -> None:
    assert drifts(preparation) == {}


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(st.integers(0, 199), min_size=1, max_size=200))
def test_some_of_the_training_rows_are_inside_their_range(rows: list[int]) -> None:
    table = read_table(TRAIN)
    differences = drift_of(fitted(TRAIN), table.take(np.array(rows)))
    assert {drift.kind for drift in differences} <= {"missing", "empty"}


def test_numbers_outside_the_range_are_named(preparation: Preparation) -> None:
    age = [-5, 300, 250, *TRAIN["age"][3:]]
    differences = drifts(preparation, age=age)
    assert set(differences) == {("age", "below"), ("age", "above")}
    below, above = differences["age", "below"], differences["age", "above"]
    assert (below.count, below.example) == (1, "-5")
    assert (above.count, above.example) == (2, "300")


def test_unseen_levels_are_named(preparation: Preparation) -> None:
    city = ["Paris", "BERN", "Kyiv", "Paris", *TRAIN["city"][4:]]
    (drift,) = drifts(preparation, city=city).values()
    assert (drift.kind, drift.count, drift.example) == ("unseen", 3, "Kyiv, Paris")


def test_missing_cells_are_compared_with_training(preparation: Preparation) -> None:
    income: list[Any] = [None] * 100 + TRAIN["income"][100:]
    (drift,) = drifts(preparation, income=income).values()
    assert (drift.column, drift.kind, drift.count) == ("income", "missing", 110)
    assert drift.profile.missing_share == 0.1
    (drift,) = drifts(preparation, age=[None, *TRAIN["age"][1:]]).values()
    assert (drift.column, drift.kind, drift.count) == ("age", "missing", 1)  # none was missing in training


@pytest.mark.parametrize("column", ["age", "income", "city", "smokes"])
def test_an_empty_column_is_an_error_notice(preparation: Preparation, column: str) -> None:
    (drift,) = drifts(preparation, **{column: [None] * 200}).values()
    assert drift.kind == "empty"
    assert drift.finding is not None
    assert drift.finding.severity == "error"
    assert f'column "{column}" is empty' in drift.finding.en
    assert column in drift.finding.zh


def test_a_record_of_profiles_is_restored_exactly(preparation: Preparation) -> None:
    record = json.loads(json.dumps(preparation.to_record(), allow_nan=False))
    assert Preparation.from_record(record) == preparation


INVALID: dict[str, Any] = {
    "rows": [0, -1, True, 1.5, "200", 2**60],
    "missing": [-1, 201, None, 3.5],
    "low": [None, 1e400, "18", 5000],
    "high": [None, -5000, float("nan")],
    "levels": [["Bern", "Bern"], [""], "Bern", [1], ["Bern"] * 20_000],
    "counts": [[0, 1, 2], [1], [1, 1, 10**9], [1.0, 1, 1], None],
    "column": ["", 5, "income"],
    "quantiles": [[], [1.0], [2.0, 1.0], ["18"], [float("nan")] * 3, [1.0] * 200],
    "cumulative": [[], [1], [5, 4], [10**9], [1.5], [True]],
    "is_complete": [1, None, "yes"],
}


@pytest.mark.parametrize(("field", "value"), [(f, v) for f, values in INVALID.items() for v in values])
def test_an_invalid_profile_is_refused(preparation: Preparation, field: str, value: Any) -> None:
    record = json.loads(json.dumps(preparation.to_record()))
    index = 2 if field in ("levels", "counts") else 0
    record["profiles"][index][field] = value
    with pytest.raises(DataError, match="E328"):
        Preparation.from_record(record)


def test_a_profile_has_exactly_its_fields(preparation: Preparation) -> None:
    record = preparation.profiles[0].to_record()
    for changed in ({**record, "more": 1}, {k: v for k, v in record.items() if k != "low"}, [record], None):
        with pytest.raises(DataError, match="E328"):
            ColumnProfile.read("profile", changed)

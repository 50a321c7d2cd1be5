"""A preparation is fitted on training rows only, round-trips bit for bit, and refuses invalid records."""

from __future__ import annotations

import json
from typing import Any
from unittest import mock

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.data import Preparation, choose_task, describe, read_table
from chainrule.data.tables import encoded_rows
from chainrule.errors import DataError
from hostile_records import refused_changes

TRAIN = {
    "age": [20.0, 40.0, None, 60.0],
    "color": ["red", "blue", None, "red"],
    "smokes": ["yes", "no", "no", "yes"],
    "same": [5.0, 5.0, 5.0, 5.5],
    "y": ["b", "a", "b", "a"],
}


def fit(columns: dict, target: str = "y", kinds: dict | None = None) -> Preparation:
    table = read_table(columns)
    described = describe(table, target, kinds)
    return Preparation.fit(table, described, target, choose_task(table, target, columns=described))


def test_features_have_names_and_values() -> None:
    p = fit(TRAIN)
    assert p.feature_names == (
        "age",
        "age is missing",
        "color=red",
        "color=blue",
        "color is missing",
        "smokes",
        "same",
    )
    std = (800 / 3) ** 0.5
    expected = [[-20 / std, 0, 1, 0, 0, 1], [0, 0, 0, 1, 0, 0], [0, 1, 0, 0, 1, 0], [20 / std, 0, 1, 0, 0, 1]]
    x = p.inputs(read_table(TRAIN))
    assert x.dtype == np.float32
    np.testing.assert_allclose(x[:, :6], np.float32(expected), rtol=1e-6)
    assert p.targets(read_table(TRAIN)).tolist() == [1, 0, 1, 0]
    assert p.labels == ("a", "b")


def test_statistics_use_training_rows_only() -> None:
    table = read_table({"x": [1.0, 3.0, 1000.0], "c": ["a", "b", "zzz"], "y": [1.5, 2.5, 99.5]})
    p = Preparation.fit(table.take(np.array([0, 1])), describe(table, "y"), "y", "regression")
    assert p.feature_names == ("x", "c=a", "c=b")
    assert (p.features[0].mean, p.features[0].std, p.target_mean, p.target_std) == (2.0, 1.0, 2.0, 0.5)


def test_a_constant_training_column_becomes_zero() -> None:
    table = read_table({"x": [7.0, 7.0, 9.0], "z": [1.0, 2.0, 3.0], "y": [1.5, 2.5, 3.0]})
    p = Preparation.fit(table.take(np.array([0, 1])), describe(table, "y"), "y", "regression")
    assert p.inputs(table)[:, 0].tolist() == [0.0, 0.0, 0.0]


def test_new_levels_are_reported_and_not_added() -> None:
    p = fit({**TRAIN, "age": [20.0, 40.0, 50.0, 60.0], "color": ["red", "blue", "blue", "red"]})
    new = {
        "age": [None, 1e300],
        "color": ["pink", None],
        "smokes": ["YES", "0"],
        "same": [5, 5],
        "extra": [1, 2],
    }
    applied = p.apply(read_table(new))
    assert p.feature_names == ("age", "color=blue", "color=red", "smokes", "same")
    assert applied.x[0, :4].tolist() == [0, 0, 0, 1]
    assert np.isfinite(applied.x).all()
    assert [(n.code, n.facts["column"], n.facts["count"]) for n in applied.notices] == [
        ("filled", "age", 1),
        ("far_outside", "age", 1),
        ("unseen_levels", "color", 2),
    ]


def test_levels_match_across_types() -> None:
    p = fit({"c": ["1", "x", "2.50", "x"], "z": [True, False, True, True], "y": ["b", "a", "b", "a"]})
    x = p.inputs(read_table({"c": [1, 2.5], "z": ["true", "no"]}))
    assert dict(zip(p.feature_names, x[0], strict=True))["c=1"] == 1
    assert dict(zip(p.feature_names, x[1], strict=True))["c=2.5"] == 1
    assert x[:, -1].tolist() == [1, 0]


def test_labels_match_across_types() -> None:
    p = fit({"x": [0.5, 1.5, 0.5, 1.0], "y": [1, 0, 1, 0]})
    for labels in ([1, 0], [1.0, 0.0], ["1", "0"]):
        assert p.targets(read_table({"y": labels})).tolist() == [1, 0]


def test_rare_levels_share_a_feature() -> None:
    values = [f"c{i}" for i in range(1_034) for _ in range(2 if i < 1_029 else 1)]
    rows = len(values)
    columns = {"c": values, "x": np.arange(rows) % 7 / 2, "y": [*"ab"] * (rows // 2) + ["a"]}
    p = fit(columns, kinds={"c": "category"})
    names = p.feature_names
    assert len([n for n in names if n.startswith("c=")]) == 1_024
    x = p.inputs(read_table({"c": ["c1033", "c0", "new"], "x": [0, 0, 0]}))
    assert x[:, names.index("c is other")].tolist() == [1, 0, 1]
    levels = [i for i, name in enumerate(names) if name.startswith("c=") or name == "c is other"]
    assert x[:, levels].sum(axis=1).tolist() == [1, 1, 1]  # an unseen level is "other" too
    frequency = x[:, names.index("c: frequency")]
    assert frequency[0] == frequency[2] < 0 < frequency[1]


def test_regression_targets_are_restored_to_their_units() -> None:
    values = [10.5, 20.5, 60.5]
    p = fit({"x": [1.0, 2.0, 4.0], "y": values})
    y = p.targets(read_table({"y": values}))
    assert y.dtype == np.float32
    assert abs(y.mean()) < 1e-6
    assert abs(y.std() - 1) < 1e-6
    np.testing.assert_allclose(p.restore(y), values, rtol=1e-6)


def test_each_feature_names_its_cell() -> None:
    cells = fit(TRAIN).cells(read_table(TRAIN), 2)
    assert [(c.feature, c.raw) for c in cells[:3]] == [("age", ""), ("age is missing", ""), ("color=red", "")]
    assert [(c.column, c.raw, c.value) for c in cells if c.column == "smokes"] == [("smokes", "no", 0.0)]


def test_missing_columns_are_listed_with_similar_names() -> None:
    with pytest.raises(DataError) as caught:
        fit(TRAIN).inputs(read_table({"Age": [1], "colors": ["red"], "smokes": ["yes"]}))
    text = str(caught.value)
    for word in ("E326", '"age"', '"color"', '"same"', 'rename "Age" to "age"', 'rename "colors" to "color"'):
        assert word in text


def test_a_text_in_a_number_column_is_named_with_its_line(tmp_path: Any) -> None:
    path = tmp_path / "new.csv"
    path.write_text("age,color,smokes,same\n20,red,yes,5\nold,red,yes,5\n")
    with pytest.raises(DataError, match=r'(?s)E311 in new.csv line 3, column "age".*old'):
        fit(TRAIN).inputs(read_table(path))


CELLS = {
    "n": st.one_of(
        st.none(), st.floats(allow_nan=False, allow_infinity=False), st.integers(-9, 9).map(float)
    ),
    "c": st.one_of(
        st.none(), st.sampled_from(["red", "blue", "007", "1.0", "é", " x "]), st.text(min_size=1)
    ),
    "f": st.one_of(st.none(), st.booleans()),
}
ROWS = st.lists(st.fixed_dictionaries({**CELLS, "y": st.sampled_from("ab")}), min_size=4, max_size=12)


@pytest.mark.long
@settings(max_examples=80, deadline=None)
@given(rows=ROWS)
def test_a_preparation_from_a_record_gives_equal_bits(rows: list[dict]) -> None:
    schema = {"n": pl.Float64, "c": pl.String, "f": pl.Boolean, "y": pl.String}
    rows += [{"n": 1.0, "c": "q", "f": True, "y": y} for y in "abab"]
    table = read_table(pl.DataFrame(rows, schema=schema))
    kinds = {"n": "number", "c": "category", "f": "yes_no"}
    p = Preparation.fit(table, describe(table, "y", kinds), "y", "classification")
    q = Preparation.from_record(json.loads(json.dumps(p.to_record(), allow_nan=False)))
    assert q == p
    assert q.inputs(table).tobytes() == p.inputs(table).tobytes()
    assert np.isfinite(p.inputs(table)).all()
    assert q.targets(table).tobytes() == p.targets(table).tobytes()


def test_a_manipulated_record_is_refused_or_harmless() -> None:
    assert refused_changes(fit(TRAIN), read_table(TRAIN)) > 300


@pytest.mark.parametrize("change", ["drop", "add"])
def test_a_record_has_exactly_its_fields(change: str) -> None:
    """Of those with a default, which a file of an older version lacks, see ``test_older_files.py``."""
    record = fit(TRAIN).to_record()
    for holder in (record, record["encodings"][0]):
        broken = dict(holder)
        if change == "drop":
            del broken["target" if holder is record else "mean"]
        else:
            broken["more"] = 1
        changed = broken if holder is record else {**record, "encodings": [broken]}
        with pytest.raises(DataError, match="E328"):
            Preparation.from_record(changed)


def test_threads_do_not_change_the_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    words = rng.choice(["a", "b", "c", None], 200).tolist()
    columns: dict[str, Any] = {
        "n": rng.normal(size=200),
        "w": words,
        "v": rng.integers(0, 9, 200),
        "y": words,
    }
    p = fit(columns | {"y": rng.integers(0, 2, 200)})
    table = read_table({**columns, "w": ["new", *words[1:]], "n": [1e9, *columns["n"][1:]]})
    wrong = read_table(
        {**columns, "n": ["x", *map(str, columns["n"][1:])], "v": ["z", *map(str, columns["v"][1:])]}
    )
    alone, faults = p.apply(table), p.faults(wrong)
    monkeypatch.setattr("chainrule.data.tables.encoded_rows.MANY_ROWS", 1)
    monkeypatch.setattr("chainrule.data.tables.encoded_rows.PART", 7)
    monkeypatch.setattr(pl, "thread_pool_size", lambda: 3)
    together = p.apply(table)
    assert together.x.tobytes() == alone.x.tobytes()
    assert together.notices == alone.notices
    assert alone.notices
    assert p.faults(wrong).cells == faults.cells
    assert [facts["column"] for _, facts in faults.cells] == ["n", "v"]


@pytest.mark.long
@settings(max_examples=40, deadline=None)
@given(block=st.integers(1, 61), part=st.integers(1, 61), threads=st.integers(1, 3), seed=st.integers(0, 9))
def test_rows_that_are_encoded_in_blocks_are_those_encoded_together(
    block: int, part: int, threads: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    words = ["red", "Red", "blue", "green", None]
    columns: dict[str, Any] = {
        "n": rng.normal(size=60),
        "gaps": np.where(rng.random(60) < 0.3, np.nan, rng.normal(size=60)),
        "w": rng.choice(words, 60).tolist(),
        "day": [f"2024-0{1 + i % 9}-1{i % 10}" for i in range(60)],
        "text": [f"remark {i} of {rng.choice(['many', 'few'])} words" for i in range(60)],
        "y": rng.integers(0, 2, 60),
    }
    p = fit(columns)
    table = read_table(
        {**columns, "w": rng.choice([*words, "new"], 60).tolist(), "n": [1e9, *columns["n"][1:]]}
    )
    together = p.apply(table)
    small = mock.patch.multiple(encoded_rows, MANY_ROWS=1, BLOCK=block, PART=part)
    with small, mock.patch.object(pl, "thread_pool_size", return_value=threads):
        rows = p.rows(table)
        assert np.concatenate(list(rows.blocks())).tobytes() == together.x.tobytes()
        assert rows.notices == together.notices
    one_by_one = [p.inputs(table.take(np.array([i]))) for i in range(0, 60, 7)]
    assert np.concatenate(one_by_one).tobytes() == together.x[::7].tobytes()

"""Findings about columns: copies of the target, ids, sentinels, spellings, repeated rows, rare classes."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.data import PreparedData, check, choose_task, read_table
from chainrule.data.tables.repeated_rows import repeats, repeats_by_chance, shared_by_chance
from chainrule.data.tables.spellings import key_of_level, match_spellings, merge_spellings
from chainrule.errors import DataError

RNG = np.random.default_rng(0)
N = 300
X, Z = RNG.normal(size=(2, N)).round(3)
Y = np.where(X + RNG.normal(size=N) > 0, "b", "a")
AGE = RNG.integers(18, 90, N)
WORDS = ["Paris", "rome", "OSLO", "New York", "yes", "no", "Y", "AA", "Aa", "x y", "é"]

CASES: dict[str, tuple[str, dict]] = {
    "a number that separates the classes": ("near_copy", {"c": np.where(Y == "a", Z, Z + 20)}),
    "missing where the class is a": (
        "missing_reveals_target",
        {"c": [None if y == "a" else z for y, z in zip(Y, Z, strict=True)]},
    ),
    "a multiple of the target": ("near_copy", {"y": X * 3 + Z, "c": (X * 3 + Z) * 1.19 + 5}),
    "row numbers from 500": ("counter", {"c": np.arange(N) + 500}),
    "two rows for each id": ("group_id", {"c": 7 * (np.arange(N) // 2)}),
    "-999 for missing ages": ("sentinel", {"c": np.where(np.arange(N) % 9 == 0, -999, AGE)}),
    "99 for missing grades": ("sentinel", {"c": np.where(np.arange(N) % 9 == 0, 99, AGE % 7)}),
}
SOUND = {
    "ages": AGE,
    "one outlier": np.where(np.arange(N) == 5, -999, AGE),
    "percentages": np.arange(N) * 37 % 101,
    "signs": np.arange(N) * 7 % 3 - 1,
    "a strong column": np.where(Y == "a", Z, Z + 3),
    "measurements": (X * 100).round(2),
}


@pytest.mark.parametrize("case", CASES)
def test_a_suspicious_column_is_named(case: str) -> None:
    code, columns = CASES[case]
    table = read_table({"x": X, "z": Z, "y": Y, **columns})
    prepared = PreparedData.of(table, "y")
    for findings in (check(table, "y"), prepared.notices):
        matches = [finding for finding in findings if finding.code == code]
        assert [finding.facts["column"] for finding in matches] == ["c"]
        assert matches[0].severity == "warning"


@pytest.mark.parametrize("case", SOUND)
def test_a_sound_column_has_no_finding(case: str) -> None:
    assert PreparedData.of(read_table({"x": X, "c": SOUND[case], "y": Y}), "y").notices == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from([*WORDS, *map(str.upper, WORDS), *map(str.lower, WORDS)]), min_size=2, max_size=40
    )
)
def test_merged_spellings_differ_in_case_and_spaces_only(cells: list[str]) -> None:
    table = read_table({"c": cells, "n": list(range(len(cells)))})
    merged = merge_spellings(table).frame["c"].to_list()
    assert [key_of_level(text) for text in merged] == [key_of_level(text) for text in cells]
    assert set(merged) <= set(cells)
    again = merge_spellings(read_table({"c": merged, "n": list(range(len(cells)))}))
    assert again.frame["c"].to_list() == merged
    assert match_spellings(pl.Series(cells), sorted(set(merged))).is_in(merged).all()


def test_genotypes_are_not_merged() -> None:
    table = merge_spellings(read_table({"c": ["AA", "Aa", "aa", "Aa"] * 10}))
    assert table.frame["c"].n_unique() == 3
    assert [notice.code for notice in table.notices] == ["case_variants"]


def test_a_later_table_may_spell_levels_and_labels_in_another_case() -> None:
    rows = {
        "city": ["Paris", "Rome", "PARIS", "Rome"] * 10,
        "x": X[:40],
        "y": ["Yes", "no", "yes", "NO"] * 10,
    }
    prepared = PreparedData.of(read_table(rows), "y")
    p = prepared.preparation
    assert (p.feature_names, p.labels) == (("city=Paris", "city=Rome", "x"), ("Yes", "no"))
    later = read_table({"city": ["paris", "ROME", "Oslo"], "x": [0.0, 0.0, 0.0], "y": ["YES", "No", "no"]})
    assert p.inputs(later)[:, :2].tolist() == [[1, 0], [0, 1], [0, 0]]
    assert p.targets(later).tolist() == [0, 1, 1]


def test_rows_that_repeat_by_chance_are_not_reported() -> None:
    narrow = {
        "a": RNG.integers(0, 8, 500),
        "b": RNG.integers(0, 6, 500),
        "y": np.where(RNG.random(500) < 0.5, "a", "b"),
    }
    assert "duplicates" not in [finding.code for finding in check(read_table(narrow), "y")]
    copied = {
        name: np.concatenate([values, values[:60]]) for name, values in {"x": X, "z": Z, "y": Y}.items()
    }
    assert "duplicates" in [finding.code for finding in check(read_table(copied), "y")]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(2, 60))
def test_repeats_by_chance_are_bounded(low: int, high: int, rows: int) -> None:
    frame = pl.DataFrame({"a": [i % low for i in range(rows)], "b": [i % high for i in range(rows)]})
    assert max(0, rows - low * high) <= repeats_by_chance(frame) < rows
    assert 0 <= repeats(frame) < rows
    array = frame.to_numpy().astype(float)
    assert 0.0 <= shared_by_chance(array, array) <= 1.0


def test_a_class_with_one_row_is_left_out_and_named() -> None:
    labels = ["a", "b"] * 20 + ["lynx"]
    task = choose_task(read_table({"x": X[:41], "y": labels}), "y")
    assert (task.labels, task.rows.tolist()) == (("a", "b"), list(range(40)))
    (notice,) = task.notices
    assert (notice.code, notice.severity, notice.facts["labels"]) == ("single_row_classes", "warning", "lynx")
    with pytest.raises(DataError, match="E322"):
        choose_task(read_table({"x": X[:3], "y": ["a", "a", "b"]}), "y")


def test_a_count_with_a_single_seven_is_a_number() -> None:
    counts = [0, 1, 2, 3, 4, 5] * 10 + [7]
    task = choose_task(read_table({"x": X[:61], "y": counts}), "y")
    assert (task.kind, [notice.code for notice in task.notices]) == ("regression", ["count_target"])
    task = choose_task(read_table({"x": X[:61], "y": counts}), "y", "classification")
    assert (task.labels, len(task.rows)) == ((0, 1, 2, 3, 4, 5), 60)


def test_fit_reports_the_notices_of_the_command_line() -> None:
    frame = pl.DataFrame(
        {"price": [f"${value:,.2f}" for value in 5000 + 900 * X], "c": ["Rome", "ROME"] * 150, "y": Y}
    )
    notices = {
        notice.en for notice in PreparedData.of(read_table(frame), "y", fractions=(1.0, 0.0, 0.0)).notices
    }
    model = cr.Model(cr.Sequential(cr.Dense(1)), "binary_cross_entropy")
    with pytest.warns(UserWarning, match="price") as caught:
        model.fit(frame, "y", epochs=1, verbose=False)
    assert {str(warning.message) for warning in caught} == notices
    assert len(notices) == 3  # the notation of price, the constant column that the merge leaves
    assert {warning.filename for warning in caught} == {__file__}

"""The kind inferred for a column, and the task inferred for a target."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule.data import choose_task, describe, read_table
from chainrule.errors import DataError, UsageError

WORDS = [f"w{i}" for i in range(40)]
KINDS: dict[str, tuple[list, str]] = {
    "numbers": ([1.5, 2.5] * 20, "number"),
    "few integers": ([1, 2, 3, 4] * 10, "number"),
    "numbers as texts": (["1.5", "2"] * 20, "number"),
    "numbers with gaps": ([1.5, None, 2.0, 3.0] * 10, "number"),
    "one number and gaps": ([5.0, None] * 20, "number"),
    "yes and no": (["yes", "No"] * 20, "yes_no"),
    "0 and 1": ([0, 1] * 20, "number"),
    "0.0 and 1.0": ([0.0, 1.0] * 20, "number"),
    "booleans": ([True, False] * 20, "yes_no"),
    "Chinese yes and no": (["是", "否"] * 20, "yes_no"),
    "1 and 2": ([1, 2] * 20, "number"),
    "colors": (["red", "blue", "green", None] * 10, "category"),
    "codes": (["007", "008"] * 20, "category"),
    "mostly not numbers": (["1", "2", "x", "y"] * 10, "category"),
    "texts": ([f"a long text of words {i}" for i in range(40)], "text"),
    "distinct words": (WORDS, "id"),
    "row numbers": (list(range(40)), "id"),
    "constant": ([3] * 40, "constant"),
    "missing": ([None] * 40, "empty"),
    "iso dates": (["2024-01-31", "2024-02-01 12:30:00"] * 20, "date"),
    "German dates": (["31.01.2024", "1.2.2024"] * 20, "date"),
    "long dates": (["5 Nov 2020", "November 6, 2020", "7-NOV-20", None] * 10, "date"),
    "months": (["Nov 2020", "2020-12", "2020Q3", "11/2020"] * 10, "date"),
    "Chinese dates": (["2020年11月5日", "2020年12月"] * 20, "date"),
    "versions": (["1.2.30", "1.10.15"] * 20, "category"),
    "impossible dates": (["30.02.2020", "31.04.2020"] * 20, "category"),
    "large ids": ([2**60 + i for i in range(40)], "id"),
}


@pytest.mark.parametrize("case", KINDS)
def test_the_kind_of_a_column(case: str) -> None:
    values, kind = KINDS[case]
    table = read_table({"c": values, "other": [0.5, 1.5] * 20, "y": ["a", "b"] * 20})
    column = describe(table, "y")[0]
    assert column.kind == kind
    assert column.missing == sum(value is None for value in values)
    assert column.reason.en != column.reason.zh != ""
    assert (column.notice is None) == (kind not in ("id", "constant", "empty"))


def test_many_levels_of_several_words_are_texts() -> None:
    levels = [f"{kind} on {paper} paper" for kind in ("oil", "ink", "wax") for paper in range(20)]
    table = read_table({"c": levels * 4, "city": [f"New {i % 60}" for i in range(240)]})
    assert [column.kind for column in describe(table)] == ["text", "category"]


def test_a_column_named_id_has_the_kind_id() -> None:
    scrambled = [7, 3, 9, 1, 5]
    table = read_table({"patient_id": scrambled, "paid": scrambled, "x": [0.5] * 4 + [1], "y": list("abaab")})
    assert [c.kind for c in describe(table, "y")][:2] == ["id", "number"]


def test_the_only_input_is_not_taken_for_an_index() -> None:
    table = read_table({"x": list(range(40)), "y": [v * v * 0.5 for v in range(40)]})
    assert describe(table, "y")[0].kind == "number"


def test_statistics_and_levels() -> None:
    table = read_table({"n": [1.0, None, 4.0, 7.0], "c": ["b", "a", "b", "c"]})
    number, category = describe(table)
    assert (number.minimum, number.mean, number.std, number.maximum) == (1.0, 4.0, 6.0**0.5, 7.0)
    assert category.levels == (("b", 2), ("a", 1), ("c", 1))


def test_huge_numbers_do_not_overflow() -> None:
    column = describe(read_table({"n": [1e308, -1e308, 1e308, -1e308]}))[0]
    assert (column.mean, column.std) == (0.0, 1e308)


def test_explicit_kinds_take_precedence() -> None:
    table = read_table({"zip": [1, 2, 3] * 5, "n": [0.5, 1.5, 1] * 5, "flag": [0, 1, 1] * 5})
    columns = describe(table, kinds={"zip": "category", "n": "text", "flag": "number"})
    assert [column.kind for column in columns] == ["category", "text", "number"]
    assert columns[0].reason.code == "requested"
    with pytest.raises(UsageError, match='"categroy" is not known'):
        describe(table, kinds={"zip": "categroy"})


def test_all_invalid_cells_are_listed_in_one_error() -> None:
    table = read_table({"a": ["1"] * 39 + ["x"], "b": [1.5] * 39 + [float("inf")]})
    with pytest.raises(DataError) as caught:
        describe(table)
    assert 'column "a"' in str(caught.value)
    assert 'column "b"' in str(caught.value)


TARGETS: dict[str, tuple[list, str, tuple]] = {
    "texts": (["b", "a"] * 50, "classification", ("a", "b")),
    "yes/no": (["no", "yes"] * 50, "classification", ("no", "yes")),
    "booleans": ([True, False] * 50, "classification", (False, True)),
    "0 and 1": ([0, 1] * 50, "classification", (0, 1)),
    "whole floats": ([2.0, 1.0] * 50, "classification", (1, 2)),
    "ten digits": (list(range(10)) * 10, "classification", tuple(range(10))),
    "eleven numbers": (list(range(11)) * 9 + [0], "regression", ()),
    "halves": ([0.5, 1.5] * 50, "regression", ()),
    "all different": (list(range(100)), "regression", ()),
    "constant class is kept out": (["a"] * 98 + ["b"] * 2, "classification", ("a", "b")),
}


@pytest.mark.parametrize("case", TARGETS)
def test_the_task_of_a_target(case: str) -> None:
    values, kind, labels = TARGETS[case]
    task = choose_task(read_table({"x": np.linspace(0, 1, 100), "t": values}), "t")
    assert (task.kind, task.labels) == (kind, labels)
    assert [type(label) for label in task.labels] == [type(label) for label in labels]
    assert len(task.rows) == 100


def test_an_explicit_task_takes_precedence() -> None:
    table = read_table({"x": [0.5] * 39 + [1], "t": [0, 1, 2, 3] * 10})
    assert choose_task(table, "t").kind == "classification"
    assert choose_task(table, "t", "regression").kind == "regression"


def test_rows_without_target_are_dropped_and_counted() -> None:
    task = choose_task(read_table({"x": [1, 2, 3, 4, 5], "t": ["a", None, "b", "a", "b"]}), "t")
    assert task.rows.tolist() == [0, 2, 3, 4]
    assert [notice.facts["count"] for notice in task.notices] == [1]


def test_the_error_suggests_the_nearest_column() -> None:
    with pytest.raises(DataError) as caught:
        choose_task(read_table({"x": [1, 2], "Species": ["a", "b"]}), "specis")
    assert caught.value.fix == 'target="Species"'

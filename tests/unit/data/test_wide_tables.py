"""Wide tables: work in proportion to the cells; columns parsed in bulk equal columns parsed one by one."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.data import Preparation, Table, choose_task, describe, read_table
from chainrule.data.cells.number_notation import clean
from chainrule.data.cells.typed_columns import type_texts
from chainrule.data.readers import cell_columns, csv_files
from chainrule.data.readers.cell_columns import Cells
from chainrule.data.readers.csv_files import check_names
from chainrule.data.tables.encoders import number
from chainrule.errors import DataError

CELLS = st.sampled_from(
    [
        "",
        "?",
        "NA",
        " 1 ",
        "0",
        "-0",
        "+3",
        "12",
        "007",
        "1.5",
        "-.5",
        "5.",
        "1e3",
        "1E-400",
        "1e999",
        "inf",
        "-Infinity",
        "nan",
        "1,234",
        "1,234.5",
        "12,34",
        "1.234,5",
        "true",
        "False",
        "yes",
        "no",
        "red",
        "2020-01-02",
        "999999999999999",
        "9999999999999999",
        "9007199254740993",
        "00",
        "1 2",
        "红",
        "none",
        "-",
        "--",
        "NA",
        "$5",
        "7 %",
        "(3)",
        "1.729",
        "12E3",
        "１２",
        "−4",
        "<1",
    ]
)
COLUMN = st.one_of(
    st.lists(CELLS, min_size=6, max_size=6),
    st.lists(st.sampled_from(["1", "2.5", "-3", ""]), min_size=6, max_size=6),
    st.lists(st.sampled_from(["1", "20", "+3", "?"]), min_size=6, max_size=6),
    st.lists(st.floats().map(repr), min_size=6, max_size=6),
    st.lists(st.integers().map(str), min_size=6, max_size=6),
    st.lists(st.text(max_size=5), min_size=6, max_size=6),
)


@pytest.mark.long
@given(
    st.lists(COLUMN, min_size=1, max_size=6), st.sampled_from(",;\t"), st.integers(1, 6), st.integers(1, 7)
)
def test_columns_read_in_bulk_are_those_read_one_by_one(
    columns: list[list[str]], delimiter: str, block: int, divided: int
) -> None:
    cells = Cells([f"c{i}" for i in range(len(columns))], delimiter)
    rows = [*zip(*columns, strict=True)]
    # Blocks of at least this many rows are divided into columns; the last block may be smaller.
    with mock.patch.object(cell_columns, "MANY_ROWS", divided):
        for start in range(0, len(rows), block):
            cells.add(rows[start : start + block])
        texts = [clean(pl.Series(f"c{i}", column, dtype=pl.String)) for i, column in enumerate(columns)]
        pairs = list(zip(cells.columns(), type_texts(texts, delimiter), strict=True))
    assert len(pairs) == len(columns)
    for read, expected in pairs:
        assert read.values.dtype == expected.values.dtype
        assert read.values.equals(expected.values, check_names=True, null_equal=True)
        assert read.notices == expected.notices
        assert (read.original is None) == (expected.original is None)


def wide(columns: int, rows: int = 24) -> dict[str, np.ndarray]:
    """Three quarters numbers, the rest words, and the target."""
    x = np.random.default_rng(0).normal(size=(columns, rows)).round(3)
    table = {f"n{i}": row for i, row in enumerate(x[: columns * 3 // 4])}
    table |= {f"w{i}": np.where(row > 0, "red", "blue") for i, row in enumerate(x[columns * 3 // 4 :])}
    return {**table, "y": np.where(x[0] > 0, "yes", "no")}


def text_of(table: dict[str, np.ndarray], file: Path) -> Path:
    lines = [",".join(table), *(",".join(map(str, row)) for row in zip(*table.values(), strict=True))]
    file.write_text("\n".join(lines))
    return file


def analyze(file: Path) -> None:
    table = read_table(file)
    columns = describe(table, "y")
    task = choose_task(table, "y", columns=columns)
    preparation = Preparation.fit(table, columns, "y", task)
    preparation.inputs(table)
    preparation.targets(table)
    cr.check(table, "y")


def growth(work: Callable[[int], None], small: int, large: int) -> float:
    """The exponent of the time over the size, from the best of three."""

    def best(size: int) -> float:
        spent = []
        for _ in range(3):
            start = time.process_time()
            work(size)
            spent.append(time.process_time() - start)
        return min(spent)

    return float(np.log(best(large) / best(small)) / np.log(large / small))


def calls(work: Callable[[], None]) -> int:
    """How many functions a piece of work calls, compiled ones too: a measure independent of the clock."""
    count = 0

    def add(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(add)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.long
def test_the_work_on_a_wide_table_is_linear_in_its_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_files, "BLOCK_CELLS", 1200)  # as many blocks as for a large file
    files = {size: text_of(wide(size, rows=60), tmp_path / f"{size}.csv") for size in (150, 300, 600)}
    analyze(files[150])  # loads what is loaded once
    counts = {size: calls(partial(analyze, file)) for size, file in files.items()}
    fixed = 2 * counts[150] - counts[300]  # independent of the width if the rest is linear
    assert counts[600] - fixed < 1.1 * 4 * (counts[150] - fixed)


def test_column_names_are_not_listed_for_every_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = []
    columns = Table.columns.fget
    monkeypatch.setattr(Table, "columns", property(lambda table: listed.append(1) or columns(table)))
    counts = []
    for size in (20, 80):
        listed.clear()
        analyze(text_of(wide(size), tmp_path / f"{size}.csv"))
        counts.append(len(listed))
    assert counts[0] == counts[1]


def repeated(size: int) -> None:
    with pytest.raises(DataError, match="E305"):
        check_names("table", [f"c{i // 2}" for i in range(size)])


def test_repeated_names_are_detected_in_linear_time() -> None:
    assert growth(repeated, 5000, 40_000) < 1.5


@pytest.mark.long
def test_a_table_without_thousands_of_columns_is_refused_quickly(tmp_path: Path) -> None:
    table = read_table(text_of(wide(4000), tmp_path / "table.csv"))
    columns = describe(table, "y")
    preparation = Preparation.fit(table, columns, "y", "classification")
    other = read_table({f"z{i}": np.arange(3.0) for i in range(4000)})
    start = time.process_time()
    with pytest.raises(DataError) as caught:
        preparation.inputs(other)
    assert time.process_time() - start < 5
    assert caught.value.code == "E326"
    assert "and 3980 more" in caught.value.received
    assert len(str(caught.value)) < 5000


NUMBERS = st.lists(
    st.one_of(st.none(), st.sampled_from([0.0, 1e300, -1e308, 1e-300, 3.0]), st.floats(-1e6, 1e6)),
    min_size=4,
    max_size=4,
)


INTEGERS = st.lists(st.one_of(st.none(), st.integers(0, 127)), min_size=4, max_size=4)
TYPES = st.sampled_from([pl.Float64, pl.Float32, pl.Int8, pl.UInt64, pl.Int128, pl.Decimal(12, 2)])


@given(
    trained=st.lists(NUMBERS, min_size=1, max_size=4),
    later=st.lists(NUMBERS, min_size=4, max_size=4),
    integers=st.lists(INTEGERS, min_size=4, max_size=4),
    types=st.lists(TYPES, min_size=4, max_size=4),
)
def test_columns_encoded_together_equal_columns_encoded_one_by_one(
    trained: list[list[float | None]],
    later: list[list[float | None]],
    integers: list[list[int | None]],
    types: list[pl.DataType],
) -> None:
    target = pl.Series("y", ["a", "b", "a", "b"])
    table = Table(
        pl.DataFrame([*(pl.Series(f"x{i}", c, dtype=pl.Float64) for i, c in enumerate(trained)), target])
    )
    columns = [replace(c, kind="number") for c in describe(table, "y") if c.name != "y"]
    preparation = Preparation.fit(table, columns, "y", "classification")
    of_floats = [pl.Series(f"x{i}", c, dtype=pl.Float64) for i, c in enumerate(later)]
    of_types = [pl.Series(f"x{i}", c).cast(types[i]) for i, c in enumerate(integers)]
    for series in [of_floats, of_types]:
        results = []
        for few, many in ((64, 1), (0, 1), (0, 1000)):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(number, "FEW_ROWS", few)
                patch.setattr(number, "MANY", many)
                results.append(preparation.apply(Table(pl.DataFrame([*series, target]))))
        few_rows, many_columns, single = results
        np.testing.assert_array_equal(few_rows.x, single.x)
        np.testing.assert_array_equal(many_columns.x, single.x)
        few_rows, many_columns, single = ([n.render("en") for n in result.notices] for result in results)
        assert few_rows == many_columns == single

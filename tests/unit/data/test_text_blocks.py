"""Blocks of lines that are divided at once give the table that parsing each record gives."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from unittest import mock

import polars
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chainrule.data import Table, read_table
from chainrule.data.readers import cell_columns, csv_files
from chainrule.errors import DataError

CELL = st.sampled_from(["1", "2.5", "x y", "", " 3", "NA", '"q"', '"a,b"', '"two\nlines"', "é", "a", '"open'])
LINES = st.lists(
    st.one_of(
        st.lists(CELL, min_size=2, max_size=2).map(",".join),
        st.sampled_from(["", "  ", "a,b", "1", "1,2,3", "# note", "Total,7"]),
    ),
    max_size=30,
)
SAMPLE, MORE = 20, 25  # lines of the sample that decides the dialect, and more than that


def outcome(file: Path, is_parsed: bool) -> object:
    """The table, as columns, lines and notices, or the message of the error."""
    small = mock.patch.multiple(csv_files, BLOCK_CELLS=4, BLOCK_CHARACTERS=9)
    parsed = mock.patch.object(csv_files, "plain_block", return_value=None)
    with small, parsed if is_parsed else nullcontext():
        try:
            return description(read_table(file))
        except DataError as error:
            return str(error)


def description(table: Table) -> object:
    assert table.lines is not None
    columns = {name: table.frame[name].to_list() for name in table.columns}
    return columns, table.frame.schema, table.lines.tolist(), [notice.en for notice in table.notices]


@pytest.fixture
def short_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of an example lie behind the sample; the usual one has ten times as many lines."""
    monkeypatch.setattr(csv_files, "SAMPLE_LINES", SAMPLE)


@pytest.mark.long
@pytest.mark.usefixtures("short_sample")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES, end=st.sampled_from(["\n", "\r\n"]), is_ended=st.booleans())
def test_both_ways_of_reading_agree(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], end: str, is_ended: bool
) -> None:
    file = tmp_path_factory.getbasetemp() / "blocks.csv"
    rows = ["a,b", *(["1,2"] * MORE), *lines]
    file.write_bytes((end.join(rows) + end * is_ended).encode())
    assert outcome(file, is_parsed=False) == outcome(file, is_parsed=True)


NUMBERS = st.sampled_from(
    [
        "1",
        "2.5",
        "+3",
        "-.5",
        "007",
        "12E3",
        "1e3",
        "9007199254740993",
        "NA",
        "",
        "?",
        "inf",
        "yes",
        "x",
        "é 1",
        '="007"',
        'a="1"',
    ]
)


@pytest.mark.long
@pytest.mark.usefixtures("short_sample")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(NUMBERS, min_size=3, max_size=3), min_size=1, max_size=40))
def test_threads_and_the_size_of_blocks_do_not_change_a_table(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    file = tmp_path_factory.getbasetemp() / "threads.csv"
    # In each column numbers until the drawn rows.
    file.write_text("\n".join(["a,b,c", *(["1,2.5,30"] * MORE), *map(",".join, rows)]) + "\n")
    tables = []
    for threads, size, divided in ((1, 1 << 20, 1000), (1, 9, 1), (3, 9, 2), (3, 200, 3), (3, 2000, 1)):
        small = mock.patch.multiple(csv_files, BLOCK_CELLS=4, BLOCK_CHARACTERS=size)
        pool = mock.patch.object(polars, "thread_pool_size", return_value=threads)
        with small, pool, mock.patch.object(cell_columns, "MANY_ROWS", divided):
            tables.append(description(read_table(file)))
    assert len(tables) == 5
    assert all(table == tables[0] for table in tables[1:])


def test_a_block_is_divided_at_once(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n" + "1,x\n" * 20_000)
    small = mock.patch.multiple(csv_files, BLOCK_CELLS=1000, BLOCK_CHARACTERS=10_000)
    with small, mock.patch.object(csv_files, "plain_block", wraps=csv_files.plain_block) as used:
        table = read_table(tmp_path / "t.csv")
    assert used.call_count > 3
    assert table.rows == 20_000
    assert table.place(19_999) == "t.csv line 20001"


DAMAGES = {
    "no UTF-8": (b"1,\xff\n", "E307"),
    "NUL": (b"1,\0\n", "E307"),
    "ragged": (b"1\n", "E306"),
    "too long": (b"1," + b"x" * 10_000_001 + b"\n", "E308"),
}


@pytest.mark.parametrize(("damage", "code"), DAMAGES.values(), ids=DAMAGES)
def test_a_fault_far_below_the_header_has_its_line(tmp_path: Path, damage: bytes, code: str) -> None:
    (tmp_path / "t.csv").write_bytes(b"a,b\n" + b"1,x\n" * 700 + damage + b"1,x\n" * 700)
    with (
        mock.patch.multiple(csv_files, BLOCK_CELLS=4, BLOCK_CHARACTERS=50),
        pytest.raises(DataError, match=f"{code} in t.csv line 702"),
    ):
        read_table(tmp_path / "t.csv", encoding="utf-8")

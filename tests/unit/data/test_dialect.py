"""Tables written with any delimiter, quoting and alignment are divided into the same fields."""

from __future__ import annotations

import contextlib
import csv
import io
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chainrule.data import read_table
from chainrule.data.readers.csv_layout import DELIMITERS, detect_dialect
from chainrule.errors import DataError

WORDS = st.sampled_from(
    ["red", "New York", "x, y", "a;b", "5 | 6", 'the "end"', "O'Neil", "no-one", "Ann Lee"]
)
NUMBERS = st.one_of(st.integers(-999, 999).map(str), st.floats(-9, 9).map(lambda x: f"{x:.3f}"))
KINDS = {"number": NUMBERS, "word": WORDS, "date": st.dates().map(str)}


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    kinds = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=2, max_size=5))
    count = draw(st.integers(3, 8))
    body = [[draw(KINDS[kind]) for kind in kinds] for _ in range(count)]
    return [[f"name{i}" for i in range(len(kinds))], *body]


@given(
    rows=tables(),
    delimiter=st.sampled_from(DELIMITERS),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_the_delimiter_of_a_written_table_is_detected(
    rows: list[list[str]], delimiter: str, quoting: int
) -> None:
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    lines = stream.getvalue().splitlines(keepends=True)
    dialect = detect_dialect(lines)
    assert dialect.delimiter == delimiter
    assert list(dialect.records(iter(lines))) == rows


@given(
    rows=st.lists(st.lists(NUMBERS, min_size=3, max_size=3), min_size=3, max_size=8), gap=st.integers(1, 4)
)
def test_aligned_numbers_are_divided_by_blanks(rows: list[list[str]], gap: int) -> None:
    cells = [["a", "b", "c"], *rows]
    widths = [max(len(row[i]) for row in cells) + gap for i in range(3)]
    lines = ["".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) + "\n" for row in cells]
    assert list(detect_dialect(lines).records(iter(lines))) == cells


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    above=st.lists(st.sampled_from(["Report", "", "# by hand", "as of 2024"]), max_size=3),
    units=st.booleans(),
    totals=st.booleans(),
    end=st.sampled_from(["", ";"]),
)
def test_lines_that_are_no_rows_are_left_out_with_a_notice(
    above: list[str], units: bool, totals: bool, end: str, tmp_path: Path
) -> None:
    body = ["time;speed;site", *(["s;m/s;"] if units else []), "1;2.5;n", "2;3.5;s", "4;4.5;n"]
    body += ["Total;10.5;"] if totals else []
    path = tmp_path / "t.csv"
    path.write_text("\n".join([*above, *(line + end for line in body)]))
    table = read_table(path)
    assert table.frame.rows() == [(1, 2.5, "n"), (2, 3.5, "s"), (4, 4.5, "n")]
    first = len(above) + 2 + units
    assert table.lines is not None
    assert table.lines.tolist() == [first, first + 1, first + 2]
    codes = {notice.code for notice in table.notices}
    assert ("units_row" in codes, "total_row" in codes) == (units, totals)
    assert bool(codes & {"lines_above", "comment_lines"}) == any(above)


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
@pytest.mark.parametrize("questions", [[], ["How old?\nIn years", "Why, mostly?"]], ids=["ids", "questions"])
def test_the_questions_of_a_survey_are_left_out_with_a_notice(
    questions: list[str], suffix: str, tmp_path: Path
) -> None:
    identifiers = ['{"ImportId":"QID1"}', '{"ImportId":"QID2","choiceId":"1"}']
    rows = [["age", "reason"], *([questions] if questions else []), identifiers, ["31", "so"], ["47", "no"]]
    path = tmp_path / f"t{suffix}"
    if suffix == ".csv":
        with path.open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    else:
        workbook = openpyxl.Workbook()
        for row in rows:
            workbook.active.append([int(cell) if cell.isdecimal() else cell for cell in row])
        workbook.save(path)
    table = read_table(path)
    assert table.frame.rows() == [(31, "so"), (47, "no")]
    notices = {notice.code: notice.facts for notice in table.notices}
    assert notices["label_rows"]["count"] == len(questions) // 2 + 1
    assert notices["label_rows"]["line"] == 2


@given(lines=st.lists(st.text(st.sampled_from('ab1,;\t| "#'), max_size=12), max_size=8))
def test_any_lines_have_a_dialect(lines: list[str]) -> None:
    sample = [f"{line}\n" for line in lines]
    with contextlib.suppress(csv.Error):  # quotes that do not match
        assert len(list(detect_dialect(sample).records(iter(sample), strict=False))) >= 0


@pytest.mark.parametrize("content", ["a\tb\n1\t2\n3\n", "x  y\n1  2\n3  4  5\n", "a,b\n1,2\nSource: x\n"])
def test_a_ragged_row_is_an_error_and_never_left_out(content: str, tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text(content)
    with pytest.raises(DataError, match="E306"):
        read_table(tmp_path / "t.txt")

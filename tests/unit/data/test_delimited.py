"""Difficult text tables, each with the table or error that reading it must result in."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chainrule.data import Table, describe, read_table
from chainrule.data.readers.csv_files import COLUMN_LIMIT
from chainrule.data.readers.file_content import SWELL_FREE
from chainrule.errors import ChainruleError, DataError

N = None
GOOD: dict[str, tuple[bytes, dict[str, list]]] = {
    "plain": (b"a,b\n1,x\n2,y\n", {"a": [1, 2], "b": ["x", "y"]}),
    "no newline at the end": (b"a,b\n1,x", {"a": [1], "b": ["x"]}),
    "crlf": (b"a,b\r\n1,x\r\n2,y\r\n", {"a": [1, 2], "b": ["x", "y"]}),
    "cr only": (b"a,b\r1,x\r2,y\r", {"a": [1, 2], "b": ["x", "y"]}),
    "mixed newlines": (b"a,b\n1,x\r\n2,y\r3,z\n", {"a": [1, 2, 3], "b": ["x", "y", "z"]}),
    "utf-8 mark": (b"\xef\xbb\xbfa,b\n1,x\n", {"a": [1], "b": ["x"]}),
    "utf-16 little": ("a,b\n1,é\n".encode("utf-16"), {"a": [1], "b": ["é"]}),
    "utf-16 big": (b"\xfe\xff" + "a,b\n1,x\n".encode("utf-16-be"), {"a": [1], "b": ["x"]}),
    "utf-8": ("名,值\n甲,1\n".encode(), {"名": ["甲"], "值": [1]}),
    "semicolon": (b"a;b\n1;x\n", {"a": [1], "b": ["x"]}),
    "tab": (b"a\tb\n1\tx\n", {"a": [1], "b": ["x"]}),
    "bar": (b"a|b\n1|x\n", {"a": [1], "b": ["x"]}),
    "comma in tab file": (b"a\tb\nx, y\t1\nz\t2\n", {"a": ["x, y", "z"], "b": [1, 2]}),
    "one column": (b"a\n1\n2\n", {"a": [1, 2]}),
    "one row": (b"a,b\n1,2\n", {"a": [1], "b": [2]}),
    "blank lines": (b"a,b\n\n1,x\n\n\n2,y\n\n", {"a": [1, 2], "b": ["x", "y"]}),
    "row of empty cells": (b"a,b\n1,x\n,\n", {"a": [1, N], "b": ["x", N]}),
    "outer blanks": (b" a , b \n 1 , x \n", {"a": [1], "b": ["x"]}),
    "quoted delimiter": (b'a,b\n"1","x, y"\n', {"a": [1], "b": ["x, y"]}),
    "quoted newline": (b'a,b\n1,"x\ny"\n2,z\n', {"a": [1, 2], "b": ["x\ny", "z"]}),
    "quoted crlf": (b'a,b\r\n1,"x\r\ny"\r\n', {"a": [1], "b": ["x\r\ny"]}),
    "doubled quote": (b'a,b\n1,"x ""y"" z"\n', {"a": [1], "b": ['x "y" z']}),
    "quoted empty": (b'a,b\n1,""\n2,x\n', {"a": [1, 2], "b": [N, "x"]}),
    "blank before a quote": (b'a, b\n1, "x, y"\n', {"a": [1], "b": ["x, y"]}),
    "quote inside a word": (b'a,b\n1,5" pipe\n', {"a": [1], "b": ['5" pipe']}),
    "quoted header": (b'"a, b","c"\n1,2\n', {"a, b": [1], "c": [2]}),
    "run of quotes": (b"a,b\n1," + b'"' * 1000 + b"\n", {"a": [1], "b": ['"' * 499]}),
    "missing, empty": (b"a,b\n1,x\n,y\n", {"a": [1, N], "b": ["x", "y"]}),
    "missing, NA": (b"a\n1\nNA\n", {"a": [1, N]}),
    "missing, N/A": (b"a\n1\nN/A\n", {"a": [1, N]}),
    "missing, nan": (b"a\n1\nNaN\nnan\n", {"a": [1, N, N]}),
    "missing, null": (b"a\n1\nNULL\n", {"a": [1, N]}),
    "missing, question mark": (b"a\n1\n?\n", {"a": [1, N]}),
    "missing, dash": (b"a\n1\n-\n-2\n", {"a": [1, N, -2]}),
    "none is a word": (b"a,b\nnone,1\nred,2\n", {"a": ["none", "red"], "b": [1, 2]}),
    "all missing": (b"a,b\n1,\n2,NA\n", {"a": [1, 2], "b": [N, N]}),
    "floats": (b"a\n1.5\n-.5\n+2.\n3e-2\n", {"a": [1.5, -0.5, 2.0, 0.03]}),
    "signs": (b"a\n+1\n-2\n", {"a": [1, -2]}),
    "1e308": (b"a\n1e308\n-1e308\n", {"a": [1e308, -1e308]}),
    "tiny": (b"a\n5e-324\n0\n", {"a": [5e-324, 0.0]}),
    "leading zeros": (b"a,b\n007,1\n008,2\n", {"a": ["007", "008"], "b": [1, 2]}),
    "zero is no code": (b"a\n0\n1\n", {"a": [0, 1]}),
    "0.5 is no code": (b"a\n0.5\n1\n", {"a": [0.5, 1.0]}),
    "2**53": (b"a\n9007199254740992\n1\n", {"a": [2**53, 1]}),
    "2**53 + 1": (b"a\n9007199254740993\n1\n", {"a": ["9007199254740993", "1"]}),
    "40 digits": (b"a\n" + b"1" * 40 + b"\n", {"a": ["1" * 40]}),
    "thousands": (
        b'a,b\n"1,234",x\n"12,345,678.5",y\n999,z\n',
        {"a": [1234.0, 12345678.5, 999.0], "b": ["x", "y", "z"]},
    ),
    "not all thousands": (b'a,b\n"1,234",x\n"1,23",y\n', {"a": [1.234, 1.23], "b": ["x", "y"]}),
    "decimal comma": (b"a;b\n1,5;x\n2;y\n", {"a": [1.5, 2.0], "b": ["x", "y"]}),
    "decimal comma with points": (b"a;b\n1.234,5;x\n2,25;y\n", {"a": [1234.5, 2.25], "b": ["x", "y"]}),
    "decimal point with ;": (b"a;b\n1.5;x\n2;y\n", {"a": [1.5, 2.0], "b": ["x", "y"]}),
    "comma and point mixed with ;": (b"a;b\n1,5;x\n2.25;y\n", {"a": ["1,5", "2.25"], "b": ["x", "y"]}),
    "booleans": (b"a,b\ntrue,1\nFALSE,2\n", {"a": [True, False], "b": [1, 2]}),
    "dates": (b"a,b\n2024-01-31,1\n2024-02-01,2\n", {"a": ["2024-01-31", "2024-02-01"], "b": [1, 2]}),
    "percent": (b"a,b\n5%,1\n7%,2\n", {"a": [5.0, 7.0], "b": [1, 2]}),
    "hex is text": (b"a,b\n0x10,1\n1_000,2\n", {"a": ["0x10", "1_000"], "b": [1, 2]}),
    "formula is text": (b"a,b\n=cmd(),1\n<script>,2\n", {"a": ["=cmd()", "<script>"], "b": [1, 2]}),
    "escape is text": (b"a,b\n\x1b[31mred,1\n", {"a": ["\x1b[31mred"], "b": [1]}),
    "other line ends are text": ("a,b\nx\u2028y\x85z,1\n".encode(), {"a": ["x\u2028y\x85z"], "b": [1]}),
    "years as names": (b"who,2019,2020\nx,1,2\n", {"who": ["x"], "2019": [1], "2020": [2]}),
    "same name, other case": (b"a,A\n1,2\n", {"a": [1], "A": [2]}),
    "hash is data": (b"a,b\n#1,2\n", {"a": ["#1"], "b": [2]}),
    "gzip": (gzip.compress(b"a,b\n1,x\n"), {"a": [1], "b": ["x"]}),
    "bzip2": (bz2.compress(b"a,b\n1,x\n"), {"a": [1], "b": ["x"]}),
    "xz": (lzma.compress(b"a,b\n1,x\n"), {"a": [1], "b": ["x"]}),
    "gzip in bzip2": (bz2.compress(gzip.compress(b"a,b\n1,x\n")), {"a": [1], "b": ["x"]}),
    "two xz streams": (lzma.compress(b"a,b\n1,") + lzma.compress(b"x\n"), {"a": [1], "b": ["x"]}),
    "index of pandas": (b",a\n0,5\n1,6\n", {"index": [0, 1], "a": [5, 6]}),
    "unnamed first column of names": (b",index\nx,5\ny,6\n", {"index2": ["x", "y"], "index": [5, 6]}),
    "row names of R": (
        b'"x" "y"\n"1" 2 3\n"2" 5 6\n"3" 7 8\n',
        {"index": [1, 2, 3], "x": [2, 5, 7], "y": [3, 6, 8]},
    ),
    "latin-1": (b"a,b\n1,x\n2,caf\xe9\n", {"a": [1, 2], "b": ["x", "caf\xe9"]}),
    "gbk": ("城市,人口\n北京,1\n上海,2\n".encode("gbk"), {"城市": ["北京", "上海"], "人口": [1, 2]}),
    "utf-16 without mark": ("a,b\n1,2\n".encode("utf-16-le"), {"a": [1], "b": [2]}),
    "trailing delimiters": (b"a,b,\n1,2,\n3,4,\n", {"a": [1, 3], "b": [2, 4]}),
    "trailing delimiters of the header": (b"a,b,\n1,2\n3,4\n", {"a": [1, 3], "b": [2, 4]}),
    "trailing delimiters of rows": (b"a,b\n1,2,\n3,4,\n", {"a": [1, 3], "b": [2, 4]}),
    "sep=": (b"sep=;\na;b\n1,5;2\n", {"a": [1.5], "b": [2]}),
    "comments": (b"# by x\n#\na,b\n1,2\n# end\n3,4\n", {"a": [1, 3], "b": [2, 4]}),
    "header in a comment": (b"# x y\n1 2\n3 4\n", {"x": [1, 3], "y": [2, 4]}),
    "title": (b"Sales 2024\n\na,b\n1,2\n3,4\n", {"a": [1, 3], "b": [2, 4]}),
    "title of a spreadsheet": (
        b"Sales,,\n,,\na,b,c\n1,2,3\n3,4,5\n",
        {"a": [1, 3], "b": [2, 4], "c": [3, 5]},
    ),
    "aligned numbers": (b"x    y\n1.5  2\n1    30\n", {"x": [1.5, 1.0], "y": [2, 30]}),
    "aligned texts": (
        b"name      age\nJohn Doe   31\nAnn         4\nBob Smith  19\n",
        {"name": ["John Doe", "Ann", "Bob Smith"], "age": [31, 4, 19]},
    ),
    "units": (
        b"t,v,k\ns,m/s,\n1,2,a\n2,3,b\n3,4,a\n",
        {"t": [1, 2, 3], "v": [2, 3, 4], "k": ["a", "b", "a"]},
    ),
    "totals": (b"region,sales\nn,1\ns,2\nTotal,3\n", {"region": ["n", "s"], "sales": [1, 2]}),
    "total as a level": (
        b"k,v\ntotal,1\npart,2\ntotal,3\n",
        {"k": ["total", "part", "total"], "v": [1, 2, 3]},
    ),
    "repeated header": (b"a,b\n1,2\na,b\n3,4\n", {"a": [1, 3], "b": [2, 4]}),
    "two words are one column": (b"full name\nAnn Lee\nBo Li\n", {"full name": ["Ann Lee", "Bo Li"]}),
}

BOMB = gzip.compress(b"a,b\n" + (b"1," + b"x" * 999 + b"\n") * (SWELL_FREE // 900))
BAD: dict[str, tuple[bytes, str, tuple[str, ...]]] = {
    "empty": (b"", "E303", ("bad.csv",)),
    "only a mark": (b"\xef\xbb\xbf", "E303", ()),
    "only blank lines": (b"\n\n \n", "E303", ()),
    "header only": (b"a,b\n", "E304", ("header only",)),
    "empty name": (b"a,,c\n1,2,3\n", "E305", ("column 2 has no name",)),
    "two columns without a name": (b",a,\n0,1,2\n", "E305", ("column 3 has no name",)),
    "repeated name": (b"a,b,a\n1,2,3\n", "E305", ('"a" names columns 1 and 3',)),
    "repeated after blanks": (b"a, a\n1,2\n", "E305", ("columns 1 and 2",)),
    "both name faults": (b"a,,a\n1,2,3\n", "E305", ("column 2 has no name", "columns 1 and 3")),
    "short row": (b"a,b\n1,2\n3\n", "E306", ("line 3", "2 fields", "1 field")),
    "long row": (b"a,b\n1,2,3\n", "E306", ("line 2", "2 fields", "3 fields")),
    "all ragged rows": (b"a,b\n1\n1,2\n3\n", "E306", ("line 2", "line 4")),
    "ragged after quoted newline": (b'a,b\n"x\ny",1\n3\n', "E306", ("line 4",)),
    "decimal comma under comma": (b"a,b\n1,5,2,5\n", "E306", ("4 fields",)),
    "damaged utf-8": (
        "é,ß\nü,ö\n".encode() + b"caf\xe9,1\n",
        "E307",
        ("line 3", "0xe9", "UTF-8", "--encoding"),
    ),
    "nul": (b"a,b\n1,\0\n", "E307", ("line 2", "NUL")),
    "cut utf-16": (b"\xff\xfea\0,\0b", "E307", ()),
    "binary": (b"\x7fELF\x02\x01\x01\0\0\0\x08\0", "E307", ()),
    "cut zip": (b"PK\x03\x04\x14\0\0\0\x08\0", "E316", ()),
    "cut xz": (lzma.compress(b"a,b\n" + bytes(range(65, 91)) * 99)[:-12], "E316", ()),
    "web page": (b"<!DOCTYPE html>\n<html></html>", "E316", ("web page",)),
    "old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), "E316", (".xlsx",)),
    "no header, texts": (b"red,yes\nblue,no\nred,no\nblue,yes\n", "E310", ("--header none",)),
    "huge line": (b"a,b\n1," + b"x" * 10_000_001, "E308", ("line 2",)),
    "huge quoted cell": (b'a,b\n1,"' + (b"x" * 999 + b"\n") * 10_001, "E308", ()),
    "very many columns": (b"a" + b",a" * COLUMN_LIMIT + b"\n", "E308", ("100,001",)),
    "open quote": (b'a,b\n1,"x\n2,y\n', "E309", ("line 2",)),
    "text after a quote": (b'a,b\n1,"x"y\n', "E309", ("line 2",)),
    "no header": (b"5.1,3.5\n4.9,3.0\n", "E310", ("5.1, 3.5",)),
    "no header with classes": (b"5.1,3.5,1.4,0.2,setosa\n4.9,3.0,1.4,0.2,setosa\n", "E310", ()),
    "cut gzip": (gzip.compress(b"a,b\n" + bytes(range(65, 91)) * 99)[:-12], "E316", ()),
    "false gzip": (b"\x1f\x8bhello", "E316", ()),
    "gzip bomb": (BOMB, "E308", ("compressed",)),
}


@pytest.mark.parametrize("case", GOOD)
def test_difficult_tables_are_read(case: str, tmp_path: Path) -> None:
    content, columns = GOOD[case]
    path = tmp_path / "good.csv"
    path.write_bytes(content)
    frame = read_table(path).frame
    assert frame.to_dict(as_series=False) == columns
    types = {name: {type(v) for v in values if v is not None} for name, values in columns.items()}
    assert {name: {type(v) for v in frame[name] if v is not None} for name in frame.columns} == types


@pytest.mark.parametrize("case", BAD)
def test_invalid_tables_are_refused(case: str, tmp_path: Path) -> None:
    content, code, words = BAD[case]
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_table(path)
    assert caught.value.code == code
    text = str(caught.value)
    assert [word for word in words if word not in text] == []
    assert "bad.csv" in text


def test_line_numbers_count_physical_lines(tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    path.write_bytes(b'a,b\n\n1,"x\ny\nz"\n2,w\n')
    table = read_table(path)
    assert [table.line_of(0), table.line_of(1)] == [3, 6]
    assert table.place(1) == "lines.csv line 6"
    assert table.take([1]).line_of(0) == 6


def test_a_text_among_numbers_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "cars.csv"
    path.write_text("age,color\n" + "31,red\n" * 30 + "x31,red\n" + "31,blue\n" * 30)
    with pytest.raises(DataError) as caught:
        describe(read_table(path))
    text = str(caught.value)
    for word in ("E311", "cars.csv line 32", 'column "age"', "x31", "--category"):
        assert word in text
    assert [c.kind for c in describe(read_table(path), kinds={"age": "category"})] == ["category", "category"]


def test_infinity_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "cars.csv"
    path.write_text("age,b\n1,1\n2,2\n-inf,3\n")
    with pytest.raises(DataError, match=r"(?s)E312 in cars.csv line 4, column \"age\""):
        describe(read_table(path))


def test_large_files_are_read_in_blocks(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("a,b\n" + "".join(f"{i},{i % 3}\n" for i in range(150_000)))
    table = read_table(path)
    assert table.rows == 150_000
    assert table.frame["a"].sum() == 150_000 * 149_999 // 2
    assert table.line_of(149_999) == 150_001


CELLS = st.sampled_from(
    ["1", "2.5", "-", "", "x", '"', '""', "a b", "inf", "007", "é", "1e999", "\0", "true", "1,5"]
)
TEXTS = st.lists(st.lists(CELLS, min_size=1, max_size=4).map(",".join), max_size=8).map("\n".join)


@pytest.mark.long
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(TEXTS.map(str.encode), st.text(max_size=60).map(str.encode), st.binary(max_size=60)))
@example(content=b"\xff\xfe\x00\xd8")
def test_any_bytes_are_read_or_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "fuzz.csv"
    path.write_bytes(content)
    table = None
    with contextlib.suppress(ChainruleError):  # any other exception fails the test
        table = read_table(path)
        describe(table)
    assert table is None or (isinstance(table, Table) and table.rows >= 1)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_floats_are_read_exactly(values: list[float], tmp_path: Path) -> None:
    path = tmp_path / "floats.csv"
    path.write_text("a,b\n" + "".join(f"{value!r},x\n" for value in values))
    assert read_table(path).frame["a"].to_list() == values

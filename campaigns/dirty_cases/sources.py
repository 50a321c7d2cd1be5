"""Files of other formats and layouts: lines around the table, and how the file is encoded."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import sqlite3
import tempfile
import zipfile
from pathlib import Path

import polars as pl
from campaigns.dirty_cases.case import LABELS, Case, cycle, table

GROUP = "layout and format of the file"
PLAIN = table(c=["red", "blue", "green"])
LINES = PLAIN.decode().splitlines()
KINDS = {"x": "number", "c": "category", "y": "category"}
_X = [line.split(",")[0] for line in LINES[1:]]
_C = cycle(["red", "blue", "green"])
_Y = cycle(LABELS)


def _changed(*lines: str) -> bytes:
    return ("\n".join(lines) + "\n").encode()


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("table.csv", PLAIN)
    return out.getvalue()


def _records() -> list[dict[str, object]]:
    return [{"x": float(x), "c": c, "y": y} for x, c, y in zip(_X, _C, _Y, strict=True)]


def _sqlite() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.sqlite"
        database = sqlite3.connect(file)
        database.execute("create table rows (x real, c text, y text)")
        database.executemany("insert into rows values (?, ?, ?)", [tuple(row.values()) for row in _records()])
        database.commit()
        database.close()
        return file.read_bytes()


def _parquet_list() -> bytes:
    out = io.BytesIO()
    pl.DataFrame({"x": [[1.0, 2.0]] * 60, "y": _Y}).write_parquet(out)
    return out.getvalue()


def _case(name: str, content: bytes, suffix: str = ".csv", **expected: object) -> Case:
    return Case(GROUP, name, content, suffix, **{"kinds": KINDS, **expected})  # type: ignore[arg-type]


CASES = (
    _case("comma", PLAIN),
    _case("semicolon", PLAIN.replace(b",", b";")),
    _case("tab", PLAIN.replace(b",", b"\t"), ".tsv"),
    _case("bar", PLAIN.replace(b",", b"|")),
    _case("Windows line ends", PLAIN.replace(b"\n", b"\r\n")),
    _case("old Mac line ends", PLAIN.replace(b"\n", b"\r")),
    _case("UTF-8 mark", b"\xef\xbb\xbf" + PLAIN),
    _case("UTF-16", PLAIN.decode().encode("utf-16")),
    _case(
        "pandas index column", _changed("," + LINES[0], *(f"{i},{line}" for i, line in enumerate(LINES[1:])))
    ),
    _case("trailing commas", _changed(*(line + "," for line in LINES))),
    _case("trailing commas in rows only", _changed(LINES[0], *(line + "," for line in LINES[1:]))),
    _case("sep=; first line", b"sep=;\n" + PLAIN.replace(b",", b";")),
    _case("# comments above", b"# exported on Monday\n# by hand\n" + PLAIN),
    _case("title line above", b"Sales of the year\n" + PLAIN),
    _case("title line and blank line above", b"Sales of the year,,\n\n" + PLAIN),
    _case("units row below the header", _changed(LINES[0], "[m],,", *LINES[1:]), values={"x": [0.25]}),
    _case("total row at the end", _changed(*LINES, "Total,,")),
    _case("blank lines", _changed(*(line + "\n" for line in LINES))),
    _case(
        "aligned text",
        _changed(*("  ".join(f"{cell:<8}" for cell in line.split(",")) for line in LINES)),
        ".txt",
    ),
    _case("quoted cells", _changed(*(",".join(f'"{cell}"' for cell in line.split(",")) for line in LINES))),
    _case("spaces after commas", PLAIN.replace(b",", b", ")),
    _case("ending .dat", PLAIN, ".dat"),
    _case("gzip", gzip.compress(PLAIN), ".csv.gz"),
    _case("zip", _zip(), ".zip"),
    _case("bzip2", bz2.compress(PLAIN), ".csv.bz2"),
    _case("xz", lzma.compress(PLAIN), ".csv.xz"),
    _case("JSON", json.dumps(_records()).encode(), ".json"),
    _case("JSON lines", "\n".join(json.dumps(row) for row in _records()).encode(), ".jsonl"),
    _case("SQLite", _sqlite(), ".sqlite"),
    _case("Parquet column of lists", _parquet_list(), ".parquet", kinds={}, error="E314"),
    _case(
        "HTML saved as CSV",
        b"<html><body><table><tr><td>1</td></tr></table></body></html>",
        error="E3",
        kinds={},
        words=["HTML"],
    ),
    _case("GBK", PLAIN.decode().replace("red", "\u7ea2\u8272").encode("gbk"), values={"c": ["\u7ea2\u8272"]}),
    _case("Latin-1", PLAIN.decode().replace("red", "caf\xe9").encode("latin-1"), values={"c": ["caf\xe9"]}),
    _case(
        "Shift JIS",
        PLAIN.decode().replace("red", "\u8d64\u3044\u82b1\u304c\u54b2\u304f").encode("shift_jis"),
        values={"c": ["\u8d64\u3044\u82b1\u304c\u54b2\u304f"]},
    ),
    _case("empty file", b"", error="E303", kinds={}),
    _case("header only", b"x,c,y\n", error="E304", kinds={}),
    _case("a short row", _changed(*LINES, "1,red"), error="E306", kinds={}, words=["line 62"]),
    _case("two columns of one name", b"x,x,y\n1,2,a\n3,4,b\n", error="E305", kinds={}),
    _case("numbers as header", b"1.5,2.5,a\n3.5,4.5,b\n", error="E310", kinds={}),
    _case(
        "headerless words",
        _changed(*(f"{c},{c}s,{y}" for c, y in zip(_C, _Y, strict=True))),
        error="E310|E313|E319",
        kinds={},
    ),
)

"""Logs of sensors and documents of interfaces as complete files, and databases and archives around them."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from campaigns.dirty_cases.case import LABELS, Case, cycle, table, text

LOGS, DOCUMENTS = "logs of sensors", "documents of interfaces"
Y = cycle(LABELS, 300)
PLAIN = table(c=["red", "blue", "green"])
RECORDS = [{"x": i * 0.5, "c": ["red", "blue"][i % 2], "y": Y[i]} for i in range(60)]
NUMBER = {"x": "number"}


def _log(name: str, head: list[str], row: Callable[[int], str], **expected: object) -> Case:
    """A file of lines above and 120 rows, the number of which is the argument of ``row``."""
    content = "\n".join([*head, *(row(i) for i in range(120))]) + "\n"
    return Case(LOGS, name, content.encode(), **expected)  # type: ignore[arg-type]


def _json(name: str, document: object, **expected: object) -> Case:
    return Case(DOCUMENTS, name, json.dumps(document).encode(), ".json", **{"kinds": NUMBER, **expected})  # type: ignore[arg-type]


def _database(create: str, insert: str, rows: Sequence[tuple[object, ...]]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.sqlite"
        database = sqlite3.connect(file)
        database.execute(create)
        database.executemany(insert, rows)
        database.commit()
        database.close()
        return file.read_bytes()


def _zip(members: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def _words(name: str, word: str, encoding: str) -> Case:
    """A file of another encoding."""
    content = PLAIN.decode().replace("red", word).encode(encoding)
    return Case(DOCUMENTS, name, content, kinds=NUMBER, values={"c": [word, "blue"]})


_DATED = [(f"2020-11-{i % 28 + 1:02}", i % 3 == 0, Y[i]) for i in range(60)]
_QUOTED = 'create table "my ""big"" table" ("from" real, "order" text, y text)'
_GAPS = [(None if i % 6 == 0 else i * 0.5, ["", "red", "blue"][i % 3], Y[i]) for i in range(60)]
CASES = (
    _log(
        "units below the names",
        ["time,temp,pressure,y", "[s],[°C],[hPa],"],
        lambda i: f"{i * 0.5},{20 + i % 7 / 10},{1000 + i % 13},{Y[i]}",
        kinds={"time": "number", "temp": "number", "pressure": "number"},
        values={"temp": [20.0, 20.1]},
        notices=["units_row"],
    ),
    _log(
        "units in every cell and decimal commas",
        ["temp;wind;rain;y"],
        lambda i: f"{20 + i % 7},{i % 10} °C;{i % 30} km/h;{i % 5},{i % 10} mm;{Y[i]}",
        kinds={"temp": "number", "wind": "number", "rain": "number"},
        values={"temp": [20.0, 21.1], "wind": [0.0, 1.0]},
    ),
    _log(
        "seconds since 1970",
        ["ts,v,y"],
        lambda i: f"{1600000000 + i * 3600},{i % 7},{Y[i]}",
        kinds={"ts": "date|number"},
    ),
    _log(
        "milliseconds since 1970",
        ["timestamp,v,y"],
        lambda i: f"{1600000000000 + i * 3600000},{i % 7},{Y[i]}",
        kinds={"timestamp": "date|number"},
    ),
    _log(
        "times with a comma before milliseconds",
        ["t;v;y"],
        lambda i: f"2020-11-{i % 28 + 1:02} 13:30:{i % 60:02},{i * 13 % 1000:03};{i},5;{Y[i]}",
        kinds={"t": "date", "v": "number"},
        values={"v": [0.5, 1.5]},
    ),
    _log(
        "hexadecimal values",
        ["reg,v,y"],
        lambda i: f"0x{i % 16:02X},{i % 9},{Y[i]}",
        kinds={"reg": "category"},
    ),
    _log(
        "exponents of Fortran",
        ["v,x,y"],
        lambda i: f"{i % 15 + 1}.5D+02,{i % 7},{Y[i]}",
        kinds={"v": "number|category"},
    ),
    _log(
        "overflow in place of numbers",
        ["v,x,y"],
        lambda i: f"{i * 1.5 if i % 12 else 'OVL'},{i % 7},{Y[i]}",
        error="E311",
        words=["OVL"],
    ),
    _log(
        "infinite values",
        ["v,x,y"],
        lambda i: f"{i * 1.5 if i % 30 else '-INF'},{i % 7},{Y[i]}",
        error="E312",
    ),
    _log(
        "NaN in three spellings",
        ["v,x,y"],
        lambda i: f"{i * 1.5 if i % 5 else ('NaN', 'nan', '1.#QNAN')[i % 3]},{i % 7},{Y[i]}",
        kinds={"v": "number"},
        missing={"v": 24},
    ),
    _log(
        "columns of constant width",
        ["   time    temp   y"],
        lambda i: f"{i * 0.5:7.2f} {20 + i % 7 / 10:7.2f}   {Y[i]}",
        suffix=".txt",
        kinds={"time": "number", "temp": "number"},
        values={"time": [0.0, 0.5]},
    ),
    _log(
        "names in a comment",
        ["# logger 7", "# time temp y"],
        lambda i: f"{i * 0.5} {20 + i % 7 / 10} {Y[i]}",
        suffix=".dat",
        kinds={"time": "number"},
    ),
    _log(
        "degrees, minutes and seconds",
        ["lat,x,y"],
        lambda i: f"47°{i % 20}'30\" N,{i % 7},{Y[i]}",
        kinds={"lat": "category"},
    ),
    _log(
        "two coordinates in a cell",
        ["pos,x,y"],
        lambda i: f'"47.{i % 10}, 8.{i % 7}",{i % 7},{Y[i]}',
        kinds={"pos": "category|text"},
        notices=["several_numbers"],
    ),
    _log(
        "keys in the cells",
        ["a,b,y"],
        lambda i: f"temp={i % 7}.5,hum={i % 9},{Y[i]}",
        kinds={"a": "category", "b": "category"},
    ),
    _log(
        "on and off",
        ["s,x,y"],
        lambda i: f"{'ON' if i % 3 else 'OFF'},{i % 7},{Y[i]}",
        kinds={"s": "yes_no|category"},
    ),
    _json(
        "rows beside an object", {"meta": {"total": 60, "page": 1}, "data": RECORDS}, notices=["json_rows"]
    ),
    _json(
        "rows in an object of an object",
        {"response": {"status": "ok", "result": {"rows": RECORDS}}},
        notices=["json_rows"],
        words=["response.result.rows"],
    ),
    _json(
        "two arrays of objects", {"a": {"rows": RECORDS}, "b": {"rows": RECORDS}}, kinds={}, error="E314|E316"
    ),
    _json("columns as lists", {key: [row[key] for row in RECORDS] for key in "xcy"}),
    _json(
        "columns and rows of pandas",
        {"columns": list("xcy"), "index": list(range(60)), "data": [list(row.values()) for row in RECORDS]},
    ),
    _json(
        "columns of numbered cells",
        {key: {str(i): row[key] for i, row in enumerate(RECORDS)} for key in "xcy"},
    ),
    _json(
        "keys that some rows lack",
        [{k: v for k, v in row.items() if k != "c" or i % 4} for i, row in enumerate(RECORDS)],
        missing={"c": 15},
    ),
    _json(
        "NaN in JSON",
        [{**row, "x": float("nan") if i % 6 == 0 else row["x"]} for i, row in enumerate(RECORDS)],
        missing={"x": 10},
    ),
    _json(
        "features of a map",
        {
            "type": "FeatureCollection",
            "features": [{"type": "Feature", "properties": row} for row in RECORDS],
        },
        kinds={},
        error="E314",
    ),
    _json("a message in place of rows", {"error": "rate limit exceeded", "code": 429}, kinds={}, error="E3"),
    _json("no rows", [], kinds={}, error="E3"),
    _json(
        "times of UTC",
        [{**row, "c": f"2020-11-{i % 28 + 1:02}T08:00:00.000Z"} for i, row in enumerate(RECORDS)],
        kinds={"c": "date"},
    ),
    Case(DOCUMENTS, "JSON in UTF-16", json.dumps(RECORDS).encode("utf-16"), ".json", kinds=NUMBER),
    Case(
        DOCUMENTS,
        "compressed JSON lines",
        gzip.compress("\n".join(map(json.dumps, RECORDS)).encode()),
        ".jsonl.gz",
        kinds=NUMBER,
    ),
    Case(
        DOCUMENTS,
        "dates and truth values of SQLite",
        _database("create table t (d text, b boolean, y text)", "insert into t values (?,?,?)", _DATED),
        ".db",
        kinds={"d": "date", "b": "number|yes_no"},
    ),
    Case(
        DOCUMENTS,
        "words of SQL as names in SQLite",
        _database(
            _QUOTED, 'insert into "my ""big"" table" values (?,?,?)', [tuple(row.values()) for row in RECORDS]
        ),
        ".sqlite3",
        kinds={"from": "number", "order": "category|yes_no"},
    ),
    Case(
        DOCUMENTS,
        "empty texts and NULL in SQLite",
        _database("create table t (x real, c text, y text)", "insert into t values (?,?,?)", _GAPS),
        ".sqlite",
        missing={"x": 10, "c": 20},
    ),
    Case(
        DOCUMENTS,
        "a table and a readme in a folder of an archive",
        _zip({"export/": b"", "export/data.csv": PLAIN, "export/README.txt": b"hello"}),
        ".zip",
        error="E327",
        words=["data.csv"],
    ),
    Case(
        DOCUMENTS,
        "a Chinese file name and GBK in an archive",
        _zip({"数据.csv": PLAIN.decode().replace("red", "红色").encode("gbk")}),
        ".zip",
        values={"c": ["红色"]},
    ),
    Case(
        DOCUMENTS,
        "an archive in an archive",
        _zip({"inner.zip": _zip({"t.csv": PLAIN})}),
        ".zip",
        kinds=NUMBER,
    ),
    Case(DOCUMENTS, "an empty archive", _zip({}), ".zip", error="E3"),
    Case(
        DOCUMENTS,
        "big-endian UTF-16 with tabs",
        PLAIN.replace(b",", b"\t").decode().encode("utf-16-be"),
        kinds=NUMBER,
    ),
    Case(DOCUMENTS, "gzip named .csv", gzip.compress(PLAIN), kinds=NUMBER),
    Case(DOCUMENTS, "names in quotes only", PLAIN.replace(b"x,c,y", b'"x","c","y"', 1), kinds=NUMBER),
    Case(
        DOCUMENTS,
        "names with units",
        PLAIN.replace(b"x,c,y", "x [kg/m³],c (%),y".encode(), 1),
        kinds={"x [kg/m³]": "number"},
    ),
    _words("Big5", "紅色", "big5"),
    _words("Windows-1251", "красный", "cp1251"),
    Case(
        DOCUMENTS,
        "groups by spaces beside decimal commas",
        text(
            {
                "a": [f"{i + 1} {i * 37 % 1000:03}" for i in range(60)],
                "b": [f"{i},5" for i in range(60)],
                "y": Y[:60],
            },
            ";",
        ),
        kinds={"a": "number|id", "b": "number"},
        values={"a": [1000.0, 2037.0], "b": [0.5, 1.5]},
    ),
    Case(
        DOCUMENTS,
        "Unicode text of a German Excel",
        text({"a": [f"{i + 1}.{i * 37 % 1000:03},5" for i in range(60)], "y": Y[:60]}, "\t", "utf-16"),
        ".txt",
        kinds={"a": "number"},
        values={"a": [1000.5, 2037.5]},
    ),
)

"""Equal names of columns are one error, E305 with the name, from every source and in every consumer."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest

import chainrule as cr
from chainrule.data import read_table
from chainrule.data.readers.isolated.operations import column_names

NAMES = ["speed", "weight", "speed", "y"]
VALUES = np.arange(240.0).reshape(60, 4) % 7


def arrow_table() -> pa.Table:
    return pa.table([pa.array(column) for column in VALUES.T], names=NAMES)


def text(file: Path, separator: str) -> None:
    lines = [separator.join(NAMES), *(separator.join(map(str, row)) for row in VALUES.tolist())]
    file.write_text("\n".join(lines))


def json_lines(file: Path) -> None:
    parts = [f'"{name}": {number}' for number, name in enumerate(NAMES)]
    file.write_text("\n".join([f"{{{', '.join(parts)}}}"] * 3))


def workbook(file: Path) -> None:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    for row in (NAMES, *VALUES.tolist()):
        sheet.append(row)
    book.save(file)


def arrow_file(file: Path, open_writer: Any) -> None:
    table = arrow_table()
    with open_writer(str(file), table.schema) as writer:
        writer.write_table(table)


FILES: dict[str, Callable[[Path], None]] = {
    "cars.csv": lambda file: text(file, ","),
    "cars.tsv": lambda file: text(file, "\t"),
    "cars.txt": lambda file: text(file, " "),
    "cars.jsonl": json_lines,
    "cars.xlsx": workbook,
    "cars.parquet": lambda file: pyarrow.parquet.write_table(arrow_table(), file),
    "cars.arrow": lambda file: arrow_file(file, pa.ipc.new_file),
    "stream.arrow": lambda file: arrow_file(file, pa.ipc.new_stream),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_with_equal_names_is_refused_with_the_name(name: str, tmp_path: Path) -> None:
    FILES[name](tmp_path / name)
    with pytest.raises(cr.errors.DataError, match="E305") as raised:
        read_table(tmp_path / name)
    assert '"speed"' in str(raised.value)
    assert "give every column its own name" in str(raised.value)


def test_a_query_with_equal_names_is_refused_with_the_name(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "cars.sqlite") as connection:
        connection.execute("create table cars (speed, weight)")
        connection.execute("insert into cars values (1, 2)")
    with pytest.raises(cr.errors.DataError, match='"speed" twice') as raised:
        read_table(tmp_path / "cars.sqlite", query="select speed, weight, speed from cars")
    assert raised.value.code == "E305"


def frames() -> dict[str, Any]:
    numbers = pd.DataFrame(VALUES, columns=NAMES)
    mixed = numbers.copy()
    mixed["color"] = np.where(VALUES[:, 0] > 2, "red", "blue")
    return {"numbers": numbers, "mixed": mixed, "arrow": arrow_table()}


@pytest.mark.parametrize("kind", ["numbers", "mixed", "arrow"])
def test_a_frame_with_equal_names_is_refused_everywhere(kind: str) -> None:
    frame, y = frames()[kind], VALUES[:, 1]
    first = pl.DataFrame(VALUES[:, :2], schema=["speed", "weight"])
    model = cr.Model(cr.Dense(1), "mse")
    model.fit(first, y, epochs=1, verbose=False)
    regressor = cr.TabularRegressor("4 relu", epochs=1, random_state=0).fit(first.to_pandas(), y)
    calls: list[Callable[[], Any]] = [
        lambda: read_table(frame),
        lambda: cr.Model(cr.Dense(1), "mse").fit(frame, "y", epochs=1, verbose=False),
        lambda: cr.Model(cr.Dense(1), "mse").fit(frame, y, epochs=1, verbose=False),
        lambda: model.predict(frame),
        lambda: model.evaluate(frame, y),
    ]
    if kind != "arrow":
        calls += [
            lambda: cr.TabularRegressor("4 relu", epochs=1).fit(frame, y),
            lambda: cr.TabularClassifier("4 relu", epochs=1).fit(frame, y > 3),
            lambda: cr.TabularRegressor("4 relu").partial_fit(frame, y),
            lambda: regressor.predict(frame),
        ]
    for call in calls:
        with pytest.raises(cr.errors.DataError, match=r'E305[^§]*"speed"'):
            call()


@pytest.mark.parametrize("open_writer", [pa.ipc.new_file, pa.ipc.new_stream])
def test_names_of_an_arrow_file_are_read_or_nothing_is(open_writer: Any, tmp_path: Path) -> None:
    """The schema of any file, and any changed byte of it: a list of names, never an exception."""
    table = pa.table({"größe": [1], "list": [[1, 2]], "when": [None], "c": [{"größe": 1}]})
    file = tmp_path / "rows.arrow"
    with open_writer(str(file), table.schema) as writer:
        writer.write_table(table)
    content = file.read_bytes()
    assert names_in(file) == table.column_names
    for place, value in product(range(min(len(content), 700)), (0, 1, 127, 128, 255)):
        file.write_bytes(content[:place] + bytes([value]) + content[place + 1 :])
        assert all(isinstance(name, str) for name in names_in(file))


def names_in(file: Path) -> list[str]:
    with file.open("rb") as stream:
        return column_names(stream.fileno())

"""A dirty table with the expected result of reading and preparing it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

ROWS = 60
LABELS = ("a", "b", "b", "a", "a", "b", "a", "b", "b", "a", "a", "b", "b")
Cells = Sequence[object]


@dataclass(frozen=True)
class Case:
    """A file and what is expected of it.

    Args:
        group: the topic, a row of the table of results.
        name: what is special about the file.
        content: the bytes of the file.
        suffix: the ending of its name.
        target: the column to predict.
        kinds: the kind of each column that matters; alternatives are separated by ``|``.
        values: the numbers or texts of the first rows of a column.
        missing: the number of missing cells of a column.
        labels: the classes; for regression, none.
        notices: codes of findings that must be among the notices; alternatives are separated by ``|``.
        silent: codes that must not be among them.
        error: the code of the error that is expected instead; alternatives are separated by ``|``.
        words: parts of the error's text or of the notices.
        later: the bytes of a file for predictions.
        inputs: the expected numbers and levels of the first row of ``later`` by feature.
        later_error: the code of the error of the predictions.
        later_notices: codes of findings about ``later``.
    """

    group: str
    name: str
    content: bytes
    suffix: str = ".csv"
    target: str = "y"
    kinds: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Sequence[object]] = field(default_factory=dict)
    missing: Mapping[str, int] = field(default_factory=dict)
    labels: Sequence[object] | None = None
    notices: Sequence[str] = ()
    silent: Sequence[str] = ()
    error: str = ""
    words: Sequence[str] = ()
    later: bytes = b""
    inputs: Mapping[str, float] = field(default_factory=dict)
    later_error: str = ""
    later_notices: Sequence[str] = ()


def cycle(cells: Cells, rows: int = ROWS) -> list[object]:
    """The cells repeated to a number of rows."""
    return [cells[i % len(cells)] for i in range(rows)]


def text(columns: Mapping[str, Cells], delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    """A delimited file of columns of equal length."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return out.getvalue().encode(encoding)


def table(
    rows: int = ROWS, delimiter: str = ",", number: Callable[[float], str] = str, **columns: Cells
) -> bytes:
    """A file with a column ``x`` of plain numbers, the columns of a case, and the target ``y``.

    Args:
        rows: number of rows; columns that are shorter are repeated.
        delimiter: of the file.
        number: writes a number of ``x``.
        columns: cells by name; ``y`` replaces the target.
    """
    x = [number(round(((i * 37) % 97) / 7 + 0.25, 2)) for i in range(rows)]
    others = {name: cycle(cells, rows) for name, cells in columns.items()}
    return text({"x": x, **others, **({} if "y" in columns else {"y": cycle(LABELS, rows)})}, delimiter)


def column(group: str, name: str, cells: Cells, kind: str, values: Cells = (), **expected: object) -> Case:
    """A case of one dirty column ``c`` with a kind and the values of its first rows."""
    content = expected.pop("content", None) or table(c=cells)
    options: dict[str, object] = {"kinds": {"c": kind}, "values": {"c": list(values)} if values else {}}
    return Case(group, name, content, **{**options, **expected})  # type: ignore[arg-type]

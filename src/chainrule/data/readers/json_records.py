"""JSON files as tables: an array of objects, an object of columns, or one object per line (JSON lines).

    [{"age": 31, "sick": "no"}, {"age": 47}]          an array of objects
    {"age": [31, 47], "sick": ["no", null]}           an object of columns
    {"columns": [...], "data": [[...], [...]]}        columns and rows, as pandas writes with orient="split"
    {"age": 31, "sick": "no"}                         JSON lines
    {"age": 47}
    [["age", "sick"], [31, "no"], [47, null]]         rows, the first with the names
    {"a": {"age": 31}, "b": {"age": 47}}              an object of objects: rows if there are more than keys
    {"count": 2, "rows": [{"age": 31}, {"age": 47}]}  an array of objects beside other entries, also deeper

Types are those of JSON: ``"12"`` is a text and 12 a number. A key that an object lacks is a missing value.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.data.readers.csv_files import COLUMN_LIMIT
from chainrule.data.readers.csv_lines import Lines
from chainrule.data.readers.file_content import Content
from chainrule.data.readers.frames import of_columns
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.table import Table
from chainrule.errors import DataError, fact

JSON_LIMIT = 2_000_000_000  # bytes of a document that is not in lines
_FREE_CELLS, _CELL_RATIO = 10_000_000, 100  # cells of a table, and their ratio to the values in the file
_FORMS = fact("an array of objects, an object of columns, or one object per line")


def read_json(content: Content, encoding: str = "") -> Table:
    """Read a JSON document or JSON lines.

    Args:
        encoding: codec of the text; detected if it is empty.

    Raises:
        DataError: E303 empty; E304 no rows; E307 not text; E308 too large; E314 nested values; E316 not JSON,
            or of another form.
    """
    lines = Lines(content.name, content.binary, encoding)
    try:
        first = next((line for line in lines if line.strip()), "")
        if not first:
            raise DataError("E303", where=content.name, received=fact("no text"))
        if _is_object(first):
            rest = ((lines.number, line) for line in lines)
            return _of_lines(content.name, _chained((lines.number, first), rest))
        lines.text.seek(0)
        if content.size > JSON_LIMIT:
            expected = fact("at most {limit:,} bytes", limit=JSON_LIMIT)
            raise DataError("E308", where=content.name, expected=expected, received=f"{content.size:,}")
        return _of_document(content.name, _parsed(lines.text.read(), content.name, 1))
    except UnicodeError as cause:
        raise DataError("E307", where=content.name, received=str(cause)[:120]) from cause
    finally:
        lines.text.detach()


def looks_like_json(head: bytes) -> bool:
    """Return whether a file begins like a JSON table: an object that has a key, or an array of objects."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] == b"[":
        return text[1:].lstrip()[:1] == b"{"
    return text[:1] == b"{" and text[1:].lstrip()[:1] == b'"'


def _is_object(line: str) -> bool:
    """Return whether a line is a complete object of plain values: the first of JSON lines."""
    if not line.lstrip().startswith("{"):
        return False
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and not any(isinstance(part, list | dict) for part in value.values())


def _chained(first: tuple[int, str], rest: Iterable[tuple[int, str]]) -> Iterable[tuple[int, str]]:
    yield first
    yield from rest


def _parsed(text: str, source: str, line: int) -> Any:
    """Parse JSON; raises E305 for a key that occurs twice in an object, E316 for what is not JSON."""
    try:
        return json.loads(text, object_pairs_hook=_distinct)
    except _RepeatedKeyError as cause:
        received, fix = fact('"{name}" twice', name=cause), fact("give every column its own name")
        where = fact("{file} line {line}", file=source, line=line)
        raise DataError(
            "E305", where=where, expected=fact("distinct names"), received=received, fix=fix
        ) from cause
    except (ValueError, RecursionError) as cause:
        received = str(cause)[:120]
        if isinstance(cause, json.JSONDecodeError):
            line, received = line + cause.lineno - 1, cause.msg
        where = fact("{file} line {line}", file=source, line=line)
        raise DataError("E316", where=where, expected=_FORMS, received=received) from cause


class _RepeatedKeyError(ValueError):
    """A key that occurs twice."""


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _RepeatedKeyError(next(k for k in keys if keys.count(k) > 1))
    return values


def _of_lines(source: str, lines: Iterable[tuple[int, str]]) -> Table:
    rows, numbers = [], []
    for number, line in lines:
        if line.strip():
            rows.append(_parsed(line.strip(), source, number))
            numbers.append(number)
            if not isinstance(rows[-1], dict):
                where = fact("{file} line {line}", file=source, line=number)
                raise DataError("E316", where=where, expected=_FORMS, received=_form(rows[-1]))
    return replace(_of_objects(rows, source), lines=np.array(numbers, np.int64))


def _of_document(source: str, document: Any) -> Table:
    if isinstance(document, dict) and (keys := _keys_of_rows(document)):
        part: Any = document
        others: list[str] = []
        for key in keys:
            others += [name for name in part if name != key]
            part = part[key]
        table = _of_objects(part, source)
        if not others:
            return table
        facts = {"source": source, "key": ".".join(keys), "others": ", ".join(others[:5])}
        return replace(table, notices=(Finding("json_rows", "info", facts), *table.notices))
    if isinstance(document, list) and document and all(isinstance(row, dict) for row in document):
        return _of_objects(document, source)
    if isinstance(document, list) and _has_names(document):
        document = {"columns": document[0], "data": document[1:]}
    if isinstance(document, dict) and _is_split(document):
        names, rows = [str(name) for name in document["columns"]], document["data"]
        ragged = next((i for i, row in enumerate(rows) if len(row) != len(names)), -1)
        if ragged >= 0:
            where = fact("row {row} of {source}", row=ragged + 1, source=source)
            expected = fact("{count} fields", count=len(names))
            received = fact("{count} fields", count=len(rows[ragged]))
            raise DataError("E306", where=where, expected=expected, received=received)
        return _of_objects([dict(zip(names, row, strict=True)) for row in rows], source)
    if isinstance(document, dict) and document and all(isinstance(v, list) for v in document.values()):
        return _typed({name: _series(name, values) for name, values in document.items()}, source)
    if isinstance(document, dict) and _is_of_rows(document):
        return _of_objects(list(document.values()), source)
    if isinstance(document, dict) and document and all(isinstance(v, dict) for v in document.values()):
        rows = {key: None for column in document.values() for key in column}
        _require_dense(len(rows), len(document), sum(map(len, document.values())), source)
        columns = {name: [column.get(key) for key in rows] for name, column in document.items()}
        return _typed({name: _series(name, values) for name, values in columns.items()}, source)
    raise DataError("E316", where=source, expected=_FORMS, received=_form(document))


def _keys_of_rows(document: dict[str, Any], depth: int = 4) -> tuple[str, ...]:
    """Return the keys that lead to the only array of objects, in nested objects; empty if there is none."""
    key = _key_of_rows(document)
    if key or not depth:
        return (key,) if key else ()
    inner = {name: value for name, value in document.items() if isinstance(value, dict)}
    paths = [(name, *keys) for name, value in inner.items() if (keys := _keys_of_rows(value, depth - 1))]
    is_plain = not any(isinstance(value, list) for value in document.values())
    return paths[0] if len(paths) == 1 and is_plain else ()


def _key_of_rows(document: dict[str, Any]) -> str:
    """Return the only key of an array of objects; the other values are no arrays nor objects of objects."""
    keys = [key for key, value in document.items() if _is_rows(value)]
    others = [value for key, value in document.items() if key not in keys]
    is_plain = all(not isinstance(value, list) for value in others)
    return keys[0] if len(keys) == 1 and is_plain else ""


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _has_names(document: list[Any]) -> bool:
    """Return whether an array has rows of which the first contains names."""
    is_rows = len(document) > 1 and all(isinstance(row, list) for row in document)
    return is_rows and bool(document[0]) and all(isinstance(name, str) for name in document[0])


def _is_of_rows(document: dict[str, Any]) -> bool:
    """Return whether an object of objects has more rows than keys in them; a column numbers its rows."""
    if len(document) < 2 or not all(isinstance(value, dict) and value for value in document.values()):
        return False
    keys = {key for value in document.values() for key in value}
    return len(document) > len(keys) and not all(key.isdecimal() for key in keys)


def _is_split(document: dict[str, Any]) -> bool:
    """Return whether a document has a list of column names and a list of rows."""
    names, rows = document.get("columns"), document.get("data")
    return (
        isinstance(names, list)
        and isinstance(rows, list)
        and bool(rows)
        and all(isinstance(row, list) for row in rows)
        and not any(isinstance(name, list | dict) for name in names)
    )


def _of_objects(rows: list[dict[str, Any]], source: str) -> Table:
    names: dict[str, None] = {}
    for row in rows:
        if len(row) != len(names) or not names.keys() >= row.keys():
            names.update(dict.fromkeys(row))
    _require_dense(len(rows), len(names), sum(map(len, rows)), source)
    return _typed({name: _series(name, [row.get(name) for row in rows]) for name in names}, source)


def _require_dense(rows: int, columns: int, values: int, source: str) -> None:
    """Refuse objects that have so few keys in common that the table would be nearly empty."""
    if columns > COLUMN_LIMIT or rows * columns > max(_FREE_CELLS, _CELL_RATIO * values):
        received = fact("{rows} rows, {columns} columns", rows=rows, columns=columns)
        raise DataError("E308", where=source, received=received, fix=fact("is this a table?"))


def _series(name: str, values: list[Any]) -> list[Any] | pl.Series:
    """Return the values of a column; nested ones keep their type, which ``of_columns`` refuses by name."""
    nested = next((value for value in values if isinstance(value, list | dict)), None)
    if nested is None:
        return values
    return pl.Series(name, [[]] if isinstance(nested, list) else [{"": None}]).extend_constant(
        None, len(values) - 1
    )


def _typed(columns: dict[str, list[Any] | pl.Series], source: str) -> Table:
    return replace(of_columns(columns, source), target=None)


def _form(value: Any) -> str:
    kinds = {dict: fact("an object"), list: fact("an array"), str: fact("a text"), type(None): "null"}
    return kinds.get(type(value), fact("a number"))

"""Tables from arrays, columns and frames: equal values of any type become equal columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.data.cells.missing import error_counts
from chainrule.data.cells.number_notation import clean
from chainrule.data.cells.typed_columns import error_notices, type_frame
from chainrule.data.readers.csv_files import check_names
from chainrule.data.readers.file_content import Content
from chainrule.data.readers.isolated.protocol import repeated_name
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.table import Table, is_exact, unusable_columns
from chainrule.errors import DataError, fact

# Columns that pandas declared as categories, from the metadata that it writes into Parquet and Arrow files.
#
# A category of numbers is stored as numbers; only a text in the file's metadata states what they are:
#
#     {"index_columns": [...], "columns": [{"name": "zone", "pandas_type": "categorical", ...}, ...], ...}
#
# The text is in the footer of a Parquet file and in the schema of an Arrow file, which is at the beginning
# and, in the file format, again at the end. A text that is not such JSON is ignored.

_START = b'{"index_columns"'
_BYTES = 1 << 22  # at each end of the file


def declared_categories(content: Content) -> frozenset[str]:
    """Return the names of the columns that were categories in pandas; the position of the file is kept."""
    binary, before = content.binary, content.binary.tell()
    try:
        binary.seek(0)
        parts = [binary.read(_BYTES)]
        if content.size > _BYTES:
            binary.seek(max(_BYTES, content.size - _BYTES))
            parts.append(binary.read(_BYTES))
    finally:
        binary.seek(before)
    names = (_names(part[part.index(_START) :]) for part in parts if _START in part)
    return frozenset(name for part in names for name in part)


def _names(data: bytes) -> list[str]:
    """Return the categories in the text at the beginning of some bytes."""
    try:
        record, _ = json.JSONDecoder().raw_decode(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return []
    columns: Any = record.get("columns") if isinstance(record, dict) else None
    entries = [entry for entry in columns if isinstance(entry, dict)] if isinstance(columns, list) else []
    names = [entry.get("name") for entry in entries if entry.get("pandas_type") == "categorical"]
    return [name for name in names if isinstance(name, str)]


_WIDEST = 2**127  # integers of polars have 128 bits


def of_pandas(frame: Any) -> Table:
    """Return a pandas frame, recognized by its attributes, so that pandas need not be installed."""
    names = [str(name) for name in frame.columns]
    check_names("frame", names)
    return of_columns({name: frame.iloc[:, i] for i, name in enumerate(names)}, "frame")


def of_array(source: Any) -> Table:
    """Return a table from an array of numbers or texts, or from a structured array."""
    array = np.asarray(source)
    if array.dtype.names:
        return of_columns({name: array[name] for name in array.dtype.names}, "array")
    if array.ndim < 2 or array.dtype.kind not in "fiubU":
        received = fact(
            "{kind} of shape {shape}, dtype {dtype}",
            kind=type(source).__name__,
            shape=array.shape,
            dtype=array.dtype,
        )
        expected = fact("a file, frame or 2-D array")
        raise DataError(
            "E302", where="table", name=type(source).__name__, expected=expected, received=received
        )
    return of_columns({"x": array}, "array")


def of_columns(columns: Mapping[Any, Any], source: str) -> Table:
    """Return a table from named columns; an array of several axes becomes one column per element of a row."""
    frame, unusable = frame_of_columns(columns, source)
    declared = frozenset(f"{name}" for name, values in columns.items() if _is_declared(values))
    target = "y" if set(columns) == {"x", "y"} else None
    return of_frame(frame, source, target, declared, unusable)


def as_columns(rows: Any) -> Any:
    """Return dicts of cells, one dict of cells or a pandas row as a dict of columns; anything else as it is.

    Args:
        rows: a list of dicts, a dict of cells, a row of pandas, or anything else.

    Example:
        >>> as_columns([{"age": 31}, {"age": 47, "city": "Ulm"}])
        {'age': [31, 47], 'city': [None, 'Ulm']}
        >>> as_columns({"age": 31, "city": "Ulm"})
        {'age': [31], 'city': ['Ulm']}
    """
    if is_records(rows):
        names = dict.fromkeys(name for row in rows for name in row)
        return {name: [row.get(name) for row in rows] for name in names}
    if _is_pandas_row(rows):
        rows = dict(rows.items())
    if isinstance(rows, Mapping) and rows and all(map(_is_cell, rows.values())):
        return {name: [cell] for name, cell in rows.items()}
    return rows


def is_arrow_frame(value: Any) -> bool:
    """Return whether a value exports a table by Arrow's C interface; a column, which has a type, is none.

    Tables and batches of pyarrow, relations of DuckDB, and frames of polars, pandas and others do.
    """
    has_type = not isinstance(getattr(value, "type", ""), str)  # that of a relation of DuckDB is a text
    is_column = has_type or hasattr(value, "dtype")
    return hasattr(value, "__arrow_c_stream__") and not is_column


def of_arrow(value: Any) -> pl.DataFrame:
    """Return what ``is_arrow_frame`` as a frame of polars (E302: not a table; E305: equal names)."""
    names = getattr(value, "column_names", None) or getattr(value, "columns", None)
    if names is None:
        names = getattr(getattr(value, "schema", None), "names", ())
    check_names("frame", list(map(str, names)))  # polars would panic at some
    try:
        return pl.DataFrame(value)
    except pl.exceptions.DuplicateError as cause:
        raise repeated_name("frame", str(cause)) from cause
    except pl.exceptions.InvalidOperationError as cause:
        kind, expected = type(value).__name__, fact("a file, frame or 2-D array")
        received = fact("{kind}, whose Arrow stream is a column", kind=kind)
        raise DataError("E302", where="table", name=kind, expected=expected, received=received) from cause


def is_records(value: Any) -> bool:
    """Return whether a value is a list of rows that are dicts of cells."""
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(row, Mapping) for row in value)


def is_by_column(value: Any) -> bool:
    """Return whether a value has columns or cells by name: dicts, or a pandas row.

    Args:
        value: rows as a caller passed them.
    """
    return isinstance(value, Mapping) or is_records(value) or _is_pandas_row(value)


def _is_pandas_row(value: Any) -> bool:
    """Return whether a value is one row of a pandas frame: a series whose index has the names of columns."""
    if not hasattr(value, "index") or not hasattr(value, "iloc") or hasattr(value, "columns"):
        return False
    return all(isinstance(name, str) for name in value.index)


def _is_cell(value: Any) -> bool:
    """Return whether a value is one cell and not a column."""
    return isinstance(value, str | bytes) or not hasattr(value, "__len__") or getattr(value, "ndim", 1) == 0


def frame_of_columns(columns: Mapping[Any, Any], source: str) -> tuple[pl.DataFrame, dict[str, str]]:
    """Return a frame from named columns, as ``of_columns``, and the columns of other content with it."""
    series: list[pl.Series] = []
    unusable: dict[str, str] = {}
    for name, values in columns.items():
        array = values if isinstance(values, pl.Series) else _as_array(values)
        if isinstance(array, np.ndarray) and array.ndim > 1 and len(array):
            flat = array.reshape(len(array), -1)
            single = flat.shape[1] == 1
            series += [
                series_of(f"{name}" if single else f"{name}{i + 1}", flat[:, i], unusable)
                for i in range(flat.shape[1])
            ]
        else:
            values = np.ravel(array) if _is_empty(array) else array
            series.append(series_of(str(name), values, unusable))
    check_names(source, [column.name for column in series])
    _check_lengths(source, series)
    return pl.DataFrame(series), unusable


def _is_empty(values: Any) -> bool:
    """Return whether values are an array without rows, whatever other axes it has."""
    return isinstance(values, np.ndarray) and values.ndim > 1 and not values.size


def _is_declared(values: Any) -> bool:
    """Return whether a column has the type of a category: in pandas, pyarrow or polars."""
    dtype = str(getattr(values, "dtype", "") or getattr(values, "type", "")).lower()
    return dtype == "category" or dtype.startswith(("dictionary<", "categorical", "enum("))


def _as_array(values: Any) -> np.ndarray:
    if isinstance(values, list | tuple):
        return _of_list(values)
    if _is_declared(values) and hasattr(values, "astype") and hasattr(values, "isna"):  # pandas
        values = _category_cells(values)
    array = np.asarray(values.to_numpy() if hasattr(values, "to_numpy") else values)
    return array.astype(array.dtype.newbyteorder("=")) if array.dtype.kind in "fiu" else array


def _category_cells(values: Any) -> Any:
    """Return the cells of a pandas category; other levels than numbers or texts (intervals) as texts."""
    levels = list((values.cat if hasattr(values, "cat") else values).categories)
    if all(isinstance(level, str | bool | int | float | np.generic) for level in levels):
        return values
    cells = np.empty(len(values), object)
    for i, (cell, is_missing) in enumerate(zip(values, values.isna(), strict=True)):
        cells[i] = None if is_missing else str(cell)
    return cells


def _of_list(values: list | tuple) -> np.ndarray:
    """Return rows of numbers as an array; anything else cell by cell: NumPy would convert 1 to "1"."""
    if values and isinstance(values[0], list | tuple):
        try:
            rows = np.asarray(values)
        except ValueError:  # rows of different lengths
            rows = np.empty(0, object)
        if rows.dtype.kind in "fiub":
            return rows
    cells = np.empty(len(values), object)
    for i, value in enumerate(values):
        cells[i] = value
    return cells


def series_of(name: str, values: Any, unusable: dict[str, str]) -> pl.Series:
    """Return a polars column; None, NaN and pandas' NA become null; ``unusable`` names other content."""
    if isinstance(values, pl.Series):
        return values.alias(name)
    if values.ndim == 0:
        expected = fact("numbers, texts, yes/no or dates")
        received = fact('"{name}" is a single value', name=name)
        raise DataError("E314", where="columns", expected=expected, received=received)
    if values.dtype.kind == "U" and not _has_characters(values):
        unusable[name] = fact("numbers that are no characters")
        return _no_values(name, len(values))
    if values.dtype.kind != "O":
        try:
            return pl.Series(name, values if values.dtype.kind in "fiubM" else values.tolist())
        except (TypeError, ValueError, pl.exceptions.PolarsError):
            unusable[name] = str(values.dtype)
            return _no_values(name, len(values))
    cells = [None if _is_missing(cell) else cell for cell in values.tolist()]
    if any(isinstance(cell, int) and not -_WIDEST <= cell < _WIDEST for cell in cells):
        return _mixed(name, cells, unusable)  # polars prints integers of thousands of digits, which fails
    try:
        return pl.Series(name, cells, strict=True)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        return _mixed(name, cells, unusable)


def _no_values(name: str, rows: int) -> pl.Series:
    return pl.Series(name, [None], dtype=pl.Null).new_from_index(0, rows)


def _has_characters(texts: np.ndarray) -> bool:
    """Return whether every element of an array of texts consists of characters of Unicode.

    NumPy reads any 32 bits as a character, and Python and polars trust it.
    """
    if not texts.dtype.itemsize or not texts.size:
        return not texts.size
    codes = np.ascontiguousarray(texts).view(f"{texts.dtype.byteorder}u4")
    return bool((codes <= 0x10FFFF).all() and ((codes < 0xD800) | (codes > 0xDFFF)).all())


def _mixed(name: str, cells: list, unusable: dict[str, str]) -> pl.Series:
    is_number = all(cell is None or isinstance(cell, int | float) for cell in cells)
    with suppress(OverflowError):  # of an integer beyond all floats, which is a code
        if is_number:
            return pl.Series(name, [None if cell is None else float(cell) for cell in cells])
    with suppress(ValueError):  # of an integer of thousands of digits
        if all(cell is None or isinstance(cell, int | float | str) for cell in cells):
            return pl.Series(name, [None if cell is None else str(cell) for cell in cells])
    kinds = sorted({type(cell).__name__ for cell in cells if cell is not None})
    unusable[name] = ", ".join(kinds[:5])
    return _no_values(name, len(cells))


def _is_missing(cell: Any) -> bool:
    return (
        cell is None
        or type(cell).__name__ in ("NAType", "NaTType")
        or (isinstance(cell, float) and cell != cell)
    )


def _check_lengths(source: str, series: list[pl.Series]) -> None:
    if not series or not len(series[0]):
        received = fact("{columns} columns, 0 rows", columns=len(series))
        raise DataError("E304", where=source, expected=fact("at least one row"), received=received)
    differing = [
        fact('"{name}" has {count}', name=column.name, count=len(column))
        for column in series
        if len(column) != len(series[0])
    ]
    if differing:
        expected = fact('{rows} rows, as "{name}" has', rows=len(series[0]), name=series[0].name)
        raise DataError("E317", where=source, expected=expected, received=differing[0], notes=differing[1:20])


def of_frame(
    frame: pl.DataFrame,
    source: str,
    target: str | None = None,
    declared: frozenset[str] = frozenset(),
    unusable: Mapping[str, str] | None = None,
) -> Table:
    """Return the table of a polars frame: numbers, booleans, texts and dates, NaN as null.

    Args:
        frame: its columns may have any type.
        source, target: as in ``Table``.
        declared: columns that are categories although their type is another.
        unusable: columns known to have other content, with that content.
    """
    if not frame.width or not frame.height:
        received = fact("{columns} columns, {rows} rows", columns=frame.width, rows=frame.height)
        raise DataError("E304", where=source, expected=fact("at least one row"), received=received)
    check_names(source, frame.columns)
    columns = frame.get_columns()
    strange = {c.name: str(c.dtype) for c in columns if c.dtype.is_nested() or _is_raw(c)} | {
        **(unusable or {})
    }
    usable = [column for column in columns if column.name not in strange]
    if not usable:
        raise unusable_columns(source, strange)
    chosen = {c.name for c in usable if c.name in declared or c.dtype in (pl.Categorical, pl.Enum)}
    plain = pl.DataFrame([_plain_column(column) for column in usable])
    table = type_frame(plain, source, target, frozenset(chosen))
    errors = {
        (column.name, error): count
        for column in usable
        for error, count in _removed_errors(column, plain[column.name]).items()
    }
    return replace(table, unusable=strange, notices=(*error_notices(source, errors), *table.notices))


def _removed_errors(before: pl.Series, after: pl.Series) -> dict[str, int]:
    """Return the errors of spreadsheets that are missing after the cells were cleaned."""
    if after.dtype != pl.String or after.null_count() == before.null_count():
        return {}
    return error_counts(before.cast(pl.String).filter(after.is_null()).str.strip_chars())


def _is_raw(column: pl.Series) -> bool:
    return column.dtype in (pl.Binary, pl.Object, pl.Unknown)


def _plain_column(column: pl.Series) -> pl.Series:
    if column.dtype.is_float():
        has_nan = column.null_count() or np.isnan(column.to_numpy()).any()
        return column.fill_nan(None) if has_nan else column
    if column.dtype.is_decimal():
        return column.cast(pl.Float64)
    if column.dtype == pl.Duration:
        return column.dt.total_microseconds().cast(pl.Float64) / 1e6
    if column.dtype in (pl.String, pl.Categorical, pl.Enum, pl.Null, pl.Time):
        return clean(column.cast(pl.String))
    if not is_exact(column):
        return column.cast(pl.String)  # such integers are codes: float64 cannot distinguish them
    return column

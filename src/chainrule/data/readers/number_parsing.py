"""Parse cells of text: missing values, numbers, and codes that only look like numbers.

The rules, column by column, first match wins:

1. Cells are stripped; spellings in ``MISSING`` become null.
2. Only true/false: booleans.
3. An integer with a leading zero (``007``) or beyond 2**53: the column contains *codes* and stays text, since
   float64 cannot distinguish them.
4. Every cell in plain notation (``-1.5e3``; also ``inf``, which is refused later with its name): numbers.
5. Every cell plain or with groups of three (``1,234.5``), at least one of them grouped: numbers. Only if the
   delimiter is not ``;``, since files with ``;`` use the decimal comma.
6. Delimiter ``;``: every cell plain or with a decimal comma (``1.234,5``): numbers.
7. Otherwise text.

The inference of polars was rejected: it guesses from the first rows, converts ``007`` to 7 and 2**53 + 1 to
the neighboring float, and does not report the line that is not a number.
"""

from __future__ import annotations

import re

from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.table import EXACT

MISSING = ("", "na", "n/a", "#n/a", "nan", "null", "?", "-")
PLAIN = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
INTEGER = r"^[+-]?[0-9]+$"
CODE = r"^[+-]?0[0-9]+$"
INFINITE = r"^(?i)[+-]?(?:inf|infinity)$"
GROUPED = r"^[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?$"
DECIMAL_COMMA = r"^[+-]?(?:[0-9]+|[1-9][0-9]{0,2}(?:\.[0-9]{3})+)(?:,[0-9]+)?$"
_PLAIN = re.compile(PLAIN)
_CODE = re.compile(CODE)


def clean(column: pl.Series) -> pl.Series:
    """Strip the texts of a column and replace every spelling of a missing value by null.

    Example:
        >>> clean(pl.Series(["a ", "N/A", "?"])).to_list()
        ['a', None, None]
    """
    texts = column.str.strip_chars()
    is_missing = texts.str.to_lowercase().is_in(MISSING)
    return texts.to_frame().select(pl.when(~is_missing).then(pl.first()).alias(column.name)).to_series()


def typed(column: pl.Series, delimiter: str = ",") -> pl.Series:
    """Convert a cleaned text column to booleans or numbers if every cell agrees, else return it unchanged.

    Args:
        column: texts, missing cells null.
        delimiter: delimiter of the file, which distinguishes ``1,5`` from ``1,500``.

    Example:
        >>> typed(pl.Series(["1", "2.5"])).to_list(), typed(pl.Series(["007", "8"])).to_list()
        ([1.0, 2.5], ['007', '8'])
    """
    cells = column.drop_nulls()
    if cells.is_empty():
        return column
    if cells.str.to_lowercase().is_in(["true", "false"]).all():
        return (column.str.to_lowercase() == "true").alias(column.name)
    if has_codes(cells):
        return column
    plain = cells.str.contains(PLAIN)
    if (plain | cells.str.contains(INFINITE)).all():
        return _to_number(column, bool(cells.str.contains(INTEGER).all()))
    if delimiter != ";" and (plain | cells.str.contains(GROUPED)).all():
        return _to_number(column.str.replace_all(",", ""), is_integral=False)
    if delimiter == ";" and (cells.str.contains(DECIMAL_COMMA) & ~plain).any():
        return _with_decimal_comma(column, cells)
    return column


def _with_decimal_comma(column: pl.Series, cells: pl.Series) -> pl.Series:
    if not cells.str.contains(DECIMAL_COMMA).all():
        return column
    points = column.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    return _to_number(points, is_integral=False)


def _to_number(column: pl.Series, is_integral: bool) -> pl.Series:
    return column.str.strip_prefix("+").cast(pl.Int64 if is_integral else pl.Float64, strict=False)


def has_codes(cells: pl.Series) -> bool:
    """Whether some text is an integer that float64 cannot represent: ``007``, 2**53 + 1."""
    integers = cells.filter(cells.str.contains(INTEGER))
    if integers.is_empty():
        return False
    if integers.str.contains(CODE).any():
        return True
    long_integers = integers.filter(integers.str.len_chars() >= 16)
    return any(abs(int(text)) > EXACT for text in long_integers.to_list())


def numbers(column: pl.Series) -> pl.Series:
    """The column as float64; null where a cell is missing or is not a number in plain notation.

    Example:
        >>> numbers(pl.Series(["1.5", "x", None])).to_list()
        [1.5, None, None]
    """
    if column.dtype == pl.Float64:
        return column
    if column.dtype != pl.String:
        return column.cast(pl.Float64)
    fits = column.str.contains(PLAIN) | column.str.contains(INFINITE)
    texts = column.str.strip_prefix("+").to_frame().select(pl.when(fits).then(pl.first()).alias(column.name))
    return texts.to_series().cast(pl.Float64, strict=False)


def level_texts(column: pl.Series) -> pl.Series:
    """Each cell as the text of its category: ``1``, ``1.0`` and the number 1 are all ``"1"``.

    Example:
        >>> level_texts(pl.Series(["1.50", "red", "007"])).to_list()
        ['1.5', 'red', '007']
    """
    if column.dtype == pl.Boolean:
        return column.cast(pl.String)
    if column.dtype.is_numeric():
        distinct = column.unique().drop_nulls()
        names = [number_text(value) for value in distinct.to_list()]
    else:
        column = column.cast(pl.String)
        distinct = column.unique().drop_nulls()
        names = [_level_text(text) for text in distinct.to_list()]
    return column.replace_strict(
        distinct, pl.Series(names, dtype=pl.String), default=None, return_dtype=pl.String
    )


def number_text(value: float) -> str:
    """A number as text: without ``.0`` if integral, else the shortest text that parses to the same value."""
    value = float(value) if isinstance(value, float) else value
    return str(int(value)) if value == value // 1 and abs(value) <= EXACT else repr(value)


def _level_text(text: str) -> str:
    if text.lower() in ("true", "false"):
        return text.lower()
    if not _PLAIN.match(text) or _CODE.match(text):
        return text
    value = float(text)
    return number_text(value) if abs(value) <= EXACT else text

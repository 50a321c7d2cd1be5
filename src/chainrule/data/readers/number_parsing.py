"""From written cells to numbers: what counts as missing, as a number, and as a code that only looks like one.

The rules, column by column, first match wins:

1. Cells are stripped; ``MISSING`` spellings become null.
2. Only true/false: booleans.
3. A whole number with a leading zero (``007``) or beyond 2**53: the column holds *codes* and stays text,
   since a float would lose what tells them apart.
4. Every cell in plain notation (``-1.5e3``; ``inf`` too, so that it can be refused by name): numbers.
5. Every cell plain or with groups of three (``1,234.5``), at least one of them grouped: numbers. Only where
   the delimiter is not ``;``, since files with ``;`` write the decimal comma.
6. Delimiter ``;``: every cell plain or with a decimal comma (``1.234,5``): numbers.
7. Otherwise text.

Polars' own inference was rejected: it guesses from the first rows, turns ``007`` into 7 and 2**53 + 1 into
its neighbour, and cannot say which line broke a column.
"""

from __future__ import annotations

import re

from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.table import EXACT

MISSING = ("", "na", "n/a", "#n/a", "nan", "null", "?", "-")
PLAIN = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
WHOLE = r"^[+-]?[0-9]+$"
CODE = r"^[+-]?0[0-9]+$"
INFINITE = r"^(?i)[+-]?(?:inf|infinity)$"
GROUPED = r"^[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?$"
DECIMAL_COMMA = r"^[+-]?(?:[0-9]+|[1-9][0-9]{0,2}(?:\.[0-9]{3})+)(?:,[0-9]+)?$"
_PLAIN = re.compile(PLAIN)
_CODE = re.compile(CODE)


def clean(column: pl.Series) -> pl.Series:
    """The text column with outer blanks removed and every spelling of "missing" as null.

    Example:
        >>> clean(pl.Series(["a ", "N/A", "?"])).to_list()
        ['a', None, None]
    """
    texts = column.str.strip_chars()
    gone = texts.str.to_lowercase().is_in(MISSING)
    return texts.to_frame().select(pl.when(~gone).then(pl.first()).alias(column.name)).to_series()


def typed(column: pl.Series, delimiter: str = ",") -> pl.Series:
    """A cleaned text column as booleans or numbers where every cell agrees, else unchanged.

    Args:
        column: texts, missing cells null.
        delimiter: that of the file, which tells ``1,5`` from ``1,500``.

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
        return _whole_or_float(column, bool(cells.str.contains(WHOLE).all()))
    if delimiter != ";" and (plain | cells.str.contains(GROUPED)).all():
        return _whole_or_float(column.str.replace_all(",", ""), whole=False)
    if delimiter == ";" and (cells.str.contains(DECIMAL_COMMA) & ~plain).any():
        return _with_decimal_comma(column, cells)
    return column


def _with_decimal_comma(column: pl.Series, cells: pl.Series) -> pl.Series:
    if not cells.str.contains(DECIMAL_COMMA).all():
        return column
    points = column.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    return _whole_or_float(points, whole=False)


def _whole_or_float(column: pl.Series, whole: bool) -> pl.Series:
    return column.str.strip_prefix("+").cast(pl.Int64 if whole else pl.Float64, strict=False)


def has_codes(cells: pl.Series) -> bool:
    """Whether some text is a whole number that a float would not keep: ``007``, 2**53 + 1."""
    whole = cells.filter(cells.str.contains(WHOLE))
    if whole.is_empty():
        return False
    if whole.str.contains(CODE).any():
        return True
    long = whole.filter(whole.str.len_chars() >= 16)
    return any(abs(int(text)) > EXACT for text in long.to_list())


def numbers(column: pl.Series) -> pl.Series:
    """The column as float64; null where a cell is missing or, for texts, no number in plain notation.

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
    """Each cell as the text that names its category: ``1``, ``1.0`` and the number 1 are all ``"1"``.

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
    """A number as people write it: no ``.0`` if whole, else the shortest text that reads back equal."""
    value = float(value) if isinstance(value, float) else value
    return str(int(value)) if value == value // 1 and abs(value) <= EXACT else repr(value)


def _level_text(text: str) -> str:
    if text.lower() in ("true", "false"):
        return text.lower()
    if not _PLAIN.match(text) or _CODE.match(text):
        return text
    value = float(text)
    return number_text(value) if abs(value) <= EXACT else text

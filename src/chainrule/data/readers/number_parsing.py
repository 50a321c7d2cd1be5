"""Numbers in plain notation, codes that only look like numbers, and the texts of levels."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from chainrule.data.cells.missing import ALWAYS
from chainrule.data.readers.lazy_polars import pl

EXACT = 2**53  # beyond this, float64 does not represent every integer
PLAIN = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
INTEGER = r"^[+-]?[0-9]+$"
CODE = r"^[+-]?0[0-9]+$"
EXPONENT_CODE = r"^[0-9]+E[0-9]+$"  # 12E3; programs write 12000, 1.2E4 or 1E+04
GROUPED_POINT = r"^[+-]?[1-9][0-9]{0,2}\.[0-9]{3}$"  # 1.234 may be 1234
INFINITE = r"^(?i)[+-]?(?:inf|infinity)$"
FEW = 512  # cells up to which a loop is faster than an operation on a column, which starts threads
LONGEST = 400  # digits of an integer that is compared as a number
_PLAIN = re.compile(PLAIN)
_INTEGER = re.compile(INTEGER)
_CODE = re.compile(f"{CODE}|{EXPONENT_CODE}")


def clean(column: pl.Series) -> pl.Series:
    """Strip the texts of a column and replace by null what is a missing value in every column.

    Example:
        >>> clean(pl.Series(["a ", "N/A", "?"])).to_list()
        ['a', None, None]
    """
    texts = column.str.strip_chars()
    is_missing = texts.str.to_lowercase().is_in(ALWAYS)
    return texts.to_frame().select(pl.when(~is_missing).then(pl.first()).alias(column.name)).to_series()


def has_codes(cells: pl.Series) -> bool:
    """Return whether some text is an integer that float64 cannot represent (``007``, 2**53 + 1).

    Also whether the texts are codes such as ``12E3``, which no program writes for a number.
    """
    integers = cells.filter(cells.str.contains(INTEGER))
    if len(integers) and integers.str.contains(CODE).any():
        return True
    long_integers = integers.filter(integers.str.len_chars() >= 16)
    if any(len(text) > LONGEST or abs(int(text)) > EXACT for text in long_integers.to_list()):
        return True
    exponents = cells.str.contains(EXPONENT_CODE)
    return bool(exponents.any()) and bool((exponents | cells.str.contains(INTEGER)).all())


def numbers(column: pl.Series) -> pl.Series:
    """Return the column as float64; null where a cell is missing or is not a number in plain notation.

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
    """Return each cell as the text of its category: ``1``, ``1.0`` and the number 1 are all ``"1"``.

    Example:
        >>> level_texts(pl.Series(["1.50", "red", "007"])).to_list()
        ['1.5', 'red', '007']
    """
    if column.dtype == pl.Boolean:
        return column.cast(pl.String)
    text_of: Callable[[Any], str] = number_text if column.dtype.is_numeric() else _level_text
    if not column.dtype.is_numeric():
        column = column.cast(pl.String)
    if len(column) <= FEW:
        texts = [None if value is None else text_of(value) for value in column.to_list()]
        return pl.Series(column.name, texts, dtype=pl.String)
    distinct = column.unique().drop_nulls()
    names = [text_of(value) for value in distinct.to_list()]
    return column.replace_strict(
        distinct, pl.Series(names, dtype=pl.String), default=None, return_dtype=pl.String
    )


def number_text(value: float) -> str:
    """Return a number as text: without ``.0`` if integral, else the shortest text with the same value."""
    value = float(value) if isinstance(value, float) else value
    return str(int(value)) if value == value // 1 and abs(value) <= EXACT else repr(value)


def _level_text(text: str) -> str:
    if text.lower() in ("true", "false"):
        return text.lower()
    if not _PLAIN.match(text) or _CODE.match(text):
        return text
    if _INTEGER.match(text):
        return str(int(text)) if len(text) <= LONGEST else text  # exact, unlike float64
    value = float(text)
    return number_text(value) if abs(value) <= EXACT else text

"""Columns from the buffers that a decoder has written (``columns.py``), checked before they are used.

The decoder may have been taken over by a hostile file, so that nothing of it is trusted: the places of the
buffers are computed here from the header, the file must have exactly their size, offsets must be ascending
and in range, times of day must be such, and polars checks that texts are UTF-8. Any bytes are valid numbers.
The file is sealed before (``process.py``), so that it does not change after the checks. Numbers and texts
stay where they are; only the places of the texts, and texts of up to 12 bytes, are written into a table.
"""

from __future__ import annotations

import mmap
import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.data.readers.isolated.columns import CATEGORY, NUMBERS, OTHER, TIMES, aligned
from chainrule.data.readers.lazy_polars import pl

_UNITS = ("ms", "us", "ns")
_DAY = 86_400_000_000_000  # nanoseconds


def read_columns(header: Mapping[str, Any], descriptor: int) -> pl.DataFrame:
    """The frame of a header and the buffers in a file, which must not change any more.

    Raises:
        ValueError, TypeError, KeyError: they are not of the form that ``write_columns`` writes.
    """
    rows, columns = header["rows"], header["columns"]
    if type(rows) is not int or not 0 <= rows < 2**40:
        raise ValueError(f"{rows!r:.40} rows")
    size = os.fstat(descriptor).st_size
    content: Any = mmap.mmap(descriptor, size, access=mmap.ACCESS_COPY) if size else b""
    reader = _Reader(content, size, rows)
    series = [reader.column(*column) for column in columns]
    if reader.place != size:
        raise ValueError(f"{size:,} bytes of columns in place of {reader.place:,}")
    return pl.DataFrame(series)


class _Reader:
    """Takes the buffers of columns in turn."""

    def __init__(self, content: Any, size: int, rows: int) -> None:
        self.content, self.size, self.rows, self.place = content, size, rows, 0

    def column(self, name: Any, kind: Any, has_missing: Any, text_bytes: Any) -> pl.Series:
        """The next column."""
        if type(name) is not str or type(text_bytes) is not int or not 0 <= text_bytes < 2**48:
            raise TypeError("a column without a name or size")
        base, _, detail = str(kind).partition(":")
        if base == "Null":
            return pl.Series(name, [], dtype=pl.Null).clear(self.rows)
        if base == OTHER:
            return pl.Series(name, [], dtype=_other_type(detail)).clear(self.rows)
        present = self._series("u1", self.rows).cast(pl.Boolean) if has_missing is True else None
        if base in ("String", CATEGORY):
            texts = self._texts(text_bytes, present).alias(name)
            return texts.cast(pl.Categorical) if base == CATEGORY else texts
        if base == "Boolean":
            values, dtype = self._series("u1", self.rows).cast(pl.Boolean), pl.Boolean
        else:
            physical = TIMES.get(base, base)
            values, dtype = self._series(NUMBERS[physical], self.rows), getattr(pl, physical)
        if present is not None:
            values = pl.Series._from_buffers(dtype, [values], present)  # without a copy
        return (_as_time(values, base, detail) if base in TIMES else values).alias(name)

    def _texts(self, text_bytes: int, present: pl.Series | None) -> pl.Series:
        offsets = self._array("i8", self.rows + 1)
        if offsets[0] != 0 or offsets[-1] != text_bytes or (np.diff(offsets) < 0).any():
            raise ValueError("offsets of texts that are not ascending")
        values = self._series("u1", text_bytes)
        try:
            return pl.Series._from_buffers(pl.String, [values, _series(offsets)], present)
        except pl.exceptions.PanicException as cause:
            raise ValueError("text that is not UTF-8") from cause

    def _array(self, dtype: str, length: int) -> np.ndarray:
        start, number = self.place, np.dtype(dtype)
        end = start + length * number.itemsize
        if end > self.size:
            raise ValueError(f"{self.size:,} bytes of columns, which have more")
        self.place = aligned(end)
        return np.frombuffer(self.content, number, length, start)

    def _series(self, dtype: str, length: int) -> pl.Series:
        return _series(self._array(dtype, length))


def _other_type(text: str) -> Any:
    """A type that a table cannot have, of the same name as in the file where it is a simple one."""
    if text in ("Binary", "Object"):
        return pl.Binary
    if text.startswith("Struct"):
        return pl.Struct({"": pl.Null})
    element = re.sub(r"^(?:List|Array)\(([A-Za-z0-9]+).*", r"\1", text)
    return pl.List(getattr(pl, element) if element in (*NUMBERS, "String", "Boolean") else pl.Null)


def _series(array: np.ndarray) -> pl.Series:
    """A column of polars that shares the memory of an array."""
    name = next(name for name, dtype in NUMBERS.items() if np.dtype(dtype) == array.dtype)
    dtype = getattr(pl, name)
    if not len(array):
        return pl.Series([], dtype=dtype)
    return pl.Series._from_buffer(dtype, (array.ctypes.data, 0, len(array)), array)


def _as_time(values: pl.Series, base: str, detail: str) -> pl.Series:
    if base == "Time" and values.drop_nulls().is_between(0, _DAY, closed="left").not_().any():
        raise ValueError("a time beyond the day")
    if base in ("Date", "Time"):
        return values.cast(getattr(pl, base))
    unit, _, zone = detail.partition(":")
    if unit not in _UNITS:
        raise ValueError(f"the unit {unit!r:.40}")
    if base == "Duration":
        return values.cast(pl.Duration(unit))  # pyright: ignore[reportArgumentType]
    moments = values.cast(pl.Datetime(unit))  # pyright: ignore[reportArgumentType]
    return moments.dt.replace_time_zone("UTC").dt.convert_time_zone(zone) if zone else moments

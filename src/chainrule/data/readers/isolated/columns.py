"""Columns of a frame as plain buffers: the layout in which a decoder returns them.

    header (JSON)   rows, and for each column: name, type, whether it has missing values, bytes of its texts
    file            the buffers of the columns, one after another, each at a multiple of 64 bytes

A column of numbers is one buffer of its physical type, preceded by one byte per row (0: missing) if values
are missing; booleans are one byte per row; texts are rows + 1 offsets of 64 bits and the bytes of all texts.
The levels of a category are such texts. A column of lists has no buffer: only its type is returned.

This file is imported by the decoder, which writes them, so it imports little; ``read_columns`` checks and
reads them.

Rejected: Arrow IPC as the layout, whose reader is one of the decoders that others are
protected from.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from chainrule.data.readers.lazy_polars import pl

ALIGNMENT = 64
_SIZES = {"Int": "i", "UInt": "u"}
NUMBERS = {f"{name}{8 * n}": f"{code}{n}" for name, code in _SIZES.items() for n in (1, 2, 4, 8)}
NUMBERS |= {"Float32": "f4", "Float64": "f8"}
CATEGORY, OTHER = "Category", "Other"  # kinds beside the types of polars
LONGEST = 200  # characters of the text of another type
TIMES = {"Date": "Int32", "Time": "Int64", "Duration": "Int64", "Datetime": "Int64"}


def transferable(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with its columns converted to types that have buffers here."""
    pairs = [(column, _transferable(column)) for column in frame.get_columns()]
    changed = [new for column, new in pairs if new is not column]
    return frame.with_columns(changed) if changed else frame


def _transferable(column: pl.Series) -> pl.Series:
    dtype = column.dtype
    if dtype.is_decimal():
        return column.cast(pl.Float64)
    if dtype.is_integer() and str(dtype) not in NUMBERS:  # 128 bits
        narrow = column.cast(pl.Int64, strict=False)
        return narrow if narrow.null_count() == column.null_count() else column.cast(pl.String)
    if dtype.is_float() and str(dtype) not in NUMBERS:  # 16 bits
        return column.cast(pl.Float32)
    return column


def is_transferable(dtype: Any) -> bool:
    """Return whether a column of this type can be a column of a table."""
    return not (dtype.is_nested() or dtype in (pl.Binary, pl.Object, pl.Unknown))


def width_of(dtype: Any) -> int:
    """Return the bytes of a value, without the text of a text, at most."""
    name = str(dtype.base_type())
    kind = NUMBERS.get(TIMES.get(name, name))
    return int(kind[1]) if kind else 16  # a text is a view of 16 bytes


def columns_header(frame: pl.DataFrame) -> dict[str, Any]:
    """Return the header of a frame of ``transferable``; no value is copied for it."""
    columns = []
    for column in frame.get_columns():
        texts = _texts(column)
        size = 0 if texts is None else int(texts.str.len_bytes().sum())
        columns.append([column.name, _type_text(column.dtype), column.null_count() > 0, size])
    return {"rows": frame.height, "columns": columns}


def _texts(column: pl.Series) -> pl.Series | None:
    """Return the texts of a column of texts or categories; ``None`` for other columns."""
    if column.dtype in (pl.Categorical, pl.Enum):
        return column.cast(pl.String)
    return column if column.dtype == pl.String else None


def _type_text(dtype: Any) -> str:
    if dtype in (pl.Categorical, pl.Enum):
        return CATEGORY
    if not is_transferable(dtype):
        return f"{OTHER}:{dtype}"[:LONGEST]
    name, unit = str(dtype.base_type()), getattr(dtype, "time_unit", None)
    zone = getattr(dtype, "time_zone", None)
    return ":".join([name, *([unit] if unit else []), *([zone] if zone else [])])


def write_columns(frame: pl.DataFrame, header: Mapping[str, Any], descriptor: int) -> None:
    """Write the buffers of a frame to an empty file."""
    place = 0
    for column, (_, kind, has_missing, _) in zip(frame.get_columns(), header["columns"], strict=True):
        for buffer in _buffers(column.rechunk(), kind, has_missing):
            os.lseek(descriptor, place, os.SEEK_SET)
            rest = _content(buffer)
            place = aligned(place + len(rest))
            while rest:
                rest = rest[os.write(descriptor, rest[: 1 << 30]) :]
    os.ftruncate(descriptor, place)


def _buffers(column: pl.Series, kind: str, has_missing: bool) -> Iterator[Any]:
    if kind == "Null" or kind.startswith(OTHER):
        return
    if has_missing:
        yield column.is_not_null().cast(pl.UInt8)
    if kind == "Boolean":
        yield column.fill_null(False).cast(pl.UInt8)
        return
    column = column if (texts := _texts(column)) is None else texts
    if column.dtype == pl.String and has_missing:  # the place of a missing text may have bytes
        column = column.fill_null("")
    buffers = column._get_buffers()  # without a copy
    if column.dtype == pl.String:
        yield buffers["offsets"]
    yield buffers["values"]


def _content(numbers: pl.Series) -> memoryview:
    """Return the bytes of a column without missing values; needs no NumPy, which takes long to import."""
    if not len(numbers):
        return memoryview(b"")
    pointer, offset, length = numbers._get_buffer_info()
    width = width_of(numbers.dtype)
    return memoryview((ctypes.c_char * (length * width)).from_address(pointer + offset * width)).cast("B")


def aligned(size: int) -> int:
    """Return the next multiple of ``ALIGNMENT``."""
    return -(-size // ALIGNMENT) * ALIGNMENT


# Columns from the buffers that a decoder has written (``columns.py``), checked before they are used.
#
# The decoder may have been taken over by a hostile file, so that nothing of it is trusted: the places of the
# buffers are computed here from the header, the file must have exactly their size, offsets must be ascending
# and in range, times of day must be such, and polars checks that texts are UTF-8. Any bytes are valid
# numbers. The file is sealed before (``decoding.py``), so that it does not change after the checks. Numbers
# and texts stay where they are; only the places of the texts, and texts of up to 12 bytes, are written into a
# table.

_UNITS = ("ms", "us", "ns")
_DAY = 86_400_000_000_000  # nanoseconds


def read_columns(header: Mapping[str, Any], descriptor: int) -> pl.DataFrame:
    """Return the frame of a header and the buffers in a file, which must not change any more.

    Raises ``ValueError``, ``TypeError`` or ``KeyError`` unless ``write_columns`` wrote them.
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
    """Reader of the buffers of columns, in turn."""

    def __init__(self, content: Any, size: int, rows: int) -> None:
        self.content, self.size, self.rows, self.place = content, size, rows, 0

    def column(self, name: Any, kind: Any, has_missing: Any, text_bytes: Any) -> pl.Series:
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
    """Return a type that a table cannot have, of the same name as in the file where it is a simple one."""
    if text in ("Binary", "Object"):
        return pl.Binary
    if text.startswith("Struct"):
        return pl.Struct({"": pl.Null})
    element = re.sub(r"^(?:List|Array)\(([A-Za-z0-9]+).*", r"\1", text)
    return pl.List(getattr(pl, element) if element in (*NUMBERS, "String", "Boolean") else pl.Null)


def _series(array: np.ndarray) -> pl.Series:
    """Return a column of polars that shares the memory of an array."""
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

"""Columns of a frame as plain buffers: the layout in which a decoder returns them.

    header (JSON)   rows, and for each column: name, type, whether it has missing values, bytes of its texts
    file            the buffers of the columns, one after another, each at a multiple of 64 bytes

A column of numbers is one buffer of its physical type, preceded by one byte per row (0: missing) if values
are missing; booleans are one byte per row; texts are rows + 1 offsets of 64 bits and the bytes of all texts.
The levels of a category are such texts. A column of lists has no buffer: only its type is returned.

This file writes them and is imported by the decoder, so it imports little; ``column_reader.py`` checks and
reads them.

Rejected: Arrow IPC as the layout, whose reader is one of the decoders that others are
protected from.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Mapping
from typing import Any

from chainrule.data.readers.lazy_polars import pl

ALIGNMENT = 64
NUMBERS: dict[str, str] = {
    "Int8": "i1", "Int16": "i2", "Int32": "i4", "Int64": "i8",
    "UInt8": "u1", "UInt16": "u2", "UInt32": "u4", "UInt64": "u8", "Float32": "f4", "Float64": "f8",
}  # fmt: skip
CATEGORY, OTHER = "Category", "Other"  # kinds beside the types of polars
LONGEST = 200  # characters of the text of another type
TIMES = {"Date": "Int32", "Time": "Int64", "Duration": "Int64", "Datetime": "Int64"}


def transferable(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with its columns converted to types that have buffers here."""
    return frame.with_columns([_transferable(column) for column in frame.get_columns()])


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
    """Whether a column of this type can be a column of a table."""
    return not (dtype.is_nested() or dtype in (pl.Binary, pl.Object, pl.Unknown))


def width_of(dtype: Any) -> int:
    """The bytes of a value, without the text of a text, at most."""
    name = str(dtype.base_type())
    kind = NUMBERS.get(TIMES.get(name, name))
    return int(kind[1]) if kind else 16  # a text is a view of 16 bytes


def columns_header(frame: pl.DataFrame) -> dict[str, Any]:
    """The header of a frame of ``transferable``; no value is copied for it."""
    columns = []
    for column in frame.get_columns():
        texts = _texts(column)
        size = 0 if texts is None else int(texts.str.len_bytes().sum())
        columns.append([column.name, _type_text(column.dtype), column.null_count() > 0, size])
    return {"rows": frame.height, "columns": columns}


def _texts(column: pl.Series) -> pl.Series | None:
    """The texts of a column of texts or categories; ``None`` for other columns."""
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
    """The bytes of a column without missing values; NumPy, which takes long to import, is not needed."""
    if not len(numbers):
        return memoryview(b"")
    pointer, offset, length = numbers._get_buffer_info()
    width = width_of(numbers.dtype)
    return memoryview((ctypes.c_char * (length * width)).from_address(pointer + offset * width)).cast("B")


def aligned(size: int) -> int:
    """The next multiple of ``ALIGNMENT``."""
    return -(-size // ALIGNMENT) * ALIGNMENT

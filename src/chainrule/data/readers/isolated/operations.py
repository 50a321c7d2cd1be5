"""What a decoder process does with a file. Each operation returns columns of types that tables have.

Rows and widths are bounded by what the file states about itself before a value is decoded, and the memory of
the process is limited to that: a buffer that claims to be longer than the rows need ends the process instead
of filling the memory.

A decoder imports this file first, so it imports little; errors are imported where they are raised.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from chainrule.data.readers.isolated.columns import is_transferable, transferable, width_of
from chainrule.data.readers.isolated.protocol import ROOM, Request
from chainrule.data.readers.isolated.row_block import write_rows
from chainrule.data.readers.lazy_polars import pl

# The names of the columns of an Arrow file, from its first message: polars panics where a name repeats.
#
# A file begins with ``ARROW1`` and two zero bytes; a stream begins with the message. The message is preceded
# by 0xFFFFFFFF (not in old files) and its length. It is a *flatbuffer*: a table whose first number is the
# distance back to the list of the places of its fields. Its third field is the schema, whose second field is
# a list of columns, whose first field is the name. Every number may be invalid.
#
# Reference: the Apache Arrow columnar format (Message.fbs, Schema.fbs).

MAGIC, CONTINUATION = b"ARROW1\0\0", b"\xff\xff\xff\xff"
MAX_BYTES = 1 << 24  # of a schema
HEADER, COLUMNS, NAME = 2, 1, 0  # numbers of fields


def column_names(descriptor: int) -> list[str]:
    """Return the names of the columns, in order; empty without a readable schema. Keeps the position."""
    head = os.pread(descriptor, 16, 0)
    place = len(MAGIC) if head.startswith(MAGIC) else 0
    place += len(CONTINUATION) if head[place:].startswith(CONTINUATION) else 0
    size = int.from_bytes(head[place : place + 4], "little")
    if not 0 < size <= MAX_BYTES:
        return []
    try:
        return _names(os.pread(descriptor, size, place + 4))
    except (struct.error, UnicodeDecodeError):
        return []


def _names(message: bytes) -> list[str]:
    schema = _field(message, _target(message, 0), HEADER)
    columns = _field(message, schema, COLUMNS)
    names = []
    for i in range(min(_number(message, columns), len(message) // 4)):
        text = _field(message, _target(message, columns + 4 + 4 * i), NAME)
        names.append(message[text + 4 : text + 4 + _number(message, text)].decode())
    return names


def _number(message: bytes, place: int) -> int:
    return struct.unpack_from("<I", message, place)[0]


def _target(message: bytes, place: int) -> int:
    """Return where the offset at a place leads to."""
    return place + _number(message, place)


def _field(message: bytes, table: int, number: int) -> int:
    """Return where a field of a table is that is itself a table, a list or a text."""
    places = table - struct.unpack_from("<i", message, table)[0]
    if not 0 <= places <= len(message) or 4 + 2 * number >= struct.unpack_from("<H", message, places)[0]:
        raise struct.error
    (offset,) = struct.unpack_from("<H", message, places + 4 + 2 * number)
    if not offset:
        raise struct.error
    return _target(message, table + offset)


def read_parquet(request: Request) -> pl.DataFrame:
    """Return rows ``start`` to ``stop`` (``None``: the last) of a Parquet file."""
    scan, schema = _parquet(request)
    names = _usable(request, schema)
    return _with_others(_rows_of(request, scan.select(names), [schema[name] for name in names]), schema)


def read_rows(request: Request) -> pl.DataFrame:
    """Return the column ``target`` of rows ``start`` to ``stop`` of a Parquet file, and write ``columns`` of
    numbers as rows to the block of the request; E314, E326, E340: columns that cannot be used."""
    scan, schema = _parquet(request)
    columns, target = request.options["columns"], request.options["target"]
    if missing := [name for name in (*columns, target) if name not in schema]:
        from chainrule.data.readers.isolated.protocol import missing_columns  # noqa: PLC0415

        raise missing_columns(request.options["name"], columns, missing)
    _require_numbers({name: schema[name] for name in columns})
    _usable(request, {target: schema[target]})
    names = list(dict.fromkeys((*columns, target)))
    frame = _rows_of(request, scan.select(names), [schema[name] for name in names])
    inputs = transferable(frame.select(columns))
    _require_numbers(inputs.schema)
    assert request.block is not None
    write_rows(inputs, request.block)
    return transferable(frame.select(target))


def _parquet(request: Request) -> tuple[pl.LazyFrame, Mapping[str, Any]]:
    """Return a scan of a Parquet file and the types of its columns; raises E305 where a name repeats."""
    request.allow(ROOM)
    scan = pl.scan_parquet(_source(request.descriptor), glob=False, hive_partitioning=False)
    try:
        return scan, scan.collect_schema()
    except pl.exceptions.DuplicateError as cause:
        from chainrule.data.readers.isolated.protocol import repeated_name  # noqa: PLC0415

        raise repeated_name(request.options["name"], str(cause)) from cause


def _rows_of(request: Request, scan: pl.LazyFrame, dtypes: Sequence[Any]) -> pl.DataFrame:
    """Return the requested rows of a scan of columns of these types."""
    start, stop = request.options["start"], request.options["stop"]
    rows = int(scan.select(pl.len()).collect().item())
    rows = max(0, min(rows, rows if stop is None else stop) - start)
    _require_room(request, rows, dtypes)
    return scan.slice(start, rows).collect()


def _require_numbers(schema: Mapping[str, Any]) -> None:
    """Raise E340 for a column that has no numbers; each type is checked once."""
    for dtype in dict.fromkeys(schema.values()):
        if not (is_transferable(dtype) and (dtype.is_numeric() or dtype == pl.Boolean)):
            from chainrule.data.readers.isolated.protocol import no_numbers  # noqa: PLC0415

            raise no_numbers(next(name for name in schema if schema[name] == dtype), str(dtype))


def count_parquet(request: Request) -> pl.DataFrame:
    """Return the number of rows of a Parquet file, as a column of one value."""
    request.allow(ROOM)
    scan = pl.scan_parquet(_source(request.descriptor), glob=False, hive_partitioning=False)
    return scan.select(pl.len().cast(pl.Int64).alias("rows")).collect()


def read_arrow(request: Request) -> pl.DataFrame:
    """Return an Arrow file or stream; E305: equal names, on which polars panics; E308: size; E314: empty."""
    names = column_names(request.descriptor)
    if len(set(names)) < len(names):
        from chainrule.data.readers.csv_files import check_names  # noqa: PLC0415

        check_names(request.options["name"], names)
    size = os.fstat(request.descriptor).st_size
    request.allow(ROOM + size)
    content = os.pread(request.descriptor, 6, 0)
    if content != b"ARROW1":  # the stream format has no directory of its parts
        request.allow(ROOM + size + 2 * request.options["limit"])
        with os.fdopen(os.dup(request.descriptor), "rb") as stream:
            stream.seek(0)
            frame = pl.read_ipc_stream(io.BytesIO(stream.read()))
        _require_room(request, frame.height, frame.dtypes)
        return _with_others(frame.select(_usable(request, frame.schema)), frame.schema)
    scan = pl.scan_ipc(_source(request.descriptor))
    names = _usable(request, scan.collect_schema())
    rows = int(scan.select(pl.len()).collect().item())
    _require_room(request, rows, scan.select(names).collect_schema().dtypes())
    return _with_others(scan.select(names).collect(), scan.collect_schema())


def _usable(request: Request, schema: Mapping[str, Any]) -> list[str]:
    """Return the names of the columns of types that a table can have; raises E314 if there is none."""
    strange = {name: dtype for name, dtype in schema.items() if not is_transferable(dtype)}
    if len(strange) == len(schema):
        from chainrule.data.readers.isolated.protocol import strange_columns  # noqa: PLC0415

        raise strange_columns(request.options["name"], strange, request.options.get("is_parquet", False))
    return [name for name in schema if name not in strange]


def _with_others(frame: pl.DataFrame, schema: Mapping[str, Any]) -> pl.DataFrame:
    """Return the frame, with the columns of other types without their values: a table may leave them out."""
    others = [
        pl.lit(None, dtype=dtype).alias(name) for name, dtype in schema.items() if not is_transferable(dtype)
    ]
    return transferable(frame).with_columns(others) if others else transferable(frame)


def _require_room(request: Request, rows: int, dtypes: Iterable[Any]) -> None:
    """Bound the memory of a frame before it is decoded (E308), and allow the process as much."""
    dtypes = list(dtypes)
    size = rows * sum(map(width_of, dtypes))
    limit = request.options["limit"]
    if size > limit:
        from chainrule.data.readers.isolated.protocol import too_large  # noqa: PLC0415

        raise too_large(request.options["name"], size, rows, len(dtypes), limit)
    # Unknown before decoding: the bytes of texts, and the size of the parts that the rows of a range are in.
    is_range = request.options.get("stop") is not None
    has_texts = any(dtype in (pl.String, pl.Categorical, pl.Enum) for dtype in set(dtypes))
    more = limit if has_texts or is_range else 0
    request.allow(ROOM + os.fstat(request.descriptor).st_size + 3 * size + more)


def _source(descriptor: int) -> Any:
    """Return the file as a source for polars: a path, which it maps, where the system has one."""
    path = f"/proc/self/fd/{descriptor}"
    return path if os.path.exists(path) else os.fdopen(os.dup(descriptor), "rb")


def query_sqlite(request: Request) -> pl.DataFrame:
    """Return the result of a query of an SQLite file."""
    from chainrule.data.readers.database_queries import read_sqlite  # noqa: PLC0415

    return read_sqlite(request)


def query_duckdb(request: Request) -> pl.DataFrame:
    """Return the result of a query of a DuckDB file."""
    from chainrule.data.readers.database_queries import read_duckdb  # noqa: PLC0415

    return read_duckdb(request)


OPERATIONS: Mapping[str, Callable[[Request], pl.DataFrame]] = {
    "parquet": read_parquet,
    "parquet_rows": count_parquet,
    "parquet_block": read_rows,
    "arrow": read_arrow,
    "sqlite": query_sqlite,
    "duckdb": query_duckdb,
}

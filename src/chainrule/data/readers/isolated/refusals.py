"""The errors of operations of a decoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chainrule.data.tables.table import unusable_columns
from chainrule.errors import DataError, alternatives, fact


def strange_columns(name: str, columns: Mapping[str, Any], is_parquet: bool) -> DataError:
    """The error for columns of types that a table cannot have."""
    error = unusable_columns(name, {column: str(dtype) for column, dtype in columns.items()})
    nested = [name for name, dtype in columns.items() if dtype.is_nested()]
    if nested and is_parquet:
        error.fix = f"polars.read_parquet({name!r}).drop({nested!r}).write_parquet('plain.parquet')"
    return error


def repeated_name(source: str, message: str) -> DataError:
    """The error for a Parquet file with equal names, from the message of polars, which quotes the first."""
    name = message.partition("'")[2].rpartition("'")[0] or message
    received, fix = fact('"{name}" twice', name=name), fact("give every column its own name")
    return DataError("E305", where=source, expected=fact("distinct names"), received=received, fix=fix)


def too_large(name: str, size: int, rows: int, columns: int, limit: int) -> DataError:
    """The error for a file that expands to more than the limit, with the ways to read it nevertheless."""
    received = fact(
        "{size:,} bytes: {rows:,} rows, {columns:,} columns", size=size, rows=rows, columns=columns
    )
    expected = fact("at most {limit:,} bytes", limit=limit)
    return DataError("E308", where=name, expected=expected, received=received, fix=raise_limit(size))


def raise_limit(size: int) -> str:
    """The fix for a file that needs more memory than ``settings.decode_limit``."""
    billions = -(-size // 10**9) + 1
    return alternatives(f"cr.settings.decode_limit = {billions}_000_000_000", fact("convert the file to CSV"))

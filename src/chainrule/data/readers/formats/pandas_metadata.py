"""Columns that pandas declared as categories, from the metadata that it writes into Parquet and Arrow files.

A category of numbers is stored as numbers; only a text in the file's metadata states what they are:

    {"index_columns": [...], "columns": [{"name": "zone", "pandas_type": "categorical", ...}, ...], ...}

The text is in the footer of a Parquet file and in the schema of an Arrow file, which is at the beginning
and, in the file format, again at the end. A text that is not such JSON is ignored.
"""

from __future__ import annotations

import json
from typing import Any

from chainrule.data.readers.content import Content

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

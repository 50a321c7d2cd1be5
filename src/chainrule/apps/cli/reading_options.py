"""The options of commands that set how DATA is read: ``--delimiter``, ``--decimal`` and others."""

from __future__ import annotations

from typing import Any

from chainrule.apps.cli.signature import Choice
from chainrule.data.readers.read_options import ReadOptions

READING: dict[str, Choice] = {
    "delimiter": Choice(str, "read_delimiter", "CHARACTER"),
    "skip": Choice(int, "read_skip", "LINES"),
    "encoding": Choice(str, "read_encoding", "NAME"),
    "header": Choice(str, "read_header", "WHICH"),
    "table": Choice(str, "read_table", "NAME"),
    "query": Choice(str, "read_query", "SQL"),
    "decimal": Choice(str, "read_decimal", "MARK"),
    "day_first": Choice(bool, "read_day_first"),
    "month_first": Choice(bool, "read_month_first"),
    "missing": Choice(list[str], "read_missing", "WORD"),
}


def take_reading(options: dict[str, Any]) -> ReadOptions:
    """Remove the options of reading from those of a command and return them.

    Args:
        options: values by name, ``None`` if not passed.

    Example:
        >>> options = {"header": "none", "skip": None, "row": 3}
        >>> take_reading(options).header, options
        ('none', {'row': 3})
    """
    values = {name: options.pop(name) for name in READING if name in options}
    passed: dict[str, Any] = {name: value for name, value in values.items() if value not in (None, [])}
    for name, value in passed.items():
        passed[name] = tuple(value) if isinstance(value, list) else value
    return ReadOptions(**passed)

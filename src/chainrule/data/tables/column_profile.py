"""Profiles of the input columns in the training rows: range, missing cells, levels with their counts.

A preparation stores them, so that a later table can be compared with the training rows without having them
(``drift.py``).
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.columns import Faults, count_levels, number_cells, present_numbers
from chainrule.data.tables.encoders import Encoding
from chainrule.data.tables.record_checks import (
    invalid,
    read_fields,
    read_list,
    read_number,
    read_text,
    read_texts,
)
from chainrule.data.tables.table import Table
from chainrule.errors import fact
from chainrule.records import frozen

MAX_LEVELS = 10_000  # beyond this number, levels are not stored: new ones are expected
MAX_ROWS = 2**53


@frozen
class ColumnProfile:
    """An input column in the training rows.

    Args:
        column: its name.
        rows, missing: the number of its cells, and how many of them are missing.
        low, high: the smallest and the largest number; ``None`` for other kinds and without any number.
        levels, counts: the levels of a category, the most frequent first, and how often each occurs; empty
            for other kinds and beyond ``MAX_LEVELS``.
    """

    column: str
    rows: int
    missing: int
    low: float | None = None
    high: float | None = None
    levels: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()

    @staticmethod
    def of(table: Table, encoding: Encoding) -> ColumnProfile:
        """The profile of an encoded column, from the training rows."""
        name, kind = encoding.column, encoding.kind
        if kind == "number":
            cells = number_cells(table, name, Faults())
            values = present_numbers(cells)
            values = values[np.isfinite(values)]
            low, high = (float(values.min()), float(values.max())) if len(values) else (None, None)
            return ColumnProfile(name, table.rows, cells.null_count(), low, high)
        if kind != "category":
            return ColumnProfile(name, table.rows, table.frame[name].null_count())
        cells = table.words(name)
        pairs = count_levels(cells)
        if len(pairs) > MAX_LEVELS:
            pairs = ()
        levels, counts = tuple(level for level, _ in pairs), tuple(count for _, count in pairs)
        return ColumnProfile(name, table.rows, cells.null_count(), None, None, levels, counts)

    @property
    def missing_share(self) -> float:
        """The share of missing cells."""
        return self.missing / self.rows

    def to_record(self) -> dict[str, Any]:
        """The fields for JSON."""
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values}

    @staticmethod
    def read(path: str, record: object) -> ColumnProfile:
        """The profile of an untrusted record, validated.

        Raises:
            DataError E328: with the path of the first invalid value.
        """
        values = read_fields(path, record, tuple(field.name for field in fields(ColumnProfile)))
        rows = _read_count(f"{path}.rows", values["rows"], 1, MAX_ROWS)
        missing = _read_count(f"{path}.missing", values["missing"], 0, rows)
        ends = (values["low"], values["high"])
        if (ends[0] is None) is not (ends[1] is None):
            raise invalid(f"{path}.low, high", fact("both or none"), ends)
        low, high = (
            None if end is None else read_number(f"{path}.{name}", end)
            for name, end in zip(("low", "high"), ends, strict=True)
        )
        if low is not None and high is not None and low > high:
            raise invalid(f"{path}.low, high", fact("the smaller number first"), (low, high))
        levels = read_texts(f"{path}.levels", values["levels"], MAX_LEVELS)
        listed = enumerate(read_list(f"{path}.counts", values["counts"], MAX_LEVELS))
        counts = tuple(_read_count(f"{path}.counts[{i}]", count, 1, rows) for i, count in listed)
        if len(counts) != len(levels) or len(set(levels)) < len(levels) or sum(counts) > rows - missing:
            raise invalid(f"{path}.levels, counts", fact("distinct levels with a count each"), len(levels))
        return ColumnProfile(
            read_text(f"{path}.column", values["column"]), rows, missing, low, high, levels, counts
        )


def profiles_of(table: Table, encodings: tuple[Encoding, ...]) -> tuple[ColumnProfile, ...]:
    """The profiles of all encoded columns; none of images."""
    return tuple(ColumnProfile.of(table, encoding) for encoding in encodings if encoding.kind != "image")


def known_levels(table: Table, profile: ColumnProfile) -> tuple[np.ndarray, list[str | None]]:
    """Which cells of a category have a level of the training rows or are missing, (N,), and their texts.

    Upper and lower case are not distinguished.
    """
    levels = table.levels(profile.column)
    known = {level.lower() for level in profile.levels}
    is_unseen = np.array([t is not None and t.lower() not in known for t in levels.texts.to_list()], bool)
    unseen = dict.fromkeys(levels.texts.filter(pl.Series(is_unseen)).to_list())
    return ~is_unseen[levels.index], list(unseen)


def _read_count(path: str, value: object, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise invalid(path, fact("an integer from {low} to {high}", low=low, high=high), value)
    return value

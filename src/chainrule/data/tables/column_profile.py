"""Profiles of the input columns in the training rows: quantiles, missing cells, levels with their counts.

A preparation stores them, so that a later table can be compared with the training rows without having them
(``differences_from_training.py``).
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from chainrule.data.cells.number_notation import level_texts
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.columns import Faults, count_levels, number_cells
from chainrule.data.tables.encoders import Encoding
from chainrule.data.tables.model_file_records import (
    defaults_of,
    invalid,
    read_fields,
    read_flag,
    read_list,
    read_number,
    read_text,
    read_texts,
)
from chainrule.data.tables.spellings import match_spellings
from chainrule.data.tables.table import Table
from chainrule.errors import fact
from chainrule.records import frozen

MEASURED = ("yes_no", "time", "duration")  # kinds whose first feature is a number of the cell
MAX_LEVELS = 10_000  # beyond this number, levels are not stored: new ones are expected
MAX_ROWS = 2**53
MAX_KNOTS, MANY_COLUMNS, FEWER_KNOTS = 100, 500, 20  # stored quantiles of a number, and in wide tables


@frozen
class ColumnProfile:
    """An input column in the training rows.

    Args:
        rows, missing: the number of its cells, and how many of them are missing.
        low, high: the smallest and the largest number; ``None`` for other kinds and without any number.
        levels, counts: the levels of a category, the most frequent first, and how often each occurs; empty
            for other kinds and beyond ``MAX_LEVELS``.
        quantiles, cumulative: of a number, time of day, duration or yes/no (1 and 0): values in ascending
            order, the smallest and the largest among them, and the number of cells up to each.
        is_complete: whether these are all of the different values.
    """

    column: str
    rows: int
    missing: int
    low: float | None = None
    high: float | None = None
    levels: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    quantiles: tuple[float, ...] = ()
    cumulative: tuple[int, ...] = ()
    is_complete: bool = False

    @staticmethod
    def of(
        table: Table, encoding: Encoding, knots: int | None = MAX_KNOTS, levels: Sequence[str] = ()
    ) -> ColumnProfile:
        """Return the profile of an encoded column.

        Args:
            table: the training rows, or later ones.
            encoding: of the column.
            knots: the number of quantiles that are stored at most; ``None``: all values.
            levels: those of the training rows, whose spelling levels take that differ only in case or spaces.
        """
        name, kind = encoding.column, encoding.kind
        if kind == "number":
            cells = number_cells(table, name, Faults())
            profile = ColumnProfile.of_values(name, cells.to_numpy(), knots)
            ends = (profile.quantiles[0], profile.quantiles[-1]) if profile.quantiles else (None, None)
            return replace(profile, missing=cells.null_count(), low=ends[0], high=ends[1])
        if kind in MEASURED:
            is_missing = table.frame[name].is_null().to_numpy()
            feature = encoding.features[0]
            values = encoding.encode(table, Faults())[0][:, 0].astype(np.float64) * feature.std + feature.mean
            return ColumnProfile.of_values(name, np.where(is_missing, np.nan, values), knots)
        if kind != "category":
            return ColumnProfile(name, table.rows, table.frame[name].null_count())
        cells = table.words(name)
        pairs = count_levels(match_spellings(level_texts(cells), levels) if levels else cells)
        if len(pairs) > MAX_LEVELS:
            pairs = ()
        names, counts = tuple(level for level, _ in pairs), tuple(count for _, count in pairs)
        return ColumnProfile(name, table.rows, cells.null_count(), None, None, names, counts)

    @staticmethod
    def of_values(name: str, values: np.ndarray, knots: int | None = None) -> ColumnProfile:
        """Return the profile of numbers (N,), NaN where missing.

        Example:
            >>> profile = ColumnProfile.of_values("age", np.array([40.0, 20.0, 20.0, np.nan]))
            >>> profile.missing, profile.quantiles, profile.cumulative, profile.is_complete
            (1, (20.0, 40.0), (2, 3), True)
        """
        finite = values[np.isfinite(values)]
        distinct, counts = np.unique(finite, return_counts=True)
        total = np.cumsum(counts)
        is_complete = knots is None or len(distinct) <= knots
        if knots is not None and not is_complete:
            ends = np.linspace(0, total[-1], knots)
            chosen = np.unique(np.searchsorted(total, ends))
            distinct, total = distinct[chosen], total[chosen]
        missing = len(values) - len(finite)
        profile = ColumnProfile(name, len(values), missing, is_complete=bool(is_complete and len(distinct)))
        return replace(profile, quantiles=tuple(distinct.tolist()), cumulative=tuple(total.tolist()))

    @property
    def missing_share(self) -> float:
        """The share of missing cells."""
        return self.missing / self.rows

    def quantile(self, share: float) -> float:
        """Return the smallest stored value up to which at least a share of the cells is; one must exist."""
        index = bisect.bisect_left(self.cumulative, share * self.cumulative[-1])
        return self.quantiles[min(index, len(self.quantiles) - 1)]

    def to_record(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values}

    @staticmethod
    def read(path: str, record: object) -> ColumnProfile:
        """Return the profile of an untrusted record, validated; E328 has the path of what is invalid."""
        names = tuple(field.name for field in fields(ColumnProfile))
        values = read_fields(path, record, names, defaults_of(ColumnProfile))
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
        column = read_text(f"{path}.column", values["column"])
        return ColumnProfile(
            column, rows, missing, low, high, levels, counts, *_read_quantiles(path, values, rows - missing)
        )


def profiles_of(table: Table, encodings: tuple[Encoding, ...]) -> tuple[ColumnProfile, ...]:
    """Return the profiles of all encoded columns; none of images."""
    knots = MAX_KNOTS if len(encodings) <= MANY_COLUMNS else FEWER_KNOTS
    return tuple(
        ColumnProfile.of(table, encoding, knots) for encoding in encodings if encoding.kind != "image"
    )


def known_levels(table: Table, profile: ColumnProfile) -> tuple[np.ndarray, list[str | None]]:
    """Return which cells of a category are missing or known, (N,), and their texts; case is ignored."""
    levels = table.levels(profile.column)
    known = {level.lower() for level in profile.levels}
    is_unseen = np.array([t is not None and t.lower() not in known for t in levels.texts.to_list()], bool)
    unseen = dict.fromkeys(levels.texts.filter(pl.Series(is_unseen)).to_list())
    return ~is_unseen[levels.index], list(unseen)


def _read_quantiles(
    path: str, values: Mapping[str, Any], cells: int
) -> tuple[tuple[float, ...], tuple[int, ...], bool]:
    """Return the quantiles, the number of cells up to each, and whether they are all values; validated."""
    listed = enumerate(read_list(f"{path}.quantiles", values["quantiles"], MAX_KNOTS))
    quantiles = tuple(float(read_number(f"{path}.quantiles[{i}]", value)) for i, value in listed)
    counts = enumerate(read_list(f"{path}.cumulative", values["cumulative"], MAX_KNOTS))
    cumulative = tuple(_read_count(f"{path}.cumulative[{i}]", count, 1, cells) for i, count in counts)
    is_ascending = all(a < b for part in (quantiles, cumulative) for a, b in itertools.pairwise(part))
    if len(quantiles) != len(cumulative) or not is_ascending:
        raise invalid(
            f"{path}.quantiles, cumulative", fact("ascending numbers with a count each"), len(quantiles)
        )
    return quantiles, cumulative, read_flag(f"{path}.is_complete", values["is_complete"])


def _read_count(path: str, value: object, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise invalid(path, fact("an integer from {low} to {high}", low=low, high=high), value)
    return value

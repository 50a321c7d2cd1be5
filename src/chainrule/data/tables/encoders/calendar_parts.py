"""Encoders of dates, times of day and durations: elapsed time, and cyclic parts as sine and cosine."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.columns import Column, Faults
from chainrule.data.tables.dates import (
    DAY,
    NUMERIC,
    SEPARATORS,
    CalendarParts,
    DayOrder,
    LaterOrder,
    calendar_parts,
    components,
    iso_date,
    later_order,
    present,
    read_durations,
    read_moments,
    read_times,
)
from chainrule.data.tables.encoders.feature import (
    Feature,
    fill_notices,
    missing_feature,
    standardized,
    with_indicator,
)
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.model_file_records import invalid, read_flag, read_list, read_number, require
from chainrule.data.tables.statistics import mean_and_std
from chainrule.data.tables.table import Table
from chainrule.errors import DataError, alternatives
from chainrule.messages import Texts, fact, join_facts
from chainrule.records import frozen

# Durations as standardized seconds.


@frozen
class Durations:
    """A duration as standardized seconds.

    **Formula** z = (s - mean) / std, s the seconds; z = 0 where s is missing or std is 0.

    Args:
        mean, std: of the seconds in the training rows (divisor N).
        indicator: whether there is a feature "is missing".
    """

    kind: ClassVar[str] = "duration"
    column: str
    mean: float
    std: float
    indicator: bool

    @staticmethod
    def fit(table: Table, column: Column, faults: Faults) -> Durations:
        seconds, is_missing = _seconds(table, column.name, faults)
        mean, std = mean_and_std(seconds[np.isfinite(seconds)])
        return Durations(column.name, mean, std, bool(is_missing.any()))

    @property
    def features(self) -> tuple[Feature, ...]:
        name = self.column
        feature = Feature(fact("{column}: seconds", column=name), name, self.mean, self.std)
        return (feature, missing_feature(self.column)) if self.indicator else (feature,)

    @property
    def description(self) -> Finding | None:
        """The features in a sentence; none is needed for one feature that is the column."""
        return None

    def encode(self, table: Table, faults: Faults) -> tuple[np.ndarray, list[Finding]]:
        """Return the features of every row, (N, 1) or (N, 2), and findings."""
        seconds, is_missing = _seconds(table, self.column, faults)
        z = standardized(np.where(np.isfinite(seconds), seconds, self.mean), self.mean, self.std)
        return with_indicator(z, is_missing, self.indicator), fill_notices(
            self.column, is_missing, self.mean, self.indicator
        )

    @staticmethod
    def read(path: str, column: str, fields: dict[str, Any]) -> Durations:
        """Return the encoder of a record's fields, validated."""
        mean, std = (read_number(f"{path}.{name}", fields[name]) for name in ("mean", "std"))
        if std < 0:
            raise invalid(f"{path}.std", fact("0 or more"), std)
        return Durations(column, mean, std, read_flag(f"{path}.indicator", fields["indicator"]))


def _seconds(table: Table, column: str, faults: Faults) -> tuple[np.ndarray, np.ndarray]:
    """Return the seconds of each row and whether they are missing; cells that are no durations are faults."""
    cells = table.words(column)
    seconds, is_present = read_durations(cells), present(cells)
    faults.add_all("E332", table, column, is_present & ~np.isfinite(seconds))
    return seconds, ~is_present


# Times of day as a standardized number, and as sine and cosine, which place 23:59 beside 0:00.


@frozen
class Times:
    """A time of day.

    **Formula** (h - mean) / std, sin(2 pi h / 24), cos(2 pi h / 24), h the hours since midnight; all are 0
    where h is missing.

    Args:
        mean, std: of the hours since midnight in the training rows (divisor N).
        indicator: whether there is a feature "is missing".
    """

    kind: ClassVar[str] = "time"
    column: str
    mean: float
    std: float
    indicator: bool

    @staticmethod
    def fit(table: Table, column: Column, faults: Faults) -> Times:
        hours, is_missing = _hours(table, column.name, faults)
        mean, std = mean_and_std(hours[np.isfinite(hours)])
        return Times(column.name, mean, std, bool(is_missing.any()))

    @property
    def features(self) -> tuple[Feature, ...]:
        name = self.column
        named = (
            Feature(fact("{column}: hours since midnight", column=name), name, self.mean, self.std),
            Feature(fact("{column}: hour (sin)", column=name), name),
            Feature(fact("{column}: hour (cos)", column=name), name),
        )
        return (*named, missing_feature(name)) if self.indicator else named

    @property
    def description(self) -> Finding | None:
        """The features in a sentence."""
        return Finding("time_features")

    def encode(self, table: Table, faults: Faults) -> tuple[np.ndarray, list[Finding]]:
        """Return the features of every row, (N, 3) or (N, 4), and findings."""
        hours, is_missing = _hours(table, self.column, faults)
        angle = 2 * math.pi * hours / 24
        x = np.stack([standardized(hours, self.mean, self.std), np.sin(angle), np.cos(angle)], axis=1)
        x[~np.isfinite(hours)] = 0.0
        if self.indicator:
            return np.concatenate([x, is_missing[:, None]], axis=1), []
        facts = {"column": self.column, "count": int(is_missing.sum())}
        return x, [Finding("dates_missing", "warning", facts)] if is_missing.any() else []

    @staticmethod
    def read(path: str, column: str, fields: dict[str, Any]) -> Times:
        """Return the encoder of a record's fields, validated."""
        mean, std = (read_number(f"{path}.{name}", fields[name]) for name in ("mean", "std"))
        if not (0 <= mean <= 24 and 0 <= std <= 24):
            raise invalid(f"{path}.mean, std", fact("0 to {limit}", limit=24), (mean, std))
        return Times(column, mean, std, read_flag(f"{path}.indicator", fields["indicator"]))


def _hours(table: Table, column: str, faults: Faults) -> tuple[np.ndarray, np.ndarray]:
    """Return the hours of each row and whether they are missing; cells that are no times are faults."""
    cells = table.words(column)
    hours, is_present = read_times(cells), present(cells)
    faults.add_all("E332", table, column, is_present & ~np.isfinite(hours))
    return hours, ~is_present


CYCLES = ("month", "weekday", "day", "hour")
PARTS = ("year", *CYCLES)
WORDS: Texts = {"month": "month", "weekday": "weekday", "day": "day", "hour": "hour"}
MAX_DAYS = 4e6  # days between 1970 and any date with a year of four digits


@frozen
class Dates:
    """A date as elapsed days, year, and sine and cosine of its other parts.

    Args:
        is_day_first: whether 05/11/2020 is in November.
        separators: of the training dates that have an order of day and month, a part of ``"-./"``.
        first, last: the earliest and the latest training date, in whole days since 1970.
        mean, std: of the days since ``first`` in the training rows (divisor N).
        year_mean, year_std: of the year.
        parts: the parts of ``PARTS`` that vary in the training rows.
        indicator: whether there is a feature "is missing".
    """

    kind: ClassVar[str] = "date"
    column: str
    is_day_first: bool
    separators: str
    first: float
    last: float
    mean: float
    std: float
    year_mean: float
    year_std: float
    parts: tuple[str, ...]
    indicator: bool

    @staticmethod
    def fit(table: Table, column: Column, faults: Faults) -> Dates:
        cells = table.words(column.name)
        order = DayOrder(False, "none") if column.dates is None else column.dates.day_order
        moments = read_moments(cells, order)
        faults.add_all("E332", table, column.name, ~moments.is_valid & present(cells))
        days = moments.instant[moments.is_valid] / DAY
        first, last = (math.floor(f(days)) if len(days) else 0 for f in (np.min, np.max))
        calendar = calendar_parts(moments.local[moments.is_valid])
        return Dates(
            column.name,
            order.is_day_first,
            order.separators,
            float(first),
            float(last),
            *mean_and_std(days - first),
            *mean_and_std(calendar.year.astype(float)),
            _varying(calendar),
            bool(cells.null_count()),
        )

    @property
    def features(self) -> tuple[Feature, ...]:
        name, first = self.column, self._first_text
        since = fact("{column}: days since {first}", column=name, first=first)
        named = [Feature(since, name, self.mean, self.std)]
        if "year" in self.parts:
            named.append(Feature(fact("{column}: year", column=name), name, self.year_mean, self.year_std))
        for part in self._cycles:
            word = fact(WORDS[part])
            named += [
                Feature(fact("{column}: {part} ({wave})", column=name, part=word, wave=wave), name)
                for wave in ("sin", "cos")
            ]
        if "weekday" in self.parts:
            named.append(Feature(fact("{column}: weekend", column=name), name))
        return (*named, missing_feature(name)) if self.indicator else tuple(named)

    @property
    def _cycles(self) -> tuple[str, ...]:
        return tuple(part for part in CYCLES if part in self.parts)

    @property
    def _first_text(self) -> str:
        return iso_date(self.first * DAY)

    @property
    def description(self) -> Finding:
        """The features in a sentence."""
        parts = [fact("year")] * ("year" in self.parts)
        parts += [fact("{part} (cyclic)", part=fact(WORDS[part])) for part in self._cycles]
        parts.append(fact("days since {date}", date=self._first_text))
        return Finding("date_features", facts={"parts": join_facts(", ", parts, "list")})

    def encode(self, table: Table, faults: Faults) -> tuple[np.ndarray, list[Finding]]:
        """Return the features of every row, (N, F), and findings."""
        cells = table.words(self.column)
        later = later_order(cells, self.order, table.day_first)
        if later.order is None:
            raise self._unclear(table, later)
        moments = read_moments(cells, later.order)
        is_present, is_valid = present(cells), moments.is_valid
        faults.add_all("E332", table, self.column, is_present & ~is_valid)
        calendar = calendar_parts(moments.local)
        days = moments.instant / DAY
        columns = [standardized(days - self.first, self.mean, self.std)]
        if "year" in self.parts:
            columns.append(standardized(calendar.year, self.year_mean, self.year_std))
        for part in self._cycles:
            angle = 2 * math.pi * _phase(calendar, part)
            columns += [np.sin(angle), np.cos(angle)]
        if "weekday" in self.parts:
            columns.append((calendar.weekday >= 5).astype(float))
        x = np.stack(columns, axis=1)  # (N, F)
        x[~is_valid] = 0.0
        if self.indicator:
            x = np.concatenate([x, ~is_present[:, None]], axis=1)
        notices = self._notices(days[is_valid], int((~is_present).sum()))
        if later.example:
            notices.append(self._by_cells(later))
        return x, notices

    @property
    def order(self) -> DayOrder:
        """The order of day and month in the training dates."""
        return DayOrder(self.is_day_first, "days" if self.separators else "none", self.separators)

    def _by_cells(self, later: LaterOrder) -> Finding:
        """Return the notice about dates in another form than those of the training."""
        assert later.order is not None
        moment = read_moments(pl.Series([later.example]), later.order).instant[0]
        is_day_first = bool(later.order.of(components(pl.Series([later.example]), (NUMERIC,))))
        facts = {
            "column": self.column,
            "text": later.example,
            "date": iso_date(float(moment)),
            "order": fact("day") if is_day_first else fact("month"),
            "other": "month" if is_day_first else "day",
            "other_is_day": not is_day_first,
        }
        return Finding("dates_by_cells", "warning", facts)

    def _unclear(self, table: Table, later: LaterOrder) -> DataError:
        """Return the error for a table whose order of day and month is unclear, or not the training's."""
        order = fact("the day first") if self.is_day_first else fact("the month first")
        expected = (
            fact("{order}, as in training", order=order)
            if later.is_contrary
            else fact("dates whose order of day and month is clear: 2024-12-03")
        )
        where = fact('{place}, column "{column}"', place=table.source, column=self.column)
        fix = alternatives("--day-first", "--month-first", "day_first=True")
        return DataError(
            "E345", where=where, column=self.column, expected=expected, received=f'"{later.example}"', fix=fix
        )

    def _notices(self, days: np.ndarray, missing: int) -> list[Finding]:
        facts = {"column": self.column, "first": self._first_text, "last": iso_date(self.last * DAY)}
        notices = []
        if missing and not self.indicator:
            notices.append(Finding("dates_missing", "warning", {"column": self.column, "count": missing}))
        outside = int(((days < self.first) | (days >= self.last + 1)).sum())
        if outside:
            notices.append(Finding("dates_outside", "warning", {**facts, "count": outside}))
        return notices

    @staticmethod
    def read(path: str, column: str, fields: dict[str, Any]) -> Dates:
        """Return the encoder of a record's fields, validated."""
        names = ("first", "last", "mean", "std", "year_mean", "year_std")
        first, last, mean, std, year_mean, year_std = (
            read_number(f"{path}.{name}", fields[name]) for name in names
        )
        if not -MAX_DAYS <= first <= last <= MAX_DAYS or first % 1 or last % 1:
            raise invalid(f"{path}.first, last", fact("whole days, the first before the last"), (first, last))
        if std < 0 or year_std < 0:
            raise invalid(f"{path}.std, year_std", fact("0 or more"), (std, year_std))
        parts = read_list(f"{path}.parts", fields["parts"], len(PARTS))
        if parts != [part for part in PARTS if part in parts]:
            raise invalid(f"{path}.parts", ", ".join(PARTS), parts)
        flags = (read_flag(f"{path}.{name}", fields[name]) for name in ("is_day_first", "indicator"))
        is_day_first, indicator = flags
        separators = fields["separators"]
        is_part = isinstance(separators, str) and separators == "".join(
            s for s in SEPARATORS if s in separators
        )
        require(f"{path}.separators", separators, is_part, fact("a part of {text}", text=SEPARATORS))
        return Dates(
            column,
            is_day_first,
            separators,
            first,
            last,
            mean,
            std,
            year_mean,
            year_std,
            tuple(parts),
            indicator,
        )


def _varying(calendar: CalendarParts) -> tuple[str, ...]:
    """Return the parts with several values; weekdays only together with different days of the month."""
    varying = [part for part in PARTS if len(np.unique(getattr(calendar, part))) > 1]
    return tuple(part for part in varying if part != "weekday" or "day" in varying)


def _phase(calendar: CalendarParts, part: str) -> np.ndarray:
    """Return the position of a part within its cycle, 0 to 1."""
    length = {"month": 12, "weekday": 7, "day": calendar.month_length, "hour": 24}
    return getattr(calendar, part) / length[part]

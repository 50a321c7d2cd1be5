"""Times of day as a standardized number, and as sine and cosine, which place 23:59 beside 0:00."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from chainrule.data.tables.columns import Column, Faults
from chainrule.data.tables.dates import present, read_times
from chainrule.data.tables.encoders.feature import Feature, missing_feature, standardized
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.record_checks import invalid, read_flag, read_number
from chainrule.data.tables.statistics import mean_and_std
from chainrule.data.tables.table import Table
from chainrule.errors import fact
from chainrule.records import frozen


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

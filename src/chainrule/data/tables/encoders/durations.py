"""Durations as standardized seconds."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from chainrule.data.tables.columns import Column, Faults
from chainrule.data.tables.dates import present, read_durations
from chainrule.data.tables.encoders.feature import (
    Feature,
    fill_notices,
    missing_feature,
    standardized,
    with_indicator,
)
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.record_checks import invalid, read_flag, read_number
from chainrule.data.tables.statistics import mean_and_std
from chainrule.data.tables.table import Table
from chainrule.errors import fact
from chainrule.records import frozen


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

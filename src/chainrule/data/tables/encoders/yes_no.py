"""Yes/no columns as 1 or 0, and whether the cell is missing."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from chainrule.data.cells.number_notation import level_texts
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.columns import Column, Faults
from chainrule.data.tables.encoders.feature import Feature, fill_notices, missing_feature, with_indicator
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.record_checks import invalid, read_flag, read_number
from chainrule.data.tables.spellings import YES_NO
from chainrule.data.tables.statistics import mean_and_std
from chainrule.data.tables.table import Table
from chainrule.errors import fact
from chainrule.records import frozen


@frozen
class YesNo:
    """A yes/no column as 1 or 0.

    Args:
        mean: the share of yes in the training rows, which replaces a missing value.
        indicator: whether there is a second feature "is missing".
    """

    kind: ClassVar[str] = "yes_no"
    column: str
    mean: float
    indicator: bool

    @staticmethod
    def fit(table: Table, column: Column, faults: Faults) -> YesNo:
        cells = _yes_no(table, column.name, faults)
        mean, _ = mean_and_std(cells.drop_nulls().to_numpy())
        return YesNo(column.name, mean, bool(cells.null_count()))

    @property
    def features(self) -> tuple[Feature, ...]:
        feature = Feature(self.column, self.column)
        return (feature, missing_feature(self.column)) if self.indicator else (feature,)

    @property
    def description(self) -> Finding | None:
        """The features in a sentence; none are needed for one feature that is the column."""
        return None

    @staticmethod
    def read(path: str, column: str, fields: dict[str, Any]) -> YesNo:
        """Return the encoder of a record's fields, validated."""
        mean = read_number(f"{path}.mean", fields["mean"])
        if not 0 <= mean <= 1:
            raise invalid(f"{path}.mean", fact("0 to 1"), mean)
        return YesNo(column, mean, read_flag(f"{path}.indicator", fields["indicator"]))

    def encode(self, table: Table, faults: Faults) -> tuple[np.ndarray, list[Finding]]:
        """Return the features of every row, (N, 1) or (N, 2), and findings."""
        cells = _yes_no(table, self.column, faults)
        is_missing = cells.is_null().to_numpy()
        values = cells.fill_null(self.mean).to_numpy()
        return with_indicator(values, is_missing, self.indicator), fill_notices(
            self.column, is_missing, self.mean, self.indicator
        )


def _yes_no(table: Table, column: str, faults: Faults) -> pl.Series:
    """Return 1, 0 or null per row; other words are added to ``faults``."""
    cells = table.frame[column]
    words = level_texts(cells).str.to_lowercase()
    values = words.replace_strict(list(YES_NO), list(YES_NO.values()), default=None, return_dtype=pl.Float64)
    strange = values.is_null() & words.is_not_null()
    if strange.any():
        faults.add("E318", table, column, strange.to_numpy())
    return values

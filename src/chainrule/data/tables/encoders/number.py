"""Numbers, standardized: (value - mean) / std, and whether the cell is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from chainrule.data.cells.conventions import mark_of
from chainrule.data.cells.number_notation import EVIDENCE, Notation
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.columns import Column, Faults, number_cells, present_numbers
from chainrule.data.tables.encoders.feature import FAR, Feature, fill_notices, missing_feature, with_indicator
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.model_file_records import invalid, read_flag, read_number, require
from chainrule.data.tables.statistics import mean_and_std
from chainrule.data.tables.table import Table
from chainrule.errors import fact
from chainrule.records import frozen

MAX_UNIT = 40  # characters of a unit in a record
FEW_ROWS = 64  # up to which all plain numbers are encoded together
MANY = 100  # columns from which those of more rows are
BLOCK = 1 << 14  # numbers that are computed together, so that they stay in the cache
PLAIN = frozenset(f"{kind}{bits}" for kind in ("Int", "UInt", "Float") for bits in (8, 16, 32, 64))
HUGE = 1e307  # from which a difference could overflow


@frozen
class Number:
    """A standardized number.

    **Formula** z = (v - mean) / std, v the cell, clipped to -limit .. limit; z = 0 where v is missing or std
    is 0.

    Args:
        mean, std: of the present values in the training rows (divisor N).
        indicator: whether there is a second feature "is missing".
        unit: the unit or the currency of the training cells, ``""`` if they had none.
        mark: the decimal mark of the training cells, for later cells that can be read with both.
        mark_evidence: why it is that, a word of ``EVIDENCE``.
        limit: the largest |z|; 1 for a public range of ``mean`` - ``std`` to ``mean`` + ``std``.
    """

    kind: ClassVar[str] = "number"
    column: str
    mean: float
    std: float
    indicator: bool
    unit: str = ""
    mark: str = "."
    mark_evidence: str = "none"
    limit: float = FAR

    @staticmethod
    def fit(table: Table, column: Column, faults: Faults) -> Number:
        cells = number_cells(table, column.name, faults)
        values = present_numbers(cells)
        mean, std = mean_and_std(values[np.isfinite(values)])
        unit = table.notations.get(column.name, Notation()).unit
        return Number(column.name, mean, std, bool(cells.null_count()), unit, *mark_of(table, column.name))

    @property
    def features(self) -> tuple[Feature, ...]:
        feature = Feature(self.column, self.column, self.mean, self.std)
        return (feature, missing_feature(self.column)) if self.indicator else (feature,)

    @property
    def description(self) -> Finding | None:
        """The features in a sentence; none are needed for one feature that is the column."""
        return None

    @staticmethod
    def read(path: str, column: str, fields: dict[str, Any]) -> Number:
        """Return the encoder of a record's fields, validated."""
        mean, std = (read_number(f"{path}.{name}", fields[name]) for name in ("mean", "std"))
        if std < 0:
            raise invalid(f"{path}.std", fact("0 or more"), std)
        unit, mark = fields["unit"], fields["mark"]
        is_unit = isinstance(unit, str) and len(unit) <= MAX_UNIT
        require(f"{path}.unit", unit, is_unit, fact("a text of at most {count} characters", count=MAX_UNIT))
        require(f"{path}.mark", mark, mark in (".", ","), '"." or ","')
        evidence = fields["mark_evidence"]
        require(f"{path}.mark_evidence", evidence, evidence in EVIDENCE, ", ".join(EVIDENCE))
        limit = read_number(f"{path}.limit", fields["limit"])
        if not 0 < limit <= FAR:
            raise invalid(f"{path}.limit", fact("a number above 0"), limit)
        return Number(
            column,
            mean,
            std,
            read_flag(f"{path}.indicator", fields["indicator"]),
            unit,
            mark,
            evidence,
            limit,
        )

    def encode(self, table: Table, faults: Faults) -> tuple[np.ndarray, list[Finding]]:
        """Return the features of every row, (N, 1) or (N, 2), and findings."""
        cells = number_cells(table, self.column, faults)
        values, is_missing = cells.to_numpy(), np.zeros(len(cells), bool)
        if cells.null_count():
            values, is_missing = cells.fill_null(self.mean).to_numpy(), cells.is_null().to_numpy()
        z, clipped = self._standardized(values)
        notices = fill_notices(self.column, is_missing, self.mean, self.indicator)
        unit = table.notations.get(self.column, Notation()).unit
        if unit and self.unit and unit != self.unit:
            facts = {"column": self.column, "unit": unit, "trained": self.unit}
            notices.append(Finding("other_unit", "warning", facts))
        if clipped:
            notices.append(self._clipped(clipped))
        return with_indicator(z, is_missing, self.indicator), notices

    def _standardized(self, values: np.ndarray) -> tuple[np.ndarray, int]:
        """Return the values (N,) as z, clipped, and the number of those beyond the limit."""
        z, clipped = np.zeros(len(values), np.float32), 0
        if not self.std > 0:
            return z, clipped
        is_huge = _is_huge(values, self)
        for start in range(0, len(values), BLOCK):
            part = values[start : start + BLOCK]
            with np.errstate(over="ignore", invalid="ignore"):
                exact = part / self.std - self.mean / self.std if is_huge else (part - self.mean) / self.std
            clipped += int((np.abs(exact) > self.limit).sum())
            exact = np.nan_to_num(exact, copy=False, posinf=FAR, neginf=-FAR)
            z[start : start + BLOCK] = np.clip(exact, -self.limit, self.limit)
        return z, clipped

    def _clipped(self, count: int) -> Finding:
        """Return the notice about values beyond the limit."""
        facts = {"column": self.column, "count": count}
        if self.limit == FAR:
            return Finding("far_outside", "warning", {**facts, "limit": FAR})
        low, high = self.mean - self.limit * self.std, self.mean + self.limit * self.std
        return Finding("outside_range", "warning", {**facts, "low": low, "high": high})


def _is_huge(values: np.ndarray, number: Number) -> bool:
    """Return whether the difference could overflow."""
    return float(np.abs(values).max(initial=0.0)) > HUGE or abs(number.mean) > HUGE


@frozen(eq=False)
class Together:
    """Columns of plain numbers that were encoded together.

    Args:
        places: (K,) of their encoders.
        z: (N, K) their features.
    """

    places: tuple[int, ...]
    z: np.ndarray


def encode_together(table: Table, encoders: Sequence[object]) -> Together | None:
    """Return the features of several columns of plain numbers; ``None`` where that saves no time.

    Calls for each column take longer than the arithmetic of few rows, or of thousands of columns. Columns
    with missing values, values beyond the limit or another notation are left out, since they have notices or
    faults.
    """
    numbers = {
        i: encoder
        for i, encoder in enumerate(encoders)
        if isinstance(encoder, Number)
        and not encoder.indicator
        and encoder.std > 0
        and abs(encoder.mean) <= HUGE
        and encoder.column not in table.originals
    }
    if len(numbers) < (MANY if table.rows > FEW_ROWS else 2):
        return None
    frame, values = table.frame, np.empty((table.rows, len(numbers)), order="F")  # missing cells are NaN
    for k, number in enumerate(numbers.values()):
        values[:, k] = _plain_numbers(frame.get_column(number.column))
    mean, std, limit = np.array([(n.mean, n.std, n.limit) for n in numbers.values()]).T
    with np.errstate(over="ignore", invalid="ignore"):
        z = (values - mean) / std
        is_plain = (np.abs(z) <= limit).all(axis=0) & (np.abs(values) <= HUGE).all(axis=0)
    return Together(tuple(np.array(list(numbers))[is_plain].tolist()), z[:, is_plain])


def _plain_numbers(cells: pl.Series) -> np.ndarray | float:
    """Return the cells of a column (N,), NaN where they are missing; NaN for a column of another type."""
    return cells.to_numpy() if str(cells.dtype) in PLAIN else np.nan

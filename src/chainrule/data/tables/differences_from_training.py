"""Differences of a table from the training rows, column by column.

A model extrapolates where a number is outside the range of the training rows, ignores a level that did not
occur in them, and replaces missing cells. None of this is an error, and each may be the reason of a bad
prediction. Only differences that a table of training rows would rarely have are reported:

    below, above    more numbers outside the range of the training rows than chance explains, or far ones
    unseen          a level of a category that did not occur in training
    missing         a share of missing cells that differs by over ``DEVIATIONS`` standard errors and ``SHARE``
    empty           no value at all, although the training rows have some
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from chainrule.data.cells.number_notation import number_text
from chainrule.data.tables.column_profile import ColumnProfile, known_levels
from chainrule.data.tables.columns import Faults, number_cells
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.fitted_preparation import Preparation
from chainrule.data.tables.table import Table
from chainrule.records import frozen

KINDS = ("empty", "missing", "below", "above", "unseen")
DEVIATIONS, SHARE = 4.0, 0.01
CHANCE = 0.05  # probability of as many numbers outside the range, above which they are not reported
TAIL = 0.1  # share of the training rows; a number as far beyond the range as they spread is far
EXAMPLES, LENGTH = 3, 30  # unseen levels that are listed; characters of each
COVERED = ("unseen_levels", "filled", "far_outside")  # findings of the encoders that a drift repeats


@frozen
class Drift:
    """One difference of a column from the training rows.

    Args:
        kind: one of ``KINDS``.
        count, rows: the number of its cells that differ, of all cells.
        example: the most extreme number, or the most frequent unseen levels.
        profile: the column in the training rows.
    """

    column: str
    kind: str
    count: int
    rows: int
    example: str
    profile: ColumnProfile

    @property
    def finding(self) -> Finding | None:
        """The notice that the column is empty; ``None`` for other kinds."""
        if self.kind != "empty":
            return None
        facts = {"column": self.column, "rows": self.rows, "missing": self.profile.missing_share}
        return Finding("drift_empty", "error", facts)


def short_number(value: float) -> str:
    """Return a number with six significant digits at most.

    Example:
        >>> short_number(18.0), short_number(1 / 3), short_number(25220.0)
        ('18', '0.333333', '25220')
    """
    return number_text(float(f"{value:.6g}"))


def drift_of(preparation: Preparation, table: Table) -> tuple[Drift, ...]:
    """Return the differences of a table from the training rows of a preparation, in the order of ``KINDS``.

    Args:
        preparation: with the profiles of its training rows.
        table: has all of its columns.

    Example:
        >>> from chainrule.data import describe, read_table
        >>> table = read_table({"age": [18.0, 70.0], "city": ["Bern", "Rome"], "y": ["no", "yes"]})
        >>> preparation = Preparation.fit(table, describe(table, "y"), "y", "classification")
        >>> new = read_table({"age": [-5.0, 40.0, 99.0], "city": ["Oslo", "Rome", "Rome"]})
        >>> [(drift.column, drift.kind, drift.example) for drift in drift_of(preparation, new)]
        [('age', 'below', '-5'), ('age', 'above', '99'), ('city', 'unseen', 'Oslo')]
    """
    table = preparation.as_trained(table)
    drifts = [drift for profile in preparation.profiles for drift in _of_column(profile, table)]
    return tuple(sorted(drifts, key=lambda drift: KINDS.index(drift.kind)))


def _of_column(profile: ColumnProfile, table: Table) -> Iterator[Drift]:
    name, rows = profile.column, table.rows
    values = number_cells(table, name, Faults()) if profile.low is not None else None
    cells = values if values is not None else table.words(name) if profile.levels else table.frame[name]
    missing = cells.null_count()
    if missing == rows and profile.missing < profile.rows:
        yield Drift(name, "empty", missing, rows, "", profile)
        return
    if _is_unusual(missing / rows, rows, profile):
        yield Drift(name, "missing", missing, rows, "", profile)
    if values is not None:
        yield from _outside(profile, values.to_numpy(), rows - missing, rows)
    if profile.levels:
        is_known, unseen = known_levels(table, profile)
        if unseen:
            listed = [
                text if len(text) <= LENGTH else f"{text[: LENGTH - 1]}…" for text in sorted(map(str, unseen))
            ]
            example = ", ".join(listed[:EXAMPLES]) + (", …" if len(listed) > EXAMPLES else "")
            yield Drift(name, "unseen", int((~is_known).sum()), rows, example, profile)


def _outside(profile: ColumnProfile, values: np.ndarray, present: int, rows: int) -> Iterator[Drift]:
    """Yield the numbers below and above the range of the training rows, if chance does not explain them."""
    if profile.low is None or profile.high is None:
        return
    for kind, outside in (("below", values < profile.low), ("above", values > profile.high)):
        if outside.any():
            extreme = float((np.min if kind == "below" else np.max)(values[outside]))
            if not _is_by_chance(int(outside.sum()), extreme, present, profile):
                yield Drift(profile.column, kind, int(outside.sum()), rows, short_number(extreme), profile)


def _is_by_chance(count: int, extreme: float, rows: int, profile: ColumnProfile) -> bool:
    """Return whether rows like those of the training have as many outside the range, and none is far."""
    if profile.low is None or profile.high is None or not profile.quantiles:
        return False
    beyond = max(profile.low - extreme, extreme - profile.high)
    tail = (
        profile.quantile(TAIL) - profile.low
        if extreme < profile.low
        else profile.high - profile.quantile(1 - TAIL)
    )
    is_far = beyond > max(tail, 0.0)
    return not is_far and outside_probability(profile.rows - profile.missing, rows, count) > CHANCE


def outside_probability(n: int, m: int, count: int) -> float:
    """Return the probability that the largest ``count`` of n training and m new values are new ones.

    All are samples of one distribution.

    Example:
        >>> outside_probability(9, 1, 1), outside_probability(9, 1, 0)
        (0.1, 1.0)
    """
    if count <= 0:
        return 1.0
    logs = (m + 1, n + m - count + 1), (m - count + 1, n + m + 1)
    return round(math.exp(sum(map(math.lgamma, logs[0])) - sum(map(math.lgamma, logs[1]))), 15)


def _is_unusual(share: float, rows: int, profile: ColumnProfile) -> bool:
    """Return whether a share of missing cells differs from that in training by more than chance explains."""
    expected = (profile.missing + 0.5) / (profile.rows + 1)
    error = math.sqrt(expected * (1 - expected) * (1 / rows + 1 / profile.rows))
    never = profile.missing == 0 and share > 0
    return never or abs(share - profile.missing_share) > DEVIATIONS * error + SHARE

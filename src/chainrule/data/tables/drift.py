"""Differences of a table from the training rows, column by column.

A model extrapolates where a number is outside the range of the training rows, ignores a level that did not
occur in them, and replaces missing cells. None of this is an error, and each may be the reason of a bad
prediction. Only differences that a table of training rows would rarely have are reported:

    below, above    a number outside the range of the training rows
    unseen          a level of a category that did not occur in training
    missing         a share of missing cells that differs by over ``DEVIATIONS`` standard errors and ``SHARE``
    empty           no value at all, although the training rows have some
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from chainrule.data.readers.number_parsing import number_text
from chainrule.data.tables.column_profile import ColumnProfile, known_levels
from chainrule.data.tables.columns import Faults, number_cells
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.preparation import Preparation
from chainrule.data.tables.table import Table
from chainrule.records import frozen

KINDS = ("empty", "missing", "below", "above", "unseen")
DEVIATIONS, SHARE = 4.0, 0.01
EXAMPLES, LENGTH = 3, 30  # unseen levels that are listed; characters of each
COVERED = ("unseen_levels", "filled", "far_outside")  # findings of the encoders that a drift repeats


@frozen
class Drift:
    """One difference of a column from the training rows.

    Args:
        column: its name.
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
    """A number with six significant digits at most.

    Example:
        >>> short_number(18.0), short_number(1 / 3), short_number(25220.0)
        ('18', '0.333333', '25220')
    """
    return number_text(float(f"{value:.6g}"))


def drift_of(preparation: Preparation, table: Table) -> tuple[Drift, ...]:
    """The differences of a table from the training rows of a preparation, in the order of ``KINDS``.

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
    if values is not None and profile.low is not None and profile.high is not None:
        array = values.to_numpy()
        for kind, outside in (("below", array < profile.low), ("above", array > profile.high)):
            if outside.any():
                extreme = (np.min if kind == "below" else np.max)(array[outside])
                yield Drift(name, kind, int(outside.sum()), rows, short_number(float(extreme)), profile)
    if profile.levels:
        is_known, unseen = known_levels(table, profile)
        if unseen:
            listed = [
                text if len(text) <= LENGTH else f"{text[: LENGTH - 1]}…" for text in sorted(map(str, unseen))
            ]
            example = ", ".join(listed[:EXAMPLES]) + (", …" if len(listed) > EXAMPLES else "")
            yield Drift(name, "unseen", int((~is_known).sum()), rows, example, profile)


def _is_unusual(share: float, rows: int, profile: ColumnProfile) -> bool:
    """Whether a share of missing cells differs from that in training by more than chance explains."""
    expected = (profile.missing + 0.5) / (profile.rows + 1)
    error = math.sqrt(expected * (1 - expected) * (1 / rows + 1 / profile.rows))
    never = profile.missing == 0 and share > 0
    return never or abs(share - profile.missing_share) > DEVIATIONS * error + SHARE

"""Dates that mean "missing" or "until further notice": 9999-12-31, 1900-01-01."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from chainrule.data.tables.columns import Column
from chainrule.data.tables.dates.moments import DAY, iso_date, read_moments
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.table import Table

DATES = tuple(
    (
        "0001-01-01 1753-01-01 1800-01-01 1899-12-30 1899-12-31 1900-01-01 1970-01-01 2099-12-31 2100-12-31 "
        "2999-12-31 9999-12-30 9999-12-31"
    ).split()
)
_GAP = 15 * 365 * DAY  # to all other dates


def sentinel_dates(sample: Table, inputs: Sequence[Column]) -> Iterator[Finding]:
    """The findings about dates that are far from all others of their column.

    Args:
        sample: some rows of a table.
        inputs: its columns.
    """
    for column in inputs:
        if column.dates is None:
            continue
        moments = read_moments(sample.frame[column.name], column.dates.is_day_first)
        days = moments.instant[moments.is_valid] // DAY
        distinct = np.unique(days)
        if len(distinct) < 3:
            continue
        for value, neighbor in ((distinct[0], distinct[1]), (distinct[-1], distinct[-2])):
            date = iso_date(int(value) * DAY)
            if date in DATES and abs(value - neighbor) * DAY >= _GAP:
                facts = {"column": column.name, "value": date, "count": int((days == value).sum())}
                yield Finding("sentinel_date", "warning", facts)

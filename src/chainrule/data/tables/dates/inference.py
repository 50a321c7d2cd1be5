"""Whether a column contains dates, and which ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.dates.forms import FORMS, VERSION, normalized
from chainrule.data.tables.dates.moments import iso_date, read_compact, read_moments
from chainrule.data.tables.dates.order import DayOrder, day_order
from chainrule.data.tables.findings import Finding
from chainrule.records import frozen

SAMPLE, LIKELY, EXAMPLES = 200, 0.9, 3  # cells, share of date forms and examples of a warning
MAX_CELLS = 50_000  # cells that decide the kind of a column, and the order of day and month
_DATE_NAME = re.compile(
    r"date|datum|fecha|yyyymmdd|(?:^|[^a-z])(?:day|dt|dob|timestamp)(?:$|[^a-z])|日期|时间"
)
_COMPACT_YEARS = (1900, 2100)  # other numbers of eight digits are no dates


@frozen
class DateRange:
    """The dates of a column.

    Args:
        is_day_first: whether 05/11/2020 is in November.
        evidence: why, see ``DayOrder``.
        separators: see ``DayOrder``.
        first, last: the earliest and the latest date, as 2020-11-05; empty without any.
    """

    is_day_first: bool
    evidence: str
    separators: str
    first: str
    last: str

    @property
    def day_order(self) -> DayOrder:
        """The order of day and month, with its evidence."""
        return DayOrder(self.is_day_first, self.evidence, self.separators)

    @property
    def order(self) -> str:
        """``"day"`` or ``"month"``, whichever is first; empty if no date depends on it."""
        return "" if self.evidence == "none" else "day" if self.is_day_first else "month"


def describe_dates(cells: pl.Series, day_first: bool | None = None) -> tuple[DateRange, np.ndarray]:
    """Return the range of the dates of a column, and which cells (N,) are neither dates nor missing.

    Args:
        day_first: the order of day and month where the user sets it and the cells do not decide.

    Example:
        >>> describe_dates(pl.Series(["2020-11-05", None, "2019-01-03"]))[0].last
        '2020-11-05'
    """
    order = whole_order(cells, day_first)
    moments = read_moments(cells, order.is_day_first)
    instants = moments.instant[moments.is_valid]
    first, last = (iso_date(int(f(instants))) if len(instants) else "" for f in (np.min, np.max))
    dates = DateRange(order.is_day_first, order.evidence, order.separators, first, last)
    return dates, ~moments.is_valid & present(cells)


def whole_order(cells: pl.Series, day_first: bool | None = None) -> DayOrder:
    """Return the order of day and month in a column; all of its cells decide, however many there are."""
    if len(cells) <= MAX_CELLS:
        return day_order(cells, day_first)
    distinct = day_order(cells.unique(), day_first)
    if distinct.evidence in ("none", "days", "chosen"):
        return distinct
    return replace(day_order(spread(cells, MAX_CELLS)), separators=distinct.separators)


def has_dates(cells: pl.Series, share: float) -> bool:
    """Return whether at least a share of the texts of a column without missing cells are dates.

    Example:
        >>> has_dates(pl.Series(["5 Nov 2020", "soon"]), 0.95), has_dates(pl.Series(["5 Nov 2020"]), 0.95)
        (False, True)
    """
    if cells.str.contains(VERSION).all() and _has_short_parts(cells):
        return False
    sample = spread(cells, MAX_CELLS)
    return float(read_moments(sample, day_order(sample).is_day_first).is_valid.mean()) >= share


def date_doubts(cells: pl.Series) -> tuple[Finding, ...]:
    """Return the warning about texts without missing cells that look like dates but are not read as such.

    Example:
        >>> cells = pl.Series("sold", ["25/12/2020", "12/26/2020", "27/12/2020", "12/28/2020"])
        >>> date_doubts(cells)[0].facts["examples"]
        '"25/12/2020", "27/12/2020"'
    """
    sample = spread(cells, SAMPLE)
    if not has_date_form(normalized(sample).to_list(), LIKELY) or sample.str.contains(VERSION).all():
        return ()
    is_valid = read_moments(sample, day_order(sample).is_day_first).is_valid
    examples = dict.fromkeys(sample.filter(pl.Series(~is_valid)).to_list())
    listed = ", ".join(f'"{text[:40]}"' for text in list(examples)[:EXAMPLES])
    return (Finding("unclear_dates", "warning", {"column": cells.name, "examples": listed}),)


def spread(cells: pl.Series, count: int) -> pl.Series:
    """Return at most ``count`` cells, evenly spaced."""
    return cells.gather_every(-(-len(cells) // count)) if len(cells) > count else cells


def has_date_form(texts: Sequence[str], share: float) -> bool:
    """Return whether at least a share of normalized texts have the form of a date, which need not exist.

    It is used to reject most columns of texts quickly.

    Example:
        >>> has_date_form(["5 nov 2020", "99.99.2020", "soon"], 0.5)
        True
    """
    return sum(any(form.match(text) for form in _forms()) for text in texts) >= share * len(texts)


@cache
def _forms() -> list[re.Pattern[str]]:
    return [re.compile(form.replace(r"\p{L}", r"[^\W\d_]")) for form in FORMS]


def _has_short_parts(cells: pl.Series) -> bool:
    """Return whether some text has a number of one digit, as versions have."""
    return bool(cells.str.contains(r"(?:^|\.)[0-9](?:\.|$)").any())


def has_compact_dates(cells: pl.Series) -> bool:
    """Return whether a column is named as a date and all its numbers are dates such as 20201105.

    Example:
        >>> [has_compact_dates(pl.Series(name, [20201105])) for name in ("sale_date", "price")]
        [True, False]
    """
    if not _DATE_NAME.search(cells.name.lower()):
        return False
    moments = read_compact(cells)
    if not moments.is_valid.all():
        return False
    low, high = (f"{year}-01-01" for year in _COMPACT_YEARS)
    return low <= iso_date(int(moments.instant.min())) and iso_date(int(moments.instant.max())) <= high


def present(cells: pl.Series) -> np.ndarray:
    """Return which cells are not missing, (N,)."""
    return cells.is_not_null().to_numpy()

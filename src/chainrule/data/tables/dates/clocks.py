"""Times of day, and whether a column of texts contains dates, times or durations."""

from __future__ import annotations

import re
from functools import cache

import numpy as np

from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.dates.durations import is_unclear, read_durations, seconds_of
from chainrule.data.tables.dates.forms import CLOCK, components, normalized
from chainrule.data.tables.dates.inference import MAX_CELLS, has_date_form, has_dates, spread
from chainrule.data.tables.dates.moments import SECOND, clock_of

TIME = f"^t?{CLOCK}(?: ?(?:z|utc|gmt|uhr|[+-][0-9]{{2}}:?[0-9]{{2}}))?$"
_HOUR = r"^(?P<hour>[0-9]{1,2}) ?(?P<half>[ap])\.?m\.?$"  # 9 am
_RANGE = "^[0-9]{1,2}:[0-9]{2} ?- ?[0-9]{1,2}:[0-9]{2}$"  # opening hours rather than a time zone
_DURATION_NAME = re.compile("durat|elapsed|length|laps?(?:$|[^a-z])|delay|interval|时长|用时|耗时")
_PADDED = "^[0-9]{2}:"
SAMPLE = 20  # cells that are read first, to reject most columns of texts quickly
NOON = 13  # the hour from which 9:30 and 13:00 are times rather than minutes and seconds


def read_times(cells: pl.Series) -> np.ndarray:
    """The hours since midnight of each cell, (N,); NaN where it is missing or no time of day.

    Example:
        >>> read_times(pl.Series(["9:30 PM", "06:15", None, "25:00"])).tolist()
        [21.5, 6.25, nan, nan]
    """
    if cells.dtype != pl.String:
        return np.full(len(cells), np.nan)
    texts = normalized(cells)
    parts = components(texts.set(texts.str.contains(_RANGE), None), (TIME, _HOUR))
    microseconds, is_valid = clock_of(parts)
    return np.where(is_valid & (parts["form"] >= 0), microseconds / (3600 * SECOND), np.nan)


def moment_kind(cells: pl.Series, share: float) -> str:
    """``"date"``, ``"time"``, ``"duration"`` or an empty text, for a column of texts without missing cells.

    Example:
        >>> [moment_kind(pl.Series([text]), 0.95) for text in ("5 Nov 2020", "09:30", "90 min", "soon")]
        ['date', 'time', 'duration', '']
    """
    sample = normalized(spread(cells, SAMPLE)).to_list()
    if has_date_form(sample, share / 2):
        return "date" if has_dates(cells, share) else ""
    clocks = sum(
        seconds_of(text) == seconds_of(text) or any(form.match(text) for form in _times()) for text in sample
    )
    return _clock_kind(spread(cells, MAX_CELLS), share) if clocks >= share / 2 * len(sample) else ""


@cache
def _times() -> tuple[re.Pattern[str], ...]:
    return re.compile(TIME), re.compile(_HOUR)


def _clock_kind(cells: pl.Series, share: float) -> str:
    """``"time"``, ``"duration"`` or an empty text.

    Numbers with one letter are durations if all have the same letter, other than the m of meters.
    Texts that are both, such as 9:30, are durations if the column is named so; times if every hour has two
    digits, or if hours exceed 12 and all are below 24; otherwise durations.
    """
    times, durations = read_times(cells), read_durations(cells)
    is_time, is_duration = _share(times) >= share, _share(durations) >= share
    texts = normalized(cells.unique()).to_list()
    letters = {text[-1] for text in texts} if is_duration and all(map(is_unclear, texts)) else set()
    if len(letters) > 1 or letters == {"m"}:
        return ""
    if not (is_time and is_duration):
        return "time" if is_time else "duration" if is_duration else ""
    if _DURATION_NAME.search(cells.name.lower()):
        return "duration"
    two_parts = bool(cells.str.contains("^[0-9]+[:hH][0-9]+$").all())
    is_clock = cells.str.contains(_PADDED).all() or (two_parts and np.nanmax(times) >= NOON)
    return "time" if is_clock else "duration"


def _share(values: np.ndarray) -> float:
    return float(np.isfinite(values).mean())

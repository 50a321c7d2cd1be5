"""Times of day, and whether a column of texts contains dates, times or durations."""

from __future__ import annotations

import re
from functools import cache

import numpy as np

from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.dates.forms import CLOCK, components, normalized
from chainrule.data.tables.dates.inference import MAX_CELLS, has_date_form, has_dates, spread
from chainrule.data.tables.dates.moments import SECOND, clock_of

# Durations in texts, in seconds.
#
# 1:23:45 12:30 2 days, 3:04:05 1.02:03:04 hours, minutes, seconds; of two numbers minutes, seconds 90 min 1 h
# 30 m 3 weeks 2小时5分钟 numbers with units P1DT2H PT90M ISO 8601; a year has 365.25 days, a month a twelfth

_DAY = 86_400.0
_YEAR = 365.25 * _DAY
_UNITS = {
    "year years yr yrs y jahr jahre": _YEAR,
    "month months mo mos 个月 monat monate mois mes meses": _YEAR / 12,
    "week weeks wk wks w 周 woche wochen semaine semaines semana semanas": 7 * _DAY,
    "day days d 天 tag tage jour jours día días dia dias": _DAY,
    "hour hours hr hrs h 小时 std stunde stunden heure heures hora horas": 3600.0,
    "minute minutes min mins m 分钟 分 minuten minuto minutos": 60.0,
    "second seconds sec secs s 秒 秒钟 sek sekunde sekunden seconde secondes segundo segundos": 1.0,
    "millisecond milliseconds ms 毫秒": 0.001,
}
SECONDS = {unit: seconds for units, seconds in _UNITS.items() for unit in units.split()}
_UNCLEAR = {"y", "w", "d", "h", "m", "s"}  # no evidence of a duration by themselves: 5 m are meters
_NUMBER = r"[0-9]{1,15}(?:[.,][0-9]{1,15})?"
_PART = re.compile(rf"({_NUMBER}) ?([a-z]+|[^\W\d_a-z]+)\.?(?:, | and | )?")
_CLOCK = re.compile(
    r"(-)?(?:([0-9]{1,9}) days?,? (?:and )?|([0-9]{1,9})\.(?=[0-9]+:[0-9]+:))?\+?"
    r"([0-9]{1,9}):([0-9]{2})(?::([0-9]{2}(?:[.,][0-9]{1,15})?))?"
)
_HOURS = re.compile("([0-9]{1,9})h([0-5][0-9])")  # 1h30
_ISO = re.compile(
    rf"(-)?p(?=.)(?:({_NUMBER})y)?(?:({_NUMBER})m)?(?:({_NUMBER})w)?(?:({_NUMBER})d)?"
    rf"(?:t(?=.)(?:({_NUMBER})h)?(?:({_NUMBER})m)?(?:({_NUMBER})s)?)?"
)
_ISO_SECONDS = (_YEAR, _YEAR / 12, 7 * _DAY, _DAY, 3600.0, 60.0, 1.0)


def seconds_of(text: str) -> float:
    """Return the duration of a normalized text in seconds, NaN if it is none.

    Example:
        >>> seconds_of("1:23:45"), seconds_of("1 h 30 min"), seconds_of("p1dt2h"), seconds_of("soon")
        (5025.0, 5400.0, 93600.0, nan)
    """
    if clock := _CLOCK.fullmatch(text):
        sign, days, short_days, first, second, third = clock.groups()
        if int(second) > 59 or float((third or "0").replace(",", ".")) >= 60:
            return float("nan")
        hours, minutes, rest = (first, second, third) if third else ("0", first, second)
        seconds = int(hours) * 3600 + int(minutes) * 60 + float(rest.replace(",", "."))
        return (-1 if sign else 1) * (int(days or short_days or 0) * _DAY + seconds)
    if iso := _ISO.fullmatch(text):
        sign, *parts = iso.groups()
        return (-1 if sign else 1) * sum(
            _value(part) * unit for part, unit in zip(parts, _ISO_SECONDS, strict=True) if part
        )
    if hours := _HOURS.fullmatch(text):
        return int(hours[1]) * 3600.0 + int(hours[2]) * 60.0
    return _of_units(text)


def _of_units(text: str) -> float:
    position, total = 0, 0.0
    while position < len(text):
        part = _PART.match(text, position)
        if part is None or part[2] not in SECONDS:
            return float("nan")
        total += _value(part[1]) * SECONDS[part[2]]
        position = part.end()
    return total if text else float("nan")


def _value(number: str) -> float:
    return float(number.replace(",", "."))


def read_durations(cells: pl.Series) -> np.ndarray:
    """Return the seconds of each cell, (N,); NaN where it is missing or no duration. Numbers are seconds.

    Example:
        >>> read_durations(pl.Series(["90 min", None, "1:00:00"])).tolist()
        [5400.0, nan, 3600.0]
    """
    if cells.dtype.is_numeric():
        return cells.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    if cells.dtype != pl.String:
        return np.full(len(cells), np.nan)
    distinct = cells.drop_nulls().unique()
    seconds = pl.Series([seconds_of(text) for text in normalized(distinct).to_list()], dtype=pl.Float64)
    values = cells.replace_strict(distinct, seconds, default=None, return_dtype=pl.Float64)
    return values.fill_null(float("nan")).to_numpy()


def is_unclear(text: str) -> bool:
    """Return whether a text is a number with one letter, which may be another unit or a code.

    Example:
        >>> is_unclear("5 m"), is_unclear("5 min"), is_unclear("1h 5m")
        (True, False, False)
    """
    parts = _PART.findall(text)
    return len(parts) == 1 and parts[0][1] in _UNCLEAR and not _HOURS.fullmatch(text)


TIME = f"^t?{CLOCK}(?: ?(?:z|utc|gmt|uhr|[+-][0-9]{{2}}:?[0-9]{{2}}))?$"
_HOUR = r"^(?P<hour>[0-9]{1,2}) ?(?P<half>[ap])\.?m\.?$"  # 9 am
_RANGE = "^[0-9]{1,2}:[0-9]{2} ?- ?[0-9]{1,2}:[0-9]{2}$"  # opening hours rather than a time zone
_DURATION_NAME = re.compile("durat|elapsed|length|laps?(?:$|[^a-z])|delay|interval|时长|用时|耗时")
_PADDED = "^[0-9]{2}:"
SAMPLE = 20  # cells that are read first, to reject most columns of texts quickly
NOON = 13  # the hour from which 9:30 and 13:00 are times rather than minutes and seconds


def read_times(cells: pl.Series) -> np.ndarray:
    """Return the hours since midnight of each cell, (N,); NaN where it is missing or no time of day.

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
    """Return ``"date"``, ``"time"``, ``"duration"`` or ``""`` for a column of texts without missing cells.

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
    """Return ``"time"``, ``"duration"`` or an empty text.

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

"""Dates, times of day and durations in text cells: written forms, order of day and month, moments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Protocol

import numpy as np

from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.findings import Finding
from chainrule.records import frozen

# Written forms of dates, and the numbers in them.
#
# A column may mix forms (``2020-11-05`` beside ``5 Nov 2020``): each cell is matched with the forms in the
# order of ``FORMS``. Only one property belongs to the column: whether in ``05/11/2020`` the first number is
# the day, see below. Texts are compared in lower case, with single spaces and without full-width
# characters.
#
# Rejected: ``strptime`` with a list of formats, which needs a format for each combination of date, time and
# zone, and the inference of polars, which decides by the first rows.

_YEAR, _MONTH, _DAY = "(?P<year>[0-9]{4})", "(?P<month>[0-9]{1,2})", "(?P<day>[0-9]{1,2})(?:st|nd|rd|th|er)?"
_ANY_YEAR = "(?:(?P<year>[0-9]{4})|'?(?P<short_year>[0-9]{2}))"
_WEEKDAY = (
    r"(?:(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?"
    r"|mo|di|mi|do|fr|sa|so|(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch|sonnabend"
    r"|(?:lun|mar|mercre|jeu|vendre|same)di|dimanche)\.?,? )?"
)
_WEEK = "(?:w|kw|cw) ?(?P<week>[0-9]{1,2})"
_WORD = r"(?P<word>\p{L}{3,10})\.?"
_ZONE = "(?: ?(?P<zone>z|utc|gmt|[+-][0-9]{2}(?::?[0-9]{2})?))?"
CLOCK = (
    "(?P<hour>[0-9]{1,2})[:h](?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?(?: ?(?P<half>[ap])\.?m\.?)?"
)
_TIME = f"(?:(?:[t ]|, ?){CLOCK}{_ZONE})?"
COMPACT = (
    "^(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})"
    f"(?:[t ]?(?P<hour>[0-9]{{2}})(?P<minute>[0-9]{{2}})(?P<second>[0-9]{{2}})?{_ZONE})?$"
)
SEPARATORS = "-./"  # of numeric dates
NUMERIC = (
    f"^{_WEEKDAY}(?P<left>[0-9]{{1,2}})(?P<separator>[-/.])(?P<right>[0-9]{{1,2}})[-/.]{_ANY_YEAR}{_TIME}$"
)
VERSION = r"^[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{2}$"  # 1.2.30 is a version, 01.02.30 a date
FORMS = (
    f"^{_WEEKDAY}{_YEAR}[-/.]{_MONTH}[-/.]{_DAY}{_TIME}$",  # 2020/11/5 13:30, 2020-11-05T13:30:00Z
    NUMERIC,  # 05.11.2020, 11/5/20 1:30 PM
    f"^{_WEEKDAY}{_DAY}[. /-]{{0,2}}(?:of |de )?{_WORD}(?: de)?[, /-]{{0,2}}{_ANY_YEAR}{_TIME}$",  # 5 Nov 20
    f"^{_WEEKDAY}{_WORD} {_DAY},? {_YEAR}{_TIME}$",  # November 5, 2020
    f"^{_WEEKDAY}{_WORD} {_DAY} {CLOCK}{_ZONE} {_YEAR}$",  # Thu Nov 05 13:30:00 +0000 2020
    f"^{_WORD}(?:[ ,/-]{{1,2}}{_YEAR}|-(?P<short_year>[0-9]{{2}}))$",  # November 2020, Nov-20
    f"^{_YEAR}[-/]{_MONTH}$",  # 2020-11
    f"^{_MONTH}/{_YEAR}$",  # 11/2020
    f"^{_YEAR} ?年 ?{_MONTH} ?月(?: ?{_DAY} ?[日号])?{_TIME}$",  # 2020年11月5日
    rf"^{_YEAR}\. ?{_MONTH}\. ?{_DAY}\.?{_TIME}$",  # 2020. 11. 5.
    f"^{_YEAR}-?{_WEEK}(?:-?(?P<weekday>[1-7]))?$",  # 2020-W45-4
    f"^{_WEEK}[ /-]{_YEAR}$",  # W45 2020
    f"^{_YEAR}[ /-]?q(?P<quarter>[1-4])$",  # 2020Q4
    f"^q(?P<quarter>[1-4])[ /-]?{_YEAR}$",  # Q4 2020
    f"^(?P<quarter>[1-4])q ?{_ANY_YEAR}$",  # 4Q20
    COMPACT.replace("(?:[t ]?(", "(?:t("),  # 20201105T133000Z
)
_NAMES = (  # of the months in English, German, French, Spanish, Italian, Portuguese and Dutch
    "january jan januar jänner janvier janv enero ene gennaio gen janeiro januari",
    "february feb februar février févr fév febrero febbraio fevereiro fev februari",
    "march mar märz mär mars marzo março maart mrt",
    "april apr avril avr abril abr aprile",
    "may mai mayo maggio mag maio mei",
    "june jun juni juin junio giugno giu junho",
    "july jul juli juillet juil julio luglio lug julho",
    "august aug août agosto ago augustus",
    "september sep sept septembre septiembre settembre set setembro",
    "october oct oktober okt octobre octubre ottobre ott outubro out",
    "november nov novembre noviembre novembro",
    "december dec dezember dez décembre déc diciembre dic dicembre dezembro",
)
MONTHS = {name: month for month, names in enumerate(_NAMES, 1) for name in names.split()}
_HALF_BEFORE = "(上午|凌晨|早上|午前|오전) ?([0-9:]+)"
_LATE_BEFORE = "(下午|晚上|午後|오후) ?([0-9:]+)"
_OFFSETS = {
    "cet": "+01:00",
    "cest": "+02:00",
    "bst": "+01:00",
    "eet": "+02:00",
    "eest": "+03:00",
    "msk": "+03:00",
    "jst": "+09:00",
    "kst": "+09:00",
    "aest": "+10:00",
    "aedt": "+11:00",
    "est": "-05:00",
    "edt": "-04:00",
    "cdt": "-05:00",
    "mst": "-07:00",
    "mdt": "-06:00",
    "pst": "-08:00",
    "pdt": "-07:00",
}  # of time zones whose name has one meaning, which CST and IST have not
_ZONE_NAME = rf"[0-9] (?:{'|'.join(_OFFSETS)})$"
LAST_SHORT_YEAR = 68  # 68 is 2068 and 69 is 1969, as in POSIX


def normalized(texts: pl.Series) -> pl.Series:
    """Return texts in lower case with single spaces and plain digits.

    Example:
        >>> normalized(pl.Series([" 5  NOV 2020"])).to_list()
        ['5 nov 2020']
    """
    if (~texts.drop_nulls().str.contains("^[ -~]*$")).any():
        texts = (
            texts.str.normalize("NFKC").str.replace(_HALF_BEFORE, "$2 am").str.replace(_LATE_BEFORE, "$2 pm")
        )
    texts = texts.str.strip_chars().str.to_lowercase().str.replace_all(r"\s+", " ")
    if texts.str.contains(_ZONE_NAME).any():
        for name, offset in _OFFSETS.items():
            texts = texts.str.replace(f"([0-9]) {name}$", f"${{1}} {offset}")
    return texts


def components(texts: pl.Series, forms: tuple[str, ...] = FORMS) -> dict[str, np.ndarray]:
    """Return the numbers of normalized texts, int64 (N,) each; ``form`` is the index of the form or -1.

    Example:
        >>> parts = components(pl.Series(["2020-11-05", "soon"]))
        >>> parts["year"].tolist(), parts["month"].tolist(), parts["form"].tolist()
        ([2020, 0], [11, 0], [0, -1])
    """
    parts: dict[str, np.ndarray] = {}
    form_of = np.full(len(texts), -1)
    remaining = np.flatnonzero(texts.is_not_null().to_numpy())
    for index, form in enumerate(forms):
        if not len(remaining):
            break
        cells = texts.gather(remaining)
        fits = cells.str.contains(form)
        if not fits.any():
            continue
        is_match = fits.to_numpy()
        rows, remaining = remaining[is_match], remaining[~is_match]
        form_of[rows] = index
        groups = cells.filter(fits).str.extract_groups(form).struct.unnest()
        for name in groups.columns:
            parts.setdefault(name, np.zeros(len(texts), np.int64))[rows] = _integers(name, groups[name])
    empty = np.zeros(len(texts), np.int64)
    return {**dict.fromkeys(_FIELDS, empty), **parts, "form": form_of}


_FIELDS = tuple(
    (
        "year short_year month day word quarter week weekday left right hour minute second fraction half "
        "zone separator"
    ).split()
)


def _integers(name: str, group: pl.Series) -> np.ndarray:
    """Return the values of one group; 0 where it did not match, -1 for a word that is no month."""
    if name == "word":
        words = pl.Series(list(MONTHS)), pl.Series(list(MONTHS.values()), dtype=pl.Int64)
        values = group.replace_strict(*words, default=-1, return_dtype=pl.Int64)
    elif name == "separator":
        codes = range(1, len(SEPARATORS) + 1)
        values = group.replace_strict(list(SEPARATORS), list(codes), default=0, return_dtype=pl.Int64)
    elif name == "half":
        values = group.replace_strict(["a", "p"], [1, 2], default=0, return_dtype=pl.Int64)
    elif name == "zone":
        digits = group.str.replace_all("[^0-9]", "").str.pad_end(4, "0")
        minutes = digits.str.slice(0, 2).cast(pl.Int64) * 60 + digits.str.slice(2, 2).cast(pl.Int64)
        sign = group.str.starts_with("-").cast(pl.Int64) * -2 + 1
        values = minutes * sign
    elif name == "fraction":
        values = group.str.pad_end(6, "0").str.slice(0, 6).cast(pl.Int64)
    elif name == "short_year":
        short = group.cast(pl.Int64)
        values = short + 1900 + (short <= LAST_SHORT_YEAR).cast(pl.Int64) * 100
    else:
        values = group.cast(pl.Int64)
    return values.fill_null(0).to_numpy()


# Moments: the cells of a date column as points in time.
#
# Each cell has two values in microseconds since 1970: the *local* time as it is written, from which month,
# weekday and hour are taken, and the *instant* in UTC, from which elapsed times are computed. They are equal
# for cells without a time zone.

SECOND = 1_000_000
DAY = 86_400 * SECOND
MAX_OFFSET = 15 * 60  # minutes between a time zone and UTC


@frozen(eq=False)
class Moments:
    """Points in time, (N,) each; ``local`` and ``instant`` are 0 where ``is_valid`` is false."""

    local: np.ndarray
    instant: np.ndarray
    is_valid: np.ndarray


class Order(Protocol):
    """The order of day and month, which may depend on the separator of a cell."""

    def of(self, parts: dict[str, np.ndarray]) -> np.ndarray | bool:
        """Return whether the day is first in each cell."""
        ...


def read_moments(cells: pl.Series, is_day_first: Order | bool) -> Moments:
    """Read the cells of a column as points in time.

    Args:
        cells: dates, texts, or integers such as 20201105.
        is_day_first: whether 05/11/2020 is in November; or an order that depends on the cell.

    Example:
        >>> moments = read_moments(pl.Series(["1970-01-02", "2/1/70", "2 Jan 1970 01:00+01:00", "?"]), True)
        >>> (moments.instant / DAY).tolist(), moments.is_valid.tolist()
        ([1.0, 1.0, 1.0, 0.0], [True, True, True, False])
    """
    if cells.dtype.is_temporal():
        return _of_datetimes(cells)
    if cells.dtype == pl.String:
        return _of_texts(cells, is_day_first)
    if not cells.dtype.is_numeric():
        nothing = np.zeros(len(cells), np.int64)
        return Moments(nothing, nothing, nothing > 0)
    return read_compact(cells)


def _of_texts(cells: pl.Series, order: Order | bool) -> Moments:
    """Return the points in time of texts; each distinct text is read once."""
    distinct = cells.unique()
    if len(distinct) * 2 > len(cells):
        return _of_parts(components(normalized(cells)), order)
    moments = _of_parts(components(normalized(distinct)), order)
    indices = pl.Series(np.arange(len(distinct)))
    rows = cells.replace_strict(distinct, indices, return_dtype=pl.Int64).to_numpy()
    return Moments(moments.local[rows], moments.instant[rows], moments.is_valid[rows])


def _of_parts(parts: dict[str, np.ndarray], order: Order | bool) -> Moments:
    return moments_of(parts, order if isinstance(order, bool) else order.of(parts))


def read_compact(cells: pl.Series) -> Moments:
    """Read numbers or texts of digits such as 20201105; anything else is not valid."""
    if cells.dtype.is_float():
        cells = cells.set(~cells.is_finite() | (cells != cells.floor()) | (cells.abs() > 1e14), None)
        cells = cells.cast(pl.Int64)
    texts = cells.cast(pl.String).str.strip_chars()
    return moments_of(components(texts, (COMPACT,)), is_day_first=False)


def _of_datetimes(cells: pl.Series) -> Moments:
    if cells.dtype in (pl.Date, pl.Datetime) and getattr(cells.dtype, "time_zone", None) is None:
        moments = cells.cast(pl.Datetime("us")).to_numpy()
        is_present = ~np.isnat(moments)
        exact = np.where(is_present, moments.astype(np.int64), 0)
        return Moments(exact, exact, is_present)
    is_valid = cells.is_not_null().to_numpy()
    instant = cells.dt.epoch("us").fill_null(0).to_numpy()
    local = cells.dt.replace_time_zone(None).dt.epoch("us").fill_null(0).to_numpy()
    return Moments(local, instant, is_valid)


def moments_of(parts: dict[str, np.ndarray], is_day_first: np.ndarray | bool) -> Moments:
    """Return the points in time with these components; a date that does not exist is not valid."""
    first, second = parts["left"], parts["right"]
    left, right = np.where(is_day_first, first, second), np.where(is_day_first, second, first)
    year = parts["year"] + parts["short_year"]
    month = (
        parts["month"] + parts["word"] + right + np.where(parts["quarter"] > 0, 3 * parts["quarter"] - 2, 0)
    )
    day = parts["day"] + left
    has_no_day = np.isin(parts["form"], _WITHOUT_DAY) & (day == 0)
    day = np.where(has_no_day, 1, day)
    month, day = np.where(parts["week"] > 0, 1, month), np.where(parts["week"] > 0, 1, day)
    is_valid = (parts["form"] >= 0) & (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1)
    is_valid &= np.abs(parts["zone"]) <= MAX_OFFSET
    month_start = (12 * (np.where(is_valid, year, 1970) - 1970) + np.where(is_valid, month, 1) - 1).astype(
        "M8[M]"
    )
    start = month_start.astype("M8[D]").astype(np.int64)
    is_valid &= day <= (month_start + 1).astype("M8[D]").astype(np.int64) - start
    clock, is_clock = clock_of(parts)
    is_valid &= is_clock
    start = np.where(parts["week"] > 0, start + _days_to_week(start, parts), start)
    is_valid &= (parts["week"] == 0) | _is_week_of_year(start, parts, year)
    local = np.where(is_valid, (start + day - 1) * DAY + clock, 0)
    return Moments(local, np.where(is_valid, local - parts["zone"] * 60 * SECOND, 0), is_valid)


def _days_to_week(first: np.ndarray, parts: dict[str, np.ndarray]) -> np.ndarray:
    """Return the days from 1 January to a day of an ISO week; week 1, from a Monday, contains 4 January."""
    fourth = (first + 3 + 3) % 7  # 0: Monday; the first day of 1970 was a Thursday
    return 3 - fourth + 7 * (parts["week"] - 1) + np.maximum(parts["weekday"] - 1, 0)


def _is_week_of_year(start: np.ndarray, parts: dict[str, np.ndarray], year: np.ndarray) -> np.ndarray:
    """Return whether the Thursday of an ISO week is in its year: week 53 exists in some years only."""
    thursday = start - np.maximum(parts["weekday"] - 1, 0) + 3
    return thursday.astype("M8[D]").astype("M8[Y]").astype(np.int64) + 1970 == year


_WITHOUT_DAY = tuple(
    i for i, form in enumerate(FORMS) if ("<day>" not in form and "<left>" not in form) or "年" in form
)


def clock_of(parts: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return microseconds since midnight, and whether the time exists; 24:00 does, 13 PM does not."""
    hour, minute, second = parts["hour"], parts["minute"], parts["second"]
    half = parts["half"]
    is_valid = (minute < 60) & (second <= 60) & ((hour < 24) | ((hour == 24) & (minute + second == 0)))
    is_valid &= (half == 0) | ((hour >= 1) & (hour <= 12))
    hour = np.where(half == 0, hour, hour % 12 + 12 * (half == 2))
    return (hour * 3600 + minute * 60 + second) * SECOND + parts["fraction"], is_valid


@frozen(eq=False)
class CalendarParts:
    """Parts of local times, (N,) each: integers, and for the hour a fraction."""

    year: np.ndarray
    month: np.ndarray  # 0 .. 11
    weekday: np.ndarray  # 0 (Monday) .. 6
    day: np.ndarray  # 0 .. 30
    month_length: np.ndarray  # 28 .. 31
    hour: np.ndarray  # 0 .. 24


def calendar_parts(local: np.ndarray) -> CalendarParts:
    """Return the parts of local times in microseconds since 1970.

    Example:
        >>> parts = calendar_parts(np.array([0]))
        >>> parts.year.tolist(), parts.weekday.tolist(), parts.month_length.tolist()
        ([1970], [3], [31])
    """
    days = local // DAY
    date = days.astype("M8[D]")
    months, years = date.astype("M8[M]"), date.astype("M8[Y]")
    start = months.astype("M8[D]")
    return CalendarParts(
        year=years.astype(np.int64) + 1970,
        month=(months - years.astype("M8[M]")).astype(np.int64),
        weekday=(days + 3) % 7,
        day=(date - start).astype(np.int64),
        month_length=((months + 1).astype("M8[D]") - start).astype(np.int64),
        hour=(local - days * DAY) / (3600 * SECOND),
    )


def iso_date(instant: float) -> str:
    """Return the date of a point in time in microseconds since 1970.

    Example:
        >>> iso_date(0)
        '1970-01-01'
    """
    return str(np.int64(instant // DAY).astype("M8[D]"))


# The order of day and month in a column of dates such as ``05/11/2020``.
#
# The order is decided from the complete column, by the first evidence in this list:
#
# 1. a number above 12 can only be a day; the majority of such cells decides;
# 2. the user (``--day-first``, ``day_first=``);
# 3. the rows are sorted by date in one order and not in the other;
# 4. the separator: ``05.11.2020`` and ``05-11-2020`` are written with the day first, ``11/05/2020`` with the
#    month first. This is an assumption, of which the user is notified.
#
# A preparation stores the order with the separators for which it holds. In a later table, dates with these
# separators have this order. Those with another separator are in another form: their own cells decide, then
# the point, which means the day first, and otherwise they are refused rather than guessed (``later_order``).

_SEPARATOR = r"[0-9]([-/.])[0-9]"
MIN_SORTED = 4  # distinct dates from which their order is evidence


@frozen
class DayOrder:
    """Whether the day precedes the month, and why.

    Args:
        is_day_first: whether 05/11/2020 is in November.
        evidence: ``"none"`` (no such cell), ``"days"``, ``"chosen"``, ``"sorted"`` or ``"assumed"``.
        separators: of the cells that have an order, a part of ``"-./"``.
        exceptions: separators of cells that have the other order.
    """

    is_day_first: bool
    evidence: str
    separators: str = ""
    exceptions: str = ""

    def of(self, parts: dict[str, np.ndarray]) -> np.ndarray | bool:
        """Return whether the day is first in each cell, by its ``components``."""
        if not self.exceptions:
            return self.is_day_first
        codes = [SEPARATORS.index(separator) + 1 for separator in self.exceptions]
        return np.isin(parts["separator"], codes) ^ self.is_day_first


def day_order(cells: pl.Series, day_first: bool | None = None) -> DayOrder:
    """Decide the order of day and month.

    Args:
        day_first: what the user states; ``None``: nothing.

    Example:
        >>> day_order(pl.Series(["05/11/2020", "25/11/2020"]))
        DayOrder(is_day_first=True, evidence='days', separators='/', exceptions='')
        >>> day_order(pl.Series(["05/11/2020"])).evidence
        'assumed'
    """
    texts = _numeric(cells)
    if texts is None:
        return DayOrder(is_day_first=False, evidence="none")
    separators = _separators(texts)
    parts = components(texts, (NUMERIC,))
    day_first_count, month_first_count = (int(mask.sum()) for mask in _decided(parts))
    if day_first_count != month_first_count:
        return DayOrder(day_first_count > month_first_count, "days", separators)
    if day_first is not None:
        return DayOrder(day_first, "chosen", separators)
    orders = [_is_sorted(moments_of(parts, is_day_first)) for is_day_first in (True, False)]
    if orders[0] != orders[1]:
        return DayOrder(orders[0], "sorted", separators)
    slashes = int(texts.str.contains("/", literal=True).sum())
    return DayOrder(slashes * 2 < len(texts), "assumed", separators)


@frozen
class LaterOrder:
    """The order of day and month in a later table.

    Args:
        order: of all cells; ``None`` if the table is refused.
        example: a cell whose order is not that of the training, or not known; empty if there is none.
        is_contrary: whether the cells show another order than the training.
    """

    order: DayOrder | None
    example: str = ""
    is_contrary: bool = False


def later_order(cells: pl.Series, trained: DayOrder, day_first: bool | None = None) -> LaterOrder:
    """Return the order of day and month in a later table.

    Args:
        trained: the order of the training cells.
        day_first: what the user states of the later table; ``None``: nothing.

    Example:
        >>> iso = DayOrder(is_day_first=False, evidence="none")
        >>> later_order(pl.Series(["03.12.2024"]), iso).order.is_day_first
        True
        >>> later_order(pl.Series(["03/12/2024"]), iso)
        LaterOrder(order=None, example='03/12/2024', is_contrary=False)
    """
    texts = _numeric(cells)
    if texts is None:
        return LaterOrder(trained)
    if day_first is not None:
        order = day_order(cells, day_first)
        return LaterOrder(order, "" if order.is_day_first == day_first else texts[0])
    separator = texts.str.extract(_SEPARATOR)
    is_known = separator.is_in(list(trained.separators))
    known, others = texts.filter(is_known), texts.filter(~is_known)
    if len(known):
        decided = dict(zip((True, False), _decided(components(known, (NUMERIC,))), strict=True))
        contrary = decided[not trained.is_day_first]
        if contrary.any() and not decided[trained.is_day_first].any():
            return LaterOrder(None, known[int(contrary.argmax())], is_contrary=True)
    if others.is_empty():
        return LaterOrder(trained)
    own = day_order(others)
    if own.evidence == "assumed" and not _means_day_first(own.separators, trained):
        return LaterOrder(None, others[0])
    if trained.evidence == "none":
        return LaterOrder(own, others[0])
    differs = own.is_day_first != trained.is_day_first
    exceptions = own.separators if differs else ""
    return LaterOrder(replace(trained, exceptions=exceptions), others[0])


def _means_day_first(separators: str, trained: DayOrder) -> bool:
    """Return whether dates with these separators, without evidence, have the day first."""
    if separators == ".":
        return True
    return "/" not in separators and (trained.evidence == "none" or trained.is_day_first)


def _numeric(cells: pl.Series) -> pl.Series | None:
    """Return the normalized texts of the dates whose order matters; ``None`` without any."""
    if cells.dtype != pl.String:
        return None
    texts = normalized(cells.drop_nulls())
    texts = texts.filter(texts.str.contains(NUMERIC))
    return None if texts.is_empty() else texts


def _separators(texts: pl.Series) -> str:
    """Return the separators of some dates, in the order of ``SEPARATORS``."""
    present = set(texts.str.extract(_SEPARATOR).unique().to_list())
    return "".join(separator for separator in SEPARATORS if separator in present)


def _decided(parts: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return which dates (N,) exist only with the day first, and only with the month first."""
    left, right = parts["left"], parts["right"]
    is_possible = (left <= 31) & (right <= 31)
    return (left > 12) & (right <= 12) & is_possible, (right > 12) & (left <= 12) & is_possible


def _is_sorted(moments: Moments) -> bool:
    steps = np.diff(moments.local[moments.is_valid])
    steps = steps[steps != 0]
    return len(steps) + 1 >= MIN_SORTED and bool((steps > 0).all() or (steps < 0).all())


# Whether a column contains dates, and which ones.

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


# Durations in texts, in seconds.
#
# 1:23:45 12:30 2 days, 3:04:05 1.02:03:04 hours, minutes, seconds; of two numbers minutes, seconds 90 min 1 h
# 30 m 3 weeks 2小时5分钟 numbers with units P1DT2H PT90M ISO 8601; a year has 365.25 days, a month a twelfth

_DAY_SECONDS = 86_400.0
_YEAR_SECONDS = 365.25 * _DAY_SECONDS
_UNITS = {
    "year years yr yrs y jahr jahre": _YEAR_SECONDS,
    "month months mo mos 个月 monat monate mois mes meses": _YEAR_SECONDS / 12,
    "week weeks wk wks w 周 woche wochen semaine semaines semana semanas": 7 * _DAY_SECONDS,
    "day days d 天 tag tage jour jours día días dia dias": _DAY_SECONDS,
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
_ISO_SECONDS = (_YEAR_SECONDS, _YEAR_SECONDS / 12, 7 * _DAY_SECONDS, _DAY_SECONDS, 3600.0, 60.0, 1.0)


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
        return (-1 if sign else 1) * (int(days or short_days or 0) * _DAY_SECONDS + seconds)
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
FIRST_CELLS = 20  # cells that are read first, to reject most columns of texts quickly
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
    sample = normalized(spread(cells, FIRST_CELLS)).to_list()
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

"""Written forms of dates, and the numbers in them.

A column may mix forms (``2020-11-05`` beside ``5 Nov 2020``): each cell is matched with the forms in the
order of ``FORMS``. Only one property belongs to the column: whether in ``05/11/2020`` the first number is the
day, see ``order.py``. Texts are compared in lower case, with single spaces and without full-width characters.

Rejected: ``strptime`` with a list of formats, which needs a format for each combination of date, time and
zone, and the inference of polars, which decides by the first rows.
"""

from __future__ import annotations

import numpy as np

from chainrule.data.readers.lazy_polars import pl

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

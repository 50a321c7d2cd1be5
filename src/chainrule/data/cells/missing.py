"""Spellings of a missing value: always missing, missing among numbers, and missing unless a value fits.

- ``ALWAYS``: no value is written like this: an empty cell, ``N/A``, ``#DIV/0!``, ``\\N``. Among them are
  ``ERRORS``, the results of formulas that failed; a notice counts them, since the sheet can be corrected.
- ``AMONG_NUMBERS``: words, the empty dates of SAP and MySQL, and ``#####``, which spreadsheets show in
  narrow columns. In a column of numbers or dates, ``none`` is a missing number; in a column of words it may
  be a level, and is kept.
- ``UNLESS_VALUE``: a dash and ``NA``. A dash is a value beside ``+``, ``NA`` beside codes of countries or
  continents (Namibia, North America); they are missing in any other column.
"""

from __future__ import annotations

from collections import Counter

from chainrule.data.readers.lazy_polars import pl

ERRORS = (  # of Excel in five languages, Google Sheets and LibreOffice
    *(
        "#n/a #div/0! #value! #ref! #name? #num! #null! #spill! #calc! #field! #blocked! #connect! #unknown! "
        "#getting_data #error! #nv #wert! #bezug! #zahl! #überlauf! #kalk! #valeur! #nom? #nombre! #nul! "
        "#¡div/0! #¡valor! #¡ref! #¿nombre? #¡num! #¡nulo! #valor! #nome? #núm! #nulo!"
    ).split(),
    *(f"err:{code}" for code in range(501, 541)),
)
ALWAYS = (
    *(
        ", n/a, #na, #n/a n/a, nan, -nan, null, ?, ??, ???, <na>, <n/a>, <null>, (null), [null], (blank), "
        "\\n, n.a., n. a., n.a, n/d, 1.#qnan, -1.#qnan, 1.#ind, -1.#ind, 1.#nan"
    ).split(", "),
    *ERRORS,
)
AMONG_NUMBERS = (
    *(
        "none, nil, ., .., ..., missing, unknown, unk, undefined, undef, not available, not applicable, "
        "not known, no data, nodata, no value, nd, n.d., tbd, tba, nat, empty, blank, void, k.a., "
        "keine angabe, sin dato, s/d, 无, 空, 缺失, 未知, 暂无, 无数据, *, x.x, 00.00.0000, 00/00/0000, "
        "0000-00-00, 0000-00-00 00:00:00"
    ).split(", "),
    *("#" * width for width in range(2, 16)),
)
DASHES = ("-", "--", "---", "—", "–", "−")
UNLESS_VALUE = ("na", *DASHES)
MAYBE = (*AMONG_NUMBERS, *UNLESS_VALUE)
_SIGNS = ("+", "++", "+++", "+/-", "±", "0", *DASHES)
_CONTINENTS = ("AF", "AN", "AS", "EU", "OC", "SA")
_CODES = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT "
    "BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH "
    "ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT "
    "HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS "
    "LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NC NE NF NG NI NL "
    "NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH "
    "SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UK "
    "UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW EU XK "
)  # ISO 3166-1 alpha-2, and UK, EU, XK, which are used beside it
_COUNTRIES = tuple(_CODES.split())


def may_be_missing(texts: pl.Series) -> pl.Series:
    """Return for each text whether it is a missing value in some columns."""
    return texts.str.to_lowercase().is_in(MAYBE)


def error_counts(texts: pl.Series) -> dict[str, int]:
    """Return the errors of spreadsheets among the cells, as first written, with the number of cells of each.

    Example:
        >>> error_counts(pl.Series(["1", "#REF!", None, "Err:502", "#ref!"]))
        {'#REF!': 2, 'Err:502': 1}
    """
    lower = texts.str.to_lowercase()
    is_error = lower.is_in(ERRORS).fill_null(value=False)
    spellings: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for key, text in zip(lower.filter(is_error), texts.filter(is_error), strict=True):
        counts[spellings.setdefault(key, text)] += 1
    return dict(sorted(counts.items()))


def drop_missing_words(texts: pl.Series) -> pl.Series:
    """Return the texts with every spelling of a missing value in a number column replaced by null.

    Example:
        >>> drop_missing_words(pl.Series(["1", "none", "-"])).to_list()
        ['1', None, None]
    """
    return _without(texts, may_be_missing(texts))


def drop_missing_marks(texts: pl.Series) -> pl.Series:
    """Return the texts of a column of words with dashes and ``NA`` replaced by null unless they are values.

    Example:
        >>> drop_missing_marks(pl.Series(["red", "-", "NA"])).to_list()
        ['red', None, None]
        >>> drop_missing_marks(pl.Series(["+", "-", "NA"])).to_list()
        ['+', '-', None]
        >>> drop_missing_marks(pl.Series(["DE", "NA", "ZW"])).to_list()
        ['DE', 'NA', 'ZW']
    """
    marks = texts.str.to_lowercase().is_in(UNLESS_VALUE)
    if not marks.any():
        return texts
    others = texts.filter(~marks.fill_null(value=True)).unique()
    values: tuple[str, ...] = ()
    if len(others) and others.is_in(_SIGNS).all() and others.str.contains(r"[+±]").any():
        values = DASHES
    elif len(others) > 1 and (others.is_in(_COUNTRIES).all() or others.is_in(_CONTINENTS).all()):
        values = ("NA",)
    return _without(texts, marks & ~texts.is_in(values))


def _without(texts: pl.Series, chosen: pl.Series) -> pl.Series:
    return texts.to_frame().select(pl.when(~chosen).then(pl.first()).alias(texts.name)).to_series()

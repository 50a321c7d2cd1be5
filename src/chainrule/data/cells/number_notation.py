"""Numbers as people write them: plain, with currencies, percent, units, groups and other digits."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from chainrule.data.cells.missing import ALWAYS
from chainrule.data.readers.lazy_polars import pl
from chainrule.records import frozen

# Characters with the same meaning as an ASCII character in a number: digits of other scripts, signs, spaces.
#
# Spreadsheets, PDF files and word processors write a minus as U+2212, group digits by narrow spaces, and East
# Asian input methods write full-width digits. NFKC normalization was rejected: it also changes letters (µ, ²)
# and keeps the minus sign and the digits of other scripts.

_ZEROS = "\uff10\u0660\u06f0\u0966\u09e6"  # full-width, Arabic-Indic, Persian, Devanagari, Bengali
_ASCII = {
    "-": "\u2212\u2010\u2011\u2012\u2013\u2014\ufe63\uff0d",
    " ": "\u00a0\u1680\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
    "'": "\u2018\u2019\u02bc\u2032\uff07",
    "": "\u200b\u200e\u200f\u061c\ufeff\u2060",
    ".": "\uff0e\u066b",
    ",": "\uff0c\u066c",
    "+": "\uff0b",
    "%": "\uff05\u066a",
    "(": "\uff08",
    ")": "\uff09",
    "<": "\uff1c",
    ">": "\uff1e",
    "$": "\uff04",
    "\u00a5": "\uffe5",
}
_EQUIVALENT = {other: ascii_form for ascii_form, others in _ASCII.items() for other in others} | {
    chr(ord(zero) + digit): str(digit) for zero in _ZEROS for digit in range(10)
}


def to_ascii(texts: pl.Series) -> pl.Series:
    """Return the texts with digits, signs and spaces of other scripts replaced by those of ASCII.

    Example:
        >>> to_ascii(pl.Series(["\\u2212\\uff11\\u0662", "a"])).to_list()
        ['-12', 'a']
    """
    if texts.str.len_bytes().sum() == texts.str.len_chars().sum():
        return texts
    replaced = texts.str.replace_many(list(_EQUIVALENT), list(_EQUIVALENT.values()))
    return replaced.str.strip_chars()


def unwrap_formulas(texts: pl.Series) -> pl.Series:
    """Return the texts without the formula in which programs write a text for Excel: ``="00123"``.

    Example:
        >>> unwrap_formulas(pl.Series(['="00123"', "=A1", None])).to_list()
        ['00123', '=A1', None]
    """
    return texts.str.replace('^="([^"]*)"$', "$1")


def visible(text: str) -> str:
    """Return a text without invisible characters, in which letters and accents are combined (NFC).

    Example:
        >>> visible("caf\u0065\u0301\u200b") == "caf\u00e9"
        True
    """
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", text)).strip()


_INVISIBLE = re.compile(f"[\u00ad{_ASCII['']}]")  # with the soft hyphen


# Numbers as people write them: currencies, percent, units, groups of digits, parentheses, bounds.
#
# A cell is split into parts, all optional except the digits:
#
#     open  bound  sign  prefix  inner  number      suffix  close  minus
#      (      <     -      $       -    3,004.89    %         )      -
#
# Whether a cell is a number depends on its column: ``12 cm`` is one if all others are in cm, ``12A`` among
# ``7``, ``9B`` is not. ``analyze`` decides this for the cells of a column:
#
# - prefixes are currencies, and at most one currency occurs;
# - one unit occurs, in at least half of the cells (``5 cm`` among plain numbers may be in another
#   unit). Magnitudes (``k``, ``Mio``) are factors, not units;
# - at most half of the cells are bounds (``<10``, read as 10);
# - some of the cells are not in parentheses (which are negative, as in accounting);
# - all numbers agree on the decimal mark.
#
# A percentage keeps its number: ``12.5%`` is 12.5, so that ``12.5`` means the same in a later table. The
# parsers of spreadsheets were rejected as a model: they decide for a single cell.

# Signs and abbreviations before or after a number: currencies, magnitudes, and units that are times.

_SIGNS = "$ US$ A$ AU$ C$ CA$ HK$ NT$ NZ$ S$ R$ Mex$ € £ ¥ ₹ ₩ ₽ ₺ ₪ ฿ ₫ ₦ ₴ ₱ ₸ ₼ ₡ ₲ ¢"
_WORDS = (
    "rs rs. kr kr. zł kč ft fr fr. sfr sfr. lei лв руб руб. р. 元 圆 円 圓 원 dollars dollar euro euros "
    "pounds yen yuan"
)
_CODES = (
    "usd eur gbp jpy cny rmb chf cad aud nzd hkd sgd twd ntd inr krw rub brl mxn zar sek nok dkk isk pln czk "
    "huf ron bgn try ils aed sar qar kwd bhd egp mad ngn kes ghs thb vnd idr myr php pkr bdt lkr uah kzt gel "
    "ars clp cop pen uyu btc eth usdt"
)
CURRENCIES = frozenset(word.lower() for words in (_SIGNS, _WORDS, _CODES) for word in words.split())
_SIGNS_OF_CODE = {
    "usd": "us$ $ dollar dollars",
    "eur": "€ euro euros",
    "gbp": "£ pounds",
    "jpy": "¥ yen",
    "cny": "rmb 元 yuan",
    "inr": "₹ rs rs.",
    "pln": "zł",
    "brl": "r$",
    "chf": "fr fr. sfr sfr.",
}
_CODE_OF_SIGN = {sign: code for code, signs in _SIGNS_OF_CODE.items() for sign in signs.split()}
_MAGNITUDE_WORDS = {
    1e3: "k thousand tsd 千",
    1e4: "万 萬",
    1e6: "mn mm mio mill million 百万",
    1e8: "亿 億",
    1e9: "bn mrd billion",
    1e12: "trn trillion",
}
CERTAIN_MAGNITUDES = {
    word: magnitude for magnitude, words in _MAGNITUDE_WORDS.items() for word in words.split()
}
MAGNITUDES = CERTAIN_MAGNITUDES | {"m": 1e6, "b": 1e9, "t": 1e12}  # letters that may also be a unit
TIMES = frozenset(
    ("s", "sec", "secs", "second", "min", "mins", "minute", "h", "hr", "hrs", "hour", "d", "day", "ms")
)


def currency_code(text: str) -> str:
    """Return the currency of a sign, code or name; ``""`` if it is none.

    Example:
        >>> currency_code("US$"), currency_code("EUR"), currency_code("cm")
        ('usd', 'eur', '')
    """
    folded = text.lower()
    return _CODE_OF_SIGN.get(folded, folded) if folded in CURRENCIES else ""


def split_magnitude(text: str) -> tuple[float, str]:
    """Return the factor of a suffix such as ``M`` or ``万元``, and the rest of it.

    Example:
        >>> split_magnitude("k"), split_magnitude("Mio €"), split_magnitude("cm")
        ((1000.0, ''), (1000000.0, '€'), (1.0, 'cm'))
    """
    words = text.split()
    head = words[0] if words else ""
    if head.lower().rstrip(".") in MAGNITUDES and head != "mm":
        return MAGNITUDES[head.lower().rstrip(".")], " ".join(words[1:])
    for end in range(len(text) - 1, 0, -1):
        if text[:end] in MAGNITUDES and not text[end:].isascii():
            return MAGNITUDES[text[:end]], text[end:].strip()
    return 1.0, text


_LETTERS = r"\p{L}\p{Sc}"
_MARKS = "*†‡¹²³⁴⁵⁶⁷⁸⁹"  # of footnotes
_SQUARED = "℃℉㎎㎏㎜㎝㎞㎡㎥"  # units that are one character
PARTS = (
    r"^(?P<open>\()?\s*(?P<bound>[<>~≈≤≥]=?|ca\.)?\s*(?P<sign>[+-])?\s*"
    rf"(?P<prefix>[{_LETTERS}][{_LETTERS}.]{{0,4}})?\s*(?P<inner>[+-])?\s*"
    r"(?P<number>[0-9.](?:[0-9.,]|[ '][0-9])*(?:[eE][+-]?[0-9]+)?)\s*"
    rf"(?P<suffix>[{_LETTERS}%‰°µ\"{_SQUARED}{_MARKS}][{_LETTERS}%‰°/·. \"{_MARKS}]{{0,15}})?"
    r"(?P<close>\))?(?P<minus>-)?$"
)
_HEAD, _EXPONENT = r"[1-9][0-9]{0,2}", r"(?:[eE][+-]?[0-9]+)?"
_SPACED = r"(?: [0-9]{3})+|(?:'[0-9]{3})+"
POINT = (
    rf"^(?:(?:[0-9]+|{_HEAD}(?:(?:,[0-9]{{3}})+|{_SPACED})|[1-9][0-9]?(?:,[0-9]{{2}})+,[0-9]{{3}})"
    rf"(?:\.[0-9]*)?|\.[0-9]+){_EXPONENT}$"
)
COMMA = rf"^(?:(?:[0-9]+|{_HEAD}(?:(?:\.[0-9]{{3}})+|{_SPACED}))(?:,[0-9]+)?|[0-9]+,[0-9]+[eE][+-]?[0-9]+)$"
_NO_CENTS = r"([0-9])[.,]-{1,2}$"  # 12,- and 12.-- are 12
_TEXT_MARK = r"^'([-+.,0-9][-+.,0-9eE]*)$"  # '12.5: Excel marks a text
_BYTE = "(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})"
_ADDRESS = rf"^{_BYTE}(?:\.{_BYTE}){{3}}$"  # of the Internet; 192.168.100.101 is not 192168100101
_FOOTNOTE = re.compile(f"[{_MARKS}]+")
_SHARE = 1.0  # numbers up to it beside percentages are shares
_LEADING_ZERO = r"^0[0-9]"  # digits that identify something: 007
_ORDINALS = ("st", "nd", "rd", "th")
HALF = 0.5
DISTINCT = 0.25  # share of different cells up to which these are examined first, which is faster
MAX_UNITS = 4  # more different texts after numbers are words: 12 Main St, 7C
BOTH = ".,"
EVIDENCE = ("none", "assumed", "shown", "chosen", "trained")
"""Why a column has its decimal mark: no number has one, none shows which it is, a number of the table shows
it, the user has set it, a model was trained with it."""


@frozen
class Notation:
    """How the numbers of a column were written.

    Args:
        unit: the unit or the currency in lower case, ``""`` if there is none.
        mark: the decimal mark with which they were read.
        marks: the decimal marks with which they could be read; both only if the numbers would differ.
        evidence: why this mark, see ``EVIDENCE``.
    """

    unit: str = ""
    mark: str = "."
    marks: str = "."
    evidence: str = "none"

    @property
    def is_assumed(self) -> bool:
        """Whether the numbers could also be other ones, and nothing decides."""
        return self.marks == BOTH and self.evidence == "assumed"


@frozen(eq=False)
class Analysis:
    """The cells of a column as numbers.

    Args:
        values: float64, null where the cell is missing or not a number.
        share: the share of the present cells that are numbers.
        marks: the decimal marks with which all of these can be read, a part of ``".,"``.
        fault: ``"units"`` or ``"currencies"`` if several occur, ``"shares"`` if 12 % is beside 0.12, else
            ``""``.
        unit: the unit or the currency, ``""`` if there is none or several occur.
        examples: texts and their numbers, one for each way in which they differ from plain numbers.
        has_marks: whether some number has a point or a comma.
    """

    values: pl.Series
    share: float
    marks: str
    fault: str = ""
    unit: str = ""
    examples: tuple[tuple[str, float], ...] = ()
    has_marks: bool = False

    @property
    def is_number(self) -> bool:
        """Whether every present cell is a number."""
        return self.share == 1 and not self.fault


def ascii_numbers(texts: pl.Series) -> pl.Series:
    """Return the texts in ASCII where they differ from a number in nothing else, without dashes for cents.

    Example:
        >>> ascii_numbers(pl.Series(["１２,-", "'7.5", "'tis"])).to_list()
        ['12', '7.5', "'tis"]
    """
    return to_ascii(texts).str.replace(_NO_CENTS, "$1").str.replace(_TEXT_MARK, "$1")


def analyze(texts: pl.Series, mark: str = "", is_lenient: bool = False) -> Analysis:
    """Read the cells of a column as numbers.

    Args:
        texts: the cells, null where missing.
        mark: the decimal mark of the table, used if the column does not show it; ``""``: a point.
        is_lenient: for a column that is known to contain numbers: units and bounds are dropped wherever they
            occur.

    Example:
        >>> analysis = analyze(pl.Series(["$3,004.89", "(12.50)", None]))
        >>> analysis.values.to_list(), analysis.is_number, analysis.marks
        ([3004.89, -12.5, None], True, '.')
        >>> analyze(pl.Series(["159 cm", "1.6 m"])).fault
        'units'
    """
    nothing = pl.Series(texts.name, [None], dtype=pl.Float64).new_from_index(0, len(texts))
    if not _may_be_numbers(texts, is_lenient):
        return Analysis(nothing, 0.0, ".")
    cells = ascii_numbers(texts)
    parts = _parts(cells)
    if parts["number"].null_count() == len(parts):
        return Analysis(nothing, 0.0, ".")
    count = max(len(texts) - texts.null_count(), 1)
    suffixes, units = _suffixes(parts, is_lenient)
    fault = next((kind for kind, names in units.items() if len(names) > 1), "")
    valid = _valid(parts, suffixes)
    valid &= _regular(parts, suffixes, valid, is_lenient)
    marks = _marks(parts["number"].filter(valid))
    chosen = mark if mark and mark in marks else marks[:1] or "."
    valid &= parts["number"].str.contains(COMMA if chosen == "," else POINT).fill_null(value=False)
    valid &= not bool(cells.drop_nulls().str.contains(_ADDRESS).all())
    values = _values(parts, suffixes, valid, chosen).alias(texts.name)
    fault = fault or ("shares" if not is_lenient and _has_shares(parts, values) else "")
    examples = _examples(texts, cells, parts, values) if values.count() else ()
    unit = "" if fault else next((name for names in units.values() for name in names), "")
    has_marks = bool(parts["number"].filter(valid).str.contains("[.,]").any())
    return Analysis(values, values.count() / count, marks or ".", fault, unit, examples, has_marks)


def _parts(cells: pl.Series) -> pl.DataFrame:
    """Return the parts of each cell, null where a cell is not divided into parts."""
    return pl.DataFrame(cells.alias("text")).select(pl.col("text").str.extract_groups(PARTS)).unnest("text")


def _may_be_numbers(texts: pl.Series, is_lenient: bool) -> bool:
    """Return whether some cell has the parts of a number; not tested where few cells are equal."""
    distinct = texts.unique()
    if len(distinct) > DISTINCT * len(texts):
        return True
    parts = _parts(ascii_numbers(distinct))
    return bool(_valid(parts, _suffixes(parts, is_lenient)[0]).any())


def _has_shares(parts: pl.DataFrame, values: pl.Series) -> bool:
    """Return whether numbers up to 1 without a sign are beside percentages above 1."""
    is_percent = parts["suffix"].str.strip_chars().is_in(["%"]).fill_null(value=False)
    if not is_percent.any():
        return False
    sizes = values.abs().to_numpy()
    is_share = (~is_percent & (values != 0)).fill_null(value=False).to_numpy()
    percentages = sizes[is_percent.to_numpy() & np.isfinite(sizes)]
    return bool(
        is_share.any() and len(percentages) and np.nanmax(sizes[is_share]) <= _SHARE < np.median(percentages)
    )


@frozen
class _Suffix:
    """A text after a number: its factor, its currency or its unit; a suffix that no number has is refused."""

    factor: float = 1.0
    currency: str = ""
    unit: str = ""
    is_refused: bool = False


def _suffixes(parts: pl.DataFrame, is_lenient: bool) -> tuple[dict[str, _Suffix], dict[str, set[str]]]:
    """Return the meaning of each suffix, and the units and currencies of the column."""
    prefixes = {currency_code(text) for text in _distinct(parts["prefix"])} - {""}
    texts = _distinct(parts["suffix"])
    heads = {text: split_magnitude(text.strip()) for text in texts}
    letters = {text.strip().split()[0].lower().rstrip(".") for text, (f, _) in heads.items() if f != 1}
    has_currency = bool(prefixes) or any(currency_code(rest) for _, rest in heads.values())
    is_certain = len(letters) > 1 or has_currency or all(head in CERTAIN_MAGNITUDES for head in letters)
    suffixes = {}
    for text, (factor, rest) in heads.items():
        if _FOOTNOTE.fullmatch(text.strip()):
            suffixes[text] = _Suffix()
            continue
        unit = rest if is_certain or factor == 1 else text.strip()
        factor = factor if is_certain else 1.0
        if currency_code(unit):
            suffixes[text] = _Suffix(factor, currency=currency_code(unit))
            continue
        is_phrase = len(unit.split()) > 2 or ('"' in unit and len(unit.strip()) > 1)
        unit = _plain_unit(unit)
        is_refused = is_phrase or unit in _ORDINALS or (not is_lenient and unit in TIMES)
        suffixes[text] = _Suffix(factor, unit=unit, is_refused=is_refused)
    units = {suffix.unit for suffix in suffixes.values() if suffix.unit and not suffix.is_refused}
    if len(units) > MAX_UNITS:
        refused = {text: _Suffix(is_refused=True) for text, suffix in suffixes.items() if suffix.unit}
        suffixes, units = suffixes | refused, set()
    currencies = prefixes | {suffix.currency for suffix in suffixes.values() if suffix.currency}
    return suffixes, {"units": units, "currencies": currencies}


def _plain_unit(unit: str) -> str:
    """Return a unit without the differences of spelling that do not matter: ``Years`` and ``year``."""
    folded = unit.lower().rstrip(". ").replace(" ", "")
    return folded.removesuffix("s") if len(folded) > 3 and folded.isalpha() else folded


def _distinct(column: pl.Series) -> list[str]:
    return column.drop_nulls().unique().to_list()


def _chosen(column: pl.Series, texts: Iterable[str]) -> pl.Series:
    return column.is_in(list(texts)).fill_null(value=False)


def _valid(parts: pl.DataFrame, suffixes: dict[str, _Suffix]) -> pl.Series:
    """Return whether each cell has the parts of a number."""
    currencies = [text for text in _distinct(parts["prefix"]) if currency_code(text)]
    refused = [text for text, suffix in suffixes.items() if suffix.is_refused]
    number = parts["number"]
    return (
        number.is_not_null()
        & (parts["open"].is_null() == parts["close"].is_null())
        & (parts["prefix"].is_null() | _chosen(parts["prefix"], currencies))
        & ~_chosen(parts["suffix"], refused)
        & ~number.str.contains(_LEADING_ZERO).fill_null(value=False)
    )


def _regular(
    parts: pl.DataFrame, suffixes: dict[str, _Suffix], valid: pl.Series, is_lenient: bool
) -> pl.Series:
    """Return whether each cell has no unit, bound or parentheses too rare or frequent in the column."""
    regular = pl.Series([True]).new_from_index(0, len(parts))
    count = int(valid.sum())
    if is_lenient or not count:
        return regular
    with_unit = _chosen(parts["suffix"], [text for text, suffix in suffixes.items() if suffix.unit])
    zeros = parts["number"].is_in(["0", "0.0", "0.00"]).fill_null(value=False)
    if int((with_unit & valid).sum()) < HALF * (count - int((zeros & valid & ~with_unit).sum())):
        regular &= ~with_unit
    is_bound = parts["bound"].str.contains("[<>≤≥]").fill_null(value=False)  # ~5 is a number
    if int((is_bound & valid).sum()) > HALF * count:
        regular &= ~is_bound
    is_enclosed = parts["open"].is_not_null()
    if int((is_enclosed & valid).sum()) == count:  # where every number is in parentheses, none is negative
        regular &= ~is_enclosed
    return regular


def _marks(numbers: pl.Series) -> str:
    """Return the decimal marks with which the most numbers can be read."""
    if not len(numbers):
        return "."
    counts = {mark: int(numbers.str.contains(form).sum()) for mark, form in ((".", POINT), (",", COMMA))}
    best = max(counts.values())
    return "".join(mark for mark, count in counts.items() if count == best)


def _values(parts: pl.DataFrame, suffixes: dict[str, _Suffix], valid: pl.Series, mark: str) -> pl.Series:
    digits = parts["number"].str.replace_all("[ ']", "")
    groups = "," if mark == "." else "."
    digits = digits.str.replace_all(groups, "", literal=True).str.replace(",", ".", literal=True)
    values = digits.cast(pl.Float64, strict=False).to_numpy().copy()
    is_negative = _chosen(parts["sign"], "-") ^ _chosen(parts["inner"], "-")
    is_negative |= parts["open"].is_not_null() | parts["minus"].is_not_null()
    values = np.where(is_negative.to_numpy(), -values, values)
    for text, suffix in suffixes.items():
        if suffix.factor != 1:
            values[(parts["suffix"] == text).fill_null(value=False).to_numpy()] *= suffix.factor
    values[~valid.to_numpy()] = np.nan
    return pl.Series(values).fill_nan(None)


def _examples(
    texts: pl.Series, cells: pl.Series, parts: pl.DataFrame, values: pl.Series
) -> tuple[tuple[str, float], ...]:
    """Return the first cell of each kind of notation with its number."""
    number, read = parts["number"], values.is_not_null()
    kinds = [parts[part].is_not_null() for part in ("prefix", "suffix", "open", "minus", "bound")]
    kinds += [number.str.contains("[ ',]"), number.str.contains(r"\..*\.|\.[0-9]{3}$")]
    if cells is not texts:
        kinds.append(cells != texts)
    changed = values != texts.cast(pl.Float64, strict=False).fill_null(float("nan"))
    rows = []
    for kind in kinds:
        matches = (kind & read & changed).fill_null(value=False)
        if matches.any():
            rows.append(int(matches.arg_max() or 0))
    return tuple((texts[row], float(values[row])) for row in dict.fromkeys(rows))


EXACT = 2**53  # beyond this, float64 does not represent every integer
PLAIN = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
INTEGER = r"^[+-]?[0-9]+$"
CODE = r"^[+-]?0[0-9]+$"
EXPONENT_CODE = r"^[0-9]+E[0-9]+$"  # 12E3; programs write 12000, 1.2E4 or 1E+04
GROUPED_POINT = r"^[+-]?[1-9][0-9]{0,2}\.[0-9]{3}$"  # 1.234 may be 1234
INFINITE = r"^(?i)[+-]?(?:inf|infinity)$"
FEW = 512  # cells up to which a loop is faster than an operation on a column, which starts threads
SPACES = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)  # that polars strips: White_Space of Unicode
_ALWAYS = frozenset(ALWAYS)
LONGEST = 400  # digits of an integer that is compared as a number
_PLAIN = re.compile(PLAIN)
_INTEGER = re.compile(INTEGER)
_CODE = re.compile(f"{CODE}|{EXPONENT_CODE}")


def clean(column: pl.Series) -> pl.Series:
    """Strip the texts of a column and replace by null what is a missing value in every column.

    Example:
        >>> clean(pl.Series(["a ", "N/A", "?"])).to_list()
        ['a', None, None]
    """
    if len(column) <= FEW:
        cells = [None if text is None else text.strip(SPACES) for text in column.to_list()]
        texts_or_null = [None if text is None or text.lower() in _ALWAYS else text for text in cells]
        return pl.Series(column.name, texts_or_null, dtype=pl.String)
    texts = column.str.strip_chars()
    is_missing = texts.str.to_lowercase().is_in(ALWAYS)
    return texts.to_frame().select(pl.when(~is_missing).then(pl.first()).alias(column.name)).to_series()


def has_codes(cells: pl.Series) -> bool:
    """Return whether some text is an integer that float64 cannot represent (``007``, 2**53 + 1).

    Also whether the texts are codes such as ``12E3``, which no program writes for a number.
    """
    integers = cells.filter(cells.str.contains(INTEGER))
    if len(integers) and integers.str.contains(CODE).any():
        return True
    long_integers = integers.filter(integers.str.len_chars() >= 16)
    if any(len(text) > LONGEST or abs(int(text)) > EXACT for text in long_integers.to_list()):
        return True
    exponents = cells.str.contains(EXPONENT_CODE)
    return bool(exponents.any()) and bool((exponents | cells.str.contains(INTEGER)).all())


def numbers(column: pl.Series) -> pl.Series:
    """Return the column as float64; null where a cell is missing or is not a number in plain notation.

    Example:
        >>> numbers(pl.Series(["1.5", "x", None])).to_list()
        [1.5, None, None]
    """
    if column.dtype == pl.Float64:
        return column
    if column.dtype != pl.String:
        return column.cast(pl.Float64)
    fits = column.str.contains(PLAIN) | column.str.contains(INFINITE)
    texts = column.str.strip_prefix("+").to_frame().select(pl.when(fits).then(pl.first()).alias(column.name))
    return texts.to_series().cast(pl.Float64, strict=False)


def level_texts(column: pl.Series) -> pl.Series:
    """Return each cell as the text of its category: ``1``, ``1.0`` and the number 1 are all ``"1"``.

    Example:
        >>> level_texts(pl.Series(["1.50", "red", "007"])).to_list()
        ['1.5', 'red', '007']
    """
    if column.dtype == pl.Boolean:
        return column.cast(pl.String)
    text_of: Callable[[Any], str] = number_text if column.dtype.is_numeric() else _level_text
    if not column.dtype.is_numeric():
        column = column.cast(pl.String)
    if len(column) <= FEW:
        texts = [None if value is None else text_of(value) for value in column.to_list()]
        return pl.Series(column.name, texts, dtype=pl.String)
    distinct = column.unique().drop_nulls()
    names = [text_of(value) for value in distinct.to_list()]
    return column.replace_strict(
        distinct, pl.Series(names, dtype=pl.String), default=None, return_dtype=pl.String
    )


def number_text(value: float) -> str:
    """Return a number as text: without ``.0`` if integral, else the shortest text with the same value."""
    value = float(value) if isinstance(value, float) else value
    return str(int(value)) if value == value // 1 and abs(value) <= EXACT else repr(value)


def _level_text(text: str) -> str:
    if text.lower() in ("true", "false"):
        return text.lower()
    if not _PLAIN.match(text) or _CODE.match(text):
        return text
    if _INTEGER.match(text):
        return str(int(text)) if len(text) <= LONGEST else text  # exact, unlike float64
    value = float(text)
    return number_text(value) if abs(value) <= EXACT else text

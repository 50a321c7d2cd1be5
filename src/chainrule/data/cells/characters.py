"""Characters with the same meaning as an ASCII character in a number: digits of other scripts, signs, spaces.

Spreadsheets, PDF files and word processors write a minus as U+2212, group digits by narrow spaces, and East
Asian input methods write full-width digits. NFKC normalization was rejected: it also changes letters (µ, ²)
and keeps the minus sign and the digits of other scripts.
"""

from __future__ import annotations

import re
import unicodedata

from chainrule.data.readers.lazy_polars import pl

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

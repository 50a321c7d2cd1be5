"""Chinese translations of the facts of errors: expected, received, fixes and notes.

The code that raises an error formats its facts in English. For a Chinese message, a fact is looked up here by
its pattern, and the values of its fields are inserted into the Chinese sentence after they were translated
themselves. A fact without an entry, usually code, a shape or a name, is not translated.

``{}`` matches any text and ``{#}`` a number. A Chinese text may change their order: ``{1} ... {0}``. An
architecture test lists the facts of the package that are prose and have no entry.
"""

from __future__ import annotations

import re
from functools import cache

from chainrule.errors.catalog import CATALOG
from chainrule.errors.translation import (
    data,
    explanations,
    files,
    layers,
    networks,
    operations,
    training,
)

PHRASES: dict[str, str] = {
    **networks.PHRASES,
    **layers.PHRASES,
    **operations.PHRASES,
    **explanations.PHRASES,
    **training.PHRASES,
    **files.PHRASES,
    **data.PHRASES,
}
CHINESE: dict[str, str] = {**{entry.en: entry.zh for entry in CATALOG.values()}, **PHRASES}
_FIELD_PATTERNS = {"{}": r"(.+?)", "{#}": r"([-+]?\d[\d.,:×^e+-]*)"}
_FIELD = re.compile(r"(\{#?\})")


def in_chinese(fact: str) -> str:
    """The Chinese translation of a fact, or the fact if it has none.

    Example:
        >>> in_chinese("at least one row"), in_chinese("200 rows, as x has"), in_chinese("(B, 3)")
        ('至少一行', '200 行，与 x 相同', '(B, 3)')
    """
    if fact in PHRASES:
        return PHRASES[fact]
    if fact[:1] == fact[-1:] == '"' and '"' not in fact[1:-1]:
        return fact  # a quotation of data or input is not translated
    for pattern, chinese in _patterns():
        match = pattern.fullmatch(fact)
        if match:
            return chinese.format(*map(in_place, match.groups()))
    return fact


def in_place(text: str) -> str:
    """Translate the value of a field or a location; a single word is a name and is not translated.

    Example:
        >>> in_place("none"), in_place("a.csv line 3")
        ('none', 'a.csv 第 3 行')
    """
    return in_chinese(text) if " " in text else text


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """The entries with fields, those with the longest fixed text first."""
    with_fields = sorted(
        (key for key in PHRASES if _FIELD.search(key)), key=lambda key: -len(_FIELD.sub("", key))
    )
    return [(_pattern(key), PHRASES[key]) for key in with_fields]


def _pattern(key: str) -> re.Pattern[str]:
    pieces = [_FIELD_PATTERNS.get(piece) or re.escape(piece) for piece in _FIELD.split(key)]
    return re.compile("".join(pieces), re.DOTALL)


__all__ = ["CHINESE", "PHRASES", "in_chinese", "in_place"]

"""What is expected, received and advised, in Chinese.

A place that finds a fault says its facts in English, with the numbers and names of the case in them; it knows
nothing of languages. When the error is shown in Chinese, a fact is looked up here by its pattern, and what
stood in its gaps is put into the Chinese sentence, looked up itself first, since one fact may hold another.
What is not found is shown as it is: most often it is code, a shape or a name.

``{}`` takes any text and ``{#}`` a number. A Chinese text may turn their order: ``{1} ... {0}``. A house test
names every fact of the package that is prose and has no entry.
"""

from __future__ import annotations

import re
from functools import cache

from chainrule.errors.translation import data, explanations, files, networks, training

PHRASES: dict[str, str] = {
    **networks.PHRASES,
    **explanations.PHRASES,
    **training.PHRASES,
    **files.PHRASES,
    **data.PHRASES,
}
CHINESE = PHRASES
_GAPS = {"{}": r"(.+?)", "{#}": r"([-+]?\d[\d.,:×^e+-]*)"}
_GAP = re.compile(r"(\{#?\})")


def in_chinese(fact: str) -> str:
    """A fact in Chinese, or as it is where it needs none.

    Example:
        >>> in_chinese("at least one row"), in_chinese("200 rows, as x has"), in_chinese("(B, 3)")
        ('至少一行', '200 行，与 x 相同', '(B, 3)')
    """
    if fact in PHRASES:
        return PHRASES[fact]
    if fact[:1] == fact[-1:] == '"' and '"' not in fact[1:-1]:
        return fact  # a word of the data or of the person: never ours to change
    for pattern, chinese in _patterns():
        found = pattern.fullmatch(fact)
        if found:
            return chinese.format(*map(in_place, found.groups()))
    return fact


def in_place(text: str) -> str:
    """What stands in a gap, or where something is: a word alone is a name, and stays.

    Example:
        >>> in_place("none"), in_place("a.csv line 3")
        ('none', 'a.csv 第 3 行')
    """
    return in_chinese(text) if " " in text else text


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """The entries with gaps, the most telling first: those with the most letters of their own."""
    gapped = sorted((key for key in PHRASES if _GAP.search(key)), key=lambda key: -len(_GAP.sub("", key)))
    return [(_pattern(key), PHRASES[key]) for key in gapped]


def _pattern(key: str) -> re.Pattern[str]:
    pieces = [_GAPS.get(piece) or re.escape(piece) for piece in _GAP.split(key)]
    return re.compile("".join(pieces), re.DOTALL)


__all__ = ["CHINESE", "PHRASES", "in_chinese", "in_place"]

"""English sentences with counts: "1 row is", "2 rows are".

Templates are written in the plural, ``"{count} columns are not used"``. Where the value of a field is 1, the
noun that it counts and the verb of its clause become singular. Words of the template change, not values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from numbers import Integral
from typing import Any

_ADJECTIVES = (
    "comment|learning|"
    "test|training|validation|other|more|further|new|different|distinct|scored|repeated|labeled|equal|hidden|"
    "additional|missing|damaged|loaded"
)
_REGULAR = """
    argument array article atom bit byte candidate case cell change channel character column constant
    date day element epoch error example factor feature field file finding fold formula frame group head
    image input integer key label layer letter level line member model molecule name neighbor network
    notice number operation output parameter part path pixel place position prediction rate recording
    repetition row run sample score second seed sentence sequence sound speaker step table target task
    tensor term test text thread time token trial unit update value weight window word
"""
_IRREGULAR = """
    axes axis batches batch boxes box branches branch classes class entries entry indices index losses loss
    matrices matrix queries query
""".split()
_NOUNS: dict[str, str] = dict(zip(_IRREGULAR[::2], _IRREGULAR[1::2], strict=True))
_NOUNS |= {f"{noun}s": noun for noun in _REGULAR.split()}
_VERBS = {"are": "is", "were": "was", "have": "has", "do": "does"}
_VERBS |= {verb: f"{verb}s" for verb in "repeat differ occur contain need".split()}
_NAMED_NOUN = rf"(?:(?:{_ADJECTIVES}) )*(?P<noun>{'|'.join(_NOUNS)})\b"
_COUNT = re.compile(
    rf"\{{(\w+)(?::[^{{}}]*)?\}} (?:(?P<of>of (?:the )?\{{(?P<total>\w+)[^{{}}]*\}} ))?{_NAMED_NOUN}"
)
_PREPOSITIONS = "of|in|on|with|for|from|by|below|above|between|without|to|than"
_MODIFIER = rf"\b(?:{_PREPOSITIONS}) (?:the )?\{{\w+(?::[^{{}}]*)?\}}"
"""A field behind a preposition: not the subject of the clause."""
_VERB = re.compile(rf"(?:\([^()]*\)|\"\{{\w+\}}\"|{_MODIFIER}|[^.,;:{{(])*?\b(?P<verb>{'|'.join(_VERBS)})\b")
_IS_MODIFIER = re.compile(rf"\b(?:{_PREPOSITIONS}) (?:the )?$")
_COUNT_AND_VERB = re.compile(rf"(?<!and )\{{(\w+)(?::[^{{}}]*)?\}} (?P<verb>{'|'.join(_VERBS)})\b")


def fill(template: str, values: Mapping[str, Any]) -> str:
    """Fill the fields of an English template; nouns that 1 counts become singular.

    Args:
        template: as for ``str.format``, in the plural.
        values: the value of each field; a number that was formatted before may be the text ``"1"``.

    Example:
        >>> fill("{count} columns are not used: {names}", {"count": 1, "names": "2 rows"})
        '1 column is not used: 2 rows'
        >>> fill("at most {classes} classes", {"classes": 2})
        'at most 2 classes'
    """
    ones = {name for name, value in values.items() if _is_one(value)}
    return str.format_map(_singular(template, ones) if ones else template, values)


def _is_one(value: Any) -> bool:
    if isinstance(value, str):
        return value == "1"
    return isinstance(value, Integral) and not isinstance(value, bool) and value == 1


def _singular(template: str, ones: set[str]) -> str:
    words: dict[tuple[int, int], str] = {}  # by position in the template
    for match in _COUNT_AND_VERB.finditer(template):
        if match[1] in ones:
            words[match.span("verb")] = _VERBS[match["verb"]]
    for match in _COUNT.finditer(template):
        if (match["total"] or match[1]) in ones:
            words[match.span("noun")] = _NOUNS[match["noun"]]
        if match[1] in ones and not _IS_MODIFIER.search(template, 0, match.start()):
            verb = _VERB.match(template, match.end())
            words |= {verb.span("verb"): _VERBS[verb["verb"]]} if verb else {}
    for (start, end), word in sorted(words.items(), reverse=True):
        template = template[:start] + word + template[end:]
    return template


class English(str):
    """An English template whose ``format`` is ``fill``."""

    __slots__ = ()

    def format(self, *args: object, **values: object) -> str:
        """Fill the fields; see ``fill``."""
        return super().format(*args, **values) if args else fill(self, values)

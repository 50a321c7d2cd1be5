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
    "additional|missing|damaged"
)
_REGULAR = """
    argument array article atom bit byte candidate case cell change channel character column constant
    date day element epoch error example factor feature field file finding fold formula frame group head
    image input integer key label layer letter level line member model molecule name neighbor network
    notice number operation output parameter part path pixel place position prediction rate recording
    repetition row run sample score second seed sentence sequence sound speaker step table target task
    tensor term test text thread time token trial unit update value weight window word
"""
_NOUNS = {
    "axes": "axis", "batches": "batch", "boxes": "box", "branches": "branch", "classes": "class",
    "entries": "entry", "indices": "index", "losses": "loss", "matrices": "matrix", "queries": "query",
    **{f"{noun}s": noun for noun in _REGULAR.split()},
}  # fmt: skip
_VERBS = {
    "are": "is", "were": "was", "have": "has", "do": "does", "repeat": "repeats", "differ": "differs",
    "occur": "occurs", "contain": "contains", "need": "needs",
}  # fmt: skip
_NAMED_NOUN = rf"(?:(?:{_ADJECTIVES}) )*(?P<noun>{'|'.join(_NOUNS)})\b"
_COUNT = re.compile(
    rf"\{{(\w+)(?::[^{{}}]*)?\}} (?:(?P<of>of (?:the )?\{{(?P<total>\w+)[^{{}}]*\}} ))?{_NAMED_NOUN}"
)
_PREPOSITIONS = "of|in|on|with|for|from|by|below|above|between|without|to|than"
_MODIFIER = rf"\b(?:{_PREPOSITIONS}) (?:the )?\{{\w+(?::[^{{}}]*)?\}}"
"""A field behind a preposition: not the subject of the clause."""
_VERB = re.compile(rf"(?:\([^()]*\)|\"\{{\w+\}}\"|{_MODIFIER}|[^.,;:{{(])*?\b(?P<verb>{'|'.join(_VERBS)})\b")
_IS_MODIFIER = re.compile(rf"\b(?:{_PREPOSITIONS}) (?:the )?$")
_COUNT_AND_VERB = re.compile(rf"\{{(\w+)(?::[^{{}}]*)?\}} (?P<verb>{'|'.join(_VERBS)})\b")


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
    parts, position = [], 0
    for match in sorted(
        [*_COUNT.finditer(template), *_COUNT_AND_VERB.finditer(template)], key=lambda match: match.start()
    ):
        groups, end = match.groupdict(), match.end()
        counted = groups.get("total") or match[1]
        if match.start() < position or not {match[1], counted} & ones:
            continue
        if noun := groups.get("noun"):
            parts += [template[position : match.start("noun")], _NOUNS[noun] if counted in ones else noun]
            is_subject = match[1] in ones and not _IS_MODIFIER.search(template, 0, match.start())
            verb = _VERB.match(template, end) if is_subject else None
        else:
            parts.append(template[position : match.start("verb")])
            verb, end = match, match.start("verb")
        position = end
        if verb:
            start, position = verb.span("verb")
            parts += [template[end:start], _VERBS[verb["verb"]]]
    return "".join([*parts, template[position:]])


class English(str):
    """An English template whose ``format`` is ``fill``."""

    __slots__ = ()

    def format(self, *args: object, **values: object) -> str:
        """Fill the fields; see ``fill``."""
        return super().format(*args, **values) if args else fill(self, values)

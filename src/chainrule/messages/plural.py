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
    "test|training|validation|other|more|further|new|different|distinct|scored|repeated|labeled|equal|hidden|"
    "additional|missing|damaged"
)
_REGULAR = """
    argument array atom bit byte candidate case cell change channel character column constant date day
    element epoch error example factor feature field file finding fold formula frame group head image input
    integer key label layer letter level line member model name neighbor network notice number operation
    output parameter part path pixel place position prediction recording row run sample score second seed
    sentence sequence step table target task tensor term test text thread time token trial unit update value
    weight window word
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
_COUNT = re.compile(rf"\{{(\w+)(?::[^{{}}]*)?\}} (?:(?:{_ADJECTIVES}) )*(?P<noun>{'|'.join(_NOUNS)})\b")
_VERB = re.compile(rf"(?:\([^()]*\)|\"\{{\w+\}}\"|[^.,;:{{(])*?\b(?P<verb>{'|'.join(_VERBS)})\b")


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
    for match in _COUNT.finditer(template):
        if match[1] not in ones or match.start() < position:
            continue
        start, end = match.span("noun")
        parts += [template[position:start], _NOUNS[match["noun"]]]
        position = end
        if verb := _VERB.match(template, end):
            start, position = verb.span("verb")
            parts += [template[end:start], _VERBS[verb["verb"]]]
    return "".join([*parts, template[position:]])


class English(str):
    """An English template whose ``format`` is ``fill``."""

    __slots__ = ()

    def format(self, *args: object, **values: object) -> str:
        """Fill the fields; see ``fill``."""
        return super().format(*args, **values) if args else fill(self, values)

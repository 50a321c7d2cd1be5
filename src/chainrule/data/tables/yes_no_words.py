"""Words for yes and no, in several languages."""

from __future__ import annotations

from chainrule.data.cells.number_notation import level_texts
from chainrule.data.readers.lazy_polars import pl

_PAIRS = (  # yes and no
    "yes no|y n|true false|t f|on off|1 0|是 否|真 假|对 错|ja nein|wahr falsch|oui non|vrai faux|"
    "sí no|si no|verdadero falso|sim não|да нет|はい いいえ"
).split("|")
YES_NO = {word: value for pair in _PAIRS for word, value in zip(pair.split(), (1.0, 0.0), strict=True)}
"""The value of each word, in lower case."""
_SETS = tuple(set(pair.split()) for pair in _PAIRS)


def yes_no_pair(present: pl.Series, distinct: int) -> tuple[str, str] | None:
    """Return the words for no and yes if a column contains only those two.

    Args:
        present: the column without missing cells.
        distinct: the number of its different values.

    Example:
        >>> yes_no_pair(pl.Series(["Yes", "no", "no"]), 2), yes_no_pair(pl.Series(["yes", "off"]), 2)
        (('no', 'Yes'), None)
    """
    if present.dtype == pl.Boolean:
        return "false", "true"
    if distinct != 2 or not (present.dtype.is_numeric() or present.dtype == pl.String):
        return None
    words = [str(word) for word in level_texts(present.unique()).to_list()]
    if {word.lower() for word in words} not in _SETS:
        return None
    no, yes = sorted(words, key=lambda word: YES_NO[word.lower()])
    return no, yes

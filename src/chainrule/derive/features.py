"""What the input numbers of a table's row are, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chainrule.notation import number
from chainrule.notation.letters import lowered
from chainrule.texts import say

if TYPE_CHECKING:
    from chainrule.data import Cell


def feature_lines(cells: Sequence[Cell], lang: str, shape: tuple[int, ...] = ()) -> tuple[str, ...]:
    """One line for each input: its letter and name, what the table had there, what number became of it. Of a
    picture one line in all.

    Args:
        cells: the inputs of one row.
        lang: ``"en"`` or ``"zh"``.
        shape: of the row as the network reads it.
    """
    if len(shape) > 1 and cells:
        values = [cell.value for cell in cells]
        facts = {"low": number(min(values)), "high": number(max(values)), "shape": "×".join(map(str, shape))}
        return (say("feature_whole", lang, column=cells[0].column, raw=cells[0].raw or "–", **facts),)
    return tuple(
        say(
            "feature",
            lang,
            i=lowered(str(i)),
            name=cell.feature,
            raw=cell.raw or "–",
            value=number(cell.value),
        )
        for i, cell in enumerate(cells, 1)
    )

"""What the input numbers of a table's row are, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chainrule.explain.words import say
from chainrule.notation import number
from chainrule.notation.letter import lowered

if TYPE_CHECKING:
    from chainrule.data import Cell


def feature_lines(cells: Sequence[Cell], lang: str) -> tuple[str, ...]:
    """One line for each input: its letter and name, what the table had there, what number became of it."""
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

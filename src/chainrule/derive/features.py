"""Descriptions of the inputs that were encoded from a table row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chainrule.notation import number
from chainrule.notation.letters import lowered
from chainrule.texts import render

if TYPE_CHECKING:
    from chainrule.data import Cell

IN_ORDER = 12  # inputs
MAX_RAW = 60  # characters of a cell


def feature_lines(cells: Sequence[Cell], lang: str, shape: tuple[int, ...] = ()) -> tuple[str, ...]:
    """Return one line per input (symbol, name, raw text, encoded value), or one line for an image.

    Beyond ``IN_ORDER`` inputs, those that are 0 (other levels, words that do not occur) come last.

    Args:
        cells: the inputs of one row.
        lang: ``"en"`` or ``"zh"``.
        shape: the shape of the encoded row.
    """
    if len(shape) > 1 and cells:
        values = [cell.value for cell in cells]
        facts = {"low": number(min(values)), "high": number(max(values)), "shape": "×".join(map(str, shape))}
        return (render("feature_whole", lang, column=cells[0].column, raw=cells[0].raw or "–", **facts),)
    numbered = list(enumerate(cells, 1))
    if len(numbered) > IN_ORDER:
        numbered.sort(key=lambda pair: pair[1].value == 0)
    return tuple(
        render(
            "feature",
            lang,
            i=lowered(str(i)),
            name=(lang == "zh" and cell.chinese) or cell.feature,
            raw=_cut(cell.raw) or "–",
            value=number(cell.value),
        )
        for i, cell in numbered
    )


def _cut(text: str) -> str:
    return text if len(text) <= MAX_RAW else text[: MAX_RAW - 1] + "…"

"""Descriptions of the inputs that were encoded from a table row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chainrule.messages import rendered
from chainrule.notation import number
from chainrule.notation.letters import lowered
from chainrule.texts import render
from chainrule.texts.sentence import Sentence

if TYPE_CHECKING:
    from chainrule.data import Cell

IN_ORDER = 12  # inputs
MAX_RAW = 60  # characters of a cell


def feature_lines(cells: Sequence[Cell], lang: str, shape: tuple[int, ...] = ()) -> tuple[Sentence, ...]:
    """Return one line per input (symbol, name, raw text, encoded value), or one line for an image.

    Beyond ``IN_ORDER`` inputs, those that are 0 (other levels, words that do not occur) come last.

    Args:
        cells: the inputs of one row.
        lang: ``"en"`` or ``"zh"``.
        shape: the shape of the encoded row.
    """
    if len(shape) > 1 and cells:
        values = [cell.value for cell in cells]
        facts: dict[str, object] = {
            "low": number(min(values)),
            "high": number(max(values)),
            "shape": "×".join(map(str, shape)),
        }
        facts |= {"column": cells[0].column, "raw": cells[0].raw or "–"}
        text = render("feature_whole", lang, **facts)
        return (Sentence.of(text, "feature_whole", lang, facts, {}),)
    numbered = list(enumerate(cells, 1))
    if len(numbered) > IN_ORDER:
        numbered.sort(key=lambda pair: pair[1].value == 0)
    return tuple(_line(i, cell, lang) for i, cell in numbered)


def _line(number_of_input: int, cell: Cell, lang: str) -> Sentence:
    facts: dict[str, object] = {
        "i": lowered(str(number_of_input)),
        "name": rendered(cell.feature, lang),
        "raw": _cut(cell.raw) or "–",
        "value": number(cell.value),
    }
    return Sentence.of(
        render("feature", lang, **facts), "feature", lang, facts, {"index": number_of_input - 1}
    )


def _cut(text: str) -> str:
    return text if len(text) <= MAX_RAW else text[: MAX_RAW - 1] + "…"

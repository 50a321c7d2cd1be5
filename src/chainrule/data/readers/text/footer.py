"""Lines below a table that are no rows: totals, means, sources and notes."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMBER = re.compile(r"[-+(]?[$€£¥]?\s?[0-9][0-9.,' ]*(?:[eE][-+]?[0-9]+)?\s?[%€)]?")  # in any notation
_TOTALS = frozenset((
    "total", "totals", "grand total", "subtotal", "sum", "total result", "average", "mean", "avg", "median",
    "summe", "gesamt", "gesamtsumme", "gesamtergebnis", "insgesamt", "mittelwert", "durchschnitt",
    "total général", "somme", "totaux", "moyenne", "total general", "suma", "media", "promedio", "totale",
    "totale complessivo", "somma", "total geral", "soma", "média", "totaal", "eindtotaal", "итого", "всего",
    "合计", "总计", "共计", "小计", "总和", "平均", "平均值", "合計", "総計",
))  # fmt: skip
_NOTES = (
    "source", "sources", "note", "notes", "footnote", "quelle", "quellen", "hinweis", "anmerkung",
    "anmerkungen", "stand", "nota", "notas", "fuente", "fonte", "remarque", "data as of", "as of",
    "generated",
    "exported", "copyright", "last updated", "来源", "资料来源", "数据来源", "注", "说明", "备注",
)  # fmt: skip
_NOTE = re.compile(rf"[*†‡(\[©]|(?:{'|'.join(_NOTES)})(?:\b|[:：.])", re.IGNORECASE)


def is_total(row: Sequence[str]) -> bool:
    """Whether a record reads as totals or means: after a word for them, it has numbers or nothing.

    Example:
        >>> is_total(["Total", "12", "3.5"]), is_total(["total", "blue", "3"]), is_total(["Summe", "", ""])
        (True, False, True)
    """
    texts = [field.strip() for field in row if field.strip()]
    if not texts or len(row) < 2 or texts[0].lower().rstrip(":： ") not in _TOTALS:
        return False
    return all(_NUMBER.fullmatch(text) for text in texts[1:])


def is_note(text: str) -> bool:
    """Whether a text begins as a source, a note or a count of rows does, and has several words.

    Example:
        >>> is_note("Source: Statistical Office"), is_note("(60 rows)"), is_note("Source")
        (True, True, False)
    """
    return " " in text and bool(_NOTE.match(text))


def footer_kind(row: Sequence[str], width: int) -> str:
    """Why the last record of a table is left out, ``"total_row"`` or ``"lines_below"``; empty if it is a row.

    Args:
        row: the record; a note may contain delimiters.
        width: the number of columns.
    """
    if len(row) == width and is_total(row):
        return "total_row"
    texts = [field.strip() for field in row if field.strip()]
    if width == 1 or not texts or len(row) > width or (len(row) == width and len(texts) > 1):
        return ""
    return "lines_below" if is_note(" ".join(texts)) else ""

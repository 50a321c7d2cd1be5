"""What is written beside the scores of an example: a page of figures and tables, and whose the data are."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

import numpy as np

from chainrule.data.datasets import DATASETS
from chainrule.escaping import escape
from chainrule.messages import Text, translated
from chainrule.notation.number_format import short

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #212529; max-width: 46em; margin: 2em auto;
  padding: 0 1em }
h1 { font-size: 1.4em } h2 { font-size: 1.1em; margin-top: 2em } svg { width: 100%; max-width: 36em }
table { border-collapse: collapse; font-size: 0.92em } td, th { padding: 0.2em 0.8em; text-align: right }
td:first-child, th:first-child, .text { text-align: left } section { overflow-x: auto }
tr { border-bottom: 1px solid #dee2e6 }
p { color: #495057 }
"""


_CREDIT: Text = "Data: {credit}. License: {license}."


def credit_line(dataset: str, lang: str) -> str:
    """Whose a data set is, and its license.

    Example:
        >>> credit_line("shares", "en")
        'Data: Sheppard, arch. License: NCSA (the package); data: not stated.'
    """
    row = next(row for row in DATASETS if row.name == dataset)
    return translated(_CREDIT, lang).format(credit=row.credit, license=row.license)


def npz(**arrays: np.ndarray) -> bytes:
    """Arrays as the content of an ``.npz`` file, as ``predict`` and ``attribute`` read it."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # pyright: ignore[reportArgumentType]
    return buffer.getvalue()


def result_page(title: str, lang: str, sections: Iterable[tuple[str, str, str]]) -> str:
    """A page of results.

    Args:
        title: of the page.
        lang: ``"en"`` or ``"zh"``.
        sections: for each its heading, its markup (from ``markup_table``, or the SVG of a chart) and the
            caption.

    Example:
        >>> "<h2>a &lt; b</h2>" in result_page("Result", "en", [("a < b", "<svg></svg>", "caption")])
        True
    """
    parts = [
        f"<section><h2>{escape(heading)}</h2>{markup}<p>{escape(caption)}</p></section>"
        for heading, markup, caption in sections
    ]
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    head += f"<title>{escape(title)}</title><style>{_STYLE}</style>"
    return (
        f'<!DOCTYPE html>\n<html lang="{lang}"><head>{head}</head><body><h1>{escape(title)}</h1>'
        f"{''.join(parts)}</body></html>\n"
    )


def markup_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as markup; numbers are shortened, columns with a text are aligned to the left.

    Example:
        >>> markup_table(["group", "share"], [("a & b", 0.25)])[-48:]
        '<tr><td>a &amp; b</td><td>0.25</td></tr></table>'
        >>> markup_table(["share", "reasons"], [(0.25, "popup")])[-57:]
        '<tr><td>0.25</td><td class="text">popup</td></tr></table>'
    """
    rows = [list(row) for row in rows]
    is_text = [i > 0 and any(isinstance(row[i], str) for row in rows) for i in range(len(header))]
    kinds = [' class="text"' if text else "" for text in is_text]  # the first column always is
    lines = ["".join(f"<th{kind}>{escape(name)}</th>" for kind, name in zip(kinds, header, strict=True))]
    for row in rows:
        cells = zip(kinds, row, strict=True)
        lines.append("".join(f"<td{kind}>{escape(_cell(value))}</td>" for kind, value in cells))
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _cell(value: object) -> str:
    return short(value) if isinstance(value, float) else str(value)

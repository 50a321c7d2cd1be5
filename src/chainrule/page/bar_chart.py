"""Bar charts as self-contained SVG: no scripts, no external resources, deterministic output."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.escaping import escape
from chainrule.notation.text_columns import width
from chainrule.records import frozen

LETTER, LINE, BAR, FIELD = (
    7,
    22,
    14,
    260,
)  # pixels: letter width, line distance, bar height, maximum bar length


@frozen
class Bar:
    """A bar.

    Args:
        label: the text before it.
        value: its length.
        caption: the text after it.
        color: an SVG color.
        title: its tooltip.
    """

    label: str
    value: float
    caption: str
    color: str
    title: str = ""


def bar_chart(bars: Sequence[Bar], legend: Sequence[tuple[str, str]] = ()) -> str:
    """Return a chart of horizontal bars, one below the other.

    Args:
        bars: the bars, from top to bottom.
        legend: names and colors.

    Example:
        >>> bar_chart([Bar("dense1", 3.0, "3 µs", "#2563a8")])[:40]
        '<svg xmlns="http://www.w3.org/2000/svg" '
    """
    label_width = LETTER * max((width(bar.label) for bar in bars), default=0) + 12
    caption_width = LETTER * max((width(bar.caption) for bar in bars), default=0) + 16
    largest = max((bar.value for bar in bars), default=0.0) or 1.0
    top = LINE + 6 if legend else 6
    total_width, total_height = label_width + FIELD + caption_width, top + LINE * len(bars) + 6
    elements = _legend(legend)
    for i, bar in enumerate(bars):
        y = top + LINE * i
        length = round(FIELD * bar.value / largest, 1)
        elements += [
            f'<text x="{label_width - 6}" y="{y + 12}" text-anchor="end">{escape(bar.label)}</text>',
            f'<rect x="{label_width}" y="{y + 1}" width="{length}" height="{BAR}" fill="{escape(bar.color)}">'
            f"<title>{escape(bar.title or bar.label)}</title></rect>",
            f'<text x="{label_width + length + 6}" y="{y + 12}">{escape(bar.caption)}</text>',
        ]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total_width} {total_height}"'
    head = f'{head} width="{total_width}" style="max-width:100%;height:auto" role="img"'
    return f'{head} font-family="sans-serif" font-size="12" fill="#495057">{"".join(elements)}</svg>\n'


def _legend(legend: Sequence[tuple[str, str]]) -> list[str]:
    elements, x = [], 6
    for name, color in legend:
        elements += [
            f'<rect x="{x}" y="6" width="10" height="10" fill="{escape(color)}"/>',
            f'<text x="{x + 15}" y="15">{escape(name)}</text>',
        ]
        x += 34 + LETTER * width(name)
    return elements

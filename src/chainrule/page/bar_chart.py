"""Bars side by side, as a self-contained picture: SVG text, no script, nothing fetched, equal data equal
bytes."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.escaping import escape
from chainrule.notation.text_columns import width
from chainrule.records import frozen

LETTER, LINE, BAR, FIELD = 7, 22, 14, 420  # pixels: a letter, from bar to bar, a bar's height, the longest


@frozen
class Bar:
    """A bar.

    Args:
        label: what stands before it.
        value: how long it is.
        said: what stands behind it.
        colour: as SVG writes it.
        title: what a reader sees who points at it.
    """

    label: str
    value: float
    said: str
    colour: str
    title: str = ""


def bar_chart(bars: Sequence[Bar], legend: Sequence[tuple[str, str]] = ()) -> str:
    """Horizontal bars below one another, from the first to the last.

    Args:
        bars: what to draw.
        legend: names and colours.

    Example:
        >>> bar_chart([Bar("dense1", 3.0, "3 µs", "#2563a8")])[:40]
        '<svg xmlns="http://www.w3.org/2000/svg" '
    """
    before = LETTER * max((width(bar.label) for bar in bars), default=0) + 12
    behind = LETTER * max((width(bar.said) for bar in bars), default=0) + 16
    largest = max((bar.value for bar in bars), default=0.0) or 1.0
    top = LINE + 6 if legend else 6
    across, down = before + FIELD + behind, top + LINE * len(bars) + 6
    drawn = _legend(legend)
    for i, bar in enumerate(bars):
        y = top + LINE * i
        long = round(FIELD * bar.value / largest, 1)
        drawn += [
            f'<text x="{before - 6}" y="{y + 12}" text-anchor="end">{escape(bar.label)}</text>',
            f'<rect x="{before}" y="{y + 1}" width="{long}" height="{BAR}" fill="{escape(bar.colour)}">'
            f"<title>{escape(bar.title or bar.label)}</title></rect>",
            f'<text x="{before + long + 6}" y="{y + 12}">{escape(bar.said)}</text>',
        ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {across} {down}" width="{across}" role="img"'
    )
    return f'{head} font-family="sans-serif" font-size="12" fill="#495057">{"".join(drawn)}</svg>\n'


def _legend(legend: Sequence[tuple[str, str]]) -> list[str]:
    drawn, x = [], 6
    for name, colour in legend:
        drawn += [
            f'<rect x="{x}" y="6" width="10" height="10" fill="{escape(colour)}"/>',
            f'<text x="{x + 15}" y="15">{escape(name)}</text>',
        ]
        x += 34 + LETTER * width(name)
    return drawn

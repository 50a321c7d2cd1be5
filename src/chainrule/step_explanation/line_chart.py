"""Line charts as self-contained SVG: no scripts, no external resources, deterministic output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from chainrule.escaping import escape
from chainrule.notation.text_columns import width

COLORS = ("#2563a8", "#d9480f", "#2b8a3e", "#862e9c")
WIDE, HIGH, LEFT, RIGHT, TOP, BELOW = 520, 260, 58, 14, 30, 28  # pixels


def line_chart(x: np.ndarray, series: Mapping[str, np.ndarray], x_label: str = "x") -> str:
    """Return a line chart with ticks at round numbers and lines through 0.

    Args:
        x: the common axis, ascending.
        series: finite values by name, each as long as ``x``.
        x_label: the label of the x axis.

    Example:
        >>> line_chart(np.array([0.0, 1.0]), {"f": np.array([0.0, 2.0])})[:40]
        '<svg xmlns="http://www.w3.org/2000/svg" '
    """
    low = min(float(np.min(y)) for y in series.values())
    high = max(float(np.max(y)) for y in series.values())
    pad = 0.04 * (high - low) or 0.5
    frame = _Frame(float(x[0]), float(x[-1]), low - pad, high + pad)
    elements = frame.grid(x_label)
    for i, (name, y) in enumerate(series.items()):
        points = " ".join(f"{frame.x(a):.1f},{frame.y(b):.1f}" for a, b in zip(x, y, strict=True))
        dashes = ' stroke-dasharray="6 4"' if i else ""
        elements.append(
            f'<polyline points="{points}" fill="none" stroke="{COLORS[i % len(COLORS)]}" '
            f'stroke-width="2"{dashes}><title>{escape(name)}</title></polyline>'
        )
    elements += _legend(list(series))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" width="{WIDE}" role="img" '
        'font-family="sans-serif" font-size="12" fill="#495057">'
    )
    return f'{head}<rect width="{WIDE}" height="{HIGH}" fill="#ffffff"/>{"".join(elements)}</svg>\n'


class _Frame:
    """The mapping from values to pixels."""

    def __init__(self, left: float, right: float, low: float, high: float) -> None:
        self.left, self.right, self.low, self.high = left, right, low, high

    def x(self, value: float) -> float:
        return LEFT + (value - self.left) / (self.right - self.left) * (WIDE - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return TOP + (self.high - value) / (self.high - self.low) * (HIGH - TOP - BELOW)

    def grid(self, x_label: str) -> list[str]:
        """Return tick lines with their values; the lines through 0 are darker."""
        elements = []
        for value in ticks(self.left, self.right):
            at, shade = f"{self.x(value):.1f}", "#868e96" if value == 0 else "#e9ecef"
            elements += [
                f'<line x1="{at}" y1="{TOP}" x2="{at}" y2="{HIGH - BELOW}" stroke="{shade}"/>',
                f'<text x="{at}" y="{HIGH - BELOW + 16}" text-anchor="middle">{_number(value)}</text>',
            ]
        for value in ticks(self.low, self.high):
            at, shade = f"{self.y(value):.1f}", "#868e96" if value == 0 else "#e9ecef"
            elements += [
                f'<line x1="{LEFT}" y1="{at}" x2="{WIDE - RIGHT}" y2="{at}" stroke="{shade}"/>',
                f'<text x="{LEFT - 6}" y="{float(at) + 4:.1f}" text-anchor="end">{_number(value)}</text>',
            ]
        elements.append(f'<text x="{WIDE - RIGHT}" y="{TOP - 8}" text-anchor="end">{escape(x_label)}</text>')
        return elements


def ticks(low: float, high: float, max_count: int = 7) -> list[float]:
    """Return round numbers from ``low`` to ``high``, in steps of 1, 2 or 5 times a power of ten.

    Example:
        >>> ticks(-4.0, 4.2), ticks(0.0, 0.1, 5)
        ([-4.0, -2.0, 0.0, 2.0, 4.0], [0.0, 0.05, 0.1])
    """
    rough = (high - low) / (max_count - 1)
    power = 10.0 ** np.floor(np.log10(rough))
    step = float(next(n * power for n in (1, 2, 5, 10) if n * power >= rough * (1 - 1e-9)))
    first, last = int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9))
    return [round(i * step, 12) for i in range(first, last + 1)]


def _legend(names: Sequence[str]) -> list[str]:
    elements, x = [], LEFT
    for i, name in enumerate(names):
        dashes = ' stroke-dasharray="6 4"' if i else ""
        elements += [
            f'<line x1="{x}" y1="16" x2="{x + 22}" y2="16" stroke="{COLORS[i % len(COLORS)]}" '
            f'stroke-width="2"{dashes}/>',
            f'<text x="{x + 28}" y="20">{escape(name)}</text>',
        ]
        x += 44 + 7 * width(name)
    return elements


def _number(value: float) -> str:
    return f"{value:g}".replace("-", "−")

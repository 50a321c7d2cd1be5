"""Curves over a common axis, as a self-contained picture: SVG text, no script, nothing fetched, equal data
equal bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from chainrule.escaping import escape
from chainrule.notation.text_columns import width

COLOURS = ("#2563a8", "#d9480f", "#2b8a3e", "#862e9c")
WIDE, HIGH, LEFT, RIGHT, TOP, BELOW = 520, 260, 58, 14, 30, 28  # pixels


def line_chart(x: np.ndarray, series: Mapping[str, np.ndarray], across: str = "x") -> str:
    """Curves in different colours and dashes, with ticks at round numbers and lines through 0.

    Args:
        x: where, rising.
        series: the curves by name, finite, as long as ``x``.
        across: what ``x`` is called.

    Example:
        >>> line_chart(np.array([0.0, 1.0]), {"f": np.array([0.0, 2.0])})[:40]
        '<svg xmlns="http://www.w3.org/2000/svg" '
    """
    low = min(float(np.min(y)) for y in series.values())
    high = max(float(np.max(y)) for y in series.values())
    pad = 0.04 * (high - low) or 0.5
    frame = _Frame(float(x[0]), float(x[-1]), low - pad, high + pad)
    drawn = frame.grid(across)
    for i, (name, y) in enumerate(series.items()):
        points = " ".join(f"{frame.x(a):.1f},{frame.y(b):.1f}" for a, b in zip(x, y, strict=True))
        dashes = ' stroke-dasharray="6 4"' if i else ""
        drawn.append(
            f'<polyline points="{points}" fill="none" stroke="{COLOURS[i % len(COLOURS)]}" '
            f'stroke-width="2"{dashes}><title>{escape(name)}</title></polyline>'
        )
    drawn += _legend(list(series))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" width="{WIDE}" role="img" '
        'font-family="sans-serif" font-size="12" fill="#495057">'
    )
    return f'{head}<rect width="{WIDE}" height="{HIGH}" fill="#ffffff"/>{"".join(drawn)}</svg>\n'


class _Frame:
    """From values to pixels."""

    def __init__(self, left: float, right: float, low: float, high: float) -> None:
        self.left, self.right, self.low, self.high = left, right, low, high

    def x(self, value: float) -> float:
        return LEFT + (value - self.left) / (self.right - self.left) * (WIDE - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return TOP + (self.high - value) / (self.high - self.low) * (HIGH - TOP - BELOW)

    def grid(self, across: str) -> list[str]:
        """Ticks with their numbers; the lines through 0 are darker."""
        drawn = []
        for value in ticks(self.left, self.right):
            at, shade = f"{self.x(value):.1f}", "#868e96" if value == 0 else "#e9ecef"
            drawn += [
                f'<line x1="{at}" y1="{TOP}" x2="{at}" y2="{HIGH - BELOW}" stroke="{shade}"/>',
                f'<text x="{at}" y="{HIGH - BELOW + 16}" text-anchor="middle">{_number(value)}</text>',
            ]
        for value in ticks(self.low, self.high):
            at, shade = f"{self.y(value):.1f}", "#868e96" if value == 0 else "#e9ecef"
            drawn += [
                f'<line x1="{LEFT}" y1="{at}" x2="{WIDE - RIGHT}" y2="{at}" stroke="{shade}"/>',
                f'<text x="{LEFT - 6}" y="{float(at) + 4:.1f}" text-anchor="end">{_number(value)}</text>',
            ]
        drawn.append(f'<text x="{WIDE - RIGHT}" y="{TOP - 8}" text-anchor="end">{escape(across)}</text>')
        return drawn


def ticks(low: float, high: float, most: int = 7) -> list[float]:
    """Round numbers from ``low`` to ``high``, in steps of 1, 2 or 5 times a power of ten.

    Example:
        >>> ticks(-4.0, 4.2), ticks(0.0, 0.1, 5)
        ([-4.0, -2.0, 0.0, 2.0, 4.0], [0.0, 0.05, 0.1])
    """
    rough = (high - low) / (most - 1)
    power = 10.0 ** np.floor(np.log10(rough))
    step = float(next(n * power for n in (1, 2, 5, 10) if n * power >= rough * (1 - 1e-9)))
    first, last = int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9))
    return [round(i * step, 12) for i in range(first, last + 1)]


def _legend(names: Sequence[str]) -> list[str]:
    drawn, x = [], LEFT
    for i, name in enumerate(names):
        dashes = ' stroke-dasharray="6 4"' if i else ""
        drawn += [
            f'<line x1="{x}" y1="16" x2="{x + 22}" y2="16" stroke="{COLOURS[i % len(COLOURS)]}" '
            f'stroke-width="2"{dashes}/>',
            f'<text x="{x + 28}" y="20">{escape(name)}</text>',
        ]
        x += 44 + 7 * width(name)
    return drawn


def _number(value: float) -> str:
    return f"{value:g}".replace("-", "−")

"""Pictures for the page, as SVG text without a word in them: what they show is said in the page, in two
languages.

A picture is a frame with numbers at round places and, inside it, lines, dots or bars. Text stays text, drawn
with the reader's own fonts. Equal data gives equal bytes, and nothing in a picture has a name that could meet
that of another on the page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from chainrule.frozen import frozen

BLUE, ORANGE, GREEN, GREY = "#2563a8", "#d1660f", "#2b8a3e", "#868e96"
PALE, DARK = "#e9ecef", "#495057"
POINTS = 2000  # of a scatter picture at most: more only hide each other
WIDE, HIGH = 560, 320  # of a picture
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 12, 30  # what is left free around the frame
MOST_TICKS = 8


def curves(lines: Sequence[tuple[Sequence[float], str]], best: int | None) -> str:
    """Lines over the epochs.

    Args:
        lines: values and colour of each.
        best: the epoch whose weights were kept; marked.
    """
    values = [value for line, _ in lines for value in line if math.isfinite(value)]
    epochs = max((len(line) for line, _ in lines), default=1)
    frame = Frame(_wider(1, epochs), _wider(min(values, default=0.0), max(values, default=1.0)), True)
    drawn = [frame.line([(best, frame.y[0]), (best, frame.y[1])], GREY, is_dashed=True)] if best else []
    for line, colour in lines:
        points = [(i, value) for i, value in enumerate(line, 1) if math.isfinite(value)]
        drawn += [frame.line(points, colour)] if len(line) > 2 else frame.dots(points, colour, 3)
    return frame.picture(drawn)


def against(true: np.ndarray, predicted: np.ndarray) -> str:
    """Predicted values over true ones, with the line where both are equal."""
    low, high = float(min(true.min(), predicted.min())), float(max(true.max(), predicted.max()))
    frame = Frame(_wider(low, high), _wider(low, high))
    points = list(zip(true[:POINTS].tolist(), predicted[:POINTS].tolist(), strict=True))
    diagonal = frame.line([(low, low), (high, high)], GREY, is_dashed=True)
    return frame.picture([diagonal, *frame.dots(points, BLUE, 3.5)])


def residuals(errors: np.ndarray) -> str:
    """How often each error occurs."""
    wide = _wider(float(errors.min()), float(errors.max()))
    counts, edges = np.histogram(errors, bins=min(40, max(5, len(errors) // 5)), range=wide)
    frame = Frame(wide, (0.0, 1.05 * max(int(counts.max()), 1)))
    bars = zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
    drawn = [frame.bar(low, high, count) for low, high, count in bars if count]
    return frame.picture([*drawn, frame.line([(0.0, 0.0), (0.0, frame.y[1])], GREY, is_dashed=True)])


def _wider(low: float, high: float) -> tuple[float, float]:
    """A range with some room on both sides."""
    room = 0.04 * (high - low) or 0.5 * abs(low) or 0.5
    return low - room, high + room


def ticks(low: float, high: float, is_whole: bool = False) -> list[float]:
    """Round numbers between two others: multiples of 1, 2 or 5 times a power of ten.

    Args:
        is_whole: whole numbers only.

    Example:
        >>> ticks(0.03, 0.71), ticks(0.9, 4.1, is_whole=True)
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], [1.0, 2.0, 3.0, 4.0])
    """
    least = (high - low) / MOST_TICKS
    power = 10.0 ** math.floor(math.log10(least))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))
    step = max(step, 1.0) if is_whole else step
    digits = max(0, -math.floor(math.log10(step)))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, digits) + 0.0 for i in range(first, last + 1)]


@frozen
class Frame:
    """The place of numbers on a picture.

    Args:
        x, y: the range of each axis.
        is_counted: whether the numbers along x are whole.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    is_counted: bool = False

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a pair of numbers lies, in pixels from the upper left corner."""
        along = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        place = LEFT + along * (WIDE - LEFT - RIGHT), HIGH - BOTTOM - up * (HIGH - TOP - BOTTOM)
        return round(place[0], 1), round(place[1], 1)

    def line(self, points: Sequence[tuple[float, float]], colour: str, is_dashed: bool = False) -> str:
        """A line through points."""
        path = " ".join(f"{px:g},{py:g}" for px, py in (self.at(*point) for point in points))
        dash = ' stroke-dasharray="4 3" stroke-width="1"' if is_dashed else ' stroke-width="1.6"'
        return f'<polyline points="{path}" fill="none" stroke="{colour}"{dash}/>'

    def dots(self, points: Sequence[tuple[float, float]], colour: str, radius: float) -> list[str]:
        """A dot at each point, so pale that many on one place can be seen."""
        return [
            f'<circle cx="{px:g}" cy="{py:g}" r="{radius:g}" fill="{colour}" fill-opacity="0.6"/>'
            for px, py in (self.at(*point) for point in points)
        ]

    def bar(self, low: float, high: float, count: float) -> str:
        """A bar of this height between two numbers."""
        (left, top), (right, bottom) = self.at(low, count), self.at(high, self.y[0])
        size = f'width="{right - left:.1f}" height="{bottom - top:.1f}"'
        return f'<rect x="{left:g}" y="{top:g}" {size} fill="{BLUE}" fill-opacity="0.8"/>'

    def picture(self, drawn: Sequence[str]) -> str:
        """The text of a picture: the grid with its numbers, and on it what is drawn."""
        grid = []
        for x in ticks(*self.x, self.is_counted):
            (px, top), (_, bottom) = self.at(x, self.y[1]), self.at(x, self.y[0])
            grid.append(f'<path d="M{px:g} {top:g}V{bottom:g}" stroke="{PALE}"/>')
            grid.append(f'<text x="{px:g}" y="{HIGH - 10}" text-anchor="middle">{_number(x)}</text>')
        for y in ticks(*self.y):
            (left, py), (right, _) = self.at(self.x[0], y), self.at(self.x[1], y)
            grid.append(f'<path d="M{left:g} {py:g}H{right:g}" stroke="{PALE}"/>')
            grid.append(f'<text x="{LEFT - 8}" y="{py + 4:g}" text-anchor="end">{_number(y)}</text>')
        (left, top), (right, bottom) = self.at(self.x[0], self.y[1]), self.at(self.x[1], self.y[0])
        frame = f'<path d="M{left:g} {top:g}V{bottom:g}H{right:g}" fill="none" stroke="{DARK}"/>'
        head = f'<svg viewBox="0 0 {WIDE} {HIGH}" role="img" font-family="sans-serif" font-size="12"'
        return f'{head} fill="{DARK}">{"".join([*grid, frame, *drawn])}</svg>'


def _number(value: float) -> str:
    """A number at an axis."""
    return f"{value:.10g}".replace("-", "−").replace("e+0", "e").replace("e−0", "e−")

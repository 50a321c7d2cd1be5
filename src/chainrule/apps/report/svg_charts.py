"""Pictures for the page, as SVG text without a word in them: what they show is said in the page, in two
languages.

A picture is a frame with numbers at round places and, inside it, lines, dots or bars. Text stays text, drawn
with the reader's own fonts. Equal data gives equal bytes, and nothing in a picture has a name that could meet
that of another on the page.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from chainrule.plotting.plots.calibration import Reliability
from chainrule.plotting.plots.decision_boundary import PredictionGrid
from chainrule.records import frozen

BLUE, ORANGE, GREEN, GRAY = "#2563a8", "#d1660f", "#2b8a3e", "#868e96"
COLORS = (BLUE, ORANGE, GREEN, "#8a4fa3", "#b08900", "#2a9aa8", "#a83258", "#495057")
DEPTHS = 8  # shades of a color
PALE, DARK = "#e9ecef", "#495057"
POINTS = 2000  # of a scatter picture at most: more only hide each other
WIDE, HIGH = 560, 320  # of a picture
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 12, 30  # what is left free around the frame
MOST_TICKS = 8


def curves(lines: Sequence[tuple[Sequence[float], str]], best: int | None) -> str:
    """Lines over the epochs.

    Args:
        lines: values and color of each.
        best: the epoch whose weights were kept; marked.
    """
    values = [value for line, _ in lines for value in line if math.isfinite(value)]
    epochs = max((len(line) for line, _ in lines), default=1)
    frame = Frame(_wider(1, epochs), _wider(min(values, default=0.0), max(values, default=1.0)), True)
    drawn = [frame.line([(best, frame.y[0]), (best, frame.y[1])], GRAY, is_dashed=True)] if best else []
    for line, color in lines:
        points = [(i, value) for i, value in enumerate(line, 1) if math.isfinite(value)]
        drawn += [frame.line(points, color)] if len(line) > 2 else frame.dots(points, color, 3)
    return frame.picture(drawn)


def against(true: np.ndarray, predicted: np.ndarray) -> str:
    """Predicted values over true ones, with the line where both are equal."""
    low, high = float(min(true.min(), predicted.min())), float(max(true.max(), predicted.max()))
    frame = Frame(_wider(low, high), _wider(low, high))
    points = list(zip(true[:POINTS].tolist(), predicted[:POINTS].tolist(), strict=True))
    diagonal = frame.line([(low, low), (high, high)], GRAY, is_dashed=True)
    return frame.picture([diagonal, *frame.dots(points, BLUE, 3.5)])


def residuals(errors: np.ndarray) -> str:
    """How often each error occurs."""
    wide = _wider(float(errors.min()), float(errors.max()))
    counts, edges = np.histogram(errors, bins=min(40, max(5, len(errors) // 5)), range=wide)
    frame = Frame(wide, (0.0, 1.05 * max(int(counts.max()), 1)))
    bars = zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
    drawn = [frame.bar(low, high, count) for low, high, count in bars if count]
    return frame.picture([*drawn, frame.line([(0.0, 0.0), (0.0, frame.y[1])], GRAY, is_dashed=True)])


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

    def line(self, points: Sequence[tuple[float, float]], color: str, is_dashed: bool = False) -> str:
        """A line through points."""
        path = " ".join(f"{px:g},{py:g}" for px, py in (self.at(*point) for point in points))
        dash = ' stroke-dasharray="4 3" stroke-width="1"' if is_dashed else ' stroke-width="1.6"'
        return f'<polyline points="{path}" fill="none" stroke="{color}"{dash}/>'

    def dots(self, points: Sequence[tuple[float, float]], color: str, radius: float) -> list[str]:
        """A dot at each point, so pale that many on one place can be seen."""
        return [
            f'<circle cx="{px:g}" cy="{py:g}" r="{radius:g}" fill="{color}" fill-opacity="0.6"/>'
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


def reliability(found: Reliability) -> str:
    """How often answers are right for each bin of confidence, beside how sure they are."""
    there = found.counts > 0
    low = min(0.5, math.floor(float(found.confidence[there].min()) * len(there)) / len(there))
    frame = Frame((low, 1.0), (0.0, 1.02))
    edges = np.linspace(0, 1, len(there) + 1)
    bars = zip(
        edges[:-1][there].tolist(), edges[1:][there].tolist(), found.accuracy[there].tolist(), strict=True
    )
    drawn = [frame.bar(start + 0.004, end - 0.004, right) for start, end, right in bars]
    diagonal = frame.line([(low, low), (1.0, 1.0)], GRAY, is_dashed=True)
    points = zip(found.confidence[there].tolist(), found.accuracy[there].tolist(), strict=True)
    return frame.picture([*drawn, diagonal, *frame.dots(list(points), ORANGE, 3)])


def regions(shown: PredictionGrid, rows: np.ndarray, classes: np.ndarray) -> str:
    """Which class is answered where, the paler the less sure, and rows in the colors of their classes.

    Args:
        shown: the answers over two features.
        rows: (N, 2) as the net sees them.
        classes: (N,) their true classes.
    """
    x, y = (shown.to_units(axis, shown.edges[axis]).tolist() for axis in range(2))
    frame = Frame((x[0], x[-1]), (y[0], y[-1]))
    best, count = shown.prediction.argmax(axis=-1), shown.prediction.shape[-1]
    sure = (shown.prediction.max(axis=-1) - 1 / count) / (1 - 1 / count)
    depth = np.clip(np.ceil(sure * DEPTHS), 1, DEPTHS).astype(int)
    drawn = []
    for j in range(len(y) - 1):
        mark = best[j] * (DEPTHS + 1) + depth[j]
        starts = np.append(np.flatnonzero(np.diff(mark[:-1], prepend=-1)), len(x) - 1).tolist()
        for start, end in itertools.pairwise(starts):
            color = COLORS[int(best[j, start]) % len(COLORS)]
            (left, top), (right, bottom) = frame.at(x[start], y[j + 1]), frame.at(x[end], y[j])
            drawn.append(
                f'<rect x="{left:g}" y="{top:g}" width="{right - left + 0.3:.1f}" '
                f'height="{bottom - top + 0.3:.1f}" fill="{color}" '
                f'fill-opacity="{0.5 * depth[j, start] / DEPTHS:.2f}"/>'
            )
    places = [shown.to_units(axis, rows[:POINTS, axis]) for axis in range(2)]
    for k in range(count):
        own = classes[:POINTS] == k
        points = list(zip(places[0][own].tolist(), places[1][own].tolist(), strict=True))
        drawn += frame.dots(points, COLORS[k % len(COLORS)], 3)
    return frame.picture(drawn)


def bands(epochs: np.ndarray, edges: np.ndarray, shares: np.ndarray) -> str:
    """Values over the epochs: the darker, the more numbers lie there.

    Args:
        epochs: (n,) when they were counted.
        edges: (cells + 1,) the ends of the cells.
        shares: (n, cells) from 0 to 1.
    """
    last = float(epochs[-1])
    ends = [float(epoch) - 0.5 for epoch in epochs] + [last + max(1.0, last - float(epochs[-2:][0])) - 0.5]
    marks = edges.tolist()
    frame = Frame((ends[0], ends[-1]), (marks[0], marks[-1]), True)
    drawn = []
    for i, row in enumerate(np.ceil(shares * DEPTHS).astype(int)):
        starts = np.append(np.flatnonzero(np.diff(row, prepend=-1)), len(row)).tolist()
        for start, end in itertools.pairwise(starts):
            (left, top), (right, bottom) = (
                frame.at(ends[i], marks[end]), frame.at(ends[i + 1], marks[start])
            )  # fmt: skip
            if row[start]:
                size = f'width="{right - left + 0.2:.1f}" height="{bottom - top:.1f}"'
                shade = f'fill="{BLUE}" fill-opacity="{row[start] / DEPTHS:.2f}"'
                drawn.append(f'<rect x="{left:g}" y="{top:g}" {size} {shade}/>')
    return frame.picture(drawn)

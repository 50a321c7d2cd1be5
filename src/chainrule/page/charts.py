"""Charts as SVG: bars, and frames with lines, dots and bars; no scripts, no external resources.

A frame has ticks at round numbers. It contains no words: its caption is part of the page, so that one chart
serves both languages. Tick labels are SVG text in the fonts of the reader. Equal data results in equal bytes,
and no element has an id that could collide with another chart of the page.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from chainrule.escaping import escape
from chainrule.memoization import cached_property
from chainrule.metrics.calibration import Reliability
from chainrule.notation.number_format import GROUPED, LARGE
from chainrule.notation.text_columns import width
from chainrule.records import frozen

BLUE, ORANGE, GREEN, GRAY = "#2563a8", "#d1660f", "#2b8a3e", "#868e96"
COLORS = (BLUE, ORANGE, GREEN, "#8a4fa3", "#b08900", "#2a9aa8", "#a83258", "#495057")
DEPTHS = 8  # shades of a color
PALE, DARK = "#e9ecef", "#495057"
MAX_POINTS = 2000  # of a scatter chart; more would hide each other
WIDTH, HEIGHT = 560, 320  # of a chart
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 12, 30  # margins around the frame; the left one is larger for long labels
LETTER = 9.5  # width of a digit of a label on a phone, where labels are larger
MAX_TICKS = 8
BAR_LETTER, BAR_DISTANCE, BAR_HEIGHT, MAX_BAR = 7, 22, 14, 260  # pixels of a chart of bars
SUPPORT, OPPOSE, NEUTRAL = "#2563a8", "#d1660f", "#ffffff"  # colors of positive and negative values and of 0
SCALE_QUANTILE = 0.99  # the share of values within the color scale


def curves(lines: Sequence[tuple[Sequence[float], str]], best: int | None) -> str:
    """Draw lines over the epochs, each of values and color; a dashed line marks the ``best`` epoch."""
    values = [value for line, _ in lines for value in line if math.isfinite(value)]
    epochs = max((len(line) for line, _ in lines), default=1)
    frame = Frame(_widen(1, epochs), _widen(min(values, default=0.0), max(values, default=1.0)), True)
    elements = [frame.line([(best, frame.y[0]), (best, frame.y[1])], GRAY, is_dashed=True)] if best else []
    for line, color in lines:
        points = [(i, value) for i, value in enumerate(line, 1) if math.isfinite(value)]
        elements += [frame.line(points, color)] if len(line) > 2 else frame.dots(points, color, 3)
    return frame.chart(elements)


def against(true: np.ndarray, predicted: np.ndarray) -> str:
    """Draw predicted values over true values, with the diagonal of equality."""
    low, high = float(min(true.min(), predicted.min())), float(max(true.max(), predicted.max()))
    frame = Frame(_widen(low, high), _widen(low, high))
    points = list(zip(true[:MAX_POINTS].tolist(), predicted[:MAX_POINTS].tolist(), strict=True))
    diagonal = frame.line([(low, low), (high, high)], GRAY, is_dashed=True)
    return frame.chart([diagonal, *frame.dots(points, BLUE, 3.5)])


def residuals(errors: np.ndarray) -> str:
    """Return the histogram of the errors."""
    bounds = _widen(float(errors.min()), float(errors.max()))
    counts, edges = np.histogram(errors, bins=min(40, max(5, len(errors) // 5)), range=bounds)
    frame = Frame(bounds, (0.0, 1.05 * max(int(counts.max()), 1)))
    bars = zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
    elements = [frame.bar(low, high, count) for low, high, count in bars if count]
    return frame.chart([*elements, frame.line([(0.0, 0.0), (0.0, frame.y[1])], GRAY, is_dashed=True)])


def _widen(low: float, high: float) -> tuple[float, float]:
    margin = 0.04 * (high - low) or 0.5 * abs(low) or 0.5
    return low - margin, high + margin


def ticks(low: float, high: float, is_integer: bool = False, max_ticks: int = MAX_TICKS) -> list[float]:
    """Round numbers in a range: multiples of 1, 2 or 5 times a power of ten.

    Args:
        low, high: the range.
        is_integer: integers only.
        max_ticks: the number of intervals that is not exceeded.

    Example:
        >>> ticks(0.03, 0.71), ticks(0.9, 4.1, is_integer=True)
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], [1.0, 2.0, 3.0, 4.0])
    """
    min_step = (high - low) / max_ticks
    power = 10.0 ** math.floor(math.log10(min_step))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= min_step * (1 - 1e-9))
    step = max(step, 1.0) if is_integer else step
    digits = max(0, -math.floor(math.log10(step)))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, digits) + 0.0 for i in range(first, last + 1)]


@frozen
class Frame:
    """The coordinate system of a chart.

    Args:
        x, y: the range of each axis.
        has_integer_x: whether the ticks of the x axis are integers.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    has_integer_x: bool = False

    @cached_property
    def left(self) -> float:
        """The left margin, which contains the labels of the vertical axis."""
        return max(LEFT, 12 + LETTER * max((len(_number(y)) for y in ticks(*self.y)), default=0))

    @cached_property
    def x_ticks(self) -> list[float]:
        """The ticks of the horizontal axis, few enough that their labels do not overlap."""
        positions = ticks(*self.x, self.has_integer_x)
        length = max((len(_number(x)) for x in positions), default=1)
        fitting = int((WIDTH - self.left - RIGHT) / (LETTER * (length + 2)))
        return (
            positions
            if len(positions) <= fitting
            else ticks(*self.x, self.has_integer_x, max(2, fitting - 1))
        )

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the position of a point in pixels from the upper left corner."""
        along = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        position = (
            self.left + along * (WIDTH - self.left - RIGHT),
            HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM),
        )
        return round(position[0], 1), round(position[1], 1)

    def line(self, points: Sequence[tuple[float, float]], color: str, is_dashed: bool = False) -> str:
        """Return a line through points."""
        path = " ".join(f"{px:g},{py:g}" for px, py in (self.at(*point) for point in points))
        dash = ' stroke-dasharray="4 3" stroke-width="1"' if is_dashed else ' stroke-width="1.6"'
        return f'<polyline points="{path}" fill="none" stroke="{color}"{dash}/>'

    def area(self, points: Sequence[tuple[float, float]], color: str) -> str:
        """Return a pale area inside a closed line through points."""
        path = " ".join(f"{px:g},{py:g}" for px, py in (self.at(*point) for point in points))
        return f'<polygon points="{path}" fill="{color}" fill-opacity="0.14"/>'

    def mark(self, x: float) -> str:
        """Return a short mark on the horizontal axis."""
        px, bottom = self.at(x, self.y[0])
        return f'<path d="M{px:g} {bottom:g}v-6" stroke="{DARK}"/>'

    def dots(self, points: Sequence[tuple[float, float]], color: str, radius: float) -> list[str]:
        """Return a semitransparent dot at each point."""
        return [
            f'<circle cx="{px:g}" cy="{py:g}" r="{radius:g}" fill="{color}" fill-opacity="0.6"/>'
            for px, py in (self.at(*point) for point in points)
        ]

    def bar(self, low: float, high: float, count: float) -> str:
        """Return a bar of height ``count`` from ``low`` to ``high``."""
        (left, top), (right, bottom) = self.at(low, count), self.at(high, self.y[0])
        size = f'width="{right - left:.1f}" height="{bottom - top:.1f}"'
        return f'<rect x="{left:g}" y="{top:g}" {size} fill="{BLUE}" fill-opacity="0.8"/>'

    def chart(self, elements: Sequence[str]) -> str:
        """Return the SVG text of a chart: grid, tick labels and elements."""
        grid = []
        for x in self.x_ticks:
            (px, top), (_, bottom) = self.at(x, self.y[1]), self.at(x, self.y[0])
            grid.append(f'<path d="M{px:g} {top:g}V{bottom:g}" stroke="{PALE}"/>')
            grid.append(f'<text x="{px:g}" y="{HEIGHT - 10}" text-anchor="middle">{_number(x)}</text>')
        for y in ticks(*self.y):
            (left, py), (right, _) = self.at(self.x[0], y), self.at(self.x[1], y)
            grid.append(f'<path d="M{left:g} {py:g}H{right:g}" stroke="{PALE}"/>')
            grid.append(f'<text x="{self.left - 8:g}" y="{py + 4:g}" text-anchor="end">{_number(y)}</text>')
        (left, top), (right, bottom) = self.at(self.x[0], self.y[1]), self.at(self.x[1], self.y[0])
        frame = f'<path d="M{left:g} {top:g}V{bottom:g}H{right:g}" fill="none" stroke="{DARK}"/>'
        head = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="sans-serif" font-size="12"'
        return f'{head} fill="{DARK}">{"".join([*grid, frame, *elements])}</svg>'


def _number(value: float) -> str:
    """Format a tick label."""
    text = f"{value:,.0f}" if GROUPED <= abs(value) < LARGE else f"{value:.10g}"
    return text.replace("-", "−").replace("e+0", "e").replace("e−0", "e−")


def calibration(curves: Sequence[tuple[Reliability, str]]) -> str:
    """Return the observed share of the positive class over its probability, with two standard errors.

    ``curves`` has for each model its calibration table and its color.
    """
    frame = Frame((0.0, 1.0), (0.0, 1.0))
    elements = [frame.line([(0.0, 0.0), (1.0, 1.0)], GRAY, is_dashed=True)]
    for table, color in curves:
        points = [(part.predicted, part.observed) for part in table.bins]
        for part in table.bins:
            ends = (part.observed + sign * 2 * part.standard_error for sign in (-1, 1))
            elements.append(frame.line([(part.predicted, min(max(end, 0.0), 1.0)) for end in ends], color))
        elements += [frame.line(points, color), *frame.dots(points, color, 3.5)]
    return frame.chart(elements)


def shares(numbers: np.ndarray, lines: Sequence[tuple[np.ndarray, str]]) -> str:
    """Draw shares between 0 and 1 by another share.

    Args:
        numbers: (points,) values between 0 and 1.
        lines: for each line its (points,) shares and its color.
    """
    chosen = np.unique(np.linspace(0, len(numbers) - 1, min(len(numbers), MAX_POINTS)).astype(int))
    frame = Frame((0.0, 1.0), (0.0, 1.02))
    x = numbers[chosen].tolist()
    elements = [
        frame.line(list(zip(x, values[chosen].tolist(), strict=True)), color) for values, color in lines
    ]
    return frame.chart(elements)


def dependence(
    numbers: np.ndarray,
    lines: Sequence[tuple[np.ndarray, str]],
    band: tuple[np.ndarray, np.ndarray] | None,
    limits: tuple[float, float],
) -> str:
    """Return the prediction by the value of a column; marks on the axis are quantiles of the column.

    Args:
        numbers: (points,) ascending values of the column.
        lines: for each line its (points,) predictions and its color.
        band: the lower and the upper end of a shaded area.
        limits: the range of the vertical axis.
    """
    x = numbers.tolist()
    frame = Frame(_widen(x[0], x[-1]), limits)
    elements = []
    if band is not None:
        edge = list(zip(x, band[0].tolist(), strict=True)) + list(zip(x, band[1].tolist(), strict=True))[::-1]
        elements.append(frame.area(edge, BLUE))
    for values, color in lines:
        points = list(zip(x, values.tolist(), strict=True))
        elements += [frame.line(points, color), *frame.dots(points, color, 2.5)]
    return frame.chart([*elements, *(frame.mark(value) for value in x)])


def bands(epochs: np.ndarray, edges: np.ndarray, shares: np.ndarray) -> str:
    """Draw histograms over the epochs: darker cells contain more values.

    Args:
        epochs: (n,) epochs of the histograms.
        edges: (cells + 1,) edges of the cells.
        shares: (n, cells) shares from 0 to 1.
    """
    last = float(epochs[-1])
    ends = [float(epoch) - 0.5 for epoch in epochs] + [last + max(1.0, last - float(epochs[-2:][0])) - 0.5]
    marks = edges.tolist()
    frame = Frame((ends[0], ends[-1]), (marks[0], marks[-1]), True)
    elements = []
    for i, row in enumerate(np.ceil(shares * DEPTHS).astype(int)):
        starts = np.append(np.flatnonzero(np.diff(row, prepend=-1)), len(row)).tolist()
        for start, end in itertools.pairwise(starts):
            (left, top), (right, bottom) = (
                frame.at(ends[i], marks[end]),
                frame.at(ends[i + 1], marks[start]),
            )
            if row[start]:
                size = f'width="{right - left + 0.2:.1f}" height="{bottom - top:.1f}"'
                shade = f'fill="{BLUE}" fill-opacity="{row[start] / DEPTHS:.2f}"'
                elements.append(f'<rect x="{left:g}" y="{top:g}" {size} {shade}/>')
    return frame.chart(elements)


def color_of(share: float) -> str:
    """Return the color of a value relative to the scale: -1 opposes fully, 0 is neutral, 1 supports fully.

    Example:
        >>> color_of(0.0), color_of(1.0), color_of(-1.0), color_of(0.5)
        ('#ffffff', '#2563a8', '#d1660f', '#92b1d4')
    """
    share = float(np.clip(np.nan_to_num(share), -1.0, 1.0))
    end = SUPPORT if share > 0 else OPPOSE
    pairs = [(int(NEUTRAL[i : i + 2], 16), int(end[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(white + abs(share) * (full - white)):02x}" for white, full in pairs)


def scale_limit(values: np.ndarray) -> float:
    """Return the magnitude at which the color scale ends."""
    sizes = np.abs(values[np.isfinite(values)])
    return (float(np.quantile(sizes, SCALE_QUANTILE)) or float(sizes.max())) if sizes.any() else 1.0


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
    label_width = BAR_LETTER * max((width(bar.label) for bar in bars), default=0) + 12
    caption_width = BAR_LETTER * max((width(bar.caption) for bar in bars), default=0) + 16
    largest = max((bar.value for bar in bars), default=0.0) or 1.0
    top = BAR_DISTANCE + 6 if legend else 6
    total_width, total_height = label_width + MAX_BAR + caption_width, top + BAR_DISTANCE * len(bars) + 6
    elements = _legend(legend)
    for i, bar in enumerate(bars):
        y = top + BAR_DISTANCE * i
        length = round(MAX_BAR * bar.value / largest, 1)
        elements += [
            f'<text x="{label_width - 6}" y="{y + 12}" text-anchor="end">{escape(bar.label)}</text>',
            f'<rect x="{label_width}" y="{y + 1}" width="{length}" height="{BAR_HEIGHT}" '
            f'fill="{escape(bar.color)}">'
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
        x += 34 + BAR_LETTER * width(name)
    return elements

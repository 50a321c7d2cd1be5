"""Line plots as text: each Braille character is a cell of 2 x 4 dots.

Braille characters take one column in every terminal, also beside Chinese text, and need no color. Curves are
solid, the axes through 0 are dotted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.notation.text_columns import width

_BITS = (
    (0x01, 0x02, 0x04, 0x40),
    (0x08, 0x10, 0x20, 0x80),
)  # the bit of a dot, by its column and row in the cell
_EMPTY = 0x2800


def plot(x: np.ndarray, y: np.ndarray, columns: int = 34, rows: int = 10) -> list[str]:
    """Return a curve as lines of text with its range beside it.

    Args:
        x, y: the curve, finite; x ascending.
        columns, rows: the size of the plot in characters.

    Example:
        >>> x = np.linspace(-1.0, 1.0, 9)
        >>> print("\\n".join(plot(x, np.abs(x), 6, 2)))
        1 ⠑⡄⠀⡁⢀⠎
        0 ⡀⢈⠢⡔⢁⠀
          -1   1
    """
    low, high = float(np.min(y)), float(np.max(y))
    if high - low < 1e-12:
        low, high = low - 0.5, high + 0.5
    dots = np.zeros((2 * columns, 4 * rows), bool)  # by column from the left, row from the top
    xs = np.arange(2 * columns)
    places = x[0] + (x[-1] - x[0]) * xs / (2 * columns - 1)
    ys = np.rint((high - np.interp(places, x, y)) / (high - low) * (4 * rows - 1)).astype(int)
    _axes(dots, (float(x[0]), float(x[-1])), (low, high))
    for column in xs:
        row, before = int(ys[column]), int(ys[max(column - 1, 0)])
        # Connect steep parts to the previous column, so that the curve has no gaps.
        first, last = sorted((row, before + int(np.sign(row - before))))
        dots[column, first : last + 1] = True
    lines = ["".join(_cell(dots, i, j) for i in range(columns)) for j in range(rows)]
    return _labeled(lines, (_short(high), _short(low)), (_short(float(x[0])), _short(float(x[-1]))))


def side_by_side(plots: Sequence[tuple[str, list[str]]], gap: int = 4) -> list[str]:
    """Arrange plots of equal height side by side, each below its title.

    Example:
        >>> side_by_side([("a", ["xx"]), ("b", ["yy"])], 1)
        ['a  b', 'xx yy']
    """
    columns = []
    for title, lines in plots:
        block = [title, *lines]
        wide = max(map(width, block))
        columns.append([line + " " * (wide - width(line)) for line in block])
    return [(" " * gap).join(row).rstrip() for row in zip(*columns, strict=True)]


def _axes(dots: np.ndarray, across: tuple[float, float], down: tuple[float, float]) -> None:
    """Draw the lines through 0, dotted."""
    (left, right), (low, high) = across, down
    if left < 0 < right:
        dots[round(-left / (right - left) * (len(dots) - 1)), ::3] = True
    if low <= 0 <= high:
        dots[::3, round(high / (high - low) * (dots.shape[1] - 1))] = True


def _cell(dots: np.ndarray, i: int, j: int) -> str:
    """Return the character of two columns and four rows of dots."""
    bits = (bit for c, rows in enumerate(_BITS) for r, bit in enumerate(rows) if dots[2 * i + c, 4 * j + r])
    return chr(_EMPTY + sum(bits))


def _labeled(lines: list[str], height: tuple[str, str], length: tuple[str, str]) -> list[str]:
    """Add the range to a plot: highest and lowest value on the left, both ends of x below."""
    wide = max(map(len, height))
    names = [height[0], *[""] * (len(lines) - 2), height[1]] if len(lines) > 1 else [height[0]]
    space = " " * (len(lines[0]) - len(length[0]) - len(length[1]))
    labeled = [f"{name:>{wide}} {line}" for name, line in zip(names, lines, strict=True)]
    return [*labeled, f"{'':>{wide}} {length[0]}{space}{length[1]}"]


def _short(value: float) -> str:
    return f"{value:.3g}"

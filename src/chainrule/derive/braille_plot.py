"""Curves in text: a character of the Braille block is a cell of 2 x 4 dots, so lines of text are a picture.

Braille characters take one column in every terminal, also where Chinese is written, and need no colour.
Lines of the plot are drawn in full, the axes through 0 dotted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.notation.text_columns import width

_BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # of a dot, by its column and row in the cell
_EMPTY = 0x2800


def plot(x: np.ndarray, y: np.ndarray, across: int = 34, down: int = 10) -> list[str]:
    """A curve as lines of text, its range written beside it.

    Args:
        x, y: the curve, finite, x rising.
        across, down: the size of the picture in characters.

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
    dots = np.zeros((2 * across, 4 * down), bool)  # by column from the left and row from the top
    columns = np.arange(2 * across)
    places = x[0] + (x[-1] - x[0]) * columns / (2 * across - 1)
    rows = np.rint((high - np.interp(places, x, y)) / (high - low) * (4 * down - 1)).astype(int)
    _axes(dots, (float(x[0]), float(x[-1])), (low, high))
    for column in columns:
        row, before = int(rows[column]), int(rows[max(column - 1, 0)])
        # Steep parts are joined to the column before, or they would fall into single dots.
        first, last = sorted((row, before + int(np.sign(row - before))))
        dots[column, first : last + 1] = True
    lines = ["".join(_cell(dots, i, j) for i in range(across)) for j in range(down)]
    return _labelled(lines, (_short(high), _short(low)), (_short(float(x[0])), _short(float(x[-1]))))


def side_by_side(pictures: Sequence[tuple[str, list[str]]], gap: int = 4) -> list[str]:
    """Pictures of one height beside each other, each with its title above.

    Example:
        >>> side_by_side([("a", ["xx"]), ("b", ["yy"])], 1)
        ['a  b', 'xx yy']
    """
    columns = []
    for title, lines in pictures:
        whole = [title, *lines]
        wide = max(map(width, whole))
        columns.append([line + " " * (wide - width(line)) for line in whole])
    return [(" " * gap).join(row).rstrip() for row in zip(*columns, strict=True)]


def _axes(dots: np.ndarray, across: tuple[float, float], down: tuple[float, float]) -> None:
    """The lines through 0, every second dot of them."""
    (left, right), (low, high) = across, down
    if left < 0 < right:
        dots[round(-left / (right - left) * (len(dots) - 1)), ::3] = True
    if low <= 0 <= high:
        dots[::3, round(high / (high - low) * (dots.shape[1] - 1))] = True


def _cell(dots: np.ndarray, i: int, j: int) -> str:
    """One character: the dots of two columns and four rows."""
    bits = (bit for c, rows in enumerate(_BITS) for r, bit in enumerate(rows) if dots[2 * i + c, 4 * j + r])
    return chr(_EMPTY + sum(bits))


def _labelled(lines: list[str], height: tuple[str, str], length: tuple[str, str]) -> list[str]:
    """The picture with its range: the highest and lowest value on the left, both ends of x below."""
    wide = max(map(len, height))
    names = [height[0], *[""] * (len(lines) - 2), height[1]] if len(lines) > 1 else [height[0]]
    space = " " * (len(lines[0]) - len(length[0]) - len(length[1]))
    told = [f"{name:>{wide}} {line}" for name, line in zip(names, lines, strict=True)]
    return [*told, f"{'':>{wide}} {length[0]}{space}{length[1]}"]


def _short(value: float) -> str:
    return f"{value:.3g}"

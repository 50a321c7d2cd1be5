"""Diagrams as text, for a terminal: a network of fully connected layers with the values of its units.

              ┌─ a₁⁽¹⁾ = 0.598688 ─┐
    x₁ = 1.0 ─┤                    │
              ├─ a₂⁽¹⁾ = 0.425557 ─┼─ ŷ = 0.608983 ─── J = 0.076447
    x₂ = 0.5 ─┤                    │
              └─ a₃⁽¹⁾ = 0.622459 ─┘

Each unit on the left of a vertical line is connected with each unit on its right.
"""

from __future__ import annotations

from itertools import pairwise

from chainrule.escaping import printable
from chainrule.notation import number
from chainrule.notation.text_columns import width
from chainrule.page.diagram import Column, Diagram

MAX_COLUMNS = 5  # and the loss; deeper networks are too wide for a terminal
MAX_WEIGHTS = 16  # more are not listed below the drawing
_JUNCTIONS = " │││─┌└├─┐┘┤─┬┴┼"
"""Where lines meet: to the left counts 8, to the right 4, up 2, down 1."""
GAP = "⋮"


def diagram_lines(diagram: Diagram) -> list[str]:
    """Return a diagram as lines of text, with its weights below if they are few.

    Returns:
        An empty list for a network that is not a chain of a few fully connected layers.
    """
    columns = diagram.columns
    connected = {wire.column for wire in diagram.wires}
    if len(columns) > MAX_COLUMNS + 1 or not connected or connected != set(range(1, len(columns) - 1)):
        return []
    rows = 2 * max(len(column.units) + bool(column.gap) for column in columns) - 1
    texts = [_placed(column, rows) for column in columns]
    lines = [""] * rows
    for left, right in pairwise([*texts, {}]):
        span = max(map(width, left.values()))
        gap = _junctions(left, right)
        for row in range(rows):
            text = left.get(row, "")
            if right:
                lead = ("─" if row in left and text != GAP else " ") * (span - width(text) + 1)
                end = "─ " if right.get(row, GAP) != GAP else "  "
                text = f"{text} {lead}{gap.get(row, ' ')}{end}"
            lines[row] += text
    return [line.rstrip() for line in lines] + _weights(diagram)


def _placed(column: Column, rows: int) -> dict[int, str]:
    """Return the texts of a column by row, centered."""
    texts = [f"{printable(unit.name)} = {number(unit.value)}" for unit in column.units]
    if column.gap:
        texts.insert(column.gap, GAP)
    first = (rows - (2 * len(texts) - 1)) // 2
    return {first + 2 * i: text for i, text in enumerate(texts)}


def _junctions(left: dict[int, str], right: dict[int, str]) -> dict[int, str]:
    """Return the characters between two columns, by row."""
    sides = [{row for row, text in side.items() if text != GAP} for side in (left, right)]
    ends = sides[0] | sides[1]
    return {
        row: _JUNCTIONS[
            8 * (row in sides[0]) + 4 * (row in sides[1]) + 2 * (row > min(ends)) + (row < max(ends))
        ]
        for row in range(min(ends), max(ends) + 1)
    }


def _weights(diagram: Diagram) -> list[str]:
    """Return a line for each unit with the weights that lead to it."""
    if len(diagram.wires) > MAX_WEIGHTS or any(column.gap for column in diagram.columns):
        return []
    units: dict[tuple[int, int], list[str]] = {}
    for wire in diagram.wires:
        text = f"{printable(wire.name)} = {number(wire.value)}"
        units.setdefault((wire.column, wire.end), []).append(text)
    return ["", *("   ".join(texts) for texts in units.values())]

"""Diagrams as SVG: each circle and line links to its formula and is highlighted together with it."""

from __future__ import annotations

from collections.abc import Hashable
from itertools import pairwise

from chainrule.escaping import escape
from chainrule.notation import number
from chainrule.notation.text_columns import width
from chainrule.page.anchors import DRAWN, Anchors
from chainrule.page.diagram import Column, Diagram, Unit, Wire

ACROSS, DOWN, RADIUS = 132, 58, 20  # pixels: column distance, circle distance, circle radius
TOP, MARGIN, LETTER = 44, 56, 8
INSIDE = 6  # characters that fit into a circle; longer names are smaller
THIN, THICK = 1.0, 5.0
SMALLEST = 0.55  # scale on a narrow screen; a diagram that is still wider scrolls


def diagram_svg(diagram: Diagram, anchors: Anchors) -> str:
    """Return a diagram as one SVG element."""
    rows = max(len(column.units) + bool(column.gap) for column in diagram.columns)
    wide, high = 2 * MARGIN + ACROSS * (len(diagram.columns) - 1), TOP + DOWN * max(rows, 1) + 8
    largest = max((abs(wire.value) for wire in diagram.wires), default=0.0) or 1.0
    elements = [_flows(diagram, high)]
    elements += [_wire(wire, diagram, high, largest, anchors) for wire in diagram.wires]
    for place, column in enumerate(diagram.columns):
        elements.append(_column(column, place, high, anchors))
    size = f'width="{wide}" style="min-width:{round(SMALLEST * wide)}px"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" {size} role="img">'
    return f'<div class="diagram">{head}{"".join(elements)}</svg></div>'


def _x(place: int) -> int:
    return MARGIN + ACROSS * place


def _y(column: Column, unit: int, high: int) -> float:
    """Return the y coordinate of a circle; a column is centered and a gap counts as one circle."""
    rows, row = len(column.units) + bool(column.gap), unit + (column.gap and unit >= column.gap)
    return (TOP + high) / 2 + DOWN * (row - (rows - 1) / 2)


def _wire(wire: Wire, diagram: Diagram, high: int, largest: float, anchors: Anchors) -> str:
    before, column = diagram.columns[wire.column - 1 : wire.column + 1]
    x1, x2 = _x(wire.column - 1) + RADIUS, _x(wire.column) - RADIUS
    line = f'x1="{x1}" y1="{_y(before, wire.start, high):g}" x2="{x2}" y2="{_y(column, wire.end, high):g}"'
    gradient, slope = wire.gradient
    title = f"{wire.name} = {number(wire.value)}; ∂J/∂{wire.name} = {number(slope, fixed=True)}"
    thick = THIN + (THICK - THIN) * abs(wire.value) / largest
    sign = "positive" if wire.value >= 0 else "negative"
    lines = (
        f'<line class="{sign}" {line} stroke-width="{thick:.1f}"/><line {line} class="reach"/>'
        f"<title>{escape(title)}</title>"
    )
    return _link(lines, wire.target, anchors, (anchors.place(gradient) or ("", ""))[1])


def _link(inside: str, target: Hashable, anchors: Anchors, address: str = "") -> str:
    """Return the drawing of a target as a link to ``address``, or to its home unless it is the home."""
    kind, own = anchors.place(target) or ("", "")
    home = anchors.home(target, DRAWN)
    address = address or ("" if home else own)
    marks = f' id="{escape(home)}"' * bool(home) + f' class="{escape(kind)}"' * bool(kind)
    return f'<a{marks} href="{escape(address)}">{inside}</a>' if address else f"<g{marks}>{inside}</g>"


def _column(column: Column, place: int, high: int, anchors: Anchors) -> str:
    x, middle = _x(place), (TOP + high) / 2
    title = f'<text x="{x}" y="16" class="title">{escape(_short(column.title))}</text>'
    shape = f'<text x="{x}" y="31" class="value">{escape(column.shape)}</text>' if column.shape else ""
    if not column.units:
        box = (
            f'<rect x="{x - 36}" y="{middle - 18:g}" width="72" height="36" rx="6"/>' if column.nodes else ""
        )
        shape = f'<text x="{x}" y="{middle + 4:g}">{escape(column.shape)}</text>'
        address = next(filter(None, map(anchors.first, column.nodes)), "")
        return title + (f'<a href="{address}">{box}{shape}</a>' if address else box + shape)
    circles = "".join(_circle(unit, x, _y(column, i, high), anchors) for i, unit in enumerate(column.units))
    y = _y(column, column.gap, high) - DOWN
    return title + shape + circles + (f'<text x="{x}" y="{y + 5:g}">⋮</text>' if column.gap else "")


def _circle(unit: Unit, x: int, y: float, anchors: Anchors) -> str:
    small = ' class="small"' if width(unit.name) > INSIDE else ""
    elements = (
        f'<circle cx="{x}" cy="{y:g}" r="{RADIUS}"/>'
        f'<text x="{x}" y="{y + 4:g}"{small}>{escape(unit.name)}</text>'
        f'<text x="{x}" y="{y + RADIUS + 12:g}" class="value">{escape(number(unit.value, 3))}</text>'
    )
    return _link(elements, unit.target, anchors)


def _short(title: str) -> str:
    max_length = ACROSS // LETTER - 2  # leaves a gap to the adjacent title
    return title if width(title) <= max_length else f"…{title[1 - max_length :]}"


def _flows(diagram: Diagram, high: int) -> str:
    """Return bands or lines between columns that are not connected by weights."""
    connected = {wire.column for wire in diagram.wires}
    pairs = enumerate(pairwise(diagram.columns), 1)
    return "".join(_flow(before, column, i, high) for i, (before, column) in pairs if i not in connected)


def _flow(before: Column, column: Column, place: int, high: int) -> str:
    left, right, middle = _x(place - 1), _x(place), (TOP + high) / 2
    if not before.gap or not column.units:
        return f'<line class="flow" x1="{left + 40}" y1="{middle:g}" x2="{right - 40}" y2="{middle:g}"/>'
    corners = [(left + RADIUS, _y(before, i, high)) for i in (0, len(before.units) - 1)]
    corners += [(right - RADIUS, _y(column, i, high)) for i in (len(column.units) - 1, 0)]
    return f'<polygon class="band" points="{" ".join(f"{x},{y:g}" for x, y in corners)}"/>'

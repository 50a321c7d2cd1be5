"""A diagram as SVG within a page: each circle and line is a link to its formula, and lit up from there."""

from __future__ import annotations

from collections.abc import Hashable
from itertools import pairwise

from chainrule.escaping import escape
from chainrule.notation import number
from chainrule.notation.text_columns import width
from chainrule.page.anchors import DRAWN, Places
from chainrule.page.diagram import Column, Diagram, Unit, Wire

ACROSS, DOWN, RADIUS = 132, 58, 20  # pixels: from column to column and circle to circle, and a circle's size
TOP, MARGIN, LETTER = 44, 56, 8
INSIDE = 6  # signs that fit into a circle; a longer name is written smaller
THIN, THICK = 1.0, 5.0


def wired(diagram: Diagram, places: Places) -> str:
    """The diagram as one SVG element.

    Args:
        diagram: what to draw.
        places: where the parts of the page are.
    """
    rows = max(len(column.units) + bool(column.gap) for column in diagram.columns)
    wide, high = 2 * MARGIN + ACROSS * (len(diagram.columns) - 1), TOP + DOWN * max(rows, 1) + 8
    largest = max((abs(wire.value) for wire in diagram.wires), default=0.0) or 1.0
    drawn = [_flows(diagram, high)]
    drawn += [_wire(wire, diagram, high, largest, places) for wire in diagram.wires]
    for place, column in enumerate(diagram.columns):
        drawn.append(_column(column, place, high, places))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" role="img">'
    return f'<div class="diagram">{head}{"".join(drawn)}</svg></div>'


def _x(place: int) -> int:
    return MARGIN + ACROSS * place


def _y(column: Column, unit: int, high: int) -> float:
    """Circles of a column stand around the middle; a gap takes the place of one."""
    rows, row = len(column.units) + bool(column.gap), unit + (column.gap and unit >= column.gap)
    return (TOP + high) / 2 + DOWN * (row - (rows - 1) / 2)


def _wire(wire: Wire, diagram: Diagram, high: int, largest: float, places: Places) -> str:
    before, here = diagram.columns[wire.column - 1 : wire.column + 1]
    x1, x2 = _x(wire.column - 1) + RADIUS, _x(wire.column) - RADIUS
    line = f'x1="{x1}" y1="{_y(before, wire.start, high):g}" x2="{x2}" y2="{_y(here, wire.end, high):g}"'
    gradient, slope = wire.gradient
    told = f"{wire.name} = {number(wire.value)}; ∂J/∂{wire.name} = {number(slope, fixed=True)}"
    thick = THIN + (THICK - THIN) * abs(wire.value) / largest
    sign = "positive" if wire.value >= 0 else "negative"
    lines = (
        f'<line class="{sign}" {line} stroke-width="{thick:.1f}"/><line {line} class="reach"/>'
        f"<title>{escape(told)}</title>"
    )
    return _link(lines, wire.target, places, (places.place(gradient) or ("", ""))[1])


def _link(inside: str, target: Hashable, places: Places, address: str = "") -> str:
    """What is drawn for a target: a link to ``address``, else to its home unless this is it."""
    kind, own = places.place(target) or ("", "")
    home = places.home(target, DRAWN)
    address = address or ("" if home else own)
    marks = f' id="{escape(home)}"' * bool(home) + f' class="{escape(kind)}"' * bool(kind)
    return f'<a{marks} href="{escape(address)}">{inside}</a>' if address else f"<g{marks}>{inside}</g>"


def _column(column: Column, place: int, high: int, places: Places) -> str:
    x, middle = _x(place), (TOP + high) / 2
    title = f'<text x="{x}" y="16" class="title">{escape(_short(column.title))}</text>'
    shape = f'<text x="{x}" y="31" class="value">{escape(column.shape)}</text>' if column.shape else ""
    if not column.units:
        box = (
            f'<rect x="{x - 36}" y="{middle - 18:g}" width="72" height="36" rx="6"/>' if column.nodes else ""
        )
        shape = f'<text x="{x}" y="{middle + 4:g}">{escape(column.shape)}</text>'
        address = next(filter(None, map(places.first, column.nodes)), "")
        return title + (f'<a href="{address}">{box}{shape}</a>' if address else box + shape)
    circles = "".join(_circle(unit, x, _y(column, i, high), places) for i, unit in enumerate(column.units))
    y = _y(column, column.gap, high) - DOWN
    return title + shape + circles + (f'<text x="{x}" y="{y + 5:g}">⋮</text>' if column.gap else "")


def _circle(unit: Unit, x: int, y: float, places: Places) -> str:
    small = ' class="small"' if width(unit.name) > INSIDE else ""
    drawn = (
        f'<circle cx="{x}" cy="{y:g}" r="{RADIUS}"/>'
        f'<text x="{x}" y="{y + 4:g}"{small}>{escape(unit.name)}</text>'
        f'<text x="{x}" y="{y + RADIUS + 12:g}" class="value">{escape(number(unit.value, 3))}</text>'
    )
    return _link(drawn, unit.target, places)


def _short(title: str) -> str:
    most = ACROSS // LETTER - 2  # a gap to the title beside it
    return title if width(title) <= most else f"…{title[1 - most :]}"


def _flows(diagram: Diagram, high: int) -> str:
    """Between columns that no weights join, a band from all circles to all, or one line."""
    joined = {wire.column for wire in diagram.wires}
    pairs = enumerate(pairwise(diagram.columns), 1)
    return "".join(_flow(before, here, i, high) for i, (before, here) in pairs if i not in joined)


def _flow(before: Column, here: Column, place: int, high: int) -> str:
    left, right, middle = _x(place - 1), _x(place), (TOP + high) / 2
    if not before.gap or not here.units:
        return f'<line class="flow" x1="{left + 40}" y1="{middle:g}" x2="{right - 40}" y2="{middle:g}"/>'
    corners = [(left + RADIUS, _y(before, i, high)) for i in (0, len(before.units) - 1)]
    corners += [(right - RADIUS, _y(here, i, high)) for i in (len(here.units) - 1, 0)]
    return f'<polygon class="band" points="{" ".join(f"{x},{y:g}" for x, y in corners)}"/>'

"""Network diagrams as language-independent SVG: boxes with names and shapes.

Every layer has the id ``layer-PATH``, so that a page can link to it, and its full name as a tooltip. The SVG
has no scripts and loads nothing.
"""

from __future__ import annotations

from chainrule.escaping import escape
from chainrule.plotting.network.blocks import Box
from chainrule.plotting.network.layout import LINE, PAD, Area, Drawing, Point, frame_text, line_text

INK, GRAY, EDGE = "#343a40", "#6c757d", "#adb5bd"
FILLS = {"input": "#fff3d6", "layer": "#e3f0f9", "join": "#fbe3d2"}
FRAME = "#f1f3f5"


def svg(drawing: Drawing, title: str = "", standalone: bool = False) -> str:
    """Return a drawing as SVG text.

    Args:
        title: the accessible title.
        standalone: whether to return a file of its own or a fragment of a page.
    """
    size = f'viewBox="0 0 {drawing.width:.0f} {drawing.height:.0f}"'
    space = f'xmlns="http://www.w3.org/2000/svg" width="{drawing.width:.0f}" ' if standalone else ""
    size += f' style="max-width: {drawing.width:.0f}px"'
    head = f'<svg {space}{size} role="img" font-family="sans-serif" font-size="12" fill="{INK}">'
    title_element = f"<title>{escape(title)}</title>" if title else ""
    frames = [_frame(drawing, path, area) for path, area in drawing.frames.items()]
    arrows = [_arrow(corners) for corners in drawing.arrows]
    boxes = [_box(box, area) for box, area in zip(drawing.flow.boxes, drawing.boxes, strict=True)]
    return "".join([head, title_element, *frames, *arrows, *boxes, "</svg>"])


def _frame(drawing: Drawing, path: str, area: Area) -> str:
    text = escape(frame_text(drawing.flow, path))
    is_many = drawing.flow.frames[path].times > 1
    edge = f'stroke="{GRAY if is_many else EDGE}"' + (' stroke-width="1.6"' if is_many else "")
    return (
        f'<g id="layer-{escape(path)}">{_rectangle(area, FRAME, 6, edge)}'
        f'<text x="{area.x + 7:.1f}" y="{area.y + 13:.1f}" font-size="10" fill="{GRAY}">{text}</text></g>'
    )


def _rectangle(area: Area, fill: str, round_: int, edge: str) -> str:
    return (
        f'<rect x="{area.x:.1f}" y="{area.y:.1f}" width="{area.width:.1f}" height="{area.height:.1f}" '
        f'rx="{round_}" fill="{fill}" fill-opacity="0.9" {edge}/>'
    )


def _box(box: Box, area: Area) -> str:
    fill = _rectangle(area, FILLS[box.kind], 13 if box.kind == "join" else 4, f'stroke="{EDGE}"')
    if box.kind == "join":
        at = f'x="{area.middle:.1f}" y="{area.y + 17:.1f}" text-anchor="middle"'
        return f"<g>{fill}<text {at}>{escape(box.lines[0].what)}</text></g>"
    parts = []
    right = area.x + area.width - PAD
    for i, line in enumerate(box.lines):
        y = area.y + LINE * (i + 1)
        name = f'<tspan font-weight="bold">{escape(line.name)}</tspan>' if line.name else ""
        rest = escape(line_text(line.name, line.what)[len(line.name) :]).replace("  ", "\u2002", 1)
        parts.append(
            f'<g id="layer-{escape(line.path)}"><title>{escape(line.path)}</title>'
            f'<text x="{area.x + PAD:.1f}" y="{y:.1f}">{name}{rest}</text>'
        )
        if line.parameters:
            parts.append(
                f'<text x="{right:.1f}" y="{y:.1f}" text-anchor="end" fill="{GRAY}">'
                f"{line.parameters:,}</text>"
            )
        parts.append("</g>")
    low = area.y + LINE * (len(box.lines) + 1)
    at = f'x="{right:.1f}" y="{low:.1f}" text-anchor="end" font-size="11" fill="{GRAY}"'
    shape = f"<text {at}>{box.shape}</text>"
    return f"<g>{fill}{''.join(parts)}{shape}</g>"


def _arrow(corners: tuple[Point, ...]) -> str:
    """Return a smooth line with an arrowhead."""
    (x, y), *rest = corners
    path = [f"M{x:.1f} {y:.1f}"]
    for px, py in rest:
        middle = (y + py) / 2
        path.append(
            f"C{x:.1f} {middle:.1f} {px:.1f} {middle:.1f} {px:.1f} {py:.1f}" if px != x else f"V{py:.1f}"
        )
        x, y = px, py
    head = f"M{x - 4:.1f} {y - 6:.1f}L{x:.1f} {y:.1f}L{x + 4:.1f} {y - 6:.1f}"
    return f'<path d="{" ".join(path)}{head}" fill="none" stroke="{GRAY}" stroke-width="1.2"/>'

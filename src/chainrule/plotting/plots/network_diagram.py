"""Network diagram: boxes with layers, shapes and parameter counts, arrows, frames around blocks."""

from __future__ import annotations

from typing import Any

from chainrule.plotting.figure import Plot
from chainrule.plotting.font import printable_label
from chainrule.plotting.network.blocks import Box, flow_of, fold_repeated
from chainrule.plotting.network.layout import LINE, PAD, Area, Drawing, frame_text, lay_out, tree
from chainrule.plotting.network.svg import EDGE, FILLS, FRAME, GRAY, INK
from chainrule.plotting.plot_card import PlotCard
from chainrule.plotting.samples import network_of
from chainrule.plotting.style import new_figure
from chainrule.settings import settings
from chainrule.texts.plots import plot_text
from chainrule.train.model_state import ModelState

INCH = 80.0  # pixels per inch
LARGEST = 200.0  # maximum size in inches that matplotlib draws


def draw(model: ModelState, fold: bool = True) -> Plot:
    """Draw the network as boxes and arrows; ``str`` of the plot is a text tree.

    In an SVG every layer has the id ``layer-PATH``.

    Args:
        model: the model, with known input shapes.
        fold: whether repeated blocks are drawn once, with their count.

    Raises:
        TrainingError E503: the input shapes are not known.
    """
    network = network_of(model, "graph")
    flow = flow_of(network.recipe.net, network.training)
    flow = fold_repeated(flow) if fold else flow
    title = f"{plot_text('graph')}: {plot_text('parameters', n=flow.parameters)}"
    drawing = lay_out(flow)
    inch = max(INCH, drawing.height / LARGEST, drawing.width / LARGEST)
    figure = new_figure(drawing.width / inch, (drawing.height + 20) / inch)
    figure.set_layout_engine("none")
    frame = figure.add_axes((0, 0, 1, 1))
    frame.set_xlim(0, drawing.width)
    frame.set_ylim(drawing.height, -20)
    frame.axis("off")
    scaled = 72 / inch  # points per pixel
    frame.text(drawing.width / 2, -4, title, ha="center", va="center", fontsize=13 * scaled)
    _draw(frame, drawing, scaled)
    return Plot("graph", title, figure, settings.lang, tree(flow))


def _draw(frame: Any, drawing: Drawing, points: float) -> None:
    """Draw everything, the outermost frames first."""
    for path, area in drawing.frames.items():
        is_many = drawing.flow.frames[path].times > 1
        _rectangle(frame, area, FRAME, GRAY if is_many else EDGE, 1.2 if is_many else 0.7, f"layer-{path}")
        title = printable_label(frame_text(drawing.flow, path))
        frame.text(area.x + 7, area.y + 9, title, va="center", color=GRAY, fontsize=10 * points)
    for corners in drawing.arrows:
        _arrow(frame, corners, points)
    for box, area in zip(drawing.flow.boxes, drawing.boxes, strict=True):
        _box(frame, box, area, points)


def _rectangle(frame: Any, area: Area, fill: str, edge: str, line: float, name: str) -> None:
    xs = [area.x, area.x + area.width, area.x + area.width, area.x]
    ys = [area.y, area.y, area.y + area.height, area.y + area.height]
    patches = frame.fill(xs, ys, facecolor=fill, edgecolor=edge, linewidth=line, zorder=2)
    patches[0].set_gid(name)


def _arrow(frame: Any, corners: tuple[tuple[float, float], ...], points: float) -> None:
    """Draw a line through the corners with an arrowhead at its end."""
    xs, ys = zip(*corners, strict=True)
    frame.plot(xs, ys, color=GRAY, linewidth=points, solid_joinstyle="round", zorder=3)
    tip = {"arrowstyle": "->", "color": GRAY, "linewidth": points, "mutation_scale": 10 * points}
    tip |= {"shrinkA": 0, "shrinkB": 0}
    frame.annotate("", corners[-1], (xs[-1], ys[-1] - 9), zorder=3, arrowprops=tip)


def _box(frame: Any, box: Box, area: Area, points: float) -> None:
    _rectangle(frame, area, FILLS[box.kind], EDGE, 0.8, f"layer-{box.lines[0].path}")
    # This font is slightly wider than that of SVG viewers.
    style: dict[str, Any] = {"va": "center", "fontsize": 10.8 * points, "zorder": 4}
    if box.kind == "join":
        label = printable_label(box.lines[0].what)
        frame.text(area.middle, area.y + area.height / 2, label, ha="center", **style)
        return
    right = area.x + area.width - PAD
    for i, line in enumerate(box.lines):
        y = area.y + LINE * (i + 0.75)
        name = frame.text(area.x + PAD, y, printable_label(line.name), weight="bold", **style)
        if line.what:
            place: dict[str, Any] = {"xycoords": name, "textcoords": "offset points"}
            frame.annotate(line.what, (1, 0.5), (6, 0), color=INK, **place, **style)
        if line.parameters:
            frame.text(right, y, f"{line.parameters:,}", ha="right", color=GRAY, **style)
    low = area.y + LINE * (len(box.lines) + 0.75)
    style["fontsize"] *= 0.9
    frame.text(right, low, box.shape, ha="right", color=GRAY, **style)


GRAPH = PlotCard("graph", draw)

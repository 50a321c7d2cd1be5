"""The output of each layer for one sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.plotting.figure import Plot
from chainrule.plotting.font import printable_label
from chainrule.plotting.plot_card import PlotCard
from chainrule.plotting.samples import inputs_of, values
from chainrule.plotting.style import SIGNED, evenly_spaced, hide_axes, new_figure
from chainrule.settings import settings
from chainrule.texts.plots import plot_text
from chainrule.train.callback.histograms import layer_nodes
from chainrule.train.model_state import ModelState

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_COLUMNS = 64  # maximum number of cells in a row, for flat outputs
LINE_WIDTH, GAP = 7.0, 0.34  # maximum line width and space above a line, in inches


def draw(model: ModelState, x: Any, max_channels: int = 8, max_layers: int = 12) -> Plot:
    """Draw the output of each layer for one sample: feature maps of images, rows of cells otherwise.

    Each layer has its own color scale, from minus to plus its largest magnitude, so that small outputs are
    visible.

    Args:
        model: the model.
        x: one sample; of several rows the first is used.
        max_channels: the maximum number of channels per layer.
        max_layers: the maximum number of layers, evenly spaced.

    Raises:
        TrainingError E503: the model has not been trained. UsageError E564: the sample is missing.
    """
    row = inputs_of(model, x, "feature_maps").spread(1)
    nodes = layer_nodes(row.network)
    inputs = {plot_text("input"): a for a in row.x.values() if a.dtype.kind == "f"}
    chosen = [list(nodes)[i] for i in evenly_spaced(len(nodes), max_layers)]
    results = {**inputs, **values({path: nodes[path] for path in chosen}, row)}
    lines = {name: images(np.asarray(value[0], np.float64), max_channels) for name, value in results.items()}
    figure = _draw_lines(lines, {name: _caption(name, value[0]) for name, value in results.items()})
    text = "\n".join(f"{name}: {v[0].min():.3g} … {v[0].max():.3g}" for name, v in results.items())
    return Plot("feature_maps", plot_text("feature_maps"), figure, settings.lang, text)


def _caption(name: str, value: np.ndarray) -> str:
    """Return the caption of a layer: path, shape and largest magnitude."""
    shape = " × ".join(map(str, value.shape)) or "1"
    return f"{printable_label(name, 70)}   ({shape})   ±{np.abs(value).max(initial=0.0):.3g}"


def images(sample: np.ndarray, max_images: int) -> list[np.ndarray]:
    """Return the output of a layer as images: one per channel of an image, otherwise one in all.

    Example:
        >>> [p.shape for p in images(np.zeros((5, 4, 3)), 2)], images(np.zeros(130), 2)[0].shape
        ([(5, 4), (5, 4)], (3, 64))
    """
    if sample.ndim == 3:  # (H, W, C)
        return [sample[..., channel] for channel in evenly_spaced(sample.shape[-1], max_images)]
    if sample.ndim == 2:  # (T, C) -> (C, T)
        return [sample.T]
    flat = sample.reshape(-1)
    columns = min(MAX_COLUMNS, flat.size)
    return [np.pad(flat, (0, -flat.size % columns), constant_values=np.nan).reshape(-1, columns)]


def _draw_lines(lines: dict[str, list[np.ndarray]], captions: dict[str, str]) -> Figure:
    """Draw a line of images per layer, at positions in inches from the top."""
    sizes = {name: _size(cells[0], len(cells)) for name, cells in lines.items()}
    width, height = LINE_WIDTH + 1.7, 0.6 + sum(high + GAP for _, high in sizes.values())
    figure = new_figure(width, height)
    figure.set_layout_engine("none")
    figure.text(0.5, 1 - 0.25 / height, plot_text("feature_maps"), ha="center", va="center", fontsize=12)
    top, image_drawn = 0.5, None
    for name, cells in lines.items():
        (wide, high), limit = sizes[name], max(float(np.nanmax(np.abs(c), initial=0.0)) for c in cells) or 1.0
        figure.text(0.3 / width, 1 - (top + GAP - 0.12) / height, captions[name], fontsize=9, va="bottom")
        top += GAP
        for i, image in enumerate(cells):
            left = 0.3 + i * (wide + 0.08)
            position = (left / width, 1 - (top + high) / height, wide / width, high / height)
            frame = figure.add_axes(position)
            image_drawn = frame.imshow(image / limit, cmap=SIGNED, vmin=-1, vmax=1, aspect="auto")
            hide_axes(frame)
        top += high
    bar_height = min(2.4, height - 1.0)
    bar_axes = figure.add_axes(
        (1 - 0.95 / width, 0.5 - bar_height / height / 2, 0.16 / width, bar_height / height)
    )
    assert image_drawn is not None
    figure.colorbar(image_drawn, cax=bar_axes).set_label(plot_text("activation"))
    return figure


def _size(cells: np.ndarray, count: int) -> tuple[float, float]:
    """Return width and height of an image in inches, with ``count`` images in a line."""
    high, wide = cells.shape
    if count == 1 and (high == 1 or wide >= 4 * high):
        return min(LINE_WIDTH, 0.24 * wide), min(1.0, max(0.24, 0.12 * high))
    side = min(1.0, LINE_WIDTH / count - 0.08)
    ratio = min(4.0, max(0.25, wide / high))
    return (side, side / ratio) if ratio > 1 else (side * ratio, side)


FEATURE_MAPS = PlotCard("feature_maps", draw, "x")

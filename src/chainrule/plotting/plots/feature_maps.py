"""One sample on its way through the net: what each layer makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.plotting.figure import Picture
from chainrule.plotting.font import drawable
from chainrule.plotting.plot_card import Kind
from chainrule.plotting.samples import inputs_of, network_of, values
from chainrule.plotting.style import SIGNED, bare, paper, spread
from chainrule.settings import settings
from chainrule.texts.plots import plot_text
from chainrule.train.callback.histograms import layer_nodes
from chainrule.train.model_state import ModelState

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDE = 64  # numbers of a layer without axes that stand in one row of cells
LONG, GAP = 7.0, 0.34  # the longest line in inches, and the room above one for its words


def draw(model: ModelState, x: Any, most: int = 8, layers_shown: int = 12) -> Picture:
    """What each layer gives for one sample: feature maps of images, rows of cells of everything else.

    Each layer has a scale of its own, from minus to plus its largest number, so that a layer of small
    numbers can be seen too.

    Args:
        model: the net.
        x: one sample; of several rows the first.
        most: channels of a layer shown at most.
        layers_shown: layers shown at most, evenly chosen.

    Fails:
        TrainingError E503: the model has learned nothing yet. UsageError E564: no sample is given.
    """
    row = inputs_of(model, x, "maps").some(1)
    found = layer_nodes(network_of(model, "maps"))
    given = {plot_text("input"): a for a in row.x.values() if a.dtype.kind == "f"}
    chosen = [list(found)[i] for i in spread(len(found), layers_shown)]
    results = {**given, **values(model, {path: found[path] for path in chosen}, row)}
    lines = {name: pictures(np.asarray(value[0], np.float64), most) for name, value in results.items()}
    figure = _drawn(lines, {name: _said(name, value[0]) for name, value in results.items()})
    text = "\n".join(f"{name}: {v[0].min():.3g} … {v[0].max():.3g}" for name, v in results.items())
    return Picture("maps", plot_text("maps"), figure, settings.lang, text)


def _said(name: str, value: np.ndarray) -> str:
    """What stands above a layer: its path, its shape, its largest number."""
    shape = " × ".join(map(str, value.shape)) or "1"
    return f"{drawable(name, 70)}   ({shape})   ±{np.abs(value).max(initial=0.0):.3g}"


def pictures(sample: np.ndarray, most: int) -> list[np.ndarray]:
    """A layer's numbers for one sample as pictures: a channel each of an image, all in one of anything else.

    Example:
        >>> [p.shape for p in pictures(np.zeros((5, 4, 3)), 2)], pictures(np.zeros(130), 2)[0].shape
        ([(5, 4), (5, 4)], (3, 64))
    """
    if sample.ndim == 3:  # (H, W, C)
        return [sample[..., channel] for channel in spread(sample.shape[-1], most)]
    if sample.ndim == 2:  # (T, C) -> (C, T)
        return [sample.T]
    flat = sample.reshape(-1)
    wide = min(WIDE, flat.size)
    return [np.pad(flat, (0, -flat.size % wide), constant_values=np.nan).reshape(-1, wide)]


def _drawn(lines: dict[str, list[np.ndarray]], words: dict[str, str]) -> Figure:
    """A line of pictures below the other, at the places worked out here: in inches, from above."""
    sizes = {name: _size(cells[0], len(cells)) for name, cells in lines.items()}
    width, height = LONG + 1.7, 0.6 + sum(high + GAP for _, high in sizes.values())
    figure = paper(width, height)
    figure.set_layout_engine("none")
    figure.text(0.5, 1 - 0.25 / height, plot_text("maps"), ha="center", va="center", fontsize=12)
    top, drawn = 0.5, None
    for name, cells in lines.items():
        (wide, high), far = sizes[name], max(float(np.nanmax(np.abs(c), initial=0.0)) for c in cells) or 1.0
        figure.text(0.3 / width, 1 - (top + GAP - 0.12) / height, words[name], fontsize=9, va="bottom")
        top += GAP
        for i, picture in enumerate(cells):
            left = 0.3 + i * (wide + 0.08)
            place = (left / width, 1 - (top + high) / height, wide / width, high / height)
            frame = figure.add_axes(place)
            drawn = frame.imshow(picture / far, cmap=SIGNED, vmin=-1, vmax=1, aspect="auto")
            bare(frame)
        top += high
    long = min(2.4, height - 1.0)
    scaled = figure.add_axes((1 - 0.95 / width, 0.5 - long / height / 2, 0.16 / width, long / height))
    assert drawn is not None
    figure.colorbar(drawn, cax=scaled).set_label(plot_text("activation"))
    return figure


def _size(cells: np.ndarray, count: int) -> tuple[float, float]:
    """Width and height of a picture in inches, ``count`` of them in a line."""
    high, wide = cells.shape
    if count == 1 and (high == 1 or wide >= 4 * high):
        return min(LONG, 0.24 * wide), min(1.0, max(0.24, 0.12 * high))
    each = min(1.0, LONG / count - 0.08)
    ratio = min(4.0, max(0.25, wide / high))
    return (each, each / ratio) if ratio > 1 else (each * ratio, each)


MAPS = Kind("maps", draw, "x")

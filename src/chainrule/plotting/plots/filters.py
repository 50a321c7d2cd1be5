"""The kernels of a convolution as small images."""

from __future__ import annotations

import numpy as np

from chainrule.errors import fact
from chainrule.nn.scope import outline
from chainrule.plotting.figure import Plot
from chainrule.plotting.font import printable_label
from chainrule.plotting.plot_card import PlotCard
from chainrule.plotting.samples import network_of, unsupported_model
from chainrule.plotting.style import SIGNED, add_colorbar, evenly_spaced, grid, hide_axes
from chainrule.settings import settings
from chainrule.texts.plots import plot_text
from chainrule.train.model_state import ModelState
from chainrule.validation import unknown


def draw(model: ModelState, layer: str | None = None, max_kernels: int = 64) -> Plot:
    """Draw the kernels of a convolution as small images; those of three input channels in color.

    With other numbers of input channels, their mean is shown: orange below 0, purple above. A kernel of a
    one-dimensional convolution is a row of cells.

    Args:
        model: the model.
        layer: the path of the convolution; by default the first.
        max_kernels: the maximum number of kernels, evenly spaced.

    Raises:
        UsageError E560: the model has no one- or two-dimensional convolution. UsageError E101: unknown layer.
    """
    network = network_of(model, "filters")
    kernels_by_path = {
        path.rpartition(".")[0]: value
        for path, value in model.parameters.items()
        if path.endswith("weight") and value.ndim in (3, 4) and _is_kernel(network, path)
    }
    if not kernels_by_path:
        unsupported_model(
            "filters", fact("a convolution over one or two axes"), fact("none"), "model.plot.weights()"
        )
    path = next(iter(kernels_by_path)) if layer is None else layer
    if path not in kernels_by_path:
        paths, where = list(kernels_by_path), "plot.filters, layer"
        raise unknown(where, path, paths, 'layer="{}"', example=paths[0], expected=outline(paths))
    kernels = (
        kernels_by_path[path] if kernels_by_path[path].ndim == 4 else kernels_by_path[path][:, None]
    )  # (O, K, C) -> (O, 1, K, C)
    chosen, title = (
        evenly_spaced(len(kernels), max_kernels),
        plot_text("filters", layer=printable_label(path)),
    )
    figure, frames = grid(title, len(chosen), 8, (1.0, 1.1))
    in_color = kernels.shape[-1] == 3
    images = kernels if in_color else kernels.mean(axis=-1)
    limit = float(np.abs(images).max()) or 1.0
    image = None
    for frame, i in zip(frames, chosen, strict=True):
        cells = (images[i] / limit + 1) / 2 if in_color else images[i]
        image = frame.imshow(cells, cmap=SIGNED, vmin=-limit, vmax=limit)
        frame.set_title(str(i + 1), fontsize=8, pad=2)
        hide_axes(frame)
    if not in_color:
        add_colorbar(figure, image, frames, plot_text("weight"))
    text = plot_text("shown", shown=len(chosen), all=len(kernels))
    return Plot("filters", title, figure, settings.lang, text)


def _is_kernel(network, path: str) -> bool:
    """Return whether a parameter is the kernel of a convolution."""
    layer = network.inference.book.layers.get(path.rpartition(".")[0], network.recipe.net)
    return hasattr(layer, "kernel_size")


FILTERS = PlotCard("filters", draw)

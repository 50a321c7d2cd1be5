"""The kernels of a convolution as small pictures: what each channel looks for."""

from __future__ import annotations

import numpy as np

from chainrule.errors import UsageError, nearest
from chainrule.nn.scope import outline
from chainrule.plotting.figure import Picture
from chainrule.plotting.font import drawable
from chainrule.plotting.plot_card import Kind
from chainrule.plotting.samples import network_of, unsuited
from chainrule.plotting.style import SIGNED, bare, grid, scale, spread
from chainrule.settings import settings
from chainrule.texts.plots import plot_text
from chainrule.train.model_state import ModelState


def draw(model: ModelState, layer: str | None = None, most: int = 64) -> Picture:
    """The kernels of a convolution, one small picture each; those of three input channels in colour.

    With other numbers of input channels the mean over them is shown, with its sign: orange below 0, purple
    above. A convolution over a series is a row of cells.

    Args:
        model: whose kernels.
        layer: the path of the convolution; the first by default.
        most: kernels shown at most, evenly chosen.

    Fails:
        UsageError E560: no convolution over one or two axes. UsageError E101: no such layer.
    """
    network = network_of(model, "filters")
    known = {path.rpartition(".")[0]: value for path, value in model.parameters.items()
             if path.endswith("weight") and value.ndim in (3, 4) and _is_kernel(network, path)}  # fmt: skip
    if not known:
        unsuited("filters", "a convolution over one or two axes", "none", "model.plot.weights()")
    path = next(iter(known)) if layer is None else layer
    if path not in known:
        close = nearest(path, known)
        raise UsageError(
            "E101", where="plot.filters, layer", name=path, expected=outline(known), received=path,
            fix=f'layer="{close or next(iter(known))}"',
        )  # fmt: skip
    kernels = known[path] if known[path].ndim == 4 else known[path][:, None]  # (O, K, C) -> (O, 1, K, C)
    chosen, title = spread(len(kernels), most), plot_text("filters", layer=drawable(path))
    figure, frames = grid(title, len(chosen), 8, (1.0, 1.1))
    in_colour = kernels.shape[-1] == 3
    shown = kernels if in_colour else kernels.mean(axis=-1)
    far = float(np.abs(shown).max()) or 1.0
    drawn = None
    for frame, i in zip(frames, chosen, strict=True):
        cells = (shown[i] / far + 1) / 2 if in_colour else shown[i]
        drawn = frame.imshow(cells, cmap=SIGNED, vmin=-far, vmax=far)
        frame.set_title(str(i + 1), fontsize=8, pad=2)
        bare(frame)
    if not in_colour:
        scale(figure, drawn, frames, plot_text("weight"))
    told = plot_text("shown", shown=len(chosen), all=len(kernels))
    return Picture("filters", title, figure, settings.lang, told)


def _is_kernel(network, path: str) -> bool:
    """Whether a parameter is what a convolution slides over an image."""
    layer = network.inference.book.layers.get(path.rpartition(".")[0], network.recipe.net)
    return hasattr(layer, "kernel")


FILTERS = Kind("filters", draw)

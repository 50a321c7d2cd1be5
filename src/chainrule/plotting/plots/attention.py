"""Attention weights of one sequence."""

from __future__ import annotations

from typing import Any

from chainrule.errors import fact
from chainrule.graph import Node
from chainrule.plotting.figure import Plot
from chainrule.plotting.font import printable_label
from chainrule.plotting.plot_card import PlotCard
from chainrule.plotting.samples import inputs_of, network_of, unsupported_model, values
from chainrule.plotting.style import AMOUNT, add_colorbar, evenly_spaced, grid
from chainrule.settings import settings
from chainrule.texts.plots import plot_text
from chainrule.train.model_state import ModelState
from chainrule.train.network import Network
from chainrule.validation import unknown

NOTE_SUFFIX = ".weights"  # the note in which attention layers store their weights
MAX_LABELS = 40  # maximum number of positions with names at the axes


def draw(model: ModelState, x: Any, layer: str | None = None, names: Any = None, max_heads: int = 8) -> Plot:
    """Draw the attention weights of one sequence: one image per head, with one row per query position.

    Args:
        model: a model with attention.
        x: one sequence; of several the first is used.
        layer: the path of the attention layer; by default the last.
        names: names of the positions, such as the words of the sentence; by default their indices.
        max_heads: the maximum number of heads.

    Raises:
        UsageError E560: the model has no attention. UsageError E101: unknown layer. UsageError E564: the
            sequence is missing.
    """
    notes = _weights_by_layer(network_of(model, "attention"))
    if not notes:
        unsupported_model(
            "attention", fact("a layer with attention"), fact("none"), "model.plot.feature_maps(x)"
        )
    path = next(reversed(notes)) if layer is None else layer
    if path not in notes:
        raise unknown("plot.attention, layer", path, notes, 'layer="{}"', example=next(iter(notes)))
    row = inputs_of(model, x, "attention").spread(1)
    weights = values({"weights": _weights_by_layer(row.network)[path]}, row)["weights"][0]
    heads = by_head(weights)
    title, chosen = plot_text("attention", layer=printable_label(path)), evenly_spaced(len(heads), max_heads)
    figure, frames = grid(title, len(chosen), 4, (2.5, 2.6))
    image = None
    for frame, i in zip(frames, chosen, strict=True):
        image = frame.imshow(heads[i], cmap=AMOUNT, vmin=0, vmax=float(heads.max()) or 1.0)
        frame.set_title(plot_text("head", n=i + 1), fontsize=9)
        frame.set_xlabel(plot_text("key"), fontsize=8)
        frame.set_ylabel(plot_text("query"), fontsize=8)
        _name(frame, names, heads.shape[1:])
    add_colorbar(figure, image, frames, plot_text("attention_weight"))
    text = "\n".join(f"{plot_text('head', n=i + 1)}: {heads[i].max(axis=-1).mean():.3f}" for i in chosen)
    return Plot("attention", title, figure, settings.lang, text)


def _weights_by_layer(network: Network) -> dict[str, Node]:
    """Return the nodes of the attention weights by the path of their layer."""
    notes = network.inference.book.notes
    return {
        path.removesuffix(NOTE_SUFFIX) or "attention": node
        for path, node in notes.items()
        if f".{path}".endswith(NOTE_SUFFIX)
    }


def by_head(weights: Any) -> Any:
    """Return the weights of one sequence as (H, Tq, Tk); groups of heads (G, Tq, R, Tk) are flattened."""
    if weights.ndim == 4:  # (G, Tq, R, Tk) -> (G, R, Tq, Tk) -> (G R, Tq, Tk)
        weights = weights.transpose(0, 2, 1, 3)
    return weights.reshape(-1, *weights.shape[-2:])


def _name(frame: Any, names: Any, shape: tuple[int, int]) -> None:
    if names is not None and len(names) <= MAX_LABELS:
        words = [printable_label(name, 10) for name in names]
        frame.set_xticks(range(min(len(words), shape[1])), words[: shape[1]], rotation=90, fontsize=8)
        frame.set_yticks(range(min(len(words), shape[0])), words[: shape[0]], fontsize=8)


ATTENTION = PlotCard("attention", draw, "x")

"""Which places of a sequence each place looks at."""

from __future__ import annotations

from typing import Any

from chainrule.errors import UsageError, nearest
from chainrule.plotting.figure import Picture
from chainrule.plotting.font import drawable
from chainrule.plotting.plot_card import Kind
from chainrule.plotting.samples import inputs_of, network_of, unsuited, values
from chainrule.plotting.style import AMOUNT, grid, scale, spread
from chainrule.settings import settings
from chainrule.texts.plots import plot_text
from chainrule.train.model_state import ModelState

NOTE = ".weights"  # what attention layers call their weights
NAMED = 40  # places up to which each has its name at the axis


def draw(model: ModelState, x: Any, layer: str | None = None, names: Any = None, most: int = 8) -> Picture:
    """The weights of an attention for one sequence: a frame for each head, a row for each place that looks.

    Args:
        model: a net with attention.
        x: one sequence; of several the first.
        layer: the path of the attention; the last by default.
        names: what the places are called, such as the words of the sentence; their numbers by default.
        most: heads shown at most.

    Fails:
        UsageError E560: no attention. UsageError E101: no such layer. UsageError E564: no sequence is given.
    """
    network = network_of(model, "attention")
    notes = {path.removesuffix(NOTE) or "attention": node
             for path, node in network.inference.book.notes.items() if f".{path}".endswith(NOTE)}  # fmt: skip
    if not notes:
        unsuited("attention", "a layer with attention", "none", "model.plot.maps(x)")
    path = next(reversed(notes)) if layer is None else layer
    if path not in notes:
        close = nearest(path, notes)
        raise UsageError(
            "E101", where="plot.attention, layer", name=path, expected=", ".join(notes), received=path,
            fix=f'layer="{close or next(iter(notes))}"',
        )  # fmt: skip
    found = values(model, {"weights": notes[path]}, inputs_of(model, x, "attention").some(1))["weights"][0]
    heads = by_head(found)
    title, chosen = plot_text("attention", layer=drawable(path)), spread(len(heads), most)
    figure, frames = grid(title, len(chosen), 4, (2.5, 2.6))
    drawn = None
    for frame, i in zip(frames, chosen, strict=True):
        drawn = frame.imshow(heads[i], cmap=AMOUNT, vmin=0, vmax=float(heads.max()) or 1.0)
        frame.set_title(plot_text("head", n=i + 1), fontsize=9)
        frame.set_xlabel(plot_text("key"), fontsize=8)
        frame.set_ylabel(plot_text("query"), fontsize=8)
        _name(frame, names, heads.shape[1:])
    scale(figure, drawn, frames, plot_text("attention_weight"))
    told = "\n".join(f"{plot_text('head', n=i + 1)}: {heads[i].max(axis=-1).mean():.3f}" for i in chosen)
    return Picture("attention", title, figure, settings.lang, told)


def by_head(weights: Any) -> Any:
    """The weights of one sequence as (H, Tq, Tk); groups of heads (G, Tq, R, Tk) are taken apart."""
    if weights.ndim == 4:  # (G, Tq, R, Tk) -> (G, R, Tq, Tk) -> (G R, Tq, Tk)
        weights = weights.transpose(0, 2, 1, 3)
    return weights.reshape(-1, *weights.shape[-2:])


def _name(frame: Any, names: Any, shape: tuple[int, int]) -> None:
    """Write what the places are called."""
    if names is not None and len(names) <= NAMED:
        words = [drawable(name, 10) for name in names]
        frame.set_xticks(range(min(len(words), shape[1])), words[: shape[1]], rotation=90, fontsize=8)
        frame.set_yticks(range(min(len(words), shape[0])), words[: shape[0]], fontsize=8)


ATTENTION = Kind("attention", draw, "x")

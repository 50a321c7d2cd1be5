"""How numbers of each layer are distributed: weights, activations and gradients, now or over the epochs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.engines import reference
from chainrule.errors import UsageError
from chainrule.graph import Graph
from chainrule.plotting.figure import Picture
from chainrule.plotting.font import drawable
from chainrule.plotting.plot_card import Kind
from chainrule.plotting.samples import inputs_of, network_of, rows_of, values
from chainrule.plotting.style import AMOUNT, BLUE, GREY, grid, scale, spread, whole_numbers
from chainrule.settings import settings
from chainrule.texts.plots import plot_text
from chainrule.train.callback.histograms import EDGES, FILE, layer_nodes, recorded
from chainrule.train.model_state import ModelState
from chainrule.train.step import training_step

MOST = 16  # frames of a picture
ROWS = 256  # rows on which activations and gradients are looked at
CELLS = 80  # of a frame over the epochs, upwards
FAR = 0.001  # the share of the numbers at either end that a frame over the epochs may leave out


def weights(model: ModelState, run: str | os.PathLike[str] | None = None) -> Picture:
    """How the weights of each layer are distributed, now or over the epochs of a training.

    Args:
        model: whose weights.
        run: the folder of a training with ``cr.Histograms()``, or the file it wrote: then over its epochs.

    Fails:
        UsageError E561: no histograms were recorded there. TrainingError E503: nothing is learned yet.
    """
    network, held = network_of(model, "weights"), model.parameters
    if run is not None:
        return _over_epochs("weights", run)
    return _now("weights", {path: held[path] for path in network.parameters})


def activations(model: ModelState, x: Any = None, run: str | os.PathLike[str] | None = None) -> Picture:
    """How what each layer gives is distributed, now or over the epochs of a training.

    Args:
        model: whose layers.
        x: rows, of which up to 256 are used; not needed with ``run``.
        run: as for ``weights``.

    Fails:
        UsageError E561, E564: no histograms were recorded there; no rows are given.
    """
    network = network_of(model, "activations")
    if run is not None:
        return _over_epochs("activations", run)
    rows = inputs_of(model, x, "activations").some(ROWS)
    return _now("activations", values(model, layer_nodes(network), rows), rows.count)


def gradients(
    model: ModelState, x: Any = None, y: Any = None, run: str | os.PathLike[str] | None = None
) -> Picture:
    """How the gradients of each parameter are distributed, now or over the epochs of a training.

    Args:
        model: whose gradients; those of its whole training loss, penalty and clipping with it.
        x, y: rows with known answers, of which up to 256 are used; not needed with ``run``.
        run: as for ``weights``.

    Fails:
        UsageError E561, E564: no histograms were recorded there; no rows are given.
    """
    network = network_of(model, "gradients")
    if run is not None:
        return _over_epochs("gradients", run)
    rows = rows_of(model, x, y, "gradients").some(ROWS)
    step = training_step(network, weighted=False, horizon=1)
    graph = Graph(dict(step.gradients))
    given = {**model.held, **rows.x, **rows.y, **step.key(0, 0)}
    found = reference.Program(graph).run({name: given[name] for name in graph.inputs})
    return _now("gradients", found, rows.count)


def _now(kind: str, found: Mapping[str, np.ndarray], rows: int | None = None) -> Picture:
    """A frame for each layer with the histogram of its numbers."""
    large = [name for name, value in found.items() if value.ndim > 1]
    chosen = large if len(found) > MOST and large else list(found)  # of many, biases are the first to go
    names = [chosen[i] for i in spread(len(chosen), MOST)]
    figure, frames = grid(_title(kind, rows), len(names), 4, (2.5, 2.0))
    lines = []
    for frame, name in zip(frames, names, strict=True):
        flat = found[name].reshape(-1).astype(np.float64)
        flat = flat[np.isfinite(flat)]
        shares = np.full(flat.size, 1 / max(flat.size, 1))
        frame.hist(flat, bins=min(41, max(5, flat.size // 2)), weights=shares, color=BLUE)
        frame.axvline(0, color=GREY, linewidth=0.8, linestyle=":")
        frame.set_title(f"{drawable(name, 30)}\n{plot_text('numbers', n=found[name].size)}", fontsize=8)
        frame.tick_params(labelsize=7)
        frame.locator_params(nbins=4)
        lines.append(f"{name}: mean {flat.mean():.3g}, std {flat.std():.3g}" if flat.size else f"{name}: -")
    figure.supxlabel(plot_text("values"), fontsize=9)
    figure.supylabel(plot_text("share"), fontsize=9)
    return Picture(kind, _title(kind, rows), figure, settings.lang, "\n".join(lines))


def _title(kind: str, rows: int | None) -> str:
    return plot_text(kind) if rows is None else f"{plot_text(kind)} ({plot_text('inputs_now', n=rows)})"


def _over_epochs(kind: str, run: str | os.PathLike[str]) -> Picture:
    """A frame for each layer: epochs to the right, values upwards, the darker the rarer."""
    place = Path(run)
    within = place if os.path.isdir(place) else None  # the user named the folder: no link in it is followed
    place = place / FILE if within is not None else place
    if not os.path.lexists(place):
        raise _missing(kind, str(run))
    found = recorded(place, within)
    counts = found.counts[kind]
    if not counts or not len(found.epochs):
        raise _missing(kind, str(run))
    names, title = (
        [list(counts)[i] for i in spread(len(counts), MOST)],
        plot_text("over_epochs", title=plot_text(kind)),
    )
    figure, frames = grid(title, len(names), 4, (2.6, 2.1))
    drawn = None
    for frame, name in zip(frames, names, strict=True):
        edges, shares = even(counts[name])
        ends = np.append(found.epochs, 2 * found.epochs[-1] - found.epochs[-2:][0] or 1) - 0.5
        ends = ends if ends[-1] > ends[-2] else np.append(ends[:-1], ends[-2] + 1)
        drawn = frame.pcolormesh(ends, edges, shares.T, cmap=AMOUNT, vmin=0, vmax=1, rasterized=True)
        frame.set_title(drawable(name, 30), fontsize=8)
        frame.tick_params(labelsize=7)
        whole_numbers(frame)
    scale(figure, drawn, frames, plot_text("density"))
    figure.supxlabel(plot_text("epoch"), fontsize=9)
    figure.supylabel(plot_text("value"), fontsize=9)
    text = "\n".join(f"{name}: {len(found.epochs)}" for name in names)
    return Picture(kind, title, figure, settings.lang, text)


def even(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Counts in the recorded bins as shares in bins of one width, those that numbers lie in.

    Args:
        counts: (n, bins) of ``Recorded``.

    Returns:
        the ends of the new bins (CELLS + 1,), and (n, CELLS) the square roots of the shares, the largest of
        each epoch 1: beside the many zeros of a ReLU all else would be dark.
    """
    inner = np.concatenate([[EDGES[1] * 2], EDGES[1:-1], [EDGES[-2] * 2]])  # what lies beyond gets an end
    sums = np.concatenate([np.zeros((len(counts), 1)), counts.cumsum(axis=1)], axis=1)  # (n, bins + 1)
    whole = np.maximum(sums[:, -1:], 1)
    low = np.flatnonzero((sums / whole).max(axis=0) <= FAR)[-1]
    high = np.flatnonzero((sums / whole).min(axis=0) >= 1 - FAR)[:1]
    edges = np.linspace(inner[low], inner[high[0] if high.size else -1], CELLS + 1)
    cells = np.diff(np.stack([np.interp(edges, inner, row) for row in sums / whole]), axis=1)
    return edges, np.sqrt(cells / np.maximum(cells.max(axis=1, keepdims=True), 1e-12))


def _missing(kind: str, run: str) -> UsageError:
    return UsageError(
        "E561", where=f"plot.{kind}", expected=f"{FILE} in the folder of the training", received=run,
        fix='model.fit(x, y, run="runs/first", callbacks=[cr.Histograms()])',
    )  # fmt: skip


WEIGHTS = Kind("weights", weights)
ACTIVATIONS = Kind("activations", activations, "x")
GRADIENTS = Kind("gradients", gradients, "x, y")

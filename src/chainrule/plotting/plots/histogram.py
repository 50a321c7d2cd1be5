"""Histograms of weights, activations and gradients per layer, at present or over the epochs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.engines import reference
from chainrule.errors import UsageError, fact
from chainrule.graph import Graph
from chainrule.plotting.figure import Plot
from chainrule.plotting.font import printable_label
from chainrule.plotting.plot_card import PlotCard
from chainrule.plotting.samples import inputs_of, network_of, rows_of, values
from chainrule.plotting.style import AMOUNT, BLUE, GRAY, add_colorbar, evenly_spaced, grid, integer_ticks
from chainrule.settings import settings
from chainrule.texts.plots import plot_text
from chainrule.train.callback.histograms import EDGES, FILE, layer_nodes, read_histograms
from chainrule.train.model_state import ModelState
from chainrule.train.step_graph import training_step

MAX_SUBPLOTS = 16  # maximum number of subplots
MAX_ROWS = 256  # maximum number of rows for activations and gradients
CELLS = 80  # vertical cells of a subplot over the epochs
TAIL = 0.001  # share of the values at either end that a subplot over the epochs may cut off


def weights(model: ModelState, run: str | os.PathLike[str] | None = None) -> Plot:
    """Draw histograms of the weights of each layer, at present or over the epochs of a training.

    Args:
        model: the model.
        run: the folder of a training with ``cr.Histograms()``, or the file that it wrote, to show its epochs.

    Raises:
        UsageError E561: no histograms were recorded there. TrainingError E503: the model has not been
        trained.
    """
    network, parameters = network_of(model, "weights"), model.parameters
    if run is not None:
        return _over_epochs("weights", run)
    return _current("weights", {path: parameters[path] for path in network.parameters})


def activations(model: ModelState, x: Any = None, run: str | os.PathLike[str] | None = None) -> Plot:
    """Draw histograms of the outputs of each layer, at present or over the epochs of a training.

    Args:
        model: the model.
        x: rows, of which up to 256 are used; not needed with ``run``.
        run: as for ``weights``.

    Raises:
        UsageError E561, E564: no histograms were recorded there; rows are missing.
    """
    network_of(model, "activations")
    if run is not None:
        return _over_epochs("activations", run)
    rows = inputs_of(model, x, "activations").spread(MAX_ROWS)
    return _current("activations", values(layer_nodes(rows.network), rows), rows.count)


def gradients(
    model: ModelState, x: Any = None, y: Any = None, run: str | os.PathLike[str] | None = None
) -> Plot:
    """Draw histograms of the gradients of each parameter, at present or over the epochs of a training.

    Args:
        model: the model; gradients are those of the training loss with penalty, after clipping.
        x, y: rows with targets, of which up to 256 are used; not needed with ``run``.
        run: as for ``weights``.

    Raises:
        UsageError E561, E564: no histograms were recorded there; rows are missing.
    """
    network_of(model, "gradients")
    if run is not None:
        return _over_epochs("gradients", run)
    rows = rows_of(model, x, y, "gradients").spread(MAX_ROWS)
    step = training_step(rows.network, weighted=False, horizon=1)
    graph = Graph(dict(step.gradients))
    feeds = {**model.arrays, **rows.x, **rows.y, **step.key(0, 0)}
    values_by_path = reference.Program(graph).run({name: feeds[name] for name in graph.inputs})
    return _current("gradients", values_by_path, rows.count)


def _current(kind: str, arrays: Mapping[str, np.ndarray], rows: int | None = None) -> Plot:
    """Draw one histogram per layer."""
    large = [name for name, value in arrays.items() if value.ndim > 1]
    chosen = (
        large if len(arrays) > MAX_SUBPLOTS and large else list(arrays)
    )  # of many parameters, biases are omitted first
    names = [chosen[i] for i in evenly_spaced(len(chosen), MAX_SUBPLOTS)]
    figure, frames = grid(_title(kind, rows), len(names), 4, (2.5, 2.0))
    lines = []
    for frame, name in zip(frames, names, strict=True):
        flat = arrays[name].reshape(-1).astype(np.float64)
        flat = flat[np.isfinite(flat)]
        shares = np.full(flat.size, 1 / max(flat.size, 1))
        frame.hist(flat, bins=min(41, max(5, flat.size // 2)), weights=shares, color=BLUE)
        frame.axvline(0, color=GRAY, linewidth=0.8, linestyle=":")
        frame.set_title(
            f"{printable_label(name, 30)}\n{plot_text('numbers', n=arrays[name].size)}", fontsize=8
        )
        frame.tick_params(labelsize=7)
        frame.locator_params(nbins=4)
        lines.append(_spread(name, flat))
    figure.supxlabel(plot_text("values"), fontsize=9)
    figure.supylabel(plot_text("share"), fontsize=9)
    return Plot(kind, _title(kind, rows), figure, settings.lang, "\n".join(lines))


def _spread(name: str, values: np.ndarray) -> str:
    """Return mean and standard deviation of values as text."""
    if not values.size:
        return plot_text("no_values", name=name)
    return plot_text("spread", name=name, mean=f"{values.mean():.3g}", std=f"{values.std():.3g}")


def _title(kind: str, rows: int | None) -> str:
    return plot_text(kind) if rows is None else f"{plot_text(kind)} ({plot_text('inputs_now', n=rows)})"


def _over_epochs(kind: str, run: str | os.PathLike[str]) -> Plot:
    """Draw one subplot per layer: epochs on the x axis, values on the y axis, darker is rarer."""
    file = Path(run)
    folder = file if os.path.isdir(file) else None  # links inside the folder are not followed
    file = file / FILE if folder is not None else file
    if not os.path.lexists(file):
        raise _missing(kind, str(run))
    recorded = read_histograms(file, folder)
    counts = recorded.counts[kind]
    if not counts or not len(recorded.epochs):
        raise _missing(kind, str(run))
    names, title = (
        [list(counts)[i] for i in evenly_spaced(len(counts), MAX_SUBPLOTS)],
        plot_text("over_epochs", title=plot_text(kind)),
    )
    figure, frames = grid(title, len(names), 4, (2.6, 2.1))
    mesh = None
    for frame, name in zip(frames, names, strict=True):
        edges, shares = rebin(counts[name])
        ends = np.append(recorded.epochs, 2 * recorded.epochs[-1] - recorded.epochs[-2:][0] or 1) - 0.5
        ends = ends if ends[-1] > ends[-2] else np.append(ends[:-1], ends[-2] + 1)
        mesh = frame.pcolormesh(ends, edges, shares.T, cmap=AMOUNT, vmin=0, vmax=1, rasterized=True)
        frame.set_title(printable_label(name, 30), fontsize=8)
        frame.tick_params(labelsize=7)
        integer_ticks(frame)
    add_colorbar(figure, mesh, frames, plot_text("density"))
    figure.supxlabel(plot_text("epoch"), fontsize=9)
    figure.supylabel(plot_text("axis_value"), fontsize=9)
    text = "\n".join(f"{name}: {len(recorded.epochs)}" for name in names)
    return Plot(kind, title, figure, settings.lang, text)


def rebin(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Convert recorded counts to shares in bins of equal width over the occupied range.

    Args:
        counts: (n, bins) counts of ``RecordedHistograms``.

    Returns:
        the edges of the new bins (CELLS + 1,), and (n, CELLS) square roots of the shares relative to the
            largest of each epoch, so that the many zeros of a ReLU do not darken all else.
    """
    inner = np.concatenate([[EDGES[1] * 2], EDGES[1:-1], [EDGES[-2] * 2]])  # the outer bins get finite edges
    sums = np.concatenate([np.zeros((len(counts), 1)), counts.cumsum(axis=1)], axis=1)  # (n, bins + 1)
    totals = np.maximum(sums[:, -1:], 1)
    low = np.flatnonzero((sums / totals).max(axis=0) <= TAIL)[-1]
    high = np.flatnonzero((sums / totals).min(axis=0) >= 1 - TAIL)[:1]
    edges = np.linspace(inner[low], inner[high[0] if high.size else -1], CELLS + 1)
    cells = np.diff(np.stack([np.interp(edges, inner, row) for row in sums / totals]), axis=1)
    return edges, np.sqrt(cells / np.maximum(cells.max(axis=1, keepdims=True), 1e-12))


def _missing(kind: str, run: str) -> UsageError:
    expected = fact("{file} in the folder of the training", file=FILE)
    fix = 'model.fit(x, y, run="runs/first", callbacks=[cr.Histograms()])'
    return UsageError("E561", where=f"plot.{kind}", expected=expected, received=run, fix=fix)


WEIGHTS = PlotCard("weights", weights)
ACTIVATIONS = PlotCard("activations", activations, "x")
GRADIENTS = PlotCard("gradients", gradients, "x, y")

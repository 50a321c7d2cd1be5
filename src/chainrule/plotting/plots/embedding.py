"""The rows of an embedding table, projected onto a plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.errors import fact
from chainrule.nn import Embedding, EmbeddingBag
from chainrule.nn.scope import outline
from chainrule.plotting.figure import Plot
from chainrule.plotting.font import printable_label
from chainrule.plotting.plot_card import PlotCard
from chainrule.plotting.samples import network_of, unsupported_model
from chainrule.plotting.style import BLUE, axes
from chainrule.settings import settings
from chainrule.texts.plots import plot_text
from chainrule.train.model_state import ModelState
from chainrule.validation import unknown

MAX_LABELS = 60  # maximum number of rows with names


def principal(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Project rows onto their two principal directions; also return the share of the variance along each.

    Formula: the rows minus their mean are U S V^T; the projection is the first two columns of U S.

    Example:
        >>> places, shares = principal(np.array([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]]))
        >>> np.abs(places[:, 0]).round(6).tolist(), shares.round(6).tolist()
        ([5.0, 0.0, 5.0], [1.0, 0.0])
    """
    u, s, vt = np.linalg.svd(table - table.mean(axis=0), full_matrices=False)
    # The sign of each direction makes its largest component positive.
    signs = np.sign(vt[np.arange(len(vt)), np.abs(vt).argmax(axis=1)])
    coordinates = np.pad(u * s * signs, ((0, 0), (0, 2)))[:, :2]
    shares = np.pad(s**2, (0, 2))[:2] / max(float((s**2).sum()), np.finfo(float).tiny)
    return coordinates, shares


def draw(
    model: ModelState, layer: str | None = None, names: Sequence[Any] | None = None, max_rows: int = 500
) -> Plot:
    """Draw the rows of an embedding table, projected onto their two principal directions (PCA).

    Args:
        model: a model with an embedding.
        layer: the path of the embedding; by default the first.
        names: names of the rows; by default the tokens of the model's tokenizer, else their indices.
        max_rows: the maximum number of rows; the first ones are shown.

    Raises:
        UsageError E560: the model has no embedding. UsageError E101: unknown layer.
    """
    network = network_of(model, "embedding")
    paths = [
        path
        for path, layer_found in network.inference.book.layers.items()
        if isinstance(layer_found, Embedding | EmbeddingBag)
    ]
    if isinstance(network.recipe.net, Embedding | EmbeddingBag):
        paths = [""]
    if not paths:
        unsupported_model("embedding", fact("a layer Embedding"), fact("none"), "model.plot.weights()")
    path = paths[0] if layer is None else layer
    if path not in paths:
        where, expected = "plot.embedding, layer", outline(paths)
        raise unknown(where, path, paths, 'layer="{}"', example=paths[0], expected=expected)
    full_table = model.parameters[f"{path}.weight" if path else "weight"].astype(np.float64)
    table = full_table[:max_rows]
    coordinates, shares = principal(table)
    title = plot_text("embedding", layer=printable_label(path or "embedding"))
    labels = [plot_text("component", n=i + 1, share=float(shares[i])) for i in range(2)]
    figure, frame = axes(title, labels, (6.4, 5.4))
    frame.scatter(*coordinates.T, s=14, color=BLUE, alpha=0.6, linewidths=0)
    words = _names(model, names, len(table))
    for i in range(min(len(table), MAX_LABELS)):
        frame.annotate(words[i], coordinates[i], (3, 3), textcoords="offset points", fontsize=8)
    frame.margins(0.12)
    text = plot_text("shown", shown=len(table), all=len(full_table))
    return Plot("embedding", title, figure, settings.lang, text)


def _names(model: ModelState, names: Sequence[Any] | None, rows: int) -> list[str]:
    """Return the names of the first rows."""
    if names is None and model.tokenizers:
        tokenizer = next(iter(model.tokenizers.values()))
        names = [tokenizer.decode([i]) for i in range(min(rows, MAX_LABELS, len(tokenizer.tokens)))]
    known = [] if names is None else list(names)
    return [printable_label(known[i], 14) if i < len(known) else str(i) for i in range(rows)]


EMBEDDING = PlotCard("embedding", draw)

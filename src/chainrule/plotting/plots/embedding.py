"""The table of an embedding in a plane: what the net takes to be alike lies near."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.errors import UsageError, nearest
from chainrule.nn import Embedding, EmbeddingBag
from chainrule.nn.scope import outline
from chainrule.plotting.figure import Picture
from chainrule.plotting.font import drawable
from chainrule.plotting.plot_card import Kind
from chainrule.plotting.samples import network_of, unsuited
from chainrule.plotting.style import BLUE, axes
from chainrule.settings import settings
from chainrule.texts.plots import plot_text
from chainrule.train.model_state import ModelState

NAMED = 60  # rows up to which each has its name beside it


def principal(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows in the plane of their two main directions, and the share of the variance along each.

    Formula: the rows less their mean are U S V^T; the plane is U S along the first two columns.

    Example:
        >>> places, shares = principal(np.array([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]]))
        >>> np.abs(places[:, 0]).round(6).tolist(), shares.round(6).tolist()
        ([5.0, 0.0, 5.0], [1.0, 0.0])
    """
    u, s, vt = np.linalg.svd(table - table.mean(axis=0), full_matrices=False)
    signs = np.sign(vt[np.arange(len(vt)), np.abs(vt).argmax(axis=1)])  # the largest part of each points up
    places = np.pad(u * s * signs, ((0, 0), (0, 2)))[:, :2]
    shares = np.pad(s**2, (0, 2))[:2] / max(float((s**2).sum()), np.finfo(float).tiny)
    return places, shares


def draw(
    model: ModelState, layer: str | None = None, names: Sequence[Any] | None = None, most: int = 500
) -> Picture:
    """The rows of an embedding's table in the plane of their two main directions (PCA).

    Args:
        model: a net with an embedding.
        layer: the path of the embedding; the first by default.
        names: what the rows are called; by default the tokens of the model's tokenizer, else their numbers.
        most: rows shown at most, the first ones.

    Fails:
        UsageError E560: no embedding. UsageError E101: no such layer.
    """
    network = network_of(model, "embedding")
    known = [path for path, each in network.inference.book.layers.items()
             if isinstance(each, Embedding | EmbeddingBag)]  # fmt: skip
    if isinstance(network.recipe.net, Embedding | EmbeddingBag):
        known = [""]
    if not known:
        unsuited("embedding", "a layer Embedding", "none", "model.plot.weights()")
    path = known[0] if layer is None else layer
    if path not in known:
        close = nearest(path, known)
        raise UsageError(
            "E101", where="plot.embedding, layer", name=path, expected=outline(known), received=path,
            fix=f'layer="{close or known[0]}"',
        )  # fmt: skip
    whole = model.parameters[f"{path}.weight" if path else "weight"].astype(np.float64)
    table = whole[:most]
    places, shares = principal(table)
    title = plot_text("embedding", layer=drawable(path or "embedding"))
    says = [plot_text("component", n=i + 1, share=float(shares[i])) for i in range(2)]
    figure, frame = axes(title, says, (6.4, 5.4))
    frame.scatter(*places.T, s=14, color=BLUE, alpha=0.6, linewidths=0)
    words = _names(model, names, len(table))
    for i in range(min(len(table), NAMED)):
        frame.annotate(words[i], places[i], (3, 3), textcoords="offset points", fontsize=8)
    frame.margins(0.12)
    told = plot_text("shown", shown=len(table), all=len(whole))
    return Picture("embedding", title, figure, settings.lang, told)


def _names(model: ModelState, names: Sequence[Any] | None, rows: int) -> list[str]:
    """What the first rows are called."""
    if names is None and model.tokenizers:
        tokenizer = next(iter(model.tokenizers.values()))
        names = [tokenizer.decode([i]) for i in range(min(rows, NAMED, len(tokenizer.tokens)))]
    given = [] if names is None else list(names)
    return [drawable(given[i], 14) if i < len(given) else str(i) for i in range(rows)]


EMBEDDING = Kind("embedding", draw)

"""How far apart the embedding vectors of tokens are: the scale of the radius of an attack on texts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from chainrule.robustness.problem import AttackGraph

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState

TOKENS = 200  # whose nearest neighbors are searched, evenly spaced
BLOCK = 2000  # other tokens at once


def token_distance(model: ModelState, graph: AttackGraph, norm: str) -> float:
    """Return the median distance of a token from the nearest other one; NaN without a table of tokens.

    Args:
        norm: ``"inf"`` or ``"2"``.
    """
    if not graph.is_embedded:
        return math.nan
    nodes = [node for node in graph.entries if node.op.name == "gather"]
    labels = {node: graph.score.entry_inputs[node].op.attributes["label"] for node in nodes}
    tables = [
        node.inputs[0].op.attributes.get("label") for node in nodes if labels[node] not in graph.score.hashed
    ]
    known = [model.arrays[label] for label in tables if label in model.arrays]
    return nearest_distance(known[0], norm) if known else math.nan


def nearest_distance(table: np.ndarray, norm: str) -> float:
    """Return the median over rows of a table, (V, C), of the distance to the nearest other row.

    Example:
        >>> nearest_distance(np.array([[0.0, 0.0], [3.0, 4.0]]), "2")
        5.0
    """
    if len(table) < 2:
        return math.nan
    rows = np.unique(np.linspace(0, len(table) - 1, TOKENS).round().astype(np.int64))
    nearest = np.full(len(rows), np.inf)
    for start in range(0, len(table), BLOCK):
        block = table[start : start + BLOCK].astype(np.float64)
        for i, row in enumerate(rows.tolist()):
            change = np.abs(block - table[row])
            sizes = change.max(axis=1) if norm == "inf" else np.sqrt((change**2).sum(axis=1))
            if start <= row < start + BLOCK:
                sizes[row - start] = np.inf
            nearest[i] = min(nearest[i], sizes.min())
    return float(np.median(nearest))

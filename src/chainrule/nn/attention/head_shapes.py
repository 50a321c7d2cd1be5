"""Splitting the channels of attention into heads: shapes only, without parameters.

The channels of queries, keys and values are split into H heads. Keys and values may have fewer heads than
queries, G: then R = H / G queries share each key. All of it is one form:

    queries (B, Tq, G R D) -> (B, G, Tq R, D)        scores (B, G, Tq R, Tk) = queries keys^T
    keys    (B, Tk, G D)   -> (B, G, Tk, D)          result (B, G, Tq R, V)  = softmax(scores) values

With G = H it is multi-head attention, with G = 1 multi-query attention. The queries that share a key are
additional rows of one product, and no key is ever repeated.
"""

from __future__ import annotations

import numpy as np

from chainrule.graph import Node, constant, reserve
from chainrule.nn.layers.position_encoding import distance_slopes
from chainrule.ops import functional as F
from chainrule.records import frozen


@frozen
class Form:
    """How channels are split into heads.

    Args:
        groups: G, heads of keys and values.
        share: R, heads of queries that share a key.
        width: D, channels of a query and a key in one head.
        value_width: V, channels of a value in one head.
    """

    groups: int
    share: int
    width: int
    value_width: int

    @property
    def heads(self) -> int:
        """H, heads of queries."""
        return self.groups * self.share

    def queries(self, split: Node) -> Node:
        """(B, Tq, G, R, D) -> (B, G, Tq R, D)."""
        batch, places, groups, share, width = split.shape
        query = F.transpose(split, (0, 2, 1, 3, 4))  # (B, G, Tq, R, D)
        return F.reshape(query, (batch, groups, places * share, width))

    def keys(self, split: Node) -> Node:
        """Keys or values (B, Tk, G, D) -> (B, G, Tk, D)."""
        return F.transpose(split, (0, 2, 1, 3))

    def scores(self, query: Node, key: Node) -> Node:
        """(B, G, Tq R, D), (B, G, Tk, D) -> (B, G, Tq, R, Tk)."""
        scores = query @ key.T
        batch, groups, rows, places = scores.shape
        return F.reshape(scores, (batch, groups, rows // self.share, self.share, places))

    def met(self, weights: Node, value: Node) -> Node:
        """Weights (B, G, Tq, R, Tk), values (B, G, Tk, V) -> (B, G, Tq R, V)."""
        batch, groups, queries, share, places = weights.shape
        return F.reshape(weights, (batch, groups, queries * share, places)) @ value

    def concatenate(self, met: Node) -> Node:
        """Concatenate the results of the heads: (B, G, Tq R, V) -> (B, Tq, G R V)."""
        batch, groups, rows, width = met.shape
        queries = rows // self.share
        split = F.reshape(met, (batch, groups, queries, self.share, width))
        turned = F.transpose(split, (0, 2, 1, 3, 4))  # (B, Tq, G, R, V)
        return F.reshape(turned, (batch, queries, self.heads * width))

    def split_mask(self, mask: Node) -> Node:
        """A mask (B, H or 1, Tq, Tk) beside the scores (B, G, Tq, R, Tk); an axis of length 1 stays so."""
        batch, heads, queries, places = mask.shape
        if heads == 1:
            return F.reshape(mask, (batch, 1, queries, 1, places))
        split = F.reshape(mask, (batch, self.groups, self.share, queries, places))
        return F.transpose(split, (0, 1, 3, 2, 4))

    def alibi(self, dtype: str) -> Node:
        """The ALiBi slope of each head, in a shape to broadcast with the scores: (1, G, 1, R, 1)."""
        alibi = distance_slopes(self.heads).reshape(1, self.groups, 1, self.share, 1)
        return constant(alibi.astype(dtype))


def distances(queries: int, places: int, dtype: str) -> Node:
    """The distances of positions, in a shape to broadcast with the scores: (1, 1, Tq, 1, Tk)."""
    reserve(queries, places, itemsize=24)  # differences, distances, the constant
    away = np.abs(np.arange(queries)[:, None] - np.arange(places))
    return constant(away.reshape(1, 1, queries, 1, places).astype(dtype))

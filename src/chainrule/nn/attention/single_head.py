"""Attention without heads: scores by a dot product or by a small network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY

from chainrule.errors import ShapeError, UsageError, fact
from chainrule.graph import Node
from chainrule.nn.attention.inputs import Taken, both, looking_back, sequences_of, spread, weighed
from chainrule.nn.incremental_decoding import Decoding
from chainrule.nn.initializer import Fill
from chainrule.nn.layer import Layer, layer
from chainrule.nn.layers.dropout import Dropout
from chainrule.nn.layers.linear import Dense
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.symbolic_shape import bound, shape_text
from chainrule.validation import is_number, require, require_integer, require_number


@layer
class Attention(Layer):
    """Dot-product attention: for each query the mean of the values, weighted by the similarity of query and
    keys.

    Shapes: query (B, ..., Tq, C), key (B, ..., Tk, C), value (B, ..., Tk, V) -> (B, ..., Tq, V). One sequence
    attends to itself; several are passed by name: ``sequence``, or ``query``, ``value`` and perhaps ``key``;
    with either perhaps a ``mask``, true where a position counts: (B, Tk), (Tq, Tk) or (B, Tq, Tk).

    Formula: w = softmax(scale q k^T), y = w v.

    Args:
        scale: ``None`` is 1 / sqrt(C), which keeps scores of random vectors near 1; a number, such as 1.0
            (Luong's dot); or ``"learned"``, a parameter that is initially 1 (Keras's ``use_scale``).
        causal: whether position i attends to positions 0 to i only.
        dropout: the probability that a weight is dropped in training.

    Numerics: a query of which every position is masked has the result 0.

    Cost: 2 Tq Tk (C + V) flops a sample forward.

    Raises:
        UsageError E101: names that are none of these. ShapeError E220, E226: sequences that do not fit.
        ShapeError E222, DtypeError E253: a mask of another shape or kind.
        UsageError E223: incremental decoding, for which it has no cache.
        UsageError E102: a setting out of its range.

    Example:
        >>> print(Attention(causal=True))
        Attention(causal=True)

    Reference: Luong, Pham and Manning (2015), Effective approaches to attention-based neural machine
    translation (EMNLP); Vaswani et al. (2017), Attention is all you need (NeurIPS).
    """

    chinese = ("点积注意力", "每个查询按与各键的点积，对各值加权平均。")
    _: KW_ONLY
    scale: float | str | None = None
    causal: bool = False
    dropout: float = 0.0

    def check(self) -> None:
        fits = self.scale is None or self.scale == "learned" or is_number(self.scale)
        require(self, "scale", fits, fact('a number, "learned" or None'), "scale=1.0")
        require_flags(self, "causal")
        require_number(self, "dropout", minimum=0, below=1)

    def __call__(self, x: Node | Mapping[str, Node], scope: Scope) -> Node:
        seen = sequences_of(self, x)
        _refuse_decoding(self, scope)
        width = _common_width(self, seen)
        if self.scale == "learned":
            query = seen.query * scope.parameter("scale", (), Fill(1.0))
        else:
            query = seen.query * (1.0 / math.sqrt(width) if self.scale is None else float(self.scale))
        scores = query @ seen.key.T  # (B, ..., Tq, C) (B, ..., C, Tk) -> (B, ..., Tq, Tk)
        return _gathered(self, scores, seen, scope)


@layer
class AdditiveAttention(Layer):
    """Additive attention: for each query the mean of the values, weighted by a small network of query and
    key.

    Shapes: as ``Attention``; with ``units``, queries and keys may differ in their channels.

    Formula: s = sum over c of scale[c] tanh(q W^T + k U^T)[c], w = softmax(s), y = w v; without ``units``
    there are no W and U.

    Args:
        units: the width of the small network; ``None``: query and key are added as they are (Keras).
        scale: whether scale (Bahdanau's v) is learned; else it is 1.
        causal, dropout: as in ``Attention``.

    Cost: Tq Tk C evaluations of tanh a sample, and as many numbers in memory.

    Raises:
        As ``Attention``.

    Example:
        >>> print(AdditiveAttention(units=64))
        AdditiveAttention(units=64)

    Reference: Bahdanau, Cho and Bengio (2015), Neural machine translation by jointly learning to align and
    translate (ICLR).
    """

    chinese = ("加性注意力", "用一个小网络给查询与键打分，再对各值加权平均。")
    _: KW_ONLY
    units: int | None = None
    scale: bool = True
    causal: bool = False
    dropout: float = 0.0

    def check(self) -> None:
        if self.units is not None:
            require_integer(self, "units", 1, fix="units=64")
        require_flags(self, "scale", "causal")
        require_number(self, "dropout", minimum=0, below=1)

    def __call__(self, x: Node | Mapping[str, Node], scope: Scope) -> Node:
        seen = sequences_of(self, x)
        _refuse_decoding(self, scope)
        query, key = seen.query, seen.key
        if self.units is not None:
            query = scope.run(Dense(self.units), query, "query")
            key = scope.run(Dense(self.units, bias=False), key, "key")  # the other bias is enough for both
        width = _common_width(self, seen._replace(query=query, key=key))
        query = F.reshape(query, (*query.shape[:-1], 1, width))
        key = F.reshape(key, (*key.shape[:-2], 1, *key.shape[-2:]))
        met = F.tanh(query + key)  # (B, ..., Tq, 1, C), (B, ..., 1, Tk, C) -> (B, ..., Tq, Tk, C)
        if self.scale:
            met = met * scope.parameter("scale", (width,), Fill(1.0))
        return _gathered(self, F.sum(met, -1), seen, scope)


def _gathered(owner: Attention | AdditiveAttention, scores: Node, seen: Taken, scope: Scope) -> Node:
    """Return the means of the values, weighted by the softmax of the scores."""
    back = None
    if owner.causal:
        back = looking_back(owner, *scores.shape[-2:])
        back = F.reshape(back, back.shape[2:])
    mask = None if seen.mask is None else spread(owner, seen.mask, scores.shape)
    weights = scope.note("weights", weighed(scores, both(mask, back), always_some=mask is None))
    return Dropout(owner.dropout)(weights, scope) @ seen.value  # (.., Tq, Tk) (.., Tk, V) -> (.., Tq, V)


def require_flags(owner: Layer, *names: str) -> None:
    """Refuse settings that are neither true nor false."""
    for name in names:
        require(owner, name, isinstance(getattr(owner, name), bool), fact("True or False"), f"{name}=True")


def _common_width(owner: Layer, seen: Taken) -> int:
    """Return the number of channels of queries and keys."""
    if seen.query.shape[-1] != seen.key.shape[-1]:
        expected = fact("query and key with as many channels")
        received = f"query {shape_text(seen.query.shape)}, key {shape_text(seen.key.shape)}"
        fix = fact("cr.MultiHeadAttention(1), which brings both to one width")
        raise ShapeError("E226", op=type(owner).__name__, expected=expected, received=received, fix=fix)
    return bound(seen.query.shape[-1:])[0]


def _refuse_decoding(owner: Layer, scope: Scope) -> None:
    """Refuse incremental decoding: there is no cache."""
    if isinstance(scope, Decoding):
        expected = fact("attention with a cache")
        fix = "cr.MultiHeadAttention(1, causal=True)"
        raise UsageError("E223", op=type(owner).__name__, expected=expected, received=str(owner), fix=fix)

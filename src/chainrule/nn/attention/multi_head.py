"""Attention with heads: several attentions in parallel, each on its own projections.

``Form`` defines the shapes of the heads. The queries are scaled instead of the scores,
because there are fewer of them. In incremental decoding (``chainrule.nn.incremental_decoding``), the new
words attend to two sets of keys, those of the cache and their own; the scores of both share one softmax, and
the cache is read without a copy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY

import numpy as np

from chainrule.errors import ShapeError, UsageError, fact
from chainrule.graph import Node, constant, reserve
from chainrule.nn.attention.inputs import (
    NEVER,
    Taken,
    both,
    known_lengths,
    looking_back,
    sequences_of,
    spread,
    weighed,
)
from chainrule.nn.attention.single_head import require_flags
from chainrule.nn.incremental_decoding import Decoding
from chainrule.nn.initializer import Initializer, known_initializer
from chainrule.nn.layer import Layer, layer
from chainrule.nn.layers.dropout import Dropout
from chainrule.nn.layers.linear import Dense
from chainrule.nn.layers.position_encoding import RotaryPosition, distance_slopes
from chainrule.nn.regularization.penalty import Penalty
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.symbolic_shape import bound
from chainrule.validation import require, require_integer, require_number

# Splitting the channels of attention into heads: shapes only, without parameters.
#
# The channels of queries, keys and values are split into H heads. Keys and values may have fewer heads than
# queries, G: then R = H / G queries share each key. All of it is one form:
#
#     queries (B, Tq, G R D) -> (B, G, Tq R, D)        scores (B, G, Tq R, Tk) = queries keys^T
#     keys    (B, Tk, G D)   -> (B, G, Tk, D)          result (B, G, Tq R, V)  = softmax(scores) values
#
# With G = H it is multi-head attention, with G = 1 multi-query attention. The queries that share a key are
# additional rows of one product, and no key is ever repeated.


@frozen
class Form:
    """The split of channels into heads.

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
        """Transpose (B, Tq, G, R, D) -> (B, G, Tq R, D)."""
        batch, places, groups, share, width = split.shape
        query = F.transpose(split, (0, 2, 1, 3, 4))  # (B, G, Tq, R, D)
        return F.reshape(query, (batch, groups, places * share, width))

    def keys(self, split: Node) -> Node:
        """Transpose keys or values, (B, Tk, G, D) -> (B, G, Tk, D)."""
        return F.transpose(split, (0, 2, 1, 3))

    def scores(self, query: Node, key: Node) -> Node:
        """Return the scores of queries (B, G, Tq R, D) and keys (B, G, Tk, D), (B, G, Tq, R, Tk)."""
        scores = query @ key.T
        batch, groups, rows, places = scores.shape
        return F.reshape(scores, (batch, groups, rows // self.share, self.share, places))

    def met(self, weights: Node, value: Node) -> Node:
        """Return the means of values (B, G, Tk, V) by weights (B, G, Tq, R, Tk), (B, G, Tq R, V)."""
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
        """Arrange a mask (B, H or 1, Tq, Tk) beside the scores (B, G, Tq, R, Tk); a length of 1 stays so."""
        batch, heads, queries, places = mask.shape
        if heads == 1:
            return F.reshape(mask, (batch, 1, queries, 1, places))
        split = F.reshape(mask, (batch, self.groups, self.share, queries, places))
        return F.transpose(split, (0, 1, 3, 2, 4))

    def alibi(self, dtype: str) -> Node:
        """Return the ALiBi slope of each head, in a shape to broadcast with the scores: (1, G, 1, R, 1)."""
        alibi = distance_slopes(self.heads).reshape(1, self.groups, 1, self.share, 1)
        return constant(alibi.astype(dtype))


def distances(queries: int, places: int, dtype: str) -> Node:
    """Return the distances of positions, in a shape to broadcast with the scores: (1, 1, Tq, 1, Tk)."""
    reserve(queries, places, itemsize=24)  # differences, distances, the constant
    away = np.abs(np.arange(queries)[:, None] - np.arange(places))
    return constant(away.reshape(1, 1, queries, 1, places).astype(dtype))


MANY = 1024  # heads whose divisors an error lists


@frozen
class Heads(Layer):
    """The common part of multi-head and grouped-query attention: everything except the number of groups."""

    heads: int
    _: KW_ONLY
    units: int | None = None
    value_units: int | None = None
    causal: bool = False
    dropout: float = 0.0
    bias: bool = True
    rotary: bool | RotaryPosition = False
    alibi: bool = False
    weight_initializer: str | Initializer | None = None
    penalty: Penalty | None = None
    output_initializer: str | Initializer | None = None

    @property
    def shared(self) -> int:
        """The number of heads of keys and values."""
        return getattr(self, "groups", self.heads)

    def check(self) -> None:
        require_integer(self, "heads", 1, fix=f"cr.{type(self).__name__}(8)")
        for name in ("units", "value_units"):
            if getattr(self, name) is not None:
                require_integer(self, name, 1, fix=f"{name}=64")
        require_flags(self, "causal", "bias", "alibi")
        require_number(self, "dropout", minimum=0, below=1)
        fits = isinstance(self.rotary, bool | RotaryPosition)
        require(self, "rotary", fits, fact("True, False or cr.RotaryPosition(base=...)"), "rotary=True")
        for init in (self.weight_initializer, self.output_initializer):
            if init is not None:
                known_initializer(init)
        require(
            self, "penalty", isinstance(self.penalty, Penalty | None), fact("a penalty such as cr.L2(1e-4)")
        )
        if self.shared != self.heads:
            require_integer(self, "groups", 1, fix="groups=1")
            parts = ", ".join(str(n) for n in range(1, min(self.heads, MANY) + 1) if self.heads % n == 0)
            fits = self.heads % self.shared == 0
            require(
                self,
                "groups",
                fits,
                fact("a divisor of {heads} heads: {divisors}", heads=self.heads, divisors=parts),
            )

    def __call__(self, x: Node | Mapping[str, Node], scope: Scope) -> Node:
        seen = sequences_of(self, x, rank=3)
        form = self._form(seen)
        query = form.queries(self._split("query", seen.query, (form.groups, form.share, form.width), scope))
        key = form.keys(self._split("key", seen.key, (form.groups, form.width), scope))
        value = form.keys(self._split("value", seen.value, (form.groups, form.value_width), scope))
        if isinstance(scope, Decoding) and seen.is_self:
            met = self._from_cache(form, (query, key, value), seen, scope)
        else:
            if isinstance(scope, Decoding):
                key, value = scope.keep("keys", key), scope.keep("values", value)
            weights = scope.note("weights", self._weights(form, form.scores(query, key), seen))
            met = form.met(Dropout(self.dropout)(weights, scope), value)  # -> (B, G, Tq R, V)
        channels = bound(seen.query.shape[-1:])[0]
        output = self._dense(channels, self.output_initializer)
        return scope.run(output, form.concatenate(met), "output")  # (B, Tq, H V) -> (B, Tq, C)

    def _form(self, seen: Taken) -> Form:
        """Return how the channels are split into heads."""
        units = self.units or bound(seen.query.shape[-1:])[0]
        value_units = self.value_units or units
        for n in (units, value_units):
            width, rest = divmod(n, self.heads)
            if rest:
                more, kind = self.heads * (width + 1), type(self).__name__
                raise ShapeError(
                    "E221",
                    op=kind,
                    what=fact("heads"),
                    expected=fact(
                        "{channels} channels = {heads} heads x {width}",
                        channels=more,
                        heads=self.heads,
                        width=width + 1,
                    ),
                    received=fact(
                        "{channels} channels = {heads} heads x {width} + {rest}",
                        channels=n,
                        heads=self.heads,
                        width=width,
                        rest=rest,
                    ),
                    fix=f"cr.{kind}({math.gcd(n, self.heads)}) or cr.{kind}({self.heads}, units={more})",
                )
        width, value_width = units // self.heads, value_units // self.heads
        return Form(self.shared, self.heads // self.shared, width, value_width)

    def _dense(self, units: int, init: str | Initializer | None = None) -> Dense:
        return Dense(
            units,
            None,
            bias=self.bias,
            weight_initializer=init or self.weight_initializer,
            penalty=self.penalty,
        )

    def _split(self, name: str, x: Node, heads: tuple[int, ...], scope: Scope) -> Node:
        """Project, and split channels into heads: (B, T, C) -> (B, T, *heads); queries are scaled."""
        flat = scope.run(self._dense(math.prod(heads)), x, name)
        if name == "query":
            flat = flat * (1.0 / math.sqrt(heads[-1]))
        split = F.reshape(flat, (*flat.shape[:2], *heads))
        if name == "value" or not self.rotary:
            return split
        turn = self.rotary if isinstance(self.rotary, RotaryPosition) else RotaryPosition()
        return turn.turned(split, 1, scope)

    def _weights(self, form: Form, scores: Node, seen: Taken) -> Node:
        """Turn scores (B, G, Tq, R, Tk) into weights."""
        batch, _, queries, _, places = scores.shape
        mask = None
        if seen.mask is not None:
            mask = form.split_mask(spread(self, seen.mask, (batch, self.heads, queries, places)))
        back = form.split_mask(looking_back(self, queries, places)) if self.causal else None
        if self.alibi:
            lengths = known_lengths(self, queries, places)
            scores = scores - distances(*lengths, scores.dtype) * form.alibi(scores.dtype)
        return weighed(scores, both(mask, back), always_some=mask is None)

    def _from_cache(self, form: Form, new: tuple[Node, Node, Node], seen: Taken, scope: Decoding) -> Node:
        """Return the result for new words, which attend to those of the cache and to earlier new ones.

        Raises:
            UsageError E223: positions that attend to later ones; a mask, which incremental decoding does not
                support.
        """
        if not self.causal or seen.mask is not None:
            expected = fact("causal=True and no mask")
            received = (
                f"causal={self.causal}"
                if seen.mask is None
                else fact("causal={causal} and a mask", causal=self.causal)
            )
            fix = f"cr.{type(self).__name__}({self.heads}, causal=True)"
            raise UsageError("E223", op=type(self).__name__, expected=expected, received=(received), fix=fix)
        query, key, value = new
        old_key, old_value = scope.remember("keys", key), scope.remember("values", value)
        old, own = form.scores(query, old_key), form.scores(query, key)  # (B, G, T, R, L), (B, G, T, R, T)
        (batch, length), (count, _) = scope.is_old.shape, known_lengths(self, *key.shape[-2:])
        if self.alibi:
            past = F.reshape(scope.distances(count).astype(old.dtype), (batch, 1, count, 1, length))
            old = old - past * form.alibi(old.dtype)
            own = own - distances(count, count, own.dtype) * form.alibi(own.dtype)
        old = F.where(F.reshape(scope.is_old, (batch, 1, 1, 1, length)), old, NEVER)
        own = F.where(form.split_mask(looking_back(self, count, count)), own, NEVER)
        weights = F.softmax(F.concatenate((old, own), -1), -1)
        return form.met(weights[..., :length], old_value) + form.met(weights[..., length:], value)


@layer
class MultiHeadAttention(Heads):
    """Multi-head attention: several attentions in parallel, each with its own projections; the results are
    concatenated and projected.

    Shapes: query (B, Tq, C), key (B, Tk, C'), value (B, Tk, C'') -> (B, Tq, C). One sequence attends to
    itself; several are passed by name: ``sequence``, or ``query``, ``value`` and perhaps ``key``; with either
    perhaps a ``mask``, true where a position counts: (B, Tk), (Tq, Tk), (B, Tq, Tk) or (B, H, Tq, Tk).

    Formula: for each head h, q = x Wq[h]^T, k = x Wk[h]^T, v = x Wv[h]^T (each with a bias),
    y[h] = softmax(q k^T / sqrt(D)) v; the y[h], joined, times the output weights.

    Args:
        heads: H, the number of heads.
        units: H D, channels of all queries together; by default those of the input. Keras's ``key_dim`` is
            D.
        value_units: H V, channels of all values together; by default ``units``.
        causal: whether position i attends to positions 0 to i only.
        dropout: the probability that a weight is dropped in training.
        bias: whether the four projections have a bias.
        rotary: whether queries and keys are rotated by their positions, or a ``RotaryPosition``.
        alibi: whether a linear bias by distance is subtracted from the scores, with a slope for each head
            (ALiBi).
        weight_initializer: initial values of the weights, a record or a name; Xavier's by default.
        penalty: a penalty on the size of the weights.
        output_initializer: initial values of the output weights, if others than ``weight_initializer``.

    Numerics: a query of which every position is masked results in the bias of the output only, and has no
    gradient.

    Cost: 8 T C^2 + 4 T^2 C flops a sample forward, for T positions of C channels.

    Raises:
        UsageError E101: names that are none of these. ShapeError E220, E226: sequences that do not fit.
        ShapeError E221: channels that the heads do not divide.
        ShapeError E222, DtypeError E253: a mask of another shape or kind.
        UsageError E223: incremental decoding without ``causal``.
        UsageError E102: a setting out of its range.

    Example:
        >>> print(MultiHeadAttention(8, causal=True))
        MultiHeadAttention(8, causal=True)

    Reference: Vaswani et al. (2017), Attention is all you need (NeurIPS), section 3.2.2.
    """

    chinese = ("多头注意力", "几个头各自用自己的投影计算注意力，再合在一起。")


@layer
class GroupedQueryAttention(Heads):
    """Multi-head attention in which several heads of queries share one head of keys and values.

    The keys and values of a long text are then fewer, and so is the cache that generation needs.

    Shapes, Formula, Numerics: as ``MultiHeadAttention``; head h of the queries meets head h // (heads /
    groups) of the keys.

    Args:
        heads: H, heads of queries; and all else as in ``MultiHeadAttention``. ``value_units`` counts the
            channels of all H results.
        groups: G, heads of keys and values, a divisor of ``heads``; 1 is multi-query attention.

    Raises:
        As ``MultiHeadAttention``. UsageError E102: groups that do not divide the heads.

    Example:
        >>> print(GroupedQueryAttention(8, groups=2))
        GroupedQueryAttention(8, groups=2)

    Reference: Shazeer (2019), Fast transformer decoding: one write-head is all you need; Ainslie et al.
    (2023), GQA: training generalized multi-query transformer models (EMNLP).
    """

    chinese = ("分组查询注意力", "几个查询头共用一组键和值，节省内存。")
    _: KW_ONLY
    groups: int = 1

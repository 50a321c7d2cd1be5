"""Pooling of sequences: one vector for a sequence, from an added position or from all positions.

A classifier needs one vector for a text, or for an image split into patches. There are two methods. A *class
token* is prepended to the sequence; it encodes no input, and the attention of the blocks collects information
in it. Or the positions are pooled: their mean or maximum, or the first or last one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY

from chainrule.graph import Node, constant, reserve
from chainrule.nn.attention.inputs import require_names, require_sequence
from chainrule.nn.initializer import Initializer, SmallNormal, known_initializer
from chainrule.nn.layer import Layer, Value, layer
from chainrule.nn.recurrent.sequence_loop import require_mask
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.symbolic_shape import bound
from chainrule.validation import require_choice

HOWS = ["mean", "max", "first", "last"]
SMALL = SmallNormal(0.02)
LOWEST = -1e30  # below every number of a sequence


@layer
class ClassToken(Layer):
    """Prepends a learned vector to a sequence, whose output represents the complete sequence.

    Shapes: (B, T, C) -> (B, T + 1, C).

    Args:
        weight_initializer: initial values of the vector, a record or a name.

    Raises:
        ShapeError E220: not a sequence of vectors.
        UsageError E101: unknown initializer.

    Example:
        >>> print(ClassToken())
        ClassToken()

    Reference: Devlin, Chang, Lee and Toutanova (2019), BERT (NAACL); Dosovitskiy et al. (2021), An image is
    worth 16x16 words (ICLR).
    """

    chinese = ("分类标记", "在序列前面加一个学到的向量，用来汇集整体的信息。")
    takes_one = True
    _: KW_ONLY
    weight_initializer: str | Initializer = SMALL

    def check(self) -> None:
        known_initializer(self.weight_initializer)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, T, C) -> (B, T + 1, C)
        require_sequence(self, "sequence", x, 3)
        (channels,) = bound(x.shape[-1:])
        token = scope.parameter("weight", (channels,), known_initializer(self.weight_initializer))
        first = F.broadcast_to(token, (x.shape[0], 1, channels))
        return F.concatenate((first, x), 1)


@layer
class SequencePool(Layer):
    """Mean, maximum, first or last vector of a sequence.

    Shapes: (B, T, C) -> (B, C); or by name ``sequence`` and ``mask`` (B, T), true where a position counts.

    Formula: mean: y = sum of m[t] x[t] / sum of m[t], m the mask.

    Args:
        mode: ``"mean"``, ``"max"``, ``"first"`` or ``"last"``: the first or last position that counts.

    Numerics: a sequence of which no position counts gives 0.

    Raises:
        ShapeError E208, E220: not a sequence of vectors; a mask that is not true or false at every position.
        UsageError E101: no such way; names that are none of these.

    Example:
        >>> print(SequencePool("first"))
        SequencePool(mode='first')

    Reference: Reimers and Gurevych (2019), Sentence-BERT (EMNLP), compares the first place, mean and maximum.
    """

    chinese = ("序列汇聚层", "整个序列合为一个向量：平均、最大、首位或末位。")
    mode: str = "mean"

    def check(self) -> None:
        require_choice(self, "mode", HOWS, 'cr.SequencePool("{}")')

    def __call__(self, x: Value, scope: Scope) -> Node:  # x (B, T, C) -> (B, C)
        inputs = x if isinstance(x, Mapping) else {"sequence": x}
        require_names(inputs, {"sequence"}, {"sequence", "mask"})
        sequence, mask = inputs["sequence"], inputs.get("mask")
        require_sequence(self, "sequence", sequence, 3)
        if mask is None:
            if self.mode in ("mean", "max"):
                return getattr(F, self.mode)(sequence, 1)
            return sequence[:, 0 if self.mode == "first" else -1]
        require_mask("SequencePool", mask, sequence)
        return self._masked(sequence, F.reshape(mask, (*mask.shape, 1)))

    def _masked(self, x: Node, mask: Node) -> Node:
        """Pool only the positions that count: x (B, T, C), mask (B, T, 1)."""
        kind = x.dtype
        counts = mask.astype(kind)
        if self.mode == "max":
            maximum = F.max(F.where(mask, x, constant(LOWEST, kind)), 1)
            return F.where(F.sum(counts, 1) > 0.0, maximum, constant(0.0, kind))
        if self.mode in ("first", "last"):
            counts = _outermost(counts, is_last=self.mode == "last")
        return F.sum(x * counts, 1) / F.maximum(F.sum(counts, 1), 1.0)


def _outermost(counts: Node, is_last: bool) -> Node:
    """Return 1 at the first or last position that counts and 0 elsewhere, (B, T, 1), without a loop.

    Each position that counts is numbered from the far end; the one with the largest number is marked.
    """
    (places,) = bound(counts.shape[1:2])
    number = F.reshape(constant(_numbers(places, is_last)), (1, places, 1)).astype(counts.dtype)
    ranks = counts * number  # (B, T, 1), 0 where a place does not count
    maximum = F.reshape(F.max(ranks, 1), (counts.shape[0], 1, 1))
    return F.equal(ranks, maximum).astype(counts.dtype) * counts


def _numbers(places: int, is_last: bool) -> list[float]:
    """Return 1 to ``places``, the largest at the requested end."""
    reserve(places, itemsize=64)
    numbers = [float(i + 1) for i in range(places)]
    return numbers if is_last else numbers[::-1]

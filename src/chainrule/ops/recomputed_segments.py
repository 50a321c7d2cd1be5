"""Rematerialization (activation checkpointing): values are recomputed instead of stored.

The backward pass needs the values of the forward pass, so all activations of a deep network are stored until
their gradients are computed. Of a marked *segment* only the inputs are stored. When the gradient of its
output is known, the segment is recomputed from its inputs, and the copies are freed after use.

    forward    x -> a -> b -> y = remat(b, x)          a, b are freed as soon as y is computed
    backward   dy; x' = again(x, dy); x' -> a' -> b'; the gradient flows through a', b' to x

Nodes that compute the same thing are one node. So the copy must begin with a different node: ``again`` has
the value of ``x``, and one element of the gradient as a second input. It thereby differs from ``x``, and no
schedule can compute the copy before the gradient is known. Random numbers are sampled again from the same
key, so their bits are the same. ``jax.checkpoint`` also ties the copy to the gradient.

Reference: Griewank and Walther (2000), Algorithm 799: revolve (ACM TOMS 26); Chen, Xu, Zhang and Guestrin
(2016), Training deep nets with sublinear memory cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np

from chainrule.graph import Input, Node, make, order, rebuild
from chainrule.ops.array.indexing import index
from chainrule.ops.array.shape import broadcast_to, reshape
from chainrule.ops.batch_axis import BATCH, per_sample
from chainrule.ops.elementwise.cast_and_stop_gradient import cast
from chainrule.ops.elementwise.elementwise import Elementwise
from chainrule.ops.operation_card import Flat, Says, card
from chainrule.records import frozen


@frozen
class _Marked(Elementwise):
    entries: tuple[Node, ...] = ()


@card
class Remat(_Marked):
    """The value; the segment that computes it is rematerialized in the backward pass instead of stored.

    Args:
        entries: the inputs of the segment; the values between them and ``x`` are not stored.
    """

    name = "remat"
    chinese = "重计算"
    arguments = ("x",)
    formula = "x"
    pullbacks = {"x": "dy"}
    takes = "any"
    says = Says(
        "passes the value",
        "原样传递",
        "passes the gradient through a segment that is rematerialized",
        "把这一段重新计算一遍，再让梯度通过",
    )

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return x

    def with_nodes(self, replaced: Mapping[Node, Node]) -> Self:
        return type(self)(tuple(replaced.get(node, node) for node in self.entries))

    def __str__(self) -> str:
        return self.name


@card
class Again(Elementwise):
    """The first value, available only after the second one: the beginning of a rematerialized copy."""

    name = "again"
    chinese = "重计算的起点"
    arguments = ("x", "after")
    formula = "x"
    pullbacks = {"x": "dy", "after": Flat("the result does not depend on its value")}
    takes = "any"
    says = Says(
        "passes the first value once the second is computed",
        "等第二个值已知后，原样传递第一个值",
        "passes the gradient to the first value",
        "把梯度原样传给第一个值",
    )

    def evaluate(self, x: np.ndarray, after: np.ndarray) -> np.ndarray:
        return x


def remat(y: Node, *entries: Node) -> Node:
    """Return ``y``; values between the entries and ``y`` are rematerialized in the backward pass, not stored.

    Args:
        y: the output of the segment.
        entries: the inputs of the segment. Parameters need not be listed: they are stored anyway.

    Example:
        >>> from chainrule.graph import input_node
        >>> x = input_node("x", (None,), "float64")
        >>> remat((x * x) * x, x)
        <remat float64(B,)>
    """
    return y if y in entries else make(Remat(entries), y)


def segment(node: Node) -> list[Node]:
    """Return the nodes between the entries of a marked value and the value, which are not stored."""
    return order(node.inputs, node.op.attributes["entries"])


def recomputed(node: Node, dy: Node) -> tuple[Node, dict[Node, Node]]:
    """Return a copy of a marked value that is computed after ``dy``; and the copy of each entry."""
    entries = node.op.attributes["entries"]
    has_samples = any(BATCH in x.shape for x in entries)
    copies = {x: _after(x, dy) if BATCH in x.shape or not has_samples else x for x in entries}
    keys = [n for n in segment(node) if isinstance(n.op, Input) and n.op.role == "key"]
    key_copies = {key: make(Again(), key, key) for key in keys}
    (copy,) = rebuild(node.inputs, {**copies, **key_copies})
    return copy, copies


def _after(x: Node, dy: Node) -> Node:
    """Return ``x`` as a node that depends on an element of ``dy``, for each sample on one of its own."""
    if BATCH not in dy.shape and per_sample(dy.shape):
        dy = reshape(dy, (BATCH, per_sample(dy.shape)))
    one = index(dy, tuple(slice(None) if n == BATCH else slice(0, 1) for n in dy.shape))
    if 0 in one.shape:
        return make(Again(), x, x)
    place = x.shape.index(BATCH) if BATCH in one.shape else -1
    tie = reshape(one, tuple(BATCH if axis == place else 1 for axis in range(x.rank)))
    return make(Again(), x, broadcast_to(cast(tie, x.dtype), x.shape))


CARDS = (Remat, Again)

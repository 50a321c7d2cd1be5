"""Recomputation: values that are computed twice, so that they need not be kept in between.

The way back needs what the way forward has computed, so every value of a deep net waits in memory until the
gradient comes by. A *stretch* that is marked waits with less: only what enters it is kept. When the gradient
arrives at its end, the stretch is computed again from there, and the copy's values are used and dropped.

    forward   x -> a -> b -> y = remat(b, x)          a, b are free as soon as y is known
    back      dy arrives; x' = again(x, dy); x' -> a' -> b'; the gradient flows through a', b' to x

Nodes that compute the same thing are one node. So the copy must begin with something of its own: ``again``
gives the value of ``x`` and has, as a second input, a number of what arrives. It thereby differs from ``x``,
and nobody who plans the order can compute the copy before it is wanted. Random numbers are drawn again from
the same key, so their bits are the same. The idea of tying a copy to the gradient is that of
``jax.checkpoint``.

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
from chainrule.ops.card import Flat, Says, card
from chainrule.ops.elementwise.dtype import cast
from chainrule.ops.elementwise.elementwise import Elementwise
from chainrule.records import frozen


@frozen
class _Marked(Elementwise):
    entries: tuple[Node, ...] = ()


@card
class Remat(_Marked):
    """The same value; the stretch before it is computed again on the way back instead of being kept.

    Args:
        entries: where the stretch begins; what lies between them and the value is not kept.
    """

    name = "remat"
    chinese = "重计算"
    arguments = ("x",)
    formula = "x"
    pullbacks = {"x": "dy"}
    takes = "any"
    says = Says(
        "passes the value", "原样传递",
        "passes the gradient on through a stretch that is computed again",
        "把这一段重新计算一遍，再让梯度通过",
    )  # fmt: skip

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return x

    def with_nodes(self, replaced: Mapping[Node, Node]) -> Self:
        return type(self)(tuple(replaced.get(node, node) for node in self.entries))

    def __str__(self) -> str:
        return self.name


@card
class Again(Elementwise):
    """The same value, as something that is known only when another one is: where a copy begins."""

    name = "again"
    chinese = "重计算的起点"
    arguments = ("x", "after")
    formula = "x"
    pullbacks = {"x": "dy", "after": Flat("only when it is known matters, not its value")}
    takes = "any"
    says = Says(
        "passes the first value once the second is known", "等第二个值已知后，原样传递第一个值",
        "passes the gradient to the first value", "把梯度原样传给第一个值",
    )  # fmt: skip

    def evaluate(self, x: np.ndarray, after: np.ndarray) -> np.ndarray:
        return x


def remat(y: Node, *entries: Node) -> Node:
    """``y``, whose way from the entries is computed again on the way back instead of being kept.

    Args:
        y: the value.
        entries: where the stretch begins. Parameters need not be named: they are there anyway.

    Example:
        >>> from chainrule.graph import input_node
        >>> x = input_node("x", (None,), "float64")
        >>> remat((x * x) * x, x)
        <remat float64(B,)>
    """
    return y if y in entries else make(Remat(entries), y)


def stretch(node: Node) -> list[Node]:
    """What is not kept of a marked value: every node between the entries and it."""
    return order(node.inputs, node.op.attributes["entries"])


def copied(node: Node, dy: Node) -> tuple[Node, dict[Node, Node]]:
    """A marked value computed anew once ``dy`` has arrived; and the node that stands for each entry."""
    entries = node.op.attributes["entries"]
    has_samples = any(BATCH in x.shape for x in entries)
    stands = {x: _once_known(x, dy) if BATCH in x.shape or not has_samples else x for x in entries}
    keys = [n for n in stretch(node) if isinstance(n.op, Input) and n.op.role == "key"]
    fresh = {key: make(Again(), key, key) for key in keys}
    (again,) = rebuild(node.inputs, {**stands, **fresh})
    return again, stands


def _once_known(x: Node, dy: Node) -> Node:
    """``x``, tied to a number that arrives; of the same sample, so that samples stay apart."""
    if BATCH not in dy.shape and per_sample(dy.shape):
        dy = reshape(dy, (BATCH, per_sample(dy.shape)))
    one = index(dy, tuple(slice(None) if n == BATCH else slice(0, 1) for n in dy.shape))
    if 0 in one.shape:
        return make(Again(), x, x)
    place = x.shape.index(BATCH) if BATCH in one.shape else -1
    tie = reshape(one, tuple(BATCH if axis == place else 1 for axis in range(x.rank)))
    return make(Again(), x, broadcast_to(cast(tie, x.dtype), x.shape))


CARDS = (Remat, Again)

"""Operations after a sum over the samples, applied to the term of each sample.

Between the sum over the samples and the gradient of a parameter lie linear operations: a transpose, the
factor of a weight normalization, the sum of several uses. Applied to terms (B, ...) instead of their sum they
give the gradient of each sample.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from chainrule.graph import Node, make
from chainrule.ops import functional as F
from chainrule.ops.array.shape import Broadcast
from chainrule.ops.array.slicing import Concatenate, Pad, Slice
from chainrule.ops.batch_axis import BATCH

Lifted = Sequence["Node | None"]


def by_sample(node: Node, terms: Lifted) -> Node | None:
    """The operation applied to the terms of each sample, (B, ...).

    Args:
        node: the operation on sums over the samples.
        terms: for each of its inputs the terms, (B, ...), or ``None`` where it does not depend on samples.

    Returns:
        ``None`` where the operation is not linear in the terms, or has no rule.
    """
    rule = _RULES.get(node.op.name)
    return None if rule is None else rule(node, terms)


def _widened(node: Node, shape: tuple[object, ...]) -> Node:
    """A value without samples, repeated for each of them."""
    return F.broadcast_to(F.reshape(node, (1, *node.shape)), (BATCH, *node.shape))


def _all(terms: Lifted) -> list[Node] | None:
    present = [term for term in terms if term is not None]
    return present if len(present) == len(terms) else None


def _additive(node: Node, terms: Lifted) -> Node | None:
    present = _all(terms)
    return None if present is None else make(node.op, *present)


def _product(node: Node, terms: Lifted) -> Node | None:
    """A product or quotient in which one factor depends on the samples."""
    first, second = terms
    if (first is None) == (second is None) or (node.op.name == "divide" and first is None):
        return None
    factors = [_widened(x, x.shape) if t is None else t for x, t in zip(node.inputs, terms, strict=True)]
    return make(node.op, *factors)


def _where(node: Node, terms: Lifted) -> Node | None:
    condition, *values = terms
    if condition is not None:
        return None
    parts = [_widened(x, x.shape) if t is None else t for x, t in zip(node.inputs[1:], values, strict=True)]
    return make(node.op, _widened(node.inputs[0], node.shape), *parts)


def _transpose(node: Node, terms: Lifted) -> Node | None:
    (x,) = terms
    return None if x is None else F.transpose(x, (0, *(a + 1 for a in node.op.attributes["axes"])))


def _reshape(node: Node, terms: Lifted) -> Node | None:
    (x,) = terms
    return None if x is None else F.reshape(x, (BATCH, *node.shape))


def _broadcast(node: Node, terms: Lifted) -> Node | None:
    (x,) = terms
    if x is None:
        return None
    new = len(node.shape) - (x.rank - 1)
    aligned = F.reshape(x, (BATCH, *(1 for _ in range(new)), *x.shape[1:]))
    shape = (BATCH, *node.shape)
    return aligned if aligned.shape == shape else make(Broadcast(shape), aligned)


def _sum(node: Node, terms: Lifted) -> Node | None:
    (x,) = terms
    if x is None:
        return None
    return F.sum(x, tuple(a + 1 for a in node.op.attributes["axes"]), node.op.attributes["keepdims"])


def _slice(node: Node, terms: Lifted) -> Node | None:
    (x,) = terms
    op = node.op.attributes
    return None if x is None else make(Slice((0, *op["start"]), (BATCH, *op["stop"]), (1, *op["step"])), x)


def _pad(node: Node, terms: Lifted) -> Node | None:
    (x,) = terms
    op = node.op.attributes
    return None if x is None else make(Pad((0, *op["low"]), (0, *op["high"]), (0, *op["between"])), x)


def _concatenate(node: Node, terms: Lifted) -> Node | None:
    present = _all(terms)
    return None if present is None else make(Concatenate(node.op.attributes["axis"] + 1), *present)


def _matmul(node: Node, terms: Lifted) -> Node | None:
    first, second = terms
    if (first is None) == (second is None):
        return None
    left, right = node.inputs
    return F.matmul(left if first is None else first, right if second is None else second)


def _indexed(node: Node, terms: Lifted) -> Node | None:
    """Rows of a table by indices that do not depend on the samples; these become the last axis."""
    x, index = terms
    if x is None or index is not None:
        return None
    last = F.transpose(x, (*range(1, x.rank), 0))
    result = make(node.op, last, node.inputs[1])
    return F.transpose(result, (result.rank - 1, *range(result.rank - 1)))


_RULES: Mapping[str, Callable[[Node, Lifted], Node | None]] = {
    **dict.fromkeys(("add", "subtract", "negative", "cast", "stop_gradient"), _additive),
    "multiply": _product,
    "divide": _product,
    "where": _where,
    "transpose": _transpose,
    "reshape": _reshape,
    "broadcast": _broadcast,
    "sum": _sum,
    "slice": _slice,
    "pad": _pad,
    "concatenate": _concatenate,
    "matmul": _matmul,
    "gather": _indexed,
    "scatter_add": _indexed,
}

"""The loss of an ensemble in training: each member has a loss of its own.

In training ``EnsembleMean`` passes the outputs of the members on, (B, K, C), while the target has no axis of
members. The target is compared with each member, and the loss of a sample is the mean over the members. With
a weight for each sample and member, (B, K), a member is trained only on the samples whose weight is not 0.
"""

from __future__ import annotations

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node
from chainrule.nn.loss.loss import Loss
from chainrule.ops import functional as F
from chainrule.symbolic_shape import shape_text


def member_losses(loss: Loss, output: Node, target: Node) -> Node:
    """Return the loss of each sample for each member, (B, K).

    Args:
        loss: a loss with terms for values or positions.
        output: the outputs of the members, (B, K, C).
        target: the targets, of the shape that belongs to outputs (B, C).

    Raises:
        ShapeError E208: a loss that compares several samples, or pairs.
    """
    terms = loss.terms(output, _of_members(loss, output, target))
    return per_member(terms, loss.joins)


def member_parts(
    loss: Loss, output: Node, target: Node, weight: Node | None = None
) -> tuple[Node, Node | None]:
    """Return numerator and denominator of each sample's loss, (B,) each, as ``Loss.parts`` for an ensemble.

    Args:
        loss, output, target: as for ``member_losses``.
        weight: the weight of each sample, (B,), or of each sample and member, (B, K).

    Raises:
        ShapeError E208: as ``member_losses``. E201: weights of another shape.
    """
    if weight is not None and weight.shape not in (output.shape[:1], output.shape[:2]):
        expected = fact("weight {shape}", shape=shape_text(output.shape[:2]))
        received = fact("weight {shape}", shape=shape_text(weight.shape))
        raise ShapeError("E201", op=loss.name, expected=expected, received=received)
    wide = _of_members(loss, output, target)
    terms, shares = loss.terms(output, wide), loss.shares(output, wide)
    if shares is None:
        values, counts = per_member(terms, loss.joins), None
    else:
        values = per_member(terms, "sum")
        counts = per_member(shares, "mean" if loss.joins == "sum" else "sum")
    if weight is not None:
        own = F.reshape(weight, (weight.shape[0], 1)) if weight.rank == 1 else weight  # (B, 1) or (B, K)
        values = values * own
        counts = F.broadcast_to(own, values.shape) if counts is None else counts * own
    return F.mean(values, 1), None if counts is None else F.mean(counts, 1)  # (B, K) -> (B,)


def _of_members(loss: Loss, output: Node, target: Node) -> Node:
    """Return the target, repeated for each member: (B, ...) -> (B, K, ...)."""
    batch, *rest = target.shape
    shape = (batch, output.shape[1], *rest)
    if output.rank < 3 or loss.target(output.spec).shape != shape or loss.joins not in ("mean", "sum"):
        constraint = fact("a loss of values or classes, for each member by itself")
        received = shape_text(output.shape)
        fix = 'loss="cross_entropy"'
        raise ShapeError(
            "E208", op=loss.name, constraint=constraint, expected="(B, K, C)", received=received, fix=fix
        )
    return F.broadcast_to(F.reshape(target, (batch, 1, *rest)), shape)


def per_member(values: Node, how: str) -> Node:
    """Return the sum or mean of losses over everything but samples and members: (B, K, ...) -> (B, K)."""
    inside = tuple(range(2, values.rank))
    return getattr(F, how)(values, inside) if inside else values

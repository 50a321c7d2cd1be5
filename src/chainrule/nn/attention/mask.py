"""Masks: their shapes, and attention weights that are exactly 0 at masked positions.

A mask is true at positions that are attended to. It has one entry for each position of the values, (B, Tk),
for each pair of positions, (Tq, Tk) or (B, Tq, Tk), or with all axes of the scores. Masked scores are set to
``NEVER``, so far below all others that their power is exactly 0. A query of which *all* positions are masked
would share itself evenly among them; its weights are set to 0, and so are then its result and its gradients.
"""

from __future__ import annotations

import numpy as np

from chainrule.errors import DtypeError, ShapeError, fact
from chainrule.graph import Node, constant, reserve
from chainrule.nn.layer import Layer
from chainrule.ops import functional as F
from chainrule.spec import Axis, Shape, shape_text

NEVER = -1e30  # finite, so that no infinity less itself can arise


def spread(owner: Layer, mask: Node, scores: Shape) -> Node:
    """Return a mask with all axes of the scores, each of their length or 1.

    Args:
        owner: the layer.
        mask: in one of the forms above. Where B and Tq are equal numbers, two axes are read as (B, Tk).
        scores: (B, ..., Tq, Tk).

    Raises:
        DtypeError E253: numbers instead of true/false. ShapeError E222: none of the forms.
    """
    if mask.dtype != "bool":
        raise DtypeError(
            "E253", op=type(owner).__name__, kind="true/false",
            expected=fact("bool, true where a place counts"), received=mask.dtype, fix="mask > 0",
        )  # fmt: skip
    (batch, *_, queries, places), ones = scores, (1,) * (len(scores) - 3)
    forms: list[tuple[Shape, Shape]] = [
        ((batch, places), (batch, *ones, 1, places)),
        ((queries, places), (1, *ones, queries, places)),
        ((batch, queries, places), (batch, *ones, queries, places)),
        ((1, queries, places), (1, *ones, queries, places)),
        ((batch, 1, places), (batch, *ones, 1, places)),
    ]
    for form, full in forms:
        if mask.shape == form:
            return F.reshape(mask, full)
    if mask.rank == len(scores) and all(n in (1, m) for n, m in zip(mask.shape, scores, strict=True)):
        return mask
    known = [shape_text(form) for form, _ in forms[:3]]
    expected = fact("{names} or {shape}", names=", ".join(known), shape=shape_text(scores))
    raise ShapeError("E222", op=type(owner).__name__, expected=expected, received=shape_text(mask.shape))


def looking_back(owner: Layer, queries: Axis, places: Axis) -> Node:
    """Return the causal mask, in which position i attends to positions 0 to i: (1, 1, Tq, Tk).

    Raises:
        ShapeError E220: lengths that are not known.
    """
    lengths = known_lengths(owner, queries, places)
    reserve(*lengths, itemsize=3)  # the comparison, its copy, the constant
    return constant(np.tri(*lengths, dtype=bool)[None, None])


def known_lengths(owner: Layer, *lengths: Axis) -> tuple[int, int]:
    """Require that two lengths are known.

    Raises:
        ShapeError E220: one is open.
    """
    first, second = lengths
    if not (isinstance(first, int) and isinstance(second, int)):
        expected = fact("(B, T, C), T known, since places are counted")
        received = f"T = {first if isinstance(second, int) else second}"
        fix = 'x = cr.input("x", (None, 128, 64))'
        raise ShapeError("E220", op=type(owner).__name__, expected=expected, received=received, fix=fix)
    return first, second


def both(a: Node | None, b: Node | None) -> Node | None:
    """Return where both masks are true; a missing mask is true everywhere."""
    if a is None or b is None:
        return a if b is None else b
    return F.logical_and(a, b)


def weighed(scores: Node, seen: Node | None, always_some: bool = False) -> Node:
    """Softmax of the scores along the last axis over the unmasked positions; 0 if there is none.

    Args:
        scores: (..., Tq, Tk).
        seen: which positions count, in a shape that can be repeated to that of the scores.
        always_some: whether every query is known to see a position.
    """
    if seen is None:
        return F.softmax(scores, -1)
    weights = F.softmax(F.where(seen, scores, NEVER), -1)
    return weights if always_some else F.where(seen, weights, 0.0)

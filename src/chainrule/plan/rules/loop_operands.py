"""What a loop reads besides the value in whose order it walks, and what it ends in.

A loop is quick when it walks along long rows in which all its operands lie side by side. Large values lie as
they lie; small ones are laid out for the loop: a number for each channel is written once for each sample,
where the samples lie innermost, so that whole images are one row.

A loop ends in a sum, in the largest or smallest, or in windows put back where they were taken from an image.
All these are one thing: every number of the loop is joined to the number at some place, and several may have
the same place. The places are a look at the result, seen as an operand of the loop's shape: it stays where it
is along an axis that is reduced, and windows that overlap lie over one another. So a loop needs no other
description of its end than of what it reads, and the result is filled with what is neutral before it begins.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from chainrule.graph import Node
from chainrule.plan.rules import reduction
from chainrule.plan.views import View, row

if TYPE_CHECKING:
    from chainrule.plan.lower import Lowering

End: TypeAlias = tuple[View, Callable[[], None]]  # where a loop joins its numbers; what adds tasks after it
BEGINS = {"sum": 0.0, "max": -math.inf, "min": math.inf}
SMALL = 8  # how many times as large a loop is as a value for which a few more numbers do not matter


def beside(low: Lowering, node: Node, reads: Sequence[View], like: View, phase: int) -> list[View]:
    """What a loop reads, small values in the order in which it walks.

    Args:
        low: the plan.
        node: what it computes.
        reads: what it reads.
        like: the view in whose order it walks.
        phase: in which it runs.
    """
    found, along = [], row(like)
    for view in reads:
        steps = [view.strides[axis] for axis in along if like.shape[axis] > 1]
        is_broken = bool(steps) and (steps[-1] not in (0, 1) or 0 < steps.count(0) < len(steps))
        axes = [axis for axis, step in enumerate(view.strides) if step or axis in along]
        axes.sort(key=lambda axis: along.index(axis) if axis in along else -like.strides[axis])
        if is_broken and is_small([view.shape[axis] for axis in axes], like):
            view = _laid_out(low, node, view, axes, phase)
        found.append(view)
    return found


def _laid_out(low: Lowering, node: Node, view: View, axes: Sequence[int], phase: int) -> View:
    """A copy of what a view shows along some axes, which lie in this order; repeated along the others."""
    turned = view.turned(axes)
    part = low.new(turned.shape, low.buffers[view.buffer].dtype)
    low.add("copy", (node,), (turned,), (part,), phase)
    strides = dict(zip(axes, part.strides, strict=True))
    return View(part.buffer, view.shape, tuple(strides.get(axis, 0) for axis in range(len(view.shape))))


def is_small(lengths: Sequence[int], like: View) -> bool:
    """Whether a value of these lengths is small beside one that a loop walks through."""
    return SMALL * math.prod(lengths) <= math.prod(like.shape)


def end(low: Lowering, node: Node, like: View, phase: int) -> End:
    """Let a loop end in a reduction: each row becomes one number, or is joined number by number to results.

    Where some axes of a row are reduced and others are not, these stay too, if the results are few beside the
    numbers: what is left is reduced, or put where it belongs, after the loop.

    Args:
        low: the plan.
        node: what the loop ends in.
        like: the view in whose order the loop walks.
        phase: in which it runs.
    """
    axes, target, along = tuple(node.op.attributes["axes"]), reduction.bare(low, node), row(like)
    every, inner = range(len(like.shape)), along[-1]
    kept = [axis for axis in every if axis not in axes or axis in along]
    if all(a in axes for a in along) or not is_small([like.shape[a] for a in kept], like):
        kept = [axis for axis in every if axis not in axes]
    is_whole = all(axis not in axes for axis in kept)
    is_near = inner not in kept or (is_whole and target.strides[kept.index(inner)] == 1)
    is_direct = is_whole and is_near and node not in low.joined
    part = target if is_direct else _part(low, node, like, kept)
    low.fill(node, part, BEGINS[node.op.name], phase)

    def finish() -> None:
        left = tuple(kept.index(axis) for axis in axes if axis in kept)
        if left or node in low.joined:
            reduction.finish(low, node, part, left, target, phase)
        elif not is_direct:
            low.add("copy", (node,), (part,), (target,), phase)

    strides = dict(zip(kept, part.strides, strict=True))
    return View(part.buffer, like.shape, tuple(strides.get(axis, 0) for axis in every), part.offset), finish


def _part(low: Lowering, node: Node, like: View, kept: Sequence[int]) -> View:
    """Memory for results along some axes of a loop, in the order in which it walks."""
    along = row(like)
    places = sorted(kept, key=lambda axis: along.index(axis) if axis in along else -like.strides[axis])
    return low.ordered([like.shape[axis] for axis in kept], node.dtype, [kept.index(axis) for axis in places])

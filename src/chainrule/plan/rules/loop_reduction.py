"""Reductions at the end of a loop.

A loop may end in a sum, maximum, minimum, or fold of windows. In each case every number of the loop is
combined with the number at some address, and several may have the same address. The addresses are a view of
the result with the loop's shape: its stride is 0 along a reduced axis, and overlapping windows share
addresses. The end of a loop is therefore described like any operand, and the result is filled with the
neutral element before the loop starts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

from chainrule.graph import Node
from chainrule.plan.lowering import Lowering
from chainrule.plan.rules import reduction
from chainrule.plan.views import View, is_small, row_axes

FoldResult: TypeAlias = tuple[View, Callable[[], None]]  # view of the results; adds the tasks after the loop
NEUTRAL = {"sum": 0.0, "max": -math.inf, "min": math.inf}


def lower_fold(lowering: Lowering, node: Node, like: View, phase: int) -> FoldResult:
    """End a loop in a reduction: each row is reduced to one number, or combined elementwise with results.

    If only some axes of a row are reduced, these are kept as well, provided that the results are few compared
    to the numbers of the loop; the rest is reduced, or copied to its target, after the loop.

    Args:
        lowering: the plan.
        node: the reduction.
        like: the view in whose memory order the loop iterates.
        phase: phase of the loop.
    """
    axes, target, inner_axes = (
        tuple(node.op.attributes["axes"]),
        reduction.target_view(lowering, node),
        row_axes(like),
    )
    all_axes, inner = range(len(like.shape)), inner_axes[-1]
    result_axes = [axis for axis in all_axes if axis not in axes or axis in inner_axes]
    if all(a in axes for a in inner_axes) or not is_small([like.shape[a] for a in result_axes], like):
        result_axes = [axis for axis in all_axes if axis not in axes]
    is_complete = all(axis not in axes for axis in result_axes)
    is_contiguous = inner not in result_axes or (
        is_complete and target.strides[result_axes.index(inner)] == 1
    )
    is_direct = is_complete and is_contiguous and node not in lowering.summed
    result = target if is_direct else _partial_result(lowering, node, like, result_axes)
    lowering.fill(node, result, NEUTRAL[node.op.name], phase)

    def finish() -> None:
        remaining = tuple(result_axes.index(axis) for axis in axes if axis in result_axes)
        if remaining or node in lowering.summed:
            reduction.lower_view(lowering, node, result, remaining, target, phase)
        elif not is_direct:
            lowering.add("copy", (node,), (result,), (target,), phase)

    strides = dict(zip(result_axes, result.strides, strict=True))
    return View(
        result.buffer, like.shape, tuple(strides.get(axis, 0) for axis in all_axes), result.offset
    ), finish


def _partial_result(lowering: Lowering, node: Node, like: View, result_axes: Sequence[int]) -> View:
    """Return memory for results along some axes of a loop, in the order in which it iterates."""
    inner_axes = row_axes(like)
    axes = sorted(
        result_axes, key=lambda axis: inner_axes.index(axis) if axis in inner_axes else -like.strides[axis]
    )
    return lowering.ordered(
        [like.shape[axis] for axis in result_axes], node.dtype, [result_axes.index(axis) for axis in axes]
    )

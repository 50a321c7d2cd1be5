"""Reductions along axes (sum, maximum, minimum, argmax) for every memory layout.

A kernel reduces the middle one of three axes (outer, along, inner). The axes that are kept, in the memory
order of the result, are split into outer and inner ones such that each group, and the reduced axes, are one
axis in memory. If that is impossible, a few cells (those of a window) are read by one loop at once; more are
reduced one axis after the other; and as a last resort the numbers are copied first.

Contiguous numbers are best processed as vectors. If their axis is kept, the result is first written in their
order and then, being small, copied into its own; if their axis is short and reduced with others, the others
are reduced first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import product
from typing import TypeAlias

import numpy as np

from chainrule.graph import Node
from chainrule.plan.lowering_context import Lowering
from chainrule.plan.views import Triple, View, as_three_axes, in_memory_order, is_small, row_axes, window_cell

MAX_CELLS = 16  # of a window, up to which a loop reads all of them at once
SHORT_AXIS = 64  # length of an innermost axis up to which the others are reduced first
MIN_SPLIT = 65536  # numbers from which on a full reduction first computes partial results
MAX_PIECES = 256  # partial results
OPERATIONS = {"sum": "add", "max": "maximum", "min": "minimum"}


def reduce(lowering: Lowering, node: Node, phase: int) -> None:
    """Lower a sum, maximum, minimum or argmax."""
    axes, view = tuple(node.op.attributes["axes"]), lowering.view(node.inputs[0], phase)
    target = target_view(lowering, node)
    if node in lowering.summed or not _needs_transpose(view, axes, target):
        lower_view(lowering, node, view, axes, target, phase)
        return
    result_axes = [axis for axis in range(len(view.shape)) if axis not in axes]
    result = lowering.ordered(target.shape, node.dtype, in_memory_order(view.transposed(result_axes)))
    lower_view(lowering, node, view, axes, result, phase)
    lowering.add("copy", (node,), (result,), (target,), phase)


def lower_view(
    lowering: Lowering, node: Node, view: View, axes: tuple[int, ...], target: View, phase: int
) -> None:
    """Add the tasks that reduce a view along axes, into a target without them."""
    arrangement = as_reducible(view, axes, target)
    if arrangement is not None:
        _add(lowering, node, arrangement, target, phase)
    elif (
        node.op.name in OPERATIONS
        and node not in lowering.summed
        and 0 < math.prod(view.shape[a] for a in axes) <= MAX_CELLS
    ):
        reduced_first = view.transposed((*axes, *(a for a in range(len(view.shape)) if a not in axes)))
        cells = [
            window_cell(reduced_first, 0, tap)
            for tap in product(*map(range, reduced_first.shape[: len(axes)]))
        ]
        lowering.add("combine", (node,), cells, (target,), phase, by=OPERATIONS[node.op.name])
    elif node.op.name not in OPERATIONS or not _reduce_in_turn(lowering, node, view, axes, target, phase):
        copy = _copied(lowering, node, view, axes, target, phase)
        arrangement = as_reducible(copy, axes, target)
        assert arrangement is not None
        _add(lowering, node, arrangement, target, phase)


def _needs_transpose(view: View, axes: Sequence[int], target: View) -> bool:
    """Return whether the axis of contiguous numbers is kept, but is not contiguous in the result."""
    result_axes = [axis for axis in range(len(view.shape)) if axis not in axes and view.shape[axis] > 1]
    inner = [axis for axis in result_axes if view.strides[axis] == 1]
    kept_axes = [axis for axis in range(len(view.shape)) if axis not in axes]
    order = [kept_axes[i] for i in in_memory_order(target) if target.shape[i] > 1]
    return bool(inner) and inner[0] != order[-1]


def target_view(lowering: Lowering, node: Node) -> View:
    """Return the view of the result without the axes of length 1 that ``keepdims`` adds."""
    target = lowering.target(node)
    if not node.op.attributes["keepdims"]:
        return target
    result_axes = [axis for axis in range(node.rank) if axis not in node.op.attributes["axes"]]
    shape, strides = (
        tuple(values[axis] for axis in result_axes) for values in (target.shape, target.strides)
    )
    return View(target.buffer, shape, strides, target.offset)


def as_reducible(view: View, axes: Sequence[int], target: View) -> tuple[View, Triple, Triple] | None:
    """Return the view with its axes in an order in which they are three, with their lengths and strides."""
    result_axes = [axis for axis in range(len(view.shape)) if axis not in axes]
    result_axes = [result_axes[i] for i in in_memory_order(target)]
    farthest = max((view.strides[axis] for axis in axes), default=0)
    natural = sum(
        view.strides[axis] > farthest for axis in result_axes
    )  # so that inner numbers are contiguous
    for before in sorted(range(len(result_axes) + 1), key=lambda split: abs(split - natural)):
        candidate = view.transposed((*result_axes[:before], *axes, *result_axes[before:]))
        three = as_three_axes(candidate, range(before, before + len(axes)))
        if three is not None:
            return candidate, *three
    return None


def _add(
    lowering: Lowering, node: Node, arrangement: tuple[View, Triple, Triple], target: View, phase: int
) -> None:
    view, lengths, strides = arrangement
    (n, r, c), step = lengths, strides[1]
    pieces = next(k for k in range(MAX_PIECES, 0, -1) if r % k == 0)
    if (
        n == c == 1 and r >= MIN_SPLIT and pieces > 1 and node.op.name in OPERATIONS
    ):  # so that threads can divide it
        partial = lowering.new((pieces,), node.dtype)
        facts = {"lengths": (pieces, r // pieces, 1), "strides": (step * (r // pieces), step, 0)}
        lowering.add(node.op.name, (node,), (view,), (partial,), phase, **facts)
        view, lengths, strides = partial, (1, pieces, 1), (0, 1, 0)
    lowering.add(node.op.name, (node,), (view,), (target,), phase, lengths=lengths, strides=strides)


def _reduce_in_turn(
    lowering: Lowering, node: Node, view: View, axes: Sequence[int], target: View, phase: int
) -> bool:
    """Reduce some axes and then the others; return ``False`` if there is only one axis."""
    inward = sorted(axes, key=lambda axis: (view.strides[axis], -axis))
    if len(axes) < 2:
        return False
    first, rest = _first_step(lowering, node, view, (inward[0],)), inward[1:]
    if view.shape[inward[0]] <= SHORT_AXIS:
        outer = _first_step(lowering, node, view, tuple(sorted(rest)))
        first, rest = (outer, inward[:1]) if outer is not None else (first, rest)
    if first is None:
        return False
    result_axes, partial, arrangement = first
    _add(lowering, node, arrangement, partial, phase)
    remaining = [result_axes.index(axis) for axis in sorted(rest)]
    arrangement = as_reducible(partial, remaining, target)
    if arrangement is not None:
        _add(lowering, node, arrangement, target, phase)
        return True
    if _reduce_in_turn(lowering, node, partial, remaining, target, phase):
        return True
    copy = _copied(lowering, node, partial, remaining, target, phase)
    arrangement = as_reducible(copy, remaining, target)
    assert arrangement is not None
    _add(lowering, node, arrangement, target, phase)
    return True


def _first_step(
    lowering: Lowering, node: Node, view: View, axes: tuple[int, ...]
) -> tuple[list[int], View, tuple[View, Triple, Triple]] | None:
    """Return a first step: the kept axes, the target, and the arrangement of the view."""
    result_axes = [axis for axis in range(len(view.shape)) if axis not in axes]
    shape, order = [view.shape[i] for i in result_axes], in_memory_order(view.transposed(result_axes))
    layout = View.contiguous(-1, tuple(shape[i] for i in order)).transposed(
        [order.index(i) for i in range(len(order))]
    )
    arrangement = as_reducible(view, axes, layout)
    return (
        None
        if arrangement is None
        else (result_axes, lowering.ordered(shape, node.dtype, order), arrangement)
    )


def _copied(
    lowering: Lowering, node: Node, view: View, axes: Sequence[int], target: View, phase: int
) -> View:
    """Return a copy with the axes in the order of the target, the reduced axes innermost."""
    result_axes = [axis for axis in range(len(view.shape)) if axis not in axes]
    order = (*(result_axes[i] for i in in_memory_order(target)), *axes)
    copy = lowering.ordered(view.shape, lowering.buffers[view.buffer].dtype, order)
    lowering.add("copy", (node,), (view,), (copy,), phase)
    return copy


def extent(lowering: Lowering, node: Node, phase: int) -> None:
    """Lower a count of elements: it is a constant, of the whole batch."""
    (source,), op = node.inputs, node.op
    shape = source.spec.at(lowering.batch_sizes).shape
    count = math.prod(int(shape[axis]) for axis in op.attributes["axes"])
    lowering.views[node] = lowering.new((), node.dtype, "constant", array=np.array(count, node.dtype))
    if node in lowering.outputs:
        output = lowering.new((), node.dtype, "output", lowering.outputs[node])
        lowering.add("copy", (node,), (lowering.views[node],), (output,), phase)


# Reductions at the end of a loop.
#
# A loop may end in a sum, maximum, minimum, or fold of windows. In each case every number of the loop is
# combined with the number at some address, and several may have the same address. The addresses are a view of
# the result with the loop's shape: its stride is 0 along a reduced axis, and overlapping windows share
# addresses. The end of a loop is therefore described like any operand, and the result is filled with the
# neutral element before the loop starts.

FoldResult: TypeAlias = tuple[View, Callable[[], None]]  # view of the results; adds the tasks after the loop
NEUTRAL = {"sum": 0.0, "max": -math.inf, "min": math.inf}


def lower_fold(lowering: Lowering, node: Node, like: View, phase: int) -> FoldResult:
    """End a loop in a reduction: each row is reduced to one number, or combined elementwise with results.

    If only some axes of a row are reduced, these are kept as well, provided that the results are few compared
    to the numbers of the loop; the rest is reduced, or copied to its target, after the loop.

    Args:
        like: the view in whose memory order the loop iterates.
    """
    axes, target, inner_axes = (
        tuple(node.op.attributes["axes"]),
        target_view(lowering, node),
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
            lower_view(lowering, node, result, remaining, target, phase)
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

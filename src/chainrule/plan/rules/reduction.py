"""Sums, the largest and the smallest along axes, however the numbers lie.

A kernel reduces the middle one of three axes (outer, along, inner). So the axes that stay, in the order in
which the result lies in memory, are parted into outer and inner ones such that each group, and the axes to be
reduced, is one axis in memory. Where there is no such way, a few cells (those of a window) are read by one
loop all at once; more are reduced one axis after the other; and the last resort is to move the numbers first.

Numbers that lie side by side are best taken several at a time. So where they stay, the result is first
written in their order, and then, being small, copied into its own; and where they are few and are to be
reduced with others, the others go first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product as ways
from typing import TYPE_CHECKING

from chainrule.graph import Node
from chainrule.plan.views import Triple, View, in_memory_order, in_three, tapped

if TYPE_CHECKING:
    from chainrule.plan.lower import Lowering

FEW = 16  # cells of a window up to which a loop reads all of them at once
SHORT = 64  # length of an innermost axis up to which the others go first
LONG = 65536  # numbers that become one from which on they first become a few
PIECES = 256  # how few
BY = {"sum": "add", "max": "maximum", "min": "minimum"}


def reduce(low: Lowering, node: Node, phase: int) -> None:
    """Lower a sum, largest, smallest or the index of the largest."""
    axes, view = tuple(node.op.attributes["axes"]), low.view(node.inputs[0], phase)
    target = bare(low, node)
    if node in low.joined or not _is_crossed(view, axes, target):
        finish(low, node, view, axes, target, phase)
        return
    kept = [axis for axis in range(len(view.shape)) if axis not in axes]
    made = low.ordered(target.shape, node.dtype, in_memory_order(view.turned(kept)))
    finish(low, node, view, axes, made, phase)
    low.add("copy", (node,), (made,), (target,), phase)


def finish(low: Lowering, node: Node, view: View, axes: tuple[int, ...], target: View, phase: int) -> None:
    """The tasks that reduce what a view shows along axes, into a target without them."""
    found = arranged(view, axes, target)
    if found is not None:
        _add(low, node, found, target, phase)
    elif node.op.name in BY and node not in low.joined and 0 < math.prod(view.shape[a] for a in axes) <= FEW:
        seen = view.turned((*axes, *(a for a in range(len(view.shape)) if a not in axes)))
        cells = [tapped(seen, 0, tap) for tap in ways(*map(range, seen.shape[: len(axes)]))]
        low.add("taps", (node,), cells, (target,), phase, by=BY[node.op.name])
    elif node.op.name not in BY or not _in_turn(low, node, view, axes, target, phase):
        moved = _moved(low, node, view, axes, target, phase)
        found = arranged(moved, axes, target)
        assert found is not None
        _add(low, node, found, target, phase)


def _is_crossed(view: View, axes: Sequence[int], target: View) -> bool:
    """Whether the numbers that lie side by side stay, but not side by side in the result."""
    kept = [axis for axis in range(len(view.shape)) if axis not in axes and view.shape[axis] > 1]
    inner = [axis for axis in kept if view.strides[axis] == 1]
    places = [axis for axis in range(len(view.shape)) if axis not in axes]
    order = [places[i] for i in in_memory_order(target) if target.shape[i] > 1]
    return bool(inner) and inner[0] != order[-1]


def bare(low: Lowering, node: Node) -> View:
    """Where the result is written, without the axes of length 1 that stand for the reduced ones."""
    target = low.target(node)
    if not node.op.attributes["keepdims"]:
        return target
    kept = [axis for axis in range(node.rank) if axis not in node.op.attributes["axes"]]
    shape, strides = (tuple(values[axis] for axis in kept) for values in (target.shape, target.strides))
    return View(target.buffer, shape, strides, target.offset)


def arranged(view: View, axes: Sequence[int], target: View) -> tuple[View, Triple, Triple] | None:
    """The view with its axes in an order in which they are three, with their lengths and strides."""
    kept = [axis for axis in range(len(view.shape)) if axis not in axes]
    kept = [kept[i] for i in in_memory_order(target)]
    farthest = max((view.strides[axis] for axis in axes), default=0)
    natural = sum(view.strides[axis] > farthest for axis in kept)  # so that inner numbers lie side by side
    for before in sorted(range(len(kept) + 1), key=lambda place: abs(place - natural)):
        seen = view.turned((*kept[:before], *axes, *kept[before:]))
        three = in_three(seen, range(before, before + len(axes)))
        if three is not None:
            return seen, *three
    return None


def _add(low: Lowering, node: Node, found: tuple[View, Triple, Triple], target: View, phase: int) -> None:
    view, lengths, strides = found
    (n, r, c), step = lengths, strides[1]
    pieces = next(k for k in range(PIECES, 0, -1) if r % k == 0)
    if n == c == 1 and r >= LONG and pieces > 1 and node.op.name in BY:  # so that threads can share it
        part = low.new((pieces,), node.dtype)
        cut = {"lengths": (pieces, r // pieces, 1), "strides": (step * (r // pieces), step, 0)}
        low.add(node.op.name, (node,), (view,), (part,), phase, **cut)
        view, lengths, strides = part, (1, pieces, 1), (0, 1, 0)
    low.add(node.op.name, (node,), (view,), (target,), phase, lengths=lengths, strides=strides)


def _in_turn(low: Lowering, node: Node, view: View, axes: Sequence[int], target: View, phase: int) -> bool:
    """Reduce some axes and then the others; ``False`` where there is but one."""
    inward = sorted(axes, key=lambda axis: (view.strides[axis], -axis))
    if len(axes) < 2:
        return False
    first, rest = _begin(low, node, view, (inward[0],)), inward[1:]
    if view.shape[inward[0]] <= SHORT:
        outer = _begin(low, node, view, tuple(sorted(rest)))
        first, rest = (outer, inward[:1]) if outer is not None else (first, rest)
    if first is None:
        return False
    kept, part, found = first
    _add(low, node, found, part, phase)
    left = [kept.index(axis) for axis in sorted(rest)]
    found = arranged(part, left, target)
    if found is not None:
        _add(low, node, found, target, phase)
        return True
    if _in_turn(low, node, part, left, target, phase):
        return True
    moved = _moved(low, node, part, left, target, phase)
    found = arranged(moved, left, target)
    assert found is not None
    _add(low, node, found, target, phase)
    return True


def _begin(
    low: Lowering, node: Node, view: View, axes: tuple[int, ...]
) -> tuple[list[int], View, tuple[View, Triple, Triple]] | None:
    """A first step: the axes that stay, where its result goes, and how the kernel sees the numbers."""
    kept = [axis for axis in range(len(view.shape)) if axis not in axes]
    shape, order = [view.shape[i] for i in kept], in_memory_order(view.turned(kept))
    part = View.whole(-1, tuple(shape[i] for i in order)).turned([order.index(i) for i in range(len(order))])
    found = arranged(view, axes, part)
    return None if found is None else (kept, low.ordered(shape, node.dtype, order), found)


def _moved(low: Lowering, node: Node, view: View, axes: Sequence[int], target: View, phase: int) -> View:
    """The numbers in the order of the target, the axes to be reduced innermost."""
    kept = [axis for axis in range(len(view.shape)) if axis not in axes]
    order = (*(kept[i] for i in in_memory_order(target)), *axes)
    copy = low.ordered(view.shape, low.buffers[view.buffer].dtype, order)
    low.add("copy", (node,), (view,), (copy,), phase)
    return copy

"""Lowering of concatenation and padding: copies into parts of the result."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chainrule.graph import Node
from chainrule.plan.lowering import Lowering
from chainrule.plan.views import View, sub_view


def concatenate(lowering: Lowering, node: Node, phase: int) -> None:
    """Copy the inputs that were not computed in place."""
    result = lowering.target(node)
    for index, source in enumerate(node.inputs):
        view = lowering.view(source, phase)
        target = input_view(node, index, result, view.shape)
        if view != target:
            lowering.add("copy", (node,), (view,), (target,), phase)


def input_view(node: Node, index: int, result: View, shape: tuple[int, ...]) -> View:
    """Return the view of the first or the second input in the result of a concatenation."""
    axis = node.op.attributes["axis"]
    start = result.shape[axis] - shape[axis] if index else 0
    return View(result.buffer, shape, result.strides, result.offset + start * result.strides[axis])


def pad(lowering: Lowering, node: Node, phase: int) -> None:
    """Fill the border (or everything, if there are gaps between elements) and copy the value into it."""
    op, result, view = (
        lowering.op(node).attributes,
        lowering.target(node),
        lowering.view(node.inputs[0], phase),
    )
    for border in [result] if any(op["between"]) else _borders(result, op):
        lowering.fill(node, border, 0.0, phase)
    offset = sum(int(a) * s for a, s in zip(op["low"], result.strides, strict=True))
    strides = tuple(s * (gap + 1) for s, gap in zip(result.strides, op["between"], strict=True))
    interior = View(result.buffer, view.shape, strides, result.offset + offset)
    lowering.add("copy", (node,), (view,), (interior,), phase)


def _borders(remaining: View, op: Any) -> Iterator[View]:
    """Yield the border of a padded value, axis by axis, without overlap."""
    for axis, (before, after) in enumerate(zip(map(int, op["low"]), map(int, op["high"]), strict=True)):
        length = remaining.shape[axis]
        if before:
            yield sub_view(remaining, axis, 0, before)
        if after:
            yield sub_view(remaining, axis, length - after, after)
        remaining = sub_view(remaining, axis, before, length - before - after)

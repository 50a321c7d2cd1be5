"""Values made of pieces: set side by side, or amid zeros."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from chainrule.graph import Node
from chainrule.plan.rules import convolution
from chainrule.plan.views import View

if TYPE_CHECKING:
    from chainrule.plan.lower import Lowering


def concatenate(low: Lowering, node: Node, phase: int) -> None:
    """Copy what was not computed in its place."""
    result = low.target(node)
    for place, source in enumerate(node.inputs):
        view = low.view(source, phase)
        part = part_of(node, place, result, view.shape)
        if view != part:
            low.add("copy", (node,), (view,), (part,), phase)


def part_of(node: Node, place: int, whole: View, shape: tuple[int, ...]) -> View:
    """Where the first or the second of two joined values lies in the whole."""
    axis = node.op.attributes["axis"]
    start = whole.shape[axis] - shape[axis] if place else 0
    return View(whole.buffer, shape, whole.strides, whole.offset + start * whole.strides[axis])


def pad(low: Lowering, node: Node, phase: int) -> None:
    """Fill what stands around, or all that lies between, and copy the value amid it."""
    op, result, view = low.op(node).attributes, low.target(node), low.view(node.inputs[0], phase)
    for border in [result] if any(op["between"]) else _borders(result, op):
        low.fill(node, border, 0.0, phase)
    offset = sum(int(a) * s for a, s in zip(op["low"], result.strides, strict=True))
    strides = tuple(s * (gap + 1) for s, gap in zip(result.strides, op["between"], strict=True))
    inside = View(result.buffer, view.shape, strides, result.offset + offset)
    low.add("copy", (node,), (view,), (inside,), phase)


def _borders(whole: View, op: Any) -> Iterator[View]:
    """What stands before and behind the numbers of a padded value, axis by axis, nothing twice."""
    for axis, (before, behind) in enumerate(zip(map(int, op["low"]), map(int, op["high"]), strict=True)):
        length = whole.shape[axis]
        if before:
            yield convolution.part(whole, axis, 0, before)
        if behind:
            yield convolution.part(whole, axis, length - behind, behind)
        whole = convolution.part(whole, axis, before, length - before - behind)

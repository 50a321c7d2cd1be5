"""Memory of images with their padding, and views of parts of an image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from chainrule.graph import Node
from chainrule.plan.lowering_context import Lowering
from chainrule.plan.views import Padding, View, sub_view


def padded(lowering: Lowering, source: Node, op: Any, fill: float, phase: int) -> View:
    """Return an image with its padding, with samples innermost if images are; all readers share one copy."""
    view = lowering.view(source, phase)
    is_padded = any(op.low) or any(op.high)
    if not is_padded and (not lowering.is_inner or view.strides[0] == 1):
        return view
    key = (source, op.low, op.high, fill if is_padded else None)
    if key not in lowering.copies:
        image_with_padding = _padded_memory(lowering, source, op, fill if is_padded else None, phase)
        lowering.add("copy", (source,), (view,), (crop_padding(image_with_padding, op, view.shape),), phase)
        lowering.copies[key] = image_with_padding
    return lowering.copies[key]


def padded_target(lowering: Lowering, source: Node, op: Any) -> View:
    """Return the view that an image is written to if its first reader needs it padded: inside its padding."""
    image_with_padding = lowering.copies[source, op.low, op.high, 0.0] = _padded_memory(
        lowering, source, op, 0.0, lowering.phase
    )
    return crop_padding(image_with_padding, op, lowering.shape(source))


def _padded_memory(lowering: Lowering, source: Node, op: Any, fill: float | None, phase: int) -> View:
    """Return memory for an image with its padding, which is filled."""
    memory = image(lowering, padded_shape(op, lowering.shape(source)), source.dtype)
    if fill is not None:
        for border in borders(memory, op):
            lowering.fill(source, border, fill, phase)
    return memory


def borders(image: View, op: Any) -> Iterator[View]:
    """Yield the padding of an image: for each spatial axis, what is before and after it."""
    for axis, (before, after) in enumerate(zip(op.low, op.high, strict=True), 1):
        length = image.shape[axis]
        for start, count in ((0, before), (length - after, after)):
            if count:
                yield sub_view(image, axis, start, count)


def image(lowering: Lowering, shape: tuple[int, ...], dtype: str) -> View:
    """Return memory for an image."""
    axes = range(len(shape))
    return lowering.ordered(shape, dtype, (*axes[1:], 0) if lowering.is_inner else tuple(axes))


def crop_padding(image: View, op: Any, shape: tuple[int, ...]) -> View:
    """Return the view of a padded image without its padding."""
    offset = sum(n * s for n, s in zip(op.low, image.strides[1:-1], strict=True))
    return View(image.buffer, shape, image.strides, image.offset + offset)


def padding_to(before: Sequence[int], shape: Sequence[int], tiled_size: Sequence[int]) -> Padding:
    """Return the padding that extends an image (B, *space, C) to this size."""
    after = (n - b - length for n, b, length in zip(tiled_size, before, shape[1:-1], strict=True))
    return Padding(tuple(before), tuple(after))


def padded_shape(op: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of an image with its padding."""
    space = (n + a + b for n, a, b in zip(shape[1:-1], op.low, op.high, strict=True))
    return (shape[0], *space, shape[-1])

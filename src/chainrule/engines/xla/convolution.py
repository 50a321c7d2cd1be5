"""Convolutions and their gradients in JAX, in the forms that XLA computes fast on every device.

On CPUs XLA has fast code for a convolution whose axes have one certain order: images (B, *space, C), kernel
(*kernel, C, O), result (B, *places, O). It brings others to this order, but not inside loops, where a
training runs: there the gradient by the weights, as JAX derives it, takes up to seventy times as long. So the
two gradients are written here as convolutions of that order, with operands that are transposed before:

    by the image     g, spread by the stride, with the kernel flipped and its channels exchanged
    by the weights   the image with samples and channels exchanged, with g as a kernel, dilated by the stride

Groups of channels remain groups: of the channels of g, or of pairs of a channel and a sample. A depthwise
convolution, with a group for each channel, is a sum over the cells of its kernel instead, of the image at
these cells times their weights, which XLA merges into one loop.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, TypeAlias

from jax import lax
from jax import numpy as jnp

from chainrule.ops.linear.window_geometry import span
from chainrule.settings import settings

Array: TypeAlias = Any  # jax.Array, or a tracer of one
LETTERS = "xyz"  # names of up to three spatial axes
MANY_CELLS = 64  # cells of a window from which on its cells are not sliced one by one


def sum_dtype(x: Array) -> Any:
    """Return the dtype in which products of numbers of this dtype are added: float32 for bfloat16."""
    return jnp.float32 if x.dtype == jnp.bfloat16 else x.dtype


def convolve(op: Any, x: Array, w: Array) -> Array:
    """Return the convolution of x (B, *space, C) with w (O, *kernel, C / groups): (B, *places, O)."""
    padding = list(zip(op.low, op.high, strict=True))
    if _is_depthwise(op, w.shape[0], x.shape[-1], w.shape[1:-1]):
        places = op.places(x.shape[1:-1], w.shape[1:-1])
        return _depthwise(_padded(x, padding), w, places, op.strides, op.dilation)
    kernel = jnp.moveaxis(w, 0, -1)  # (*kernel, C / groups, O)
    return _convolution(op, x, kernel, padding, window_strides=op.strides, rhs_dilation=op.dilation)


def convolution_input(op: Any, g: Array, w: Array) -> Array:
    """Return the gradient by the image: g (B, *places, O), w (O, *kernel, C / groups) -> (B, *space, C)."""
    padding = []
    for axis, (n, s, d, low) in enumerate(zip(op.space, op.strides, op.dilation, op.low, strict=True), 1):
        before = span(w.shape[axis], d) - 1
        padding.append((before - low, n + low - span(g.shape[axis], s)))
    axes, channels = range(1, w.ndim - 1), op.groups * w.shape[-1]
    flipped = jnp.flip(w, axes)
    if _is_depthwise(op, w.shape[0], channels, w.shape[1:-1]):
        return _depthwise(_padded(g, padding, op.strides), flipped, op.space, (1,) * len(axes), op.dilation)
    parts = flipped.reshape(op.groups, w.shape[0] // op.groups, *w.shape[1:])
    parts = jnp.transpose(parts, (*(axis + 1 for axis in axes), 1, 0, w.ndim))  # (*kernel, O / G, G, C / G)
    kernel = parts.reshape(*parts.shape[:-2], channels)
    return _convolution(op, g, kernel, padding, lhs_dilation=op.strides, rhs_dilation=op.dilation)


def convolution_weight(op: Any, x: Array, g: Array) -> Array:
    """Return the gradient by the weights: x (B, *space, C), g (B, *places, O) -> (O, *kernel, C / groups)."""
    padding = []
    for axis, (k, s, d, low) in enumerate(zip(op.kernel, op.strides, op.dilation, op.low, strict=True), 1):
        padding.append((low, span(k, d) + span(g.shape[axis], s) - 1 - x.shape[axis] - low))
    if _is_depthwise(op, g.shape[-1], x.shape[-1], op.kernel):
        return _depthwise_weight(op, _padded(x, padding), g)
    axes = range(1, x.ndim - 1)
    parts = x.reshape(*x.shape[:-1], op.groups, x.shape[-1] // op.groups)  # (B, *space, G, C / G)
    parts = jnp.transpose(parts, (x.ndim, *axes, x.ndim - 1, 0))  # (C / G, *space, G, B)
    images = parts.reshape(*parts.shape[:-2], op.groups * x.shape[0])
    kernel = jnp.moveaxis(g, 0, -2)  # (*places, B, O)
    y = _convolution(op, images, kernel, padding, window_strides=op.dilation, rhs_dilation=op.strides)
    return jnp.moveaxis(jnp.moveaxis(y, -1, 0), 1, -1)  # (C / G, *kernel, O) -> (O, *kernel, C / G)


def _convolution(
    op: Any, x: Array, w: Array, padding: Sequence[tuple[int, int]], **window: Sequence[int]
) -> Array:
    """Return a convolution of which XLA has fast code: (B, *space, C), (*kernel, C / groups, O)."""
    axes = LETTERS[: x.ndim - 2]
    return lax.conv_general_dilated(
        x,
        w,
        padding=padding,
        dimension_numbers=(f"N{axes}C", f"{axes}IO", f"N{axes}C"),
        feature_group_count=op.groups,
        precision=settings.matmul_precision,
        preferred_element_type=sum_dtype(x),
        **{"window_strides": (1,) * len(axes), **window},
    )


def _is_depthwise(op: Any, outputs: int, channels: int, kernel: Sequence[int]) -> bool:
    """Return whether each channel is computed alone, by a kernel of not too many cells."""
    return 1 < op.groups == outputs == channels and math.prod(kernel) < MANY_CELLS


def _padded(x: Array, padding: Sequence[tuple[int, int]], strides: Sequence[int] | None = None) -> Array:
    """Return images with zeros around them, and between cells that get the distance ``strides``."""
    between = [stride - 1 for stride in strides or (1,) * len(padding)]
    widths = [(low, high, gap) for (low, high), gap in zip(padding, between, strict=True)]
    return lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *widths, (0, 0, 0)])


def _under(
    x: Array, kernel: Sequence[int], places: Sequence[int], strides: Sequence[int], dilation: Sequence[int]
) -> Iterator[tuple[tuple[int, ...], Array]]:
    """Yield each cell of a kernel with the cells of padded images under it: (B, *places, C)."""
    for tap in product(*map(range, kernel)):
        cells = [
            slice(t * d, t * d + span(n, s), s)
            for t, n, s, d in zip(tap, places, strides, dilation, strict=True)
        ]
        yield tap, x[(slice(None), *cells)]


def _depthwise(
    x: Array, w: Array, places: Sequence[int], strides: Sequence[int], dilation: Sequence[int]
) -> Array:
    """Return the depthwise convolution of padded images with w (C, *kernel, 1): (B, *places, C)."""
    dtype = sum_dtype(x)
    x, w = x.astype(dtype), w.astype(dtype)
    total = jnp.zeros((), dtype)
    for tap, cells in _under(x, w.shape[1:-1], places, strides, dilation):
        total += cells * w[(slice(None), *tap, 0)]
    return total


def _depthwise_weight(op: Any, x: Array, g: Array) -> Array:
    """Return the gradient of a depthwise convolution by its weights, from padded images: (C, *kernel, 1)."""
    dtype = sum_dtype(x)
    x, g = x.astype(dtype), g.astype(dtype)
    under = _under(x, op.kernel, g.shape[1:-1], op.strides, op.dilation)
    sums = [jnp.sum(cells * g, axis=tuple(range(g.ndim - 1))) for _, cells in under]
    return jnp.stack(sums, 1).reshape(g.shape[-1], *op.kernel, 1)

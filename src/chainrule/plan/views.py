"""Views: a value as a region of memory with an offset and a stride for each axis.

Transposing, repeating, slicing and most reshaping only change how memory is read. A plan gives such nodes no
buffer and no kernel: their view is derived from the view of their input, and the loops and matrix products
that read them use the strides directly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

from chainrule.ops.array.reduction import ReduceMax, ReduceMin, ReduceSum
from chainrule.ops.array.shape import Broadcast, Reshape, Transpose
from chainrule.ops.array.slicing import Slice
from chainrule.ops.recomputed_segments import Remat
from chainrule.records import frozen
from chainrule.symbolic_shape import bound

Triple: TypeAlias = tuple[int, int, int]
MIN_ROW = 64  # length of a row from which on the overhead of starting a row is negligible
MIN_VECTOR_AXIS = 8  # length of an axis from which on it is worth vectorizing
SMALL_RATIO = 8  # of the size of a loop to that of a small value
CACHED = 4096  # numbers of a loop that fits the first-level cache


@frozen
class View:
    """A strided view of a buffer.

    Args:
        shape: axis lengths.
        strides: stride of each axis, in elements; 0 if one value is repeated.
        offset: offset of the first element, in elements.
    """

    buffer: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 0

    @staticmethod
    def contiguous(buffer: int, shape: tuple[int, ...]) -> View:
        """Return the buffer's elements in order, last axis fastest."""
        return View(buffer, shape, dense_strides(shape))

    @property
    def is_dense(self) -> bool:
        """Whether the elements are contiguous and in order."""
        expected = dense_strides(self.shape)
        return all(n == 1 or s == e for n, s, e in zip(self.shape, self.strides, expected, strict=True))

    def transposed(self, axes: Sequence[int]) -> View:
        """Return the same elements with the axes in this order."""
        if tuple(axes) == tuple(range(len(self.shape))):
            return self
        shape, strides = (tuple(values[axis] for axis in axes) for values in (self.shape, self.strides))
        return View(self.buffer, shape, strides, self.offset)


@frozen
class Padding:
    """Padding of an image before and after each spatial axis."""

    low: tuple[int, ...]
    high: tuple[int, ...]


def dense_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the strides of a contiguous value."""
    strides, step = [], 1
    for length in reversed(shape):
        strides.append(step)
        step *= length
    return tuple(reversed(strides))


def layout_view(op: object, source: View, shape: tuple[int, ...]) -> View | None:
    """Return the view of the result of a layout operation, or ``None`` if elements must be copied.

    Args:
        op: the operation, with sizes bound.
    """
    match op:
        case Transpose(axes=axes):
            return source.transposed(axes)
        case Broadcast():
            new = len(shape) - len(source.shape)
            axes = zip(source.shape, source.strides, shape[new:], strict=True)
            strides = (*(0,) * new, *(0 if n == 1 and m != 1 else s for n, s, m in axes))
            return View(source.buffer, shape, strides, source.offset)
        case Slice(start=start, step=step):
            axes = list(zip(bound(start), step, source.strides, strict=True))
            offset = source.offset + sum(a * s for a, _, s in axes)
            return View(source.buffer, shape, tuple(k * s for _, k, s in axes), offset)
        case Remat():
            return source
        case Reshape() | ReduceSum() | ReduceMax() | ReduceMin():  # reductions of axes of length 1
            return _reshaped_view(source, shape)
    return None


def _reshaped_view(source: View, shape: tuple[int, ...]) -> View | None:
    """Return the same memory under another shape, if the axes that are merged are contiguous."""
    if source.is_dense or 0 in shape:
        return View(source.buffer, shape, dense_strides(shape), source.offset)
    lengths, (steps,) = collapse(source.shape, [source.strides])
    old = list(zip(lengths, steps, strict=True))[::-1]  # innermost first
    strides: list[int] = []
    for n in reversed(shape):
        if n == 1:
            strides.append(0)
            continue
        if not old or old[0][0] % n:
            return None
        length, step = old.pop(0)
        strides.append(step)
        if length > n:
            old.insert(0, (length // n, step * n))
    return View(source.buffer, shape, tuple(reversed(strides)), source.offset)


def is_small(lengths: Sequence[int], like: View) -> bool:
    """Return whether a value of these lengths is small compared to the view that a loop iterates over."""
    return SMALL_RATIO * math.prod(lengths) <= math.prod(like.shape)


def in_memory_order(view: View) -> tuple[int, ...]:
    """Return the axes from the outermost to the innermost in memory; axes of equal stride keep their order.

    Example:
        >>> in_memory_order(View(0, (2, 3, 4), (1, 8, 2)))
        (1, 2, 0)
    """
    return tuple(sorted(range(len(view.shape)), key=lambda axis: -view.strides[axis]))


def leading_view(views: Sequence[View]) -> View:
    """Return the view in whose memory order a loop iterates: the first one without repeated elements."""
    without_repeats = (
        view for view in views if all(s or n == 1 for n, s in zip(view.shape, view.strides, strict=True))
    )
    return next(without_repeats, views[0])


def row_axes(view: View) -> list[int]:
    """Return the innermost axes, outermost first, that a loop should iterate over as one long row.

    Example:
        >>> row_axes(View(0, (16, 28, 8), (1, 128, 16)))
        [2, 0]
    """
    # If strides are equal, one of the axes has length 1 and is further in.
    order = sorted(range(len(view.shape)), key=lambda axis: (-view.strides[axis], view.shape[axis] == 1))
    length, first = 1, len(order)
    while first and length < MIN_ROW:
        first -= 1
        length *= view.shape[order[first]]
    return order[first:]


def is_injective(lengths: Sequence[int], strides: Sequence[int]) -> bool:
    """Return whether no two indices have the same address, except along axes of stride 0.

    Example:
        >>> is_injective([4, 3], [3, 1]), is_injective([4, 3], [2, 1]), is_injective([4, 3], [1, 0])
        (True, False, True)
    """
    reach = 0
    for step, length in sorted((s, n) for n, s in zip(lengths, strides, strict=True) if s and n > 1):
        if step <= reach:
            return False
        reach += step * (length - 1)
    return True


def sub_view(view: View, axis: int, start: int, length: int) -> View:
    """Return a range of indices along one axis."""
    axis %= len(view.shape)
    shape = (*view.shape[:axis], length, *view.shape[axis + 1 :])
    return View(view.buffer, shape, view.strides, view.offset + start * view.strides[axis])


def window_cell(view: View, axis: int, tap: Sequence[int]) -> View:
    """Return one cell of every window: the window's axes, from ``axis`` on, at index ``tap``."""
    end = axis + len(tap)
    at = sum(i * s for i, s in zip(tap, view.strides[axis:end], strict=True))
    shape, strides = ((*v[:axis], *v[end:]) for v in (view.shape, view.strides))
    return View(view.buffer, shape, strides, view.offset + at)


def collapse(shape: Sequence[int], strides: Sequence[Sequence[int]]) -> tuple[list[int], list[list[int]]]:
    """Return the fewest axes that describe a loop over several operands.

    Adjacent axes are merged if, for every operand, the outer stride is the inner length times the inner
    stride.

    Returns:
        the axis lengths and, for each operand, its strides.

    Example:
        >>> collapse((4, 3), [(3, 1), (0, 0)])
        ([12], [[1], [0]])
        >>> collapse((4, 3), [(3, 1), (0, 1)])
        ([4, 3], [[3, 1], [0, 1]])
    """
    lengths: list[int] = []
    merged: list[list[int]] = [[] for _ in strides]
    for axis, length in enumerate(shape):
        if length == 1:
            continue
        steps = [s[axis] for s in strides]
        is_merged = bool(lengths) and all(
            k[-1] == length * step for k, step in zip(merged, steps, strict=True)
        )
        if is_merged:
            lengths[-1] *= length
        else:
            lengths.append(length)
        for k, step in zip(merged, steps, strict=True):
            if is_merged:
                k[-1] = step
            else:
                k.append(step)
    return (lengths, merged) if lengths else ([1], [[0] for _ in strides])


def loop_order(
    lengths: Sequence[int], strides: Sequence[Sequence[int]], reads: int, is_folded: bool = False
) -> list[int]:
    """Return the order in which a loop iterates over axes that are given in the memory order of its result.

    If elements along the last axis are contiguous in the result, but those along another axis in an operand,
    these two axes come last: a cache line that one iteration touches is then still cached at the next. The
    very last one is the axis along which more operands are contiguous, unless it is short. A small loop that
    fits the first-level cache iterates over a long axis instead of a short one, so that it computes many
    numbers at once, such as the sigmoids of a layer of three units.

    Args:
        strides: strides of each operand, those that are read first.
        reads: number of operands that are read.
        is_folded: whether the loop ends in sums, whose order is then kept.

    Example:
        >>> loop_order([16, 28, 64], [[1, 1024, 16], [1792, 64, 1]], 1)
        [1, 0, 2]
        >>> loop_order([28, 16, 2], [[32, 1, 16], [32, 2, 1]], 1)
        [0, 2, 1]
        >>> loop_order([32, 3], [[3, 1], [0, 1], [3, 1]], 2)
        [1, 0]
    """
    axes = list(range(len(lengths)))
    inner = axes[-1]
    long = [axis for axis in axes if lengths[axis] >= MIN_VECTOR_AXIS]
    if long and lengths[inner] < MIN_VECTOR_AXIS and math.prod(lengths) <= CACHED and not is_folded:
        best = max(long, key=lambda axis: (sum(s[axis] in (0, 1) for s in strides), lengths[axis]))
        return [axis for axis in axes if axis != best] + [best]
    strided = (s for s in strides[:reads] if s[inner] not in (0, 1))
    other = next((axis for s in strided for axis in axes[:-1] if s[axis] == 1 and lengths[axis] > 1), None)
    if other is None or strides[reads][inner] != 1:
        return axes
    contiguous_operands = [sum(s[axis] == 1 for s in strides) for axis in (inner, other)]
    is_last = lengths[inner] < MIN_VECTOR_AXIS <= lengths[other] or (
        contiguous_operands[1] > contiguous_operands[0] and lengths[other] >= MIN_VECTOR_AXIS
    )
    axes.remove(other)
    axes.insert(len(axes) if is_last else -1, other)
    return axes


def as_three_axes(view: View, axes: Sequence[int]) -> tuple[Triple, Triple] | None:
    """Return lengths and strides of a view as (outer, along, inner), or ``None`` if it must be copied first.

    Args:
        axes: adjacent axes, which become the middle one; if empty, the middle axis has length 1.

    Example:
        >>> as_three_axes(View.contiguous(0, (2, 3, 4, 5)), (1, 2))
        ((2, 12, 5), (60, 5, 1))
    """
    first, last = (axes[0], axes[-1] + 1) if axes else (len(view.shape), len(view.shape))
    merged: list[tuple[int, int]] = []
    for group in (slice(0, first), slice(first, last), slice(last, None)):
        lengths, (strides,) = collapse(view.shape[group], [view.strides[group]])
        if 0 in view.shape[group]:
            merged.append((0, 0))
        elif len(lengths) > 1:
            return None
        else:
            merged.append((lengths[0], strides[0]))
    (outer, a), (along, b), (inner, c) = merged
    return (outer, along, inner), (a, b, c)

"""A value as a window on memory: where it begins and how far its neighbours lie apart along each axis.

Transposing, repeating, slicing and most reshaping change only how memory is looked at. A plan therefore gives
such nodes no buffer and no kernel: their view is worked out from the view of what they look at, and the loops
and matrix products that read them take the strides as they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

from chainrule.ops.array.reduction import ReduceMax, ReduceMin, ReduceSum
from chainrule.ops.array.shape import Broadcast, Reshape, Transpose
from chainrule.ops.array.slicing import Slice
from chainrule.ops.recomputation import Remat
from chainrule.records import frozen
from chainrule.spec import bound

Triple: TypeAlias = tuple[int, int, int]
LONG = 64  # numbers of a row from which on it does not matter that each row has to be begun
NARROW = 8  # an axis shorter than this is no axis to take numbers along several at a time
SMALL = 4096  # numbers of a loop that lies in the nearest cache


@frozen
class View:
    """A window on a buffer.

    Args:
        buffer: its number.
        shape: axis lengths.
        strides: distance of neighbours along each axis, in elements; 0 where one value is repeated.
        offset: where the first element lies, in elements.
    """

    buffer: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 0

    @staticmethod
    def whole(buffer: int, shape: tuple[int, ...]) -> View:
        """The buffer's elements in order, last axis fastest."""
        return View(buffer, shape, dense_strides(shape))

    @property
    def is_dense(self) -> bool:
        """Whether the elements lie one behind the other in order."""
        expected = dense_strides(self.shape)
        return all(n == 1 or s == e for n, s, e in zip(self.shape, self.strides, expected, strict=True))

    def turned(self, axes: Sequence[int]) -> View:
        """The same elements, with the axes in this order."""
        shape, strides = (tuple(values[axis] for axis in axes) for values in (self.shape, self.strides))
        return View(self.buffer, shape, strides, self.offset)


def dense_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of a value whose elements lie in order."""
    strides, step = [], 1
    for length in reversed(shape):
        strides.append(step)
        step *= length
    return tuple(reversed(strides))


def look(op: object, source: View, shape: tuple[int, ...]) -> View | None:
    """The view a layout operation has of its input's memory, or ``None`` when the numbers must be moved.

    Args:
        op: the operation, sizes bound.
        source: the input's view.
        shape: of the result.
    """
    match op:
        case Transpose(axes=axes):
            return source.turned(axes)
        case Broadcast():
            new = len(shape) - len(source.shape)
            kept = zip(source.shape, source.strides, shape[new:], strict=True)
            strides = (*(0,) * new, *(0 if n == 1 and m != 1 else s for n, s, m in kept))
            return View(source.buffer, shape, strides, source.offset)
        case Slice(start=start, step=step):
            places = list(zip(bound(start), step, source.strides, strict=True))
            offset = source.offset + sum(a * s for a, _, s in places)
            return View(source.buffer, shape, tuple(k * s for _, k, s in places), offset)
        case Remat():
            return source
        case Reshape() | ReduceSum() | ReduceMax() | ReduceMin():  # reductions of axes of length 1
            return _reshaped(source, shape)
    return None


def _reshaped(source: View, shape: tuple[int, ...]) -> View | None:
    """The same memory under another shape, when the axes that are merged lie one behind the other."""
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


def in_memory_order(view: View) -> tuple[int, ...]:
    """The axes from the outermost to the innermost in memory; axes of one place keep their order.

    Example:
        >>> in_memory_order(View(0, (2, 3, 4), (1, 8, 2)))
        (1, 2, 0)
    """
    return tuple(sorted(range(len(view.shape)), key=lambda axis: -view.strides[axis]))


def leading(views: Sequence[View]) -> View:
    """The view in whose order a loop walks that writes nothing as large as itself: the first without gaps."""
    whole = (
        view for view in views if all(s or n == 1 for n, s in zip(view.shape, view.strides, strict=True))
    )
    return next(whole, views[0])


def row(view: View) -> list[int]:
    """The innermost axes, from the outside in, that a loop should walk along as one row: it is long then.

    Example:
        >>> row(View(0, (16, 28, 8), (1, 128, 16)))
        [2, 0]
    """
    # Where strides are equal one axis has one place, and lies further in.
    order = sorted(range(len(view.shape)), key=lambda axis: (-view.strides[axis], view.shape[axis] == 1))
    many, first = 1, len(order)
    while first and many < LONG:
        first -= 1
        many *= view.shape[order[first]]
    return order[first:]


def lies_apart(lengths: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether no two places of a look are one, but along axes where one is repeated.

    Example:
        >>> lies_apart([4, 3], [3, 1]), lies_apart([4, 3], [2, 1]), lies_apart([4, 3], [1, 0])
        (True, False, True)
    """
    reach = 0
    for step, length in sorted((s, n) for n, s in zip(lengths, strides, strict=True) if s and n > 1):
        if step <= reach:
            return False
        reach += step * (length - 1)
    return True


def tapped(view: View, axis: int, tap: Sequence[int]) -> View:
    """One cell of every window: the axes of the window, from ``axis`` on, at this place."""
    end = axis + len(tap)
    at = sum(i * s for i, s in zip(tap, view.strides[axis:end], strict=True))
    shape, strides = ((*v[:axis], *v[end:]) for v in (view.shape, view.strides))
    return View(view.buffer, shape, strides, view.offset + at)


def collapse(shape: Sequence[int], strides: Sequence[Sequence[int]]) -> tuple[list[int], list[list[int]]]:
    """The fewest axes that describe a loop over several operands at once.

    Neighbouring axes become one where, for every operand, the outer stride is the inner length times the
    inner stride.

    Args:
        shape: of the loop.
        strides: of each operand.

    Returns:
        the axis lengths and, for each operand, its strides.

    Example:
        >>> collapse((4, 3), [(3, 1), (0, 0)])
        ([12], [[1], [0]])
        >>> collapse((4, 3), [(3, 1), (0, 1)])
        ([4, 3], [[3, 1], [0, 1]])
    """
    lengths: list[int] = []
    kept: list[list[int]] = [[] for _ in strides]
    for axis, length in enumerate(shape):
        if length == 1:
            continue
        steps = [s[axis] for s in strides]
        joins = bool(lengths) and all(k[-1] == length * step for k, step in zip(kept, steps, strict=True))
        if joins:
            lengths[-1] *= length
        else:
            lengths.append(length)
        for k, step in zip(kept, steps, strict=True):
            if joins:
                k[-1] = step
            else:
                k.append(step)
    return (lengths, kept) if lengths else ([1], [[0] for _ in strides])


def walked(
    lengths: Sequence[int], strides: Sequence[Sequence[int]], reads: int, is_folded: bool = False
) -> list[int]:
    """In which order a loop walks along axes that lie in the order of what it writes.

    Where neighbours along the last axis lie side by side in what is written, but along another one in what is
    read, these two come last: a piece of memory that one step touches is then still in the cache at the next.
    The very last is the one along which more operands have their neighbours side by side, if it is not short.
    A small loop, all of which lies in the nearest cache, walks along a long axis instead of a short one:
    it then computes many numbers at once, such as the sigmoids of a layer of three units.

    Args:
        lengths: of the axes.
        strides: of each operand: those that are read come first.
        reads: how many are read.
        is_folded: whether the loop ends in sums, whose order is then kept.

    Example:
        >>> walked([16, 28, 64], [[1, 1024, 16], [1792, 64, 1]], 1)
        [1, 0, 2]
        >>> walked([28, 16, 2], [[32, 1, 16], [32, 2, 1]], 1)
        [0, 2, 1]
        >>> walked([32, 3], [[3, 1], [0, 1], [3, 1]], 2)
        [1, 0]
    """
    axes = list(range(len(lengths)))
    inner = axes[-1]
    long = [axis for axis in axes if lengths[axis] >= NARROW]
    if long and lengths[inner] < NARROW and math.prod(lengths) <= SMALL and not is_folded:
        best = max(long, key=lambda axis: (sum(s[axis] in (0, 1) for s in strides), lengths[axis]))
        return [axis for axis in axes if axis != best] + [best]
    far = (s for s in strides[:reads] if s[inner] not in (0, 1))
    other = next((axis for s in far for axis in axes[:-1] if s[axis] == 1 and lengths[axis] > 1), None)
    if other is None or strides[reads][inner] != 1:
        return axes
    near = [sum(s[axis] == 1 for s in strides) for axis in (inner, other)]
    is_last = lengths[inner] < NARROW <= lengths[other] or (near[1] > near[0] and lengths[other] >= NARROW)
    axes.remove(other)
    axes.insert(len(axes) if is_last else -1, other)
    return axes


def in_three(view: View, axes: Sequence[int]) -> tuple[Triple, Triple] | None:
    """Lengths and strides of a value seen as (outer, along, inner); ``None`` when it must first be moved.

    Args:
        view: the value.
        axes: neighbouring axes, which become the middle one; none: the middle has one element.

    Example:
        >>> in_three(View.whole(0, (2, 3, 4, 5)), (1, 2))
        ((2, 12, 5), (60, 5, 1))
    """
    first, last = (axes[0], axes[-1] + 1) if axes else (len(view.shape), len(view.shape))
    found: list[tuple[int, int]] = []
    for group in (slice(0, first), slice(first, last), slice(last, None)):
        lengths, (strides,) = collapse(view.shape[group], [view.strides[group]])
        if 0 in view.shape[group]:
            found.append((0, 0))
        elif len(lengths) > 1:
            return None
        else:
            found.append((lengths[0], strides[0]))
    (outer, a), (along, b), (inner, c) = found
    return (outer, along, inner), (a, b, c)

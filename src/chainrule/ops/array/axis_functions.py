"""Functions of axes, composed of cards: move, repeat, split, flip, pick, sort, accumulate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from chainrule.errors import ShapeError, UsageError, fact
from chainrule.graph import Node, constant
from chainrule.ops.array.gather import gather, require_integers
from chainrule.ops.array.indexing import along
from chainrule.ops.array.reduction import axes_of, sum
from chainrule.ops.array.shape import broadcast_shapes, broadcast_to, reshape, transpose
from chainrule.ops.array.slicing import concatenate, pad, slice_axis
from chainrule.ops.elementwise.broadcasting_functions import (
    add,
    equal,
    full_like,
    greater,
    less,
    logical_and,
    logical_not,
    logical_or,
    maximum,
    multiply,
    where,
)
from chainrule.ops.elementwise.cast_and_stop_gradient import cast
from chainrule.settings import settings
from chainrule.symbolic_shape import Axis, shape_text
from chainrule.validation import integer, out_of_range


def arange(start: float, stop: float | None = None, step: float = 1, dtype: str | None = None) -> Node:
    """Return evenly spaced numbers as a constant, as NumPy's ``arange``: ``arange(3)`` is 0, 1, 2.

    Args:
        start, stop, step: from ``start`` in steps up to but without ``stop``; a single number is ``stop``.
        dtype: by default int64 for integers, else the setting ``dtype``.

    Raises:
        UsageError E102: ``step`` is 0.
    """
    if not step:
        raise out_of_range(step, "step", "arange", fact("not 0"), 1)
    numbers = np.arange(start) if stop is None else np.arange(start, stop, step)
    if stop is None and step != 1:
        numbers = np.arange(0, start, step)
    return constant(numbers, dtype or ("int64" if numbers.dtype.kind == "i" else settings.dtype))


def eye(rows: int, columns: int | None = None, k: int = 0, dtype: str | None = None) -> Node:
    """Return a matrix with ones on a diagonal and zeros elsewhere, as a constant.

    Args:
        rows, columns: the shape; without ``columns`` it is a square.
        k: the diagonal: 0 is the main one, positive ones are above it.
        dtype: by default the setting ``dtype``.
    """
    rows = integer(rows, "rows", "eye", minimum=0)
    columns = rows if columns is None else integer(columns, "columns", "eye", minimum=0)
    return constant(np.eye(rows, columns, integer(k, "k", "eye"), dtype or settings.dtype))


def tril(x: Node, k: int = 0) -> Node:
    """Return matrices with zeros above a diagonal: their lower triangle.

    Shapes: (..., N, M) -> the same.

    Args:
        x: a node of at least two axes, the last two of fixed length.
        k: the diagonal above which elements are 0: 0 is the main one, positive ones are above it.

    Raises:
        ShapeError E205, E208: fewer than two axes, or symbolic ones.
    """
    return _triangle("tril", x, integer(k, "k", "tril"), is_lower=True)


def triu(x: Node, k: int = 0) -> Node:
    """Return matrices with zeros below a diagonal: their upper triangle.

    Shapes: (..., N, M) -> the same.

    Args:
        x: a node of at least two axes, the last two of fixed length.
        k: the diagonal below which elements are 0: 0 is the main one, positive ones are above it.

    Raises:
        ShapeError E205, E208: fewer than two axes, or symbolic ones.
    """
    return _triangle("triu", x, integer(k, "k", "triu") - 1, is_lower=False)


def _triangle(name: str, x: Node, k: int, is_lower: bool) -> Node:
    rows, columns = axes_of(x, (-2, -1))
    below = np.tri(axis_length(name, x, rows), axis_length(name, x, columns), k, dtype=bool)
    return where(constant(below if is_lower else ~below), x, full_like(x, 0))


# --- the order and the number of axes


def expand_dims(x: Node, axis: int | tuple[int, ...]) -> Node:
    """Return ``x`` with further axes of length 1: PyTorch's ``unsqueeze``.

    Args:
        x: a node of any shape.
        axis: the place of the new axis in the result, or of several.

    Raises:
        ShapeError E205: a place outside the result, or named twice.
    """
    count = 1 if isinstance(axis, int) else len(axis)
    places = _places_of(axis, x.rank + count)
    lengths = iter(x.shape)
    return reshape(x, [1 if i in places else next(lengths) for i in range(x.rank + count)])


def squeeze(x: Node, axis: int | tuple[int, ...] | None = None) -> Node:
    """Return ``x`` without axes of length 1.

    Args:
        x: a node of any shape.
        axis: the axis to drop, or several; ``None``: all of length 1.

    Raises:
        ShapeError E205, E208: an axis does not exist, or has another length.
    """
    dropped = [i for i, n in enumerate(x.shape) if n == 1] if axis is None else axes_of(x, axis)
    for a in dropped:
        if x.shape[a] != 1:
            constraint = fact("axes of length 1")
            raise ShapeError("E208", op="squeeze", constraint=constraint, received=shape_text(x.shape))
    return reshape(x, [n for i, n in enumerate(x.shape) if i not in dropped])


def swapaxes(x: Node, first: int, second: int) -> Node:
    """Return ``x`` with two axes exchanged: PyTorch's ``transpose``.

    Args:
        x: a node of any shape.
        first, second: the axes.

    Raises:
        ShapeError E205: an axis does not exist.
    """
    (first,), (second,) = axes_of(x, first), axes_of(x, second)
    order = list(range(x.rank))
    order[first], order[second] = second, first
    return transpose(x, order)


def moveaxis(x: Node, source: int | tuple[int, ...], destination: int | tuple[int, ...]) -> Node:
    """Return ``x`` with axes at other places; the others keep their order.

    Args:
        x: a node of any shape.
        source: an axis, or several.
        destination: the place of each in the result.

    Raises:
        ShapeError E205: an axis or place does not exist, or is named twice.
        UsageError E102: not one place for each axis.
    """
    moved, places = _places_of(source, x.rank), _places_of(destination, x.rank)
    if len(moved) != len(places):
        expected = fact("{count} places, one for each axis", count=len(moved))
        raise out_of_range(destination, "destination", "moveaxis", expected, fix="-1")
    by_place = dict(zip(places, moved, strict=True))
    others = iter([a for a in range(x.rank) if a not in moved])
    return transpose(x, [by_place[i] if i in by_place else next(others) for i in range(x.rank)])


def _places_of(axis: int | tuple[int, ...], rank: int) -> list[int]:
    """Return places among some axes as numbers from 0, in the order in which they were named."""
    named = (axis,) if isinstance(axis, int) else tuple(axis)
    places = [a + rank if a < 0 else a for a in named]
    for place in places:
        if not 0 <= place < rank or places.count(place) > 1:
            expected = fact("{first} to {last}, each once", first=-rank, last=rank - 1)
            raise ShapeError("E205", axis=axis, expected=expected, received=axis)
    return places


# --- repeated elements


def tile(x: Node, repeats: int | tuple[int, ...]) -> Node:
    """Return ``x``, put together several times along each axis, as NumPy's ``tile``: PyTorch's ``repeat``.

    Args:
        x: a node of any shape.
        repeats: how often, for each of the last axes; further numbers add axes in front.

    Raises:
        UsageError E102: a number that is negative, or not an integer.
    """
    named = (repeats,) if isinstance(repeats, int) else tuple(repeats)
    times = [integer(n, "repeats", "tile", minimum=0) for n in named]
    shape = [*[1] * (len(times) - x.rank), *x.shape]
    times = [*[1] * (len(shape) - len(times)), *times]
    wide = reshape(x, [length for n in shape for length in (1, n)])
    repeated = broadcast_to(wide, [length for pair in zip(times, shape, strict=True) for length in pair])
    return reshape(repeated, [n * k for k, n in zip(times, shape, strict=True)])


def repeat(x: Node, repeats: int, axis: int = 0) -> Node:
    """Return ``x`` with each element of an axis repeated, as NumPy's ``repeat``: PyTorch's
    ``repeat_interleave``.

    Args:
        x: a node of any shape.
        repeats: how often.
        axis: the axis.

    Raises:
        ShapeError E205: the axis does not exist.
        UsageError E102: a number that is negative, or not an integer.
    """
    (axis,), times = axes_of(x, axis), integer(repeats, "repeats", "repeat", minimum=0)
    before, length, after = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
    column = reshape(x, (*before, length, 1, *after))
    return reshape(broadcast_to(column, (*before, length, times, *after)), (*before, length * times, *after))


# --- parts of an axis


def split(
    x: Node, parts: int | None = None, *, sizes: Sequence[int] | None = None, axis: int = 0
) -> list[Node]:
    """Return the consecutive parts of ``x`` along an axis, which ``concatenate`` joins again.

    Args:
        x: a node of any shape.
        parts: the number of parts of equal length.
        sizes: the length of each part, instead of ``parts``.
        axis: the axis, of fixed length.

    Raises:
        UsageError E102: neither or both of ``parts`` and ``sizes``, or lengths that do not fit the axis.
        ShapeError E205, E208: the axis does not exist, or is symbolic.

    Example:
        >>> import chainrule as cr
        >>> x = cr.input("x", (6,), "float64")
        >>> [part.shape for part in split(x, 3)], [part.shape for part in split(x, sizes=[4, 2])]
        ([(2,), (2,), (2,)], [(4,), (2,)])
    """
    (axis,) = axes_of(x, axis)
    length = axis_length("split", x, axis)
    if sizes is None and isinstance(parts, int) and parts > 0 and length % parts == 0:
        sizes = [length // parts] * parts
    elif parts is not None or sizes is None or min(sizes, default=0) < 0 or np.sum(sizes) != length:
        received = f"parts={parts}, sizes={sizes}"
        expected = fact("a divisor of {length}, or sizes with this sum", length=length)
        fix = f"sizes=[{length // 2}, {length - length // 2}]"
        raise UsageError(
            "E102", where="split", name="parts, sizes", received=received, expected=expected, fix=fix
        )
    ends = np.cumsum([0, *sizes]).tolist()
    return [slice_axis(x, axis, a, b) for a, b in pairwise(ends)]


def flip(x: Node, axis: int | tuple[int, ...] | None = None) -> Node:
    """Return ``x`` with the elements of an axis in reverse order.

    Args:
        x: a node of any shape.
        axis: one axis, several, or ``None`` for all; of fixed length.

    Raises:
        ShapeError E205, E208: an axis does not exist, or is symbolic.
    """
    for a in axes_of(x, axis):
        x = along(x, a, constant(np.arange(axis_length("flip", x, a))[::-1].copy()))
    return x


def roll(x: Node, shift: int, axis: int = -1) -> Node:
    """Return ``x`` with the elements of an axis moved by some places; those beyond the end come first.

    Args:
        x: a node of any shape.
        shift: the number of places, towards the end; negative ones towards the beginning.
        axis: the axis, of fixed length.

    Raises:
        ShapeError E205, E208: the axis does not exist, or is symbolic.
        UsageError E102: ``shift`` is not an integer.
    """
    (axis,) = axes_of(x, axis)
    length = axis_length("roll", x, axis)
    first = -integer(shift, "shift", "roll") % max(length, 1)
    if first == 0:
        return x
    return concatenate([slice_axis(x, axis, first, length), slice_axis(x, axis, 0, first)], axis)


def take_along_axis(x: Node, indices: Node, axis: int = -1) -> Node:
    """Return the elements of ``x`` at ``indices`` along an axis, row by row: NumPy's ``take_along_axis``,
    PyTorch's ``gather``.

    Shapes: x (..., N, ...), indices (..., K, ...) -> (..., K, ...); all other axes are broadcast.

    Formula: y[b, k] = x[b, indices[b, k]]; the gradient of each element of ``x`` is the sum over the
        elements that were taken from it.

    Args:
        x: a node of floating-point numbers or integers.
        indices: integers from 0 to N - 1.
        axis: the axis, of fixed length.

    Numerics: an index below 0 or above N - 1 is an error (E211); negative indices do not count from the end.

    Cost: N K comparisons for each row.

    Raises:
        ShapeError E202, E205, E208: shapes that cannot be broadcast; the axis does not exist, or is symbolic.
        DtypeError E253: indices that are not integers.

    Example:
        >>> import chainrule as cr
        >>> logits, label = cr.input("logits", (None, 3), "float64"), cr.input("label", (None,), "int64")
        >>> chosen = take_along_axis(logits, cr.reshape(label, (-1, 1)))
        >>> cr.evaluate(chosen, {"logits": [[1, 2, 3], [4, 5, 6]], "label": [2, 0]}).tolist()
        [[3.0], [4.0]]
    """
    require_integers("take_along_axis", indices.spec)
    (axis,) = axes_of(x, axis)
    length = axis_length("take_along_axis", x, axis)
    if indices.rank != x.rank:
        constraint = fact("as many axes as the input")
        received = str(indices.rank)
        raise ShapeError(
            "E208", op="take_along_axis", constraint=constraint, expected=str(x.rank), received=received
        )
    x, indices = to_last(x, axis), to_last(indices, axis)
    before = broadcast_shapes(x.shape[:-1], indices.shape[:-1])
    x = broadcast_to(x, (*before, length))
    indices = broadcast_to(indices, (*before, indices.shape[-1]))
    return from_last(_selected(x, gather(constant(np.arange(length)), indices)), axis)


def cumsum(x: Node, axis: int = -1) -> Node:
    """Return the sum of each element and all before it along an axis.

    Formula: y[i] = sum(j <= i, x[j]); the gradient of x[j] is the sum of dy[i] over i >= j.

    Args:
        x: a node of floating-point numbers or integers.
        axis: the axis, of fixed length.

    Numerics: sums of 2, 4, 8, ... elements are added, so rounding errors grow like log2 of the length. An
        infinite element does not change the sums before it.

    Cost: log2(N) additions for each of N elements.

    Raises:
        ShapeError E205, E208: the axis does not exist, or is symbolic.
    """
    return _accumulated("cumsum", x, axis, add, 0)


def cumprod(x: Node, axis: int = -1) -> Node:
    """Return the product of each element and all before it along an axis.

    Formula: y[i] = prod(j <= i, x[j]).

    Args:
        x, axis: as in ``cumsum``.

    Numerics: the gradient is exact where elements are 0: it is built from products of the other elements.

    Cost: log2(N) multiplications for each of N elements.

    Raises:
        ShapeError E205, E208: the axis does not exist, or is symbolic.
    """
    return _accumulated("cumprod", x, axis, multiply, 1)


def cummax(x: Node, axis: int = -1) -> Node:
    """Return the largest of each element and all before it along an axis.

    Formula: y[i] = max(j <= i, x[j]); the gradient goes to the largest element, divided among equal ones.

    Args:
        x: a node of floating-point numbers.
        axis: the axis, of fixed length.

    Cost: log2(N) comparisons for each of N elements.

    Raises:
        ShapeError E205, E208: the axis does not exist, or is symbolic.
    """
    return _accumulated("cummax", x, axis, maximum, None)


def _accumulated(
    name: str, x: Node, axis: int, combine: Callable[[Node, Node], Node], neutral: float | None
) -> Node:
    """Combine each element with all before it: those 1, 2, 4, ... places before it, one after the other.

    Elements at the beginning, which have none there, are combined with ``neutral``, or with themselves.
    """
    (axis,) = axes_of(x, axis)
    length, width = axis_length(name, x, axis), 1
    while width < length:
        before = slice_axis(x, axis, 0, length - width)
        if neutral == 0:
            shifted = pad(before, [(width if a == axis else 0, 0) for a in range(x.rank)])
        else:
            first = slice_axis(x, axis, 0, width)
            first = first if neutral is None else full_like(first, neutral)
            shifted = concatenate([first, before], axis)
        x = combine(x, shifted)
        width *= 2
    return x


def argsort(x: Node, axis: int = -1, descending: bool = False) -> Node:
    """Return the indices that sort ``x`` along an axis, int64.

    Args:
        x: a node of floating-point numbers or integers.
        axis: the axis, of fixed length.
        descending: whether the largest element is first.

    Numerics: equal elements keep their order. NaN counts as the largest, as in NumPy and PyTorch. No
        gradient: the indices are integers.

    Cost: N^2 comparisons for each row of N elements, meant for rows of up to a few thousand.

    Raises:
        ShapeError E205, E208: the axis does not exist, or is symbolic.
    """
    (axis,) = axes_of(x, axis)
    length = axis_length("argsort", x, axis)
    return from_last(_order(to_last(x, axis), length, descending), axis)


def sort(x: Node, axis: int = -1, descending: bool = False) -> Node:
    """Return ``x`` in ascending order along an axis; the gradient goes back to the place of each element.

    Args:
        x, axis, descending: as in ``argsort``, which also states numerics and cost.

    Example:
        >>> import chainrule as cr
        >>> x = cr.input("x", (None, 3), "float64")
        >>> cr.evaluate([sort(x), *topk(x, 2)], {"x": [[2, 3, 1]]})
        [array([[1., 2., 3.]]), array([[3., 2.]]), array([[1, 0]])]
    """
    (axis,) = axes_of(x, axis)
    x, length = to_last(x, axis), axis_length("sort", x, axis)
    return from_last(_selected(x, _order(x, length, descending)), axis)


def topk(x: Node, k: int, axis: int = -1) -> tuple[Node, Node]:
    """Return the ``k`` largest elements along an axis in descending order, and their indices.

    Args:
        x, axis: as in ``argsort``, which also states numerics and cost.
        k: from 1 to the length of the axis.

    Raises:
        UsageError E102: ``k`` out of its range.
        ShapeError E205, E208: the axis does not exist, or is symbolic.
    """
    (axis,) = axes_of(x, axis)
    x, length = to_last(x, axis), axis_length("topk", x, axis)
    if not 1 <= k <= length:
        raise out_of_range(k, "k", "topk", fact("from 1 to {length}", length=length), fix=f"k={length}")
    order = _order(x, length, descending=True, count=k)
    return from_last(_selected(x, order), axis), from_last(order, axis)


def axis_length(name: str, x: Node, axis: int) -> int:
    """Return the length of an axis.

    Raises:
        ShapeError E208: it is symbolic.
    """
    length: Axis = x.shape[axis]
    if not isinstance(length, int):
        raise ShapeError("E208", op=name, constraint=fact("an axis of fixed length"), received=str(length))
    return length


def to_last(x: Node, axis: int) -> Node:
    """Return ``x`` with an axis moved to the end."""
    return transpose(x, [a for a in range(x.rank) if a != axis] + [axis])


def from_last(x: Node, axis: int) -> Node:
    """Return ``x`` with the last axis moved to another place."""
    others = list(range(x.rank - 1))
    return transpose(x, [*others[:axis], x.rank - 1, *others[axis:]])


def _selected(x: Node, indices: Node) -> Node:
    """Select x (..., N), valid indices (..., K) -> (..., K)."""
    length = axis_length("take_along_axis", x, x.rank - 1)
    full = (*x.shape[:-1], indices.shape[-1], length)
    is_own = equal(_column(indices, full), constant(np.arange(length, dtype=indices.dtype)))
    values = _row(x, full)
    return sum(where(is_own, values, full_like(values, 0)), -1)


def _order(x: Node, length: int, descending: bool, count: int | None = None) -> Node:
    """Return the indices of the first ``count`` elements of the sorted x (..., N) -> (..., count).

    The rank of an element is the number of elements before it; the index with rank r is at position r.
    """
    full = (*x.shape, length)
    own, other = _column(x, full), _row(x, full)  # (..., N, N): element, and the one compared with it
    compared = greater(other, own) if descending else less(other, own)
    is_tie = equal(other, own)
    if x.spec.is_float:
        own_nan, other_nan = logical_not(equal(own, own)), logical_not(equal(other, other))
        larger, smaller = (other_nan, own_nan) if descending else (own_nan, other_nan)
        compared = logical_or(compared, logical_and(larger, logical_not(smaller)))
        is_tie = logical_or(is_tie, logical_and(own_nan, other_nan))
    is_earlier = constant(np.tri(length, k=-1, dtype=bool))  # the other element has a smaller index
    is_before = logical_or(compared, logical_and(is_tie, broadcast_to(is_earlier, full)))
    ranks = sum(cast(is_before, "float64"), -1)  # (..., N)
    places = np.arange(length if count is None else count, dtype=np.float64)  # (count,)
    hits = equal(_row(ranks, (*x.shape[:-1], len(places), length)), constant(places[:, None]))
    return cast(sum(where(hits, constant(np.arange(length, dtype=np.float64)), 0.0), -1), "int64")


def _column(x: Node, shape: tuple[Axis, ...]) -> Node:
    """Return x (..., K) as (..., K, N), constant along the last axis."""
    return broadcast_to(reshape(x, (*x.shape, 1)), shape)


def _row(x: Node, shape: tuple[Axis, ...]) -> Node:
    """Return x (..., N) as (..., K, N), constant along the last axis but one."""
    return broadcast_to(reshape(x, (*x.shape[:-1], 1, x.shape[-1])), shape)

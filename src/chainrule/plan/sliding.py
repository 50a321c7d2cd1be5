"""Convolution as products of matrices whose rows overlap, and windows as looks at the image.

The windows of an image need not be copied apart: a window is a place in memory, and its cells lie at fixed
distances from there. So an image, padded if need be, is seen as (B, *places, *kernel, C) with strides, and
each of the three convolutions is one product over some of these axes (groups: one product each). Before the
semicolon stands what is done one after the other, then rows, columns.

Samples innermost (see ``layout``), the columns are the samples:

    Convolution        y[places; o, b]          = w[o, kernel c] windows[places; kernel c, b]
    ConvolutionInput   x[places; kernel c, b]  += w[kernel c, o] g[places; o, b]
    ConvolutionWeight  w[o, kernel c]          += the dot products of g[o, (places b)] and windows

and of a few samples, each by itself, with the channels innermost:

    Convolution        y[b; places, o]          = windows[b; places, kernel c] w[kernel c, o]
    ConvolutionInput   x[b; places, run]       += g[b; places, o] w[o, run]       for each run of the kernel
    ConvolutionWeight  w[kernel c, o]          += windows[b; kernel c, places] g[b; places, o]

A *run* is what of the kernel lies side by side in the image: its last axis with the channels. The rows of x
overlap, and each adds to what the others left there; the places are taken with the first spatial axis
fastest, so that rows which follow one another do not wait for the same numbers.

Where every channel is convolved by itself there is no sum over channels, and so no product: one loop adds up
the cells of each window, each times its weight.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product as ways
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.graph import Input, Node
from chainrule.plan.operand import End
from chainrule.plan.view import View, tapped

if TYPE_CHECKING:
    from chainrule.plan.lower import Lowering


FEW = 16  # cells of a window up to which a loop reads all of them at once
Lines = tuple[View, Sequence[int], Sequence[int], Sequence[int]]  # of a view, the axes: stack, rows, columns
Pair = tuple[View, Sequence[int], Sequence[int]]  # of a view, the axes: rows or columns, places


def multiply(low: Lowering, node: Node, a: Lines, b: Lines, c: Lines, phase: int, how: int = 0) -> None:
    """The task of products C = A B by places.

    Args:
        a, b, c: a view each with those of its axes that number the products, its rows and its columns. Where
            C has none for the products, they are added up.
        phase: in which it runs.
        how: 1: added to what is there.
    """
    (view, stack, rows, columns), (right, others, _, wide) = a, b
    lengths = [[view.shape[i] for i in axes] for axes in (rows, columns)]
    many = math.prod(view.shape[i] for i in stack) if stack else math.prod(right.shape[i] for i in others)
    shape = (many, math.prod(lengths[0]), math.prod(right.shape[i] for i in wide), math.prod(lengths[1]))

    def table(of: View, axes: Sequence[int], count: int) -> View:
        if not axes:
            return low.table(np.zeros(count, np.int64))
        return low.table(offsets([of.shape[i] for i in axes], [of.strides[i] for i in axes]))

    tables = [
        *(table(view, axes, n) for axes, n in ((stack, shape[0]), (rows, shape[1]), (columns, shape[3]))),
        *(table(right, axes, n) for axes, n in ((others, shape[0]), (b[2], shape[3]))),
        *(table(c[0], axes, n) for axes, n in ((c[1], shape[0]), (c[2], shape[1]))),
    ]
    how |= 0 if c[1] else 2
    low.add("product", (node,), (view, right, *tables), (c[0],), phase, shape=shape, how=how)


def offsets(lengths: Sequence[int], strides: Sequence[int]) -> np.ndarray:
    """How far each element lies behind the first, in order.

    Example:
        >>> offsets((2, 3), (10, 1)).tolist()
        [0, 1, 2, 10, 11, 12]
    """
    total = np.zeros(1, np.int64)
    for length, stride in zip(lengths, strides, strict=True):
        total = (total[:, None] + np.arange(length) * stride).reshape(-1)
    return total


def _op(low: Lowering, node: Node) -> Any:
    """The card, with the settings of a window."""
    return low.op(node)


def padded(low: Lowering, source: Node, op: Any, fill: float, phase: int) -> View:
    """An image with its padding, samples innermost where images lie so; one copy serves all that ask."""
    view = low.view(source, phase)
    is_padded = any(op.low) or any(op.high)
    if not is_padded and (not low.is_inner or view.strides[0] == 1):
        return view
    key = (source, op.low, op.high, fill if is_padded else None)
    if key not in low.copies:
        whole = image(low, _around(op, view.shape), source.dtype)
        for border in _borders(whole, op) if is_padded else ():
            low.fill(source, border, fill, phase)
        low.add("copy", (source,), (view,), (inside(whole, op, view.shape),), phase)
        low.copies[key] = whole
    return low.copies[key]


def _borders(whole: View, op: Any) -> Iterator[View]:
    """What of a padded image is padding: for each spatial axis what lies before and behind it."""
    for axis, (before, behind) in enumerate(zip(op.low, op.high, strict=True), 1):
        length = whole.shape[axis]
        for start, count in ((0, before), (length - behind, behind)):
            if count:
                yield part(whole, axis, start, count)


def image(low: Lowering, shape: tuple[int, ...], dtype: str) -> View:
    """Memory for an image."""
    axes = range(len(shape))
    return low.ordered(shape, dtype, (*axes[1:], 0) if low.is_inner else tuple(axes))


def inside(whole: View, op: Any, shape: tuple[int, ...]) -> View:
    """A padded image without its padding."""
    offset = sum(n * s for n, s in zip(op.low, whole.strides[1:-1], strict=True))
    return View(whole.buffer, shape, whole.strides, whole.offset + offset)


def windows(image: View, op: Any, places: Sequence[int], kernel: Sequence[int]) -> View:
    """All windows of an image as a look at it: (B, *places, *kernel, C)."""
    b, *space, c = image.strides
    steps = [s * n for s, n in zip(space, op.strides, strict=True)]
    taps = [s * n for s, n in zip(space, op.dilation, strict=True)]
    shape = (image.shape[0], *places, *kernel, image.shape[-1])
    return View(image.buffer, shape, (b, *steps, *taps, c), image.offset)


def part(view: View, axis: int, start: int, length: int) -> View:
    """Some neighbours along one axis."""
    axis %= len(view.shape)
    shape = (*view.shape[:axis], length, *view.shape[axis + 1 :])
    return View(view.buffer, shape, view.strides, view.offset + start * view.strides[axis])


def parts(groups: int, *views: tuple[View, int]) -> list[list[View]]:
    """For each group its share of each view along the axis given beside it."""
    return [
        [part(v, axis, g * (v.shape[axis] // groups), v.shape[axis] // groups) for v, axis in views]
        for g in range(groups)
    ]


def _by_output(weights: View) -> View:
    """Weights (O, *kernel, I) as (*kernel, I, O)."""
    return weights.turned((*range(1, len(weights.shape)), 0))


def prepare(low: Lowering, node: Node) -> None:
    """Turn the weights of a convolution once, before the parts of the batch, where they are needed so."""
    if node.op.name == "convolution" and isinstance(node.inputs[1].op, Input) and not low.is_inner:
        w = node.inputs[1]
        if (w, "turned") not in low.copies:
            low.copies[w, "turned"] = low.in_order(_by_output(low.view(w)), w, low.phase)


def _convolution(low: Lowering, node: Node, phase: int) -> None:
    op, (x, w) = _op(low, node), node.inputs
    y, n = low.target(node), len(w.shape) - 2
    seen = windows(padded(low, x, op, 0.0, phase), op, y.shape[1:-1], low.shape(w)[1:-1])
    places, cells = range(1, 1 + n), range(1 + n, 2 + 2 * n)
    if op.groups == y.shape[-1] == seen.shape[-1] and math.prod(seen.shape[1 + n : -1]) <= FEW:
        _by_depth(low, node, seen, low.view(w, phase), phase)
        return
    if seen.strides[0] == 1 and y.strides[0] == 1:
        for a, b, c in parts(op.groups, (low.view(w, phase), 0), (seen, -1), (y, -1)):
            left, right = (a, (), (0,), range(1, n + 2)), (b, places, cells, (0,))
            multiply(low, node, left, right, (c, places, (n + 1,), (0,)), phase)
        return
    table = low.copies.get((w, "turned")) or low.in_order(_by_output(low.view(w, phase)), w, phase)
    y = _by_channels(low, node, y)
    for a, b, c in parts(op.groups, (seen, -1), (table, -1), (y, -1)):
        left, right = (a, (0,), places, cells), (b, (), range(n + 1), (n + 1,))
        multiply(low, node, left, right, (c, (0,), places, (n + 1,)), phase)
    _bring(low, node, y, phase)


def _by_depth(low: Lowering, node: Node, seen: View, weights: View, phase: int) -> None:
    """Every channel by itself: its numbers times one weight for each cell of the window, in one loop."""
    y, n = low.target(node), len(weights.shape) - 2
    taps = list(ways(*map(range, weights.shape[1:-1])))
    sides = [tapped(weights, 1, (*tap, 0)) for tap in taps]  # (O, *kernel, 1) -> (O,)
    repeated = [View(v.buffer, y.shape, (*(0,) * (n + 1), *v.strides), v.offset) for v in sides]
    cells = [tapped(seen, 1 + n, tap) for tap in taps]  # (B, *places, *kernel, C) -> (B, *places, C)
    low.add("taps", (node,), (*cells, *repeated), (y,), phase, by="weigh")


def _by_channels(low: Lowering, node: Node, view: View) -> View:
    """Where a result with the channels side by side is written: in place, or first apart."""
    return view if view.strides[-1] == 1 else low.new(view.shape, node.dtype)


def _bring(low: Lowering, node: Node, made: View, phase: int) -> None:
    """Copy what was made apart."""
    if made != low.target(node):
        low.add("copy", (node,), (made,), (low.target(node),), phase)


def _weight(low: Lowering, node: Node, phase: int) -> None:
    op, (x, g) = _op(low, node), node.inputs
    target, numbers, n = low.target(node), low.view(g, phase), node.rank - 2
    seen = windows(padded(low, x, op, 0.0, phase), op, numbers.shape[1:-1], target.shape[1:-1])
    places, cells = range(1, 1 + n), range(1 + n, 2 + 2 * n)
    if stored(low, node) is None:
        if numbers.strides[0] != 1:
            copy = image(low, numbers.shape, g.dtype)
            low.add("copy", (g,), (numbers,), (copy,), phase)
            numbers = copy
        for a, b, c in parts(op.groups, (numbers, -1), (seen, -1), (target, 0)):
            dots(low, node, (a, (n + 1,), places), (b, cells, places), c, phase, a.shape[0])
        return
    numbers = low.in_order(numbers, g, phase)
    for a, b, c in parts(op.groups, (seen, -1), (numbers, -1), (target, 0)):
        left, right = (a, (0,), cells, places), (b, (0,), places, (n + 1,))
        multiply(low, node, left, right, (c, (), range(1, n + 2), (0,)), phase)


def dots(low: Lowering, node: Node, a: Pair, b: Pair, c: View, phase: int, k: int) -> None:
    """The task of dot products over places and, behind each place, k numbers side by side.

    Args:
        a, b: a view each with those of its axes that number the rows (of b, the columns) and the places.
        c: (rows, ..., columns), both of one stride.
    """
    (left, rows, places), (right, columns, _) = a, b
    tables = [
        low.table(offsets([view.shape[i] for i in axes], [view.strides[i] for i in axes]))
        for view, *both in (a, b)
        for axes in both
    ]
    counted = ((left, places), (left, rows), (right, columns))
    shape = (*(math.prod(view.shape[i] for i in axes) for view, axes in counted), k)
    strides = (c.strides[0], c.strides[-1])
    low.add("dots", (node,), (left, right, *tables), (c,), phase, shape=shape, strides=strides)


def _input(low: Lowering, node: Node, phase: int) -> None:
    op, (g, w) = _op(low, node), node.inputs
    weights, numbers, n = low.view(w, phase), low.view(g, phase), node.rank - 2
    shape, kernel = low.shape(node), weights.shape[1:-1]
    whole = image(low, _around(op, shape), node.dtype)
    low.fill(node, whole, 0.0, phase)
    seen = windows(whole, op, numbers.shape[1:-1], kernel)
    places, cells = range(1, 1 + n), range(1 + n, 2 + 2 * n)
    if low.is_inner:
        if numbers.strides[0] != 1:
            copy = image(low, numbers.shape, g.dtype)
            low.add("copy", (g,), (numbers,), (copy,), phase)
            numbers = copy
        for a, b, c in parts(op.groups, (weights, 0), (numbers, -1), (seen, -1)):
            left, right = (a, (), range(1, n + 2), (0,)), (b, places, (n + 1,), (0,))
            multiply(low, node, left, right, (c, places, cells, (0,)), phase, how=1)
    else:
        weights = low.in_order(weights, w, phase)  # the columns of a product lie side by side
        last = n - 1 if op.dilation[-1] == 1 and op.groups == 1 else n  # axes of the kernel outside a run
        outward = range(n, 0, -1)  # the first spatial axis fastest
        for a, b, c in parts(op.groups, (weights, 0), (numbers, -1), (seen, -1)):
            for tap in ways(*map(range, kernel[:last])):
                table, run = tapped(a, 1, tap), tapped(c, 1 + n, tap)
                left, right = (b, (0,), outward, (n + 1,)), (table, (), (0,), range(1, len(table.shape)))
                multiply(low, node, left, right, (run, (0,), outward, ()), phase, how=1)
    _hand_out(low, node, inside(whole, op, shape), phase)


def _patches(low: Lowering, node: Node, phase: int) -> None:
    op, (x,) = _op(low, node), node.inputs
    taps, shape = len(op.window), low.shape(node)
    seen = windows(padded(low, x, op, op.fill, phase), op, shape[1 : 1 + taps], op.window)
    if low.buffers[seen.buffer].origin == "input":  # which may be written over before the windows are read
        low.add("copy", (node,), (seen,), (low.target(node),), phase)
    else:
        _hand_out(low, node, seen, phase)


def _fold(low: Lowering, node: Node, phase: int) -> None:
    op, view, shape = _op(low, node), low.view(node.inputs[0], phase), low.shape(node)
    taps = len(op.window)
    whole = image(low, _around(op, shape), node.dtype)
    low.fill(node, whole, 0.0, phase)
    seen = windows(whole, op, view.shape[1 : 1 + taps], op.window)
    if all(s >= (n - 1) * d + 1 for s, n, d in zip(op.strides, op.window, op.dilation, strict=True)):
        low.add("copy", (node,), (view,), (seen,), phase)  # no two windows meet
    else:
        for tap in ways(*map(range, op.window)):
            source, target = (tapped(v, 1 + taps, tap) for v in (view, seen))
            low.add("taps", (node,), (target, source), (target,), phase, by="add")
    _hand_out(low, node, inside(whole, op, shape), phase)


def put_back(low: Lowering, node: Node, like: View, phase: int) -> End:
    """Let a loop end in windows that are put back: each number is added to the cell it was taken from.

    Args:
        low: the plan.
        node: the fold.
        like: the view in whose order the loop walks.
        phase: in which it runs.
    """
    op, shape = _op(low, node), low.shape(node)
    whole = image(low, _around(op, shape), node.dtype)
    low.fill(node, whole, 0.0, phase)
    seen = windows(whole, op, like.shape[1 : 1 + len(op.window)], op.window)
    return seen, lambda: _hand_out(low, node, inside(whole, op, shape), phase)


def _around(op: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of an image with its padding."""
    space = (n + a + b for n, a, b in zip(shape[1:-1], op.low, op.high, strict=True))
    return (shape[0], *space, shape[-1])


def _hand_out(low: Lowering, node: Node, view: View, phase: int) -> None:
    """Give a node a view of other memory; an output gets a copy of its own."""
    if node in low.outputs or node in low.views:
        low.add("copy", (node,), (view,), (low.target(node),), phase)
    else:
        low.views[node] = view


def stored(low: Lowering, node: Node) -> tuple[int, ...] | None:
    """The order of the gradient by the weights, when it is made with the outputs innermost."""
    if node.op.name == "convolution_weight" and not low.is_inner:
        return (*range(1, node.rank), 0)
    return None


RULES = {
    "convolution": _convolution,
    "convolution_weight": _weight,
    "convolution_input": _input,
    "patches": _patches,
    "fold": _fold,
}

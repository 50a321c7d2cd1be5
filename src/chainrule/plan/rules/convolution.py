"""Convolution as products of matrices whose rows overlap, and windows as looks at the image.

The windows of an image need not be copied apart: a window is a place in memory, and its cells lie at fixed
distances from there. So an image, padded if need be, is seen as (B, *places, *kernel, C) with strides, and
each of the three convolutions is one product over some of these axes (groups: one product each). Before the
semicolon stands what is done one after the other, then rows, columns.

Samples innermost (see ``layout``), the columns are the samples:

    Convolution        y[places; o, b]          = w[o, kernel c] windows[places; kernel c, b]
    ConvolutionInput   x[places; kernel c, b]  += w[kernel c, o] g[places; o, b]
    ConvolutionWeight  w[kernel; o, c]         += g[o, (places b)] windows[kernel; (places b), c]
                       (with few channels as dot products: w[o, kernel c])

and of a few samples, each by itself, with the channels innermost:

    Convolution        y[b; places, o]          = windows[b; places, kernel c] w[kernel c, o]
    ConvolutionInput   x[b; places, run]       += g[b; places, o] w[o, run]       for each run of the kernel
    ConvolutionWeight  w[kernel c, o]          += windows[b; kernel c, places] g[b; places, o]

A *run* is what of the kernel lies side by side in the image: its last axis with the channels. The rows of x
overlap, and each adds to what the others left there; the places are taken with the first spatial axis
fastest, so that rows which follow one another do not wait for the same numbers.

Where every channel is convolved by itself there is no sum over channels, and so no product (see
``depthwise``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product as ways
from typing import TYPE_CHECKING, Any

from chainrule.graph import Input, Node
from chainrule.plan.passes.fused_loop import is_elementwise
from chainrule.plan.rules import depthwise, winograd
from chainrule.plan.rules.loop_operands import End
from chainrule.plan.rules.matmul import dots, multiply
from chainrule.plan.views import View, tapped
from chainrule.records import frozen

if TYPE_CHECKING:
    from chainrule.plan.lower import Lowering


WIDE = 16  # channels from which on the gradient by the weights is a product for each cell of the kernel
FAR = 512  # numbers between two outputs of a kernel from which on reading across them is slow


def _op(low: Lowering, node: Node) -> Any:
    """The card, with the settings of a window."""
    return low.op(node)


@frozen
class Frame:
    """How much is put around an image, as the settings of a window say it."""

    low: tuple[int, ...]
    high: tuple[int, ...]


def padded(low: Lowering, source: Node, op: Any, fill: float, phase: int) -> View:
    """An image with its padding, samples innermost where images lie so; one copy serves all that ask."""
    view = low.view(source, phase)
    is_padded = any(op.low) or any(op.high)
    if not is_padded and (not low.is_inner or view.strides[0] == 1):
        return view
    key = (source, op.low, op.high, fill if is_padded else None)
    if key not in low.copies:
        whole = _around_image(low, source, op, fill if is_padded else None, phase)
        low.add("copy", (source,), (view,), (inside(whole, op, view.shape),), phase)
        low.copies[key] = whole
    return low.copies[key]


def framed(low: Lowering, source: Node, op: Any) -> View:
    """Where an image is written whose first reader wants it padded: in the middle of its padding."""
    whole = low.copies[source, op.low, op.high, 0.0] = _around_image(low, source, op, 0.0, low.phase)
    return inside(whole, op, low.shape(source))


def _around_image(low: Lowering, source: Node, op: Any, fill: float | None, phase: int) -> View:
    """Memory for an image with its padding, which is filled already."""
    whole = image(low, _around(op, low.shape(source)), source.dtype)
    if fill is not None:
        for border in _borders(whole, op):
            low.fill(source, border, fill, phase)
    return whole


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
    """What a convolution wants of others: images written where they are padded, and its weights turned once,
    before the parts of the batch, where they are needed so."""
    is_back = node.op.name == "convolution_input"
    if (is_back or node.op.name == "convolution") and depthwise.is_single(low, node):
        if isinstance(node.inputs[1].op, Input):
            _turned(low, node.inputs[1], low.phase)
        return
    if node.op.name == "convolution" and is_elementwise(node.inputs[0]) and node.inputs[0] in low.orders:
        frame = _wanted(low, node)
        if any(frame.low) or any(frame.high):
            low.frames.setdefault(node.inputs[0], frame)
    if low.joined and (is_back or node.op.name == "convolution") and isinstance(node.inputs[1].op, Input):
        w = node.inputs[1]
        if winograd.pays(low, node, _op(low, node), low.shape(w), low.shape(node)[1:-1]):
            winograd.weighed(low, node, w, low.phase, is_back)
            return
    is_turned = node.op.name == "convolution" and not low.is_inner
    is_turned |= is_back and low.is_inner and _is_far(low.shape(node.inputs[1]))
    if is_turned and isinstance(node.inputs[1].op, Input):
        _turned(low, node.inputs[1], low.phase)


def _wanted(low: Lowering, node: Node) -> Frame:
    """What a convolution wants around its image."""
    op, (x, w) = _op(low, node), node.inputs
    if winograd.pays(low, node, op, low.shape(w), low.shape(node)[1:-1]):
        return _frame(op.low, low.shape(x), winograd.reach(low.shape(node)[1:-1], 2))
    return Frame(op.low, op.high)


def _turned(low: Lowering, w: Node, phase: int) -> View:
    """Weights with the outputs innermost, copied once."""
    if (w, "turned") not in low.copies:
        low.copies[w, "turned"] = low.in_order(_by_output(low.view(w, phase)), w, phase)
    return low.copies[w, "turned"]


def _is_far(weights: Sequence[int]) -> bool:
    """Whether the outputs of a kernel lie so far apart that reading across them is slow."""
    return math.prod(weights[1:]) >= FAR


def _convolution(low: Lowering, node: Node, phase: int) -> None:
    op, (x, w) = _op(low, node), node.inputs
    if winograd.pays(low, node, op, low.shape(w), low.shape(node)[1:-1]):
        seen = padded(low, x, _wanted(low, node), 0.0, phase)
        _by_tiles(low, node, seen, winograd.weighed(low, node, w, phase), phase)
        return
    if depthwise.is_single(low, node):
        depthwise.weigh(low, node, _turned(low, w, phase), phase)
        return
    y, n = low.target(node), len(w.shape) - 2
    seen = windows(padded(low, x, op, 0.0, phase), op, y.shape[1:-1], low.shape(w)[1:-1])
    places, cells = range(1, 1 + n), range(1 + n, 2 + 2 * n)
    if seen.strides[0] == 1 and y.strides[0] == 1:
        for a, b, c in parts(op.groups, (low.view(w, phase), 0), (seen, -1), (y, -1)):
            left, right = (a, (), (0,), range(1, n + 2)), (b, places, cells, (0,))
            multiply(low, node, left, right, (c, places, (n + 1,), (0,)), phase)
        return
    table = _turned(low, w, phase)
    y = _by_channels(low, node, y)
    for a, b, c in parts(op.groups, (seen, -1), (table, -1), (y, -1)):
        left, right = (a, (0,), places, cells), (b, (), range(n + 1), (n + 1,))
        multiply(low, node, left, right, (c, (0,), places, (n + 1,)), phase)
    _bring(low, node, y, phase)


def _frame(before: Sequence[int], shape: Sequence[int], reach: Sequence[int]) -> Frame:
    """What is put around an image (B, *space, C) so that it is as large as ``reach``."""
    after = (n - b - length for n, b, length in zip(reach, before, shape[1:-1], strict=True))
    return Frame(tuple(before), tuple(after))


def _by_tiles(low: Lowering, node: Node, seen: View, weights: View, phase: int) -> None:
    """A convolution by ``winograd``, written in place where whole tiles fit and images lie so."""
    shape = low.shape(node)
    height, width = winograd.reach(shape[1:-1], 0)
    is_image = not low.is_inner or node in low.orders or node in low.views
    if (height, width) == shape[1:-1] and is_image:
        whole = low.target(node)
    else:
        whole = image(low, (shape[0], height, width, shape[-1]), node.dtype)
    winograd.convolve(low, node, seen, weights, whole, phase)
    if whole != low.views.get(node):
        _hand_out(low, node, inside(whole, Frame((0, 0), (0, 0)), shape), phase)


def _by_channels(low: Lowering, node: Node, view: View) -> View:
    """Where a result with the channels side by side is written: in place, or first apart."""
    return view if view.strides[-1] == 1 else low.new(view.shape, node.dtype)


def _bring(low: Lowering, node: Node, made: View, phase: int) -> None:
    """Copy what was made apart."""
    if made != low.target(node):
        low.add("copy", (node,), (made,), (low.target(node),), phase)


def _weight(low: Lowering, node: Node, phase: int) -> None:
    op, (x, g) = _op(low, node), node.inputs
    if winograd.pays(low, node, op, low.shape(node), low.shape(g)[1:-1]):
        _weight_by_tiles(low, node, phase)
        return
    if depthwise.is_single(low, node):
        depthwise.gradient(low, node, phase)
        return
    target, numbers, n = low.target(node), low.view(g, phase), node.rank - 2
    seen = windows(padded(low, x, op, 0.0, phase), op, numbers.shape[1:-1], target.shape[1:-1])
    places, cells = range(1, 1 + n), range(1 + n, 2 + 2 * n)
    if stored(low, node) is None:
        if numbers.strides[0] != 1:
            copy = image(low, numbers.shape, g.dtype)
            low.add("copy", (g,), (numbers,), (copy,), phase)
            numbers = copy
        for a, b, c in parts(op.groups, (numbers, -1), (seen, -1), (target, 0)):
            if b.shape[-1] < WIDE:
                dots(low, node, (a, (n + 1,), places), (b, cells, places), c, phase, a.shape[0])
                continue
            taps, sums = range(1 + n, 1 + 2 * n), (*places, 0)  # a product for each cell of the kernel
            each = View(a.buffer, (*a.shape, *(b.shape[i] for i in taps)), (*a.strides, *(0,) * n), a.offset)
            right = (b, taps, sums, (2 * n + 1,))
            multiply(
                low, node, (each, range(n + 2, 2 * n + 2), (n + 1,), sums), right,
                (c, range(1, n + 1), (0,), (n + 1,)), phase,
            )  # fmt: skip
        return
    numbers = low.in_order(numbers, g, phase)
    for a, b, c in parts(op.groups, (seen, -1), (numbers, -1), (target, 0)):
        left, right = (a, (0,), cells, places), (b, (0,), places, (n + 1,))
        multiply(low, node, left, right, (c, (), range(1, n + 2), (0,)), phase)


def _weight_by_tiles(low: Lowering, node: Node, phase: int) -> None:
    """The gradient by the weights by ``winograd``; of a part of the batch made apart, and then added."""
    op, (x, g), target = _op(low, node), node.inputs, low.target(node)
    places = low.shape(g)[1:-1]
    seen = padded(low, x, _frame(op.low, low.shape(x), winograd.reach(places, 2)), 0.0, phase)
    upstream = padded(low, g, _frame((0, 0), low.shape(g), winograd.reach(places, 0)), 0.0, phase)
    order = stored(low, node) or range(node.rank)
    made = low.ordered(target.shape, node.dtype, order) if node in low.joined else target
    winograd.weight_gradient(low, node, seen, upstream, made, phase)
    if made != target:
        size = math.prod(made.shape)
        low.add("sum", (node,), (made,), (target,), phase, lengths=(1, 1, size), strides=(0, 0, 1))


def _input(low: Lowering, node: Node, phase: int) -> None:
    op, (g, w) = _op(low, node), node.inputs
    if winograd.pays(low, node, op, low.shape(w), low.shape(node)[1:-1]) and max(*op.low, *op.high) <= 2:
        before = tuple(2 - n for n in op.low)
        frame = _frame(before, low.shape(g), winograd.reach(low.shape(node)[1:-1], 2))
        weights = winograd.weighed(low, node, w, phase, is_back=True)
        _by_tiles(low, node, padded(low, g, frame, 0.0, phase), weights, phase)
        return
    if depthwise.is_single(low, node):
        depthwise.weigh(low, node, _turned(low, w, phase), phase)
        return
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
        if _is_far(weights.shape):
            weights = _turned(low, w, phase).turned((n + 1, *range(n + 1)))
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
    if node.op.name != "convolution_weight":
        return None
    return (*range(1, node.rank), 0) if not low.is_inner or depthwise.is_single(low, node) else None


RULES = {
    "convolution": _convolution,
    "convolution_weight": _weight,
    "convolution_input": _input,
    "patches": _patches,
    "fold": _fold,
}

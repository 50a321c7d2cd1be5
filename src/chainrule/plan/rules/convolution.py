"""Convolution as matrix products with overlapping rows, and windows as views of the image.

The windows of an image are not copied: a window is an address, and its cells are at fixed distances from it.
An image, padded if necessary, is viewed as (B, *positions, *kernel, C) with strides, and each of the three
convolutions is one product over some of these axes (for groups, one product each). Axes before the semicolon
number the products; then rows, columns.

With samples innermost (see ``axis_layout``), the columns are the samples:

    Convolution        y[positions; o, b]          = w[o, kernel c] windows[positions; kernel c, b]
    ConvolutionInput   x[positions; kernel c, b]  += w[kernel c, o] g[positions; o, b]
    ConvolutionWeight  w[kernel; o, c]            += g[o, (positions b)] windows[kernel; (positions b), c]
                       (with few channels as dot products: w[o, kernel c])

and for a few samples, each by itself, with the channels innermost:

    Convolution        y[b; positions, o]          = windows[b; positions, kernel c] w[kernel c, o]
    ConvolutionInput   x[b; positions, run]       += g[b; positions, o] w[o, run]     for each run of w
    ConvolutionWeight  w[kernel c, o]             += windows[b; kernel c, positions] g[b; positions, o]

A *run* is the part of the kernel that is contiguous in the image: its last axis with the channels. The rows
of x overlap, and each adds to what the others have written; positions are processed with the first spatial
axis fastest, so that consecutive rows do not wait for the same numbers.

If every channel is convolved by itself, there is no sum over channels and no matrix product (see
``depthwise``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any

from chainrule.graph import Input, Node
from chainrule.plan.lowering_context import Lowering
from chainrule.plan.passes.elementwise_fusion import is_elementwise
from chainrule.plan.rules import depthwise, winograd
from chainrule.plan.rules.image_padding import crop_padding, image, padded, padded_shape, padding_to
from chainrule.plan.rules.matmul import dot_products, multiply
from chainrule.plan.rules.reduction import FoldResult
from chainrule.plan.views import Padding, View, sub_view, window_cell

MIN_GEMM_CHANNELS = 16  # from which on the weight gradient is a matrix product for each cell of the kernel
MIN_FAR_STRIDE = 512  # numbers between two outputs of a kernel, from which on reading across them is slow


def _op(lowering: Lowering, node: Node) -> Any:
    """Return the card, which holds the settings of a window."""
    return lowering.op(node)


def windows(image: View, op: Any, positions: Sequence[int], kernel: Sequence[int]) -> View:
    """Return the view of all windows of an image: (B, *positions, *kernel, C)."""
    b, *space, c = image.strides
    steps = [s * n for s, n in zip(space, op.strides, strict=True)]
    taps = [s * n for s, n in zip(space, op.dilation, strict=True)]
    shape = (image.shape[0], *positions, *kernel, image.shape[-1])
    return View(image.buffer, shape, (b, *steps, *taps, c), image.offset)


def groups_of(groups: int, *views: tuple[View, int]) -> list[list[View]]:
    """Return for each group its slice of each view along the given axis."""
    return [
        [sub_view(v, axis, g * (v.shape[axis] // groups), v.shape[axis] // groups) for v, axis in views]
        for g in range(groups)
    ]


def _by_output(weights: View) -> View:
    """Return weights (O, *kernel, I) as (*kernel, I, O)."""
    return weights.transposed((*range(1, len(weights.shape)), 0))


def prepare(lowering: Lowering, node: Node) -> None:
    """Prepare a convolution: padded targets for its image, weights transposed before the microbatches."""
    is_back = node.op.name == "convolution_input"
    if (is_back or node.op.name == "convolution") and depthwise.is_depthwise(lowering, node):
        if isinstance(node.inputs[1].op, Input):
            _transposed_weights(lowering, node.inputs[1], lowering.phase)
        return
    if (
        node.op.name == "convolution"
        and is_elementwise(node.inputs[0])
        and node.inputs[0] in lowering.axis_orders
    ):
        padding = _required_padding(lowering, node)
        if any(padding.low) or any(padding.high):
            lowering.paddings.setdefault(node.inputs[0], padding)
    if (
        lowering.summed
        and (is_back or node.op.name == "convolution")
        and isinstance(node.inputs[1].op, Input)
    ):
        w = node.inputs[1]
        if winograd.is_worth_it(
            lowering, node, _op(lowering, node), lowering.shape(w), lowering.shape(node)[1:-1]
        ):
            winograd.transformed_weights(lowering, node, w, lowering.phase, is_back)
            return
    needs_transpose = node.op.name == "convolution" and not lowering.is_inner
    needs_transpose |= is_back and lowering.is_inner and _has_far_outputs(lowering.shape(node.inputs[1]))
    if needs_transpose and isinstance(node.inputs[1].op, Input):
        _transposed_weights(lowering, node.inputs[1], lowering.phase)


def _required_padding(lowering: Lowering, node: Node) -> Padding:
    """Return the padding that a convolution requires around its image."""
    op, (x, w) = _op(lowering, node), node.inputs
    if winograd.is_worth_it(lowering, node, op, lowering.shape(w), lowering.shape(node)[1:-1]):
        return padding_to(op.low, lowering.shape(x), winograd.tiled_size(lowering.shape(node)[1:-1], 2))
    return Padding(op.low, op.high)


def _transposed_weights(lowering: Lowering, w: Node, phase: int) -> View:
    """Return weights with the outputs innermost, copied once."""
    if (w, "transposed") not in lowering.copies:
        lowering.copies[w, "transposed"] = lowering.in_order(_by_output(lowering.view(w, phase)), w, phase)
    return lowering.copies[w, "transposed"]


def _has_far_outputs(weights: Sequence[int]) -> bool:
    """Return whether the outputs of a kernel are so far apart in memory that reading across them is slow."""
    return math.prod(weights[1:]) >= MIN_FAR_STRIDE


def _convolution(lowering: Lowering, node: Node, phase: int) -> None:
    op, (x, w) = _op(lowering, node), node.inputs
    if winograd.is_worth_it(lowering, node, op, lowering.shape(w), lowering.shape(node)[1:-1]):
        image_windows = padded(lowering, x, _required_padding(lowering, node), 0.0, phase)
        _winograd(
            lowering, node, image_windows, winograd.transformed_weights(lowering, node, w, phase), phase
        )
        return
    if depthwise.is_depthwise(lowering, node):
        depthwise.lower_sums(lowering, node, _transposed_weights(lowering, w, phase), phase)
        return
    y, n = lowering.target(node), len(w.shape) - 2
    image_windows = windows(padded(lowering, x, op, 0.0, phase), op, y.shape[1:-1], lowering.shape(w)[1:-1])
    positions, cells = range(1, 1 + n), range(1 + n, 2 + 2 * n)
    if image_windows.strides[0] == 1 and y.strides[0] == 1:
        for a, b, c in groups_of(op.groups, (lowering.view(w, phase), 0), (image_windows, -1), (y, -1)):
            left, right = (a, (), (0,), range(1, n + 2)), (b, positions, cells, (0,))
            multiply(lowering, node, left, right, (c, positions, (n + 1,), (0,)), phase)
        return
    table = _transposed_weights(lowering, w, phase)
    y = _contiguous_target(lowering, node, y)
    for a, b, c in groups_of(op.groups, (image_windows, -1), (table, -1), (y, -1)):
        left, right = (a, (0,), positions, cells), (b, (), range(n + 1), (n + 1,))
        multiply(lowering, node, left, right, (c, (0,), positions, (n + 1,)), phase)
    _copy_to_target(lowering, node, y, phase)


def _winograd(lowering: Lowering, node: Node, padded_image: View, weights: View, phase: int) -> None:
    """Lower a convolution by ``winograd``, in place if full tiles fit and the layout is that of images."""
    shape = lowering.shape(node)
    height, width = winograd.tiled_size(shape[1:-1], 0)
    is_image = not lowering.is_inner or node in lowering.axis_orders or node in lowering.views
    if (height, width) == shape[1:-1] and is_image:
        result = lowering.target(node)
    else:
        result = image(lowering, (shape[0], height, width, shape[-1]), node.dtype)
    winograd.convolve(lowering, node, padded_image, weights, result, phase)
    if result != lowering.views.get(node):
        _set_view(lowering, node, crop_padding(result, Padding((0, 0), (0, 0)), shape), phase)


def _contiguous_target(lowering: Lowering, node: Node, view: View) -> View:
    """Return the view that a result with contiguous channels is written to: the target, or new memory."""
    return view if view.strides[-1] == 1 else lowering.new(view.shape, node.dtype)


def _copy_to_target(lowering: Lowering, node: Node, result: View, phase: int) -> None:
    """Copy a result that was written to other memory."""
    if result != lowering.target(node):
        lowering.add("copy", (node,), (result,), (lowering.target(node),), phase)


def _weight(lowering: Lowering, node: Node, phase: int) -> None:
    op, (x, g) = _op(lowering, node), node.inputs
    if winograd.is_worth_it(lowering, node, op, lowering.shape(node), lowering.shape(g)[1:-1]):
        _winograd_weight_gradient(lowering, node, phase)
        return
    if depthwise.is_depthwise(lowering, node):
        depthwise.lower_weight_gradient(lowering, node, phase)
        return
    target, gradients, n = lowering.target(node), lowering.view(g, phase), node.rank - 2
    image_windows = windows(
        padded(lowering, x, op, 0.0, phase), op, gradients.shape[1:-1], target.shape[1:-1]
    )
    positions, cells = range(1, 1 + n), range(1 + n, 2 + 2 * n)
    if axis_order(lowering, node) is None:
        if gradients.strides[0] != 1:
            copy = image(lowering, gradients.shape, g.dtype)
            lowering.add("copy", (g,), (gradients,), (copy,), phase)
            gradients = copy
        for a, b, c in groups_of(op.groups, (gradients, -1), (image_windows, -1), (target, 0)):
            if b.shape[-1] < MIN_GEMM_CHANNELS:
                dot_products(
                    lowering, node, (a, (n + 1,), positions), (b, cells, positions), c, phase, a.shape[0]
                )
                continue
            taps, sums = range(1 + n, 1 + 2 * n), (*positions, 0)  # a product for each cell of the kernel
            repeated = View(
                a.buffer, (*a.shape, *(b.shape[i] for i in taps)), (*a.strides, *(0,) * n), a.offset
            )
            left, right = (repeated, range(n + 2, 2 * n + 2), (n + 1,), sums), (b, taps, sums, (2 * n + 1,))
            multiply(lowering, node, left, right, (c, range(1, n + 1), (0,), (n + 1,)), phase)
        return
    gradients = lowering.in_order(gradients, g, phase)
    for a, b, c in groups_of(op.groups, (image_windows, -1), (gradients, -1), (target, 0)):
        left, right = (a, (0,), cells, positions), (b, (0,), positions, (n + 1,))
        multiply(lowering, node, left, right, (c, (), range(1, n + 2), (0,)), phase)


def _winograd_weight_gradient(lowering: Lowering, node: Node, phase: int) -> None:
    """Lower the weight gradient by ``winograd``; of a microbatch it is computed separately and then added."""
    op, (x, g), target = _op(lowering, node), node.inputs, lowering.target(node)
    positions = lowering.shape(g)[1:-1]
    padded_image = padded(
        lowering, x, padding_to(op.low, lowering.shape(x), winograd.tiled_size(positions, 2)), 0.0, phase
    )
    upstream = padded(
        lowering, g, padding_to((0, 0), lowering.shape(g), winograd.tiled_size(positions, 0)), 0.0, phase
    )
    order = axis_order(lowering, node) or range(node.rank)
    result = lowering.ordered(target.shape, node.dtype, order) if node in lowering.summed else target
    winograd.weight_gradient(lowering, node, padded_image, upstream, result, phase)
    if result != target:
        size = math.prod(result.shape)
        lowering.add("sum", (node,), (result,), (target,), phase, lengths=(1, 1, size), strides=(0, 0, 1))


def _input(lowering: Lowering, node: Node, phase: int) -> None:
    op, (g, w) = _op(lowering, node), node.inputs
    if (
        winograd.is_worth_it(lowering, node, op, lowering.shape(w), lowering.shape(node)[1:-1])
        and max(*op.low, *op.high) <= 2
    ):
        before = tuple(2 - n for n in op.low)
        padding = padding_to(before, lowering.shape(g), winograd.tiled_size(lowering.shape(node)[1:-1], 2))
        weights = winograd.transformed_weights(lowering, node, w, phase, is_back=True)
        _winograd(lowering, node, padded(lowering, g, padding, 0.0, phase), weights, phase)
        return
    if depthwise.is_depthwise(lowering, node):
        depthwise.lower_sums(lowering, node, _transposed_weights(lowering, w, phase), phase)
        return
    weights, gradients, n = lowering.view(w, phase), lowering.view(g, phase), node.rank - 2
    shape, kernel = lowering.shape(node), weights.shape[1:-1]
    image_with_padding = image(lowering, padded_shape(op, shape), node.dtype)
    lowering.fill(node, image_with_padding, 0.0, phase)
    image_windows = windows(image_with_padding, op, gradients.shape[1:-1], kernel)
    positions, cells = range(1, 1 + n), range(1 + n, 2 + 2 * n)
    if lowering.is_inner:
        if gradients.strides[0] != 1:
            copy = image(lowering, gradients.shape, g.dtype)
            lowering.add("copy", (g,), (gradients,), (copy,), phase)
            gradients = copy
        if _has_far_outputs(weights.shape):
            weights = _transposed_weights(lowering, w, phase).transposed((n + 1, *range(n + 1)))
        for a, b, c in groups_of(op.groups, (weights, 0), (gradients, -1), (image_windows, -1)):
            left, right = (a, (), range(1, n + 2), (0,)), (b, positions, (n + 1,), (0,))
            multiply(lowering, node, left, right, (c, positions, cells, (0,)), phase, mode=1)
    else:
        weights = lowering.in_order(weights, w, phase)  # the columns of a product are contiguous
        last = n - 1 if op.dilation[-1] == 1 and op.groups == 1 else n  # axes of the kernel outside a run
        outward = range(n, 0, -1)  # the first spatial axis fastest
        for a, b, c in groups_of(op.groups, (weights, 0), (gradients, -1), (image_windows, -1)):
            for tap in product(*map(range, kernel[:last])):
                table, run = window_cell(a, 1, tap), window_cell(c, 1 + n, tap)
                left, right = (b, (0,), outward, (n + 1,)), (table, (), (0,), range(1, len(table.shape)))
                multiply(lowering, node, left, right, (run, (0,), outward, ()), phase, mode=1)
    _set_view(lowering, node, crop_padding(image_with_padding, op, shape), phase)


def _patches(lowering: Lowering, node: Node, phase: int) -> None:
    op, (x,) = _op(lowering, node), node.inputs
    taps, shape = len(op.window), lowering.shape(node)
    image_windows = windows(padded(lowering, x, op, op.fill, phase), op, shape[1 : 1 + taps], op.window)
    if (
        lowering.buffers[image_windows.buffer].origin == "input"
    ):  # which may be overwritten before the windows are read
        lowering.add("copy", (node,), (image_windows,), (lowering.target(node),), phase)
    else:
        _set_view(lowering, node, image_windows, phase)


def _fold(lowering: Lowering, node: Node, phase: int) -> None:
    op, view, shape = _op(lowering, node), lowering.view(node.inputs[0], phase), lowering.shape(node)
    taps = len(op.window)
    image_with_padding = image(lowering, padded_shape(op, shape), node.dtype)
    lowering.fill(node, image_with_padding, 0.0, phase)
    image_windows = windows(image_with_padding, op, view.shape[1 : 1 + taps], op.window)
    if all(s >= (n - 1) * d + 1 for s, n, d in zip(op.strides, op.window, op.dilation, strict=True)):
        lowering.add("copy", (node,), (view,), (image_windows,), phase)  # no two windows overlap
    else:
        for tap in product(*map(range, op.window)):
            source, target = (window_cell(v, 1 + taps, tap) for v in (view, image_windows))
            lowering.add("combine", (node,), (target, source), (target,), phase, by="add")
    _set_view(lowering, node, crop_padding(image_with_padding, op, shape), phase)


def lower_fold(lowering: Lowering, node: Node, like: View, phase: int) -> FoldResult:
    """End a loop in a fold of windows: each number is added to the cell that it was taken from.

    Args:
        like: the view in whose memory order the loop iterates.
    """
    op, shape = _op(lowering, node), lowering.shape(node)
    image_with_padding = image(lowering, padded_shape(op, shape), node.dtype)
    lowering.fill(node, image_with_padding, 0.0, phase)
    image_windows = windows(image_with_padding, op, like.shape[1 : 1 + len(op.window)], op.window)
    return image_windows, lambda: _set_view(
        lowering, node, crop_padding(image_with_padding, op, shape), phase
    )


def _set_view(lowering: Lowering, node: Node, view: View, phase: int) -> None:
    """Set the view of a node to other memory; an output is copied."""
    if node in lowering.outputs or node in lowering.views:
        lowering.add("copy", (node,), (view,), (lowering.target(node),), phase)
    else:
        lowering.views[node] = view


def axis_order(lowering: Lowering, node: Node) -> tuple[int, ...] | None:
    """Return the memory order of the weight gradient, if it is computed with the outputs innermost."""
    if node.op.name != "convolution_weight":
        return None
    return (
        (*range(1, node.rank), 0) if not lowering.is_inner or depthwise.is_depthwise(lowering, node) else None
    )


RULES = {
    "convolution": _convolution,
    "convolution_weight": _weight,
    "convolution_input": _input,
    "patches": _patches,
    "fold": _fold,
}

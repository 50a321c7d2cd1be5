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

If every channel is convolved by itself, there is no sum over channels and no matrix product: depthwise
convolution.

    Convolution        y[position, c]  = sum over cells      w[c, cell] x[input of position and cell, c]
    ConvolutionInput   x[position, c]  = sum over cells      w[c, cell] g[output that reads it by the cell, c]
    ConvolutionWeight  w[c, cell]     += sum over positions  g[position, c] x[input of position and cell, c]

The input positions come from tables, one for each axis; a cell may have none: beyond the edge, or between two
strides. The tables of all axes but the last are combined into one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from chainrule.graph import Input, Node
from chainrule.ops.linear.bfloat16 import has_rounded_factors
from chainrule.plan.lowering_context import Lowering
from chainrule.plan.passes.elementwise_fusion import is_elementwise
from chainrule.plan.rules import winograd
from chainrule.plan.rules.matmul import Factor, dot_products, multiply, offsets
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


def _multiply(
    lowering: Lowering, node: Node, a: Factor, b: Factor, c: Factor, phase: int, mode: int = 0
) -> None:
    """Add the task of the products of a convolution; see ``multiply``."""
    multiply(lowering, node, a, b, c, phase, mode, is_rounded=has_rounded_factors(node))


def _by_output(weights: View) -> View:
    """Return weights (O, *kernel, I) as (*kernel, I, O)."""
    return weights.transposed((*range(1, len(weights.shape)), 0))


def prepare(lowering: Lowering, node: Node) -> None:
    """Prepare a convolution: padded targets for its image, weights transposed before the microbatches."""
    is_back = node.op.name == "convolution_input"
    if (is_back or node.op.name == "convolution") and is_depthwise(lowering, node):
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
    if is_depthwise(lowering, node):
        lower_sums(lowering, node, _transposed_weights(lowering, w, phase), phase)
        return
    y, n = lowering.target(node), len(w.shape) - 2
    image_windows = windows(padded(lowering, x, op, 0.0, phase), op, y.shape[1:-1], lowering.shape(w)[1:-1])
    positions, cells = range(1, 1 + n), range(1 + n, 2 + 2 * n)
    if image_windows.strides[0] == 1 and y.strides[0] == 1:
        for a, b, c in groups_of(op.groups, (lowering.view(w, phase), 0), (image_windows, -1), (y, -1)):
            left, right = (a, (), (0,), range(1, n + 2)), (b, positions, cells, (0,))
            _multiply(lowering, node, left, right, (c, positions, (n + 1,), (0,)), phase)
        return
    table = _transposed_weights(lowering, w, phase)
    y = _contiguous_target(lowering, node, y)
    for a, b, c in groups_of(op.groups, (image_windows, -1), (table, -1), (y, -1)):
        left, right = (a, (0,), positions, cells), (b, (), range(n + 1), (n + 1,))
        _multiply(lowering, node, left, right, (c, (0,), positions, (n + 1,)), phase)
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
    if is_depthwise(lowering, node):
        lower_weight_gradient(lowering, node, phase)
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
            _multiply(lowering, node, left, right, (c, range(1, n + 1), (0,), (n + 1,)), phase)
        return
    gradients = lowering.in_order(gradients, g, phase)
    for a, b, c in groups_of(op.groups, (image_windows, -1), (gradients, -1), (target, 0)):
        left, right = (a, (0,), cells, positions), (b, (0,), positions, (n + 1,))
        _multiply(lowering, node, left, right, (c, (), range(1, n + 2), (0,)), phase)


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
    if is_depthwise(lowering, node):
        lower_sums(lowering, node, _transposed_weights(lowering, w, phase), phase)
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
            _multiply(lowering, node, left, right, (c, positions, cells, (0,)), phase, mode=1)
    else:
        weights = lowering.in_order(weights, w, phase)  # the columns of a product are contiguous
        last = n - 1 if op.dilation[-1] == 1 and op.groups == 1 else n  # axes of the kernel outside a run
        outward = range(n, 0, -1)  # the first spatial axis fastest
        for a, b, c in groups_of(op.groups, (weights, 0), (gradients, -1), (image_windows, -1)):
            for tap in product(*map(range, kernel[:last])):
                table, run = window_cell(a, 1, tap), window_cell(c, 1 + n, tap)
                left, right = (b, (0,), outward, (n + 1,)), (table, (), (0,), range(1, len(table.shape)))
                _multiply(lowering, node, left, right, (run, (0,), outward, ()), phase, mode=1)
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
    return (*range(1, node.rank), 0) if not lowering.is_inner or is_depthwise(lowering, node) else None


RULES = {
    "convolution": _convolution,
    "convolution_weight": _weight,
    "convolution_input": _input,
    "patches": _patches,
    "fold": _fold,
}


MAX_CELLS = 64  # of a window
NONE = -(1 << 40)  # table entry of a cell without input


def is_depthwise(lowering: Lowering, node: Node) -> bool:
    """Return whether a convolution, or its gradient, has one kernel of few cells for every channel."""
    direction, (x, w) = node.op.name.removeprefix("convolution"), node.inputs
    image, weights = (
        lowering.shape(node if direction == "_input" else x),
        lowering.shape(node if direction == "_weight" else w),
    )
    op: Any = lowering.op(node)
    return op.groups == weights[0] == image[-1] > 1 and math.prod(weights[1:]) <= MAX_CELLS


def lower_sums(lowering: Lowering, node: Node, weights: View, phase: int) -> None:
    """Add the tasks of the forward convolution or of its input gradient.

    Args:
        node: a convolution or the gradient with respect to its image.
        weights: (*kernel, 1, C), contiguous.
    """
    x = _contiguous(lowering, node.inputs[0], phase)
    op, shape, kernel = lowering.op(node), lowering.shape(node), weights.shape[:-2]
    y = lowering.target(node)
    result = y if _is_contiguous(lowering, y) else _image(lowering, shape, node.dtype)
    lengths = list(zip(shape[1:-1], x.shape[1:-1], kernel, strict=True))
    positions_of = _output_positions if node.op.name == "convolution_input" else _input_positions
    positions = [positions_of(op, axis, *of) for axis, of in enumerate(lengths)]
    reads = (x, weights, *_tables(lowering, positions, x), _rows(lowering, result), _zeros(lowering, x))
    facts = {"taps": math.prod(kernel), "cells": kernel[-1], "moves": _moves(positions[-1])}
    lowering.add("depthwise", (node,), reads, (result,), phase, is_inner=lowering.is_inner, **facts)
    if result != y:
        lowering.add("copy", (node,), (result,), (y,), phase)


def lower_weight_gradient(lowering: Lowering, node: Node, phase: int) -> None:
    """Add the tasks of the weight gradient: for each channel (and sample, if samples are innermost), then
    summed.

    Args:
        node: the gradient, stored as (*kernel, 1, C).
    """
    x, g = (_contiguous(lowering, source, phase) for source in node.inputs)
    op, kernel, target = lowering.op(node), lowering.shape(node)[1:-1], lowering.target(node)
    lengths = list(zip(g.shape[1:-1], x.shape[1:-1], kernel, strict=True))
    positions = [_input_positions(op, axis, *source) for axis, source in enumerate(lengths)]
    taps, side = math.prod(kernel), g.shape[0] if lowering.is_inner else 1
    sums = lowering.new((taps, g.shape[-1], side), node.dtype)
    lowering.fill(node, sums, 0.0, phase)
    reads = (x, g, *_tables(lowering, positions, x), _rows(lowering, g), _zeros(lowering, x))
    lowering.add("depthwise_gradient", (node,), reads, (sums,), phase, taps=taps, is_inner=lowering.is_inner)
    count = taps * g.shape[-1]
    lowering.add("sum", (node,), (sums,), (target,), phase, lengths=(count, side, 1), strides=(side, 1, 0))


def _contiguous(lowering: Lowering, node: Node, phase: int) -> View:
    """Return a value with a sample's channels, or a channel's samples, contiguous; copied if necessary."""
    view = lowering.view(node, phase)
    if _is_contiguous(lowering, view):
        return view
    if (node, "contiguous") not in lowering.copies:
        copy = lowering.copies[node, "contiguous"] = _image(lowering, view.shape, node.dtype)
        lowering.add("copy", (node,), (view,), (copy,), phase)
    return lowering.copies[node, "contiguous"]


def _is_contiguous(lowering: Lowering, view: View) -> bool:
    if lowering.is_inner:
        return view.strides[0] == 1 and view.strides[-1] == view.shape[0]
    return view.strides[-1] == 1


def _image(lowering: Lowering, shape: Sequence[int], dtype: str) -> View:
    axes = range(len(shape))
    return lowering.ordered(shape, dtype, (*axes[1:], 0) if lowering.is_inner else tuple(axes))


def _input_positions(op: Any, axis: int, outputs: int, length: int, cells: int) -> np.ndarray:
    """Return for each output position of an axis and each cell of the kernel the input position, or -1."""
    positions = np.arange(outputs)[:, None] * op.strides[axis] - op.low[axis]
    positions = positions + np.arange(cells) * op.dilation[axis]
    return np.where((positions >= 0) & (positions < length), positions, -1)


def _output_positions(op: Any, axis: int, length: int, outputs: int, cells: int) -> np.ndarray:
    """Return for each input position and each cell of the kernel the output position that reads it, or -1."""
    offsets = np.arange(length)[:, None] + op.low[axis] - np.arange(cells) * op.dilation[axis]
    positions, rest = np.divmod(offsets, op.strides[axis])
    return np.where((rest == 0) & (positions >= 0) & (positions < outputs), positions, -1)


def _moves(positions: np.ndarray) -> int:
    """Return by how many cells a window is shifted against the previous one if they share cells; else 0."""
    if np.array_equal(positions[1:, :-1], positions[:-1, 1:]):
        return 1
    return -1 if np.array_equal(positions[1:, 1:], positions[:-1, :-1]) else 0


def _tables(lowering: Lowering, positions: Sequence[np.ndarray], x: View) -> tuple[View, View]:
    """Return the offsets read, (positions, taps): of all axes but the last together, and of the last."""
    *outer, last = (
        np.where(axis_positions < 0, NONE, axis_positions * stride)
        for axis_positions, stride in zip(positions, x.strides[1:-1], strict=True)
    )
    taps = list(product(*(range(axis_positions.shape[1]) for axis_positions in positions)))
    rows = np.zeros((1, len(taps)), np.int64)
    for axis, axis_positions in enumerate(outer):
        rows = rows[:, None, :] + axis_positions[:, [tap[axis] for tap in taps]]
        rows = rows.reshape(-1, len(taps))
    columns = last[:, [tap[-1] for tap in taps]]
    return lowering.table(rows), lowering.table(columns)


def _rows(lowering: Lowering, view: View) -> View:
    """Return the offset of each row of positions from the first."""
    return lowering.table(offsets(view.shape[1:-2], view.strides[1:-2]))


def _zeros(lowering: Lowering, x: View) -> View:
    """Return the zeros that are read by a cell without input."""
    side = x.shape[0] if lowering.is_inner else 1
    return lowering.table(np.zeros(side * x.shape[-1], lowering.buffers[x.buffer].dtype))


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

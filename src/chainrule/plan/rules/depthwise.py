"""Depthwise convolution: every channel is convolved by itself, without a sum over channels or a matrix
product.

    Convolution        y[position, c]  = sum over cells      w[c, cell] x[input of position and cell, c]
    ConvolutionInput   x[position, c]  = sum over cells      w[c, cell] g[output that reads it by the cell, c]
    ConvolutionWeight  w[c, cell]     += sum over positions  g[position, c] x[input of position and cell, c]

The input positions come from tables, one for each axis; a cell may have none: beyond the edge, or between two
strides. The tables of all axes but the last are combined into one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from chainrule.graph import Node
from chainrule.plan.lowering_context import Lowering
from chainrule.plan.rules.matmul import offsets
from chainrule.plan.views import View

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

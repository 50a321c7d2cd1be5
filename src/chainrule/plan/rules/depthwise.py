"""Convolution where every channel is convolved by itself: no product of matrices, for there is no sum over
channels.

    Convolution        y[places, c]  = sum over the kernel  w[c, kernel] x[place of the kernel's cell, c]
    ConvolutionInput   x[places, c]  = sum over the kernel  w[c, kernel] g[place that read it by this cell, c]
    ConvolutionWeight  w[c, kernel] += sum over the places  g[place, c] x[place of the kernel's cell, c]

Where what is read lies follows from tables, one for each axis; a place may have nothing to read by a cell:
beyond the edge, or between two steps. The tables of all axes but the last are made one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import product as ways
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.graph import Node
from chainrule.plan.rules.matmul import offsets
from chainrule.plan.views import View

if TYPE_CHECKING:
    from chainrule.plan.lower import Lowering

MOST = 64  # cells of a window
NONE = -(1 << 40)  # in a table: there is nothing to read
Places = Callable[[int], np.ndarray]  # of an axis: for each place and each cell what is read, -1: nothing


def is_single(low: Lowering, node: Node) -> bool:
    """Whether a convolution, or a way back of one, has one kernel for every channel, of few cells."""
    back, (x, w) = node.op.name.removeprefix("convolution"), node.inputs
    image, weights = low.shape(node if back == "_input" else x), low.shape(node if back == "_weight" else w)
    op: Any = low.op(node)
    return op.groups == weights[0] == image[-1] > 1 and math.prod(weights[1:]) <= MOST


def weigh(low: Lowering, node: Node, weights: View, phase: int) -> None:
    """The numbers that each place reads, each times its weight, added up.

    Args:
        low: the plan.
        node: what is computed: a convolution or, on the way back, the gradient by its image.
        weights: (*kernel, 1, C), in order.
        phase: in which it runs.
    """
    x = _near(low, node.inputs[0], phase)
    op, shape, kernel = low.op(node), low.shape(node), weights.shape[:-2]
    y = low.target(node)
    made = y if _is_near(low, y) else _image(low, shape, node.dtype)
    lengths = list(zip(shape[1:-1], x.shape[1:-1], kernel, strict=True))
    read = _read_back if node.op.name == "convolution_input" else _read
    found = [read(op, axis, *of) for axis, of in enumerate(lengths)]
    reads = (x, weights, *_tables(low, found, x), _rows(low, made), _zeros(low, x))
    facts = {"taps": math.prod(kernel), "cells": kernel[-1], "moves": _moves(found[-1])}
    low.add("weigh", (node,), reads, (made,), phase, is_inner=low.is_inner, **facts)
    if made != y:
        low.add("copy", (node,), (made,), (y,), phase)


def gradient(low: Lowering, node: Node, phase: int) -> None:
    """The gradient by the weights: for each channel and, where these lie innermost, each sample, then of all.

    Args:
        low: the plan.
        node: what is computed, stored as (*kernel, 1, C).
        phase: in which it runs.
    """
    x, g = (_near(low, of, phase) for of in node.inputs)
    op, kernel, target = low.op(node), low.shape(node)[1:-1], low.target(node)
    lengths = list(zip(g.shape[1:-1], x.shape[1:-1], kernel, strict=True))
    found = [_read(op, axis, *of) for axis, of in enumerate(lengths)]
    taps, side = math.prod(kernel), g.shape[0] if low.is_inner else 1
    sums = low.new((taps, g.shape[-1], side), node.dtype)
    low.fill(node, sums, 0.0, phase)
    reads = (x, g, *_tables(low, found, x), _rows(low, g), _zeros(low, x))
    low.add("weigh_back", (node,), reads, (sums,), phase, taps=taps, is_inner=low.is_inner)
    many = taps * g.shape[-1]
    low.add("sum", (node,), (sums,), (target,), phase, lengths=(many, side, 1), strides=(side, 1, 0))


def _near(low: Lowering, node: Node, phase: int) -> View:
    """A value with a sample's channels, or a channel's samples, side by side; copied if need be."""
    view = low.view(node, phase)
    if _is_near(low, view):
        return view
    if (node, "near") not in low.copies:
        copy = low.copies[node, "near"] = _image(low, view.shape, node.dtype)
        low.add("copy", (node,), (view,), (copy,), phase)
    return low.copies[node, "near"]


def _is_near(low: Lowering, view: View) -> bool:
    if low.is_inner:
        return view.strides[0] == 1 and view.strides[-1] == view.shape[0]
    return view.strides[-1] == 1


def _image(low: Lowering, shape: Sequence[int], dtype: str) -> View:
    axes = range(len(shape))
    return low.ordered(shape, dtype, (*axes[1:], 0) if low.is_inner else tuple(axes))


def _read(op: Any, axis: int, places: int, length: int, cells: int) -> np.ndarray:
    """For each place of an axis and each cell of the kernel, which place of the image it reads, -1: none."""
    at = np.arange(places)[:, None] * op.strides[axis] - op.low[axis]
    at = at + np.arange(cells) * op.dilation[axis]
    return np.where((at >= 0) & (at < length), at, -1)


def _read_back(op: Any, axis: int, length: int, places: int, cells: int) -> np.ndarray:
    """For each place of the image and each cell of the kernel, which place read it by this cell, -1: none."""
    at = np.arange(length)[:, None] + op.low[axis] - np.arange(cells) * op.dilation[axis]
    place, rest = np.divmod(at, op.strides[axis])
    return np.where((rest == 0) & (place >= 0) & (place < places), place, -1)


def _moves(read: np.ndarray) -> int:
    """By how many cells a window is moved against the one before, if it reads the same places; else 0."""
    if np.array_equal(read[1:, :-1], read[:-1, 1:]):
        return 1
    return -1 if np.array_equal(read[1:, 1:], read[:-1, :-1]) else 0


def _tables(low: Lowering, found: Sequence[np.ndarray], x: View) -> tuple[View, View]:
    """How far what is read lies: of all axes but the last together, and of the last; (places, taps) each."""
    *outer, last = (
        np.where(of < 0, NONE, of * stride) for of, stride in zip(found, x.strides[1:-1], strict=True)
    )
    taps = list(ways(*(range(of.shape[1]) for of in found)))
    rows = np.zeros((1, len(taps)), np.int64)
    for axis, of in enumerate(outer):
        rows = rows[:, None, :] + of[:, [tap[axis] for tap in taps]]
        rows = rows.reshape(-1, len(taps))
    columns = last[:, [tap[-1] for tap in taps]]
    return low.table(rows), low.table(columns)


def _rows(low: Lowering, view: View) -> View:
    """How far each row of places lies behind the first."""
    return low.table(offsets(view.shape[1:-2], view.strides[1:-2]))


def _zeros(low: Lowering, x: View) -> View:
    """What is read where there is nothing: a place of zeros."""
    side = x.shape[0] if low.is_inner else 1
    return low.table(np.zeros(side * x.shape[-1], low.buffers[x.buffer].dtype))

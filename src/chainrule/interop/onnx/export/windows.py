"""Convolutions, pooling and other windows, as operations of ONNX.

Images are (B, *space, C) here and (B, C, *space) in ONNX. Axes are exchanged before and after each operation;
exchanges that follow each other cancel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.graph import Node
from chainrule.interop.export.graph_writer import entering
from chainrule.interop.onnx.export.arrays import reduced, reshaped, times_matrix, transposed
from chainrule.interop.onnx.export.graph import OnnxGraph, Rule
from chainrule.ops.linear.window_geometry import span

OPERATIONS: dict[str, Rule] = {}
operation = entering(OPERATIONS)


def _channels_first(rank: int) -> tuple[int, ...]:
    return (0, rank - 1, *range(1, rank - 1))


def _channels_last(rank: int) -> tuple[int, ...]:
    return (0, *range(2, rank), 1)


def _weight(graph: OnnxGraph, w: Node) -> str:
    """Return the name of a weight (O, *window, I) as (O, I, *window); a parameter is stored in this order."""
    axes, array = _channels_first(w.rank), graph.array(w)
    if array is None:
        return transposed(graph, graph.value(w), axes)
    label = getattr(w.op, "label", "weight")
    return graph.constant(np.transpose(array, axes), name=label)


def _settings(node: Node) -> dict[str, Any]:
    own = node.op.attributes
    return {"strides": own["strides"], "dilations": own["dilation"], "pads": (*own["low"], *own["high"])}


@operation("convolution")
def _convolution(graph: OnnxGraph, node: Node) -> str:
    x, w = node.inputs
    image = transposed(graph, graph.value(x), _channels_first(x.rank))
    settings = {**_settings(node), "kernel_shape": w.shape[1:-1], "group": node.op.attributes["groups"]}
    result = graph.add("Conv", image, _weight(graph, w), **settings)
    return transposed(graph, result, _channels_last(x.rank))


@operation("convolution_input")
def _transposed_convolution(graph: OnnxGraph, node: Node) -> str:
    (g, w), own = node.inputs, node.op.attributes
    window: Any = w.shape[1:-1]
    extra = [
        n - ((places - 1) * stride + span(k, dilation) - low - high)
        for n, places, stride, k, dilation, low, high in zip(
            own["space"],
            g.shape[1:-1],
            own["strides"],
            window,
            own["dilation"],
            own["low"],
            own["high"],
            strict=True,
        )
    ]
    image = transposed(graph, graph.value(g), _channels_first(g.rank))
    settings = {**_settings(node), "kernel_shape": window, "group": own["groups"], "output_padding": extra}
    result = graph.add("ConvTranspose", image, _weight(graph, w), **settings)
    return transposed(graph, result, _channels_last(g.rank))


@operation("patches")
def _patches(graph: OnnxGraph, node: Node) -> str:
    """Write windows as indices: each spatial axis becomes an axis of places and one of cells."""
    (image,), own = node.inputs, node.op.attributes
    x, space = graph.value(image), len(own["window"])
    if any(own["low"]) or any(own["high"]):
        fill = graph.constant(own["fill"], np.dtype(node.dtype))
        x = graph.add("Pad", x, graph.integers(0, *own["low"], 0, 0, *own["high"], 0), fill)
    for i in range(space):
        places: Any = node.shape[1 + i]
        cells = (
            np.arange(places)[:, None] * own["strides"][i] + np.arange(own["window"][i]) * own["dilation"][i]
        )
        x = graph.add("Gather", x, graph.constant(cells, np.int64, "cells"), axis=1 + 2 * i)
    pairs = range(1, 1 + 2 * space, 2)
    return transposed(graph, x, (0, *pairs, *(axis + 1 for axis in pairs), 1 + 2 * space))


@operation("fold")
def _fold(graph: OnnxGraph, node: Node) -> str:
    """Write the sum of overlapping windows as a product with a matrix of zeros and ones for each axis."""
    (windows,), own = node.inputs, node.op.attributes
    space = len(own["window"])
    pairs = [axis for i in range(space) for axis in (1 + i, 1 + space + i)]
    x = transposed(graph, graph.value(windows), (0, *pairs, 1 + 2 * space))
    shape = [windows.shape[axis] for axis in (0, *pairs, 1 + 2 * space)]
    for i in range(space):
        places, window, length = shape[1 + i], shape[2 + i], own["space"][i]
        shape[1 + i : 3 + i] = [places * window]  # pyright: ignore[reportOperatorIssue]
        matrix = _positions(places, window, length, own, i, node.dtype)
        x = times_matrix(graph, reshaped(graph, x, shape), len(shape), 1 + i, matrix)
        shape[1 + i] = length
    return x


def _positions(places: Any, window: Any, length: int, own: dict[str, Any], i: int, dtype: str) -> np.ndarray:
    """Return a matrix with 1 where a cell of a window at a place covers a cell of an axis."""
    cells = np.arange(places)[:, None] * own["strides"][i] + np.arange(window) * own["dilation"][i]
    cells = cells.reshape(-1) - own["low"][i]  # (places, window) -> (places * window,)
    return (cells[:, None] == np.arange(length)).astype(dtype)


def _pooled(node: Node) -> tuple[Node, Sequence[int]] | None:
    """Return the image and the window of a reduction over the cells of windows; ``None`` for others."""
    (windows,), own = node.inputs, node.op.attributes
    if windows.op.name != "patches":
        return None
    window = windows.op.attributes["window"]
    cells = tuple(range(1 + len(window), 1 + 2 * len(window)))
    return (windows.inputs[0], window) if own["axes"] == cells and not own["keepdims"] else None


@operation("max")
def _max(graph: OnnxGraph, node: Node) -> str:
    pooled = _pooled(node)
    if pooled is None or node.inputs[0].op.attributes["fill"] != -np.inf:
        return reduced(graph, node)
    image, window = pooled
    x = transposed(graph, graph.value(image), _channels_first(image.rank))
    result = graph.add("MaxPool", x, kernel_shape=window, **_settings(node.inputs[0]))
    return transposed(graph, result, _channels_last(image.rank))


@operation("sum")
def _sum(graph: OnnxGraph, node: Node) -> str:
    """Write the sum over windows as their mean times the number of cells, without a tensor of all windows."""
    pooled = _pooled(node)
    if pooled is None or node.inputs[0].op.attributes["fill"] != 0:
        return reduced(graph, node)
    image, window = pooled
    settings = _settings(node.inputs[0])
    if any(dilation != 1 for dilation in settings.pop("dilations")):  # not in operation set 18
        return reduced(graph, node)
    x = transposed(graph, graph.value(image), _channels_first(image.rank))
    mean = graph.add("AveragePool", x, kernel_shape=window, count_include_pad=1, **settings)
    total = graph.add("Mul", mean, graph.constant(math.prod(window), np.dtype(node.dtype)))
    return transposed(graph, total, _channels_last(image.rank))

"""Operations on the axes of arrays, as operations of ONNX: shapes, slices, indices and reductions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.graph import Node
from chainrule.interop.export.graph_writer import entering, resampling_matrix
from chainrule.interop.onnx.export.graph import END, TYPES, OnnxGraph, Rule
from chainrule.symbolic_shape import Axis, Size

OPERATIONS: dict[str, Rule] = {}
operation = entering(OPERATIONS)


def transposed(graph: OnnxGraph, x: str, axes: Sequence[int]) -> str:
    """Return the name of a value with its axes in another order; two transpositions become one."""
    axes = tuple(axes)
    before = next((node for node in reversed(graph.nodes) if x in node.output), None)
    if before is not None and before.op_type == "Transpose":
        first = before.attribute[0].ints
        axes, x = tuple(first[axis] for axis in axes), before.input[0]
    return x if axes == tuple(range(len(axes))) else graph.add("Transpose", x, perm=axes)


def reshaped(graph: OnnxGraph, x: str, shape: Sequence[Axis]) -> str:
    """Return the name of a value with another shape; a single symbolic length is inferred."""
    symbolic = [axis for axis in shape if isinstance(axis, Size)]
    if len(symbolic) == 1 and 0 not in shape:
        target = graph.integers(*(-1 if isinstance(axis, Size) else axis for axis in shape))
        return graph.add("Reshape", x, target)
    return graph.add("Reshape", x, graph.shape(shape), allowzero=int(0 in shape))


def times_matrix(graph: OnnxGraph, x: str, rank: int, axis: int, matrix: np.ndarray) -> str:
    """Return the name of a value whose axis is multiplied by a constant matrix, (old length, new length)."""
    axes = list(range(rank))
    axes[axis], axes[-1] = axes[-1], axes[axis]
    product = graph.add("MatMul", transposed(graph, x, axes), graph.constant(matrix))
    return transposed(graph, product, axes)


@operation("transpose")
def _transpose(graph: OnnxGraph, node: Node) -> str:
    return transposed(graph, graph.value(node.inputs[0]), node.op.attributes["axes"])


@operation("reshape")
def _reshape(graph: OnnxGraph, node: Node) -> str:
    return reshaped(graph, graph.value(node.inputs[0]), node.shape)


@operation("broadcast")
def _broadcast(graph: OnnxGraph, node: Node) -> str:
    (x,) = node.inputs
    aligned = (1,) * (node.rank - x.rank) + x.shape
    target = [1 if own == new else new for own, new in zip(aligned, node.shape, strict=True)]
    return graph.add("Expand", graph.value(x), graph.shape(target))


@operation("concatenate")
def _concatenate(graph: OnnxGraph, node: Node) -> str:
    return graph.add("Concat", *map(graph.value, node.inputs), axis=node.op.attributes["axis"])


@operation("slice")
def _slice(graph: OnnxGraph, node: Node) -> str:
    (x,), settings = node.inputs, node.op.attributes
    starts, stops, steps = (settings[name] for name in ("start", "stop", "step"))
    used = [i for i in range(x.rank) if (starts[i], stops[i], steps[i]) != (0, x.shape[i], 1)]
    if not used:
        return graph.value(x)
    ends = [END if stops[i] == x.shape[i] else stops[i] for i in used]
    return graph.add(
        "Slice",
        graph.value(x),
        graph.shape([starts[i] for i in used]),
        graph.shape(ends),
        graph.integers(*used),
        graph.integers(*(steps[i] for i in used)),
    )


@operation("pad")
def _pad(graph: OnnxGraph, node: Node) -> str:
    (source,), settings = node.inputs, node.op.attributes
    x, shape = graph.value(source), list(source.shape)
    for axis, gap in enumerate(settings["between"]):  # zeros between elements: a new axis, then one fewer gap
        if gap:
            before, length, after = shape[:axis], shape[axis], shape[axis + 1 :]
            wide = reshaped(graph, x, (*before, length, 1, *after))
            widths = [0] * len(shape) + [0] * (len(shape) + 2)
            widths[len(shape) + 1 + axis + 1] = gap
            wide = graph.add("Pad", wide, graph.integers(*widths))
            x = reshaped(graph, wide, (*before, length * (gap + 1), *after))
            shape[axis] = length * (gap + 1) - gap
            ends = graph.shape([shape[axis]])
            x = graph.add("Slice", x, graph.integers(0), ends, graph.integers(axis))
    if any(width != 0 for width in (*settings["low"], *settings["high"])):
        x = graph.add("Pad", x, graph.shape((*settings["low"], *settings["high"])))
    return x


@operation("gather")
def _gather(graph: OnnxGraph, node: Node) -> str:
    table, index = node.inputs
    return graph.add("Gather", graph.value(table), _index(graph, index), axis=0)


def _index(graph: OnnxGraph, index: Node) -> str:
    """Return the name of indices as int64."""
    name = graph.value(index)
    return name if index.dtype == "int64" else graph.add("Cast", name, to=TYPES["int64"])


@operation("scatter_add")
def _scatter_add(graph: OnnxGraph, node: Node) -> str:
    values, index = node.inputs
    zero = graph.constant(0, np.dtype(node.dtype))
    zeros = graph.add("Expand", zero, graph.shape(node.shape))
    places = graph.add("Unsqueeze", _index(graph, index), graph.integers(-1))
    return graph.add("ScatterND", zeros, places, graph.value(values), reduction="add")


@operation("one_hot")
def _one_hot(graph: OnnxGraph, node: Node) -> str:
    (index,), settings = node.inputs, node.op.attributes
    places = graph.add("Unsqueeze", _index(graph, index), graph.integers(-1))
    classes = graph.constant(np.arange(settings["depth"]), np.int64, "classes")
    return graph.add("Cast", graph.add("Equal", places, classes), to=TYPES[node.dtype])


REDUCTIONS = {"sum": "ReduceSum", "max": "ReduceMax", "min": "ReduceMin", "prod": "ReduceProd"}


@operation("min", "prod")
def reduced(graph: OnnxGraph, node: Node) -> str:
    """Return the name of a reduction over axes."""
    (x,), settings = node.inputs, node.op.attributes
    if not settings["axes"]:
        return graph.value(x)
    axes = graph.integers(*settings["axes"])
    return graph.add(REDUCTIONS[node.op.name], graph.value(x), axes, keepdims=int(settings["keepdims"]))


@operation("argmax")
def _argmax(graph: OnnxGraph, node: Node) -> str:
    (axis,), keep = node.op.attributes["axes"], int(node.op.attributes["keepdims"])
    return graph.add("ArgMax", graph.value(node.inputs[0]), axis=axis, keepdims=keep)


@operation("softmax", "log_softmax")
def _softmax(graph: OnnxGraph, node: Node) -> str:
    kind = "Softmax" if node.op.name == "softmax" else "LogSoftmax"
    return graph.add(kind, graph.value(node.inputs[0]), axis=node.op.attributes["axis"])


@operation("logsumexp")
def _log_sum_exp(graph: OnnxGraph, node: Node) -> str:
    x, axes = graph.value(node.inputs[0]), graph.integers(node.op.attributes["axis"])
    top = graph.add("ReduceMax", x, axes, keepdims=1)
    total = graph.add("ReduceSum", graph.add("Exp", graph.add("Sub", x, top)), axes, keepdims=1)
    return graph.add("Squeeze", graph.add("Add", graph.add("Log", total), top), axes)


@operation("resample")
def _resample(graph: OnnxGraph, node: Node) -> str:
    (x,), settings = node.inputs, node.op.attributes
    axis, taps = settings["axis"], settings["taps"]
    if all(len(cells) == 1 and cells[0][1] == 1 for cells in taps):
        cells = graph.integers(*(cell for ((cell, _),) in taps))
        return graph.add("Gather", graph.value(x), cells, axis=axis)
    return times_matrix(graph, graph.value(x), x.rank, axis, resampling_matrix(node))

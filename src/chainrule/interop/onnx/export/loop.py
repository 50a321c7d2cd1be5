"""Loops over time: recurrent layers as their operator, others as ``Scan``."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import helper

from chainrule.graph import Node
from chainrule.interop.export.graph_writer import entering, same_loops
from chainrule.interop.onnx.export.arrays import transposed
from chainrule.interop.onnx.export.graph import END, TYPES, OnnxGraph, Rule
from chainrule.interop.onnx.export.layers import recurrent

OPERATIONS: dict[str, Rule] = {}
operation = entering(OPERATIONS)


@operation("scan")
def _scan(graph: OnnxGraph, node: Node) -> str:
    """Write a loop once for all of its values that the network reads: its layer, or ``Scan``."""
    same = [other for other in same_loops(graph.all_nodes, node) if other not in graph.names]
    for other, name in zip(same, recurrent(graph, same) or _loop(graph, same), strict=True):
        graph.names[other] = name
    return graph.names[node]


def _loop(graph: OnnxGraph, loops: list[Node]) -> list[str]:
    """Return the names of the values of loops with the same step and inputs."""
    op: Any = loops[0].op
    body, inputs = op.body, loops[0].inputs
    states, cells = len(body.states), len(body.cells)
    step = _step_graph(graph, op, inputs)
    emits = [loop.op.attributes["emit"] for loop in loops]
    step.write([*body.updates, *emits], body.leaves)
    results = [_own(step, update) for update in body.updates]
    emitted = [_own(step, emit) for emit in emits]
    outputs = [
        helper.make_tensor_value_info(name, TYPES[value.dtype], None)
        for name, value in zip((*results, *emitted), (*body.updates, *emits), strict=True)
    ]
    sequences = [_time_first(graph, op, sequence) for sequence in inputs[states : states + cells]]
    names = graph.add_many(
        "Scan",
        [*map(graph.value, inputs[:states]), *sequences],
        states + len(emits),
        body=step.proto("step", outputs),
        num_scan_inputs=cells,
    )
    return [_result(graph, loop, name) for loop, name in zip(loops, names[states:], strict=True)]


def _time_first(graph: OnnxGraph, op: Any, sequence: Node) -> str:
    """Return the name of a sequence with time as its first axis and forwards, as all runtimes take it."""
    axis = min(op.axis, sequence.rank - 1)
    others = [i for i in range(sequence.rank) if i != axis]
    first = transposed(graph, graph.value(sequence), (axis, *others))
    return _reversed(graph, first) if op.reverse else first


def _reversed(graph: OnnxGraph, x: str) -> str:
    """Return the name of a value with its first axis backwards."""
    return graph.add(
        "Slice", x, graph.integers(-1), graph.integers(-END), graph.integers(0), graph.integers(-1)
    )


def _step_graph(graph: OnnxGraph, op: Any, inputs: tuple[Node, ...]) -> OnnxGraph:
    """Return the graph of a step, with its inputs."""
    sizes = {
        symbol: graph.size(length)
        for symbol, length in op.body.sizes(op.of_a_step([source.spec for source in inputs])).items()
    }
    step = OnnxGraph(graph.arrays, graph.operations, graph, sizes, graph.opset)
    leaves = op.body.leaves
    for leaf in (*op.body.states, *op.body.cells):
        name = step.unique(leaf.op.label.replace(" ", "_"))
        step.inputs.append(helper.make_tensor_value_info(name, TYPES[leaf.dtype], None))
        step.names[leaf] = name
    for leaf, source in zip(leaves, inputs, strict=True):
        if leaf not in step.names:
            array = graph.array(source)
            step.names[leaf] = graph.value(source)
            if array is not None:
                step.known[leaf] = array
    return step


def _own(step: OnnxGraph, node: Node) -> str:
    """Return the name of a value that a node of the step computes, as outputs of a step must be."""
    return step.add("Identity", step.value(node))


def _result(graph: OnnxGraph, loop: Node, name: str) -> str:
    op: Any = loop.op
    if op.last:
        return graph.add("Gather", name, graph.constant(-1, np.int64), axis=0)
    name = _reversed(graph, name) if op.reverse else name
    axis = min(op.axis, op.emit.rank)
    return transposed(graph, name, (*range(1, axis + 1), 0, *range(axis + 1, op.emit.rank + 1)))

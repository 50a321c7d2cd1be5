"""Operations on single elements, as operations of ONNX."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.graph import Node
from chainrule.interop.export.graph_writer import entering
from chainrule.interop.onnx.export.graph import TYPES, OnnxGraph, Rule
from chainrule.interop.onnx.export.layers import attention

OPERATIONS: dict[str, Rule] = {}
operation = entering(OPERATIONS)

UNARY = {
    "abs": "Abs",
    "cos": "Cos",
    "erf": "Erf",
    "exp": "Exp",
    "floor": "Floor",
    "log": "Log",
    "logical_not": "Not",
    "negative": "Neg",
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "sign": "Sign",
    "sin": "Sin",
    "softplus": "Softplus",
    "sqrt": "Sqrt",
    "tanh": "Tanh",
}
BINARY = {
    "add": "Add",
    "divide": "Div",
    "equal": "Equal",
    "greater": "Greater",
    "greater_equal": "GreaterOrEqual",
    "less": "Less",
    "less_equal": "LessOrEqual",
    "logical_and": "And",
    "logical_or": "Or",
    "maximum": "Max",
    "minimum": "Min",
    "multiply": "Mul",
    "power": "Pow",
    "subtract": "Sub",
}


def _operands(graph: OnnxGraph, node: Node) -> list[str]:
    """Return the names of the inputs; a broadcast that ONNX's operations make themselves is left out."""
    inputs = list(node.inputs)
    for i, source in enumerate(inputs):
        others = [other for other in inputs if other is not source]
        is_broadcast = source.op.name == "broadcast" and graph.array(source) is None
        if is_broadcast and any(other.shape == node.shape for other in others):
            inputs[i] = source.inputs[0]
    return [graph.value(source) for source in inputs]


@operation(*UNARY, *BINARY)
def _direct(graph: OnnxGraph, node: Node) -> str:
    name = node.op.name
    return graph.add(UNARY.get(name) or BINARY[name], *_operands(graph, node))


@operation("matmul")
def _matmul(graph: OnnxGraph, node: Node) -> str:
    return attention(graph, node) or graph.add("MatMul", *map(graph.value, node.inputs))


@operation("where")
def _where(graph: OnnxGraph, node: Node) -> str:
    return graph.add("Where", *_operands(graph, node))


@operation("not_equal")
def _not_equal(graph: OnnxGraph, node: Node) -> str:
    return graph.add("Not", graph.add("Equal", *_operands(graph, node)))


@operation("is_finite")
def _is_finite(graph: OnnxGraph, node: Node) -> str:
    x = graph.value(node.inputs[0])
    return graph.add("Not", graph.add("Or", graph.add("IsNaN", x), graph.add("IsInf", x)))


@operation("square")
def _square(graph: OnnxGraph, node: Node) -> str:
    x = graph.value(node.inputs[0])
    return graph.add("Mul", x, x)


@operation("clip")
def _clip(graph: OnnxGraph, node: Node) -> str:
    settings: Any = node.op.attributes
    ends = [
        graph.constant(settings[name], np.dtype(node.dtype)) if np.isfinite(settings[name]) else ""
        for name in ("low", "high")
    ]
    return graph.add("Clip", graph.value(node.inputs[0]), *ends)


@operation("cast")
def _cast(graph: OnnxGraph, node: Node) -> str:
    return graph.add("Cast", graph.value(node.inputs[0]), to=TYPES[node.dtype])


@operation("extent")
def _extent(graph: OnnxGraph, node: Node) -> str:
    lengths = [graph.size(node.inputs[0].shape[axis]) for axis in node.op.attributes["axes"]]
    product = lengths[0] if lengths else graph.integers(1)
    for length in lengths[1:]:
        product = graph.add("Mul", product, length)
    return graph.add("Cast", graph.add("Squeeze", product, graph.integers(0)), to=TYPES[node.dtype])


@operation("stop_gradient", "remat", "again")
def _itself(graph: OnnxGraph, node: Node) -> str:
    return graph.value(node.inputs[0])

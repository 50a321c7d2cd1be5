"""Recurrent layers and attention as their single operators in ONNX, where a graph contains exactly these.

A loop is an LSTM if its step is that of ``LSTM``: nodes with equal operations and inputs are the same object,
so the step of a layer that is built for the purpose is compared with that of the loop. Loops with masks,
other activations or other cells are ``Scan``. Attention is an operator from version 23 on.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.graph import Node
from chainrule.interop.onnx.export.arrays import reshaped, transposed
from chainrule.interop.onnx.export.graph import OnnxGraph
from chainrule.nn.build import build
from chainrule.nn.recurrent import GRU, LSTM, RNN, Recurrent
from chainrule.records import frozen
from chainrule.symbolic_shape import Axis, Size, Spec

ATTENTION_SINCE = 23
NEVER = -1e30  # is added to masked scores


@frozen
class Kind:
    """A recurrent layer with an operator in ONNX.

    Args:
        layer: its class.
        order: the gates in the order of ONNX, as numbers of the layer's gates.
        options: attributes of the operator.
    """

    layer: type[Recurrent]
    order: tuple[int, ...]
    options: dict[str, Any]


KINDS = {
    "LSTM": Kind(LSTM, (0, 3, 1, 2), {}),
    "GRU": Kind(GRU, (1, 0, 2), {"linear_before_reset": 1}),
    "RNN": Kind(RNN, (0,), {}),
}

# --- recurrent layers


def recurrent(graph: OnnxGraph, loops: Sequence[Node]) -> list[str] | None:
    """Write loops with the same step and inputs as one operator.

    Args:
        graph: in which it is written.
        loops: the values of the loop that the network reads.

    Returns:
        the names of the values; ``None`` if they are not those of such an operator.
    """
    loop = loops[0]
    kind = _kind(loop)
    op: Any = loop.op
    emits = [(other.op.attributes["emit"], other.op.attributes["last"]) for other in loops]
    if kind is None or any(_place(op, *emit) is None for emit in emits):
        return None
    states = len(op.body.states)
    offered, givens = loop.inputs[states], loop.inputs[states + 1 :]
    parts = _offered(graph, offered)
    hidden, inner = graph.array(givens[0]), _bias(graph, givens[1]) if givens[1:] else None
    if parts is None or hidden is None or (givens[1:] and inner is None):
        return None
    x, weight, bias = parts
    units, gates = hidden.shape[0], KINDS[kind].order
    both = np.zeros((2, len(gates), units), weight.dtype)
    if bias is not None:
        both[0] = bias.reshape(len(gates), units)
    if inner is not None:
        both[1, -1] = inner
    has_bias = bias is not None or inner is not None
    inputs = [
        transposed(graph, graph.value(x), (1, 0, 2)),
        _gates(graph, weight, gates, f"{kind}_weight"),
        _gates(graph, hidden, gates, f"{kind}_recurrent"),
        graph.constant(both[:, gates].reshape(1, -1), name=f"{kind}_bias") if has_bias else "",
        "",
        *(_initial(graph, state) for state in loop.inputs[:states]),
    ]
    direction = "reverse" if op.reverse else "forward"
    options = {**KINDS[kind].options, "hidden_size": units, "direction": direction}
    names = graph.add_many(kind, _without_end(inputs), 1 + states, **options)
    return [_result(graph, names, _place(op, *emit) or 0) for emit in emits]


def _kind(loop: Node) -> str | None:
    """Return the operator whose step is that of a loop."""
    op: Any = loop.op
    state = loop.inputs[0]
    if state.dtype != "float32" or state.rank != 2 or op.axis != 1 or len(op.body.cells) != 1:
        return None
    batch = state.shape[0]
    spec, units = Spec((batch, Size.symbol("T"), 1), state.dtype), int(str(state.shape[1]))
    for name, bias in itertools.product(KINDS, (True, False)):
        layer: Any = KINDS[name].layer
        (output,) = build(layer(units, bias=bias), {"x": spec}, state.dtype).outputs.values()
        if output.op.attributes["body"] == op.body:
            return name
    return None


def _place(op: Any, emit: Node, is_last: bool) -> int | None:
    """Return the output of the operator that a value of the loop is: all outputs, or a last state."""
    updates = op.body.updates
    if is_last:
        return 1 + updates.index(emit) if emit in updates else None
    return 0 if emit is updates[0] else None


def _offered(graph: OnnxGraph, cells: Node) -> tuple[Node, np.ndarray, np.ndarray | None] | None:
    """Return sequence (B, T, C), weights (C, G) and bias (G) of the products that a loop reads, if any."""
    if cells.op.name != "reshape":
        return None
    rows, bias = cells.inputs[0], None
    if rows.op.name == "add":
        rows, bias = rows.inputs[0], _bias(graph, rows.inputs[1])
        if bias is None:
            return None
    if rows.op.name != "matmul" or rows.inputs[0].op.name != "reshape":
        return None
    flat, weight = rows.inputs[0], graph.array(rows.inputs[1])
    (x,) = flat.inputs
    fits = x.rank == 3 and x.shape[:2] == cells.shape[:2] and x.shape[-1] == flat.shape[-1]
    return (x, weight, bias) if fits and weight is not None else None


def _bias(graph: OnnxGraph, node: Node) -> np.ndarray | None:
    """Return the values of a vector that is repeated for each row."""
    source = node.inputs[0] if node.op.name == "broadcast" else node
    array = graph.array(source)
    return array if array is not None and array.ndim == 1 else None


def _gates(graph: OnnxGraph, weight: np.ndarray, order: Sequence[int], name: str) -> str:
    """Return the name of weights (C, G H) in the form of ONNX, (1, G H, C)."""
    split = weight.T.reshape(len(order), -1, weight.shape[0])
    return graph.constant(split[list(order)].reshape(1, -1, weight.shape[0]), name=name)


def _initial(graph: OnnxGraph, state: Node) -> str:
    """Return the name of an initial state, (1, B, H); none for zeros."""
    source = state.inputs[0] if state.op.name == "broadcast" else state
    array = graph.array(source)
    if array is not None and not array.any():
        return ""
    return graph.add("Unsqueeze", graph.value(state), graph.integers(0))


def _without_end(inputs: Sequence[str]) -> list[str]:
    """Return the inputs without absent ones at the end."""
    names = list(inputs)
    while not names[-1]:
        names.pop()
    return names


def _result(graph: OnnxGraph, names: Sequence[str], place: int) -> str:
    """Return the name of an output, (B, T, H) or (B, H)."""
    if place:
        return graph.add("Squeeze", names[place], graph.integers(0))
    sequence = graph.add("Squeeze", names[0], graph.integers(1))  # (T, 1, B, H) -> (T, B, H)
    return transposed(graph, sequence, (1, 0, 2))


# --- attention


def attention(graph: OnnxGraph, node: Node) -> str | None:
    """Write the product of softmax weights and values as one operator.

    Args:
        graph: in which it is written.
        node: a matrix product.

    Returns:
        the name of the value; ``None`` if the product is not an attention.
    """
    weights, value = node.inputs
    if graph.opset < ATTENTION_SINCE or node.dtype != "float32" or node.rank not in (3, 4):
        return None
    seen, weights = _masked(graph, _unshaped(weights), 0.0)
    if weights.op.name != "softmax" or weights.op.attributes["axis"] != weights.rank - 1:
        return None
    (scores,) = weights.inputs
    mask, scores = _masked(graph, scores, NEVER)
    if seen is not None and seen is not mask:
        return None
    bias = None
    if scores.op.name == "subtract":
        scores, bias = scores.inputs
    product = _unshaped(scores)
    if product.op.name != "matmul" or product.shape[:-1] != node.shape[:-1] or scores.rank > 5:
        return None
    query, key = product.inputs
    if not _is_transposed(key) or scores.shape[-1] != product.shape[-1]:
        return None
    added = ((mask, True), (bias, False))
    parts = [_additive(graph, part, scores, is_mask) for part, is_mask in added if part is not None]
    total = graph.add("Add", *parts) if len(parts) > 1 else "".join(parts)
    inputs = [_with_heads(graph, part) for part in (query, key.inputs[0], value)]
    (result,) = graph.add_many("Attention", _without_end([*inputs, total]), 1, scale=1.0)
    if seen is not None:
        result = graph.add("Mul", result, _is_any(graph, parts[0]))
    return graph.add("Squeeze", result, graph.integers(1)) if node.rank == 3 else result


def _unshaped(node: Node) -> Node:
    return node.inputs[0] if node.op.name == "reshape" else node


def _is_transposed(key: Node) -> bool:
    axes = tuple(range(key.rank))
    return key.op.name == "transpose" and key.op.attributes["axes"] == (*axes[:-2], axes[-1], axes[-2])


def _masked(graph: OnnxGraph, node: Node, other: float) -> tuple[Node | None, Node]:
    """Return the mask of a value that is a number elsewhere, and the value; no mask if it is not so."""
    if node.op.name != "where":
        return None, node
    mask, value, filler = node.inputs
    array = graph.array(filler.inputs[0] if filler.op.name == "broadcast" else filler)
    if array is None or not (array == np.float32(other)).all():
        return None, node
    return mask, value


def _with_heads(graph: OnnxGraph, node: Node) -> str:
    """Return the name of queries, keys or values with an axis of heads."""
    name = graph.value(node)
    return graph.add("Unsqueeze", name, graph.integers(1)) if node.rank == 3 else name


def _additive(graph: OnnxGraph, part: Node, scores: Node, is_mask: bool) -> str:
    """Return the name of what a mask or a bias adds to the scores, (B, G, rows, Tk) or with lengths of 1."""
    is_shared = scores.rank == 5 and scores.shape[3] != 1  # queries that share a key
    source = part.inputs[0] if part.op.name == "broadcast" and not is_shared else part
    value = graph.value(source)
    if is_mask:
        numbers = [graph.constant(number, np.float32) for number in (0.0, NEVER)]
        value = graph.add("Where", value, *numbers)
    else:
        value = graph.add("Neg", value)
    shape: tuple[Axis, ...] = (1,) * (scores.rank - source.rank) + source.shape
    if scores.rank == 3:
        shape = (shape[0], 1, *shape[1:])
    if scores.rank == 5:
        shape = (*shape[:2], shape[2] * shape[3], shape[4])
    value = value if shape == source.shape else reshaped(graph, value, shape)
    rows = scores.shape[2] * scores.shape[3] if scores.rank == 5 else scores.shape[-2]
    expanded = (*shape[:-2], rows, scores.shape[-1])
    return value if shape == expanded else graph.add("Expand", value, graph.shape(expanded))


def _is_any(graph: OnnxGraph, bias: str) -> str:
    """Return the name of 1 for each query of which a position counts, 0 for others."""
    highest = graph.add("ReduceMax", bias, graph.integers(-1), keepdims=1)
    return graph.add("Cast", graph.add("Equal", highest, graph.constant(0.0, np.float32)), to=1)

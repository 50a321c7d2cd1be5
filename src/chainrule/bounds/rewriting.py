"""Equivalent forms of a network whose bounds are tighter."""

from __future__ import annotations

from chainrule.graph import Node, make, order
from chainrule.ops import functional as F


def rewritten(output: Node) -> Node:
    """Return a node with each ``log_softmax(x)`` as ``x - logsumexp(x)``, whose parts have linear bounds.

    Example:
        >>> from chainrule.graph import input_node
        >>> rewritten(F.log_softmax(input_node("x", (None, 3), "float64"), 1)).op.name
        'subtract'
    """
    nodes: dict[Node, Node] = {}
    for node in order([output]):
        inputs = tuple(nodes[source] for source in node.inputs)
        if node.op.name == "log_softmax":
            (x,), axis = inputs, node.op.attributes["axis"]
            wide = tuple(1 if i == axis else n for i, n in enumerate(x.shape))
            nodes[node] = x - F.broadcast_to(F.reshape(F.logsumexp(x, axis), wide), x.shape)
        else:
            nodes[node] = node if inputs == node.inputs else make(node.op, *inputs)
    return nodes[output]

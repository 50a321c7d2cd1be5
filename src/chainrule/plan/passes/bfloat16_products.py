"""Products in bfloat16: the factors of float32 matrix products and convolutions are rounded.

Everything else stays in float32: sums, losses, normalizations, softmax, parameters and the optimizer. The
pass runs when a graph is compiled, after differentiation, so gradients, probes and explanations refer to the
graph without rounding, and the products of the backward pass have rounded factors too.

A product becomes the same product of rounded factors. Rounding is moved in front of transpositions, so that
a matrix which is read in both directions is rounded once. Where an engine has a kernel that rounds the
factors that it reads, a matrix product becomes one operation, ``Bfloat16Matmul``, and nothing is rounded in
memory.

Reference: Kalamkar et al. (2019), A study of BFLOAT16 for deep learning training (arXiv:1905.12322).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from chainrule.graph import Graph, Node, make, order
from chainrule.graph.node import site
from chainrule.ops.linear.bfloat16 import MOVES, Bfloat16Matmul, is_product, round_to_bfloat16
from chainrule.ops.linear.int8 import IntegerMatmul
from chainrule.ops.linear.matmul import Matmul
from chainrule.ops.scan.scan import Body, Scan


def with_bfloat16_products(graph: Graph, rounds: bool = False) -> tuple[Graph, dict[Node, Node]]:
    """Return a graph in which the factors of products are rounded to bfloat16.

    Args:
        graph: the graph.
        rounds: whether the engine has a matrix product that rounds its factors.

    Returns:
        the graph, with the same names, and the new node of each old one.

    Example:
        >>> from chainrule.graph import input_node
        >>> x, w = input_node("x", (None, 2), "float32"), input_node("w", (2, 3), "float32")
        >>> print(with_bfloat16_products(Graph({"y": x @ w}))[0])
        %0 = input "x"    float32(B, 2)
        %1 = round_to_bfloat16(%0)    float32(B, 2)
        %2 = input "w"    float32(2, 3)
        %3 = round_to_bfloat16(%2)    float32(2, 3)
        %4 = matmul(%1, %3)    float32(B, 3)
        return y=%4
    """
    nodes = _Rewriting(rounds).rewritten(graph.outputs.values(), ())
    return Graph({name: nodes[node] for name, node in graph.outputs.items()}), nodes


class _Rewriting:
    """The new nodes of a graph and of the loops over time in it."""

    def __init__(self, rounds: bool) -> None:
        self._rounds = rounds
        self._rounded: dict[Node, Node] = {}

    def rewritten(self, outputs: Iterable[Node], leaves: Sequence[Node]) -> dict[Node, Node]:
        """Return the new node of every node that the outputs need; leaves stay."""
        nodes = {leaf: leaf for leaf in leaves}
        for node in order(outputs, leaves):
            with site(node.site):
                nodes[node] = self._node(node, nodes)
        return nodes

    def _node(self, node: Node, nodes: dict[Node, Node]) -> Node:
        if not node.inputs:
            return node
        inputs, op = [nodes[source] for source in node.inputs], node.op.with_nodes(nodes)
        if isinstance(op, Scan):
            op = self._loop(op)
        elif is_product(node) and not isinstance(
            op, IntegerMatmul
        ):  # integers of 8 bits are bfloat16 numbers
            if type(op) is Matmul and self._rounds:
                op = Bfloat16Matmul()
            else:
                inputs = [self._factor(source) for source in inputs]
        return make(op, *inputs)

    def _factor(self, node: Node) -> Node:
        """Return a factor rounded, in front of the operations that only move its numbers."""
        if node not in self._rounded:
            is_moved = isinstance(node.op, MOVES)
            new = make(node.op, self._factor(node.inputs[0])) if is_moved else round_to_bfloat16(node)
            self._rounded[node] = new
        return self._rounded[node]

    def _loop(self, op: Any) -> Any:
        """Return a loop whose step has rounded factors."""
        body = op.body
        nodes = self.rewritten((*body.updates, op.emit), body.leaves)
        updates = tuple(nodes[node] for node in body.updates)
        return replace(op, body=Body(body.states, body.cells, body.givens, updates), emit=nodes[op.emit])

"""Message passing in graphs: molecules, networks of roads, citations.

A graph has N nodes with C numbers each, and K kinds of edges. Graphs of a batch have different numbers of
nodes and are padded to the same N; ``mask`` is true for the nodes that exist. For each kind of edges, an
adjacency matrix A has A[i, j] = 1 where node i receives a message from node j. In a molecule, nodes are
atoms, and the kinds of edges are single, double, triple and aromatic bonds; A is symmetric.

In each round a node receives the sum of the messages of its neighbors. After R rounds its state depends on
all nodes that are at most R edges away. The result does not depend on the order of the nodes, as everything
is a sum over neighbors, or the same function for each node.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node
from chainrule.nn.activation import known_activation
from chainrule.nn.attention.inputs import require_names, require_sequence
from chainrule.nn.layer import Layer, layer
from chainrule.nn.layers.linear import Dense
from chainrule.nn.recurrent.sequence_loop import require_mask
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.symbolic_shape import bound, shape_text
from chainrule.validation import require_integer


@layer
class GatedGraphConv(Layer):
    """Gated message passing: nodes of a graph sum messages of neighbors and update their state by a GRU.

    Shapes: by name ``nodes`` (B, N, C) and ``edges`` (B, K, N, N), true or a weight where node i receives a
    message from node j by an edge of kind k -> (B, N, C).

    Formula: for each round, m[i] = sum over k and j of A[k, i, j] W_k h[j];
    z = sigmoid(m Z^T + h U^T + b), r = sigmoid(m R^T + h V^T + c),
    h' = (1 - z) tanh(m M^T + r (h Q^T) + d) + z h.

    Args:
        rounds: the number of rounds. All rounds share their parameters.

    Cost: for each round 2 B N C (K C + K N + 6 C) flops forward.

    Raises:
        ShapeError E208, E220: nodes or edges of another shape.
        UsageError E101, E102: other names; fewer than one round.

    Example:
        >>> print(GatedGraphConv(3))
        GatedGraphConv(3)

    Reference: Li, Tarlow, Brockschmidt and Zemel (2016), Gated graph sequence neural networks (ICLR); Gilmer
    et al. (2017), Neural message passing for quantum chemistry (ICML).
    """

    chinese = ("门控图卷积", "图中每个节点汇总邻居的消息，再用门控单元更新自己的状态。")
    rounds: int

    def check(self) -> None:
        require_integer(self, "rounds", 1, fix="cr.GatedGraphConv(3)")

    def __call__(self, x: Mapping[str, Node], scope: Scope) -> Node:  # -> (B, N, C)
        require_names(x, {"nodes", "edges"}, {"nodes", "edges"})
        h, edges = x["nodes"], _edges(self, x)
        (units,) = bound(h.shape[-1:])
        for _ in range(self.rounds):
            h = _updated(h, _messages(h, edges, scope), units, scope)
        return h


@layer
class GraphNetwork(Layer):
    """Message passing network: a vector for each graph.

    Shapes: by name ``nodes`` (B, N, C), ``edges`` (B, K, N, N) and ``mask`` (B, N), true for the nodes that
    exist -> (B, units).

    Formula: h = g(x W^T + b); h' of ``GatedGraphConv``;
    y = sum over nodes that exist of sigmoid([h', x] G^T + c) (h' V^T + d).

    Args:
        units: the length of the vector of a node, and of that of the graph.
        rounds: the number of rounds of messages.
        activation: the name of g, or a layer.

    Cost: see ``GatedGraphConv``.

    Numerics: the sum grows with the number of nodes, as quantities of a molecule do.

    Raises:
        ShapeError E208, E220: nodes, edges or a mask of another shape.
        UsageError E101, E102: other names; unknown activation; fewer than one unit or round.

    Example:
        >>> print(GraphNetwork(64, rounds=3))
        GraphNetwork(64)

    Reference: Gilmer et al. (2017), Neural message passing for quantum chemistry (ICML), section 2.
    """

    chinese = ("消息传递网络", "节点之间传递消息，再按门控求和，整个图合为一个向量。")
    units: int
    _: KW_ONLY
    rounds: int = 3
    activation: str | Layer | None = "relu"

    def check(self) -> None:
        require_integer(self, "units", 1, fix="cr.GraphNetwork(64)")
        require_integer(self, "rounds", 1, fix="cr.GraphNetwork(64, rounds=3)")
        if not isinstance(self.activation, Layer | None):
            known_activation(self.activation)

    def __call__(self, x: Mapping[str, Node], scope: Scope) -> Node:  # -> (B, units)
        names = {"nodes", "edges", "mask"}
        require_names(x, names, names)
        nodes, mask = x["nodes"], x["mask"]
        require_sequence(self, "nodes", nodes, 3)
        require_mask("GraphNetwork", mask, nodes)
        exists = F.reshape(mask, (*mask.shape, 1)).astype(nodes.dtype)  # (B, N, 1)
        h = scope.run(Dense(self.units, self.activation), nodes, "input") * exists
        h = scope.run(GatedGraphConv(self.rounds), {"nodes": h, "edges": x["edges"]}, "messages")
        both = F.concatenate((h, nodes), -1)  # (B, N, units + C)
        gate = scope.run(Dense(self.units, "sigmoid"), both, "gate")
        return F.sum(gate * scope.run(Dense(self.units), h, "value") * exists, 1)  # (B, N, .) -> (B, units)


def _edges(owner: Layer, x: Mapping[str, Node]) -> Node:
    """Return the adjacency matrices, (B, K, N, N) -> (B, N, K N).

    Raises:
        ShapeError E220, E208: nodes or edges of another shape.
    """
    nodes, edges = x["nodes"], x["edges"]
    require_sequence(owner, "nodes", nodes, 3)
    if edges.rank != 4 or edges.shape[2:] != (nodes.shape[1],) * 2:
        raise ShapeError(
            "E208",
            op=type(owner).__name__,
            constraint=fact("an adjacency matrix for each kind of edges"),
            expected=f"(B, K, {shape_text(nodes.shape[1:2] * 2)[1:]}",
            received=shape_text(edges.shape),
            fix=fact("nodes (B, N, C) and edges (B, K, N, N)"),
        )
    kinds, count = bound(edges.shape[1:3])
    aligned = F.transpose(edges.astype(nodes.dtype), (0, 2, 1, 3))  # (B, K, N, N) -> (B, N, K, N)
    return F.reshape(aligned, (edges.shape[0], count, kinds * count))


def _messages(h: Node, edges: Node, scope: Scope) -> Node:
    """Return the sum of the messages that each node receives, (B, N, C)."""
    count, units = bound(h.shape[1:])
    kinds = bound(edges.shape[-1:])[0] // count
    sent = scope.run(Dense(kinds * units, bias=False), h, "message")  # (B, N, C) -> (B, N, K C)
    sent = F.transpose(F.reshape(sent, (h.shape[0], count, kinds, units)), (0, 2, 1, 3))  # (B, K, N, C)
    return edges @ F.reshape(sent, (h.shape[0], kinds * count, units))  # (B, N, K N) (B, K N, C) -> (B, N, C)


def _updated(h: Node, m: Node, units: int, scope: Scope) -> Node:
    """Return the states after a round, (B, N, C), by a gated recurrent unit."""
    received = scope.run(Dense(3 * units), m, "received")  # (B, N, C) -> (B, N, 3 C)
    own = scope.run(Dense(3 * units, bias=False), h, "own")
    z, r = (
        F.sigmoid(received[..., i * units : (i + 1) * units] + own[..., i * units : (i + 1) * units])
        for i in (0, 1)
    )
    candidate = F.tanh(received[..., 2 * units :] + r * own[..., 2 * units :])
    return (1.0 - z) * candidate + z * h

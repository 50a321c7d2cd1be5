"""The weight matrices of a network, and the chains in which one reads what another one computes.

A gradient grows or shrinks on its way through the layers. The gradients of two layers are therefore compared
only where one layer is behind the other. In the network

    x -> dense1 -> dense2 -> dense3 -+-> output
     +--------- shortcut ------------+

the chain of ``dense3`` is dense1, dense2, dense3, and that of ``shortcut`` is this layer alone.
"""

from __future__ import annotations

from collections.abc import Collection

from chainrule.graph import Graph, Node
from chainrule.spec import bound, size_at
from chainrule.train.member_graph import member_slices
from chainrule.train.network import Network

Chain = tuple[str, ...]


def weight_matrices_of(network: Network) -> dict[str, int]:
    """Return the trainable weight matrices with their sizes, without embedding tables.

    The first axis of an ensemble's parameter is that of its members: a bias (K, O) is not a matrix.
    """
    return network.memo("weight matrices", lambda: _weight_matrices(network))


def _weight_matrices(network: Network) -> dict[str, int]:
    tables = {path for path, _ in network.inference.book.tables}
    of_members = parameters_of_members(network)
    return {
        path: size_at(parameter.spec.size, {})
        for path, parameter in network.trainable.items()
        if parameter.spec.rank - (path in of_members) >= 2 and path.rpartition(".")[0] not in tables
    }


def parameters_of_members(network: Network) -> Collection[str]:
    """Return the parameters whose first axis is that of the members of an ensemble."""
    return member_slices(network) if any(map(network.members, network.inference.outputs)) else ()


def units_of(network: Network) -> dict[str, int]:
    """Return the number of units of each layer with a weight matrix, by the path of the layer.

    Each unit adds up its inputs, so the weights have one row for each unit, of an ensemble one for each unit
    of each member.
    """
    of_members = parameters_of_members(network)
    units = {}
    for path, parameter in network.parameters.items():
        layer, _, name = path.rpartition(".")
        if name == "weight" and parameter.spec.rank >= 2:
            shape = bound(parameter.spec.shape)
            units[layer] = shape[0] * (shape[1] if path in of_members else 1)
    return units


def weight_chains_of(network: Network) -> tuple[Chain, ...]:
    """Return for each weight matrix that no other one follows the longest chain of matrices up to it."""
    return network.memo("weight chains", lambda: _weight_chains(network))


def _weight_chains(network: Network) -> tuple[Chain, ...]:
    matrices = weight_matrices_of(network)
    applied: dict[Node, Chain] = {}  # by node computed from parameters alone, its matrices
    longest: dict[Node, Chain] = {}  # by node computed from data, the longest chain up to it
    last: dict[Node, frozenset[Chain]] = {}  # the chains of the matrices that no other one follows
    paths = {network.training.parameters[path].node: path for path in matrices}
    for node in Graph(network.training.outputs).nodes:
        own = tuple(path for source in node.inputs for path in applied.get(source, ()))
        sources = [source for source in node.inputs if source in longest]
        if node in paths:
            applied[node] = (paths[node],)
        elif not sources and not _is_data(node, network):
            applied[node] = own
        else:
            before = max((longest[source] for source in sources), key=len, default=())
            longest[node] = before + tuple(path for path in dict.fromkeys(own) if path not in before)
            ends = frozenset().union(*(last[source] for source in sources))
            last[node] = frozenset([longest[node]]) if own else ends
    ends = frozenset().union(*(last.get(node, frozenset()) for node in network.training.outputs.values()))
    return tuple(sorted(ends - {()}, key=lambda chain: [list(matrices).index(path) for path in chain]))


def _is_data(node: Node, network: Network) -> bool:
    """Return whether a node is an input of the network."""
    return node in network.training.inputs.values()

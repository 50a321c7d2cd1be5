"""The members of an ensemble in the graphs of a network: their outputs, parameters and names of columns."""

from __future__ import annotations

from collections.abc import Mapping

from chainrule.graph import Node, building
from chainrule.nn.build import Built, build
from chainrule.nn.layers.ensemble import EnsembleMean
from chainrule.symbolic_shape import Spec
from chainrule.train.network import Network

COLUMN = "member{number}_loss"  # of an evaluation; in the history val_member1_loss ...


def member_columns(network: Network) -> list[str]:
    """Return the names of the members' losses, first to last; empty for a network that is not an ensemble."""
    outputs = list(network.inference.outputs)
    count = network.members(outputs[0]) if len(outputs) == 1 else 0
    return [COLUMN.format(number=number) for number in range(1, count + 1)]


def members_in_inference(network: Network) -> Built:
    """Return the nodes of an ensemble in inference, with the outputs of its members, (B, K, C)."""
    return network.memo("members in inference", lambda: build_members(network, network.inputs))


def build_members(network: Network, inputs: Mapping[str, Spec]) -> Built:
    """Return the nodes as ``members_in_inference`` returns them, for inputs of other shapes."""
    layers = network.inference.book.layers
    inner = [path for path in layers if not any(other.startswith(f"{path}.") for other in layers)]
    fixed = tuple(path for path in inner if not isinstance(layers[path], EnsembleMean))
    with building(network.limits):
        return build(network.recipe.net, inputs, network.recipe.dtype, True, fixed)


def member_slices(network: Network) -> dict[str, slice]:
    """Return the members that each parameter and state belongs to, by path.

    Where groups of members are concatenated, the parameters of a group have an axis of its members only.
    """
    return network.memo("member slices", lambda: _member_slices(network))


def _member_slices(network: Network) -> dict[str, slice]:
    built = members_in_inference(network)
    (output,) = built.outputs.values()
    paths = {variable.node: path for path, variable in {**built.parameters, **built.states}.items()}
    groups = _concatenated(_before_units(output, set(paths)))
    slices, start = {}, 0
    for group in groups:
        length = int(group.shape[1])  # type: ignore[arg-type]
        slices |= {paths[node]: slice(start, start + length) for node in ancestors(group) if node in paths}
        start += length
    return slices


def _before_units(node: Node, variables: set[Node]) -> Node:
    """Return the members' outputs before a last layer without parameters, such as units; else the node."""
    current = node
    while current.op.name != "concatenate":
        sources = [source for source in current.inputs if ancestors(source) & variables]
        if len(sources) != 1 or sources[0].shape[:2] != node.shape[:2]:
            return node
        (current,) = sources
    return current


def _concatenated(node: Node) -> list[Node]:
    """Return the values that a node concatenates, in order; the node itself if it is no concatenation."""
    if node.op.name != "concatenate":
        return [node]
    return [part for source in node.inputs for part in _concatenated(source)]


def ancestors(node: Node) -> set[Node]:
    """Return a node and all nodes that it is computed from."""
    seen, waiting = {node}, [node]
    while waiting:
        for source in waiting.pop().inputs:
            if source not in seen:
                seen.add(source)
                waiting.append(source)
    return seen

"""Inputs that a network uses only as integers: the indices of an embedding, the words of a text.

Arrays of inputs become floating-point numbers, as most layers need them; a float32 has 24 bits, so that two
neighboring indices above 2^24 would read the same row. An input of which every use is a conversion to an
integer, or a comparison with an integer, is therefore built as int64. Whether a layer takes integers is not
declared anywhere: the graph for floating-point inputs shows it, for layers of users too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from chainrule.errors import ChainruleError
from chainrule.graph import Constant, Node
from chainrule.graph.graph import order
from chainrule.nn.build import Built
from chainrule.symbolic_shape import INTEGERS
from chainrule.train.network import Network

_COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
_MOVES = ("reshape", "transpose", "slice", "broadcast")  # these operations move numbers and change none


def with_integer_inputs(network: Network, fixed: Collection[str] = ()) -> Network:
    """Return the network with int64 inputs that it uses only as integers, except ``fixed`` ones."""
    names = [name for name, spec in network.inputs.items() if spec.is_float and name not in fixed]
    names = [name for name in names if _is_integer(network.inference, name)]
    if not names:
        return network
    specs = {
        name: spec.with_dtype("int64") if name in names else spec for name, spec in network.inputs.items()
    }
    other = Network(network.recipe, specs, network.engine, network.limits)
    try:
        _ = other.training
        is_same = _results(other.inference) == _results(network.inference)
    except ChainruleError:
        return network  # a layer that calculates with the dtype of its input
    return other if is_same else network


def indexing_inputs(network: Network) -> frozenset[str]:
    """Return the floating-point inputs that are also used as integers: no integer may be rounded.

    A column of a row of numbers may be one.
    """
    consumers, built = _consumers(network.inference), network.inference
    floats = {name: node for name, node in built.inputs.items() if node.spec.is_float}

    def is_index(node: Node) -> bool:
        return any(
            (use.op.name == "cast" and use.dtype in INTEGERS) or (use.op.name in _MOVES and is_index(use))
            for use in consumers.get(node, [])
        )

    return frozenset(name for name, node in floats.items() if is_index(node))


def whole_inputs(network: Network) -> frozenset[str]:
    """Return the floating-point inputs that are used only as integers: no number may be a fraction.

    Such is a memory-mapped array of indices, which is read where it is.
    """
    return frozenset(name for name in indexing_inputs(network) if _is_integer(network.inference, name))


def _consumers(built: Built) -> dict[Node, list[Node]]:
    """Return the nodes that take each node of a network as an input."""
    consumers: dict[Node, list[Node]] = {}
    for node in order(_roots(built)):
        for source in node.inputs:
            consumers.setdefault(source, []).append(node)
    return consumers


def _is_integer(built: Built, name: str) -> bool:
    """Return whether an input is used, and only as integers."""
    consumers = _consumers(built)

    def is_used_as_integer(node: Node) -> bool:
        uses = consumers.get(node, [])
        return bool(uses) and all(map(takes_integer, uses, [node] * len(uses)))

    def takes_integer(use: Node, node: Node) -> bool:
        if use.op.name == "cast":
            return use.dtype in INTEGERS
        if use.op.name in _COMPARISONS:
            return all(_is_integral(other) for other in use.inputs if other is not node)
        return use.op.name in _MOVES and is_used_as_integer(use)

    return name in built.inputs and is_used_as_integer(built.inputs[name])


def _roots(built: Built) -> Iterator[Node]:
    """Yield the nodes that a network computes."""
    yield from built.outputs.values()
    yield from built.book.costs.values()
    yield from built.book.updates.values()


def _is_integral(node: Node) -> bool:
    """Return whether a node is a constant of integers."""
    if not isinstance(node.op, Constant):
        return node.op.name in ("broadcast", "cast") and _is_integral(node.inputs[0])
    return bool((node.op.array == np.floor(node.op.array)).all())


def _results(built: Built) -> tuple[object, object]:
    """Return what must not depend on the dtypes of the inputs: the specs of outputs and parameters."""
    outputs = {name: node.spec for name, node in built.outputs.items()}
    return outputs, {path: parameter.spec for path, parameter in built.parameters.items()}

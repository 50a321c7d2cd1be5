"""The stops of a trace: every named value on the way forward, the loss, every signal on the way back, every
move."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from chainrule.graph import Node, order
from chainrule.records import frozen
from chainrule.trace.names import GIVEN, Names
from chainrule.trace.step_nodes import Derivation
from chainrule.trace.unroll import Unfolder, scalars


@frozen
class Stop:
    """One stop.

    Args:
        kind: ``forward``, ``loss``, ``backward`` or ``update``.
        op: the operation that computed the value.
        path: the layer or the parameter it belongs to.
        node: the value's node; of a backward stop the forward node that the signal comes back to.
        inputs: the named nodes its first number is a formula of.
        value: the value, or on the way back what comes back.
        slope: the local derivative, where a curve bends each number by itself.
        upstream: what arrives from the loss, where there is a slope; times the slope it is ``downstream``.
        downstream: what is handed on.
    """

    kind: str
    op: str
    path: str
    node: Node
    inputs: tuple[Node, ...]
    value: np.ndarray
    slope: np.ndarray | None = None
    upstream: np.ndarray | None = None
    downstream: np.ndarray | None = None


def stops_of(d: Derivation, names: Names, unfolder: Unfolder) -> tuple[Stop, ...]:
    """All stops in the order in which they happen."""
    return (*_forward(d, names, unfolder), *_backward(d, names, unfolder), *_moves(d, unfolder))


def _forward(d: Derivation, names: Names, unfolder: Unfolder) -> Iterator[Stop]:
    for node in order([*d.answers(), d.each]):
        role = names[node].role if node in names else ""
        if role and role not in GIVEN:
            kind = "loss" if node is d.each else "forward"
            value, path = unfolder.values[node], node.site.path
            yield Stop(kind, node.op.name, path, node, reads_of(unfolder, node), value)


def _backward(d: Derivation, names: Names, unfolder: Unfolder) -> Iterator[Stop]:
    values, slopes = unfolder.values, d.slopes()
    for node, back in d.cotangents.items():
        if node not in names or names[node].role in ("loss", "parameter"):
            continue
        stop = Stop("backward", node.op.name, node.site.path, node, reads_of(unfolder, back), values[back])
        slope, onward = slopes.get(node), d.cotangents.get(node.inputs[0]) if node.inputs else None
        if slope is not None and onward is not None:
            stop = replace(stop, slope=values[slope], upstream=values[back], downstream=values[onward])
        yield stop
    for path, node in d.gradients.items():
        p = d.built.parameters[path].node
        yield Stop("backward", node.op.name, path, p, reads_of(unfolder, node), values[node])


def _moves(d: Derivation, unfolder: Unfolder) -> Iterator[Stop]:
    for path, node in d.moved.items():
        yield Stop("update", node.op.name, path, node, reads_of(unfolder, node), unfolder.values[node])


def reads_of(unfolder: Unfolder, node: Node) -> tuple[Node, ...]:
    """The named nodes of the formula of a node's first number."""
    if not unfolder.values[node].size or node not in unfolder.cards:
        return ()
    tree = unfolder.scalar(node, (0,) * unfolder.values[node].ndim)
    return tuple(dict.fromkeys(at.node for at in scalars(tree)))

"""The stops of a trace: every named value of the forward pass, the loss, every error signal, every update."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from chainrule.graph import Node, order
from chainrule.records import frozen
from chainrule.trace.formula_builder import FormulaBuilder, scalars
from chainrule.trace.names import INPUT_ROLES, Names
from chainrule.trace.step_nodes import Derivation


@frozen
class Stop:
    """One stop of a trace.

    Args:
        kind: ``forward``, ``loss``, ``backward`` or ``update``.
        op: the operation that computed the value.
        path: the layer or parameter to which it belongs.
        node: the node of the value; at a backward stop the forward node whose cotangent it is.
        inputs: the named nodes in the formula of its first number.
        value: the value, or the cotangent at a backward stop.
        slope: the local derivative of an elementwise function.
        upstream: the incoming gradient, where there is a slope.
        downstream: the outgoing gradient, ``upstream * slope``.
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


def stops_of(derivation: Derivation, names: Names, formulas: FormulaBuilder) -> tuple[Stop, ...]:
    """All stops in execution order."""
    return (
        *_forward(derivation, names, formulas),
        *_backward(derivation, names, formulas),
        *_updates(derivation, formulas),
    )


def _forward(derivation: Derivation, names: Names, formulas: FormulaBuilder) -> Iterator[Stop]:
    for node in order([*derivation.predictions(), derivation.sample_losses]):
        role = names[node].role if node in names else ""
        if role and role not in INPUT_ROLES:
            kind = "loss" if node is derivation.sample_losses else "forward"
            value, path = formulas.values[node], node.site.path
            yield Stop(kind, node.op.name, path, node, reads_of(formulas, node), value)


def _backward(derivation: Derivation, names: Names, formulas: FormulaBuilder) -> Iterator[Stop]:
    values, local_derivatives = formulas.values, derivation.local_derivatives()
    for node, cotangent in derivation.cotangents.items():
        if node not in names or names[node].role in ("loss", "parameter"):
            continue
        stop = Stop(
            "backward", node.op.name, node.site.path, node, reads_of(formulas, cotangent), values[cotangent]
        )
        slope, downstream = (
            local_derivatives.get(node),
            derivation.cotangents.get(node.inputs[0]) if node.inputs else None,
        )
        if slope is not None and downstream is not None:
            stop = replace(
                stop, slope=values[slope], upstream=values[cotangent], downstream=values[downstream]
            )
        yield stop
    for path, node in derivation.gradients.items():
        p = derivation.built.parameters[path].node
        yield Stop("backward", node.op.name, path, p, reads_of(formulas, node), values[node])


def _updates(derivation: Derivation, formulas: FormulaBuilder) -> Iterator[Stop]:
    for path, node in derivation.updated.items():
        yield Stop("update", node.op.name, path, node, reads_of(formulas, node), formulas.values[node])


def reads_of(formulas: FormulaBuilder, node: Node) -> tuple[Node, ...]:
    """The named nodes in the formula of the first number of ``node``."""
    if not formulas.values[node].size or node not in formulas.cards:
        return ()
    tree = formulas.scalar(node, (0,) * formulas.values[node].ndim)
    return tuple(dict.fromkeys(at.node for at in scalars(tree)))

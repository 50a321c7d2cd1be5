"""The stops of a trace: every named value on the way forward, the loss, every signal on the way back, every move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainrule.formula import Link, substitute
from chainrule.graph import Node, order
from chainrule.trace.derivation import Derivation
from chainrule.trace.name import GIVEN, Names
from chainrule.trace.unfold import Unfolder


@dataclass(frozen=True)
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
    values, slopes = unfolder.values, d.slopes()
    found = []
    for node in order([*d.answers(), d.each]):
        role = names[node].role if node in names else ""
        if role and role not in GIVEN:
            kind = "loss" if node is d.each else "forward"
            inputs = _inputs(unfolder, node)
            found.append(Stop(kind, node.op.name, node.site.path, node, inputs, values[node]))
    for node, back in d.cotangents.items():
        if node not in names or names[node].role in ("loss", "parameter"):
            continue
        slope, onward = slopes.get(node), d.cotangents.get(node.inputs[0]) if node.inputs else None
        bent = slope is not None and onward is not None
        found.append(
            Stop(
                "backward",
                node.op.name,
                node.site.path,
                node,
                _inputs(unfolder, back),
                values[back],
                values[slope] if bent else None,
                values[back] if bent else None,
                values[onward] if bent else None,
            )  # fmt: skip
        )
    for path, node in d.gradients.items():
        p = d.built.parameters[path].node
        found.append(Stop("backward", node.op.name, path, p, _inputs(unfolder, node), values[node]))
    for path, node in d.moved.items():
        found.append(Stop("update", node.op.name, path, node, _inputs(unfolder, node), values[node]))
    return tuple(found)


def _inputs(unfolder: Unfolder, node: Node) -> tuple[Node, ...]:
    """The named nodes of the formula of a node's first number."""
    if not unfolder.values[node].size or node not in unfolder.cards:
        return ()
    met: dict[Node, None] = {}

    def look(part: object) -> None:
        if isinstance(part, Link):
            met[part.target.node] = None  # pyright: ignore[reportAttributeAccessIssue]

    substitute(unfolder.scalar(node, (0,) * unfolder.values[node].ndim), look)  # pyright: ignore[reportArgumentType]
    return tuple(met)

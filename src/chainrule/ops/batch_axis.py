"""Batch-axis analysis: how each node of a graph depends on the samples of a batch.

Each card has a rule for the batch axis. One walk over the graph with these rules classifies every node: it
keeps samples separate (any part of the batch can be computed on its own, by any thread), it reduces them
(results of parts are combined), or it does not depend on them. Where a reduced value is used by single
samples again (a batch statistic), a new *round* begins: within a round samples can be computed one after the
other; between two rounds all samples must be complete. The same partition serves caches, threads and
machines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from weakref import WeakKeyDictionary

from chainrule.graph import Constant, Input, Node
from chainrule.ops.operation_card import Apart, Card, Reduced, Shared, Whole
from chainrule.records import frozen
from chainrule.symbolic_shape import Shape, Size, count

BATCH = Size.symbol("B")
SHARDS = 8
"""The parts of a batch that several devices share; results do not depend on the number of devices."""


def per_sample(shape: Shape) -> int:
    """Return the number of elements per sample, if those of each sample are consecutive; else 0.

    Example:
        >>> per_sample((BATCH * 3, 2)), per_sample((2, BATCH))
        (6, 0)
    """
    try:
        many = count(shape) // BATCH if shape and isinstance(shape[0], Size) and shape[0] // BATCH else 0
    except ValueError:
        return 0
    return many if isinstance(many, int) else 0


@frozen
class Role:
    """The dependence of a node on the batch.

    Args:
        kind: ``"sample"`` (samples lie along ``axis``), ``"reduced"`` (samples are reduced by ``by``),
            ``"shared"`` (independent of single samples, or computed from reduced values).
        round: the number of reductions before it.
        axis: the batch axis of a ``"sample"`` node.
        by: the reduction of a ``"reduced"`` node: ``"sum"``, ``"max"``, ...; ``"all"`` if results of parts
            cannot be combined.
    """

    kind: str
    round: int = 0
    axis: int | None = None
    by: str = ""


def roles(nodes: Sequence[Node], known: Mapping[Node, Role] | None = None) -> dict[Node, Role]:
    """Return the role of every node.

    Args:
        nodes: in topological order; the batch is the size called ``B``.
        known: roles of nodes that are known already.
    """
    roles_of = dict(known or {})
    for node in nodes:
        if node in roles_of:
            continue
        if known:
            roles_of[node] = _role(node, roles_of)
        elif (role := _ROLES.get(node)) is not None:
            roles_of[node] = role
        else:
            roles_of[node] = _ROLES[node] = _role(node, roles_of)
    return roles_of


_ROLES: WeakKeyDictionary[Node, Role] = WeakKeyDictionary()
"""The roles of nodes where none were given: each plan of a graph needs them several times."""


def _role(node: Node, roles_of: Mapping[Node, Role]) -> Role:
    if isinstance(node.op, Input | Constant):
        axes = [i for i, n in enumerate(node.shape) if n == BATCH]
        return Role("sample", axis=axes[0]) if axes else Role("shared")
    assert isinstance(node.op, Card)
    inputs = [roles_of[source] for source in node.inputs]
    latest = max((r.round + (r.kind == "reduced") for r in inputs), default=0)
    rule = node.op.batch(tuple(r.axis for r in inputs), *(source.spec for source in node.inputs))
    match rule:
        case Apart(axis):
            return Role("sample", latest, axis)
        case Reduced(by):
            return Role("reduced", latest, by=by)
        case Whole():
            return Role("reduced", latest, by="all")
        case Shared():
            return Role("shared", latest)


def is_divisible(roles: Mapping[Node, Role]) -> bool:
    """Return whether results of parts of the batch can be added: one round, reduced by sums only."""
    return all(
        role.by in ("", "sum") and (role.kind != "sample" or role.round == 0) for role in roles.values()
    )

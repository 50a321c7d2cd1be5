"""Batch-axis analysis: what a node has to do with the samples.

Each card says how it treats the axis along which samples lie. Walking the graph once with these rules tells,
for each node, whether it keeps samples apart (then any part of the batch can be computed on its own, by any
thread), joins them (then the parts' results are joined), or does not see them. Where a value that was joined
flows back to single samples (a batch statistic), a new *round* begins: everything of a round can run depth
first, sample by sample; between two rounds all samples must have arrived. The same cut serves caches,
threads, devices and machines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chainrule.graph import Constant, Input, Node
from chainrule.ops.card import Apart, Card, Reduced, Shared, Whole
from chainrule.records import frozen
from chainrule.spec import Shape, Size, count

BATCH = Size.symbol("B")


def per_sample(shape: Shape) -> int:
    """How many numbers of a value belong to one sample, if those of each sample follow one another; else 0.

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
    """What a node has to do with the batch.

    Args:
        kind: ``"sample"`` (samples lie along ``axis``), ``"reduced"`` (samples have been joined by ``by``),
            ``"shared"`` (nothing to do with samples, or computed from joined values).
        round: how many joins lie before it.
        axis: of a ``"sample"`` node.
        by: of a ``"reduced"`` node: ``"sum"``, ``"max"``, ...; ``"all"`` when parts cannot be joined.
    """

    kind: str
    round: int = 0
    axis: int | None = None
    by: str = ""


def roles(nodes: Sequence[Node], given: Mapping[Node, Role] | None = None) -> dict[Node, Role]:
    """The role of every node.

    Args:
        nodes: in topological order; the batch is the size called ``B``.
        given: roles that are known.
    """
    found = dict(given or {})
    for node in nodes:
        if node not in found:
            found[node] = _role(node, found)
    return found


def _role(node: Node, found: Mapping[Node, Role]) -> Role:
    if isinstance(node.op, Input | Constant):
        axes = [i for i, n in enumerate(node.shape) if n == BATCH]
        return Role("sample", axis=axes[0]) if axes else Role("shared")
    assert isinstance(node.op, Card)
    inputs = [found[source] for source in node.inputs]
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
    """Whether parts of the batch can be computed whose results are added: one round, joined by sums."""
    return all(
        role.by in ("", "sum") and (role.kind != "sample" or role.round == 0) for role in roles.values()
    )

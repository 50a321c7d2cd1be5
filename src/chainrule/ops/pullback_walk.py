"""One walk from the readers of a value to what they read: how gradients flow back through a piece of graph.

Each node is visited once, *after all nodes that read it*, because only then has everything arrived that flows
into it. Where a value was read several times, what comes back from each reader is added: that sum is the
multivariate chain rule, and the only place where it is written. Where the readers looked at different parts
of the value, the parts that come back are set side by side, which is the same sum without its zeros.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from chainrule.graph import Node, make, order, site
from chainrule.ops.array.slicing import Concatenate, Pad
from chainrule.ops.card import Card, Flat, NoGradient
from chainrule.ops.recomputation import Remat, copied, stretch


def flow(
    seeds: Mapping[Node, Node],
    inputs: Iterable[Node],
    ends: Iterable[Node] = (),
    recomputes: bool = True,
) -> tuple[dict[Node, Node], dict[Node, NoGradient]]:
    """What arrives at every node between the inputs and the seeds, and where something was refused.

    Args:
        seeds: nodes at which a gradient arrives from outside, with that gradient.
        inputs: how far it is to flow; any nodes, also ones in the middle of the graph.
        ends: nodes that count as given: the walk does not look behind them.
        recomputes: whether marked stretches (``ops.remat``) are computed again.

    Returns:
        what has arrived, for each node that depends on an input; and for nodes whose operation has no
        derivative, the reason.
    """
    wanted, closed = dict.fromkeys(inputs), list(ends)
    nodes = [*closed, *order(seeds, closed)]
    between = _between(nodes, wanted)
    parts: dict[Node, list[Node]] = {node: [dy] for node, dy in seeds.items() if node in between}
    arrived: dict[Node, Node] = {}
    blocked: dict[Node, NoGradient] = {}
    given = set(closed)
    for node in reversed(nodes):
        if node not in parts:
            continue
        dy = arrived[node] = joined(parts.pop(node))
        if node in given or not isinstance(node.op, Card):
            continue
        if recomputes and isinstance(node.op, Remat) and wanted.keys().isdisjoint(_inside(node)):
            found, refused = _through_copy(node, dy, wanted, between)
            blocked |= refused
            for source, pulled in found:
                parts.setdefault(source, []).append(pulled)
            continue
        with site(node.site):  # what comes back through a layer belongs to that layer
            results = node.op.pullback(dy, node, *node.inputs)
        for source, pulled in zip(node.inputs, results, strict=True):
            if source not in between or isinstance(pulled, Flat):
                continue
            if isinstance(pulled, NoGradient):
                blocked[node] = pulled
            else:
                parts.setdefault(source, []).append(pulled)
    return arrived, blocked


def _inside(node: Node) -> list[Node]:
    """What a marked stretch computes; who asks for the gradient by one of these wants it as it is."""
    return [inner for inner in stretch(node) if inner.inputs]


def _through_copy(
    node: Node, dy: Node, wanted: Mapping[Node, None], between: set[Node]
) -> tuple[list[tuple[Node, Node]], dict[Node, NoGradient]]:
    """What flows back through a marked stretch, computed again: to its entries and what else is wanted."""
    again, stands = copied(node, dy)
    ends = {stand: x for x, stand in stands.items() if x in between}
    arrived, refused = flow({again: dy}, [*ends, *wanted], stands.values())
    goals = {**{w: w for w in wanted}, **ends}
    return [(x, arrived[goal]) for goal, x in goals.items() if goal in arrived], refused


def _between(nodes: Sequence[Node], inputs: Iterable[Node]) -> set[Node]:
    """The inputs and every node that depends on one of them."""
    depends = set(inputs)
    for node in nodes:
        if any(source in depends for source in node.inputs):
            depends.add(node)
    return depends


def joined(parts: Sequence[Node]) -> Node:
    """The sum of what came back from several readers; side by side where each had a part of its own."""
    axis = _axis_of_parts(parts)
    if axis is not None:
        inner = [p.inputs[0] for p in sorted(parts, key=lambda p: p.op.attributes["low"][axis])]
        whole = inner[0]
        for part in inner[1:]:
            whole = make(Concatenate(axis), whole, part)
        return whole
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _axis_of_parts(parts: Sequence[Node]) -> int | None:
    """The axis along which values that are zero but for one stretch tile a whole, if they do."""
    if len(parts) < 2 or not all(isinstance(p.op, Pad) and not any(p.op.between) for p in parts):
        return None
    pads = [p.op.attributes for p in parts]
    moved = {i for p in pads for i, (low, high) in enumerate(zip(p["low"], p["high"], strict=True))
             if low != 0 or high != 0}  # fmt: skip
    if len(moved) != 1:
        return None
    (axis,) = moved
    spans = [(p["low"][axis], part.inputs[0].shape[axis]) for p, part in zip(pads, parts, strict=True)]
    if not all(isinstance(low, int) and isinstance(length, int) for low, length in spans):
        return None
    spans.sort()
    ends = [0, *(low + length for low, length in spans)]
    is_tiled = [low for low, _ in spans] == ends[:-1] and ends[-1] == parts[0].shape[axis]
    return axis if is_tiled else None

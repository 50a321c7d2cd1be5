"""Reverse-mode differentiation of a part of a graph: one walk from outputs to inputs.

Each node is visited once, *after all nodes that use it*, since only then is its gradient complete. If a value
is used several times, the gradients from all uses are added: that sum is the multivariate chain rule, and
this is the only place where it is implemented. If the uses read different parts of the value, their gradients
are concatenated, which is the same sum without its zeros.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from chainrule.errors import ShapeError
from chainrule.graph import Node, make, order, site
from chainrule.ops import functional as F
from chainrule.ops.array.slicing import Concatenate, Pad
from chainrule.ops.operation_card import Card, Flat, NoGradient
from chainrule.ops.recomputed_segments import Remat, recomputed, segment
from chainrule.symbolic_shape import shape_text


def flow(
    seeds: Mapping[Node, Node], inputs: Iterable[Node], ends: Iterable[Node] = (), recomputes: bool = True
) -> tuple[dict[Node, Node], dict[Node, NoGradient]]:
    """Return the gradients of all nodes between the inputs and the seeds, and the nodes without derivative.

    Args:
        seeds: the outputs, each with its gradient.
        inputs: the nodes whose gradients are needed; they may be inside the graph.
        ends: nodes behind which the walk does not go: they count as inputs of the graph.
        recomputes: whether marked segments (``ops.remat``) are rematerialized.

    Returns:
        the gradient of each node that depends on an input; and the reason for each node whose operation has
        no derivative.
    """
    targets, closed = dict.fromkeys(inputs), list(ends)
    nodes = [*closed, *order(seeds, closed)]
    between = _between(nodes, targets)
    parts: dict[Node, list[Node]] = {node: [dy] for node, dy in seeds.items() if node in between}
    gradients: dict[Node, Node] = {}
    blocked: dict[Node, NoGradient] = {}
    boundary = set(closed)
    for node in reversed(nodes):
        if node not in parts:
            continue
        dy = gradients[node] = add_up(parts.pop(node))
        if node in boundary or not isinstance(node.op, Card):
            continue
        if recomputes and isinstance(node.op, Remat) and targets.keys().isdisjoint(_inside(node)):
            pulled_back, refused = _through_copy(node, dy, targets, between)
            blocked |= refused
            for source, pulled in pulled_back:
                parts.setdefault(source, []).append(pulled)
            continue
        with site(node.site):  # the gradient nodes of a layer belong to that layer
            results = node.op.pullback(dy, node, *node.inputs)
        for source, pulled in zip(node.inputs, results, strict=True):
            if source not in between or isinstance(pulled, Flat):
                continue
            if isinstance(pulled, NoGradient):
                blocked[node] = pulled
            else:
                parts.setdefault(source, []).append(pulled)
    return gradients, blocked


def _inside(node: Node) -> list[Node]:
    """Return the values computed in a marked segment, not copied if a gradient by one of them is needed."""
    return [inner for inner in segment(node) if inner.inputs]


def _through_copy(
    node: Node, dy: Node, targets: Mapping[Node, None], between: set[Node]
) -> tuple[list[tuple[Node, Node]], dict[Node, NoGradient]]:
    """Return the gradients by the entries of a marked segment and by the targets, through a copy of it."""
    copy, entries = recomputed(node, dy)
    ends = {entry_copy: x for x, entry_copy in entries.items() if x in between}
    gradients, refused = flow({copy: dy}, [*ends, *targets], entries.values())
    goals = {**{target: target for target in targets}, **ends}
    return [(x, gradients[goal]) for goal, x in goals.items() if goal in gradients], refused


def _between(nodes: Sequence[Node], inputs: Iterable[Node]) -> set[Node]:
    """Return the inputs and every node that depends on one of them."""
    depends = set(inputs)
    for node in nodes:
        if any(source in depends for source in node.inputs):
            depends.add(node)
    return depends


def add_up(parts: Sequence[Node]) -> Node:
    """Return the sum of the gradients from several uses; concatenated if each use read a part of its own."""
    axis = _axis_of_parts(parts)
    if axis is not None:
        inner = [p.inputs[0] for p in sorted(parts, key=lambda p: p.op.attributes["low"][axis])]
        concatenated = inner[0]
        for part in inner[1:]:
            concatenated = make(Concatenate(axis), concatenated, part)
        return concatenated
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _axis_of_parts(parts: Sequence[Node]) -> int | None:
    """Return the axis that the parts, each zero outside one interval, tile completely; else ``None``."""
    if len(parts) < 2 or not all(isinstance(p.op, Pad) and not any(p.op.between) for p in parts):
        return None
    pads = [p.op.attributes for p in parts]
    widths = [(i, width) for p in pads for i, width in enumerate(zip(p["low"], p["high"], strict=True))]
    moved = {i for i, (low, high) in widths if low != 0 or high != 0}
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


def custom_gradient(value: Node, gradients: Iterable[tuple[Node, Node | float]]) -> Node:
    """Return a node with the value of another one and with given derivatives.

    Shapes: ``value``, each input and its derivative have one shape; or ``value`` has shape () and each
    derivative the shape of its input.

    Formula: y = value and dx = dy * gradient for each pair (x, gradient); no other derivative passes. It is
    built as y = stop_gradient(value) + stop_gradient(gradient) * (x - stop_gradient(x)), summed if the shape
    is (), so finite values do not change.

    Args:
        value: the result.
        gradients: pairs of an input and the derivative of the value with respect to it, a node or a number.

    Numerics: an infinite input or derivative makes the result NaN.

    Raises:
        ShapeError E201: a derivative that does not have the shape of its input and of the value.

    Example:
        >>> import chainrule as cr
        >>> x = cr.input("x", (None,), "float64")
        >>> rounded = custom_gradient(cr.floor(x + 0.5), [(x, 1.0)])  # straight-through estimator
        >>> cr.evaluate([rounded, *cr.grad(rounded.sum(), [x])], {"x": [0.2, 0.7, 1.6]})
        [array([0., 1., 2.]), array([1., 1., 1.])]

    Reference: Bengio, Léonard and Courville (2013), Estimating or propagating gradients through stochastic
    neurons for conditional computation (arXiv 1308.3432), the straight-through estimator.
    """
    result = F.stop_gradient(value)
    for x, factor in gradients:
        gradient = factor if isinstance(factor, Node) else F.full_like(x, factor)
        expected = x.shape if value.rank == 0 else value.shape
        if gradient.shape != expected or x.shape != expected:
            expected = f"gradient {shape_text(x.shape)}"
            received = f"gradient {shape_text(gradient.shape)}"
            fix = f"gradient.reshape({shape_text(x.shape)})"
            raise ShapeError("E201", op="custom_gradient", expected=expected, received=received, fix=fix)
        change = F.stop_gradient(gradient) * (x - F.stop_gradient(x))
        result = result + (change.sum() if value.rank == 0 and x.rank else change)
    return result

"""Which operation was the first whose result was not finite, and which of its numbers count.

Not every infinity is a fault: the logarithm of 0 does no harm where a ``where`` leaves it out, and a mask of
minus infinity is meant. So the search goes back from the results that are not finite, number by number where
an operation keeps numbers apart, and only through numbers that are not finite either, until it comes to an
operation that read nothing but finite numbers. An infinity that was written down as a constant is no fault;
what makes NaN of it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from chainrule.graph import Constant, Graph, Input, Node, order
from chainrule.ops.card import Apart, Card
from chainrule.ops.elementwise.elementwise import Elementwise
from chainrule.records import frozen
from chainrule.spec import Size
from chainrule.train.nonfinite.check import is_finite

Walked = Iterable[tuple[Node, Card, Sequence[np.ndarray], np.ndarray]]
STATE = "state."


@frozen(eq=False)
class Origin:
    """The first operation whose result was not finite.

    Args:
        node, card: the operation; ``card`` has its sizes bound, and is ``None`` for an input.
        value: its result.
        reads: the arrays it read.
        mask: which numbers of the result are not finite and did harm.
        phase: ``"forward"``, ``"backward"`` or ``"update"``.
        layer, kind: path and class of its layer; ``"loss"`` outside the net.
        time: the place in the sequence, inside a loop over time; -1 elsewhere.
        rows: places in the batch, where they are known already.
    """

    node: Node
    card: Card | None
    value: np.ndarray
    reads: Sequence[np.ndarray]
    mask: np.ndarray
    phase: str = "forward"
    layer: str = "loss"
    kind: str = ""
    time: int = -1
    rows: np.ndarray | None = None

    @property
    def index(self) -> tuple[int, ...]:
        """The place of the first number that counts."""
        return tuple(int(i) for i in np.argwhere(self.mask)[0])


@frozen(eq=False)
class _Seen:
    """A value that is not finite, with what made it."""

    card: Card | None
    reads: Sequence[np.ndarray]
    value: np.ndarray


def find(
    graph: Graph,
    gradients: Iterable[Node],
    arrays: Mapping[str, np.ndarray],
    walked: Walked,
    results: Sequence[Node] = (),
) -> Origin | None:
    """The first operation to blame; ``None`` where all results are finite.

    Args:
        graph: the step.
        gradients: its nodes that end the way back.
        arrays: what it was given.
        walked: every node with its card, what it read and its value, each after its inputs.
        results: where to begin; by default with the loss, and if that is finite with all results.
    """
    seen = _not_finite(graph, arrays, walked)
    masks = _harm(graph, seen, results)
    meant = _meant(graph, seen)
    for node in graph.nodes:
        if (
            node in masks
            and node not in meant
            and not any(s in masks and s not in meant for s in node.inputs)
        ):
            break
    else:  # infinities that were meant, and nothing that made NaN of them
        node = next((n for n in graph.nodes if n in masks and n.inputs), None)
    if node is None:
        return None
    own, mask = seen[node], masks[node]
    broken = mask & np.isnan(own.value)
    if any(source in masks for source in node.inputs) and broken.any():
        mask = broken
    phase = phases(graph, gradients)[_first_reader(graph, node)]
    return _placed(graph, Origin(node, own.card, own.value, own.reads, mask, phase))


def phases(graph: Graph, gradients: Iterable[Node]) -> dict[Node, str]:
    """For each node of a step the phase in which it is computed; an answer is all forward."""
    if "loss" not in graph.outputs or "rate" not in graph.outputs:
        return dict.fromkeys(graph.nodes, "forward")
    ends = [node for name, node in graph.outputs.items() if name == "loss" or name.startswith(STATE)]
    found = dict.fromkeys(graph.nodes, "update")
    found.update(dict.fromkeys(order(gradients), "backward"))
    found.update(dict.fromkeys(order(ends), "forward"))
    return found


def rows_of(node: Node, mask: np.ndarray) -> np.ndarray:
    """The places in the batch of the numbers in ``mask``; empty where the value has no axis of samples."""
    for axis, length in enumerate(node.shape):
        factor = samples_on(length)
        if factor:
            others = tuple(i for i in range(mask.ndim) if i != axis)
            return np.unique(np.flatnonzero(mask.any(axis=others)) // factor)
    return np.zeros(0, np.int64)


def samples_on(length: object) -> int:
    """How many places of an axis belong to each sample; 0 where samples do not lie along it."""
    terms = length.terms if isinstance(length, Size) else ()
    return terms[0][1] if len(terms) == 1 and terms[0][0] == ("B",) else 0


def _not_finite(graph: Graph, arrays: Mapping[str, np.ndarray], walked: Walked) -> dict[Node, _Seen]:
    """Every node whose value is not finite."""
    found = {
        node: _Seen(None, (), np.asarray(arrays[name]))
        for name, node in graph.inputs.items()
        if not is_finite(np.asarray(arrays[name]))
    }
    fixed = [node for node in graph.nodes if isinstance(node.op, Constant)]
    found |= {
        node: _Seen(None, (), node.op.array)
        for node in fixed
        if isinstance(node.op, Constant) and not is_finite(node.op.array)
    }
    found |= {node: _Seen(card, reads, value) for node, card, reads, value in walked if not is_finite(value)}
    return found


def _harm(graph: Graph, seen: Mapping[Node, _Seen], results: Sequence[Node]) -> dict[Node, np.ndarray]:
    """Which numbers of which values led to a result that is not finite."""
    wrong = [node for node in results or graph.outputs.values() if node in seen]
    loss = [node for node in wrong if node is graph.outputs.get("loss")]
    masks = {node: ~np.isfinite(seen[node].value) for node in loss or wrong}
    for node in reversed(graph.nodes):
        if node not in masks:
            continue
        for source in filter(seen.__contains__, node.inputs):
            bad = _passed(node, source, masks[node], ~np.isfinite(seen[source].value))
            if bad.any():
                masks[source] = masks[source] | bad if source in masks else bad
    return masks


def _passed(node: Node, source: Node, mask: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """Which of the bad numbers of a source can have made those in ``mask``.

    An operation that keeps numbers apart passes each to its own place; one that keeps samples apart, to its
    own sample.
    """
    if isinstance(node.op, Elementwise) and bad.shape == mask.shape:
        return bad & mask
    axes = [_sample_axis(each) for each in node.inputs]
    rule = node.op.batch(tuple(axes), *(s.spec for s in node.inputs)) if isinstance(node.op, Card) else None
    at = _sample_axis(source)
    if not isinstance(rule, Apart) or at is None or mask.shape[rule.axis] != bad.shape[at]:
        return bad
    samples = mask.any(axis=tuple(i for i in range(mask.ndim) if i != rule.axis))
    return bad & samples.reshape([-1 if i == at else 1 for i in range(bad.ndim)])


def _sample_axis(node: Node) -> int | None:
    """The axis along which samples lie, one place each."""
    return next((i for i, length in enumerate(node.shape) if samples_on(length) == 1), None)


def _meant(graph: Graph, seen: Mapping[Node, _Seen]) -> set[Node]:
    """Values whose infinities were all written down as constants, and that hold no NaN."""
    found: set[Node] = set()
    for node in graph.nodes:
        if node in seen and not np.isnan(seen[node].value).any():
            bad = [source for source in node.inputs if source in seen]
            if isinstance(node.op, Constant) or (bad and all(source in found for source in bad)):
                found.add(node)
    return found


def _first_reader(graph: Graph, node: Node) -> Node:
    """The node itself, or who reads an input first."""
    if node.inputs or not graph.consumers[node]:
        return node
    return graph.consumers[node][0]


def _placed(graph: Graph, origin: Origin) -> Origin:
    """The origin with the layer it belongs to."""
    node = origin.node
    if isinstance(node.op, Input):
        owner = node.op.label.rpartition("/")[0] or node.op.label
        layer = owner.rpartition(".")[0] if node.op.role in ("parameter", "state") else node.op.label
        return replace(origin, layer=layer)
    if node.site.path:
        return replace(origin, layer=node.site.path, kind=node.site.kind)
    if origin.phase == "update":
        reached = _reached(graph, node)
        owners = {name.partition(".")[2].rpartition("/")[0] or name.partition(".")[2] for name in reached}
        if len(owners) == 1:
            return replace(origin, layer=owners.pop().rpartition(".")[0])
    return replace(origin, layer="loss" if origin.phase != "update" else "optimizer")


def _reached(graph: Graph, node: Node) -> list[str]:
    """The results that depend on a node."""
    depends = {node}
    for later in graph.nodes:
        if any(source in depends for source in later.inputs):
            depends.add(later)
    return [name for name, result in graph.outputs.items() if result in depends]

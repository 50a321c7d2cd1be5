"""The origin of a non-finite result: the first operation that produced it, and the elements concerned.

Not every infinity is an error: the logarithm of 0 has no effect where a ``where`` discards it, and masks use
minus infinity on purpose. The search therefore starts at the non-finite outputs and goes backward through
non-finite elements only (element by element where an operation is elementwise, sample by sample where it
treats samples independently), until it reaches an operation whose inputs are all finite. An infinite constant
of the network is no error; an operation that turns it into NaN is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from chainrule.graph import Constant, Graph, Input, Node, order
from chainrule.ops.elementwise.elementwise import Elementwise
from chainrule.ops.operation_card import Apart, Card
from chainrule.ops.scan.scan import Scan, places
from chainrule.records import frozen
from chainrule.symbolic_shape import Size, Spec
from chainrule.train.nonfinite.finite_check import is_finite

Evaluated = Iterable[tuple[Node, Card, Sequence[np.ndarray], np.ndarray]]
STATE = "state."


@frozen(eq=False)
class Origin:
    """The first operation whose result is not finite.

    Args:
        node, card: the operation; ``card`` has its sizes bound, and is ``None`` for an input.
        value: its result.
        reads: its input arrays.
        mask: the non-finite elements of the result that reach an output.
        phase: ``"forward"``, ``"backward"`` or ``"update"``.
        layer, kind: path and class of its layer; ``"loss"`` outside the layers.
        time: the index along the sequence, inside a scan; -1 elsewhere.
        rows: indices in the batch, if they are already determined.
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
        """The index of the first element of ``mask``."""
        return tuple(int(i) for i in np.argwhere(self.mask)[0])


@frozen(eq=False)
class _Nonfinite:
    """A value that is not finite, with its operation and inputs."""

    card: Card | None
    reads: Sequence[np.ndarray]
    value: np.ndarray


def find_origin(
    graph: Graph,
    gradients: Iterable[Node],
    arrays: Mapping[str, np.ndarray],
    evaluated: Evaluated,
    results: Sequence[Node] = (),
) -> Origin | None:
    """Return the first operation whose non-finite result reaches an output; ``None``: outputs are finite.

    Args:
        graph: the step.
        gradients: the nodes of the parameter gradients, which end the backward pass.
        arrays: the inputs of the graph, by name.
        evaluated: every node with its card, inputs and value, in topological order.
        results: where the search starts; by default at the loss, or at all outputs if the loss is finite.
    """
    nonfinite = _nonfinite(graph, arrays, evaluated)
    masks = _reaching(graph, nonfinite, results)
    constant = _constant_infinities(graph, nonfinite)
    for node in graph.nodes:
        if (
            node in masks
            and node not in constant
            and not any(s in masks and s not in constant for s in node.inputs)
        ):
            break
    else:  # only infinite constants, and no operation that turned them into NaN
        node = next((n for n in graph.nodes if n in masks and n.inputs), None)
    if node is None:
        return None
    first, mask = nonfinite[node], masks[node]
    is_nan = mask & np.isnan(first.value)
    if any(source in masks for source in node.inputs) and is_nan.any():
        mask = is_nan
    phase = phases(graph, gradients)[_first_reader(graph, node)]
    return _with_layer(graph, Origin(node, first.card, first.value, first.reads, mask, phase))


def phases(graph: Graph, gradients: Iterable[Node]) -> dict[Node, str]:
    """Return the phase of each node: ``"forward"``, ``"backward"``, ``"update"``; a prediction is forward."""
    if "loss" not in graph.outputs or "learning_rate" not in graph.outputs:
        return dict.fromkeys(graph.nodes, "forward")
    ends = [node for name, node in graph.outputs.items() if name == "loss" or name.startswith(STATE)]
    phase = dict.fromkeys(graph.nodes, "update")
    phase.update(dict.fromkeys(order(gradients), "backward"))
    phase.update(dict.fromkeys(order(ends), "forward"))
    return phase


def rows_of(node: Node, mask: np.ndarray) -> np.ndarray:
    """Return the batch indices of the elements in ``mask``; empty if the value has no batch axis."""
    for axis, length in enumerate(node.shape):
        factor = samples_on(length)
        if factor:
            others = tuple(i for i in range(mask.ndim) if i != axis)
            return np.unique(np.flatnonzero(mask.any(axis=others)) // factor)
    return np.zeros(0, np.int64)


def samples_on(length: object) -> int:
    """Return how many indices of an axis belong to each sample; 0 if it is no batch axis."""
    terms = length.terms if isinstance(length, Size) else ()
    return terms[0][1] if len(terms) == 1 and terms[0][0] == ("B",) else 0


def _nonfinite(
    graph: Graph, arrays: Mapping[str, np.ndarray], evaluated: Evaluated
) -> dict[Node, _Nonfinite]:
    """Return the nodes whose value is not finite."""
    values = {
        node: _Nonfinite(None, (), np.asarray(arrays[name]))
        for name, node in graph.inputs.items()
        if not is_finite(np.asarray(arrays[name]))
    }
    constants = [node for node in graph.nodes if isinstance(node.op, Constant)]
    values |= {
        node: _Nonfinite(None, (), node.op.array)
        for node in constants
        if isinstance(node.op, Constant) and not is_finite(node.op.array)
    }
    values |= {
        node: _Nonfinite(card, reads, value) for node, card, reads, value in evaluated if not is_finite(value)
    }
    return values


def _reaching(
    graph: Graph, nonfinite: Mapping[Node, _Nonfinite], results: Sequence[Node]
) -> dict[Node, np.ndarray]:
    """Return for each value that reaches a non-finite output the mask of its elements that do."""
    outputs = [node for node in results or graph.outputs.values() if node in nonfinite]
    loss = [node for node in outputs if node is graph.outputs.get("loss")]
    masks = {node: ~np.isfinite(nonfinite[node].value) for node in loss or outputs}
    for node in reversed(graph.nodes):
        if node not in masks:
            continue
        for source in filter(nonfinite.__contains__, node.inputs):
            mask = _contributing(node, source, masks[node], ~np.isfinite(nonfinite[source].value))
            if mask.any():
                masks[source] = masks[source] | mask if source in masks else mask
    return masks


def _contributing(node: Node, source: Node, mask: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """Return the non-finite elements of a source on which the elements in ``mask`` may depend.

    Args:
        node: an operation that reads the source.
        source: one of its inputs.
        mask: elements of the result.
        bad: the non-finite elements of the source. Elementwise, the same element counts; where samples are
            independent, those of the same sample.
    """
    if isinstance(node.op, Elementwise) and bad.shape == mask.shape:
        return bad & mask
    axes = [_sample_axis(operand) for operand in node.inputs]
    rule = node.op.batch(tuple(axes), *(s.spec for s in node.inputs)) if isinstance(node.op, Card) else None
    axis = _sample_axis(source)
    if not isinstance(rule, Apart) or axis is None or mask.shape[rule.axis] != bad.shape[axis]:
        return bad
    samples = mask.any(axis=tuple(i for i in range(mask.ndim) if i != rule.axis))
    return bad & samples.reshape([-1 if i == axis else 1 for i in range(bad.ndim)])


def _sample_axis(node: Node) -> int | None:
    """Return the batch axis of a value, with one index for each sample."""
    return next((i for i, length in enumerate(node.shape) if samples_on(length) == 1), None)


def _constant_infinities(graph: Graph, nonfinite: Mapping[Node, _Nonfinite]) -> set[Node]:
    """Return values without NaN whose infinities all come from constants of the network."""
    nodes: set[Node] = set()
    for node in graph.nodes:
        if node in nonfinite and not np.isnan(nonfinite[node].value).any():
            sources = [source for source in node.inputs if source in nonfinite]
            if isinstance(node.op, Constant) or (sources and all(source in nodes for source in sources)):
                nodes.add(node)
    return nodes


def _first_reader(graph: Graph, node: Node) -> Node:
    """Return the node itself; of an input, the first operation that reads it."""
    if node.inputs or not graph.consumers[node]:
        return node
    return graph.consumers[node][0]


def _with_layer(graph: Graph, origin: Origin) -> Origin:
    """Return the origin with the layer to which its operation belongs."""
    node = origin.node
    if isinstance(node.op, Input):
        owner = node.op.label.rpartition("/")[0] or node.op.label
        layer = owner.rpartition(".")[0] if node.op.role in ("parameter", "state") else node.op.label
        return replace(origin, layer=layer)
    if node.site.path:
        return replace(origin, layer=node.site.path, kind=node.site.kind)
    if origin.phase == "update":
        outputs = _dependent_outputs(graph, node)
        owners = {name.partition(".")[2].rpartition("/")[0] or name.partition(".")[2] for name in outputs}
        if len(owners) == 1:
            return replace(origin, layer=owners.pop().rpartition(".")[0])
    return replace(origin, layer="loss" if origin.phase != "update" else "optimizer")


def _dependent_outputs(graph: Graph, node: Node) -> list[str]:
    """Return the names of the outputs that depend on a node."""
    depends = {node}
    for later in graph.nodes:
        if any(source in depends for source in later.inputs):
            depends.add(later)
    return [name for name, result in graph.outputs.items() if result in depends]


# The origin inside a scan: the time step, and the operation of its body, that is the first not finite.

Values = dict[Node, np.ndarray]


def origin_in_scan(origin: Origin) -> Origin:
    """Return the first non-finite operation of the scan's body; the origin itself if it is no scan."""
    scan = origin.card
    if not isinstance(scan, Scan):
        return origin
    with np.errstate(all="ignore"):
        steps = scan.walk(origin.reads)
    nodes = [node for node in scan.body.nodes(scan.emit) if isinstance(node.op, Card)]
    firsts = ((turn, _first(nodes, values)) for turn, values in enumerate(steps))
    turn, node = next(((turn, node) for turn, node in firsts if node is not None), (0, None))
    if node is None:
        return origin
    values = steps[turn]
    reads = [values[source] for source in node.inputs]
    sizes = scan.body.sizes(scan.of_a_step([Spec.of(array) for array in origin.reads]))
    card = node.op.with_sizes(sizes)  # pyright: ignore[reportArgumentType]
    assert isinstance(card, Card)
    path, kind = (node.site.path, node.site.kind) if node.site.path else (origin.layer, origin.kind)
    rows = np.unique(np.concatenate([_new_rows(node, later) for later in steps[turn:]]))
    return replace(
        origin,
        node=node,
        card=card,
        value=values[node],
        reads=reads,
        mask=~np.isfinite(values[node]),
        layer=path,
        kind=kind,
        time=places(len(steps), scan.reverse)[turn],
        rows=rows,
    )


def _first(nodes: list[Node], values: Values) -> Node | None:
    """Return the first operation of a time step with a non-finite result and finite inputs."""
    for node in nodes:
        sources = [source for source in node.inputs if not isinstance(source.op, Constant)]
        if not is_finite(values[node]) and all(is_finite(values[source]) for source in sources):
            return node
    return None


def _new_rows(node: Node, values: Values) -> np.ndarray:
    """Return the samples whose values become non-finite in this operation at this time step."""
    rows = rows_of(node, ~np.isfinite(values[node]))
    for source in node.inputs:
        rows = np.setdiff1d(rows, rows_of(source, ~np.isfinite(values[source])))
    return rows

"""Where a NaN or an infinity came from: the first operation, forward or backward, whose value was not finite.

The step that failed is run once more, node by node, with the same arrays and the same key, so it fails in
the same place. Not every infinity is a fault: the logarithm of 0 does no harm where a ``where`` leaves it
out. So the search goes back from the result that is not finite, only through values that are not finite
either, until it comes to those whose own inputs were all finite. The first of them is to blame; the rest
only passed it on.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chainrule.engines.reference import Program
from chainrule.errors import TrainingError
from chainrule.frozen import frozen
from chainrule.graph import Graph, Input, Node, order
from chainrule.train.state import TrainState


@frozen
class _Suspect:
    """A value that is not finite: where, what, and the largest number it was computed from."""

    index: tuple[int, ...]
    value: float
    largest: float


def blame(
    graph: Graph, arrays: Mapping[str, np.ndarray], state: TrainState, rows: np.ndarray
) -> TrainingError:
    """The error that names the culprit.

    Args:
        graph: the step that gave a number that is not finite.
        arrays: what it was given.
        state: where the training stood.
        rows: which training rows the batch had.
    """
    where = f"step {state.step + 1} (epoch {state.epoch + 1}, batch {state.batch + 1}, {len(rows)} rows)"
    suspects = _suspects(graph, arrays)
    found = _sources(graph, suspects)
    if not found:
        return TrainingError(
            "E501", where=where, expected="finite numbers", received="a result that is not finite"
        )
    node = found[0]
    if isinstance(node.op, Input):
        names = [source.op.attributes["label"] for source in found if isinstance(source.op, Input)]
        return TrainingError(
            "E501", where=where, expected="finite numbers",
            received=f"{', '.join(names)} held NaN or infinity before the step",
            fix="look at what was given to load_parameters",
        )  # fmt: skip
    suspect = suspects[node]
    notes = [f"the largest number it read was {suspect.largest:.6g}"]
    if node.shape and str(node.shape[0]) == "B":
        notes.append(f"that is row {rows[suspect.index[0]]} of the training data")
    way = "" if node in order([graph.outputs["loss"]]) else " (after the loss)"
    return TrainingError(
        "E501", where=where, expected="finite numbers", notes=notes,
        received=f"{suspect.value} from {node.op.name}{way} at {suspect.index}, {node.site}".rstrip(", "),
        fix="a learning rate ten times smaller, or clip=cr.ClipGlobalNorm(1.0)",
    )  # fmt: skip


def _suspects(graph: Graph, arrays: Mapping[str, np.ndarray]) -> dict[Node, _Suspect]:
    """Every node whose value is not finite."""
    found = {
        node: _Suspect((), np.nan, 0.0) for name, node in graph.inputs.items() if not is_finite(arrays[name])
    }
    for node, _, read, value in Program(graph).walk(arrays):
        if not is_finite(value):
            index = tuple(int(i) for i in np.argwhere(~np.isfinite(value))[0])
            numbers = [np.abs(r).max() for r in read if r.size and r.dtype.kind == "f"]
            found[node] = _Suspect(index, float(value[index]), float(max(numbers, default=0.0)))
    return found


def _sources(graph: Graph, suspects: Mapping[Node, _Suspect]) -> list[Node]:
    """The suspects that made a result not finite and read nothing that was not; of the loss first."""
    results = [node for name, node in graph.outputs.items() if node in suspects]
    loss = [node for node in results if node is graph.outputs.get("loss")]
    reached = loss or results
    seen = set(reached)
    for node in reached:  # grows while it is walked
        further = [source for source in node.inputs if source in suspects and source not in seen]
        seen.update(further)
        reached.extend(further)
    return [node for node in graph.nodes if node in seen and not any(s in suspects for s in node.inputs)]


def is_finite(array: np.ndarray) -> bool:
    """Whether an array holds neither NaN nor infinity."""
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())

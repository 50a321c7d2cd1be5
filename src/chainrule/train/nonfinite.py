"""Where a NaN or an infinity came from: the first operation, forward or backward, whose value was not finite.

The step that failed is run once more, node by node, with the same arrays and the same key, so it fails in the same
place. The first node with a value that is not finite while all it read was, is the one to blame; what follows only
passed it on.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chainrule.engines.reference import Program
from chainrule.errors import TrainingError
from chainrule.graph import Graph
from chainrule.train.state import TrainState


def blame(graph: Graph, arrays: Mapping[str, np.ndarray], state: TrainState, rows: int) -> TrainingError:
    """The error that names the culprit.

    Args:
        graph: the step that gave a loss that is not finite.
        arrays: what it was given.
        state: where the training stood.
        rows: how many samples the batch had.
    """
    where = f"step {state.step + 1} (epoch {state.epoch + 1}, batch {state.batch + 1}, {rows} rows)"
    for node, _, read, value in Program(graph).walk(arrays):
        if _finite(value) or not all(_finite(r) for r in read):
            continue
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(value))[0])
        largest = max((float(np.max(np.abs(r))) for r in read if r.size and r.dtype.kind == "f"), default=0.0)
        return TrainingError(
            "E501", where=where, expected="finite numbers",
            received=f"{value[index]} from {node.op.name} at {index}, {node.site or 'outside any layer'}",
            notes=[f"the largest number it read was {largest:.6g}"],
            fix="a learning rate ten times smaller, or clip=cr.ClipGlobalNorm(1.0)",
        )  # fmt: skip
    wrong = [name for name, array in arrays.items() if not _finite(array)]
    received = f"{', '.join(wrong)} held NaN or infinity before the step" if wrong else "a loss that is not finite"
    return TrainingError("E501", where=where, expected="finite numbers", received=received)


def _finite(array: np.ndarray) -> bool:
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())

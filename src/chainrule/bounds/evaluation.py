"""Values of nodes in float64, whatever the dtype of the network, and the pullbacks of linear operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np

from chainrule.graph import Constant, Input, Node, input_node, order
from chainrule.ops.operation_card import Card
from chainrule.symbolic_shape import FLOATS


def evaluated(card: Card, inputs: Sequence[np.ndarray]) -> np.ndarray:
    """Evaluate a card; a conversion to a float keeps the value, as bounds hold in exact arithmetic."""
    if card.name == "cast" and card.attributes["dtype"] in FLOATS:
        return inputs[0].astype(np.float64)
    return card.evaluate(*inputs)


def as_float64(array: np.ndarray) -> np.ndarray:
    """Return floating-point numbers in float64, which is exact; others as they are."""
    return array.astype(np.float64) if array.dtype.kind == "f" else array


class Transposed:
    """The pullback of a linear operation: coefficients of its value to coefficients of its inputs.

    Args:
        node: the node of the operation.
        variable: which inputs depend on the data.
    """

    def __init__(self, node: Node, variable: Sequence[bool]) -> None:
        dy, y = input_node("dy", node.shape, node.dtype), input_node("y", node.shape, node.dtype)
        sources = [input_node(f"x{i}", x.shape, x.dtype) for i, x in enumerate(node.inputs)]
        pulled = cast("Card", node.op).pullback(dy, y, *sources)
        self.targets = [i for i, is_variable in enumerate(variable) if is_variable]
        self._results = [cast("Node", pulled[i]) for i in self.targets]
        self._nodes = order(self._results)

    def __call__(
        self, rows: np.ndarray, constants: Sequence[np.ndarray | None], sizes: Mapping[str, int]
    ) -> list[np.ndarray]:
        """Return the coefficients of each input that depends on the data.

        Args:
            rows: coefficients of the value, (R, ...).
            constants: the centers of the other inputs.
            sizes: the sizes of axes; ``B`` is R.
        """
        values: dict[Node, np.ndarray] = {}
        for node in self._nodes:
            if isinstance(node.op, Input):
                label = node.op.label
                source = rows if label == "dy" else constants[int(label[1:])]
                assert source is not None
                values[node] = source
            elif isinstance(node.op, Constant):
                values[node] = as_float64(node.op.array)
            else:
                card = cast("Card", node.op.with_sizes(sizes))
                values[node] = evaluated(card, [values[source] for source in node.inputs])
        return [values[node] for node in self._results]

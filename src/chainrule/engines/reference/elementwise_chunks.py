"""Elementwise chains computed in chunks of rows.

The update of a parameter is an elementwise chain after its gradient: a dozen operations, each of which takes
as much memory as the parameter if computed at once. To measure the update, a few rows at a time are enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

import numpy as np

from chainrule.graph import Node
from chainrule.ops.array.shape import Broadcast
from chainrule.ops.card import Card
from chainrule.ops.elementwise.elementwise import Elementwise
from chainrule.spec import bound


class ElementwiseChain:
    """The elementwise operations that lead to a node, as far back as all of them have its shape.

    Args:
        last: the node that is computed; its shape has no symbolic size.
        ends: nodes at which the chain starts, even if they are elementwise.

    ``sources`` are the nodes whose values are needed.

    Example:
        >>> from chainrule.graph import input_node
        >>> w, g = (input_node(name, (3, 2), "float64") for name in "wg")
        >>> chain = ElementwiseChain(w - g * 0.5, [])
        >>> values = {w: np.ones((3, 2)), g: np.full((3, 2), 4.0)}
        >>> chain.rows({node: values.get(node, 0.5) for node in chain.sources}, 1, 3).tolist()
        [[-1.0, -1.0], [-1.0, -1.0]]
    """

    def __init__(self, last: Node, ends: Iterable[Node]) -> None:
        self._last, ends = last, set(ends)
        self.sources: list[Node] = []
        self._nodes: list[Node] = []
        done, stack = set[Node](), [(last, False)]
        while stack:
            node, has_inputs = stack.pop()
            if has_inputs:
                self._nodes.append(node)
            elif node not in done:
                done.add(node)
                if node in ends or not (_is_repeated(node) or self._is_member(node)):
                    self.sources.append(node)
                else:
                    stack.append((node, True))
                    stack += [(source, False) for source in reversed(node.inputs)]

    def _is_member(self, node: Node) -> bool:
        return isinstance(node.op, Elementwise) and node.shape == self._last.shape

    def rows(self, values: Mapping[Node, np.ndarray], first: int, end: int) -> np.ndarray:
        """Return rows ``first`` to ``end - 1`` of the last node (all of it, if it has no axis).

        Args:
            values: values of all sources.
        """
        full_shape = bound(self._last.shape)
        shape = (end - first, *full_shape[1:]) if full_shape else ()
        row_values: dict[Node, np.ndarray] = {}
        for node in self.sources:
            value = np.asarray(values[node])
            row_values[node] = value[first:end] if full_shape and value.shape == full_shape else value
        for node in self._nodes:
            inputs = [row_values[source] for source in node.inputs]
            if _is_repeated(node):
                row_values[node] = np.broadcast_to(inputs[0].reshape(()), shape)
            else:
                row_values[node] = np.asarray(cast("Card", node.op).evaluate(*inputs))
        return row_values[self._last]


def _is_repeated(node: Node) -> bool:
    """Return whether a node repeats a single number."""
    return isinstance(node.op, Broadcast) and node.inputs[0].spec.size == 1

"""What follows some arrays number by number, computed piece by piece.

The update of a parameter is such a tail of its gradient: a dozen elementwise operations, each of which takes
as much memory as the parameter when made whole. To know how far it moves, a few rows at a time are enough.
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


class Tail:
    """The elementwise operations that lead to a node, as far back as all of them have its shape.

    Args:
        last: what is computed; its shape has no symbol.
        ends: nodes that count as given, though they may be elementwise too.

    ``given`` are the nodes whose values are needed.

    Example:
        >>> from chainrule.graph import input_node
        >>> w, g = (input_node(name, (3, 2), "float64") for name in "wg")
        >>> tail = Tail(w - g * 0.5, [])
        >>> values = {w: np.ones((3, 2)), g: np.full((3, 2), 4.0)}
        >>> tail.rows({node: values.get(node, 0.5) for node in tail.given}, 1, 3).tolist()
        [[-1.0, -1.0], [-1.0, -1.0]]
    """

    def __init__(self, last: Node, ends: Iterable[Node]) -> None:
        self._last, ends = last, set(ends)
        self.given: list[Node] = []
        self._nodes: list[Node] = []
        done, stack = set[Node](), [(last, False)]
        while stack:
            node, has_inputs = stack.pop()
            if has_inputs:
                self._nodes.append(node)
            elif node not in done:
                done.add(node)
                if node in ends or not (_is_spread(node) or self._is_in(node)):
                    self.given.append(node)
                else:
                    stack.append((node, True))
                    stack += [(source, False) for source in reversed(node.inputs)]

    def _is_in(self, node: Node) -> bool:
        return isinstance(node.op, Elementwise) and node.shape == self._last.shape

    def rows(self, values: Mapping[Node, np.ndarray], first: int, end: int) -> np.ndarray:
        """Rows ``first`` to ``end - 1`` of the last node (all of it, where it has no axis).

        Args:
            values: of all nodes that are given.
        """
        whole = bound(self._last.shape)
        shape = (end - first, *whole[1:]) if whole else ()
        found: dict[Node, np.ndarray] = {}
        for node in self.given:
            value = np.asarray(values[node])
            found[node] = value[first:end] if whole and value.shape == whole else value
        for node in self._nodes:
            read = [found[source] for source in node.inputs]
            if _is_spread(node):
                found[node] = np.broadcast_to(read[0].reshape(()), shape)
            else:
                found[node] = np.asarray(cast("Card", node.op).evaluate(*read))
        return found[self._last]


def _is_spread(node: Node) -> bool:
    """Whether one number is repeated."""
    return isinstance(node.op, Broadcast) and node.inputs[0].spec.size == 1

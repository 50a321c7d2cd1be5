"""Elementwise chains computed in chunks of rows.

The update of a parameter is an elementwise chain after its gradient: a dozen operations, each of which takes
as much memory as the parameter if computed at once. To measure the update, a few rows at a time are enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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

    ``sources`` are the nodes whose values are needed, ``nodes`` those that are computed, in order.

    Example:
        >>> from chainrule.graph import input_node
        >>> w, g = (input_node(name, (3, 2), "float64") for name in "wg")
        >>> chain = ElementwiseChain(w - g * 0.5, [])
        >>> values = {w: np.ones((3, 2)), g: np.full((3, 2), 4.0)}
        >>> chain.rows({node: values.get(node, 0.5) for node in chain.sources}, 1, 3).tolist()
        [[-1.0, -1.0], [-1.0, -1.0]]
    """

    def __init__(self, last: Node, ends: Iterable[Node]) -> None:
        self.last, ends = last, set(ends)
        self.sources: list[Node] = []
        self.nodes: list[Node] = []
        done, stack = set[Node](), [(last, False)]
        while stack:
            node, has_inputs = stack.pop()
            if has_inputs:
                self.nodes.append(node)
            elif node not in done:
                done.add(node)
                if node in ends or not (is_repeated(node) or self._is_member(node)):
                    self.sources.append(node)
                else:
                    stack.append((node, True))
                    stack += [(source, False) for source in reversed(node.inputs)]
        self._shape = bound(last.shape)
        self._calls = [(node, None if is_repeated(node) else cast("Card", node.op)) for node in self.nodes]

    def _is_member(self, node: Node) -> bool:
        return isinstance(node.op, Elementwise) and node.shape == self.last.shape

    def rows(self, values: Mapping[Node, np.ndarray], first: int, end: int) -> np.ndarray:
        """Return rows ``first`` to ``end - 1`` of the last node (all of it, if it has no axis).

        Args:
            values: values of all sources.
        """
        return self._rows(self._source_values(values), first, end, {})

    def blocks(self, values: Mapping[Node, np.ndarray], count: int) -> Iterator[np.ndarray]:
        """Yield the last node some rows at a time, in order; all of it at once, if it has no axis.

        Args:
            values: values of all sources.
            count: number of rows; the last block may have fewer.
        """
        length, sources = (self._shape or (1,))[0], self._source_values(values)
        repeated: dict[Node, np.ndarray] = {}
        for first in range(0, length, count):
            if first + count > length:
                repeated = {}
            yield self._rows(sources, first, min(first + count, length), repeated)

    def _source_values(self, values: Mapping[Node, np.ndarray]) -> list[tuple[Node, np.ndarray, bool]]:
        """Return each source with its value and whether it has the shape of the last node."""
        arrays = ((node, np.asarray(values[node])) for node in self.sources)
        return [(node, a, bool(self._shape) and a.shape == self._shape) for node, a in arrays]

    def _rows(
        self,
        sources: Iterable[tuple[Node, np.ndarray, bool]],
        first: int,
        end: int,
        repeated: dict[Node, np.ndarray],
    ) -> np.ndarray:
        """Return some rows of the last node.

        Args:
            sources: as ``_source_values`` returns them.
            first, end: the rows.
            repeated: repeated numbers by node, from earlier blocks of as many rows; those of this call are
                added.
        """
        shape = (end - first, *self._shape[1:]) if self._shape else ()
        row_values = {node: array[first:end] if is_full else array for node, array, is_full in sources}
        for node, card in self._calls:
            if card is not None:
                row_values[node] = np.asarray(card.evaluate(*[row_values[s] for s in node.inputs]))
                continue
            if node not in repeated:
                repeated[node] = _repeated(row_values[node.inputs[0]], shape)
            row_values[node] = repeated[node]
        return row_values[self.last]


def _repeated(number: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return a single number repeated in an array of this shape, as ``np.broadcast_to`` does in more time."""
    return np.ndarray(shape, number.dtype, np.ascontiguousarray(number), 0, (0,) * len(shape))


def is_repeated(node: Node) -> bool:
    """Return whether a node repeats a single number."""
    return isinstance(node.op, Broadcast) and node.inputs[0].spec.size == 1

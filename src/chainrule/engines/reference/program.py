"""Running a graph node by node with the law of each card.

The graph is put into an order once; running is then a list of calls over a list of slots. A value is dropped
after its last reader, so memory holds what is still needed and no more. Sizes are bound anew for every batch
size and the operations that mention them are kept for the next batch of that size, whose arrays then need no
second check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np

from chainrule.engines.shape_binding import at_sizes, bind
from chainrule.graph import Constant, Graph, Node
from chainrule.ops.card import Card
from chainrule.plan.memory_requirement import Need, law_need
from chainrule.records import frozen

Forms = tuple["tuple[tuple[int, ...], np.dtype] | None", ...]  # shape and kind of the array of each input


@frozen
class _Step:
    """One call: which slots it reads, which it writes, which are read for the last time."""

    node: Node
    reads: tuple[int, ...]
    writes: int
    last: tuple[int, ...]


class Program:
    """A graph ready to run by the law.

    Args:
        graph: what to compute.

    Example:
        >>> from chainrule.graph import input_node
        >>> import chainrule.ops
        >>> x = input_node("x", (None, 2), "float64")
        >>> Program(Graph({"y": x.sum(1)})).run({"x": np.ones((3, 2))})["y"].tolist()
        [2.0, 2.0, 2.0]
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._slot = {node: i for i, node in enumerate(graph.nodes)}
        self._steps = self._schedule(set(graph.outputs.values()))
        # What a run begins with: the constants in their places, and the place of each input.
        self._first = [node.op.array if isinstance(node.op, Constant) else None for node in graph.nodes]
        self._places = [(name, self._slot[node]) for name, node in graph.inputs.items()]
        self._calls: dict[Forms, list[Callable[..., np.ndarray]]] = {}

    def _schedule(self, kept: set[Node]) -> list[_Step]:
        last: dict[Node, Node] = {node: node for node in self.graph.nodes}
        for node in self.graph.nodes:
            last.update(dict.fromkeys(node.inputs, node))
        steps = []
        for node in self.graph.nodes:
            if isinstance(node.op, Card):
                reads = tuple(self._slot[source] for source in node.inputs)
                dead = {self._slot[s] for s in (*node.inputs, node) if last[s] is node and s not in kept}
                steps.append(_Step(node, reads, self._slot[node], tuple(dead)))
        return steps

    def need(self, sizes: Mapping[str, int]) -> Need:
        """What memory a run for these sizes takes; nothing is allocated."""
        return law_need(self.graph, sizes)

    def run(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The outputs for these inputs.

        Args:
            arrays: for each input its array, of the input's number kind.

        Fails:
            ShapeError E209, E210: an array is missing or does not fit.
        """
        values: list[np.ndarray | None] = self._given(arrays)
        with np.errstate(all="ignore"):
            for step, call in zip(self._steps, self._bound(arrays), strict=True):
                values[step.writes] = call(*[values[i] for i in step.reads])
                for i in step.last:
                    values[i] = None
        return {name: np.asarray(values[self._slot[node]]) for name, node in self.graph.outputs.items()}

    def stream(self, arrays: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
        """The outputs one after the other, each as soon as it is known and none kept longer than it is read.

        Of a whole training step, with several arrays as large as the parameters, few are then there at once.
        """
        steps, names = self._fleeting
        values = self._given(arrays)
        for name, node in self.graph.outputs.items():
            if not isinstance(node.op, Card):
                yield name, np.asarray(values[self._slot[node]])
        with np.errstate(all="ignore"):
            for step, call in zip(steps, self._bound(arrays), strict=True):
                values[step.writes] = call(*[values[i] for i in step.reads])
                for name in names.get(step.node, ()):
                    yield name, np.asarray(values[step.writes])
                for i in step.last:
                    values[i] = None

    @cached_property
    def _fleeting(self) -> tuple[list[_Step], dict[Node, list[str]]]:
        """The steps, where no output is kept; and the names of those that are outputs."""
        names: dict[Node, list[str]] = {}
        for name, node in self.graph.outputs.items():
            names.setdefault(node, []).append(name)
        return self._schedule(set()), names

    def walk(
        self, arrays: Mapping[str, np.ndarray]
    ) -> Iterator[tuple[Node, Card, Sequence[np.ndarray], np.ndarray]]:
        """Node by node: each with its card (sizes bound), what it reads and its value; none is dropped."""
        values = self._given(arrays)
        with np.errstate(all="ignore"):
            for step, call in zip(self._steps, self._bound(arrays), strict=True):
                read = [np.asarray(values[i]) for i in step.reads]
                value = np.asarray(call(*read))
                values[step.writes] = value
                yield step.node, call.__self__, read, value  # pyright: ignore[reportFunctionMemberAccess]

    def _given(self, arrays: Mapping[str, np.ndarray]) -> list[np.ndarray | None]:
        values: list[np.ndarray | None] = self._first.copy()
        for name, place in self._places:
            values[place] = arrays.get(name)
        return values

    def _bound(self, arrays: Mapping[str, np.ndarray]) -> list[Callable[..., np.ndarray]]:
        """The calls of all steps for arrays of these forms, which are checked when they first come."""
        given = [arrays.get(name) for name, _ in self._places]
        forms = tuple([None if array is None else (array.shape, array.dtype) for array in given])
        if forms not in self._calls:
            sizes = bind({name: node.spec for name, node in self.graph.inputs.items()}, arrays)
            self._calls[forms] = [at_sizes(step.node, sizes).evaluate for step in self._steps]
        return self._calls[forms]

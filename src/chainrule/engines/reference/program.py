"""Program that runs a graph node by node with the reference implementation of each card.

The graph is ordered once; a run is then a list of calls over a list of slots. A value is freed after its last
reader. Sizes are bound for every new batch size, and the bound operations are kept for the next batch of that
size, whose arrays then need no second check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from chainrule.engines.shape_binding import at_sizes, bind
from chainrule.graph import Constant, Graph, Node
from chainrule.memo import cached_property
from chainrule.ops.card import Card
from chainrule.plan.memory_requirement import MemoryRequirement, reference_memory
from chainrule.records import frozen

Forms = tuple["tuple[tuple[int, ...], np.dtype] | None", ...]  # shape and dtype of the array of each input


@frozen
class _Step:
    """One call: the slots it reads, the slot it writes, and the slots that are read for the last time."""

    node: Node
    reads: tuple[int, ...]
    writes: int
    last: tuple[int, ...]


class Program:
    """A graph that runs by the reference implementation.

    Args:
        graph: the graph.

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
        # Initial slots of a run (the constants), and the slot of each input.
        self._initial_slots = [
            node.op.array if isinstance(node.op, Constant) else None for node in graph.nodes
        ]
        self._input_slots = [(name, self._slot[node]) for name, node in graph.inputs.items()]
        self._calls: dict[Forms, list[Callable[..., np.ndarray]]] = {}

    def _schedule(self, outputs: set[Node]) -> list[_Step]:
        last: dict[Node, Node] = {node: node for node in self.graph.nodes}
        for node in self.graph.nodes:
            last.update(dict.fromkeys(node.inputs, node))
        steps = []
        for node in self.graph.nodes:
            if isinstance(node.op, Card):
                reads = tuple(self._slot[source] for source in node.inputs)
                last_read = {
                    self._slot[s] for s in (*node.inputs, node) if last[s] is node and s not in outputs
                }
                steps.append(_Step(node, reads, self._slot[node], tuple(last_read)))
        return steps

    def memory_requirement(self, sizes: Mapping[str, int]) -> MemoryRequirement:
        """Return the memory of a run for these sizes, without allocating it."""
        return reference_memory(self.graph, sizes)

    def run(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the outputs for these inputs.

        Args:
            arrays: one array for each input, of the input's dtype.

        Raises:
            ShapeError E209, E210: an array is missing or does not fit.
        """
        values: list[np.ndarray | None] = self._slots_with_inputs(arrays)
        with np.errstate(all="ignore"):
            for step, call in zip(self._steps, self._calls_for(arrays), strict=True):
                values[step.writes] = call(*[values[i] for i in step.reads])
                for i in step.last:
                    values[i] = None
        return {name: np.asarray(values[self._slot[node]]) for name, node in self.graph.outputs.items()}

    def run_each(self, inputs: Iterable[Mapping[str, np.ndarray]]) -> Iterator[dict[str, np.ndarray]]:
        """Yield the outputs for each of several inputs."""
        return map(self.run, inputs)

    def stream(self, arrays: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
        """Yield the outputs one after the other, each as soon as it is computed, and free them after their
        last reader.

        Of a training step, which has several arrays as large as the parameters, few are then in memory at
        once.
        """
        steps, names = self._streaming_steps
        values = self._slots_with_inputs(arrays)
        for name, node in self.graph.outputs.items():
            if not isinstance(node.op, Card):
                yield name, np.asarray(values[self._slot[node]])
        with np.errstate(all="ignore"):
            for step, call in zip(steps, self._calls_for(arrays), strict=True):
                values[step.writes] = call(*[values[i] for i in step.reads])
                for name in names.get(step.node, ()):
                    yield name, np.asarray(values[step.writes])
                for i in step.last:
                    values[i] = None

    @cached_property
    def _streaming_steps(self) -> tuple[list[_Step], dict[Node, list[str]]]:
        """The steps if no output is kept, and the names of the nodes that are outputs."""
        names: dict[Node, list[str]] = {}
        for name, node in self.graph.outputs.items():
            names.setdefault(node, []).append(name)
        return self._schedule(set()), names

    def walk(
        self, arrays: Mapping[str, np.ndarray]
    ) -> Iterator[tuple[Node, Card, Sequence[np.ndarray], np.ndarray]]:
        """Yield every node with its card (sizes bound), its inputs and its value; no value is freed."""
        values = self._slots_with_inputs(arrays)
        with np.errstate(all="ignore"):
            for step, call in zip(self._steps, self._calls_for(arrays), strict=True):
                inputs = [np.asarray(values[i]) for i in step.reads]
                value = np.asarray(call(*inputs))
                values[step.writes] = value
                yield step.node, call.__self__, inputs, value  # pyright: ignore[reportFunctionMemberAccess]

    def _slots_with_inputs(self, arrays: Mapping[str, np.ndarray]) -> list[np.ndarray | None]:
        values: list[np.ndarray | None] = self._initial_slots.copy()
        for name, slot in self._input_slots:
            values[slot] = arrays.get(name)
        return values

    def _calls_for(self, arrays: Mapping[str, np.ndarray]) -> list[Callable[..., np.ndarray]]:
        """Return the calls of all steps for arrays of these shapes and dtypes, which are checked the first
        time.
        """
        inputs = [arrays.get(name) for name, _ in self._input_slots]
        forms = tuple([None if array is None else (array.shape, array.dtype) for array in inputs])
        if forms not in self._calls:
            sizes = bind({name: node.spec for name, node in self.graph.inputs.items()}, arrays)
            self._calls[forms] = [at_sizes(step.node, sizes).evaluate for step in self._steps]
        return self._calls[forms]

"""Program that runs a graph node by node with the reference implementation of each card.

The graph is ordered once; a run is then a list of calls over a list of slots. A value is freed after its last
reader. Sizes are bound for every new batch size, and the bound operations are kept for the next batch of that
size, whose arrays then need no second check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import cast

import numpy as np

from chainrule.engines.shape_binding import at_sizes, bind
from chainrule.graph import Constant, Graph, Node
from chainrule.memoization import cached_property
from chainrule.ops.array.shape import Broadcast
from chainrule.ops.elementwise.elementwise import Elementwise
from chainrule.ops.operation_card import Card
from chainrule.plan.memory_requirement import MemoryRequirement, reference_memory
from chainrule.records import frozen
from chainrule.symbolic_shape import bound

# Elementwise chains computed in chunks of rows.
#
# The update of a parameter is an elementwise chain after its gradient: a dozen operations, each of which
# takes as much memory as the parameter if computed at once. To measure the update, a few rows at a time are
# enough.


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

    equal_bits = (1, 1)  # in products of NumPy they may depend on the place of a row

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
        slot = self._slot
        reads = [tuple(slot[source] for source in node.inputs) for node in self.graph.nodes]
        last = list(range(len(reads)))  # the slot of the last reader of each value
        for reader, sources in enumerate(reads):
            for source in sources:
                last[source] = reader
        output_slots = {slot[node] for node in outputs}
        steps = []
        for own, (node, sources) in enumerate(zip(self.graph.nodes, reads, strict=True)):
            if isinstance(node.op, Card):
                last_read = {s for s in (*sources, own) if last[s] == own and s not in output_slots}
                steps.append(_Step(node, sources, own, tuple(last_read)))
        return steps

    def memory_requirement(self, sizes: Mapping[str, int]) -> MemoryRequirement:
        """Return the memory of a run for these sizes, without allocating it."""
        return reference_memory(self.graph, sizes)

    def run(self, arrays: Mapping[str, np.ndarray], *, fixed: bool = False) -> dict[str, np.ndarray]:
        """Return the outputs for these inputs.

        Args:
            arrays: one array for each input, of the input's dtype.
            fixed: as of ``engines.dispatch.Program``; without effect.

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
        """Return the calls of all steps for arrays, whose shapes and dtypes are checked the first time."""
        inputs = [arrays.get(name) for name, _ in self._input_slots]
        forms = tuple([None if array is None else (array.shape, array.dtype) for array in inputs])
        if forms not in self._calls:
            sizes = bind({name: node.spec for name, node in self.graph.inputs.items()}, arrays)
            self._calls[forms] = [at_sizes(step.node, sizes).evaluate for step in self._steps]
        return self._calls[forms]

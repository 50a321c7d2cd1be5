"""A graph as a program of XLA: traced and compiled once for each shape of its inputs.

JAX keeps compiled programs by function and shapes. The function of two graphs must therefore be the same
object where the graphs are equal: ``COMPILED`` has them by the outputs of the graph, which are equal nodes if
all operations, attributes and bits of constants are. So the folds of a cross-validation compile once.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any

import jax
import numpy as np

from chainrule.engines.shape_binding import bind
from chainrule.engines.xla.devices import require_devices, require_threads
from chainrule.engines.xla.graph_trace import graph_outputs
from chainrule.engines.xla.operations import Array, Indices
from chainrule.errors import ShapeError
from chainrule.graph import Graph
from chainrule.memoization import Memo
from chainrule.plan.memory_requirement import MemoryRequirement, reference_memory
from chainrule.settings import settings

COMPILED = Memo(64)
"""The compiled functions of recent graphs, of all models: of a training some four."""


def compiled_key(graph: Graph, *more: Hashable) -> Hashable:
    """Return the key of a function in ``COMPILED``.

    Args:
        graph: what the function computes.
        more: everything else on which its code depends; settings are added.
    """
    return tuple(graph.outputs.items()), settings.matmul_precision, settings.precision, *more


class Program:
    """A graph that XLA compiles and runs, on the default device of JAX.

    Args:
        graph: the graph.

    Raises:
        UsageError E633: JAX has no device of the platform that the user requests.

    Example:
        >>> from chainrule.graph import input_node
        >>> import chainrule.ops
        >>> x = input_node("x", (None, 2), "float64")
        >>> Program(Graph({"y": x.sum(1)})).run({"x": np.ones((3, 2))})["y"].tolist()
        [2.0, 2.0, 2.0]
    """

    equal_bits = (0, 0)

    def __init__(self, graph: Graph) -> None:
        require_devices()
        self.graph = graph
        self._specs = {name: node.spec for name, node in graph.inputs.items()}

    def _outputs(self, arrays: Mapping[str, Array]) -> tuple[dict[str, Array], Array]:
        """Return the outputs, and the place of an index outside its table, or 0; JAX traces this method."""
        indices = Indices()
        outputs = graph_outputs(self.graph, bind(self._specs, arrays), arrays, indices)
        return outputs, indices.position

    def run(self, arrays: Mapping[str, np.ndarray], *, fixed: bool = False) -> dict[str, np.ndarray]:
        """Return the outputs for these inputs.

        Args:
            arrays: one array for each input, of the dtype of the input.
            fixed: as of ``engines.dispatch.Program``; without effect.

        Raises:
            ShapeError E209, E210: an array is missing or does not fit. E211: an index outside its table.
            MemoryError: a device has too little memory. UsageError E130: as ``require_threads``.
        """
        require_threads()
        bind(self._specs, arrays)
        compiled = COMPILED(compiled_key(self.graph), lambda: jax.jit(self._outputs))
        try:
            with jax.enable_x64(True):
                outputs, position = compiled({name: np.asarray(arrays[name]) for name in self._specs})
            # Waiting for another output than one that has no memory would not end on CPUs (JAX 0.10.2).
            values = {name: np.array(value) for name, value in outputs.items()}
        except jax.errors.JaxRuntimeError as error:
            if is_out_of_memory(error):
                raise MemoryError(str(error)) from error
            raise
        refuse_outside(position)
        return values

    def run_each(self, inputs: Iterable[Mapping[str, np.ndarray]]) -> Iterator[dict[str, np.ndarray]]:
        """Yield the outputs for each of several inputs."""
        return map(self.run, inputs)

    def memory_requirement(self, sizes: Mapping[str, int]) -> MemoryRequirement:
        """Return an upper bound of the memory of a run: that of running the graph node by node.

        XLA merges operations, so its program needs less; its own figure is known only after compiling.
        """
        return reference_memory(self.graph, sizes)


def refuse_outside(position: Any) -> None:
    """Raise the error of an index outside its table at the position that a program returns; 0: none.

    Raises:
        ShapeError E211: an index outside its table.
    """
    if position:
        raise ShapeError("E211", where="gather or one_hot", received=f"position {int(position) - 1}")


def is_out_of_memory(error: Exception) -> bool:
    """Return whether a program of XLA failed because a device has too little memory."""
    return isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" in str(error)

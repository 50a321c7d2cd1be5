"""A graph as a program of XLA: traced and compiled once for each shape of its inputs.

JAX keeps compiled programs by function and shapes. The function of two graphs must therefore be the same
object where the graphs are equal: ``COMPILED`` has them by the outputs of the graph, which are equal nodes if
all operations, attributes and bits of constants are. So the folds of a cross-validation compile once.

Compiling takes longer than computing many small batches. Where no row depends on another, a batch is
therefore filled with copies of its last row: batches of 1 to N rows need some 4 log2(N) programs, not N. On
CPUs many such rows are computed in chunks whose values stay in the cache: XLA computes each operation of all
rows before the next one.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

from chainrule.engines.shape_binding import bind
from chainrule.engines.xla.batch_shards import batch_axes
from chainrule.engines.xla.devices import require_devices, require_threads
from chainrule.engines.xla.graph_trace import graph_outputs
from chainrule.engines.xla.operations import Array, Indices
from chainrule.errors import ShapeError
from chainrule.graph import Graph
from chainrule.memoization import Memo
from chainrule.ops.batch_axis import BATCH
from chainrule.plan.inference_chunks import couples_rows
from chainrule.plan.memory_requirement import MemoryRequirement, reference_memory
from chainrule.settings import settings
from chainrule.symbolic_shape import size_at

COMPILED = Memo(64)
"""The compiled functions of recent graphs, of all models: of a training some four."""
MIN_CHUNK = 16
CHUNK_BYTES = 32 * 2**20
"""Bytes of the intermediate values of a chunk, of at least ``MIN_CHUNK`` rows. With all of 1344 images at
once, six convolutions take 1.6 times as long, and their gradients 1.8 times."""
MAX_SIZES = 16


def compiled_key(graph: Graph, *more: Hashable) -> Hashable:
    """Return the key of a function in ``COMPILED``.

    Args:
        graph: what the function computes.
        more: everything else on which its code depends; settings are added.
    """
    return tuple(graph.outputs.items()), settings.matmul_precision, settings.precision, *more


def filled_rows(rows: int) -> int:
    """Return the number of rows to which a batch is filled: the next one with three significant bits.

    Example:
        >>> [filled_rows(n) for n in (0, 1, 7, 9, 100, 1000, 1025)]
        [0, 1, 7, 10, 112, 1024, 1280]
    """
    step = 1 << max(rows.bit_length() - 3, 0)
    return -(-rows // step) * step


def has_own_rows(graph: Graph) -> bool:
    """Return whether each row of every output depends only on the same row of the inputs.

    Lengths besides the batch may be symbolic.
    """
    for node in graph.inputs.values():
        axes = batch_axes(node)
        if axes and (axes != [0] or node.shape[0] != BATCH):
            return False
    return not couples_rows(graph) and all(node.op.name not in ("uniform", "normal") for node in graph.nodes)


class Program:
    """A graph that XLA compiles and runs, on the default device of JAX.

    Args:
        graph: the graph.

    Example:
        >>> from chainrule.graph import input_node
        >>> import chainrule.ops
        >>> x = input_node("x", (None, 2), "float64")
        >>> Program(Graph({"y": x.sum(1)})).run({"x": np.ones((3, 2))})["y"].tolist()
        [2.0, 2.0, 2.0]
    """

    equal_bits = (0, 0)

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._is_checked = False  # JAX starts its threads in the process that runs the program, maybe a fork
        self._specs = {name: node.spec for name, node in graph.inputs.items()}
        self._has_own_rows = has_own_rows(graph)
        self._row_inputs = [name for name, spec in self._specs.items() if spec.shape[:1] == (BATCH,)]
        self._chunk_sizes = Memo(MAX_SIZES)

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
            MemoryError: a device has too little memory. UsageError E130, E633: as ``require_devices``.
        """
        require_threads()
        if not self._is_checked:
            require_devices()
            self._is_checked = True
        sizes = bind(self._specs, arrays)
        inputs = {name: np.asarray(arrays[name]) for name in self._specs}
        rows, size = sizes.get("B", 0), self._rows_at_a_time(sizes)
        if size < rows:
            with suppress(ShapeError):  # an index outside its table: its position is known in all rows only
                return self._run_chunks(inputs, rows, size)
        return self._run_rows(inputs, rows)

    def _rows_at_a_time(self, sizes: Mapping[str, int]) -> int:
        """Return the number of rows that are computed at a time: all, or a power of two."""
        rows = sizes.get("B", 0)
        if rows <= MIN_CHUNK or not self._has_own_rows or jax.default_backend() != "cpu":
            return rows
        others = {name: size for name, size in sizes.items() if name != "B"}
        size = self._chunk_sizes(tuple(others.items()), lambda: self._chunk_size(others))
        return min(size, rows)

    def _chunk_size(self, others: Mapping[str, int]) -> int:
        of_a_row = max(reference_memory(self.graph, {**others, "B": 1}).total, 1)
        return 1 << max(CHUNK_BYTES // of_a_row, MIN_CHUNK).bit_length() - 1

    def _run_chunks(self, inputs: Mapping[str, np.ndarray], rows: int, size: int) -> dict[str, np.ndarray]:
        """Return the outputs of independent rows, computed ``size`` rows at a time."""
        with jax.enable_x64(True):
            shared = {name: jnp.asarray(x) for name, x in inputs.items() if name not in self._row_inputs}
        parts = [
            self._run_rows(
                {**shared, **{name: inputs[name][start : start + size] for name in self._row_inputs}},
                min(size, rows - start),
            )
            for start in range(0, rows, size)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _run_rows(self, inputs: Mapping[str, Any], rows: int) -> dict[str, np.ndarray]:
        """Return the outputs of rows that are computed together; see ``run``."""
        more = filled_rows(rows) - rows if self._has_own_rows else 0
        if more:
            copies = {name: np.repeat(inputs[name][-1:], more, axis=0) for name in self._row_inputs}
            inputs = {**inputs, **{name: np.concatenate([inputs[name], x]) for name, x in copies.items()}}
        compiled = COMPILED(compiled_key(self.graph), lambda: jax.jit(self._outputs))
        try:
            with jax.enable_x64(True):
                outputs, position = compiled(dict(inputs))
            # Waiting for another output than one that has no memory would not end on CPUs (JAX 0.10.2).
            values = {
                name: np.array(np.asarray(value)[:rows] if more else value) for name, value in outputs.items()
            }
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
        if not self._has_own_rows or "B" not in sizes:
            return reference_memory(self.graph, sizes)
        rows = filled_rows(self._rows_at_a_time(sizes))
        of_chunk = reference_memory(self.graph, {**sizes, "B": rows})
        if rows >= sizes["B"]:
            return of_chunk
        nodes = self.graph.outputs.values()
        outputs = sum(size_at(node.spec.size, sizes) * np.dtype(node.dtype).itemsize for node in nodes)
        return of_chunk + MemoryRequirement({"outputs": 2 * outputs})


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

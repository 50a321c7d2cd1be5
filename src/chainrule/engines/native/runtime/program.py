"""A graph as a program: a table of (kernel, block) pairs that one native loop calls.

For each batch size the graph is planned and its blocks are laid out once (see ``executable``). If no row
depends on another, rows are computed in chunks of a fixed size on as many threads as the settings allow. A
graph that cannot be chunked, or a single chunk, is computed by all threads together if it is long enough.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from chainrule.engines.native.runtime.chunks import Chunks
from chainrule.engines.native.runtime.executable import Arrays, Executable
from chainrule.engines.native.runtime.packed_weights import PackedFactors
from chainrule.engines.native.runtime.thread_team import pool
from chainrule.engines.shape_binding import at_sizes, bind
from chainrule.errors import ShapeError
from chainrule.fork_safety import fork_count
from chainrule.graph import Graph
from chainrule.memoization import Memo, cached_property
from chainrule.plan.inference_chunks import MIN_ROWS, Chunk, inference_chunk
from chainrule.plan.memory_requirement import MemoryRequirement, plan_memory
from chainrule.plan.passes.axis_layout import has_narrow_products
from chainrule.plan.passes.elementwise_fusion import is_leaf
from chainrule.plan.plan import plan
from chainrule.settings import planning_cores, settings
from chainrule.symbolic_shape import size_at

MAX_RUNNERS = 4  # of chunks: of two sizes, with parameters that are fixed or not
FIXED_ROWS = 16  # of every chunk, if bits must not depend on the batch: fewer have other products and layouts


def rounds_factors(graph: Graph) -> bool:
    """Return whether the matrix products of a graph in bfloat16 round their factors themselves.

    Those of a narrow network are loops, which read rounded values.
    """
    return not has_narrow_products(graph)


class Program:
    """A graph that runs natively, from any number of threads.

    Args:
        graph: the graph.
    """

    equal_bits = (FIXED_ROWS, sys.maxsize)

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._specs = {name: node.spec for name, node in graph.inputs.items()}
        # Inputs whose sizes are all known are parameters: the same array is passed in every run.
        self._parameters = {
            name for name, s in self._specs.items() if all(isinstance(n, int) for n in s.shape)
        }
        self._row_inputs = [name for name in self._specs if name not in self._parameters]
        self._row_specs = {name: self._specs[name] for name in self._row_inputs}
        self._fitting: dict[str, np.ndarray] = {}  # fixed parameters of the last run, which were checked
        # Executables that no thread uses; the last used comes first.
        self._free: deque[Executable] = deque()
        self._packed, self._chunk_runners = PackedFactors(), Memo(MAX_RUNNERS)

    @cached_property
    def _chunk(self) -> Chunk | None:
        return inference_chunk(self.graph)

    def executable(self, sizes: Mapping[str, int]) -> Executable:
        """Return an executable for these sizes: one that has run, or a new one."""
        matching = (executable for executable in list(self._free) if executable.plan.sizes == sizes)
        return next(matching, None) or self._new_executable(sizes, False)

    def memory_requirement(self, sizes: Mapping[str, int]) -> MemoryRequirement:
        """Return the memory that a run for these sizes requires, without allocating it."""
        rows = self._fixed_rows or self._rows_at_a_time(sizes.get("B", 0))
        if not rows:
            return plan_memory(plan(self.graph, sizes))
        chunks = -(-sizes["B"] // rows)
        per_chunk = plan_memory(plan(self.graph, {"B": rows})).times(min(settings.threads, chunks))
        nodes = self.graph.outputs.values()
        outputs = sum(size_at(node.spec.size, sizes) * np.dtype(node.dtype).itemsize for node in nodes)
        return per_chunk + MemoryRequirement({"outputs": outputs})

    def run(self, arrays: Arrays, *, fixed: bool = False) -> dict[str, np.ndarray]:
        """Return the outputs for these inputs, computed on as many threads as the settings allow.

        Args:
            arrays: one array for each input, of the dtype of the input.
            fixed: whether the parameters never change in place: their factors of products are packed once.

        Raises:
            ShapeError E209, E210: an array is missing or does not fit. E211: an index outside its table.
        """
        threads, rows = settings.threads, self._fixed_rows
        if rows and len(next(iter(arrays[name] for name in self._row_inputs), ())):
            return self._run_chunks(arrays, self._sizes(arrays, fixed)["B"], rows, fixed)
        executable = self._take(arrays, fixed)
        if executable is not None:
            return self._run_executable(executable, arrays, threads)
        sizes = self._sizes(arrays, fixed)
        rows = self._rows_at_a_time(sizes.get("B", 0))
        if rows:
            return self._run_chunks(arrays, sizes["B"], rows, fixed)
        return self._run_all(arrays, sizes, threads, fixed)

    def run_each(self, inputs: Iterable[Arrays]) -> Iterator[dict[str, np.ndarray]]:
        """Yield the outputs for each of several inputs, all rows at once, in arrays that the next outputs may
        overwrite.

        Args:
            inputs: as for ``run``.
        """
        executable: Executable | None = None
        try:
            for arrays in inputs:
                if executable is None or not executable.bind(arrays):
                    former = executable
                    executable, arrays = self._bound(arrays, bind(self._specs, arrays), False)
                    self._give_back(former)
                yield executable.views(arrays, settings.threads)
        finally:
            self._give_back(executable)

    def _give_back(self, executable: Executable | None) -> None:
        if executable is not None:
            self._free.appendleft(executable)

    def _sizes(self, arrays: Arrays, fixed: bool) -> dict[str, int]:
        """Return the symbolic sizes; parameters that never change are checked once.

        Raises:
            ShapeError E209, E210: an array is missing or does not fit.
        """
        if fixed and self._are_fitting(arrays):
            return bind(self._row_specs, arrays)
        sizes = bind(self._specs, arrays)
        known = {name: arrays[name] for name in self._parameters} if fixed else {}
        is_usual = all(array.flags.c_contiguous and array.dtype.isnative for array in known.values())
        self._fitting = known if is_usual else {}
        return sizes

    def _are_fitting(self, arrays: Arrays) -> bool:
        """Return whether the parameters are the fixed ones that were checked, and no input is missing."""
        fitting = self._fitting
        return (
            bool(fitting)
            and all(arrays.get(name) is array for name, array in fitting.items())
            and all(name in arrays for name in self._row_inputs)
        )

    @property
    def _fixed_rows(self) -> int:
        """Rows of every chunk, the last one padded, if bits must not depend on the batch; else 0."""
        if not settings.batch_invariant or self._chunk is None:
            return 0
        return min(FIXED_ROWS, self._chunk.rows)

    def _rows_at_a_time(self, rows: int) -> int:
        """Return how many of these rows are computed at a time; 0 for all of them."""
        chunk = self._chunk if rows > MIN_ROWS else None
        return chunk.rows if chunk is not None and rows >= chunk.min_batch else 0

    def _take(self, arrays: Arrays, fixed: bool) -> Executable | None:
        """Return an executable that has bound these arrays, for this thread alone."""
        for _ in range(len(self._free)):
            try:
                executable = self._free.popleft()
            except IndexError:  # other threads were faster
                break
            if (executable.packed is not None) == fixed and executable.bind(arrays):
                return executable
            self._free.append(executable)
        return None

    def _run_executable(self, executable: Executable, arrays: Arrays, threads: int) -> dict[str, np.ndarray]:
        try:
            return executable.run(arrays, threads)
        finally:
            self._free.appendleft(executable)

    def _run_all(
        self, arrays: Arrays, sizes: Mapping[str, int], threads: int, fixed: bool
    ) -> dict[str, np.ndarray]:
        """Return the outputs of all rows at once, for arrays of any memory layout."""
        return self._run_executable(*self._bound(arrays, sizes, fixed), threads)

    def _bound(self, arrays: Arrays, sizes: Mapping[str, int], fixed: bool) -> tuple[Executable, Arrays]:
        """Return an executable and the arrays that it has bound: contiguous copies where necessary."""
        specs = self._specs.items()
        arrays = {name: np.asarray(arrays[name], spec.dtype, order="C") for name, spec in specs}
        executable = self._take(arrays, fixed) or self._new_executable(sizes, fixed)
        executable.bind(arrays)
        return executable, arrays

    def _new_executable(self, sizes: Mapping[str, int], fixed: bool) -> Executable:
        for node in self.graph.nodes:
            if not is_leaf(node):
                at_sizes(node, sizes)
        packed = self._packed if fixed else None
        return Executable(plan(self.graph, sizes), self._parameters, planning_cores(), packed)

    def _chunks(self, size: int, fixed: bool) -> Chunks:
        """Return the runner of chunks of this many rows."""
        packed = self._packed if fixed else None

        def new(rows: int) -> Executable:
            return Executable(plan(self.graph, {"B": rows}), self._parameters, 1, packed, max_copied=0)

        return self._chunk_runners((size, fixed), lambda: Chunks(new, size, self._row_inputs))

    def _run_chunks(self, arrays: Arrays, rows: int, size: int, fixed: bool) -> dict[str, np.ndarray]:
        """Return the outputs of independent rows, computed ``size`` rows at a time."""
        results = {name: np.empty((rows, *shape), dtype) for name, shape, dtype in self._result_forms}
        chunks = self._chunks(size, fixed)
        compute = self._compute_chunks if chunks.is_possible else self._compute_chunks_by_calls
        try:
            compute(chunks, arrays, results, fixed)
        except ShapeError:  # an index outside its table: its position is known in the whole batch only
            return self._run_all(arrays, {"B": rows}, 1, fixed)
        return results

    @cached_property
    def _result_forms(self) -> list[tuple[str, tuple[int, ...], np.dtype]]:
        """The name, the shape of a row and the dtype of each output of independent rows."""
        outputs = self.graph.outputs.items()
        return [(name, tuple(size_at(n, {}) for n in x.shape[1:]), np.dtype(x.dtype)) for name, x in outputs]

    def _compute_chunks(self, chunks: Chunks, arrays: Arrays, results: Arrays, _: bool) -> None:
        """Compute chunks in machine code."""
        specs = self._row_specs if self._are_fitting(arrays) else self._specs
        contiguous = {name: np.asarray(arrays[name], spec.dtype, order="C") for name, spec in specs.items()}
        arrays = {**arrays, **contiguous}
        rows = len(arrays[self._row_inputs[0]])
        start = rows - rows % chunks.size
        end = slice(start, rows)
        last = {name: self._chunk_rows(arrays[name], end, chunks.size) for name in self._row_inputs}
        chunks.run(arrays, results, last if start < rows else {}, settings.threads)

    def _compute_chunks_by_calls(
        self, chunks: Chunks, arrays: Arrays, results: dict[str, np.ndarray], fixed: bool
    ) -> None:
        """Compute chunks by calls from Python: some operations have no kernel, or outputs another layout."""
        size, rows = chunks.size, len(arrays[self._row_inputs[0]])
        starts = iter(range(0, rows, size))  # shared by all threads, each of which takes the next

        def work() -> None:
            for start in starts:
                rows_slice = slice(start, min(start + size, rows))
                chunk = {name: self._chunk_rows(arrays[name], rows_slice, size) for name in self._row_inputs}
                for name, value in self._run_chunk({**arrays, **chunk}, fixed).items():
                    results[name][rows_slice] = value[: rows_slice.stop - start]

        others = min(settings.threads, -(-rows // size)) - 1
        futures = [pool(settings.threads, fork_count()).submit(work) for _ in range(others)]
        work()
        for future in futures:
            future.result()

    def _chunk_rows(self, array: np.ndarray, rows_slice: slice, size: int) -> np.ndarray:
        """Return the rows of a chunk; with a fixed chunk size, a short one is padded with its last row."""
        rows = array[rows_slice]
        missing = size - len(rows)
        if not missing or not self._fixed_rows:
            return rows
        return np.concatenate([rows, np.repeat(rows[-1:], missing, 0)])

    def _run_chunk(self, arrays: Arrays, fixed: bool) -> dict[str, np.ndarray]:
        """Return the outputs of a chunk, computed by the calling thread alone."""
        executable = self._take(arrays, fixed)
        if executable is None:
            return self._run_all(arrays, bind(self._specs, arrays), 1, fixed)
        return self._run_executable(executable, arrays, 1)

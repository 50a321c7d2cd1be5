"""A graph as a program: a table of (kernel, block) pairs that one native loop calls through.

For each size of batch the graph is planned once and its blocks are laid out once (see ``ready``). Rows that
are answered apart from one another are taken in portions of a fixed size, by as many threads as the settings
say; what cannot be taken apart, or is a single portion, is computed by all of them together where it is long.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Mapping
from functools import cached_property

import numpy as np

from chainrule.engines.native.runtime.executable import Arrays, Ready
from chainrule.engines.native.runtime.thread_team import pool
from chainrule.engines.shape_binding import at_sizes, bind
from chainrule.errors import ShapeError
from chainrule.graph import Graph
from chainrule.plan.inference_chunks import LEAST, Portion, portion
from chainrule.plan.memory_requirement import Need, run_need
from chainrule.plan.passes.fused_loop import is_leaf
from chainrule.plan.plan import plan
from chainrule.settings import planning_cores, settings
from chainrule.spec import size_at

FIXED = 16  # rows of every portion where bits must not depend on the batch


class Program:
    """A graph ready to run natively, from any number of threads.

    Args:
        graph: what to compute.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._specs = {name: node.spec for name, node in graph.inputs.items()}
        # Inputs whose sizes are all known are parameters: the same array comes again and again.
        self._kept = {name for name, s in self._specs.items() if all(isinstance(n, int) for n in s.shape)}
        self._by_row = [name for name in self._specs if name not in self._kept]
        self._free: deque[Ready] = (
            deque()
        )  # laid-out plans that no thread is using; the last used comes first

    @cached_property
    def _portion(self) -> Portion | None:
        return portion(self.graph)

    def ready(self, sizes: Mapping[str, int]) -> Ready:
        """A laid-out plan for these sizes: one that has run, or a new one."""
        known = (made for made in list(self._free) if made.plan.sizes == sizes)
        return next(known, None) or self._laid_out(sizes)

    def need(self, sizes: Mapping[str, int]) -> Need:
        """What memory a run for these sizes takes; nothing is allocated."""
        rows = self._fixed_rows or self._rows_at_a_time(sizes.get("B", 0))
        if not rows:
            return run_need(plan(self.graph, sizes))
        many = -(-sizes["B"] // rows)
        each = run_need(plan(self.graph, {"B": rows})).times(min(settings.threads, many))
        nodes = self.graph.outputs.values()
        whole = sum(size_at(node.spec.size, sizes) * np.dtype(node.dtype).itemsize for node in nodes)
        return each + Need({"outputs": whole})

    def run(self, arrays: Arrays) -> dict[str, np.ndarray]:
        """The outputs for these inputs, computed by as many threads as the settings say.

        Args:
            arrays: for each input its array, of the input's number kind.

        Fails:
            ShapeError E209, E210: an array is missing or does not fit. E211: an index outside its table.
        """
        return self._answer(arrays, settings.threads)

    def _answer(self, arrays: Arrays, threads: int) -> dict[str, np.ndarray]:
        rows = self._fixed_rows
        if rows and len(next(iter(arrays[name] for name in self._by_row), ())):
            return self._in_portions(arrays, bind(self._specs, arrays)["B"], rows)
        made = self._take(arrays)
        if made is not None:
            return self._use(made, arrays, threads)
        sizes = bind(self._specs, arrays)
        rows = self._rows_at_a_time(sizes.get("B", 0))
        return self._in_portions(arrays, sizes["B"], rows) if rows else self._whole(arrays, sizes, threads)

    @property
    def _fixed_rows(self) -> int:
        """How many rows every portion has, the last one padded, where bits must not depend on the batch;
        else 0."""
        if not settings.batch_invariant or self._portion is None:
            return 0
        return min(FIXED, self._portion.rows)

    def _rows_at_a_time(self, rows: int) -> int:
        """How many of these rows are computed at a time; 0: all of them at once."""
        found = self._portion if rows > LEAST else None
        return found.rows if found is not None and rows >= found.pays else 0

    def _take(self, arrays: Arrays) -> Ready | None:
        """A laid-out plan that has taken these arrays, for this thread alone."""
        for _ in range(len(self._free)):
            try:
                made = self._free.popleft()
            except IndexError:  # other threads were faster
                break
            if made.takes(arrays):
                return made
            self._free.append(made)
        return None

    def _use(self, made: Ready, arrays: Arrays, threads: int) -> dict[str, np.ndarray]:
        try:
            return made.run(arrays, threads)
        finally:
            self._free.appendleft(made)

    def _whole(self, arrays: Arrays, sizes: Mapping[str, int], threads: int) -> dict[str, np.ndarray]:
        """The outputs of all rows at once, whatever way the arrays lie in memory."""
        kinds = self._specs.items()
        arrays = {name: np.asarray(arrays[name], spec.dtype, order="C") for name, spec in kinds}
        made = self._take(arrays) or self._laid_out(sizes)
        made.takes(arrays)
        return self._use(made, arrays, threads)

    def _laid_out(self, sizes: Mapping[str, int]) -> Ready:
        for node in self.graph.nodes:
            if not is_leaf(node):
                at_sizes(node, sizes)
        return Ready(plan(self.graph, sizes), self._kept, planning_cores())

    def _in_portions(self, arrays: Arrays, rows: int, size: int) -> dict[str, np.ndarray]:
        """The outputs of many rows, none of which depends on another, ``size`` at a time."""
        nodes = self.graph.outputs.items()
        shapes = {name: [size_at(axis, {"B": rows}) for axis in node.shape] for name, node in nodes}
        results = {name: np.empty(shapes[name], node.dtype) for name, node in nodes}
        starts = iter(range(0, rows, size))  # shared by all threads: each takes the next

        def work() -> None:
            for start in starts:
                part = slice(start, min(start + size, rows))
                held = {name: self._rows_of(arrays[name], part, size) for name in self._by_row}
                for name, value in self._portion_of({**arrays, **held}).items():
                    results[name][part] = value[: part.stop - start]

        others = min(settings.threads, -(-rows // size)) - 1
        waiting = [pool(settings.threads, os.getpid()).submit(work) for _ in range(others)]
        try:
            work()
            for other in waiting:
                other.result()
        except ShapeError:  # an index outside its table: only the whole batch knows its place
            return self._whole(arrays, {"B": rows}, 1)
        return results

    def _rows_of(self, array: np.ndarray, part: slice, size: int) -> np.ndarray:
        """A portion's rows; where every portion has as many, those of a short one are filled up with its
        last row."""
        rows = array[part]
        missing = size - len(rows)
        if not missing or not self._fixed_rows:
            return rows
        return np.concatenate([rows, np.repeat(rows[-1:], missing, 0)])

    def _portion_of(self, arrays: Arrays) -> dict[str, np.ndarray]:
        """The outputs of a portion, by the calling thread alone."""
        made = self._take(arrays)
        if made is None:
            return self._whole(arrays, bind(self._specs, arrays), 1)
        return self._use(made, arrays, 1)

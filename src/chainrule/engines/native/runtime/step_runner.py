"""Multi-step training runs in machine code: many steps without Python, with batches gathered by index.

The step is cut into phases (see ``plan``): BEFORE once, MICROBATCHES for each microbatch, LOSS and AFTER
once. Microbatches belong to *replicas*; each replica has its own memory for intermediate values and its own
gradient sums, so replicas never wait for one another inside MICROBATCHES. Each thread runs several replicas,
and threads meet at barriers between phases. The plan alone decides how a batch is split into microbatches and
replicas, and the order in which the sums of the replicas are added: the bits do not depend on the number of
threads.

The loss is checked before AFTER: if it is not finite, the run ends and the parameters are those of the last
finite step.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from typing import NamedTuple

import numpy as np

from chainrule.engines.native.jit.compiler import callable_at
from chainrule.engines.native.runtime.buffers import address
from chainrule.engines.native.runtime.executable import machine, refuse_outside
from chainrule.engines.native.runtime.kernel_calls import COVERED
from chainrule.engines.native.runtime.replicas import GATHER, ReplicatedStep, StepDefinition, StepLayout
from chainrule.fork_safety import fork_count
from chainrule.graph import Graph, Node
from chainrule.memoization import Memo
from chainrule.plan.kernel_lowering import has_kernel
from chainrule.plan.memory_requirement import MemoryRequirement, step_memory
from chainrule.plan.plan import Cut
from chainrule.prng import KEY
from chainrule.settings import planning_cores, settings

MAX_LAYOUTS = 8  # of a step: batch sizes, numbers of cores, targets


class CompiledStep:
    """A training step with its layouts, which are kept: a training only binds its arrays to them.

    Args:
        graph: the step; outputs ``loss`` and those named in ``homes``.
        core: the nodes of the gradients.
        homes: outputs that are inputs of the next step.
    """

    def __init__(self, graph: Graph, core: Sequence[Node], homes: Mapping[str, str]) -> None:
        self.graph, self.cut = graph, Cut(1, "loss", tuple(core), homes)
        self.dtypes = {name: node.dtype for name, node in graph.inputs.items()}
        self._layouts = Memo(MAX_LAYOUTS)
        self._requirements = Memo(MAX_LAYOUTS)

    @staticmethod
    def covers(graph: Graph) -> bool:
        """Return whether every operation of the step has a kernel, so that no step needs Python."""
        return all(node.op.name in COVERED and has_kernel(node) for node in graph.nodes)

    def layout(self, batch: int, cores: int, data: Collection[str]) -> StepLayout:
        """Return the layout for batches of this size, compiled for the target that the settings name.

        Args:
            batch: samples in each batch.
            cores: number of cores that the plan is optimized for.
            data: input labels of the data sets.
        """
        labels = frozenset(data)
        definition = StepDefinition(self.graph, self.cut, cores, labels)
        key = batch, cores, labels, settings.vector_bytes, settings.portable_bits
        return self._layouts(key, lambda: StepLayout(definition, batch))

    def memory_requirement(self, data: Collection[str], batch: int) -> MemoryRequirement:
        """Return the memory that a step requires besides its state, without allocating it.

        Args:
            data: input labels of the data sets.
            batch: samples in each batch.
        """
        cores, labels = planning_cores(), frozenset(data)
        return self._requirements(
            (batch, cores, labels), lambda: step_memory(self.graph, self.cut, batch, cores, labels)
        )

    def trainer(
        self,
        data: Mapping[str, np.ndarray],
        state: dict[str, np.ndarray],
        threads: int,
        cores: int,
        *,
        changes: bool = True,
    ) -> Trainer:
        """Return a runner of this step; see ``Trainer``, which reads the data itself in every call."""
        return Trainer(self, data, state, threads, cores)


class BoundSteps(NamedTuple):
    """Steps bound to data sets at certain addresses: by batch size, and by batch size and threads."""

    steps: dict[int, ReplicatedStep]
    blocks: dict[tuple[int, int], ArgumentBlocks]


class Trainer:
    """A runner of many training steps over a data set in memory.

    Args:
        step: the step.
        data: whole data sets by input label, rows first.
        state: arrays by input label; changed in place.
        threads: number of threads that compute.
        cores: number of cores that the plan is optimized for.
    """

    keeps_state = False
    place = 0, 1  # this engine runs in one process

    def __init__(
        self,
        step: CompiledStep,
        data: Mapping[str, np.ndarray],
        state: dict[str, np.ndarray],
        threads: int,
        cores: int,
    ) -> None:
        self._step, self._cores = step, cores
        self.threads, self.state = threads, state
        self.state["step"] = np.zeros(1, np.int64)
        self.state[KEY] = np.zeros(2, np.uint32)
        self.flag = np.zeros(1, np.int64)
        self._pools: dict[int, ThreadPoolExecutor] = {}  # by process: a forked child has its own
        self._bound: dict[tuple[tuple[int, int], ...], BoundSteps] = {}
        self.replace_data(data)

    @staticmethod
    def agreed(value: float) -> float:
        """Return ``value``: this engine runs in one process."""
        return value

    @staticmethod
    def rows_of_all(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the arrays."""
        return arrays

    def require_same_rows(self, identity: str) -> None:
        """Do nothing: there is no other process."""

    def pull(self) -> None:
        """Do nothing: the arrays of the state are those that the steps change."""

    def push(self, labels: Iterable[str]) -> None:
        """Do nothing: the steps read the arrays of the state."""

    def replace_data(self, data: Mapping[str, np.ndarray]) -> None:
        """Have the next runs read other data sets, of the same labels and forms of rows.

        What is bound to the last two is kept: rows of a stream are in two places in turn.
        """
        dtypes = self._step.dtypes
        self._data = {k: np.ascontiguousarray(v, dtypes[k]) for k, v in data.items() if k in dtypes}
        places = tuple((address(array), len(array)) for array in self._data.values())
        self._current = self._bound.pop(places, None) or BoundSteps({}, {})
        self._bound[places] = self._current
        if len(self._bound) > 2:
            del self._bound[next(iter(self._bound))]

    def replicated_step(self, batch: int) -> ReplicatedStep:
        """Return the step for batches of this size."""
        steps = self._current.steps
        if batch not in steps:
            layout = self._step.layout(batch, self._cores, self._data)
            steps[batch] = ReplicatedStep(layout, self._data, self.state, self.flag)
        return steps[batch]

    def run(
        self, order: np.ndarray, batch: int, first: int, count: int, step: int, keys: np.ndarray
    ) -> tuple[np.ndarray, int]:
        """Run some steps.

        Args:
            order: row indices, int64; batch i is ``order[i * batch : (i + 1) * batch]``.
            batch: samples in each batch.
            first: number of the first batch.
            count: number of steps.
            step: number of updates made before.
            keys: (count, 2) uint32, or (0, 2) for networks that sample nothing.

        Returns:
            loss and learning rate of each completed step, (steps, 2); and 0, or the number (from 1) of the
            step whose loss was not finite and whose update was skipped.

        Raises:
            ShapeError E211: an index outside its table.
        """
        blocks = self._current.blocks.get((batch, self.threads)) or self._new_blocks(batch)
        self.state["step"][0] = step
        blocks.write(order, first, count, keys)
        others = [self._pool().submit(blocks.steps, block) for block in blocks.others]
        blocks.steps(blocks.first)
        for other in others:
            other.result()
        refuse_outside(self.flag)
        failed = blocks.sync[2]
        return blocks.results[: failed or count].copy(), failed

    def _pool(self) -> ThreadPoolExecutor:
        """Return threads of this process for this trainer alone: those of one step wait for each other."""
        process = fork_count()
        if process not in self._pools:
            self._pools[process] = ThreadPoolExecutor(self.threads - 1)
        return self._pools[process]

    def _new_blocks(self, batch: int) -> ArgumentBlocks:
        replicated_step = self.replicated_step(batch)
        threads = min(self.threads, replicated_step.count)
        blocks = ArgumentBlocks(replicated_step, self.state, threads)
        self._current.blocks[batch, self.threads] = blocks
        return blocks


class ArgumentBlocks:
    """The blocks of ``training_steps.steps`` for a batch size and a number of threads, one for each thread.

    A multi-step run of a small network takes some microseconds, about as long as NumPy takes to return the
    addresses of a few arrays. Addresses that do not change from run to run are therefore stored.

    Args:
        state: arrays by input label.
    """

    def __init__(self, step: ReplicatedStep, state: Mapping[str, np.ndarray], threads: int) -> None:
        self._step, table = step, step.table
        self._patches = table.patches.reshape(-1).data  # faster to write than the array
        self._gather_positions = [4 * int(at) + 2 for at in np.flatnonzero(table.patches[:, :, 1] == GATHER)]
        counts = len(table.marks), table.tables.shape[2], table.words.shape[2], table.patches.shape[1]
        table_arrays = table.marks, table.tables, table.words, table.patches, state[KEY]
        step_arrays = state["step"], step.loss, step.learning_rate
        fixed = [
            *table.numbers.tolist(),
            *counts,
            0,
            0,
            *map(address, table_arrays),
            0,
            *map(address, step_arrays),
            0,
            0,
        ]
        self._blocks = np.array([(thread, threads, *fixed) for thread in range(threads)], np.int64)
        self._words = self._blocks.reshape(-1).data
        starts = range(0, self._blocks.size, self._blocks.shape[1])
        self._changing_positions = [start + at for start in starts for at in CHANGING]
        self.results, sync = np.zeros((0, 2)), np.zeros(16, np.int64)
        self.sync = sync.data  # [arrived, generation, number of the step that failed]
        self._addresses = [0, address(self.results), address(sync)]
        self.steps = callable_at(
            machine().kernel("training_steps.steps", step.loss.dtype.name, step.learning_rate.dtype.name)
        )
        self.first, *self.others = (address(block) for block in self._blocks)

    def write(self, order: np.ndarray, first: int, count: int, keys: np.ndarray) -> None:
        """Write what changes from run to run: addresses of rows, keys and results, the number of steps."""
        if order is not self._step.order:
            self._step.order = order
            for at in self._gather_positions:
                self._patches[at] = address(order)
        if count != len(self.results):
            self.results = np.zeros((count, 2))
            self._addresses[1] = address(self.results)
        sync, words = self.sync, self._words
        sync[0] = sync[1] = sync[2] = 0
        self._addresses[0] = address(keys) if len(keys) else 0
        values = (first, len(keys), count, *self._addresses)
        for at, value in zip(self._changing_positions, cycle(values), strict=False):
            words[at] = value

    def block(self, thread: int, tables: np.ndarray | None, spent: np.ndarray) -> np.ndarray:
        """Return the block of a thread for the kernels of ``training_steps``.

        Args:
            tables: kernels that replace those of the step.
            spent: memory for nanoseconds, steps first.
        """
        block = np.append(self._blocks[thread], [address(spent), len(spent)])
        if tables is not None:
            block[TABLES] = address(tables)
        return block


# Words of the block of ``training_steps.steps``: first batch, numbers of keys and results, their addresses.
CHANGING = (6, 12, 13, 19, 23, 24)
TABLES = 15  # the word that holds the address of the tables

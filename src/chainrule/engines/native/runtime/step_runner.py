"""Whole stretches of training in machine code: many steps, batches gathered by index, without Python.

The step is cut into phases (see ``plan``): BEFORE once, PARTS for each part of the batch, LOSS and AFTER
once. Parts belong to *lanes*; each lane has its own memory for what lies between input and gradient and its
own sums, so lanes never wait for one another inside PARTS. Threads take lanes in turn and meet at barriers
between phases. How a batch is split into parts and lanes, and the order in which the lanes' sums are added,
is decided by the plan alone: the bits do not depend on how many threads there are.

The loss is looked at before AFTER: when it is not finite the stretch ends and the parameters are still the
last good ones.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle

import numpy as np

from chainrule.engines.native.jit.compiler import callable_at
from chainrule.engines.native.runtime.executable import machine, refuse_outside
from chainrule.engines.native.runtime.kernel_calls import COVERED
from chainrule.engines.native.runtime.replicas import GATHER, Job, Lanes
from chainrule.graph import Graph, Node
from chainrule.plan.lower import has_kernel
from chainrule.plan.memory_requirement import Need, step_need
from chainrule.plan.plan import Cut
from chainrule.prng import KEY
from chainrule.settings import planning_cores


class Trainer:
    """Runs a training step many times over a data set in memory.

    Args:
        graph: the step; outputs ``loss`` and those named in ``homes``.
        core: the gradients' nodes.
        homes: outputs that are the next step's inputs.
        data: whole data sets by input label, rows first.
        state: arrays by input label; changed in place.
        threads: how many threads work; cores: for how many the plan is made.
    """

    def __init__(
        self,
        graph: Graph,
        core: Sequence[Node],
        homes: Mapping[str, str],
        data: Mapping[str, np.ndarray],
        state: dict[str, np.ndarray],
        threads: int,
        cores: int,
    ) -> None:
        kinds = {name: node.dtype for name, node in graph.inputs.items()}
        kept = {k: np.ascontiguousarray(v, kinds[k]) for k, v in data.items() if k in kinds}
        self.threads, self.state = threads, state
        self.state["step"] = np.zeros(1, np.int64)
        self.state[KEY] = np.zeros(2, np.uint32)
        self.flag = np.zeros(1, np.int64)
        self.job = Job(graph, Cut(1, "loss", tuple(core), homes), cores, kept, state, self.flag)
        self._pools: dict[int, ThreadPoolExecutor] = {}  # by process: a forked child starts its own threads
        self._lanes: dict[int, Lanes] = {}
        self._desks: dict[tuple[int, int], Desk] = {}

    @staticmethod
    def covers(graph: Graph) -> bool:
        """Whether every operation of the step has a kernel, so that no step needs Python."""
        return all(node.op.name in COVERED and has_kernel(node) for node in graph.nodes)

    @staticmethod
    def need(
        graph: Graph, core: Sequence[Node], homes: Mapping[str, str], data: Collection[str], batch: int
    ) -> Need:
        """What memory a step takes besides its state, for batches of this size; nothing is allocated.

        Args:
            graph, core, homes: as for a trainer.
            data: input labels of the data sets.
        """
        return step_need(graph, Cut(1, "loss", tuple(core), homes), batch, planning_cores(), data)

    def lanes(self, batch: int) -> Lanes:
        """The step for batches of this size."""
        if batch not in self._lanes:
            self._lanes[batch] = Lanes(self.job, batch)
        return self._lanes[batch]

    def run(
        self, order: np.ndarray, batch: int, first: int, count: int, step: int, keys: np.ndarray
    ) -> tuple[np.ndarray, int]:
        """Make some steps.

        Args:
            order: row numbers, int64; batch i holds ``order[i * batch : (i + 1) * batch]``.
            batch: samples in each batch.
            first: the number of the first batch.
            count: how many steps.
            step: how many updates were made before.
            keys: (count, 2) uint32, or (0, 2) for nets that draw nothing.

        Returns:
            loss and rate of each step, (steps made, 2); and 0, or the number (from 1) of the step whose loss
                was
            not finite, whose update was not made.

        Fails:
            ShapeError E211: an index outside its table.
        """
        desk = self._desks.get((batch, self.threads)) or self._desk(batch)
        self.state["step"][0] = step
        desk.lay(order, first, count, keys)
        others = [self._pool().submit(desk.steps, block) for block in desk.others]
        desk.steps(desk.first)
        for other in others:
            other.result()
        refuse_outside(self.flag)
        failed = desk.sync[2]
        return desk.told[: failed or count].copy(), failed

    def _pool(self) -> ThreadPoolExecutor:
        """Threads of this process, not shared with other trainers: those of one step wait for each other."""
        process = os.getpid()
        if process not in self._pools:
            self._pools[process] = ThreadPoolExecutor(self.threads - 1)
        return self._pools[process]

    def _desk(self, batch: int) -> Desk:
        lanes = self.lanes(batch)
        desk = self._desks[batch, self.threads] = Desk(lanes, self.state, min(self.threads, lanes.count))
        return desk


class Desk:
    """The blocks of ``step.steps`` for a size of batch and a number of threads: one for each thread.

    A stretch of a small net takes some microseconds, about as long as it takes NumPy to tell the addresses of
    a few arrays. So what does not change from run to run is not asked again.

    Args:
        lanes: the step.
        state: arrays by input label.
        threads: how many.
    """

    def __init__(self, lanes: Lanes, state: Mapping[str, np.ndarray], threads: int) -> None:
        self._lanes, table = lanes, lanes.table
        self._patches = table.patches.reshape(-1).data  # a number is set sooner there than in the array
        self._gathers = [4 * int(at) + 2 for at in np.flatnonzero(table.patches[:, :, 1] == GATHER)]
        counts = len(table.marks), table.tables.shape[2], table.words.shape[2], table.patches.shape[1]
        own = table.marks, table.tables, table.words, table.patches, state[KEY]
        moved = state["step"], lanes.loss, lanes.rate
        fixed = [*table.numbers.tolist(), *counts, 0, 0, *map(address, own), 0, *map(address, moved), 0, 0]
        self._blocks = np.array([(thread, threads, *fixed) for thread in range(threads)], np.int64)
        self._words = self._blocks.reshape(-1).data
        starts = range(0, self._blocks.size, self._blocks.shape[1])
        self._changing = [start + at for start in starts for at in CHANGING]
        self.told, meeting = np.zeros((0, 2)), np.zeros(16, np.int64)
        self.sync = meeting.data  # of the kernel: [arrived, generation, number of the step that failed]
        self._places = [0, address(self.told), address(meeting)]
        self.steps = callable_at(
            machine().kernel("training_steps.steps", lanes.loss.dtype.name, lanes.rate.dtype.name)
        )
        self.first, *self.others = (address(block) for block in self._blocks)

    def lay(self, order: np.ndarray, first: int, count: int, keys: np.ndarray) -> None:
        """Write what changes from run to run: where the rows, keys and answers are, how many steps."""
        if order is not self._lanes.order:
            self._lanes.order = order
            for at in self._gathers:
                self._patches[at] = address(order)
        if count != len(self.told):
            self.told = np.zeros((count, 2))
            self._places[1] = address(self.told)
        sync, words = self.sync, self._words
        sync[0] = sync[1] = sync[2] = 0
        self._places[0] = address(keys) if len(keys) else 0
        values = (first, len(keys), count, *self._places)
        for at, value in zip(self._changing, cycle(values), strict=False):
            words[at] = value

    def block(self, thread: int, tables: np.ndarray | None, spent: np.ndarray) -> np.ndarray:
        """The block of a thread for the kernels of ``watch``.

        Args:
            thread: which.
            tables: other kernels than those of the step.
            spent: room for nanoseconds, steps first.
        """
        made = np.append(self._blocks[thread], [address(spent), len(spent)])
        if tables is not None:
            made[TABLES] = address(tables)
        return made


# Where in the block of ``step.steps`` stand: the first batch, how many keys and answers, and where those are.
CHANGING = (6, 12, 13, 19, 23, 24)
TABLES = 15  # where the tables are


def address(array: np.ndarray) -> int:
    """Where an array's numbers lie."""
    return array.__array_interface__["data"][0]

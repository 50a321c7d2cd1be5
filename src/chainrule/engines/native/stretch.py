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

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numba import njit

from chainrule.engines.native.block import COVERED
from chainrule.engines.native.kernels.kernel import part
from chainrule.engines.native.lanes import GATHER, PLACE, Job, Lanes
from chainrule.engines.native.machine import cached
from chainrule.engines.native.pointer import barrier, call
from chainrule.engines.native.ready import refuse_outside
from chainrule.graph import Graph, Node
from chainrule.plan.need import Need, step_need
from chainrule.plan.plan import Cut
from chainrule.settings import processors

# The groups of lines, as ``Table.marks`` counts them; the levels of AFTER follow.
BEFORE, PARTS, JOIN, LOSS, AFTER = range(5)


class Own(NamedTuple):
    """The step's numbers that compiled code itself reads and writes: arrays of one number, or a key."""

    key: np.ndarray
    step: np.ndarray
    loss: np.ndarray
    rate: np.ndarray


@part
def run_group(table, group, short, lane):
    """Call a lane's kernels of one group of lines."""
    for i in range(table.marks[group, 0], table.marks[group, 1]):
        call(table.tables[short, lane, i, 0], table.tables[short, lane, i, 1])


@part
def run_lanes(table, group, thread, threads):
    """Call the kernels of one group for the lanes of a thread."""
    for lane in range(thread, table.numbers[0], threads):
        run_group(table, group, 0, lane)


@part
def set_words(table, short, lane, s, place, adds):
    """Set the words that change from part to part, for the part of step s that begins at row ``place``."""
    words, patches = table.words, table.patches
    batch, first = table.numbers[3], table.numbers[4]
    for p in range(patches.shape[1]):
        where, kind = patches[short, p, 0], patches[short, p, 1]
        if kind == GATHER:
            words[short, lane, where] = patches[short, p, 2] + 8 * ((first + s) * batch + place)
        elif kind == PLACE:
            words[short, lane, where] = place * patches[short, p, 3]
        else:
            words[short, lane, where] = adds | patches[short, p, 2]


@part
def run_parts(table, s, lane):
    """The parts of step s that belong to a lane, one after the other; its sums begin with the first."""
    lanes, parts, rows = table.numbers[0], table.numbers[1], table.numbers[2]
    begin = parts * lane // lanes
    for number in range(begin, parts * (lane + 1) // lanes):
        short = 1 if number == parts - 1 else 0
        set_words(table, short, lane, s, number * rows, 0 if number == begin else 1)
        run_group(table, PARTS, short, lane)


@part
def run_update(table, thread, threads, sync, is_shared):
    """The levels of AFTER, one after the other."""
    for level in range(AFTER, table.marks.shape[0]):
        run_lanes(table, level, thread, threads)
        if is_shared:
            barrier(sync, threads)


@cached(njit, nogil=True)
def work(thread, threads, table, own, keys, told, sync):
    """Some training steps, as one thread of several.

    Args:
        thread, threads: which of how many.
        table: the step's lines and words, a ``Table``.
        own: the step's own numbers, an ``Own``.
        keys: (steps, 2), or (0, 2) for nets that draw nothing.
        told: (steps, 2): room for the loss and rate of each step.
        sync: [arrived, generation, number of the step that failed].
    """
    lanes = table.numbers[0]
    is_joined_by_all, is_moved_by_all = table.marks[JOIN, 2] != 0, table.marks[AFTER:, 2].max() != 0
    for s in range(told.shape[0]):
        if thread == 0 and sync[2] == 0:
            if keys.shape[0] > 0:
                own.key[0], own.key[1] = keys[s, 0], keys[s, 1]
            run_group(table, BEFORE, 0, 0)
        barrier(sync, threads)
        if sync[2] != 0:
            return
        for lane in range(thread, lanes, threads):
            run_parts(table, s, lane)
        barrier(sync, threads)
        if is_joined_by_all:
            run_lanes(table, JOIN, thread, threads)
            barrier(sync, threads)
        if thread == 0:
            if not is_joined_by_all:
                run_group(table, JOIN, 0, 0)
            run_group(table, LOSS, 0, 0)
            told[s, 0] = own.loss[0]
            if not np.isfinite(own.loss[0]):
                sync[2] = 1 + s
        if is_moved_by_all:
            barrier(sync, threads)
        # Where nothing of the update is shared, thread 0 goes on alone; the others wait for the next step.
        if sync[2] == 0 and (thread == 0 or is_moved_by_all):
            run_update(table, thread, threads, sync, is_moved_by_all)
        if thread == 0 and sync[2] == 0:
            told[s, 1] = own.rate[0]
            own.step[0] += 1


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
        self.state["key"] = np.zeros(2, np.uint32)
        self.flag = np.zeros(1, np.int64)
        self.job = Job(graph, Cut(1, "loss", tuple(core), homes), cores, kept, state, self.flag)
        self._lanes: dict[int, Lanes] = {}
        self._pool = ThreadPoolExecutor(threads - 1) if threads > 1 else None

    @staticmethod
    def covers(graph: Graph) -> bool:
        """Whether every operation of the step has a kernel, so that no step needs Python."""
        return all(node.op.name in COVERED for node in graph.nodes)

    @staticmethod
    def need(
        graph: Graph, core: Sequence[Node], homes: Mapping[str, str], data: Collection[str], batch: int
    ) -> Need:
        """What memory a step takes besides its state, for batches of this size; nothing is allocated.

        Args:
            graph, core, homes: as for a trainer.
            data: input labels of the data sets.
        """
        return step_need(graph, Cut(1, "loss", tuple(core), homes), batch, processors(), data)

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
        lanes = self.lanes(batch)
        table, threads = lanes.table, min(self.threads, lanes.split.lanes)
        table.numbers[4] = first
        table.patches[table.patches[:, :, 1] == GATHER, 2] = order.ctypes.data
        self.state["step"][0] = step
        told, sync = np.zeros((count, 2)), np.zeros(16, np.int64)
        own = Own(self.state["key"], self.state["step"], lanes.loss, lanes.rate)
        shared = (threads, table, own, keys, told, sync)
        others = [self._pool.submit(work, t, *shared) for t in range(1, threads)] if self._pool else []
        work(0, *shared)
        for other in others:
            other.result()
        refuse_outside(self.flag)
        failed = int(sync[2])
        return told[: failed or count], failed

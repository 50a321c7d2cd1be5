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

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import cfunc, njit

from chainrule.engines.native.block import COVERED, Address, Adds, Blocks, Call, Place
from chainrule.engines.native.kernels.lookup import take_rows
from chainrule.engines.native.loop import Operation
from chainrule.engines.native.machine import cached
from chainrule.engines.native.pointer import barrier, call
from chainrule.engines.native.program import aligned, blas, machine
from chainrule.graph import Graph, Node
from chainrule.plan.part import Split, split_batch
from chainrule.plan.plan import AFTER, BEFORE, LOSS, PARTS, Cut, Plan, plan
from chainrule.plan.task import Buffer, Task
from chainrule.plan.view import View

GATHER, PLACE, ADDS = 0, 1, 2
SHARED_FROM = 8192  # elements of an update from which on the lanes share it


@cached(cfunc, "void(int64)")
def nothing(block):
    """The call of a lane that has no share in a task."""


@cached(njit, nogil=True)
def work(
    thread,
    threads,
    count,
    numbers,
    marks,
    tables,
    words,
    patches,
    order,
    keys,
    key,
    step,
    loss,
    rate,
    told,
    sync,
):
    """Some training steps, as one thread of several.

    Args:
        thread, threads: which of how many.
        count: steps to make.
        numbers: [lanes, parts, rows of a part, batch size, first batch].
        marks: [first, last) of the calls of BEFORE, PARTS, JOIN, LOSS and each level of AFTER.
        tables: (2, lanes, calls, 2): kernels and blocks, for full parts and for the last, shorter one.
        words: (2, lanes, words): the blocks.
        patches: (2, n, 4): words to set for each part: position, kind, base, stride.
        order: the row numbers of the epoch; keys: (steps, 2); key, step, loss, rate: one-element arrays of
            the step.
        told: (steps, 2): loss and rate of each step made.
        sync: [arrived, generation, stop].
    """
    lanes, parts, rows, batch, first = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
    for s in range(count):
        if thread == 0:
            for i in range(marks[0, 0], marks[0, 1]):
                call(tables[0, 0, i, 0], tables[0, 0, i, 1])
            if keys.shape[0] > 0:
                key[0], key[1] = keys[s, 0], keys[s, 1]
        barrier(sync, threads)
        for lane in range(thread, lanes, threads):
            begin = parts * lane // lanes
            for part in range(begin, parts * (lane + 1) // lanes):
                short = 1 if part == parts - 1 else 0
                place = part * rows
                for p in range(patches.shape[1]):
                    where, kind = patches[short, p, 0], patches[short, p, 1]
                    if kind == GATHER:
                        words[short, lane, where] = patches[short, p, 2] + 8 * ((first + s) * batch + place)
                    elif kind == PLACE:
                        words[short, lane, where] = place * patches[short, p, 3]
                    else:
                        words[short, lane, where] = 0 if part == begin else 1
                for i in range(marks[1, 0], marks[1, 1]):
                    call(tables[short, lane, i, 0], tables[short, lane, i, 1])
        barrier(sync, threads)
        if lanes > 1:
            for lane in range(thread, lanes, threads):
                for i in range(marks[2, 0], marks[2, 1]):
                    call(tables[0, lane, i, 0], tables[0, lane, i, 1])
            barrier(sync, threads)
        if thread == 0:
            for i in range(marks[3, 0], marks[3, 1]):
                call(tables[0, 0, i, 0], tables[0, 0, i, 1])
            told[s, 0] = loss[0]
            if not np.isfinite(loss[0]):
                sync[2] = 1 + s
        barrier(sync, threads)
        if sync[2] != 0:
            return
        for level in range(4, marks.shape[0]):
            for lane in range(thread, lanes, threads):
                for i in range(marks[level, 0], marks[level, 1]):
                    call(tables[0, lane, i, 0], tables[0, lane, i, 1])
            barrier(sync, threads)
        if thread == 0:
            told[s, 1] = rate[0]
            step[0] += 1


@dataclass(frozen=True, eq=False)
class _Line:
    """One call of every lane: its words before addresses are known."""

    phase: int
    level: int
    call: Call
    is_shared: bool = False


class Lanes:
    """A step for one size of batch: plans, memory and blocks of every lane.

    Args:
        trainer: the arrays all sizes of batch share.
        batch: samples in a batch.
    """

    def __init__(self, trainer: Trainer, batch: int) -> None:
        self.trainer, self.batch = trainer, batch
        self.split: Split = split_batch(trainer.graph, batch, trainer.cut, trainer.cores)
        last = batch - (self.split.parts - 1) * self.split.rows
        sizes = {"B": batch}
        full = plan(trainer.graph, sizes, trainer.cut_of(self.split.rows))
        short = full if last == self.split.rows else plan(trainer.graph, sizes, trainer.cut_of(last))
        plans = [full, short]
        self.shared: dict[Any, np.ndarray] = {}
        self.keep: list[Any] = []
        built = [self._build(made) for made in plans]
        self.plan = plans[0]
        self.marks = self._marks(built[0][0])
        self.words = np.zeros((2, self.split.lanes, max(b[1].shape[1] for b in built)), np.int64)
        self.tables = np.zeros((2, self.split.lanes, len(built[0][0]), 2), np.int64)
        for short, (lines, words, starts, _) in enumerate(built):
            self.words[short, :, : words.shape[1]] = words
            for lane in range(self.split.lanes):
                base = self.words[short, lane].ctypes.data
                for i, line in enumerate(lines):
                    mine = lane == 0 or line.phase == PARTS or line.is_shared
                    self.tables[short, lane, i] = (
                        (line.call.kernel if mine else nothing.address),
                        base + 8 * starts[i],
                    )
        self.patches = np.array([b[3] for b in built], np.int64).reshape(2, -1, 4)
        self.numbers = np.array([self.split.lanes, self.split.parts, self.split.rows, batch, 0], np.int64)
        self.loss = self._output(plans[0], trainer.cut.loss)
        self.rate = self._output(plans[0], "rate") if "rate" in plans[0].outputs else self.loss

    def _output(self, made: Plan, name: str) -> np.ndarray:
        return self._memory(made, 0, made.outputs[name].buffer).reshape(1)

    def _build(self, made: Plan) -> tuple[list[_Line], np.ndarray, list[int], list[list[int]]]:
        """The lines of a plan, every lane's words, where each line's words begin, and the patches."""
        blocks = Blocks(machine(), made.buffers)
        lines = [_Line(PARTS, 0, c) for c in self._gathers(made)]
        levels = _levels(made)
        for task in made.tasks:
            calls = blocks.calls(task)
            if calls is None:
                raise NotImplementedError(task.kind)
            for made_call in calls:
                wide = made_call.span >= self.split.lanes and _elements(task) >= SHARED_FROM
                is_shared = task.phase == AFTER and self.split.lanes > 1 and wide
                lines.append(_Line(task.phase, levels[task], made_call, is_shared))
        lines += self._joins(made, blocks)
        lines.sort(key=lambda line: (_rank(line.phase), line.level))
        return (lines, *self._written(made, lines))

    def _gathers(self, made: Plan) -> list[Call]:
        """The calls that fetch a part's rows from the data set."""
        calls = []
        for buffer in made.buffers:
            data = self.trainer.data.get(buffer.label) if buffer.origin == "input" else None
            if data is not None:
                width = int(np.prod(data.shape[1:]))
                words = (buffer.shape[0], width, data.ctypes.data, len(data), width, Gather(), 1, Address(buffer.number),
                         Address(-1))  # fmt: skip
                calls.append(Call(take_rows(buffer.dtype, "int64"), words))
        return calls

    def _joins(self, made: Plan, blocks: Blocks) -> list[_Line]:
        """The calls that add the sums of lane 1, 2, ... to those of lane 0, in this order."""
        lines = []
        for buffer in made.buffers:
            if buffer.origin != "joined" or self.split.lanes == 1:
                continue
            lanes = self.split.lanes
            view = View.whole(buffer.number, (buffer.size,))
            adds = [
                Operation("add", buffer.dtype, buffer.dtype, (lanes + k - 1 if k else 0, k + 1))
                for k in range(lanes - 1)
            ]
            joined = blocks.loop([view] * lanes, [view], adds, [2 * lanes - 2])
            lines.append(_Line(JOIN, 0, _of_lanes(joined, lanes), buffer.size >= SHARED_FROM))
        return lines

    def _written(self, made: Plan, lines: Sequence[_Line]) -> tuple[np.ndarray, list[int], list[list[int]]]:
        """Every lane's words, with addresses filled in, and the list of words that change from part to part."""
        starts = list(np.cumsum([0, *(len(line.call.words) for line in lines)]))
        words = np.zeros((self.split.lanes, starts[-1] + 1), np.int64)
        patches = []
        for line, start in zip(lines, starts, strict=False):
            for at, word in enumerate(line.call.words, start):
                if isinstance(word, Gather):
                    patches.append([at, GATHER, 0, 0])
                elif isinstance(word, Place):
                    patches.append([at, PLACE, 0, word.per_row])
                elif isinstance(word, Adds):
                    patches.append([at, ADDS, 0, 0])
                else:
                    for lane in range(self.split.lanes):
                        words[lane, at] = self._word(made, line, lane, word)
            if line.is_shared:
                cuts = [line.call.span * lane // self.split.lanes for lane in range(self.split.lanes + 1)]
                words[:, start], words[:, start + 1] = cuts[:-1], cuts[1:]
        return words, starts, patches

    def _word(self, made: Plan, line: _Line, lane: int, word: Any) -> int:
        if isinstance(word, LaneAddress):
            return self._memory(made, word.lane, word.buffer).ctypes.data + word.offset
        if not isinstance(word, Address):
            return word
        if word.buffer < 0:
            return self.trainer.flag.ctypes.data
        owner = lane if line.phase == PARTS else 0
        return self._memory(made, owner, word.buffer).ctypes.data + word.offset

    def _memory(self, made: Plan, lane: int, number: int) -> np.ndarray:
        """The array behind a buffer, for a lane."""
        buffer = made.buffers[number]
        if buffer.origin == "input" and buffer.label not in self.trainer.data:
            return self.trainer.state[buffer.label]
        if buffer.origin == "work" and buffer.phase == PARTS:
            arena = self._once(("arena", lane, made), lambda: aligned(max(made.layout.size, 1)))
            return arena[made.layout.places[number] :]
        twins = [b.number for b in made.buffers if (b.origin, b.phase) == (buffer.origin, buffer.phase)]
        key = (buffer.origin, buffer.phase, twins.index(number))
        if buffer.origin == "input":
            key = ("gathered", lane, made, buffer.label)
        elif buffer.origin == "joined" or buffer.phase == PARTS:
            key = (*key, lane, made if buffer.origin != "joined" else None)
        if buffer.array is not None:
            return self._once((*key, "constant"), lambda: np.array(buffer.array, order="C"))
        return self._once(key, lambda: _zeros(buffer))

    def _once(self, key: Any, make: Any) -> np.ndarray:
        if key not in self.shared:
            self.shared[key] = make()
        return self.shared[key]

    def _marks(self, lines: Sequence[_Line]) -> np.ndarray:
        """Where BEFORE, PARTS, JOIN, LOSS and each level of AFTER begin and end among the lines."""
        groups = [BEFORE, PARTS, JOIN, LOSS]
        spans = [_span(lines, phase, None) for phase in groups]
        levels = sorted({line.level for line in lines if line.phase == AFTER})
        return np.array([*spans, *(_span(lines, AFTER, level) for level in levels)], np.int64)


JOIN = 9


class Gather:
    """A word that holds the address of a part's first row number."""


@dataclass(frozen=True)
class LaneAddress:
    """The address of one lane's own copy of a buffer."""

    buffer: int
    offset: int
    lane: int


def _of_lanes(joined: Call, lanes: int) -> Call:
    """A loop over the same buffer of every lane: the k-th operand is lane k's; the result is lane 0's."""
    found, words = 0, []
    for word in joined.words:
        if isinstance(word, Address):
            words.append(LaneAddress(word.buffer, word.offset, found if found < lanes else 0))
            found += 1
        else:
            words.append(word)
    return Call(joined.kernel, tuple(words), joined.span)


def _rank(phase: int) -> int:
    return {BEFORE: 0, PARTS: 1, JOIN: 2, LOSS: 3, AFTER: 4}[phase]


def _span(lines: Sequence[_Line], phase: int, level: int | None) -> tuple[int, int]:
    found = [i for i, line in enumerate(lines) if line.phase == phase and level in (None, line.level)]
    return (found[0], found[-1] + 1) if found else (0, 0)


def _elements(task: Task) -> int:
    return int(np.prod(task.writes[0].shape)) if task.writes else 0


def _zeros(buffer: Buffer) -> np.ndarray:
    return aligned(max(buffer.bytes, 1))[: buffer.bytes].view(buffer.dtype).reshape(buffer.shape)


def _levels(made: Plan) -> dict[Task, int]:
    """For each task of AFTER a level: tasks of one level touch nothing that another of the level writes."""
    levels, level = {}, 0
    reads: set[int] = set()
    writes: set[int] = set()
    for task in made.tasks:
        if task.phase != AFTER:
            levels[task] = 0
            continue
        r, w = {v.buffer for v in task.reads}, {v.buffer for v in task.writes}
        if r & writes or w & (reads | writes):
            level += 1
            reads, writes = set(), set()
        reads, writes = reads | r, writes | w
        levels[task] = level
    return levels


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
        self.graph, self.threads, self.cores = graph, threads, cores
        self.cut = Cut(1, "loss", tuple(core), homes)
        self.data = {k: np.ascontiguousarray(v) for k, v in data.items() if k in graph.inputs}
        self.state = state
        self.state["step"] = np.zeros(1, np.int64)
        self.state["key"] = np.zeros(2, np.uint32)
        self.flag = np.zeros(1, np.int64)
        self._lanes: dict[int, Lanes] = {}
        self._pool = ThreadPoolExecutor(threads - 1) if threads > 1 else None

    @staticmethod
    def covers(graph: Graph) -> bool:
        """Whether every operation of the step has a kernel, so that no step needs Python."""
        return all(node.op.name in COVERED for node in graph.nodes)

    def cut_of(self, rows: int) -> Cut:
        return Cut(rows, self.cut.loss, self.cut.core, self.cut.homes)

    def lanes(self, batch: int) -> Lanes:
        """The step for batches of this size."""
        if batch not in self._lanes:
            self._lanes[batch] = Lanes(self, batch)
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
            (steps made, 2): loss and rate of each step; and 0, or the number (from 1) of the step whose loss
                was not
            finite, whose update was not made.
        """
        lanes = self.lanes(batch)
        lanes.numbers[4] = first
        lanes.patches[lanes.patches[:, :, 1] == GATHER, 2] = order.ctypes.data
        self.state["step"][0] = step
        told, sync = np.zeros((count, 2)), np.zeros(16, np.int64)
        threads = min(self.threads, lanes.split.lanes)
        arguments = (
            count, lanes.numbers, lanes.marks, lanes.tables, lanes.words, lanes.patches, order, keys,
            self.state["key"], self.state["step"], lanes.loss, lanes.rate, told, sync,
        )  # fmt: skip
        with blas().alone():
            others = (
                [self._pool.submit(work, t, threads, *arguments) for t in range(1, threads)]
                if self._pool
                else []
            )
            work(0, threads, *arguments)
            for other in others:
                other.result()
        failed = int(sync[2])
        return told[: failed or count], failed

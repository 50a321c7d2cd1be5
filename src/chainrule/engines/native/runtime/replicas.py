"""A training step laid out for lanes: the calls of every lane, and the words that change from part to part.

Every lane has the same list of calls (*lines*), each with a block of its own. Inside PARTS all lanes work. A
line outside is lane 0's alone, unless it is long enough to be shared: then every lane has a run of one axis
(see ``share``). Where a lane has no share, ``nothing`` is called.

A batch is divided into parts of equal size, but for the last, which may be shorter. So there are two plans,
for full and for short parts, whose lines are the same ones.

A batch that cannot be divided, because samples meet on the way (batch normalisation), is one part in the
memory of lane 0, and the lanes share its lines as they share those outside. Lines that may run at once make a
*level*; between two levels the lanes wait for one another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from chainrule.engines.native.codegen.fused_loop import Operation
from chainrule.engines.native.runtime.buffers import LaneMemory
from chainrule.engines.native.runtime.call import FLAG, Address, Adds, Call, Place
from chainrule.engines.native.runtime.executable import machine
from chainrule.engines.native.runtime.kernel_calls import Blocks
from chainrule.engines.native.runtime.levels import levels
from chainrule.engines.native.runtime.partition import SHARED_FROM, WORTH_SHARING, pays
from chainrule.graph import Graph
from chainrule.plan.microbatch import Split, split_batch
from chainrule.plan.passes.deferred_gradients import KEPT
from chainrule.plan.plan import Cut, Plan, plan
from chainrule.plan.tasks import AFTER, BEFORE, LOSS, PARTS, Buffer, Task
from chainrule.plan.views import View
from chainrule.records import frozen

GATHER, PLACE, ADDS = 0, 1, 2  # kinds of words that change from part to part
JOIN = 9  # the phase in which the lanes' sums are added up, between PARTS and LOSS
ORDER = (BEFORE, PARTS, JOIN, LOSS, AFTER)


@frozen
class Gather:
    """A word that holds the address of a part's first row number."""


@frozen
class LaneAddress:
    """The address of one lane's own copy of a buffer."""

    buffer: int
    offset: int
    lane: int


@frozen(eq=False)
class Line:
    """One call of every lane: its words before addresses are known.

    Args:
        phase: of the plan, or JOIN.
        level: lines of one phase and level do not depend on one another.
        call: the kernel and its words.
        of: the task it belongs to, or the buffer whose rows it fetches or whose sums it adds up.
        is_shared: whether the lanes divide it among themselves.
    """

    phase: int
    level: int
    call: Call
    of: Task | Buffer
    is_shared: bool = False


class Table(NamedTuple):
    """A step as compiled code reads it.

    Args:
        numbers: [lanes, parts, rows of a part, batch size, first batch, levels of a part that is shared].
        marks: [first, last) of the lines of BEFORE, PARTS, JOIN, LOSS and each level of AFTER, and whether
            the lanes share them. Between LOSS and AFTER come the levels of a part that is shared; PARTS is
            then empty.
        tables: (2, lanes, lines, 2): kernels and blocks, for full parts and for the last, shorter one.
        words: (2, lanes, words): the blocks.
        patches: (2, n, 4): words to set for each part: position, kind, base, stride.
    """

    numbers: np.ndarray
    marks: np.ndarray
    tables: np.ndarray
    words: np.ndarray
    patches: np.ndarray


@frozen(eq=False)
class Job:
    """What the steps for all sizes of batch have in common.

    Args:
        graph: the step.
        cut: how it is cut into phases.
        cores: for how many the plan is made.
        data: whole data sets by input label, rows first.
        state: arrays by input label; changed in place.
        flag: where a kernel says that an index was out of range.
    """

    graph: Graph
    cut: Cut
    cores: int
    data: Mapping[str, np.ndarray]
    state: dict[str, np.ndarray]
    flag: np.ndarray


@frozen(eq=False)
class _Written:
    """A plan's lines with every lane's words (lanes, n), where each line's begin, and the patches."""

    lines: list[Line]
    words: np.ndarray
    starts: list[int]
    patches: list[list[int]]


class Lanes:
    """A step for one size of batch: plans, memory and blocks of every lane.

    Args:
        job: what all sizes of batch share.
        batch: samples in a batch.
    """

    def __init__(self, job: Job, batch: int) -> None:
        self.job, self.batch = job, batch
        self.split: Split = split_batch(job.graph, batch, job.cut, job.cores)
        self.memory = LaneMemory(job.data, job.state)
        last = batch - (self.split.parts - 1) * self.split.rows
        self.plan = self._plan(self.split.rows)
        is_worth_it = not self.plan.is_divided and self.plan.flops >= WORTH_SHARING
        self.shares = job.cores if is_worth_it else 1  # into how many runs a call is divided
        self.count = max(self.split.lanes, self.shares)
        short = self.plan if last == self.split.rows else self._plan(last)
        lines = [self._lines(made) for made in (self.plan, short)]
        written = [
            self._write(made, _evened(own, other))
            for made, own, other in zip((self.plan, short), lines, lines[::-1], strict=True)
        ]
        self.lines, self.table = written[0].lines, self._table(written)
        self.order: np.ndarray | None = None  # the row numbers whose address the patches hold
        self.loss = self._number(job.cut.loss)
        self.rate = self._number("rate") if "rate" in self.plan.outputs else self.loss

    def _plan(self, rows: int) -> Plan:
        return plan(self.job.graph, {"B": self.batch}, replace(self.job.cut, rows=rows))

    def _number(self, name: str) -> np.ndarray:
        """The single number of an output, as an array that the step writes."""
        return self.memory.array(self.plan, 0, self.plan.outputs[name].buffer).reshape(1)

    def _table(self, written: Sequence[_Written]) -> Table:
        """Everything compiled code needs, of the plans for full and for short parts."""
        lanes, lines = self.count, written[0].lines
        words = np.zeros((2, lanes, max(w.words.shape[1] for w in written)), np.int64)
        tables = np.zeros((2, lanes, len(lines), 2), np.int64)
        for short, one in enumerate(written):
            words[short, :, : one.words.shape[1]] = one.words
            for lane in range(lanes):
                has_share = [lane == 0 or self._is_own(line) or line.is_shared for line in one.lines]
                kernels = [line.call.kernel for line in one.lines]
                tables[short, lane, :, 0] = np.where(
                    has_share, kernels, machine().kernel("training_steps.nothing")
                )
                tables[short, lane, :, 1] = words[short, lane].ctypes.data + 8 * np.array(one.starts)
        inner = len({line.level for line in lines if line.phase == PARTS}) if self.shares > 1 else 0
        numbers = np.array([lanes, self.split.parts, self.split.rows, self.batch, 0, inner], np.int64)
        patches = np.zeros((2, max(len(w.patches) for w in written), 4), np.int64)
        for short, one in enumerate(written):
            spare = [[one.words.shape[1] - 1, ADDS, 0, 0]]  # a word that no block has
            filled = one.patches + spare * (patches.shape[1] - len(one.patches))
            patches[short] = np.array(filled, np.int64).reshape(-1, 4)
        return Table(numbers, _marks(lines, inner > 0), tables, words, patches)

    # --- lines

    def _lines(self, made: Plan) -> list[Line]:
        """The lines of a plan, in the order in which they run."""
        blocks, levels = Blocks(machine(), made.buffers), _levels(made, self.shares > 1)
        lines = self._gathers(made)
        for task in made.tasks:
            calls = blocks.calls(task)
            assert calls is not None, f"Trainer.covers let {task.kind} through"
            lines += [
                Line(task.phase, levels[task], call, task, self._is_shared(task, call)) for call in calls
            ]
        lines += self._joins(made, blocks)
        return sorted(lines, key=_when)

    def _is_own(self, line: Line) -> bool:
        """Whether a line is every lane's own, with the memory of that lane."""
        return line.phase == PARTS and self.shares == 1

    def _is_shared(self, task: Task, call: Call) -> bool:
        may_be = task.phase == AFTER or (task.phase == PARTS and self.shares > 1)
        return self.count > 1 and may_be and pays(call.share, task)

    def _gathers(self, made: Plan) -> list[Line]:
        """The lines that fetch a part's rows from the data set."""
        lines, blocks = [], Blocks(machine(), made.buffers)
        for buffer in made.buffers:
            data = self.job.data.get(buffer.label) if buffer.origin == "input" else None
            if data is not None:
                width, target = int(np.prod(data.shape[1:])), Address(buffer.number)
                source = (data.ctypes.data, len(data), width, Gather(), 1)
                words = (buffer.shape[0], width, *source, target, FLAG, 0)
                call = Call(blocks.fetch("take_rows", buffer.dtype, "int64"), words)
                lines.append(Line(PARTS, 0, call, buffer))
        return lines

    def _joins(self, made: Plan, blocks: Blocks) -> list[Line]:
        """The calls that add the sums of lane 1, 2, ... to those of lane 0, in this order."""
        lanes, lines = self.split.lanes, []
        joined = [buffer for buffer in made.buffers if buffer.origin == "joined"]
        for buffer in joined if lanes > 1 else []:
            view = View.whole(buffer.number, (buffer.size,))
            # Operands 0 .. lanes - 1 are the lanes' sums; the k-th addition is value lanes + k.
            adds = [
                Operation("add", buffer.dtype, buffer.dtype, (lanes + k - 1 if k else 0, k + 1))
                for k in range(lanes - 1)
            ]
            call = blocks.loop([view] * lanes, [view], adds, [2 * lanes - 2])
            lines.append(Line(JOIN, 0, _of_lanes(call, lanes), buffer, buffer.size >= SHARED_FROM))
        return lines

    # --- words

    def _write(self, made: Plan, lines: list[Line]) -> _Written:
        """Write every lane's words, addresses filled in, and list those that change from part to part."""
        lanes = range(self.count)
        *starts, size = (int(n) for n in np.cumsum([0, *(len(line.call.words) for line in lines)]))
        words = np.zeros((len(lanes), size + 1), np.int64)
        patches = []
        for line, start in zip(lines, starts, strict=True):
            for at, word in enumerate(line.call.words, start):
                if isinstance(word, int):
                    words[:, at] = word
                elif (patch := self._patch(made, line, at, word)) is not None:
                    patches.append(patch)
                else:
                    words[:, at] = [self._word(made, line, lane, word) for lane in lanes]
            if line.is_shared and line.call.share is not None:
                share, cuts = line.call.share, np.array(line.call.share.cuts(len(lanes)))
                words[:, start + share.count] = np.diff(cuts)
                for at, step in share.moves:
                    words[:, start + at] += cuts[:-1] * step
        return _Written(lines, words, starts, patches)

    def _patch(self, made: Plan, line: Line, at: int, word: Any) -> list[int] | None:
        """How the word at this position changes from part to part: position, kind, base, stride; or not."""
        match word:
            case Gather():
                return [at, GATHER, 0, 0]
            case Place(per_row):
                return [at, PLACE, 0, per_row]
            case Adds(others):
                return [at, ADDS, others, 0]
            case Address(number, offset) if number >= 0 and line.phase == PARTS:
                kept = made.buffers[number]
                if kept.origin == KEPT:  # a part writes its own rows
                    begin = self.memory.array(made, 0, number).ctypes.data + offset
                    return [at, PLACE, begin, kept.bytes // self.batch]
        return None

    def _word(self, made: Plan, line: Line, lane: int, word: Any) -> int:
        """A word of a lane: a number as it is, an address of its own memory or of what all share."""
        match word:
            case LaneAddress(buffer, offset, owner):
                return self.memory.array(made, owner, buffer).ctypes.data + offset
            case Address(buffer, offset) if buffer >= 0:
                owner = lane if self._is_own(line) else 0
                return self.memory.array(made, owner, buffer).ctypes.data + offset
            case Address():
                return self.job.flag.ctypes.data
        return word


def _when(line: Line) -> tuple[int, int]:
    """By what lines are ordered."""
    return ORDER.index(line.phase), line.level


def _evened(lines: Sequence[Line], others: Sequence[Line]) -> list[Line]:
    """The lines of a plan, with calls of ``nothing`` where the plan for parts of another size has more.

    A few rows may be reduced in fewer steps than many, or need not be laid out for a loop.
    """
    missing = Counter(map(_when, others)) - Counter(map(_when, lines))
    nothing = Call(machine().kernel("training_steps.nothing"), ())
    like = {_when(line): line for line in (*others, *lines)}
    padding = [replace(like[when], call=nothing, is_shared=False) for when in missing.elements()]
    return sorted((*lines, *padding), key=_when)


def _of_lanes(joined: Call, lanes: int) -> Call:
    """A loop over the same buffer of every lane: the k-th operand is lane k's; the result is lane 0's."""
    owners = iter([*range(lanes), 0])
    words = [
        LaneAddress(word.buffer, word.offset, next(owners)) if isinstance(word, Address) else word
        for word in joined.words
    ]
    return replace(joined, words=tuple(words))


def _marks(lines: Sequence[Line], is_shared: bool) -> np.ndarray:
    """Where the groups of lines begin and end, and whether lanes share them; see ``Table``.

    Args:
        is_shared: whether the lines of PARTS are in levels.
    """
    in_levels = [PARTS] if is_shared else []
    groups: list[tuple[int, int | None]] = [(phase, None) for phase in ORDER[:-1]]
    for phase in [*in_levels, AFTER]:
        groups += [(phase, at) for at in sorted({line.level for line in lines if line.phase == phase}) or [0]]
    spans = []
    for phase, level in groups:
        found = [i for i, line in enumerate(lines) if line.phase == phase and level in (None, line.level)]
        if level is None and phase in in_levels:
            found = []
        spans.append(
            (found[0], found[-1] + 1, any(lines[i].is_shared for i in found)) if found else (0, 0, False)
        )
    return np.array(spans, np.int64)


def _levels(made: Plan, is_shared: bool) -> dict[Task, int]:
    """For each task of AFTER, and of a part that is shared, a level. Level 0 of a part fetches its rows."""
    found = dict.fromkeys(made.tasks, 0)
    for phase, first in ((PARTS, 1), (AFTER, 0)):
        if phase == AFTER or is_shared:
            found |= levels(made, (task for task in made.tasks if task.phase == phase), first)
    return found

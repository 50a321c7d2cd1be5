"""A training step laid out for replicas: the calls of every replica, and the words that change per
microbatch.

Every replica has the same list of calls (*lines*), each with a block of its own. In phase MICROBATCHES all
replicas work. A line of another phase belongs to replica 0 alone, unless it is long enough to be shared: then
every replica computes a slice of one axis (see ``partition``). A replica without a slice calls
``no_operation``.

A batch is divided into microbatches of equal size, except for the last one, which may be shorter. There are
therefore two plans, for full and for short microbatches, with the same lines.

A batch that cannot be divided because samples interact (batch normalization) is one microbatch in the memory
of replica 0, and the replicas share its lines like those of the other phases. Lines that may run at the same
time form a *level*; between two levels the replicas wait for one another.

A layout contains no address, so that one layout serves every training of the step: ``ReplicatedStep`` adds
the addresses of the arrays of one training.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from chainrule.engines.native.codegen.elementwise_loop import Operation
from chainrule.engines.native.runtime.buffers import FLAG_BASE, NONE, Bases, Place
from chainrule.engines.native.runtime.call_builder import (
    FLAG,
    Accumulate,
    Address,
    Call,
    CallBuilder,
    RowOffset,
)
from chainrule.engines.native.runtime.executable import machine
from chainrule.engines.native.runtime.kernel_calls import task_calls
from chainrule.engines.native.runtime.partition import MIN_ELEMENTS, MIN_STEP_FLOPS, is_worth_dividing, levels
from chainrule.graph import Graph
from chainrule.plan.memory_allocation import ALIGN
from chainrule.plan.microbatch import Split, planned_split
from chainrule.plan.passes.deferred_gradients import DEFERRED
from chainrule.plan.plan import Cut, Plan, plan
from chainrule.plan.tasks import AFTER, BEFORE, LOSS, MICROBATCHES, Buffer, Task
from chainrule.plan.views import View
from chainrule.records import frozen

# A training step as compiled code reads it.


class StepTable(NamedTuple):
    """Lines and words of a training step, for every replica.

    Args:
        numbers: [replicas, microbatches, rows of a microbatch, batch size, first batch, levels of a shared
            microbatch].
        marks: [first, last) of the lines of BEFORE, MICROBATCHES, SUM_REPLICAS, LOSS and each level of AFTER,
            and whether the replicas share them. The levels of a shared microbatch are between LOSS and AFTER;
            MICROBATCHES is then empty.
        tables: (2, replicas, lines, 2): kernels and blocks, for full microbatches and for the last, shorter
            one.
        words: (2, replicas, words): the blocks.
        patches: (2, n, 4): words to set for each microbatch: position, kind, base, stride.
    """

    numbers: np.ndarray
    marks: np.ndarray
    tables: np.ndarray
    words: np.ndarray
    patches: np.ndarray


GATHER, PLACE, ACCUMULATE = 0, 1, 2  # kinds of words that change from microbatch to microbatch
SUM_REPLICAS = 9  # phase between MICROBATCHES and LOSS that adds the sums of the replicas
ORDER = (BEFORE, MICROBATCHES, SUM_REPLICAS, LOSS, AFTER)


@frozen
class Gather:
    """A word that holds the address of the microbatch's first row index."""


@frozen
class RowsAddress:
    """The address of the first row of a data set."""

    label: str


@frozen
class RowCount:
    """The number of rows of a data set."""

    label: str


@frozen
class ReplicaAddress:
    """The address of one replica's copy of a buffer."""

    buffer: int
    offset: int
    replica: int


@frozen(eq=False)
class Line:
    """One call of every replica: its words before addresses are known.

    Args:
        phase: phase of the plan, or SUM_REPLICAS.
        level: lines of one phase and level do not depend on one another.
        call: the kernel and its words.
        of: the task of the call, or the buffer whose rows it gathers or whose sums it adds.
        is_shared: whether the replicas divide it.
    """

    phase: int
    level: int
    call: Call
    of: Task | Buffer
    is_shared: bool = False


@frozen(eq=False)
class StepDefinition:
    """The common part of the layouts of all batch sizes.

    Args:
        cores: number of cores that the plan is optimized for.
        data: input labels of the data sets.
    """

    graph: Graph
    cut: Cut
    cores: int
    data: frozenset[str]


@frozen(eq=False)
class _PlanWords:
    """The lines of a plan; every replica's words and their bases (replicas, n); the first word of each line;
    the patches, and the base of each.
    """

    lines: list[Line]
    words: np.ndarray
    bases: np.ndarray
    starts: list[int]
    patches: list[list[int]]
    patch_bases: list[int]


class StepLayout:
    """A step for one batch size: plans and blocks of every replica, without addresses.

    It never changes, so that trainings of several threads may share it.
    """

    def __init__(self, definition: StepDefinition, batch: int) -> None:
        self.definition, self.batch = definition, batch
        self.bases = Bases(definition.data)
        self.split: Split
        self.split, self.plan = planned_split(definition.graph, batch, definition.cut, definition.cores)
        last = batch - (self.split.microbatches - 1) * self.split.rows
        is_worth_it = not self.plan.is_divided and self.plan.flops >= MIN_STEP_FLOPS
        self.slices = definition.cores if is_worth_it else 1  # slices of a call
        self.count = max(self.split.replicas, self.slices)
        short = self.plan if last == self.split.rows else self._plan(last)
        lines = [self._lines(plan) for plan in (self.plan, short)]
        plan_words = [
            self._write(plan, _padded(plan_lines, other))
            for plan, plan_lines, other in zip((self.plan, short), lines, lines[::-1], strict=True)
        ]
        self.lines, self.table = plan_words[0].lines, self._table(plan_words)
        self.loss = self._number(definition.cut.loss)
        self.learning_rate = (
            self._number("learning_rate") if "learning_rate" in self.plan.outputs else self.loss
        )

    def _plan(self, rows: int) -> Plan:
        return plan(self.definition.graph, {"B": self.batch}, replace(self.definition.cut, rows=rows))

    def _number(self, name: str) -> tuple[Place, str]:
        """Return where the single number of an output is, and its dtype."""
        buffer = self.plan.outputs[name].buffer
        return self.bases.find(self.plan, 0, buffer), self.plan.buffers[buffer].dtype

    def _table(self, plan_words: Sequence[_PlanWords]) -> StepTable:
        """Return the table from the plans for full and for short microbatches, and keep the bases of its
        words. The blocks in it are bytes from the first word.
        """
        replicas, lines = self.count, plan_words[0].lines
        words = np.zeros((2, replicas, max(w.words.shape[1] for w in plan_words)), np.int64)
        self.word_bases = np.full_like(words, NONE)
        tables = np.zeros((2, replicas, len(lines), 2), np.int64)
        for short, words_of in enumerate(plan_words):
            words[short, :, : words_of.words.shape[1]] = words_of.words
            self.word_bases[short, :, : words_of.words.shape[1]] = words_of.bases
            for replica in range(replicas):
                is_called = [
                    replica == 0 or self._is_replicated(line) or line.is_shared for line in words_of.lines
                ]
                kernels = [line.call.kernel for line in words_of.lines]
                tables[short, replica, :, 0] = np.where(
                    is_called, kernels, machine().kernel("training_steps.no_operation")
                )
                first = (short * replicas + replica) * words.shape[2]
                tables[short, replica, :, 1] = 8 * (first + np.array(words_of.starts, np.int64))
        shared_levels = (
            len({line.level for line in lines if line.phase == MICROBATCHES}) if self.slices > 1 else 0
        )
        numbers = np.array(
            [replicas, self.split.microbatches, self.split.rows, self.batch, 0, shared_levels], np.int64
        )
        return StepTable(numbers, _marks(lines, shared_levels > 0), tables, words, self._patches(plan_words))

    def _patches(self, plan_words: Sequence[_PlanWords]) -> np.ndarray:
        """Return the patches of both plans, and keep the bases of their addresses."""
        patches = np.zeros((2, max(len(w.patches) for w in plan_words), 4), np.int64)
        self.patch_bases = np.full(patches.shape[:2], NONE, np.int64)
        for short, words_of in enumerate(plan_words):
            spare = [[words_of.words.shape[1] - 1, ACCUMULATE, 0, 0]]  # a word that no block has
            filled = words_of.patches + spare * (patches.shape[1] - len(words_of.patches))
            patches[short] = np.array(filled, np.int64).reshape(-1, 4)
            self.patch_bases[short, : len(words_of.patches)] = words_of.patch_bases
        return patches

    # --- lines

    def _lines(self, plan: Plan) -> list[Line]:
        """Return the lines of a plan in the order in which they run."""
        builder, levels = CallBuilder(machine(), plan.buffers), _levels(plan, self.slices > 1)
        lines = self._gathers(plan)
        for task in plan.tasks:
            calls = task_calls(builder, task)
            assert calls is not None, f"Trainer.covers accepted {task.kind}, which has no kernel"
            lines += [
                Line(task.phase, levels[task], call, task, self._is_shared(task, call)) for call in calls
            ]
        lines += self._sum_lines(plan, builder)
        return sorted(lines, key=_order_key)

    def _is_replicated(self, line: Line) -> bool:
        """Return whether every replica runs the line in its own memory."""
        return line.phase == MICROBATCHES and self.slices == 1

    def _is_shared(self, task: Task, call: Call) -> bool:
        may_be = task.phase == AFTER or (task.phase == MICROBATCHES and self.slices > 1)
        return self.count > 1 and may_be and is_worth_dividing(call.partition, task)

    def _gathers(self, plan: Plan) -> list[Line]:
        """Return the lines that gather a microbatch's rows from the data set."""
        lines, builder = [], CallBuilder(machine(), plan.buffers)
        for buffer in plan.buffers:
            if buffer.origin == "input" and buffer.label in self.definition.data:
                width, target = math.prod(buffer.shape[1:]), Address(buffer.number)
                source = (RowsAddress(buffer.label), RowCount(buffer.label), width, Gather(), 1)
                words = (buffer.shape[0], width, *source, target, FLAG, 0)
                call = Call(builder.kernel("gather.take_rows", buffer.dtype, "int64"), words)
                lines.append(Line(MICROBATCHES, 0, call, buffer))
        return lines

    def _sum_lines(self, plan: Plan, builder: CallBuilder) -> list[Line]:
        """Return the lines that add the sums of replica 1, 2, ... to those of replica 0, in this order."""
        replicas, lines = self.split.replicas, []
        sums = [buffer for buffer in plan.buffers if buffer.origin == "summed"]
        for buffer in sums if replicas > 1 else []:
            view = View.contiguous(buffer.number, (buffer.size,))
            # Operands 0 .. replicas - 1 are the replicas' sums; the k-th addition is value replicas + k.
            additions = [
                Operation("add", buffer.dtype, buffer.dtype, (replicas + k - 1 if k else 0, k + 1))
                for k in range(replicas - 1)
            ]
            call = builder.loop([view] * replicas, [view], additions, [2 * replicas - 2])
            lines.append(
                Line(SUM_REPLICAS, 0, _over_replicas(call, replicas), buffer, buffer.size >= MIN_ELEMENTS)
            )
        return lines

    # --- words

    def _write(self, plan: Plan, lines: list[Line]) -> _PlanWords:
        """Write every replica's words, with their bases, and list the patches."""
        replicas = range(self.count)
        *starts, size = (int(n) for n in np.cumsum([0, *(len(line.call.words) for line in lines)]))
        words = np.zeros((len(replicas), size + 1), np.int64)
        bases, patches, patch_bases = np.full_like(words, NONE), [], []
        for line, start in zip(lines, starts, strict=True):
            for at, word in enumerate(line.call.words, start):
                if isinstance(word, int):
                    words[:, at] = word
                elif (patch := self._patch(plan, line, at, word)) is not None:
                    patches.append(patch[0])
                    patch_bases.append(patch[1])
                else:
                    places = [self._place(plan, line, replica, word) for replica in replicas]
                    bases[:, at], words[:, at] = zip(*places, strict=True)
            if line.is_shared and line.call.partition is not None:
                partition, cuts = line.call.partition, np.array(line.call.partition.cuts(len(replicas)))
                words[:, start + partition.count] = np.diff(cuts)
                for at, step in partition.moves:
                    words[:, start + at] += cuts[:-1] * step
        return _PlanWords(lines, words, bases, starts, patches, patch_bases)

    def _patch(self, plan: Plan, line: Line, at: int, word: Any) -> tuple[list[int], int] | None:
        """Return how the word at this position changes per microbatch: position, kind, offset from its base,
        stride; and the base.

        The result is ``None`` if it does not change.
        """
        match word:
            case Gather():
                return [at, GATHER, 0, 0], NONE
            case RowOffset(per_row):
                return [at, PLACE, 0, per_row], NONE
            case Accumulate(flags):
                return [at, ACCUMULATE, flags, 0], NONE
            case Address(number, offset) if number >= 0 and line.phase == MICROBATCHES:
                deferred = plan.buffers[number]
                if deferred.origin == DEFERRED:  # a microbatch writes its own rows
                    place = self.bases.find(plan, 0, number)
                    begin = place.offset + offset
                    return [at, PLACE, begin, deferred.bytes // self.batch], place.base
        return None

    def _place(self, plan: Plan, line: Line, replica: int, word: Any) -> Place:
        """Return the place of a word of a replica, in its own or in shared memory."""
        match word:
            case RowsAddress(label):
                return Place(self.bases.data(label)[0], 0)
            case RowCount(label):
                return Place(self.bases.data(label)[1], 0)
            case ReplicaAddress(buffer, offset, owner):
                place = self.bases.find(plan, owner, buffer)
            case Address(buffer, offset) if buffer >= 0:
                owner = replica if self._is_replicated(line) else 0
                place = self.bases.find(plan, owner, buffer)
            case Address():
                return Place(FLAG_BASE, 0)
            case _:
                return Place(NONE, int(word))
        return Place(place.base, place.offset + offset)


def _order_key(line: Line) -> tuple[int, int]:
    return ORDER.index(line.phase), line.level


def _padded(lines: Sequence[Line], others: Sequence[Line]) -> list[Line]:
    """Return the lines of a plan, padded with ``no_operation`` where the plan of the other size has more.

    A few rows may be reduced in fewer steps than many, or need not be copied for a loop.
    """
    missing = Counter(map(_order_key, others)) - Counter(map(_order_key, lines))
    no_operation = Call(machine().kernel("training_steps.no_operation"), ())
    line_of = {_order_key(line): line for line in (*others, *lines)}
    padding = [replace(line_of[key], call=no_operation, is_shared=False) for key in missing.elements()]
    return sorted((*lines, *padding), key=_order_key)


def _over_replicas(call: Call, replicas: int) -> Call:
    """Return a loop over the buffer of every replica: operand k is replica k's; the result is replica 0's."""
    owners = iter([*range(replicas), 0])
    words = [
        ReplicaAddress(word.buffer, word.offset, next(owners)) if isinstance(word, Address) else word
        for word in call.words
    ]
    return replace(call, words=tuple(words))


def _marks(lines: Sequence[Line], is_shared: bool) -> np.ndarray:
    """Return where the groups of lines begin and end, and whether replicas share them; see ``StepTable``.

    Args:
        is_shared: whether the lines of MICROBATCHES are in levels.
    """
    in_levels = [MICROBATCHES] if is_shared else []
    groups: list[tuple[int, int | None]] = [(phase, None) for phase in ORDER[:-1]]
    for phase in [*in_levels, AFTER]:
        groups += [(phase, at) for at in sorted({line.level for line in lines if line.phase == phase}) or [0]]
    spans = []
    for phase, level in groups:
        members = [i for i, line in enumerate(lines) if line.phase == phase and level in (None, line.level)]
        if level is None and phase in in_levels:
            members = []
        spans.append(
            (members[0], members[-1] + 1, any(lines[i].is_shared for i in members))
            if members
            else (0, 0, False)
        )
    return np.array(spans, np.int64)


def _levels(plan: Plan, is_shared: bool) -> dict[Task, int]:
    """Return a level for each task of AFTER and of a shared microbatch, whose level 0 gathers rows."""
    level_of = dict.fromkeys(plan.tasks, 0)
    for phase, first in ((MICROBATCHES, 1), (AFTER, 0)):
        if phase == AFTER or is_shared:
            level_of |= levels(plan, (task for task in plan.tasks if task.phase == phase), first)
    return level_of


# A training step bound to the arrays of one training: its layout with addresses.


class ReplicatedStep:
    """A layout bound to the arrays of one training: the table that compiled code reads.

    Args:
        data: whole data sets by input label, rows first.
        state: arrays by input label; changed in place.
        flag: set by a kernel when an index is out of range.
    """

    def __init__(
        self,
        layout: StepLayout,
        data: Mapping[str, np.ndarray],
        state: Mapping[str, np.ndarray],
        flag: np.ndarray,
    ) -> None:
        self.layout, self.batch, self.split, self.plan = layout, layout.batch, layout.split, layout.plan
        self.lines, self.count = layout.lines, layout.count
        self.memory = StepMemory(layout.bases, data, state, flag)
        addresses, template = self.memory.addresses, layout.table
        words = template.words + addresses[layout.word_bases]
        tables, patches = template.tables.copy(), template.patches.copy()
        tables[..., 1] += words.ctypes.data
        patches[..., 2] += addresses[layout.patch_bases]
        self.table = StepTable(template.numbers.copy(), template.marks, tables, words, patches)
        self.order: np.ndarray | None = None  # the row indices whose address the patches hold
        (loss, loss_dtype), (learning_rate, dtype) = layout.loss, layout.learning_rate
        self.loss = self.memory.view(loss, loss_dtype, 1)
        self.learning_rate = self.memory.view(learning_rate, dtype, 1)


class StepMemory:
    """The arrays of one training: allocations of its own, and the arrays that are bound.

    Args:
        bases: what a layout needs.
        data: whole data sets by input label.
        state: arrays of the other inputs by label.
        flag: set by a kernel when an index is out of range.
    """

    def __init__(
        self, bases: Bases, data: Mapping[str, np.ndarray], state: Mapping[str, np.ndarray], flag: np.ndarray
    ) -> None:
        # One array for all allocations: each has space to start at a cache line.
        self._block = np.zeros(sum(bases.bytes.values()), np.uint8)
        start, self._starts = self._block.ctypes.data, dict[int, int]()
        position = start
        self.addresses = np.zeros(len(bases), np.int64)
        for base, size in bases.bytes.items():
            self.addresses[base] = position + -position % ALIGN
            self._starts[base] = position + -position % ALIGN - start
            position += size
        self.addresses[FLAG_BASE] = flag.ctypes.data
        for label, base in bases.states.items():
            self.addresses[base] = state[label].ctypes.data
        for label, base in bases.rows.items():
            self.addresses[base] = data[label].ctypes.data
            self.addresses[bases.counts[label]] = len(data[label])
        for place, array in bases.constants:
            self.view(place, array.dtype, array.size)[...] = array.reshape(-1)

    @property
    def bytes(self) -> int:
        """Number of allocated bytes."""
        return self._block.nbytes

    def view(self, place: Place, dtype: np.dtype | str, size: int) -> np.ndarray:
        """Return some numbers of an allocation."""
        start = self._starts[place.base] + place.offset
        return self._block[start : start + size * np.dtype(dtype).itemsize].view(dtype)

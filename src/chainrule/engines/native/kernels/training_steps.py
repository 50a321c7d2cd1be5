"""Steps of a training: the calls of every lane, group by group, as one of several threads."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numba.np.numpy_support import carray

from chainrule.engines.native.codegen.pointer import barrier, call, pointer
from chainrule.engines.native.kernels.kernel import REAL, Source, part, words

GATHER, PLACE = 0, 1  # kinds of words that change from part to part, as in ``lanes``
# The groups of lines, as ``Table.marks`` counts them; the levels of a shared part and of AFTER follow.
BEFORE, PARTS, JOIN, LOSS, LEVELS = range(5)


class Table(NamedTuple):
    """A step, as ``lanes.Table`` describes it."""

    numbers: np.ndarray
    marks: np.ndarray
    tables: np.ndarray
    words: np.ndarray
    patches: np.ndarray


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
            words[short, lane, where] = patches[short, p, 2] + place * patches[short, p, 3]
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
def run_shared_part(table, s, thread, threads, sync):
    """The one part of step s that all lanes share, level by level."""
    for lane in range(thread, table.numbers[0], threads):
        set_words(table, 0, lane, s, 0, 0)
    for level in range(LEVELS, LEVELS + table.numbers[5]):
        run_lanes(table, level, thread, threads)
        barrier(sync, threads)


@part
def run_update(table, thread, threads, sync, is_shared):
    """The levels of AFTER, one after the other."""
    for level in range(LEVELS + table.numbers[5], table.marks.shape[0]):
        run_lanes(table, level, thread, threads)
        if is_shared:
            barrier(sync, threads)


@njit(nogil=True)
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
    is_joined_by_all, is_moved_by_all = table.marks[JOIN, 2] != 0, False
    for level in range(LEVELS + table.numbers[5], table.marks.shape[0]):
        is_moved_by_all |= table.marks[level, 2] != 0
    for s in range(told.shape[0]):
        if thread == 0 and sync[2] == 0:
            if keys.shape[0] > 0:
                own.key[0], own.key[1] = keys[s, 0], keys[s, 1]
            run_group(table, BEFORE, 0, 0)
        barrier(sync, threads)
        if sync[2] != 0:
            return
        if table.numbers[5] > 0:
            run_shared_part(table, s, thread, threads, sync)
        else:
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


def reader(loss: str, rate: str) -> Any:
    """The part that reads the block of steps.

    Block: [thread, threads, the table's six numbers, groups, lines, words of a lane, patches, keys, steps,
    then the addresses of marks, tables, words, patches, key, keys, step, loss, rate, told, sync].
    """
    loss_kind, rate_kind = REAL[loss], REAL[rate]

    @part
    def read(w):
        whole, bits = np.int64(0), np.uint32(0)
        lanes, groups, lines, width, patches = w[2], w[8], w[9], w[10], w[11]
        table = Table(
            w[2:8],
            carray(pointer(w[14], whole), (groups, 3)),
            carray(pointer(w[15], whole), (2, lanes, lines, 2)),
            carray(pointer(w[16], whole), (2, lanes, width)),
            carray(pointer(w[17], whole), (2, patches, 4)),
        )
        own = Own(
            carray(pointer(w[18], bits), 2),
            carray(pointer(w[20], whole), 1),
            carray(pointer(w[21], loss_kind(0)), 1),
            carray(pointer(w[22], rate_kind(0)), 1),
        )
        keys = carray(pointer(w[19], bits), (w[12], 2))
        return table, own, keys, carray(pointer(w[23], 0.0), (w[13], 2)), carray(pointer(w[24], whole), 16)

    return read


def steps(loss: str, rate: str) -> Source:
    """Some training steps, as one thread of several; ``work`` with its arguments in a block."""
    read = reader(loss, rate)

    def run(block):
        w = words(block)
        table, own, keys, told, sync = read(w)
        work(w[0], w[1], table, own, keys, told, sync)

    return Source(run)


def nothing() -> Source:
    """The call of a lane that has no share in a task."""

    def run(block):
        pass

    return Source(run)

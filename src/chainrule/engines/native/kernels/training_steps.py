"""Training steps: the calls of every replica, group by group, as one of several threads."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.np.numpy_support import carray

from chainrule.engines.native.codegen.numba_intrinsics import barrier, call, instruction, pointer
from chainrule.engines.native.kernels.kernel import REAL, Source, inlined, words
from chainrule.engines.native.runtime.replicas import StepTable

GATHER, PLACE = 0, 1  # kinds of words that change from microbatch to microbatch, as in ``replicas``
# The groups of lines, as ``StepTable.marks`` numbers them; the levels of a shared microbatch and of AFTER
# follow.
BEFORE, MICROBATCHES, SUM_REPLICAS, LOSS, LEVELS = range(5)


class StepScalars(NamedTuple):
    """The arrays of a step that compiled code itself reads and writes: of one number each, or a key."""

    key: np.ndarray
    step: np.ndarray
    loss: np.ndarray
    learning_rate: np.ndarray


@inlined
def run_group(table, group, short, replica):
    """Call a replica's kernels of one group of lines."""
    for i in range(table.marks[group, 0], table.marks[group, 1]):
        call(table.tables[short, replica, i, 0], table.tables[short, replica, i, 1])


@inlined
def run_replicas(table, group, thread, threads):
    """Call the kernels of one group for the replicas of a thread."""
    for replica in range(thread, table.numbers[0], threads):
        run_group(table, group, 0, replica)


@inlined
def set_words(table, short, replica, s, row, accumulates):
    """Set the words that change from microbatch to microbatch.

    Args:
        row: the first row of the microbatch in step s.
        accumulates: 1 unless the microbatch is the first of its replica.
    """
    words, patches = table.words, table.patches
    batch, first = table.numbers[3], table.numbers[4]
    for p in range(patches.shape[1]):
        where, kind = patches[short, p, 0], patches[short, p, 1]
        if kind == GATHER:
            words[short, replica, where] = patches[short, p, 2] + 8 * ((first + s) * batch + row)
        elif kind == PLACE:
            words[short, replica, where] = patches[short, p, 2] + row * patches[short, p, 3]
        else:
            words[short, replica, where] = accumulates | patches[short, p, 2]


@inlined
def run_microbatches(table, s, replica):
    """Run the microbatches of step s that belong to a replica, in order; the first one starts its sums."""
    replicas, microbatches, rows = table.numbers[0], table.numbers[1], table.numbers[2]
    begin = microbatches * replica // replicas
    for number in range(begin, microbatches * (replica + 1) // replicas):
        short = 1 if number == microbatches - 1 else 0
        set_words(table, short, replica, s, number * rows, 0 if number == begin else 1)
        run_group(table, MICROBATCHES, short, replica)


@inlined
def run_shared_microbatch(table, s, thread, threads, sync):
    """Run the only microbatch of step s, which all replicas share, level by level."""
    for replica in range(thread, table.numbers[0], threads):
        set_words(table, 0, replica, s, 0, 0)
    for level in range(LEVELS, LEVELS + table.numbers[5]):
        run_replicas(table, level, thread, threads)
        barrier(sync, threads)


@inlined
def run_update(table, thread, threads, sync, is_shared):
    """Run the levels of AFTER in order."""
    for level in range(LEVELS + table.numbers[5], table.marks.shape[0]):
        run_replicas(table, level, thread, threads)
        if is_shared:
            barrier(sync, threads)


@njit(nogil=True)
def work(thread, threads, table, own, keys, results, sync):
    """Run some training steps as one thread of several.

    Args:
        thread, threads: index of this thread and number of threads.
        table: lines and words of the step.
        own: the arrays that compiled code itself reads and writes.
        keys: (steps, 2), or (0, 2) for networks that sample nothing.
        results: (steps, 2); receives the loss and learning rate of each step.
        sync: [arrived, generation, number of the step that failed].
    """
    replicas = table.numbers[0]
    # Whether all threads take part in the sums over the replicas, and in the update.
    all_sum_replicas, all_update = table.marks[SUM_REPLICAS, 2] != 0, False
    for level in range(LEVELS + table.numbers[5], table.marks.shape[0]):
        all_update |= table.marks[level, 2] != 0
    for s in range(results.shape[0]):
        if thread == 0 and sync[2] == 0:
            if keys.shape[0] > 0:
                own.key[0], own.key[1] = keys[s, 0], keys[s, 1]
            run_group(table, BEFORE, 0, 0)
        barrier(sync, threads)
        if sync[2] != 0:
            return
        if table.numbers[5] > 0:
            run_shared_microbatch(table, s, thread, threads, sync)
        else:
            for replica in range(thread, replicas, threads):
                run_microbatches(table, s, replica)
            barrier(sync, threads)
        if all_sum_replicas:
            run_replicas(table, SUM_REPLICAS, thread, threads)
            barrier(sync, threads)
        if thread == 0:
            if not all_sum_replicas:
                run_group(table, SUM_REPLICAS, 0, 0)
            run_group(table, LOSS, 0, 0)
            results[s, 0] = own.loss[0]
            if not np.isfinite(own.loss[0]):
                sync[2] = 1 + s
        if all_update:
            barrier(sync, threads)
        # If nothing of the update is shared, thread 0 continues alone; the others wait for the next step.
        if sync[2] == 0 and (thread == 0 or all_update):
            run_update(table, thread, threads, sync, all_update)
        if thread == 0 and sync[2] == 0:
            results[s, 1] = own.learning_rate[0]
            own.step[0] += 1


def reader(loss: str, learning_rate: str) -> Any:
    """Return the function that reads the block of ``steps``.

    Block: [thread, threads, the table's six numbers, groups, lines, words of a replica, patches, keys, steps,
    then the addresses of marks, tables, words, patches, key, keys, step, loss, learning rate, results, sync].
    """
    loss_type, rate_type = REAL[loss], REAL[learning_rate]

    @inlined
    def read(w):
        integer, unsigned = np.int64(0), np.uint32(0)
        replicas, groups, lines, width, patches = w[2], w[8], w[9], w[10], w[11]
        table = StepTable(
            w[2:8],
            carray(pointer(w[14], integer), (groups, 3)),
            carray(pointer(w[15], integer), (2, replicas, lines, 2)),
            carray(pointer(w[16], integer), (2, replicas, width)),
            carray(pointer(w[17], integer), (2, patches, 4)),
        )
        own = StepScalars(
            carray(pointer(w[18], unsigned), 2),
            carray(pointer(w[20], integer), 1),
            carray(pointer(w[21], loss_type(0)), 1),
            carray(pointer(w[22], rate_type(0)), 1),
        )
        keys = carray(pointer(w[19], unsigned), (w[12], 2))
        return table, own, keys, carray(pointer(w[23], 0.0), (w[13], 2)), carray(pointer(w[24], integer), 16)

    return read


def steps(loss: str, learning_rate: str) -> Source:
    """Run some training steps as one thread of several: ``work`` with its arguments in a block."""
    read = reader(loss, learning_rate)

    def run(block):
        w = words(block)
        table, own, keys, results, sync = read(w)
        work(w[0], w[1], table, own, keys, results, sync)

    return Source(run)


def no_operation() -> Source:
    """Do nothing: the call of a replica that has no slice of a task."""

    def run(block):
        pass

    return Source(run)


# Training steps on one thread with a clock read after every call, or around every step.
#
# The block is that of ``training_steps.steps``, then: [the address of memory for nanoseconds, steps].

CLOCK = getattr(time, "CLOCK_MONOTONIC", 1)
SPENT, STEPS = 25, 26  # words of the block


@instruction
def nanoseconds(typingctx):
    """Return the monotonic time in nanoseconds (``clock_gettime`` of the C library)."""

    def generate(context, builder, signature, args):
        pair = ir.LiteralStructType([ir.IntType(64), ir.IntType(64)])
        now = cgutils.alloca_once(builder, pair)
        kind = ir.FunctionType(ir.IntType(32), [ir.IntType(32), pair.as_pointer()])
        function = cgutils.get_or_insert_function(builder.module, kind, "clock_gettime")
        builder.call(function, [ir.IntType(32)(CLOCK), now])
        seconds, rest = (builder.extract_value(builder.load(now), i) for i in range(2))
        return builder.add(builder.mul(seconds, ir.IntType(64)(10**9)), rest)

    return types.int64(), generate


@inlined
def time_group(table, group, short, replica, spent):
    """Call a replica's kernels of one group of lines, and add the time of each to ``spent``."""
    before = nanoseconds()
    for i in range(table.marks[group, 0], table.marks[group, 1]):
        call(table.tables[short, replica, i, 0], table.tables[short, replica, i, 1])
        now = nanoseconds()
        spent[i] += now - before
        before = now


@inlined
def time_microbatches(table, s, replica, spent):
    """Run a replica's microbatches of step s, as ``run_microbatches`` does."""
    replicas, microbatches, rows = table.numbers[0], table.numbers[1], table.numbers[2]
    begin = microbatches * replica // replicas
    for number in range(begin, microbatches * (replica + 1) // replicas):
        short = 1 if number == microbatches - 1 else 0
        set_words(table, short, replica, s, number * rows, 0 if number == begin else 1)
        time_group(table, MICROBATCHES, short, replica, spent)


def timed_calls(loss: str, learning_rate: str) -> Source:
    """Run some training steps and record the nanoseconds of each line: (steps, lines)."""
    read = reader(loss, learning_rate)

    def run(block):
        w = words(block)
        table, own, keys, _, _ = read(w)
        replicas, spent = table.numbers[0], carray(pointer(w[SPENT], np.int64(0)), (w[STEPS], w[9]))
        for s in range(spent.shape[0]):
            if keys.shape[0] > 0:
                own.key[0], own.key[1] = keys[s, 0], keys[s, 1]
            time_group(table, BEFORE, 0, 0, spent[s])
            for replica in range(replicas):
                if table.numbers[5] > 0:
                    set_words(table, 0, replica, s, 0, 0)
                else:
                    time_microbatches(table, s, replica, spent[s])
            for group in range(SUM_REPLICAS, table.marks.shape[0]):
                for replica in range(1 if group == LOSS else replicas):
                    time_group(table, group, 0, replica, spent[s])
            own.step[0] += 1

    return Source(run)


def timed_whole_steps(loss: str, learning_rate: str) -> Source:
    """Run some training steps and record the nanoseconds of each: (steps,)."""
    read = reader(loss, learning_rate)

    def run(block):
        w = words(block)
        table, own, keys, results, sync = read(w)
        spent = carray(pointer(w[SPENT], np.int64(0)), w[STEPS])
        for s in range(spent.shape[0]):
            table.numbers[4] = s  # each is the first step of a run that begins with batch s
            before = nanoseconds()
            work(0, 1, table, own, keys[s : s + 1], results[:1], sync)
            spent[s] = nanoseconds() - before
            sync[2] = 0
        table.numbers[4] = 0

    return Source(run)

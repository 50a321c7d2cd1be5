"""Training steps on one thread with a clock read after every call, or around every step.

The block is that of ``training_steps.steps``, then: [the address of memory for nanoseconds, steps].
"""

from __future__ import annotations

import time

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.np.numpy_support import carray

from chainrule.engines.native.codegen.pointer import call, instruction, pointer
from chainrule.engines.native.kernels import training_steps
from chainrule.engines.native.kernels.kernel import Source, inlined, words
from chainrule.engines.native.kernels.training_steps import reader, set_words

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
    """Run a replica's microbatches of step s, as ``training_steps.run_microbatches`` does."""
    replicas, microbatches, rows = table.numbers[0], table.numbers[1], table.numbers[2]
    begin = microbatches * replica // replicas
    for number in range(begin, microbatches * (replica + 1) // replicas):
        short = 1 if number == microbatches - 1 else 0
        set_words(table, short, replica, s, number * rows, 0 if number == begin else 1)
        time_group(table, training_steps.MICROBATCHES, short, replica, spent)


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
            time_group(table, training_steps.BEFORE, 0, 0, spent[s])
            for replica in range(replicas):
                if table.numbers[5] > 0:
                    set_words(table, 0, replica, s, 0, 0)
                else:
                    time_microbatches(table, s, replica, spent[s])
            for group in range(training_steps.SUM_REPLICAS, table.marks.shape[0]):
                for replica in range(1 if group == training_steps.LOSS else replicas):
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
            training_steps.work(0, 1, table, own, keys[s : s + 1], results[:1], sync)
            spent[s] = nanoseconds() - before
            sync[2] = 0
        table.numbers[4] = 0

    return Source(run)

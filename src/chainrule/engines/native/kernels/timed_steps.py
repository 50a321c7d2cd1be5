"""Training steps on one thread, with a clock read after every call, or around every step.

The block is that of ``step.steps``, then: [the address of room for nanoseconds, steps].
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
from chainrule.engines.native.kernels.kernel import Source, part, words
from chainrule.engines.native.kernels.training_steps import reader, set_words

CLOCK = getattr(time, "CLOCK_MONOTONIC", 1)
SPENT, STEPS = 25, 26  # words of the block


@instruction
def nanoseconds(typingctx):
    """The time from a beginning that means nothing (``clock_gettime`` of the C library)."""

    def generate(context, builder, signature, args):
        pair = ir.LiteralStructType([ir.IntType(64), ir.IntType(64)])
        now = cgutils.alloca_once(builder, pair)
        kind = ir.FunctionType(ir.IntType(32), [ir.IntType(32), pair.as_pointer()])
        function = cgutils.get_or_insert_function(builder.module, kind, "clock_gettime")
        builder.call(function, [ir.IntType(32)(CLOCK), now])
        seconds, rest = (builder.extract_value(builder.load(now), i) for i in range(2))
        return builder.add(builder.mul(seconds, ir.IntType(64)(10**9)), rest)

    return types.int64(), generate


@part
def watch_group(table, group, short, lane, spent):
    """Call a lane's kernels of one group of lines, and add what each took."""
    before = nanoseconds()
    for i in range(table.marks[group, 0], table.marks[group, 1]):
        call(table.tables[short, lane, i, 0], table.tables[short, lane, i, 1])
        now = nanoseconds()
        spent[i] += now - before
        before = now


@part
def watch_parts(table, s, lane, spent):
    """The parts of step s that belong to a lane, as ``step.run_parts`` runs them."""
    lanes, parts, rows = table.numbers[0], table.numbers[1], table.numbers[2]
    begin = parts * lane // lanes
    for number in range(begin, parts * (lane + 1) // lanes):
        short = 1 if number == parts - 1 else 0
        set_words(table, short, lane, s, number * rows, 0 if number == begin else 1)
        watch_group(table, training_steps.PARTS, short, lane, spent)


def watch(loss: str, rate: str) -> Source:
    """Some training steps as ``step.work`` makes them; the nanoseconds of each line are (steps, lines)."""
    read = reader(loss, rate)

    def run(block):
        w = words(block)
        table, own, keys, _, _ = read(w)
        lanes, spent = table.numbers[0], carray(pointer(w[SPENT], np.int64(0)), (w[STEPS], w[9]))
        for s in range(spent.shape[0]):
            if keys.shape[0] > 0:
                own.key[0], own.key[1] = keys[s, 0], keys[s, 1]
            watch_group(table, training_steps.BEFORE, 0, 0, spent[s])
            for lane in range(lanes):
                if table.numbers[5] > 0:
                    set_words(table, 0, lane, s, 0, 0)
                else:
                    watch_parts(table, s, lane, spent[s])
            for group in range(training_steps.JOIN, table.marks.shape[0]):
                for lane in range(1 if group == training_steps.LOSS else lanes):
                    watch_group(table, group, 0, lane, spent[s])
            own.step[0] += 1

    return Source(run)


def pace(loss: str, rate: str) -> Source:
    """Some training steps, a clock around each; the nanoseconds are (steps,)."""
    read = reader(loss, rate)

    def run(block):
        w = words(block)
        table, own, keys, told, sync = read(w)
        spent = carray(pointer(w[SPENT], np.int64(0)), w[STEPS])
        for s in range(spent.shape[0]):
            table.numbers[4] = s  # each is the first step of a stretch that begins with batch s
            before = nanoseconds()
            training_steps.work(0, 1, table, own, keys[s : s + 1], told[:1], sync)
            spent[s] = nanoseconds() - before
            sync[2] = 0
        table.numbers[4] = 0

    return Source(run)

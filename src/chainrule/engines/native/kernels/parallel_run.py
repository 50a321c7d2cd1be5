"""Inference that several threads compute together: how slices of calls are claimed and workers are notified.

Each level of calls is divided into slices. Every thread claims slices that are not claimed yet, its own
first. A worker that arrives late, because the system runs something else on its processor, finds nothing left
to do, and no thread has waited for it. Which thread computes a slice does not change any bit.

A worker has a *slot* in memory: its state, and the kernel and block that it is to run.
"""

from __future__ import annotations

import numpy as np
from numba.np.numpy_support import carray

from chainrule.engines.native.codegen.numba_intrinsics import (
    atomic_load,
    atomic_store,
    call,
    compare_exchange,
    fetch_add,
    pointer,
    yield_processor,
)
from chainrule.engines.native.kernels.kernel import Source, inlined, words

ASLEEP, AWAKE, POSTED, RUNNING = range(4)  # states of a slot; ``POSTED``: work is set but not started
KERNEL, BLOCK, SLOT = 8, 16, 64  # byte offsets in a slot, and the size of a slot
SPINS = 20000  # polls before the thread yields the processor


@inlined
def spin(spins):
    """Count one more unsuccessful poll and yield the processor after ``SPINS`` of them."""
    if spins > SPINS:
        yield_processor()
    return spins + 1


@inlined
def run_slice(tables, index, first, end):
    """Run the calls of one slice of a level."""
    for i in range(first, end):
        call(tables[index, i, 0], tables[index, i, 1])


def levels() -> Source:
    """Run the calls of an inference, level by level, as one of several threads.

    Block: [first slice to claim, slices, levels, lines, then the addresses of marks (levels, 2), tables
    (slices, lines, 2), claims (levels, 1 + slices)]. The claims of a level hold how many slices are done and
    how often each was claimed.
    """

    def run(block):
        w, int64 = words(block), np.int64(0)
        first, slices, claims = w[0], w[1], w[6]
        marks = carray(pointer(w[4], int64), (w[2], 2))
        tables = carray(pointer(w[5], int64), (slices, w[3], 2))
        for level in range(w[2]):
            done = claims + 8 * level * (1 + slices)
            for k in range(slices):
                index = (first + k) % slices
                if fetch_add(done + 8 * (1 + index), 1) == 0:
                    run_slice(tables, index, marks[level, 0], marks[level, 1])
                    fetch_add(done, 1)
            spins = 0
            while atomic_load(done) < slices:
                spins = spin(spins)

    return Source(run)


def lead() -> Source:
    """Run the calls as the leading thread: post the work, take part, return when no worker is running.

    Block: [slots, workers, the kernel ``levels``, its blocks, bytes between two blocks, claims, number of
    claims]. The first of the blocks is the leader's own.
    """

    def run(block):
        w, int64 = words(block), np.int64(0)
        claims = carray(pointer(w[5], int64), w[6])
        for i in range(w[6]):
            claims[i] = 0
        for worker in range(w[1]):
            slot = w[0] + SLOT * worker
            atomic_store(slot + KERNEL, w[2])
            atomic_store(slot + BLOCK, w[3] + (1 + worker) * w[4])
            while not (compare_exchange(slot, AWAKE, POSTED) or compare_exchange(slot, ASLEEP, POSTED)):
                pass
        call(w[2], w[3])
        for worker in range(w[1]):
            slot, spins = w[0] + SLOT * worker, 0
            compare_exchange(slot, POSTED, ASLEEP)  # it did not start: there is nothing left to do
            while atomic_load(slot) == RUNNING:
                spins = spin(spins)

    return Source(run)


def work() -> Source:
    """Serve as a worker: wait, run what is posted, and return to sleep after a while without work.

    Block: [slot, polls before the worker sleeps].
    """

    def run(block):
        w = words(block)
        slot, spins = w[0], 0
        while True:
            state = atomic_load(slot)
            if state == POSTED and compare_exchange(slot, POSTED, RUNNING):
                call(atomic_load(slot + KERNEL), atomic_load(slot + BLOCK))
                atomic_store(slot, AWAKE)
                spins = 0
            elif state == ASLEEP:
                compare_exchange(slot, ASLEEP, AWAKE)
            elif spins > w[1] and compare_exchange(slot, AWAKE, ASLEEP):
                return
            else:
                spins += 1

    return Source(run)

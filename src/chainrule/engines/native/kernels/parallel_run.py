"""Answers that several threads compute together: who takes which calls, and how helpers are asked.

Each level of calls is divided into lanes. Whoever is there takes a lane that nobody has taken, first the one
meant for him; a helper who comes late, because the system runs something else on his processor, finds nothing
left to do, and nobody has waited for him. Who computes a lane changes no bit of it.

A helper has a *slot* in memory: his state, and the kernel and the block he is asked to run.
"""

from __future__ import annotations

import numpy as np
from numba.np.numpy_support import carray

from chainrule.engines.native.codegen.pointer import call, exchange_if, fetch_add, pause, peek, pointer, poke
from chainrule.engines.native.kernels.kernel import Source, part, words

ASLEEP, AWAKE, POSTED, RUNNING = range(4)  # states of a slot; ``POSTED``: asked, and not yet begun
KERNEL, BLOCK, SLOT = 8, 16, 64  # bytes from the beginning of a slot, and to the next one
SPINS = 20000  # looks at a place before others are let to the processor


@part
def rest(spins):
    """One more look has been taken in vain."""
    if spins > SPINS:
        pause()
    return spins + 1


@part
def run_lane(tables, lane, first, end):
    """Run a lane's calls of a level."""
    for i in range(first, end):
        call(tables[lane, i, 0], tables[lane, i, 1])


def levels() -> Source:
    """The calls of an answer, level by level, as one of several.

    Block: [lane to begin with, lanes, levels, lines, then the addresses of marks (levels, 2), tables
    (lanes, lines, 2), claims (levels, 1 + lanes)]. Of each level the claims say how many lanes are done,
    and how often each was asked for.
    """

    def run(block):
        w, whole = words(block), np.int64(0)
        own, lanes, claims = w[0], w[1], w[6]
        marks = carray(pointer(w[4], whole), (w[2], 2))
        tables = carray(pointer(w[5], whole), (lanes, w[3], 2))
        for level in range(w[2]):
            done = claims + 8 * level * (1 + lanes)
            for k in range(lanes):
                lane = (own + k) % lanes
                if fetch_add(done + 8 * (1 + lane), 1) == 0:
                    run_lane(tables, lane, marks[level, 0], marks[level, 1])
                    fetch_add(done, 1)
            spins = 0
            while peek(done) < lanes:
                spins = rest(spins)

    return Source(run)


def lead() -> Source:
    """The same, with helpers who are asked first; it ends when none of them is at it any more.

    Block: [slots, helpers, the kernel ``levels``, its blocks, bytes from one to the next, claims, their
    number]. The first of the blocks is the leader's own.
    """

    def run(block):
        w, whole = words(block), np.int64(0)
        claims = carray(pointer(w[5], whole), w[6])
        for i in range(w[6]):
            claims[i] = 0
        for helper in range(w[1]):
            slot = w[0] + SLOT * helper
            poke(slot + KERNEL, w[2])
            poke(slot + BLOCK, w[3] + (1 + helper) * w[4])
            while not (exchange_if(slot, AWAKE, POSTED) or exchange_if(slot, ASLEEP, POSTED)):
                pass
        call(w[2], w[3])
        for helper in range(w[1]):
            slot, spins = w[0] + SLOT * helper, 0
            exchange_if(slot, POSTED, ASLEEP)  # he has not come: there is nothing left to do
            while peek(slot) == RUNNING:
                spins = rest(spins)

    return Source(run)


def attend() -> Source:
    """What a helper does: wait, run what is posted, and go to sleep when nothing has come for a while.

    Block: [slot, looks at it before going to sleep].
    """

    def run(block):
        w = words(block)
        slot, spins = w[0], 0
        while True:
            state = peek(slot)
            if state == POSTED and exchange_if(slot, POSTED, RUNNING):
                call(peek(slot + KERNEL), peek(slot + BLOCK))
                poke(slot, AWAKE)
                spins = 0
            elif state == ASLEEP:
                exchange_if(slot, ASLEEP, AWAKE)
            elif spins > w[1] and exchange_if(slot, AWAKE, ASLEEP):
                return
            else:
                spins += 1

    return Source(run)

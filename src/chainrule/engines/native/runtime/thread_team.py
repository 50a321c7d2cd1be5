"""Threads that compute one answer together: each takes lanes of calls, level by level.

Helpers are threads that wait: after an answer for a while with open eyes, because the next one often follows
at once and waking a thread takes longer than many a layer; then asleep. The one who asks does not wait for
those who come late (see ``kernels.together``).

Only one answer at a time has a crew. Another that comes meanwhile, from another thread, is computed by the
thread that asks.
"""

from __future__ import annotations

import atexit
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock, Thread

import numpy as np

from chainrule.engines.native.jit.compiler import Machine, callable_at
from chainrule.engines.native.runtime.buffers import aligned

SLOT = 8  # words of a helper's slot: a cache line; the first is its state
ASLEEP = 0
LOOKS = 50_000  # at a slot, before a helper goes to sleep: about a tenth of a millisecond


@cache
def pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Threads that wait for work; a process that was forked off has its own."""
    return ThreadPoolExecutor(threads, thread_name_prefix=f"chainrule-{process}")


@cache
def _one_at_a_time(process: int) -> Lock:
    return Lock()


class Helpers:
    """Threads that help whoever leads an answer.

    Args:
        machine: compiles kernels.
        many: how many threads.
    """

    def __init__(self, machine: Machine, many: int) -> None:
        self._slots = aligned(8 * SLOT * max(many, 1)).view(np.int64)
        self.address = self._slots.ctypes.data
        self._states = self._slots.data
        self._attend = callable_at(machine.kernel("parallel_run.attend"))
        slots = [self.address + 8 * SLOT * i for i in range(many)]
        self._blocks = np.array([(slot, LOOKS) for slot in slots], np.int64).reshape(-1, 2)
        self._bells = [Lock() for _ in slots]
        self._is_over = False
        self._threads = [Thread(target=self._work, args=(i,), daemon=True) for i in range(many)]
        for bell, thread in zip(self._bells, self._threads, strict=True):
            bell.acquire()
            thread.start()
        atexit.register(self.end)

    def wake(self) -> None:
        """Ring for those who are asleep; by one thread at a time."""
        for i, bell in enumerate(self._bells):
            if self._states[SLOT * i] == ASLEEP and bell.locked():
                bell.release()

    def end(self) -> None:
        """Let all threads end, before the code that they run is gone."""
        self._is_over = True
        for bell, thread in zip(self._bells, self._threads, strict=True):
            if bell.locked():
                bell.release()
            thread.join()

    def _work(self, number: int) -> None:
        block = self._blocks.ctypes.data + number * self._blocks.strides[0]
        while True:
            self._bells[number].acquire()
            if self._is_over:
                return
            self._attend(block)


@cache
def _helpers(machine: Machine, many: int, process: int) -> Helpers:
    """The helpers of a process; one that was forked off has its own."""
    return Helpers(machine, many)


class Crew:
    """The calls of an answer, divided among lanes, and those who run them.

    Args:
        machine: compiles kernels.
        marks: (levels, 2): the first and the end of each level's calls.
        tables: (lanes, calls, 2): kernels and blocks.
    """

    def __init__(self, machine: Machine, marks: np.ndarray, tables: np.ndarray) -> None:
        self._machine, self.marks, self.tables = machine, marks, tables
        self._lead = callable_at(machine.kernel("parallel_run.lead"))
        lanes, lines = tables.shape[:2]
        self._claims = aligned(8 * len(marks) * (1 + lanes)).view(np.int64)
        sizes, addresses = (lanes, len(marks), lines), (marks, tables, self._claims)
        words = *sizes, *(array.ctypes.data for array in addresses)
        self._blocks = np.array([(lane, *words) for lane in range(lanes)], np.int64)
        self._asked: dict[int, np.ndarray] = {}  # the leader's block by the address of the helpers' slots

    def part(self, first: int, end: int) -> Crew:
        """Those who run only these levels."""
        return Crew(self._machine, np.ascontiguousarray(self.marks[first:end]), self.tables)

    def run(self, threads: int) -> None:
        """Run all calls, on so many threads where no other answer has them; the bits are the same."""
        process = os.getpid()
        threads, lock = min(threads, len(self._blocks)), _one_at_a_time(process)
        if threads == 1 or not lock.acquire(blocking=False):
            self._lead(self._block(0, 0))
            return
        try:
            helpers = _helpers(self._machine, threads - 1, process)
            helpers.wake()
            self._lead(self._block(helpers.address, threads - 1))
        finally:
            lock.release()

    def _block(self, slots: int, helpers: int) -> int:
        if slots not in self._asked:
            kernel = self._machine.kernel("parallel_run.levels")
            own, step = self._blocks.ctypes.data, self._blocks.strides[0]
            words = (slots, helpers, kernel, own, step, self._claims.ctypes.data, self._claims.size)
            self._asked[slots] = np.array(words, np.int64)
        return self._asked[slots].ctypes.data

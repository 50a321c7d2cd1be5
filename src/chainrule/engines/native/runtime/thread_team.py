"""Threads that compute one inference together: each claims slices of calls, level by level.

Worker threads spin briefly after a run, because the next one often follows at once and waking a thread takes
longer than many layers, and then block. The leading thread does not wait for workers that start late (see
``kernels.parallel_run``).

Only one inference of a process at a time uses the workers. A second one that starts meanwhile in another
thread is computed by the thread that called it.
"""

from __future__ import annotations

import atexit
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock, Thread

import numpy as np

from chainrule.engines.large_stack import start_with_large_stack
from chainrule.engines.native.jit.compiler import Machine, callable_at
from chainrule.engines.native.runtime.buffers import aligned

SLOT = 8  # words of a worker's slot: a cache line; the first is its state
ASLEEP = 0
POLLS = 50_000  # of its slot, before a worker blocks: about a tenth of a millisecond


@cache
def pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Return the thread pool of a process; a forked child has its own."""
    return ThreadPoolExecutor(threads, thread_name_prefix=f"chainrule-{process}")


@cache
def _inference_lock(process: int) -> Lock:
    return Lock()


class WorkerThreads:
    """Threads that compute slices for the thread that leads an inference."""

    def __init__(self, machine: Machine, count: int) -> None:
        self._slots = aligned(8 * SLOT * max(count, 1)).view(np.int64)
        self.address = self._slots.ctypes.data
        self._states = self._slots.data
        self._run = callable_at(machine.kernel("parallel_run.work"))
        slots = [self.address + 8 * SLOT * i for i in range(count)]
        self._blocks = np.array([(slot, POLLS) for slot in slots], np.int64).reshape(-1, 2)
        self._wake_locks = [Lock() for _ in slots]
        self._is_closed = False
        self._threads = [Thread(target=self._work, args=(i,), daemon=True) for i in range(count)]
        for lock, thread in zip(self._wake_locks, self._threads, strict=True):
            lock.acquire()
            start_with_large_stack(thread)
        atexit.register(self.close)

    def wake(self) -> None:
        """Wake the workers that are blocked; called by one thread at a time."""
        for i, lock in enumerate(self._wake_locks):
            if self._states[SLOT * i] == ASLEEP and lock.locked():
                lock.release()

    def close(self) -> None:
        """Stop and join all threads, before the code that they run is freed."""
        self._is_closed = True
        for lock, thread in zip(self._wake_locks, self._threads, strict=True):
            if lock.locked():
                lock.release()
            thread.join()

    def _work(self, number: int) -> None:
        block = self._blocks.ctypes.data + number * self._blocks.strides[0]
        while True:
            self._wake_locks[number].acquire()
            if self._is_closed:
                return
            self._run(block)


@cache
def _workers(machine: Machine, count: int, process: int) -> WorkerThreads:
    """Return the workers of a process; a forked child has its own."""
    return WorkerThreads(machine, count)


class ThreadTeam:
    """The calls of an inference, divided into slices, and the threads that run them.

    Args:
        marks: (levels, 2); first call and end of each level.
        tables: (slices, calls, 2); kernels and blocks.
    """

    def __init__(self, machine: Machine, marks: np.ndarray, tables: np.ndarray) -> None:
        self._machine, self.marks, self.tables = machine, marks, tables
        self._lead = callable_at(machine.kernel("parallel_run.lead"))
        slices, lines = tables.shape[:2]
        self._claims = aligned(8 * len(marks) * (1 + slices)).view(np.int64)
        sizes, addresses = (slices, len(marks), lines), (marks, tables, self._claims)
        words = *sizes, *(array.ctypes.data for array in addresses)
        self._blocks = np.array([(index, *words) for index in range(slices)], np.int64)
        self._leader_blocks: dict[int, np.ndarray] = {}  # by the address of the workers' slots

    def levels(self, first: int, close: int) -> ThreadTeam:
        """Return a team that runs only levels ``first`` to ``end - 1``."""
        return ThreadTeam(self._machine, np.ascontiguousarray(self.marks[first:close]), self.tables)

    def run(self, threads: int) -> None:
        """Run all calls on ``threads`` threads, or on one while another inference uses the workers.

        The bits do not depend on the number of threads.
        """
        process = os.getpid()
        threads, lock = min(threads, len(self._blocks)), _inference_lock(process)
        if threads == 1 or not lock.acquire(blocking=False):
            self._lead(self._block(0, 0))
            return
        try:
            workers = _workers(self._machine, threads - 1, process)
            workers.wake()
            self._lead(self._block(workers.address, threads - 1))
        finally:
            lock.release()

    def _block(self, slots: int, workers: int) -> int:
        if slots not in self._leader_blocks:
            kernel = self._machine.kernel("parallel_run.levels")
            blocks, step = self._blocks.ctypes.data, self._blocks.strides[0]
            words = (slots, workers, kernel, blocks, step, self._claims.ctypes.data, self._claims.size)
            self._leader_blocks[slots] = np.array(words, np.int64)
        return self._leader_blocks[slots].ctypes.data

"""Threads that compute one inference together: each claims slices of calls, level by level.

Worker threads spin briefly after a run, because the next one often follows at once and waking a thread takes
longer than many layers, and then block. The leading thread does not wait for workers that start late (see
``kernels.parallel_run``).

Only one inference of a process at a time uses the workers. A second one that starts meanwhile in another
thread is computed by the thread that called it.
"""

from __future__ import annotations

import atexit
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock, Thread
from time import perf_counter

import numpy as np

from chainrule.engines.large_stack import start_with_large_stack
from chainrule.engines.native.jit.compiler import Machine, callable_at
from chainrule.engines.native.runtime.buffers import address, aligned
from chainrule.fork_safety import fork_count

SLOT = 8  # words of a worker's slot: a cache line; the first is its state
ASLEEP = 0
RECENT = 2e-4  # seconds between two short inferences after which blocked workers are woken
POLLS = 300_000  # of its slot, before a worker blocks: about ``RECENT`` seconds


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
        self._is_closed, self._last_call = False, 0.0
        self._threads = [Thread(target=self._work, args=(i,), daemon=True) for i in range(count)]
        for lock, thread in zip(self._wake_locks, self._threads, strict=True):
            lock.acquire()
            start_with_large_stack(thread)
        atexit.register(self.close)

    def wake(self, may_wake: bool) -> bool:
        """Wake the workers that are blocked and return ``True``; called by one thread at a time.

        Args:
            may_wake: whether to do so also if the last call is more than ``RECENT`` seconds ago; otherwise
                they stay blocked, and the result is ``False``.
        """
        asleep = [i for i in range(len(self._wake_locks)) if self._states[SLOT * i] == ASLEEP]
        if asleep and not may_wake:
            now, before = perf_counter(), self._last_call
            self._last_call = now
            if now - before > RECENT:
                return False
        for i in asleep:
            if self._wake_locks[i].locked():
                self._wake_locks[i].release()
        return True

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


@cache
def _kernel(machine: Machine, name: str) -> int:
    """Return the address of a kernel of ``parallel_run``."""
    return machine.kernel(f"parallel_run.{name}")


class ThreadTeam:
    """Blocks of a kernel, one for each thread, and the threads that run them.

    Args:
        kernel: its name; see ``kernels.parallel_run``.
        blocks: (threads, words); the first is that of the leading thread.
        claims: words that are set to 0 before each run.
        may_wake: whether a run is long enough to wake blocked threads; if not, it does so only shortly after
            another one, because then more will probably follow.
    """

    def __init__(
        self, machine: Machine, kernel: str, blocks: np.ndarray, claims: np.ndarray, *, may_wake: bool = True
    ) -> None:
        self._machine, self._kernel, self._may_wake = machine, _kernel(machine, kernel), may_wake
        self.blocks, self._claims = blocks, claims
        self._lead = callable_at(_kernel(machine, "lead"))
        self._leader_blocks: dict[int, tuple[np.ndarray, int]] = {}  # by the address of the workers' slots

    def run(self, threads: int) -> None:
        """Run all calls on ``threads`` threads, or on one while another inference uses the workers.

        The bits do not depend on the number of threads.
        """
        threads, process = min(threads, len(self.blocks)), fork_count()
        if threads == 1 or not (lock := _inference_lock(process)).acquire(blocking=False):
            self._lead(self._leader_block(0, 0))
            return
        try:
            workers = _workers(self._machine, threads - 1, process)
            if workers.wake(self._may_wake):
                self._lead(self._leader_block(workers.address, threads - 1))
            else:
                self._lead(self._leader_block(0, 0))
        finally:
            lock.release()

    def _leader_block(self, slots: int, workers: int) -> int:
        """Return the address of the block of ``parallel_run.lead``."""
        known = self._leader_blocks.get(slots)
        if known is not None:
            return known[1]
        blocks, step = address(self.blocks), self.blocks.strides[0]
        words = (slots, workers, self._kernel, blocks, step, address(self._claims), self._claims.size)
        block = np.array(words, np.int64)
        self._leader_blocks[slots] = block, address(block)
        return address(block)


class LevelTeam(ThreadTeam):
    """The calls of an inference, divided into slices, which threads compute level by level.

    Args:
        marks: (levels, 2); first call and end of each level.
        tables: (slices, calls, 2); kernels and blocks.
        may_wake: as of ``ThreadTeam``.
    """

    def __init__(
        self, machine: Machine, marks: np.ndarray, tables: np.ndarray, *, may_wake: bool = True
    ) -> None:
        self.marks, self.tables = marks, tables
        slices, lines = tables.shape[:2]
        claims = aligned(8 * len(marks) * (1 + slices)).view(np.int64)
        sizes, addresses = (slices, len(marks), lines), (marks, tables, claims)
        words = *sizes, *(array.ctypes.data for array in addresses)
        blocks = np.array([(index, *words) for index in range(slices)], np.int64)
        super().__init__(machine, "levels", blocks, claims, may_wake=may_wake)

    def levels(self, first: int, close: int) -> LevelTeam:
        """Return a team that runs only levels ``first`` to ``end - 1``."""
        return LevelTeam(self._machine, np.ascontiguousarray(self.marks[first:close]), self.tables)

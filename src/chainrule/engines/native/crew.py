"""Threads that compute one answer together: each takes its lanes' calls, level by level.

Only one answer at a time has a crew. Another that comes meanwhile, from another thread, is computed by the
thread that asks: two crews that each wait for members of the other would wait for ever.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock

import numpy as np


@cache
def pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Threads that wait for work; a process that was forked off has its own."""
    return ThreadPoolExecutor(threads, thread_name_prefix=f"chainrule-{process}")


@cache
def _one_at_a_time(process: int) -> Lock:
    return Lock()


class Crew:
    """The calls of an answer, divided among lanes, and those who run them.

    Args:
        run: the kernel ``step.levels``.
        marks: (levels, 2): the first and the end of each level's calls.
        tables: (lanes, calls, 2): kernels and blocks.
    """

    def __init__(self, run: Callable[[int], None], marks: np.ndarray, tables: np.ndarray) -> None:
        self._run, self._held, self._sync = run, (marks, tables), np.zeros(16, np.int64)
        sizes = tables.shape[0], len(marks), tables.shape[1]
        self._words = *sizes, marks.ctypes.data, tables.ctypes.data, self._sync.ctypes.data
        self._blocks: dict[int, np.ndarray] = {}

    def run(self, threads: int) -> None:
        """Run all calls, on so many threads where no other answer has them; the bits are the same."""
        threads, lock = min(threads, self._words[0]), _one_at_a_time(os.getpid())
        if threads == 1 or not lock.acquire(blocking=False):
            self._as(1)
            return
        try:
            self._as(threads)
        finally:
            lock.release()

    def _as(self, threads: int) -> None:
        if threads not in self._blocks:
            rows = [(thread, threads, *self._words) for thread in range(threads)]
            self._blocks[threads] = np.array(rows, np.int64)
        blocks = self._blocks[threads]
        first, *others = range(blocks.ctypes.data, blocks.ctypes.data + blocks.nbytes, blocks.strides[0])
        self._sync[:] = 0
        waiting = [pool(threads, os.getpid()).submit(self._run, block) for block in others]
        self._run(first)
        for other in waiting:
            other.result()

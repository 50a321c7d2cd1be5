"""Find data races between the worker threads of a run, without threads.

A level of a run assigns calls to each thread; the threads of a level run at the same time. Here the calls of
each thread are run alone, each time from the same state of memory. No byte may be written by two threads,
and running the threads one after the other, in both orders, must result in the bytes that each thread wrote
alone. Unlike a run with real threads, this finds a race even if its timing is rare.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import pytest

from chainrule.engines.native.jit.compiler import callable_at
from chainrule.engines.native.runtime.executable import Executable
from chainrule.plan.plan import Plan

THREADS = 3
SMALL = {
    "runtime.partition.MIN_ELEMENTS": 0,
    "runtime.partition.ROWS": 1,
    "runtime.partition.MIN_PRODUCTS": 2,
    "runtime.partition.COLUMNS": 2,
    "convolution.depthwise.COLUMNS": 2,
    "codegen.resample.COLUMNS": 2,
    "runtime.executable.MIN_INFERENCE_EFFORT": 1,
}


@contextmanager
def all_divided() -> Iterator[None]:
    """Divide every call that can be divided among the threads, however small it is."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SMALL.items():
            patch.setattr(f"chainrule.engines.native.{name}", value)
        yield


def assert_no_races(plan: Plan, arrays: Mapping[str, np.ndarray]) -> int:
    """Fail where two threads of a level write the same byte, or one reads what another writes.

    Args:
        plan: a plan whose calls are divided.
        arrays: its inputs.

    Returns:
        The number of levels in which more than one thread writes.
    """
    with all_divided():
        executable = Executable(plan, set(), THREADS)
    if executable.team is None:
        return 0
    assert executable.bind({name: np.asarray(array, order="C") for name, array in arrays.items()})
    state = _State(executable)
    return sum(_is_divided(executable, state, first, end) for first, end in executable.team.marks)


class _State:
    """All memory that a run writes, as bytes."""

    def __init__(self, executable: Executable) -> None:
        rng = np.random.Generator(np.random.Philox(0))
        executable.arena[...] = rng.integers(
            0, 256, executable.arena.size, np.uint8
        )  # contents left by earlier runs
        outputs = [b.number for b in executable.plan.buffers if b.origin in ("output", "summed")]
        self._arrays = [executable.arena, *(executable.memory[n].reshape(-1).view(np.uint8) for n in outputs)]

    def snapshot(self) -> np.ndarray:
        return np.concatenate(self._arrays)

    def restore(self, snapshot: np.ndarray) -> None:
        ends = np.cumsum([array.size for array in self._arrays])
        for array, part in zip(self._arrays, np.split(snapshot, ends[:-1]), strict=True):
            array[...] = part


def _is_divided(executable: Executable, state: _State, first: int, end: int) -> bool:
    """Run a level; returns whether more than one thread writes."""
    assert executable.team is not None
    tables = executable.team.tables[:, first:end].tolist()
    before, expected = state.snapshot(), state.snapshot()
    owner = np.full(before.size, -1, np.int8)
    for thread, calls in enumerate(tables):
        state.restore(before)
        _run(calls)
        after = state.snapshot()
        changed = after != before
        others = [n for n in range(thread) if (changed & (owner == n)).any()]
        assert not others, f"threads {thread} and {others} share bytes, calls {first} to {end - 1}"
        owner[changed], expected[changed] = thread, after[changed]
    for order in (tables, tables[::-1]):
        state.restore(before)
        for calls in order:
            _run(calls)
        assert np.array_equal(state.snapshot(), expected), f"order matters, calls {first} to {end - 1}"
    return sum(bool((owner == n).any()) for n in range(len(tables))) > 1


def _run(calls: list[tuple[int, int]]) -> None:
    for kernel, block in calls:
        callable_at(kernel)(block)

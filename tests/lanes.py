"""Lanes of one answer, one at a time: whether any order of them, and so running at once, gives the same.

Lanes are run alone, each from the same state of memory. What two of them write must not meet, and the result
of one after the other, in both orders, must be what each made alone. This finds what threads that happen to
miss each other do not show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import pytest

from chainrule.engines.native.jit.compiler import callable_at
from chainrule.engines.native.runtime.executable import Ready
from chainrule.plan.plan import Plan

LANES = 3
SMALL = {
    "runtime.partition.SHARED_FROM": 0, "runtime.partition.ROWS": 1, "runtime.partition.MANY": 2,
    "runtime.partition.COLUMNS": 2, "convolution.depthwise_calls.COLUMNS": 2,
    "codegen.resample.COLUMNS": 2, "runtime.executable.WORTH_A_CREW": 1,
}  # fmt: skip


@contextmanager
def all_divided() -> Iterator[None]:
    """Meanwhile the lanes share every call that can be divided, however small it is."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SMALL.items():
            patch.setattr(f"chainrule.engines.native.{name}", value)
        yield


def refuse_meeting(made: Plan, arrays: Mapping[str, np.ndarray]) -> int:
    """Fail where lanes of a level meet.

    Args:
        made: a plan whose calls are divided.
        arrays: its inputs.

    Returns:
        How many levels more than one lane had something to do in.
    """
    with all_divided():
        ready = Ready(made, set(), LANES)
    if ready.crew is None:
        return 0
    assert ready.takes({name: np.asarray(array, order="C") for name, array in arrays.items()})
    state = _State(ready)
    return sum(_is_divided(ready, state, first, end) for first, end in ready.crew.marks)


class _State:
    """All memory that an answer writes, as bytes."""

    def __init__(self, ready: Ready) -> None:
        rng = np.random.Generator(np.random.Philox(0))
        ready.arena[...] = rng.integers(0, 256, ready.arena.size, np.uint8)  # what was there before
        written = [b.number for b in ready.plan.buffers if b.origin in ("output", "joined")]
        self._arrays = [ready.arena, *(ready.memory[n].reshape(-1).view(np.uint8) for n in written)]

    def seen(self) -> np.ndarray:
        return np.concatenate(self._arrays)

    def put_back(self, seen: np.ndarray) -> None:
        ends = np.cumsum([array.size for array in self._arrays])
        for array, part in zip(self._arrays, np.split(seen, ends[:-1]), strict=True):
            array[...] = part


def _is_divided(ready: Ready, state: _State, first: int, end: int) -> bool:
    """Run a level; whether more than one lane wrote."""
    assert ready.crew is not None
    tables = ready.crew.tables[:, first:end].tolist()
    before, whole = state.seen(), state.seen()
    owner = np.full(before.size, -1)
    for lane, calls in enumerate(tables):
        state.put_back(before)
        _run(calls)
        after = state.seen()
        changed = after != before
        met = np.unique(owner[changed & (owner >= 0)])
        assert not met.size, f"lanes {lane} and {met.tolist()} meet in calls {first} to {end - 1}"
        owner[changed], whole[changed] = lane, after[changed]
    for order in (tables, tables[::-1]):
        state.put_back(before)
        for calls in order:
            _run(calls)
        assert np.array_equal(state.seen(), whole), f"the order counts in calls {first} to {end - 1}"
    return np.unique(owner[owner >= 0]).size > 1


def _run(calls: list[tuple[int, int]]) -> None:
    for kernel, block in calls:
        callable_at(kernel)(block)

"""The arrays behind a plan's buffers, when several lanes run it side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from chainrule.plan.memory import ALIGN
from chainrule.plan.plan import Plan
from chainrule.plan.task import PARTS, Buffer


def aligned(size: int) -> np.ndarray:
    """Bytes that begin at a cache line."""
    raw = np.zeros(size + ALIGN, np.uint8)
    start = -raw.ctypes.data % ALIGN
    return raw[start : start + size]


class LaneMemory:
    """The arrays of a step: what a lane has of its own, and what there is once for all.

    A lane owns what lies between its part's rows and the gradients, and its sums. The plan for full parts and
    the one for the last, shorter part have the same sums and everything outside the parts in common.

    Args:
        data: whole data sets by input label, of which a part's rows are fetched.
        state: arrays of the other inputs by label.
    """

    def __init__(self, data: Mapping[str, np.ndarray], state: Mapping[str, np.ndarray]) -> None:
        self._data, self._state = data, state
        self._made: dict[Any, np.ndarray] = {}

    def array(self, made: Plan, lane: int, number: int) -> np.ndarray:
        """The array behind buffer ``number`` of a plan, for a lane."""
        buffer = made.buffers[number]
        if buffer.origin == "input" and buffer.label not in self._data:
            return self._state[buffer.label]
        if buffer.origin == "work" and buffer.phase == PARTS:
            arena = self._once(("arena", lane, made), lambda: aligned(max(made.layout.size, 1)))
            return arena[made.layout.places[number] :]
        key = self._key(made, lane, buffer)
        if buffer.array is not None:
            return self._once(key, lambda: np.array(buffer.array, order="C"))
        return self._once(key, lambda: _zeros(buffer))

    def _key(self, made: Plan, lane: int, buffer: Buffer) -> tuple[Any, ...]:
        """What an array is known by: buffers of two plans that mean the same have one key."""
        if buffer.origin == "input":
            return "gathered", lane, made, buffer.label
        twins = [b.number for b in made.buffers if (b.origin, b.phase) == (buffer.origin, buffer.phase)]
        place = (buffer.origin, buffer.phase, twins.index(buffer.number))
        if buffer.origin == "joined":
            return *place, lane
        return (*place, lane, made) if buffer.phase == PARTS else place

    def _once(self, key: tuple[Any, ...], make: Callable[[], np.ndarray]) -> np.ndarray:
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]


def _zeros(buffer: Buffer) -> np.ndarray:
    return aligned(max(buffer.bytes, 1))[: buffer.bytes].view(buffer.dtype).reshape(buffer.shape)

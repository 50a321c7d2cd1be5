"""The arrays behind the buffers of a plan, for several replicas that run it side by side."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np

from chainrule.plan.allocation import ALIGN
from chainrule.plan.memory_requirement import Allocation, Allocations
from chainrule.plan.plan import Plan
from chainrule.plan.tasks import Buffer


def aligned(size: int) -> np.ndarray:
    """Return ``size`` zero bytes that start at a cache line."""
    raw = np.zeros(size + ALIGN, np.uint8)
    start = -raw.ctypes.data % ALIGN
    return raw[start : start + size]


class ReplicaMemory:
    """Arrays of a training step: those that each replica has, and those that all replicas share.

    Which buffers share one allocation is decided by ``plan.memory_requirement``, which also counts their
    bytes. ``array`` must be called for the plan of full microbatches first.

    Args:
        data: whole data sets by input label; the rows of a microbatch are gathered from them.
        state: arrays of the other inputs by label.
    """

    def __init__(self, data: Mapping[str, np.ndarray], state: Mapping[str, np.ndarray]) -> None:
        self._data, self._state = data, state
        self._allocations, self._raw = Allocations(), dict[Hashable, np.ndarray]()

    @property
    def bytes(self) -> int:
        """Number of allocated bytes."""
        return sum(raw.base.nbytes for raw in self._raw.values() if raw.base is not None)

    def array(self, plan: Plan, replica: int, number: int) -> np.ndarray:
        """Return the array behind buffer ``number`` of a plan, for a replica."""
        buffer = plan.buffers[number]
        if buffer.origin == "input" and buffer.label not in self._data:
            return self._state[buffer.label]
        allocation = self._allocations.find(plan, replica, buffer)
        if allocation.key not in self._raw:
            self._raw[allocation.key] = aligned(allocation.bytes - ALIGN)
            if buffer.array is not None:
                self._view(plan, buffer, allocation)[...] = buffer.array
        return self._view(plan, buffer, allocation)

    def _view(self, plan: Plan, buffer: Buffer, allocation: Allocation) -> np.ndarray:
        start = plan.layout.offsets[buffer.number] if allocation.is_arena else 0
        raw = self._raw[allocation.key][start : start + buffer.bytes]
        return raw.view(buffer.dtype).reshape(buffer.shape)

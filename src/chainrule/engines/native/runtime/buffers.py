"""Memory of a training step, for several replicas that run it side by side.

A layout (see ``replicas``) describes the place of every buffer relative to a *base*: an allocation, an array
of the state, a data set. Bases have numbers; they get addresses when arrays are bound (see
``replicated_step``).
"""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import NamedTuple

import numpy as np

from chainrule.plan.memory_allocation import ALIGN
from chainrule.plan.memory_requirement import Allocations
from chainrule.plan.plan import Plan

NONE, FLAG_BASE = 0, 1  # the base whose address is 0, and the flag that kernels set


def aligned(size: int) -> np.ndarray:
    """Return ``size`` zero bytes that start at a cache line."""
    raw = np.zeros(size + ALIGN, np.uint8)
    start = -raw.ctypes.data % ALIGN
    return raw[start : start + size]


def address(array: np.ndarray) -> int:
    """Return the address of an array's data."""
    return array.__array_interface__["data"][0]


class Place(NamedTuple):
    """A place in memory: the number of a base, and the bytes from there."""

    base: int
    offset: int


class Bases:
    """The bases of a step, numbered in the order in which they are requested.

    Which buffers share one allocation is decided by ``plan.memory_requirement``, which also counts their
    bytes. ``find`` must be called for the plan of full microbatches first.

    Args:
        data: input labels of the data sets; the rows of a microbatch are gathered from them.
    """

    def __init__(self, data: Collection[str]) -> None:
        self._data, self._allocations = data, Allocations()
        self._numbers: dict[Hashable, int] = {"none": NONE, "flag": FLAG_BASE}
        self.states: dict[str, int] = {}  # by label the base of an array of the state,
        self.rows: dict[str, int] = {}  # of the rows of a data set,
        self.counts: dict[str, int] = {}  # and the base whose address is their number
        self.bytes: dict[int, int] = {}  # of each allocation, with space to start at a cache line
        self.constants: list[tuple[Place, np.ndarray]] = []  # values that allocations hold from the start

    def __len__(self) -> int:
        return len(self._numbers)

    def _number(self, key: Hashable) -> int:
        return self._numbers.setdefault(key, len(self._numbers))

    def data(self, label: str) -> tuple[int, int]:
        """Return the base of a data set, and the base whose address is the number of its rows."""
        self.rows[label], self.counts[label] = self._number(("rows", label)), self._number(("count", label))
        return self.rows[label], self.counts[label]

    def find(self, plan: Plan, replica: int, number: int) -> Place:
        """Return where buffer ``number`` of a plan is, for a replica."""
        buffer = plan.buffers[number]
        if buffer.origin == "input" and buffer.label not in self._data:
            self.states[buffer.label] = self._number(("state", buffer.label))
            return Place(self.states[buffer.label], 0)
        allocation = self._allocations.find(plan, replica, buffer)
        base = self._number(("allocation", allocation.key))
        place = Place(base, plan.layout.offsets[buffer.number] if allocation.is_arena else 0)
        if base not in self.bytes:
            self.bytes[base] = allocation.bytes
            if buffer.array is not None:
                self.constants.append((place, np.ascontiguousarray(buffer.array, buffer.dtype)))
        return place

"""A training step bound to the arrays of one training: its layout with addresses."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chainrule.engines.native.runtime.buffers import FLAG_BASE, Bases, Place
from chainrule.engines.native.runtime.replicas import StepLayout
from chainrule.engines.native.runtime.step_table import StepTable
from chainrule.plan.memory_allocation import ALIGN


class ReplicatedStep:
    """A layout bound to the arrays of one training: the table that compiled code reads.

    Args:
        layout: the layout.
        data: whole data sets by input label, rows first.
        state: arrays by input label; changed in place.
        flag: set by a kernel when an index is out of range.
    """

    def __init__(
        self,
        layout: StepLayout,
        data: Mapping[str, np.ndarray],
        state: Mapping[str, np.ndarray],
        flag: np.ndarray,
    ) -> None:
        self.layout, self.batch, self.split, self.plan = layout, layout.batch, layout.split, layout.plan
        self.lines, self.count = layout.lines, layout.count
        self.memory = StepMemory(layout.bases, data, state, flag)
        addresses, template = self.memory.addresses, layout.table
        words = template.words + addresses[layout.word_bases]
        tables, patches = template.tables.copy(), template.patches.copy()
        tables[..., 1] += words.ctypes.data
        patches[..., 2] += addresses[layout.patch_bases]
        self.table = StepTable(template.numbers.copy(), template.marks, tables, words, patches)
        self.order: np.ndarray | None = None  # the row indices whose address the patches hold
        (loss, loss_dtype), (learning_rate, dtype) = layout.loss, layout.learning_rate
        self.loss = self.memory.view(loss, loss_dtype, 1)
        self.learning_rate = self.memory.view(learning_rate, dtype, 1)


class StepMemory:
    """The arrays of one training: allocations of its own, and the arrays that are bound.

    Args:
        bases: what a layout needs.
        data: whole data sets by input label.
        state: arrays of the other inputs by label.
        flag: set by a kernel when an index is out of range.
    """

    def __init__(
        self,
        bases: Bases,
        data: Mapping[str, np.ndarray],
        state: Mapping[str, np.ndarray],
        flag: np.ndarray,
    ) -> None:
        # One array for all allocations: each has space to start at a cache line.
        self._block = np.zeros(sum(bases.bytes.values()), np.uint8)
        start, self._starts = self._block.ctypes.data, dict[int, int]()
        position = start
        self.addresses = np.zeros(len(bases), np.int64)
        for base, size in bases.bytes.items():
            self.addresses[base] = position + -position % ALIGN
            self._starts[base] = position + -position % ALIGN - start
            position += size
        self.addresses[FLAG_BASE] = flag.ctypes.data
        for label, base in bases.states.items():
            self.addresses[base] = state[label].ctypes.data
        for label, base in bases.rows.items():
            self.addresses[base] = data[label].ctypes.data
            self.addresses[bases.counts[label]] = len(data[label])
        for place, array in bases.constants:
            self.view(place, array.dtype, array.size)[...] = array.reshape(-1)

    @property
    def bytes(self) -> int:
        """Number of allocated bytes."""
        return self._block.nbytes

    def view(self, place: Place, dtype: np.dtype | str, size: int) -> np.ndarray:
        """Return some numbers of an allocation."""
        start = self._starts[place.base] + place.offset
        return self._block[start : start + size * np.dtype(dtype).itemsize].view(dtype)

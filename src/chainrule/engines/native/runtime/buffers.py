"""The arrays behind a plan's buffers, when several lanes run it side by side."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np

from chainrule.plan.allocation import ALIGN
from chainrule.plan.memory_requirement import Piece, Pieces
from chainrule.plan.plan import Plan
from chainrule.plan.tasks import Buffer


def aligned(size: int) -> np.ndarray:
    """Bytes that begin at a cache line."""
    raw = np.zeros(size + ALIGN, np.uint8)
    start = -raw.ctypes.data % ALIGN
    return raw[start : start + size]


class LaneMemory:
    """The arrays of a step: what a lane has of its own, and what there is once for all.

    Which buffers lie in one piece is decided by ``plan.need``, where it is also counted. The plan for full
    parts must be the first to ask.

    Args:
        data: whole data sets by input label, of which a part's rows are fetched.
        state: arrays of the other inputs by label.
    """

    def __init__(self, data: Mapping[str, np.ndarray], state: Mapping[str, np.ndarray]) -> None:
        self._data, self._state = data, state
        self._pieces, self._raw = Pieces(), dict[Hashable, np.ndarray]()

    @property
    def bytes(self) -> int:
        """How many are allocated."""
        return sum(raw.base.nbytes for raw in self._raw.values() if raw.base is not None)

    def array(self, made: Plan, lane: int, number: int) -> np.ndarray:
        """The array behind buffer ``number`` of a plan, for a lane."""
        buffer = made.buffers[number]
        if buffer.origin == "input" and buffer.label not in self._data:
            return self._state[buffer.label]
        one = self._pieces.find(made, lane, buffer)
        if one.key not in self._raw:
            self._raw[one.key] = aligned(one.bytes - ALIGN)
            if buffer.array is not None:
                self._look(made, buffer, one)[...] = buffer.array
        return self._look(made, buffer, one)

    def _look(self, made: Plan, buffer: Buffer, one: Piece) -> np.ndarray:
        start = made.layout.places[buffer.number] if one.is_arena else 0
        raw = self._raw[one.key][start : start + buffer.bytes]
        return raw.view(buffer.dtype).reshape(buffer.shape)

"""What the loop keeps of the last steps, so that they can be made once more when one goes wrong.

Scalars of each of the last steps, and the states from which the last stretches began. A state's arrays are
never changed in place, so that keeping one copies nothing; it only delays that memory is given back. How much
may wait is bounded: of a large net only the stretch at hand can be repeated.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from chainrule.train.state import Tensors, TrainState

LENGTH = 8  # steps that are told of
ROOM = 4 * 2**20  # bytes that states of earlier stretches may take

Kept = tuple[int, int, int, Tensors, Tensors, Tensors]  # step, epoch, batch, parameters, states, slots


def states_kept(size: int) -> int:
    """How many states of so many bytes are kept, the present one included."""
    return max(1, min(LENGTH, ROOM // max(1, size)))


class Recorder:
    """The last steps of a training. What it does after every stretch takes about a microsecond.

    Args:
        state: where the training begins; says how large a state is.
    """

    def __init__(self, state: TrainState) -> None:
        size = sum(array.nbytes for array in state.tensors().values())
        self._begins: deque[Kept] = deque(maxlen=states_kept(size))
        self._told: deque[tuple[int, np.ndarray]] = deque(maxlen=LENGTH)

    def begin(self, state: TrainState) -> None:
        """Some steps will be made from here."""
        self._begins.append(
            (state.step, state.epoch, state.batch, state.parameters, state.states, state.slots)
        )

    def let_go(self) -> None:
        """The stretch at hand went well: forget what the next one drops anyway, before its state is made."""
        if len(self._begins) == self._begins.maxlen:
            self._begins.popleft()

    def tell(self, state: TrainState, told: np.ndarray) -> None:
        """These losses and rates were those of the last steps.

        Args:
            state: where the training stands now.
            told: loss and rate of each step, (steps, 2).
        """
        self._told.append((state.step, told[-LENGTH:].copy()))

    @property
    def losses(self) -> dict[int, tuple[float, float]]:
        """Loss and rate of the last steps by their numbers, from 1."""
        return {
            last - len(told) + 1 + i: (float(loss), float(rate))
            for last, told in self._told
            for i, (loss, rate) in enumerate(told)
        }

    def before(self, step: int) -> TrainState | None:
        """The latest known state from which step number ``step`` (from 1) was still to be made."""
        known = [kept for kept in self._begins if kept[0] < step]
        if not known:
            return None
        made, epoch, batch, parameters, states, slots = known[-1]
        return TrainState(parameters, states, slots, made, epoch, batch)

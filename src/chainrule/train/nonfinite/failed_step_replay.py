"""The inputs of the non-finite tracer: the failed step, and how to replay the steps before it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

import numpy as np

from chainrule.memoization import cached_property
from chainrule.records import frozen
from chainrule.train.step_graph import Step
from chainrule.train.train_state import Tensors, TrainState

# Recent states and losses of a training, from which the last steps can be replayed after a failure.
#
# The recorder stores loss and learning rate of each of the last steps, and the states from which the last
# multi-step runs started. The arrays of a state are never changed in place, so keeping a state copies
# nothing; it only delays the release of its memory, up to ``MAX_BYTES``. Of a large network only the current
# multi-step run can be replayed.

LENGTH = 8  # recorded steps
MAX_BYTES = 4 * 2**20  # of the states of earlier multi-step runs

State = tuple[int, int, int, Tensors, Tensors, Tensors]  # step, epoch, batch, parameters, states, slots


def retained_states(size: int) -> int:
    """Return how many states of ``size`` bytes are kept, the current one included."""
    return max(1, min(LENGTH, MAX_BYTES // max(1, size)))


class Recorder:
    """Record of the last steps of a training, in about a microsecond for each multi-step run.

    Args:
        state: the initial state; determines how many states fit.
    """

    def __init__(self, state: TrainState) -> None:
        size = sum(array.nbytes for array in state.tensors().values())
        self._starts: deque[State] = deque(maxlen=retained_states(size))
        self._reports: deque[tuple[int, np.ndarray]] = deque(maxlen=LENGTH)

    def begin(self, state: TrainState) -> None:
        """Record the state from which a multi-step run starts."""
        self._starts.append(
            (state.step, state.epoch, state.batch, state.parameters, state.states, state.slots)
        )

    def release_oldest(self) -> None:
        """Release the oldest state, if the next ``begin`` drops it, before the new state is allocated."""
        if len(self._starts) == self._starts.maxlen:
            self._starts.popleft()

    def record(self, state: TrainState, values: np.ndarray) -> None:
        """Record loss and learning rate of the last steps.

        Args:
            state: the state after them.
            values: loss and learning rate of each step, (steps, 2).
        """
        self._reports.append((state.step, values[-LENGTH:].copy()))

    @property
    def losses(self) -> dict[int, tuple[float, float]]:
        """Loss and learning rate of the last steps, by step number from 1."""
        return {
            last - len(values) + 1 + i: (float(loss), float(learning_rate))
            for last, values in self._reports
            for i, (loss, learning_rate) in enumerate(values)
        }

    def before(self, step: int) -> TrainState | None:
        """Return the latest recorded state before step ``step`` (from 1); ``None`` if there is none."""
        earlier = [start for start in self._starts if start[0] < step]
        if not earlier:
            return None
        done, epoch, batch, parameters, states, slots = earlier[-1]
        return TrainState(parameters, states, slots, done, epoch, batch)


@frozen(eq=False)
class StepInputs:
    """A step with the arrays that it is computed from.

    Args:
        arrays: the inputs of the graph, by name.
        rows: (B,) indices of the training rows in the batch.
    """

    step: Step
    arrays: Mapping[str, np.ndarray]
    rows: np.ndarray


@frozen(eq=False)
class FailedStep:
    """A step whose result is not finite, and access to the steps before it.

    Args:
        state: the state before the step.
        recorder: recent states and losses.
        feed: returns the inputs of the step that follows a state.
        replay: repeats n steps from a state, exactly; ``None`` where only recorded states are available.
        results: the outputs of the engine's program.
        engine: the engine that computed them.
        augments: whether the training data changes in every epoch.
    """

    state: TrainState
    recorder: Recorder
    feed: Callable[[TrainState], StepInputs]
    replay: Callable[[TrainState, int], TrainState] | None
    results: Mapping[str, np.ndarray]
    engine: str | None = None
    augments: bool = False

    @cached_property
    def inputs(self) -> StepInputs:
        """The inputs of the failed step."""
        return self.feed(self.state)

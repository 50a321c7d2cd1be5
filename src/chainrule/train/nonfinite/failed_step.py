"""The inputs of the non-finite tracer: the failed step, and how to replay the steps before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from chainrule.memo import cached_property
from chainrule.records import frozen
from chainrule.train.nonfinite.recorder import Recorder
from chainrule.train.state import TrainState
from chainrule.train.step import Step


@frozen(eq=False)
class StepInputs:
    """A step with the arrays that it is computed from.

    Args:
        step: the graph of the step.
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

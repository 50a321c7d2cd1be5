"""What the loop hands over when a step goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

import numpy as np

from chainrule.records import frozen
from chainrule.train.nonfinite.recorder import Recorder
from chainrule.train.state import TrainState
from chainrule.train.step import Step


@frozen(eq=False)
class Laid:
    """An update that is ready to be made.

    Args:
        step: its graph.
        arrays: what the graph is given.
        rows: which training rows the batch has.
    """

    step: Step
    arrays: Mapping[str, np.ndarray]
    rows: np.ndarray


@frozen(eq=False)
class Scene:
    """An update whose result was not finite, and the way back to the updates before it.

    Args:
        state: before the update.
        recorder: what is known of the last steps.
        feed: lays out the update that comes after a state.
        replay: makes so many updates from a state, exactly as they were made; ``None`` where every state that
            can be known is known.
        results: what the engine's program gave.
        engine: which engine that was.
        renews: whether the data is written anew in every epoch.
    """

    state: TrainState
    recorder: Recorder
    feed: Callable[[TrainState], Laid]
    replay: Callable[[TrainState, int], TrainState] | None
    results: Mapping[str, np.ndarray]
    engine: str | None = None
    renews: bool = False

    @cached_property
    def laid(self) -> Laid:
        """The update that failed."""
        return self.feed(self.state)

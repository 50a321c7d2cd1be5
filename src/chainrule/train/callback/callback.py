"""What a callback is, and what it may look at while a network trains.

Two things listen to a training. A *function* is told every event (``chainrule.events``) and stops the
training by answering ``True``. A *callback* is a record of settings that makes such a function for each
training, and is handed the training itself to look into: weights, gradients, history. So a record can be
printed, compared and used twice, and what one training remembers does not leak into the next.

The engine makes many steps in one go, and what it tells of each is only loss and rate. A listener that looks
at weights after every step says so (``every_step``), and steps are then made one by one; one that is content
with epochs, as most are, says that it is ``last_step_only`` and costs nothing.
"""

from __future__ import annotations

import copy
import os
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from chainrule.engines import compile
from chainrule.engines.dispatch import Program
from chainrule.events import Listener
from chainrule.extension import Extensible
from chainrule.graph import Graph
from chainrule.records import frozen
from chainrule.settings import planning_cores
from chainrule.train.loop import Job, feed
from chainrule.train.state import Row, Tensors, TrainState
from chainrule.train.step import Step

if TYPE_CHECKING:
    from chainrule.train.learner import Learner
    from chainrule.train.monitor.probe import Probe
    from chainrule.train.options import Request

L = TypeVar("L")


@frozen
class Callback(Extensible):
    """Base of the callbacks: says ``start``, and ``watches`` if it needs columns of the history.

    Example:
        >>> from chainrule.events import EpochDone
        >>> class Largest(Callback):
        ...     def start(self, training):
        ...         def watch(event):
        ...             if isinstance(event, EpochDone):
        ...                 norms = training.gradient_norms()
        ...                 print(event.epoch, max(norms, key=norms.get))
        ...         return watch
        >>> from chainrule.nn import Dense, Sequential
        >>> from chainrule.train.learner import Learner
        >>> model = Learner(Sequential(Dense(1)), "mse")
        >>> history = model.fit([[1.0], [2.0]], [3.0, 5.0], epochs=1, callbacks=[Largest()], verbose=False)
        1 dense1.weight
    """

    keeps_state = True

    def start(self, training: Training) -> Listener:
        """The listener of one training; it is told everything from ``TrainingStarted`` on.

        Args:
            training: may be looked into at every event.
        """
        raise TypeError(f"{type(self).__name__} listens to nothing")

    def watches(self) -> tuple[str, ...]:
        """The columns of the history that it needs, such as ``"val_f1"``; they are measured."""
        return ()


class Training:
    """A training while it runs, to be looked into but not changed.

    Args:
        model: what is being trained; it takes up what was learned only at the end.
        request: what ``fit`` was asked for.
        job, step: the training as the loop has it.
        state: where it stands.
    """

    def __init__(self, model: Learner, request: Request, job: Job, step: Step, state: TrainState) -> None:
        self.request = request
        self._model, self._job, self._step, self._state = model, job, step, state

    @property
    def model(self) -> Learner:
        """What is being trained, to be read."""
        return self._model

    @property
    def job(self) -> Job:
        """What is learned from, and in which order, to be read."""
        return self._job

    @property
    def history(self) -> list[Row]:
        """A row of numbers for each complete epoch; ``None`` where none could be measured."""
        return list(self._state.history)

    @property
    def probes(self) -> list[Probe]:
        """The looks into the net so far."""
        return [] if self._job.prober is None else list(self._job.prober.probes)

    @property
    def step(self) -> int:
        """Updates made so far."""
        return self._state.step

    @property
    def epoch(self) -> int:
        """Complete passes over the data."""
        return self._state.epoch

    def parameters(self) -> Tensors:
        """The parameters to answer with, by path: copies. With a mean of weights (``cr.EMA``), the mean."""
        return {path: value.copy() for path, value in self._answering().items()}

    def states(self) -> Tensors:
        """The layers' running values, by path: copies."""
        return {path: value.copy() for path, value in self._state.states.items()}

    def gradients(self) -> Tensors:
        """The gradient of each parameter on the batch that comes next, by path, after any clipping.

        Cost: one more forward and backward pass.
        """
        state, job = self._state, self._job
        over = state.batch >= job.order.steps
        rows = job.order.batch(state.epoch + over, 0 if over else state.batch)
        arrays = feed(job.data.take(rows), state, self._step, job.seed)
        program = self._pullback
        found = program.run({name: arrays[name] for name in program.graph.inputs})
        return {path: np.array(value) for path, value in found.items()}

    def gradient_norms(self) -> dict[str, float]:
        """The length of each parameter's gradient, by path; costs what ``gradients`` does."""
        return {path: float(np.linalg.norm(value)) for path, value in self.gradients().items()}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model as it stands: what ``cr.load`` reads.

        Fails:
            FileError: the disk is full, the folder is missing or may not be written.
        """
        now = copy.copy(self._model)
        now.adopt(self._answering(), self._state.states)
        now.history, now.facts = self.history, self.facts("running")
        now.save(path)

    def facts(self, reason: str) -> dict[str, Any]:
        """What is worth knowing of the training, for the model file.

        Args:
            reason: why it ended; see ``TrainingEnded``.
        """
        state = self._state
        return {
            "rows": self._job.data.rows,
            "epochs": state.epoch,
            "steps": state.step,
            "batch_size": self.request.batch_size,
            "seed": self.request.seed,
            "cores": planning_cores(),
            "ended": reason,
            "last": state.history[-1] if state.history else {},
        }

    def _answering(self) -> Tensors:
        state = self._state
        return self._step.answering(state.parameters, state.slots, state.step)

    @cached_property
    def _pullback(self) -> Program:
        return compile(Graph(dict(self._step.gradients)), self._job.network.engine)


def last_step_only(listener: L) -> L:
    """Mark a listener that needs only the last step of a multi-step run, not each single one."""
    vars(listener)["last_step_only"] = True
    return listener


def every_step(listener: L) -> L:
    """Mark a listener that reads the weights after every step, so that steps are computed one by one.

    Example:
        >>> every_step(lambda event: None).every_step
        True
    """
    vars(listener)["every_step"] = True
    return listener

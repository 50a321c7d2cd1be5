"""``TrainingView``: a read-only view of a training in progress, for callbacks."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from chainrule.data import Arrays, Buckets, Order
from chainrule.events import Event
from chainrule.train.checkpoint import model_file
from chainrule.train.fit_options import FitOptions
from chainrule.train.history import TrainingFacts
from chainrule.train.model_state import ModelState
from chainrule.train.monitor.probe import Probe
from chainrule.train.network import Network
from chainrule.train.step_graph import Step
from chainrule.train.train_state import Row, Tensors, TrainState
from chainrule.train.training_run import TrainingRun


class TrainingView:
    """A read-only view of a training in progress.

    Args:
        run: the training.
    """

    def __init__(self, run: TrainingRun) -> None:
        self._run = run

    @property
    def model(self) -> ModelState:
        """The model before the first update."""
        return self._run.model

    @property
    def options(self) -> FitOptions:
        """The options of ``fit``."""
        return self._run.options

    @property
    def network(self) -> Network:
        """The graphs of the model."""
        return self._run.network

    @property
    def data(self) -> Arrays:
        """The training rows, encoded, by the names of the step's inputs."""
        return self._run.data

    @property
    def validation(self) -> Arrays | None:
        """The validation rows, encoded; ``None`` where there are none."""
        return None if self._run.evaluator is None else self._run.evaluator.rows

    @property
    def order(self) -> Order | Buckets:
        """The rows of each batch."""
        return self._run.order

    @property
    def prints_notices(self) -> bool:
        """Whether a progress bar or a function among the callbacks receives the notices."""
        return self._run.prints_notices

    @property
    def update(self) -> Step:
        """The graph of one update."""
        return self._run.step

    def initial_state(self) -> TrainState:
        """Return the state before the first update, for updates on copies: its arrays are read-only."""
        state = self._run.state
        return TrainState(state.parameters, state.states, state.slots)

    @property
    def probed_rows(self) -> int:
        """The number of rows that a probe reads; 0 without probes."""
        return 0 if self._run.prober is None else self._run.prober.rows

    @property
    def values_per_sample(self) -> int:
        """About how many values an update computes for each row; 0 without probes."""
        return 0 if self._run.prober is None else self._run.prober.values_per_sample

    @property
    def history(self) -> list[Row]:
        """A row of numbers for each complete epoch; a value that could not be measured is ``None``."""
        return list(self._run.state.history)

    @property
    def probes(self) -> list[Probe]:
        """The probes of the network so far."""
        return [] if self._run.prober is None else list(self._run.prober.probes)

    @property
    def step(self) -> int:
        """The number of updates so far."""
        return self._run.state.step

    @property
    def epoch(self) -> int:
        """The number of complete epochs."""
        return self._run.state.epoch

    @property
    def facts(self) -> TrainingFacts:
        """What the training did so far; see ``TrainingFacts``."""
        return self._run.training_facts("running")

    @property
    def keeps_best(self) -> bool:
        """Whether a stopping rule stores the weights of the best epoch for the trained model."""
        return any(rule.keeps_best for rule in self._run.rules)

    def parameters(self) -> Tensors:
        """Return copies of the parameters for predictions, by path; with ``cr.EMA`` the mean weights."""
        return {path: value.copy() for path, value in self._run.predicting_parameters().items()}

    def states(self) -> Tensors:
        """Return copies of the states of layers, such as running means, by path."""
        self._run.updates.synchronize(self._run.state)
        return {path: value.copy() for path, value in self._run.state.states.items()}

    def gradients(self) -> Tensors:
        """Return the gradient of each parameter on the next batch, by path, after any clipping.

        Cost: one more forward and backward pass.

        Raises:
            TrainingError E591: the training is private.
        """
        return self._run.updates.gradients(self._run.state)

    def gradient_norms(self) -> dict[str, float]:
        """Return the norm of each parameter's gradient, by path; costs as much as ``gradients``."""
        return {path: float(np.linalg.norm(value)) for path, value in self.gradients().items()}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save the model with the present parameters as a file for ``cr.load``.

        Raises:
            FileError: the disk is full, or the folder is missing or not writable.
        """
        model_file.save(self._run.current(), path)

    def save_trained(self, path: str | os.PathLike[str]) -> None:
        """Save the trained model, with a rule of early stopping the best one: at ``TrainingEnded``.

        Raises:
            FileError: the disk is full, or the folder is missing or not writable.
        """
        model_file.save(self._run.result("epochs"), path)

    def send(self, event: Event) -> None:
        """Send an event to all listeners of the training."""
        self._run.send(event)

    def set_findings(self, findings: tuple[Any, ...]) -> None:
        """Set the findings of the trained model."""
        self._run.findings = findings

"""``TrainingRun``: one record for a training in progress, with its model, options, data and state."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from chainrule.data import Arrays, Buckets, Order
from chainrule.events import Channel, Event
from chainrule.settings import planning_cores
from chainrule.train.callback.early_stopping import MEMBER_LOSS, StoppingRule, best_epochs
from chainrule.train.evaluation.ensemble_weights import with_group_weights
from chainrule.train.evaluation.evaluate import Evaluator
from chainrule.train.fit_options import FitOptions
from chainrule.train.history import TrainingFacts
from chainrule.train.inputs.epoch_augmentation import EpochAugmentation
from chainrule.train.interrupt import Interrupt
from chainrule.train.model_state import SAMPLED, ModelState
from chainrule.train.monitor.probe import Prober
from chainrule.train.network import Network
from chainrule.train.private.privacy import Mechanism
from chainrule.train.private.private_updates import PrivateUpdates
from chainrule.train.step_execution import Updates
from chainrule.train.step_graph import Step
from chainrule.train.train_state import Tensors, TrainState

Save = Callable[[TrainState], str]


@dataclass
class TrainingRun:
    """A training in progress.

    Args:
        model: the model before the first update; its targets have their labels.
        options: the options of ``fit``.
        step: the graph of one update.
        data: the training rows; targets by the names of the step's inputs.
        order: the rows of each batch.
        state: parameters, optimizer state, counters and history; every update changes it.
        start: the origin of the initial parameters; see ``ModelState``.
        listeners: the callbacks and functions among ``callbacks``; ``channel`` has the started ones.
        evaluator: evaluates the validation rows after each epoch.
        augmentation: writes the rows of ``data`` before each epoch; ``None``: they do not change.
        prober: measures statistics of the network at some of the steps.
        channel: sends events to the listeners.
        save: writes a checkpoint and returns its path; ``None``: nothing is saved.
        findings: the findings of the doctor; ``None`` where it is turned off.
        data_notices: findings about the table of the rows.
        mechanism: the mechanism of a private training; ``None`` for any other.
        reporting: what the listeners need: the ``"last"`` update of each call of the engine, a report of
            ``"each"``, or a call for ``"every step"``, so that the state is current at its event.
        interrupt: whether a signal requests a stop.
        saved_at: when the last checkpoint was saved, in seconds of ``time.monotonic``.
        is_stop_requested: whether a listener requests a stop.
        prints_notices: whether a progress bar or a function among the callbacks receives the notices.
    """

    model: ModelState
    options: FitOptions
    step: Step
    data: Arrays
    order: Order | Buckets
    state: TrainState
    updates: Updates
    start: str = SAMPLED
    rules: Sequence[StoppingRule] = ()
    listeners: Sequence[Any] = ()
    evaluator: Evaluator | None = None
    augmentation: EpochAugmentation | None = None
    prober: Prober | None = None
    channel: Channel = field(default_factory=Channel)
    save: Save | None = None
    findings: tuple[Any, ...] | None = None
    data_notices: tuple[Any, ...] = ()
    mechanism: Mechanism | None = None
    reporting: Literal["last", "each", "every step"] = "each"
    interrupt: Interrupt = field(default_factory=Interrupt)
    saved_at: float = field(default_factory=time.monotonic)
    is_stop_requested: bool = False
    prints_notices: bool = False

    @property
    def network(self) -> Network:
        """The graphs of the model."""
        assert self.model.network is not None
        return self.model.network

    @property
    def seed(self) -> int:
        """The seed of the initial parameters and of each step's random numbers."""
        return self.options.seed

    def begin(self) -> None:
        """Compile the step, and start to count the seconds until the next checkpoint."""
        self.updates.begin(self.state)
        self.reporting = "last" if self.channel.last_step_only else "each"
        if self.channel.every_step:
            self.reporting = "every step"
        self.saved_at = time.monotonic()

    def send(self, event: Event) -> None:
        """Send an event to all listeners; one of them may request a stop."""
        self.is_stop_requested |= self.channel.send(event)

    def close(self) -> None:
        """End the run, and release what refers to it, so that its arrays are freed with it.

        Otherwise they would be freed by the garbage collector, which may run many trainings later.
        """
        if self.augmentation is not None:
            self.augmentation.close()
        self.channel.listeners.clear()
        self.save = None

    def predicting_parameters(self) -> Tensors:
        """Return the parameters for predictions: the present ones, or averages as of ``cr.EMA``."""
        self.updates.synchronize(self.state)
        return self.step.prediction_parameters(self.state.parameters, self.state.slots, self.state.step)

    def facts(self, reason: str) -> dict[str, Any]:
        """Return counts and settings of the training as plain data; ``reason`` as of ``TrainingEnded``."""
        spent = self.updates.facts(self.state) if isinstance(self.updates, PrivateUpdates) else {}
        return {**self.training_facts(reason).plain(), **spent}

    def training_facts(self, reason: str) -> TrainingFacts:
        """Return what the training did so far; see ``facts``."""
        state = self.state
        best, members = best_epochs(self.rules, state.watch)
        return TrainingFacts(
            rows=self.updates.rows,
            epochs=state.epoch,
            max_epochs=self.options.epochs,
            steps=state.step,
            batch_size=self.options.batch_size,
            seed=self.seed,
            cores=planning_cores(),
            ended=reason,
            best_epoch=best,
            member_epochs=members,
            validation_loss=self._kept_loss(best, members),
            last=state.history[-1] if state.history else {},
        )

    def _kept_loss(self, best: int | None, members: Sequence[int]) -> float | None:
        """Return the validation loss of the model's weights: those of the best epochs, or the last ones."""
        history = self.state.history
        if not history or self.evaluator is None:
            return None
        if members:
            columns = [name for name in history[-1] if MEMBER_LOSS.fullmatch(name)]
            losses = [history[epoch - 1][name] for epoch, name in zip(members, columns, strict=True)]
            return self.evaluator.mean_of_members(losses)
        return history[(best or len(history)) - 1].get("val_loss")

    def result(self, reason: str) -> ModelState:
        """Return the trained model, of early stopping the best one; ``reason`` as of ``TrainingEnded``."""
        parameters, states = self.state.final(self.predicting_parameters())
        if self.evaluator is not None and self.evaluator.is_of_members:
            states = with_group_weights(self.network, self.evaluator.rows, parameters, states)
        return replace(
            self.model,
            parameters=parameters,
            states=states,
            is_given=False,
            start=self.start,
            history=self.state.history,
            probes=[] if self.prober is None else self.prober.probes,
            findings=self.findings,
            facts=self.facts(reason),
            step=self.step,
            recorded={},
        )

    def current(self) -> ModelState:
        """Return the model with the present parameters, while the training runs."""
        return replace(
            self.model,
            parameters=self.predicting_parameters(),
            states=self.state.states,
            start=self.start,
            history=list(self.state.history),
            facts=self.facts("running"),
        )

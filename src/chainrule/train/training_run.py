"""``TrainingRun``: one record for a training in progress, with its model, options, data and state."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from chainrule.data import Arrays, Buckets, Order
from chainrule.engines.dispatch import Program
from chainrule.events import Channel, Event
from chainrule.memo import cached_property
from chainrule.settings import planning_cores
from chainrule.train import private
from chainrule.train.evaluation.evaluate import Evaluator
from chainrule.train.evaluation.group_weights import with_group_weights
from chainrule.train.inputs.augment import EpochAugmentation
from chainrule.train.inputs.sequence_trimming import SequenceTrimming
from chainrule.train.interrupt import Interrupt
from chainrule.train.model_state import ModelState
from chainrule.train.monitor.probe import Prober
from chainrule.train.multi_step import StepRunner, step_runner
from chainrule.train.network import Network
from chainrule.train.nonfinite.recorder import Recorder
from chainrule.train.objective import RowWeights
from chainrule.train.options import FitOptions
from chainrule.train.private.privacy import PRIVACY, Mechanism
from chainrule.train.private.private_steps import PrivateSteps
from chainrule.train.state import Tensors, TrainState
from chainrule.train.step import Step
from chainrule.train.stopping import MEMBER_LOSS, StoppingRule, best_epochs
from chainrule.train.training_facts import TrainingFacts

Save = Callable[[TrainState], str]


class BatchUpdates(Protocol):
    """Makes the updates of a training on batches of an iterable; ``BatchSteps`` of ``batch_training``."""

    @property
    def rows(self) -> int:
        """The number of rows of the present epoch so far."""
        ...

    @property
    def first_rows(self) -> int:
        """The number of rows of the first epoch so far."""
        ...

    def has_next(self, state: TrainState) -> bool:
        """Whether the present epoch has a further batch."""
        ...

    def advance(self, state: TrainState) -> tuple[float, float]:
        """Make the update on the next batch; returns its loss and its learning rate."""
        ...

    def copy_to(self, state: TrainState) -> None:
        """Set parameters, states and slots of a training to copies of the present ones."""
        ...

    def copy_from(self, state: TrainState) -> None:
        """Set the present parameters, states and slots to those of a training."""
        ...

    def gradients(self) -> Tensors:
        """The gradients on the batch that follows."""
        ...


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
        rules: the stopping rules.
        evaluator: evaluates the validation rows after each epoch.
        augmentation: writes the rows of ``data`` before each epoch; ``None``: they do not change.
        trimming: trims each batch to its longest sequence; ``None``: batches are as long as ``data``.
        prober: measures statistics of the network at some of the steps.
        channel: sends events to the listeners.
        save: writes a checkpoint and returns its path; ``None``: nothing is saved.
        findings: the findings of the doctor; ``None`` where it is turned off.
        data_notices: findings about the table of the rows.
        mechanism: the mechanism of a private training; ``None`` for any other.
        batches: makes the updates of a training on batches of an iterable; ``None`` for any other.
        steps_per_epoch: the number of batches in an epoch of an iterable; ``None``: it is not known.
        discarded: the number of private steps that count although no checkpoint has them.
        account: stores the number of private steps that count, before they are computed.
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
    rules: Sequence[StoppingRule] = ()
    evaluator: Evaluator | None = None
    augmentation: EpochAugmentation | None = None
    trimming: SequenceTrimming | None = None
    prober: Prober | None = None
    channel: Channel = field(default_factory=Channel)
    save: Save | None = None
    findings: tuple[Any, ...] | None = None
    data_notices: tuple[Any, ...] = ()
    mechanism: Mechanism | None = None
    batches: BatchUpdates | None = None
    steps_per_epoch: int | None = None
    discarded: int = 0
    account: Callable[[int], None] | None = None
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

    @cached_property
    def program(self) -> Program:
        """The compiled step, for one update at a time."""
        return self.step.program.single(self.network.engine)

    @cached_property
    def row_weights(self) -> RowWeights:
        """The weight of each row in the mean loss of an epoch."""
        return RowWeights(self.network, self.data, self.augmentation is not None)

    @cached_property
    def recorder(self) -> Recorder:
        """A record of the last steps, for the report on a non-finite value."""
        return Recorder(self.state)

    @cached_property
    def runner(self) -> StepRunner | None:
        """Executes several updates in one call; ``None`` where the engine or the batches do not allow it."""
        if not isinstance(self.order, Order) or self.mechanism is not None or self.trimming is not None:
            return None
        if self.batches is not None:
            return None
        return step_runner(
            self.step, self.data, self.order, self.seed, self.state, self.row_weights, self.network.engine
        )

    @cached_property
    def private_steps(self) -> PrivateSteps | None:
        """Makes the updates of a private training; ``None`` for any other."""
        if self.mechanism is None:
            return None
        return PrivateSteps(self.step, self.data, self.mechanism, self.state, self.seed, self.network.engine)

    @property
    def has_next_batch(self) -> bool:
        """Whether the present epoch has a further batch."""
        if self.batches is not None:
            return self.batches.has_next(self.state)
        return self.state.batch < self.order.steps

    @property
    def epoch_steps(self) -> int:
        """The number of batches in an epoch; 0 where it is not known."""
        return self.order.steps if self.batches is None else self.steps_per_epoch or 0

    @property
    def epoch_rows(self) -> int:
        """The number of rows in the present epoch."""
        return self.data.rows if self.batches is None else self.batches.rows

    @property
    def rows(self) -> int:
        """The number of training rows; of an iterable, those of the first epoch so far."""
        return self.data.rows if self.batches is None else self.batches.first_rows

    def synchronize(self) -> None:
        """Copy the arrays of an iterable's trainer to the state; any other training updates the state."""
        if self.batches is not None:
            self.batches.copy_to(self.state)

    def reload(self) -> None:
        """Copy the state, after a change, to what makes several updates."""
        if self.batches is not None:
            self.batches.copy_from(self.state)
        elif self.runner is not None:
            self.runner.load(self.state)

    @property
    def is_budget_spent(self) -> bool:
        """Whether no further step keeps the guarantee of a private training."""
        return self.mechanism is not None and self.state.step + self.discarded >= self.mechanism.steps

    @cached_property
    def outputs(self) -> tuple[dict[str, str], ...]:
        """The step's outputs that are new parameters, slots and states: by path, the output's name."""
        outputs = self.step.graph.outputs
        return tuple(
            {name.removeprefix(group): name for name in outputs if name.startswith(group)}
            for group in ("parameter.", "slot.", "state.")
        )

    def begin(self) -> None:
        """Compile the step, and start to count the seconds until the next checkpoint."""
        names = ("runner", "program", "recorder") if self.mechanism is None else ("private_steps",)
        for name in names if self.batches is None else ():
            getattr(self, name)
        self.saved_at = time.monotonic()

    def send(self, event: Event) -> None:
        """Send an event to all listeners; one of them may request a stop."""
        self.is_stop_requested |= self.channel.send(event)

    def release(self) -> None:
        """End the run: release what refers to it, so that its arrays are freed with it.

        Otherwise they would be freed by the garbage collector, which may run many trainings later.
        """
        self.channel.listeners.clear()
        self.save = None

    def predicting_parameters(self) -> Tensors:
        """The parameters for predictions: the present ones, or the averages of an optimizer such as
        ``cr.EMA``."""
        return self.step.prediction_parameters(self.state.parameters, self.state.slots, self.state.step)

    def facts(self, reason: str) -> dict[str, Any]:
        """Counts and settings of the training for the model file, as plain data.

        Args:
            reason: why it ended; see ``TrainingEnded``.
        """
        return {**self.training_facts(reason).plain(), **self._privacy_facts()}

    def training_facts(self, reason: str) -> TrainingFacts:
        """What the training did so far; see ``facts``."""
        state = self.state
        best, members = best_epochs(self.rules, state.watch)
        return TrainingFacts(
            rows=self.rows, epochs=state.epoch, max_epochs=self.options.epochs, steps=state.step,
            batch_size=self.options.batch_size, seed=self.seed, cores=planning_cores(), ended=reason,
            best_epoch=best, member_epochs=members, validation_loss=self._kept_loss(best, members),
            last=state.history[-1] if state.history else {},
        )  # fmt: skip

    def _kept_loss(self, best: int | None, members: Sequence[int]) -> float | None:
        """The validation loss of the weights that the model has: of the best epochs, or the last ones."""
        history = self.state.history
        if not history or self.evaluator is None:
            return None
        if members:
            columns = [name for name in history[-1] if MEMBER_LOSS.fullmatch(name)]
            losses = [history[epoch - 1][name] for epoch, name in zip(members, columns, strict=True)]
            return self.evaluator.mean_of_members(losses)
        return history[(best or len(history)) - 1].get("val_loss")

    def _privacy_facts(self) -> dict[str, Any]:
        """The privacy spent so far; empty for other trainings."""
        mechanism = self.mechanism
        if mechanism is None:
            return {}
        steps = self.state.step + self.discarded
        epsilon = private.epsilon_of(mechanism.phases(steps), mechanism.privacy.delta)
        return {PRIVACY: mechanism.facts(steps, epsilon)}

    def result(self, reason: str) -> ModelState:
        """The trained model; with early stopping, it has the parameters of the best epoch.

        Args:
            reason: why it ended; see ``TrainingEnded``.
        """
        parameters, states = self.state.final(self.predicting_parameters())
        if self.evaluator is not None and self.evaluator.is_of_members:
            states = with_group_weights(self.network, self.evaluator.rows, parameters, states)
        return replace(
            self.model, parameters=parameters, states=states, is_given=False, history=self.state.history,
            probes=[] if self.prober is None else self.prober.probes, findings=self.findings,
            facts=self.facts(reason), step=self.step, recorded={},
        )  # fmt: skip

    def current(self) -> ModelState:
        """The model with the present parameters, while the training runs."""
        return replace(
            self.model, parameters=self.predicting_parameters(), states=self.state.states,
            history=list(self.state.history), facts=self.facts("running"),
        )  # fmt: skip

"""Replay: repeat one update of a training with the same bits: its parameters, batch and random key.

A training records scalars only. All arrays are functions of the initial parameters, the data and the options.
They are recomputed from the latest checkpoint before the update, or from the initial parameters, which the
seed determines. Two checks verify that the replayed training is the recorded one: the identity in the
checkpoint, and the recorded losses of the epochs before the update.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule import store
from chainrule.errors import TrainingError, UsageError, fact
from chainrule.events import Channel, Event, StepDone
from chainrule.records import frozen
from chainrule.store import Checkpoint, RunFolder
from chainrule.train.checkpoint.computation_fingerprint import computation, first_difference
from chainrule.train.checkpoint.resume import recorded_cores
from chainrule.train.checkpoint.training_identity import identity_of, planned_as, require_same_training
from chainrule.train.fit_options import FitOptions, checked_options
from chainrule.train.fit_preparation import TrainingData, prepare_rows
from chainrule.train.model_state import GIVEN, ModelState
from chainrule.train.network import SAMPLE_WEIGHT
from chainrule.train.private.privacy import PRIVACY
from chainrule.train.private.refusals import private_only
from chainrule.train.step_execution import RowUpdates
from chainrule.train.train_state import Row, Tensors, TrainState, history_of
from chainrule.train.training_loop import train_epochs
from chainrule.train.training_run import TrainingRun


@frozen(eq=False)
class ReplayedUpdate:
    """A replayed update of a training.

    Args:
        number: the number of the update, from 1.
        epoch, batch: indices of the epoch and of the batch in it, from 0.
        rows: the row numbers of its batch.
        arrays: all inputs of the step by name: batch, parameters, states, slots, key.
        after: the parameters after the update.
        loss, learning_rate: the values that the training computed.
        horizon: the planned number of updates of the complete training, for the schedule.
        model: the model before the training, with its network, targets and labels.
        weighted: whether samples have weights.
    """

    number: int
    epoch: int
    batch: int
    rows: np.ndarray
    arrays: Tensors
    after: Tensors
    loss: float
    learning_rate: float
    horizon: int
    model: ModelState
    weighted: bool


def replay_update(model: ModelState, step: int, x: Any, y: Any, options: Mapping[str, Any]) -> ReplayedUpdate:
    """Repeat a training up to one of its updates.

    Args:
        model: the trained model; it is not changed.
        step: the number of the update, from 1.
        x, y, options: the arguments of ``fit``. The folder ``run`` is only read.

    Raises:
        UsageError E530: no such update. TrainingError E531: the initial parameters were not saved.
        TrainingError E532: the replayed training differs from the recorded one.
        TrainingError E591: the training was private; its noise and its batches are not stored.
        FileError E505: the options or the data are not those of ``run``.
    """
    if isinstance(step, bool) or not isinstance(step, int | np.integer) or step < 1:
        raise UsageError(
            "E530", where="replay", step=step, expected=fact("1 or more"), received=step, fix="step=1"
        )
    if PRIVACY in model.facts:
        fix = "model.explain(x, y)"
        raise private_only("replay", fix)
    settings = dict(options)
    validation, run = settings.pop("validation", None), settings.pop("run", None)
    chosen = FitOptions(
        **checked_options({**settings, "resume": False, "verbose": False, "doctor": False, "probes": False})
    )
    folder = None if run is None else run if isinstance(run, store.RunFolder) else store.RunFolder.open(run)
    latest = None if folder is None else folder.latest()
    with planned_as(recorded_cores(latest) or model.facts.get("cores")):
        run = prepare_rows(_untrained(model), TrainingData(x, y, validation), chosen)
        return _replay(model, run, int(step), folder)


def _replay(model: ModelState, run: TrainingRun, step: int, folder: RunFolder | None) -> ReplayedUpdate:
    """Repeat the update ``step``, from 1, of a training; ``run`` is before its first update."""
    latest = None if folder is None else folder.latest()
    if latest is not None:
        require_same_training(
            latest.record.get("identity"), identity_of(run), str(folder and folder.path), run.network
        )
    _require_same_computation(model, run)
    checkpoint = None if folder is None or latest is None else folder.latest(step - 1)
    if checkpoint is not None:
        run.state = TrainState.restore(checkpoint.record, checkpoint.tensors, run.state)
    elif run.options.warm_start or _is_start_given(model, latest):
        expected = fact("initial parameters sampled by the seed, or a checkpoint before the update")
        received = fact("parameters set by the user, and no checkpoint before the update")
        fix = "model.explain(x, y)"
        raise TrainingError("E531", where="replay", expected=expected, received=received, fix=fix)
    _advance(run, step - 1)
    if run.state.step < step - 1 or run.state.epoch >= run.options.epochs:
        expected = fact("1 to {step}, as many as the training made", step=run.state.step)
        raise UsageError("E530", where="replay", step=step, expected=expected, received=step, fix="step=1")
    recorded = model.history if latest is None else history_of(latest.record.get("history"))
    _require_same_history(run.state.history, recorded)
    return _next_update(run)


def _untrained(model: ModelState) -> ModelState:
    """Return the model before its training, without graphs and labels."""
    return replace(model, network=None, is_given=False, history=[], step=None, recorded={})


def _is_start_given(model: ModelState, checkpoint: Checkpoint | None) -> bool:
    """Return whether the initial parameters of the training were not sampled by the seed."""
    if checkpoint is None:
        return model.start == GIVEN
    return GIVEN in (checkpoint.record["identity"]["start"] or {})


def _require_same_computation(model: ModelState, run: TrainingRun) -> None:
    """Refuse a training whose layers, loss, optimizer or labels differ from the recorded ones (E532)."""
    saved, part = model.computation, None
    if model.labels and run.model.labels != model.labels:
        part = fact("labels: {before}, now {now}", before=model.labels, now=run.model.labels)
    elif saved:
        changed = first_difference(saved, computation(run.network, run.step), run.network)
        part = changed and fact("other code with equal settings: {names}", names=changed)
    if part:
        expected = fact("the layers, loss, optimizer and labels of the training")
        fix = "model.explain(x, y)"
        raise TrainingError("E532", where="replay", expected=expected, received=part, fix=fix)


def _advance(run: TrainingRun, count: int) -> tuple[float, float]:
    """Train until ``count`` updates are complete; returns loss and learning rate of the last one."""
    last = [float("nan")] * 2

    def until(event: Event) -> bool:
        if isinstance(event, StepDone):
            last[:] = [event.loss, event.learning_rate]
        return isinstance(event, StepDone) and event.step >= count

    until.every_step = True  # pyright: ignore[reportFunctionMemberAccess]
    if run.state.step < count:
        train_epochs(replace(run, channel=Channel([until])))
    return last[0], last[1]


def _require_same_history(replayed: Sequence[Row], recorded: Sequence[Row]) -> None:
    """Refuse a replayed training in which the loss of an epoch differs from the recorded one (E532)."""
    for row, expected in zip(replayed, recorded, strict=False):
        if row["loss"] != expected["loss"]:
            raise TrainingError(
                "E532",
                where=fact("replay, epoch {epoch}", epoch=expected["epoch"]),
                expected=fact("loss {loss}", loss=expected["loss"]),
                received=fact("loss {loss}", loss=row["loss"]),
                fix="model.explain(x, y)",
            )


def _next_update(run: TrainingRun) -> ReplayedUpdate:
    """Return the update after the present state of a training."""
    state = run.state
    if run.augmentation is not None:
        run.augmentation(state.epoch)
    assert isinstance(run.updates, RowUpdates)
    run.updates.begin(state)
    inputs = run.updates.inputs(state)
    arrays = {name: np.array(a) for name, a in inputs.arrays.items()}
    epoch, index = state.epoch, state.batch
    loss, learning_rate = _advance(run, state.step + 1)
    run.close()
    return ReplayedUpdate(
        state.step,
        epoch,
        index,
        inputs.rows,
        arrays,
        state.parameters,
        loss,
        learning_rate,
        run.options.epochs * run.order.steps,
        run.model,
        SAMPLE_WEIGHT in arrays,
    )

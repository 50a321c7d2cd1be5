"""Back to one update of a training: the state it began with, its batch, its random key, to the last bit.

A training records scalars only. Everything else is a function of the first values, the data and the options,
so it is made again: from the newest checkpoint before the update, or from the first values, which the seed
decides. That it *is* the same training is checked twice: the checkpoint says what it belongs to, and the
losses of the epochs passed on the way are those the run has recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule import store
from chainrule.errors import TrainingError, UsageError
from chainrule.events import Channel, Event, StepDone
from chainrule.records import frozen
from chainrule.store import Checkpoint, RunFolder
from chainrule.train.checkpoint.computation_fingerprint import computation, first_difference
from chainrule.train.checkpoint.identity import identity_of, planned_as, same_training
from chainrule.train.checkpoint.resume import recorded_cores
from chainrule.train.loop import train
from chainrule.train.model_state import GIVEN, ModelState
from chainrule.train.options import FitOptions, checked_options
from chainrule.train.prepare import TrainingData, prepare
from chainrule.train.state import Row, Tensors, TrainState, history_of
from chainrule.train.training_run import TrainingRun


@frozen(eq=False)
class ReplayedUpdate:
    """One update of a training, made again.

    Args:
        number: which, from 1.
        epoch, batch: its place, from 0.
        rows: the rows of the data in its batch.
        arrays: everything the step was given, by input name: batch, parameters, states, slots, key.
        after: the parameters it left.
        loss, learning_rate: as the training computed them.
        horizon: updates the whole training was to make, for the schedule.
        model: the model before the training, with its network, targets and labels.
        weighted: whether its samples had weights.
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
    """Make a training again up to one of its updates.

    Args:
        model: what was trained; it stays as it is.
        step: which update, from 1.
        x, y, options: those of ``fit``. The folder ``run`` is only read.

    Raises:
        UsageError E530: no such update. TrainingError E531: it began with parameters that nobody kept.
        TrainingError E532: what was made again is not what was recorded. FileError E505: another training
        than that of ``run``.
    """
    if isinstance(step, bool) or not isinstance(step, int | np.integer) or step < 1:
        raise UsageError("E530", where="replay", step=step, expected="1 or more", received=step, fix="step=1")
    settings = {"epochs": 100, "batch_size": 32, "seed": 0, **options}
    validation, run = settings.pop("validation", None), settings.pop("run", None)
    chosen = FitOptions(**checked_options({**settings, "resume": False, "verbose": False, "doctor": False}))
    folder = None if run is None else run if isinstance(run, store.RunFolder) else store.RunFolder.open(run)
    latest = None if folder is None else folder.latest()
    with planned_as(recorded_cores(latest) or model.facts.get("cores")):
        again = prepare(_blank(model), TrainingData(x, y, validation), chosen)
        return _update_again(model, again, int(step), folder)


def _update_again(model: ModelState, run: TrainingRun, step: int, folder: RunFolder | None) -> ReplayedUpdate:
    """An update of a training that is repeated.

    Args:
        model: what was trained.
        run: the training, ready to be repeated.
        step: which update.
        folder: of the training, if it has one.
    """
    run.channel = Channel()
    found = None if folder is None else folder.latest()
    if found is not None:
        same_training(
            found.record.get("identity"), identity_of(run), str(folder and folder.path), run.network
        )
    _same_computation(model, run)
    near = None if folder is None or found is None else folder.latest(step - 1)
    if near is not None:
        run.state = TrainState.restore(near.record, near.tensors, run.state)
    elif run.options.warm_start or _began_given(model, found):
        raise TrainingError(
            "E531", where="replay", expected="first values drawn by the seed, or a checkpoint before it",
            received="parameters that were given, and no checkpoint so early",
            fix="model.explain(x, y), which explains the present parameters",
        )  # fmt: skip
    _advance(run, step - 1)
    if run.state.step < step - 1 or run.state.epoch >= run.options.epochs:
        expected = f"1 to {run.state.step}, as many as the training made"
        raise UsageError("E530", where="replay", step=step, expected=expected, received=step, fix="step=1")
    recorded = model.history if found is None else history_of(found.record.get("history"))
    _same_history(run.state.history, recorded)
    return _next_update(run)


def _blank(model: ModelState) -> ModelState:
    """The model before it was trained; its labels and graphs are derived again."""
    return replace(model, network=None, is_given=False, history=[], step=None, recorded={})


def _began_given(model: ModelState, found: Checkpoint | None) -> bool:
    """Whether the training began with parameters that the seed does not give."""
    if found is None:
        return model.start == GIVEN
    return GIVEN in (found.record["identity"]["start"] or {})


def _same_computation(model: ModelState, run: TrainingRun) -> None:
    """Refuse a training whose layers, loss or optimizer compute something else than the recorded ones.

    Raises:
        TrainingError E532: they do, or the classes have other names.
    """
    saved, part = model.computation, None
    if model.labels and run.model.labels != model.labels:
        part = f"labels: {model.labels}, now {run.model.labels}"
    elif saved:
        changed = first_difference(saved, computation(run.network, run.step), run.network)
        part = changed and f"other code with equal settings: {changed}"
    if part:
        raise TrainingError(
            "E532", where="replay", expected="the layers, loss, optimizer and labels of the training",
            received=part, fix="model.explain(x, y), which explains the present parameters",
        )  # fmt: skip


def _advance(run: TrainingRun, count: int) -> tuple[float, float]:
    """Train until so many updates are made; returns the loss and the learning rate of the last one."""
    last = [float("nan")] * 2

    def until(event: Event) -> bool:
        if isinstance(event, StepDone):
            last[:] = [event.loss, event.learning_rate]
        return isinstance(event, StepDone) and event.step >= count

    until.every_step = True  # pyright: ignore[reportFunctionMemberAccess]
    if run.state.step < count:
        train(replace(run, channel=Channel([until])))
    return last[0], last[1]


def _same_history(made: Sequence[Row], recorded: Sequence[Row]) -> None:
    """Refuse a training that went another way than the recorded one.

    Raises:
        TrainingError E532: the loss of an epoch differs.
    """
    for now, then in zip(made, recorded, strict=False):
        if now["loss"] != then["loss"]:
            raise TrainingError(
                "E532", where=f"replay, epoch {then['epoch']}", expected=f"loss {then['loss']}",
                received=f"loss {now['loss']}",
                fix="model.explain(x, y), which explains the present parameters",
            )  # fmt: skip


def _next_update(run: TrainingRun) -> ReplayedUpdate:
    """The update that follows the state of a training: its batch, and what it led to."""
    state = run.state
    if run.augmentation is not None:
        run.augmentation(state.epoch)
    rows = np.asarray(run.order.batch(state.epoch, state.batch))
    batch, step = run.data.take(rows), run.step
    if run.trimming is not None:
        batch, step, _ = run.trimming(run.data, rows)
    arrays = {name: np.array(a) for name, a in step.feed(batch, state, run.seed).items()}
    epoch, place = state.epoch, state.batch
    loss, rate = _advance(run, state.step + 1)
    if run.augmentation is not None:
        run.augmentation.close()
    return ReplayedUpdate(
        state.step, epoch, place, rows, arrays, state.parameters, loss, rate,
        run.options.epochs * run.order.steps, run.model, batch.weights is not None,
    )  # fmt: skip

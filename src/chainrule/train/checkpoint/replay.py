"""Back to one update of a training: the state it began with, its batch, its random key, to the last bit.

A training records scalars only. Everything else is a function of the first values, the data and the options,
so it is made again: from the newest checkpoint before the update, or from the first values, which the seed
decides. That it *is* the same training is checked twice: the checkpoint says what it belongs to, and the
losses of the epochs passed on the way are those the run has recorded.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule import store
from chainrule.errors import TrainingError, UsageError
from chainrule.events import Channel, Event, StepDone
from chainrule.records import frozen
from chainrule.store import Checkpoint, RunFolder
from chainrule.train.checkpoint.computation_fingerprint import computation, computation_of, first_difference
from chainrule.train.checkpoint.identity import identity_of, planned_as, same_training
from chainrule.train.checkpoint.resume import recorded_cores
from chainrule.train.fit import Work, rehearse
from chainrule.train.learner import Learner
from chainrule.train.loop import Job, feed, train
from chainrule.train.options import Request, known_options
from chainrule.train.state import Row, Tensors, TrainState, history_of
from chainrule.train.step import Step


@frozen(eq=False)
class Update:
    """One update of a training, made again.

    Args:
        number: which, from 1.
        epoch, batch: its place, from 0.
        rows: the rows of the data in its batch.
        arrays: everything the step was given, by input name: batch, parameters, states, slots, key.
        after: the parameters it left.
        loss, rate: as the training computed them.
        horizon: updates the whole training was to make, for the schedule.
        model: a copy of the learner with its net, targets and labels; it knows nothing of what was learned.
        weighted: whether its samples had weights.
    """

    number: int
    epoch: int
    batch: int
    rows: np.ndarray
    arrays: Tensors
    after: Tensors
    loss: float
    rate: float
    horizon: int
    model: Learner
    weighted: bool


def go_back(model: Learner, step: int, x: Any, y: Any, options: Mapping[str, Any]) -> Update:
    """Make a training again up to one of its updates.

    Args:
        model: what was trained; it stays as it is.
        step: which update, from 1.
        x, y, options: those of ``fit``. The folder ``run`` is only read.

    Fails:
        UsageError E530: no such update. TrainingError E531: it began with parameters that nobody kept.
        TrainingError E532: what was made again is not what was recorded. FileError E505: another training
        than that of ``run``.
    """
    if isinstance(step, bool) or not isinstance(step, int | np.integer) or step < 1:
        raise UsageError("E530", where="replay", step=step, expected="1 or more", received=step, fix="step=1")
    again, settings = _blank(model), {"epochs": 100, "batch_size": 32, "seed": 0, **options}
    validation, run = settings.pop("validation", None), settings.pop("run", None)
    request = Request(**known_options({**settings, "resume": False, "verbose": False, "doctor": False}))
    folder = None if run is None else run if isinstance(run, store.RunFolder) else store.RunFolder.open(run)
    latest = None if folder is None else folder.latest()
    with planned_as(recorded_cores(latest) or model.facts.get("cores")):
        work, state = rehearse(again, x, y, validation, request)
        return _made_again((model, again), work, state, int(step), folder)


def _made_again(
    models: tuple[Learner, Learner], work: Work, state: TrainState, step: int, folder: RunFolder | None
) -> Update:
    """An update of a training that is ready to be made again: what was trained, and a copy to train."""
    model, again = models
    job, request = replace(work.job, channel=Channel()), work.request
    found = None if folder is None else folder.latest()
    if found is not None:
        same_training(
            found.record.get("identity"), identity_of(again, work), str(folder and folder.path), again
        )
    _same_computation(model, again, work)
    near = None if folder is None or found is None else folder.latest(step - 1)
    if near is not None:
        state = TrainState.restore(near.record, near.tensors, state)
    elif request.warm_start or _began_given(model, found):
        raise TrainingError(
            "E531", where="replay", expected="first values drawn by the seed, or a checkpoint before it",
            received="parameters that were given, and no checkpoint so early",
            fix="model.explain(x, y), which explains the present parameters",
        )  # fmt: skip
    _advance(job, work.step, state, step - 1)
    if state.step < step - 1 or state.epoch >= job.epochs:
        expected = f"1 to {state.step}, as many as the training made"
        raise UsageError("E530", where="replay", step=step, expected=expected, received=step, fix="step=1")
    _same_history(state.history, model.history if found is None else history_of(found.record.get("history")))
    return _made(again, work, job, state)


def _blank(model: Learner) -> Learner:
    """The learner as it was before it had learned anything."""
    again = copy.copy(model)
    again.network, again.is_given, again.history = None, False, type(model.history)()
    again.computation, again.step = {}, None
    return again


def _began_given(model: Learner, found: Checkpoint | None) -> bool:
    """Whether the training began with parameters that the seed does not give."""
    if found is None:
        return model.start == "given"
    return "given" in (found.record["identity"]["start"] or {})


def _same_computation(model: Learner, again: Learner, work: Work) -> None:
    """Refuse a training whose layers, loss or optimizer compute something else than the recorded ones.

    Fails:
        TrainingError E532: they do, or the classes have other names.
    """
    saved, part = computation_of(model), None
    if model.labels and again.labels != model.labels:
        part = f"labels: {model.labels}, now {again.labels}"
    elif saved:
        assert again.network is not None
        changed = first_difference(saved, computation(again.network, work.step), again.network)
        part = changed and f"other code with equal settings: {changed}"
    if part:
        raise TrainingError(
            "E532", where="replay", expected="the layers, loss, optimizer and labels of the training",
            received=part, fix="model.explain(x, y), which explains the present parameters",
        )  # fmt: skip


def _advance(job: Job, step: Step, state: TrainState, count: int) -> tuple[float, float]:
    """Train until so many updates are made; the loss and the rate of the last one."""
    last = [float("nan")] * 2

    def until(event: Event) -> bool:
        if isinstance(event, StepDone):
            last[:] = [event.loss, event.rate]
        return isinstance(event, StepDone) and event.step >= count

    until.every_step = True  # pyright: ignore[reportFunctionMemberAccess]
    if state.step < count:
        train(replace(job, channel=Channel([until])), step, state)
    return last[0], last[1]


def _same_history(made: Sequence[Row], recorded: Sequence[Row]) -> None:
    """Refuse a training that went another way than the recorded one.

    Fails:
        TrainingError E532: the loss of an epoch differs.
    """
    for now, then in zip(made, recorded, strict=False):
        if now["loss"] != then["loss"]:
            raise TrainingError(
                "E532", where=f"replay, epoch {then['epoch']}", expected=f"loss {then['loss']}",
                received=f"loss {now['loss']}",
                fix="model.explain(x, y), which explains the present parameters",
            )  # fmt: skip


def _made(again: Learner, work: Work, job: Job, state: TrainState) -> Update:
    """The update that comes after this state: its batch, and what it led to."""
    if job.renewal is not None:
        job.renewal(state.epoch)
    rows = np.asarray(job.order.batch(state.epoch, state.batch))
    batch, step = job.data.take(rows), work.step
    if job.cutting is not None:
        batch, step, _ = job.cutting(job.data, rows)
    arrays = {name: np.array(a) for name, a in feed(batch, state, step, job.seed).items()}
    epoch, place = state.epoch, state.batch
    loss, rate = _advance(job, work.step, state, state.step + 1)
    if job.renewal is not None:
        job.renewal.close()
    return Update(
        state.step, epoch, place, rows, arrays, state.parameters, loss, rate, job.epochs * job.order.steps,
        again, batch.weights is not None,
    )  # fmt: skip

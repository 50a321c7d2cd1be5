"""Training on batches of an iterable: what ``fit`` does with a DataLoader or a generator.

The updates are those of ``Trainer.step``; epochs, history, validation, callbacks and stopping rules are those
of every training. The arrays of the trainer are copied to the state of the training where something reads it:
after an epoch, at the end, and for listeners that read weights after every update.

What requires that the same rows can be read again, or that all of them are known, is refused: a run folder
(resume and replay repeat steps exactly), differential privacy (its guarantee depends on how rows were drawn),
class weights, and states that layers compute from all rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chainrule.data import ParquetRows
from chainrule.errors import DataError, Message, UsageError, fact
from chainrule.events import notices
from chainrule.train.fit_on_stream import BlockUpdates
from chainrule.train.fit_options import FitOptions
from chainrule.train.fit_preparation import TrainingData, continues_from, prepare_arrays
from chainrule.train.inputs.batch_source import Batch, BatchSource, concatenate_batches, is_source
from chainrule.train.model_base import StateHolder
from chainrule.train.model_state import ModelState
from chainrule.train.step_execution import Report
from chainrule.train.train_state import Tensors, TrainState
from chainrule.train.trainer import Trainer, require_horizon
from chainrule.train.training_run import TrainingRun
from chainrule.validation import out_of_range

_OWN_BATCHES = fact("the iterable determines the batches")
REFUSED: Mapping[str, tuple[Any, Any, str | Message]] = {  # option: the value that is none, reason, fix
    "run": (
        None,
        fact("an iterable cannot be read again at a step, as resume and replay do"),
        'callbacks=[cr.Checkpoint("best.cr")]',
    ),
    "privacy": (
        None,
        fact("the guarantee depends on how the rows of a batch were drawn, which is not known"),
        "model.fit(x, y, privacy=...)",
    ),
    "batch_size": (32, _OWN_BATCHES, "DataLoader(data, batch_size=64)"),
    "class_weight": (None, fact("the classes of all rows are not known"), "yield x, y, weights"),
    "sample_weight": (None, _OWN_BATCHES, "yield x, y, weights"),
    "augmentation": (None, _OWN_BATCHES, "yield augmented(x), y"),
    "buckets": (None, _OWN_BATCHES, fact("batches of similar length")),
    "robust": (None, fact("the range of the inputs of all rows is not known"), "model.fit(x, y, robust=...)"),
    "kinds": (None, fact("batches are arrays, whose columns have no kinds"), "kinds=None"),
}


class BatchUpdates:
    """The updates of a training on batches of an iterable."""

    def __init__(self, trainer: Trainer, source: BatchSource) -> None:
        self._trainer, self._source, self._last = trainer, source, source.first
        self.rows = self.epoch_rows = 0  # of the first epoch so far, and of the present one
        self.steps, self.reports_each = source.steps or 0, False
        self._copied = -1  # the number of updates whose arrays the state has

    def begin(self, state: TrainState) -> None:
        """Do nothing: the trainer has the arrays of the state."""

    def has_next(self, state: TrainState) -> bool:
        """Return whether the present epoch has a further batch."""
        if not state.batch:
            self.epoch_rows = 0
        return self._source.has_next(state.batch)

    def advance(
        self, state: TrainState, report: Report | None, max_steps: int, *, is_last_epoch: bool
    ) -> tuple[float, float]:
        """Make the update on the next batch, with the counters and sums of ``state``; see ``Updates``."""
        self._last = self._source.take()
        loss = self._trainer.step(*self._last)
        rows, weight = self._trainer.last_rows
        state.loss_sum += loss * weight
        state.weight_sum += weight
        self.epoch_rows += rows
        self.rows += 0 if state.epoch else rows
        state.step += 1
        state.batch += 1
        return loss, self._trainer.last_learning_rate

    def synchronize(self, state: TrainState) -> None:
        """Set parameters, states and slots of a training to copies of the present ones."""
        if self._copied != state.step:
            self._trainer.copy_to(state)
            self._copied = state.step

    def load(self, state: TrainState) -> None:
        """Set the present parameters, states and slots to those of a training."""
        self._trainer.copy_from(state)

    def gradients(self, state: TrainState) -> Tensors:
        """Return the gradients on the batch that follows, or on the last one at the end of an epoch."""
        return self._trainer.gradients(*(self._source.peek() or self._last))


def prepare_batches(model: ModelState, data: TrainingData, options: FitOptions) -> TrainingRun:
    """Return a training on batches of an iterable, before its first update.

    Args:
        model: the model before the training.
        data: the iterable as ``x``; as ``y`` the name of the target in batches that are dicts.
        options: as for ``fit``.

    Raises:
        UsageError E102: an option that requires the rows of all batches, or several epochs of an iterator.
        DataError E343: there is no batch.
    """
    _refuse_options(model, data, options)
    if isinstance(data.x, ParquetRows):
        return _prepare_stream(model, data, data.x, options)
    source = BatchSource(data.x, data.y or "", options.epochs, options.steps_per_epoch)
    steps = None if source.steps is None else max(1, options.epochs * source.steps)
    require_horizon(model, steps, "fit", "steps_per_epoch")
    is_continued = continues_from(model, options)
    if not is_continued:
        model = replace(model, preparation=None)
    first = source.first
    _refuse_exchanged(first)
    if _has_one_order(data.x) and options.epochs > 1:
        notices.emit(SAME_ORDER)
    validation = data.validation
    if not isinstance(validation, tuple) and is_source(validation):
        validation = tuple(concatenate_batches(validation, data.y or ""))
    arrays = TrainingData(first.x, first.y, validation)
    chosen = replace(options, batch_size=None, probes=False, sample_weight=first.sample_weight)
    run = prepare_arrays(model, arrays, chosen, horizon=steps)
    run.options = replace(chosen, batch_size=run.data.rows, sample_weight=None)
    _refuse_fitted(run, is_continued)
    holder = StateHolder(run.model)
    trainer = Trainer(holder, Batch(*first), seed=options.seed, steps=steps, has_sums=True)
    run.step, run.updates = trainer.update, BatchUpdates(trainer, source)
    return run


def _prepare_stream(
    model: ModelState, data: TrainingData, source: ParquetRows, options: FitOptions
) -> TrainingRun:
    """Return a training on blocks of rows; see ``prepare_batches``."""
    if options.steps_per_epoch is not None:
        expected = fact("None: an epoch has all rows")
        raise out_of_range(options.steps_per_epoch, "steps_per_epoch", "fit", expected, fix="epochs=1")
    is_continued = continues_from(model, options)
    if not is_continued:
        model = replace(model, preparation=None)
    chosen = replace(options, batch_size=source.batch_size, shuffle=False, probes=False)
    rows = TrainingData(*source.block(0, 0), data.validation)
    run = prepare_arrays(model, rows, chosen, horizon=max(1, options.epochs * source.steps))
    _refuse_fitted(run, is_continued)
    run.updates = BlockUpdates(run.step, source, run.model, run.data, options.seed)
    run.data, run.order = run.updates.data, run.updates.order
    return run


def _refuse_fitted(run: TrainingRun, is_continued: bool) -> None:
    """Refuse layers that compute their state from all rows, unless the training continues another one."""
    fitted = run.network.training.book.fitted
    if fitted and not is_continued:
        path = next(iter(fitted))
        expected = fact("all rows, from which {path} computes its state", path=path)
        raise out_of_range(fact("batches of an iterable"), "x", "fit", expected, fix="model.fit(x, y)")


SAME_ORDER = fact(
    "the DataLoader reads its rows in the same order in every epoch; DataLoader(..., shuffle=True) "
    "shuffles them"
)


def _has_one_order(batches: Any) -> bool:
    """Return whether batches are those of a DataLoader without ``shuffle=True``."""
    return type(getattr(batches, "sampler", None)).__name__ == "SequentialSampler"


def _refuse_exchanged(batch: Batch) -> None:
    """Refuse batches of labels and samples, in this order (E341)."""
    first, second = (getattr(part, "shape", None) for part in (batch.x, batch.y))
    if first is None or second is None or len(first) != 1 or len(second) < 2:
        return
    expected, received = fact("inputs, then targets"), f"{tuple(first)}, {tuple(second)}"
    fix = "lambda: ((x, y) for y, x in batches)"
    raise DataError("E341", where=fact("the first batch"), expected=expected, received=received, fix=fix)


def _refuse_options(model: ModelState, data: TrainingData, options: FitOptions) -> None:
    """Refuse options that need the rows of all batches (E102), with the reason and what to do instead."""
    for name, (none, reason, fix) in REFUSED.items():
        value = getattr(options, name)
        if value is not none and not (isinstance(value, int) and value == none):
            raise _refused(value, name, repr(none), reason, fix)
    if isinstance(data.validation, float):
        expected, reason = fact("(x, y), or an iterable of batches"), fact("the number of rows is not known")
        raise _refused(data.validation, "validation", expected, reason, "validation=(x, y)")
    if model.preparation is not None and continues_from(model, options):
        expected = fact("a table, as in the training before")
        fix = "model.fit(table, warm_start=True)"
        raise out_of_range(fact("batches of an iterable"), "x", "fit", expected, fix=fix)
    if model.recipe.optimizer.needs_all:
        optimizer = type(model.recipe.optimizer).__name__
        where = fact("fit with {optimizer}", optimizer=optimizer)
        expected = fact("all rows in one batch")
        fix = "model.fit(x, y, batch_size=None)"
        raise out_of_range(fact("batches of an iterable"), "x", where, expected, fix=fix)


def _refused(value: object, name: str, expected: object, reason: str, fix: str) -> UsageError:
    error = out_of_range(value, name, fact("fit with an iterable of batches"), expected, fix=fix)
    error.notes = (reason,)
    return error

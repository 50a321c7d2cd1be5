"""``fit``: from the arguments of ``Model.fit`` to the training loop and to the trained model.

All arguments are checked before anything is computed. ``fit`` takes a ``ModelState`` and returns another one,
so a call that raises an error changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from chainrule import store, train
from chainrule.events import Notice
from chainrule.messages import fact
from chainrule.train.callback.callback import Callback
from chainrule.train.callback.training_view import TrainingView
from chainrule.train.checkpoint.identity import planned_as
from chainrule.train.checkpoint.resume import attach_folder, folder_of, recorded_cores, reporting_to
from chainrule.train.inputs.batch_source import is_source
from chainrule.train.interrupt import handle_signals
from chainrule.train.loop import train_epochs
from chainrule.train.model_state import GIVEN, SAMPLED, ModelState
from chainrule.train.monitor.probe import Prober
from chainrule.train.monitor.progress import progress, report_data_notices
from chainrule.train.options import FitOptions
from chainrule.train.prepare import TrainingData, callbacks_of, prepare
from chainrule.train.training_run import TrainingRun

OnResult = Callable[[ModelState], None]


def fit(
    model: ModelState, data: TrainingData, options: FitOptions, on_result: OnResult = lambda state: None
) -> ModelState:
    """Train a model; see ``chainrule.Model.fit``.

    Args:
        model: the model before the training.
        data: the training and validation rows.
        options: all other arguments of ``Model.fit``.
        on_result: called with the trained model, however the training ends: also where an error for a
            non-finite value or a ``KeyboardInterrupt`` is raised. It is not called where the arguments are
            refused.

    Returns:
        the trained model.
    """
    reason = "failed"
    with open_run(model, data, options) as run:
        try:
            reason = train_epochs(run)
        finally:
            if run.augmentation is not None:
                run.augmentation.close()
            trained = run.result(reason)
            on_result(trained)
        _notify_interrupted(run, reason)
    return trained


@contextmanager
def open_run(model: ModelState, data: TrainingData, options: FitOptions) -> Iterator[TrainingRun]:
    """A training that is ready for its first update, with its run folder, checkpoint and listeners."""
    run = (train.prepare_batches if is_source(data.x, data.y) else prepare)(model, data, options)
    folder, claim = folder_of(options.run)
    with claim, reporting_to(folder), handle_signals(), progress(options.verbose) as listeners:
        run.channel.listeners.extend(listeners)
        run.prints_notices = bool(run.channel.listeners)
        report_data_notices(run.data_notices, run.channel if listeners else None)
        latest = folder.latest() if folder is not None and options.resume else None
        with planned_as(recorded_cores(latest)):
            run.model = replace(
                run.model, start=GIVEN if run.model.is_given or options.warm_start else SAMPLED
            )
            if run.options.probes and options.privacy is None:
                batch = min(run.order.batch_size, run.data.rows)
                run.prober = Prober(run.network, run.step, batch)
            if folder is not None:
                attach_folder(folder, run, latest)
            try:
                _start_callbacks(run)
                yield run
            finally:
                run.release()


def _start_callbacks(run: TrainingRun) -> None:
    """Start the listeners of the callbacks; all listeners are called in the order of ``callbacks``."""
    _, listeners = callbacks_of(run.options.callbacks)
    view, functions = TrainingView(run), [entry for entry in listeners if not isinstance(entry, Callback)]
    run.channel.listeners[: len(functions)] = [
        entry.start(view) if isinstance(entry, Callback) else entry for entry in listeners
    ]


def _notify_interrupted(run: TrainingRun, reason: str) -> None:
    """Send a notice: where an interrupted training is saved, and how to resume it."""
    folder = run.options.run
    if reason == "interrupted" and folder is not None and not isinstance(folder, store.RunFolder):
        run.channel.send(
            Notice(
                fact(
                    "interrupted after step {step}; saved in {folder}: call fit again with resume=True to "
                    "continue",
                    step=run.state.step,
                    folder=folder,
                )
            )
        )

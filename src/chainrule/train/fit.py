"""From a call of ``fit`` to the training loop and back: a model's state goes in, another one comes out.

A call is checked completely before anything is computed. Since ``fit`` takes a state and returns another one,
a call that is refused changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from chainrule import store
from chainrule.events import Notice
from chainrule.train.callback.callback import Callback
from chainrule.train.callback.training_view import TrainingView
from chainrule.train.checkpoint.identity import planned_as
from chainrule.train.checkpoint.resume import folder_of, recorded_cores, reporting_to, with_folder
from chainrule.train.interrupt import listening
from chainrule.train.loop import train
from chainrule.train.model_state import GIVEN, SAMPLED, ModelState
from chainrule.train.monitor.probe import Prober
from chainrule.train.monitor.progress import progress
from chainrule.train.options import FitOptions
from chainrule.train.prepare import TrainingData, callbacks_of, prepare
from chainrule.train.training_run import TrainingRun

Keep = Callable[[ModelState], None]


def fit(
    model: ModelState, data: TrainingData, options: FitOptions, keep: Keep = lambda state: None
) -> ModelState:
    """Train a model; see ``chainrule.Model.fit``.

    Args:
        model: where the training begins.
        data: the rows.
        options: everything else.
        keep: is called with the state in which the training leaves the model, whatever ends it: also where a
            value is not finite or Ctrl-C is pressed twice. A call that is refused does not call it.

    Returns:
        the state that was kept.
    """
    reason = "failed"
    with started(model, data, options) as run:
        try:
            reason = train(run)
        finally:
            if run.augmentation is not None:
                run.augmentation.close()
            trained = run.result(reason)
            keep(trained)
        _notify_interrupted(run, reason)
    return trained


@contextmanager
def started(model: ModelState, data: TrainingData, options: FitOptions) -> Iterator[TrainingRun]:
    """A training that is ready for its first update: checked, with folder, checkpoint and listeners."""
    run = prepare(model, data, options)
    folder, claim = folder_of(options.run)
    with claim, reporting_to(folder), listening(), progress(options.verbose) as listeners:
        run.channel.listeners.extend(listeners)
        latest = folder.latest() if folder is not None and options.resume else None
        with planned_as(recorded_cores(latest)):
            run.model = replace(
                run.model, start=GIVEN if run.model.is_given or options.warm_start else SAMPLED
            )
            if options.probes:
                batch = min(run.order.batch_size, run.data.rows)
                run.prober = Prober(run.network, run.step, batch)
            if folder is not None:
                with_folder(folder, run, latest)
            _start_callbacks(run)
            yield run


def _start_callbacks(run: TrainingRun) -> None:
    """Start the listeners of callbacks, each at its place among the functions that listen already."""
    _, listeners = callbacks_of(run.options.callbacks)
    functions, view = [each for each in listeners if not isinstance(each, Callback)], TrainingView(run)
    run.channel.listeners[: len(functions)] = [
        each.start(view) if isinstance(each, Callback) else each for each in listeners
    ]


def _notify_interrupted(run: TrainingRun, reason: str) -> None:
    """Say where an interrupted training is saved and how it goes on."""
    folder = run.options.run
    if reason == "interrupted" and folder is not None and not isinstance(folder, store.RunFolder):
        run.channel.send(
            Notice(
                f"interrupted after step {run.state.step}; saved in {folder}: the same call and resume=True "
                f"go on",
                f"在第 {run.state.step} 步被中断，已保存在 {folder}：加上 resume=True 再次调用即可继续",
            )
        )

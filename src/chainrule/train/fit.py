"""``fit``: from the arguments of ``Model.fit`` to the trained model.

All arguments are checked before anything is computed. ``fit`` takes a ``ModelState`` and returns another one,
so a call that raises an error changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from chainrule import store
from chainrule.engines.dispatch import require_same_options
from chainrule.events import Channel, Notice
from chainrule.messages import fact
from chainrule.train.callback.callback import Callback
from chainrule.train.callback.training_view import TrainingView
from chainrule.train.checkpoint.resume import attach_folder, run_folder
from chainrule.train.fit_options import FitOptions
from chainrule.train.fit_preparation import TrainingData, prepare
from chainrule.train.interrupt import handle_signals
from chainrule.train.model_state import ModelState
from chainrule.train.monitor.progress import progress, report_data_notices
from chainrule.train.training_loop import train_epochs

OnResult = Callable[[ModelState], None]
OF_PROCESSES = ("epochs", "batch_size", "seed", "steps_per_epoch", "shuffle", "buckets", "warm_start")
"""Options that must be equal in all processes of a training, which are compared before anything else."""


def fit(
    model: ModelState, data: TrainingData, options: FitOptions, on_result: OnResult = lambda state: None
) -> ModelState:
    """Train a model; see ``chainrule.Model.fit``.

    Args:
        options: all other arguments of ``Model.fit``.
        on_result: called with the trained model, however the training ends: also where an error for a
            non-finite value or a ``KeyboardInterrupt`` is raised. It is not called where the arguments are
            refused.
    """
    require_same_options(
        lambda: [(fact("the option {name}", name=name), getattr(options, name)) for name in OF_PROCESSES],
        model.engine,
    )
    run, reason = prepare(model.in_float(), data, options), "failed"
    with (
        run_folder(options) as (folder, checkpoint),
        handle_signals() as run.interrupt,
        progress(options.verbose) as bars,
        closing(run),
    ):
        early = Channel([*(entry for entry in run.listeners if not isinstance(entry, Callback)), *bars])
        run.prints_notices = bool(early.listeners)
        report_data_notices(run.data_notices, early if bars else None)
        if folder is not None:
            attach_folder(folder, run, checkpoint, early)
        view = TrainingView(run)
        started = [entry.start(view) if isinstance(entry, Callback) else entry for entry in run.listeners]
        run.channel = Channel([*started, *bars])
        try:
            reason = train_epochs(run)
        finally:
            trained = run.result(reason)
            on_result(trained)
        is_own_folder = options.run is not None and not isinstance(options.run, store.RunFolder)
        if reason == "interrupted" and is_own_folder:
            run.channel.send(_saved_in(options.run, run.state.step))
    return trained


def _saved_in(folder: object, step: int) -> Notice:
    """Return where an interrupted training is saved, and how to resume it."""
    return Notice(
        fact(
            "interrupted after step {step}; saved in {folder}: call fit again with resume=True to continue",
            step=step,
            folder=folder,
        )
    )

"""Callbacks: what is done besides training while a network trains.

In: the events of a training, and the training itself to look into. Out: files, and the wish to stop. A
callback never changes a number of the training: with it or without it, the same bits.

    Callback               callback.py         the base class of callbacks
    TrainingView           training_view.py    a training in progress, to be read
    Checkpoint             checkpoint.py    model files, of every few epochs or of the best
    CSVLog, JSONLog        log.py           the history as CSV; everything that happens, as JSON lines
    Histograms             histograms.py    distributions of weights, activations, gradients, to be drawn
    TensorBoard            tensorboard.py   curves and histograms
                           event_file.py    the form of TensorBoard's files
    TimeLimit              limit.py         a training that ends in time
    CALLBACKS              table.py         all by name

What other libraries do by callbacks is elsewhere here where it changes numbers: means of weights are
optimizers (``cr.EMA``, ``cr.SWA``), learning rates that fall are schedules (``cr.ReduceOnPlateau``), rules
that stop keep counters in the training's state (``cr.EarlyStopping``), and a number that is not finite always
stops a training.
"""

from __future__ import annotations

from typing import Any

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "checkpoint": "Checkpoint",
        "callback": "Callback last_step_only every_step",
        "histograms": "Histograms Recorded recorded",
        "time_limit": "TimeLimit",
        "logs": "CSVLog JSONLog",
        "registry": "CALLBACKS",
        "tensorboard": "TensorBoard",
        "training_view": "TrainingView",
    },
)


def __getattr__(name: str) -> Any:
    return _LAZY.load(name)


def __dir__() -> list[str]:
    return _LAZY.names

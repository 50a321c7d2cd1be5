"""Callbacks: functions and objects that receive the events of a training.

Input: events, and a read-only view of the training. Output: files, and requests to stop. A callback does not
change the values of a training.

    Callback               callback.py         the base class
    TrainingView           training_view.py    a training in progress, read-only
    Checkpoint             checkpoint.py       model files, every n epochs or of the best epoch
    CSVLog, JSONLog        logs.py             the history as CSV; all events as JSON lines
                           append_only_file.py  files that are appended to during a training
    Histograms             histograms.py       distributions of weights, activations and gradients
    TensorBoard            tensorboard.py      curves and histograms; the file format
    MLflow, WandB          mlflow_run.py, wandb_run.py  runs of MLflow and of Weights & Biases
                           tracker.py         what they share: delivery in a thread
    TimeLimit              time_limit.py       a limit on the duration
    EarlyStopping          early_stopping.py   rules that stop a training, with counters in its state
    CALLBACKS              registry.py         all callbacks by name

Where other libraries change values by callbacks, chainrule has other classes: averages of weights are
optimizers (``cr.EMA``, ``cr.SWA``), decreasing learning rates are schedules (``cr.ReduceOnPlateau``), and
stopping rules have counters in the state of the training (``cr.EarlyStopping``). A non-finite value always
stops a training.
"""

from __future__ import annotations

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "checkpoint": "Checkpoint",
        "callback": "Callback last_step_only every_step",
        "histograms": "Histograms RecordedHistograms read_histograms",
        "time_limit": "TimeLimit",
        "logs": "CSVLog JSONLog",
        "mlflow_run": "MLflow",
        "wandb_run": "WandB",
        "registry": "CALLBACKS",
        "tensorboard": "TensorBoard",
        "training_view": "TrainingView",
    },
)
__getattr__, __dir__ = _LAZY.hooks

"""Training: from a network, a loss, an optimizer and data to a trained state and its predictions.

Input: layers, arrays or a table, options. Output: a ``ModelState`` that predicts, is evaluated, saved and
loaded; a history; events; checkpoints from which a training resumes with the same bits. This package does not
compute values itself: a step is a graph, and an engine runs it.

    model_state.py      ``ModelState``, an immutable value;  state_holder.py  the base class of ``Model``
    fit.py              ``fit``;  options.py, prepare.py  its arguments, checked
    network.py          the graphs of a model;  objective.py  the loss with penalties;  step.py  one update
    training_run.py     a training in progress;  state.py  its state, which a checkpoint stores
    loop.py             epochs, batches, events, checkpoints
    update.py           the update core: arrays to the compiled step, finite results back, for every training
    trainer.py          one update at a time;  parameters.py  arrays that several trainers update
    batch_training.py   ``fit`` on batches of an iterable
    interrupt.py        signals that end a training after its step
    loading.py          initialize, load and freeze parameters;  initialization.py  sampling of initial values
    inputs/             checked arrays, tables, encoded targets, sample weights, augmentation, trimming
    evaluation/         predictions, losses, metrics, baselines
    checkpoint/         model files, resume, replay, the identity of a training
    monitor/            probes, memory, progress, profiles, the learning-rate finder, parity of engines
    callback/           callbacks and early stopping
    nonfinite/          the origin of NaN and infinity
"""

from __future__ import annotations

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "monitor.parity": "parity",
        "monitor.notebook_progress": "show_notebook_progress",
        "monitor.progress_bar": "show_progress_bar",
        "nonfinite": "NonfiniteReport read_nonfinite_report trace_nonfinite",
        "monitor.lr_finder": "LearningRateSweep find_learning_rate",
        "loading": "freeze",
        "monitor.profile": "measure_step plan_step",
        "batch_training": "prepare_batches",
        "trainer": "Batch Trainer partial_fit",
    },
)
__getattr__, __dir__ = _LAZY.hooks

"""Training: from a network, a loss, an optimizer and data to a trained state and its predictions.

Input: layers, arrays or a table, options. Output: a ``ModelState`` that predicts, is evaluated, saved and
loaded; a history; events; checkpoints from which a training resumes with the same bits. This package does not
compute values itself: a step is a graph, and an engine runs it.

    model_base.py                the base class of ``Model``;  model_state.py  ``ModelState``, a value
    fit.py                       ``fit``;  fit_options.py, fit_preparation.py  its arguments, checked
    fit_on_data_loader.py        ``fit`` on batches;  fit_on_stream.py  on rows larger than memory
    partial_fit_state.py         what ``partial_fit`` keeps
    network.py                   graphs and initial values of a model;  objective.py  the loss with penalties
    step_graph.py                one update as a graph;  step_execution.py  its execution
    training_run.py              a training in progress;  train_state.py  its state, as checkpoints store it
    training_loop.py             epochs, batches, events, checkpoints;  interrupt.py  signals that end it
    trainer.py                   one update at a time;  shared_parameters.py  arrays of several trainers
    parameter_loading.py         set, load and freeze parameters
    default_table_ensemble.py    the default network for a table: an ensemble over folds
    inputs/                      checked arrays, tables, encoded targets, weights of samples and classes
    evaluation/                  predictions, losses, metrics, baselines
    checkpoint/                  model files, resume, replay, the identity of a training
    monitor/                     probes, memory, progress, profiles, learning-rate finder, parity
    callback/                    callbacks and early stopping
    nonfinite/                   the origin of NaN and infinity
    private/                     differentially private training;  robust/  adversarial and interval training
"""

from __future__ import annotations

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "monitor.parity": "parity",
        "monitor.progress_bar": "show_notebook_progress show_progress_bar",
        "nonfinite": "NonfiniteReport read_nonfinite_report trace_nonfinite",
        "monitor.lr_finder": "LearningRateSweep find_learning_rate",
        "parameter_loading": "freeze",
        "monitor.profile": "measure_step plan_step",
        "fit_on_data_loader": "prepare_batches",
        "trainer": "Batch Trainer partial_fit",
    },
)
__getattr__, __dir__ = _LAZY.hooks

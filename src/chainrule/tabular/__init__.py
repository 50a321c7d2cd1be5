"""Training on a table: what ``chainrule train`` does, as functions.

Input: a file or a frame, and the options of a training. Output: a trained model with its scores beside those
of baselines, its threshold and prediction intervals, and the files of a run folder.

    options.py           the options of a training, validated
    training_plan.py     what a training does with the rows: one network, or an ensemble over folds
    training.py          prepare, fit, evaluate, save;  train_table.py  all of it as a call
    private_training.py  the same with differential privacy
    evaluation.py        scores on rows that did not train the models;  baselines.py, comparison.py
    threshold.py         the threshold of two classes;  intervals_after_training.py
    run_folder.py        paths and files of a run folder;  recorded_training.py  the training that one records
    recorded_audit.py    what the model of a run folder reveals about the rows of its training
    report/              ``report.html`` and the model card
    training_status.py   what they state, with display.py and texts.py
"""

from __future__ import annotations

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "baselines": "logistic",
        "predicted_columns": "prediction_columns",
        "threshold": "Cost threshold_of with_threshold",
        "training": "TableRun",
    },
)
__getattr__, __dir__ = _LAZY.hooks

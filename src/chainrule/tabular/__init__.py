"""Training on a table: what ``chainrule train`` does, as functions.

Input: a file or a frame, and the options of a training. Output: a trained model with its scores beside those
of baselines, its threshold and prediction intervals, and the files of a run folder.

    options.py      the options of a training, validated
    plan.py         what a training does with the rows: one network on a split, or an ensemble over folds
    training.py     prepare, fit, evaluate, save
    private.py      the same with differential privacy
    evaluation.py   scores of models on rows that did not train them;  baselines.py, comparison.py
    threshold.py    the threshold of two classes;  intervals.py  prediction intervals
    run_folder.py   paths and files of a run folder;  recorded.py  the training that one records
    report/         ``report.html`` and the model card;  status.py, display.py, texts.py  what they state
"""

from __future__ import annotations

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {"baselines": "logistic", "threshold": "Cost threshold_of with_threshold", "training": "TableRun"},
)
__getattr__, __dir__ = _LAZY.hooks

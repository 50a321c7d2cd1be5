"""Run a training from its options to its run folder: model, baselines, evaluation and files.

The files are functions of the options and the data and contain no times, paths or machine names, so a resumed
training writes exactly the same bytes as an uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from chainrule.apps.cli.row_use import SPLIT
from chainrule.apps.cli.run_paths import HISTORY, MODEL
from chainrule.apps.cli.training_plan import TrainingPlan
from chainrule.apps.cli.training_status import KINDS
from chainrule.data import Division, Table
from chainrule.data.tables.prepared_data import PreparedRows
from chainrule.escaping import csv_text
from chainrule.events import Event, Notice, TrainingEnded, TrainingStarted
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.store import RunFolder
from chainrule.tabular.baselines import TreeColumns, baselines, is_affordable, prepare_boosting
from chainrule.tabular.comparison import Scores
from chainrule.train.callback import Histograms
from chainrule.train.checkpoint.model_file import save as save_model
from chainrule.train.evaluation.metric import (
    Predictions,
    default_metrics,
    resolve_metrics,
)

GROUP = "group"  # fact of a model: the column whose groups divided the rows
RESULT_METRICS = {  # printed by default
    "classification": ("accuracy", "balanced_accuracy", "f1", "roc_auc", "log_loss"),
    "regression": ("r2", "rmse", "mae"),
}


@frozen
class Result:
    """The metrics of a model or baseline on the test rows."""

    name: str
    values: dict[str, float]


@dataclass
class EventRecorder:
    """Records the end and the notices of a training.

    Args:
        on_start: called when the training starts or resumes, after all checks.
    """

    end: TrainingEnded | None = None
    notices: list[Notice] = field(default_factory=list)
    on_start: Callable[[], None] = lambda: None

    def __call__(self, event: Event) -> None:
        if isinstance(event, TrainingStarted):
            self.on_start()
        elif isinstance(event, TrainingEnded):
            self.end = event
        elif isinstance(event, Notice):
            self.notices.append(event)

    @property
    def was_interrupted(self) -> bool:
        """Whether the training was interrupted by the user."""
        return self.end is not None and self.end.reason == "interrupted"


def fit_model(
    model: Model,
    plan: TrainingPlan,
    folder: RunFolder,
    resume: bool,
    on_start: Callable[[], None] = lambda: None,
) -> EventRecorder:
    """Train a model, or resume its training, with checkpoints in the folder.

    Args:
        on_start: called when the training starts or resumes, after all checks.

    Raises:
        TrainingError E501: the loss is not finite.
        FileError E505: the training to resume used other data.
    """
    recorder = EventRecorder(on_start=on_start)
    counts = [Histograms(every=plan.options.histograms)] if plan.options.histograms else []
    named = plan.fit_options()
    named["callbacks"] = [*named["callbacks"], recorder, *counts]
    training = plan.prepared.training
    rows, columns = plan.baseline_fits[0][0].flat.shape
    if is_affordable(rows, columns, len(plan.prepared.preparation.labels)):
        prepare_boosting()
    model.fit(training.x, plan.prepared.labels(training), **named, run=folder, resume=resume)
    return recorder


def evaluate_models(model: Model, plan: TrainingPlan) -> Scores:
    """The model and the baselines on the scored rows; no baseline predicts rows that it was fitted on."""
    scored, preparation = plan.scored, plan.prepared.preparation
    columns = TreeColumns.of(preparation.encodings) if len(preparation.shape) == 1 else None
    outputs: dict[str, np.ndarray] = {"net": plan.output(model, scored.x, np.arange(len(scored.y)))}
    classes = len(preparation.labels)
    for rows, predicted in plan.baseline_fits:
        weights = _weights(rows, classes, bool(plan.options.class_weight))
        for baseline in reversed(baselines(rows.flat, rows.y, classes, weights, columns)):
            output = baseline.predict(scored.flat[predicted])
            all_rows = outputs.setdefault(baseline.name, np.zeros((len(scored.y), output.shape[1])))
            all_rows[predicted] = output
    return replace(
        to_scores(model, scored.y, outputs, scored.weights),
        groups=groups_in(plan.scored_table, split_group(plan)),
    )


def groups_in(table: Table, column: object) -> np.ndarray | None:
    """The group of each row, (N,), if the table has the column that divided the rows of the training."""
    if not isinstance(column, str) or column not in table.columns:
        return None
    return table.frame[column].cast(str).to_numpy()


def split_group(plan: TrainingPlan) -> str:
    """The column whose groups divided the rows; empty if there is none."""
    division = Division.parse(plan.options.split or "random")
    return division.column if division.way == "group" else ""


def _weights(rows: PreparedRows, classes: int, is_balanced: bool) -> np.ndarray | None:
    """The weight of each row, (N,), of balanced classes where requested; ``None``: all are equal."""
    if not is_balanced:
        return rows.weights
    counts = np.bincount(rows.y, minlength=classes)
    balanced = len(rows.y) / (classes * counts[rows.y])
    return balanced if rows.weights is None else balanced * rows.weights


def to_scores(
    model: Model, y: np.ndarray, outputs: Mapping[str, np.ndarray], weights: np.ndarray | None = None
) -> Scores:
    """The scores of outputs as ``model_output`` returns them, by name; for ``y`` see ``to_predictions``."""
    predictions = {name: to_predictions(model, y, output) for name, output in outputs.items()}
    target, labels = predictions["net"].target, getattr(model.preparation, "labels", ())
    return Scores(model.task, target, {n: p.prediction for n, p in predictions.items()}, weights, labels)


def results_of(scores: Scores, names: Sequence[str]) -> list[Result]:
    """The metrics of each model."""
    return [Result(name, scores.metrics(name, names)) for name in scores.outputs]


def metric_names(kind: str, additional: Sequence[str]) -> list[str]:
    """The names of the default metrics of a task, those of the result, and additional ones.

    Raises:
        UsageError E101: no such metric for this task.
    """
    defaults = [metric.name for metric in default_metrics(kind)]
    return [
        metric.label for metric in resolve_metrics([*defaults, *RESULT_METRICS[kind], *additional], [kind])
    ]


def to_predictions(model: Model, y: np.ndarray, output: np.ndarray) -> Predictions:
    """Targets and predictions for metrics, with values in the units of the target column.

    Args:
        model: the model with its preparation.
        y: (N,) class numbers or standardized values.
        output: (N, K) probabilities, or (N, 1) standardized values.
    """
    assert model.preparation is not None
    if model.task == "classification":
        return Predictions(y, output, None, "classification")
    restore = model.preparation.restore
    return Predictions(restore(y).reshape(-1, 1), restore(output), None, "regression")


def add_facts(model: Model, plan: TrainingPlan, results: list[Result], decided: Mapping[str, Any]) -> None:
    """Add data, split, results and command of the training to the facts of the model.

    Args:
        model: the trained model.
        plan: of the training.
        results: metrics of the model and the baselines.
        decided: further facts that ``predict`` uses, such as a threshold.
    """
    options, prepared = plan.options, plan.prepared
    facts: dict[str, Any] = {
        "data": prepared.table.source,
        "fingerprint": prepared.table.fingerprint,
        "target": prepared.task.target,
        SPLIT: plan.row_use.fact,
        **({KINDS: list(plan.kinds)} if plan.kinds else {}),
        "result": {r.name: {k: v if np.isfinite(v) else None for k, v in r.values.items()} for r in results},
        "command": options.command(),
        **({"ids": list(options.id)} if options.id else {}),
        **({"weight": options.weight} if options.weight else {}),
        **({GROUP: split_group(plan)} if split_group(plan) else {}),
        **decided,
    }
    if prepared.task.is_classification:
        counts = np.bincount(prepared.training.y, minlength=len(prepared.preparation.labels))
        facts["class_counts"] = counts.tolist()
    model.adopt(replace(model.state, facts={**model.facts, **facts}))


def save(model: Model, folder: RunFolder, texts: Mapping[str, str]) -> None:
    """Write the files of a run. The last checkpoint is kept, so that the training can be resumed with more
    epochs.

    Args:
        model: the trained model.
        folder: the claimed run folder.
        texts: further files by name, the report last: it marks the training as complete.
    """
    folder.verify()
    save_model(model.state, folder.path / MODEL, within=folder.path)
    folder.write_text(HISTORY, history_text(model.history))
    for name, text in texts.items():
        folder.write_text(name, text)
    folder.delete_checkpoints(keep=1)


def history_text(history: list[dict[str, float | None]]) -> str:
    """The history as CSV with all digits of the values."""
    columns = list(dict.fromkeys(key for row in history for key in row))
    rows = (["" if row.get(key) is None else row[key] for key in columns] for row in history)
    return csv_text([columns, *rows])

"""Run a training from its options to its run folder: model, baselines, evaluation and files.

The files are functions of the options and the data and contain no times, paths or machine names, so a resumed
training writes exactly the same bytes as an uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np

from chainrule import data
from chainrule.apps.cli.options import Options
from chainrule.apps.cli.run_paths import HISTORY, MODEL
from chainrule.data import PreparedData
from chainrule.errors import DataError, UsageError, fact
from chainrule.escaping import csv_text
from chainrule.events import Event, Notice, TrainingEnded, TrainingStarted
from chainrule.model import Model
from chainrule.nn import L2, OPTIMIZERS, Flatten, Sequential, net_from_text
from chainrule.records import frozen
from chainrule.settings import EngineName
from chainrule.store import RunFolder
from chainrule.train.callback import Histograms
from chainrule.train.checkpoint.model_file import save as save_model
from chainrule.train.evaluation.baseline import baselines
from chainrule.train.evaluation.boosting import TreeColumns
from chainrule.train.evaluation.metric import (
    PRIMARY_METRIC,
    Predictions,
    default_metrics,
    resolve_metrics,
)
from chainrule.train.evaluation.scores import Scores
from chainrule.train.stopping import EarlyStopping

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


def build_model(options: Options, prepared: PreparedData) -> Model:
    """The untrained model for prepared data.

    Raises:
        DataError E354: ``--augment`` for data without images.
        UsageError E101, E102: an unknown word of ``--net`` or an invalid setting. E108: class weights for a
        regression.
    """
    if options.class_weight and not prepared.task.is_classification:
        raise UsageError(
            "E108", where="--class-weight", expected=fact("classes"), received=prepared.task.kind
        )
    if options.augment and len(prepared.preparation.shape) < 2:
        raise DataError("E354", where="--augment", expected=fact("a folder of images"), received=options.data)
    net = net_from_text(options.net, prepared.outputs)
    if len(prepared.preparation.shape) > 1:  # images: the layers of --net take flat inputs
        net = Sequential(Flatten(), *net.layers)
    optimizer_class: Any = OPTIMIZERS[options.optimizer]  # all have a learning rate
    optimizer = optimizer_class(learning_rate=options.learning_rate)
    resolve_metrics(options.metric, [prepared.task.kind])
    penalty = L2(options.penalty) if options.penalty else None
    engine = cast(EngineName | None, options.engine or None)  # an unknown engine is refused
    model = Model(net, prepared.loss, optimizer, penalty=penalty, engine=engine)
    return Model.of(replace(model.state, preparation=prepared.preparation))


def fit_model(
    model: Model,
    options: Options,
    prepared: PreparedData,
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
    counts = [Histograms(every=options.histograms)] if options.histograms else []
    named = fit_options(options, prepared)
    named["callbacks"] = [*named["callbacks"], recorder, *counts]
    training = prepared.training
    labels = prepared.labels(training)
    model.fit(training.x, labels, **named, sample_weight=training.weights, run=folder, resume=resume)
    return recorder


def fit_options(options: Options, prepared: PreparedData) -> dict[str, Any]:
    """The arguments of ``fit`` that determine the result of a training."""
    validation = prepared.validation
    weights = () if validation.weights is None else (validation.weights,)
    return {
        "epochs": options.epochs,
        "batch_size": options.batch_size,
        "validation": (validation.x, prepared.labels(validation), *weights),
        "seed": options.seed,
        "callbacks": [EarlyStopping(patience=options.patience)] if options.patience else [],
        "class_weight": options.class_weight or None,
        "metrics": (PRIMARY_METRIC[prepared.task.kind], *options.metric),  # the others only at the end
        "augmentation": data.augmentation_from_text(options.augment) if options.augment else None,
    }


def evaluate_models(model: Model, prepared: PreparedData, options: Options) -> Scores:
    """The model and the baselines on the test rows; baselines are fitted on all other rows."""
    rows = prepared.training_and_validation
    classes = len(prepared.preparation.labels)
    weights = rows.weights
    if options.class_weight:
        counts = np.bincount(rows.y, minlength=classes)
        weights = len(rows.y) / (classes * counts[rows.y]) * (1.0 if weights is None else weights)
    test, encodings = prepared.test, prepared.preparation.encodings
    columns = TreeColumns.of(encodings) if len(prepared.preparation.shape) == 1 else None
    outputs = {"net": model_output(model, test.x)}
    for baseline in reversed(baselines(rows.flat, rows.y, classes, weights, columns)):
        outputs[baseline.name] = baseline.predict(test.flat)
    return to_scores(model, test.y, outputs, test.weights)


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


def model_output(model: Model, x: np.ndarray) -> np.ndarray:
    """The output of a model: probabilities (N, K), or standardized values (N, 1)."""
    if model.task == "classification":
        return np.asarray(model.predict_proba(x))
    return np.asarray(model(x)).reshape(-1, 1)


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


def add_facts(model: Model, options: Options, prepared: PreparedData, results: list[Result]) -> None:
    """Add data, split, results and command of the training to the facts of the model."""
    facts: dict[str, Any] = {
        "data": prepared.table.source,
        "fingerprint": prepared.table.fingerprint,
        "target": prepared.task.target,
        "split": dict(zip(("training", "validation", "test"), prepared.parts.sizes, strict=True)),
        "result": {r.name: {k: v if np.isfinite(v) else None for k, v in r.values.items()} for r in results},
        "command": options.command(),
        **({"ids": list(options.id)} if options.id else {}),
        **({"weight": options.weight} if options.weight else {}),
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

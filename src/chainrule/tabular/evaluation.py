"""Scores of a model and of baselines on rows that did not train them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from chainrule.data import Preparation, Table
from chainrule.data.tables.prepared_data import PreparedRows
from chainrule.metrics import Predictions, default_metrics, resolve_metrics
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.tabular.baselines import TreeColumns, baselines
from chainrule.tabular.comparison import LearningCurve, Scores, learning_curve, row_losses
from chainrule.uncertainty.calibration_maps import Identity

RESULT_METRICS = {  # printed by default
    "classification": ("accuracy", "balanced_accuracy", "f1", "roc_auc", "log_loss"),
    "regression": ("r2", "rmse", "mae"),
}


@frozen
class Result:
    """The metrics of a model or baseline on the test rows."""

    name: str
    values: dict[str, float]


@frozen(eq=False)
class ScoredRows:
    """Rows that did not train the networks that predict them.

    Args:
        table: their cells.
        output: maps a trained model, (n, ...) inputs of some of the rows, which may be changed, and their
            positions (n,) to probabilities (n, K) or standardized values (n, 1), by networks that these rows
            did not influence.
        baseline_fits: for each fit of the baselines, the rows to fit on and the positions to predict.
        known_inputs: the number of rows with the inputs of a row that their networks are trained on.
        folds: the number of folds of a cross-validation, if they are training rows; 0: they are test rows.
    """

    rows: PreparedRows
    table: Table
    output: Callable[[Model, np.ndarray, np.ndarray], np.ndarray]
    baseline_fits: Sequence[tuple[PreparedRows, np.ndarray]]
    known_inputs: int
    folds: int = 0

    @property
    def is_cross_validated(self) -> bool:
        """Whether they are training rows."""
        return self.folds > 0

    def outputs(self, model: Model) -> np.ndarray:
        """Return the output of a trained model for all rows."""
        return self.output(model, self.rows.x, np.arange(len(self.rows.y)))


@frozen(eq=False)
class HeldOutRows:
    """Rows outside the training, possibly none, with the model's output; never test rows of a split.

    Args:
        table: their cells.
        output: (N, K) probabilities, or (N, 1) standardized values.
    """

    rows: PreparedRows
    table: Table
    output: np.ndarray

    @property
    def predictions(self) -> Predictions:
        """Targets and probabilities of a classification."""
        return Predictions(self.rows.y, self.output, self.rows.weights, "classification")


def model_output(model: Model, x: np.ndarray) -> np.ndarray:
    """Return the output of a model: probabilities (N, K), or standardized values (N, 1)."""
    if model.task == "classification":
        return np.asarray(model.predict_proba(x))
    return np.asarray(model(x)).reshape(-1, 1)


def calibrated(model: Model, output: np.ndarray) -> np.ndarray | None:
    """Return the probabilities (N, K) that ``chainrule predict`` prints; ``None``: those of the network.

    Args:
        output: (N, K) of ``model_output``.
    """
    return model.calibration.map(output) if model.calibration and is_calibrated(model) else None


def is_calibrated(model: Model) -> bool:
    """Return whether ``chainrule predict`` prints other probabilities than those of the network."""
    calibration = model.calibration
    return calibration is not None and calibration.map.name != Identity.name


def to_predictions(model: Model, y: np.ndarray, output: np.ndarray) -> Predictions:
    """Return targets and predictions for metrics, with values in the units of the target column.

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


def to_scores(
    model: Model, y: np.ndarray, outputs: Mapping[str, np.ndarray], weights: np.ndarray | None = None
) -> Scores:
    """Return the scores, by name, of outputs of ``model_output``; for ``y`` see ``to_predictions``."""
    predictions = {name: to_predictions(model, y, output) for name, output in outputs.items()}
    target, labels = predictions["net"].target, getattr(model.preparation, "labels", ())
    return Scores(model.task, target, {n: p.prediction for n, p in predictions.items()}, weights, labels)


def evaluate_models(
    model: Model, preparation: Preparation, scored: ScoredRows, is_balanced: bool = False, group: str = ""
) -> Scores:
    """Return the model and the baselines on the scored rows; no baseline predicts rows that it was fitted on.

    ``is_balanced``: classes have equal weights in the baselines; ``group``: the column that divided the rows.
    """
    rows = scored.rows
    columns = TreeColumns.of(preparation.encodings) if len(preparation.shape) == 1 else None
    outputs: dict[str, np.ndarray] = {"net": scored.outputs(model)}
    classes = len(preparation.labels)
    for fitted, predicted in scored.baseline_fits:
        weights = _weights(fitted, classes, is_balanced)
        for baseline in reversed(baselines(fitted.flat, fitted.y, classes, weights, columns)):
            output = baseline.predict(rows.flat[predicted])
            all_rows = outputs.setdefault(baseline.name, np.zeros((len(rows.y), output.shape[1])))
            all_rows[predicted] = output
    if "trivial" in outputs:  # one constant for all rows: those of the fits would rank the rows by their fold
        outputs["trivial"][:] = outputs["trivial"].mean(axis=0)
    scores = to_scores(model, rows.y, outputs, rows.weights)
    balance = _weights(rows, classes, is_balanced=True) if is_balanced else None
    return replace(scores, groups=groups_in(scored.table, group), folds=scored.folds, balance=balance)


def groups_in(table: Table, column: str) -> np.ndarray | None:
    """Return the group of each row, (N,), if the table has the column that the training was divided by."""
    if not column or column not in table.columns:
        return None
    return table.frame[column].cast(str).to_numpy()


def _weights(rows: PreparedRows, classes: int, is_balanced: bool) -> np.ndarray | None:
    """Return the weight of each row, (N,), of balanced classes where requested; ``None``: all are equal."""
    if not is_balanced:
        return rows.weights
    counts = np.bincount(rows.y, minlength=classes)
    balanced = len(rows.y) / (classes * np.maximum(counts, 1)[rows.y])
    return balanced if rows.weights is None else balanced * rows.weights


def results_of(scores: Scores, names: Sequence[str]) -> list[Result]:
    """Return the metrics of each model."""
    return [Result(name, scores.metrics(name, names)) for name in scores.outputs]


def metric_names(kind: str, additional: Sequence[str] = ()) -> list[str]:
    """Return the names of the default metrics, those of the result, and additional ones (E101)."""
    defaults = [metric.name for metric in default_metrics(kind)]
    return [
        metric.label for metric in resolve_metrics([*defaults, *RESULT_METRICS[kind], *additional], [kind])
    ]


def measure_learning_curve(
    train: Callable[[np.ndarray], Model],
    training: PreparedRows,
    scored: ScoredRows,
    scores: Scores,
    seed: int,
) -> LearningCurve:
    """Train on parts of the rows, and score each model on the rows of ``scores``, of the full training."""
    labels = training.y if scores.task == "classification" else None

    def losses_of(rows: np.ndarray) -> np.ndarray:
        model = train(rows)
        predictions = to_predictions(model, scored.rows.y, scored.outputs(model))
        return row_losses(scores.task, predictions.target, predictions.prediction)

    curve = learning_curve(losses_of, len(training.y), scores.losses["net"], labels, seed)
    return replace(curve, groups=scores.groups, weights=scores.weights, folds=scores.folds)

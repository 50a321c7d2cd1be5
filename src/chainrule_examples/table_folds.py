"""Predictions of the default network and its baselines for a table with two classes.

Every method is trained on the same rows and predicts the same rows: those of the fold that was left out, or
those that came later. The network is that of ``chainrule train``, an ensemble whose members are stopped on
folds of the training rows, so that nothing is chosen on the rows that are scored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from chainrule import Model
from chainrule.data import PreparedData, Table, folds, row_digests
from chainrule.messages import Texts
from chainrule.metrics import Predictions
from chainrule.tabular.evaluation import evaluate_models
from chainrule.tabular.options import Options
from chainrule.tabular.plan import plan_of
from chainrule_examples.score_table import Score

NAMES: Texts = {
    "trivial": "share of the training rows",
    "linear": "logistic regression",
    "boosting": "gradient boosting",
    "net": "ensemble of networks",
}
ROWS, MAX_ROWS = "test.csv", 10_000


@dataclass(frozen=True, eq=False)
class FoldPredictions:
    """Predictions of rows by models that were trained on other rows.

    Args:
        y: (N,) whether each row is positive.
        fold: (N,) the fold of each row, from 0; all 0 for rows that came later.
        outputs: by method, the probability that each row is positive, (N,).
        model: the network that was trained without the last fold.
    """

    y: np.ndarray
    fold: np.ndarray
    outputs: dict[str, np.ndarray]
    model: Model

    def predictions(self, method: str, rows: np.ndarray) -> Predictions:
        """Targets and probabilities of some rows, for metrics."""
        p = self.outputs[method][rows]
        return Predictions(
            self.y[rows].astype(np.int64), np.stack([1 - p, p], axis=1), None, "classification"
        )

    def row_files(self, table: Table) -> dict[str, str]:
        """Rows that the model was not trained on, as a file for ``predict`` and ``attribute``."""
        rows = np.flatnonzero(self.fold == self.fold.max())[:MAX_ROWS]
        return {ROWS: table.take(rows).frame.write_csv()}


def cross_predict(
    table: Table, target: str, positive: object, *, count: int = 5, seed: int = 0, epochs: int = 0
) -> FoldPredictions:
    """Predict every row of a table by models of the other folds.

    Args:
        table: the rows; those with equal inputs share a fold.
        target: a column with two classes.
        positive: the class whose probability is predicted.
        count: the number of folds.
        seed: of the folds and of the trainings.
        epochs: maximum number of epochs; 0: that of the recipe.

    Raises:
        DataError: as ``PreparedData.of``. KeyboardInterrupt: a training was interrupted.
    """
    labels = table.frame[target].cast(str).to_numpy()
    inputs = [name for name in table.columns if name != target]
    fold, models = folds(row_digests(table, inputs), count, labels=labels, seed=seed), []
    outputs = {name: np.zeros(table.rows) for name in NAMES}
    for number in range(count):
        rows = np.flatnonzero(fold == number)
        parts = table.take(np.flatnonzero(fold != number)), table.take(rows)
        model, predicted = _predict(*parts, target, positive, seed, epochs)
        models.append(model)
        for name, p in predicted.items():
            outputs[name][rows] = p
    return FoldPredictions(labels == str(positive), fold, outputs, models[-1])


def predict_later(
    train: Table, test: Table, target: str, positive: object, *, seed: int = 0, epochs: int = 0
) -> FoldPredictions:
    """Predict the rows of a table by models that were trained on earlier rows.

    Args:
        train: the earlier rows.
        test: the later rows, with the same columns.
        target, positive, seed, epochs: as for ``cross_predict``.

    Raises:
        DataError: as ``PreparedData.of``. KeyboardInterrupt: the training was interrupted.
    """
    model, outputs = _predict(train, test, target, positive, seed, epochs)
    is_positive = test.frame[target].cast(str).to_numpy() == str(positive)
    return FoldPredictions(is_positive, np.zeros(test.rows, int), outputs, model)


def _predict(
    train: Table, test: Table, target: str, positive: object, seed: int, epochs: int
) -> tuple[Model, dict[str, np.ndarray]]:
    """The network, trained, and the probability that each test row is positive, by method."""
    prepared = PreparedData.of(train, target, fractions=(1.0, 0.0, 0.0), test=test)
    options = Options(train.source, seed=seed).with_passed({"epochs": epochs} if epochs else {})
    plan = plan_of(options, prepared)
    model, training = plan.model(), prepared.training
    model.fit(training.x, prepared.labels(training), **plan.fit_options())
    if model.facts["ended"] == "interrupted":
        raise KeyboardInterrupt
    column = prepared.preparation.labels.index(positive)
    scores = evaluate_models(model, prepared.preparation, plan.scored)
    return model, {name: out[:, column] for name, out in scores.outputs.items()}


def fold_scores(
    divisions: Sequence[FoldPredictions], metrics: Mapping[str, Callable[[Predictions], float]]
) -> list[Score]:
    """The metrics of each method in each fold of each division, the network last."""
    folds_of = [
        (division, np.flatnonzero(division.fold == number))
        for division in divisions
        for number in range(int(division.fold.max()) + 1)
    ]
    return [
        Score(
            name,
            {
                key: [value(division.predictions(method, rows)) for division, rows in folds_of]
                for key, value in metrics.items()
            },
        )
        for method, name in NAMES.items()
    ]

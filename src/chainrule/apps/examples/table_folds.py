"""Cross-validation of the default network and its baselines for a table with two classes.

Every method is trained on the same rows and predicts the same rows: those of the fold that was left out. The
network is that of ``chainrule train``, an ensemble whose members are stopped on folds of the training rows,
so that nothing is chosen on the rows that are scored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from chainrule.apps.cli.options import Options
from chainrule.apps.cli.run_writer import evaluate_models
from chainrule.apps.cli.training_plan import plan_of
from chainrule.apps.examples.score_table import Score
from chainrule.data import PreparedData, Table
from chainrule.data.tables.folds import folds, row_digests
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.train.evaluation.metric import Predictions

NAMES = {
    "trivial": ("share of the training rows", "训练数据中的比例"),
    "linear": ("logistic regression", "逻辑回归"),
    "boosting": ("gradient boosting", "梯度提升"),
    "net": ("ensemble of networks", "网络集成"),
}
ROWS = "test.csv"


@frozen(eq=False)
class FoldPredictions:
    """Predictions of rows by models that were trained on the other folds.

    Args:
        y: (N,) whether each row is positive.
        fold: (N,) the fold of each row, from 0.
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
        """The rows that the model was not trained on, as a file for ``predict`` and ``attribute``."""
        rows = table.take(np.flatnonzero(self.fold == self.fold.max())).frame
        return {ROWS: rows.write_csv()}


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
        other = table.take(np.flatnonzero(fold != number))
        prepared = PreparedData.of(other, target, fractions=(1.0, 0.0, 0.0), test=table.take(rows))
        options = Options(table.source, seed=seed).with_passed({"epochs": epochs} if epochs else {})
        plan = plan_of(options, prepared)
        model = plan.model()
        training = prepared.training
        model.fit(training.x, prepared.labels(training), **plan.fit_options())
        if model.facts["ended"] == "interrupted":
            raise KeyboardInterrupt
        models.append(model)
        column = prepared.preparation.labels.index(positive)
        for name, output in evaluate_models(model, plan).outputs.items():
            outputs[name][rows] = output[:, column]
    return FoldPredictions(labels == str(positive), fold, outputs, models[-1])


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

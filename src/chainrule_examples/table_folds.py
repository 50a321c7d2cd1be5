"""Predictions of the default network and its baselines for a table with two classes; texts of the examples.

Every method is trained on the same rows and predicts the same rows: those of the fold that was left out, or
those that came later. The network is that of ``cr.train_table``, an ensemble whose members are stopped on
folds of the training rows, so that nothing is chosen on the rows that are scored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import chainrule as cr
from chainrule.data import Table, folds, row_digests
from chainrule.errors import fact
from chainrule.messages import Texts, joined_sentences
from chainrule.metrics import Predictions, SampledScore, group_scores, reliability
from chainrule.page import BLUE, ORANGE, calibration
from chainrule.robustness import unlike_notice
from chainrule.tabular import Cost
from chainrule_examples.score_table import Score

NAMES: Texts = {
    "trivial": "share of the training rows",
    "linear": "logistic regression",
    "boosting": "gradient boosting",
    "net": "ensemble of networks",
}
ROWS, MAX_ROWS = "test.csv", 10_000
TEST_RATIO = 1 / 4  # test rows per training row of five folds
OPTIONS: Texts = {
    "data": "file or folder of a copy of the data set",
    "seeds": "number of divisions into five folds",
    "epochs": "maximum number of epochs; 0: chosen by the number of rows",
    "out": "folder for the model, the scores and the page",
}
CURVE: Texts = {
    "curve": "Reliability: observed share over the predicted probability",
    "legend": (
        "Blue: the networks; orange: logistic regression; bars: two standard errors. On the dashed line, "
        "what is predicted with 30 % comes true in 30 % of the rows."
    ),
}
RISK: Texts = {
    **CURVE,
    "title": "Credit risk",
    "refuse": "A loan is refused from a probability of {level:.3f} on: then granting it costs more.",
    "groups": "Groups: what the networks predict, and whom the rule refuses",
    "header": "group,loans,bad,predicted,refused,good but refused",
    "limits": (
        "The table has only loans that a bank granted: nothing is known of those that it refused, and a "
        "network repeats its past decisions. In many countries age and marital status may not decide on "
        "a loan; leaving them out does not remove what other columns reveal about them."
    ),
}
DIAGNOSE: Texts = {
    **CURVE,
    "title": "Diagnosis of narrowed coronary arteries",
    "interval": (
        "AUC of the networks {mean:.3f}, 95 % interval of the mean {low:.3f} to {high:.3f}; the folds "
        "share training rows, which widens it."
    ),
    "abstain": "Abstention: patients with a probability near 1/2 are left to a physician",
    "abstain_header": "no prediction between,patients left,accuracy,sensitivity,specificity",
    "groups": "Groups, at a threshold of 0.5",
    "header": "group,patients,ill,predicted,predicted ill,healthy but predicted ill",
    "limits": (
        "Not for clinical use. All patients were sent to one hospital for an examination, before 1988: "
        "46 % of them are ill, far more than among patients of a general practice, so neither "
        "probabilities nor sensitivity carry over. With 303 patients the uncertainty is larger than the "
        "difference between the methods."
    ),
}
PAYMENTS: Texts = {
    "data": (
        "{train:,} earlier payments for training, {fraud:,} of them fraud; {test:,} later ones for the test"
    ),
    "title": "Fraud: card payments",
    "cases": "Cases to investigate first, of the later payments, with attributions",
    "limits": (
        "Two days of one bank in 2013: no other bank, no other fraud. The columns V1 to V28 are "
        "principal components without a meaning that could be investigated. Fraud that was not "
        "discovered counts as a regular payment."
    ),
}
FRAUD: Texts = {
    "title": "Fraud: pages that imitate others",
    "cases": "Cases to investigate first, of pages that the network was not trained on, with Shapley values",
    "header": "probability,fraud,reasons",
    "limits": (
        "The codes rate the page, not the name of the column: 1 is the value of legitimate pages, 0 that of "
        "suspicious ones. Of the pages with popup_window = 1 none is phishing, of those with 0 75 % are. "
        "Only is_popular is the other way round. "
        "The pages were collected before 2015 and 44 % of them are phishing, which is far more than in "
        "real traffic: precision is lower where fraud is rare. 71 % of the pages have a copy; equal "
        "pages share a fold, since otherwise they would be recognized instead of predicted. Fraud adapts "
        "to the detector, and tests on old cases do not show it."
    ),
}


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
    model: cr.Model

    def row_files(self, table: Table) -> dict[str, str]:
        """Rows that the model was not trained on, as a file for ``predict`` and ``attribute``."""
        rows = np.flatnonzero(self.fold == self.fold.max())[:MAX_ROWS]
        return {ROWS: table.take(rows).frame.write_csv()}

    def limits(self, table: Table, text: str, lang: str) -> str:
        """The text of a page, with the notice of ``predict`` on rows of that file unlike the training."""
        rows = np.flatnonzero(self.fold == self.fold.max())[:MAX_ROWS]
        notice = unlike_notice(self.model.state, table.take(rows))
        more = [] if notice is None else [fact("{file}: {notice}.", file=ROWS, notice=notice).render(lang)]
        return joined_sentences([text, *more], lang)


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
        DataError: as ``cr.train_table``. KeyboardInterrupt: a training was interrupted.
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
        DataError: as ``cr.train_table``. KeyboardInterrupt: the training was interrupted.
    """
    model, outputs = _predict(train, test, target, positive, seed, epochs)
    is_positive = test.frame[target].cast(str).to_numpy() == str(positive)
    return FoldPredictions(is_positive, np.zeros(test.rows, int), outputs, model)


def _predict(
    train: Table, test: Table, target: str, positive: object, seed: int, epochs: int
) -> tuple[cr.Model, dict[str, np.ndarray]]:
    """The network, trained, and the probability that each test row is positive, by method."""
    run = cr.train_table(train, target, test=test, seed=seed, epochs=epochs or None)
    column = run.model.labels.index(positive)
    return run.model, {name: p[:, column] for name, p in run.comparison.outputs.items()}


def fold_scores(
    divisions: Sequence[FoldPredictions], metrics: Mapping[str, Callable[[np.ndarray, np.ndarray], float]]
) -> list[Score]:
    """The metrics of each method in each fold of each division, or on the later rows, the network last.

    Args:
        divisions: the predictions.
        metrics: functions of (N,) whether rows are positive and (N,) their probabilities, by name.
    """
    if not divisions[0].fold.any():
        return [
            Score.on_test_set(
                name,
                (
                    {
                        key: SampledScore(of, (own.y, own.outputs[method]), own.y)
                        for key, of in metrics.items()
                    }
                    for own in divisions
                ),
            )
            for method, name in NAMES.items()
        ]
    parts = [
        (division, division.fold == number)
        for division in divisions
        for number in range(int(division.fold.max()) + 1)
    ]

    def values(method: str) -> dict[str, list[float]]:
        return {
            name: [metric(division.y[rows], division.outputs[method][rows]) for division, rows in parts]
            for name, metric in metrics.items()
        }

    return [Score(name, values(method)) for method, name in NAMES.items()]


def group_rows(
    division: FoldPredictions, groups: Mapping[str, np.ndarray], threshold: float
) -> list[list[object]]:
    """For each group: its rows, and the shares of positive, predicted, selected and wrongly selected ones."""
    scores = group_scores(division.y, division.outputs["net"], groups, threshold)
    return [[s.name, s.rows, s.observed, s.predicted, s.selected, s.false_positive_rate] for s in scores]


def calibration_chart(division: FoldPredictions) -> str:
    """The observed share over the predicted probability, of the networks and of logistic regression."""
    predicted = {
        color: Predictions.of_classes(division.y, division.outputs[name])
        for name, color in (("linear", ORANGE), ("net", BLUE))
    }
    return calibration([(reliability(own), color) for color, own in predicted.items()])


def decision(model: cr.Model, costs: Cost) -> dict[str, Any]:
    """The rule as ``predict`` applies it: the threshold and the costs of the second class."""
    if model.labels[1] == "bad":
        return {"threshold": costs.threshold, "cost": f"{costs.false_positive:g}:{costs.false_negative:g}"}
    return {"threshold": 1 - costs.threshold, "cost": f"{costs.false_negative:g}:{costs.false_positive:g}"}
